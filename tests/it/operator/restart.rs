//! What the status says survives a restart of the operator.

use serde_json::{Value, json};

use super::rig::{HOUR, Rig, SOON, condition};

/// Every `Ready` written since the first `from` writes.
fn readies(rig: &Rig, from: usize) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ready = |body: &Value| {
        let ready = condition(&body["status"], "Ready");
        (text(&ready["status"]), text(&ready["reason"]))
    };
    rig.status_writes()[from..]
        .iter()
        .map(|write| ready(write.body.as_ref().unwrap()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_healthy_instance_stays_ready_and_keeps_its_rhythm() {
    let mut rig = Rig::polling(json!({"polling": {"interval": "20m"}}));
    rig.wait_ready("concur").await;
    rig.pass(HOUR).await;
    let before = rig.status("concur");
    let (writes, events, polls) = (
        rig.status_writes().len(),
        rig.events("concur"),
        rig.sandbox.log().len(),
    );
    for _ in 0..3 {
        rig.stop().await;
        rig.start();
        rig.pass(SOON / 4).await;
    }
    assert_eq!(rig.sandbox.log().len(), polls, "a restart is no reason to poll");
    rig.pass(HOUR).await;
    assert_eq!(rig.events("concur"), events);
    assert!(
        readies(&rig, writes).iter().all(|(status, _)| status == "True"),
        "{:?}",
        readies(&rig, writes)
    );
    for type_ in ["Ready", "CredentialsReady", "PollSucceeded", "DeliverySucceeded"] {
        let time = |status: &Value| condition(status, type_)["lastTransitionTime"].clone();
        assert_eq!(time(&rig.status("concur")), time(&before), "{type_}");
    }
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_failing_instance_stays_not_ready() {
    let mut rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    rig.configure(json!({"receiverStatus": 500}));
    rig.create("n1");
    rig.wait_condition("concur", "Ready=False", HOUR).await;
    let writes = rig.status_writes().len();
    rig.stop().await;
    rig.start();
    rig.pass(HOUR * 2).await;
    let readies = readies(&rig, writes);
    assert!(
        !readies.is_empty() && readies.iter().all(|(status, _)| status == "False"),
        "{readies:?}"
    );
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn what_only_a_human_can_mend_stays_stalled() {
    let mut rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    rig.configure(json!({"receiverStatus": 410}));
    rig.create("n1");
    rig.wait_condition("concur", "Ready=False CallbackGone", HOUR)
        .await;
    let writes = rig.status_writes().len();
    rig.stop().await;
    rig.start();
    rig.pass(HOUR).await;
    for write in &rig.status_writes()[writes..] {
        let stalled = condition(&write.body.as_ref().unwrap()["status"], "Stalled");
        assert_eq!(stalled["reason"], "CallbackGone", "{write:?}");
    }
    assert_eq!(rig.condition("concur", "Stalled")["status"], "True");
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn one_of_two_resources_failing_after_a_restart_does_not_make_ready_unknown() {
    let resource = |field: &str| {
        json!({"url": "/hubs/expense/reports?where=modifiedDateAfter='${date:yyyy-MM-dd'T'HH:mm:ss.SSS}'", "idField": "ID",
        "datesConfiguration": {"updatedDateField": field, "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss.SSS"}})
    };
    let mut rig = Rig::polling(json!({
        "polling": {"interval": "10m"},
        "configuration": {"event.poller.configuration": {"second": resource("LastModifiedDate")}},
    }));
    rig.wait_ready("concur").await;
    rig.pass(HOUR).await;
    let writes = rig.status_writes().len();
    rig.stop().await;
    rig.command(
        serde_json::from_value(
            json!({"command": "fault", "target": "reports", "fault": {"kind": "maintenance"}, "times": 2}),
        )
        .unwrap(),
    );
    rig.start();
    rig.pass(HOUR).await;
    let readies = readies(&rig, writes);
    assert!(
        !readies.is_empty() && readies.iter().all(|(status, _)| status == "True"),
        "{readies:?}"
    );
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_spec_changed_meanwhile_is_acted_on_at_once() {
    let mut rig = Rig::polling(json!({"polling": {"interval": "2h"}}));
    rig.wait_ready("concur").await;
    rig.pass(SOON).await;
    rig.stop().await;
    rig.create("n1");
    rig.edit("concur", |object| object["spec"]["tags"] = json!(["changed"]));
    rig.start();
    rig.until_story(&["CREATED n1"], SOON).await;
    rig.until("the status speaks of the new spec", SOON, |rig| {
        rig.status("concur")["observedGeneration"] == 2
    })
    .await;
    rig.wait_ready("concur").await;
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_broken_secret_mended_meanwhile_is_found_at_once() {
    let mut rig = Rig::new();
    rig.seed_secret();
    rig.seed("concur", json!({"polling": {"interval": "2h"}}));
    rig.command(concur_sandbox::Command::SetRefreshToken {
        value: "another-token".into(),
    });
    rig.start();
    rig.wait_condition("concur", "Ready=False CredentialsRejected", SOON)
        .await;
    rig.stop().await;
    rig.fake
        .update("secrets", super::rig::NAMESPACE, super::rig::SECRET, |secret| {
            secret["data"] = super::rig::secret_manifest("another-token")["data"].clone();
        });
    rig.start();
    rig.wait_ready("concur").await;
    rig.assert_clean();
}
