//! What to poll: the entries of `event.poller.configuration`, or what stands in for it.

mod dates;
mod entry;
mod legacy;
mod section;
mod text;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Findings;
use super::keys::Keys;
use super::values::{cut, kind};
use crate::config::problem::join;
use crate::config::{CatalogueEntry, ResourceSettings};

#[cfg(test)]
pub(super) use section::{DATE_FIELDS, FIELDS, WITHOUT_EFFECT};

const KEY: &str = "event.poller.configuration";
const URLS: &str = "event.poller.urls";
const OBJECTS: &str = "event.objects";

/// A resource's name, where its entry stands, and the entry.
struct Entry {
    path: String,
    name: String,
    value: Value,
}

/// All entries in configuration order; none after a problem was noted. `own` is none through a hub.
pub(super) fn resources(
    keys: &Keys,
    own: Option<&CatalogueEntry>,
    findings: &mut Findings,
) -> Option<Vec<ResourceSettings>> {
    let entries = entries(keys, own, findings)?;
    let objects = objects(keys);
    let before = findings.problems.len();
    let mut names = BTreeSet::new();
    let mut resources = Vec::new();
    let mut add = |entry: &Entry, findings: &mut Findings| {
        if names.insert(entry.name.clone()) {
            resources.extend(entry::resource(entry, own, findings));
        } else {
            findings.problem(
                entry.path.as_str(),
                format!("there are two entries for {:?}", cut(&entry.name)),
                "remove or rename one of them",
            );
        }
    };
    for entry in &entries {
        let Some(place) = template(entry) else {
            add(entry, findings);
            continue;
        };
        if !can_expand(entry, &place, &objects, findings) {
            continue;
        }
        findings.warn(
            entry.path.as_str(),
            format!(
                "is a template, and read once for each object of {}",
                keys.path(OBJECTS)
            ),
        );
        for object in &objects {
            add(&filled(entry, object), findings);
        }
    }
    // Every entry gives a resource or a problem; without entries there was a problem before.
    (findings.problems.len() == before && !resources.is_empty()).then_some(resources)
}

/// The first of these that says something: the poller configuration, `event.poller.urls`, entries that stand directly
/// under `configuration`, `event.objects`, the element's default.
fn entries(keys: &Keys, own: Option<&CatalogueEntry>, findings: &mut Findings) -> Option<Vec<Entry>> {
    let path = keys.path(KEY);
    let configured = configured(keys, &path, findings)?;
    let urls_path = keys.path(URLS);
    let has_urls = keys.is_given(URLS);
    let has_objects = keys.is_given(OBJECTS);
    if let Some(map) = configured {
        if has_urls {
            findings.warn(
                urls_path,
                "has no effect beside event.poller.configuration; remove it",
            );
        }
        unused_strays(keys, findings);
        let templates = || map.iter().any(|(name, value)| is_template(name, value));
        if has_objects && !templates() {
            unused_objects(keys, findings);
        }
        return Some(
            map.into_iter()
                .map(|(name, value)| entry(&path, name, value, findings))
                .collect(),
        );
    }
    if has_urls {
        unused_strays(keys, findings);
        if has_objects {
            unused_objects(keys, findings);
        }
        return legacy::entries(keys, own, findings);
    }
    if !keys.strays().is_empty() {
        let entries = keys.strays().iter().map(|(name, value)| {
            let place = keys.path(name);
            findings.warn(
                place.as_str(),
                "stands directly under configuration and is read as an entry of event.poller.configuration; move it there",
            );
            Entry { path: place, name: (*name).trim().to_owned(), value: (*value).clone() }
        });
        return Some(entries.collect());
    }
    if let (true, Some(own)) = (has_objects, own) {
        let objects = objects(keys);
        let known: Option<Vec<Entry>> = objects
            .iter()
            .map(|name| legacy::default(own, name, &keys.path(OBJECTS)))
            .collect();
        if let Some(entries) = known.filter(|entries| !entries.is_empty()) {
            findings.warn(
                keys.path(OBJECTS),
                "is read as the names of resources, each with the element's default entry; write event.poller.configuration",
            );
            return Some(entries);
        }
    }
    let by_default: Vec<Entry> = own
        .into_iter()
        .flat_map(|own| own.polled_by_default.iter().map(move |name| (own, name)))
        .filter_map(|(own, name)| legacy::default(own, name, &path))
        .collect();
    if !by_default.is_empty() && !has_objects {
        let names: Vec<_> = by_default.iter().map(|entry| entry.name.as_str()).collect();
        findings.warn(
            path.as_str(),
            format!(
                "is missing; the element's default is polled, which is {}",
                names.join(", ")
            ),
        );
        return Some(by_default);
    }
    keys.missing(
        KEY,
        "is missing, so there is nothing to poll",
        &remedy(keys, own),
        findings,
    );
    None
}

fn entry(parent: &str, name: String, value: Value, findings: &mut Findings) -> Entry {
    let path = join(parent, &name);
    let trimmed = name.trim();
    if trimmed != name && !trimmed.is_empty() {
        findings.warn(
            path.as_str(),
            format!("has blanks around its name, and is read as {trimmed:?}"),
        );
    }
    Entry {
        path,
        name: trimmed.to_owned(),
        value,
    }
}

/// The poller configuration, the inner none where it is missing or empty; the outer none after a problem was noted.
fn configured(keys: &Keys, path: &str, findings: &mut Findings) -> Option<Option<Map<String, Value>>> {
    let value = text::unwrapped(keys.value(KEY).unwrap_or(Value::Null), KEY, path, findings)?;
    match value {
        Value::Null => Some(None),
        Value::Object(map) => Some(Some(map).filter(|map| !map.is_empty())),
        other => {
            let message = format!("is {}, where an object is expected", kind(&other));
            findings.problem(path, message, EXAMPLE);
            None
        }
    }
}

const EXAMPLE: &str = "name at least one resource, such as reports: {url: ..., idField: ID}";

/// What to do where nothing says what to poll.
fn remedy(keys: &Keys, own: Option<&CatalogueEntry>) -> String {
    let mut remedy = EXAMPLE.to_owned();
    if own.is_none() {
        remedy.push_str(
            "; the hub prints the element's default at GET /elements/KEY/configuration, as defaultValue of \
             event.poller.configuration",
        );
    }
    for key in [OBJECTS, "event.metadata"] {
        if keys.is_given(key) {
            remedy.push_str(&format!(
                "; {key} names objects, not how to poll them, so write an entry for each"
            ));
        }
    }
    remedy
}

fn unused_strays(keys: &Keys, findings: &mut Findings) {
    for (name, _) in keys.strays() {
        findings.warn(
            keys.path(name),
            "looks like an entry of event.poller.configuration, but stands outside it and is not polled; move it there, \
             or remove it",
        );
    }
}

fn unused_objects(keys: &Keys, findings: &mut Findings) {
    findings.warn(
        keys.path(OBJECTS),
        "has no effect: it names the objects a vendor's own watcher reports, and what is polled stands in \
         event.poller.configuration; write an entry for each object there",
    );
}

/// The names in `event.objects`: comma separated text, or a list.
fn objects(keys: &Keys) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |text: &str| {
        let found = text.split([',', ';', '|', '\n']).map(str::trim);
        names.extend(found.filter(|name| !name.is_empty()).map(str::to_owned));
    };
    match keys.value(OBJECTS) {
        Some(Value::String(text)) => add(&text),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).for_each(add),
        _ => {}
    }
    names
}

const OBJECT_NAME: &str = "{objectName}";
/// Bounds of what a template may grow to.
const MOST_OBJECTS: usize = 500;
const LONGEST_OBJECT: usize = 200;
const LONGEST_TEMPLATE: usize = 4_000;

fn is_template(name: &str, value: &Value) -> bool {
    let url = value.get("url").and_then(Value::as_str).unwrap_or_default();
    name.contains(OBJECT_NAME) || url.contains(OBJECT_NAME)
}

/// Where `{objectName}` stands in an entry.
fn template(entry: &Entry) -> Option<String> {
    let in_name = entry.name.contains(OBJECT_NAME);
    is_template(&entry.name, &entry.value).then(|| {
        if in_name {
            entry.path.clone()
        } else {
            join(&entry.path, "url")
        }
    })
}

/// Whether a template can be filled in, and stays small; else a problem was noted.
fn can_expand(entry: &Entry, place: &str, objects: &[String], findings: &mut Findings) -> bool {
    let url = entry.value.get("url").and_then(Value::as_str).unwrap_or_default();
    let longest = objects.iter().map(String::len).max().unwrap_or(0);
    let message = if objects.is_empty() {
        "is a template for {objectName}, and nothing names the objects".to_owned()
    } else if objects.len() > MOST_OBJECTS {
        format!(
            "is a template for {} objects, where {MOST_OBJECTS} are the most",
            objects.len()
        )
    } else if entry.name.len().max(url.len()) > LONGEST_TEMPLATE || longest > LONGEST_OBJECT {
        format!(
            "is a template of more than {LONGEST_TEMPLATE} bytes, or has an object of more than {LONGEST_OBJECT}"
        )
    } else {
        return true;
    };
    findings.problem(
        place,
        message,
        "put the object's name in its place, or name the objects in event.objects",
    );
    false
}

/// The entry of one object, its name in the place of `{objectName}`.
fn filled(entry: &Entry, object: &str) -> Entry {
    let mut value = entry.value.clone();
    if let Some(Value::String(url)) = value.get_mut("url") {
        *url = url.replace(OBJECT_NAME, object);
    }
    let name = if entry.name.contains(OBJECT_NAME) {
        entry.name.replace(OBJECT_NAME, object)
    } else {
        object.to_owned()
    };
    Entry {
        path: entry.path.clone(),
        name,
        value,
    }
}
