//! Whether the received signatures are those of the body, and if not, why most likely.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::VerifyArgs;
use super::keys::Key;
use crate::config::KeyMaterial;
use crate::deliver::{verify_elements, verify_standard};

/// Why a notification is not to be trusted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
    #[error("signature does not match: {0}")]
    NoMatch(&'static str),
    #[error("webhook-timestamp is no whole number of seconds")]
    NoTimestamp,
    #[error(
        "signature matches, but webhook-timestamp is {} s {}, where --tolerance is {} s; \
         it may be a replay, or give the time it was received as --at",
        off.as_secs(), if *early { "ahead" } else { "old" }, tolerance.as_secs_f64()
    )]
    WrongTime {
        off: Duration,
        early: bool,
        tolerance: Duration,
    },
}

/// Checks every signature that was given; one key must fit each.
pub(super) fn check(args: &VerifyArgs, keys: &[Key], body: &[u8], now: Timestamp) -> Result<(), Cause> {
    if let Some(header) = &args.signature {
        check_elements(header_value(header, "elements-webhook-signature"), keys, body)?;
    }
    if let (Some(id), Some(timestamp), Some(header)) =
        (&args.webhook_id, &args.webhook_timestamp, &args.webhook_signature)
    {
        let id = header_value(id, "webhook-id");
        let timestamp = header_value(timestamp, "webhook-timestamp");
        let header = header_value(header, "webhook-signature");
        let at: i64 = timestamp.parse().map_err(|_| Cause::NoTimestamp)?;
        let fits = |key: &Key| verify_standard(&key.standard, id, timestamp, header, body);
        if !keys.iter().any(fits) {
            return Err(Cause::NoMatch(standard_cause(header, keys, body)));
        }
        check_time(at, now, args.tolerance)?;
    }
    Ok(())
}

fn check_elements(header: &str, keys: &[Key], body: &[u8]) -> Result<(), Cause> {
    // Never with an Ed25519 key: with a public one as the key of the HMAC anybody could sign.
    let mut keys = keys
        .iter()
        .filter(|key| matches!(key.standard.material(), KeyMaterial::Symmetric(_)))
        .peekable();
    let cause = if keys.peek().is_none() {
        "Elements-Webhook-Signature is never made with an Ed25519 key; give event.notification.signature.key"
    } else if body.is_empty() {
        EMPTY
    } else if !header.starts_with("sha256=") {
        "the signature should begin with sha256="
    } else {
        changed(body)
    };
    if keys.any(|key| verify_elements(key.bytes.expose_secret(), header, body)) {
        Ok(())
    } else {
        Err(Cause::NoMatch(cause))
    }
}

fn check_time(at: i64, now: Timestamp, tolerance: Duration) -> Result<(), Cause> {
    let now = now.as_second();
    let off = Duration::from_secs(now.abs_diff(at));
    if off <= tolerance {
        return Ok(());
    }
    Err(Cause::WrongTime {
        off,
        early: at > now,
        tolerance,
    })
}

const EMPTY: &str = "the body on standard input is empty";

fn standard_cause(header: &str, keys: &[Key], body: &[u8]) -> &'static str {
    if body.is_empty() {
        return EMPTY;
    }
    let has = |version: &str| {
        let mut signatures = header.split_ascii_whitespace();
        signatures.any(|signature| {
            signature
                .split_once(',')
                .is_some_and(|(found, _)| found == version)
        })
    };
    let symmetric = |key: &Key| matches!(key.standard.material(), KeyMaterial::Symmetric(_));
    match (has("v1"), has("v1a")) {
        (false, false) => "webhook-signature should have signatures that begin with v1, or v1a,",
        (false, true) if keys.iter().all(symmetric) => {
            "it is signed with an Ed25519 key; give its public key, whpk_ and base64"
        }
        (true, false) if !keys.iter().any(symmetric) => {
            "it is signed with a secret key and not with an Ed25519 key; give the secret key"
        }
        _ => changed(body),
    }
}

fn changed(body: &[u8]) -> &'static str {
    if body.ends_with(b"\n") {
        "the body ends with a line end, which notifications do not; \
         otherwise it was changed, or signed with another key"
    } else {
        "the body was changed, or signed with another key"
    }
}

/// People paste the whole header line.
fn header_value<'a>(header: &'a str, name: &str) -> &'a str {
    let value = match header.split_once(':') {
        Some((before, value)) if before.trim().eq_ignore_ascii_case(name) => value,
        _ => header,
    };
    value.trim()
}
