// Command gitops says what GitOps tools make of objects: kstatus as Helm 4 and Flux compute it, and the health that
// Argo CD's Lua interpreter computes with a script. It reads one object as JSON a line and prints one JSON line for each.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// Verdict is what a tool shows of an object.
type Verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	judge, err := judgeOf(os.Args[1:])
	if err == nil {
		err = judgeAll(os.Stdin, os.Stdout, judge)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gitops:", err)
		os.Exit(1)
	}
}

func judgeOf(arguments []string) (func(*unstructured.Unstructured) (Verdict, error), error) {
	switch {
	case len(arguments) == 1 && arguments[0] == "kstatus":
		return kstatus, nil
	case len(arguments) == 2 && arguments[0] == "health":
		script, err := os.ReadFile(arguments[1])
		if err != nil {
			return nil, err
		}
		return func(object *unstructured.Unstructured) (Verdict, error) { return health(object, string(script)) }, nil
	}
	return nil, errors.New("usage: gitops kstatus < objects.jsonl, or gitops health SCRIPT.lua < objects.jsonl")
}

func judgeAll(in io.Reader, out io.Writer, judge func(*unstructured.Unstructured) (Verdict, error)) error {
	lines := bufio.NewReader(in)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			object := &unstructured.Unstructured{}
			if err := object.UnmarshalJSON(line); err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
			verdict, err := judge(object)
			if err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
			if err := encoder.Encode(verdict); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func kstatus(object *unstructured.Unstructured) (Verdict, error) {
	result, err := status.Compute(object)
	if err != nil {
		return Verdict{}, err
	}
	return Verdict{Status: result.Status.String(), Message: result.Message}, nil
}
