//! `pollinator validate`: every problem of every document, each at its place.

use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Desk, code, pollinator, run, text};
use crate::support::secrets::assert_none_in;

const INSTANCE: &str = r#"apiVersion: pollinator.dev/v1alpha1
kind: PollingInstance
metadata:
  name: concur
spec:
  element:
    key: concur
  configurationFrom:
  - secretRef:
      name: concur
  configuration:
    event.notification.callback.url: https://receiver.example.com/x
    event.poller.configuration:
      reports:
        url: "/hubs/expense/reports?where=modifiedDateAfter='${date:yyyy-MM-dd'T'HH:mm:ss.SSS}'"
        idField: ID
        datesConfiguration:
          updatedDateField: LastModifiedDate
          updatedDateFormat: "yyyy-MM-dd'T'HH:mm:ss.SSS"
"#;

/// Runs validate in a folder with these files; an empty list of arguments stands for all files in their order.
pub(super) fn validate(files: &[(&str, &[u8])], arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    let mut command = pollinator(&["validate"]);
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
        command.args(["-f", name]);
    }
    let output = command
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_none_in("what validate printed", &text(&output));
    output
}

/// The exit code and the findings, each as `file:line:column path: message`; warnings are marked.
fn found(files: &[(&str, &[u8])]) -> (i32, Vec<String>) {
    let output = validate(files, &["--output", "json"]);
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", text(&output));
    });
    let line = |finding: &Value| {
        let word = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let warning = if finding["severity"] == "warning" {
            "warning "
        } else {
            ""
        };
        let place = format!("{}:{}:{}", word("file"), finding["line"], finding["column"]);
        format!("{warning}{place} {}: {}", word("path"), word("message"))
    };
    (code(&output), findings.iter().map(line).collect())
}

/// What replaces what in [`INSTANCE`].
pub(super) fn changed(from: &str, to: &str) -> String {
    assert!(INSTANCE.contains(from), "{from}");
    INSTANCE.replace(from, to)
}

#[test]
fn each_problem_stands_at_its_line_and_column() {
    let table: &[(&str, &str, &[&str])] = &[
        // Shape.
        (
            "spec:\n  element:\n    key: concur\n",
            "spec:\n",
            &["a.yaml:5:1 spec.element: is missing"],
        ),
        (
            "    key: concur\n",
            "    key: 5\n",
            &["a.yaml:7:5 spec.element.key: is a number, where text is expected"],
        ),
        (
            "  configuration:\n",
            "  polling:\n    failureThreshold: \"x\"\n  configuration:\n",
            &["a.yaml:12:5 spec.polling.failureThreshold: is text, where a whole number is expected"],
        ),
        (
            "  configuration:\n",
            "  pollling: {}\n  configuration:\n",
            &["a.yaml:11:3 spec.pollling: is no known field"],
        ),
        (
            "  configuration:\n",
            "  delivery: {retry: x}\n  configuration:\n",
            &["a.yaml:11:14 spec.delivery.retry: is no known field"],
        ),
        (
            "  configuration:\n",
            "  delivery:\n    retrySchedule: [8s, 500ms, soon]\n  configuration:\n",
            &[
                "a.yaml:12:25 spec.delivery.retrySchedule[1]: \"500ms\" is too short",
                "a.yaml:12:32 spec.delivery.retrySchedule[2]: \"soon\" is no duration such as 30s, 5m, 1.5h or 1h30m",
            ],
        ),
        (
            "  configuration:\n",
            "  delivery: {onPermanentFailure: DeadLetter}\n  configuration:\n",
            &["a.yaml:11:3 spec.delivery.deadLetterSink: is missing beside onPermanentFailure: DeadLetter"],
        ),
        (
            "  configuration:\n",
            "  polling:\n    initialSync:\n      policy: fromnow\n  configuration:\n",
            &["a.yaml:13:7 spec.polling.initialSync.policy: is none of the allowed values"],
        ),
        (
            "      name: concur\n",
            "      nam: concur\n",
            &[
                "a.yaml:9:5 spec.configurationFrom[0].secretRef.name: is missing",
                "a.yaml:10:7 spec.configurationFrom[0].secretRef.nam: is no known field",
            ],
        ),
        (
            "metadata:\n  name: concur\n",
            "",
            &["a.yaml:1:1 metadata.name: is missing"],
        ),
        (
            "  name: concur\nspec",
            "  name: Concur_1\nspec",
            &["a.yaml:4:3 metadata.name: is no name for a Kubernetes object"],
        ),
        (
            "v1alpha1",
            "v2",
            &["a.yaml:1:1 apiVersion: is no version of this kind that is known"],
        ),
        (
            "kind: PollingInstance",
            "kind: PollingInstanz",
            &["a.yaml:2:1 kind: is no kind of pollinator.dev"],
        ),
        // Keys and values.
        (
            "idField: ID",
            "idField: []",
            &[r#"a.yaml:16:9 spec.configuration["event.poller.configuration"].reports.idField: "#],
        ),
        (
            "      reports:\n",
            "      other: {}\n      reports:\n",
            &[r#"a.yaml:14:7 spec.configuration["event.poller.configuration"].other: is empty"#],
        ),
        (
            "        idField: ID\n",
            "        idField: ID\n        idField: Id\n",
            &[
                "a.yaml:17:9 spec.configuration[\"event.poller.configuration\"].reports.idField: stands twice, on line 16 and \
             again on line 17",
            ],
        ),
        (
            "    event.notification.callback.url: https://receiver.example.com/x\n",
            "",
            &[r#"a.yaml:11:3 spec.configuration["event.notification.callback.url"]: "#],
        ),
        (
            "  configuration:\n",
            "  configuration:\n    event.notification.calback.url: https://x.example\n",
            &[r#"warning a.yaml:12:5 spec.configuration["event.notification.calback.url"]: "#],
        ),
        (
            "    key: concur\n",
            "    key: concurr\n",
            &["a.yaml:7:5 spec.element.key: "],
        ),
    ];
    for (from, to, expected) in table {
        let broken = changed(from, to);
        for content in [
            broken.clone(),
            broken.replace('\n', "\r\n"),
            format!("\u{feff}{broken}"),
        ] {
            let (code, found) = found(&[("a.yaml", content.as_bytes())]);
            assert_eq!(found.len(), expected.len(), "{to:?}: {found:#?}");
            for (found, expected) in found.iter().zip(*expected) {
                assert!(found.starts_with(expected), "{to:?}: {found}");
            }
            let wrong = expected.iter().any(|expected| !expected.starts_with("warning "));
            assert_eq!(code, i32::from(wrong), "{to:?}");
        }
    }
    assert_eq!(found(&[("a.yaml", INSTANCE.as_bytes())]), (0, vec![]));
}

/// The text inside a JSON string has no lines of its own; its key's line is meant.
#[test]
fn a_path_into_json_text_is_placed_at_its_key() {
    let poller = json!({"reports": {"url": "/x?a=${dat}", "idField": "ID"}}).to_string();
    let instance = json!({
        "name": "One",
        "element": {"key": "concur"},
        "configuration": {
            "event.notification.callback.url": "https://receiver.example.com/x",
            "oauth.api.key": "k", "oauth.api.secret": "s", "oauth.user.refresh_token": "t",
            "event.poller.configuration": poller,
        }
    });
    let content = format!("{instance:#}\n").replace("  ", "\t");
    let line = 1 + content
        .lines()
        .position(|line| line.contains("poller.configuration"))
        .unwrap();
    let (code, found) = found(&[("a.json", content.as_bytes())]);
    let expected =
        format!("a.json:{line}:3 spec.configuration[\"event.poller.configuration\"].reports.url: ");
    let problems: Vec<_> = found
        .iter()
        .filter(|found| !found.starts_with("warning"))
        .collect();
    assert!(
        problems.len() == 1 && problems[0].starts_with(&expected),
        "{found:#?}"
    );
    assert_eq!(code, 1);
}

#[test]
fn what_cannot_be_read_hides_nothing_else() {
    let misshapen = changed("    key: concur\n", "    key: [1]\n");
    let several = format!(
        "{INSTANCE}---\nkind: [\n---\n{}---\njust words\n",
        changed("name: concur\n", "name: b\n")
    );
    let (code, found) = found(&[
        ("a.yaml", several.as_bytes()),
        (
            "b.yaml",
            misshapen.replace("name: concur\n", "name: c\n").as_bytes(),
        ),
        ("c.yaml", b"a: \xff"),
        ("d.json", br#"{"element": {"key": "concur"}} {"element": "#),
        (
            "e.yaml",
            b"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: '%'}\n",
        ),
        ("f.yaml", INSTANCE.as_bytes()),
    ]);
    assert_eq!(code, 1);
    let expected = [
        "a.yaml:21:7 : is not valid YAML: unclosed bracket '['",
        "a.yaml:43:1 : neither a Kubernetes object nor a Cloud Elements instance",
        "b.yaml:7:5 spec.element.key: is a list, where text is expected",
        "c.yaml:1:4 : is not UTF-8 text",
        "d.json:1:43 : is not valid JSON: EOF while parsing a value",
        "e.yaml:4:8 data.a: is not base64",
        "f.yaml:4:3 metadata.name: there is another PollingInstance of this name in this namespace, at a.yaml:1",
    ];
    for expected in expected {
        assert!(
            found.iter().any(|found| found.starts_with(expected)),
            "{expected}: {found:#?}"
        );
    }
    // The bare instance of d.json lacks everything, and says so.
    let callback = r#"spec.configuration["event.notification.callback.url"]"#;
    assert!(
        found
            .iter()
            .any(|found| found.starts_with("d.json:1:2 ") && found.contains(callback)),
        "{found:#?}"
    );

    let output = validate(
        &[("a.yaml", INSTANCE.as_bytes())],
        &["-f", "gone.yaml", "--output", "json"],
    );
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = json!([{
        "file": "gone.yaml", "line": null, "column": null, "document": null, "kind": null, "instance": null, "path": "",
        "message": "cannot be read: No such file or directory (os error 2)",
        "remedy": "name a file that exists and may be read", "severity": "error",
    }]);
    assert_eq!(findings, expected);
}

#[test]
fn humans_read_lines_that_end_with_a_count() {
    let broken = changed("    event.poller", "\tevent.poller");
    let several = format!(
        "{}---\n{}",
        broken,
        changed("    key: concur\n", "    key: concur\n  nmae: x\n").replace(
            "  configuration:\n",
            "  configuration:\n    event.notification.calback.url: x\n"
        )
    );
    let output = validate(&[("a.yaml", several.as_bytes())], &[]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed, include_str!("testdata/validate.txt"), "{printed}");
    assert_eq!(output.status.code(), Some(1));

    let output = validate(&[("a.yaml", INSTANCE.as_bytes())], &[]);
    assert_eq!(
        text(&output),
        "1 instance in 1 file: 0 problems, 0 warnings\n\
         note: Secret default/concur is not among the files and counts as present in the cluster\n"
    );
    assert_eq!(code(&output), 0);
    for usage in [
        &["validate"][..],
        &["validate", "--bogus"],
        &["validate", "-f", "a", "--output", "xml"],
    ] {
        assert_eq!(
            pollinator(usage).output().unwrap().status.code(),
            Some(2),
            "{usage:?}"
        );
    }
}

/// The other commands do nothing with files of which a part cannot be read.
#[test]
fn other_commands_refuse_what_validate_refuses() {
    let folder = TempDir::new().unwrap();
    let broken = format!(
        "{INSTANCE}---\nkind: [\n---\n{}",
        changed("    key: concur\n", "    key: 5\n")
    );
    std::fs::write(folder.path().join("a.yaml"), broken).unwrap();
    std::fs::write(folder.path().join("r.json"), "{}").unwrap();
    for command in [
        &["plan", "-f", "a.yaml"][..],
        &["poll", "--once", "-f", "a.yaml"],
        &["explain", "--record", "r.json", "-f", "a.yaml"],
        &["authorize", "-f", "a.yaml"],
    ] {
        let output = pollinator(command)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(code(&output), 1, "{command:?}");
        assert!(output.stdout.is_empty(), "{command:?}: {}", text(&output));
        for words in [
            "a.yaml:21:7: is not valid YAML",
            "a.yaml:29:5: default/concur: spec.element.key: is a number",
        ] {
            assert!(
                text(&output).contains(words),
                "{command:?}: {words}: {}",
                text(&output)
            );
        }
    }
}

/// An instance that people have, and everything they may get wrong in it at once.
#[tokio::test(flavor = "multi_thread")]
async fn everything_is_said_at_once() {
    let desk = Desk::new().await;
    let good = desk.sample(json!({}));
    assert_eq!(code(&run(&["validate", "-f", good.to_str().unwrap()]).await), 0);

    let bad = desk.sample(json!({
        "element": {"key": "concurr"},
        "configuration": {
            "event.poller.refresh_interval": "soon",
            "event.notification.calback.url": "https://x.example",
            "event.poller.configuration": {"reports": {"idField": [], "url": "/hubs/expense/reports?w=${dat}"}}
        }
    }));
    let output = run(&["validate", "--output", "json", "-f", bad.to_str().unwrap()]).await;
    assert_eq!(code(&output), 1);
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    for (severity, path, words) in [
        (
            "error",
            r#"spec.configuration["event.poller.refresh_interval"]"#,
            "soon",
        ),
        (
            "error",
            r#"spec.configuration["event.poller.configuration"].reports.idField"#,
            "",
        ),
        (
            "error",
            r#"spec.configuration["event.poller.configuration"].reports.url"#,
            "${dat}",
        ),
        (
            "warning",
            r#"spec.configuration["event.notification.calback.url"]"#,
            "event.notification.callback.url",
        ),
    ] {
        let finding = findings.iter().find(|finding| finding["path"] == path);
        let finding = finding.unwrap_or_else(|| panic!("{path} in {findings:#?}"));
        assert_eq!(finding["severity"], severity, "{path}");
        assert_eq!(finding["instance"], "default/concurfordocs", "{path}");
        assert!(finding["message"].as_str().unwrap().contains(words), "{finding}");
    }

    let unknown = desk.sample(json!({"element": {"key": "concurr"}}));
    let output = run(&["validate", "-f", unknown.to_str().unwrap()]).await;
    assert_eq!(code(&output), 1);
    for words in ["concurr", "built-in element (concur"] {
        assert!(text(&output).contains(words), "{}", text(&output));
    }
}

#[test]
fn keys_beside_the_configuration_are_read_and_said() {
    let instance = json!({
        "name": "Beside",
        "element": {"key": "concur"},
        "configuration": {
            "oauth.api.key": "k",
            "oauth.api.secret": "s",
            "oauth.user.refresh_token": "t",
            "event.notification.callback.url": "https://hooks.example.com/concur"
        },
        "event.poller.configuration": {"reports": {"pageSize": "many"}}
    });
    let text = serde_json::to_string_pretty(&instance).unwrap();
    let (code, found) = found(&[("a.json", text.as_bytes())]);
    assert_eq!(code, 1);
    for words in [
        r#"warning a.json:12:3 event.poller.configuration: stands beside configuration"#,
        r#"reports.pageSize: is "many""#,
    ] {
        assert!(
            found.iter().any(|line| line.contains(words)),
            "{words}: {found:?}"
        );
    }
}

#[test]
fn element_definitions_are_checked_with_line_and_path() {
    let good = include_str!("../../../src/element/definitions/concur.yaml");
    assert_eq!(found(&[("concur.yaml", good.as_bytes())]), (0, Vec::new()));
    let bad = good.replacen("default: 100", "default: 0", 1);
    let line = bad.lines().position(|line| line.contains("default: 0")).unwrap() + 1;
    let (code, found) = found(&[("concur.yaml", bad.as_bytes())]);
    assert_eq!((code, found.len()), (1, 1), "{found:?}");
    assert!(
        found[0].starts_with(&format!("concur.yaml:{line}:"))
            && found[0].contains("spec.resources[0].pageSize.default: 0 is no size of a page"),
        "{found:?}"
    );
}

#[test]
fn the_examples_are_valid() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for name in ["concur", "hub", "sandbox"] {
        let output = pollinator(&["validate", "-f", examples.join(name).to_str().unwrap()])
            .output()
            .unwrap();
        assert!(
            text(&output).contains(" 0 problems, 0 warnings"),
            "{name}: {}",
            text(&output)
        );
    }
}

/// Each problem of a signing key stands where its value does, or else where the instance names it.
#[test]
fn signing_keys_stand_at_their_places() {
    let instance = changed(
        "  configurationFrom:\n",
        "  delivery:\n    signingKeys:\n    - secretKeyRef:\n        name: signing\n        key: k\n  configurationFrom:\n",
    );
    let secret = |lines: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: signing\nstringData:\n  other: x\n{lines}")
    };
    for (lines, expected) in [
        ("  k: a plain key of 25 letters\n", vec![]),
        (
            "  k: short\n",
            vec![r#"b.yaml:7:3 secret/signing["k"]: is too short: 5 bytes, where 24 are the least"#],
        ),
        (
            "  k: whsk_AAAA\n",
            vec![
                r#"b.yaml:7:3 secret/signing["k"]: is no Ed25519 private key: whsk_ and the base64 of 32 or 64 bytes, not of 3"#,
            ],
        ),
        (
            "  k: \"\"\n",
            vec![
                r#"warning b.yaml:7:3 secret/signing["k"]: is empty; fill it in before you apply the Secret, or remove it"#,
            ],
        ),
        (
            "",
            vec![
                r#"a.yaml:12:9 spec.delivery.signingKeys[0].secretKeyRef.key: Secret "signing" has no key "k""#,
            ],
        ),
    ] {
        let secret = secret(lines);
        let files: [(&str, &[u8]); 2] = [("a.yaml", instance.as_bytes()), ("b.yaml", secret.as_bytes())];
        let (code, mut findings) = found(&files);
        findings.retain(|finding| finding.contains("signing"));
        assert_eq!(findings, expected, "{lines}");
        let problem = expected.iter().any(|finding| !finding.starts_with("warning"));
        assert_eq!(code, i32::from(problem), "{lines}");
    }
    // The Secret may be in the cluster; without it nothing can be polled.
    let (code, findings) = found(&[("a.yaml", instance.as_bytes())]);
    assert_eq!(
        (code, findings.iter().any(|finding| finding.contains("signing"))),
        (0, false),
        "{findings:?}"
    );
    let format = changed(
        "  configurationFrom:\n",
        "  delivery:\n    format: CloudEvent\n  configurationFrom:\n",
    );
    let (code, findings) = found(&[("a.yaml", format.as_bytes())]);
    assert_eq!(code, 1);
    assert_eq!(
        findings,
        ["a.yaml:9:5 spec.delivery.format: is none of the allowed values"]
    );
}
