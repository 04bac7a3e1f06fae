//! The fields of an entry by their right names, whatever their case and whichever of the two objects they stand in.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::super::Findings;
use super::super::values::{self, cut, kind};
use crate::api::nearest;
use crate::config::problem::join;
use crate::config::{FieldPath, zone};

/// Fields of an entry.
pub(in super::super) const FIELDS: &[&str] = &[
    "url",
    "idField",
    DATES,
    "filterByUpdatedDate",
    "filterByCurrentDate",
    "createdCheckTolerance",
    "pageSize",
    "pollDelay",
    "updatedDateTimezone",
    "xPath",
];

/// Fields of `datesConfiguration`.
pub(in super::super) const DATE_FIELDS: &[&str] = &[
    "updatedDateField",
    "updatedDateFormat",
    "updatedDateTimezone",
    "createdDateField",
    "createdDateFormat",
    "createdDateTimezone",
];

/// Fields that UiPath's descendant of the engine knows.
pub(in super::super) const WITHOUT_EFFECT: &[&str] = &[
    "batchSize",
    "objectName",
    "parameters",
    "postHooks",
    "postHookPipelines",
    "useHydrationBeforePostHooks",
    "useLastPollDate",
];

const DATES: &str = "datesConfiguration";

/// Other words for a field: the archived documentation's own slip.
const ALIASES: &[(&str, &str)] = &[("filterByUpdateDate", "filterByUpdatedDate")];

/// One object of an entry; its readers give the outer none after a problem was noted.
pub(super) struct Section {
    path: String,
    fields: BTreeMap<&'static str, Field>,
}

#[derive(Clone)]
struct Field {
    /// Where it stands, as written.
    path: String,
    value: Value,
}

/// An entry's own fields, and those of its dates.
pub(super) struct Sections {
    pub(super) entry: Section,
    pub(super) dates: Section,
}

impl Sections {
    /// Sorts the fields of the entry at `path`; none after a problem was noted.
    pub(super) fn read(path: &str, fields: &Map<String, Value>, findings: &mut Findings) -> Option<Self> {
        let before = findings.problems.len();
        let dates_path = join(path, DATES);
        let mut sections = Sections {
            entry: Section::new(path.to_owned()),
            dates: Section::new(dates_path),
        };
        for (name, value) in fields {
            sections.place(path, name, value, false, findings);
        }
        match sections.entry.fields.remove(DATES) {
            None => {}
            Some(Field {
                path,
                value: Value::Object(dates),
            }) => {
                for (name, value) in &dates {
                    sections.place(&path, name, value, true, findings);
                }
                sections.dates.path = path;
            }
            Some(field) if is_blank(&field.value) => {}
            Some(field) => findings.problem(
                field.path,
                format!("is {}, where an object is expected", kind(&field.value)),
                "write {updatedDateField: ..., updatedDateFormat: ...}",
            ),
        }
        (findings.problems.len() == before).then_some(sections)
    }

    fn place(&mut self, parent: &str, name: &str, value: &Value, in_dates: bool, findings: &mut Findings) {
        let path = join(parent, name);
        let own = if in_dates { DATE_FIELDS } else { FIELDS };
        let other = if in_dates { FIELDS } else { DATE_FIELDS };
        let (field, misplaced) = match (spelled(name, own), spelled(name, other)) {
            (Some(field), _) => (field, false),
            (None, Some(field)) if field != DATES => (field, true),
            _ => return unknown(path, name, value, findings),
        };
        let mut slips = Vec::new();
        if misplaced && in_dates {
            slips.push(
                "stands in datesConfiguration, belongs beside it, and is read as if it stood there"
                    .to_owned(),
            );
        } else if misplaced {
            slips.push("belongs into datesConfiguration, and is read as if it stood there".to_owned());
        }
        if name != field {
            slips.push(format!("is read as {field}"));
        }
        if !slips.is_empty() {
            findings.warn(path.as_str(), slips.join("; "));
        }
        let section = if in_dates == misplaced {
            &mut self.entry
        } else {
            &mut self.dates
        };
        section.insert(field, path, value, findings);
    }

    /// Takes what is missing from the element's default entry: all of it where the entry has no url, else the id alone.
    pub(super) fn complete(&mut self, default: &Sections, findings: &mut Findings) {
        let whole = !self.entry.has("url");
        let mut taken = self
            .entry
            .take_missing(&default.entry, |field| whole || field == "idField");
        if whole && self.dates.is_empty() && !default.dates.is_empty() {
            self.dates.take_missing(&default.dates, |_| true);
            taken.push(DATES);
        }
        if !taken.is_empty() {
            let message = format!("takes {} from the element's default entry", taken.join(", "));
            findings.warn(self.entry.path.as_str(), message);
        }
    }
}

fn unknown(path: String, name: &str, value: &Value, findings: &mut Findings) {
    if values::is_entry(value) {
        findings.problem(
            path,
            "is an entry inside another one",
            "close the braces of the entry around it first, so that both stand side by side",
        );
    } else if let Some(field) = spelled(name, WITHOUT_EFFECT) {
        findings.warn(
            path,
            format!("has no effect; {field} belongs to UiPath Integration Service"),
        );
    } else {
        let known = FIELDS.iter().chain(DATE_FIELDS).copied();
        let hint = nearest(name, known).map(|near| format!("; did you mean {near}?"));
        let message = format!("is no known field and has no effect{}", hint.unwrap_or_default());
        findings.warn(path, message);
    }
}

/// The field that a name spells but for case, blanks, `_` and `-`.
fn spelled(name: &str, fields: &[&'static str]) -> Option<&'static str> {
    let bare = |text: &str| {
        let kept = text
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-'));
        kept.flat_map(char::to_lowercase).collect::<String>()
    };
    let wanted = bare(name);
    let alias = ALIASES.iter().find(|(alias, _)| bare(alias) == wanted);
    let wanted = alias.map_or(wanted, |(_, field)| bare(field));
    fields.iter().find(|field| bare(field) == wanted).copied()
}

/// Null, or nothing but white space.
fn is_blank(value: &Value) -> bool {
    values::scalar(value).is_some_and(|text| text.trim().is_empty())
}

impl Section {
    fn new(path: String) -> Self {
        Self {
            path,
            fields: BTreeMap::new(),
        }
    }

    /// Where `name` stands, or would stand.
    pub(super) fn place(&self, name: &str) -> String {
        self.fields
            .get(name)
            .map_or_else(|| join(&self.path, name), |field| field.path.clone())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|field| !is_blank(&field.value))
    }

    /// The field stands there, be it blank.
    pub(super) fn mentions(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fields.values().all(|field| is_blank(&field.value))
    }

    /// Not even a blank field stands there.
    pub(super) fn has_no_fields(&self) -> bool {
        self.fields.is_empty()
    }

    fn insert(&mut self, name: &'static str, path: String, value: &Value, findings: &mut Findings) {
        match self.fields.get(name) {
            Some(first) if is_blank(value) || same(&first.value, value) => {}
            Some(first) if !is_blank(&first.value) => {
                let message = format!("differs from {}, and both are read as {name}", first.path);
                findings.problem(path, message, "remove one of the two");
            }
            _ => {
                self.fields.insert(
                    name,
                    Field {
                        path,
                        value: value.clone(),
                    },
                );
            }
        }
    }

    fn take_missing(&mut self, default: &Section, wanted: impl Fn(&str) -> bool) -> Vec<&'static str> {
        let mut taken = Vec::new();
        for (name, field) in &default.fields {
            if wanted(name) && !self.has(name) && !is_blank(&field.value) {
                let field = Field {
                    path: join(&self.path, name),
                    value: field.value.clone(),
                };
                self.fields.insert(name, field);
                taken.push(*name);
            }
        }
        taken
    }

    /// A scalar as text, without white space around it; absent, null and empty are the same.
    pub(super) fn text(&self, name: &str, findings: &mut Findings) -> Option<Option<String>> {
        let Some(field) = self.fields.get(name) else {
            return Some(None);
        };
        match values::scalar(&field.value) {
            Some(text) => Some(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            None => {
                let message = format!("is {}, where text is expected", kind(&field.value));
                findings.problem(field.path.as_str(), message, "write it as text");
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
            findings.problem(self.place(name), format!("is {:?}", cut(&text)), remedy);
        }
        converted.map(Some)
    }

    pub(super) fn flag(&self, name: &str, findings: &mut Findings) -> Option<Option<bool>> {
        self.converted(name, findings, values::flag, "write true or false")
    }

    pub(super) fn seconds(&self, name: &str, findings: &mut Findings) -> Option<Option<Duration>> {
        let seconds = |text: &str| values::decimal(text, 1);
        self.converted(name, findings, seconds, "write a number of seconds, 0 or more")
    }

    pub(super) fn page_size(&self, findings: &mut Findings) -> Option<Option<u32>> {
        let whole = |text: &str| {
            let digits = text.strip_suffix(".0").unwrap_or(text);
            digits.parse::<u32>().ok().filter(|size| *size >= 1)
        };
        self.converted(
            "pageSize",
            findings,
            whole,
            "write a whole number of records, 1 or more",
        )
    }

    pub(super) fn field(&self, name: &str, findings: &mut Findings) -> Option<Option<FieldPath>> {
        let Some(text) = self.text(name, findings)? else {
            return Some(None);
        };
        match FieldPath::parse(&text) {
            Ok(field) => Some(Some(field)),
            Err(error) => {
                let remedy = "write the name of the field, or a path such as meta.updated";
                findings.problem(self.place(name), error.to_string(), remedy);
                None
            }
        }
    }

    pub(super) fn zone(&self, name: &str, findings: &mut Findings) -> Option<Option<TimeZone>> {
        let Some(text) = self.text(name, findings)? else {
            return Some(None);
        };
        match zone::parse(&text) {
            Ok(zone) => Some(Some(zone)),
            Err(error) => {
                let remedy = "correct or remove the time zone";
                findings.problem(self.place(name), error.to_string(), remedy);
                None
            }
        }
    }
}

/// Equal, or scalars of the same text.
fn same(a: &Value, b: &Value) -> bool {
    let text = |value| values::scalar(value).map(|text| text.trim().to_owned());
    a == b || text(a).is_some_and(|a| Some(a) == text(b))
}
