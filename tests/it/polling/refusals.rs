//! Objects that the callback refuses for good: they wait, politely, and are freed or given up.

use std::time::Duration;

use concur_sandbox::{At, Command, Fault, PlannedFault, Target};
use pollinator::engine::{PollState, RunReport};
use serde_json::json;

use crate::support::world::{Setup, World};

const HOUR: Duration = Duration::from_secs(3600);

async fn refusing(ids: &[&str]) -> World {
    let mut world = World::new(Setup {
        knobs: json!({"refuseIds": ids}),
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    world
}

fn reasons(run: &RunReport) -> Vec<&'static str> {
    let of_resources = run.polled.iter().flat_map(|report| &report.notices);
    of_resources
        .chain(&run.notices)
        .map(|notice| notice.reason)
        .collect()
}

/// Who they are, since when and why is told.
#[tokio::test(start_paused = true)]
async fn held_objects_are_described() {
    let mut world = refusing(&["n1", "n3"]).await;
    world.create("n1");
    let first = world.poll().await;
    world.wait(100).await;
    world.create("n2");
    world.create("n3");
    world.poll().await;
    for restarted in [false, true] {
        if restarted {
            world.restart();
        }
        world.wait(100).await;
        let report = world.poll().await;
        let held = report.held_objects.expect("held objects");
        assert_eq!(report.held, 2);
        assert_eq!(held.examples, ["n1", "n3"], "the oldest first");
        let oldest = held.oldest.unwrap().duration_since(first.ended_at).as_secs();
        assert_eq!(oldest, 0, "restarted: {restarted}");
        let answer = held.last_answer.unwrap_or_default();
        assert!(restarted || answer.contains("400"), "{answer}");
    }
}

/// One refused object costs a handful of calls a day, however often the others are delivered.
#[tokio::test(start_paused = true)]
async fn a_held_object_is_tried_by_the_schedule() {
    let mut world = World::new(Setup {
        spec: json!({"polling": {"interval": "10m"}}),
        knobs: json!({"refuseIds": ["n1"]}),
        ..Setup::default()
    });
    world.poll().await;
    world.create("n1");
    world.poll_for(6 * HOUR).await;
    // After 8 s, 64 s, 512 s and 4,096 s, at the next poll each; the fifth pause is 7 h at least.
    assert_eq!(world.calls("/callback").len(), 5);
    world.create("n2");
    world.poll_for(HOUR / 3).await;
    assert_eq!(world.story(), ["CREATED n2"]);
    assert_eq!(world.poll().await.held, 1);
    let before = world.calls("/callback").len();
    world.restart();
    world.poll_for(HOUR).await;
    assert_eq!(world.calls("/callback").len(), before, "nor for a restart");
}

/// What was edited may be mended, so it is tried at once; refused again it waits on, and others are not touched.
#[tokio::test(start_paused = true)]
async fn an_edit_is_worth_a_try() {
    let mut world = refusing(&["n1"]).await;
    world.create("n1");
    world.poll_for(2 * HOUR).await;
    for _ in 0..3 {
        world.edit("n1");
        let before = world.calls("/callback").len();
        world.poll_for(HOUR / 20).await;
        assert_eq!(world.calls("/callback").len(), before + 1);
    }
    world.configure(json!({"refuseIds": []}));
    world.edit("n1");
    world.poll_for(HOUR / 20).await;
    assert_eq!(world.story(), ["CREATED n1"]);
    assert_eq!(
        world.held_by_receiver()["n1"]["LastModifiedDate"],
        world.record("n1")["LastModifiedDate"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_tries_held_objects_at_once() {
    let mut world = refusing(&["n1", "n2"]).await;
    world.create("n1");
    world.create("n2");
    world.poll_for(2 * HOUR).await;
    world.configure(json!({"refuseIds": []}));
    world.poll().await;
    assert_eq!(world.story(), [] as [&str; 0]);
    world.request();
    assert_eq!(world.poll().await.held, 0);
    assert_eq!(world.sorted_story(), ["CREATED n1", "CREATED n2"]);
}

/// A mended receiver is found out by the first held object that it takes, which brings the others along.
#[tokio::test(start_paused = true)]
async fn one_that_is_accepted_frees_the_others() {
    let ids: Vec<String> = (0..40).map(|n| format!("n{n}")).collect();
    let mut world = refusing(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    ids.iter().for_each(|id| world.create(id));
    world.poll_for(HOUR / 2).await;
    let refused = world.calls("/callback").len();
    assert!(refused <= 40 * 5 + 5, "{refused} calls");
    world.configure(json!({"refuseIds": []}));
    world.edit("n7");
    world.poll_for(HOUR / 10).await;
    assert_eq!(world.story().len(), 40, "all within minutes");
    assert_eq!(world.calls("/callback").len(), refused + 40, "one call each");
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
}

/// A receiver that refuses 1,500 objects for hours is called politely, and gets them all in the end.
#[tokio::test(start_paused = true)]
async fn fifteen_hundred_refused_objects() {
    let mut world = World::new(Setup {
        spec: json!({"polling": {"initialSync": {"policy": "Backfill", "since": "2020-01-01T00:00:00Z"}}}),
        knobs: json!({"receiverStatus": 422}),
        ..Setup::default()
    });
    world.seed("p", 1500);
    let report = world.poll().await;
    assert_eq!((report.state, report.held), (PollState::DeliveryFailed, 1000));
    world.poll_for(6 * HOUR).await;
    // Four tries of each that is held, and no more of those that are not.
    let calls = world.calls("/callback").len();
    assert!(calls < 5_000, "{calls} calls");
    world.configure(json!({"receiverStatus": null}));
    world.request();
    for _ in 0..6 {
        world.poll().await;
        world.wait(60).await;
    }
    assert_eq!(world.story().len(), 1500, "nothing lost, nothing twice");
}

/// A skip gives up what was refused, no more: the other held object waits on, and a later edit is delivered.
#[tokio::test(start_paused = true)]
async fn skip() {
    for (value, restarted) in [
        ("reports/n1", false),
        ("n1", false),
        (" n1 , ", false),
        ("reports/n1", true),
    ] {
        let mut world = refusing(&["n1", "n2"]).await;
        world.create("n1");
        world.create("n2");
        world.poll_for(HOUR / 10).await;
        if restarted {
            world.restart();
        }
        world.instance.skip = Some(value.into());
        let run = world.run().await;
        assert_eq!(reasons(&run), ["ObjectSkipped"], "{value:?}");
        let report = &run.polled[0];
        assert_eq!(report.held, 1, "{value:?}");
        assert!(report.notices[0].message.contains("n1"), "{:?}", report.notices);
        assert_eq!(report.failure, None);

        world.wait(60).await;
        assert_eq!(
            reasons(&world.run().await),
            [] as [&str; 0],
            "once for each value"
        );
        world.configure(json!({"refuseIds": []}));
        world.request();
        world.poll().await;
        assert_eq!(world.story(), ["CREATED n2"], "{value:?}");
        world.edit("n1");
        world.poll_for(HOUR / 20).await;
        assert_eq!(world.story(), ["CREATED n2", "UPDATED n1"], "{value:?}");
    }
}

/// The same value is not applied to a later refusal, not even after a restart.
#[tokio::test(start_paused = true)]
async fn a_skip_counts_once() {
    let mut world = refusing(&["n1"]).await;
    world.create("n1");
    world.poll().await;
    world.instance.skip = Some("n1".into());
    assert_eq!(world.poll().await.held, 0);
    world.edit("n1");
    world.wait(60).await;
    assert_eq!(world.poll().await.held, 1);
    world.restart();
    world.wait(600).await;
    assert_eq!(world.poll().await.held, 1);
    world.configure(json!({"refuseIds": []}));
    world.poll_for(HOUR / 10).await;
    assert_eq!(world.story(), ["UPDATED n1"]);
}

/// What was edited after its refusal is another version than the one that was given up: it is tried.
#[tokio::test(start_paused = true)]
async fn a_skip_does_not_take_a_version_that_nobody_refused() {
    let mut world = refusing(&["n1"]).await;
    world.create("n1");
    world.poll().await;
    world.wait(10).await;
    world.edit("n1");
    world.configure(json!({"refuseIds": []}));
    world.instance.skip = Some("n1".into());
    world.wait(10).await;
    assert_eq!(world.poll().await.held, 0);
    assert_eq!(world.story(), ["CREATED n1"], "it is new to its receiver");
}

/// Only what is held can be skipped; everything else is told and left alone.
#[tokio::test(start_paused = true)]
async fn a_skip_of_what_is_not_held() {
    for (value, told) in [
        ("n9", &["n9"][..]),
        ("reports/n9,n1", &["reports/n9"]),
        ("n8, reports/n9", &["n8", "reports/n9"]),
        ("n8,n8", &["n8"]),
        ("drafts/n1", &["drafts/n1"]),
        ("reports/", &["reports/"]),
        (",,", &[]),
        ("", &[]),
    ] {
        let mut world = refusing(&["n1"]).await;
        world.create("n1");
        world.create("n9");
        world.poll().await;
        world.instance.skip = Some(value.into());
        let run = world.run().await;
        let messages: Vec<_> = run.notices.iter().map(|notice| notice.message.as_str()).collect();
        assert_eq!(messages.len(), told.len(), "{value:?}: {messages:?}");
        for (message, entry) in messages.iter().zip(told) {
            assert!(
                message.contains(&format!("names {entry},")),
                "{value:?}: {message}"
            );
        }
        assert_eq!(world.story(), ["CREATED n9"], "{value:?}");
        assert_eq!(
            run.polled[0].held,
            usize::from(!value.contains(",n1")),
            "{value:?}"
        );
    }
}

/// The id of a record without a date follows from the cursor, which moves on while the object is held.
#[tokio::test(start_paused = true)]
async fn a_held_record_without_a_date_keeps_its_id() {
    let none = json!({
        "updatedDateField": "", "updatedDateFormat": "", "createdDateField": "", "createdDateFormat": ""
    });
    let reports = json!({"reports": {"datesConfiguration": none}});
    let mut world = World::new(Setup {
        spec: json!({"configuration": {"event.poller.configuration": reports}}),
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    world.create("n1");
    // It is taken without an answer, and refused from then on.
    world.command(Command::Fault(PlannedFault {
        target: Target::Receiver,
        fault: Fault::AcceptThenDrop,
        times: 1,
        after: 0,
    }));
    world.command(Command::At(At {
        target: Target::Receiver,
        request: 1,
        commands: vec![Command::Configure {
            knobs: json!({"refuseIds": ["n1"]}),
        }],
        after: true,
    }));
    assert_eq!(world.poll().await.held, 1);
    world.poll_for(Duration::from_secs(1800)).await;
    world.configure(json!({"refuseIds": []}));
    world.request();
    assert_eq!(world.poll().await.held, 0);
    let events = world.events();
    assert!(events.len() >= 2, "{events:?}");
    assert!(
        events.iter().all(|event| event.id == events[0].id),
        "repeats carry the first id: {events:?}"
    );
}

/// Without its checkpoint a poll does not know what is held, and says what is known.
#[tokio::test(start_paused = true)]
async fn what_is_held_is_shown_while_another_owns_the_checkpoint() {
    let mut world = refusing(&["n1"]).await;
    world.create("n1");
    assert_eq!(world.poll().await.held, 1);
    world.wait(60).await;
    world.create("n2");
    world.store.take_over();
    let report = world.poll().await;
    assert_eq!(report.failure.as_ref().unwrap().reason, "TakenOver");
    assert_eq!(report.held, 1);
    assert_eq!(report.held_objects.unwrap().examples, ["n1"]);
}
