//! What is shown of secrets where it would be easy to show them: at the finest level of the log, and in debug output.
//! Every other test searches on its own as well, by its fixture.

use std::collections::BTreeMap;

use concur_sandbox::Options;
use http::HeaderName;
use pollinator::api::PollingInstance;
use pollinator::config::{Secrets, read};
use pollinator::element::{Access, catalogue};
use pollinator::store::TokenRecord;
use secrecy::SecretSlice;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::cli::pollinator;
use crate::support::secrets::{SIGNATURE_KEY, assert_none_in};
use crate::support::vendor::Vendor;
use crate::support::world::{merge, ordinary_spec};

const HUB_AUTHORIZATION: &str =
    "User sandbox-user, Organization sandbox-organization, Element sandbox-element";

/// Every secret that a configuration can hold.
fn everything_secret() -> Value {
    json!({
        "event.notification.signature.key": SIGNATURE_KEY,
        "event.notification.basic.username": "receiver",
        "event.notification.basic.password": "basic-password",
        "event.notification.callback.headers": {"X-Key": "callback-header-value"},
    })
}

/// `pollinator poll --once` with everything logged; what it printed.
async fn poll(folder: &TempDir) -> String {
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut command = pollinator(&[
        "poll",
        "--once",
        "--state-dir",
        &path("state"),
        "-f",
        &path("instance.json"),
    ]);
    command.env("RUST_LOG", "trace,kube_client::client=trace");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8(printed).unwrap();
    assert_none_in("a poll", &printed);
    assert!(
        printed.contains("TRACE") || printed.contains("DEBUG"),
        "{printed}"
    );
    printed
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_at_the_finest_level() {
    let vendor = Vendor::start(Options {
        signature_key: Some(SIGNATURE_KEY.into()),
        ..Options::default()
    })
    .await;
    vendor.command(json!({"command": "configure", "knobs": {"rotate": "new-old-dead"}}));
    let mut spec = ordinary_spec();
    let keys = spec["configuration"].as_object_mut().unwrap();
    // The base URL comes with the token answer.
    keys.remove("base.url");
    keys.insert("oauth.token.url".into(), vendor.token_url().into());
    keys.insert("event.notification.callback.url".into(), vendor.callback().into());
    merge(&mut spec["configuration"], &everything_secret());
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("instance.json"), spec.to_string()).unwrap();

    poll(&folder).await;
    vendor.command(json!({"command": "create", "id": "a"}));
    let printed = poll(&folder).await;
    assert!(printed.contains("1 created"), "{printed}");
    assert_eq!(vendor.story(), ["CREATED a"]);

    vendor.command(json!({"command": "configure", "knobs": {"receiverStatus": 400}}));
    vendor.command(json!({"command": "create", "id": "b"}));
    let printed = poll(&folder).await;
    assert!(printed.contains("400"), "{printed}");

    // A token service that repeats what it was sent.
    vendor.command(
        json!({"command": "fault", "target": "token", "times": 1, "fault": {
            "kind": "token-error", "code": 61, "description": "no client has the secret sandbox-secret"
        }}),
    );
    let printed = poll(&folder).await;
    assert!(printed.contains("no client has the secret"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_of_a_hub_is_not_logged() {
    let vendor = Vendor::start(Options {
        signature_key: Some(SIGNATURE_KEY.into()),
        ..Options::default()
    })
    .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hub = listener.local_addr().unwrap();
    let sandbox = vendor.sandbox.clone();
    let router = sandbox.hub_router();
    tokio::spawn(async move { sandbox.serve(listener, router).await });
    let mut spec = json!({
        "element": {"key": "sfdc"},
        "configuration": {
            "hub.authorization": HUB_AUTHORIZATION,
            "base.url": format!("http://{hub}/elements/api-v2"),
            "event.notification.callback.url": vendor.callback(),
            "event.poller.configuration": {"contacts": {"url": "/hubs/crm/contacts", "idField": "id"}},
        }
    });
    merge(&mut spec["configuration"], &everything_secret());
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("instance.json"), spec.to_string()).unwrap();
    let printed = poll(&folder).await;
    assert!(printed.contains("0 created"), "{printed}");
    assert!(!vendor.sandbox.log().is_empty(), "the hub was asked");
}

#[test]
fn no_debug_output_shows_a_secret() {
    let grants = [
        json!({"oauth.user.refresh_token": "sandbox-refresh-token"}),
        json!({"oauth.username": "owner", "oauth.password": "sandbox-password"}),
        json!({"oauth.callback.url": "https://httpbin.org/get"}),
        json!({"hub.authorization": HUB_AUTHORIZATION, "base.url": "https://hub.example.com"}),
    ];
    for grant in grants {
        let mut spec = ordinary_spec();
        let keys = spec["configuration"].as_object_mut().unwrap();
        keys.remove("oauth.user.refresh_token");
        merge(&mut spec["configuration"], &everything_secret());
        merge(&mut spec["configuration"], &grant);
        spec["providerData"] = json!({"code": "sandbox-code"});
        let object = json!({
            "apiVersion": "pollinator.dev/v1alpha1", "kind": "PollingInstance", "metadata": {"name": "concur"}, "spec": spec,
        });
        let object: PollingInstance = serde_json::from_value(object).unwrap();
        let values = [
            "oauth.api.secret",
            "oauth.user.refresh_token",
            "event.notification.signature.key",
        ];
        let value = |key: &str| {
            (
                key.to_owned(),
                SecretSlice::from(b"sandbox-refresh-token".to_vec()),
            )
        };
        let secrets = Secrets {
            values: vec![("a".into(), BTreeMap::from(values.map(value)))],
            ..Secrets::default()
        };
        let reading = read("concur", &object.spec, &secrets, catalogue());
        let settings = reading.settings.as_ref().unwrap();
        let record = TokenRecord {
            refresh_token: Some("sandbox-refresh-token".into()),
            ..TokenRecord::default()
        };
        let header = HeaderName::from_static("authorization");
        let base = "https://api.example.com".parse().unwrap();
        let access = Access::with_header(base, &header, Some(&HUB_AUTHORIZATION.into())).unwrap();
        for shown in [
            format!("{object:?} {object:#?}"),
            format!("{secrets:?} {secrets:#?}"),
            format!("{reading:?} {reading:#?}"),
            format!("{:?} {:#?}", settings.callback, settings.credentials),
            format!("{record:?} {access:?}"),
        ] {
            assert_none_in("debug output", &shown);
        }
    }
}
