//! `pollinator import` and `pollinator export` as users call them.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::secrets::assert_none_in;

fn pollinator(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pollinator"))
        .args(args)
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that ends early does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert_none_in(&format!("what {args:?} said"), &stderr(&output));
    output
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What an import of `instance` prints, as text, documents and notes.
struct Imported {
    code: i32,
    text: String,
    documents: Vec<Value>,
    notes: String,
}

fn import_with(args: &[&str], instance: &str) -> Imported {
    let output = pollinator(&[&["import", "-"], args].concat(), instance);
    let text = stdout(&output);
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    Imported {
        code: code(&output),
        documents: documents
            .into_iter()
            .filter(|document| !document.is_null())
            .collect(),
        notes: stderr(&output),
        text,
    }
}

fn import(instance: &Value) -> Imported {
    import_with(&[], &instance.to_string())
}

impl Imported {
    fn of(&self, kind: &str) -> &Value {
        let found = self.documents.iter().find(|document| document["kind"] == kind);
        found.unwrap_or_else(|| panic!("no {kind}: {}{}", self.text, self.notes))
    }

    fn spec(&self) -> &Value {
        &self.of("PollingInstance")["spec"]
    }

    fn names(&self) -> Vec<&str> {
        let objects = self
            .documents
            .iter()
            .filter(|document| document["kind"] == "PollingInstance");
        objects
            .map(|object| object["metadata"]["name"].as_str().unwrap())
            .collect()
    }
}

fn poller() -> Value {
    json!({"reports": {
        "url": "/hubs/expense/reports?where=modifiedDateAfter='${date:yyyy-MM-dd'T'HH:mm:ss.SSS}'",
        "idField": "ID",
        "datesConfiguration": {
            "updatedDateField": "LastModifiedDate",
            "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss.SSS",
            "createdDateField": "CreateDate",
            "createdDateFormat": "yyyy-MM-dd'T'HH:mm:ss.SSS"
        }
    }})
}

/// An answer of `GET /instances/{id}`: stored texts, masked secrets.
fn answer() -> Value {
    json!({
        "id": 7950647, "name": "ConcurForDocs", "createdDate": "2017-06-12T14:09:00Z", "token": "instance-token",
        "element": {"id": 3129, "key": "concur", "name": "SAP Concur", "active": true}, "elementId": 3129,
        "tags": ["Docs"], "provisionInteractions": [], "valid": true, "disabled": false,
        "maxCacheSize": 0, "cacheTimeToLive": 0, "eventsEnabled": true, "traceLoggingEnabled": false,
        "cachingEnabled": false, "externalAuthentication": "none", "subscriptionId": 1157990,
        "user": {"id": 2749, "emailAddress": "ada@example.com"},
        "configuration": {
            "oauth.api.key": "client",
            "oauth.api.secret": "********",
            "oauth.user.refresh_token": "********",
            "event.notification.enabled": "true",
            "event.vendor.type": "polling",
            "event.notification.callback.url": "https://hooks.example.com/concur",
            "event.notification.signature.key": "********",
            "event.poller.refresh_interval": "15",
            "event.metadata": null,
            "event.poller.configuration": format!("\n{:#}\n", poller()),
        }
    })
}

fn with(mut instance: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    instance.pointer_mut(parent).unwrap()[key.replace("~1", "/")] = value;
    instance
}

fn validate(text: &str) -> (i32, String) {
    let output = pollinator(&["validate", "-f", "-"], text);
    (code(&output), stdout(&output) + &stderr(&output))
}

#[test]
fn an_answer_becomes_an_instance_and_a_secret_to_fill() {
    let imported = import_with(&["--namespace", "finance"], &answer().to_string());
    assert_eq!(imported.code, 0, "{}", imported.notes);
    let metadata = json!({"name": "concurfordocs-credentials", "namespace": "finance"});
    assert_eq!(imported.of("Secret")["metadata"], metadata);
    let empty = json!({"oauth.api.secret": "", "oauth.user.refresh_token": "", "event.notification.signature.key": ""});
    assert_eq!(imported.of("Secret")["stringData"], empty);
    let metadata = json!({
        "name": "concurfordocs", "namespace": "finance",
        "annotations": {"pollinator.dev/instanceId": "7950647", "pollinator.dev/userId": "2749"}
    });
    assert_eq!(imported.of("PollingInstance")["metadata"], metadata);
    let spec = json!({
        "name": "ConcurForDocs", "element": {"key": "concur"}, "tags": ["Docs"],
        "configurationFrom": [{"secretRef": {"name": "concurfordocs-credentials"}}],
        "configuration": {
            "oauth.api.key": "client",
            "event.notification.enabled": "true",
            "event.vendor.type": "polling",
            "event.notification.callback.url": "https://hooks.example.com/concur",
            "event.poller.refresh_interval": "15",
            "event.poller.configuration": poller(),
        }
    });
    assert_eq!(imported.spec(), &spec);
    let todo: Vec<_> = imported.notes.lines().collect();
    assert_eq!(todo.len(), 3, "{todo:?}");
    for (line, key) in todo.iter().zip([
        "oauth.api.secret",
        "oauth.user.refresh_token",
        "event.notification.signature.key",
    ]) {
        assert!(
            line.starts_with(&format!("concurfordocs: {key}: is masked")),
            "{line}"
        );
    }

    let (code, said) = validate(&imported.text);
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.matches("is empty; fill it in").count(), 3, "{said}");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("imported.yaml");
    std::fs::write(&file, &imported.text).unwrap();
    let args = ["poll", "--once", "--dry-run", "-f", file.to_str().unwrap()];
    let output = pollinator(&args, "");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("oauth.api.secret"),
        "an empty secret is no secret: {}",
        stderr(&output)
    );
}

#[test]
fn order_of_keys_is_kept() {
    let first = import(&answer()).text;
    let places: Vec<_> = [
        "url:",
        "idField:",
        "updatedDateField:",
        "updatedDateFormat:",
        "createdDateField:",
    ]
    .iter()
    .map(|key| first.find(key).unwrap())
    .collect();
    assert!(places.is_sorted(), "{first}");
}

#[test]
fn what_is_said_and_what_becomes_of_it() {
    let conf = |key: &str, value: Value| with(answer(), &format!("/configuration/{key}"), value);
    let without_grant = {
        let mut body = answer();
        body["configuration"]
            .as_object_mut()
            .unwrap()
            .remove("oauth.user.refresh_token");
        body
    };
    let code = with(without_grant.clone(), "/providerData", json!({"code": "4711"}));
    // Instance, words of a note, place in the documents and what stands there.
    let table: Vec<(Value, &str, &str, &str, Value)> = vec![
        (
            with(answer(), "/disabled", json!(true)),
            "begins suspended",
            "PollingInstance",
            "/spec/suspend",
            json!(true),
        ),
        (
            with(answer(), "/traceLoggingEnabled", json!(true)),
            "traceLoggingEnabled",
            "PollingInstance",
            "/spec/traceLoggingEnabled",
            Value::Null,
        ),
        (
            with(answer(), "/cachingEnabled", json!(true)),
            "cachingEnabled",
            "PollingInstance",
            "/spec/cachingEnabled",
            Value::Null,
        ),
        (
            with(answer(), "/externalAuthentication", json!("initial")),
            "externalAuthentication",
            "PollingInstance",
            "/spec/suspend",
            Value::Null,
        ),
        (
            with(answer(), "/transformations", json!({"a": 1})),
            "let the receiver do it",
            "PollingInstance",
            "/spec/transformations",
            Value::Null,
        ),
        (
            with(answer(), "/novelty", json!(1)),
            "novelty",
            "PollingInstance",
            "/spec/novelty",
            Value::Null,
        ),
        (
            with(answer(), "/valid", json!(false)),
            "credentials invalid",
            "PollingInstance",
            "/spec/valid",
            Value::Null,
        ),
        (
            with(answer(), "/id", json!("x1")),
            "\"x1\" is no id",
            "PollingInstance",
            "/metadata/annotations/pollinator.dev~1instanceId",
            Value::Null,
        ),
        (
            with(answer(), "/accountId", json!(874)),
            "",
            "PollingInstance",
            "/metadata/annotations/pollinator.dev~1accountId",
            json!("874"),
        ),
        (
            conf("event.vendor.type", json!("webhooks")),
            "webhooks cannot be carried over",
            "PollingInstance",
            "/spec/configuration/event.vendor.type",
            Value::Null,
        ),
        (
            conf("event.notification.enabled", json!("false")),
            "nothing is polled",
            "PollingInstance",
            "/spec/configuration/event.notification.enabled",
            json!("false"),
        ),
        (
            conf("event.poller.configuration", json!("{broken")),
            "event.poller.configuration",
            "PollingInstance",
            "/spec/configuration/event.poller.configuration",
            json!("{broken"),
        ),
        (
            conf("event.poller.configuration", json!("{\"a\":{},\"a\":{}}")),
            "event.poller.configuration",
            "PollingInstance",
            "/spec/configuration/event.poller.configuration",
            json!("{\"a\":{},\"a\":{}}"),
        ),
        (
            conf("oauth.api.secret", json!("s3cret")),
            "",
            "Secret",
            "/stringData/oauth.api.secret",
            json!("s3cret"),
        ),
        (
            conf("my.api.password", json!(12)),
            "my.api.password",
            "Secret",
            "/stringData/my.api.password",
            json!("12"),
        ),
        (
            conf("oauth.user.token", json!("********")),
            "oauth.user.token",
            "Secret",
            "/stringData/oauth.user.token",
            Value::Null,
        ),
        (
            conf("oauth.api.key", json!("********")),
            "oauth.api.key: is masked",
            "Secret",
            "/stringData/oauth.api.key",
            json!(""),
        ),
        (
            conf("wonderful.password!", json!("x")),
            "is left out",
            "PollingInstance",
            "/spec/configuration/wonderful.password!",
            Value::Null,
        ),
        (
            without_grant.clone(),
            "oauth.user.refresh_token: is not part of the JSON",
            "Secret",
            "/stringData/oauth.user.refresh_token",
            json!(""),
        ),
        (
            code.clone(),
            "of no use without oauth.callback.url",
            "Secret",
            "/stringData/oauth.user.refresh_token",
            json!(""),
        ),
        (
            with(
                code,
                "/configuration/oauth.callback.url",
                json!("https://x.example/cb"),
            ),
            "most likely been used",
            "PollingInstance",
            "/spec/providerData/code",
            json!("4711"),
        ),
        (
            with(answer(), "/element", json!({"id": 3129})),
            "",
            "PollingInstance",
            "/spec/element/key",
            json!("concur"),
        ),
        (
            with(
                with(answer(), "/element", Value::Null),
                "/elementId",
                json!("3129"),
            ),
            "",
            "PollingInstance",
            "/spec/element/key",
            json!("concur"),
        ),
        (
            with(answer(), "/element", json!("Concur")),
            "",
            "PollingInstance",
            "/spec/element/key",
            json!("concur"),
        ),
        (
            with(answer(), "/element", json!({"id": 42})),
            "write the key",
            "PollingInstance",
            "/spec/element/key",
            json!("42"),
        ),
        (
            with(answer(), "/tags", json!(["a", 1, {"b": 1}])),
            "tags",
            "PollingInstance",
            "/spec/tags",
            json!(["a", "1"]),
        ),
        (
            with(
                with(answer(), "/eventsEnabled", json!(false)),
                "/configuration/event.notification.enabled",
                Value::Null,
            ),
            "nothing is polled",
            "PollingInstance",
            "/spec/configuration/event.notification.enabled",
            json!("false"),
        ),
    ];
    for (instance, said, kind, pointer, expected) in table {
        let imported = import(&instance);
        assert_eq!(imported.code, 0, "{instance}: {}", imported.notes);
        assert!(imported.notes.contains(said), "{said}: {}", imported.notes);
        assert!(
            imported
                .notes
                .lines()
                .all(|line| line.starts_with("concurfordocs: ")),
            "{}",
            imported.notes
        );
        let found = imported.of(kind).pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(found, &expected, "{pointer}: {}", imported.text);
        let secrets = ["s3cret", "instance-token", "4711"];
        assert!(
            secrets.iter().all(|secret| !imported.notes.contains(secret)),
            "{}",
            imported.notes
        );
    }
}

#[test]
fn other_elements_go_through_the_hub() {
    let mut instance = with(answer(), "/element", json!({"key": "sfdc"}));
    instance["configuration"]["base.url"] = json!("https://na1.salesforce.example");
    let imported = import(&instance);
    let configuration = &imported.spec()["configuration"];
    // The vendor must not be sent the hub's login.
    assert_eq!(
        configuration["base.url"],
        "https://api.cloud-elements.com/elements/api-v2"
    );
    let empty = json!({"hub.authorization": "", "event.notification.signature.key": ""});
    assert_eq!(imported.of("Secret")["stringData"], empty, "{}", imported.notes);
    for words in [
        "not built in",
        "oauth.api.secret: is masked, and left out",
        "hub.authorization",
        "SAP Open Connectors",
    ] {
        assert!(imported.notes.contains(words), "{words}: {}", imported.notes);
    }
    let own = "https://api.openconnectors.eu.example/elements/api-v2/";
    let imported = import(&with(instance, "/configuration/base.url", json!(own)));
    assert_eq!(imported.spec()["configuration"]["base.url"], own);
    assert_eq!(validate(&imported.text).0, 0, "{}", validate(&imported.text).1);
}

#[test]
fn names_are_valid_and_given_once() {
    let named = |name: &str| with(answer(), "/name", json!(name));
    let long = "x".repeat(80);
    let all = json!([
        named("A b"),
        named("a-b"),
        named("日本"),
        named("concur"),
        named(&long),
        named(&long)
    ]);
    let imported = import(&all);
    let names = [
        "a-b",
        "a-b-2",
        "concur",
        "concur-2",
        &long[..63],
        &format!("{}-2", &long[..61]),
    ];
    assert_eq!(imported.names(), names);
    assert_eq!(
        import_with(&["--name", "mine"], &answer().to_string()).names(),
        ["mine"]
    );
    for (args, status) in [
        (["--name", "mine"], 1),
        (["--name", "Mine"], 2),
        (["--namespace", "-"], 2),
    ] {
        let output = pollinator(&[&["import", "-"], &args[..]].concat(), &all.to_string());
        assert_eq!(code(&output), status, "{args:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn broken_input_is_told_and_does_not_stop_the_rest() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let broken = file(
        "broken.json",
        "{\n  \"oauth.api.secret\": \"hush\",\n  \"name\" \"x\"\n}",
    );
    let good = file("good.json", &answer().to_string());
    let missing = folder.path().join("missing.json");
    let paths = [&broken, &good, &missing].map(|path| path.to_str().unwrap());
    let output = pollinator(&["import", paths[0], paths[1], paths[2]], "");
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("name: concurfordocs\n"));
    let said = stderr(&output);
    for words in [
        "broken.json:3:10: is no valid JSON: expected `:`",
        "  \"name\" \"x\"",
        "missing.json: cannot be read",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("hush"), "{said}");

    let several = json!([
        answer(), 7, {"name": "n"}, {"element": {"key": "concur"}, "configuration": []}, {"kind": "Secret"},
        {"requestId": "5", "message": "no such instance"}, with(answer(), "/name", json!("other"))
    ]);
    let imported = import(&several);
    assert_eq!(imported.code, 1);
    assert_eq!(imported.names(), ["concurfordocs", "other"]);
    for words in [
        "-#2: is no JSON object",
        "-#3: has no element",
        "-#4: has a configuration",
        "-#5: is a Kubernetes",
        "-#6: is an error of the old service and no instance: \"no such instance\"",
    ] {
        assert!(imported.notes.contains(words), "{words}: {}", imported.notes);
    }
}

fn export(text: &str, args: &[&str]) -> (Value, String) {
    let output = pollinator(&[&["export", "-f", "-"], args].concat(), text);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    (serde_json::from_slice(&output.stdout).unwrap(), stderr(&output))
}

#[test]
fn an_export_is_what_was_imported() {
    let mut plain = answer();
    for (key, value) in [
        ("oauth.api.secret", "s3cret"),
        ("oauth.user.refresh_token", "r"),
        ("event.notification.signature.key", " k "),
    ] {
        plain["configuration"][key] = value.into();
    }
    let imported = import(&plain);
    let (masked, _) = export(&imported.text, &[]);
    let (clear, notes) = export(&imported.text, &["--with-secrets"]);
    assert_eq!(notes, "");
    let expected = json!({
        "id": 7950647, "name": "ConcurForDocs", "element": {"key": "concur"}, "tags": ["Docs"],
        "user": {"id": 2749},
        "configuration": {
            "oauth.api.key": "client", "oauth.api.secret": "s3cret", "oauth.user.refresh_token": "r",
            "event.notification.enabled": "true", "event.vendor.type": "polling",
            "event.notification.callback.url": "https://hooks.example.com/concur",
            "event.notification.signature.key": " k ", "event.poller.refresh_interval": "15",
            "event.poller.configuration": poller(),
        }
    });
    assert_eq!(clear, expected);
    let hidden = [
        "oauth.api.secret",
        "oauth.user.refresh_token",
        "event.notification.signature.key",
    ];
    let expected = hidden.iter().fold(expected, |json, key| {
        with(json, &format!("/configuration/{key}"), json!("********"))
    });
    assert_eq!(masked, expected);
    // A masked one again becomes a place to fill.
    assert_eq!(import(&masked).of("Secret")["stringData"]["oauth.api.secret"], "");
    let (array, _) = export(&import(&json!([answer(), answer()])).text, &[]);
    assert_eq!(array.as_array().unwrap().len(), 2);
}

#[test]
fn an_export_says_what_is_lost() {
    let manifest = r"
apiVersion: pollinator.dev/v1alpha1
kind: PollingInstance
metadata: {name: a}
spec:
  element: {key: sfdc}
  suspend: true
  configurationFrom: [{secretRef: {name: elsewhere}}, {secretRef: {name: here}}]
  configuration: {event.poller.refresh_interval: 1, base.url: https://hub.example/elements/api-v2, oauth.password: inline}
  polling: {interval: 90s, lookback: 5m, initialSync: {policy: Baseline}}
  delivery: {timeout: 9s}
---
apiVersion: v1
kind: Secret
metadata: {name: here}
data: {hub.authorization: dGVzdA==, binary: /w==, oauth.api.secret: aHVzaA==}
";
    let (instance, notes) = export(manifest, &[]);
    let configuration = json!({"event.poller.refresh_interval": "2", "oauth.password": "********", "oauth.api.secret": "********"});
    let expected =
        json!({"name": "a", "element": {"key": "sfdc"}, "configuration": configuration, "disabled": true});
    assert_eq!(instance, expected);
    for words in [
        "90s becomes 2 whole minutes",
        "polling.lookback",
        "polling.initialSync",
        "delivery.timeout",
        "\"elsewhere\" is not among",
        "\"binary\"",
        "base.url",
        "hub.authorization",
        "spec.suspend",
    ] {
        assert!(notes.contains(words), "{words}: {notes}");
    }
    let (instance, _) = export(manifest, &["--with-secrets"]);
    assert_eq!(instance["configuration"]["oauth.api.secret"], "hush");
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9 :#'\"{}\\-_.~*&!|>%@\\\\\n\t]{1,20}",
        "\\PC{1,12}",
        Just("yes".to_owned()),
        Just("0123".to_owned()),
        Just("2026-01-01".to_owned()),
        Just("~".to_owned()),
    ]
}

fn instances() -> impl Strategy<Value = Value> {
    let keys = prop_oneof![
        Just("oauth.api.key".to_owned()),
        Just("oauth.api.secret".to_owned()),
        Just("oauth.user.refresh_token".to_owned()),
        Just("oauth.username".to_owned()),
        Just("event.notification.signature.key".to_owned()),
        Just("event.poller.refresh_interval".to_owned()),
        Just("filter.response.nulls".to_owned()),
        "[a-z]{1,5}\\.[a-zA-Z0-9_ ]{1,6}",
    ];
    let values = prop_oneof![
        texts().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (-1000i64..100_000).prop_map(Value::from),
        Just(json!("********")),
        Just(Value::Null),
    ];
    let configuration = prop::collection::vec((keys, values), 0..8);
    let ids = prop::option::of(1u64..1 << 53);
    let names = texts().prop_filter("a name is not blank", |name| !name.trim().is_empty());
    (
        names,
        prop::collection::vec(texts(), 0..3),
        configuration,
        ids,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(name, tags, pairs, id, disabled, as_text)| {
            let mut instance =
                json!({"name": name, "element": {"key": "concur"}, "tags": tags, "disabled": disabled});
            if let Some(id) = id {
                instance["id"] = id.into();
            }
            instance["configuration"] = Value::Object(pairs.into_iter().collect());
            let poller = poller();
            instance["configuration"]["event.poller.configuration"] = if as_text {
                poller.to_string().into()
            } else {
                poller
            };
            instance
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn importing_an_export_changes_nothing(all in prop::collection::vec(instances(), 12)) {
        let first = import(&Value::from(all));
        prop_assert_eq!(first.code, 0, "{}", first.notes);
        let (exported, _) = export(&first.text, &["--with-secrets"]);
        let again = import(&exported);
        prop_assert_eq!(first.documents, again.documents);
    }
}
