//! The promises, checked against the evidence.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use jiff::Timestamp;

use crate::evidence::{Event, Evidence, Object, Resource};

const CREATED: &str = "CREATED";

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// What stays the listing's answer is reported before the poller puts it behind itself.
    Lost,
    /// One event has one id, and one id is one event.
    Id,
    /// One CREATED for an object that is new, before its UPDATEDs, and none for others.
    Created,
    /// The events of one object come in the order of its versions.
    Order,
    /// What is reported was in a listing, as it stood there.
    Invented,
    /// Notifications are signed and whole.
    Malformed,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Id => "repeated under another id",
            Self::Created => "CREATED missing, late or twice",
            Self::Order => "out of order",
            Self::Invented => "never so at the source",
            Self::Malformed => "malformed",
        })
    }
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// Resource and id of the object; empty where no object is concerned.
    pub object: (String, String),
    /// How.
    pub what: String,
}

/// What of an object a receiver knows that drops repeated ids.
struct Known<'a> {
    event: &'a Event,
    /// Place of the reported version.
    version: usize,
}

/// Every promise that the evidence shows broken.
pub fn check(evidence: &Evidence) -> Vec<Violation> {
    let mut violations: Vec<Violation> = evidence
        .malformed
        .iter()
        .map(|what| Violation {
            rule: Rule::Malformed,
            object: Default::default(),
            what: what.clone(),
        })
        .collect();
    let mut known: BTreeMap<(&str, &str), Vec<Known<'_>>> = BTreeMap::new();
    ids(evidence, &mut known, &mut violations);
    for (name, resource) in &evidence.resources {
        for (id, object) in &resource.objects {
            let known = known
                .get(&(name.as_str(), id.as_str()))
                .map_or(&[][..], Vec::as_slice);
            let mut broken = |rule, what| {
                violations.push(Violation {
                    rule,
                    object: (name.clone(), id.clone()),
                    what,
                });
            };
            created(resource, object, known, &mut broken);
            order(known, &mut broken);
            lost(evidence, resource, object, known, &mut broken);
        }
    }
    violations
}

/// Events that were new to the receiver, by object; and what is wrong with ids and records.
fn ids<'a>(
    evidence: &'a Evidence,
    known: &mut BTreeMap<(&'a str, &'a str), Vec<Known<'a>>>,
    violations: &mut Vec<Violation>,
) {
    let mut first: HashMap<&str, (&Event, usize)> = HashMap::new();
    let mut reported: HashMap<(&str, &str, usize), &str> = HashMap::new();
    for event in &evidence.events {
        let object = (event.resource.as_str(), event.object.as_str());
        let mut broken = |rule, what| {
            violations.push(Violation {
                rule,
                object: (event.resource.clone(), event.object.clone()),
                what,
            });
        };
        let at = event.at;
        let Some(version) = version(evidence, event) else {
            let what = format!(
                "the {} at {at} has a record that no listing had by then",
                event.change
            );
            broken(Rule::Invented, what);
            continue;
        };
        match first.get(event.id.as_str()) {
            None => {
                first.insert(&event.id, (event, version));
                known.entry(object).or_default().push(Known { event, version });
            }
            Some((before, _))
                if (&before.resource, &before.object, &before.change)
                    != (&event.resource, &event.object, &event.change) =>
            {
                let what = format!(
                    "id {} at {at} was {} {} before",
                    event.id, before.change, before.object
                );
                broken(Rule::Id, what);
            }
            // A CREATED is about the object, so it may come again with a newer version.
            Some((_, earlier)) if event.change != CREATED && *earlier != version => {
                let what = format!(
                    "id {} at {at} named version {earlier} before, now {version}",
                    event.id
                );
                broken(Rule::Id, what);
            }
            Some(_) => {}
        }
        if event.change != CREATED {
            let id = *reported.entry((object.0, object.1, version)).or_insert(&event.id);
            if id != event.id {
                let what = format!("version {version} came at {at} as {}, before as {id}", event.id);
                broken(Rule::Id, what);
            }
        }
    }
}

/// The version whose record an event carries, among those that were visible.
fn version(evidence: &Evidence, event: &Event) -> Option<usize> {
    let object = evidence
        .resources
        .get(&event.resource)?
        .objects
        .get(&event.object)?;
    let place = object
        .versions
        .iter()
        .position(|version| version.visible_at <= event.at && version.record == event.record)?;
    Some(object.of_its_date(place))
}

fn created(resource: &Resource, object: &Object, known: &[Known<'_>], broken: &mut impl FnMut(Rule, String)) {
    let is_created = |known: &&Known<'_>| known.event.change == CREATED;
    let count = known.iter().filter(is_created).count();
    let is_new = object
        .versions
        .first()
        .is_some_and(|first| first.visible_at > resource.began);
    match (is_new, known.first()) {
        (false, _) if count > 0 => {
            broken(
                Rule::Created,
                "it was there before the first start, and came as CREATED".to_owned(),
            );
        }
        (true, Some(first)) if first.event.change != CREATED => {
            let what = format!(
                "it is new, and its first event, at {}, is {}",
                first.event.at, first.event.change
            );
            broken(Rule::Created, what);
        }
        (true, _) if count > 1 => broken(Rule::Created, format!("{count} CREATED with different ids")),
        _ => {}
    }
}

fn order(known: &[Known<'_>], broken: &mut impl FnMut(Rule, String)) {
    for pair in known.windows(2) {
        if let [before, after] = pair
            && after.version < before.version
        {
            let (at, after, before) = (after.event.at, after.version, before.version);
            broken(
                Rule::Order,
                format!("version {after} came at {at}, after version {before}"),
            );
        }
    }
}

fn lost(
    evidence: &Evidence,
    resource: &Resource,
    object: &Object,
    known: &[Known<'_>],
    broken: &mut impl FnMut(Rule, String),
) {
    let mut told = HashSet::new();
    // Also what is older than the newest version known may be due: its order is another promise.
    let mut due = |at: Timestamp, before: Option<Timestamp>, why: &dyn Fn() -> String| {
        let Some((place, version)) = object
            .shown(at)
            .and_then(|place| Some((place, object.versions.get(place)?)))
        else {
            return;
        };
        let place = object.of_its_date(place);
        let exempt = version.visible_at <= resource.began;
        let behind = before.is_none_or(|before| version.date < before);
        let arrived = known
            .iter()
            .any(|known| known.version == place && known.event.at <= at);
        if behind && !exempt && !arrived && told.insert(place) {
            broken(
                Rule::Lost,
                format!("version {place} of {}: {}", version.date, why()),
            );
        }
    };
    for rest in &evidence.rests {
        due(*rest, None, &|| {
            format!("not received when everything was at rest at {rest}")
        });
    }
    for question in &resource.questions {
        let why = || {
            format!(
                "not received, and not asked for again: at {} what changed after {} was asked for",
                question.at, question.since
            )
        };
        due(question.at, Some(question.since), &why);
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
