//! The format CloudEvents, and how many events a notification carries.

use concur_sandbox::{Command, Fault, PlannedFault, Received, Target};
use serde_json::{Value, json};

use crate::support::world::{Setup, World};

fn world(delivery: Value) -> World {
    World::new(Setup {
        spec: json!({"delivery": delivery}),
        ..Setup::default()
    })
}

fn content_type(received: &Received) -> &str {
    let mut headers = received.headers.iter();
    headers
        .find(|(name, _)| name == "content-type")
        .map_or("", |(_, value)| value)
}

fn body(received: &Received) -> Value {
    serde_json::from_slice(&received.body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn several_events_are_a_batch_and_one_is_itself() {
    let mut world = world(json!({"format": "CloudEvents"}));
    world.poll().await;
    for n in 1..=3 {
        world.create(&format!("n{n}"));
    }
    world.wait(1).await;
    world.poll().await;
    world.edit("n2");
    world.wait(1).await;
    world.poll().await;
    let expected = ["CREATED n1", "CREATED n2", "CREATED n3", "UPDATED n2"];
    assert_eq!(world.story(), expected);
    let received = world.sandbox.received();
    let [batch, single] = &received[..] else {
        panic!("{}", received.len())
    };
    assert_eq!(content_type(batch), "application/cloudevents-batch+json");
    assert_eq!(content_type(single), "application/cloudevents+json");
    let (batch, event) = (body(batch), body(single));
    assert_eq!(batch.as_array().unwrap().len(), 3);
    assert_eq!(event["id"], *single.event_ids[0]);
    for (attribute, expected) in [
        ("type", "dev.pollinator.concur.reports.updated"),
        ("source", "/namespaces/finance/pollinginstances/concur"),
        ("subject", "n2"),
        ("objecttype", "reports"),
    ] {
        assert_eq!(event[attribute], expected);
    }
    assert_eq!(event["data"]["ID"], "n2");
    let modified = event["data"]["LastModifiedDate"].as_str().unwrap();
    assert!(
        event["time"].as_str().unwrap().starts_with(&modified[..19]),
        "{event:#}"
    );
}

/// For receivers that know no batches; a CREATED and the UPDATED behind it are two requests then, in this order.
#[tokio::test(start_paused = true)]
async fn one_event_at_a_time() {
    let mut world = world(json!({"format": "CloudEvents", "maxEvents": 1}));
    world.poll().await;
    world.configure(json!({"receiverStatus": 500}));
    world.create("n1");
    world.create("n2");
    world.wait(1).await;
    world.poll().await;
    world.configure(json!({"receiverStatus": null}));
    world.edit("n1");
    world.wait(300).await;
    world.poll().await;
    assert_eq!(world.sorted_story(), ["CREATED n1", "CREATED n2", "UPDATED n1"]);
    let ids: Vec<_> = world
        .sandbox
        .received()
        .iter()
        .map(|received| received.event_ids.len())
        .collect();
    assert!(ids.iter().all(|events| *events == 1), "{ids:?}");
    let mut received = world.sandbox.received();
    received.retain(|received| received.accepted);
    assert!(
        received
            .iter()
            .all(|received| content_type(received) == "application/cloudevents+json")
    );
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
}

/// The CREATED was taken and the UPDATED behind it was not: what follows must not look like a CREATED of the first
/// version alone, which a receiver that drops repeated ids would drop.
#[tokio::test(start_paused = true)]
async fn half_of_a_pair_that_was_taken() {
    let mut world = world(json!({"format": "CloudEvents", "maxEvents": 1}));
    world.poll().await;
    world.configure(json!({"receiverStatus": 500}));
    world.create("n1");
    world.wait(1).await;
    world.poll().await;
    world.edit("n1");
    world.configure(json!({"receiverStatus": null}));
    // From the second request on, for all attempts of this poll; 401 says nothing of the notification.
    world.command(Command::Fault(PlannedFault {
        target: Target::Receiver,
        fault: Fault::Status {
            status: 401,
            body: None,
            retry_after: None,
            content_type: None,
        },
        times: 1,
        after: 1,
    }));
    world.wait(300).await;
    world.poll().await;
    assert_eq!(world.story(), ["CREATED n1"]);
    world.edit("n1");
    world.wait(300).await;
    world.poll().await;
    assert_eq!(world.story(), ["CREATED n1", "CREATED n1", "UPDATED n1"]);
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
    let received = world.sandbox.received();
    let last = body(received.last().unwrap());
    let newest = world.record("n1");
    assert_eq!(last["data"]["LastModifiedDate"], newest["LastModifiedDate"]);
}

/// Elements' envelope too can carry fewer events; nothing is lost between them.
#[tokio::test(start_paused = true)]
async fn fewer_events_in_an_envelope() {
    let mut world = world(json!({"maxEvents": 3}));
    world.poll().await;
    for n in 1..=8 {
        world.create(&format!("n{n}"));
    }
    world.wait(1).await;
    world.poll().await;
    let mut sizes: Vec<_> = world
        .sandbox
        .received()
        .iter()
        .map(|received| received.event_ids.len())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [2, 3, 3]);
    let expected: Vec<_> = (1..=8).map(|n| format!("CREATED n{n}")).collect();
    assert_eq!(world.sorted_story(), expected);
}

/// The headers of Standard Webhooks on every attempt: one id, and the time of the attempt by our clock.
#[tokio::test(start_paused = true)]
async fn attempts_have_one_id_and_their_own_time() {
    let mut world = world(json!({}));
    world.poll().await;
    world.configure(json!({"receiverStatus": 503}));
    world.create("n1");
    world.wait(1).await;
    world.poll().await;
    world.restart();
    world.configure(json!({"receiverStatus": null}));
    world.wait(600).await;
    world.poll().await;
    let received = world.sandbox.received();
    assert!(received.len() > 2, "{}", received.len());
    let header = |received: &Received, name: &str| {
        let mut headers = received.headers.iter();
        headers.find(|(found, _)| found == name).unwrap().1.clone()
    };
    let mut before = 0;
    for attempt in &received {
        assert_eq!(attempt.standard_signature, "valid");
        assert_eq!(
            header(attempt, "webhook-id"),
            *attempt.webhook_id.as_ref().unwrap()
        );
        let timestamp: i64 = header(attempt, "webhook-timestamp").parse().unwrap();
        assert!(
            attempt.at.as_second().abs_diff(timestamp) <= 1,
            "{} {timestamp}",
            attempt.at
        );
        assert!(timestamp > before);
        before = timestamp;
    }
    let (first, last) = (&received[0], received.last().unwrap());
    assert_eq!(first.event_ids[0], last.event_ids[0], "also after a restart");
}
