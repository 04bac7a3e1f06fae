//! What a run tells: figures and failures, free of any Kubernetes word.

use std::ops::AddAssign;
use std::time::Duration;

use jiff::Timestamp;

use crate::deliver::DeliveryError;
use crate::element::{ElementError, Remedy, SourceError, TokenError};
use crate::poll::{CarriedOver, Change};
use crate::store::StoreError;

/// Why a poll of one resource did not end well. The variant names the event reason and the metric label.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// The element cannot list the resource as configured.
    #[error(transparent)]
    Element(#[from] ElementError),
    /// No access token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The source answered with something else than a listing.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Not polled: after another poll with the same credential the source is left alone for a while.
    #[error("the source is left alone until {until}, by every instance with this credential, since {said}")]
    SourceResting {
        /// When it may be asked again, by our clock.
        until: Timestamp,
        /// Who answered what.
        said: String,
        /// Rests in a row, this one included.
        in_a_row: u32,
    },
    /// The callback did not accept everything; the source keeps the rest.
    #[error("the callback did not accept everything; what is left is delivered later")]
    Delivery(#[from] DeliveryError),
    /// The checkpoint cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another process owns the checkpoint now.
    #[error("another process polls this resource; run one operator, or leave leader election on")]
    TakenOver,
    /// The listing has more pages than any account needs.
    #[error(
        "the listing did not end after {pages} pages with {records} records; narrow the url of the resource, or \
         let `polling.initialSync.since` begin later"
    )]
    EndlessListing {
        /// Pages read.
        pages: u32,
        /// Records listed.
        records: usize,
    },
    /// More objects above the cursor than can be remembered.
    #[error(
        "{objects} objects above the cursor are remembered, and there is no room for more; narrow the url of the \
         resource, or move the cursor with the annotation pollinator.dev/resetTo"
    )]
    CheckpointFull {
        /// Objects remembered.
        objects: usize,
    },
    /// The listing leads back to a page already read.
    #[error(
        "the listing led back to a page already read after {pages} pages; tell the vendor, or narrow the url"
    )]
    CircularListing {
        /// Pages read.
        pages: u32,
    },
}

impl PollError {
    /// Reason of [`Self::SourceResting`].
    pub const RESTING: &str = "SourceResting";

    /// Event reason and metric label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Element(error) => error.reason(),
            Self::Token(error) => error.reason(),
            Self::Source(error) => error.reason(),
            Self::SourceResting { .. } => Self::RESTING,
            Self::Delivery(error) => error.reason(),
            Self::Store(StoreError::Conflict { .. }) => "CheckpointConflict",
            Self::Store(StoreError::Unavailable { .. }) => "CheckpointUnavailable",
            Self::Store(StoreError::Corrupted { .. }) => "CheckpointCorrupted",
            Self::TakenOver => "TakenOver",
            Self::EndlessListing { .. } => "SourceListingEndless",
            Self::CheckpointFull { .. } => "CheckpointFull",
            Self::CircularListing { .. } => "SourceListingCircular",
        }
    }

    /// The error with its causes, for a human.
    pub fn chain(&self) -> String {
        chain(self)
    }

    /// True where the source is left alone.
    pub(super) fn is_rest(&self) -> bool {
        match self {
            Self::SourceResting { .. } | Self::Token(TokenError::TokenServiceUnavailable { .. }) => true,
            Self::Source(error) => matches!(error.remedy(), Remedy::RetryLater { .. }),
            _ => false,
        }
    }

    /// True where the callback, not the source, is the trouble.
    pub fn is_delivery(&self) -> bool {
        matches!(self, Self::Delivery(_))
    }
}

/// An error and its sources, separated by colons.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// How the newest poll of a resource ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollState {
    /// Everything was read; the first pass waits for its proof.
    Learning,
    /// Everything was read and delivered.
    Polled,
    /// The source could not be read, or the checkpoint not be kept.
    PollFailed,
    /// The callback did not accept everything.
    DeliveryFailed,
    /// Nothing was asked, since the source is left alone.
    Waiting,
}

/// Events by their type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// CREATED.
    pub created: u64,
    /// UPDATED.
    pub updated: u64,
    /// DELETED.
    pub deleted: u64,
}

impl Events {
    /// All of them.
    pub fn total(self) -> u64 {
        self.created + self.updated + self.deleted
    }

    pub(super) fn count(&mut self, change: Change) {
        match change {
            Change::Created => self.created += 1,
            Change::Updated => self.updated += 1,
            Change::Deleted => self.deleted += 1,
        }
    }
}

impl AddAssign for Events {
    fn add_assign(&mut self, other: Self) {
        self.created += other.created;
        self.updated += other.updated;
        self.deleted += other.deleted;
    }
}

/// What one poll read and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// HTTP status of the newest answer of the source.
    pub http_status: Option<u16>,
    /// Pages read.
    pub pages: u64,
    /// Records listed.
    pub records: u64,
    /// Events accepted by the callback.
    pub events: Events,
    /// Events that the callback refused and the dead-letter sink accepted.
    pub dead_letters: u64,
    /// Records without news.
    pub unchanged: u64,
    /// Records that could not be read.
    pub invalid: u64,
    /// Passes whose proof was the weak one.
    pub weak_proofs: u64,
    /// How long it waited for its turn to ask the source.
    pub waited: Duration,
    /// Errors by which the source asked to be left alone, one for each rest that this poll began.
    pub rests: Vec<&'static str>,
    /// How long the poll took.
    pub duration: Duration,
}

/// What is known of one resource after its newest poll.
#[derive(Clone, Debug)]
pub struct ResourceReport {
    /// Name of the resource.
    pub name: String,
    /// How it ended.
    pub state: PollState,
    /// When it ended, by our clock.
    pub ended_at: Timestamp,
    /// When a poll last ended well.
    pub succeeded_at: Option<Timestamp>,
    /// Vendor time up to which changes were read.
    pub cursor: Option<Timestamp>,
    /// Date of the newest record delivered.
    pub last_event_at: Option<Timestamp>,
    /// Polls failed in a row.
    pub failures: u32,
    /// Polls in a row whose delivery was not accepted; what failed for another reason in between does not count.
    pub failed_deliveries: u32,
    /// Objects held since the callback refused them.
    pub held: usize,
    /// More about the held objects; none where there are none.
    pub held_objects: Option<HeldObjects>,
    /// Figures of the poll.
    pub figures: Figures,
    /// Why it did not end well.
    pub failure: Option<Failure>,
    /// Records skipped, objects held, a vendor's deprecation notice: what a human should know.
    pub notes: Vec<String>,
    /// What was given up or set aside in this poll, to be told once.
    pub notices: Vec<Notice>,
    /// An edit of the spec over which the checkpoint was carried, and which is to be told.
    pub carried_over: Option<CarriedOver>,
    /// A human's `resetTo` was applied.
    pub cursor_was_set: bool,
}

/// The objects that are held since the callback refused their events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldObjects {
    /// Since when the first of them is held, by our clock, where it is known.
    pub oldest: Option<Timestamp>,
    /// What the callback answered last, as far as this process has asked.
    pub last_answer: Option<String>,
    /// Ids of those that are held longest, at most [`MOST_EXAMPLES`].
    pub examples: Vec<String>,
}

/// Most held objects that a report names.
pub const MOST_EXAMPLES: usize = 10;

/// Something that happened once and is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Stable CamelCase reason.
    pub reason: &'static str,
    /// What, for a human.
    pub message: String,
    /// Whether a human should look after it.
    pub warning: bool,
}

/// A failure in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stable CamelCase reason.
    pub reason: &'static str,
    /// The error with its causes.
    pub message: String,
    /// What is concerned.
    pub concerns: Concern,
    /// Only a human can mend it; trying again without a change is of no use.
    pub needs_human: bool,
    /// Failures of this kind in a row: of the resource's polls, or of all polls with the credential where it is shared.
    pub in_a_row: u32,
    /// It concerns every instance with the credential, and another one makes it known.
    pub shown_elsewhere: bool,
}

/// Which part of the chain a failure belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// Tokens.
    Credentials,
    /// Reading the source.
    Source,
    /// The callback.
    Delivery,
    /// Keeping the checkpoint.
    Storage,
}
