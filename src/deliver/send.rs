//! The request of a notification, and the attempts of one poll.

use std::sync::Arc;
use std::time::Duration;

use ::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use ::http::{Method, Request, StatusCode, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::{
    Attempts, DeliveryError, Notification, Verdict, elements_signature, judge_answer, judge_error,
    stable_number,
};
use crate::config::{Callback, RESERVED_HEADERS};
use crate::http::{BodyLimit, Limits, Transport};

/// Bytes of an answer that are read; only its status and beginning matter.
const ANSWER_LIMIT: BodyLimit = BodyLimit::Truncate(64 * 1024);
/// Characters of an answer that are shown.
const SHOWN: usize = 200;
/// Bytes from which on a configured value is taken out of what is shown.
const SHORTEST_SECRET: usize = 4;

const WEBHOOK_ID: HeaderName = HeaderName::from_static("elements-webhook-id");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("elements-webhook-signature");
const EVENT_IDS: HeaderName = HeaderName::from_static("pollinator-event-ids");
const AGENT: HeaderValue = HeaderValue::from_static(crate::http::USER_AGENT);
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What became of a notification in this poll.
#[derive(Debug)]
pub enum Outcome {
    /// A 2xx.
    Accepted,
    /// The callback will never take it.
    Refused {
        /// 400, 409, 413 or 422.
        status: StatusCode,
        /// The first 200 characters of the answer, printable and without the instance's secrets.
        answer: String,
        /// Whether the callback may have taken an earlier attempt all the same.
        unanswered: bool,
    },
    /// Not accepted yet.
    NotAccepted {
        /// Why the last attempt failed.
        reason: DeliveryError,
        /// How long the callback asked to be left alone, at most an hour.
        retry_after: Option<Duration>,
        /// Whether the callback may have taken one of the attempts all the same.
        unanswered: bool,
    },
}

/// Sends notifications to callbacks.
#[derive(Clone)]
pub struct Sender {
    transport: Arc<dyn Transport>,
}

impl Sender {
    /// Sends over `transport`.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport }
    }

    /// Delivers `notification` in as many attempts as `attempts` allows; all send the same request.
    ///
    /// Only failures that may pass in a moment are tried again here; the others wait for the next poll.
    pub async fn deliver(
        &self,
        callback: &Callback,
        notification: &Notification,
        attempts: Attempts,
        now: impl Fn() -> Timestamp,
    ) -> Outcome {
        let request = match request(callback, notification) {
            Ok(request) => request,
            Err(reason) => {
                return Outcome::NotAccepted {
                    reason,
                    retry_after: None,
                    unanswered: false,
                };
            }
        };
        let limits = Limits {
            timeout: callback.timeout,
            body: ANSWER_LIMIT,
        };
        let mut ever_unanswered = false;
        let mut failed = 0;
        loop {
            let verdict = match self.transport.send(request.clone(), limits).await {
                Ok(answer) => {
                    let shown = if answer.status().is_success() {
                        String::new()
                    } else {
                        excerpt(answer.body(), callback)
                    };
                    judge_answer(answer.status(), answer.headers(), shown, now())
                }
                Err(error) => judge_error(error),
            };
            let (reason, retry_after) = match verdict {
                Verdict::Accepted => return Outcome::Accepted,
                Verdict::Refused { status, answer } => {
                    return Outcome::Refused {
                        status,
                        answer,
                        unanswered: ever_unanswered,
                    };
                }
                Verdict::Retry {
                    error,
                    after,
                    unanswered,
                } => {
                    ever_unanswered |= unanswered;
                    (error, after)
                }
            };
            failed += 1;
            let pause = if reason.is_transient() {
                attempts.pause(failed, retry_after, jitter(notification, failed))
            } else {
                None
            };
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => {
                    return Outcome::NotAccepted {
                        reason,
                        retry_after,
                        unanswered: ever_unanswered,
                    };
                }
            }
        }
    }
}

/// Whether a header of this name (in any case) is set by Pollinator itself, so that a configured one is not sent.
///
/// `Authorization` is reserved only where Basic credentials are configured as well.
fn is_reserved_header(name: &str) -> bool {
    RESERVED_HEADERS
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
}

/// From 0 to 1, the same for one attempt of one notification: different notifications do not beat in step.
fn jitter(notification: &Notification, attempt: usize) -> f64 {
    stable_number(&notification.id, &attempt.to_string()) as f64 / (1_u64 << 53) as f64
}

fn request(callback: &Callback, notification: &Notification) -> Result<Request<Bytes>, DeliveryError> {
    let uri: Uri = callback
        .url
        .as_str()
        .parse()
        .map_err(|_| misconfigured("event.notification.callback.url is no http address"))?;
    let mut request = Request::new(notification.body.clone());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    if let Some(tls) = &callback.tls {
        request.extensions_mut().insert(tls.clone());
    }
    let headers = request.headers_mut();
    for (name, value) in &callback.headers {
        custom_header(headers, name, value.expose_secret())?;
    }
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(USER_AGENT, AGENT);
    headers.insert(WEBHOOK_ID, value_of(&notification.id, "the notification id")?);
    headers.insert(
        EVENT_IDS,
        value_of(&notification.event_ids.join(","), "an event id")?,
    );
    if let Some(key) = &callback.signature_key
        && !key.expose_secret().is_empty()
    {
        let signature = elements_signature(key.expose_secret(), &notification.body);
        headers.insert(WEBHOOK_SIGNATURE, value_of(&signature, "the signature")?);
    }
    if let Some(basic) = basic(callback) {
        let mut value = value_of(&format!("Basic {basic}"), "event.notification.basic")?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(request)
}

fn custom_header(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), DeliveryError> {
    if is_reserved_header(name) {
        return Ok(());
    }
    let key = HeaderName::try_from(name).map_err(|_| {
        misconfigured(&format!(
            "event.notification.callback.headers has {name:?}, which is no header name"
        ))
    })?;
    let mut value = HeaderValue::try_from(value).map_err(|_| {
        misconfigured(&format!(
            "event.notification.callback.headers has a value for {name} that a header cannot carry"
        ))
    })?;
    value.set_sensitive(true);
    headers.append(key, value);
    Ok(())
}

fn basic(callback: &Callback) -> Option<String> {
    let (user, password) = callback.basic.as_ref()?;
    Some(STANDARD.encode(format!("{user}:{}", password.expose_secret())))
}

fn value_of(text: &str, what: &str) -> Result<HeaderValue, DeliveryError> {
    HeaderValue::try_from(text).map_err(|_| misconfigured(&format!("{what} cannot be written as a header")))
}

fn misconfigured(problem: &str) -> DeliveryError {
    DeliveryError::CallbackMisconfigured {
        problem: problem.to_owned(),
    }
}

/// The beginning of an answer for humans. A receiver may echo what it was sent, so secrets are taken out first, among
/// them the path and query of the callback, which often carry a token.
fn excerpt(body: &[u8], callback: &Callback) -> String {
    let basic = basic(callback);
    let texts = callback
        .headers
        .iter()
        .map(|(_, value)| value.expose_secret())
        .chain(
            callback
                .basic
                .iter()
                .map(|(_, password)| password.expose_secret()),
        )
        .chain(basic.as_deref())
        .chain(callback.url.password())
        .chain(callback.url.query())
        .chain([callback.url.path()]);
    let mut secrets: Vec<&[u8]> = texts
        .map(str::as_bytes)
        .chain(callback.signature_key.iter().map(|key| key.expose_secret()))
        // Shorter ones keep nothing secret and would leave holes all over the text.
        .filter(|secret| secret.len() >= SHORTEST_SECRET)
        .collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let mut body = body.to_vec();
    for secret in secrets {
        body = without(&body, secret);
    }
    let text = String::from_utf8_lossy(&body);
    let shown: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SHOWN)
        .collect();
    shown.trim().to_owned()
}

/// `bytes` with stars in place of `secret`; bytes, since a signature key need not be text.
fn without(bytes: &[u8], secret: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(byte) = rest.first() {
        match rest.strip_prefix(secret) {
            Some(after) => {
                shown.extend_from_slice(b"***");
                rest = after;
            }
            None => {
                shown.push(*byte);
                rest = &rest[1..];
            }
        }
    }
    shown
}

#[cfg(test)]
#[path = "send_tests.rs"]
mod tests;
