//! Whole specs in, settings or problems out.

mod access;
mod documentation;
mod entries;
mod headers;
mod legacy;
mod properties;
mod signature;
mod slips;
mod timing;

use std::time::Duration;

use jiff::SignedDuration;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;
use crate::config::{AuthenticationKind, CatalogueEntry, Credentials, Grant, InitialSync, OAuth2Credentials};

const POLLER: &str = r#"spec.configuration["event.poller.configuration"]"#;

fn reports() -> Value {
    json!({
        "url": "/hubs/expense/reports?where=modifiedDateAfter='${date:yyyy-MM-dd'T'HH:mm:ss.SSS}'",
        "idField": "ID",
        "datesConfiguration": {
            "updatedDateField": "LastModifiedDate",
            "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss.SSS",
            "createdDateField": "CreateDate",
            "createdDateFormat": "yyyy-MM-dd'T'HH:mm:ss.SSS"
        }
    })
}

/// The sample of the documentation, with credentials.
fn sample() -> Value {
    json!({
        "name": "ConcurForDocs",
        "element": {"key": "concur"},
        "tags": ["Docs"],
        "configuration": {
            "oauth.callback.url": "https://httpbin.org/get",
            "oauth.api.key": "key",
            "event.vendor.type": "polling",
            "event.notification.callback.url": "https://hooks.example.com/concur",
            "event.poller.refresh_interval": "15",
            "event.poller.configuration": {"reports": reports()}
        },
        "configurationFrom": [{"secretRef": {"name": "concur-credentials"}}]
    })
}

fn bytes(value: impl AsRef<[u8]>) -> SecretSlice<u8> {
    value.as_ref().to_vec().into()
}

fn secrets(pairs: &[(&str, &str)]) -> Secrets {
    let values = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), bytes(value)))
        .collect();
    Secrets {
        values: vec![("concur-credentials".into(), values)],
        ..Secrets::default()
    }
}

fn credentials() -> Secrets {
    secrets(&[
        ("oauth.api.secret", "s3cr3t\n"),
        ("oauth.user.refresh_token", "t0k3n"),
    ])
}

fn oauth(settings: &Settings) -> &OAuth2Credentials {
    match &settings.credentials {
        Credentials::OAuth2(credentials) => credentials,
        Credentials::Header(_) => panic!("no OAuth credentials"),
    }
}

fn read_json(spec: Value, secrets: &Secrets) -> Reading {
    read_with_defaults(spec, secrets, json!({}))
}

/// Reads a spec where the element has these default entries.
fn read_with_defaults(spec: Value, secrets: &Secrets, poller: Value) -> Reading {
    let concur = CatalogueEntry {
        key: "concur".to_owned(),
        id: Some(3129),
        authentication: AuthenticationKind::OAuth2,
        polled_by_default: poller.as_object().unwrap().keys().take(1).cloned().collect(),
        poller: poller.as_object().unwrap().clone(),
    };
    let spec = serde_json::from_value(spec).unwrap();
    read("concur-for-docs", &spec, secrets, &[concur].into_iter().collect())
}

/// The sample with `change` made to it.
fn changed(change: impl FnOnce(&mut Value)) -> Reading {
    let mut spec = sample();
    change(&mut spec);
    read_json(spec, &credentials())
}

fn with_key(key: &str, value: Value) -> Reading {
    changed(|spec| spec["configuration"][key] = value)
}

fn with_entry(change: impl FnOnce(&mut Value)) -> Reading {
    changed(|spec| change(&mut spec["configuration"]["event.poller.configuration"]["reports"]))
}

fn settings(reading: Reading) -> Settings {
    reading.settings.unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Every problem, as it is shown.
fn problems(reading: Reading) -> Vec<String> {
    reading
        .settings
        .err()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// The only problem stands at `path` and says `part`.
fn problem(reading: Reading, path: &str, part: &str) {
    let shown = problems(reading);
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert!(
        shown[0].starts_with(&format!("{path}: ")) && shown[0].contains(part),
        "{path} {part}: {shown:?}"
    );
}

fn key_problem(key: &str, value: Value, part: &str) {
    problem(
        with_key(key, value),
        &format!("spec.configuration[{key:?}]"),
        part,
    );
}

/// The only warning stands at `path` and says `part`.
fn warning(reading: &Reading, path: &str, part: &str) {
    let shown: Vec<_> = reading.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert!(
        shown[0].starts_with(&format!("{path}: ")) && shown[0].contains(part),
        "{shown:?}"
    );
}

#[test]
fn the_sample_works() {
    let reading = read_json(sample(), &credentials());
    assert_eq!(reading.warnings, []);
    let settings = settings(reading);
    assert_eq!(
        (settings.element.as_str(), settings.name.as_str()),
        ("concur", "ConcurForDocs")
    );
    assert_eq!(settings.tags, ["Docs"]);
    assert!(settings.enabled && settings.filter_nulls);
    assert_eq!(settings.interval, Duration::from_secs(900));
    assert_eq!(settings.lookback, Duration::from_secs(60));
    assert_eq!(settings.initial_sync, InitialSync::FromNow);
    assert_eq!(settings.request_timeout, Duration::from_secs(60));
    assert_eq!((settings.failure_threshold, settings.max_in_flight), (3, 4));
    assert_eq!(settings.callback.url.as_str(), "https://hooks.example.com/concur");
    assert!(settings.callback.signature_key.is_none() && settings.callback.basic.is_none());
    assert_eq!(settings.callback.timeout, Duration::from_secs(20));
    assert_eq!(oauth(&settings).client_id, "key");
    assert_eq!(oauth(&settings).client_secret.expose_secret(), "s3cr3t");
    assert!(
        matches!(&oauth(&settings).grant, Grant::RefreshToken(token) if token.expose_secret() == "t0k3n")
    );
    let [reports] = &settings.resources[..] else {
        panic!()
    };
    assert_eq!(
        (reports.name.as_str(), reports.id_field.to_string().as_str()),
        ("reports", "ID")
    );
    assert!(reports.url.has_macro() && reports.filter_by_updated_date && !reports.filter_by_current_date);
    assert_eq!(
        reports.updated.as_ref().unwrap().granule(),
        SignedDuration::from_millis(1)
    );
    assert_eq!(reports.created.as_ref().unwrap().path().to_string(), "CreateDate");
    assert_eq!(reports.created_check_tolerance, Duration::from_secs(10));
    assert_eq!((reports.page_size, reports.poll_delay), (None, Duration::ZERO));
}

#[test]
fn all_problems_at_once() {
    let reading = read_json(
        json!({
            "element": {"key": "concur"},
            "configuration": {
                "event.notification.callback.url": "ftp://x",
                "event.poller.refresh_interval": "soon",
                "event.poller.configuration": {"reports": {"filterByUpdatedDate": true}, "lists": 7},
                "base.url": "https://user:pw@example.com"
            },
            "polling": {"lookback": "0s", "failureThreshold": 0},
            "delivery": {"maxInFlight": 0}
        }),
        &Secrets::default(),
    );
    let shown = problems(reading);
    let paths: Vec<_> = shown
        .iter()
        .map(|problem| problem.split(": ").next().unwrap())
        .collect();
    let key = |key: &str| format!("spec.configuration[{key:?}]");
    assert_eq!(
        paths,
        [
            key("event.notification.callback.url"),
            key("event.poller.refresh_interval"),
            format!("{POLLER}.reports.url"),
            format!("{POLLER}.reports.idField"),
            format!("{POLLER}.lists"),
            key("base.url"),
            key("oauth.api.key"),
            key("oauth.api.secret"),
            key("oauth.user.refresh_token"),
            "spec.polling.lookback".to_owned(),
            "spec.polling.failureThreshold".to_owned(),
            "spec.delivery.maxInFlight".to_owned(),
        ]
    );
    assert!(!shown.join("\n").contains("user:pw"));
}

#[test]
fn wrong_values_of_keys() {
    key_problem("event.vendor.type", json!("webhooks"), "Pollinator polls");
    key_problem("event.vendor.type", json!("carrier pigeon"), "set it to polling");
    for none in [json!("false"), json!(" False"), json!(false)] {
        key_problem(
            "event.notification.callback.url",
            none,
            "is false, which means no callback URL",
        );
    }
    for odd in [
        "https:example.com",
        "https:///example.com",
        "ht\ntps://example.com",
        "\u{1}https://example.com",
    ] {
        key_problem(
            "event.notification.callback.url",
            json!(odd),
            "write an http or https URL",
        );
    }
    key_problem(
        "event.notification.callback.url",
        json!("mailto:x@example.com"),
        "neither http nor https",
    );
    key_problem("event.notification.callback.url", json!(null), "is missing");
    key_problem(
        "event.notification.callback.url",
        json!({"a": 1}),
        "is an object, where text is expected",
    );
    key_problem(
        "event.notification.enabled",
        json!("maybe"),
        "neither true nor false",
    );
    key_problem("event.notification.enabled", json!(["true"]), "is a list");
    key_problem("filter.response.nulls", json!(1), "neither true nor false");
    key_problem("event.poller.refresh_interval", json!("0"), "at least one second");
    key_problem("event.poller.refresh_interval", json!(-1), "at least one second");
    key_problem(
        "event.poller.refresh_interval",
        json!("1m"),
        "at least one second",
    );
    key_problem("oauth.token.url", json!("https://"), "is no URL");
    key_problem("base.url", json!("https://example.com/?a=b"), "has a query");
    key_problem("oauth.credtype", json!("otp"), "authtoken or password");
    key_problem(
        "event.poller.configuration",
        json!("{\"reports\": {\"url\": }"),
        "line 1 column 21",
    );
    key_problem(
        "event.poller.configuration",
        json!("[]"),
        "is a list, where an object is expected",
    );
    key_problem("event.poller.configuration", json!({}), "nothing to poll");
    key_problem("event.poller.configuration", json!(" "), "nothing to poll");
    key_problem(
        "event.notification.callback.headers",
        json!("{\"a\""),
        "line 1 column 4",
    );
    key_problem(
        "event.notification.callback.headers",
        json!("no colon"),
        "line 1 has no colon",
    );
    key_problem(
        "event.notification.callback.headers",
        json!("a b: c"),
        "is no header name",
    );
    key_problem(
        "event.notification.callback.headers",
        json!({"a": "b\u{1}"}),
        "cannot stand in a header",
    );
    key_problem(
        "event.notification.callback.headers",
        json!("Webhook-Id: 1"),
        "of the notification itself",
    );
}

#[test]
fn warnings() {
    let warn = |key: &str, value: Value, part: &str| {
        let reading = with_key(key, value);
        warning(&reading, &format!("spec.configuration[{key:?}]"), part);
        settings(reading);
    };
    warn(
        "event.poler.refresh_interval",
        json!("1"),
        "did you mean event.poller.refresh_interval?",
    );
    warn("site.address", json!("x"), "is no known key and has no effect");
    warn(
        "event.objects",
        json!("Contact"),
        "write an entry for each object there",
    );
    warn(
        "event.metadata",
        json!({"polling": {}}),
        "event types of the vendor's objects",
    );
    warn(
        "event.helper.key",
        json!("sfdcPolling"),
        "Cloud Elements' own servers",
    );
    warn("event.notification.subscription.id", json!(7), "names a webhook");
    warn(
        "event.notification.instance.finder",
        json!("a|b"),
        "vendor's webhook",
    );
    warn(
        "event.raw.enabled",
        json!("false"),
        "always carry the whole records",
    );
    warn(
        "event.poller.urls",
        json!("contacts"),
        "beside event.poller.configuration",
    );
    warn("event.notification.type", json!("email"), "has no effect");
    warn(
        "event.notification.signature.key",
        json!("k"),
        "move it to a Secret",
    );
    assert_eq!(
        with_key("event.notification.signature.key", json!("")).warnings,
        []
    );
    for key in [
        "event.helper.key",
        "event.metadata",
        "event.poller.urls",
        "event.objects",
    ] {
        for blank in [json!(null), json!(""), json!(" ")] {
            assert_eq!(with_key(key, blank).warnings, [], "{key}");
        }
    }
    assert_eq!(with_key("event.raw.enabled", json!(true)).warnings, []);
}

#[test]
fn receivers() {
    let reading = changed(|spec| {
        let keys = &mut spec["configuration"];
        keys["event.notification.basic.username"] = json!("me");
        keys["event.notification.basic.password"] = json!("pw");
        keys["event.notification.callback.headers"] = json!("X-A: 1: 2\n\nX-B:3");
        spec["delivery"] = json!({"timeout": "5s", "maxInFlight": 64});
    });
    let settings = settings(reading);
    let (name, password) = settings.callback.basic.as_ref().unwrap();
    assert_eq!((name.as_str(), password.expose_secret()), ("me", "pw"));
    let headers: Vec<_> = settings
        .callback
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose_secret()))
        .collect();
    assert_eq!(headers, [("X-A", "1: 2"), ("X-B", "3")]);
    assert_eq!(
        (settings.callback.timeout, settings.max_in_flight),
        (Duration::from_secs(5), 64)
    );
    let shown = format!("{settings:?}");
    assert!(!shown.contains("pw") && !shown.contains("1: 2"), "{shown}");
    let colon = changed(|spec| {
        spec["configuration"]["event.notification.basic.username"] = json!("a:b");
        spec["configuration"]["event.notification.basic.password"] = json!("pw");
    });
    problem(
        colon,
        r#"spec.configuration["event.notification.basic.username"]"#,
        "has a colon",
    );
    let alone = with_key("event.notification.basic.password", json!("pw"));
    problem(
        alone,
        r#"spec.configuration["event.notification.basic.username"]"#,
        "is missing",
    );
}

#[test]
fn names_and_flags() {
    let plain = settings(changed(|spec| {
        spec["name"] = json!(null);
        spec["tags"] = json!([]);
        spec["configuration"]["event.notification.enabled"] = json!("False");
        spec["configuration"]["filter.response.nulls"] = json!(false);
    }));
    assert_eq!(
        (plain.name.as_str(), plain.tags),
        ("concur-for-docs", vec!["concur-for-docs".to_owned()])
    );
    assert!(!plain.enabled && !plain.filter_nulls);
    assert_eq!(
        settings(changed(|spec| spec["tags"] = json!([]))).tags,
        ["ConcurForDocs"]
    );
}
