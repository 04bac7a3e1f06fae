//! An API server that refuses, loses answers, forgets history: no event is lost or repeated.

use std::time::Duration;

use concur_sandbox::Command;
use serde_json::json;

use super::rig::{HOUR, Rig, SOON};
use crate::fake_api::{Matcher, Verb, any, on};

fn checkpoints() -> Matcher {
    on(Verb::Update, "pollingcheckpoints")
}

fn status() -> Matcher {
    on(Verb::Patch, "pollinginstances").status()
}

/// Three changes while `fault` is there; every one arrives once.
async fn survives(what: &str, fault: impl Fn(&Rig)) {
    let rig = Rig::polling(json!({"polling": {"interval": "10s"}}));
    rig.wait_ready("concur").await;
    fault(&rig);
    rig.create("n1");
    rig.until_story(&["CREATED n1"], HOUR).await;
    fault(&rig);
    rig.touch("n1");
    rig.until_story(&["CREATED n1", "UPDATED n1"], HOUR).await;
    rig.create("n2");
    rig.until_story(&["CREATED n1", "UPDATED n1", "CREATED n2"], HOUR)
        .await;
    rig.until(&format!("the faults of {what} are over"), HOUR, |rig| {
        rig.fake.faults_pending() == 0
    })
    .await;
    rig.wait_ready("concur").await;
    rig.pass(HOUR / 4).await;
    assert_eq!(rig.story().len(), 3, "{what}: {:?}", rig.story());
    assert_eq!(
        rig.status("concur")["resources"][0]["consecutiveFailures"],
        0,
        "{what}"
    );
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn refused_writes() {
    for code in [409, 429, 500, 503] {
        survives(&format!("{code} on status"), |rig| {
            rig.fake.fail_next(status(), code, 3)
        })
        .await;
        survives(&format!("{code} on checkpoints"), |rig| {
            rig.fake.fail_next(checkpoints(), code, 2)
        })
        .await;
        survives(&format!("{code} on Secrets"), |rig| {
            rig.fake.fail_next(any("secrets"), code, 2)
        })
        .await;
        survives(&format!("{code} on events"), |rig| {
            rig.fake.fail_next(any("events.events.k8s.io"), code, 0)
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers() {
    survives("a lost answer to a checkpoint", |rig| {
        rig.fake.accept_but_fail_next(checkpoints())
    })
    .await;
    survives("a lost answer to a status", |rig| {
        rig.fake.accept_but_fail_next(status())
    })
    .await;
    survives("both", |rig| {
        rig.fake.accept_but_fail_next(status());
        rig.fake.accept_but_fail_next(checkpoints());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_the_first_checkpoint() {
    let mut rig = Rig::new();
    rig.seed_secret();
    rig.seed("concur", json!({}));
    rig.fake
        .accept_but_fail_next(on(Verb::Create, "pollingcheckpoints"));
    rig.fake.accept_but_fail_next(on(Verb::Create, "secrets"));
    rig.start();
    rig.wait_ready("concur").await;
    rig.create("n1");
    rig.until_story(&["CREATED n1"], SOON).await;
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn watches_that_break_or_expire() {
    let rig = Rig::polling(json!({"polling": {"interval": "1h"}}));
    rig.wait_ready("concur").await;
    let polls = rig.asked(concur_sandbox::Target::Reports);
    for round in 0..6 {
        if round % 2 == 0 {
            rig.fake.drop_watches()
        } else {
            rig.fake.expire_watches()
        }
        rig.pass(Duration::from_secs(90)).await;
    }
    assert_eq!(
        rig.asked(concur_sandbox::Target::Reports),
        polls,
        "a new watch is no reason to poll"
    );
    // Changes made while no watch runs are seen.
    rig.fake.expire_watches();
    rig.create("n1");
    rig.annotate("concur", "pollinator.dev/requestedAt", "now");
    rig.until_story(&["CREATED n1"], SOON).await;
    rig.seed(
        "second",
        json!({"polling": {"initialSync": {"policy": "Baseline"}}}),
    );
    rig.wait_ready("second").await;
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_at_the_start() {
    let mut rig = Rig::new();
    rig.seed_secret();
    rig.seed("concur", json!({}));
    rig.fake.fail_next(on(Verb::List, "pollinginstances"), 503, 5);
    rig.fake.fail_next(on(Verb::Watch, "pollinginstances"), 500, 2);
    rig.start();
    rig.wait_condition("concur", "Ready=True Polling", HOUR).await;
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn killed_and_restarted_all_the_time() {
    let mut rig = Rig::polling(json!({"polling": {"interval": "5s"}}));
    rig.wait_ready("concur").await;
    for round in 0..20_u64 {
        rig.create(&format!("n{round}"));
        rig.pass(Duration::from_millis(1700 * (round % 7))).await;
        rig.kill();
        rig.start();
    }
    rig.until("all are reported", HOUR, |rig| {
        let story = rig.story();
        (0..20).all(|round| story.contains(&format!("CREATED n{round}")))
    })
    .await;
    assert_eq!(
        rig.distinct_story().len(),
        20,
        "repeats have the id of the first attempt"
    );
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_predecessor_that_still_writes_is_noticed() {
    let rig = Rig::polling(json!({"polling": {"interval": "10s"}}));
    rig.wait_ready("concur").await;
    rig.create("n1");
    rig.until_story(&["CREATED n1"], SOON).await;
    rig.pass(SOON).await;
    // A stranger's label is no other owner.
    let checkpoint = rig
        .fake
        .list("pollingcheckpoints", super::rig::NAMESPACE)
        .remove(0);
    let name = checkpoint["metadata"]["name"].as_str().unwrap();
    rig.fake
        .update("pollingcheckpoints", super::rig::NAMESPACE, name, |object| {
            object["metadata"]["labels"]["backup"] = json!("yes");
        });
    rig.command(Command::Create(concur_sandbox::Create {
        id: Some("n2".into()),
        ..Default::default()
    }));
    rig.until_story(&["CREATED n1", "CREATED n2"], SOON).await;
    // A deleted checkpoint makes the resource start again, in silence.
    rig.pass(SOON).await;
    rig.fake.delete("pollingcheckpoints", super::rig::NAMESPACE, name);
    rig.create("n3");
    rig.until_story(&["CREATED n1", "CREATED n2", "CREATED n3"], SOON)
        .await;
    rig.pass(HOUR / 4).await;
    assert_eq!(rig.story().len(), 3, "{:?}", rig.story());
    rig.wait_ready("concur").await;
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_that_cannot_be_written_is_told_in_the_words_of_the_api_server() {
    let rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    rig.fake.fail_next(checkpoints(), 403, 12);
    rig.create("n1");
    let ready = rig
        .wait_condition("concur", "Ready=False CheckpointUnavailable", HOUR)
        .await;
    let message = ready["message"].as_str().unwrap();
    assert!(
        message.contains("the test asked for 403") && !message.contains("Status {"),
        "{message}"
    );
    rig.until("the faults are over", HOUR, |rig| rig.fake.faults_pending() == 0)
        .await;
    rig.wait_condition("concur", "Ready=True Polling", HOUR).await;
    assert_eq!(
        rig.story(),
        ["CREATED n1"],
        "delivered once, however often the save failed"
    );
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_may_not_be_read_is_told_when_it_lasts() {
    let rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    let (writes, forbidden) = (rig.status_writes().len(), |times| {
        rig.fake
            .fail_next(on(Verb::Get, "secrets").named(super::rig::SECRET), 403, times);
    });
    // As for a moment after the start of an API server.
    forbidden(3);
    rig.pass(HOUR / 12).await;
    for write in &rig.status_writes()[writes..] {
        let status = &write.body.as_ref().unwrap()["status"];
        assert_eq!(super::rig::condition(status, "Ready")["status"], "True");
    }
    forbidden(30);
    let ready = rig
        .wait_condition("concur", "Ready=False SecretNotReady", HOUR)
        .await;
    let message = ready["message"].as_str().unwrap();
    for word in [
        "spec.configurationFrom",
        "the test asked for 403",
        "ServiceAccount",
        "`get`",
    ] {
        assert!(message.contains(word), "{message}");
    }
    rig.wait_condition("concur", "Ready=True Polling", HOUR).await;
    rig.assert_clean();
}

/// Behind a dead connection nothing ever comes. Each request of the kind hangs once.
#[tokio::test(start_paused = true)]
async fn answers_that_never_come() {
    for (what, matcher) in [
        ("checkpoints", checkpoints()),
        ("status", status()),
        ("Secrets", on(Verb::Get, "secrets")),
        ("events", any("events.events.k8s.io")),
    ] {
        let rig = Rig::polling(json!({"polling": {"interval": "10s"}}));
        rig.wait_ready("concur").await;
        rig.fake.hang_next(matcher);
        rig.create("n1");
        rig.until_story(&["CREATED n1"], SOON).await;
        rig.pass(SOON).await;
        rig.touch("n1");
        rig.until_story(&["CREATED n1", "UPDATED n1"], SOON).await;
        rig.pass(SOON).await;
        let status = rig.status("concur");
        assert_eq!(status["resources"][0]["consecutiveFailures"], 0, "{what}");
        assert_eq!(rig.story().len(), 2, "{what}");
        rig.wait_ready("concur").await;
        rig.assert_clean();
    }
    // A watch whose beginning never comes, and one that falls silent.
    for fails in [
        (|rig: &Rig| {
            rig.fake.hang_next(on(Verb::Watch, "pollinginstances"));
            rig.fake.drop_watches();
        }) as fn(&Rig),
        |rig| rig.fake.silence_watches(),
    ] {
        let rig = Rig::polling(json!({"polling": {"interval": "1h"}}));
        rig.wait_ready("concur").await;
        fails(&rig);
        rig.create("n1");
        rig.annotate("concur", "pollinator.dev/requestedAt", "now");
        rig.until_story(&["CREATED n1"], SOON).await;
        rig.assert_clean();
    }
}
