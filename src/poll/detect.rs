//! What one listed record means: nothing, CREATED, UPDATED or DELETED.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::memory::seen_version;
use super::seen::Keep;
use super::time::{earlier, later};
use super::{Held, HeldReason, Memory, Pass, Phase, Reason, Record, Rules};
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

/// As written in notifications.
impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Created => "CREATED",
            Self::Updated => "UPDATED",
            Self::Deleted => "DELETED",
        })
    }
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

/// What to do with a record, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What to do.
    pub decision: Decision,
    /// Why.
    pub reason: Reason,
}

impl Judgement {
    fn new(decision: Decision, reason: Reason) -> Self {
        Self { decision, reason }
    }
}

impl Memory {
    /// Judges one record of the pass. Remembers what it learns; what is to be reported is remembered
    /// only by [`Memory::accepted`].
    pub fn decide(&mut self, rules: &Rules, pass: &mut Pass, record: &Record) -> Judgement {
        self.recognise(record);
        pass.list(record);
        let judgement = self.judge(rules, pass, record);
        if matches!(judgement.decision, Decision::Learned | Decision::Report(_)) {
            pass.news(record);
        }
        if judgement.decision == Decision::Learned {
            self.mark(rules, pass, record);
        }
        judgement
    }

    fn judge(&mut self, rules: &Rules, pass: &mut Pass, record: &Record) -> Judgement {
        let now = pass.vendor_now();
        let held = self.checkpoint.held.get(&record.id).cloned();
        let floor = self.checkpoint.floor;
        if let Some(updated) = record.updated {
            // A deletion does not move the date at every vendor.
            let ends = later(updated, record.granule);
            if ends <= floor && held.is_none() && !record.deleted {
                return Judgement::new(Decision::Below, Reason::ProvenRead { floor });
            }
        }
        if self.handled(rules, pass, record) || pass.decided(record) {
            return Judgement::new(Decision::Known, Reason::Handled);
        }
        let unseen = !self.checkpoint.seen.knows(record.key);
        let refused = held
            .as_ref()
            .is_some_and(|held| held.reason == HeldReason::Refused);
        if unseen && !refused && self.learns_silently(rules, pass, record) {
            let started_at = self.checkpoint.started_at;
            return Judgement::new(Decision::Learned, Reason::BeforeFirstStart { started_at });
        }
        let unknown = self.outcome_unknown(record.key);
        if let Some(before) = held {
            return self.judge_held(rules, pass, before, unknown, record);
        }
        let (change, reason) = self.change(rules, record, unseen);
        if let Some(date) = record
            .updated
            .filter(|updated| rules.hold_future && *updated > now)
        {
            // Without room it is reported at its date all the same, then perhaps as UPDATED.
            if unseen && self.may_hold(record) {
                let held = Held {
                    date,
                    change,
                    reason: HeldReason::Future,
                    missed: 0,
                    uncertain: unknown,
                    refusals: None,
                };
                self.checkpoint.held.insert(record.id.clone(), held);
                self.touch();
            }
            return Judgement::new(Decision::Waiting, Reason::AheadOfClock { now });
        }
        Judgement::new(Decision::Report(change), reason)
    }

    /// Whether this version was handled, and its granule holds no further edit.
    fn handled(&mut self, rules: &Rules, pass: &Pass, record: &Record) -> bool {
        let closed_before = earlier(pass.safe_now(), rules.lookback);
        let listed_until = self.listed_until(rules, pass);
        let body_in_version = rules.body_in_version();
        let Some(entry) = self.checkpoint.seen.get_mut(record.key, seen_version(record)) else {
            return false;
        };
        if let (true, Keep::Until(until)) = (record.updated.is_none() || record.deleted, &mut entry.keep) {
            *until = listed_until.max(*until);
        }
        let Some(updated) = record.updated else {
            return true;
        };
        if body_in_version && entry.open && !entry.digests.contains(&record.digest) {
            return false;
        }
        if entry.open && closed_before >= later(updated, record.granule) {
            entry.open = false;
        }
        true
    }

    /// In the first pass of FromNow and Baseline, what was there before the first start is learned silently.
    fn learns_silently(&self, rules: &Rules, pass: &Pass, record: &Record) -> bool {
        let learning = self.checkpoint.phase == Phase::First
            && (self.checkpoint.silent || !matches!(rules.initial_sync, InitialSync::Backfill { .. }));
        let started = self.checkpoint.started_at;
        let was_there = match record.updated {
            Some(updated) => updated <= started || updated > later(pass.page_now(), AHEAD),
            // A first pass that comes late cannot tell what changed since the first start: it reports too much
            // rather than too little.
            None => {
                let in_time = !rules.has_macro || pass.vendor_now() <= later(started, rules.lookback);
                in_time && record.created.is_none_or(|created| created <= started)
            }
        };
        learning && was_there
    }

    /// A held object keeps the type first decided, unless it was deleted or came back since.
    fn judge_held(
        &mut self,
        rules: &Rules,
        pass: &Pass,
        before: Held,
        unknown: bool,
        record: &Record,
    ) -> Judgement {
        let now = pass.vendor_now();
        if before
            .refusals
            .as_ref()
            .is_some_and(|refusals| refusals.gives_up(record))
        {
            self.mark(rules, pass, record);
            self.checkpoint.held.remove(&record.id);
            return Judgement::new(Decision::Known, Reason::Skipped);
        }
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
        let postponed = before
            .refusals
            .and_then(|refusals| refusals.postpones(record, pass.own_now()));
        if ahead {
            Judgement::new(Decision::Waiting, Reason::AheadOfClock { now })
        } else if let Some(until) = postponed {
            Judgement::new(Decision::Waiting, Reason::HeldUntil(until))
        } else {
            Judgement::new(Decision::Report(change), Reason::Held)
        }
    }

    /// CREATED where the object was not seen before, was created above the floor, and not later than it was updated.
    /// Cloud Elements compares the two dates only, and so loses the CREATED of an object edited between two polls.
    /// Where the whole listing is compared, what was not there before is new.
    fn change(&self, rules: &Rules, record: &Record, unseen: bool) -> (Change, Reason) {
        if record.deleted {
            return (Change::Deleted, Reason::MarkedDeleted);
        }
        if !unseen {
            return (Change::Updated, Reason::SeenBefore);
        }
        if rules.compares_whole_listing() {
            return (Change::Created, Reason::NotListedBefore);
        }
        let Some(created) = record.created else {
            return (Change::Updated, Reason::NoCreatedDate);
        };
        let started = earlier(self.checkpoint.started_at, rules.lookback);
        let above = earlier(self.checkpoint.floor.max(started), rules.tolerance);
        let slack = rules.tolerance.max(rules.created_granule()).max(record.granule);
        if record
            .updated
            .is_some_and(|updated| created > later(updated, slack))
        {
            return (Change::Updated, Reason::CreatedAfterUpdated);
        }
        if later(created, rules.created_granule()) > above {
            (Change::Created, Reason::CreatedAfter(above))
        } else {
            (Change::Updated, Reason::CreatedBefore(above))
        }
    }
}
