//! The request of a notification, and the attempts of one poll.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use ::http::{Method, Request, StatusCode, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use secrecy::ExposeSecret;

use super::error::quoted;
use super::{
    Attempts, DeliveryError, Notification, Verdict, elements_signature, judge_answer, judge_error,
    stable_number, standard_signature,
};
use crate::config::{Callback, RESERVED_HEADERS, WebhookKey};
use crate::http::{BodyLimit, Limits, Transport};

/// Bytes of an answer that are read; only its status and beginning matter.
const ANSWER_LIMIT: BodyLimit = BodyLimit::Truncate(64 * 1024);
/// Characters of an answer that are shown.
const SHOWN: usize = 200;
/// Bytes from which on a configured value is taken out of what is shown.
const SHORTEST_SECRET: usize = 4;

const ELEMENTS_ID: HeaderName = HeaderName::from_static("elements-webhook-id");
const ELEMENTS_SIGNATURE: HeaderName = HeaderName::from_static("elements-webhook-signature");
const STANDARD_ID: HeaderName = HeaderName::from_static("webhook-id");
const STANDARD_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const STANDARD_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const EVENT_IDS: HeaderName = HeaderName::from_static("pollinator-event-ids");
const ERROR_CODE: HeaderName = HeaderName::from_static("pollinator-error-code");
const ERROR_DATA: HeaderName = HeaderName::from_static("pollinator-error-data");
const ERROR_DESTINATION: HeaderName = HeaderName::from_static("pollinator-error-destination");
/// What a text in a header is written without (CloudEvents HTTP binding 1.0.2 §3.1.3.2).
const NOT_IN_HEADERS: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');
const AGENT: HeaderValue = HeaderValue::from_static(crate::http::USER_AGENT);

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

/// Why a notification goes to the dead-letter sink.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// 400, 409, 413 or 422.
    pub status: StatusCode,
    /// The first 200 characters of the answer, printable and without the instance's secrets.
    pub answer: String,
}

/// As in `400 Bad Request: "no such employee"`.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.status, quoted(&self.answer))
    }
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

    /// Delivers `notification` in as many attempts as `attempts` allows; all send the same request, but for the headers
    /// `webhook-timestamp` and `webhook-signature`, which are of the attempt.
    ///
    /// Only failures that may pass in a moment are tried again here; the others wait for the next poll.
    pub async fn deliver(
        &self,
        callback: &Callback,
        notification: &Notification,
        attempts: &Attempts,
        now: impl Fn() -> Timestamp,
    ) -> Outcome {
        match request(callback, notification) {
            Ok(request) => self.send(callback, request, notification, attempts, now).await,
            Err(reason) => not_sent(reason, false),
        }
    }

    /// Posts a notification that `callback` refused to `sink`, in one attempt: the same bytes and headers, and
    /// beside them what the callback answered. Of the callback's address only the origin is told, since path and
    /// query may be secret.
    pub async fn dead_letter(
        &self,
        sink: &Callback,
        notification: &Notification,
        callback: &Callback,
        refusal: &Refusal,
        now: impl Fn() -> Timestamp,
    ) -> Outcome {
        let request = request(sink, notification).and_then(|mut request| {
            let headers = request.headers_mut();
            headers.insert(ERROR_CODE, HeaderValue::from(refusal.status.as_u16()));
            let answer = utf8_percent_encode(&refusal.answer, NOT_IN_HEADERS).to_string();
            headers.insert(ERROR_DATA, value_of(&answer, "the callback's answer")?);
            let destination = callback.url.origin().ascii_serialization();
            headers.insert(
                ERROR_DESTINATION,
                value_of(&destination, "the callback's address")?,
            );
            Ok(request)
        });
        match request {
            Ok(request) => {
                let once = Attempts::once();
                self.send(sink, request, notification, &once, now).await
            }
            Err(reason) => not_sent(reason, false),
        }
    }

    async fn send(
        &self,
        callback: &Callback,
        request: Request<Bytes>,
        notification: &Notification,
        attempts: &Attempts,
        now: impl Fn() -> Timestamp,
    ) -> Outcome {
        let limits = Limits {
            timeout: callback.timeout,
            body: ANSWER_LIMIT,
        };
        let mut ever_unanswered = false;
        let mut failed = 0;
        loop {
            let mut request = request.clone();
            if let Err(reason) = stamp(&mut request, callback, notification, now()) {
                return not_sent(reason, ever_unanswered);
            }
            let verdict = match self.transport.send(request, limits).await {
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
                attempts.pause(failed, retry_after, jitter(&notification.id, failed))
            } else {
                None
            };
            let again = match pause {
                Some(pause) => attempts.wait(pause).await,
                None => false,
            };
            if !again {
                return Outcome::NotAccepted {
                    reason,
                    retry_after,
                    unanswered: ever_unanswered,
                };
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

fn not_sent(reason: DeliveryError, unanswered: bool) -> Outcome {
    Outcome::NotAccepted {
        reason,
        retry_after: None,
        unanswered,
    }
}

/// From 0 to 1, the same for one attempt of one notification: different notifications do not beat in step.
fn jitter(id: &str, attempt: usize) -> f64 {
    stable_number(id, &attempt.to_string()) as f64 / (1_u64 << 53) as f64
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
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(notification.content_type));
    headers.insert(USER_AGENT, AGENT);
    let id = value_of(&notification.id, "the notification id")?;
    headers.insert(ELEMENTS_ID, id.clone());
    headers.insert(STANDARD_ID, id);
    headers.insert(
        EVENT_IDS,
        value_of(&notification.event_ids.join(","), "an event id")?,
    );
    if let Some(key) = &callback.signature_key
        && !key.expose_secret().is_empty()
    {
        let signature = elements_signature(key.expose_secret(), &notification.body);
        headers.insert(ELEMENTS_SIGNATURE, value_of(&signature, "the signature")?);
    }
    if let Some(basic) = basic(callback) {
        let mut value = value_of(&format!("Basic {basic}"), "event.notification.basic")?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(request)
}

/// Adds the headers of Standard Webhooks that tell one attempt from another.
fn stamp(
    request: &mut Request<Bytes>,
    callback: &Callback,
    notification: &Notification,
    at: Timestamp,
) -> Result<(), DeliveryError> {
    let timestamp = at.as_second();
    let headers = request.headers_mut();
    headers.insert(STANDARD_TIMESTAMP, timestamp.into());
    if !callback.signing_keys.is_empty() {
        let keys = &callback.signing_keys;
        let signature = standard_signature(keys, &notification.id, timestamp, &notification.body)
            .map_err(|error| misconfigured(&error.to_string()))?;
        headers.insert(STANDARD_SIGNATURE, value_of(&signature, "the signature")?);
    }
    Ok(())
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
        .chain(callback.signing_keys.iter().flat_map(WebhookKey::secrets))
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
