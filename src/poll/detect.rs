//! What one listed record means: nothing, CREATED, UPDATED or DELETED.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::memory::seen_version;
use super::seen::Keep;
use super::time::{earlier, later};
use super::{Held, HeldReason, Memory, Pass, Phase, Record, Rules};
use crate::config::InitialSync;

/// Clocks of one vendor differ by this much without meaning it.
const AHEAD: SignedDuration = SignedDuration::from_secs(10);

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Change {
    /// It is new.
    Created,
    /// It has a new version.
    Updated,
    /// The vendor says that it is gone.
    Deleted,
}

/// What to do with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Dated at or below the floor: proven read.
    Below,
    /// This version was handled.
    Known,
    /// Remembered without a report, since it was there before the first start.
    Learned,
    /// Dated ahead, and `filterByCurrentDate` is set: waits for its date.
    Waiting,
    /// To be delivered.
    Report(Change),
}

impl Memory {
    /// Judges one record of the pass. Remembers what it learns; what is to be reported is remembered
    /// only by [`Memory::accepted`].
    pub fn decide(&mut self, rules: &Rules, pass: &mut Pass, record: &Record) -> Decision {
        pass.list(record);
        let decision = self.judge(rules, pass, record);
        if matches!(decision, Decision::Learned | Decision::Report(_)) {
            pass.news(record, rules.updated_granule());
        }
        if decision == Decision::Learned {
            self.mark(rules, pass, record);
        }
        decision
    }

    fn judge(&mut self, rules: &Rules, pass: &mut Pass, record: &Record) -> Decision {
        let now = pass.vendor_now();
        let held = self.checkpoint.held.get(&record.id).cloned();
        if let Some(updated) = record.updated {
            let ends = later(updated, rules.updated_granule());
            if ends <= self.checkpoint.floor && held.is_none() {
                return Decision::Below;
            }
        }
        if self.handled(rules, now, record) || pass.decided(record) {
            return Decision::Known;
        }
        let unseen = !self.checkpoint.seen.knows(record.key);
        if unseen && self.learns_silently(rules, now, record) {
            return Decision::Learned;
        }
        let unknown = self.outcome_unknown(record.key);
        if let Some(before) = held {
            return self.judge_held(before, unknown, now, record);
        }
        let change = if record.deleted {
            Change::Deleted
        } else if unseen && self.is_new(rules, record) {
            Change::Created
        } else {
            Change::Updated
        };
        if let Some(date) = record
            .updated
            .filter(|updated| rules.hold_future && *updated > now)
        {
            if unseen {
                let held = Held {
                    date,
                    change,
                    reason: HeldReason::Future,
                    missed: 0,
                    uncertain: unknown,
                };
                self.checkpoint.held.insert(record.id.clone(), held);
                self.touch();
            }
            return Decision::Waiting;
        }
        Decision::Report(change)
    }

    /// Whether this version was handled, and its granule holds no further edit.
    fn handled(&mut self, rules: &Rules, now: Timestamp, record: &Record) -> bool {
        let body_in_version = rules.body_in_version();
        let Some(entry) = self.checkpoint.seen.get_mut(record.key, seen_version(record)) else {
            return false;
        };
        let Some(updated) = record.updated else {
            if let Keep::Until(until) = &mut entry.keep {
                *until = now.max(*until);
            }
            return true;
        };
        if body_in_version && entry.open && !entry.digests.contains(&record.digest) {
            return false;
        }
        if entry.open && earlier(now, rules.lookback) >= later(updated, rules.updated_granule()) {
            entry.open = false;
        }
        true
    }

    /// In the first pass of FromNow and Baseline, what was there before the first start is learned silently.
    fn learns_silently(&self, rules: &Rules, now: Timestamp, record: &Record) -> bool {
        let learning = self.checkpoint.phase == Phase::First
            && !matches!(rules.initial_sync, InitialSync::Backfill { .. });
        learning
            && record
                .updated
                .or(record.created)
                .is_none_or(|updated| updated <= self.checkpoint.started_at || updated > later(now, AHEAD))
    }

    /// A held object keeps the type first decided, unless it was deleted or came back since.
    fn judge_held(&mut self, before: Held, unknown: bool, now: Timestamp, record: &Record) -> Decision {
        let mut held = before.clone();
        held.uncertain |= unknown;
        let ahead = match (held.reason, record.updated) {
            (HeldReason::Future, Some(updated)) if updated > now => {
                held.date = updated;
                true
            }
            _ => false,
        };
        let change = match held.change {
            _ if record.deleted => Change::Deleted,
            Change::Deleted => Change::Updated,
            first => first,
        };
        if held != before {
            self.checkpoint.held.insert(record.id.clone(), held);
            self.touch();
        }
        if ahead {
            Decision::Waiting
        } else {
            Decision::Report(change)
        }
    }

    /// Created above the floor, and not later than updated. Cloud Elements compares the two dates only, and so
    /// loses the CREATED of an object edited between two polls. Where the whole listing is compared, what was not
    /// there before is new.
    fn is_new(&self, rules: &Rules, record: &Record) -> bool {
        if rules.compares_whole_listing() {
            return true;
        }
        let Some(created) = record.created else {
            return false;
        };
        let started = earlier(self.checkpoint.started_at, rules.lookback);
        let above = earlier(self.checkpoint.floor.max(started), rules.tolerance);
        let slack = rules
            .tolerance
            .max(rules.created_granule())
            .max(rules.updated_granule());
        let in_order = record
            .updated
            .is_none_or(|updated| created <= later(updated, slack));
        later(created, rules.created_granule()) > above && in_order
    }
}
