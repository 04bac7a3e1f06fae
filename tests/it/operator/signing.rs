//! Signing keys in Secrets of their own, and their rotation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use concur_sandbox::Received;
use pollinator::config::WebhookKey;
use pollinator::deliver::verify_standard;
use serde_json::{Value, json};

use super::rig::{NAMESPACE, Rig, SOON, condition};
use crate::support::secrets::SIGNATURE_KEY;

const OLD: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const NEW: &str = "another key, of enough bytes";
const PRIVATE: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

fn secret(keys: &[(&str, &str)]) -> Value {
    let data: serde_json::Map<_, _> = keys
        .iter()
        .map(|(key, value)| ((*key).to_owned(), STANDARD.encode(value).into()))
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "signing", "namespace": NAMESPACE},
        "data": data,
    })
}

fn keys(names: &[&str]) -> Value {
    let reference = |name: &&str| json!({"secretKeyRef": {"name": "signing", "key": name}});
    json!({"delivery": {"signingKeys": names.iter().map(reference).collect::<Vec<_>>()}})
}

fn fits(received: &Received, key: &str) -> bool {
    let header = |name: &str| {
        let mut headers = received.headers.iter();
        headers.find(|(found, _)| found == name).unwrap().1.clone()
    };
    let [id, timestamp, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
    let key = WebhookKey::parse(key.as_bytes()).unwrap();
    verify_standard(&key, &id, &timestamp, &signature, &received.body)
}

/// The newest notification once there are `count`.
async fn newest(rig: &Rig, count: usize) -> Received {
    rig.until("a notification", SOON, |rig| {
        rig.sandbox.received().len() >= count
    })
    .await;
    rig.sandbox.received().pop().unwrap()
}

#[tokio::test(start_paused = true)]
async fn keys_are_rotated_without_a_gap() {
    let mut rig = Rig::new();
    rig.seed_secret();
    rig.fake.seed(secret(&[("ed", PRIVATE), ("k", OLD)]));
    rig.seed("concur", keys(&["k", "ed"]));
    rig.start();
    rig.wait_ready("concur").await;
    rig.create("n1");
    let received = newest(&rig, 1).await;
    for key in [SIGNATURE_KEY, OLD, PUBLIC] {
        assert!(fits(&received, key), "{key}");
    }
    assert!(!fits(&received, NEW));

    // The value of the Secret is replaced: the next notification has it, without any change of the object.
    rig.fake.update("secrets", NAMESPACE, "signing", |secret| {
        secret["data"]["k"] = STANDARD.encode(NEW).into();
    });
    rig.create("n2");
    let received = newest(&rig, 2).await;
    assert!(fits(&received, NEW) && fits(&received, PUBLIC) && !fits(&received, OLD));
    for secret in [OLD, NEW, &PRIVATE[5..]] {
        let status = rig.status("concur").to_string();
        assert!(!status.contains(secret), "{status}");
    }
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_key_is_told_and_found_when_it_is_mended() {
    let mut rig = Rig::new();
    rig.seed_secret();
    rig.seed("concur", keys(&["k"]));
    rig.start();
    let ready = rig
        .wait_condition("concur", "Ready=False SecretNotReady", SOON)
        .await;
    let message = ready["message"].as_str().unwrap();
    assert!(
        message.contains("spec.delivery.signingKeys[0].secretKeyRef"),
        "{message}"
    );
    assert!(
        message.contains("\"signing\"") && message.contains("create it"),
        "{message}"
    );

    rig.fake.seed(secret(&[("k", "whsec_c2VjcmV0IGtleQ==")]));
    let ready = rig
        .wait_condition("concur", "Ready=False InvalidConfiguration", SOON)
        .await;
    let message = ready["message"].as_str().unwrap();
    assert!(
        message.contains(r#"secret/signing["k"]: is too short: 10 bytes"#),
        "{message}"
    );
    assert!(!message.contains("c2VjcmV0"), "{message}");
    assert!(rig.sandbox.received().is_empty(), "nothing goes out unsigned");

    rig.fake.update("secrets", NAMESPACE, "signing", |secret| {
        secret["data"]["k"] = STANDARD.encode(OLD).into();
    });
    rig.wait_ready("concur").await;
    assert_eq!(condition(&rig.status("concur"), "Stalled"), Value::Null);
    rig.create("n1");
    assert!(fits(&newest(&rig, 1).await, OLD));
    rig.assert_clean();
}
