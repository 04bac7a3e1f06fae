//! `event.poller.urls`, the older form: names of resources, or a line of up to nine fields for each resource.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::Findings;
use super::super::keys::Keys;
use super::super::values::{cut, kind};
use super::{Entry, URLS};
use crate::config::CatalogueEntry;
use crate::config::problem::join;

/// What a line's fields are after the resource's name: where the value belongs in an entry.
const FIELDS: [(&str, &str); 8] = [
    ("", "url"),
    ("", "idField"),
    ("datesConfiguration", "updatedDateField"),
    ("datesConfiguration", "updatedDateFormat"),
    ("datesConfiguration", "updatedDateTimezone"),
    ("datesConfiguration", "createdDateField"),
    ("datesConfiguration", "createdDateFormat"),
    ("datesConfiguration", "createdDateTimezone"),
];

/// The entries the key stands for, in order; none after a problem was noted.
pub(super) fn entries(
    keys: &Keys,
    own: Option<&CatalogueEntry>,
    findings: &mut Findings,
) -> Option<Vec<Entry>> {
    let path = keys.path(URLS);
    let before = findings.problems.len();
    let text = text(keys, &path, findings)?;
    let mut entries = Vec::new();
    let mut unknown = BTreeSet::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let names = names(line);
        let known: Vec<Option<Entry>> = names.iter().map(|name| default(own?, name, &path)).collect();
        let fields = fields(line);
        if known.iter().all(Option::is_some) {
            entries.extend(known.into_iter().flatten());
        } else if fields.get(1).is_some_and(|field| is_url(field)) {
            entries.extend(entry(&path, &fields, findings));
        } else {
            let missing = names.iter().zip(&known).filter(|(_, entry)| entry.is_none());
            unknown.extend(missing.map(|(name, _)| cut(name)));
        }
    }
    if !unknown.is_empty() {
        let unknown: Vec<_> = unknown.into_iter().collect();
        let message = format!(
            "names {:?}, of which no default entry is known",
            cut(&unknown.join(", "))
        );
        findings.problem(path.as_str(), message, remedy(own));
    }
    if entries.is_empty() && findings.problems.len() == before {
        findings.problem(path.as_str(), "names no resource", remedy(own));
    }
    (findings.problems.len() == before).then_some(entries)
}

/// Text, or a list of lines.
fn text(keys: &Keys, path: &str, findings: &mut Findings) -> Option<String> {
    match keys.value(URLS)? {
        Value::String(text) => Some(text),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let lines: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            Some(lines.join("\n"))
        }
        other => {
            let message = format!("is {}, where text is expected", kind(&other));
            findings.problem(path, message, "write event.poller.configuration instead");
            None
        }
    }
}

/// The element's default entry of a resource.
pub(super) fn default(own: &CatalogueEntry, name: &str, path: &str) -> Option<Entry> {
    let value = own.poller.get(name)?.clone();
    Some(Entry {
        path: join(path, name),
        name: name.to_owned(),
        value,
    })
}

fn remedy(own: Option<&CatalogueEntry>) -> String {
    let known: Vec<_> = own
        .into_iter()
        .flat_map(|own| own.poller.keys())
        .map(String::as_str)
        .collect();
    if known.is_empty() {
        "write event.poller.configuration with url and idField of each; the hub prints the element's default entries at \
         GET /elements/KEY/configuration"
            .to_owned()
    } else {
        format!(
            "name some of {}, or write event.poller.configuration with url and idField of each",
            known.join(", ")
        )
    }
}

fn names(line: &str) -> Vec<&str> {
    let names = line.split(['|', ',', ';']).map(str::trim);
    names.filter(|name| !name.is_empty()).collect()
}

/// A second field with a path or a query in it makes a line of fields of it; a list of names has none.
fn is_url(field: &str) -> bool {
    field.starts_with('/') || field.contains(['?', '=', '$'])
}

/// The parts between the `|` of a line; one inside of `${…}` parts nothing.
fn fields(line: &str) -> Vec<&str> {
    let (mut depth, mut dollar, mut start) = (0_usize, false, 0);
    let mut fields = Vec::new();
    for (at, c) in line.char_indices() {
        match c {
            '{' if dollar || depth > 0 => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '|' if depth == 0 => {
                fields.extend(line.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
        dollar = c == '$';
    }
    fields.extend(line.get(start..));
    fields.into_iter().map(str::trim).collect()
}

/// None after a problem was noted.
fn entry(path: &str, fields: &[&str], findings: &mut Findings) -> Option<Entry> {
    let (name, rest) = fields.split_first()?;
    let path = join(path, name);
    if rest.len() > FIELDS.len() {
        findings.problem(
            path,
            format!("the line has {} fields, where nine are the most", fields.len()),
            "write event.poller.configuration, where a value may have a | in it",
        );
        return None;
    }
    let mut entry = Map::new();
    let mut dates = Map::new();
    for ((place, field), text) in FIELDS.iter().zip(rest).filter(|(_, text)| !text.is_empty()) {
        let text = if *field == "idField" {
            id_path(text)
        } else {
            (*text).to_owned()
        };
        let section = if place.is_empty() { &mut entry } else { &mut dates };
        section.insert((*field).to_owned(), json!(text));
    }
    // The element's own poller knew the id; here it counts as blank.
    if rest.len() > 1 {
        entry.entry("idField").or_insert_with(|| json!(""));
    }
    entry.insert("datesConfiguration".to_owned(), Value::Object(dates));
    Some(Entry {
        path,
        name: (*name).to_owned(),
        value: Value::Object(entry),
    })
}

/// An XPath such as `/user/id` or `//id` as a field path; anything else is one already.
pub(super) fn id_path(text: &str) -> String {
    let bare = text.trim_start_matches('/');
    if bare.len() < text.len() || (bare.contains('/') && !bare.contains(['.', '['])) {
        bare.replace('/', ".")
    } else {
        text.to_owned()
    }
}
