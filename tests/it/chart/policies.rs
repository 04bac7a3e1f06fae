//! The admission policies for platform teams, in front of a real API server.

use std::time::{Duration, Instant};

use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use pollinator::api::KNOWN_KEYS;
use serde_json::{Value, json};

use super::{instance, plane, template};

/// Enough for the API server to notice a new policy.
const SOON: Duration = Duration::from_secs(60);

/// Puts policies with these values in force, under names that begin so.
async fn enforce(name: &str, policies: &Value) {
    let values = json!({"fullnameOverride": name, "policies": policies});
    let objects = template(&values).await.unwrap();
    let is_policy = |object: &&Value| {
        object["kind"]
            .as_str()
            .unwrap()
            .starts_with("ValidatingAdmissionPolicy")
    };
    for object in objects.iter().filter(is_policy) {
        plane().apply(object).await.unwrap();
    }
}

/// A namespace in which the policies with these values are in force.
struct Guarded {
    namespace: &'static str,
    api: Api<DynamicObject>,
}

impl Guarded {
    async fn new(namespace: &'static str, policies: &Value, refused: &Value) -> Guarded {
        plane()
            .kubectl(&["create", "namespace", namespace])
            .await
            .unwrap();
        let mut policies = policies.clone();
        policies["namespaceSelector"] = json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}});
        enforce(namespace, &policies).await;
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(
            "pollinator.dev",
            "v1alpha1",
            "PollingInstance",
        ));
        let api = Api::namespaced_with(plane().client().await, namespace, &resource);
        let guarded = Guarded { namespace, api };
        let deadline = Instant::now() + SOON;
        while guarded.create(refused).await.is_ok() {
            assert!(
                Instant::now() < deadline,
                "{namespace}: the policy never came into force"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        guarded
    }

    /// Creates an instance with these changes, without keeping it.
    async fn create(&self, patch: &Value) -> Result<(), String> {
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let object = serde_json::from_value(instance(self.namespace, "tried", patch)).unwrap();
        self.api
            .create(&params, &object)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    }

    /// Each is refused with words, or allowed where there are none.
    async fn judge(&self, table: &[(Value, &[&str])]) {
        for (patch, words) in table {
            let answer = self.create(patch).await;
            println!(
                "{}: {patch}\n    {}",
                self.namespace,
                answer.as_ref().err().map_or("allowed", |e| e)
            );
            match answer {
                Ok(()) => assert!(words.is_empty(), "{patch} is allowed"),
                Err(error) => {
                    assert!(!words.is_empty(), "{patch}: {error}");
                    for word in *words {
                        assert!(error.contains(word), "{patch}: no {word:?} in {error}");
                    }
                }
            }
        }
    }
}

fn callback(url: &str) -> Value {
    json!({"configuration": {"event.notification.callback.url": url}})
}

fn from_secret() -> Value {
    json!([{"secretRef": {"name": "credentials"}}])
}

#[tokio::test]
async fn callbacks_go_to_allowed_hosts_only() {
    let _calm = plane().calm().await;
    let policies = json!({"callbackHosts": ["hooks.example.com", "*.svc", "*.svc.cluster.local"]});
    let guarded = Guarded::new("hosts", &policies, &callback("https://evil.example/x")).await;
    let host: &[&str] = &[
        "event.notification.callback.url",
        "not allowed: evil.example",
        "policies.callbackHosts",
    ];
    let no_host: &[&str] = &["a URL without a plain host"];
    let missing: &[&str] = &["event.notification.callback.url must be set in spec.configuration"];
    let sink = |uri: &str| json!({"delivery": {"deadLetterSink": {"uri": uri}}});
    let spelled = |key: &str| json!({"configuration": {key: "https://evil.example/x"}});
    guarded
        .judge(&[
            (callback("https://hooks.example.com/concur?key=s3cr3t"), &[]),
            (callback("  HTTPS://Hooks.Example.COM:8443"), &[]),
            (callback("http://receiver.finance.svc/events"), &[]),
            (callback("http://receiver.finance.svc.cluster.local:8080/events"), &[]),
            (sink("https://hooks.example.com/dead"), &[]),
            (callback("https://evil.example/x?s3cr3t"), host),
            (callback("https://evil.example/https://hooks.example.com/"), host),
            (callback("https://hooks.example.com.evil.example/"), &["not allowed"]),
            (callback("https://evilhooks.example.com/"), &["not allowed"]),
            (callback("https://svc/"), &["not allowed: svc"]),
            (callback("https://hooks.example.com@evil.example/"), no_host),
            (callback("https://evil.example\\@hooks.example.com/"), no_host),
            (callback("https://evil.example\\.svc/"), no_host),
            (callback("https://evil%2eexample.svc/"), no_host),
            (callback("https://hooks.example.com\t.evil.example/"), no_host),
            (callback("https://[::1]/"), &["not allowed"]),
            (sink("https://evil.example/dead"), host),
            // In every spelling that is understood.
            (spelled("Event.Notification.Callback.URL"), host),
            (spelled(" event.notification.callback.url "), host),
            // What is in a Secret cannot be seen, so it must be here.
            (json!({"configuration": {"event.notification.callback.url": null}, "configurationFrom": from_secret()}), missing),
            (callback(""), missing),
            (callback("********"), &["event.notification.callback.url must be an http or https URL"]),
            (callback("false"), no_host),
        ])
        .await;
    // The path and the query of a callback may be a receiver's secret.
    let refused = guarded
        .create(&callback("https://evil.example/x?s3cr3t"))
        .await
        .unwrap_err();
    assert!(!refused.contains("s3cr3t"), "{refused}");
}

#[tokio::test]
async fn polls_are_no_closer_than_allowed() {
    let _calm = plane().calm().await;
    let interval = |text: &str| json!({"polling": {"interval": text}});
    let minutes = |value: Value| json!({"configuration": {"event.poller.refresh_interval": value}});
    let guarded = Guarded::new("intervals", &json!({"minimumInterval": "5m"}), &interval("1m")).await;
    let both = |text: &str| json!({"polling": {"interval": text}, "configuration": {"event.poller.refresh_interval": "1"}});
    let too_short: &[&str] = &["spec.polling.interval is 4m59s", "set it to 5m or more"];
    let refresh: &[&str] = &[
        "event.poller.refresh_interval is",
        "spec.polling.interval",
        "5m or more",
    ];
    let unseen: &[&str] = &[
        "no interval is set where it can be checked",
        "set spec.polling.interval",
    ];
    let with_secret = |patch: Value| {
        let mut patch = patch;
        patch["configurationFrom"] = from_secret();
        patch
    };
    guarded
        .judge(&[
            (json!({}), &[]),
            (interval("5m"), &[]),
            (interval("1h30m"), &[]),
            (interval("4m59s"), too_short),
            (minutes(json!(5)), &[]),
            (minutes(json!("5.0")), &[]),
            (minutes(json!(999_999_999)), &[]),
            (minutes(json!(" 15 ")), &[]),
            (minutes(json!(4)), refresh),
            (minutes(json!("4.99")), refresh),
            (minutes(json!("0.5")), refresh),
            (both("5m"), &[]),
            (both("4m59s"), too_short),
            (
                json!({"configuration": {"EVENT.POLLER.REFRESH_INTERVAL": 1}}),
                refresh,
            ),
            (
                json!({"configuration": {"Event.Poller.Refresh_interval": "often"}}),
                refresh,
            ),
            (with_secret(json!({})), unseen),
            (with_secret(minutes(json!(""))), unseen),
            (with_secret(minutes(json!(null))), unseen),
            (with_secret(interval("5m")), &[]),
            (with_secret(minutes(json!(5))), &[]),
        ])
        .await;

    // The default is 15 minutes.
    let guarded = Guarded::new("hourly", &json!({"minimumInterval": "1h"}), &json!({})).await;
    guarded.judge(&[(json!({}), unseen), (interval("1h"), &[])]).await;
}

#[tokio::test]
async fn secrets_are_in_secrets() {
    let _calm = plane().calm().await;
    let key = |key: &str, value: Value| json!({"configuration": {key: value}});
    let secret = key("oauth.api.secret", json!("s3cr3t"));
    let guarded = Guarded::new("secrets", &json!({"noInlineSecrets": true}), &secret).await;
    let clear: &[&str] = &[
        "would stand in the instance in clear text",
        "spec.configurationFrom",
    ];
    for known in KNOWN_KEYS {
        let value = match known.key {
            "event.vendor.type" => json!("polling"),
            key if key.ends_with("url") => json!("https://hooks.example.com"),
            "event.poller.refresh_interval" => json!(15),
            _ => json!("s3cr3t"),
        };
        let words = if known.secret { clear } else { &[] };
        guarded.judge(&[(key(known.key, value), words)]).await;
    }
    guarded
        .judge(&[
            (json!({"configurationFrom": from_secret()}), &[]),
            (key("oauth.api.secret", json!("")), &[]),
            (key("oauth.api.secret", json!("********")), &[]),
            (key("oauth.api.secret", json!(null)), &[]),
            (
                key(
                    "event.notification.callback.headers",
                    json!({"Authorization": "s3cr3t"}),
                ),
                clear,
            ),
            (key("oauth.password", json!(12345)), clear),
            (key(" OAuth.API.Secret", json!("s3cr3t")), clear),
            (key("smtp.password", json!("s3cr3t")), clear),
            (key("x-api-key", json!("s3cr3t")), clear),
            (key("user.apiKey", json!("s3cr3t")), clear),
            (key("oauth.user.token", json!("s3cr3t")), clear),
            (key("sort.key", json!("name")), &[]),
            (key("token.expires.in", json!(60)), &[]),
            (
                json!({"providerData": {"code": "s3cr3t"}}),
                &["spec.providerData.code"],
            ),
            (json!({"providerData": {"code": ""}}), &[]),
            (json!({"providerData": null}), &[]),
        ])
        .await;
    // What was refused is not said.
    let refused = guarded.create(&secret).await.unwrap_err();
    assert!(
        refused.contains("spec.configuration.oauth.api.secret") && !refused.contains("s3cr3t"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_was_there_before_a_policy_can_still_be_annotated() {
    let _calm = plane().calm().await;
    let old = instance("sales", "old", &callback("https://evil.example/x"));
    plane().apply(&old).await.unwrap();
    let policies =
        json!({"callbackHosts": ["*.svc"], "namespaceSelector": {"matchLabels": {"policies": "in-force"}}});
    enforce("later", &policies).await;
    plane()
        .kubectl(&["label", "namespace", "sales", "policies=in-force"])
        .await
        .unwrap();
    let patch = |patch: &'static str| async move {
        let patch = [
            "patch",
            "pollinginstance",
            "old",
            "--namespace",
            "sales",
            "--type=merge",
            "--patch",
            patch,
        ];
        plane().kubectl(&patch).await.map_err(|error| error.to_string())
    };
    let deadline = Instant::now() + SOON;
    // Each is a new spec, until one is refused.
    let refused = loop {
        let edits = [r#"{"spec":{"name":"a"}}"#, r#"{"spec":{"name":"b"}}"#];
        let (one, other) = (patch(edits[0]).await, patch(edits[1]).await);
        if let Err(refused) = one.and(other) {
            break refused;
        }
        assert!(Instant::now() < deadline, "the policy never came into force");
    };
    assert!(refused.contains("not allowed: evil.example"), "{refused}");
    patch(r#"{"metadata":{"annotations":{"pollinator.dev/requestedAt":"now"}}}"#)
        .await
        .unwrap();
    plane()
        .kubectl(&["delete", "pollinginstance", "old", "--namespace", "sales"])
        .await
        .unwrap();
}

/// What the API server's own type checker says of the expressions.
#[tokio::test]
async fn expressions_fit_the_types_of_the_kind() {
    let _calm = plane().calm().await;
    let policies = json!({"callbackHosts": ["*.svc"], "minimumInterval": "5m", "noInlineSecrets": true, "validationActions": ["Audit"]});
    let objects = template(&json!({"fullnameOverride": "typed", "policies": policies}))
        .await
        .unwrap();
    let policies: Vec<_> = objects
        .iter()
        .filter(|o| o["kind"] == "ValidatingAdmissionPolicy")
        .collect();
    assert_eq!(policies.len(), 3);
    for policy in policies {
        plane().apply(policy).await.unwrap();
        let name = policy["metadata"]["name"].as_str().unwrap();
        let deadline = Instant::now() + SOON;
        let status = loop {
            let found = plane()
                .kubectl(&["get", "validatingadmissionpolicy", name, "-o", "json"])
                .await
                .unwrap();
            let found: Value = serde_json::from_str(&found).unwrap();
            if found["status"]["observedGeneration"] == 1 {
                break found["status"].clone();
            }
            assert!(Instant::now() < deadline, "{name} is never type-checked: {found}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        assert_eq!(
            status["typeChecking"].get("expressionWarnings"),
            None,
            "{name}: {status:#}"
        );
    }
}
