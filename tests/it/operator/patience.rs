//! What a callback asked for outlives the operator, and a human can always cut it short.

use concur_sandbox::{Fault, Target};
use serde_json::{Value, json};

use super::rig::{HOUR, NAMESPACE, Rig, SECRET, SOON};
use crate::fake_api::{Verb, on};
use crate::support::transport::RECEIVER_HOST;

fn resource(rig: &Rig) -> Value {
    rig.status("concur")["resources"][0].clone()
}

fn times(rig: &Rig, reason: &str) -> u64 {
    let events = rig.events("concur");
    events
        .iter()
        .filter(|(of, _)| of == reason)
        .map(|(_, count)| count)
        .sum()
}

fn calls(rig: &Rig) -> usize {
    rig.sandbox.received().len()
}

/// The Secret is written anew; its values stay.
fn touch_secret(rig: &Rig) {
    rig.fake.update("secrets", NAMESPACE, SECRET, |secret| {
        secret["metadata"]["annotations"] = json!({"touched": "yes"});
    });
}

async fn gone() -> Rig {
    let rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    rig.configure(json!({"receiverStatus": 410}));
    rig.create("n1");
    let ready = rig
        .wait_condition("concur", "Ready=False CallbackGone", SOON)
        .await;
    let message = ready["message"].as_str().unwrap();
    for words in ["410 Gone", "event.notification.callback.url", "requestedAt"] {
        assert!(message.contains(words), "{message}");
    }
    rig
}

#[tokio::test(start_paused = true)]
async fn a_callback_that_is_gone_is_left_alone() {
    let mut rig = gone().await;
    rig.wait_condition("concur", "DeliverySucceeded=False CallbackGone", SOON)
        .await;
    assert_eq!(rig.status("concur")["nextPoll"], Value::Null, "none is due");
    let (asked, writes) = (rig.sandbox.log().len(), rig.status_writes().len());
    rig.pass(HOUR * 2).await;
    for _ in 0..3 {
        rig.stop().await;
        rig.start();
        rig.pass(HOUR / 4).await;
    }
    rig.kill();
    rig.start();
    rig.pass(HOUR * 2).await;
    assert_eq!(
        rig.sandbox.log().len(),
        asked,
        "neither callback nor source is called"
    );
    assert_eq!(times(&rig, "CallbackGone"), 1);
    assert_eq!(rig.condition("concur", "Ready")["reason"], "CallbackGone");
    assert!(
        rig.status_writes().len() <= writes + 1,
        "{} writes",
        rig.status_writes().len() - writes
    );

    rig.annotate("concur", "pollinator.dev/requestedAt", "again");
    rig.until("one more call", SOON, |rig| calls(rig) == 2).await;
    rig.pass(HOUR).await;
    assert_eq!(calls(&rig), 2);
    rig.configure(json!({"receiverStatus": null}));
    rig.annotate("concur", "pollinator.dev/requestedAt", "and again");
    rig.until_story(&["CREATED n1"], SOON).await;
    rig.wait_ready("concur").await;
    rig.wait_condition("concur", "DeliverySucceeded=True", SOON).await;
    rig.assert_clean();
}

/// A human acted while the source was left alone; a restart before the next poll does not undo that.
#[tokio::test(start_paused = true)]
async fn a_request_during_a_rest_outlives_a_restart() {
    let mut rig = gone().await;
    let throttled = Fault::TooManyRequests {
        retry_after: Some("1800".into()),
    };
    rig.fault(Target::Reports, throttled, 1);
    rig.seed("second", json!({}));
    rig.wait_condition("second", "PollSucceeded=False SourceThrottled", SOON)
        .await;
    rig.configure(json!({"receiverStatus": null}));
    rig.annotate("concur", "pollinator.dev/requestedAt", "again");
    rig.pass(SOON).await;
    assert_eq!(calls(&rig), 1, "the source rests");
    rig.stop().await;
    rig.start();
    rig.until_story(&["CREATED n1"], HOUR).await;
    rig.wait_condition("concur", "DeliverySucceeded=True", SOON).await;
    rig.assert_clean();
}

/// That a callback did not accept something stays known while the source fails.
#[tokio::test(start_paused = true)]
async fn a_failing_source_does_not_make_a_failing_callback_well() {
    let rig = Rig::polling(json!({"polling": {"interval": "10s"}}));
    rig.wait_ready("concur").await;
    rig.configure(json!({"receiverStatus": 500}));
    rig.create("n1");
    rig.wait_condition("concur", "DeliverySucceeded=False CallbackServerError", SOON)
        .await;
    rig.fault(Target::Reports, Fault::Deadlock, 9);
    rig.wait_condition("concur", "PollSucceeded=False SourceTemporaryError", HOUR)
        .await;
    let delivery = rig.condition("concur", "DeliverySucceeded");
    assert_eq!(
        (&delivery["status"], &delivery["reason"]),
        (&json!("False"), &json!("CallbackServerError"))
    );
    rig.configure(json!({"receiverStatus": null}));
    rig.until_story(&["CREATED n1"], HOUR).await;
    rig.wait_condition("concur", "DeliverySucceeded=True", HOUR).await;
    rig.assert_clean();
}

/// What could not be read for a while was not forgotten for it.
#[tokio::test(start_paused = true)]
async fn a_callback_that_is_gone_is_left_alone_when_secrets_were_out_of_reach() {
    let mut rig = gone().await;
    rig.stop().await;
    let secrets = || on(Verb::Get, "secrets").named(SECRET);
    rig.fake.fail_next(secrets(), 403, 20);
    rig.start();
    rig.wait_condition("concur", "Ready=False SecretNotReady", HOUR)
        .await;
    rig.stop().await;
    rig.start();
    rig.pass(HOUR * 2).await;
    assert_eq!(calls(&rig), 1);
    assert_eq!(rig.condition("concur", "Ready")["reason"], "CallbackGone");
    rig.assert_clean();
}

/// A changed spec or Secret is a reason to call again, also when it changed while no operator ran.
#[tokio::test(start_paused = true)]
async fn a_change_ends_the_wait() {
    type Change = fn(&Rig);
    let spec: Change = |rig| rig.edit("concur", |object| object["spec"]["tags"] = json!(["changed"]));
    for status in [410, 500] {
        for (change, down) in [
            (spec, false),
            (spec, true),
            (touch_secret as Change, false),
            (touch_secret, true),
        ] {
            let mut rig = Rig::polling(json!({}));
            rig.wait_ready("concur").await;
            rig.configure(json!({"receiverStatus": status}));
            rig.create("n1");
            rig.wait_condition("concur", "Ready=False", HOUR).await;
            rig.configure(json!({"receiverStatus": null}));
            rig.pass(SOON).await;
            assert_eq!(rig.story(), [] as [&str; 0], "{status}: it waits");
            if down {
                rig.stop().await;
            }
            change(&rig);
            if down {
                rig.start();
            }
            rig.until_story(&["CREATED n1"], SOON).await;
            rig.wait_ready("concur").await;
            rig.assert_clean();
        }
    }
}

/// The place in the retry schedule, and the wait itself, survive a restart.
#[tokio::test(start_paused = true)]
async fn restarts_do_not_hurry_the_schedule() {
    let mut rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    rig.configure(json!({"receiverStatus": 500}));
    rig.create("n1");
    rig.until("the wait of more than an hour", HOUR, |rig| {
        resource(rig)["consecutiveDeliveryFailures"] == 3
    })
    .await;
    let next = resource(&rig)["nextPoll"].clone();
    let before = calls(&rig);
    for _ in 0..10 {
        rig.stop().await;
        rig.start();
        rig.pass(SOON).await;
    }
    assert_eq!(calls(&rig), before, "ten restarts, no call");
    assert_eq!(resource(&rig)["nextPoll"], next, "the same promise");
    rig.until("the next attempt", HOUR * 2, |rig| calls(rig) > before)
        .await;
    rig.pass(SOON).await;
    assert_eq!(resource(&rig)["consecutiveDeliveryFailures"], 4);
    let before = calls(&rig);
    rig.stop().await;
    rig.start();
    rig.pass(HOUR * 6).await;
    assert_eq!(calls(&rig), before, "the schedule goes on where it was: 9 h");
    rig.configure(json!({"receiverStatus": null}));
    rig.annotate("concur", "pollinator.dev/requestedAt", "now");
    rig.until_story(&["CREATED n1"], SOON).await;
    rig.until("the count is gone", SOON, |rig| {
        resource(rig)["consecutiveDeliveryFailures"].is_null()
    })
    .await;
    rig.assert_clean();
}

async fn holding(ids: &[&str], patch: Value) -> Rig {
    let rig = Rig::polling(patch);
    rig.wait_ready("concur").await;
    rig.configure(json!({"refuseIds": ids}));
    ids.iter().for_each(|id| rig.create(id));
    rig.wait_condition("concur", "DeliverySucceeded=False ObjectsHeld", HOUR * 3)
        .await;
    rig
}

#[tokio::test(start_paused = true)]
async fn held_objects_are_told_and_tried_on_request() {
    let mut rig = holding(&["n1", "n2"], json!({})).await;
    rig.pass(HOUR * 2).await;
    let held = resource(&rig)["heldObjects"].clone();
    assert_eq!(held["count"], 2, "{held:#}");
    assert_eq!(held["examples"], json!(["n1", "n2"]), "{held:#}");
    assert!(held["lastAnswer"].as_str().unwrap().contains("400"), "{held:#}");
    let message = rig.condition("concur", "DeliverySucceeded")["message"].clone();
    for words in [
        "2 objects are held",
        "reports/n1",
        "400",
        "requestedAt",
        "pollinator.dev/skip",
    ] {
        assert!(message.as_str().unwrap().contains(words), "{message}");
    }
    assert_eq!(
        rig.condition("concur", "Ready")["status"],
        "True",
        "the others go on"
    );
    assert_eq!(times(&rig, "ObjectsHeld"), 1);
    rig.stop().await;
    rig.start();
    rig.pass(SOON).await;
    assert_eq!(resource(&rig)["heldObjects"], held, "after a restart as well");

    rig.configure(json!({"refuseIds": []}));
    rig.pass(SOON).await;
    assert_eq!(rig.story(), [] as [&str; 0]);
    rig.annotate("concur", "pollinator.dev/requestedAt", "now");
    rig.until("both", SOON, |rig| rig.story().len() == 2).await;
    rig.wait_condition("concur", "DeliverySucceeded=True", SOON).await;
    assert_eq!(resource(&rig)["heldObjects"], Value::Null);
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn skip_gives_up_what_it_names_within_seconds() {
    let mut rig = holding(&["n1", "n2"], json!({"polling": {"interval": "2h"}})).await;
    rig.annotate("concur", "pollinator.dev/skip", "reports/n1, reports/n7");
    rig.until("one is left", SOON / 20, |rig| {
        resource(rig)["heldObjects"]["count"] == 1
    })
    .await;
    assert_eq!(resource(&rig)["heldObjects"]["examples"], json!(["n2"]));
    assert_eq!(rig.status("concur")["lastHandledSkip"], "reports/n1, reports/n7");
    assert_eq!(
        (times(&rig, "ObjectSkipped"), times(&rig, "ObjectNotHeld")),
        (1, 1)
    );
    let asked = rig.sandbox.log().len();
    rig.stop().await;
    rig.start();
    rig.pass(SOON * 2).await;
    assert_eq!(rig.sandbox.log().len(), asked, "an old value asks for nothing");
    rig.annotate("concur", "pollinator.dev/skip", "n2");
    rig.wait_condition("concur", "DeliverySucceeded=True", SOON / 20)
        .await;
    assert_eq!(times(&rig, "ObjectSkipped"), 2);
    rig.configure(json!({"refuseIds": []}));
    rig.pass(HOUR * 24).await;
    assert_eq!(rig.story(), [] as [&str; 0], "given up is given up");
    rig.touch("n1");
    rig.until_story(&["UPDATED n1"], HOUR * 3).await;
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_told_and_counted() {
    let rig = Rig::polling(json!({"delivery": {
        "onPermanentFailure": "DeadLetter",
        "deadLetterSink": {"uri": format!("http://{RECEIVER_HOST}/callback/sink")},
    }}));
    rig.wait_ready("concur").await;
    rig.configure(json!({"refuseIds": ["n1"]}));
    rig.create("n1");
    rig.until_story(&["CREATED n1"], SOON).await;
    rig.until("it is told", SOON / 4, |rig| {
        resource(rig)["lastResult"]["deadLettered"] == 1
    })
    .await;
    assert_eq!(times(&rig, "DeadLettered"), 1);
    assert_eq!(rig.condition("concur", "DeliverySucceeded")["status"], "True");
    let metrics = rig.metrics();
    let counted = "pollinator_dead_letters_total{element=\"concur\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    rig.assert_clean();
}
