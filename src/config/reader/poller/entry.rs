//! One entry: a resource, its url and id, and how its records are filtered.

use std::time::Duration;

use serde_json::{Map, Value};

use super::super::Findings;
use super::super::values::kind;
use super::Entry;
use super::dates;
use super::section::{Section, Sections};
use crate::config::{CatalogueEntry, FieldPath, IdField, ResourceSettings, UrlTemplate};

/// Default of `createdCheckTolerance` (UiPath's documentation of the same engine; Cloud Elements names none).
const CREATED_CHECK_TOLERANCE: Duration = Duration::from_secs(10);

/// What `message.raw` has beside the records, which stand there under the resource's name.
const IN_RAW: [&str; 2] = ["pollDate", "objectType"];

/// None after a problem was noted.
pub(super) fn resource(
    entry: &Entry,
    own: Option<&CatalogueEntry>,
    findings: &mut Findings,
) -> Option<ResourceSettings> {
    if entry.name.is_empty() {
        findings.problem(
            entry.path.as_str(),
            "the resource has no name",
            "name it, as its events are to say in objectType",
        );
        return None;
    }
    if IN_RAW.contains(&entry.name.as_str()) {
        findings.problem(
            entry.path.as_str(),
            "is the name of a field that stands beside the records in notifications",
            "give the resource another name",
        );
        return None;
    }
    let nothing = Map::new();
    let fields = match &entry.value {
        Value::Object(fields) => fields,
        Value::Bool(true) => &nothing,
        Value::Null | Value::Bool(false) => {
            let message = format!("is {}, which neither says how to poll nor not to", entry.value);
            findings.problem(
                entry.path.as_str(),
                message,
                "remove the entry, or write {url: ..., idField: ...}",
            );
            return None;
        }
        other => {
            let message = format!("is {}, where an object is expected", kind(other));
            findings.problem(entry.path.as_str(), message, "write {url: ..., idField: ...}");
            return None;
        }
    };
    let mut sections = Sections::read(&entry.path, fields, findings)?;
    let default = own
        .and_then(|own| own.poller.get(&entry.name))
        .and_then(Value::as_object)
        .and_then(|fields| Sections::read(&entry.path, fields, &mut Findings::default()));
    if let Some(default) = default {
        sections.complete(&default, findings);
    }
    let Sections {
        entry: own_fields,
        dates,
    } = sections;
    if own_fields.has_no_fields() && dates.has_no_fields() {
        findings.problem(
            entry.path.as_str(),
            "is empty, and no default of the element stands in",
            "write its url and idField, or remove the entry",
        );
        return None;
    }
    placeholder_in_name(entry, findings);
    read(entry, &own_fields, &dates, findings)
}

fn read(
    entry: &Entry,
    fields: &Section,
    dates: &Section,
    findings: &mut Findings,
) -> Option<ResourceSettings> {
    let url = url(fields, findings);
    let id_field = id_field(fields, findings);
    let dates = dates::read(fields, dates, findings);
    let filter_by_updated_date = fields.flag("filterByUpdatedDate", findings);
    let filter_by_current_date = fields.flag("filterByCurrentDate", findings);
    let tolerance = fields.seconds("createdCheckTolerance", findings);
    let page_size = fields.page_size(findings);
    let poll_delay = fields.seconds("pollDelay", findings);
    let (updated, created) = dates?;
    let filter_by_updated_date = filter_by_updated_date?.unwrap_or(true);
    if !filter_by_updated_date && created.is_none() {
        findings.warn(
            fields.place("filterByUpdatedDate"),
            "asks to filter by the created date, but there is no createdDateField; the updated date is used",
        );
    }
    let filter_by_current_date = filter_by_current_date?.unwrap_or(false);
    if filter_by_current_date && updated.is_none() && created.is_none() {
        findings.warn(
            fields.place("filterByCurrentDate"),
            "has no effect without a date field in datesConfiguration",
        );
    }
    Some(ResourceSettings {
        name: entry.name.clone(),
        url: url?,
        id_field: id_field?,
        updated,
        created,
        filter_by_updated_date,
        filter_by_current_date,
        created_check_tolerance: tolerance?.unwrap_or(CREATED_CHECK_TOLERANCE),
        page_size: page_size?,
        poll_delay: poll_delay?.unwrap_or(Duration::ZERO),
    })
}

fn url(entry: &Section, findings: &mut Findings) -> Option<UrlTemplate> {
    let path = entry.place("url");
    let Some(text) = entry.text("url", findings)? else {
        let remedy = "write the path to poll, such as /hubs/expense/reports?where=...";
        findings.problem(path, "is missing", remedy);
        return None;
    };
    match UrlTemplate::parse(&text) {
        Err(error) => {
            findings.problem(path, error.to_string(), "correct the macro");
            None
        }
        Ok(template) => {
            for notice in template.notices() {
                findings.warn(path.as_str(), notice);
            }
            if let Some(placeholder) = template
                .placeholder()
                .map(|name| format!("{{{name}}}"))
                .or(left_over(&text))
            {
                let message = format!("has the placeholder {placeholder}; put a real value in its place");
                findings.warn(path.as_str(), message);
            }
            if outside_macros(&text).filter(|c| *c == '\'').count() % 2 == 1 {
                findings.warn(
                    path,
                    "has a quote without its partner outside of macros, and is sent so; add or remove one",
                );
            }
            Some(template)
        }
    }
}

/// The characters that stand in no `${…}`.
fn outside_macros(text: &str) -> impl Iterator<Item = char> + '_ {
    let mut depth = 0_usize;
    let mut dollar = false;
    text.chars().filter(move |c| {
        match c {
            '{' if dollar || depth > 0 => depth += 1,
            '}' if depth > 0 => depth -= 1,
            _ => {}
        }
        dollar = *c == '$';
        depth == 0
    })
}

/// What template languages and documentation leave to be filled in: `{{page.object}}`, `<INSERT_objectName>`.
fn left_over(text: &str) -> Option<String> {
    let between = |open: &str, close: &str| {
        let (_, after) = text.split_once(open)?;
        let (name, _) = after.split_once(close)?;
        Some(format!("{open}{name}{close}"))
    };
    between("{{", "}}")
        .or_else(|| between("<INSERT", ">"))
        .or_else(|| between("<YOUR", ">"))
}

fn placeholder_in_name(entry: &Entry, findings: &mut Findings) {
    if let Some(placeholder) = left_over(&entry.name) {
        let message = format!(
            "the name is the placeholder {placeholder}, and events would say so; write the resource's name"
        );
        findings.warn(entry.path.as_str(), message);
    }
}

/// `idField`; a leftover `xPath` stands in for a missing one, being its older name.
fn id_field(entry: &Section, findings: &mut Findings) -> Option<IdField> {
    let path = entry.place("idField");
    let remedy = "write the name of the field that holds a record's id, such as ID";
    let x_path = entry.text("xPath", findings)?;
    let text = match (entry.text("idField", findings)?, x_path) {
        (Some(id), Some(x_path)) => {
            if id != x_path {
                findings.warn(entry.place("xPath"), "has no effect beside idField; remove it");
            }
            id
        }
        (Some(id), None) => id,
        (None, Some(x_path)) => {
            findings.warn(entry.place("xPath"), "is read as idField, its newer name");
            super::legacy::id_path(&x_path)
        }
        (None, None) => {
            if entry.mentions("idField") {
                let message = "is blank, so a record is named by its field id, in any case, or where it has none by its \
                               content, so that a changed record is a new object; write the name of the field";
                findings.warn(path, message);
                return Some(IdField::Blank);
            }
            findings.problem(path, "is missing", remedy);
            return None;
        }
    };
    match FieldPath::parse(&text) {
        Ok(field) => Some(IdField::Path(field)),
        Err(error) => {
            findings.problem(path, error.to_string(), remedy);
            None
        }
    }
}
