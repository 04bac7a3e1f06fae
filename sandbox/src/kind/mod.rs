//! How each resource of the API differs from the others: a table for each, one file each.

mod allocations;
mod collections;
mod entries;
mod invoices;
mod lists;
mod reports;
mod requests;
mod users;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::fault::Target;
use crate::knobs::Knobs;
use crate::problem::Dialect;
use crate::random::{Random, rank};
use crate::resource::Resource;
use crate::store::{Shown, Version};

/// A date that filters look at.
#[derive(Clone, Copy)]
pub(crate) enum DateOf {
    Created,
    Modified,
    /// A field that commands set.
    Field(&'static str),
    /// The same, and the creation date until it is set.
    FieldOrCreated(&'static str),
    /// None: the filter is checked and then ignored.
    Nothing,
}

impl DateOf {
    /// The date of a version; `None` if it is null or unreadable.
    pub(crate) fn read(self, version: &Version) -> Option<Timestamp> {
        let set = |name: &str| version.fields.get(name);
        let parse = |value: &Value| value.as_str()?.parse().ok();
        match self {
            DateOf::Created => Some(version.created),
            DateOf::Modified => Some(version.modified),
            DateOf::Field(name) => parse(set(name)?),
            DateOf::FieldOrCreated(name) => set(name).map_or(Some(version.created), parse),
            DateOf::Nothing => None,
        }
    }
}

/// What the dates in a query look like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FilterDate {
    /// `yyyy-MM-dd` or `yyyy-MM-ddTHH:mm:ss.SSS`, in the zone of the knob.
    V3,
    /// `yyyy-MM-dd`, compared by day.
    Day,
    /// `yyyy-MM-dd` or `yyyy-MM-ddTHH:mm:ssZ`, always UTC.
    Zulu,
}

/// Whose records a listing shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The token owner's, or those of the parameter `user`.
    User,
    /// The token owner's, or those of the parameter `userId`, which a company token must give.
    UserId,
    /// All of the company.
    Company,
}

/// How a listing is cut into pages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paging {
    /// `limit` and `offset`, the next page as a complete URI.
    NextPage { total: bool },
    /// `limit` and `start`, links with a relation.
    Operations,
    /// `page`, counted from 1.
    Numbers,
    /// `count` and `cursor`.
    Cursor,
}

/// Records of a page.
pub(crate) struct Limits {
    pub(crate) default: usize,
    pub(crate) most: usize,
}

/// One resource of the API.
pub(crate) struct Kind {
    pub(crate) resource: Resource,
    pub(crate) target: Target,
    pub(crate) path: &'static str,
    /// Scopes one of which the token needs.
    pub(crate) scopes: &'static [&'static str],
    pub(crate) dialect: Dialect,
    /// Names of a listing and a record in XML, where the API speaks it.
    pub(crate) xml: Option<(&'static str, &'static str)>,
    /// Where a listing has its records.
    pub(crate) items: fn(&Knobs) -> &'static str,
    pub(crate) whose: Whose,
    /// The field that, if set, says who owns the record.
    pub(crate) owner_field: &'static str,
    /// The field that the command `create` calls name.
    pub(crate) name_field: &'static str,
    /// Pairs of parameters `…After` and `…Before`.
    pub(crate) dates: &'static [(&'static str, DateOf)],
    pub(crate) filter_date: FilterDate,
    /// Parameters and the field each compares; lists are comma-separated.
    pub(crate) texts: &'static [(&'static str, &'static str)],
    pub(crate) paging: Paging,
    pub(crate) limits: fn(&Knobs) -> Limits,
    /// A deleted record stays, with this flag.
    pub(crate) deleted: Option<&'static str>,
    /// Date fields that commands may set as RFC 3339.
    pub(crate) printed_dates: &'static [&'static str],
    pub(crate) print_date: fn(Timestamp, &TimeZone) -> String,
    pub(crate) new_id: fn(&mut Random) -> String,
    pub(crate) print: fn(&Shown<'_>, &Style<'_>) -> Map<String, Value>,
}

impl Kind {
    /// The fields that its records have.
    pub(crate) fn fields(&self, style: &Style<'_>) -> Map<String, Value> {
        let shown = Shown {
            id: "",
            serial: 1,
            edits: 0,
            version: &Version::blank(),
        };
        (self.print)(&shown, style)
    }
}

/// What the printing of a record depends on besides the record.
pub(crate) struct Style<'a> {
    pub(crate) knobs: &'a Knobs,
    pub(crate) zone: TimeZone,
    /// The API's base URL.
    pub(crate) base: String,
    /// The request's own query string.
    pub(crate) query: &'a str,
    /// A single record, not one of a listing.
    pub(crate) single: bool,
}

static KINDS: [Kind; 7] = [
    reports::KIND,
    entries::KIND,
    allocations::KIND,
    invoices::KIND,
    requests::KIND,
    lists::KIND,
    users::KIND,
];

/// The kind of a resource; none for a hub's collection.
pub(crate) fn of(resource: &Resource) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.resource == *resource)
}

/// The kind that a target stands for.
pub(crate) fn of_target(target: Target) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.target == target)
}

/// The kind that a path lists, or of which it names one record.
pub(crate) fn of_path(path: &str) -> Option<(&'static Kind, Option<&str>)> {
    KINDS.iter().find_map(|kind| {
        let rest = path.strip_prefix(kind.path)?.trim_end_matches('/');
        match rest.strip_prefix('/') {
            None if rest.is_empty() => Some((kind, None)),
            Some(id) if !id.contains('/') => Some((kind, Some(id))),
            _ => None,
        }
    })
}

/// Prints a record of any resource.
pub(crate) fn print(resource: &Resource, shown: &Shown<'_>, style: &Style<'_>) -> Value {
    let Some(kind) = of(resource) else {
        return collections::print(shown);
    };
    let mut record = (kind.print)(shown, style);
    for (name, value) in &shown.version.fields {
        let time = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let value = match time {
            Some(time) if kind.printed_dates.contains(&name.as_str()) => {
                (kind.print_date)(time, &style.zone).into()
            }
            _ => value.clone(),
        };
        record.insert(name.clone(), value);
    }
    Value::Object(record)
}

/// Fields of a collection's record that commands gave none.
pub(crate) use collections::template;

/// Who owns a record of that kind.
pub(crate) fn owner<'a>(kind: &Kind, version: &'a Version) -> Option<&'a str> {
    match version.fields.get(kind.owner_field) {
        Some(value) => value.as_str(),
        None => Some(&version.owner),
    }
}

/// The identity service's id of a user, made up from the login.
pub(crate) fn user_id(login: &str) -> String {
    uuid::Uuid::from_u64_pair(rank(3, login), rank(4, login))
        .hyphenated()
        .to_string()
}

/// A long id as in many v3 resources, with a `$` that has to be encoded in a path.
fn long_id(random: &mut Random) -> String {
    format!("gWsbx$p{:016x}{:08x}", random.next(), random.next() & 0xFFFF_FFFF)
}

fn uuid_id(random: &mut Random) -> String {
    uuid::Uuid::from_u64_pair(random.next(), random.next())
        .hyphenated()
        .to_string()
}

/// The limits of the expense APIs v3, which knobs set.
fn by_knobs(knobs: &Knobs) -> Limits {
    Limits {
        default: knobs.default_limit,
        most: knobs.max_limit,
    }
}

/// A JSON object as its fields.
fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Empty fields of the customer's own form.
fn empty_fields(record: &mut Map<String, Value>, name: &str, count: usize) {
    for number in 1..=count {
        record.insert(format!("{name}{number}"), Value::Null);
    }
}
