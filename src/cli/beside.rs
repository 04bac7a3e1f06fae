//! Configuration keys that stand beside `configuration` in an instance's JSON, as a page of the vendor prints them.

use serde_json::{Map, Value};

use crate::api::known_key;

/// Whether a field of the instance is a configuration key; none of its own fields has a dot.
pub(super) fn is_key(field: &str) -> bool {
    field.contains('.') && known_key(field).is_some()
}

/// Moves such keys into the configuration, where it does not have them; gives their names.
pub(super) fn take_in(instance: &Map<String, Value>, configuration: &mut Map<String, Value>) -> Vec<String> {
    let mut moved = Vec::new();
    for (field, value) in instance.iter().filter(|(field, _)| is_key(field)) {
        if !configuration.contains_key(field) {
            configuration.insert(field.clone(), value.clone());
            moved.push(field.clone());
        }
    }
    moved
}
