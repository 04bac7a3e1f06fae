//! Names of what the sandbox keeps records of.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A resource of the Concur API, or a collection that only the hub serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Expense reports v3.
    #[default]
    Reports,
    /// Expense entries v3.
    Entries,
    /// Expense allocations v3.
    Allocations,
    /// Invoice digests v3 (payment request digests).
    Invoices,
    /// Travel requests v4.
    Requests,
    /// Lists v4.
    Lists,
    /// Identity users v4.1.
    Users,
    /// A collection of free records, by hub and resource name: `crm/contacts`.
    Collection(String),
}

/// The API's resources by name.
const NAMES: [(Resource, &str); 7] = [
    (Resource::Reports, "reports"),
    (Resource::Entries, "entries"),
    (Resource::Allocations, "allocations"),
    (Resource::Invoices, "invoices"),
    (Resource::Requests, "requests"),
    (Resource::Lists, "lists"),
    (Resource::Users, "users"),
];

/// Resources of the hub's Concur element; the API's records are behind them.
const EXPENSE: [(Resource, &str); 7] = [
    (Resource::Reports, "expense/reports"),
    (Resource::Entries, "expense/expenses"),
    (Resource::Allocations, "expense/allocations"),
    (Resource::Invoices, "expense/payments-digests"),
    (Resource::Requests, "expense/requests"),
    (Resource::Lists, "expense/lists"),
    (Resource::Users, "expense/users"),
];

impl Resource {
    /// The API's resources, in a fixed order.
    pub(crate) fn of_api() -> impl Iterator<Item = Resource> {
        NAMES.into_iter().map(|(resource, _)| resource)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = NAMES.iter().find(|(resource, _)| resource == self);
        f.write_str(match (self, known) {
            (Resource::Collection(name), _) => name,
            (_, Some((_, name))) => name,
            (_, None) => "",
        })
    }
}

/// Why a text names no resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no resource: give reports, entries, allocations, invoices, requests, lists, users, or <hub>/<resource>"
)]
pub struct UnknownResource(String);

impl FromStr for Resource {
    type Err = UnknownResource;

    fn from_str(text: &str) -> Result<Resource, UnknownResource> {
        if let Some((resource, _)) = NAMES.iter().chain(&EXPENSE).find(|(_, name)| *name == text) {
            return Ok(resource.clone());
        }
        match text.split_once('/') {
            Some((hub, name)) if !hub.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Resource::Collection(text.to_owned()))
            }
            _ => Err(UnknownResource(text.to_owned())),
        }
    }
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Resource, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}
