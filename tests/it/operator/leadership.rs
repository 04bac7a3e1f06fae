//! One operator works at a time; where two do all the same, nothing is lost.

use std::time::Duration;

use concur_sandbox::Target;
use serde_json::json;

use super::rig::{HOUR, NAMESPACE, Rig, SOON};
use crate::fake_api::{Verb, on};

#[tokio::test(start_paused = true)]
async fn who_loses_the_lease_stops_and_goes_on_when_it_is_free() {
    let mut rig = Rig::new();
    rig.seed_secret();
    rig.seed("concur", json!({"polling": {"interval": "10s"}}));
    rig.start_electing();
    rig.wait_ready("concur").await;
    let hold = |rig: &Rig, who: &str| {
        rig.fake.update("leases", NAMESPACE, "pollinator", |lease| {
            lease["spec"]["holderIdentity"] = json!(who)
        });
    };
    rig.pass(Duration::from_secs(30)).await;
    let counted = |count: u8| format!("pollinator_instances{{ready=\"True\",reason=\"Polling\"}} {count}\n");
    assert!(rig.metrics().contains(&counted(1)), "{}", rig.metrics());
    hold(&rig, "somebody else");
    rig.pass(Duration::from_secs(5)).await;
    let counts = rig.metrics().contains("pollinator_instances{");
    assert!(!counts, "{}", rig.metrics());
    let asked = rig.sandbox.log().len();
    rig.create("n1");
    rig.pass(HOUR / 6).await;
    assert_eq!(
        rig.sandbox.log().len(),
        asked,
        "nothing is polled without the lease"
    );
    hold(&rig, "");
    rig.until_story(&["CREATED n1"], SOON).await;
    rig.stop().await;
    let lease = rig.fake.get("leases", NAMESPACE, "pollinator").unwrap();
    assert_eq!(lease["spec"].get("holderIdentity"), None, "released at the end");
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_lease_ends_when_asked() {
    let mut rig = Rig::new();
    rig.seed_secret();
    rig.seed("concur", json!({}));
    rig.fake.seed(json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "pollinator", "namespace": NAMESPACE},
        "spec": {"holderIdentity": "somebody else", "leaseDurationSeconds": 15},
    }));
    rig.start_electing();
    rig.pass(SOON).await;
    rig.stop().await;
    let lease = rig.fake.get("leases", NAMESPACE, "pollinator").unwrap();
    assert_eq!(lease["spec"]["holderIdentity"], "somebody else");
    assert_eq!(rig.sandbox.log().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_the_kinds_it_waits_and_still_ends_when_asked() {
    let mut rig = Rig::new();
    rig.seed_secret();
    rig.seed("concur", json!({}));
    rig.fake.kinds_missing(true);
    rig.start();
    rig.pass(Duration::from_secs(12)).await;
    assert_eq!(rig.sandbox.log().len(), 0);
    rig.stop().await;
    rig.start();
    rig.pass(Duration::from_secs(12)).await;
    rig.fake.kinds_missing(false);
    rig.wait_ready("concur").await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_cannot_begin_does_not_keep_it_from_ending() {
    let mut rig = Rig::new();
    rig.seed_secret();
    rig.seed("concur", json!({}));
    rig.fake.fail_next(on(Verb::List, "pollinginstances"), 403, 10);
    rig.start();
    rig.pass(Duration::from_secs(3)).await;
    rig.stop().await;
    assert_eq!(rig.sandbox.log().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn two_that_poll_at_once_lose_nothing_and_say_so() {
    let mut rig = Rig::polling(json!({"polling": {"interval": "10s"}}));
    rig.wait_ready("concur").await;
    rig.start();
    let mut wanted = Vec::new();
    for round in 0..12_u64 {
        rig.create(&format!("n{round:02}"));
        wanted.push(format!("CREATED n{round:02}"));
        rig.pass(Duration::from_millis(3100)).await;
    }
    rig.until("all are reported", HOUR, |rig| {
        rig.distinct_story().len() >= wanted.len()
    })
    .await;
    rig.pass(SOON).await;
    assert_eq!(rig.distinct_story(), wanted);
    let told = rig
        .status_writes()
        .iter()
        .any(|write| write.body.as_ref().unwrap().to_string().contains("TakenOver"));
    assert!(told, "the status tells of the other");
    rig.stop().await;
    let asked = rig.asked(Target::Reports);
    rig.create("n12");
    rig.until("the other goes on", SOON, |rig| {
        rig.story().contains(&"CREATED n12".to_owned())
    })
    .await;
    assert!(rig.asked(Target::Reports) > asked);
    rig.wait_ready("concur").await;
    rig.assert_clean();
}
