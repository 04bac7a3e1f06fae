//! Small histories made by hand: the checker must find what is wrong, and only that.

use serde_json::{Value, json};

use super::*;
use crate::evidence::{Question, Version};

/// Seconds after a start.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn record(id: &str, version: usize) -> Value {
    json!({"ID": id, "LastComment": version})
}

/// An object whose versions came at these times.
fn object(id: &str, versions: &[i64], deleted: Option<i64>) -> (String, Object) {
    let version = |(place, seconds): (usize, &i64)| Version {
        date: at(*seconds),
        visible_at: at(*seconds),
        record: record(id, place),
    };
    let object = Object {
        versions: versions.iter().enumerate().map(version).collect(),
        deleted_at: deleted.map(at),
    };
    (id.to_owned(), object)
}

/// An event of a version, `change` as `C` or `U`.
fn event(seconds: i64, change: &str, id: &str, version: usize, event_id: &str) -> Event {
    Event {
        at: at(seconds),
        resource: "reports".into(),
        object: id.into(),
        change: if change == "C" { "CREATED" } else { "UPDATED" }.into(),
        id: event_id.into(),
        record: record(id, version),
    }
}

/// Under observation from 10 on, at rest at 100. `old` was there before and is edited at 40; `new` is made at 20 and
/// edited at 30 and 40; `gone` is made at 20 and removed at 50.
fn evidence(events: Vec<Event>, questions: &[(i64, i64)]) -> Evidence {
    let question = |(asked, since): &(i64, i64)| Question {
        at: at(*asked),
        since: at(*since),
    };
    let resource = Resource {
        objects: [
            object("old", &[0, 40], None),
            object("quiet", &[0], None),
            object("new", &[20, 30, 40], None),
            object("gone", &[20], Some(50)),
        ]
        .into(),
        began: at(10),
        questions: questions.iter().map(question).collect(),
    };
    Evidence {
        resources: [("reports".to_owned(), resource)].into(),
        events,
        kills: vec![at(35)],
        rests: vec![at(100)],
        malformed: Vec::new(),
    }
}

/// What a receiver gets on a day without a fault.
fn good() -> Vec<Event> {
    vec![
        event(21, "C", "new", 0, "n"),
        event(22, "C", "gone", 0, "g"),
        event(31, "U", "new", 1, "n1"),
        event(41, "U", "new", 2, "n2"),
        event(42, "U", "old", 1, "o1"),
    ]
}

#[track_caller]
fn assert_broken(evidence: &Evidence, expected: &[(Rule, &str)]) {
    let violations = check(evidence);
    let found: Vec<_> = violations
        .iter()
        .map(|violation| (violation.rule, violation.object.1.as_str()))
        .collect();
    assert_eq!(found, expected, "{violations:#?}");
}

#[test]
fn a_good_run_is_good() {
    let asked = [(23, 15), (32, 25), (60, 45)];
    assert_broken(&evidence(good(), &asked), &[]);
    // What was replaced or removed before anybody saw it needs no event, and repeats keep their ids.
    let events = vec![
        event(41, "C", "new", 2, "n"),
        event(42, "U", "new", 2, "n2"),
        event(43, "U", "old", 1, "o1"),
        event(44, "C", "new", 2, "n"),
        event(44, "U", "new", 2, "n2"),
        event(45, "U", "old", 1, "o1"),
    ];
    assert_broken(&evidence(events, &[(60, 45)]), &[]);
}

#[test]
fn what_is_lost_is_found() {
    let without = |index: usize| {
        let mut events = good();
        events.remove(index);
        events
    };
    assert_broken(&evidence(without(4), &[]), &[(Rule::Lost, "old")]);
    assert_broken(&evidence(without(3), &[]), &[(Rule::Lost, "new")]);
    // A version in between is not due at the rest, but before the poller puts it behind itself.
    assert_broken(&evidence(without(2), &[]), &[]);
    assert_broken(&evidence(without(2), &[(35, 30)]), &[]);
    assert_broken(&evidence(without(2), &[(35, 31)]), &[(Rule::Lost, "new")]);
    assert_broken(&evidence(without(1), &[(49, 21)]), &[(Rule::Lost, "gone")]);
    assert_broken(&evidence(without(1), &[(50, 21)]), &[]);
}

#[test]
fn a_receiver_that_drops_repeats_must_not_miss_an_edit() {
    // The newest version came only under the id of the CREATED that was known.
    let events = vec![
        event(21, "C", "new", 0, "n"),
        event(41, "C", "new", 2, "n"),
        event(42, "U", "old", 1, "o1"),
    ];
    assert_broken(&evidence(events, &[]), &[(Rule::Lost, "new")]);
}

#[test]
fn ids_are_for_one_event_each() {
    let with = |event| {
        let mut events = good();
        events.push(event);
        evidence(events, &[])
    };
    assert_broken(&with(event(60, "U", "old", 1, "other")), &[(Rule::Id, "old")]);
    assert_broken(
        &with(event(60, "U", "new", 2, "o1")),
        &[(Rule::Id, "new"), (Rule::Id, "new")],
    );
    let one_id_for_two_versions = vec![
        event(21, "C", "new", 0, "n"),
        event(31, "U", "new", 1, "n1"),
        event(41, "U", "new", 2, "n1"),
        event(42, "U", "old", 1, "o1"),
    ];
    let expected = [(Rule::Id, "new"), (Rule::Lost, "new")];
    assert_broken(&evidence(one_id_for_two_versions, &[]), &expected);
}

#[test]
fn created_comes_once_and_first() {
    let with = |index: usize, event| {
        let mut events = good();
        events.insert(index, event);
        evidence(events, &[])
    };
    assert_broken(
        &with(5, event(60, "C", "new", 2, "again")),
        &[(Rule::Created, "new")],
    );
    assert_broken(
        &with(0, event(20, "U", "new", 0, "n0")),
        &[(Rule::Created, "new")],
    );
    assert_broken(&with(5, event(60, "C", "old", 1, "o")), &[(Rule::Created, "old")]);
}

#[test]
fn order_is_that_of_the_versions() {
    let mut events = good();
    events.swap(2, 3);
    for (event, seconds) in events.iter_mut().zip([21, 22, 41, 42, 43]) {
        event.at = at(seconds);
    }
    assert_broken(&evidence(events, &[]), &[(Rule::Order, "new")]);
}

#[test]
fn nothing_is_made_up() {
    for wrong in [
        event(60, "U", "old", 7, "o7"),
        event(60, "U", "nobody", 0, "x"),
        // Not visible yet.
        event(39, "U", "old", 1, "o1"),
    ] {
        let mut events = good();
        events.push(wrong.clone());
        assert_broken(&evidence(events, &[]), &[(Rule::Invented, &wrong.object)]);
    }
    let mut malformed = evidence(good(), &[]);
    malformed.malformed.push("the signature is none".into());
    assert_broken(&malformed, &[(Rule::Malformed, "")]);
}

#[test]
fn the_story_of_an_object_is_told_in_order() {
    let story = crate::story(&evidence(good(), &[]), "reports", "new");
    let words: Vec<_> = story
        .lines()
        .map(|line| line.split_once("Z  ").unwrap().1)
        .collect();
    assert_eq!(words.len(), 7, "{story}");
    assert!(words[0].starts_with("source    version 0"), "{story}");
    assert_eq!(words[1], "receiver  CREATED of version 0, id n");
    assert_eq!(words[4], "kill -9");
}

#[test]
fn figures_count() {
    let mut events = good();
    events.push(event(60, "U", "old", 1, "o1"));
    let evidence = evidence(events, &[]);
    let figures = crate::Figures::count(&evidence, &check(&evidence));
    assert_eq!(
        (
            figures.kills,
            figures.changes,
            figures.due,
            figures.events,
            figures.repeats
        ),
        (1, 6, 2, 6, 1)
    );
}

#[test]
fn versions_of_one_millisecond_are_one() {
    let mut evidence = evidence(good(), &[(60, 45)]);
    let twice = object("twice", &[20, 20], None);
    evidence
        .resources
        .get_mut("reports")
        .unwrap()
        .objects
        .extend([twice]);
    evidence.events.push(event(25, "C", "twice", 0, "t"));
    assert_broken(&evidence, &[]);
}
