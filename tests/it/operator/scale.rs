//! A backfill of a hundred thousand records through the whole operator.

use serde_json::json;

use super::rig::{HOUR, NAMESPACE, Rig};
use crate::fake_api::{Verb, on};
use crate::support::bulk::Bulk;
use crate::support::transport::{API_HOST, RECEIVER_HOST};

const MANY: usize = 100_000;

/// It is killed on the way and goes on where it was; what it writes to the API server stays in proportion.
#[tokio::test(start_paused = true)]
async fn a_backfill_of_a_hundred_thousand_goes_on_after_a_kill() {
    let mut rig = Rig::new();
    rig.seed_secret();
    let bulk = Bulk::new(&rig.sandbox);
    rig.transport.replace(API_HOST, bulk.api());
    rig.transport.replace(RECEIVER_HOST, bulk.receiver());
    for n in 0..MANY {
        let (hour, minute, second) = (n / 3600 % 10, n / 60 % 60, n % 60);
        bulk.add(
            &format!("r{n}"),
            &format!("2026-11-22T{hour:02}:{minute:02}:{second:02}.000"),
        );
    }
    let sync = json!({"policy": "Backfill", "since": "2026-11-22T00:00:00Z"});
    rig.seed("concur", json!({"polling": {"initialSync": sync}}));
    rig.start();
    rig.pass(std::time::Duration::from_secs(60)).await;
    rig.kill();
    let (told, asked) = (bulk.events(), bulk.pages());
    assert!((10_000..90_000).contains(&told), "{told} before the kill");
    rig.start();
    let polled = |object: Option<&serde_json::Value>| {
        object.is_some_and(|object| object["status"]["resources"][0]["state"] == "Polled")
    };
    rig.fake
        .wait_for("pollinginstances", NAMESPACE, "concur", HOUR, polled)
        .await;

    assert_eq!(bulk.events(), MANY, "none is lost");
    // Four notifications of ten events at once, 50 ms each: 8,000 events within the 10 s between two saves.
    let again = bulk.repeats();
    assert!(again <= 8_200, "{again} events came again");
    // What was read before the kill is read again, and a pass of several pages is proven by a second look.
    let (pages, pass) = (bulk.pages(), MANY / 5_000);
    assert!(pages <= asked + 3 * pass, "{asked} pages, then {pages}");

    let writes: Vec<_> = [Verb::Create, Verb::Update, Verb::Delete]
        .map(|verb| rig.fake.requests_to(&on(verb, "pollingcheckpoints")).len())
        .into();
    // Every 10 s: the head, and where it is full its segments anew.
    assert!(
        writes.iter().sum::<usize>() <= 200,
        "created, replaced, deleted: {writes:?}"
    );
    assert!(rig.fake.list("pollingcheckpoints", NAMESPACE).len() <= 6);
    println!("pages {asked} then {pages}; again {again}; writes {writes:?}");
}
