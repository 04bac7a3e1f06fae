//! What an instance shows while it is polled, and what its owner can tell it.

use concur_sandbox::Target;
use serde_json::{Value, json};

use super::rig::{HOUR, NAMESPACE, Rig, SOON, condition};

#[tokio::test(start_paused = true)]
async fn a_new_instance_is_polled_at_once_and_says_so() {
    let rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    rig.create("n1");
    rig.until_story(&["CREATED n1"], SOON).await;
    rig.touch("n1");
    rig.until_story(&["CREATED n1", "UPDATED n1"], SOON).await;
    let last = |status: &Value| status["resources"][0]["lastResult"]["updated"] == 1;
    rig.until("the status tells of the update", SOON, |rig| {
        last(&rig.status("concur"))
    })
    .await;

    let status = rig.status("concur");
    assert_eq!(status["observedGeneration"], 1);
    let of = |type_: &str| condition(&status, type_)["status"].clone();
    let all = [
        "Ready",
        "CredentialsReady",
        "PollSucceeded",
        "DeliverySucceeded",
        "Stalled",
        "Reconciling",
    ];
    assert_eq!(
        all.map(of),
        [
            json!("True"),
            json!("True"),
            json!("True"),
            json!("True"),
            Value::Null,
            Value::Null
        ]
    );
    assert_eq!(status["interval"], "1m");
    let resource = &status["resources"][0];
    assert_eq!(
        (&resource["name"], &resource["state"]),
        (&json!("reports"), &json!("Polled"))
    );
    assert_eq!(resource["lastResult"]["httpStatus"], 200);
    for field in [
        "lastPolled",
        "lastSuccessfulPoll",
        "nextPoll",
        "cursor",
        "lastEventTime",
    ] {
        assert!(
            resource[field]
                .as_str()
                .is_some_and(|at| at.starts_with("2026-11-23T")),
            "{field}: {resource}"
        );
    }
    let reasons: Vec<String> = rig
        .events("concur")
        .into_iter()
        .map(|(reason, _)| reason)
        .collect();
    assert!(reasons.contains(&"Polling".to_owned()), "{reasons:?}");
    let first = &rig.status_writes()[0].body.clone().unwrap()["status"];
    assert_eq!(
        condition(first, "Reconciling")["status"],
        "True",
        "seen as under way before the first poll ended"
    );
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn an_idle_hour_costs_one_write_a_poll_and_nothing_else() {
    let rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    rig.pass(HOUR / 6).await;
    let (writes, polls) = (rig.status_writes().len(), rig.asked(Target::Reports));
    let events = rig.events("concur");
    let not_watching = |rig: &Rig| {
        rig.fake
            .requests()
            .iter()
            .filter(|r| !r.uri.contains("watch=true"))
            .count()
    };
    let requests = not_watching(&rig);
    rig.pass(HOUR).await;
    let polls = rig.asked(Target::Reports) - polls;
    assert!((59..=61).contains(&polls), "{polls} polls");
    let writes = rig.status_writes().len() - writes;
    assert!(writes <= polls + 1, "{writes} status writes for {polls} polls");
    assert_eq!(rig.events("concur"), events);
    // A look at the Secret, a write of the status.
    let requests = not_watching(&rig) - requests;
    assert!(requests <= 2 * polls + 2, "{requests} requests for {polls} polls");
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_request_polls_now_once_and_is_recorded() {
    for annotation in ["pollinator.dev/requestedAt", "reconcile.fluxcd.io/requestedAt"] {
        let rig = Rig::polling(json!({"polling": {"interval": "2h"}}));
        rig.wait_ready("concur").await;
        rig.create("n1");
        let polls = rig.asked(Target::Reports);
        rig.annotate("concur", annotation, "2026-11-23T12:01:00Z");
        rig.until_story(&["CREATED n1"], SOON / 10).await;
        rig.until("recorded", SOON, |rig| {
            rig.status("concur")["lastHandledRequestedAt"] == "2026-11-23T12:01:00Z"
        })
        .await;
        rig.pass(HOUR / 2).await;
        assert_eq!(rig.asked(Target::Reports), polls + 1, "{annotation}");
        rig.assert_clean();
    }
}

#[tokio::test(start_paused = true)]
async fn a_suspended_instance_rests_and_goes_on_where_it_stopped() {
    let rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    rig.edit("concur", |object| object["spec"]["suspend"] = json!(true));
    rig.wait_condition("concur", "Ready=True Suspended", SOON).await;
    let asked = rig.sandbox.log().len();
    rig.create("n1");
    rig.pass(HOUR).await;
    assert_eq!(rig.sandbox.log().len(), asked, "nothing is asked while suspended");
    let status = rig.status("concur");
    assert_eq!(status["nextPoll"], Value::Null);
    assert_eq!(status["resources"][0]["nextPoll"], Value::Null, "{status:#}");
    rig.edit("concur", |object| object["spec"]["suspend"] = json!(false));
    rig.until_story(&["CREATED n1"], SOON / 10).await;
    rig.wait_ready("concur").await;
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_cursor_is_moved_once_for_each_value() {
    let rig = Rig::polling(json!({"polling": {"initialSync": {"policy": "Baseline"}}}));
    rig.command(serde_json::from_value(json!({"command": "seed", "count": 3, "prefix": "R"})).unwrap());
    rig.until("the baseline", SOON, |rig| {
        rig.status("concur")["resources"][0]["state"] == "Polled"
    })
    .await;
    rig.pass(HOUR / 6).await;
    assert_eq!(rig.story(), [] as [&str; 0]);
    rig.annotate("concur", "pollinator.dev/resetTo", "2026-11-01T00:00:00Z");
    rig.until("all again", SOON, |rig| rig.story().len() == 3).await;
    rig.pass(HOUR / 6).await;
    assert_eq!(rig.story().len(), 3, "{:?}", rig.story());
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn deletion_during_a_poll_ends_it_and_leaves_nothing() {
    let rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    rig.command(
        serde_json::from_value(json!({"command": "seed", "count": 250, "prefix": "R",
        "first": "2026-11-23T12:00:30Z", "stepMs": 1}))
        .unwrap(),
    );
    rig.command(serde_json::from_value(json!({"command": "fault", "target": "reports", "fault": {"kind": "hang", "ms": 5000}, "times": 9})).unwrap());
    let asked = rig.asked(Target::Reports);
    rig.until("a poll is under way", SOON, |rig| {
        rig.asked(Target::Reports) > asked
    })
    .await;
    let asked = rig.asked(Target::Reports);
    rig.fake.delete("pollinginstances", NAMESPACE, "concur");
    rig.pass(HOUR).await;
    assert_eq!(
        rig.asked(Target::Reports),
        asked,
        "no page was asked for after the deletion"
    );
    assert!(
        rig.status_writes()
            .iter()
            .all(|write| write.answered == Some(200)),
        "no status was written for what is gone"
    );

    // The same name again is another instance.
    rig.seed("concur", json!({}));
    rig.wait_ready("concur").await;
    rig.assert_clean();
}
