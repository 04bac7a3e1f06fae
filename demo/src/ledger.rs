//! The books: which changes were made at the source, and what the receiver took.

use std::collections::{BTreeMap, BTreeSet};

use crate::sandbox::{Event, Notification};

const CREATED: &str = "CREATED";
const UPDATED: &str = "UPDATED";

/// Changes made so far, by the event that must report them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    made: BTreeMap<Event, usize>,
}

impl Ledger {
    pub(crate) fn created(&mut self, id: &str) {
        self.note(CREATED, id);
    }

    pub(crate) fn edited(&mut self, id: &str) {
        self.note(UPDATED, id);
    }

    fn note(&mut self, event_type: &str, id: &str) {
        let event = Event {
            event_type: event_type.to_owned(),
            object_id: id.to_owned(),
        };
        *self.made.entry(event).or_default() += 1;
    }

    /// Holds what the receiver took against what was made. An event is known by its id: one that comes again
    /// under the same id is the same event, which a receiver drops.
    pub(crate) fn compare(&self, notifications: &[Notification]) -> Comparison {
        let mut ids: BTreeMap<Event, BTreeSet<String>> = BTreeMap::new();
        let mut comparison = Comparison {
            made: self.made.values().sum(),
            ..Comparison::default()
        };
        let mut created = BTreeSet::new();
        for notification in notifications.iter().filter(|notification| notification.accepted) {
            let events = notification.events();
            if events.is_empty() || events.len() != notification.event_ids.len() {
                comparison
                    .wrong
                    .push("a notification has not one event id for each event".to_owned());
            }
            for (event, id) in events.into_iter().zip(&notification.event_ids) {
                if event.event_type == CREATED {
                    created.insert(event.object_id.clone());
                } else if self.made.contains_key(&Event {
                    event_type: CREATED.to_owned(),
                    ..event.clone()
                }) && !created.contains(&event.object_id)
                {
                    comparison
                        .wrong
                        .push(format!("UPDATED {} came before its CREATED", event.object_id));
                }
                if !ids.entry(event).or_default().insert(id.clone()) {
                    comparison.again += 1;
                }
            }
        }
        comparison.received = ids.values().map(BTreeSet::len).sum();
        for event in self.made.keys().chain(ids.keys()).collect::<BTreeSet<_>>() {
            let made = self.made.get(event).copied().unwrap_or_default();
            let received = ids.get(event).map_or(0, BTreeSet::len);
            let name = format!("{} {}", event.event_type, event.object_id);
            for _ in received..made {
                comparison.lost.push(name.clone());
            }
            for _ in made..received {
                comparison.repeated.push(name.clone());
            }
        }
        comparison
    }
}

/// What the receiver took, held against what was made.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Changes made at the source.
    pub(crate) made: usize,
    /// Events received, each counted once.
    pub(crate) received: usize,
    /// Changes without an event.
    pub(crate) lost: Vec<String>,
    /// Events of which there are more than changes.
    pub(crate) repeated: Vec<String>,
    /// Events that came again under the id they had.
    pub(crate) again: usize,
    /// Anything else that breaks a promise.
    pub(crate) wrong: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn notification(accepted: bool, events: &[(&str, &str, &str)]) -> Notification {
        let list: Vec<_> = events
            .iter()
            .map(|(kind, id, _)| json!({"eventType": kind, "objectId": id}))
            .collect();
        let ids: Vec<_> = events.iter().map(|(_, _, event_id)| event_id).collect();
        serde_json::from_str(
            &json!({
                "at": "2026-01-01T00:00:00Z", "status": 200, "accepted": accepted, "signature": "valid",
                "headers": [], "body": {"message": {"events": list}}, "eventIds": ids,
            })
            .to_string(),
        )
        .unwrap()
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.created("a");
        ledger.edited("a");
        ledger.edited("a");
        ledger.edited("old");
        ledger
    }

    #[test]
    fn every_change_once_is_clean_and_the_same_id_again_is_no_repeat() {
        let received = [
            notification(false, &[(CREATED, "a", "1")]),
            notification(true, &[(CREATED, "a", "1"), (UPDATED, "old", "2")]),
            notification(true, &[(CREATED, "a", "1"), (UPDATED, "a", "3")]),
            notification(true, &[(UPDATED, "a", "4")]),
        ];
        let expected = Comparison {
            made: 4,
            received: 4,
            again: 1,
            ..Comparison::default()
        };
        assert_eq!(ledger().compare(&received), expected);
    }

    #[test]
    fn losses_repeats_and_disorder_are_found() {
        let received = [
            notification(true, &[(UPDATED, "a", "3")]),
            notification(true, &[(CREATED, "a", "1")]),
            notification(true, &[(CREATED, "a", "another")]),
            notification(true, &[(CREATED, "nobody", "5")]),
        ];
        let comparison = ledger().compare(&received);
        assert_eq!(comparison.lost, ["UPDATED a", "UPDATED old"]);
        assert_eq!(comparison.repeated, ["CREATED a", "CREATED nobody"]);
        assert_eq!(comparison.wrong, ["UPDATED a came before its CREATED"]);
    }
}
