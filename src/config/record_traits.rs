//! What an element says of the records of a listing.

use serde_json::Value;

use super::FieldPath;

/// What the element says of a listing's records.
#[derive(Clone, Debug, Default)]
pub struct RecordTraits {
    /// Top-level fields that differ between two reads of the same version.
    pub volatile: Vec<String>,
    /// How a record says that its object was deleted.
    pub deleted: Option<DeletedMark>,
    /// Records change without a trace in their dates, whatever the configuration names as their updated date: bodies are
    /// compared, and the created date only tells what is new.
    pub compares_bodies: bool,
}

/// A field that says that the record's object was deleted.
#[derive(Clone, Debug)]
pub struct DeletedMark {
    /// Where it is.
    pub field: FieldPath,
    /// Its values that mean deleted, as text; case does not count.
    pub values: Vec<String>,
}

impl DeletedMark {
    /// Whether `record` is marked.
    pub fn marks(&self, record: &Value) -> bool {
        let found = match self.field.get(record) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(scalar @ (Value::Bool(_) | Value::Number(_))) => scalar.to_string(),
            _ => return false,
        };
        self.values.iter().any(|value| value.eq_ignore_ascii_case(&found))
    }
}
