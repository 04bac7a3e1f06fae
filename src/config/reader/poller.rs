//! `event.poller.configuration`: what to poll.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::Findings;
use super::keys::{Keys, repeated_names};
use super::values::{self, cut, kind};
use crate::api::nearest;
use crate::config::problem::join;
use crate::config::{DateField, DatePattern, FieldPath, ResourceSettings, UrlTemplate, zone};

const KEY: &str = "event.poller.configuration";
/// Default of `createdCheckTolerance` (UiPath's documentation of the same engine; Cloud Elements names none).
const CREATED_CHECK_TOLERANCE: Duration = Duration::from_secs(10);

/// What `message.raw` has beside the records, which stand there under the resource's name.
const IN_RAW: [&str; 2] = ["pollDate", "objectType"];

/// Fields of an entry.
const FIELDS: &[&str] = &[
    "url",
    "idField",
    "datesConfiguration",
    "filterByUpdatedDate",
    "filterByUpdateDate",
    "filterByCurrentDate",
    "createdCheckTolerance",
    "pageSize",
    "pollDelay",
    "updatedDateTimezone",
];

/// Fields of `datesConfiguration`; the tolerance stands there in one of the vendor's own examples.
const DATE_FIELDS: &[&str] = &[
    "updatedDateField",
    "updatedDateFormat",
    "updatedDateTimezone",
    "createdDateField",
    "createdDateFormat",
    "createdDateTimezone",
    "createdCheckTolerance",
];

/// All entries in configuration order; none after a problem was noted.
pub(super) fn resources(keys: &Keys, findings: &mut Findings) -> Option<Vec<ResourceSettings>> {
    let path = keys.path(KEY);
    let entries = entries(keys, &path, findings)?;
    let read: Vec<_> = entries
        .iter()
        .map(|(name, entry)| resource(&path, name, entry, findings))
        .collect();
    read.into_iter().collect()
}

fn entries(keys: &Keys, path: &str, findings: &mut Findings) -> Option<Map<String, Value>> {
    let remedy = "name at least one resource, such as reports: {url: ..., idField: ID}";
    let value = match keys.value(KEY) {
        Some(Value::String(text)) if text.trim().is_empty() => Value::Null,
        Some(Value::String(text)) => match serde_json::from_str(&text) {
            Ok(value) => {
                for name in repeated_names(&text) {
                    findings.problem(
                        join(path, &name),
                        "stands there twice",
                        "remove or rename one of them",
                    );
                }
                value
            }
            Err(error) => {
                let remedy = "mend the JSON, or write the poller configuration as an object";
                findings.problem(path, format!("is no valid JSON: {error}"), remedy);
                return None;
            }
        },
        Some(value) => value,
        None => Value::Null,
    };
    match value {
        Value::Null => {
            keys.missing(KEY, "is missing, so there is nothing to poll", remedy, findings);
            None
        }
        Value::Object(map) if map.is_empty() => {
            findings.problem(path, "is empty, so there is nothing to poll", remedy);
            None
        }
        Value::Object(map) => Some(map),
        other => {
            let message = format!("is {}, where an object is expected", kind(&other));
            findings.problem(path, message, remedy);
            None
        }
    }
}

fn resource(parent: &str, name: &str, value: &Value, findings: &mut Findings) -> Option<ResourceSettings> {
    let path = join(parent, name);
    if name.trim().is_empty() {
        findings.problem(
            path.as_str(),
            "the resource has no name",
            "name it, as its events are to say in objectType",
        );
        return None;
    }
    if IN_RAW.contains(&name) {
        findings.problem(
            path.as_str(),
            "is the name of a field that stands beside the records in notifications",
            "give the resource another name",
        );
        return None;
    }
    let Value::Object(fields) = value else {
        let message = format!("is {}, where an object is expected", kind(value));
        findings.problem(path, message, "write {url: ..., idField: ...}");
        return None;
    };
    let empty = Map::new();
    let entry = Section { path, fields };
    entry.warn_unknown(FIELDS, findings);
    let dates_path = join(&entry.path, "datesConfiguration");
    let dates = match fields.get("datesConfiguration") {
        None | Some(Value::Null) => Some(Section {
            path: dates_path,
            fields: &empty,
        }),
        Some(Value::Object(fields)) => Some(Section {
            path: dates_path,
            fields,
        }),
        Some(other) => {
            let message = format!("is {}, where an object is expected", kind(other));
            findings.problem(
                dates_path,
                message,
                "write {updatedDateField: ..., updatedDateFormat: ...}",
            );
            None
        }
    };
    let url = url(&entry, findings);
    let id_field = id_field(&entry, findings);
    let dates = dates.and_then(|dates| {
        dates.warn_unknown(DATE_FIELDS, findings);
        let read = read_dates(&entry, &dates, findings)?;
        Some((read, dates.seconds("createdCheckTolerance", findings)?))
    });
    let filter_by_updated_date = entry.flag("filterByUpdatedDate", findings);
    let filter_by_update_date = entry.flag("filterByUpdateDate", findings);
    let filter_by_current_date = entry.flag("filterByCurrentDate", findings);
    let tolerance = entry.seconds("createdCheckTolerance", findings);
    let page_size = entry.page_size(findings);
    let poll_delay = entry.seconds("pollDelay", findings);
    let ((updated, created), misplaced_tolerance) = dates?;
    Some(ResourceSettings {
        name: name.to_owned(),
        url: url?,
        id_field: id_field?,
        updated,
        created,
        filter_by_updated_date: filter_by_updated_date?.or(filter_by_update_date?).unwrap_or(true),
        filter_by_current_date: filter_by_current_date?.unwrap_or(false),
        created_check_tolerance: tolerance?
            .or(misplaced_tolerance)
            .unwrap_or(CREATED_CHECK_TOLERANCE),
        page_size: page_size?,
        poll_delay: poll_delay?.unwrap_or(Duration::ZERO),
    })
}

fn url(entry: &Section, findings: &mut Findings) -> Option<UrlTemplate> {
    let path = join(&entry.path, "url");
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
            if let Some(placeholder) = template.placeholder() {
                findings.warn(
                    path,
                    format!("has the placeholder {{{placeholder}}}; put a real value in its place"),
                );
            }
            Some(template)
        }
    }
}

fn id_field(entry: &Section, findings: &mut Findings) -> Option<FieldPath> {
    let path = join(&entry.path, "idField");
    let remedy = "write the name of the field that holds a record's id, such as ID";
    match entry.text("idField", findings)? {
        None if entry.fields.contains_key("idField") => findings.problem(path, "is empty", remedy),
        None => findings.problem(path, "is missing", remedy),
        Some(text) => match FieldPath::parse(&text) {
            Ok(field) => return Some(field),
            Err(error) => findings.problem(path, error.to_string(), remedy),
        },
    }
    None
}

type Dates = (Option<DateField>, Option<DateField>);

/// What the created date lacks it takes from the updated one: the same API prints both.
fn read_dates(entry: &Section, dates: &Section, findings: &mut Findings) -> Option<Dates> {
    let entry_zone = entry.zone("updatedDateTimezone", findings);
    let updated_zone = dates.zone("updatedDateTimezone", findings);
    let created_zone = dates.zone("createdDateTimezone", findings);
    let updated_format = dates.text("updatedDateFormat", findings);
    let created_format = dates.text("createdDateFormat", findings);
    let updated_field = dates.field("updatedDateField", findings);
    let created_field = dates.field("createdDateField", findings);

    let updated_pattern = pattern(
        dates,
        "updatedDateFormat",
        &updated_field,
        updated_format.as_ref()?.as_deref(),
        findings,
    );
    let created_text = created_format?.or(updated_format?);
    let created_pattern = pattern(
        dates,
        "createdDateFormat",
        &created_field,
        created_text.as_deref(),
        findings,
    );
    let updated_zone = updated_zone?.or(entry_zone?);
    let created_zone = created_zone?.or_else(|| updated_zone.clone());
    let date_field = |field: Option<FieldPath>, pattern: Option<DatePattern>, zone: Option<TimeZone>| {
        Some(DateField::new(field?, pattern?, zone.unwrap_or_else(zone::gmt)))
    };
    Some((
        date_field(updated_field?, updated_pattern?, updated_zone),
        date_field(created_field?, created_pattern?, created_zone),
    ))
}

/// The pattern of a date whose field is given; the outer none after a problem was noted.
fn pattern(
    dates: &Section,
    name: &str,
    field: &Option<Option<FieldPath>>,
    text: Option<&str>,
    findings: &mut Findings,
) -> Option<Option<DatePattern>> {
    if !matches!(field, Some(Some(_))) {
        return Some(None);
    }
    let path = join(&dates.path, name);
    let remedy =
        "write how the field's dates are printed, such as yyyy-MM-dd'T'HH:mm:ss.SSS, or milliseconds";
    match text.map(DatePattern::parse) {
        None => findings.problem(path, "is missing", remedy),
        Some(Err(error)) => findings.problem(path, error.to_string(), "correct the format"),
        Some(Ok(pattern)) if !pattern.has_year() => findings.problem(path, "has no year in it", remedy),
        Some(Ok(pattern)) => return Some(Some(pattern)),
    }
    None
}

/// One object of the poller configuration; its readers give the outer none after a problem was noted.
struct Section<'a> {
    path: String,
    fields: &'a Map<String, Value>,
}

impl Section<'_> {
    fn warn_unknown(&self, known: &[&'static str], findings: &mut Findings) {
        for name in self.fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let hint = nearest(name, known.iter().copied()).map(|near| format!("; did you mean {near}?"));
            let message = format!("is no known field and has no effect{}", hint.unwrap_or_default());
            findings.warn(join(&self.path, name), message);
        }
    }

    /// A scalar as text, without white space around it; absent, null and empty are the same.
    fn text(&self, name: &str, findings: &mut Findings) -> Option<Option<String>> {
        let Some(value) = self.fields.get(name) else {
            return Some(None);
        };
        match values::scalar(value) {
            Some(text) => Some(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            None => {
                let message = format!("is {}, where text is expected", kind(value));
                findings.problem(join(&self.path, name), message, "write it as text");
                None
            }
        }
    }

    fn converted<T>(
        &self,
        name: &str,
        findings: &mut Findings,
        convert: impl Fn(&str) -> Option<T>,
        remedy: &str,
    ) -> Option<Option<T>> {
        let Some(text) = self.text(name, findings)? else {
            return Some(None);
        };
        let converted = convert(&text);
        if converted.is_none() {
            findings.problem(join(&self.path, name), format!("is {:?}", cut(&text)), remedy);
        }
        converted.map(Some)
    }

    fn flag(&self, name: &str, findings: &mut Findings) -> Option<Option<bool>> {
        self.converted(name, findings, values::flag, "write true or false")
    }

    fn seconds(&self, name: &str, findings: &mut Findings) -> Option<Option<Duration>> {
        self.converted(
            name,
            findings,
            |text| values::decimal(text, 1),
            "write a number of seconds, 0 or more",
        )
    }

    fn page_size(&self, findings: &mut Findings) -> Option<Option<u32>> {
        let whole = |text: &str| {
            text.strip_suffix(".0")
                .unwrap_or(text)
                .parse::<u32>()
                .ok()
                .filter(|size| *size >= 1)
        };
        self.converted(
            "pageSize",
            findings,
            whole,
            "write a whole number of records, 1 or more",
        )
    }

    fn field(&self, name: &str, findings: &mut Findings) -> Option<Option<FieldPath>> {
        let Some(text) = self.text(name, findings)? else {
            return Some(None);
        };
        match FieldPath::parse(&text) {
            Ok(field) => Some(Some(field)),
            Err(error) => {
                let remedy = "write the name of the field, or a path such as meta.updated";
                findings.problem(join(&self.path, name), error.to_string(), remedy);
                None
            }
        }
    }

    fn zone(&self, name: &str, findings: &mut Findings) -> Option<Option<TimeZone>> {
        let Some(text) = self.text(name, findings)? else {
            return Some(None);
        };
        match zone::parse(&text) {
            Ok(zone) => Some(Some(zone)),
            Err(error) => {
                findings.problem(
                    join(&self.path, name),
                    error.to_string(),
                    "correct or remove the time zone",
                );
                None
            }
        }
    }
}
