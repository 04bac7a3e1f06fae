//! What records were and when, also those that are gone: what a client is held against that looked only now and then.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::kind::{self, Style};
use crate::state::State;

/// An object and all that listings could show of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Past {
    /// The object's id.
    pub id: String,
    /// Its versions, oldest first.
    pub versions: Vec<PastVersion>,
    /// When it was removed without a trace.
    pub deleted_at: Option<Timestamp>,
}

/// One version of an object. Listings show the newest one that is visible.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PastVersion {
    /// Its modification date.
    pub modified: Timestamp,
    /// From when on listings may show it.
    pub visible_at: Timestamp,
    /// The record as a listing would print it now.
    pub record: Value,
}

impl State {
    /// The past of all resources that ever had a record.
    pub(crate) fn history(&self) -> BTreeMap<String, Vec<Past>> {
        let style = Style {
            knobs: &self.knobs,
            zone: self.knobs.time_zone(),
            base: self.geolocation.clone(),
            query: "",
            single: false,
        };
        let resources = self.all_records().map(|(resource, records)| {
            let past = records.all().map(|(id, record, deleted_at)| {
                let versions = record.all_shown(id).map(|shown| PastVersion {
                    modified: shown.version.modified,
                    visible_at: shown.version.visible_at,
                    record: kind::print(resource, &shown, &style),
                });
                Past {
                    id: id.to_owned(),
                    versions: versions.collect(),
                    deleted_at,
                }
            });
            (resource.to_string(), past.collect::<Vec<_>>())
        });
        resources.filter(|(_, past)| !past.is_empty()).collect()
    }
}
