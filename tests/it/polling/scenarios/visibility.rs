//! Changes that become visible late, dates that are equal, and dates that stand for more than an instant.

use concur_sandbox::{At, Command, Create, Edit, Target};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{created, dated, reports, settle};
use crate::support::world::{Setup, World};

const SECONDS: &str = "yyyy-MM-dd'T'HH:mm:ss";
const DAYS: &str = "yyyy-MM-dd";

fn field(name: &str, value: &str) -> Map<String, Value> {
    [(name.to_owned(), json!(value))].into_iter().collect()
}

#[tokio::test(start_paused = true)]
async fn late_visible_created() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(60).await;
    let late = Create {
        id: Some("late".into()),
        visible_after_ms: Some(30_000),
        ..Create::default()
    };
    world.command(Command::Create(late));
    world.wait(10).await;
    world.create("overtakes");
    world.poll().await;
    settle(&mut world, 4).await;
    assert_eq!(world.story(), ["CREATED overtakes", "CREATED late"]);
}

#[tokio::test(start_paused = true)]
async fn tie_exclusive_filter() {
    let mut world = World::new(Setup {
        knobs: json!({"filter": "exclusive"}),
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    world.create("t1");
    let same = world.sandbox.now();
    let tie = Create {
        id: Some("t2".into()),
        created: Some(same),
        modified: Some(same),
        visible_after_ms: Some(900),
        ..Create::default()
    };
    world.command(Command::Create(tie));
    world.poll().await;
    settle(&mut world, 3).await;
    assert_eq!(world.story(), ["CREATED t1", "CREATED t2"]);
}

/// Two records with one timestamp, the second visible after the first was reported.
#[tokio::test(start_paused = true)]
async fn strict_greater() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(60).await;
    let now = world.sandbox.now();
    world.command(Command::Create(dated("t1", now)));
    world.command(Command::Create(Create {
        visible_after_ms: Some(30_000),
        ..dated("t2", now)
    }));
    world.poll().await;
    assert_eq!(world.story(), ["CREATED t1"]);
    settle(&mut world, 3).await;
    assert_eq!(world.story(), ["CREATED t1", "CREATED t2"]);
}

/// The vendor compares in 1/300 s, so that a filter may lie two milliseconds later than it was given.
#[tokio::test(start_paused = true)]
async fn filter_rounded_300() {
    for filter in ["exclusive", "inclusive"] {
        let start = json!({"policy": "Backfill", "since": "2026-11-23T11:00:00.685Z"});
        let mut world = World::new(Setup {
            knobs: json!({"filter": filter, "filterRounding": "300"}),
            spec: json!({"polling": {"lookback": "1s", "initialSync": start}}),
            ..Setup::default()
        });
        // Compared with .687.
        let after: Timestamp = "2026-11-23T11:00:00.686Z".parse().unwrap();
        world.command(Command::Create(dated("since", after)));
        world.poll().await;
        world.wait(60).await;
        let now = world.sandbox.now();
        world.command(Command::Create(dated("t1", now)));
        world.command(Command::Create(Create {
            visible_after_ms: Some(900),
            ..dated("t2", now)
        }));
        world.poll().await;
        settle(&mut world, 3).await;
        assert_eq!(
            world.story(),
            ["CREATED since", "CREATED t1", "CREATED t2"],
            "{filter}"
        );
    }
}

fn dates(updated: &str, created: &str, url: &str) -> Value {
    reports(json!({
        "url": format!("/hubs/expense/reports?where=modifiedDateAfter='${{date:{url}}}'"),
        "datesConfiguration": {"updatedDateFormat": updated, "createdDateFormat": created},
    }))
}

/// A second edit within the second of the first, after that was read.
#[tokio::test(start_paused = true)]
async fn same_second_edit() {
    let mut world = World::new(Setup {
        spec: dates(SECONDS, SECONDS, "yyyy-MM-dd'T'HH:mm:ss.SSS"),
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    let second: Timestamp = world
        .sandbox
        .now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
        .parse()
        .unwrap();
    world.command(Command::Create(dated("s", second)));
    let again = Command::Edit(Edit {
        id: "s".into(),
        modified: Some(second),
        set: field("Name", "again"),
        ..Edit::default()
    });
    world.command(Command::At(At {
        target: Target::Reports,
        request: 1,
        commands: vec![again],
        after: true,
    }));
    settle(&mut world, 4).await;
    assert_eq!(world.story(), ["CREATED s", "UPDATED s"]);
    assert_eq!(world.held_by_receiver()["s"]["Name"], "again");
}

fn today() -> Timestamp {
    "2026-11-23T00:00:00Z".parse().unwrap()
}

fn of_today(name: &str) -> Map<String, Value> {
    let mut set = field("Name", name);
    set.extend(field("LastModifiedDate", "2026-11-23"));
    set.extend(field("CreateDate", "2026-11-23"));
    set
}

fn renamed_today(id: &str, name: &str) -> Command {
    Command::Edit(Edit {
        id: id.into(),
        modified: Some(today()),
        set: of_today(name),
        ..Edit::default()
    })
}

/// Dates, filter and macro know days only; a second edit the same day is told all the same.
#[tokio::test(start_paused = true)]
async fn day_granular_second_edit() {
    let mut world = World::new(Setup {
        knobs: json!({"filterRounding": "day"}),
        spec: dates(DAYS, DAYS, DAYS),
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    world.command(Command::Create(Create {
        set: of_today("first"),
        ..dated("d", today())
    }));
    settle(&mut world, 2).await;
    for name in ["second", "third"] {
        world.command(renamed_today("d", name));
        settle(&mut world, 3).await;
    }
    assert_eq!(world.story(), ["CREATED d", "UPDATED d", "UPDATED d"]);
    assert_eq!(world.held_by_receiver()["d"]["Name"], "third");
}

/// A cursor in the middle of a day, where the dates know days only: what is dated today may have changed since.
#[tokio::test(start_paused = true)]
async fn day_granular_reset_at_noon() {
    for url in ["yyyy-MM-dd'T'HH:mm:ss.SSS", DAYS] {
        let mut world = World::new(Setup {
            spec: dates(DAYS, DAYS, url),
            ..Setup::default()
        });
        world.command(Command::Create(Create {
            set: of_today("d"),
            ..dated("d", today())
        }));
        world.poll().await;
        assert_eq!(world.story(), Vec::<String>::new());
        world.instance.reset_to = Some(("noon".into(), "2026-11-23T12:00:00Z".parse().unwrap()));
        settle(&mut world, 2).await;
        let told = ["CREATED d", "UPDATED d"];
        assert_eq!(
            world.story(),
            told,
            "{url}: it may have been told before the reset"
        );
    }
}

/// The macro knows days only, so that the same records come all day.
#[tokio::test(start_paused = true)]
async fn filter_all_day() {
    let milliseconds = "yyyy-MM-dd'T'HH:mm:ss.SSS";
    let mut world = World::new(Setup {
        knobs: json!({"filterRounding": "day"}),
        spec: dates(milliseconds, milliseconds, DAYS),
        ..Setup::default()
    });
    world.poll().await;
    for n in 1..=8 {
        world.create(&format!("n{n}"));
        world.wait(3600).await;
        world.poll().await;
        world.restart();
    }
    assert_eq!(world.story(), created(1..=8));
}

/// The created date knows days only, the updated one milliseconds.
#[tokio::test(start_paused = true)]
async fn created_day_granular() {
    let mut world = World::new(Setup {
        spec: dates("yyyy-MM-dd'T'HH:mm:ss.SSS", DAYS, "yyyy-MM-dd'T'HH:mm:ss.SSS"),
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    world.command(Command::Create(Create {
        id: Some("c".into()),
        set: field("CreateDate", "2026-11-23"),
        ..Create::default()
    }));
    world.wait(20).await;
    settle(&mut world, 1).await;
    world.edit("c");
    settle(&mut world, 3).await;
    assert_eq!(world.story(), ["CREATED c", "UPDATED c"]);
}

/// One instant, printed `.5` and `.500` in turn.
#[tokio::test(start_paused = true)]
async fn printed_differently() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    let half: Timestamp = "2026-11-23T12:00:30.5Z".parse().unwrap();
    world.wait(60).await;
    world.command(Command::Create(dated("s", half)));
    for n in 0..6 {
        world.poll().await;
        let printed = if n % 2 == 0 {
            "2026-11-23T12:00:30.500"
        } else {
            "2026-11-23T12:00:30.5"
        };
        world.command(Command::Edit(Edit {
            id: "s".into(),
            modified: Some(half),
            set: field("LastModifiedDate", printed),
            ..Edit::default()
        }));
        world.wait(10).await;
    }
    assert_eq!(world.story(), ["CREATED s"]);
}

/// `filterByUpdatedDate: false`, no macro, newest first: what is new is told, and told once.
#[tokio::test(start_paused = true)]
async fn no_filter_newest() {
    let mut world = World::new(Setup {
        knobs: json!({"maxLimit": 3, "order": "modified-desc"}),
        spec: reports(json!({"url": "/hubs/expense/reports", "filterByUpdatedDate": false})),
        ..Setup::default()
    });
    world.seed("p", 5);
    settle(&mut world, 3).await;
    for n in 1..=4 {
        world.create(&format!("n{n}"));
        world.wait(20).await;
        world.edit("p0001");
        settle(&mut world, 2).await;
    }
    assert_eq!(world.story(), created(1..=4), "an edit has no date here");
}
