//! One listed record as the algorithm sees it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

use super::identity::hash64;
use super::{Change, Rules};
use crate::config::{DateError, IdField};

/// A record that can be judged.
#[derive(Clone, Debug)]
pub struct Record {
    /// The object's id.
    pub id: String,
    /// Hash of the id.
    pub(super) key: u64,
    /// The date that orders versions; none where bodies are compared.
    pub updated: Option<Timestamp>,
    /// The created date.
    pub created: Option<Timestamp>,
    /// The vendor marks the object as deleted.
    pub deleted: bool,
    /// Hash of the body less its volatile fields; independent of the order of fields.
    pub(super) digest: u64,
    /// The vendor's own text.
    pub raw: Arc<RawValue>,
}

/// Why a record cannot be judged; it is counted, reported and skipped.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The item is no JSON object.
    #[error("item {position} of page {page} is not an object but {found}")]
    NotAnObject {
        /// Place in the page, from 1.
        position: usize,
        /// Page, from 1.
        page: usize,
        /// What it is.
        found: &'static str,
    },
    /// The id is missing, null, empty, or neither text nor a whole number of 64 bits.
    #[error("item {position} of page {page} has no usable id at {path}; check idField")]
    NoId {
        /// Place in the page, from 1.
        position: usize,
        /// Page, from 1.
        page: usize,
        /// The configured idField.
        path: String,
    },
    /// A date is not as its format says.
    #[error("record {id}")]
    Date {
        /// Id of the record.
        id: String,
        /// What is wrong.
        #[source]
        source: DateError,
    },
}

impl Record {
    /// Reads item `position` (from 1) of `page` (from 1).
    ///
    /// # Errors
    /// [`Unreadable`] says why the item cannot be judged.
    pub fn read(
        rules: &Rules,
        id_field: &IdField,
        raw: Box<RawValue>,
        page: usize,
        position: usize,
    ) -> Result<Self, Unreadable> {
        let value: Value = serde_json::from_str(raw.get()).map_err(|_| Unreadable::NotAnObject {
            position,
            page,
            found: "unreadable JSON",
        })?;
        if !value.is_object() {
            return Err(Unreadable::NotAnObject {
                position,
                page,
                found: kind(&value),
            });
        }
        let digest = digest(&value, &rules.volatile);
        let found = match id_field {
            IdField::Path(path) => id(path.get(&value)),
            IdField::Blank => {
                let own = id(id_field.get(&value));
                own.or_else(|| Some(hex::encode(digest.to_be_bytes())))
            }
        };
        let Some(id) = found else {
            return Err(Unreadable::NoId {
                position,
                page,
                path: id_field.to_string(),
            });
        };
        let date = |field: &Option<crate::config::DateField>| match field {
            Some(field) => field.read(&value).map_err(|source| Unreadable::Date {
                id: id.clone(),
                source,
            }),
            None => Ok(None),
        };
        let created = date(&rules.created)?;
        let updated = match &rules.updated {
            Some(_) => date(&rules.updated)?.or(created),
            None => None,
        };
        Ok(Self {
            key: hash64(&[id.as_bytes()]),
            id,
            updated,
            created,
            deleted: rules.deleted.as_ref().is_some_and(|mark| mark.marks(&value)),
            digest,
            raw: raw.into(),
        })
    }

    /// The date an event about this record carries; `polled_at` where the record has none.
    pub fn event_date(&self, change: Change, polled_at: Timestamp) -> Timestamp {
        let created = self.created.filter(|_| change == Change::Created);
        self.updated.or(created).unwrap_or(polled_at)
    }
}

/// Text, or a whole number of 64 bits: a larger one would be rounded, and two objects become one.
fn id(found: Option<&Value>) -> Option<String> {
    match found? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Hash of the record less its volatile top-level fields. Vendors do not promise an order of fields.
fn digest(value: &Value, volatile: &[String]) -> u64 {
    let mut text = String::new();
    match value {
        Value::Object(fields) => {
            let kept = fields
                .iter()
                .filter(|(name, _)| !volatile.iter().any(|field| field == *name));
            canonical_object(kept, &mut text);
        }
        other => canonical(other, &mut text),
    }
    hash64(&[text.as_bytes()])
}

fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => canonical_object(fields.iter(), out),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn canonical_object<'a>(fields: impl Iterator<Item = (&'a String, &'a Value)>, out: &mut String) {
    let mut fields: Vec<_> = fields.collect();
    fields.sort_by_key(|(name, _)| *name);
    out.push('{');
    for (name, value) in fields {
        out.push_str(&Value::String(name.clone()).to_string());
        out.push(':');
        canonical(value, out);
        out.push(',');
    }
    out.push('}');
}
