//! Commands of the control API.

use jiff::Timestamp;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::fault::{Fault, Target};
use crate::resource::Resource;

/// One thing to do to the sandbox; as JSON tagged with `command`.
///
/// Commands about records mean expense reports unless [`Command::on`] names another resource, in JSON the
/// field `resource`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    remote = "Self",
    tag = "command",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Command {
    /// A command about the records of a resource.
    #[serde(skip)]
    On {
        /// The resource.
        resource: Resource,
        /// The command.
        command: Box<Command>,
    },
    /// Make many records at once; answers `{"ids": […]}`.
    Seed(Seed),
    /// Make one record; answers `{"id": …}`.
    Create(Create),
    /// Change a record's header, which bumps its modification date.
    Edit(Edit),
    /// Change an entry of an expense report, which by default leaves `LastModifiedDate` alone.
    EditEntry {
        /// The report's id.
        id: String,
    },
    /// Remove a record without a trace; invoices and lists stay, marked as deleted.
    Delete {
        /// The record's id.
        id: String,
    },
    /// Remove the record at a place of the present unfiltered listing; answers `{"id": …}`.
    DeleteListed {
        /// Place, counted from 0.
        index: usize,
    },
    /// Edit the record at a place of the present unfiltered listing; answers `{"id": …}`.
    EditListed {
        /// Place, counted from 0.
        index: usize,
        /// New modification date; now if not given.
        #[serde(default)]
        modified: Option<Timestamp>,
    },
    /// Add any JSON value behind the records of every listing.
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
    /// Answer with a record as a listing would print it now, or null.
    Show {
        /// Id of the record.
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

impl Command {
    /// The command for records of another resource than expense reports.
    pub fn on(self, resource: Resource) -> Command {
        Command::On {
            resource,
            command: Box::new(self),
        }
    }
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Command::On { resource, command } = self else {
            return Command::serialize(self, serializer);
        };
        let mut value = serde_json::to_value(command).map_err(S::Error::custom)?;
        if let Some(fields) = value.as_object_mut() {
            fields.insert("resource".into(), resource.to_string().into());
        }
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Command, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        let resource = value
            .as_object_mut()
            .and_then(|fields| fields.shift_remove("resource"));
        let command = Command::deserialize(value).map_err(D::Error::custom)?;
        match resource {
            None => Ok(command),
            Some(resource) => {
                let resource = Resource::deserialize(resource).map_err(D::Error::custom)?;
                Ok(command.on(resource))
            }
        }
    }
}

/// Records made at once, each created and modified at `first + index * stepMs`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Seed {
    /// How many, at most a million.
    pub count: u32,
    /// Ids are this prefix and a number of at least four digits, counted from 0000 on; else as the vendor makes them.
    pub prefix: Option<String>,
    /// Date of the first record; by default such that the last one is an hour old.
    pub first: Option<Timestamp>,
    /// Milliseconds between two records; 60000 if not given.
    pub step_ms: Option<i64>,
}

/// A record to make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Create {
    /// Its id; as the vendor makes them if not given.
    pub id: Option<String>,
    /// Its `Name`, or the field that stands for it in the resource.
    pub name: Option<String>,
    /// Its creation date; now if not given.
    pub created: Option<Timestamp>,
    /// Its modification date; the creation date if not given.
    pub modified: Option<Timestamp>,
    /// Listings show it this many milliseconds later, with its earlier dates.
    pub visible_after_ms: Option<u64>,
    /// Its owner's login id; the token owner if not given.
    pub owner: Option<String>,
    /// It is never listed, as a Central Reconciliation report.
    pub central_reconciliation: bool,
    /// Fields to print in place of the made-up ones, by their printed names. Of a hub's collection they are all there is;
    /// `{id}`, `{created}` and `{modified}` in them stand for the record's own.
    pub set: Map<String, Value>,
}

/// A change of a record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Edit {
    /// The record's id.
    pub id: String,
    /// New modification date; now if not given.
    pub modified: Option<Timestamp>,
    /// Listings show the change this many milliseconds later, with its earlier date.
    pub visible_after_ms: Option<u64>,
    /// Fields to print from now on, by their printed names.
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
    /// No record has this id.
    #[error("no record has the id {0:?}: create it first, or look at GET /control/state")]
    UnknownRecord(String),
    /// A record with this id exists.
    #[error("a record with the id {0:?} exists already: choose another id")]
    RecordExists(String),
    /// No command made records of this collection.
    #[error("the collection {0} does not exist: create or seed a record of it first")]
    UnknownCollection(Resource),
    /// The listing is shorter.
    #[error("index {index} is outside of the listing, which has {length} records counted from 0")]
    OutsideListing {
        /// The index asked for.
        index: usize,
        /// Records in the listing.
        length: usize,
    },
    /// A field has a value that makes no sense.
    #[error("{0}")]
    Invalid(String),
}
