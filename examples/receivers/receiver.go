// A receiver of notifications. Run: SIGNATURE_KEY=secret go run receiver.go
package main

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
)

func main() {
	key := []byte(os.Getenv("SIGNATURE_KEY"))
	if len(key) == 0 {
		log.Fatal("set SIGNATURE_KEY to event.notification.signature.key")
	}
	var seen sync.Map // keep it where your data is, so that it outlives the process
	receive := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // the raw bytes: parsed and printed again they would not match
		mac := hmac.New(sha256.New, key)
		mac.Write(body)
		signature := "sha256=" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if err != nil || !hmac.Equal([]byte(signature), []byte(r.Header.Get("Elements-Webhook-Signature"))) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var notification struct {
			Message struct {
				Events []struct{ EventType, ObjectType, ObjectId string }
			}
		}
		if err := json.Unmarshal(body, &notification); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for i, id := range strings.Split(r.Header.Get("Pollinator-Event-Ids"), ",") {
			if _, repeat := seen.LoadOrStore(id, true); !repeat {
				event := notification.Message.Events[i]
				fmt.Println(id, event.EventType, event.ObjectType, event.ObjectId)
			}
		}
		w.WriteHeader(http.StatusNoContent)
	}
	listener, err := net.Listen("tcp", ":"+cmp.Or(os.Getenv("PORT"), "8080"))
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on %d", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, http.HandlerFunc(receive)))
}
