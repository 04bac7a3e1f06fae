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

/// The leader is frozen between two attempts to deliver an edit, for longer than its lease. Another tells the next edit
/// of the same object; the woken one must not tell the older one after it.
#[tokio::test]
async fn a_frozen_leader_that_wakes_up_tells_nothing_old() {
    let site = Site::new("frozen").await;
    site.apply_secret("sandbox-refresh-token").await;
    site.apply("concur", json!({})).await;
    let mut first = Operator::start(&site, &[]);
    site.wait("concur", "Ready").await;
    site.create("n1");
    site.until_story(&["CREATED n1"]).await;
    let mut second = Operator::start(&site, &[]);
    second.wait_ready().await;

    let fault = json!({"kind": "status", "status": 503, "retryAfter": "9"});
    let failing = json!({"command": "fault", "target": "receiver", "fault": fault});
    site.sandbox
        .apply(serde_json::from_value(failing).unwrap())
        .unwrap();
    let mut requests = site.sandbox.on_event();
    site.edit("n1");
    let refused = requests.wait_for(|_| {
        site.sandbox
            .received()
            .iter()
            .any(|received| received.status == 503)
    });
    tokio::time::timeout(SOON, refused).await.unwrap().unwrap();
    first.signal("STOP").await;
    site.edit("n1");
    second.logged("polling begins").await;
    site.until_story(&["CREATED n1", "UPDATED n1"]).await;
    let told = site.sandbox.received().len();

    first.signal("CONT").await;
    first.logged("lease lost").await;
    // Its pause between two attempts was nine seconds and is over.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(site.sandbox.received().len(), told, "the woken one sends nothing");
    site.edit("n1");
    site.until_story(&["CREATED n1", "UPDATED n1", "UPDATED n1"])
        .await;

    let (status, log) = second.terminate().await;
    assert_eq!(status.code(), Some(0), "{log:#?}");
    site.create("n2");
    site.until_story(&["CREATED n1", "UPDATED n1", "UPDATED n1", "CREATED n2"])
        .await;
    let good = |object: &Value| object["status"]["resources"][0]["consecutiveFailures"] == 0;
    site.until("concur", "the first goes on", good).await;
}

/// A misconfiguration: nothing is lost, repeats have the same ids, and the checkpoint stays whole.
#[tokio::test]
async fn two_without_leader_election_lose_nothing() {
    let site = Site::new("two-at-once").await;
    site.apply_secret("sandbox-refresh-token").await;
    let alone = ["--leader-election=false"];
    let mut pair = [Operator::start(&site, &alone), Operator::start(&site, &alone)];
    for operator in &mut pair {
        operator.logged("polling begins").await;
    }
    site.apply("concur", json!({})).await;
    site.wait("concur", "Ready").await;
    let mut wanted = Vec::new();
    for round in 0..8 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        site.create(&format!("n{round}"));
        wanted.push(format!("CREATED n{round}"));
    }
    site.until_told(&wanted).await;
    let [one, other] = pair;
    for operator in [&one, &other] {
        let log = operator.log();
        let corrupted = log.iter().find(|line| line.to_string().contains("Corrupted"));
        assert_eq!(corrupted, None);
    }

    // The one that is left goes on with what both stored.
    one.kill().await;
    site.edit("n0");
    wanted.push("UPDATED n0".to_owned());
    site.until_told(&wanted).await;
    let mut story = site.story();
    story.sort();
    wanted.sort();
    assert_eq!(story, wanted, "repeats have the id of the first attempt");
    site.until("concur", "all is well", |object| {
        object["status"]["resources"][0]["consecutiveFailures"] == 0
            && object["status"]["resources"][0]["lastResult"]["updated"] == 0
    })
    .await;
}
