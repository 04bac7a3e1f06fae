//! CREATED or UPDATED, also across a crash.

use concur_sandbox::Command;
use serde_json::json;

use super::settle;
use crate::support::world::{Setup, World};

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

/// An edit within `createdCheckTolerance` of the creation, after that was reported, is no second CREATED.
#[tokio::test(start_paused = true)]
async fn tolerance_second_created() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(60).await;
    world.create("c");
    world.poll().await;
    world.wait(3).await;
    world.edit("c");
    settle(&mut world, 3).await;
    assert_eq!(world.story(), ["CREATED c", "UPDATED c"]);
}

/// A reset forgets what was reported: the CREATED that comes again has its old id, so the edit needs an id of its own.
#[tokio::test(start_paused = true)]
async fn created_again_after_a_reset() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(60).await;
    world.create("c");
    world.poll().await;
    world.wait(5).await;
    world.edit("c");
    world.instance.reset_to = Some(("again".into(), "2026-11-23T12:00:30Z".parse().unwrap()));
    settle(&mut world, 3).await;
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
    assert_eq!(world.story(), ["CREATED c", "CREATED c", "UPDATED c"]);
    let held = world.held_by_receiver();
    assert_eq!(
        held["c"]["LastModifiedDate"],
        world.record("c")["LastModifiedDate"]
    );
}
