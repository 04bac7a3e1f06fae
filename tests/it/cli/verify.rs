//! `pollinator verify` on what a receiver got.

use std::process::Stdio;

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
    let header = |name: &str| {
        received
            .headers
            .iter()
            .find(|(key, _)| key == name)
            .unwrap()
            .1
            .clone()
    };
    let signature = header("elements-webhook-signature");
    let verify = |body: Vec<u8>, key: &str| {
        let mut child = pollinator(&["verify", "--signature", &signature, "--key", key])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &body).unwrap();
        child.wait().unwrap().code().unwrap()
    };
    let body = received.body.to_vec();
    assert_eq!(verify(body.clone(), SIGNATURE_KEY), 0);
    assert_eq!(verify(body.clone(), "another"), 1);
    assert_eq!(verify([&body[..], b"\n"].concat(), SIGNATURE_KEY), 1);
}
