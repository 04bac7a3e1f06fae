//! What the API server itself says of an instance, before any operator sees it.

use kube::api::PostParams;
use pollinator::api::{KNOWN_KEYS, KeyKind, KnownKey, PollingInstanceSpec};
use pollinator::config::{Secrets, read};
use pollinator::element;
use serde_json::{Value, json};

use super::plane::plane;
use crate::support::world::{merge, ordinary_spec};

fn instance(namespace: &str, name: &str, patch: &Value) -> Value {
    let mut spec = ordinary_spec();
    merge(&mut spec, patch);
    json!({
        "apiVersion": "pollinator.dev/v1alpha1",
        "kind": "PollingInstance",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    })
}

#[tokio::test]
async fn explain_lists_every_known_key_with_its_meaning() {
    let text = plane()
        .kubectl(&["explain", "pollinginstance.spec.configuration"])
        .await
        .unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    let joined = words.join(" ");
    for known in KNOWN_KEYS {
        assert!(words.contains(&known.key), "{} is not listed:\n{text}", known.key);
        let meaning: Vec<&str> = known.description.split_whitespace().take(5).collect();
        assert!(
            joined.contains(&meaning.join(" ")),
            "{:?} is not told:\n{text}",
            meaning
        );
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_at_apply() {
    plane()
        .kubectl(&["create", "namespace", "schema-refused"])
        .await
        .unwrap();
    let configuration = |key: &str, value: Value| json!({"configuration": {key: value}});
    let interval = |value: &str| json!({"polling": {"interval": value}});
    let cases = [
        (
            configuration("event.vendor.type", json!("webhook")),
            "event.vendor.type asks for webhooks",
        ),
        (
            configuration("event.vendor.type", json!("push")),
            "event.vendor.type must be polling",
        ),
        (
            configuration("event.poller.refresh_interval", json!("0")),
            "event.poller.refresh_interval must be",
        ),
        (
            configuration("event.poller.refresh_interval", json!(0)),
            "event.poller.refresh_interval must be",
        ),
        (
            configuration("event.poller.refresh_interval", json!("abc")),
            "event.poller.refresh_interval must be",
        ),
        (
            configuration("event.notification.callback.url", json!("ftp://example.com")),
            "callback.url must be an http",
        ),
        (
            configuration("event.notification.callback.url", json!("https://")),
            "callback.url must be an http",
        ),
        (
            configuration("base.url", json!("example.com")),
            "base.url must be an http",
        ),
        (
            interval("0s"),
            "polling.interval must be a duration of at least 1s",
        ),
        (
            interval("900ms"),
            "polling.interval must be a duration of at least 1s",
        ),
        (interval("abc"), "polling.interval must be a duration"),
        (
            json!({"polling": {"lookback": "0s"}}),
            "polling.lookback must be a duration",
        ),
        (
            json!({"polling": {"failureThreshold": 0}}),
            "polling.failureThreshold must be at least 1",
        ),
        (
            json!({"polling": {"failureThreshold": 99_999_999_999_i64}}),
            "polling.failureThreshold",
        ),
        (
            json!({"polling": {"initialSync": {"policy": "Sometimes"}}}),
            "initialSync.policy",
        ),
        (
            json!({"polling": {"initialSync": {"since": "2026-01-31T00:00:00Z"}}}),
            "since belongs to policy Backfill",
        ),
        (
            json!({"delivery": {"maxInFlight": 65}}),
            "delivery.maxInFlight must be between 1 and 64",
        ),
        (
            json!({"delivery": {"format": "cloudevents"}}),
            "Unsupported value: \"cloudevents\"",
        ),
        (
            json!({"delivery": {"maxEvents": 11}}),
            "delivery.maxEvents must be between 1 and 10",
        ),
        (
            json!({"delivery": {"signingKeys": vec![json!({"secretKeyRef": {"name": "a", "key": "b"}}); 11]}}),
            "delivery.signingKeys may have at most 10 keys",
        ),
        (
            json!({"delivery": {"signingKeys": [{"secretKeyRef": {"name": "", "key": "b"}}]}}),
            "secretKeyRef.name must not be empty",
        ),
        (
            json!({"delivery": {"signingKeys": [{"secretKeyRef": {"name": "a", "key": ""}}]}}),
            "secretKeyRef.key must not be empty",
        ),
        (
            json!({"delivery": {"signingKeys": [{"secretKeyRef": {"name": "a"}}]}}),
            "secretKeyRef.key",
        ),
        (
            json!({"delivery": {"retrySchedule": []}}),
            "delivery.retrySchedule",
        ),
        (
            json!({"delivery": {"retrySchedule": vec!["8s"; 21]}}),
            "delivery.retrySchedule",
        ),
        (
            json!({"delivery": {"retrySchedule": ["8s", "500ms"]}}),
            "delivery.retrySchedule must have durations of at least 1s",
        ),
        (
            json!({"delivery": {"retrySchedule": ["8s", "soon"]}}),
            "delivery.retrySchedule must have durations of at least 1s",
        ),
        (
            json!({"delivery": {"onPermanentFailure": "DeadLetter"}}),
            "delivery.deadLetterSink is needed with onPermanentFailure: DeadLetter",
        ),
        (
            json!({"delivery": {"onPermanentFailure": "Drop"}}),
            "delivery.onPermanentFailure",
        ),
        (
            json!({"delivery": {"onPermanentFailure": "DeadLetter", "deadLetterSink": {"uri": "queue"}}}),
            "deadLetterSink.uri must be an http",
        ),
        (json!({"element": {"key": ""}}), "element.key must not be empty"),
        (
            json!({"configurationFrom": [{"secretRef": {"name": ""}}]}),
            "secretRef.name must not be empty",
        ),
    ];
    for (patch, message) in cases {
        let refused = plane().apply(&instance("schema-refused", "wrong", &patch)).await;
        let error = refused
            .err()
            .unwrap_or_else(|| panic!("{patch} was accepted"))
            .to_string();
        assert!(error.contains(message), "{patch}: {error}");
    }
}

/// The schema and its rules are a first look only: whatever they refuse, the reader refuses as well.
#[tokio::test]
async fn nothing_is_refused_at_apply_that_the_reader_accepts() {
    let objects = plane()
        .objects("default", ("pollinator.dev", "v1alpha1", "PollingInstance"))
        .await;
    // As `kubectl apply --dry-run=server`, some hundred times.
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let create = async |object: &Value| {
        let object = serde_json::from_value(object.clone()).unwrap();
        objects.create(&dry_run, &object).await
    };
    let odd = [
        json!(null),
        json!(""),
        json!(" "),
        json!(true),
        json!("False"),
        json!(false),
        json!(1),
        json!(15.0),
        json!(0.5),
        json!("0.5"),
        json!("0000000000000000000015"),
        json!("0.01666666666667"),
        json!("999999999"),
        json!("\u{a0} HTTPS://example.com/a\n"),
        json!("https:example.com"),
        json!(" Polling\t"),
        json!("X-A: 1"),
        json!(["X-A: 1"]),
        json!({"X-A": null}),
    ];
    let is_open =
        |known: &&KnownKey| !matches!(known.kind, KeyKind::Url | KeyKind::VendorType | KeyKind::Minutes);
    for value in &odd {
        let open: Value = KNOWN_KEYS
            .iter()
            .filter(is_open)
            .map(|known| (known.key.to_owned(), value.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        create(&instance("default", "open", &json!({"configuration": open})))
            .await
            .unwrap_or_else(|error| panic!("{value}: {error}"));
        for known in KNOWN_KEYS.iter().filter(|known| !is_open(known)) {
            let object = instance("default", "odd", &json!({"configuration": {known.key: value}}));
            let Err(error) = create(&object).await else {
                continue;
            };
            let spec: PollingInstanceSpec = serde_json::from_value(object["spec"].clone()).unwrap();
            let reading = read("odd", &spec, &Secrets::default(), element::catalogue());
            let problems = reading.settings.err().unwrap_or_default();
            assert!(
                problems.iter().any(|problem| problem.path.contains(known.key)),
                "{} {value} is refused only at apply: {error}",
                known.key
            );
        }
    }
}

#[tokio::test]
async fn what_cloud_elements_takes_is_taken_as_it_is() {
    plane()
        .kubectl(&["create", "namespace", "schema-accepted"])
        .await
        .unwrap();
    let configuration = |key: &str, value: Value| json!({"configuration": {key: value}});
    let poller = ordinary_spec()["configuration"]["event.poller.configuration"].to_string();
    let cases = [
        configuration("event.vendor.type", json!("polling")),
        configuration("event.vendor.type", json!(null)),
        configuration("event.poller.refresh_interval", json!(15)),
        configuration("event.poller.refresh_interval", json!("0.5")),
        configuration("event.poller.refresh_interval", json!("")),
        configuration("event.notification.enabled", json!(true)),
        configuration("oauth.api.key", json!(true)),
        configuration("event.notification.subscription.id", json!(1_157_990)),
        configuration("event.poller.urls", json!(["contacts"])),
        configuration("event.objects", json!(["Contact"])),
        configuration("event.metadata", json!({"polling": {}})),
        configuration("event.notification.callback.headers", json!(["X-A: 1"])),
        configuration("Event.Vendor.Type", json!(" Polling ")),
        configuration("event.notification.enabled", json!("true")),
        configuration("event.poller.configuration", json!(poller)),
        configuration(
            "event.notification.callback.url",
            json!("HTTPS://Example.com:8443/a?b=c"),
        ),
        configuration("some.key.of.another.element", json!({"deep": [1, 2.5, null]})),
        json!({"polling": {"interval": "1h30m", "initialSync": {"policy": "Backfill", "since": "2026-01-31T00:00:00Z"}}}),
        json!({"providerData": {"code": "abc"}}),
    ];
    for (index, patch) in cases.iter().enumerate() {
        let name = format!("right-{index}");
        plane()
            .apply(&instance("schema-accepted", &name, patch))
            .await
            .unwrap_or_else(|error| panic!("{patch}: {error}"));
        let kept = plane()
            .kubectl(&["-n", "schema-accepted", "get", "pi", &name, "-o", "json"])
            .await
            .unwrap();
        let kept: Value = serde_json::from_str(&kept).unwrap();
        for (key, value) in patch["configuration"].as_object().into_iter().flatten() {
            assert_eq!(
                kept["spec"]["configuration"][key], *value,
                "{key} is kept as written"
            );
        }
        assert_eq!(
            kept["status"],
            json!({"observedGeneration": -1}),
            "a new object is not yet observed"
        );
    }
    let listed = plane()
        .kubectl(&["-n", "schema-accepted", "get", "polling", "right-0"])
        .await
        .unwrap();
    assert!(listed.contains("concur"), "{listed}");
    let listed = plane()
        .kubectl(&["-n", "schema-accepted", "get", "pollinator"])
        .await
        .unwrap();
    assert!(
        listed.contains("right-0"),
        "the category lists instances: {listed}"
    );
}
