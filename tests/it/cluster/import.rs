//! What `pollinator import` prints is what kubectl and the API server read.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::plane::plane;
use crate::support::world::ordinary_spec;

#[tokio::test]
async fn an_import_is_applied_as_it_was_meant() {
    plane()
        .kubectl(&["create", "namespace", "imported"])
        .await
        .unwrap();
    let odd = [
        "yes",
        "on",
        "015",
        "1e3",
        "2026-01-01",
        "~",
        "null",
        "12:30:45",
        "a: b # c",
        " a\nb ",
        "\u{1f511}",
    ];
    let poller = &ordinary_spec()["configuration"]["event.poller.configuration"];
    let instance = json!({
        "id": 7950647, "name": "ConcurForDocs", "element": {"key": "concur"}, "tags": odd, "disabled": true,
        "configuration": {
            "oauth.api.key": "0123",
            "oauth.api.secret": "********",
            "event.notification.signature.key": "0x1F",
            "event.notification.callback.url": "https://hooks.example.com/concur",
            "event.poller.refresh_interval": "15",
            "event.poller.configuration": poller.to_string(),
            "on": "off"
        }
    });
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("instance.json"), instance.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_pollinator"))
        .args(["import", "--namespace", "imported", &path("instance.json")])
        .output()
        .unwrap();
    std::fs::write(path("imported.yaml"), output.stdout).unwrap();
    plane()
        .kubectl(&["apply", "-f", &path("imported.yaml")])
        .await
        .unwrap();

    let get = async |what: &str, output: &str| {
        let output = format!("jsonpath={output}");
        plane()
            .kubectl(&["get", "-n", "imported", what, "-o", &output])
            .await
            .unwrap()
    };
    let spec: Value = serde_json::from_str(&get("pi/concurfordocs", "{.spec}").await).unwrap();
    assert_eq!(spec["tags"], json!(odd));
    let expected = json!({
        "oauth.api.key": "0123",
        "event.notification.callback.url": "https://hooks.example.com/concur",
        "event.poller.refresh_interval": "15",
        "event.poller.configuration": poller,
        "on": "off"
    });
    assert_eq!(
        (&spec["configuration"], &spec["suspend"]),
        (&expected, &json!(true))
    );
    let id = get(
        "pi/concurfordocs",
        "{.metadata.annotations.pollinator\\.dev/instanceId}",
    )
    .await;
    assert_eq!(id, "7950647");
    let secret: Value =
        serde_json::from_str(&get("secret/concurfordocs-credentials", "{.data}").await).unwrap();
    let expected = json!({
        "oauth.api.secret": "", "oauth.user.refresh_token": "", "event.notification.signature.key": "MHgxRg=="
    });
    assert_eq!(secret, expected);
}
