//! Which Secrets are read, and what certificates in them do.

use serde_json::{Value, json};

use super::rig::{NAMESPACE, Rig, SECRET, SOON, secret_manifest};
use crate::fake_api::{Verb, on};

/// Every request for Secrets: its method and path.
fn asked(rig: &Rig) -> Vec<(String, String)> {
    let requests = rig.fake.requests().into_iter();
    let about_secrets = requests.filter(|request| request.uri.contains("secrets"));
    about_secrets
        .map(|request| {
            let path = request.uri.split('?').next().unwrap().to_owned();
            (request.method, path)
        })
        .collect()
}

/// The same name in another namespace, names that would lead out of the namespace, to a list or to a watch.
#[tokio::test(start_paused = true)]
async fn secrets_of_other_namespaces_are_out_of_reach() {
    let prefix = format!("/api/v1/namespaces/{NAMESPACE}/secrets/");
    for (field, path) in [
        ("configurationFrom", "spec.configurationFrom[0].secretRef"),
        ("tlsFrom", "spec.delivery.tlsFrom.secretRef"),
    ] {
        for name in [
            "elsewhere",
            "../../sales/secrets/elsewhere",
            "../../../namespaces/sales/secrets/elsewhere",
            "%2e%2e%2f%2e%2e%2fsales%2fsecrets%2felsewhere",
            "sales/elsewhere",
            "elsewhere/../../elsewhere",
            ".",
            "..",
            "?watch=true",
            "elsewhere?fieldSelector=x",
            "#",
            "",
            " ",
        ] {
            let mut rig = Rig::new();
            let mut secret = secret_manifest("sandbox-refresh-token");
            secret["metadata"]["namespace"] = json!("sales");
            secret["metadata"]["name"] = json!("elsewhere");
            rig.fake.seed(secret);
            let patch = match field {
                "configurationFrom" => json!({"configurationFrom": [{"secretRef": {"name": name}}]}),
                _ => {
                    rig.seed_secret();
                    json!({"delivery": {"tlsFrom": {"secretRef": {"name": name}}}})
                }
            };
            rig.seed("concur", patch);
            rig.start();
            // A Secret that may still come is waited for; a name that none can have is the spec's fault.
            let reason = match name {
                "elsewhere" => "Ready=False SecretNotReady",
                _ => "Ready=False InvalidConfiguration",
            };
            let ready = rig.wait_condition("concur", reason, SOON).await;
            assert!(
                ready["message"].as_str().unwrap().contains(path),
                "{name}: {ready}"
            );
            for (method, uri) in asked(&rig) {
                let secret = uri
                    .strip_prefix(&prefix)
                    .unwrap_or_else(|| panic!("{name}: {uri}"));
                assert_eq!(method, "GET", "{name}: {uri}");
                assert!([SECRET, "elsewhere"].contains(&secret), "{name}: {uri}");
            }
        }
    }
}

/// A whole life with rotated tokens: every Secret is read by its name in the instance's own namespace, never listed
/// and never watched, and written there only.
#[tokio::test(start_paused = true)]
async fn secrets_are_read_by_name_in_the_own_namespace() {
    let mut rig = Rig::new();
    rig.configure(json!({"rotate": "new-old-dead"}));
    rig.seed_secret();
    rig.seed("concur", json!({}));
    rig.start();
    rig.wait_ready("concur").await;
    rig.create("n1");
    rig.until_story(&["CREATED n1"], SOON).await;
    let asked = asked(&rig);
    assert!(asked.len() > 3, "{asked:?}");
    let prefix = format!("/api/v1/namespaces/{NAMESPACE}/secrets");
    for (method, uri) in asked {
        let rest = uri.strip_prefix(&prefix).unwrap_or_else(|| panic!("{uri}"));
        let named = rest.len() > 1 && !rest[1..].contains('/');
        assert!(named || (method == "POST" && rest.is_empty()), "{method} {uri}");
    }
    for verb in [Verb::List, Verb::Watch] {
        assert!(rig.fake.requests_to(&on(verb, "secrets")).is_empty());
    }
    rig.assert_clean();
}

fn certificates(values: &[(&str, &str)]) -> Value {
    use base64::Engine as _;
    let encode = |text: &str| json!(base64::engine::general_purpose::STANDARD.encode(text));
    let data: serde_json::Map<_, _> = values
        .iter()
        .map(|(key, text)| ((*key).to_owned(), encode(text)))
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "receiver-tls", "namespace": NAMESPACE},
        "data": data,
    })
}

#[tokio::test(start_paused = true)]
async fn certificates_that_cannot_be_used_are_named_and_taken_once_they_are_mended() {
    let mut rig = Rig::new();
    rig.seed_secret();
    rig.fake.seed(certificates(&[("tls.key", "no-key-at-all")]));
    rig.seed(
        "concur",
        json!({"delivery": {"tlsFrom": {"secretRef": {"name": "receiver-tls"}}}}),
    );
    rig.start();
    let ready = rig
        .wait_condition("concur", "Ready=False InvalidConfiguration", SOON)
        .await;
    let message = ready["message"].as_str().unwrap();
    for words in [
        "secret/receiver-tls[\"tls.crt\"]",
        "is missing beside tls.key",
        "add the key's certificate",
    ] {
        assert!(message.contains(words), "{message}");
    }
    assert!(!message.contains("no-key-at-all"), "{message}");

    let ca = rcgen::generate_simple_self_signed(vec!["receiver.test".to_owned()])
        .unwrap()
        .cert
        .pem();
    rig.fake.update("secrets", NAMESPACE, "receiver-tls", |secret| {
        secret["data"] = certificates(&[("ca.crt", &ca)])["data"].clone();
    });
    rig.wait_ready("concur").await;
    rig.create("n1");
    rig.until_story(&["CREATED n1"], SOON).await;
    rig.assert_clean();
}
