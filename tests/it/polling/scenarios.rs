//! Each bad day by its name.

use std::time::Duration;

use concur_sandbox::{At, Command, Create, Edit, Fault, PlannedFault, Target};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::support::memory_store::Write;
use crate::support::world::{Setup, World};

fn at(world: &World, target: Target, request: u32, commands: Vec<Command>) {
    world.command(Command::At(At {
        target,
        request,
        commands,
        after: false,
    }));
}

/// Two reports a page: six are a backlog of three pages.
fn small_pages(order: &str) -> Setup {
    Setup {
        knobs: json!({"maxLimit": 2, "order": order}),
        ..Setup::default()
    }
}

async fn settle(world: &mut World, polls: usize) {
    for _ in 0..polls {
        world.wait(60).await;
        world.poll().await;
    }
}

#[tokio::test(start_paused = true)]
async fn shift_delete() {
    let mut world = World::new(small_pages("id"));
    world.poll().await;
    for n in 1..=6 {
        world.wait(100).await;
        world.create(&format!("n{n}"));
    }
    at(
        &world,
        Target::Reports,
        2,
        vec![Command::Delete { id: "n1".into() }],
    );
    settle(&mut world, 6).await;
    let expected: Vec<String> = (1..=6).map(|n| format!("CREATED n{n}")).collect();
    assert_eq!(world.sorted_story(), expected);
}

#[tokio::test(start_paused = true)]
async fn shift_edit_ascending() {
    let mut world = World::new(small_pages("modified-asc"));
    world.poll().await;
    for n in 1..=6 {
        world.wait(100).await;
        world.create(&format!("n{n}"));
    }
    at(
        &world,
        Target::Reports,
        2,
        vec![Command::Edit(Edit {
            id: "n1".into(),
            ..Edit::default()
        })],
    );
    settle(&mut world, 6).await;
    let story = world.sorted_story();
    let created: Vec<_> = story
        .iter()
        .filter(|line| line.starts_with("CREATED"))
        .cloned()
        .collect();
    assert_eq!(
        created,
        (1..=6).map(|n| format!("CREATED n{n}")).collect::<Vec<_>>()
    );
    assert_eq!(&story[6..], ["UPDATED n1"], "the edit between the pages");
}

#[tokio::test(start_paused = true)]
async fn unstable_order() {
    let mut world = World::new(small_pages("unstable"));
    world.poll().await;
    for n in 1..=9 {
        world.wait(50).await;
        world.create(&format!("n{n}"));
    }
    settle(&mut world, 26).await;
    let expected: Vec<String> = (1..=9).map(|n| format!("CREATED n{n}")).collect();
    assert_eq!(world.sorted_story(), expected, "each once, whatever the order");
    let floor = world.store.checkpoint().floor;
    assert!(
        floor > "2026-11-23T11:55:00Z".parse().unwrap(),
        "the floor moved in spite of the disorder: {floor}"
    );
}

#[tokio::test(start_paused = true)]
async fn far_future() {
    let ahead = SignedDuration::from_mins(7);
    let mut world = World::new(Setup {
        our_clock_ahead: ahead,
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    let modified: Timestamp = "2036-11-23T12:00:00Z".parse().unwrap();
    world.command(Command::Create(Create {
        id: Some("far".into()),
        modified: Some(modified),
        ..Create::default()
    }));
    world.poll().await;
    for n in 1..=3 {
        world.wait(60).await;
        world.create(&format!("n{n}"));
        world.poll().await;
    }
    assert_eq!(
        world.story(),
        ["CREATED far", "CREATED n1", "CREATED n2", "CREATED n3"]
    );
    assert!(world.store.checkpoint().floor < "2027-01-01T00:00:00Z".parse().unwrap());
}

async fn from_now_with_our_clock_off(ahead: SignedDuration) {
    let mut world = World::new(Setup {
        our_clock_ahead: ahead,
        ..Setup::default()
    });
    let recent: Timestamp = "2026-11-23T11:56:00Z".parse().unwrap();
    let past = Create {
        id: Some("past".into()),
        created: Some(recent),
        modified: Some(recent),
        ..Create::default()
    };
    world.command(Command::Create(past));
    world.poll().await;
    for n in 1..=3 {
        world.wait(20).await;
        world.create(&format!("n{n}"));
        world.wait(40).await;
        world.poll().await;
    }
    settle(&mut world, 10).await;
    assert_eq!(
        world.story(),
        ["CREATED n1", "CREATED n2", "CREATED n3"],
        "nothing missed, nothing of the past"
    );
}

#[tokio::test(start_paused = true)]
async fn fromnow_clock_ahead() {
    from_now_with_our_clock_off(SignedDuration::from_mins(7)).await;
}

#[tokio::test(start_paused = true)]
async fn fromnow_clock_behind() {
    from_now_with_our_clock_off(SignedDuration::from_mins(-7)).await;
}

#[tokio::test(start_paused = true)]
async fn undated_clock_ahead() {
    let none = json!({
        "updatedDateField": "", "updatedDateFormat": "", "createdDateField": "", "createdDateFormat": ""
    });
    let reports = json!({"reports": {"datesConfiguration": none}});
    let mut world = World::new(Setup {
        our_clock_ahead: SignedDuration::from_mins(7),
        spec: json!({"configuration": {"event.poller.configuration": reports}}),
        ..Setup::default()
    });
    world.poll().await;
    for n in 1..=5 {
        world.wait(60).await;
        world.create(&format!("n{n}"));
        world.poll().await;
    }
    settle(&mut world, 3).await;
    let expected: Vec<String> = (1..=5).map(|n| format!("UPDATED n{n}")).collect();
    assert_eq!(
        world.story(),
        expected,
        "without dates the cursor is the vendor's clock"
    );
}

#[tokio::test(start_paused = true)]
async fn late_visible_created() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(60).await;
    let late = Create {
        id: Some("late".into()),
        visible_after_ms: Some(30_000),
        ..Create::default()
    };
    world.command(Command::Create(late));
    world.wait(10).await;
    world.create("overtakes");
    world.poll().await;
    settle(&mut world, 4).await;
    assert_eq!(world.story(), ["CREATED overtakes", "CREATED late"]);
}

#[tokio::test(start_paused = true)]
async fn tie_exclusive_filter() {
    let mut world = World::new(Setup {
        knobs: json!({"filter": "exclusive"}),
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    world.create("t1");
    let same = world.sandbox.now();
    let tie = Create {
        id: Some("t2".into()),
        created: Some(same),
        modified: Some(same),
        visible_after_ms: Some(900),
        ..Create::default()
    };
    world.command(Command::Create(tie));
    world.poll().await;
    settle(&mut world, 3).await;
    assert_eq!(world.story(), ["CREATED t1", "CREATED t2"]);
}

#[tokio::test(start_paused = true)]
async fn created_edited_between_polls() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(30).await;
    world.create("c");
    world.wait(20).await;
    world.edit("c");
    settle(&mut world, 3).await;
    assert_eq!(
        world.story(),
        ["CREATED c"],
        "once, although it was edited before the first look"
    );
}

#[tokio::test(start_paused = true)]
async fn crash_after_created_then_edit() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(60).await;
    world.create("c");
    world.wait(15).await;
    // One request for the page, one to the receiver; then the process dies with the answer under way.
    assert!(world.poll_and_be_killed(2).await);
    world.edit("c");
    settle(&mut world, 4).await;
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
    let events = world.events();
    let created: Vec<_> = events.iter().filter(|event| event.change == "CREATED").collect();
    assert!(
        created.len() >= 2,
        "the repeat is needed, since the outcome was unknown: {events:?}"
    );
    assert!(
        created.windows(2).all(|pair| pair[0].id == pair[1].id),
        "repeats carry the first id: {events:?}"
    );
    assert_eq!(
        events.last().unwrap().change,
        "UPDATED",
        "a receiver that drops the repeat still hears of the edit"
    );
}

#[tokio::test(start_paused = true)]
async fn one_record_refused() {
    let mut world = World::new(Setup {
        knobs: json!({"refuseIds": ["n2"]}),
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    for n in 1..=4 {
        world.create(&format!("n{n}"));
    }
    let report = world.poll().await;
    assert_eq!(report.held, 1);
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("n2") && note.contains("400")),
        "{:?}",
        report.notes
    );
    for n in 5..=7 {
        world.wait(100).await;
        world.create(&format!("n{n}"));
        world.poll().await;
    }
    let others: Vec<_> = [1, 3, 4, 5, 6, 7].map(|n| format!("CREATED n{n}")).into();
    assert_eq!(world.sorted_story(), others, "the others and later polls go on");
    world.configure(json!({"refuseIds": []}));
    world.poll_for(Duration::from_secs(900)).await;
    assert_eq!(
        world.story().last().unwrap(),
        "CREATED n2",
        "found again although the floor is past it"
    );
    assert_eq!(world.story().len(), 7);
    assert_eq!(world.poll().await.held, 0);
}

#[tokio::test(start_paused = true)]
async fn an_object_edited_while_it_is_held_keeps_its_type() {
    let mut world = World::new(Setup {
        knobs: json!({"refuseIds": ["n1"]}),
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    world.create("n1");
    settle(&mut world, 3).await;
    for _ in 0..3 {
        world.edit("n1");
        settle(&mut world, 2).await;
    }
    world.configure(json!({"refuseIds": []}));
    world.request();
    settle(&mut world, 2).await;
    assert_eq!(
        world.story(),
        ["CREATED n1"],
        "its receiver knows neither version yet"
    );
    assert_eq!(
        world.held_by_receiver()["n1"]["LastModifiedDate"],
        world.record("n1")["LastModifiedDate"]
    );
}

#[tokio::test(start_paused = true)]
async fn callback_down_an_hour() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.configure(json!({"receiverDown": true}));
    for n in 0..6 {
        world.create(&format!("n{n}"));
        world.poll_for(Duration::from_secs(600)).await;
        world.edit("n0");
    }
    world.configure(json!({"receiverDown": false}));
    world.poll_for(Duration::from_secs(6000)).await;
    let events = world.events();
    let mut ids: Vec<_> = events.iter().map(|event| &event.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), events.len(), "nothing twice: {events:?}");
    let created = world
        .sorted_story()
        .into_iter()
        .filter(|line| line.starts_with("CREATED"))
        .count();
    assert_eq!(created, 6, "nothing lost: {events:?}");
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
}

#[tokio::test(start_paused = true)]
async fn partial_batch() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(60).await;
    for n in 1..=4 {
        world.create(&format!("n{n}"));
    }
    let drop = PlannedFault {
        target: Target::Receiver,
        fault: Fault::AcceptThenDrop,
        times: 1,
        after: 0,
    };
    world.command(Command::Fault(drop));
    settle(&mut world, 3).await;
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
    let mut ids: Vec<_> = world.events().into_iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 8, "taken once without an answer, then again");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4, "under the same ids");
}

#[tokio::test(start_paused = true)]
async fn own_lost_write() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world
        .store
        .plan([Write::AnswerLost, Write::Works, Write::AnswerLost]);
    for n in 1..=3 {
        world.wait(60).await;
        world.create(&format!("n{n}"));
        world.poll().await;
    }
    settle(&mut world, 2).await;
    assert_eq!(world.story(), ["CREATED n1", "CREATED n2", "CREATED n3"]);
}

#[tokio::test(start_paused = true)]
async fn api_server_away() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.store.plan([Write::Fails; 9]);
    for n in 1..=4 {
        world.wait(60).await;
        world.create(&format!("n{n}"));
        world.poll().await;
    }
    assert_eq!(world.story().len(), 4, "deliveries go on");
    world.restart();
    settle(&mut world, 4).await;
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
    let mut objects: Vec<_> = world.events().into_iter().map(|event| event.object).collect();
    objects.sort();
    objects.dedup();
    assert_eq!(objects, ["n1", "n2", "n3", "n4"]);
}

#[tokio::test(start_paused = true)]
async fn crash_in_first_pass() {
    let mut world = World::new(Setup {
        knobs: json!({"maxLimit": 2}),
        ..Setup::default()
    });
    let recent: Timestamp = "2026-11-23T11:58:00Z".parse().unwrap();
    for n in 1..=4 {
        let past = Create {
            id: Some(format!("p{n}")),
            created: Some(recent),
            modified: Some(recent),
            ..Create::default()
        };
        world.command(Command::Create(past));
    }
    // One token request and one page.
    assert!(world.poll_and_be_killed(2).await);
    world.wait(3).await;
    world.create("early");
    settle(&mut world, 5).await;
    assert_eq!(
        world.story(),
        ["CREATED early"],
        "changed after the first start, and nothing of the past"
    );
}

#[tokio::test(start_paused = true)]
async fn baseline_learns_in_silence_then_reports() {
    let spec = json!({"polling": {"initialSync": {"policy": "Baseline"}}});
    let mut world = World::new(Setup {
        knobs: json!({"maxLimit": 2}),
        spec,
        ..Setup::default()
    });
    world.seed("p", 6);
    at(
        &world,
        Target::Reports,
        2,
        vec![Command::Delete { id: "p0000".into() }],
    );
    world.poll().await;
    world.wait(60).await;
    world.edit("p0003");
    settle(&mut world, 6).await;
    assert_eq!(world.story(), ["UPDATED p0003"]);
}

#[tokio::test(start_paused = true)]
async fn backfill_reports_from_its_instant() {
    let spec = json!({"polling": {"initialSync": {"policy": "Backfill", "since": "2026-11-23T10:57:30Z"}}});
    let mut world = World::new(Setup {
        spec,
        ..Setup::default()
    });
    world.seed("p", 6); // a minute apart, the last one an hour old
    settle(&mut world, 4).await;
    let mut objects: Vec<_> = world.events().into_iter().map(|event| event.object).collect();
    objects.sort();
    assert_eq!(objects, ["p0003", "p0004", "p0005"]);
}

/// A page that lists two versions of one object reports both, and not under one id.
#[tokio::test(start_paused = true)]
async fn one_object_twice_in_a_page() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(60).await;
    let version = |modified: &str, name: &str| Command::RawItem {
        value: json!({"ID": "x", "Name": name, "CreateDate": "2026-11-23T12:00:30", "LastModifiedDate": modified}),
    };
    world.command(version("2026-11-23T12:00:30", "first"));
    world.command(version("2026-11-23T12:00:40", "second"));
    settle(&mut world, 3).await;
    assert_eq!(world.story(), ["CREATED x", "UPDATED x"]);
    assert_eq!(
        world.held_by_receiver()["x"]["Name"],
        "second",
        "a receiver that drops repeated ids hears of both"
    );
}

async fn a_second_instance_of_one_credential(ahead: SignedDuration) {
    let mut world = World::new(Setup {
        our_clock_ahead: ahead,
        ..Setup::default()
    });
    let recent: Timestamp = "2026-11-23T11:56:00Z".parse().unwrap();
    world.command(Command::Create(Create {
        id: Some("past".into()),
        created: Some(recent),
        modified: Some(recent),
        ..Create::default()
    }));
    world.poll().await;
    // It finds an access token in memory, so no token answer tells it the vendor's clock.
    world.turn_to_another_instance("uid-2");
    world.poll().await;
    world.wait(30).await;
    world.create("n1");
    settle(&mut world, 3).await;
    assert_eq!(
        world.story(),
        ["CREATED n1"],
        "nothing missed, nothing of the past"
    );
}

#[tokio::test(start_paused = true)]
async fn shared_credential_clock_ahead() {
    a_second_instance_of_one_credential(SignedDuration::from_mins(7)).await;
}

#[tokio::test(start_paused = true)]
async fn shared_credential_clock_behind() {
    a_second_instance_of_one_credential(SignedDuration::from_mins(-7)).await;
}

/// What was created since then is CREATED, as after `resetTo`: so a migration has no gap.
#[tokio::test(start_paused = true)]
async fn backfill_tells_created_from_updated_by_its_since() {
    let mut world = World::new(Setup {
        spec: json!({"polling": {"initialSync": {"policy": "Backfill", "since": "2026-11-23T10:00:00Z"}}}),
        ..Setup::default()
    });
    let report = |id: &str, created: &str| {
        Command::Create(Create {
            id: Some(id.into()),
            created: Some(created.parse().unwrap()),
            modified: Some("2026-11-23T11:00:00Z".parse().unwrap()),
            ..Create::default()
        })
    };
    world.command(report("before", "2026-11-23T09:00:00Z"));
    world.command(report("since", "2026-11-23T10:30:00Z"));
    settle(&mut world, 3).await;
    assert_eq!(world.sorted_story(), ["CREATED since", "UPDATED before"]);
}
