//! Error bodies, which look different in each family of APIs.

use axum::http::StatusCode;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::asked::Asked;
use crate::dates;
use crate::fault::Target;
use crate::kind;
use crate::state::State;

/// A family of APIs by its errors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `{"Error": {"Message", "Server-Time", "Id"}}`, or a bare `{"Message"}`.
    V3,
    /// `{"timestamp", "httpStatus", "error": {"id", "message"}, "validationErrors", "path"}`.
    V4,
    /// The error schema of SCIM.
    Scim,
    /// `{"requestId", "message"}`.
    Hub,
}

impl Dialect {
    pub(crate) fn of(target: Target) -> Dialect {
        match target {
            Target::Hub => Dialect::Hub,
            _ => kind::of_target(target).map_or(Dialect::V3, |kind| kind.dialect),
        }
    }
}

/// An error with the body of the family.
pub(crate) fn answer(
    state: &State,
    asked: &Asked,
    dialect: Dialect,
    status: StatusCode,
    message: &str,
) -> Answer {
    let body = match dialect {
        Dialect::V3 => v3(state, message),
        Dialect::V4 => v4(state, asked, status, message),
        Dialect::Scim => json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": status.as_str(),
            "detail": message,
        }),
        Dialect::Hub => json!({"requestId": uuid::Uuid::new_v4().simple().to_string(), "message": message}),
    };
    Answer::json(status, &body)
}

/// Status 400 for a query that cannot be read; v3 says it with a bare message.
pub(crate) fn bad_query(state: &State, asked: &Asked, dialect: Dialect, message: &str) -> Box<Answer> {
    let status = StatusCode::BAD_REQUEST;
    Box::new(match dialect {
        Dialect::V3 => Answer::message(status, message),
        _ => answer(state, asked, dialect, status, message),
    })
}

/// The time in a v3 error is in the server's own zone.
fn v3(state: &State, message: &str) -> Value {
    let pacific = TimeZone::get("America/Los_Angeles").unwrap_or(TimeZone::UTC);
    json!({"Error": {
        "Message": message,
        "Server-Time": dates::print(state.now(), &pacific),
        "Id": uuid::Uuid::new_v4().to_string().to_uppercase(),
    }})
}

/// A message that begins with an id of its own keeps it apart; else the status stands for one.
fn v4(state: &State, asked: &Asked, status: StatusCode, message: &str) -> Value {
    let reason = status.canonical_reason().unwrap_or_default();
    let (id, message) = match message.split_once(": ") {
        Some((id, rest)) if !id.contains(' ') => (id.to_owned(), rest),
        _ => (reason.to_lowercase().replace(' ', "."), message),
    };
    json!({
        "timestamp": timestamp(state),
        "httpStatus": format!("{} - {reason}", status.as_str()),
        "error": {"id": id, "message": message},
        "validationErrors": [],
        "path": asked.path,
    })
}

/// The time as the v4 APIs print it in errors.
pub(crate) fn timestamp(state: &State) -> String {
    state.now().strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}
