//! The receiver of notifications.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::access::web_url;
use super::headers::headers;
use super::keys::{Keys, SIGNATURE_KEY, is_no_url};
use super::signing::signing_keys;
use super::timing::duration;
use super::{Findings, Secrets};
use crate::api::DeliverySpec;
use crate::config::{self, Callback};
use crate::tls::{CA, CERTIFICATE, ClientTls, PRIVATE_KEY};

/// Default of `delivery.timeout`.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Default and bound of `delivery.maxInFlight`.
const MAX_IN_FLIGHT: (usize, usize) = (4, 64);
/// Default and bound of `delivery.maxEvents`: Cloud Elements' own number.
const MAX_EVENTS: (usize, usize) = (10, 10);

/// The callback; none after a problem was noted.
pub(super) fn callback(
    keys: &Keys,
    delivery: &DeliverySpec,
    secrets: &Secrets,
    findings: &mut Findings,
) -> Option<Callback> {
    let key = "event.notification.callback.url";
    let before = findings.problems.len();
    let none = keys.value(key).is_some_and(|value| is_no_url(key, &value));
    let url = if none { None } else { web_url(keys, key, findings) };
    if url.is_none() && findings.problems.len() == before {
        let message = if none {
            "is false, which means no callback URL, so nothing can be delivered"
        } else {
            "the callback URL is missing, so nothing can be delivered"
        };
        keys.missing(
            key,
            message,
            "add the http or https URL that receives the notifications",
            findings,
        );
    }
    let tls = tls(secrets, findings);
    let signature_key = signature_key(keys, findings);
    let signing_keys = signing_keys(keys, signature_key.as_ref(), delivery, secrets, findings);
    let basic = basic(keys, findings);
    let headers = headers(keys, basic.is_some(), findings);
    let timeout = duration(
        "spec.delivery.timeout",
        delivery.timeout.as_deref(),
        TIMEOUT,
        findings,
    );
    if tls.is_some() && url.as_ref().is_some_and(|url| url.scheme() == "http") {
        findings.warn(
            "spec.delivery.tlsFrom",
            format!("has no effect, since {key} is an http URL; write it with https"),
        );
    }
    Some(Callback {
        url: url?,
        tls,
        signature_key,
        signing_keys,
        basic,
        headers,
        timeout: timeout?,
    })
}

/// What the Secret of `delivery.tlsFrom` holds; none after a problem was noted, too.
fn tls(secrets: &Secrets, findings: &mut Findings) -> Option<ClientTls> {
    let (name, values) = secrets.tls.as_ref()?;
    let value = |key: &str| values.get(key).map(|value| value.expose_secret());
    match ClientTls::read(value(CA), value(CERTIFICATE), value(PRIVATE_KEY)) {
        Ok(tls) => Some(tls),
        Err(problems) => {
            for problem in problems {
                let path = format!("secret/{name}[{:?}]", problem.key);
                findings.problem(path, problem.message, problem.remedy);
            }
            None
        }
    }
}

/// `delivery.maxInFlight`; none after a problem was noted.
pub(super) fn max_in_flight(delivery: &DeliverySpec, findings: &mut Findings) -> Option<usize> {
    bounded(
        "spec.delivery.maxInFlight",
        delivery.max_in_flight,
        MAX_IN_FLIGHT,
        findings,
    )
}

/// `delivery.maxEvents`; none after a problem was noted.
pub(super) fn max_events(delivery: &DeliverySpec, findings: &mut Findings) -> Option<usize> {
    bounded(
        "spec.delivery.maxEvents",
        delivery.max_events,
        MAX_EVENTS,
        findings,
    )
}

fn bounded(
    path: &str,
    number: Option<i32>,
    (default, most): (usize, usize),
    findings: &mut Findings,
) -> Option<usize> {
    let Some(number) = number else {
        return Some(default);
    };
    let in_range = usize::try_from(number)
        .ok()
        .filter(|number| (1..=most).contains(number));
    if in_range.is_none() {
        findings.problem(
            path,
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
