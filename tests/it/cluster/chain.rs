//! The whole chain on a real API server, as users see it with kubectl.

use std::time::Duration;

use concur_sandbox::Command as Order;
use serde_json::{Value, json};

use super::process::Operator;
use super::site::{SECRET, SOON, Site, condition};
use crate::support::secrets::assert_none_in;

#[tokio::test]
async fn created_updated_killed_restarted() {
    let site = Site::new("chain").await;
    site.apply_secret("sandbox-refresh-token").await;
    let operator = Operator::start(&site, &["--leader-election=false"]);
    site.apply("concur", json!({})).await;
    site.wait("concur", "Ready").await;
    site.create("n1");
    site.until_story(&["CREATED n1"]).await;
    site.edit("n1");
    site.until_story(&["CREATED n1", "UPDATED n1"]).await;
    let before = site
        .until("concur", "the update in the status", |object| {
            object["status"]["resources"][0]["lastResult"]["unchanged"] == 1
        })
        .await;

    operator.kill().await;
    site.create("n2");
    site.edit("n1");
    let mut operator = Operator::start(&site, &["--leader-election=false"]);
    operator.logged("polling begins").await;
    let known = || site.story().contains(&"CREATED n2".to_owned()) && site.story().len() == 4;
    let mut requests = site.sandbox.on_event();
    tokio::time::timeout(SOON, requests.wait_for(|_| known()))
        .await
        .unwrap_or_else(|_| panic!("{:?}", site.story()))
        .unwrap();
    let after = site
        .until("concur", "a poll without news", |object| {
            object["status"]["resources"][0]["lastResult"]["unchanged"] == 2
        })
        .await;

    for type_ in ["Ready", "CredentialsReady", "PollSucceeded", "DeliverySucceeded"] {
        let (before, after) = (condition(&before, type_), condition(&after, type_));
        assert_eq!(after["status"], "True", "{type_}");
        assert_eq!(
            before["lastTransitionTime"], after["lastTransitionTime"],
            "{type_} did not flap"
        );
    }
    assert_eq!(after["metadata"]["generation"], 1, "the spec belongs to the user");
    for manager in after["metadata"]["managedFields"].as_array().unwrap() {
        if manager["manager"] == "pollinator" {
            assert_eq!(
                (&manager["operation"], &manager["subresource"]),
                (&json!("Apply"), &json!("status"))
            );
            let fields = manager["fieldsV1"].as_object().unwrap();
            assert_eq!(fields.keys().collect::<Vec<_>>(), ["f:status"], "{manager}");
        }
    }
    let managers = after["metadata"]["managedFields"].to_string();
    assert!(managers.contains("\"pollinator\""), "{managers}");
    shown(&site).await;
}

/// Columns and description.
async fn shown(site: &Site) {
    let listed = site.kubectl(&["get", "pi"]).await;
    let columns = |text: &str| {
        text.lines()
            .next()
            .unwrap()
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        columns(&listed),
        ["NAME", "ELEMENT", "READY", "REASON", "LAST-POLLED", "AGE"]
    );
    let row: Vec<&str> = listed.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..4], ["concur", "concur", "True", "Polling"], "{listed}");
    assert!(row[4].ends_with('s') || row[4].ends_with('m'), "{listed}");
    let wide = site.kubectl(&["get", "pi", "-o", "wide"]).await;
    assert_eq!(columns(&wide)[6..], ["INTERVAL", "NEXT", "RESOURCES"]);
    assert!(wide.contains(" 1s "), "{wide}");
    let checkpoints = site.kubectl(&["get", "pollingcheckpoints"]).await;
    assert!(
        checkpoints.contains("reports") && checkpoints.contains("Steady"),
        "{checkpoints}"
    );

    let described = site.kubectl(&["describe", "pi", "concur"]).await;
    let events = described.split("Events:").nth(1).unwrap();
    assert!(
        events.contains("Polling") && events.contains("pollinator"),
        "{described}"
    );
    let polling = events
        .lines()
        .filter(|line| line.split_whitespace().nth(1) == Some("Polling"))
        .count();
    assert_eq!(polling, 1, "told once, also after a restart: {described}");
    assert_none_in("kubectl describe", &described);
}

#[tokio::test]
async fn a_mended_secret_is_taken_within_seconds_and_everything_goes_with_the_instance() {
    let site = Site::new("mended").await;
    site.apply_secret("a-wrong-token").await;
    site.sandbox
        .apply(Order::Configure {
            knobs: json!({"rotate": "new-old-dead"}),
        })
        .unwrap();
    let _operator = Operator::start(&site, &["--leader-election=false"]);
    site.apply("concur", json!({"polling": {"interval": "1h"}})).await;
    site.wait("concur", "CredentialsReady=False").await;
    let object = site.instance("concur").await;
    let message = condition(&object, "CredentialsReady")["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(message.contains("108") && message.contains("Secret"), "{message}");
    assert_eq!(site.sandbox.log().len(), 1, "one call with the wrong token");

    site.apply_secret("sandbox-refresh-token").await;
    let mended = tokio::time::Instant::now();
    site.wait("concur", "Ready").await;
    assert!(
        mended.elapsed() < Duration::from_secs(15),
        "{:?}",
        mended.elapsed()
    );

    // A second instance with the same credentials shares the token, which stays as long as one of them does.
    site.apply("twin", json!({"polling": {"interval": "2s"}})).await;
    site.wait("twin", "Ready").await;
    // One for the token that was refused, one for the token that works.
    until_kept(&site, 2, 2).await;
    site.kubectl(&["delete", "pi", "concur", "--wait=true"]).await;
    until_kept(&site, 1, 1).await;
    let polls = site.sandbox.log().len();
    let mut requests = site.sandbox.on_event();
    let goes_on = requests.wait_for(|_| site.sandbox.log().len() > polls + 1);
    tokio::time::timeout(SOON, goes_on)
        .await
        .expect("the twin goes on")
        .unwrap();
    site.kubectl(&["delete", "pi", "twin", "--wait=true"]).await;
    until_kept(&site, 0, 0).await;
}

/// Checkpoints and Secrets of a namespace.
async fn kept(site: &Site) -> Vec<String> {
    let kinds = site.kubectl(&["get", "pcp,secrets", "-o", "name"]).await;
    kinds.lines().map(str::to_owned).collect()
}

/// Waits until the garbage collector has left so many checkpoints and token Secrets, and the user's Secret.
async fn until_kept(site: &Site, checkpoints: usize, tokens: usize) {
    let end = tokio::time::Instant::now() + SOON;
    loop {
        let kept = kept(site).await;
        assert!(kept.contains(&format!("secret/{SECRET}")), "{kept:?}");
        let count = |part: &str| kept.iter().filter(|name| name.contains(part)).count();
        if (count("pollingcheckpoint"), count("pollinator-tokens-")) == (checkpoints, tokens) {
            return;
        }
        assert!(tokio::time::Instant::now() < end, "left behind: {kept:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn loopback_is_refused_unless_allowed() {
    let site = Site::new("guarded").await;
    site.apply_secret("sandbox-refresh-token").await;
    let operator = Operator::start_guarded(&site, &["--leader-election=false"]);
    site.apply("concur", json!({})).await;
    let says = |type_: &'static str, words: [&'static str; 2]| {
        move |object: &Value| {
            let condition = condition(object, type_);
            let message = condition["message"].as_str().unwrap_or_default();
            condition["status"] == "False" && words.iter().all(|word| message.contains(word))
        }
    };
    site.until(
        "concur",
        "the source is refused",
        says("Ready", ["127.0.0.1", "--allow-address"]),
    )
    .await;
    assert_eq!(site.sandbox.log().len(), 0);
    operator.kill().await;

    // The source is allowed, the callback is the metadata service of a cloud.
    let _operator = Operator::start(&site, &["--leader-election=false"]);
    site.wait("concur", "Ready").await;
    let metadata =
        json!({"configuration": {"event.notification.callback.url": "http://169.254.169.254/latest"}});
    site.apply("concur", metadata).await;
    site.create("n1");
    let refused = says("DeliverySucceeded", ["169.254.169.254", "--allow-address"]);
    site.until("concur", "the callback is refused", refused).await;
    assert_eq!(site.story(), [] as [&str; 0]);
}
