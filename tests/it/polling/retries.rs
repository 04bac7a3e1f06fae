//! When a callback that does not accept is called again, and when it is not.

use std::time::Duration;

use concur_sandbox::{Command, Fault, PlannedFault, Target};
use jiff::Timestamp;
use pollinator::engine::{Concern, PollState};
use serde_json::{Value, json};

use crate::support::world::{Setup, World};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn steady(spec: Value) -> World {
    let mut world = World::new(Setup {
        spec,
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    world
}

/// Seconds between calls.
fn gaps(calls: &[(Timestamp, bool)]) -> Vec<f64> {
    calls
        .windows(2)
        .map(|pair| pair[1].0.duration_since(pair[0].0).as_secs_f64())
        .collect()
}

/// Within the fifth of jitter, and what the requests themselves take.
#[track_caller]
fn assert_follows(gaps: &[f64], schedule: &[f64]) {
    assert!(gaps.len() >= schedule.len(), "{gaps:?} {schedule:?}");
    for (gap, pause) in gaps.iter().zip(schedule) {
        assert!(
            (pause * 0.79..pause * 1.21 + 2.0).contains(gap),
            "{gaps:?} does not follow {schedule:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_follow_the_schedule_and_never_end() {
    let table: [(Value, Duration, &[f64]); 4] = [
        (
            json!({}),
            2 * DAY,
            &[8.0, 64.0, 512.0, 4096.0, 32_768.0, 32_768.0, 32_768.0],
        ),
        (
            json!({"delivery": {"retrySchedule": ["1m"]}}),
            HOUR,
            &[60.0, 60.0, 60.0, 60.0, 60.0, 60.0],
        ),
        (
            json!({"delivery": {"retrySchedule": ["2s"]}}),
            HOUR / 60,
            &[2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0],
        ),
        (
            json!({"delivery": {"retrySchedule": ["30s", "1s", "2h"]}}),
            DAY,
            &[30.0, 1.0, 7200.0, 7200.0],
        ),
    ];
    for (spec, time, schedule) in table {
        let mut world = steady(spec).await;
        world.configure(json!({"receiverStatus": 500}));
        world.create("n1");
        world.poll_for(time).await;
        let calls = world.calls("/callback");
        assert_follows(&gaps(&calls), schedule);
        world.configure(json!({"receiverStatus": null}));
        world.request();
        world.poll().await;
        assert_eq!(world.story(), ["CREATED n1"], "nothing is given up: {schedule:?}");
    }
}

/// Whatever is asked for by the receiver, seconds or a date, is waited for, up to an hour; nonsense is not.
#[tokio::test(start_paused = true)]
async fn retry_after_is_never_undercut() {
    for (status, retry_after, at_least, at_most) in [
        (429, "900", 900.0, 910.0),
        (503, "900", 900.0, 910.0),
        (500, "900", 900.0, 910.0),
        (413, "900", 900.0, 910.0),
        (503, "date", 900.0, 910.0),
        (503, "5", 6.0, 11.0),
        (503, "0", 6.0, 11.0),
        (429, "864000", 3600.0, 3610.0),
        (429, "Fri, 01 Jan 2100 00:00:00 GMT", 3600.0, 3610.0),
        (429, "Thu, 01 Jan 1970 00:00:00 GMT", 6.0, 11.0),
        (429, "in a while", 6.0, 11.0),
        (429, "-900", 6.0, 11.0),
    ] {
        let mut world = steady(json!({})).await;
        world.create("n1");
        let retry_after = match retry_after {
            // By the receiver's clock, which stands 15 min before it when it answers.
            "date" => {
                let until = "2026-11-23T12:16:01Z".parse::<Timestamp>().unwrap();
                until.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
            }
            text => text.to_owned(),
        };
        world.command(Command::Fault(PlannedFault {
            target: Target::Receiver,
            fault: Fault::Status {
                status,
                body: None,
                retry_after: Some(retry_after.clone()),
                content_type: None,
            },
            times: 1,
            after: 0,
        }));
        world.poll_for(Duration::from_secs_f64(at_most + 60.0)).await;
        let calls = world.calls("/callback");
        assert_eq!(calls.len(), 2, "{status} {retry_after}");
        let gap = gaps(&calls)[0];
        assert!(
            (at_least - 1.0..=at_most).contains(&gap),
            "{status} {retry_after}: {gap} s"
        );
    }
}

/// What failed at the source counts nothing against the callback.
#[tokio::test(start_paused = true)]
async fn a_failing_source_does_not_use_up_the_schedule() {
    let mut world = steady(json!({})).await;
    world.command(Command::Fault(PlannedFault {
        target: Target::Reports,
        fault: Fault::Deadlock,
        // Three attempts a poll.
        times: 30,
        after: 0,
    }));
    for _ in 0..10 {
        assert_eq!(world.poll().await.state, PollState::PollFailed);
    }
    world.configure(json!({"receiverStatus": 500}));
    world.create("n1");
    let report = world.poll().await;
    assert_eq!((report.failures, report.failed_deliveries), (11, 1));
    world.poll_for(HOUR).await;
    assert_follows(&gaps(&world.calls("/callback")), &[8.0, 64.0, 512.0]);
}

/// What takes some notifications is not down: the one that it did not take is tried again soon.
#[tokio::test(start_paused = true)]
async fn progress_begins_the_schedule_anew() {
    let mut world = steady(json!({})).await;
    world.configure(json!({"receiverStatus": 500}));
    world.create("n1");
    for failed in 1..=4 {
        assert_eq!(world.poll().await.failed_deliveries, failed);
    }
    world.configure(json!({"receiverStatus": null}));
    (2..=12).for_each(|n| world.create(&format!("n{n}")));
    world.command(Command::Fault(PlannedFault {
        target: Target::Receiver,
        fault: Fault::Status {
            status: 500,
            body: None,
            retry_after: None,
            content_type: None,
        },
        times: 1,
        after: 1,
    }));
    let report = world.poll().await;
    assert_eq!(
        (report.state, report.failed_deliveries),
        (PollState::DeliveryFailed, 1)
    );
    assert!(report.figures.events.total() > 0);
    world.poll_for(Duration::from_secs(100)).await;
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
    let objects: std::collections::HashSet<_> =
        world.events().into_iter().map(|event| event.object).collect();
    assert_eq!(objects.len(), 12);
}

/// After 410 nothing is asked of the callback nor of the source, which keeps everything, until a human acts.
#[tokio::test(start_paused = true)]
async fn gone_stops_the_instance() {
    let second = world_of_two();
    let mut world = steady(second).await;
    world.configure(json!({"receiverStatus": 410}));
    world.create("n1");
    let run = world.run().await;
    let [report] = &run.polled[..] else {
        panic!("the second resource is not polled any more: {:?}", run.polled)
    };
    let failure = report.failure.clone().unwrap();
    assert_eq!(
        (failure.reason, failure.concerns),
        ("CallbackGone", Concern::Delivery)
    );
    assert!(failure.needs_human);
    assert!(failure.message.contains("requestedAt"), "{}", failure.message);
    assert_eq!(world.calls("/callback").len(), 1);

    let asked = world.sandbox.log().len();
    world.create("n2");
    world.poll_for(30 * DAY).await;
    assert!(world.run().await.polled.is_empty());
    assert_eq!(world.sandbox.log().len(), asked, "no call of any kind");

    world.request();
    let run = world.run().await;
    assert_eq!(run.polled.len(), 1, "still gone");
    assert_eq!(world.calls("/callback").len(), 2);

    world.configure(json!({"receiverStatus": null}));
    world.request();
    assert_eq!(world.run().await.polled.len(), 2);
    let mut story = world.story_at("/callback");
    story.sort();
    story.dedup();
    assert_eq!(story, ["CREATED n1", "CREATED n2"], "nothing is lost");
    world.poll_for(HOUR / 10).await;
    world.create("n3");
    world.poll_for(HOUR / 30).await;
    assert!(world.story_at("/callback").contains(&"CREATED n3".to_owned()));
}

/// What one notification learns of the callback counts for those that wait beside it.
#[tokio::test(start_paused = true)]
async fn a_callback_that_is_gone_is_not_called_by_what_waits_beside() {
    let mut world = steady(json!({})).await;
    (1..=15).for_each(|n| world.create(&format!("n{n}")));
    for status in [503, 410] {
        world.command(Command::Fault(PlannedFault {
            target: Target::Receiver,
            fault: Fault::Status {
                status,
                body: None,
                retry_after: None,
                content_type: None,
            },
            times: 1,
            after: 0,
        }));
    }
    let report = world.poll().await;
    assert_eq!(report.failure.unwrap().reason, "CallbackGone");
    let calls = world.calls("/callback").len();
    assert_eq!(calls, 2, "ten events and five, each once");
}

/// A schedule that had come far begins anew once something was accepted, also if the source fails behind it.
#[tokio::test(start_paused = true)]
async fn progress_before_a_failing_source_begins_the_schedule_anew() {
    let mut world = World::new(Setup {
        knobs: json!({"maxLimit": 5}),
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    world.configure(json!({"receiverStatus": 500}));
    (1..=8).for_each(|n| world.create(&format!("n{n}")));
    for failed in 1..=4 {
        assert_eq!(world.poll().await.failed_deliveries, failed);
    }
    world.configure(json!({"receiverStatus": null}));
    world.command(Command::Fault(PlannedFault {
        target: Target::Reports,
        fault: Fault::Deadlock,
        // Three attempts at the second page.
        times: 3,
        after: 1,
    }));
    let report = world.poll().await;
    assert_eq!(
        (report.state, report.failed_deliveries),
        (PollState::PollFailed, 0)
    );
}

/// Two resources that list the same reports.
fn world_of_two() -> Value {
    json!({"configuration": {"event.poller.configuration": {"again": {
        "url": "/hubs/expense/reports?where=modifiedDateAfter='${date:yyyy-MM-dd'T'HH:mm:ss.SSS}'",
        "idField": "ID",
        "datesConfiguration": {
            "updatedDateField": "LastModifiedDate", "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss.SSS",
            "createdDateField": "CreateDate", "createdDateFormat": "yyyy-MM-dd'T'HH:mm:ss.SSS",
        },
    }}}})
}

/// Redirects and every status that is no 2xx leave the events where they are.
#[tokio::test(start_paused = true)]
async fn only_2xx_accepts() {
    for status in [
        200, 201, 202, 204, 206, 299, 300, 301, 302, 303, 304, 307, 308, 401, 404, 418, 500, 599,
    ] {
        let mut world = steady(json!({})).await;
        world.configure(json!({"receiverStatus": status}));
        world.create("n1");
        let report = world.poll().await;
        let accepted = (200..300).contains(&status);
        assert_eq!(
            report.failure.is_none(),
            accepted,
            "{status}: {:?}",
            report.failure
        );
        world.configure(json!({"receiverStatus": null}));
        world.wait(60).await;
        world.poll().await;
        let calls = world.calls("/callback").len();
        assert_eq!(calls == 1, accepted, "{status}: {calls} calls");
        assert_eq!(world.story(), ["CREATED n1"], "{status}");
    }
}
