//! Dates as the APIs print and read them; and HTTP dates.

use jiff::civil::{Date, DateTime};
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::knobs::FilterRounding;

/// Prints as Concur does: `2013-09-02T19:46:01.98`, trailing zeros of the fraction trimmed.
pub(crate) fn print(time: Timestamp, zone: &TimeZone) -> String {
    let local = zone.to_datetime(time);
    let seconds = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        local.year(),
        local.month(),
        local.day(),
        local.hour(),
        local.minute(),
        local.second()
    );
    match local.millisecond() {
        0 => seconds,
        ms => format!("{seconds}.{}", format!("{ms:03}").trim_end_matches('0')),
    }
}

/// Prints as invoice digests do: `2023-03-23 12:48:43.0`, whole seconds with one digit behind them.
pub(crate) fn print_spaced(time: Timestamp, zone: &TimeZone) -> String {
    format!("{}.0", zone.to_datetime(time).strftime("%Y-%m-%d %H:%M:%S"))
}

/// Prints in UTC with that many digits of the fraction: `2018-05-25T07:31:33.000Z`.
pub(crate) fn zulu(time: Timestamp, digits: usize) -> String {
    format!("{time:.digits$}")
}

/// Prints the `Date` header of HTTP.
pub(crate) fn http(time: Timestamp) -> Option<String> {
    rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&time)
        .ok()
}

/// Reads a filter value: `yyyy-MM-dd` or `yyyy-MM-ddTHH:mm:ss.SSS`, with a zone suffix only if allowed.
pub(crate) fn parse_filter(text: &str, zone: &TimeZone, suffix_accepted: bool) -> Option<Timestamp> {
    if has_shape(text, "0000-00-00") {
        let date: Date = text.parse().ok()?;
        return in_zone(date.to_datetime(jiff::civil::Time::midnight()), zone);
    }
    let (local, suffix) = text.split_at_checked(23)?;
    if !has_shape(local, "0000-00-00T00:00:00.000") {
        return None;
    }
    if suffix.is_empty() {
        return in_zone(local.parse().ok()?, zone);
    }
    let known = suffix == "Z" || has_shape(suffix, "+00:00") || has_shape(suffix, "-00:00");
    if suffix_accepted && known {
        text.parse().ok()
    } else {
        None
    }
}

/// Reads a filter value of invoice digests: the midnight of `yyyy-MM-dd`.
pub(crate) fn parse_day(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if has_shape(text, "0000-00-00") {
        parse_filter(text, zone, false)
    } else {
        None
    }
}

/// Reads a filter value of travel requests: `yyyy-MM-dd` or `yyyy-MM-ddTHH:mm:ssZ`.
pub(crate) fn parse_zulu(text: &str) -> Option<Timestamp> {
    if has_shape(text, "0000-00-00T00:00:00Z") {
        text.parse().ok()
    } else {
        parse_day(text, &TimeZone::UTC)
    }
}

/// Reads any usual way to write a date, as a hub compares them; without a zone it is in the given one.
pub(crate) fn parse_any(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    text.parse()
        .ok()
        .or_else(|| in_zone(text.parse().ok()?, zone))
        .or_else(|| rfc2822::DateTimeParser::new().parse_timestamp(text).ok())
}

/// Whether a text begins like a date.
pub(crate) fn looks_like_date(text: &str) -> bool {
    text.get(..10).is_some_and(|start| has_shape(start, "0000-00-00"))
}

fn in_zone(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_timestamp(local).ok()
}

/// `0` in the shape stands for any digit, all else for itself.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(t, s)| if s == b'0' { t.is_ascii_digit() } else { t == s })
}

/// Coarsens a filter value as the `filterRounding` knob says; the records keep their milliseconds.
pub(crate) fn coarsen(time: Timestamp, rounding: FilterRounding, zone: &TimeZone) -> Timestamp {
    let ms = time.as_millisecond();
    let coarse = match rounding {
        FilterRounding::Ms => ms,
        // SQL Server `datetime`: ticks of 1/300 s, printed with ms ending in 0, 3 or 7.
        FilterRounding::ThreeHundredth => {
            let ticks = (i128::from(ms) * 300 + 500).div_euclid(1000);
            i64::try_from((ticks * 1000 + 150).div_euclid(300)).unwrap_or(ms)
        }
        FilterRounding::Second => ms.div_euclid(1000) * 1000,
        FilterRounding::Day => {
            let local = zone.to_datetime(time);
            let since_midnight =
                local.duration_since(local.date().to_datetime(jiff::civil::Time::midnight()));
            return time.checked_sub(since_midnight).unwrap_or(time);
        }
    };
    time.checked_add(SignedDuration::from_millis(coarse - ms))
        .unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn prints_with_none_to_three_fraction_digits() {
        for (time, printed) in [
            ("2013-09-02T19:05:57.687Z", "2013-09-02T19:05:57.687"),
            ("2016-04-04T23:33:08.210Z", "2016-04-04T23:33:08.21"),
            ("2016-04-23T02:53:23.700Z", "2016-04-23T02:53:23.7"),
            ("2016-04-23T02:53:23.007Z", "2016-04-23T02:53:23.007"),
            ("2013-09-02T00:00:00Z", "2013-09-02T00:00:00"),
        ] {
            assert_eq!(print(at(time), &TimeZone::UTC), printed);
        }
    }

    #[test]
    fn reads_only_the_two_documented_formats() {
        let utc = TimeZone::UTC;
        assert_eq!(
            parse_filter("2026-01-02", &utc, false),
            Some(at("2026-01-02T00:00:00Z"))
        );
        assert_eq!(
            parse_filter("2026-01-02T03:04:05.678", &utc, false),
            Some(at("2026-01-02T03:04:05.678Z"))
        );
        for bad in [
            "",
            "now",
            "2026-1-2",
            "2026-13-01",
            "2026-01-02T03:04:05",
            "2026-01-02 03:04:05.678",
        ] {
            assert_eq!(parse_filter(bad, &utc, true), None, "{bad}");
        }
        assert_eq!(parse_filter("2026-01-02T03:04:05.678Z", &utc, false), None);
        assert_eq!(
            parse_filter("2026-01-02T03:04:05.678-05:00", &utc, true),
            Some(at("2026-01-02T08:04:05.678Z"))
        );
        let new_york = TimeZone::get("America/New_York").unwrap();
        assert_eq!(
            parse_filter("2026-01-02T03:04:05.678", &new_york, false),
            Some(at("2026-01-02T08:04:05.678Z"))
        );
    }

    #[test]
    fn other_apis_print_and_read_in_their_own_ways() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let time = at("2023-03-23T16:48:43.987654Z");
        assert_eq!(print_spaced(time, &zone), "2023-03-23 12:48:43.0");
        assert_eq!(zulu(time, 3), "2023-03-23T16:48:43.987Z");
        assert_eq!(zulu(at("2023-03-23T16:48:43Z"), 6), "2023-03-23T16:48:43.000000Z");

        let midnight = Some(at("2023-03-23T04:00:00Z"));
        assert_eq!(parse_day("2023-03-23", &zone), midnight);
        assert_eq!(parse_day("2023-03-23T00:00:00.000", &zone), None);
        assert_eq!(parse_zulu("2023-03-23"), Some(at("2023-03-23T00:00:00Z")));
        assert_eq!(
            parse_zulu("2023-03-23T16:48:43Z"),
            Some(at("2023-03-23T16:48:43Z"))
        );
        for bad in [
            "2023-03-23T16:48:43.000Z",
            "2023-03-23T16:48:43+00:00",
            "2023-03-32",
            "",
        ] {
            assert_eq!(parse_zulu(bad), None, "{bad}");
        }
        for text in [
            "2023-03-23T00:00:00-04:00",
            "2023-03-23T04:00:00.000+0000",
            "2023-03-23T04:00:00Z",
            "2023-03-23T00:00:00",
            "2023-03-23 00:00:00.0",
            "2023-03-23",
            "Thu, 23 Mar 2023 04:00:00 GMT",
            "Thu, 23 Mar 2023 00:00:00 -0400",
        ] {
            assert_eq!(parse_any(text, &zone), midnight, "{text}");
        }
        for text in ["", "Oslo", "2023-03-23T00:00:00 04:00", "yesterday"] {
            assert_eq!(parse_any(text, &zone), None, "{text}");
        }
    }

    #[test]
    fn coarsens_the_four_ways() {
        let coarse = |time: &str, rounding| coarsen(at(time), rounding, &TimeZone::UTC);
        assert_eq!(
            coarse("2026-01-02T03:04:05.686Z", FilterRounding::Ms),
            at("2026-01-02T03:04:05.686Z")
        );
        for (from, to) in [("685", "687"), ("684", "683"), ("681", "680"), ("999", "000")] {
            let second = if to == "000" { "06" } else { "05" };
            assert_eq!(
                coarse(
                    &format!("2026-01-02T03:04:05.{from}Z"),
                    FilterRounding::ThreeHundredth
                ),
                at(&format!("2026-01-02T03:04:{second}.{to}Z"))
            );
        }
        assert_eq!(
            coarse("2026-01-02T03:04:05.686Z", FilterRounding::Second),
            at("2026-01-02T03:04:05Z")
        );
        assert_eq!(
            coarse("2026-01-02T03:04:05.686Z", FilterRounding::Day),
            at("2026-01-02T00:00:00Z")
        );
    }

    #[test]
    fn prints_http_dates() {
        assert_eq!(
            http(at("2022-08-26T16:13:17Z")).unwrap(),
            "Fri, 26 Aug 2022 16:13:17 GMT"
        );
    }
}
