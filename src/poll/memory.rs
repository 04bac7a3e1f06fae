//! What one process knows of one resource: the checkpoint, and what a restart may forget.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::identity::{event_version, hash64, version_of_date};
use super::proof::Candidates;
use super::seen::Keep;
use super::time::{BEGINNING, earlier, later};
use super::{Change, Checkpoint, Pass, Phase, Record, Rules};
use crate::config::InitialSync;

/// A first poll looks this far back for what it learns in silence.
const LEARNING_WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// Vendors round the dates they compare (Concur stores 1/300 s), so the question starts this much earlier.
const ROUNDING: SignedDuration = SignedDuration::from_millis(5);

/// The state of one resource in one process.
#[derive(Debug)]
pub struct Memory {
    /// What is or will be stored.
    pub checkpoint: Checkpoint,
    /// Whether the predecessor's last deliveries are unknown.
    pub(super) uncertain: bool,
    /// Objects with an attempt whose answer never came, with the version of the first such attempt.
    pub(super) unanswered: HashMap<u64, u64>,
    pub(super) candidates: Candidates,
    /// Our clock when the checkpoint was loaded.
    pub(super) loaded_at: Timestamp,
    changed: bool,
    /// A first start or a reset is not stored yet.
    founded: bool,
}

impl Memory {
    /// Begins with what the store has; `own_now` is this machine's clock.
    pub fn new(stored: Option<Checkpoint>, own_now: Timestamp) -> Self {
        Self {
            uncertain: stored.is_some(),
            checkpoint: stored.unwrap_or_default(),
            unanswered: HashMap::new(),
            candidates: Candidates::default(),
            loaded_at: own_now,
            changed: false,
            founded: false,
        }
    }

    /// A resource in steady state whose cursor stands at `at`.
    pub fn with_cursor_at(rules: &Rules, at: Timestamp) -> Self {
        let mut memory = Self::new(None, at);
        memory.reset("", earlier(at, rules.lookback));
        memory
    }

    /// Whether this is the first start ever: [`Memory::start`] will set the floor.
    pub fn never_started(&self) -> bool {
        self.checkpoint.phase == Phase::New
    }

    /// Whether something happened since [`Memory::saved`] that a crash must not lose.
    pub fn needs_saving(&self) -> bool {
        self.changed
    }

    /// Whether something must be stored before anything is fetched: a first start or a reset, since after a crash it
    /// would be another one, and what changed in between would be learned in silence; and what was told of records
    /// without dates, since the ids of their later events hang on it.
    pub fn must_be_saved_before_fetching(&self, rules: &Rules) -> bool {
        self.founded || (self.changed && rules.updated.is_none())
    }

    /// The checkpoint was stored.
    pub fn saved(&mut self) {
        self.changed = false;
        self.founded = false;
    }

    /// What changed decides how the next pass is read, and is stored before it.
    pub(super) fn changed_before_fetching(&mut self) {
        self.founded = true;
        self.touch();
    }

    pub(super) fn touch(&mut self) {
        self.changed = true;
    }

    /// Moves the cursor to `to`, once for each new `value` of the annotation; true if it was moved now.
    pub fn reset(&mut self, value: &str, to: Timestamp) -> bool {
        if self.checkpoint.reset.as_deref() == Some(value) {
            return false;
        }
        // What was delivered before is forgotten with the seen-set.
        self.uncertain |= !self.never_started();
        let checkpoint = &mut self.checkpoint;
        checkpoint.reset = Some(value.to_owned());
        checkpoint.floor = to;
        checkpoint.started_at = to;
        checkpoint.phase = Phase::Steady;
        checkpoint.seen.clear();
        checkpoint.held.clear();
        (checkpoint.former, checkpoint.silent, checkpoint.carried) = (None, false, None);
        self.candidates = Candidates::default();
        self.changed_before_fetching();
        true
    }

    /// First start at vendor time `now`: sets the floor as the initial sync says; true if this was the first start.
    pub fn start(&mut self, rules: &Rules, now: Timestamp) -> bool {
        if self.checkpoint.phase != Phase::New {
            return false;
        }
        let initial_sync = match rules.initial_sync {
            InitialSync::Backfill { .. } | InitialSync::Baseline if self.checkpoint.silent => {
                InitialSync::FromNow
            }
            asked => asked,
        };
        // A Backfill begins where it says: what was created since then is CREATED.
        self.checkpoint.started_at = match initial_sync {
            InitialSync::Backfill { since } => since,
            InitialSync::FromNow | InitialSync::Baseline => now,
        };
        self.checkpoint.phase = Phase::First;
        self.checkpoint.floor = match initial_sync {
            InitialSync::FromNow => {
                let window = LEARNING_WINDOW
                    .max(rules.lookback)
                    .max(rules.created_granule())
                    .max(rules.updated_granule());
                earlier(now, window)
            }
            InitialSync::Baseline => BEGINNING,
            InitialSync::Backfill { since } => since,
        };
        self.changed_before_fetching();
        true
    }

    /// The last poll time to put into the URL; not before 1970, which every vendor understands.
    pub fn since(&self, rules: &Rules) -> Timestamp {
        let former = self
            .checkpoint
            .former
            .iter()
            .flat_map(|former| former.held.values());
        let held = self.checkpoint.held.values().chain(former).map(|held| held.date);
        let from = held.fold(self.checkpoint.floor, Timestamp::min);
        let granule = rules
            .url_granule
            .max(rules.updated_granule())
            .max(rules.stand_in_granule());
        let from = earlier(earlier(from, granule), ROUNDING);
        earlier(from, rules.poll_delay).max(Timestamp::UNIX_EPOCH)
    }

    /// The callback accepted the record's events, or there was nothing to report.
    pub fn accepted(&mut self, rules: &Rules, pass: &Pass, record: &Record) {
        self.mark(rules, pass, record);
        self.released(record);
        self.unanswered.remove(&record.key);
    }

    /// An attempt to deliver the record had no answer: the callback may have taken it.
    pub fn unanswered(&mut self, rules: &Rules, record: &Record) {
        let version = event_version(rules, self, record);
        self.unanswered.entry(record.key).or_insert(version);
    }

    /// What `record`, judged as `change`, is by now: a page that lists one object twice judges both versions before
    /// the first is accepted, and two CREATEDs of one object have one id.
    pub fn by_now(&self, record: &Record, change: Change) -> Change {
        let reported =
            self.checkpoint.seen.knows(record.key) && !self.checkpoint.held.contains_key(&record.id);
        match change {
            Change::Created if reported => Change::Updated,
            change => change,
        }
    }

    pub(super) fn outcome_unknown(&self, key: u64) -> bool {
        self.uncertain || self.unanswered.contains_key(&key)
    }

    /// Whether an earlier attempt may have delivered the CREATED of `record` with another version than `version`.
    pub(super) fn created_may_be_known(&self, rules: &Rules, record: &Record, version: u64) -> bool {
        let uncertain = self.uncertain
            || self
                .checkpoint
                .held
                .get(&record.id)
                .is_some_and(|held| held.uncertain);
        // One created within the tolerance before a reset may have been CREATED before it, and is not read again
        // until it is edited.
        let before_reset = self.checkpoint.reset.is_some()
            && record
                .created
                .is_some_and(|created| created <= self.checkpoint.started_at);
        let edited = record.updated.is_none() || record.updated != record.created || rules.body_in_version();
        let other_version = self
            .unanswered
            .get(&record.key)
            .is_some_and(|first| *first != version);
        ((uncertain || before_reset) && edited) || other_version
    }

    /// Up to when a record that is listed whatever its date may be listed again: a floor that was set ahead of the
    /// clock would else make it forgotten at once, and news in every pass.
    pub(super) fn listed_until(&self, rules: &Rules, pass: &Pass) -> Timestamp {
        pass.vendor_now()
            .max(later(self.checkpoint.floor, rules.lookback))
    }

    pub(super) fn mark(&mut self, rules: &Rules, pass: &Pass, record: &Record) {
        let version = seen_version(record);
        let created = record.created.map(|at| later(at, rules.created_granule()));
        let Some(updated) = record.updated else {
            let listed_until = self.listed_until(rules, pass);
            let keep = if rules.compares_whole_listing() {
                Keep::WhileListed
            } else {
                Keep::Until(created.map_or(listed_until, |created| created.max(listed_until)))
            };
            self.checkpoint.seen.mark_undated(record.key, version, keep);
            self.touch();
            return;
        };
        let ends = later(updated, record.granule);
        let mut until = created.map_or(ends, |created| created.max(ends));
        if record.deleted {
            // It may stay listed with its old date.
            until = until.max(self.listed_until(rules, pass));
        }
        let open = rules.body_in_version() && earlier(pass.safe_now(), rules.lookback) < ends;
        self.checkpoint
            .seen
            .mark(record.key, version, Keep::Until(until), open, record.digest);
        self.touch();
    }
}

/// The version under which a record is remembered. A deletion is one of its own, since not every vendor dates it.
pub(super) fn seen_version(record: &Record) -> u64 {
    let version = record.updated.map_or(record.digest, version_of_date);
    if record.deleted {
        hash64(&[b"deleted", &version.to_be_bytes()])
    } else {
        version
    }
}
