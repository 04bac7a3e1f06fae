//! What a body is, by what stands in it.

use std::fmt;

use serde_json::{Value, json};

/// A format, with its number of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The envelope of Cloud Elements.
    Elements(usize),
    /// One CloudEvent, structured.
    CloudEvent,
    /// CloudEvents as a batch.
    CloudEvents(usize),
    /// Anything else.
    Unknown,
}

impl Kind {
    pub(super) fn of(body: &[u8]) -> Self {
        let is_event = |value: &Value| value.get("specversion").is_some_and(Value::is_string);
        match serde_json::from_slice(body) {
            Ok(Value::Array(events)) if !events.is_empty() && events.iter().all(is_event) => {
                Self::CloudEvents(events.len())
            }
            Ok(value) if is_event(&value) => Self::CloudEvent,
            Ok(value) => match value.pointer("/message/events") {
                Some(Value::Array(events)) => Self::Elements(events.len()),
                _ => Self::Unknown,
            },
            Err(_) => Self::Unknown,
        }
    }

    pub(super) fn to_json(self) -> Value {
        let (format, events) = match self {
            Self::Elements(events) => ("Elements", events),
            Self::CloudEvent => ("CloudEvents", 1),
            Self::CloudEvents(events) => ("CloudEvents", events),
            Self::Unknown => return json!({"valid": true, "format": null, "events": null}),
        };
        json!({"valid": true, "format": format, "events": events})
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elements(1) => f.write_str("a Cloud Elements notification of one event"),
            Self::Elements(events) => write!(f, "a Cloud Elements notification of {events} events"),
            Self::CloudEvent => f.write_str("one CloudEvent"),
            Self::CloudEvents(events) => write!(f, "a batch of {events} CloudEvents"),
            Self::Unknown => {
                f.write_str("a body that is neither a notification of Cloud Elements nor CloudEvents")
            }
        }
    }
}
