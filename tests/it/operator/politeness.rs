//! Twenty instances of one credential: trouble that concerns them all is told once, and shown on each.

use concur_sandbox::{Command, Fault, Target};
use serde_json::{Value, json};

use super::rig::{HOUR, NAMESPACE, Rig, SOON};

const COUNT: usize = 20;

fn names() -> impl Iterator<Item = String> {
    (0..COUNT).map(|number| format!("i{number}"))
}

async fn crowd(patch: &Value) -> Rig {
    let mut rig = Rig::new();
    rig.seed_secret();
    for name in names() {
        rig.seed(&name, patch.clone());
    }
    rig.start();
    for name in names() {
        rig.wait_ready(&name).await;
    }
    rig.pass(SOON).await;
    rig
}

/// Events of a type about any instance: reason and how often, all instances together.
fn told(rig: &Rig, type_: &str) -> Vec<(String, u64)> {
    let events = rig.fake.list("events.events.k8s.io", NAMESPACE);
    let told = events.iter().filter(|event| event["type"] == type_).map(|event| {
        let reason = event["reason"].as_str().unwrap().to_owned();
        (reason, event["series"]["count"].as_u64().unwrap_or(1))
    });
    told.collect()
}

fn all(rig: &Rig, wanted: impl Fn(&Value) -> bool) -> usize {
    names().filter(|name| wanted(&rig.status(name))).count()
}

/// Waits up to an hour, looking now and then.
async fn until(rig: &Rig, what: &str, done: impl Fn(&Rig) -> bool) {
    for _ in 0..360 {
        if done(rig) {
            return;
        }
        rig.pass(SOON / 12).await;
    }
    panic!("not within an hour: {what}; {:#}", rig.status("i0"));
}

fn ready(status: &Value, value: &str, reason: &str) -> bool {
    let ready = super::rig::condition(status, "Ready");
    ready["status"] == value && ready["reason"] == reason
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_429_is_one_event() {
    let rig = crowd(&json!({"polling": {"interval": "20s"}})).await;
    assert_eq!(told(&rig, "Warning"), []);
    let (normal, polled) = (told(&rig, "Normal").len(), rig.asked(Target::Reports));
    let fault = Fault::TooManyRequests {
        retry_after: Some("120".into()),
    };
    rig.fault(Target::Reports, fault, 1);
    rig.create("n1");
    rig.pass(SOON).await;
    assert!(
        rig.asked(Target::Reports) - polled <= 4,
        "{}",
        rig.asked(Target::Reports) - polled
    );
    assert_eq!(told(&rig, "Warning"), [("SourceThrottled".to_owned(), 1)]);
    let waits = |status: &Value| {
        let resource = &status["resources"][0];
        let message = resource["message"].as_str().unwrap_or_default();
        let condition = super::rig::condition(status, "PollSucceeded");
        // What was found at the newest poll stands.
        assert_eq!(
            resource["state"] == "Polled",
            condition["reason"] != "SourceThrottled"
        );
        message.contains("the source is left alone until 2026-11-23T12:")
            && condition["reason"] == "SourceResting"
    };
    assert!(all(&rig, waits) >= COUNT - 4);
    assert_eq!(
        all(&rig, |status| ready(status, "True", "Polling")),
        COUNT,
        "one rest is no failure"
    );
    assert_eq!(
        all(&rig, |status| status["resources"][0]["consecutiveFailures"] == 1),
        1
    );

    let counted = "pollinator_source_rests_total{element=\"concur\",reason=\"SourceThrottled\"} 1\n";
    assert!(rig.metrics().contains(counted), "{}", rig.metrics());

    rig.until("all have polled", SOON, |rig| rig.story().len() == COUNT)
        .await;
    rig.pass(SOON).await;
    assert_eq!(rig.story().len(), COUNT, "nothing twice");
    assert_eq!(
        all(&rig, |status| status["resources"][0]["message"] == Value::Null),
        COUNT
    );
    assert_eq!(told(&rig, "Warning").len(), 1);
    let after = told(&rig, "Normal").len();
    assert_eq!(after - normal, 1, "its end is told once, too");
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_storm_that_lasts_makes_nobody_ready_and_is_one_event_all_the_same() {
    let mut rig = crowd(&json!({"polling": {"interval": "20s"}})).await;
    rig.fault(Target::Reports, Fault::Maintenance, 1000);
    until(&rig, "none is ready", |rig| {
        all(rig, |status| ready(status, "False", "SourceResting")) >= COUNT - 1
    })
    .await;
    let warnings = told(&rig, "Warning");
    assert!(
        warnings.iter().all(|(reason, _)| reason == "SourceUnavailable"),
        "{warnings:?}"
    );
    assert!(
        warnings.len() <= 2,
        "one as it begins, one as it lasts: {warnings:?}"
    );
    // A restart knows of no storm, finds out with a few requests, and does not tell it anew for each instance.
    rig.stop().await;
    let polled = rig.asked(Target::Reports);
    rig.start();
    rig.pass(HOUR / 12).await;
    assert!(
        rig.asked(Target::Reports) - polled <= 8,
        "{}",
        rig.asked(Target::Reports) - polled
    );
    let normal = told(&rig, "Normal").len();
    rig.command(Command::ClearFaults);
    until(&rig, "all are ready again", |rig| {
        all(rig, |status| ready(status, "True", "Polling")) == COUNT
    })
    .await;
    let warnings = told(&rig, "Warning").len();
    assert!(warnings <= 6, "{warnings}");
    assert!(told(&rig, "Normal").len() - normal <= 6);
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_locked_account_is_one_event_and_one_token_request() {
    let rig = crowd(&json!({})).await;
    rig.command(Command::LockAccount);
    rig.command(Command::RevokeTokens { refresh: false });
    let tokens = rig.asked(Target::Token);
    until(&rig, "none is ready", |rig| {
        all(rig, |status| ready(status, "False", "CredentialsRejected")) == COUNT
    })
    .await;
    rig.pass(HOUR / 2).await;
    assert_eq!(rig.asked(Target::Token) - tokens, 1);
    assert_eq!(told(&rig, "Warning"), [("CredentialsRejected".to_owned(), 1)]);
    let says = |status: &Value| {
        let ready = super::rig::condition(status, "Ready");
        ready["message"]
            .as_str()
            .unwrap()
            .contains("let a Concur administrator unlock it")
    };
    assert_eq!(all(&rig, says), COUNT);
    // One human is enough, and one event each for the beginning and the end.
    let normal = told(&rig, "Normal").len();
    rig.command(Command::UnlockAccount);
    rig.annotate("i7", "pollinator.dev/requestedAt", "now");
    until(&rig, "all are ready again", |rig| {
        all(rig, |status| ready(status, "True", "Polling")) == COUNT
    })
    .await;
    assert_eq!(rig.asked(Target::Token) - tokens, 2);
    assert!(
        told(&rig, "Normal").len() - normal <= 2,
        "{:?}",
        told(&rig, "Normal")
    );
    assert_eq!(told(&rig, "Warning").len(), 1);
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_let_go_when_suspended_or_deleted_or_at_the_end() {
    let mut rig = crowd(&json!({"polling": {"interval": "20s"}})).await;
    rig.fault(Target::Reports, Fault::Hang { ms: Some(59_000) }, 1000);
    rig.pass(SOON / 4).await;
    for name in names().take(10) {
        rig.edit(&name, |object| object["spec"]["suspend"] = json!(true));
    }
    for name in names().skip(10).take(10) {
        rig.fake.delete("pollinginstances", NAMESPACE, &name);
    }
    rig.pass(SOON).await;
    let suspended = names()
        .take(10)
        .filter(|name| ready(&rig.status(name), "True", "Suspended"));
    assert_eq!(suspended.count(), 10);
    // Ends within the time that a request under way may take, not that of everybody in line.
    rig.stop().await;
    rig.assert_clean();
}
