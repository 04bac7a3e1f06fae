//! What is in an answer beside its records: clock, correlation id, warnings, retry time, the message of an error.

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

/// The shortest and longest time a vendor can make us wait.
const RETRY_AFTER_BOUNDS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));

/// `Retry-After`, in seconds or as a date relative to the answer's own clock, within 1 s and 1 h.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let wait = crate::http::retry_after(headers, None)?;
    Some(wait.clamp(RETRY_AFTER_BOUNDS.0, RETRY_AFTER_BOUNDS.1))
}

/// A header's text, cut to 200 printable characters.
pub(super) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = super::quote::quote(&String::from_utf8_lossy(headers.get(name)?.as_bytes()), &[]);
    (!text.is_empty()).then_some(text)
}

/// The value at a dotted path, in which numbers count the items of lists.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

/// The text for humans in an error body: the first of `paths` that leads to a text, else the body's beginning.
pub(super) fn message(body: &[u8], parsed: Option<&Value>, paths: &[String]) -> String {
    let text = parsed.and_then(|value| paths.iter().find_map(|path| at(value, path)?.as_str()));
    match text {
        Some(text) => super::quote::quote(text, &[]),
        None => super::quote::quote(&beginning(body), &[]),
    }
}

/// Enough of a body to quote from it.
fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(2000)]).into_owned()
}
