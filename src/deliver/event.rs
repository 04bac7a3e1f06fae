//! Events, and the notifications that carry them.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::cloud_events::cloud_events;
use super::ids::{NotificationIds, positive};
use super::nulls::without_nulls;
use crate::api::DeliveryFormat;

/// Sender named in every notification: the constant that Cloud Elements writes, for receivers that look at it.
const USER: &str = "notifications@cloud-elements.com";

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// Seen for the first time.
    Created,
    /// Changed since it was seen.
    Updated,
    /// Gone, as the vendor says.
    Deleted,
}

impl EventType {
    /// As written in notifications.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Updated => "UPDATED",
            Self::Deleted => "DELETED",
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Event {
    /// The same for every repeat of this event; hexadecimal, without commas.
    pub id: String,
    /// What happened.
    pub event_type: EventType,
    /// Id of the object at the vendor.
    pub object_id: String,
    /// When it happened by the vendor's clock: the record's updated date, else its created date.
    pub date: Timestamp,
    /// The whole record as the vendor sent it.
    pub record: Arc<RawValue>,
}

/// What all events of one resource in one poll have in common.
#[derive(Clone, Debug)]
pub struct Origin {
    /// `element.key`, for example `concur`.
    pub element_key: String,
    /// The element's hub, for example `expense`.
    pub hub_key: String,
    /// Instance, account, company and user as numbers, which Cloud Elements receivers expect.
    pub ids: NotificationIds,
    /// Name of the instance.
    pub instance_name: String,
    /// Tags of the instance.
    pub tags: Vec<String>,
    /// Name of the resource: `objectType`.
    pub resource: String,
    /// When this poll began, by our clock.
    pub polled_at: Timestamp,
    /// Whether null-valued fields are left out of the records.
    pub filter_nulls: bool,
    /// What the body is.
    pub format: DeliveryFormat,
    /// Names the instance in CloudEvents; see [`super::instance_source`].
    pub source: String,
}

/// A notification ready to send; every attempt sends these bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// 20 characters, the same for the same events in the same order: the SHA-256 of the ids joined by commas, its
    /// first 15 bytes in base64url. It is `message.eventId`, `Elements-Webhook-Id` and `webhook-id`.
    pub id: String,
    /// Ids of the events, in the order of the body.
    pub event_ids: Vec<String>,
    /// JSON of this media type.
    pub body: Bytes,
    /// Value of `Content-Type`.
    pub content_type: &'static str,
}

/// The notification of `events` of one resource, in the format of their origin.
pub fn notification(origin: &Origin, events: &[Event]) -> Notification {
    let event_ids: Vec<String> = events.iter().map(|event| event.id.clone()).collect();
    let digest = Sha256::digest(event_ids.join(","));
    let id = URL_SAFE_NO_PAD.encode(&digest[..15]);
    let (body, content_type) = match origin.format {
        DeliveryFormat::Elements => (envelope(origin, events, &id, &digest), "application/json"),
        DeliveryFormat::CloudEvents => cloud_events(origin, events),
    };
    Notification {
        id,
        event_ids,
        body: Bytes::from(body),
        content_type,
    }
}

/// The envelope of Cloud Elements' polling notifications.
///
/// Order and types of the keys are those of captured notifications. `raw` holds only the records of these events.
fn envelope(origin: &Origin, events: &[Event], id: &str, digest: &[u8]) -> Vec<u8> {
    let envelope = Envelope {
        severity: "medium",
        created_date: java_date(origin.polled_at),
        topic: format!("instance-{}-{}-events", origin.ids.instance, origin.element_key),
        action: "create",
        id: positive(digest, 63).to_string(),
        message: Message {
            element_key: &origin.element_key,
            account_id: origin.ids.account,
            event_id: id,
            company_id: origin.ids.company,
            instance_id: origin.ids.instance,
            instance_id_again: origin.ids.instance,
            instance_name: &origin.instance_name,
            instance_tags: &origin.tags,
            raw: Raw {
                origin,
                records: records(events),
            },
            user_id: origin.ids.user,
            events: events.iter().map(|event| EventLine::new(origin, event)).collect(),
        },
        user: USER,
    };
    // Nothing here can fail to serialize: keys are strings, and records are JSON already.
    serde_json::to_vec(&envelope).unwrap_or_default()
}

/// `java.util.Date.toString()` in UTC.
fn java_date(at: Timestamp) -> String {
    at.strftime("%a %b %d %H:%M:%S UTC %-Y").to_string()
}

/// ISO 8601 in whole seconds.
fn iso_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Each record once, although its object may be reported as created and as updated.
fn records(events: &[Event]) -> Vec<&RawValue> {
    let repeats = |index: usize, event: &Event| {
        events[..index]
            .iter()
            .any(|earlier| earlier.object_id == event.object_id && earlier.record.get() == event.record.get())
    };
    events
        .iter()
        .enumerate()
        .filter(|(index, event)| !repeats(*index, event))
        .map(|(_, event)| &*event.record)
        .collect()
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    severity: &'static str,
    created_date: String,
    topic: String,
    action: &'static str,
    id: String,
    message: Message<'a>,
    user: &'static str,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    element_key: &'a str,
    account_id: u64,
    event_id: &'a str,
    company_id: u64,
    instance_id: u64,
    #[serde(rename = "instance_id")]
    instance_id_again: u64,
    instance_name: &'a str,
    instance_tags: &'a [String],
    raw: Raw<'a>,
    user_id: u64,
    events: Vec<EventLine<'a>>,
}

struct Raw<'a> {
    origin: &'a Origin,
    records: Vec<&'a RawValue>,
}

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        if self.origin.filter_nulls {
            let records: Vec<_> = self.records.iter().map(|record| without_nulls(record)).collect();
            map.serialize_entry(&self.origin.resource, &records)?;
        } else {
            map.serialize_entry(&self.origin.resource, &self.records)?;
        }
        map.serialize_entry("pollDate", &self.origin.polled_at.as_millisecond())?;
        map.serialize_entry("objectType", &self.origin.resource)?;
        map.end()
    }
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct EventLine<'a> {
    date: String,
    element_key: &'a str,
    poll_date: String,
    event_type: &'static str,
    hub_key: &'a str,
    object_id: &'a str,
    object_type: &'a str,
}

impl<'a> EventLine<'a> {
    fn new(origin: &'a Origin, event: &'a Event) -> Self {
        Self {
            date: iso_seconds(event.date),
            element_key: &origin.element_key,
            poll_date: iso_seconds(origin.polled_at),
            event_type: event.event_type.as_str(),
            hub_key: &origin.hub_key,
            object_id: &event.object_id,
            object_type: &origin.resource,
        }
    }
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
