//! A callback that is down costs nothing but time.

use concur_sandbox::{Fault, Target};
use serde_json::{Value, json};

use super::rig::{HOUR, Rig, SOON, condition};

/// The status says whether delivery works, and when it lasts the instance is not ready; nothing is lost or repeated.
async fn callback_down(knobs: Value, mended: Value, minutes: u32, reason: &str, after: &[&str]) {
    let rig = Rig::polling(json!({"delivery": {"retrySchedule": ["8s", "64s", "512s"]}}));
    rig.wait_ready("concur").await;
    rig.configure(knobs.clone());
    for id in ["n1", "n2"] {
        rig.create(id);
        rig.pass(SOON / 2).await;
    }
    let delivery = rig
        .wait_condition("concur", "DeliverySucceeded=False", SOON)
        .await;
    assert_eq!(delivery["reason"], reason, "{delivery:#}");
    rig.touch("n1");
    let ready = rig
        .wait_condition("concur", &format!("Ready=False {reason}"), HOUR)
        .await;
    assert!(
        ready["message"].as_str().unwrap().contains("polls in a row"),
        "{ready:#}"
    );
    assert_eq!(
        rig.condition("concur", "PollSucceeded")["status"],
        "True",
        "the source is not to blame"
    );
    rig.pass(HOUR / 60 * minutes).await;
    assert_eq!(rig.story(), [] as [&str; 0]);
    assert_eq!(
        condition(&rig.status("concur"), "Ready")["lastTransitionTime"],
        ready["lastTransitionTime"]
    );
    let attempts = rig.sandbox.received().len();
    assert!(attempts < 100 + 10 * minutes as usize, "{attempts} attempts");

    rig.configure(mended);
    rig.until_story(after, HOUR / 4).await;
    rig.wait_ready("concur").await;
    rig.touch("n2");
    rig.until_story(&[after, &["UPDATED n2"]].concat(), SOON).await;
    rig.pass(HOUR / 6).await;
    assert_eq!(rig.story().len(), after.len() + 1, "{:?}", rig.story());
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn server_errors_for_an_hour() {
    let (down, up) = (json!({"receiverStatus": 500}), json!({"receiverStatus": null}));
    // It may have taken the first state of n1 before it failed, so it is told of the second as well.
    let after = ["CREATED n1", "UPDATED n1", "CREATED n2"];
    callback_down(down, up, 60, "CallbackServerError", &after).await;
}

#[tokio::test(start_paused = true)]
async fn unavailable_for_ten_minutes() {
    let (down, up) = (json!({"receiverDown": true}), json!({"receiverDown": false}));
    let after = ["CREATED n1", "UPDATED n1", "CREATED n2"];
    callback_down(down, up, 10, "CallbackServerError", &after).await;
}

#[tokio::test(start_paused = true)]
async fn a_wrong_address_for_ten_minutes() {
    let (down, up) = (json!({"receiverStatus": 404}), json!({"receiverStatus": null}));
    callback_down(down, up, 10, "CallbackRefused", &["CREATED n1", "CREATED n2"]).await;
}

#[tokio::test(start_paused = true)]
async fn one_failed_delivery_leaves_the_instance_ready() {
    let rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    let failed = Fault::Status {
        status: 500,
        body: None,
        retry_after: None,
        content_type: None,
    };
    rig.fault(Target::Receiver, failed, 2);
    rig.create("n1");
    rig.until_story(&["CREATED n1"], HOUR).await;
    rig.pass(SOON).await;
    for write in rig.status_writes() {
        let ready = condition(&write.body.unwrap()["status"], "Ready");
        assert_ne!(ready["status"], "False", "{ready:#}");
    }
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_refused_object_is_held_and_told_while_others_go_on() {
    let rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    rig.configure(json!({"refuseIds": ["n1"]}));
    for id in ["n1", "n2", "n3"] {
        rig.create(id);
    }
    rig.until_story(&["CREATED n2", "CREATED n3"], SOON).await;
    let delivery = rig
        .wait_condition("concur", "DeliverySucceeded=False ObjectsHeld", SOON)
        .await;
    assert!(
        delivery["message"].as_str().unwrap().contains("n1"),
        "{delivery:#}"
    );
    let held = &rig.status("concur")["resources"][0]["heldObjects"];
    assert_eq!((&held["count"], &held["examples"]), (&json!(1), &json!(["n1"])));
    rig.configure(json!({"refuseIds": []}));
    rig.until_story(&["CREATED n2", "CREATED n3", "CREATED n1"], HOUR)
        .await;
    rig.wait_condition("concur", "DeliverySucceeded=True", SOON).await;
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn one_resource_fails_and_the_other_goes_on() {
    let rig = Rig::polling(json!({"configuration": {"event.poller.configuration": {
        "drafts": {"url": "/hubs/expense/reports?where=modifiedDateAfter='yesterday'", "idField": "ID"},
    }}}));
    rig.wait_condition("concur", "Ready=False", HOUR).await;
    rig.create("n1");
    rig.until_story(&["CREATED n1"], SOON).await;
    let status = rig.status("concur");
    let state = |name: &str| {
        let resources = status["resources"].as_array().unwrap();
        resources
            .iter()
            .find(|resource| resource["name"] == name)
            .unwrap()["state"]
            .clone()
    };
    assert_eq!(
        (state("reports"), state("drafts")),
        (json!("Polled"), json!("PollFailed"))
    );
    let poll = condition(&status, "PollSucceeded");
    assert!(poll["message"].as_str().unwrap().contains("drafts"), "{poll:#}");
    assert_eq!(condition(&status, "DeliverySucceeded")["status"], "True");
    rig.assert_clean();
}
