//! What is too large: a page, and what one object of the API server can hold.

use concur_sandbox::Command as Order;
use pollinator::store::{CheckpointStore, KubernetesStore, Owner};
use serde_json::{Value, json};

use super::plane::Plane;
use super::process::Operator;
use super::site::{Site, condition};
use crate::support::checkpoints;

/// 64 MiB of a page are read at most, so little more is the operator's memory.
#[tokio::test]
async fn a_page_of_two_hundred_megabytes_is_refused_and_said() {
    let site = Site::new("huge").await;
    site.apply_secret("sandbox-refresh-token").await;
    let operator = Operator::start(&site, &["--leader-election=false"]);
    site.apply("concur", json!({})).await;
    site.wait("concur", "Ready").await;
    site.create("n1");
    site.until_story(&["CREATED n1"]).await;
    let before = operator.peak_memory();
    let huge = json!({
        "command": "fault", "target": "reports", "times": 3,
        "fault": {"kind": "huge", "bytes": 200 * 1024 * 1024},
    });
    let order: Order = serde_json::from_value(huge).unwrap();
    site.sandbox.apply(order).unwrap();
    let refused = |object: &Value| condition(object, "PollSucceeded")["reason"] == "SourcePageTooLarge";
    let object = site.until("concur", "the page is refused", refused).await;
    let message = condition(&object, "PollSucceeded")["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        message.contains("larger than 64 MiB") && message.contains("pageSize"),
        "{message}"
    );
    let grown = operator.peak_memory().saturating_sub(before);
    println!("peak memory {before} B, {grown} B more for the page");
    assert!(grown < 160 * 1024 * 1024, "{grown} bytes more");
    site.create("n2");
    site.until_story(&["CREATED n1", "CREATED n2"]).await;
    site.wait("concur", "PollSucceeded").await;
}

/// The seen-set of the head and the held objects are both as large as they get.
#[tokio::test]
async fn a_checkpoint_at_its_limits_fits_into_an_object() {
    let site = Site::new("limits").await;
    // Without an owner the garbage collector would take it away.
    site.apply("concur", json!({"suspend": true})).await;
    let instance = site.instance("concur").await;
    // With the operator's rights, since nothing else needs all that it may do with checkpoints.
    let store = KubernetesStore::new(Plane::client_of(&site.operator_kubeconfig).await);
    let owner = Owner {
        namespace: site.namespace.into(),
        name: "concur".into(),
        uid: instance["metadata"]["uid"].as_str().unwrap().into(),
    };
    let checkpoint = checkpoints::full(60_000);
    let revision = store.save(&owner, "reports", &checkpoint, &None).await.unwrap();
    let again = store
        .save(&owner, "reports", &checkpoint, &revision)
        .await
        .unwrap();
    assert_ne!(again, revision);
    let (stored, _) = store.load(&owner, "reports").await.unwrap().unwrap();
    assert_eq!(stored, checkpoint);
    assert!(checkpoint.held.len() > 25, "{}", checkpoint.held.len());
}
