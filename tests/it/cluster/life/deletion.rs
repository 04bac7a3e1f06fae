//! Nothing blocks a deletion, and nothing is written after it.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::process::Operator;
use super::super::site::{SOON, Site};

/// Log lines that a deletion may cause: what is under way may find its namespace closed, once for each instance.
const MOST_WARNINGS: usize = 4;

fn warnings(log: &[Value]) -> Vec<&Value> {
    let loud = |line: &&Value| line["level"] == "WARN" || line["level"] == "ERROR";
    log.iter().filter(loud).collect()
}

/// Deletes the namespace as users do, who wait for kubectl.
async fn delete_namespace(site: &Site) {
    let began = Instant::now();
    let delete = ["delete", "namespace", site.namespace, "--timeout=60s"];
    site.plane.kubectl(&delete).await.unwrap();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

/// Ends the operator, which has hardly warned of anything since there were `warned` warnings.
async fn ends_well(operator: Operator, warned: usize) {
    let (status, log) = operator.terminate().await;
    assert_eq!(status.code(), Some(0));
    assert!(
        warnings(&log).len() <= warned + MOST_WARNINGS,
        "{:#?}",
        warnings(&log)
    );
}

async fn polling(name: &'static str, knobs: Value) -> (Site, Operator) {
    let mut site = Site::new(name).await;
    // The roles of one namespace go with it, and what is then refused tells nothing of what is deleted.
    site.operator_kubeconfig = site.plane.kubeconfig().to_owned();
    site.knobs(knobs);
    site.apply_secret("sandbox-refresh-token").await;
    let operator = Operator::start(&site, &["--leader-election=false"]);
    for instance in ["one", "two"] {
        site.apply(instance, json!({})).await;
        site.wait(instance, "Ready").await;
    }
    (site, operator)
}

#[tokio::test]
async fn a_namespace_goes_while_its_instances_are_polled() {
    let (site, operator) = polling("goes-polled", json!({"rotate": "new-old-dead"})).await;
    let kept = site.kubectl(&["get", "pcp,secrets", "-o", "name"]).await;
    assert!(
        kept.contains("pollingcheckpoint") && kept.contains("pollinator-tokens-"),
        "{kept}"
    );
    let warned = warnings(&operator.log()).len();
    delete_namespace(&site).await;
    let polls = site.sandbox.log().len();
    ends_well(operator, warned).await;
    assert_eq!(site.sandbox.log().len(), polls, "nothing is polled any more");
}

#[tokio::test]
async fn a_namespace_goes_amid_a_poll_and_nothing_comes_back() {
    let (site, operator) = polling("goes-amid", json!({})).await;
    let hang = json!({"target": "reports", "fault": {"kind": "hang", "ms": 4000}, "times": 2});
    let polls = site.sandbox.log().len();
    site.sandbox
        .apply(concur_sandbox::Command::Fault(
            serde_json::from_value(hang).unwrap(),
        ))
        .unwrap();
    let mut asked = site.sandbox.on_event();
    let both = asked.wait_for(|_| site.sandbox.log().len() >= polls + 2);
    tokio::time::timeout(SOON, both)
        .await
        .expect("both are asked")
        .unwrap();
    site.create("n1");
    let warned = warnings(&operator.log()).len();
    delete_namespace(&site).await;
    // The same names again: what is told of the old ones must not reach the new ones.
    site.plane
        .kubectl(&["create", "namespace", site.namespace])
        .await
        .unwrap();
    site.apply_secret("sandbox-refresh-token").await;
    site.apply("one", json!({})).await;
    site.wait("one", "Ready").await;
    ends_well(operator, warned).await;
    let checkpoints = site.kubectl(&["get", "pcp", "-o", "json"]).await;
    let checkpoints: Value = serde_json::from_str(&checkpoints).unwrap();
    let owner = site.instance("one").await["metadata"]["uid"].clone();
    for checkpoint in checkpoints["items"].as_array().unwrap() {
        assert_eq!(
            checkpoint["metadata"]["ownerReferences"][0]["uid"], owner,
            "{checkpoint:#}"
        );
    }
}

#[tokio::test]
async fn a_namespace_goes_without_an_operator() {
    let (site, operator) = polling("goes-alone", json!({})).await;
    operator.kill().await;
    site.kubectl(&["delete", "pi", "one", "--timeout=60s"]).await;
    delete_namespace(&site).await;
}
