//! values.yaml is what people read: the texts of the schema and of the chart's README are its comments.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::{CHART, up_to_date};

const BEGIN: &str = "<!-- From values.yaml: UPDATE=1 cargo test --test it up_to_date -->\n";
/// In the schema alone, since Helm itself hands them over.
const OF_HELM: [&str; 2] = ["global", "enabled"];

/// A value with a text.
pub(super) struct Documented {
    /// Its keys from the top.
    pub(super) path: Vec<String>,
    pub(super) default: Value,
    text: String,
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(CHART).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

/// Every value of values.yaml with the comment above it; a mapping without one is a group of values.
pub(super) fn values() -> Vec<Documented> {
    let text = read("values.yaml");
    let defaults: Value = serde_saphyr::from_str(&text).unwrap();
    let mut found = Vec::new();
    let (mut path, mut comment) = (Vec::<(usize, String)>::new(), Vec::<&str>::new());
    // Within a value that was documented as a whole.
    let mut inside = usize::MAX;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim_start();
        if let Some(text) = line.strip_prefix("# ") {
            comment.push(text);
            continue;
        }
        let Some((key, _)) = line
            .split_once(':')
            .filter(|_| indent <= inside && !line.starts_with('-'))
        else {
            continue;
        };
        path.retain(|(of_parent, _)| *of_parent < indent);
        path.push((indent, key.to_owned()));
        inside = usize::MAX;
        if comment.is_empty() {
            continue;
        }
        inside = indent;
        let path: Vec<String> = path.iter().map(|(_, key)| key.clone()).collect();
        let pointer = format!("/{}", path.join("/"));
        found.push(Documented {
            default: defaults
                .pointer(&pointer)
                .unwrap_or_else(|| panic!("{pointer}"))
                .clone(),
            text: std::mem::take(&mut comment).join(" "),
            path,
        });
    }
    // Whatever was not found as a value is a group of some.
    let all: BTreeSet<String> = found.iter().map(|value| value.path.join(".")).collect();
    undocumented(&defaults, "", &all);
    found
}

fn undocumented(values: &Value, path: &str, documented: &BTreeSet<String>) {
    for (key, value) in values.as_object().into_iter().flatten() {
        let path = format!("{path}.{key}").trim_start_matches('.').to_owned();
        if !documented.contains(&path) {
            let group = value.as_object().is_some_and(|group| !group.is_empty());
            assert!(group, "{path} has no comment in values.yaml");
            undocumented(value, &path, documented);
        }
    }
}

#[test]
fn values_schema_is_up_to_date() {
    let mut schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    let mut known = BTreeSet::new();
    for value in values() {
        let pointer: String = value
            .path
            .iter()
            .map(|key| format!("/properties/{key}"))
            .collect();
        let property = schema.pointer_mut(&pointer);
        let property = property.unwrap_or_else(|| panic!("{} is not in the schema", value.path.join(".")));
        let property = property.as_object_mut().unwrap();
        property.shift_remove("description");
        property.shift_insert(0, "description".into(), value.text.into());
        known.insert(pointer);
    }
    closed("", &schema, &known);
    up_to_date(
        &file("values.schema.json"),
        &format!("{}\n", serde_json::to_string_pretty(&schema).unwrap()),
    );
    jsonschema::draft202012::meta::validate(&schema).unwrap();
}

/// Every object with known keys takes no others, every property has a text, and none is missing in values.yaml.
fn closed(path: &str, schema: &Value, known: &BTreeSet<String>) {
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        assert_eq!(schema["additionalProperties"], false, "{path}");
        let path = format!("{path}/properties/{key}");
        let of_helm = OF_HELM.iter().any(|key| path == format!("/properties/{key}"));
        let within = known
            .iter()
            .any(|known| path == *known || path.starts_with(&format!("{known}/")));
        let group = known.iter().any(|known| known.starts_with(&format!("{path}/")));
        assert!(of_helm || within || group, "{path} is not in values.yaml");
        assert!(group || property["description"].is_string(), "{path} has no text");
        closed(&path, property, known);
    }
    // The items of a list are within its value.
    if schema["items"].is_object() {
        closed(&format!("{path}/items"), &schema["items"], known);
    }
}

#[test]
fn readme_is_up_to_date() {
    let stored = read("README.md");
    let (prose, _) = stored.split_once(BEGIN).unwrap_or((&stored, ""));
    let mut fresh = format!("{prose}{BEGIN}\n| value | default | what it is |\n|---|---|---|\n");
    for value in values() {
        let default = serde_json::to_string(&value.default).unwrap();
        let cell = |text: &str| text.replace('|', "\\|");
        fresh += &format!(
            "| `{}` | `{}` | {} |\n",
            value.path.join("."),
            cell(&default),
            cell(&value.text)
        );
    }
    up_to_date(&file("README.md"), &fresh);
}
