//! An edit that changes what a cursor means is told by a condition of its own, and by one event.

use serde_json::{Value, json};

use super::rig::{HOUR, NAMESPACE, Rig, SOON, condition};

const TYPE: &str = "CheckpointCarriedOver";

fn backfilling(interval: &str) -> Rig {
    let mut rig = Rig::new();
    rig.seed_secret();
    rig.seed(
        "concur",
        json!({"polling": {"interval": interval, "initialSync": {"policy": "Backfill"}}}),
    );
    rig.create("old");
    rig.start();
    rig
}

fn entries(object: &mut Value) -> &mut serde_json::Map<String, Value> {
    object["spec"]["configuration"]["event.poller.configuration"]
        .as_object_mut()
        .unwrap()
}

fn rename(rig: &Rig, from: &str, to: &str) {
    rig.edit("concur", |object| {
        let entry = entries(object).shift_remove(from).unwrap();
        entries(object).insert(to.to_owned(), entry);
    });
}

fn count(rig: &Rig, reason: &str) -> u64 {
    let events = rig.events("concur").into_iter();
    events
        .filter(|(is, _)| is == reason)
        .map(|(_, count)| count)
        .sum()
}

fn resources(rig: &Rig) -> Vec<String> {
    let status = rig.status("concur");
    let resources = status["resources"].as_array().unwrap().iter();
    resources
        .map(|resource| resource["name"].as_str().unwrap().to_owned())
        .collect()
}

async fn until_shown(rig: &Rig, reason: &str) {
    rig.wait_condition("concur", &format!("{TYPE}=True {reason}"), SOON)
        .await;
}

async fn until_gone(rig: &Rig, within: std::time::Duration) {
    rig.until("the condition is gone", within, |rig| {
        rig.condition("concur", TYPE).is_null()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_is_shown_for_a_day_and_over_a_restart() {
    let mut rig = backfilling("10m");
    rig.until_story(&["CREATED old"], SOON).await;
    rig.pass(SOON).await;
    rig.touch("old");
    rig.edit("concur", |object| {
        entries(object)["reports"]["idField"] = json!("Name")
    });
    until_shown(&rig, "IdFieldChanged").await;
    rig.until_story(&["CREATED old", "UPDATED Sandbox trip 1"], SOON)
        .await;
    let shown = rig.condition("concur", TYPE);
    let message = shown["message"].as_str().unwrap();
    for words in [
        "resource reports",
        "its ids are Name now, not ID",
        "undo the edit",
        "pollinator.dev/resetTo",
    ] {
        assert!(message.contains(words), "{words}: {message}");
    }
    for restart in [false, true] {
        if restart {
            rig.stop().await;
            rig.start();
        }
        rig.pass(HOUR).await;
        assert_eq!(rig.condition("concur", TYPE), shown, "restarted: {restart}");
        assert_eq!(rig.condition("concur", "Ready")["status"], "True");
        assert_eq!(count(&rig, "IdFieldChanged"), 1);
    }
    rig.pass(23 * HOUR).await;
    assert!(rig.condition("concur", TYPE).is_null(), "a day is over");
    assert!(condition(&rig.status("concur"), "Stalled").is_null());
    assert_eq!(rig.story().len(), 2);
    rig.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_request_or_another_edit_is_its_end() {
    let rig = backfilling("1m");
    rig.until_story(&["CREATED old"], SOON).await;
    rig.pass(SOON).await;
    for (field, answer) in [("Name", "requestedAt"), ("ID", "tags"), ("Name", "resetTo")] {
        rig.edit("concur", |object| {
            entries(object)["reports"]["idField"] = json!(field)
        });
        until_shown(&rig, "IdFieldChanged").await;
        rig.pass(HOUR).await;
        match answer {
            "requestedAt" => rig.annotate("concur", "pollinator.dev/requestedAt", "now"),
            "resetTo" => rig.annotate("concur", "pollinator.dev/resetTo", "2026-11-23T13:00:00Z"),
            _ => rig.edit("concur", |object| object["spec"]["tags"] = json!(["another"])),
        }
        until_gone(&rig, SOON).await;
        rig.pass(HOUR).await;
        assert!(rig.condition("concur", TYPE).is_null(), "{answer}");
    }
    assert_eq!(rig.story(), ["CREATED old"]);
    rig.assert_clean();
}

/// The status names what is configured no longer until all that is was polled well, also over a kill in between.
#[tokio::test(start_paused = true)]
async fn a_resource_renamed_while_the_operator_is_away() {
    let mut rig = backfilling("1m");
    rig.until_story(&["CREATED old"], SOON).await;
    rig.pass(SOON).await;
    rig.stop().await;
    rig.create("n1");
    rename(&rig, "reports", "expenses");
    // The first process after it does not come far.
    rig.fault(
        concur_sandbox::Target::Reports,
        concur_sandbox::Fault::Maintenance,
        1,
    );
    rig.start();
    rig.until("the new spec was seen", SOON, |rig| {
        rig.status("concur")["observedGeneration"] == 2
    })
    .await;
    rig.kill();
    rig.start();
    until_shown(&rig, "ResourceRenamed").await;
    rig.until_story(&["CREATED old", "CREATED n1"], HOUR).await;
    rig.until("the old name is shown no longer", HOUR, |rig| {
        resources(rig) == ["expenses"]
    })
    .await;
    assert_eq!(count(&rig, "ResourceRenamed"), 1);
    let checkpoints = rig.fake.list("pollingcheckpoints", NAMESPACE);
    assert_eq!(checkpoints.len(), 2, "the old one says where it went");

    // Back again, within one life of the operator.
    rename(&rig, "expenses", "reports");
    rig.create("n2");
    rig.until_story(&["CREATED old", "CREATED n1", "CREATED n2"], HOUR)
        .await;
    rig.pass(HOUR).await;
    assert_eq!(rig.story().len(), 3);
    assert_eq!(resources(&rig), ["reports"]);
    rig.assert_clean();
}

/// One that was added begins as `initialSync` says, which an event says.
#[tokio::test(start_paused = true)]
async fn a_resource_added_is_no_silent_backfill() {
    let rig = backfilling("1m");
    rig.until_story(&["CREATED old"], SOON).await;
    rig.pass(SOON).await;
    assert_eq!(count(&rig, "ResourceAdded"), 0);
    rig.edit("concur", |object| {
        let entry = entries(object)["reports"].clone();
        entries(object).insert("more".to_owned(), entry);
    });
    rig.until_story(&["CREATED old", "CREATED old"], HOUR).await;
    assert_eq!(count(&rig, "ResourceAdded"), 1);
    assert!(rig.condition("concur", TYPE).is_null());
    rig.assert_clean();
}

/// Two resources that are polled one after the other tell of one edit together.
#[tokio::test(start_paused = true)]
async fn several_resources_are_told_in_one_condition() {
    let rig = backfilling("1m");
    rig.edit("concur", |object| {
        let entry = entries(object)["reports"].clone();
        entries(object).insert("more".to_owned(), entry);
    });
    rig.until_story(&["CREATED old", "CREATED old"], SOON).await;
    rig.pass(HOUR).await;
    rig.edit("concur", |object| {
        for entry in entries(object).values_mut() {
            entry["idField"] = json!("Name");
        }
    });
    until_shown(&rig, "IdFieldChanged").await;
    rig.pass(HOUR).await;
    let shown = rig.condition("concur", TYPE);
    let message = shown["message"].as_str().unwrap();
    assert_eq!(message.matches("resource reports").count(), 1, "{message}");
    assert_eq!(message.matches("resource more").count(), 1, "{message}");
    assert_eq!(count(&rig, "IdFieldChanged"), 1);
    rig.assert_clean();
}

/// A resource added while no operator ran is told like any other.
#[tokio::test(start_paused = true)]
async fn what_was_added_while_the_operator_was_away_is_told() {
    let mut rig = backfilling("1m");
    rig.until_story(&["CREATED old"], SOON).await;
    rig.pass(SOON).await;
    rig.stop().await;
    rig.edit("concur", |object| {
        let entry = entries(object)["reports"].clone();
        entries(object).shift_insert(0, "aaa".to_owned(), entry);
    });
    rig.start();
    rig.until_story(&["CREATED old", "CREATED old"], HOUR).await;
    rig.pass(HOUR).await;
    assert_eq!(count(&rig, "ResourceAdded"), 1);
}
