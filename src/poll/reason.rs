//! Why a record means what it means, for the humans who ask.

use std::fmt;

use jiff::Timestamp;

/// What decided about a record; the first reason that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its date lies at or below the floor.
    ProvenRead {
        /// Up to here everything is proven read.
        floor: Timestamp,
    },
    /// This version was reported or learned.
    Handled,
    /// It was there before the first start.
    BeforeFirstStart {
        /// Vendor time of the first start.
        started_at: Timestamp,
    },
    /// Its event was refused, and waits.
    Held,
    /// Its event was refused, and is not tried again before this instant of our clock.
    HeldUntil(Timestamp),
    /// Its event was refused, and a human gave it up.
    Skipped,
    /// It is dated ahead of the vendor's clock, and `filterByCurrentDate` is set.
    AheadOfClock {
        /// The vendor's clock.
        now: Timestamp,
    },
    /// The vendor marks it as deleted.
    MarkedDeleted,
    /// The whole listing is compared, and the object was not in it.
    NotListedBefore,
    /// The object was seen under another version.
    SeenBefore,
    /// No created date tells whether the object is new.
    NoCreatedDate,
    /// It was created after this instant.
    CreatedAfter(Timestamp),
    /// It was created at or before this instant.
    CreatedBefore(Timestamp),
    /// Its created date lies after its updated date, so it tells nothing.
    CreatedAfterUpdated,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProvenRead { floor } => {
                write!(
                    f,
                    "its date is not after {floor}, up to which everything was read"
                )
            }
            Self::Handled => f.write_str("this version was handled before"),
            Self::BeforeFirstStart { started_at } => {
                write!(f, "it was there before the first start at {started_at}")
            }
            Self::Held => f.write_str("the callback refused its event before"),
            Self::HeldUntil(instant) => write!(
                f,
                "the callback refused its event before, and it is tried again after {instant}"
            ),
            Self::Skipped => {
                f.write_str("the callback refused its event before, and it was given up on demand")
            }
            Self::AheadOfClock { now } => write!(
                f,
                "its date is after the vendor's clock, {now}, and filterByCurrentDate is set"
            ),
            Self::MarkedDeleted => f.write_str("the vendor marks it as deleted"),
            Self::NotListedBefore => {
                f.write_str("the listing is compared as a whole and did not have the object")
            }
            Self::SeenBefore => f.write_str("the object was seen before, under another version"),
            Self::NoCreatedDate => f.write_str("no created date tells that the object is new"),
            Self::CreatedAfter(instant) => write!(f, "the object was created after {instant}"),
            Self::CreatedBefore(instant) => write!(f, "the object was created before {instant}"),
            Self::CreatedAfterUpdated => f.write_str(
                "its created date lies after its updated date, so it does not tell that the object is new",
            ),
        }
    }
}
