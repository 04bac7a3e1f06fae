//! A hub's collection: its records are what the commands made them.

use serde_json::{Map, Value, json};

use super::fields;
use crate::store::Shown;

/// The fields of a record for which a command gave none.
pub(crate) fn template(serial: u64) -> Map<String, Value> {
    fields(json!({
        "id": "{id}",
        "name": format!("Sandbox record {serial}"),
        "createdDate": "{created}",
        "modifiedDate": "{modified}",
    }))
}

/// The fields as set; `{id}`, `{created}` and `{modified}` stand for the record's own.
pub(super) fn print(shown: &Shown<'_>) -> Value {
    let mut record = Value::Object(shown.version.fields.clone());
    fill(&mut record, shown);
    record
}

fn fill(value: &mut Value, shown: &Shown<'_>) {
    let date = |time: jiff::Timestamp| crate::dates::zulu(time, 3);
    match value {
        Value::String(text) => match text.as_str() {
            "{id}" => *text = shown.id.to_owned(),
            "{created}" => *text = date(shown.version.created),
            "{modified}" => *text = date(shown.version.modified),
            _ => {}
        },
        Value::Object(fields) => fields.values_mut().for_each(|inner| fill(inner, shown)),
        Value::Array(items) => items.iter_mut().for_each(|inner| fill(inner, shown)),
        _ => {}
    }
}
