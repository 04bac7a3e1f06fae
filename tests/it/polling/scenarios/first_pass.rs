//! What was there at the first start, and what changes during it.

use concur_sandbox::{Command, Create, Fault, PlannedFault, Target};
use jiff::Timestamp;
use serde_json::json;

use super::{at, settle};
use crate::support::world::{Setup, World};

#[tokio::test(start_paused = true)]
async fn crash_in_first_pass() {
    let mut world = World::new(Setup {
        knobs: json!({"maxLimit": 2}),
        ..Setup::default()
    });
    let recent: Timestamp = "2026-11-23T11:58:00Z".parse().unwrap();
    for n in 1..=4 {
        let past = Create {
            id: Some(format!("p{n}")),
            created: Some(recent),
            modified: Some(recent),
            ..Create::default()
        };
        world.command(Command::Create(past));
    }
    // One token request and one page.
    assert!(world.poll_and_be_killed(2).await);
    world.wait(3).await;
    world.create("early");
    settle(&mut world, 5).await;
    assert_eq!(
        world.story(),
        ["CREATED early"],
        "changed after the first start, and nothing of the past"
    );
}

#[tokio::test(start_paused = true)]
async fn baseline_skip() {
    let spec = json!({"polling": {"initialSync": {"policy": "Baseline"}}});
    let mut world = World::new(Setup {
        knobs: json!({"maxLimit": 2}),
        spec,
        ..Setup::default()
    });
    world.seed("p", 6);
    at(
        &world,
        Target::Reports,
        2,
        vec![Command::Delete { id: "p0000".into() }],
    );
    world.poll().await;
    world.wait(60).await;
    world.edit("p0003");
    settle(&mut world, 6).await;
    assert_eq!(world.story(), ["UPDATED p0003"]);
}

#[tokio::test(start_paused = true)]
async fn backfill_reports_from_its_instant() {
    let spec = json!({"polling": {"initialSync": {"policy": "Backfill", "since": "2026-11-23T10:57:30Z"}}});
    let mut world = World::new(Setup {
        spec,
        ..Setup::default()
    });
    world.seed("p", 6); // a minute apart, the last one an hour old
    settle(&mut world, 4).await;
    let mut objects: Vec<_> = world.events().into_iter().map(|event| event.object).collect();
    objects.sort();
    assert_eq!(objects, ["p0003", "p0004", "p0005"]);
}

/// What was created since then is CREATED, as after `resetTo`: so a migration has no gap.
#[tokio::test(start_paused = true)]
async fn backfill_tells_created_from_updated_by_its_since() {
    let mut world = World::new(Setup {
        spec: json!({"polling": {"initialSync": {"policy": "Backfill", "since": "2026-11-23T10:00:00Z"}}}),
        ..Setup::default()
    });
    let report = |id: &str, created: &str| {
        Command::Create(Create {
            id: Some(id.into()),
            created: Some(created.parse().unwrap()),
            modified: Some("2026-11-23T11:00:00Z".parse().unwrap()),
            ..Create::default()
        })
    };
    world.command(report("before", "2026-11-23T09:00:00Z"));
    world.command(report("since", "2026-11-23T10:30:00Z"));
    settle(&mut world, 3).await;
    assert_eq!(world.sorted_story(), ["CREATED since", "UPDATED before"]);
}

/// A first pass that takes long meets what was changed since it began: that lies ahead of its first page, not of the
/// vendor's clock.
#[tokio::test(start_paused = true)]
async fn changed_during_a_long_first_pass() {
    let mut world = World::new(Setup {
        knobs: json!({"maxLimit": 2}),
        ..Setup::default()
    });
    let recent: Timestamp = "2026-11-23T11:58:00Z".parse().unwrap();
    for n in 1..=4 {
        world.command(Command::Create(super::dated(&format!("p{n}"), recent)));
    }
    world.command(Command::Fault(PlannedFault {
        target: Target::Reports,
        fault: Fault::Hang { ms: Some(50_000) },
        times: 2,
        after: 0,
    }));
    let poll = tokio::time::timeout(std::time::Duration::from_secs(300), async {
        at(&world, Target::Reports, 2, vec![super::edited("p4")]);
        world.poll().await
    });
    assert_eq!(poll.await.unwrap().failure, None);
    settle(&mut world, 3).await;
    assert_eq!(world.story(), ["UPDATED p4"]);
}

/// A listing without a filter, all of it old, on several pages: nothing moves the floor, and yet the first pass is
/// proven in the end.
#[tokio::test(start_paused = true)]
async fn old_records_on_several_pages() {
    let mut world = World::new(Setup {
        knobs: json!({"maxLimit": 2}),
        spec: super::reports(json!({"url": "/hubs/expense/reports"})),
        ..Setup::default()
    });
    world.seed("p", 6);
    settle(&mut world, 4).await;
    assert_eq!(world.store.checkpoint().phase, pollinator::poll::Phase::Steady);
    assert_eq!(world.story(), Vec::<String>::new());
}
