//! Listings that are too long, too large, or have no end.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use concur_sandbox::{Command, Create, Fault, PlannedFault, Seed, Target};
use http::{Request, Response, header};
use pollinator::engine::{Bounds, PollState};
use serde_json::{Value, json};

use crate::support::bulk::Bulk;
use crate::support::transport::API_HOST;
use crate::support::world::{Setup, World};

const MANY: usize = 100_000;
const BOUNDS: Bounds = Bounds {
    pages: 300,
    records: 5_000,
};

/// Everything since the beginning of the test's day is told, in pages of so many reports.
fn backfill(page_size: u32) -> Setup {
    let mut spec =
        json!({"polling": {"initialSync": {"policy": "Backfill", "since": "2026-11-23T00:00:00Z"}}});
    spec["configuration"]["event.poller.configuration"]["reports"]["pageSize"] = json!(page_size);
    Setup {
        spec,
        knobs: json!({"maxLimit": page_size}),
        ..Setup::default()
    }
}

/// How often each accepted event came.
fn accepted(world: &World) -> HashMap<String, usize> {
    let mut ids = HashMap::new();
    let received = world.sandbox.received();
    for received in received.iter().filter(|received| received.accepted) {
        for id in &received.event_ids {
            *ids.entry(id.clone()).or_default() += 1;
        }
    }
    ids
}

/// A hundred thousand records carry one timestamp. The process is killed twice on the way: it goes on where it was, and
/// repeats no more than what it delivered since it saved last.
#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_records_with_one_timestamp_and_two_kills() {
    let mut world = World::new(backfill(5_000));
    let bulk = Bulk::new(&world.sandbox);
    world.replace_api(bulk.api());
    world.replace_receiver(bulk.receiver());
    let instant = "2026-11-23T06:00:00.000";
    for n in 0..MANY {
        bulk.add(&format!("r{n}"), instant);
    }
    let mut saved = Vec::new();
    for _ in 0..2 {
        assert!(world.poll_and_be_killed(3_400).await);
        saved.push(world.store.checkpoint().seen_objects());
    }
    let told = bulk.events();
    assert!(
        0 < saved[0] && saved[0] < saved[1] && saved[1] <= told,
        "{saved:?}, {told}"
    );
    assert_eq!(world.poll().await.failure, None);
    assert_eq!(bulk.events(), MANY, "none is lost");
    // Four notifications of ten events at once, 50 ms each: 8,000 events within the 10 s between two saves.
    assert!(
        bulk.repeats() <= 2 * 8_200,
        "{} events came again",
        bulk.repeats()
    );
    assert_eq!(world.store.checkpoint().seen_objects(), MANY);

    // One more of the same instant that is visible late.
    bulk.add("late", instant);
    world.wait(60).await;
    let report = world.poll().await;
    assert_eq!((report.failure, report.figures.events.total()), (None, 1));
}

/// An API that answers what `page` makes of the number of the request, with a link to yet another page.
fn without_end(page: impl Fn(usize) -> Vec<Value> + Send + Sync + 'static) -> Router {
    let (asked, page) = (AtomicUsize::new(0), Arc::new(page));
    let asked = Arc::new(asked);
    Router::new().fallback(move |request: Request<Body>| {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        let next = format!("http://{API_HOST}{}?offset={number}", request.uri().path());
        let body = json!({"Items": page(number), "NextPage": next}).to_string();
        async move {
            let answer = Response::builder().header(header::DATE, "Mon, 23 Nov 2026 12:00:00 GMT");
            answer.body(Body::from(body)).unwrap()
        }
    })
}

fn record(id: String) -> Value {
    let date = "2026-11-23T06:00:00";
    json!({"ID": id, "LastModifiedDate": date, "CreateDate": date})
}

/// A listing that never ends is left, with what it listed told and remembered; it fills neither memory nor store.
#[tokio::test(start_paused = true)]
async fn listings_without_end() {
    type Page = fn(usize) -> Vec<Value>;
    let new: Page = |n| (0..500).map(|i| record(format!("r{n}-{i}"))).collect();
    let alternating: Page = |n| vec![record(format!("r{}", n % 2))];
    let circle: Page = |n| vec![record(format!("r{}", n % 7)), record(format!("s{}", n % 5))];
    let empty: Page = |_| Vec::new();
    // Records told, and what the status says of the first and the second poll.
    let endless = "did not end after 10 pages with 5000 records; narrow the url";
    let full = "5000 objects above the cursor are remembered, and there is no room for more; narrow the url";
    // A hundred pages without anything new, after a few with.
    let circular = "led back to a page already read after 10";
    let pages = "did not end after 300 pages with 0 records";
    for (page, told, messages) in [
        (new, 5_000, [endless, full]),
        (alternating, 2, [circular, circular]),
        (circle, 12, [circular, circular]),
        (empty, 0, [pages, pages]),
    ] {
        let mut world = World::new(backfill(1000)).bounded(BOUNDS);
        world.replace_api(without_end(page));
        for message in messages {
            let report = world.poll().await;
            let failure = report.failure.expect(message);
            assert!(
                failure.message.contains(message),
                "{message}: {}",
                failure.message
            );
            assert_eq!(
                (report.state, failure.needs_human),
                (PollState::PollFailed, true),
                "{message}"
            );
            assert_eq!(accepted(&world).len(), told, "{message}");
            assert_eq!(world.store.checkpoint().seen_objects(), told, "{message}");
            world.wait(60).await;
        }
        // A restart knows what was told.
        world.restart();
        world.poll().await;
        assert_eq!(accepted(&world).values().sum::<usize>(), told);
    }
}

fn create(world: &World, id: &str, size: usize) {
    let mut create = Create {
        id: Some(id.into()),
        ..Create::default()
    };
    create.set.insert("Purpose".into(), json!("x".repeat(size)));
    world.command(Command::Create(create));
}

#[tokio::test(start_paused = true)]
async fn a_record_of_twenty_megabytes_is_delivered() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(60).await;
    let size = 20_000_000;
    create(&world, "large", size);
    assert_eq!(world.poll().await.failure, None);
    let received = world.sandbox.received();
    assert!(received[0].accepted && received[0].body.len() > size);
    assert_eq!(received[0].signature, "valid");
}

/// Where a receiver finds a record too large, it alone is held until the receiver takes it.
#[tokio::test(start_paused = true)]
async fn a_record_too_large_for_the_receiver_is_held_alone() {
    let mut world = World::new(Setup {
        spec: json!({"delivery": {"maxInFlight": 1}}),
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    for (id, size) in [("a", 10), ("b", 500_000), ("c", 10)] {
        create(&world, id, size);
    }
    // The batch of three, then the large one alone.
    for after in [0, 1] {
        world.command(Command::Fault(PlannedFault {
            target: Target::Receiver,
            fault: Fault::Status {
                status: 413,
                body: None,
                retry_after: None,
                content_type: None,
            },
            times: 1,
            after,
        }));
    }
    let report = world.poll().await;
    assert_eq!((report.held, report.figures.events.created), (1, 2), "{report:?}");
    world.wait(60).await;
    let report = world.poll().await;
    assert_eq!((report.held, report.failure), (0, None));
    assert_eq!(accepted(&world).len(), 3);
}

/// Bytes of the JSON text that a checkpoint's held objects are stored in.
fn head(world: &World) -> usize {
    let head = world.store.checkpoint().encode().unwrap().head;
    serde_json::to_string(&head).unwrap().len()
}

/// Objects with ids of 10 kB that the receiver refuses are held as long as they can be stored; the others stay at the
/// source, and all arrive once the receiver takes them.
#[tokio::test(start_paused = true)]
async fn held_objects_never_make_a_checkpoint_too_large() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(60).await;
    let ids: Vec<String> = (0..80)
        .map(|n| format!("{n:04}{}", "\"\\".repeat(5_000)))
        .collect();
    for id in &ids {
        world.create(id);
    }
    world.configure(json!({"refuseIds": ids}));
    for _ in 0..3 {
        let report = world.poll().await;
        assert_eq!(report.state, PollState::DeliveryFailed);
        assert!(report.held >= 5, "{}", report.held);
        assert!(head(&world) < 600 * 1024, "{} bytes", head(&world));
        world.wait(400).await;
    }
    world.restart();
    world.configure(json!({"refuseIds": []}));
    world.request();
    let report = world.poll().await;
    assert_eq!((report.failure, report.held), (None, 0));
    assert_eq!(accepted(&world).len(), ids.len());
}

/// The same of objects dated ahead, which wait for their date: beyond the bound they are not remembered, and told all
/// the same.
#[tokio::test(start_paused = true)]
async fn objects_dated_ahead_never_make_a_checkpoint_too_large() {
    let mut setup = backfill(1_000);
    setup.spec["configuration"]["event.poller.configuration"]["reports"]["filterByCurrentDate"] = json!(true);
    let mut world = World::new(setup);
    world.poll().await;
    let ahead = world.sandbox.now() + jiff::SignedDuration::from_secs(600);
    world.command(Command::Seed(Seed {
        count: 1_500,
        prefix: Some("f".into()),
        first: Some(ahead),
        step_ms: Some(0),
    }));
    world.wait(60).await;
    assert_eq!(world.poll().await.failure, None);
    let held = world.store.checkpoint().held.len();
    assert!(accepted(&world).is_empty() && held == 1_000, "{held}");
    assert!(head(&world) < 600 * 1024, "{} bytes", head(&world));
    world.wait(660).await;
    assert_eq!(world.poll().await.failure, None);
    assert_eq!(accepted(&world).len(), 1_500);
    assert!(world.store.checkpoint().held.is_empty());
}
