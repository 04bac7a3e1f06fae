//! A receiver that refuses, fails, hangs or is away.

use std::collections::HashSet;
use std::time::Duration;

use concur_sandbox::{Command, Fault, PlannedFault, Target};
use serde_json::json;

use super::settle;
use crate::support::world::{Setup, World};

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

/// The receiver took half of a batch, then dropped the connection.
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
    let received = world.sandbox.received();
    let (first, later) = received.split_first().unwrap();
    let half = &first.event_ids[..2];
    let later: Vec<_> = later.iter().flat_map(|received| &received.event_ids).collect();
    assert_eq!(later.len(), 4, "all of the batch came once more");
    assert!(
        half.iter().all(|id| later.contains(&id)),
        "what was taken has its first id"
    );
    let heard: HashSet<_> = half.iter().chain(later).collect();
    assert_eq!(heard.len(), 4, "under four ids in all");
}
