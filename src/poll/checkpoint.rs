//! What a restart must not forget of one resource, and its stored form.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Change;
use super::identity::hash64;
use super::origin::{Added, CarriedOver, Former, Origin};
use super::seen::Seen;
use super::time::{BEGINNING, later};

/// Version of the stored form.
const FORMAT: u32 = 1;

/// The state of one resource that survives a crash.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// How far the first pass has come.
    pub phase: Phase,
    /// Vendor time: every version dated at or below it is proven read. Moves only forward, except by a reset.
    pub floor: Timestamp,
    /// Vendor time of the first start.
    pub started_at: Timestamp,
    pub(super) seen: Seen,
    /// Objects refused for good or dated ahead, by id.
    pub held: BTreeMap<String, Held>,
    /// The `resetTo` value already applied.
    pub reset: Option<String>,
    /// The `skip` value already applied.
    pub skip: Option<String>,
    /// What ids, dates and cursor mean; none where an earlier release wrote last.
    pub origin: Option<Origin>,
    /// What is known under the ids from before an edit.
    pub(super) former: Option<Former>,
    /// The first pass learns in silence whatever `initialSync` says, since an edit, not a human, began it.
    pub(super) silent: bool,
    /// An edit that is to be told.
    pub(super) carried: Option<CarriedOver>,
    /// That the resource was added, which is to be told.
    pub(super) added: Option<Added>,
    /// The resource that goes on with this checkpoint, since it was renamed.
    pub moved_to: Option<String>,
    /// The process that wrote last.
    pub owner: String,
    /// Fresh with each write; tells our own lost write from a stranger's.
    pub nonce: String,
}

/// How far the first pass has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Never polled.
    New,
    /// The first pass is not complete.
    First,
    /// The first pass is proven.
    Steady,
}

impl Phase {
    /// The phase's name as users see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::First => "First",
            Self::Steady => "Steady",
        }
    }
}

/// An object whose event waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The date from which its listing must be asked for.
    pub date: Timestamp,
    /// Type of its event as first decided.
    pub change: Change,
    /// Why it waits.
    pub reason: HeldReason,
    /// Complete passes in a row that did not list it.
    pub missed: u8,
    /// Whether an attempt whose outcome is unknown may have delivered its CREATED.
    pub uncertain: bool,
    /// How often it was refused, and when it is tried again; none means at every poll.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusals: Option<Refusals>,
}

/// The refusals of a held object's event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusals {
    /// When the first one came, by our clock.
    pub since: Timestamp,
    /// How many there were.
    pub count: u32,
    /// Before this instant by our clock the version refused last is not tried again; none means at the next poll.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Timestamp>,
    /// The version refused last; any, where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Whether a human gave that version up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip: bool,
}

/// Why an object is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeldReason {
    /// The callback refused its event for good.
    Refused,
    /// `filterByCurrentDate` is set and its date lies ahead.
    Future,
}

/// The stored form: a JSON head and the seen-set, which may be cut into segments.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// JSON text.
    pub head: String,
    /// The seen-set, binary; its checksum is in the head.
    pub seen: Vec<u8>,
}

/// Why a stored checkpoint cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The head is not what this version writes.
    #[error("the checkpoint's head cannot be read")]
    Head(#[source] serde_json::Error),
    /// A newer Pollinator wrote it.
    #[error("the checkpoint has format {found}, this version reads {FORMAT}")]
    Format {
        /// The format found.
        found: u32,
    },
    /// Head and seen-set do not belong together, or bytes changed.
    #[error("the checkpoint's list of seen records does not match its checksum")]
    Seen,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    format: u32,
    phase: Phase,
    floor: Timestamp,
    started_at: Timestamp,
    #[serde(default)]
    held: BTreeMap<String, Held>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reset: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skip: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    former: Option<Former>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    silent: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carried: Option<CarriedOver>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    added: Option<Added>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved_to: Option<String>,
    owner: String,
    nonce: String,
    seen_checksum: String,
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self {
            phase: Phase::New,
            floor: BEGINNING,
            started_at: BEGINNING,
            seen: Seen::default(),
            held: BTreeMap::new(),
            reset: None,
            skip: None,
            origin: None,
            former: None,
            silent: false,
            carried: None,
            added: None,
            moved_to: None,
            owner: String::new(),
            nonce: String::new(),
        }
    }
}

impl Checkpoint {
    /// Number of remembered (object, version) pairs.
    pub fn seen_len(&self) -> usize {
        self.seen.len()
    }

    /// Number of remembered objects.
    pub fn seen_objects(&self) -> usize {
        self.seen.objects()
    }

    /// Objects whose event the callback refused for good, with their refusals.
    pub fn refused_objects(&self) -> impl Iterator<Item = (&str, Option<&Refusals>)> {
        let former = self.former.iter().flat_map(|former| &former.held);
        self.held
            .iter()
            .chain(former)
            .filter(|(_, held)| held.reason == HeldReason::Refused)
            .map(|(id, held)| (id.as_str(), held.refusals.as_ref()))
    }

    /// What is left of it once the resource named `to` goes on with it.
    #[must_use]
    pub fn moved(self, to: &str) -> Self {
        Self {
            moved_to: Some(to.to_owned()),
            seen: Seen::default(),
            held: BTreeMap::new(),
            former: None,
            carried: None,
            added: None,
            ..self
        }
    }

    /// Vendor time up to which changes were read, `lookback` above the floor; `None` where that has no meaning yet.
    pub fn cursor(&self, lookback: Duration) -> Option<Timestamp> {
        if self.phase == Phase::New || self.floor <= Timestamp::UNIX_EPOCH {
            return None;
        }
        SignedDuration::try_from(lookback)
            .ok()
            .map(|lookback| later(self.floor, lookback))
    }

    /// The stored form.
    ///
    /// # Errors
    /// Never in practice: the head holds nothing JSON cannot express.
    pub fn encode(&self) -> Result<Encoded, CheckpointError> {
        let seen = self.seen.encode();
        let head = Head {
            format: FORMAT,
            phase: self.phase,
            floor: self.floor,
            started_at: self.started_at,
            held: self.held.clone(),
            reset: self.reset.clone(),
            skip: self.skip.clone(),
            origin: self.origin.clone(),
            former: self.former.clone(),
            silent: self.silent,
            carried: self.carried.clone(),
            added: self.added.clone(),
            moved_to: self.moved_to.clone(),
            owner: self.owner.clone(),
            nonce: self.nonce.clone(),
            seen_checksum: checksum(&seen),
        };
        Ok(Encoded {
            head: serde_json::to_string(&head).map_err(CheckpointError::Head)?,
            seen,
        })
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`CheckpointError`] when the stored form is damaged or newer; nothing is guessed.
    pub fn decode(encoded: &Encoded) -> Result<Self, CheckpointError> {
        let head: Head = serde_json::from_str(&encoded.head).map_err(CheckpointError::Head)?;
        if head.format != FORMAT {
            return Err(CheckpointError::Format { found: head.format });
        }
        if head.seen_checksum != checksum(&encoded.seen) {
            return Err(CheckpointError::Seen);
        }
        Ok(Self {
            phase: head.phase,
            floor: head.floor,
            started_at: head.started_at,
            seen: Seen::decode(&encoded.seen).ok_or(CheckpointError::Seen)?,
            held: head.held,
            reset: head.reset,
            skip: head.skip,
            origin: head.origin,
            former: head.former,
            silent: head.silent,
            carried: head.carried,
            added: head.added,
            moved_to: head.moved_to,
            owner: head.owner,
            nonce: head.nonce,
        })
    }
}

fn checksum(seen: &[u8]) -> String {
    format!("{:016x}", hash64(&[seen]))
}
