//! What an edit of the spec does to the cursor: nothing that is old is told as new, and no change made meanwhile is lost.

use std::collections::HashSet;

use concur_sandbox::{Command, Create};
use pollinator::engine::ResourceReport;
use serde_json::{Value, json};

use crate::support::transport::HUB_HOST;
use crate::support::world::{Setup, World, merge};

const BY_MODIFIED: &str = "/hubs/expense/reports?where=modifiedDateAfter='${date:yyyy-MM-dd'T'HH:mm:ss.SSS}'";

/// With `Backfill`, so that every beginning anew would show; `entry` is merged over the reports'.
fn spec(entry: Value) -> Value {
    json!({
        "polling": {"initialSync": {"policy": "Backfill"}},
        "configuration": {"event.poller.configuration": {"reports": entry}},
    })
}

fn undated() -> Value {
    json!({"url": "/hubs/expense/reports", "datesConfiguration": null})
}

fn with(mut entry: Value, patch: Value) -> Value {
    merge(&mut entry, &patch);
    entry
}

fn through_hub() -> Value {
    json!({"configuration": {
        "base.url": format!("http://{HUB_HOST}/elements/api-v2"),
        "hub.authorization": "User sandbox-user, Organization sandbox-organization, Element sandbox-element",
    }})
}

/// The same resource under another name.
fn renamed(name: &str, entry: Value) -> Value {
    let ordinary = crate::support::world::ordinary_spec();
    let mut reports = ordinary["configuration"]["event.poller.configuration"]["reports"].clone();
    merge(&mut reports, &entry);
    let mut spec = spec(Value::Null);
    spec["configuration"]["event.poller.configuration"] = json!({"reports": null, name: reports});
    spec
}

fn reason(report: &ResourceReport) -> Option<&str> {
    report
        .carried_over
        .as_ref()
        .map(|carried| carried.reason.as_str())
}

/// Number of events accepted so far; to look at them all takes its time.
fn told(world: &World) -> usize {
    world.story_at("/callback").len()
}

/// Old records, and one of this minute, all told.
async fn settled(before: &Value, old: u32) -> World {
    let mut world = World::new(Setup {
        spec: before.clone(),
        knobs: json!({"defaultLimit": 1000, "maxLimit": 1000}),
        ..Setup::default()
    });
    world.seed("p", old);
    world.poll().await;
    world.wait(120).await;
    world.create("latest");
    for _ in 0..2 {
        world.wait(60).await;
        world.poll().await;
    }
    assert_eq!(told(&world), old as usize + 1, "the Backfill that was asked for");
    world
}

struct Edit {
    name: &'static str,
    before: Value,
    after: Value,
    reason: Option<&'static str>,
    /// What is told of the edit of `p0500` and of the new `during`, both made between the last poll before the edit and
    /// the first one after it.
    told: &'static [&'static str],
}

#[tokio::test(start_paused = true)]
async fn no_edit_is_a_backfill_and_none_loses_a_change() {
    let named = json!({"idField": "Name"});
    let zoned = |zone: &str| json!({"datesConfiguration": {"updatedDateTimezone": zone}});
    let both: &[&str] = &["CREATED during", "UPDATED p0500"];
    let by_name: &[&str] = &["CREATED Sandbox trip 1002", "UPDATED Sandbox trip 501"];
    let table = [
        Edit {
            name: "idField",
            before: spec(json!({})),
            after: spec(named.clone()),
            reason: Some("IdFieldChanged"),
            told: by_name,
        },
        Edit {
            name: "idField, undated",
            before: spec(undated()),
            after: spec(with(undated(), named.clone())),
            reason: Some("IdFieldChanged"),
            told: &["UPDATED Sandbox trip 501"],
        },
        Edit {
            name: "dates that are an hour earlier from now on",
            before: spec(zoned("GMT")),
            after: spec(zoned("+01:00")),
            reason: Some("DatesChanged"),
            told: &["CREATED during", "UPDATED latest", "UPDATED p0500"],
        },
        Edit {
            name: "dates taken out",
            before: spec(json!({})),
            after: spec(undated()),
            reason: Some("DatesChanged"),
            told: &[],
        },
        Edit {
            name: "dates put in",
            before: spec(undated()),
            after: spec(json!({})),
            reason: Some("DatesChanged"),
            told: &[],
        },
        Edit {
            name: "idField and dates taken out",
            before: spec(json!({})),
            after: spec(with(undated(), named)),
            reason: Some("DatesChanged"),
            told: &[],
        },
        Edit {
            name: "element",
            before: spec(json!({})),
            after: with(spec(json!({})), through_hub()),
            reason: Some("ElementChanged"),
            told: both,
        },
        // A vendor's volatile fields are unknown to a hub, so what is compared whole goes another way here.
        Edit {
            name: "path, undated",
            before: spec(undated()),
            after: spec(with(
                undated(),
                json!({"url": "/hubs/expense/users", "idField": "id"}),
            )),
            reason: Some("ListingChanged"),
            told: &[],
        },
        Edit {
            name: "name",
            before: spec(json!({})),
            after: renamed("expenses", json!({})),
            reason: Some("ResourceRenamed"),
            told: both,
        },
        Edit {
            name: "name and filter",
            before: spec(json!({})),
            after: renamed("expenses", json!({"url": format!("{BY_MODIFIED}&user=ALL")})),
            reason: Some("ResourceRenamed"),
            told: both,
        },
        Edit {
            name: "name, undated",
            before: spec(undated()),
            after: renamed("expenses", undated()),
            reason: Some("ResourceRenamed"),
            // As after every load: what was told just before it is unknown, and so UPDATED follows CREATED.
            told: &["CREATED during", "UPDATED during", "UPDATED p0500"],
        },
        Edit {
            name: "filter",
            before: spec(json!({})),
            after: spec(json!({"url": format!("{BY_MODIFIED}&user=ALL")})),
            reason: None,
            told: both,
        },
        Edit {
            name: "filter taken out",
            before: spec(json!({})),
            after: spec(json!({"url": "/hubs/expense/reports"})),
            reason: None,
            told: both,
        },
        Edit {
            name: "filter, undated",
            before: spec(with(undated(), json!({"url": "/hubs/expense/reports?user=ALL"}))),
            after: spec(undated()),
            reason: Some("ListingChanged"),
            told: &["UPDATED p0500"],
        },
        Edit {
            name: "policy",
            before: spec(json!({})),
            after: with(
                spec(json!({})),
                json!({"polling": {"initialSync": {"policy": "Baseline"}}}),
            ),
            reason: None,
            told: both,
        },
    ];
    for (index, edit) in table.into_iter().enumerate() {
        let restarted = index % 2 == 1;
        let name = format!("{}, restarted: {restarted}", edit.name);
        let mut world = settled(&edit.before, 1000).await;
        let told_before = told(&world);
        world.edit("p0500");
        world.create("during");
        let users = json!({"command": "seed", "resource": "users", "count": 1000, "prefix": "u"});
        if edit.name.starts_with("path") {
            world.command(serde_json::from_value(users).unwrap());
        }
        world.wait(5).await;
        world.edit_spec(&edit.after);
        if restarted {
            world.restart();
            world.remember(&["reports"]);
        }
        let mut reasons = Vec::new();
        for _ in 0..4 {
            let report = world.poll().await;
            assert_eq!(report.failure, None, "{name}");
            reasons.push(reason(&report).map(str::to_owned));
            world.wait(60).await;
        }
        let expected = edit.reason.map(str::to_owned);
        assert_eq!(
            reasons,
            [expected.clone(), expected, None, None],
            "{name}: told in two polls"
        );
        // From now on as if nothing had been.
        let other = edit.reason == Some("ListingChanged") && edit.told.is_empty();
        if other {
            let order = json!({"command": "create", "resource": "users", "id": "u1001"});
            world.command(serde_json::from_value(order).unwrap());
        } else {
            world.edit("p0100");
        }
        world.poll().await;
        let mut events = world.events();
        let last = events.pop().unwrap().change;
        assert_eq!(last, if other { "CREATED" } else { "UPDATED" }, "{name}");
        let after = events.split_off(told_before);
        // What comes again under its id is dropped by whoever wants it once.
        let ids: HashSet<_> = events.into_iter().map(|event| event.id).collect();
        let news = after.into_iter().filter(|event| !ids.contains(&event.id));
        let mut story: Vec<_> = news
            .map(|event| format!("{} {}", event.change, event.object))
            .collect();
        story.sort();
        assert_eq!(story, edit.told, "{name}");
    }
}

/// An edit that is undone leaves nothing behind, whether it was polled, could not be, or was not.
#[tokio::test(start_paused = true)]
async fn an_edit_undone_is_no_edit() {
    for entry in [json!({}), undated()] {
        for (wrong, polls) in [("Name", 0), ("Name", 2), ("NoSuchField", 2)] {
            let before = spec(entry.clone());
            let mut world = settled(&before, 30).await;
            let told_before = told(&world);
            world.edit_spec(&spec(with(entry.clone(), json!({"idField": wrong}))));
            for _ in 0..polls {
                world.poll().await;
                world.wait(60).await;
            }
            world.edit_spec(&before);
            world.edit("p0020");
            for _ in 0..3 {
                world.poll().await;
                world.wait(60).await;
            }
            let story: Vec<_> = world.story_at("/callback").split_off(told_before);
            assert_eq!(story, ["UPDATED p0020"], "{wrong} for {polls} polls of {entry}");
        }
    }
}

/// A slip in `idField` that is mended: objects are known by the ids from before the slip.
#[tokio::test(start_paused = true)]
async fn a_slip_between_two_id_fields_does_no_harm() {
    for (entry, expected) in [
        (json!({}), vec!["UPDATED Sandbox trip 21"]),
        (undated(), vec!["UPDATED Sandbox trip 21"]),
    ] {
        let mut world = settled(&spec(entry.clone()), 30).await;
        let told_before = told(&world);
        for field in ["Nmae", "Name"] {
            world.edit_spec(&spec(with(entry.clone(), json!({"idField": field}))));
            world.edit("p0020");
            for _ in 0..2 {
                world.poll().await;
                world.wait(60).await;
            }
        }
        let mut story = world.story_at("/callback").split_off(told_before);
        story.dedup();
        assert_eq!(story, expected, "{entry}");
    }
}

/// Two edits of `idField`, each polled, and back by another way.
#[tokio::test(start_paused = true)]
async fn a_chain_of_edits_tells_nothing_twice() {
    let mut world = settled(&spec(undated()), 30).await;
    let told_before = told(&world);
    for field in ["Name", "URI", "ID", "Name"] {
        world.edit_spec(&spec(with(undated(), json!({"idField": field}))));
        for _ in 0..2 {
            world.poll().await;
            world.wait(60).await;
        }
    }
    assert_eq!(told(&world), told_before);
    world.edit("p0020");
    world.poll().await;
    assert_eq!(
        world.story_at("/callback").split_off(told_before),
        ["UPDATED Sandbox trip 21"]
    );
}

/// Held objects wait on under their new ids, and those that have none are given up aloud.
#[tokio::test(start_paused = true)]
async fn held_objects_are_carried_over() {
    let mut world = World::new(Setup {
        knobs: json!({"refuseIds": ["n1", "n2"]}),
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    world.create("n1");
    world.create("n2");
    world.poll().await;
    world.wait(200).await;
    world.create("n3");
    assert_eq!(world.poll().await.held, 2);
    world.command(Command::Delete { id: "n2".into() });
    world.edit_spec(&spec(json!({"idField": "Name"})));
    world.restart();
    let report = world.poll().await;
    assert_eq!(report.held, 1, "n2 is sought still");
    let mut polls = 1;
    let report = loop {
        world.wait(60).await;
        let report = world.poll().await;
        polls += 1;
        if report.held == 0 {
            break report;
        }
    };
    assert!(polls > 10, "a slip may be undone until then: {polls}");
    let reasons: Vec<_> = report.notices.iter().map(|notice| notice.reason).collect();
    assert_eq!(reasons, ["HeldObjectsGone"], "{:?}", report.notices);
    let gone = &report.notices[0].message;
    assert!(gone.contains("the first is n2"), "{gone}");
    assert_eq!(world.story(), ["CREATED n3", "CREATED Sandbox trip 1"]);
}

/// A human's `resetTo` is the end of it.
#[tokio::test(start_paused = true)]
async fn a_reset_is_an_answer() {
    let mut world = settled(&spec(json!({})), 30).await;
    let told_before = told(&world);
    world.edit_spec(&spec(json!({"idField": "Name"})));
    world.poll().await;
    world.wait(60).await;
    world.instance.reset_to = Some((
        "2026-11-23T10:58:30Z".into(),
        "2026-11-23T10:58:30Z".parse().unwrap(),
    ));
    let report = world.poll().await;
    assert!(report.cursor_was_set);
    assert_eq!(reason(&report), None);
    // What was changed since then.
    assert_eq!(world.story_at("/callback").split_off(told_before).len(), 3);
}

/// Two resources of one origin.
fn pair(one: (&str, &str), two: (&str, &str)) -> Value {
    let ordinary = crate::support::world::ordinary_spec();
    let entry = |filter: &str| {
        let mut entry = ordinary["configuration"]["event.poller.configuration"]["reports"].clone();
        entry["url"] = json!(format!("{BY_MODIFIED}{filter}"));
        entry
    };
    let mut spec = spec(Value::Null);
    spec["configuration"]["event.poller.configuration"] =
        json!({"reports": null, one.0: entry(one.1), two.0: entry(two.1)});
    spec
}

/// Where it is not plain who goes on with which checkpoint it is not guessed; the same url to the letter is no guess.
#[tokio::test(start_paused = true)]
async fn what_two_names_could_mean_is_not_guessed() {
    let all = "&user=ALL";
    for (after, expected) in [
        (
            pair(("c", ""), ("d", all)),
            [Some("ResourceRenamed"), Some("ResourceRenamed")],
        ),
        (pair(("c", all), ("a", "")), [None, Some("ResourceRenamed")]),
        (pair(("c", "&limit=7"), ("d", "&limit=8")), [None, None]),
    ] {
        let mut world = World::new(Setup {
            spec: pair(("a", ""), ("b", all)),
            ..Setup::default()
        });
        let run = world.run().await;
        let said = run.polled.iter().flat_map(|report| &report.notices).count();
        assert_eq!(said, 0, "a new instance adds nothing: {run:?}");
        world.wait(60).await;
        world.edit_spec(&after);
        let run = world.run().await;
        let mut reasons: Vec<_> = run.polled.iter().map(reason).collect();
        reasons.sort();
        assert_eq!(reasons, expected, "{after}");
        let added: Vec<_> = run.polled.iter().flat_map(|report| &report.notices).collect();
        let unsure = expected == [None, None];
        assert_eq!(added.len(), if unsure { 2 } else { 0 }, "{added:?}");
        for notice in added {
            assert_eq!(notice.reason, "ResourceAdded");
            assert!(notice.warning);
            for words in ["a, b", "is not guessed", "begins as Backfill"] {
                assert!(notice.message.contains(words), "{words}: {}", notice.message);
            }
        }
    }
}

/// A name that comes back goes on where it stopped; one that is renamed back takes its checkpoint with it.
#[tokio::test(start_paused = true)]
async fn names_that_come_back() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(60).await;
    for (name, object) in [("expenses", "n1"), ("reports", "n2"), ("expenses", "n3")] {
        world.create(object);
        world.edit_spec(&renamed(name, json!({})));
        for _ in 0..2 {
            world.poll().await;
            world.wait(60).await;
        }
    }
    assert_eq!(world.story(), ["CREATED n1", "CREATED n2", "CREATED n3"]);

    // Removed, and only then added under another name: a new resource, which is said.
    let mut other = renamed("expenses", json!({}));
    other["configuration"]["event.poller.configuration"] = json!({
        "reports": null,
        "users": {"url": "/hubs/expense/users", "idField": "id"},
    });
    world.edit_spec(&other);
    world.poll().await;
    world.create("n4");
    world.wait(3600).await;
    world.poll().await;
    let told_before = told(&world);
    let mut two = renamed("expenses", json!({}));
    two["configuration"]["event.poller.configuration"]["users"] =
        other["configuration"]["event.poller.configuration"]["users"].clone();
    two["configuration"]["event.poller.configuration"]["again"] =
        two["configuration"]["event.poller.configuration"]["expenses"].take();
    two["configuration"]["event.poller.configuration"]
        .as_object_mut()
        .unwrap()
        .shift_remove("expenses");
    two["polling"]["initialSync"]["policy"] = json!("FromNow");
    world.edit_spec(&two);
    let run = world.run().await;
    let notices: Vec<_> = run.polled.iter().flat_map(|report| &report.notices).collect();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(
        notices[0]
            .message
            .contains("resource again is new and begins as FromNow"),
        "{notices:?}"
    );
    assert_eq!(told(&world), told_before);
}

/// What an earlier release wrote has no meaning noted, and counts as what the settings say.
#[tokio::test(start_paused = true)]
async fn a_checkpoint_of_an_earlier_release_matches() {
    let mut world = settled(&spec(json!({})), 30).await;
    let told_before = told(&world);
    world.store.rewrite(|checkpoint| checkpoint.origin = None);
    world.restart();
    world.command(Command::Create(Create {
        id: Some("n1".into()),
        ..Create::default()
    }));
    let report = world.poll().await;
    assert_eq!(reason(&report), None);
    assert!(world.store.checkpoint().origin.is_some());
    assert_eq!(world.story_at("/callback").split_off(told_before), ["CREATED n1"]);
}

/// How an added resource begins is told after a kill in its first pass too, and once.
#[tokio::test(start_paused = true)]
async fn an_added_resource_is_told_although_its_backfill_was_killed() {
    let mut world = settled(&spec(json!({})), 30).await;
    let mut two = spec(json!({}));
    let ordinary = crate::support::world::ordinary_spec();
    two["configuration"]["event.poller.configuration"]["more"] =
        ordinary["configuration"]["event.poller.configuration"]["reports"].clone();
    world.edit_spec(&two);
    let told_before = told(&world);
    let mut requests = 1;
    while world.poll_and_be_killed(requests).await && told(&world) == told_before {
        requests += 1;
    }
    assert!(told(&world) > told_before, "it was killed amid its delivery");
    let mut notices = Vec::new();
    for _ in 0..3 {
        let run = world.run().await;
        notices.extend(run.polled.iter().flat_map(|report| report.notices.clone()));
        world.wait(60).await;
    }
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!(notices[0].reason, "ResourceAdded");
    assert!(
        notices[0].message.contains("more is new and begins as Backfill"),
        "{notices:?}"
    );
}

/// A resource that was renamed and gets its name back goes on with its checkpoint, also where no status tells of the
/// name between.
#[tokio::test(start_paused = true)]
async fn a_name_that_comes_back_finds_its_checkpoint_by_itself() {
    let mut world = World::new(Setup::default());
    world.poll().await;
    world.wait(60).await;
    for between in ["expenses", "costs"] {
        world.edit_spec(&renamed(between, json!({})));
        world.poll().await;
        world.wait(60).await;
    }
    world.create("n1");
    let mut back = renamed("reports", json!({}));
    back["polling"]["initialSync"]["policy"] = json!("FromNow");
    world.edit_spec(&back);
    world.restart();
    world.remember(&["reports"]);
    world.wait(1200).await;
    world.run().await;
    world.wait(60).await;
    world.poll().await;
    assert_eq!(world.story(), ["CREATED n1"]);
}
