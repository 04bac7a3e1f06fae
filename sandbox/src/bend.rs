//! Faults applied to answers.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use crate::answer::{Answer, Content};
use crate::asked::Asked;
use crate::fault::{Fault, Target};
use crate::problem::{self, Dialect};
use crate::state::State;
use crate::{kind, token};

const HTML: &str = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>\
<body><h1>Bad Gateway</h1><p>The server is temporarily unable to service your request.</p></body></html>";

/// The answer under a fault; `regular` computes the answer without it and is called only if needed.
pub(crate) fn bend(
    state: &mut State,
    target: Target,
    asked: &Asked,
    fault: &Fault,
    regular: impl FnOnce(&mut State, &Asked) -> Answer,
) -> Answer {
    let dialect = Dialect::of(target);
    match fault {
        Fault::Status {
            status,
            body,
            retry_after,
            content_type,
        } => plain_status(
            *status,
            body.as_ref(),
            retry_after.as_deref(),
            content_type.as_deref(),
        ),
        Fault::TooManyRequests { retry_after } => {
            too_many(state, asked, retry_after.as_deref().unwrap_or("0"))
        }
        Fault::Deadlock => {
            let message = "Transaction was deadlocked on lock resources and has been chosen as the victim";
            problem::answer(state, asked, dialect, StatusCode::BAD_REQUEST, message)
        }
        Fault::Maintenance => {
            let message = "The service is down for maintenance";
            problem::answer(state, asked, dialect, StatusCode::SERVICE_UNAVAILABLE, message)
        }
        Fault::Html => Answer::text(StatusCode::BAD_GATEWAY, "text/html", HTML),
        Fault::ErrorIn200 => {
            let message = "An unexpected error has occurred";
            match dialect {
                Dialect::V3 => Answer::json(StatusCode::OK, &json!({"Error": {"Message": message}})),
                _ => problem::answer(state, asked, dialect, StatusCode::OK, message),
            }
        }
        Fault::Truncated => {
            let mut answer = regular(state, asked);
            if let Content::Full(bytes) = &answer.content {
                answer.content = Content::Full(bytes.slice(..bytes.len() / 2));
            }
            answer
        }
        Fault::HalfBody => {
            let mut answer = regular(state, asked);
            if let Content::Full(bytes) = &answer.content {
                answer.content = Content::Broken(bytes.slice(..bytes.len() / 2), bytes.len().max(1));
            }
            answer
        }
        Fault::MissingItems => {
            let mut answer = regular(state, asked);
            match answer.json_body() {
                Some(Value::Object(mut fields)) => {
                    fields.shift_remove(items(state, target));
                    answer.set_json_body(&Value::Object(fields));
                }
                Some(Value::Array(_)) => answer.set_json_body(&json!({})),
                _ => {}
            }
            answer
        }
        Fault::Huge { bytes } => {
            let mut answer = Answer::text(StatusCode::OK, "application/json;charset=UTF-8", "");
            let (head, tail) = match dialect {
                Dialect::Hub => ("[".to_owned(), "]"),
                Dialect::V3 => (
                    format!("{{\"{}\":[", items(state, target)),
                    "],\"NextPage\":null}",
                ),
                Dialect::V4 | Dialect::Scim => (format!("{{\"{}\":[", items(state, target)), "]}"),
            };
            answer.content = Content::Huge(*bytes, head, tail);
            answer
        }
        Fault::Redirect { location } => {
            let mut answer = Answer::empty(StatusCode::FOUND);
            answer.header(header::LOCATION, location);
            answer
        }
        Fault::Drop => Answer::dropped(),
        Fault::TokenError {
            code,
            description,
            geolocation,
        } => token::error(state, *code, description.as_deref(), geolocation.as_deref()),
        Fault::Hang { .. } | Fault::AcceptThenHang { .. } => regular(state, asked),
        Fault::AcceptThenDrop => {
            regular(state, asked);
            Answer::dropped()
        }
    }
}

/// Where a listing of the target has its records.
fn items(state: &State, target: Target) -> &'static str {
    kind::of_target(target).map_or("Items", |kind| (kind.items)(&state.knobs))
}

fn plain_status(
    status: u16,
    body: Option<&Value>,
    retry_after: Option<&str>,
    content_type: Option<&str>,
) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = match body {
        None => Answer::empty(status),
        Some(Value::String(text)) => Answer::text(status, "text/plain", text.clone()),
        Some(other) => Answer::json(status, other),
    };
    if let Some(content_type) = content_type {
        answer.header(header::CONTENT_TYPE, content_type);
    }
    if let Some(retry_after) = retry_after {
        answer.header(header::RETRY_AFTER, retry_after);
    }
    answer
}

/// The only 429 that Concur's pages print word for word has this shape and `retry-after: 0`.
fn too_many(state: &State, asked: &Asked, retry_after: &str) -> Answer {
    let body = json!({
        "timestamp": problem::timestamp(state),
        "httpStatus": "429 - Too Many Requests",
        "error": {"id": "security.rate.limit.reached", "message": "Too many requests"},
        "path": asked.path,
    });
    let mut answer = Answer::json(StatusCode::TOO_MANY_REQUESTS, &body);
    if !retry_after.is_empty() {
        answer.header(header::RETRY_AFTER, retry_after);
    }
    answer
}
