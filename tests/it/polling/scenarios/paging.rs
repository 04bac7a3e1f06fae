//! Records that slip over a page's edge.

use std::time::Duration;

use concur_sandbox::{Command, Create, Edit, Fault, PlannedFault, Target};
use jiff::SignedDuration;
use serde_json::json;

use super::{at, created, edited, settle, small_pages};
use crate::support::world::{Setup, World};

/// Six reports, 100 s apart.
async fn backlog(world: &World) {
    for n in 1..=6 {
        world.wait(100).await;
        world.create(&format!("n{n}"));
    }
}

#[tokio::test(start_paused = true)]
async fn shift_delete() {
    let mut world = World::new(small_pages("id"));
    world.poll().await;
    backlog(&world).await;
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
    backlog(&world).await;
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

/// No net change, still a shift.
#[tokio::test(start_paused = true)]
async fn shift_phantom() {
    let mut world = World::new(small_pages("id"));
    world.poll().await;
    backlog(&world).await;
    // In front of all others before the second page, gone again before the third.
    let phantom = Create {
        id: Some("a".into()),
        ..Create::default()
    };
    at(&world, Target::Reports, 2, vec![Command::Create(phantom)]);
    at(
        &world,
        Target::Reports,
        3,
        vec![Command::Delete { id: "a".into() }],
    );
    settle(&mut world, 6).await;
    let story = world.sorted_story();
    let told: Vec<_> = story.into_iter().filter(|line| line != "CREATED a").collect();
    assert_eq!(told, created(1..=6));
}

/// The mirror of it: what a page did not have yet is gone before it could be read again.
#[tokio::test(start_paused = true)]
async fn shift_phantom_deletion() {
    let mut world = World::new(small_pages("id"));
    world.poll().await;
    backlog(&world).await;
    at(
        &world,
        Target::Reports,
        2,
        vec![Command::Delete { id: "n1".into() }],
    );
    let back = Create {
        id: Some("a".into()),
        ..Create::default()
    };
    at(&world, Target::Reports, 3, vec![Command::Create(back)]);
    settle(&mut world, 6).await;
    let mut expected = vec!["CREATED a".to_owned()];
    expected.extend(created(1..=6));
    assert_eq!(world.sorted_story(), expected);
}

/// A pass takes longer than an interval, our clock is half an hour ahead, and records change meanwhile.
#[tokio::test(start_paused = true)]
async fn long_pass() {
    let mut world = World::new(Setup {
        our_clock_ahead: SignedDuration::from_mins(30),
        spec: json!({"polling": {"initialSync": {"policy": "Backfill", "since": "2026-11-23T11:59:00Z"}}}),
        ..small_pages("id")
    });
    for n in 1..=6 {
        world.create(&format!("n{n}"));
        world.wait(1).await;
    }
    world.command(Command::Fault(PlannedFault {
        target: Target::Reports,
        fault: Fault::Hang { ms: Some(50_000) },
        times: 6,
        after: 0,
    }));
    at(&world, Target::Reports, 2, vec![edited("n1")]);
    at(&world, Target::Reports, 3, vec![edited("n5")]);
    at(
        &world,
        Target::Reports,
        4,
        vec![edited("n2"), Command::Delete { id: "n3".into() }],
    );
    world.poll_for(Duration::from_secs(1200)).await;
    let held = world.held_by_receiver();
    for n in [1, 2, 4, 5, 6] {
        let id = format!("n{n}");
        assert_eq!(
            held[&id]["LastModifiedDate"],
            world.record(&id)["LastModifiedDate"],
            "{id}: {:?}",
            world.story()
        );
    }
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
}

/// A listing without dates is compared as a whole: an object that the learning pass skipped is not new.
#[tokio::test(start_paused = true)]
async fn nodates_skip() {
    let none = json!({
        "updatedDateField": "", "updatedDateFormat": "", "createdDateField": "", "createdDateFormat": ""
    });
    let spec = super::reports(json!({"url": "/hubs/expense/reports", "datesConfiguration": none}));
    let mut world = World::new(Setup {
        spec,
        ..small_pages("id")
    });
    world.seed("p", 6);
    at(
        &world,
        Target::Reports,
        2,
        vec![Command::Delete { id: "p0000".into() }],
    );
    settle(&mut world, 5).await;
    assert_eq!(
        world.story(),
        Vec::<String>::new(),
        "p0002 moved to the page before"
    );
    at(
        &world,
        Target::Reports,
        2,
        vec![Command::Delete { id: "p0001".into() }],
    );
    world.create("q");
    settle(&mut world, 5).await;
    assert_eq!(world.story(), ["CREATED q"]);
}
