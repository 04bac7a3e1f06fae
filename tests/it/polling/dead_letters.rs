//! `onPermanentFailure: DeadLetter`: what the callback refuses goes to the sink, or waits until it can.

use std::time::Duration;

use pollinator::engine::PollState;
use serde_json::{Value, json};

use crate::support::transport::RECEIVER_HOST;
use crate::support::world::{Setup, World};

const HOUR: Duration = Duration::from_secs(3600);
const SINK: &str = "/callback/sink";

async fn steady(knobs: Value) -> World {
    let mut world = World::new(Setup {
        spec: json!({"delivery": {
            "onPermanentFailure": "DeadLetter",
            "deadLetterSink": {"uri": format!("http://{RECEIVER_HOST}{SINK}")},
        }}),
        knobs,
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    world
}

/// One of a batch gets 400 for ever and the sink is down at first: the other records and later polls go on, and the
/// refused one is lost neither before nor after the sink comes up.
#[tokio::test(start_paused = true)]
async fn dead_letter() {
    let mut world = steady(json!({"refuseIds": ["n2"], "sinkStatus": 503})).await;
    for n in 1..=4 {
        world.create(&format!("n{n}"));
    }
    let report = world.poll().await;
    assert_eq!((report.state, report.held), (PollState::Polled, 1));
    let answer = report.held_objects.unwrap().last_answer.unwrap();
    for words in ["the callback answered 400", "the dead-letter sink answered 503"] {
        assert!(answer.contains(words), "{answer}");
    }
    for n in 5..=7 {
        world.create(&format!("n{n}"));
        world.poll_for(Duration::from_secs(100)).await;
    }
    let mut others = world.story_at("/callback");
    others.sort();
    assert_eq!(others, [1, 3, 4, 5, 6, 7].map(|n| format!("CREATED n{n}")));
    assert_eq!(world.story_at(SINK), [] as [&str; 0]);
    world.restart();
    world.configure(json!({"sinkStatus": null}));
    world.poll_for(HOUR).await;
    assert_eq!(world.story_at(SINK), ["CREATED n2"], "once, after a restart");
    assert_eq!(world.poll().await.held, 0);

    // A dead letter is done: what comes later is news, for the callback first.
    world.edit("n2");
    let report = {
        world.wait(60).await;
        world.poll().await
    };
    assert_eq!(
        (report.figures.dead_letters, report.figures.events.total()),
        (1, 0)
    );
    assert_eq!(report.notices[0].reason, "DeadLettered");
    assert!(report.notices[0].message.contains("n2"), "{:?}", report.notices);
    assert_eq!(world.story_at(SINK), ["CREATED n2", "UPDATED n2"]);
    world.configure(json!({"refuseIds": []}));
    world.edit("n2");
    world.wait(60).await;
    world.poll().await;
    assert_eq!(world.story_at("/callback").last().unwrap(), "UPDATED n2");
    assert_eq!(world.story_at("/callback").len(), 7);
    let received = world.sandbox.received();
    for letter in received.iter().filter(|received| received.path == SINK) {
        let header = |name: &str| {
            letter
                .headers
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value)
        };
        assert_eq!(header("pollinator-error-code").unwrap(), "400");
        assert_eq!(
            header("pollinator-error-destination").unwrap(),
            &format!("http://{RECEIVER_HOST}")
        );
        assert_eq!(letter.signature, "valid");
        assert_eq!(letter.event_ids.len(), 1, "only the refused object");
    }
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
}

/// A sink that hangs, is gone or refuses costs its refused objects time and nothing else.
#[tokio::test(start_paused = true)]
async fn a_failing_sink_holds_nothing_but_what_it_should_take() {
    // Calls of the sink in one poll: as long as it may be down, those under way already.
    for (status, most_calls) in [(500, 4), (410, 4), (302, 4), (400, 20)] {
        let refused: Vec<String> = (0..20).map(|n| format!("bad{n}")).collect();
        let mut world = steady(json!({"refuseIds": refused, "sinkStatus": status})).await;
        for (n, id) in refused.iter().enumerate() {
            world.create(id);
            world.create(&format!("good{n}"));
        }
        let report = world.poll().await;
        assert_eq!(
            (report.state, report.held, report.failure),
            (PollState::Polled, 20, None),
            "{status}"
        );
        let calls = world.calls(SINK).len();
        assert!(
            (1..=most_calls).contains(&calls),
            "{status}: {calls} calls of the sink"
        );
        assert_eq!(world.story_at("/callback").len(), 20, "{status}");
        world.poll_for(HOUR / 10).await;
        world.configure(json!({"sinkStatus": null}));
        world.request();
        assert_eq!(world.poll().await.held, 0, "{status}");
        assert_eq!(world.story_at(SINK).len(), 20, "{status}: each once");
        assert_eq!(world.story_at("/callback").len(), 20, "{status}");
    }
}

/// What may pass is no dead letter: the events wait at the source, as without a sink.
#[tokio::test(start_paused = true)]
async fn an_outage_makes_no_dead_letters() {
    for status in [401, 404, 410, 429, 500, 503] {
        let mut world = steady(json!({"receiverStatus": status})).await;
        world.create("n1");
        world.poll_for(12 * HOUR).await;
        assert_eq!(world.calls(SINK).len(), 0, "{status}");
        world.configure(json!({"receiverStatus": null}));
        world.request();
        world.poll().await;
        assert_eq!(world.story(), ["CREATED n1"], "{status}");
    }
}
