//! When and how long: the interval, and what `spec.polling` adds to Cloud Elements.

use std::time::Duration;

use jiff::Timestamp;

use super::Findings;
use super::keys::Keys;
use super::values::{cut, decimal};
use crate::api::{InitialSyncPolicy, PollingSpec};
use crate::config::{InitialSync, parse_duration};

/// Default interval, as in Cloud Elements.
const INTERVAL: Duration = Duration::from_secs(15 * 60);
const LOOKBACK: Duration = Duration::from_secs(60);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const FAILURE_THRESHOLD: u32 = 3;
/// Least of every duration.
const LEAST: Duration = Duration::from_secs(1);

/// What `spec.polling` says besides the interval; a part is none after a problem with it was noted.
pub(super) struct Rest {
    pub(super) lookback: Option<Duration>,
    pub(super) initial_sync: Option<InitialSync>,
    pub(super) request_timeout: Option<Duration>,
    pub(super) failure_threshold: Option<u32>,
}

/// `polling.interval`, else `event.poller.refresh_interval` in minutes, else 15 minutes.
pub(super) fn interval(keys: &Keys, polling: &PollingSpec, findings: &mut Findings) -> Option<Duration> {
    let key = "event.poller.refresh_interval";
    let refresh = match keys.text(key, findings) {
        None => Some(INTERVAL),
        Some(text) if keys.value(key).is_some_and(|value| value.is_f64()) && text.contains('.') => {
            // The API server takes no number with a fraction here, since the key may also be text.
            let message = format!("is {}, a number with a fraction", cut(&text));
            findings.problem(
                keys.path(key),
                message,
                format!("write it as text: \"{}\"", cut(&text)),
            );
            None
        }
        Some(text) => {
            let minutes = decimal(&text, 60).filter(|interval| *interval >= LEAST);
            if minutes.is_none() {
                let message = format!("{:?} is no number of minutes of at least one second", cut(&text));
                findings.problem(
                    keys.path(key),
                    message,
                    "write minutes, such as \"15\" or \"0.5\"",
                );
            }
            minutes
        }
    };
    match polling.interval.as_deref() {
        Some(own) => duration("spec.polling.interval", Some(own), INTERVAL, findings),
        None => refresh,
    }
}

/// Everything else of `spec.polling`.
pub(super) fn rest(polling: &PollingSpec, findings: &mut Findings) -> Rest {
    let request_timeout = polling.request_timeout.as_deref();
    Rest {
        lookback: duration(
            "spec.polling.lookback",
            polling.lookback.as_deref(),
            LOOKBACK,
            findings,
        ),
        initial_sync: initial_sync(polling, findings),
        request_timeout: duration(
            "spec.polling.requestTimeout",
            request_timeout,
            REQUEST_TIMEOUT,
            findings,
        ),
        failure_threshold: failure_threshold(polling, findings),
    }
}

/// A duration of at least a second; none after a problem was noted.
pub(super) fn duration(
    path: &str,
    text: Option<&str>,
    default: Duration,
    findings: &mut Findings,
) -> Option<Duration> {
    let Some(text) = text else { return Some(default) };
    let remedy = "write a duration of at least 1s, such as 30s, 5m or 1h30m";
    match parse_duration(text) {
        Err(error) => findings.problem(path, error.to_string(), remedy),
        Ok(short) if short < LEAST => findings.problem(path, format!("{:?} is too short", cut(text)), remedy),
        Ok(duration) => return Some(duration),
    }
    None
}

fn failure_threshold(polling: &PollingSpec, findings: &mut Findings) -> Option<u32> {
    let Some(number) = polling.failure_threshold else {
        return Some(FAILURE_THRESHOLD);
    };
    let valid = u32::try_from(number).ok().filter(|number| *number >= 1);
    if valid.is_none() {
        findings.problem(
            "spec.polling.failureThreshold",
            format!("is {number}"),
            "write a number of at least 1",
        );
    }
    valid
}

fn initial_sync(polling: &PollingSpec, findings: &mut Findings) -> Option<InitialSync> {
    let path = "spec.polling.initialSync.since";
    let since = polling.initial_sync.since.as_deref();
    match (polling.initial_sync.policy, since) {
        (InitialSyncPolicy::FromNow, None) => Some(InitialSync::FromNow),
        (InitialSyncPolicy::Baseline, None) => Some(InitialSync::Baseline),
        (InitialSyncPolicy::Backfill, None) => Some(InitialSync::Backfill {
            since: Timestamp::UNIX_EPOCH,
        }),
        (InitialSyncPolicy::Backfill, Some(text)) => {
            let since = text
                .trim()
                .parse::<Timestamp>()
                .ok()
                .filter(|since| *since >= Timestamp::UNIX_EPOCH);
            if since.is_none() {
                let message = format!("{:?} is no RFC 3339 instant since 1970", cut(text));
                findings.problem(path, message, "write an instant such as 2026-01-31T00:00:00Z");
            }
            since.map(|since| InitialSync::Backfill { since })
        }
        (_, Some(_)) => {
            findings.problem(
                path,
                "belongs to the policy Backfill",
                "remove it, or set policy: Backfill",
            );
            None
        }
    }
}
