//! Durations as Go and Kubernetes write them: `30s`, `1h30m`, `1.5h`, `500ms`.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no duration such as 30s, 5m, 1.5h or 1h30m")]
pub struct DurationError(String);

/// Units and their length in nanoseconds; `ms` before `m`, which is its beginning.
const UNITS: &[(&str, u64)] = &[
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads numbers with the units h, m, s and ms, one after another, up to 292 years in sum: what the CEL rules accept.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let refuse = || DurationError(text.chars().take(40).collect());
    let mut rest = text.trim();
    let mut nanos: u64 = 0;
    if rest.is_empty() {
        return Err(refuse());
    }
    while !rest.is_empty() {
        let (part, after) = leading(rest).ok_or_else(refuse)?;
        nanos = nanos
            .checked_add(part)
            .filter(|sum| i64::try_from(*sum).is_ok())
            .ok_or_else(refuse)?;
        rest = after;
    }
    Ok(Duration::from_nanos(nanos))
}

/// The nanoseconds of the first number with unit, and the text behind it.
fn leading(text: &str) -> Option<(u64, &str)> {
    let (whole, after) = digits(text)?;
    let (fraction, after) = match after.strip_prefix('.') {
        Some(after) => digits(after)?,
        None => ("", after),
    };
    let (after, unit) = UNITS
        .iter()
        .find_map(|(unit, nanos)| Some((after.strip_prefix(unit)?, *nanos)))?;
    let mut nanos = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        nanos = nanos.checked_add(place.checked_mul(u64::from(digit - b'0'))?)?;
    }
    Some((nanos, after))
}

fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end)
        .filter(|(digits, _)| !digits.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_go_reads() {
        for (text, millis) in [
            ("30s", 30_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            ("1.5h30m", 7_200_000),
            ("500ms", 500),
            ("0.25s", 250),
            ("1m0.5s", 60_500),
            ("0s", 0),
            (" 5m ", 300_000),
            ("100h", 360_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses() {
        for text in [
            "",
            " ",
            "5",
            "m",
            "5 m",
            "-5m",
            "1d",
            "1.m",
            ".5m",
            "5m3",
            "99999999999h",
            "5µs",
            "2600000h",
            "PT5M",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,20}|[0-9.msh]{0,40}") {
            let _ = parse_duration(&text);
        }

        #[test]
        fn sums_its_parts(h in 0u64..1000, m in 0u64..1000, s in 0u64..1000, ms in 0u64..5000) {
            let expected = Duration::from_millis(((h * 60 + m) * 60 + s) * 1000 + ms);
            prop_assert_eq!(parse_duration(&format!("{h}h{m}m{s}s{ms}ms")), Ok(expected));
        }
    }
}
