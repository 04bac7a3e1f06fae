//! What a human must mend is shown with path and remedy, and polling goes on by itself once it is mended.

use concur_sandbox::{Fault, Target};
use serde_json::{Value, json};

use super::rig::{HOUR, NAMESPACE, Rig, SECRET, SOON, condition, secret_manifest};

fn message(condition: &Value) -> &str {
    condition["message"].as_str().unwrap()
}

#[track_caller]
fn assert_says(condition: &Value, words: &[&str]) {
    for word in words {
        assert!(message(condition).contains(word), "no {word:?} in {condition:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_secret_is_named_and_found_when_it_comes() {
    let mut rig = Rig::new();
    rig.seed("concur", json!({}));
    rig.start();
    let ready = rig
        .wait_condition("concur", "Ready=False SecretNotReady", SOON)
        .await;
    assert_says(
        &ready,
        &[
            "spec.configurationFrom[0].secretRef",
            SECRET,
            NAMESPACE,
            "create it",
        ],
    );
    assert_eq!(rig.condition("concur", "CredentialsReady")["status"], "False");
    assert_eq!(
        rig.condition("concur", "Stalled"),
        Value::Null,
        "no change of the spec is needed"
    );
    assert_eq!(rig.status("concur")["observedGeneration"], 1);

    rig.pass(HOUR).await;
    assert_eq!(rig.status_writes().len(), 1);
    assert_eq!(rig.events("concur"), [("SecretNotReady".to_owned(), 1)]);
    assert_eq!(rig.sandbox.log().len(), 0);

    rig.seed_secret();
    rig.wait_ready("concur").await;
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_secret_made_right_after_the_instance_is_found_within_seconds() {
    let mut rig = Rig::new();
    rig.seed("concur", json!({}));
    rig.start();
    rig.wait_condition("concur", "Ready=False SecretNotReady", SOON)
        .await;
    rig.pass(SOON / 10).await;
    rig.seed_secret();
    rig.wait_condition("concur", "Ready=True Polling", SOON / 20)
        .await;
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn wrong_configuration_is_told_whole_and_polled_when_mended() {
    let rig = Rig::polling(json!({"configuration": {
        "event.notification.callback.url": "hooks.example.com/callback",
        "event.poller.refresh_interval": "soon",
        "event.poller.configuration": {"reports": {"createdCheckTolerance": "soon"}},
    }}));
    let ready = rig
        .wait_condition("concur", "Ready=False InvalidConfiguration", SOON)
        .await;
    let words = [
        "spec.configuration[\"event.notification.callback.url\"]",
        "spec.configuration[\"event.poller.refresh_interval\"]",
        "spec.configuration[\"event.poller.configuration\"].reports.createdCheckTolerance",
    ];
    assert_says(&ready, &words);
    let stalled = rig.condition("concur", "Stalled");
    assert_eq!(
        (&stalled["status"], &stalled["reason"]),
        (&json!("True"), &json!("InvalidConfiguration"))
    );
    rig.pass(HOUR).await;
    assert_eq!(rig.status_writes().len(), 1);
    assert_eq!(rig.sandbox.log().len(), 0);

    rig.edit("concur", |object| {
        let right = super::rig::manifest("concur", &json!({}));
        object["spec"] = right["spec"].clone();
    });
    rig.wait_condition("concur", "Ready=True Polling", SOON / 20)
        .await;
    assert_eq!(rig.condition("concur", "Stalled"), Value::Null);
    assert_eq!(rig.status("concur")["observedGeneration"], 2);
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn each_attempt_to_mend_a_configuration_is_told_by_its_own_event() {
    let rig = Rig::polling(json!({"element": {"key": "conkur"}, "configuration": {"base.url": null}}));
    let keys = ["conkur", "concurr"];
    for (attempt, key) in keys.iter().enumerate() {
        rig.edit("concur", |object| object["spec"]["element"]["key"] = json!(key));
        let told = |rig: &Rig| rig.events("concur").len() > attempt;
        rig.until("its event", SOON, told).await;
    }
    rig.pass(HOUR).await;
    let events = rig.fake.list("events.events.k8s.io", NAMESPACE);
    assert_eq!(events.len(), keys.len(), "{events:#?}");
    for key in keys {
        let tells = |event: &&Value| event["note"].as_str().unwrap().contains(&format!("{key:?}"));
        assert_eq!(events.iter().filter(tells).count(), 1, "{key}: {events:#?}");
    }
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn wrong_values_in_a_secret_are_told_without_them() {
    let mut rig = Rig::new();
    let mut secret = secret_manifest("sandbox-refresh-token");
    // {"Authorization": the-signature-key
    let broken = "eyJBdXRob3JpemF0aW9uIjogdGhlLXNpZ25hdHVyZS1rZXk=";
    secret["data"]["event.notification.callback.headers"] = json!(broken);
    rig.fake.seed(secret);
    rig.seed("concur", json!({}));
    rig.start();
    let ready = rig.wait_condition("concur", "Ready=False", SOON).await;
    assert_says(&ready, &[SECRET, "event.notification.callback.headers"]);
    rig.fake.update("secrets", NAMESPACE, SECRET, |secret| {
        secret["data"]
            .as_object_mut()
            .unwrap()
            .remove("event.notification.callback.headers");
    });
    rig.wait_ready("concur").await;
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_are_kept_and_warned_of_once() {
    let rig = Rig::polling(json!({"configuration": {"event.poler.refresh_interval": "3"}}));
    rig.wait_ready("concur").await;
    rig.pass(HOUR / 6).await;
    let warnings: Vec<_> = rig.fake.list("events.events.k8s.io", NAMESPACE);
    let warnings: Vec<&Value> = warnings
        .iter()
        .filter(|event| event["reason"] == "ConfigurationWarning")
        .collect();
    let [warning] = warnings[..] else {
        panic!("{warnings:#?}")
    };
    let note = warning["note"].as_str().unwrap();
    assert!(
        note.contains("event.poler.refresh_interval") && note.contains("event.poller.refresh_interval"),
        "{note}"
    );
    assert_eq!(warning["series"], Value::Null, "once");
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decoded_is_reported_and_the_others_go_on() {
    let mut rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    rig.seed(
        "broken",
        json!({"polling": {"failureThreshold": 99_999_999_999_i64}}),
    );
    let ready = rig
        .wait_condition("broken", "Ready=False InvalidConfiguration", SOON)
        .await;
    assert_says(&ready, &["spec", "99999999999"]);
    assert_eq!(rig.condition("broken", "Stalled")["status"], "True");
    assert_eq!(rig.status("broken")["observedGeneration"], 1);
    rig.create("n1");
    rig.until_story(&["CREATED n1"], SOON).await;

    // A restart finds it as it was: nothing is written, nothing is told again.
    rig.pass(HOUR / 6).await;
    let (status, events) = (rig.status("broken"), rig.events("broken"));
    rig.stop().await;
    rig.start();
    rig.pass(HOUR / 6).await;
    assert_eq!(rig.status("broken"), status);
    assert_eq!(rig.events("broken"), events);

    rig.edit("broken", |object| {
        object["spec"]["polling"]["failureThreshold"] = json!(3)
    });
    rig.wait_ready("broken").await;
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn what_was_known_survives_a_change_that_cannot_be_decoded() {
    let rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    let polled = rig.status("concur")["resources"][0]["lastPolled"].clone();
    let threshold = |rig: &Rig, value: i64| {
        rig.edit("concur", |object| {
            object["spec"]["polling"]["failureThreshold"] = json!(value)
        });
    };
    threshold(&rig, 99_999_999_999);
    let stalled = rig
        .wait_condition("concur", "Ready=False InvalidConfiguration", SOON)
        .await;
    let status = rig.status("concur");
    assert_eq!(status["resources"][0]["lastPolled"], polled, "{status:#}");
    rig.pass(HOUR).await;
    threshold(&rig, 3);
    let ready = rig.wait_condition("concur", "Ready=True Polling", SOON).await;
    assert!(
        ready["lastTransitionTime"].as_str() > stalled["lastTransitionTime"].as_str(),
        "{ready:#} {stalled:#}"
    );
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_dead_refresh_token_is_tried_once_until_the_secret_changes() {
    let mut rig = Rig::new();
    rig.seed_secret();
    rig.seed("concur", json!({}));
    rig.fault(
        Target::Token,
        Fault::TokenError {
            code: 108,
            description: None,
            geolocation: None,
        },
        1000,
    );
    rig.start();
    let credentials = rig.wait_condition("concur", "CredentialsReady=False", SOON).await;
    assert_says(&credentials, &["108", "refresh token", "Secret"]);
    assert_eq!(rig.condition("concur", "Ready")["status"], "False");
    let asked = rig.asked(Target::Token);
    let writes = rig.status_writes().len();
    rig.pass(HOUR).await;
    assert_eq!(rig.asked(Target::Token), asked, "a dead token is not tried again");
    let writes = rig.status_writes().len() - writes;
    assert!(writes <= 61, "{writes} status writes");

    // Not even by the next process.
    rig.stop().await;
    rig.start();
    rig.pass(HOUR).await;
    assert_eq!(
        rig.asked(Target::Token),
        asked,
        "a dead token is not tried after a restart"
    );

    rig.command(concur_sandbox::Command::ClearFaults);
    rig.command(concur_sandbox::Command::SetRefreshToken {
        value: "another-token".into(),
    });
    rig.fake.update("secrets", NAMESPACE, SECRET, |secret| {
        secret["data"] = secret_manifest("another-token")["data"].clone();
    });
    rig.wait_ready("concur").await;
    assert_eq!(rig.condition("concur", "CredentialsReady")["status"], "True");
    rig.create("n1");
    rig.until_story(&["CREATED n1"], SOON).await;
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_request_lifts_a_block_for_one_call_even_if_the_status_cannot_be_written() {
    use crate::fake_api::{Verb, on};
    let rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    rig.command(concur_sandbox::Command::RevokeTokens { refresh: true });
    rig.wait_condition("concur", "Ready=False CredentialsRejected", SOON * 2)
        .await;
    let asked = rig.asked(Target::Token);
    rig.fake
        .fail_next(on(Verb::Patch, "pollinginstances").status(), 500, 30);
    rig.annotate("concur", "pollinator.dev/requestedAt", "now");
    rig.until("recorded", HOUR, |rig| {
        rig.status("concur")["lastHandledRequestedAt"] == "now"
    })
    .await;
    assert_eq!(
        rig.asked(Target::Token),
        asked + 1,
        "one request, one call: more of them lock accounts"
    );
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn inline_secrets_work_and_are_shown_nowhere() {
    let mut rig = Rig::new();
    rig.fake.seed(json!({
        "apiVersion": "pollinator.dev/v1alpha1", "kind": "PollingInstance",
        "metadata": {"name": "concur", "namespace": NAMESPACE},
        "spec": crate::support::world::ordinary_spec(),
    }));
    rig.start();
    rig.wait_ready("concur").await;
    let warned = rig
        .events("concur")
        .iter()
        .any(|(reason, _)| reason == "ConfigurationWarning");
    assert!(
        warned,
        "an inline secret is warned of: {:?}",
        rig.events("concur")
    );
    rig.fault(
        Target::Token,
        Fault::TokenError {
            code: 108,
            description: Some("the token sandbox-refresh-token of sandbox-secret is dead".into()),
            geolocation: None,
        },
        1,
    );
    rig.command(concur_sandbox::Command::RevokeTokens { refresh: false });
    rig.wait_condition("concur", "CredentialsReady=False", SOON).await;
    assert_eq!(condition(&rig.status("concur"), "Ready")["status"], "False");
    rig.assert_clean();
}
