//! Objects held since the callback refused their event: how long they wait, and how they are freed.

use jiff::Timestamp;

use super::memory::seen_version;
use super::{Change, Held, HeldReason, Memory, Record, Refusals};

/// Objects held at once.
const MOST_HELD: usize = 1000;
/// Bytes that their ids may take in the object that the checkpoint is stored in. With the rest of what is held and the
/// first part of the seen-set it then has 1.3 MB, and etcd takes 1.5 MiB.
const MOST_HELD_BYTES: usize = 256 * 1024;
/// Held objects that are tried at the next poll when one was accepted, which may mean that the receiver was mended.
const FREED_BY_ONE: usize = 10;

impl Memory {
    /// Whether one more object may be held. A callback that refuses this many refuses everything: its objects stay
    /// at the source, since a checkpoint that held them all could not be stored.
    pub fn may_hold(&self, record: &Record) -> bool {
        let held = &self.checkpoint.held;
        if held.contains_key(&record.id) {
            return true;
        }
        let former = self.held_by_former_ids();
        let ids = held.keys().chain([&record.id]).chain(&former);
        held.len() + former.len() < MOST_HELD
            && ids.map(|id| stored_bytes(id)).sum::<usize>() <= MOST_HELD_BYTES
    }

    /// The callback refused the record's event for good: hold the object, let the others go on. It is tried again at
    /// every poll, unless [`Self::postpone`] says otherwise.
    pub fn refused(&mut self, record: &Record, change: Change) {
        let before = self.checkpoint.held.get(&record.id);
        let held = Held {
            date: record
                .updated
                .or(before.map(|held| held.date))
                .unwrap_or(self.checkpoint.floor),
            change,
            reason: HeldReason::Refused,
            missed: 0,
            uncertain: before.is_some_and(|held| held.uncertain) || self.outcome_unknown(record.key),
            refusals: before.and_then(|held| held.refusals.clone()),
        };
        if before != Some(&held) {
            self.checkpoint.held.insert(record.id.clone(), held);
            self.touch();
        }
    }

    /// The refused record, which is held, is not tried again before `next_attempt` unless it changes; refused at `now`.
    /// Both are instants of our clock.
    pub fn postpone(&mut self, record: &Record, now: Timestamp, next_attempt: Timestamp) {
        let count = self.refusals(record).saturating_add(1);
        let Some(held) = self.checkpoint.held.get_mut(&record.id) else {
            return;
        };
        held.refusals = Some(Refusals {
            since: held.refusals.as_ref().map_or(now, |refusals| refusals.since),
            count,
            next_attempt: Some(next_attempt),
            version: Some(seen_version(record)),
            skip: false,
        });
        self.touch();
    }

    /// How often events of the record's object were refused since it is held.
    pub fn refusals(&self, record: &Record) -> u32 {
        let held = self.checkpoint.held.get(&record.id);
        held.and_then(|held| held.refusals.as_ref())
            .map_or(0, |refusals| refusals.count)
    }

    /// Whether the record's object is held since it was refused.
    pub fn was_refused(&self, record: &Record) -> bool {
        let held = self.checkpoint.held.get(&record.id);
        held.is_some_and(|held| held.reason == HeldReason::Refused)
    }

    /// Every held object is tried at the next poll.
    pub fn retry_held(&mut self) {
        let mut changed = false;
        for refusals in self
            .checkpoint
            .held
            .values_mut()
            .filter_map(|held| held.refusals.as_mut())
        {
            changed |= refusals.next_attempt.take().is_some();
        }
        if changed {
            self.touch();
        }
    }

    /// Gives up the version that was refused last of each held object of `ids`, once for each new `value` of the
    /// annotation; none if this value was applied before, else which of the ids are not held.
    pub fn skip<'a>(&mut self, value: &str, ids: &[&'a str]) -> Option<Vec<&'a str>> {
        if self.checkpoint.skip.as_deref() == Some(value) {
            return None;
        }
        self.checkpoint.skip = Some(value.to_owned());
        self.touch();
        let mut not_held = Vec::new();
        for id in ids {
            let former = self.checkpoint.former.as_mut();
            let of_former = |id: &str| former.and_then(|former| former.held.get_mut(id));
            let held = self.checkpoint.held.get_mut(*id).or_else(|| of_former(id));
            match held.filter(|held| held.reason == HeldReason::Refused) {
                Some(held) => {
                    let before = held.refusals.take();
                    held.refusals = Some(Refusals {
                        since: before.as_ref().map_or(held.date, |refusals| refusals.since),
                        count: before.as_ref().map_or(0, |refusals| refusals.count),
                        next_attempt: None,
                        version: before.and_then(|refusals| refusals.version),
                        skip: true,
                    });
                }
                None => not_held.push(*id),
            }
        }
        Some(not_held)
    }

    /// The record's object is held no longer.
    pub(super) fn released(&mut self, record: &Record) {
        let held = self.checkpoint.held.remove(&record.id);
        if held.is_none_or(|held| held.reason != HeldReason::Refused) {
            return;
        }
        let mut waiting: Vec<&mut Refusals> = self
            .checkpoint
            .held
            .values_mut()
            .filter_map(|held| held.refusals.as_mut())
            .filter(|refusals| refusals.next_attempt.is_some())
            .collect();
        waiting.sort_by_key(|refusals| refusals.since);
        for refusals in waiting.into_iter().take(FREED_BY_ONE) {
            refusals.next_attempt = None;
        }
    }
}

/// What a text takes in the stored form, which is JSON written into JSON.
fn stored_bytes(text: &str) -> usize {
    let bytes = text.bytes().map(|byte| match byte {
        b'"' | b'\\' => 4,
        0..0x20 => 7,
        _ => 1,
    });
    bytes.sum()
}

impl Refusals {
    /// Whether `record` is what a human gave up.
    pub(super) fn gives_up(&self, record: &Record) -> bool {
        self.skip && self.version.is_none_or(|version| version == seen_version(record))
    }

    /// Until when `record` waits, as far as that lies after `now`.
    pub(super) fn postpones(&self, record: &Record, now: Timestamp) -> Option<Timestamp> {
        self.next_attempt
            .filter(|next| *next > now && self.version == Some(seen_version(record)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Checkpoint;
    use super::*;

    /// Held objects of a checkpoint that was written before refusals were counted are tried at the next poll, and can
    /// be given up.
    #[test]
    fn what_an_earlier_release_held() {
        let mut encoded = Checkpoint::default().encode().unwrap();
        let mut head: serde_json::Value = serde_json::from_str(&encoded.head).unwrap();
        head["held"]["n1"] = serde_json::json!({
            "date": "2026-11-23T12:00:00Z", "change": "Created", "reason": "Refused", "missed": 0, "uncertain": false,
        });
        encoded.head = head.to_string();
        let read = Checkpoint::decode(&encoded).unwrap();
        assert_eq!(read.refused_objects().collect::<Vec<_>>(), [("n1", None)]);
        assert_eq!(read.encode().unwrap(), encoded, "written as it was");

        let mut memory = Memory::new(Some(read), Timestamp::UNIX_EPOCH);
        assert_eq!(memory.skip("once", &["n1", "n2"]), Some(vec!["n2"]));
        assert!(memory.needs_saving());
        assert_eq!(memory.skip("once", &["n1", "n2"]), None);
        let stored = memory.checkpoint.encode().unwrap();
        let read = Checkpoint::decode(&stored).unwrap();
        assert_eq!(read, memory.checkpoint);
        let (_, refusals) = read.refused_objects().next().unwrap();
        assert!(refusals.is_some_and(|refusals| refusals.skip && refusals.version.is_none()));
    }
}
