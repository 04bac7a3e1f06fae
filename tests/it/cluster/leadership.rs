//! Several operators: one works.

use std::time::Duration;

use serde_json::{Value, json};

use super::process::Operator;
use super::site::{SOON, Site};

async fn holder(site: &Site) -> String {
    let leases = site
        .plane
        .objects(site.namespace, ("coordination.k8s.io", "v1", "Lease"))
        .await;
    let lease = serde_json::to_value(leases.get("pollinator").await.unwrap()).unwrap();
    lease["spec"]["holderIdentity"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn one_of_two_works_and_the_other_takes_over() {
    let site = Site::new("leadership").await;
    site.apply_secret("sandbox-refresh-token").await;
    site.apply("concur", json!({})).await;
    let mut pair = [Operator::start(&site, &[]), Operator::start(&site, &[])];
    for operator in &mut pair {
        operator.wait_ready().await;
        assert_eq!(operator.get("/livez").await.0, 200);
    }
    site.wait("concur", "Ready").await;
    site.create("n1");
    site.until_story(&["CREATED n1"]).await;
    assert_eq!(
        pair.iter().filter(|operator| operator.polls()).count(),
        1,
        "one of two polls"
    );
    let [a, b] = pair;
    let (mut leader, mut standby) = if a.polls() { (a, b) } else { (b, a) };
    let (_, metrics) = leader.get("/metrics").await;
    assert!(metrics.contains("pollinator_leading 1"), "{metrics}");
    let polls = |line: &&str| line.starts_with("pollinator_polls_total{") && line.contains("result=\"ok\"");
    assert!(metrics.lines().any(|line| polls(&line)), "{metrics}");
    assert!(
        !metrics.contains("leadership"),
        "no name of an object in a metric: {metrics}"
    );
    assert!(standby.get("/metrics").await.1.contains("pollinator_leading 0"));

    leader.kill().await;
    site.edit("n1");
    standby.logged("polling begins").await;
    site.until_story(&["CREATED n1", "UPDATED n1"]).await;

    // A leader that is asked to end hands over at once.
    let mut third = Operator::start(&site, &[]);
    third.wait_ready().await;
    let before = holder(&site).await;
    assert!(!third.polls());
    let (status, log) = standby.terminate().await;
    assert_eq!(status.code(), Some(0), "{log:#?}");
    let asked = tokio::time::Instant::now();
    third.logged("polling begins").await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_ne!(holder(&site).await, before);
    site.create("n2");
    site.until_story(&["CREATED n1", "UPDATED n1", "CREATED n2"])
        .await;

    let (status, log) = third.terminate().await;
    assert_eq!(status.code(), Some(0), "{log:#?}");
    assert_eq!(holder(&site).await, "", "the lease is released");
    let errors: Vec<&Value> = log.iter().filter(|line| line["level"] == "ERROR").collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[tokio::test]
async fn a_poll_under_way_is_finished_before_the_end() {
    let site = Site::new("draining").await;
    site.apply_secret("sandbox-refresh-token").await;
    let operator = Operator::start(&site, &["--leader-election=false"]);
    site.apply("concur", json!({})).await;
    site.wait("concur", "Ready").await;
    let slow =
        json!({"command": "fault", "target": "receiver", "fault": {"kind": "accept-then-hang", "ms": 2000}});
    site.sandbox.apply(serde_json::from_value(slow).unwrap()).unwrap();
    site.create("n1");
    let mut requests = site.sandbox.on_event();
    tokio::time::timeout(SOON, requests.wait_for(|_| !site.sandbox.received().is_empty()))
        .await
        .unwrap()
        .unwrap();
    let (status, log) = operator.terminate().await;
    assert_eq!(status.code(), Some(0), "{log:#?}");

    let _operator = Operator::start(&site, &["--leader-election=false"]);
    site.create("n2");
    let arrived = || site.story().contains(&"CREATED n2".to_owned());
    tokio::time::timeout(SOON, requests.wait_for(|_| arrived()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        site.sandbox.received().len(),
        2,
        "what was under way was finished and remembered"
    );
}
