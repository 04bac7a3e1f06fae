//! One listed record as the algorithm sees it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
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
    /// Width of that date: the created one's where that stands in.
    pub(super) granule: SignedDuration,
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
    /// The item has something in it that JSON allows and no program reads, such as a number beyond all doubles.
    #[error("item {position} of page {page} cannot be read")]
    NotJson {
        /// Place in the page, from 1.
        position: usize,
        /// Page, from 1.
        page: usize,
        /// What it is.
        #[source]
        source: serde_json::Error,
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
        let value = value(&raw).map_err(|source| Unreadable::NotJson {
            position,
            page,
            source,
        })?;
        if !value.is_object() {
            return Err(Unreadable::NotAnObject {
                position,
                page,
                found: kind(&value),
            });
        }
        let digest = digest(&value, &rules.volatile);
        let Some(id) = id_at(id_field, &value, digest) else {
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
        let own = date(&rules.updated)?;
        let (updated, granule) = match own {
            Some(_) => (own, rules.updated_granule()),
            None if rules.updated.is_some() => (created, rules.created_granule()),
            None => (None, SignedDuration::ZERO),
        };
        Ok(Self {
            key: hash64(&[id.as_bytes()]),
            id,
            updated,
            granule,
            created,
            deleted: rules.deleted.as_ref().is_some_and(|mark| mark.marks(&value)),
            digest,
            raw: raw.into(),
        })
    }

    /// Its id where another field names its object.
    pub(super) fn id_at(&self, id_field: &IdField) -> Option<String> {
        id_at(id_field, &value(&self.raw).ok()?, self.digest)
    }

    /// The date an event about this record carries; `polled_at` where the record has none.
    pub fn event_date(&self, change: Change, polled_at: Timestamp) -> Timestamp {
        let created = self.created.filter(|_| change == Change::Created);
        self.updated.or(created).unwrap_or(polled_at)
    }
}

/// The item's value. Half of a surrogate pair, which programs print that cut a text in the middle of an emoji, is read as
/// U+FFFD; the record itself is delivered as the vendor wrote it.
fn value(raw: &RawValue) -> Result<Value, serde_json::Error> {
    serde_json::from_str(raw.get()).or_else(|error| {
        let mended = without_lone_surrogates(raw.get());
        serde_json::from_str(&mended).map_err(|_| error)
    })
}

fn without_lone_surrogates(json: &str) -> String {
    let escape = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let taken = match escape(from) {
            Some(0xD800..=0xDBFF) if matches!(escape(&from[6..]), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str("\\ufffd");
                rest = &from[6..];
                continue;
            }
            Some(_) => 6,
            // An escaped backslash is no beginning of another escape.
            None => from.char_indices().nth(2).map_or(from.len(), |(end, _)| end),
        };
        out.push_str(&from[..taken]);
        rest = &from[taken..];
    }
    out.push_str(rest);
    out
}

fn id_at(id_field: &IdField, record: &Value, digest: u64) -> Option<String> {
    let own = id(id_field.get(record));
    match id_field {
        IdField::Path(_) => own,
        IdField::Blank => own.or_else(|| Some(hex::encode(digest.to_be_bytes()))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_surrogate_pair_is_no_reason_to_lose_a_record() {
        for (json, expected) in [
            (r#"{"a":"cut \ud83d"}"#, "cut \u{fffd}"),
            (r#"{"a":"\uDE00 cut"}"#, "\u{fffd} cut"),
            (r#"{"a":"\ud83d\ud83d\ude00"}"#, "\u{fffd}\u{1f600}"),
            (r#"{"a":"\ud83d\ude00"}"#, "\u{1f600}"),
            (r#"{"a":"\\ud83d"}"#, "\\ud83d"),
            (r#"{"a":"\ud83d\\ude00"}"#, "\u{fffd}\\ude00"),
            (r#"{"a":"\ud83dé"}"#, "\u{fffd}é"),
        ] {
            let raw = RawValue::from_string(json.to_owned()).unwrap();
            assert_eq!(value(&raw).unwrap()["a"], expected, "{json}");
        }
        let raw = RawValue::from_string("1e400".to_owned()).unwrap();
        assert!(value(&raw).unwrap_err().to_string().contains("out of range"));
    }
}
