//! A store that loses answers or is away, and somebody else who writes.

use concur_sandbox::{Command, Edit};
use serde_json::json;

use super::settle;
use crate::support::memory_store::Write;
use crate::support::world::{Setup, World};

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

/// A write that took effect and was repeated on its way is known by its nonce, and not written again.
#[tokio::test(start_paused = true)]
async fn own_repeated_write() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(60).await;
    world.create("n1");
    let before = world.store.writes();
    world.store.plan([Write::Repeated]);
    let report = world.poll().await;
    assert_eq!(report.failure, None);
    assert_eq!(
        world.store.writes() - before,
        1,
        "what was delivered is stored once"
    );
    settle(&mut world, 2).await;
    assert_eq!(world.story(), ["CREATED n1"]);
}

/// Two owners at once: who was taken over learns it before he sends anything. A CREATED of his would take the id from
/// the one that the rightful owner sends for an edited object, and the edit would go unheard.
#[tokio::test(start_paused = true)]
async fn two_owners() {
    let mut world = World::new(Setup::default());
    let mut second = world.second_owner();
    second.poll(&world.instance).await;
    settle(&mut world, 3).await;
    world.create("n1");
    world.wait(1).await;
    let report = second.poll(&world.instance).await;
    assert!(report.failure.is_some(), "it is no longer the owner");
    assert_eq!(world.story(), Vec::<String>::new());
    world.command(Command::Edit(Edit {
        id: "n1".into(),
        set: [("Name".to_owned(), json!("edited"))].into_iter().collect(),
        ..Edit::default()
    }));
    settle(&mut world, 1).await;
    assert_eq!(world.held_by_receiver()["n1"]["Name"], "edited");
    // In turn, each taking over from the other.
    for n in 2..=5 {
        world.create(&format!("n{n}"));
        world.wait(30).await;
        second.poll(&world.instance).await;
        world.edit(&format!("n{n}"));
        settle(&mut world, 1).await;
    }
    settle(&mut world, 3).await;
    let held = world.held_by_receiver();
    for n in 1..=5 {
        let id = format!("n{n}");
        assert_eq!(
            held[&id]["LastModifiedDate"],
            world.record(&id)["LastModifiedDate"],
            "{id}"
        );
    }
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
}

/// A resource whose records have no dates: what was told before the API server went away is stored before more is
/// told, since the id of a content that comes back hangs on it.
#[tokio::test(start_paused = true)]
async fn api_server_away_without_dates() {
    let none = json!({
        "updatedDateField": "", "updatedDateFormat": "", "createdDateField": "", "createdDateFormat": ""
    });
    let spec = super::reports(json!({"url": "/hubs/expense/reports", "datesConfiguration": none}));
    let mut world = World::new(Setup {
        spec,
        ..Setup::default()
    });
    let renamed = |name: &str| {
        Command::Edit(Edit {
            id: "p0000".into(),
            modified: Some("2026-11-23T11:00:00Z".parse().unwrap()),
            set: [("Name".to_owned(), json!(name))].into_iter().collect(),
            ..Edit::default()
        })
    };
    world.seed("p", 1);
    world.command(renamed("A"));
    settle(&mut world, 2).await;
    world.store.plan([Write::Fails; 6]);
    for name in ["B", "A", "B"] {
        world.command(renamed(name));
        settle(&mut world, 1).await;
    }
    world.restart();
    world.command(renamed("A"));
    settle(&mut world, 4).await;
    assert_eq!(
        world.held_by_receiver()["p0000"]["Name"],
        "A",
        "{:?}",
        world.story()
    );
}
