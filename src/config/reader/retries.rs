//! When a notification is tried again, and what becomes of one that is refused for good.

use std::time::Duration;

use url::Url;

use super::Findings;
use super::access::web_url_at;
use super::timing::duration;
use crate::api::{DeliverySpec, PermanentFailurePolicy};
use crate::config::Callback;

/// Default of `delivery.retrySchedule`: attempt x after 2^(3x) s, as Cloud Elements' newer help pages have it.
const RETRY_SCHEDULE: [Duration; 5] = [
    Duration::from_secs(8),
    Duration::from_secs(64),
    Duration::from_secs(512),
    Duration::from_secs(4096),
    Duration::from_secs(32_768),
];
/// Most entries of `delivery.retrySchedule`.
const MOST_RETRIES: usize = 20;

/// `delivery.retrySchedule`; none after a problem was noted.
pub(super) fn retry_schedule(delivery: &DeliverySpec, findings: &mut Findings) -> Option<Vec<Duration>> {
    let path = "spec.delivery.retrySchedule";
    let Some(entries) = &delivery.retry_schedule else {
        return Some(RETRY_SCHEDULE.to_vec());
    };
    if entries.is_empty() || entries.len() > MOST_RETRIES {
        findings.problem(
            path,
            format!("has {} entries", entries.len()),
            format!("write 1 to {MOST_RETRIES} durations, such as [8s, 64s, 10m], or remove it"),
        );
        return None;
    }
    let read: Vec<Option<Duration>> = entries
        .iter()
        .enumerate()
        .map(|(index, text)| duration(&format!("{path}[{index}]"), Some(text), Duration::ZERO, findings))
        .collect();
    read.into_iter().collect()
}

/// The address of the dead-letter sink, if there is one; none after a problem was noted.
pub(super) fn dead_letter_sink(delivery: &DeliverySpec, findings: &mut Findings) -> Option<Option<Url>> {
    let path = "spec.delivery.deadLetterSink";
    match (delivery.on_permanent_failure, &delivery.dead_letter_sink) {
        (PermanentFailurePolicy::Hold, None) => Some(None),
        (PermanentFailurePolicy::Hold, Some(_)) => {
            findings.warn(
                path,
                "has no effect with onPermanentFailure: Hold; set onPermanentFailure: DeadLetter to use it",
            );
            Some(None)
        }
        (PermanentFailurePolicy::DeadLetter, Some(sink)) => {
            let uri = sink.uri.trim();
            web_url_at(&format!("{path}.uri"), uri, findings).map(Some)
        }
        (PermanentFailurePolicy::DeadLetter, None) => {
            findings.problem(
                path,
                "is missing beside onPermanentFailure: DeadLetter",
                "add deadLetterSink: {uri: https://…}, or set onPermanentFailure: Hold",
            );
            None
        }
    }
}

/// The sink at `url`: signed as the callback is, but without the credentials and headers meant for the callback.
pub(super) fn sink_beside(callback: &Callback, url: Url) -> Callback {
    Callback {
        url,
        basic: None,
        headers: Vec::new(),
        tls: None,
        ..callback.clone()
    }
}
