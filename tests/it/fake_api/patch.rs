//! The three ways to change a part of an object.

use serde_json::{Map, Value, json};

use super::refusal::Refusal;

/// RFC 7386: null removes.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            as_object(target).remove(key);
        } else {
            merge(as_object(target).entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// RFC 6902, with the API server's reading of `test … null` on a path that is missing.
pub(crate) fn json_patch(target: &mut Value, operations: &Value) -> Result<(), Refusal> {
    let mut operations = operations.as_array().cloned().unwrap_or_default();
    operations.retain(|operation| {
        let absent = operation["path"]
            .as_str()
            .is_some_and(|path| target.pointer(path).is_none_or(Value::is_null));
        !(operation["op"] == "test" && operation["value"].is_null() && absent)
    });
    let patch: json_patch::Patch = serde_json::from_value(Value::Array(operations))
        .map_err(|error| Refusal::bad_request(format!("not a JSON patch: {error}")))?;
    json_patch::patch(target, &patch)
        .map_err(|error| Refusal::invalid(format!("the server rejected our request: {error}")))
}

/// Server-side apply without conflicts: what the manager applied before and no longer does is
/// removed, the rest is merged. Lists are replaced as a whole.
pub(crate) fn apply(target: &mut Value, before: Option<&Value>, now: &Value) {
    if let Some(before) = before {
        remove_missing(target, before, now);
    }
    merge(target, now);
}

fn remove_missing(target: &mut Value, before: &Value, now: &Value) {
    let (Value::Object(target), Value::Object(before)) = (target, before) else {
        return;
    };
    for (key, value) in before {
        let Some(mine) = target.get_mut(key) else { continue };
        if value.is_object() {
            remove_missing(mine, value, now.get(key).unwrap_or(&json!({})));
            if now.get(key).is_none() && mine.as_object().is_some_and(Map::is_empty) {
                target.remove(key);
            }
        } else if now.get(key).is_none() {
            target.remove(key);
        }
    }
}

fn as_object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().unwrap()
}
