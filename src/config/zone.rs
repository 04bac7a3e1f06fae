//! Time zones as Java names them: three-letter ids, offsets such as `-8:00`, and IANA names. Bundled data only, no I/O.

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use crate::api::nearest;

/// Why a text names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// A placeholder of the documentation, such as `{TimeZone}`.
    #[error("{0:?} is a placeholder; put a time zone in its place, such as America/Los_Angeles or GMT")]
    Placeholder(String),
    /// A name of one half of the year only.
    #[error(
        "{found:?} is the time of one half of the year only; write {zone}, which follows daylight saving"
    )]
    HalfYear {
        /// The zone as written.
        found: String,
        /// The zone of the whole year.
        zone: &'static str,
    },
    /// Not known; Java would silently take GMT.
    #[error(
        "{found:?} is no known time zone; write an IANA name such as {example}, an offset such as -08:00, or GMT"
    )]
    Unknown {
        /// The zone as written.
        found: String,
        /// The nearest name.
        example: String,
    },
}

/// The ids of `java.util.TimeZone` that are no IANA names or mean something else there; measured on JDK 17.
/// Java's EST, MST and HST know no daylight saving, as the places named here.
const JAVA_IDS: &[(&str, &str)] = &[
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("EST", "America/Panama"),
    ("HST", "Pacific/Honolulu"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("MST", "America/Phoenix"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

/// Names of daylight saving time, with the zone they are in.
const HALF_YEAR: &[(&str, &str)] = &[
    ("PDT", "America/Los_Angeles"),
    ("MDT", "America/Denver"),
    ("CDT", "America/Chicago"),
    ("EDT", "America/New_York"),
    ("AKDT", "America/Anchorage"),
    ("CEST", "Europe/Berlin"),
    ("EEST", "Europe/Helsinki"),
    ("WEST", "Europe/Lisbon"),
    ("AEDT", "Australia/Sydney"),
    ("NZDT", "Pacific/Auckland"),
];

/// GMT, the zone of Cloud Elements' servers; its name prints as `GMT`.
pub(super) fn gmt() -> TimeZone {
    named("GMT").unwrap_or(TimeZone::UTC)
}

/// Reads a zone; nothing but white space is GMT.
pub(super) fn parse(text: &str) -> Result<TimeZone, ZoneError> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("Z") {
        return Ok(gmt());
    }
    if text.starts_with(['{', '<', '$']) {
        return Err(ZoneError::Placeholder(text.chars().take(60).collect()));
    }
    let of_table = |table: &[(&str, &'static str)]| {
        table
            .iter()
            .find(|(id, _)| id.eq_ignore_ascii_case(text))
            .map(|(_, iana)| *iana)
    };
    if let Some(zone) = of_table(JAVA_IDS).and_then(named) {
        return Ok(zone);
    }
    let bare = match text.split_at_checked(3) {
        Some((start, after)) if ["GMT", "UTC"].iter().any(|name| start.eq_ignore_ascii_case(name)) => {
            after.trim()
        }
        _ => text,
    };
    if let Some(offset) = offset(bare) {
        return Ok(TimeZone::fixed(offset));
    }
    if let Some(zone) = named(text) {
        return Ok(zone);
    }
    let found: String = text.chars().take(60).collect();
    Err(match of_table(HALF_YEAR) {
        Some(zone) => ZoneError::HalfYear { found, zone },
        None => ZoneError::Unknown {
            example: example(text),
            found,
        },
    })
}

/// The id that was meant, for a message.
fn example(text: &str) -> String {
    let text = text.replace(' ', "_");
    let ids: Vec<String> = TimeZoneDatabase::bundled()
        .available()
        .map(|id| id.as_str().to_owned())
        .filter(|id| id.contains('/'))
        .collect();
    nearest(&text, ids.iter().map(String::as_str))
        .unwrap_or("America/Los_Angeles")
        .to_owned()
}

/// The offsets from GMT a zone has from an instant on; the rules of the future repeat, and so it ends after a century.
pub(super) fn offsets(zone: &TimeZone, since: Timestamp) -> impl Iterator<Item = Offset> {
    const STEPS: usize = 300;
    let changes = zone.following(since).take(STEPS).map(|change| change.offset());
    std::iter::once(zone.to_offset(since)).chain(changes)
}

/// Since when the rules of today's zones hold, for nearly all.
pub(super) fn lately() -> Timestamp {
    date(2024, 1, 1)
        .to_zoned(TimeZone::UTC)
        .map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
}

fn named(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// `+8`, `-8:00`, `+0530`, `-08:30`.
fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+')?),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) if minutes.len() == 2 => (hours, minutes),
        Some(_) => return None,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "0"),
    };
    let two_digits = |text: &str| {
        let number = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        number.then(|| text.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offset_at(zone: &str, instant: &str, expected: i32) {
        let zone_read = parse(zone).unwrap();
        let instant: Timestamp = instant.parse().unwrap();
        assert_eq!(
            zone_read.to_offset(instant).seconds() / 60,
            expected,
            "{zone} at {instant}"
        );
    }

    #[test]
    fn reads_zones() {
        for (zone, winter, summer) in [
            ("", 0, 0),
            ("GMT", 0, 0),
            ("UTC", 0, 0),
            ("Z", 0, 0),
            ("PST", -480, -420),
            ("CST", -360, -300),
            ("MST", -420, -420),
            ("EST", -300, -300),
            ("America/Denver", -420, -360),
            ("IST", 330, 330),
            ("-8:00", -480, -480),
            ("+6:00", 360, 360),
            ("+0530", 330, 330),
            ("GMT-8", -480, -480),
            ("UTC+05:30", 330, 330),
            ("gmt -08:00", -480, -480),
            ("UTC +1", 60, 60),
            ("pst", -480, -420),
            ("america/denver", -420, -360),
            ("US/Pacific", -480, -420),
            ("Etc/GMT+8", -480, -480),
        ] {
            offset_at(zone, "2018-01-15T12:00:00Z", winter);
            offset_at(zone, "2018-07-15T12:00:00Z", summer);
        }
    }

    #[test]
    fn every_java_id_is_known() {
        for (id, _) in JAVA_IDS {
            assert!(parse(id).is_ok(), "{id}");
        }
    }

    #[test]
    fn refuses() {
        for zone in [
            "{TimeZone}",
            "PDT",
            "Mars/Olympus",
            "-8:0",
            "+24:00",
            "+1:60",
            "+",
            "-:",
            "+00:00:00",
            "8:00",
        ] {
            assert!(parse(zone).is_err(), "{zone}");
        }
        for (zone, remedy) in [
            ("{TimeZone}", "put a time zone in its place"),
            ("PDT", "write America/Los_Angeles, which follows daylight saving"),
            ("Europe/Berln", "such as Europe/Berlin"),
            ("america/new york", "such as America/New_York"),
            ("(UTC-08:00) Pacific Time", "such as America/Los_Angeles"),
        ] {
            let error = parse(zone).unwrap_err().to_string();
            assert!(error.contains(remedy), "{error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,20}|(GMT|UTC|Z|[+-]|[0-9]|:| ){0,8}") {
            if let Ok(zone) = parse(&text) {
                let _ = offsets(&zone, lately()).count();
            }
        }
    }
}
