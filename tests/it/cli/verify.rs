//! `pollinator verify` on what a receiver got.

use std::process::Stdio;

use concur_sandbox::Received;
use serde_json::json;

use super::{Desk, pollinator};
use crate::support::secrets::SIGNATURE_KEY;

#[tokio::test(flavor = "multi_thread")]
async fn verify_checks_a_received_body() {
    let desk = Desk::new().await;
    let file = desk.sample(json!({}));
    desk.poll_once(&file).await;
    desk.vendor.command(json!({"command": "create", "id": "a"}));
    desk.poll_once(&file).await;
    let received = desk.vendor.sandbox.received().remove(0);
    let signature = header(&received, "elements-webhook-signature");
    let verify = |body: Vec<u8>, key: &str| verify(&["--signature", &signature, "--key", key], &body).0;
    let body = received.body.to_vec();
    assert_eq!(verify(body.clone(), SIGNATURE_KEY), 0);
    assert_eq!(verify(body.clone(), "another"), 1);
    assert_eq!(verify([&body[..], b"\n"].concat(), SIGNATURE_KEY), 1);
}

/// The headers of Standard Webhooks, and what the body is, for either format.
#[tokio::test(flavor = "multi_thread")]
async fn verify_checks_standard_webhooks() {
    for (delivery, format) in [
        (json!({}), "Elements"),
        (json!({"format": "CloudEvents"}), "CloudEvents"),
    ] {
        let desk = Desk::new().await;
        let file = desk.sample(json!({"delivery": delivery}));
        // A bare instance JSON has no delivery of its own.
        let object = json!({
            "apiVersion": "pollinator.dev/v1alpha1",
            "kind": "PollingInstance",
            "metadata": {"name": "concur"},
            "spec": serde_json::from_slice::<serde_json::Value>(&std::fs::read(file).unwrap()).unwrap(),
        });
        let file = desk.file("object.json", &object.to_string());
        desk.poll_once(&file).await;
        desk.vendor.command(json!({"command": "create", "id": "a"}));
        desk.vendor.command(json!({"command": "create", "id": "b"}));
        desk.poll_once(&file).await;
        let received = desk.vendor.sandbox.received().remove(0);
        let [id, timestamp, signature] =
            ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| header(&received, name));
        let check = |key: &str, more: &[&str]| {
            let arguments = [
                "--webhook-id",
                &id,
                "--webhook-timestamp",
                &timestamp,
                "--webhook-signature",
                &signature,
                "--output",
                "json",
                "--key",
                key,
            ];
            verify(&[&arguments, more].concat(), &received.body)
        };
        let (code, told) = check("another", &["--key", "sandbox-signature-key"]);
        assert_eq!(code, 0, "{told}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&told).unwrap(),
            json!({"valid": true, "format": format, "events": 2})
        );
        assert_eq!(check("another", &[]), (1, "{\"valid\":false}\n".to_owned()));
        let late = ["--at", "2100-01-01T00:00:00Z"];
        assert_eq!(check("sandbox-signature-key", &late).0, 1, "a replay");
        assert_eq!(check("sandbox-signature-key", &["--bogus"]).0, 2);
    }
}

fn header(received: &Received, name: &str) -> String {
    let mut headers = received.headers.iter();
    headers.find(|(key, _)| key == name).unwrap().1.clone()
}

/// Exit code and standard output.
fn verify(arguments: &[&str], body: &[u8]) -> (i32, String) {
    let mut child = pollinator(&[&["verify"], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // A process that refuses its arguments reads nothing.
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), body);
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), told)
}
