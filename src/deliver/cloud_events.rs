//! Events as CloudEvents 1.0, structured, in JSON.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use url::Url;

use super::event::{Event, EventType, Origin};
use super::nulls::without_nulls;

/// Media type of one event (CloudEvents, HTTP protocol binding, structured content mode).
pub const EVENT_MEDIA_TYPE: &str = "application/cloudevents+json";
/// Media type of an array of events (batched content mode).
pub const BATCH_MEDIA_TYPE: &str = "application/cloudevents-batch+json";

/// Years that RFC 3339 can write.
const YEARS: std::ops::RangeInclusive<i16> = 0..=9999;

/// `source` of an instance's events: `/namespaces/<namespace>/pollinginstances/<name>`, always the same for one object.
pub fn instance_source(namespace: &str, name: &str) -> String {
    let segments = ["namespaces", namespace, "pollinginstances", name];
    // Names of Kubernetes need no escapes, but a manifest that no API server has seen may have any name.
    let escaped = Url::parse("http://localhost").ok().and_then(|mut url| {
        url.path_segments_mut().ok()?.clear().extend(segments);
        Some(url.path().to_owned())
    });
    escaped.unwrap_or_default()
}

/// Body and media type: the event itself where it is one, else an array.
pub(super) fn cloud_events(origin: &Origin, events: &[Event]) -> (Vec<u8>, &'static str) {
    let events: Vec<_> = events
        .iter()
        .map(|event| CloudEvent::new(origin, event))
        .collect();
    // Nothing here can fail to serialize: keys are strings, and records are JSON already.
    match &events[..] {
        [event] => (serde_json::to_vec(event).unwrap_or_default(), EVENT_MEDIA_TYPE),
        _ => (serde_json::to_vec(&events).unwrap_or_default(), BATCH_MEDIA_TYPE),
    }
}

/// Attributes in the order of the specification, extensions behind them, the data last.
#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    r#type: String,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    objecttype: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    polldate: Option<String>,
    data: Cow<'a, RawValue>,
}

impl<'a> CloudEvent<'a> {
    fn new(origin: &'a Origin, event: &'a Event) -> Self {
        Self {
            specversion: "1.0",
            id: &event.id,
            source: &origin.source,
            r#type: event_type(&origin.element_key, &origin.resource, event.event_type),
            datacontenttype: "application/json",
            subject: allowed(&event.object_id),
            time: rfc3339(event.date),
            objecttype: allowed(&origin.resource),
            polldate: rfc3339(origin.polled_at),
            data: if origin.filter_nulls {
                without_nulls(&event.record)
            } else {
                Cow::Borrowed(&event.record)
            },
        }
    }
}

/// `dev.pollinator.<element>.<resource>.<created|updated|deleted>`.
fn event_type(element: &str, resource: &str, event_type: EventType) -> String {
    let change = match event_type {
        EventType::Created => "created",
        EventType::Updated => "updated",
        EventType::Deleted => "deleted",
    };
    let (element, resource) = (segment(element), segment(resource));
    format!("dev.pollinator.{element}.{resource}.{change}")
}

/// A name as one segment of a type: letters, digits, `_` and `-` stay, each run of anything else becomes a `-`, but for
/// those at both ends; `_` where nothing is left.
fn segment(name: &str) -> String {
    let parts = name.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    let segment = parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    if segment.is_empty() {
        "_".to_owned()
    } else {
        segment
    }
}

/// The text with U+FFFD for what no attribute may contain: control characters and noncharacters (CloudEvents, "Type
/// System").
fn allowed(text: &str) -> Cow<'_, str> {
    let forbidden =
        |c: char| c.is_control() || u32::from(c) & 0xfffe == 0xfffe || ('\u{fdd0}'..='\u{fdef}').contains(&c);
    if text.contains(forbidden) {
        Cow::Owned(text.replace(forbidden, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// In UTC, with the fraction of a second that is known.
fn rfc3339(at: Timestamp) -> Option<String> {
    let year = at.to_zoned(jiff::tz::TimeZone::UTC).year();
    YEARS.contains(&year).then(|| at.to_string())
}

#[cfg(test)]
#[path = "cloud_events_tests.rs"]
mod tests;
