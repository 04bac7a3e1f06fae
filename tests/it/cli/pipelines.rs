//! What people put into pipelines: rendered manifests on standard input, the JSON Schemas, the workflow and the
//! pre-commit hook of `docs/gitops`, each run as it stands there.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pollinator_testbed::binaries;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::validate::changed;
use super::{code, pollinator, text};
use crate::support::secrets::assert_none_in;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A copy of the folder that the workflow is written for.
fn fixture() -> TempDir {
    let folder = TempDir::new().unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(repository("tests/it/cli/testdata/pipeline/."))
        .arg(folder.path())
        .status();
    assert!(copied.unwrap().success());
    folder
}

fn stdout_of(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    output.stdout
}

/// `pollinator validate -f -` with these further arguments.
fn validate(input: &[u8], arguments: &[&str]) -> Output {
    let mut child = pollinator(&["validate", "-f", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_none_in("what validate printed", &text(&output));
    output
}

#[test]
fn what_helm_renders() {
    let folder = fixture();
    let values = folder.path().join("charts/polling/values-production.yaml");
    let render = |set: &[&str]| {
        let mut helm = Command::new(binaries().unwrap().helm);
        helm.arg("template").arg(folder.path().join("charts/polling"));
        stdout_of(helm.arg("--values").arg(&values).args(set))
    };
    let output = validate(&render(&[]), &[]);
    assert_eq!(
        text(&output),
        "2 instances in 1 file: 0 problems, 0 warnings\n\
         note: Secret default/release-name-concur is not among the files and counts as present in the cluster, where \
         ExternalSecret concur makes it\n\
         note: passed over: 1 ConfigMap, 1 ExternalSecret\n"
    );
    assert_eq!(code(&output), 0);

    // A value that is wrong in one of them, with what humans and programs need to find it.
    let wrong = render(&["--set", "callback=ftp://hooks.example.com"]);
    for input in [
        wrong.clone(),
        String::from_utf8(wrong)
            .unwrap()
            .replace('\n', "\r\n")
            .into_bytes(),
    ] {
        let output = validate(&input, &[]);
        assert_eq!(code(&output), 1);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        for words in [
            ": document 4, PollingInstance: default/concur: spec.configuration[\"event.notification.callback.url\"]: ",
            ": document 5, PollingInstance: default/concur-second: ",
        ] {
            assert!(printed.contains(words), "{words}: {printed}");
        }
        let findings: Vec<Value> =
            serde_json::from_slice(&validate(&input, &["--output", "json"]).stdout).unwrap();
        let of = |finding: &Value| (finding["document"].clone(), finding["kind"].clone());
        let documents: Vec<_> = findings.iter().map(of).collect();
        let expected = [4, 5].map(|number| (json!(number), json!("PollingInstance")));
        assert_eq!(documents, expected, "{findings:#?}");
    }
}

#[test]
fn what_kustomize_builds() {
    let folder = fixture();
    let mut kustomize = Command::new(binaries().unwrap().kubectl);
    let built = stdout_of(
        kustomize
            .arg("kustomize")
            .arg(folder.path().join("overlays/production")),
    );
    let output = validate(&built, &[]);
    assert_eq!(
        text(&output),
        "-:18:3: document 2, PollingInstance: finance/concur: warning: spec.configuration[\"event.poller.configuration\"]: \
         is missing; the element's default is polled, which is reports\n1 instance in 1 file: 0 problems, 1 warning\n"
    );
    assert_eq!(code(&output), 0);

    // The Secret of the stream is what counts.
    let emptied = String::from_utf8(built)
        .unwrap()
        .replace("  oauth.api.key: YXBw\n", "");
    let output = validate(emptied.as_bytes(), &[]);
    assert_eq!(code(&output), 1, "{}", text(&output));
    assert!(text(&output).contains("oauth.api.key"), "{}", text(&output));
}

/// Streams as programs print them.
#[test]
fn streams_of_every_shape() {
    let instance = changed("      name: concur\n", "      name: creds\n");
    let indented = instance.replace('\n', "\n  ");
    let anchored = changed(
        "  configuration:\n",
        "  tags: &tags [a]\n  delivery: {}\n  configuration:\n    tags: *tags\n",
    );
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n";
    let list = |kind: &str| {
        format!(
            "apiVersion: v1\nkind: {kind}\nitems:\n- {indented}\n- {}\n",
            service.replace('\n', "\n  ")
        )
    };
    let note = "note: Secret default/creds is not among the files and counts as present in the cluster\n";
    let passed = "note: passed over: 1 Service\n";
    let good = "1 instance in 1 file: 0 problems, 0 warnings\n";
    for (input, expected, status) in [
        (format!("---\n# nothing\n---\n\n---\n{instance}...\n---\n{service}"), format!("{good}{note}{passed}"), 0),
        (format!("--- # a comment\n{instance}--- \n"), format!("{good}{note}"), 0),
        (format!("%YAML 1.2\n---\n{instance}"), format!("{good}{note}"), 0),
        (list("List"), format!("{good}{note}{passed}"), 0),
        (list("PollingInstanceList").replace("v1\nkind: PollingInstanceList", "pollinator.dev/v1alpha1\nkind: PollingInstanceList"), format!("{good}{note}{passed}"), 0),
        (service.to_owned(), format!("-: no PollingInstance in it; name a manifest with -f\n0 instances in 1 file: 1 problem, 0 warnings\n{passed}"), 1),
        (String::new(), "-: no PollingInstance in it; name a manifest with -f\n0 instances in 1 file: 1 problem, 0 warnings\n".to_owned(), 1),
    ] {
        for input in [input.clone(), input.replace('\n', "\r\n")] {
            let output = validate(input.as_bytes(), &[]);
            assert_eq!((text(&output), code(&output)), (expected.clone(), status), "{input}");
        }
    }
    let output = validate(anchored.as_bytes(), &[]);
    assert_eq!(code(&output), 0, "{}", text(&output));
    let usage = pollinator(&["validate", "-f"]).output().unwrap();
    assert_eq!(code(&usage), 2);
}

/// kubeconform with the schemas of `docs/schemas`, where `location` is below the repository.
fn kubeconform(folder: &Path, files: &[&str]) -> Output {
    let location = repository("docs/schemas/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json");
    Command::new(binaries().unwrap().kubeconform)
        .args(["-strict", "-summary", "-skip", "Secret", "-schema-location"])
        .arg(location)
        .args(files)
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn schemas_take_what_is_right_and_nothing_else() {
    let examples = kubeconform(
        &repository(""),
        &["examples/concur", "examples/hub", "examples/sandbox"],
    );
    assert!(examples.status.success(), "{}", text(&examples));
    assert!(
        text(&examples).contains("Valid: 3, Invalid: 0, Errors: 0"),
        "{}",
        text(&examples)
    );

    let folder = TempDir::new().unwrap();
    let spec = "spec:\n  element:\n    key: concur\n";
    for (from, to, words) in [
        ("kind: PollingInstance", "kind: PollingInstance", None),
        (
            "  element:\n",
            "  polling: {interval: 5m, initialSync: {policy: Backfill}}\n  element:\n",
            None,
        ),
        (
            "    event.poller.configuration:",
            "    event.poller.refresh_interval: 15\n    my.own.key: [1]\n    event.poller.configuration:",
            None,
        ),
        ("  element:\n", "  pollling: {}\n  element:\n", Some("pollling")),
        (
            "  element:\n",
            "  polling: {initialSync: {policy: backfill}}\n  element:\n",
            Some("policy"),
        ),
        ("    key: concur\n", "    key: 5\n", Some("string")),
        ("      name: concur\n", "      nam: concur\n", Some("nam")),
        (spec, "spec:\n", Some("spec")),
        ("metadata:\n  name: concur\n", "", Some("metadata")),
        (
            "  element:\n",
            "  suspend: \"yes\"\n  element:\n",
            Some("boolean"),
        ),
        (
            "kind: PollingInstance",
            "kind: PollingInstance\nspecs: {}",
            Some("specs"),
        ),
    ] {
        let manifest = changed(from, to);
        std::fs::write(folder.path().join("a.yaml"), &manifest).unwrap();
        let output = kubeconform(folder.path(), &["a.yaml"]);
        assert_eq!(
            output.status.success(),
            words.is_none(),
            "{to}: {}",
            text(&output)
        );
        assert!(
            text(&output).contains(words.unwrap_or_default()),
            "{to}: {}",
            text(&output)
        );
    }
}

/// The workflow's own lines, with the shell that it names; only what would fetch and build Pollinator is left out.
#[test]
fn the_workflow_runs_as_it_stands_in_the_documentation() {
    let workflow = std::fs::read_to_string(repository("docs/gitops/github-actions.yaml")).unwrap();
    let workflow: Value = serde_saphyr::from_str(&workflow).unwrap();
    assert_eq!(workflow["defaults"]["run"]["shell"], "bash");
    let steps = workflow["jobs"]["validate"]["steps"].as_array().unwrap();
    let folder = fixture();
    let programs = folder.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    let found = binaries().unwrap();
    for (name, path) in [
        ("pollinator", Path::new(env!("CARGO_BIN_EXE_pollinator"))),
        ("helm", &found.helm),
        ("kubectl", &found.kubectl),
    ] {
        std::os::unix::fs::symlink(path, programs.join(name)).unwrap();
    }
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let has_jq = Command::new("jq").arg("--version").output().is_ok();
    let run = |name: &str| {
        let step = steps.iter().find(|step| step["name"] == name);
        let lines = step
            .and_then(|step| step["run"].as_str())
            .unwrap_or_else(|| panic!("no step {name}"));
        // As GitHub runs `shell: bash`.
        Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", lines])
            .env("PATH", &path)
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let checks: Vec<&str> = steps
        .iter()
        .filter(|step| step.get("run").is_some())
        .filter_map(|step| step["name"].as_str())
        .collect();
    assert_eq!(checks.len(), 5, "{checks:?}");
    for name in &checks {
        if name.starts_with("Annotate") && !has_jq {
            eprintln!("skipped: {name}, since there is no jq");
            continue;
        }
        let output = run(name);
        assert!(output.status.success(), "{name}: {}", text(&output));
    }

    // Each check fails where what it looks at is wrong, and one whose program fails does not pass.
    let break_file = |file: &str, from: &str, to: &str| {
        let file = folder.path().join(file);
        let content = std::fs::read_to_string(&file).unwrap();
        assert!(content.contains(from), "{content}");
        std::fs::write(file, content.replace(from, to)).unwrap();
    };
    break_file("manifests/pollinginstance.yaml", "https://", "ftp://");
    break_file(
        "charts/polling/templates/instances.yaml",
        "key: concur",
        "key: concurr",
    );
    break_file(
        "overlays/base/instance.yaml",
        "https://hooks.example.com/base",
        "5",
    );
    break_file(
        "overlays/production/kustomization.yaml",
        "value: https://hooks.example.com/production",
        "value: ftp://x",
    );
    for name in checks.iter().filter(|name| name.starts_with("Validate")) {
        let output = run(name);
        assert_eq!(code(&output), 1, "{name}: {}", text(&output));
    }
    if has_jq {
        let annotated = text(&run("Annotate what is wrong in plain manifests"));
        let expected = "::error file=manifests/pollinginstance.yaml,line=9,title=finance/plain::spec.configuration[\"event.notification.callback.url\"] ";
        assert!(annotated.contains(expected), "{annotated}");
    }
    break_file("charts/polling/templates/instances.yaml", "{{- end }}", "{{- end");
    assert_ne!(code(&run("Validate what Helm renders")), 0);
}

/// The hook of this repository, run by pre-commit where that is installed, else by its entry.
#[test]
fn the_pre_commit_hook_refuses_what_validate_refuses() {
    let hooks = std::fs::read_to_string(repository(".pre-commit-hooks.yaml")).unwrap();
    let hooks: Value = serde_saphyr::from_str(&hooks).unwrap();
    let hook = &hooks[1];
    assert_eq!(hook["id"], "pollinator-validate-system");
    for other in ["entry", "files", "require_serial"] {
        assert_eq!(hooks[0][other], hook[other], "both hooks do the same");
    }
    let folder = fixture();
    let path = format!(
        "{}:{}",
        Path::new(env!("CARGO_BIN_EXE_pollinator"))
            .parent()
            .unwrap()
            .display(),
        std::env::var("PATH").unwrap()
    );
    let pre_commit = std::env::var_os("PRE_COMMIT").unwrap_or("pre-commit".into());
    let by_pre_commit = Command::new(&pre_commit)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !by_pre_commit {
        eprintln!("pre-commit is not installed: the hook's entry is run without it");
    }
    let shell = |lines: &str| {
        Command::new("bash")
            .args(["-ec", lines])
            .env("PATH", &path)
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let mut local = hook.clone();
    local.as_object_mut().unwrap().shift_remove("description");
    let config = json!({"repos": [{"repo": "local", "hooks": [local]}]});
    std::fs::write(folder.path().join(".pre-commit-config.yaml"), config.to_string()).unwrap();
    let prepared = shell("git init -q . && git add -A");
    assert!(prepared.status.success(), "{}", text(&prepared));
    let run = || {
        if by_pre_commit {
            shell(&format!("{} run --all-files", pre_commit.display()))
        } else {
            shell(&format!(
                "{} manifests/pollinginstance.yaml",
                hook["entry"].as_str().unwrap()
            ))
        }
    };
    let output = run();
    assert!(output.status.success(), "{}", text(&output));
    assert!(!text(&output).contains("no files to check"), "{}", text(&output));
    let file = folder.path().join("manifests/pollinginstance.yaml");
    let content = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, content.replace("key: concur}", "key: concurr}")).unwrap();
    let output = run();
    assert_eq!(code(&output), 1, "{}", text(&output));
    assert!(
        text(&output).contains("manifests/pollinginstance.yaml:5:13: finance/plain: spec.element.key: "),
        "{}",
        text(&output)
    );
}
