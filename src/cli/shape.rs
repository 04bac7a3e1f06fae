//! Whether a document has the shape of a PollingInstance, by the schema that the API server is given.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::Resource as _;
use serde_json::{Map, Value, json};

use crate::api::{PollingInstance, crds, is_object_name, nearest};
use crate::config::{Problem, join};

/// What the API server writes or reads in `metadata`, so that an object taken from a cluster is no typo.
const METADATA: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Every problem of shape; `document` is left without what is wrong, so that the rest can be read on.
pub(super) fn check_instance(document: &mut Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some(object) = document.as_object_mut() else {
        return vec![Problem::new("", "is no object", "write a PollingInstance")];
    };
    unknown_fields(
        object,
        "",
        ["apiVersion", "kind", "metadata", "spec", "status"],
        &mut problems,
    );
    object.shift_remove("status");
    // Judged by the caller.
    object.insert("apiVersion".to_owned(), PollingInstance::api_version(&()).into());
    problems.extend(check_metadata(object));
    let schema = spec_schema();
    match (object.get_mut("spec"), &schema) {
        (Some(spec), Some(schema)) if !spec.is_null() => {
            if !check(schema, spec, "spec", &mut problems) {
                object.insert("spec".to_owned(), json!({}));
            }
        }
        _ => {
            let remedy = "write the instance under spec: element, configuration and so on";
            problems.push(Problem::new("spec", "is missing", remedy));
        }
    }
    problems
}

/// The problems of `metadata`, of any kind of object; what is wrong is taken out.
pub(super) fn check_metadata(object: &mut Map<String, Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let missing = || Problem::new("metadata.name", "is missing", "write a name for the object");
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        object.insert("metadata".to_owned(), json!({}));
        return vec![missing()];
    };
    unknown_fields(metadata, "metadata", METADATA, &mut problems);
    metadata.retain(|key, _| !matches!(key.as_str(), "managedFields" | "ownerReferences"));
    match metadata.get("name") {
        None | Some(Value::Null) if metadata.contains_key("generateName") => {}
        None | Some(Value::Null) => problems.push(missing()),
        Some(Value::String(name)) if !is_object_name(name) => problems.push(Problem::new(
            "metadata.name",
            "is no name for a Kubernetes object",
            "write lower-case letters, digits, - and . only, beginning and ending with a letter or digit",
        )),
        Some(_) => {}
    }
    for (key, remedy) in [("name", "quote it"), ("namespace", "quote it")] {
        if metadata
            .get(key)
            .is_some_and(|value| !value.is_string() && !value.is_null())
        {
            let kind = kind(metadata.get(key));
            problems.push(Problem::new(
                format!("metadata.{key}"),
                format!("is {kind}, where text is expected"),
                remedy,
            ));
            metadata.shift_remove(key);
        }
    }
    for field in ["labels", "annotations"] {
        let path = format!("metadata.{field}");
        match metadata.get_mut(field) {
            Some(Value::Object(entries)) => entries.retain(|key, value| {
                if !value.is_string() {
                    let message = format!("is {}, where text is expected", kind(Some(value)));
                    problems.push(Problem::new(join(&path, key), message, "quote it"));
                }
                value.is_string()
            }),
            None | Some(Value::Null) => {}
            Some(other) => {
                let message = format!("is {}, where an object is expected", kind(Some(other)));
                problems.push(Problem::new(path, message, "write names and values"));
                *other = Value::Null;
            }
        }
    }
    metadata.retain(|_, value| !value.is_null());
    problems
}

fn spec_schema() -> Option<JSONSchemaProps> {
    use kube::CustomResourceExt;
    let name = PollingInstance::crd_name();
    let crd = crds()
        .into_iter()
        .find(|crd| crd.metadata.name.as_deref() == Some(name))?;
    let schema = crd.spec.versions.into_iter().next()?.schema?.open_api_v3_schema?;
    schema.properties?.remove("spec")
}

fn unknown_fields<const N: usize>(
    object: &mut Map<String, Value>,
    path: &str,
    known: [&str; N],
    problems: &mut Vec<Problem>,
) {
    object.retain(|key, _| {
        if !known.contains(&key.as_str()) {
            problems.push(unknown(path, key, known));
        }
        known.contains(&key.as_str())
    });
}

fn unknown<'a>(path: &str, key: &str, known: impl IntoIterator<Item = &'a str>) -> Problem {
    let path = join(path, key);
    let path = path.strip_prefix('.').unwrap_or(&path).to_owned();
    let known: Vec<_> = known.into_iter().collect();
    let remedy = match nearest(key, known.iter().copied()) {
        Some(nearest) => format!("did you mean {nearest}? Kubernetes refuses or drops unknown fields"),
        None => format!(
            "remove it, or write one of {}; Kubernetes refuses or drops unknown fields",
            known.join(", ")
        ),
    };
    Problem::new(path, "is no known field", remedy)
}

/// Checks a value; false where it must not be read on. Values are not shown, any may be secret.
fn check(schema: &JSONSchemaProps, value: &mut Value, path: &str, problems: &mut Vec<Problem>) -> bool {
    let open = schema.x_kubernetes_preserve_unknown_fields == Some(true);
    let expected = if schema.x_kubernetes_int_or_string == Some(true) {
        Some("int-or-string")
    } else {
        schema.type_.as_deref()
    };
    let fits = match (expected, &*value) {
        (None, _)
        | (Some("object"), Value::Object(_))
        | (Some("array"), Value::Array(_))
        | (Some("string" | "int-or-string"), Value::String(_))
        | (Some("boolean"), Value::Bool(_))
        | (Some("number" | "int-or-string"), Value::Number(_)) => true,
        (Some("integer"), Value::Number(number)) => number.is_i64(),
        _ => false,
    };
    if !fits {
        let (words, remedy) = match expected {
            Some("object") => ("an object", "write its fields under it"),
            Some("array") => ("a list", "write its items under it, each after a dash"),
            Some("string") => ("text", "put it in quotes"),
            Some("boolean") => ("true or false", "write true or false, without quotes"),
            _ => ("a whole number", "write a number, without quotes"),
        };
        let message = format!("is {}, where {words} is expected", kind(Some(value)));
        problems.push(Problem::new(path, message, remedy));
        return false;
    }
    if let (Some(allowed), Value::String(_)) = (&schema.enum_, &*value)
        && !allowed.iter().any(|allowed| allowed.0 == *value)
    {
        let names: Vec<_> = allowed.iter().filter_map(|allowed| allowed.0.as_str()).collect();
        let nearest = value
            .as_str()
            .and_then(|text| nearest(text, names.iter().copied()));
        let remedy = match nearest {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => format!("write one of {}", names.join(", ")),
        };
        problems.push(Problem::new(path, "is none of the allowed values", remedy));
        return false;
    }
    match value {
        // The keys of a configuration are judged one by one where they are read.
        Value::Object(object) if !open => check_fields(schema, object, path, problems),
        Value::Array(items) => {
            let item_schema = match &schema.items {
                Some(JSONSchemaPropsOrArray::Schema(item)) => Some(item),
                _ => None,
            };
            let mut index = 0;
            items.retain_mut(|item| {
                let path = format!("{path}[{index}]");
                index += 1;
                item_schema.is_none_or(|schema| check(schema, item, &path, problems))
            });
            true
        }
        _ => true,
    }
}

fn check_fields(
    schema: &JSONSchemaProps,
    object: &mut Map<String, Value>,
    path: &str,
    problems: &mut Vec<Problem>,
) -> bool {
    let none = std::collections::BTreeMap::new();
    let known = schema.properties.as_ref().unwrap_or(&none);
    let required = schema.required.as_deref().unwrap_or_default();
    let mut complete = true;
    for name in required {
        if object.get(name).is_none_or(Value::is_null) {
            let remedy = if name == "element" {
                "write which element it is: element: {key: concur}".to_owned()
            } else {
                format!("add {name}")
            };
            problems.push(Problem::new(join(path, name), "is missing", remedy));
            complete = false;
        }
    }
    object.retain(|key, value| match known.get(key) {
        _ if value.is_null() => known.contains_key(key),
        Some(schema) => check(schema, value, &join(path, key), problems),
        None => {
            problems.push(unknown(path, key, known.keys().map(String::as_str)));
            false
        }
    });
    // To the API server null is the same as absent.
    object.retain(|_, value| !value.is_null());
    if path == "spec" && !object.contains_key("element") {
        // Its problem is noted; with a stand-in the rest is read on.
        object.insert("element".to_owned(), json!({"key": ""}));
        return true;
    }
    complete
}

fn kind(value: Option<&Value>) -> &'static str {
    match value {
        None | Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a bool",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) => "text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    }
}
