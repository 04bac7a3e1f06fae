//! What one process knows of one resource: the checkpoint, and what a restart may forget.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::identity::{event_version, hash64, version_of_date};
use super::proof::Candidates;
use super::seen::Keep;
use super::time::{BEGINNING, earlier, later};
use super::{Change, Checkpoint, Held, HeldReason, Pass, Phase, Record, Rules};
use crate::config::InitialSync;

/// A first poll looks this far back for what it learns in silence.
const LEARNING_WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// Vendors round the dates they compare (Concur stores 1/300 s), so the question starts this much earlier.
const ROUNDING: SignedDuration = SignedDuration::from_millis(5);

/// Objects held at once.
const MOST_HELD: usize = 1000;
/// Bytes that their ids may take in the object that the checkpoint is stored in. With the rest of what is held and the
/// first part of the seen-set it then has 1.2 MB, and etcd takes 1.5 MiB.
const MOST_HELD_BYTES: usize = 256 * 1024;

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

    /// Whether a first start or a reset must be stored before anything is fetched: after a crash it would
    /// be another one, and what changed in between would be learned in silence.
    pub fn must_be_saved_before_fetching(&self) -> bool {
        self.founded
    }

    /// The checkpoint was stored.
    pub fn saved(&mut self) {
        self.changed = false;
        self.founded = false;
    }

    pub(super) fn touch(&mut self) {
        self.changed = true;
    }

    /// Moves the cursor to `to`, once for each new `value` of the annotation; true if it was moved now.
    pub fn reset(&mut self, value: &str, to: Timestamp) -> bool {
        if self.checkpoint.reset.as_deref() == Some(value) {
            return false;
        }
        let checkpoint = &mut self.checkpoint;
        checkpoint.reset = Some(value.to_owned());
        checkpoint.floor = to;
        checkpoint.started_at = to;
        checkpoint.phase = Phase::Steady;
        checkpoint.seen.clear();
        checkpoint.held.clear();
        self.candidates = Candidates::default();
        self.founded = true;
        self.touch();
        true
    }

    /// First start at vendor time `now`: sets the floor as the initial sync says; true if this was the first start.
    pub fn start(&mut self, rules: &Rules, now: Timestamp) -> bool {
        if self.checkpoint.phase != Phase::New {
            return false;
        }
        // A Backfill begins where it says: what was created since then is CREATED.
        self.checkpoint.started_at = match rules.initial_sync {
            InitialSync::Backfill { since } => since,
            InitialSync::FromNow | InitialSync::Baseline => now,
        };
        self.checkpoint.phase = Phase::First;
        self.checkpoint.floor = match rules.initial_sync {
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
        self.founded = true;
        self.touch();
        true
    }

    /// The last poll time to put into the URL; not before 1970, which every vendor understands.
    pub fn since(&self, rules: &Rules) -> Timestamp {
        let held = self.checkpoint.held.values().map(|held| held.date);
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
        self.checkpoint.held.remove(&record.id);
        self.unanswered.remove(&record.key);
    }

    /// Whether one more object may be held. A callback that refuses this many refuses everything: its objects stay
    /// at the source, since a checkpoint that held them all could not be stored.
    pub fn may_hold(&self, record: &Record) -> bool {
        let held = &self.checkpoint.held;
        if held.contains_key(&record.id) {
            return true;
        }
        let ids = held.keys().chain([&record.id]);
        held.len() < MOST_HELD && ids.map(|id| stored_bytes(id)).sum::<usize>() <= MOST_HELD_BYTES
    }

    /// The callback refused the record's event for good: hold the object, let the others go on.
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
        };
        if before != Some(&held) {
            self.checkpoint.held.insert(record.id.clone(), held);
            self.touch();
        }
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
        let edited = record.updated.is_none() || record.updated != record.created || rules.body_in_version();
        let other_version = self
            .unanswered
            .get(&record.key)
            .is_some_and(|first| *first != version);
        (uncertain && edited) || other_version
    }

    pub(super) fn mark(&mut self, rules: &Rules, pass: &Pass, record: &Record) {
        let version = seen_version(record);
        let Some(updated) = record.updated else {
            let keep = if rules.compares_whole_listing() {
                Keep::WhileListed
            } else {
                Keep::Until(pass.vendor_now())
            };
            self.checkpoint.seen.mark_undated(record.key, version, keep);
            self.touch();
            return;
        };
        let ends = later(updated, record.granule);
        let created = record.created.map(|at| later(at, rules.created_granule()));
        let mut until = created.map_or(ends, |created| created.max(ends));
        if record.deleted {
            // It may stay listed with its old date.
            until = until.max(pass.vendor_now());
        }
        let open = rules.body_in_version() && earlier(pass.vendor_now(), rules.lookback) < ends;
        self.checkpoint
            .seen
            .mark(record.key, version, Keep::Until(until), open, record.digest);
        self.touch();
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

/// The version under which a record is remembered. A deletion is one of its own, since not every vendor dates it.
pub(super) fn seen_version(record: &Record) -> u64 {
    let version = record.updated.map_or(record.digest, version_of_date);
    if record.deleted {
        hash64(&[b"deleted", &version.to_be_bytes()])
    } else {
        version
    }
}
