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
    /// Outcome of the check of `Elements-Webhook-Signature`.
    pub signature: Signature,
    /// Outcome of the check of `webhook-signature` (Standard Webhooks, `v1`); the age of the timestamp is not judged.
    pub standard_signature: Signature,
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
        let standard_signature = check_standard(
            key,
            ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| asked.header_named(name)),
            &asked.body,
        );
        Received {
            at,
            path: asked.path.clone(),
            headers,
            body: asked.body.clone(),
            status: 0,
            accepted: false,
            signature: check(key, asked.header_named("elements-webhook-signature"), &asked.body),
            standard_signature,
            webhook_id: asked.header_named("elements-webhook-id").map(str::to_owned),
            event_ids,
            number,
        }
    }

    /// `message.events` of the body; of CloudEvents, one or a batch, their attributes under the same names. Empty if the
    /// body has neither.
    pub fn events(&self) -> Vec<Value> {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        if let Some(events) = body.pointer("/message/events").and_then(Value::as_array) {
            return events.clone();
        }
        let events = match body {
            Value::Array(events) => events,
            event => vec![event],
        };
        events.iter().filter_map(of_cloud_event).collect()
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
            "standardSignature": self.standard_signature.as_str(),
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

/// Checks `webhook-signature: v1,<base64 of HMAC-SHA256(key, id.timestamp.body)>`, of which one in the list must fit
/// (Standard Webhooks specification). A key that begins with `whsec_` is base64.
fn check_standard(key: Option<&str>, headers: [Option<&str>; 3], body: &[u8]) -> Signature {
    let (Some(key), [Some(id), Some(timestamp), Some(signatures)]) = (key, headers) else {
        return Signature::None;
    };
    let key = match key.strip_prefix("whsec_") {
        Some(text) => STANDARD.decode(text).unwrap_or_default(),
        None => key.as_bytes().to_vec(),
    };
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let fits = |signature: &str| {
        let given = signature
            .strip_prefix("v1,")
            .and_then(|text| STANDARD.decode(text).ok());
        let (Some(given), Ok(mut mac)) = (given, Hmac::<Sha256>::new_from_slice(&key)) else {
            return false;
        };
        mac.update(&signed);
        mac.verify_slice(&given).is_ok()
    };
    if timestamp.parse::<i64>().is_ok() && signatures.split(' ').any(fits) {
        Signature::Valid
    } else {
        Signature::Invalid
    }
}

/// A CloudEvent as an event of `message.events`; none if it is no CloudEvent of version 1.0.
fn of_cloud_event(event: &Value) -> Option<Value> {
    if event.get("specversion")? != "1.0" {
        return None;
    }
    let (_, change) = event.get("type")?.as_str()?.rsplit_once('.')?;
    Some(json!({
        "date": event.get("time"),
        "pollDate": event.get("polldate"),
        "eventType": change.to_uppercase(),
        "objectId": event.get("subject"),
        "objectType": event.get("objecttype"),
    }))
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
    let sink = asked.path == "/callback/sink";
    if state.knobs.receiver_down && !sink {
        return Answer::message(StatusCode::SERVICE_UNAVAILABLE, "the receiver is down on command");
    }
    let status = if sink {
        state.knobs.sink_status
    } else {
        state.knobs.receiver_status
    };
    if let Some(status) = status {
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
    let signed = [received.signature, received.standard_signature].contains(&Signature::Valid);
    if state.knobs.require_signature && !signed {
        return Answer::message(StatusCode::UNAUTHORIZED, "the signature is missing or wrong");
    }
    if sink || state.knobs.refuse_ids.is_empty() {
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
    #[test]
    fn checks_the_signature_of_the_specifications_own_example() {
        let key = Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let (id, at) = (Some("msg_p5jXN8AQM9LWM0D4loKWxJek"), Some("1614265330"));
        let (body, header) = (
            br#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        );
        let other = format!("v1,AAAA v1a,AAAA {header}");
        for (headers, expected) in [
            ([id, at, Some(header)], Signature::Valid),
            ([id, at, Some(&other)], Signature::Valid),
            ([id, at, Some("v1,AAAA")], Signature::Invalid),
            ([id, Some("1614265331"), Some(header)], Signature::Invalid),
            ([Some("other"), at, Some(header)], Signature::Invalid),
            ([id, at, None], Signature::None),
            ([None, at, Some(header)], Signature::None),
        ] {
            assert_eq!(check_standard(key, headers, body), expected, "{headers:?}");
        }
        let headers = [id, at, Some(header)];
        assert_eq!(check_standard(None, headers, body), Signature::None);
        assert_eq!(
            check_standard(Some("another key"), headers, body),
            Signature::Invalid
        );
        assert_eq!(check_standard(key, headers, b"another body"), Signature::Invalid);
    }
}
