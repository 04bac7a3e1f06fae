//! Scalars as configurations write them: text, numbers and bools stand in for each other.

use std::time::Duration;

use serde_json::Value;

/// What a value is, for messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The first 40 characters of a text that is no secret, for messages.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The text of a scalar; none for a list or an object.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// An object with the two fields that every entry of the poller configuration has.
pub(super) fn is_entry(value: &Value) -> bool {
    let has = |wanted: &str| {
        let names = value.as_object().into_iter().flat_map(|fields| fields.keys());
        names
            .into_iter()
            .any(|name| name.trim().eq_ignore_ascii_case(wanted))
    };
    has("url") && has("idField")
}

/// `true` and `false` in any case.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Most minutes and seconds a key takes; Cloud Elements users write 999999999 for "never".
const MOST: u64 = 999_999_999;

/// A decimal number of units of `unit` seconds each, at most 999999999 of them.
pub(super) fn decimal(text: &str, unit: u64) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let whole: u64 = whole.parse().ok().filter(|whole| *whole <= MOST)?;
    let nanos = fraction
        .bytes()
        .take(9)
        .zip([
            100_000_000,
            10_000_000,
            1_000_000,
            100_000,
            10_000,
            1_000,
            100,
            10,
            1,
        ])
        .map(|(digit, place)| u64::from(digit - b'0') * place)
        .sum::<u64>();
    Some(Duration::from_secs(whole * unit) + Duration::from_nanos(nanos * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_decimals() {
        for (text, unit, expected) in [
            ("15", 60, Some(Duration::from_secs(900))),
            ("0.5", 60, Some(Duration::from_secs(30))),
            ("1.25", 1, Some(Duration::from_millis(1250))),
            ("15.0", 60, Some(Duration::from_secs(900))),
            ("999999999", 60, Some(Duration::from_secs(59_999_999_940))),
            ("1000000000", 60, None),
            ("-1", 60, None),
            ("1.", 60, None),
            (".5", 60, None),
            ("1e3", 60, None),
            ("", 60, None),
            ("NaN", 60, None),
            ("0.0000000000001", 60, Some(Duration::ZERO)),
        ] {
            assert_eq!(decimal(text, unit), expected, "{text}");
        }
    }
}
