//! Faults applied to answers.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use crate::answer::{Answer, Content};
use crate::asked::Asked;
use crate::fault::Fault;
use crate::state::State;
use crate::{api, token};

const HTML: &str = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>\
<body><h1>Bad Gateway</h1><p>The server is temporarily unable to service your request.</p></body></html>";

/// The answer under a fault; `regular` computes the answer without it and is called only if needed.
pub(crate) fn bend(
    state: &mut State,
    asked: &Asked,
    fault: &Fault,
    regular: impl FnOnce(&mut State, &Asked) -> Answer,
) -> Answer {
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
            api::error(state, StatusCode::BAD_REQUEST, message)
        }
        Fault::Maintenance => {
            let message = "The service is down for maintenance";
            api::error(state, StatusCode::SERVICE_UNAVAILABLE, message)
        }
        Fault::Html => Answer::text(StatusCode::BAD_GATEWAY, "text/html", HTML),
        Fault::ErrorIn200 => Answer::json(
            StatusCode::OK,
            &json!({"Error": {"Message": "An unexpected error has occurred"}}),
        ),
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
            if let Some(Value::Object(mut fields)) = answer.json_body() {
                fields.shift_remove("Items");
                answer.set_json_body(&Value::Object(fields));
            }
            answer
        }
        Fault::Huge { bytes } => {
            let mut answer = Answer::text(StatusCode::OK, "application/json;charset=UTF-8", "");
            answer.content = Content::Huge(*bytes);
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
        "timestamp": state.now().strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string(),
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
