//! The receiver of notifications.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::Value;

use super::Findings;
use super::access::web_url;
use super::keys::{Keys, SIGNATURE_KEY};
use super::timing::duration;
use super::values::{kind, scalar};
use crate::api::DeliverySpec;
use crate::config::{self, Callback, RESERVED_HEADERS};

/// Default of `delivery.timeout`.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Default and bound of `delivery.maxInFlight`.
const MAX_IN_FLIGHT: (usize, usize) = (4, 64);

/// The callback; none after a problem was noted.
pub(super) fn callback(keys: &Keys, delivery: &DeliverySpec, findings: &mut Findings) -> Option<Callback> {
    let key = "event.notification.callback.url";
    let before = findings.problems.len();
    let url = web_url(keys, key, findings);
    if url.is_none() && findings.problems.len() == before {
        let message = "the callback URL is missing, so nothing can be delivered";
        keys.missing(
            key,
            message,
            "add the http or https URL that receives the notifications",
            findings,
        );
    }
    let signature_key = signature_key(keys, findings);
    let basic = basic(keys, findings);
    let headers = headers(keys, basic.is_some(), findings);
    let timeout = duration(
        "spec.delivery.timeout",
        delivery.timeout.as_deref(),
        TIMEOUT,
        findings,
    );
    Some(Callback {
        url: url?,
        signature_key,
        basic,
        headers,
        timeout: timeout?,
    })
}

/// `delivery.maxInFlight`; none after a problem was noted.
pub(super) fn max_in_flight(delivery: &DeliverySpec, findings: &mut Findings) -> Option<usize> {
    let (default, most) = MAX_IN_FLIGHT;
    let Some(number) = delivery.max_in_flight else {
        return Some(default);
    };
    let in_range = usize::try_from(number)
        .ok()
        .filter(|number| (1..=most).contains(number));
    if in_range.is_none() {
        findings.problem(
            "spec.delivery.maxInFlight",
            format!("is {number}"),
            format!("write a number from 1 to {most}"),
        );
    }
    in_range
}

/// The key's bytes; none is unsigned.
fn signature_key(keys: &Keys, findings: &mut Findings) -> Option<SecretSlice<u8>> {
    let path = keys.path(SIGNATURE_KEY);
    let given = keys.bytes(SIGNATURE_KEY, findings)?;
    match config::signature_key(given.expose_secret()) {
        Ok((key, cut)) => {
            if cut {
                findings.warn(
                    path.as_str(),
                    "ends with a line break, which is not part of the key; store the value without it",
                );
            }
            if std::str::from_utf8(key).is_ok_and(|key| key.trim().is_empty()) {
                findings.warn(path, "is nothing but white space, and signs as it is");
            }
            Some(key.to_vec().into())
        }
        Err(only) => {
            findings.problem(
                path,
                only.to_string(),
                "write the key, or make the value empty to leave notifications unsigned",
            );
            None
        }
    }
}

fn basic(keys: &Keys, findings: &mut Findings) -> Option<(String, SecretString)> {
    let username = keys.text("event.notification.basic.username", findings);
    let password = keys.secret("event.notification.basic.password", findings);
    match (username, password) {
        (Some(username), Some(_)) if username.contains(':') => {
            let path = keys.path("event.notification.basic.username");
            findings.problem(
                path,
                "has a colon, which HTTP Basic authentication cannot carry",
                "use another user name",
            );
            None
        }
        (Some(username), password) => Some((username, password.unwrap_or_default())),
        (None, Some(_)) => {
            let message = "is missing beside event.notification.basic.password";
            keys.missing(
                "event.notification.basic.username",
                message,
                "add it, or remove the password",
                findings,
            );
            None
        }
        (None, None) => None,
    }
}

/// A JSON object, an object, or lines `Name: value`.
fn headers(keys: &Keys, basic: bool, findings: &mut Findings) -> Vec<(String, SecretString)> {
    let key = "event.notification.callback.headers";
    let path = keys.path(key);
    let text = match keys.value(key) {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Object(map)) => {
            return from_pairs(&path, from_object(&path, &map, findings), basic, findings);
        }
        Some(Value::String(text)) => text,
        Some(other) => {
            let remedy = "write an object of names and values, or lines such as `X-Api-Key: value`";
            findings.problem(path, format!("is {}", kind(&other)), remedy);
            return Vec::new();
        }
    };
    let pairs = if text.trim_start().starts_with('{') {
        match serde_json::from_str::<serde_json::Map<String, Value>>(&text) {
            Ok(map) => from_object(&path, &map, findings),
            Err(error) => {
                // Positions only: the text itself may be secret.
                let message = format!(
                    "is no valid JSON at line {} column {}",
                    error.line(),
                    error.column()
                );
                findings.problem(
                    path.as_str(),
                    message,
                    "mend the JSON, or write lines `Name: value`",
                );
                Vec::new()
            }
        }
    } else {
        from_lines(&path, &text, findings)
    };
    from_pairs(&path, pairs, basic, findings)
}

fn from_object(
    path: &str,
    map: &serde_json::Map<String, Value>,
    findings: &mut Findings,
) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in map {
        match scalar(value) {
            Some(text) => pairs.push((name.clone(), text)),
            None => findings.problem(
                format!("{path}[{name:?}]"),
                format!("is {}", kind(value)),
                "write it as text",
            ),
        }
    }
    pairs
}

fn from_lines(path: &str, text: &str, findings: &mut Findings) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        match line.split_once(':') {
            Some((name, value)) => pairs.push((name.trim().to_owned(), value.trim().to_owned())),
            None => findings.problem(
                path,
                format!("line {number} has no colon"),
                "write every line as `Name: value`",
            ),
        }
    }
    pairs
}

fn from_pairs(
    path: &str,
    pairs: Vec<(String, String)>,
    basic: bool,
    findings: &mut Findings,
) -> Vec<(String, SecretString)> {
    let mut headers = Vec::new();
    for (name, value) in pairs {
        let lower = name.to_ascii_lowercase();
        let shown: String = name.chars().take(40).collect();
        if HeaderName::from_bytes(lower.as_bytes()).is_err() {
            findings.problem(
                path,
                format!("{shown:?} is no header name"),
                "write names such as X-Api-Key",
            );
        } else if HeaderValue::from_str(&value).is_err() {
            let remedy = "remove control characters and line breaks from it";
            findings.problem(
                path,
                format!("the value of {shown} cannot stand in a header"),
                remedy,
            );
        } else if RESERVED_HEADERS.contains(&lower.as_str()) {
            findings.problem(
                path,
                format!("{shown} is a header of the notification itself"),
                "remove it",
            );
        } else if basic && lower == "authorization" {
            let remedy = "remove it, or remove event.notification.basic.username and .password";
            findings.problem(path, "Authorization is set twice", remedy);
        } else {
            headers.push((name, SecretString::from(value)));
        }
    }
    headers
}
