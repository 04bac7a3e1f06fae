//! What a receiver is sent, byte for byte.

use serde_json::{Value, json};

use crate::support::schema::assert_is_notification;
use crate::support::world::{Setup, World};

fn bodies(world: &World) -> Vec<String> {
    let received = world.sandbox.received();
    received
        .iter()
        .map(|received| String::from_utf8(received.body.to_vec()).unwrap())
        .collect()
}

/// The promise of `docs/notification.schema.json`, and the vendor's records untouched.
#[tokio::test(start_paused = true)]
async fn delivered_notifications_are_those_of_the_schema() {
    let mut world = World::new(Setup {
        spec: json!({"tags": [], "configuration": {"filter.response.nulls": "false"}}),
        ..Setup::default()
    });
    world.poll().await;
    world.create("one");
    for number in 2..=23 {
        world.create(&format!("n{number}"));
    }
    world.wait(1).await;
    world.poll().await;
    world.edit("one");
    world.wait(1).await;
    world.poll().await;
    let bodies = bodies(&world);
    assert!(bodies.len() >= 4, "{} notifications", bodies.len());
    bodies
        .iter()
        .for_each(|body| assert_is_notification(body.as_bytes()));
    assert_eq!(world.events().len(), 24);
    let record = world.record("one").to_string();
    // The simulator, as the vendor, writes the query it was asked with into one of the links.
    let (before, after) = record.split_once(r#""WorkflowActionUrl""#).unwrap();
    let (_, after) = after.split_once(",").unwrap();
    assert!(
        before.starts_with(r#"{"Name":"#) && after.contains(":null"),
        "{record}"
    );
    let last = bodies.last().unwrap();
    assert!(
        last.contains(before) && last.contains(after),
        "{record} in {last}"
    );
}

/// A 500 may mean that it was taken, so the CREATED goes out again, with the edit after it: same ids, same records.
#[tokio::test(start_paused = true)]
async fn repeats_are_those_of_the_schema_as_well() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.configure(json!({"receiverStatus": 500}));
    world.create("n1");
    world.wait(1).await;
    world.poll().await;
    world.edit("n1");
    world.configure(json!({"receiverStatus": null}));
    world.wait(1).await;
    world.poll().await;
    assert_eq!(world.story(), ["CREATED n1", "UPDATED n1"]);
    let received = world.sandbox.received();
    let ids: Vec<&str> = received
        .iter()
        .map(|received| received.webhook_id.as_deref().unwrap())
        .collect();
    assert!(ids.len() > 2 && ids.iter().all(|id| !id.is_empty()), "{ids:?}");
    // Every attempt of one poll is the same request.
    assert_eq!(
        ids[..ids.len() - 1]
            .iter()
            .collect::<std::collections::HashSet<_>>()
            .len(),
        1
    );
    for body in bodies(&world) {
        assert_is_notification(body.as_bytes());
        let body: Value = serde_json::from_str(&body).unwrap();
        let raw = body["message"]["raw"]["reports"].as_array().unwrap();
        assert_eq!(raw.len(), 1, "one record for its CREATED and UPDATED");
    }
}
