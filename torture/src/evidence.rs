//! What is judged: what the source was and what the receiver took. Facts only.

use std::collections::BTreeMap;

use concur_sandbox::{Past, Received, Sandbox};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

/// Differs between two reads of one version: it repeats the query of the request.
const VOLATILE: &str = "WorkflowActionUrl";
/// The parameter with which reports are asked for.
const SINCE: &str = "modifiedDateAfter";

/// All there is to judge a run by. All times are of the vendor's clock.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Polled resources by name.
    pub resources: BTreeMap<String, Resource>,
    /// Events of the notifications that the receiver took, in the order of their arrival.
    pub events: Vec<Event>,
    /// When the process was killed.
    pub kills: Vec<Timestamp>,
    /// When everything had come to rest: no fault was left, and complete passes had shown no news.
    pub rests: Vec<Timestamp>,
    /// Notifications that were taken although something is wrong with them, in words.
    pub malformed: Vec<String>,
}

/// What one resource was.
#[derive(Clone, Debug, Default)]
pub struct Resource {
    /// Its objects by id, also those that are gone.
    pub objects: BTreeMap<String, Object>,
    /// Versions visible at this time were there before the first start and need no event.
    pub began: Timestamp,
    /// Requests for a first page that name a date, which tells how far the poller thinks it has read.
    pub questions: Vec<Question>,
}

/// An object of the source.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// Its versions, oldest first; no two have the same content.
    pub versions: Vec<Version>,
    /// When it was removed without a trace.
    pub deleted_at: Option<Timestamp>,
}

/// One version of an object.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its modification date.
    pub date: Timestamp,
    /// From when on listings may show it.
    pub visible_at: Timestamp,
    /// The record as listings print it.
    pub record: Value,
}

/// A request for what changed after a date.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// When it came.
    pub at: Timestamp,
    /// The date.
    pub since: Timestamp,
}

/// An event that the receiver took.
#[derive(Clone, Debug)]
pub struct Event {
    /// When its notification came.
    pub at: Timestamp,
    /// Name of the resource.
    pub resource: String,
    /// Id of the object.
    pub object: String,
    /// `CREATED` or `UPDATED`.
    pub change: String,
    /// Its id, by which a receiver drops repeats.
    pub id: String,
    /// The record that came with it.
    pub record: Value,
}

impl Object {
    /// What listings show at that time, by its place among the versions.
    pub fn shown(&self, at: Timestamp) -> Option<usize> {
        if self.deleted_at.is_some_and(|deleted| deleted <= at) {
            return None;
        }
        self.versions.iter().rposition(|version| version.visible_at <= at)
    }

    /// The version that stands for the one at that place: the first of its date. Who goes by dates cannot tell two
    /// versions of one millisecond apart, and none is promised.
    pub(crate) fn of_its_date(&self, place: usize) -> usize {
        let date = self.versions.get(place).map(|version| version.date);
        let first = self
            .versions
            .iter()
            .position(|version| Some(version.date) == date);
        first.unwrap_or(place)
    }
}

impl Evidence {
    /// Reads the simulator's books; `began` says for each resource when it was under observation.
    pub(crate) fn gather(sandbox: &Sandbox, began: &BTreeMap<String, Timestamp>) -> Evidence {
        let mut evidence = Evidence::default();
        for (name, past) in sandbox.history() {
            let Some(began) = began.get(&name) else { continue };
            let resource = Resource {
                objects: past.into_iter().map(object).collect(),
                began: *began,
                questions: Vec::new(),
            };
            evidence.resources.insert(name, resource);
        }
        for logged in sandbox.log_after(0) {
            let query: BTreeMap<_, _> = form_urlencoded::parse(logged.query.as_bytes()).collect();
            let since = query.get(SINCE).and_then(|text| text.parse::<DateTime>().ok());
            let since = since.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
            let name = serde_json::to_value(logged.target).unwrap_or_default();
            let resource = name.as_str().and_then(|name| evidence.resources.get_mut(name));
            if let (Some(since), Some(resource), false) = (since, resource, query.contains_key("offset")) {
                resource.questions.push(Question {
                    at: logged.at,
                    since: since.timestamp(),
                });
            }
        }
        for received in sandbox.received().iter().filter(|received| received.accepted) {
            match events(received) {
                Ok(events) => evidence.events.extend(events),
                Err(problem) => {
                    let problem = format!("{} {problem}", received.at);
                    evidence.malformed.push(problem);
                }
            }
        }
        evidence
    }
}

fn object(past: Past) -> (String, Object) {
    let versions = past.versions.into_iter().map(|version| Version {
        date: version.modified,
        visible_at: version.visible_at,
        record: lasting(version.record),
    });
    let object = Object {
        versions: versions.collect(),
        deleted_at: past.deleted_at,
    };
    (past.id, object)
}

/// What is the same however the record is read and reported: nulls may be left away.
fn lasting(mut record: Value) -> Value {
    if let Some(fields) = record.as_object_mut() {
        fields.remove(VOLATILE);
    }
    without_nulls(&mut record);
    record
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, inner| !inner.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// The events of a notification, each with its record out of `message.raw`.
fn events(received: &Received) -> Result<Vec<Event>, String> {
    if received.signature != "valid" {
        return Err(format!("the signature is {}", received.signature.as_str()));
    }
    let events = received.events();
    if events.is_empty() || events.len() != received.event_ids.len() {
        let (events, ids) = (events.len(), received.event_ids.len());
        return Err(format!("{events} events came with {ids} event ids"));
    }
    let body: Value = serde_json::from_slice(&received.body).map_err(|error| error.to_string())?;
    let raw = &body["message"]["raw"];
    let read = |(event, id): (&Value, &String)| {
        let text = |name: &str| event[name].as_str().map(str::to_owned);
        let missing = |name: &str| format!("an event has no {name}: {event}");
        let object = text("objectId").ok_or_else(|| missing("objectId"))?;
        let resource = text("objectType").ok_or_else(|| missing("objectType"))?;
        let records = raw[&resource].as_array().map(Vec::as_slice).unwrap_or_default();
        let record = records.iter().find(|record| record["ID"] == *object);
        let record = record.ok_or_else(|| format!("no record of {resource} {object} in raw"))?;
        Ok(Event {
            at: received.at,
            change: text("eventType").ok_or_else(|| missing("eventType"))?,
            id: id.clone(),
            record: lasting(record.clone()),
            object,
            resource,
        })
    };
    events.iter().zip(&received.event_ids).map(read).collect()
}
