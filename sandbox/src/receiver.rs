//! The callback receiver: checks signatures, takes or refuses notifications, keeps them all.

use axum::http::{Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::answer::Answer;
use crate::asked::Asked;
use crate::state::State;

/// Outcome of the signature check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// The header fits key and body.
    Valid,
    /// The header does not fit.
    Invalid,
    /// No header came, or the sandbox has no key.
    None,
}

impl Signature {
    /// `valid`, `invalid` or `none`.
    pub fn as_str(self) -> &'static str {
        match self {
            Signature::Valid => "valid",
            Signature::Invalid => "invalid",
            Signature::None => "none",
        }
    }
}

impl PartialEq<&str> for Signature {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// One request to the receiver.
#[derive(Clone, Debug)]
pub struct Received {
    /// Vendor's clock at arrival.
    pub at: Timestamp,
    /// Path, beginning with `/callback` if the sender was right.
    pub path: String,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body as it came.
    pub body: Bytes,
    /// Status answered; 0 during a `hang` and if the connection was dropped.
    pub status: u16,
    /// The receiver took the notification.
    pub accepted: bool,
    /// Outcome of the signature check.
    pub signature: Signature,
    /// Header `Elements-Webhook-Id`.
    pub webhook_id: Option<String>,
    /// Header `Pollinator-Event-Ids`, split at commas.
    pub event_ids: Vec<String>,
    pub(crate) number: u64,
}

impl Received {
    pub(crate) fn new(number: u64, at: Timestamp, asked: &Asked, key: Option<&str>) -> Received {
        let headers = asked
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let event_ids = asked
            .header_named("pollinator-event-ids")
            .unwrap_or_default()
            .split(',')
            .map(|id| id.trim().to_owned())
            .filter(|id| !id.is_empty())
            .collect();
        Received {
            at,
            path: asked.path.clone(),
            headers,
            body: asked.body.clone(),
            status: 0,
            accepted: false,
            signature: check(key, asked.header_named("elements-webhook-signature"), &asked.body),
            webhook_id: asked.header_named("elements-webhook-id").map(str::to_owned),
            event_ids,
            number,
        }
    }

    /// `message.events` of the body; empty if the body has none.
    pub fn events(&self) -> Vec<Value> {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body.pointer("/message/events")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    }

    /// As `GET /control/received` prints it.
    pub fn to_json(&self) -> Value {
        let body = serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&self.body)));
        json!({
            "at": self.at,
            "path": self.path,
            "headers": self.headers,
            "body": body,
            "status": self.status,
            "accepted": self.accepted,
            "signature": self.signature.as_str(),
            "webhookId": self.webhook_id,
            "eventIds": self.event_ids,
        })
    }
}

/// Checks `Elements-Webhook-Signature: sha256=<base64 of HMAC-SHA256(key, body)>` (Cloud Elements security guide).
fn check(key: Option<&str>, header: Option<&str>, body: &[u8]) -> Signature {
    let (Some(key), Some(header)) = (key, header) else {
        return Signature::None;
    };
    let given = header
        .strip_prefix("sha256=")
        .and_then(|text| STANDARD.decode(text).ok());
    let (Some(given), Ok(mut mac)) = (given, Hmac::<Sha256>::new_from_slice(key.as_bytes())) else {
        return Signature::Invalid;
    };
    mac.update(body);
    if mac.verify_slice(&given).is_ok() {
        Signature::Valid
    } else {
        Signature::Invalid
    }
}

/// Answers the notification logged under that number and marks it as accepted if it was.
pub(crate) fn answer(state: &mut State, asked: &Asked, number: u64) -> Answer {
    let answer = judge(state, asked, number);
    if let Some(received) = state
        .received
        .iter_mut()
        .rev()
        .find(|received| received.number == number)
    {
        received.accepted = answer.status.is_success();
    }
    answer
}

fn judge(state: &State, asked: &Asked, number: u64) -> Answer {
    let below_callback = asked.path == "/callback" || asked.path.starts_with("/callback/");
    if !below_callback {
        return Answer::message(
            StatusCode::NOT_FOUND,
            "the receiver listens at /callback and below",
        );
    }
    if asked.method != Method::POST {
        return Answer::message(StatusCode::METHOD_NOT_ALLOWED, "the receiver takes POST only");
    }
    if state.knobs.receiver_down {
        return Answer::message(StatusCode::SERVICE_UNAVAILABLE, "the receiver is down on command");
    }
    if let Some(status) = state.knobs.receiver_status {
        return Answer::empty(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    }
    let Some(received) = state
        .received
        .iter()
        .rev()
        .find(|received| received.number == number)
    else {
        return Answer::empty(StatusCode::OK);
    };
    if state.knobs.require_signature && received.signature != Signature::Valid {
        return Answer::message(StatusCode::UNAUTHORIZED, "the signature is missing or wrong");
    }
    if state.knobs.refuse_ids.is_empty() {
        return Answer::empty(StatusCode::OK);
    }
    let refused = received.events().into_iter().find_map(|event| {
        let id = event.get("objectId")?.as_str()?.to_owned();
        state.knobs.refuse_ids.contains(&id).then_some(id)
    });
    match refused {
        Some(id) => Answer::message(
            StatusCode::BAD_REQUEST,
            &format!("the receiver refuses {id} on command"),
        ),
        None => Answer::empty(StatusCode::OK),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_the_signature_of_the_vendors_own_example() {
        let key = Some("MySecretEventSignatureKey");
        let body = b"<INSERT_EVENT_NOTIFICATION_RESPONSE_BODY>";
        let header = "sha256=jHdbRx5EZAsOfTwAPJOGkNUzQMVVdu5VJlxcsk+G6jQ=";
        assert_eq!(check(key, Some(header), body), Signature::Valid);
        assert_eq!(check(key, Some(header), b"another body"), Signature::Invalid);
        assert_eq!(check(Some("another key"), Some(header), body), Signature::Invalid);
        assert_eq!(
            check(key, Some(&header["sha256=".len()..]), body),
            Signature::Invalid
        );
        assert_eq!(check(key, Some("sha256=%%%"), body), Signature::Invalid);
        assert_eq!(check(key, None, body), Signature::None);
        assert_eq!(check(None, Some(header), body), Signature::None);
    }
}
