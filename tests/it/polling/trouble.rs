//! What goes wrong at the source and at the callback: nothing is lost, everything is said.

use concur_sandbox::{Command, Fault, PlannedFault, Target};
use pollinator::engine::{Concern, PollState};
use serde_json::{Value, json};

use crate::support::world::{Setup, World};

async fn steady() -> World {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(60).await;
    world
}

/// A source that fails for good in one poll is reported, loses nothing, and is read at the next poll.
#[tokio::test(start_paused = true)]
async fn a_failing_source_is_reported_and_loses_nothing() {
    let table: [(&str, Fault); 12] = [
        (
            "SourceAccessRefused",
            Fault::Status {
                status: 401,
                body: None,
                retry_after: None,
                content_type: None,
            },
        ),
        (
            "SourceAccessRefused",
            Fault::Status {
                status: 403,
                body: None,
                retry_after: None,
                content_type: None,
            },
        ),
        (
            "SourceThrottled",
            Fault::TooManyRequests {
                retry_after: Some("7".into()),
            },
        ),
        (
            "SourceTemporaryError",
            Fault::Status {
                status: 500,
                body: None,
                retry_after: None,
                content_type: None,
            },
        ),
        ("SourceUnavailable", Fault::Maintenance),
        ("SourceTemporaryError", Fault::Deadlock),
        ("SourceUnreachable", Fault::Hang { ms: None }),
        ("SourceUnreachable", Fault::HalfBody),
        ("SourceAnswerIncomplete", Fault::Truncated),
        ("SourceTemporaryError", Fault::Html),
        ("SourceErrorInBody", Fault::ErrorIn200),
        ("SourceItemsMissing", Fault::MissingItems),
    ];
    for (reason, fault) in table {
        let mut world = steady().await;
        world.create("n1");
        let floor = world.store.checkpoint().floor;
        let name = format!("{fault:?}");
        world.command(Command::Fault(PlannedFault {
            target: Target::Reports,
            fault,
            times: 10,
            after: 0,
        }));
        let report = world.poll().await;
        let failure = report.failure.unwrap_or_else(|| panic!("{name} is a failure"));
        assert!(failure.reason == reason, "{name}: {failure:?}");
        assert_eq!(failure.concerns, Concern::Source, "{name}");
        assert_eq!(
            (report.state, report.failures),
            (PollState::PollFailed, 1),
            "{name}"
        );
        assert_eq!(world.store.checkpoint().floor, floor, "{name} moves no cursor");
        assert!(world.events().is_empty(), "{name}");

        world.command(Command::ClearFaults);
        // As long as the element leaves alone a vendor in maintenance.
        world.wait(301).await;
        let report = world.poll().await;
        assert_eq!((report.state, report.failures), (PollState::Polled, 0), "{name}");
        assert_eq!(world.story(), ["CREATED n1"], "{name}");
    }
}

/// Short trouble is outlived within the poll.
#[tokio::test(start_paused = true)]
async fn passing_trouble_is_outlived() {
    let mut world = steady().await;
    world.create("n1");
    for fault in [Fault::Deadlock, Fault::HalfBody] {
        world.command(Command::Fault(PlannedFault {
            target: Target::Reports,
            fault,
            times: 1,
            after: 0,
        }));
    }
    let report = world.poll().await;
    assert_eq!(report.failure, None);
    assert_eq!(world.story(), ["CREATED n1"]);
}

/// Records that cannot be judged are counted and described; the others are delivered.
#[tokio::test(start_paused = true)]
async fn unreadable_records_hold_nobody_up() {
    let date =
        |text: &str| json!({"ID": "bad", "LastModifiedDate": text, "CreateDate": "2026-11-23T12:00:00"});
    let table: [(Value, &str); 6] = [
        (json!(7), "not an object but a number"),
        (json!(null), "not an object but null"),
        (
            json!({"LastModifiedDate": "2026-11-23T12:00:01"}),
            "no usable id at ID",
        ),
        (
            json!({"ID": "", "LastModifiedDate": "2026-11-23T12:00:01"}),
            "no usable id at ID",
        ),
        (date("yesterday"), "yesterday"),
        (date("2026-13-45T12:00:00"), "2026-13-45"),
    ];
    for (item, words) in table {
        let mut world = steady().await;
        world.create("n1");
        world.command(Command::RawItem { value: item.clone() });
        world.command(Command::RawItem {
            value: json!({"ID": "x", "LastModifiedDate": 5}),
        });
        let report = world.poll().await;
        assert_eq!(report.figures.invalid, 2, "{item}");
        assert_eq!(report.state, PollState::Polled, "{item}");
        let note = report
            .notes
            .first()
            .unwrap_or_else(|| panic!("{item} is described"));
        assert!(note.contains(words), "{item}: {note}");
        assert_eq!(world.story(), ["CREATED n1"], "{item}");
    }
}

/// Whatever the callback does, the events stay at the source until it accepts them.
#[tokio::test(start_paused = true)]
async fn a_failing_callback_loses_nothing() {
    let status = |status| Fault::Status {
        status,
        body: None,
        retry_after: None,
        content_type: None,
    };
    let table: [(&str, Fault); 8] = [
        ("CallbackRefused", status(401)),
        ("CallbackRefused", status(404)),
        ("CallbackServerError", status(500)),
        ("CallbackThrottled", status(429)),
        (
            "CallbackRedirect",
            Fault::Redirect {
                location: "http://elsewhere.test/".into(),
            },
        ),
        ("CallbackTimeout", Fault::Hang { ms: None }),
        ("CallbackUnreachable", Fault::Drop),
        ("CallbackUnreachable", Fault::HalfBody),
    ];
    for (reason, fault) in table {
        let mut world = steady().await;
        let name = format!("{fault:?}");
        world.create("n1");
        world.command(Command::Fault(PlannedFault {
            target: Target::Receiver,
            fault,
            times: 10,
            after: 0,
        }));
        let report = world.poll().await;
        let failure = report.failure.unwrap_or_else(|| panic!("{name} is a failure"));
        assert_eq!(
            (failure.reason, failure.concerns),
            (reason, Concern::Delivery),
            "{name}"
        );
        assert_eq!(report.state, PollState::DeliveryFailed, "{name}");

        world.edit("n1");
        world.command(Command::ClearFaults);
        world.wait(60).await;
        assert_eq!(world.poll().await.failure, None, "{name}");
        world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
        assert_eq!(
            world.story().first().map(String::as_str),
            Some("CREATED n1"),
            "{name}"
        );
    }
}

/// A huge answer of the callback costs no memory and is an answer.
#[tokio::test(start_paused = true)]
async fn a_talkative_callback_is_cut_short() {
    let mut world = steady().await;
    world.create("n1");
    let fault = Fault::Huge { bytes: 50_000_000 };
    world.command(Command::Fault(PlannedFault {
        target: Target::Receiver,
        fault,
        times: 1,
        after: 0,
    }));
    assert_eq!(world.poll().await.failure, None);
}

/// An idle poll costs the store nothing.
#[tokio::test(start_paused = true)]
async fn an_idle_poll_writes_nothing() {
    let mut world = steady().await;
    world.create("n1");
    world.poll().await;
    world.wait(120).await;
    world.poll().await;
    let writes = world.store.writes();
    for _ in 0..10 {
        world.wait(60).await;
        world.poll().await;
    }
    assert_eq!(world.store.writes(), writes);
}

/// A rejected credential stops the calls until it changes.
#[tokio::test(start_paused = true)]
async fn a_dead_refresh_token_stops_the_calls() {
    let mut world = World::new(Setup::default());
    world.command(Command::SetRefreshToken {
        value: "another".into(),
    });
    for _ in 0..20 {
        let failure = world.poll().await.failure.unwrap();
        assert!(failure.needs_human, "{failure:?}");
        assert_eq!(failure.concerns, Concern::Credentials);
        assert!(
            !failure.message.contains("sandbox-refresh-token"),
            "{}",
            failure.message
        );
        world.wait(60).await;
    }
    world.restart();
    world.poll().await;
    let calls = world
        .sandbox
        .log()
        .iter()
        .filter(|call| call.target == Target::Token)
        .count();
    assert_eq!(calls, 1, "not even after a restart");
}

/// Rotation with an old token that dies at once survives a restart.
#[tokio::test(start_paused = true)]
async fn a_rotated_token_survives_a_restart() {
    let mut world = World::new(Setup {
        knobs: json!({"rotate": "new-old-dead"}),
        ..Setup::default()
    });
    for _ in 0..3 {
        assert_eq!(world.poll().await.failure, None);
        world.wait(3700).await;
        assert_eq!(world.poll().await.failure, None, "a token lives an hour");
        world.restart();
    }
}

/// A listing whose pages lead in a circle is left at once, not after a hundred thousand requests.
#[tokio::test(start_paused = true)]
async fn pages_in_a_circle() {
    let mut world = steady().await;
    let page = |next: &str| Fault::Status {
        status: 200,
        body: Some(
            json!({"Items": [], "NextPage": format!("http://api.sandbox.test/api/v3.0/expense/reports?offset={next}")}),
        ),
        retry_after: None,
        content_type: None,
    };
    let before = world.sandbox.log().len();
    for _ in 0..25 {
        for next in ["a", "b"] {
            world.command(Command::Fault(PlannedFault {
                target: Target::Reports,
                fault: page(next),
                times: 1,
                after: 0,
            }));
        }
    }
    let report = world.poll().await;
    let failure = report.failure.expect("a failure");
    assert!(failure.needs_human, "{failure:?}");
    let requests = world.sandbox.log().len() - before;
    assert!(requests <= 3, "{requests} requests");
}

/// A callback that refuses every object is a failing callback: the checkpoint does not take them all.
#[tokio::test(start_paused = true)]
async fn a_callback_that_refuses_everything() {
    let mut world = World::new(Setup {
        spec: json!({"polling": {"initialSync": {"policy": "Backfill", "since": "2020-01-01T00:00:00Z"}}}),
        knobs: json!({"receiverStatus": 400}),
        ..Setup::default()
    });
    world.seed("p", 1500);
    let report = world.poll().await;
    let head = world.store.checkpoint().encode().unwrap().head.len();
    assert!(head < 256 * 1024, "{head} bytes for {} held objects", report.held);
    assert_eq!(report.state, PollState::DeliveryFailed);
    world.configure(json!({"receiverStatus": null}));
    for _ in 0..6 {
        world.wait(60).await;
        world.poll().await;
    }
    assert_eq!(world.story().len(), 1500, "nothing lost, nothing twice");
}
