//! Commands of the control API.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fault::{Fault, Target};

/// One thing to do to the sandbox; as JSON tagged with `command`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "command",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Command {
    /// Make many reports at once; answers `{"ids": […]}`.
    Seed(Seed),
    /// Make one report; answers `{"id": …}`.
    Create(Create),
    /// Change a report's header, which bumps `LastModifiedDate`.
    Edit(Edit),
    /// Change an entry of a report, which by default leaves `LastModifiedDate` alone.
    EditEntry {
        /// The report's id.
        id: String,
    },
    /// Remove a report without a trace.
    Delete {
        /// The report's id.
        id: String,
    },
    /// Remove the report at a place of the present unfiltered listing; answers `{"id": …}`.
    DeleteListed {
        /// Place, counted from 0.
        index: usize,
    },
    /// Edit the report at a place of the present unfiltered listing; answers `{"id": …}`.
    EditListed {
        /// Place, counted from 0.
        index: usize,
        /// New `LastModifiedDate`; now if not given.
        #[serde(default)]
        modified: Option<Timestamp>,
    },
    /// Add any JSON value behind the reports of every listing.
    RawItem {
        /// The value.
        value: Value,
    },
    /// Take the raw items away.
    ClearRawItems,
    /// Change knobs.
    Configure {
        /// Knob names and values; the others stay.
        knobs: Value,
    },
    /// Plan a fault.
    Fault(PlannedFault),
    /// Answer with a report as a listing would print it now, or null.
    Show {
        /// Id of the report.
        id: String,
    },
    /// Forget the faults that are still to come.
    ClearFaults,
    /// Run commands when a certain request comes.
    At(At),
    /// Move the vendor's clock.
    Advance {
        /// By how much, milliseconds; may be negative.
        ms: i64,
    },
    /// End all access tokens at once.
    RevokeTokens {
        /// End the refresh tokens as well.
        #[serde(default)]
        refresh: bool,
    },
    /// Lock the account: code 14.
    LockAccount,
    /// Unlock the account and forget bad secrets.
    UnlockAccount,
    /// Make this the only valid refresh token.
    SetRefreshToken {
        /// The token.
        value: String,
    },
    /// Serve the API at another base URL; the old one answers 403 from now on.
    MoveGeolocation {
        /// The new base URL.
        url: String,
    },
    /// Empty the receiver's log.
    ClearReceived,
    /// Empty the log of requests to the vendor.
    ClearLog,
}

/// Reports made at once, each created and modified at `first + index * stepMs`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Seed {
    /// How many, at most a million.
    pub count: u32,
    /// Ids are this prefix and a number of at least four digits, counted from 0000 on; else 20 hex characters.
    pub prefix: Option<String>,
    /// Date of the first report; by default such that the last one is an hour old.
    pub first: Option<Timestamp>,
    /// Milliseconds between two reports; 60000 if not given.
    pub step_ms: Option<i64>,
}

/// A report to make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Create {
    /// Its id; 20 hex characters if not given.
    pub id: Option<String>,
    /// Its `Name`.
    pub name: Option<String>,
    /// Its `CreateDate`; now if not given.
    pub created: Option<Timestamp>,
    /// Its `LastModifiedDate`; the creation date if not given.
    pub modified: Option<Timestamp>,
    /// Listings show it this many milliseconds later, with its earlier dates.
    pub visible_after_ms: Option<u64>,
    /// Its owner's login id; the token owner if not given.
    pub owner: Option<String>,
    /// It is a Central Reconciliation report, which is never listed.
    pub central_reconciliation: bool,
    /// Fields to print in place of the made-up ones, by their v3 names.
    pub set: Map<String, Value>,
}

/// A change of a report's header.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Edit {
    /// The report's id.
    pub id: String,
    /// New `LastModifiedDate`; now if not given.
    pub modified: Option<Timestamp>,
    /// Listings show the change this many milliseconds later, with its earlier date.
    pub visible_after_ms: Option<u64>,
    /// Fields to print from now on, by their v3 names.
    pub set: Map<String, Value>,
}

/// A fault and the requests that meet it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PlannedFault {
    /// Which endpoint.
    pub target: Target,
    /// What goes wrong.
    pub fault: Fault,
    /// How many requests meet it.
    #[serde(default = "one")]
    pub times: u32,
    /// Requests to let pass first, counted from when the faults planned before are used up.
    #[serde(default)]
    pub after: u32,
}

/// Commands bound to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct At {
    /// Which endpoint.
    pub target: Target,
    /// Which request to it, counted from now, the next one being 1.
    pub request: u32,
    /// What to do.
    pub commands: Vec<Command>,
    /// Do it just after the answer was made, not just before.
    #[serde(default)]
    pub after: bool,
}

fn one() -> u32 {
    1
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No report has this id.
    #[error("no report has the id {0:?}: create it first, or look at GET /control/state")]
    UnknownReport(String),
    /// A report with this id exists.
    #[error("a report with the id {0:?} exists already: choose another id")]
    ReportExists(String),
    /// The listing is shorter.
    #[error("index {index} is outside of the listing, which has {length} reports counted from 0")]
    OutsideListing {
        /// The index asked for.
        index: usize,
        /// Reports in the listing.
        length: usize,
    },
    /// A field has a value that makes no sense.
    #[error("{0}")]
    Invalid(String),
}
