//! One reading of a listing from its first page to its last.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::identity::hash64;
use super::memory::seen_version;
use super::seen::FORGOTTEN_AFTER;
use super::time::{earlier, later};
use super::{Held, Memory, Phase, Record, Rules};

/// What is known of a pass under way.
#[derive(Debug)]
pub struct Pass {
    began_at: Timestamp,
    own_now: Timestamp,
    vendor_now: Timestamp,
    /// The vendor's clock at the newest page.
    page_now: Timestamp,
    pages: u32,
    items: u64,
    repeated: u64,
    unreadable: u64,
    /// Listed objects with the version last listed.
    pub(super) listed: HashMap<u64, u64>,
    /// Versions already judged as news in this pass: unordered listings print a record twice.
    decided: HashSet<(u64, u64, u64)>,
    /// Ends of the granules of records that were news.
    pub(super) news: Vec<Timestamp>,
    latest: Option<Timestamp>,
}

/// What a complete pass proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The floor stands on proven ground.
    pub proven: bool,
    /// The proof was two quiet passes rather than a second look at every record.
    pub weakly: bool,
    /// Read again at once: several pages, and there was news that may have shifted them.
    pub read_again: bool,
}

impl Pass {
    /// Begins a pass at our clock's `own_now`.
    pub fn begin(own_now: Timestamp) -> Self {
        Self {
            began_at: own_now,
            own_now,
            vendor_now: own_now,
            page_now: own_now,
            pages: 0,
            items: 0,
            repeated: 0,
            unreadable: 0,
            listed: HashMap::new(),
            decided: HashSet::new(),
            news: Vec::new(),
            latest: None,
        }
    }

    /// A page arrived with the vendor's `Date`; the first page's date is the pass's clock.
    pub fn page(&mut self, rules: &Rules, date: Option<Timestamp>, own_now: Timestamp) {
        if self.pages == 0 {
            self.own_now = own_now;
            let vendor = date.unwrap_or(own_now);
            // Where records carry no dates the cursor is the clock itself, so both must be wrong to lose anything.
            self.vendor_now = if rules.updated.is_none() {
                vendor.min(own_now)
            } else {
                vendor
            };
        }
        self.page_now = date.unwrap_or(own_now).max(self.vendor_now);
        self.pages += 1;
    }

    /// The vendor's clock.
    pub fn vendor_now(&self) -> Timestamp {
        self.vendor_now
    }

    /// Our clock when the first page came.
    pub(super) fn own_now(&self) -> Timestamp {
        self.own_now
    }

    /// The earlier of the vendor's clock and ours, so that both must be ahead to do harm.
    pub(super) fn safe_now(&self) -> Timestamp {
        self.vendor_now.min(self.own_now)
    }

    /// The vendor's clock when he made the newest page: a long pass meets changes made since it began.
    pub(super) fn page_now(&self) -> Timestamp {
        self.page_now
    }

    /// Pages read.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// Records listed so far.
    pub fn records(&self) -> usize {
        usize::try_from(self.items).unwrap_or(usize::MAX)
    }

    /// Different objects among them.
    pub fn objects(&self) -> usize {
        self.listed.len()
    }

    /// A record came that cannot be read.
    pub fn unreadable(&mut self) {
        self.unreadable += 1;
    }

    /// Whether something of what was listed could be read, so that what was not recognised is not there.
    pub(super) fn was_readable(&self) -> bool {
        self.unreadable == 0 || !self.listed.is_empty()
    }

    pub(super) fn list(&mut self, record: &Record) {
        self.items += 1;
        if self.listed.insert(record.key, seen_version(record)).is_some() {
            self.repeated += 1;
        }
        // A date ahead of either clock never moves the floor.
        let clock = self.safe_now();
        if let Some(updated) = record.updated.filter(|updated| *updated <= clock) {
            self.latest = Some(self.latest.map_or(updated, |latest| latest.max(updated)));
        }
    }

    pub(super) fn decided(&self, record: &Record) -> bool {
        self.decided
            .contains(&(record.key, seen_version(record), record.digest))
    }

    pub(super) fn news(&mut self, record: &Record) {
        self.decided
            .insert((record.key, seen_version(record), record.digest));
        self.news.push(
            record
                .updated
                .map_or(Timestamp::MIN, |updated| later(updated, record.granule)),
        );
    }

    /// The listing moved under us: an object came twice.
    pub(super) fn saw_repeats(&self) -> bool {
        self.repeated > 0
    }

    /// More than a tenth came twice: the listing has no order.
    pub(super) fn has_no_order(&self) -> bool {
        self.repeated * 10 > self.items
    }

    pub(super) fn single_page(&self) -> bool {
        self.pages <= 1
    }
}

impl Memory {
    /// The pass read its last page and everything to be reported was accepted or is held.
    pub fn complete(&mut self, rules: &Rules, pass: &Pass) -> Completion {
        let before = (self.checkpoint.floor, self.checkpoint.phase);
        let held_before: Vec<String> = self.checkpoint.held.keys().cloned().collect();
        let target = self.target(rules, pass);
        let (proven, weakly) = self.advance(rules, pass, target);
        self.forget_missing_held(pass, proven);
        self.evict(rules, pass);
        if proven && self.checkpoint.phase == Phase::First {
            self.checkpoint.phase = Phase::Steady;
            self.checkpoint.silent = false;
            if self.checkpoint.started_at == Timestamp::MAX {
                self.checkpoint.started_at = pass.vendor_now();
            }
        }
        if proven && pass.began_at >= later(self.loaded_at, rules.lookback) {
            self.uncertain = false;
        }
        let held_changed = !self.checkpoint.held.keys().eq(held_before.iter());
        if before != (self.checkpoint.floor, self.checkpoint.phase) || held_changed {
            self.touch();
        }
        let moved = !pass.news.is_empty() || self.checkpoint.phase == Phase::First;
        Completion {
            proven,
            weakly,
            read_again: !pass.single_page() && moved && !self.candidates.is_empty(),
        }
    }

    /// Where the floor may go once the pass is proven.
    fn target(&self, rules: &Rules, pass: &Pass) -> Timestamp {
        let reached = if rules.updated.is_some() {
            pass.latest
        } else {
            Some(pass.vendor_now)
        };
        reached.map_or(self.checkpoint.floor, |at| earlier(at, rules.lookback))
    }

    pub(super) fn raise_floor(&mut self, rules: &Rules, to: Timestamp) {
        if !rules.compares_whole_listing() {
            self.checkpoint.floor = self.checkpoint.floor.max(to);
        }
    }

    /// Held objects that complete passes no longer list are gone. A pass of several pages can miss one, and one over
    /// a listing without order does so often.
    fn forget_missing_held(&mut self, pass: &Pass, proven: bool) {
        let patience = if pass.single_page() { 1 } else { FORGOTTEN_AFTER };
        self.checkpoint.held.retain(|id, held: &mut Held| {
            let listed = pass.listed.contains_key(&hash64(&[id.as_bytes()]));
            held.missed = if listed { 0 } else { held.missed.saturating_add(1) };
            held.missed <= patience
        });
        self.forget_former(pass, proven);
    }

    fn evict(&mut self, rules: &Rules, pass: &Pass) {
        if rules.compares_whole_listing() {
            self.checkpoint
                .seen
                .evict_absent(|key| pass.listed.get(&key).copied());
            return;
        }
        let limit = earlier(self.checkpoint.floor, rules.tolerance);
        if rules.updated.is_some() {
            self.checkpoint.seen.evict(limit);
            return;
        }
        // A proof takes the floor past what is listed still, where our clock was set back since its candidate.
        let until = self.listed_until(rules, pass);
        self.checkpoint.seen.keep_listed(&pass.listed, until);
        // What was handled of a held object is part of its event's id.
        for id in self.checkpoint.held.keys() {
            self.checkpoint.seen.keep_object(hash64(&[id.as_bytes()]), until);
        }
        // A pass of several pages can miss one that is listed still.
        let patience = if pass.single_page() { 0 } else { FORGOTTEN_AFTER };
        self.checkpoint.seen.evict_unlisted(limit, &pass.listed, patience);
    }
}
