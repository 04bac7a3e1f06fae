//! Patterns against the JDK, and where they differ on purpose.

use proptest::prelude::*;

use super::*;
use crate::config::zone;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn pattern(text: &str) -> DatePattern {
    DatePattern::parse(text).unwrap()
}

struct Vector {
    pattern: DatePattern,
    zone: TimeZone,
    instant: Timestamp,
    text: &'static str,
    line: &'static str,
}

fn vectors() -> impl Iterator<Item = Vector> {
    include_str!("../testdata/simple_date_format.tsv")
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [written, zone, millis, text] = fields[..] else {
                panic!("{line}")
            };
            let instant = Timestamp::from_millisecond(millis.parse().unwrap()).unwrap();
            Vector {
                pattern: pattern(written),
                zone: zone::parse(zone).unwrap(),
                instant,
                text,
                line,
            }
        })
}

#[test]
fn prints_as_the_jdk() {
    let mut count = 0;
    for vector in vectors() {
        count += 1;
        assert_eq!(
            vector.pattern.format(vector.instant, &vector.zone),
            vector.text,
            "{}",
            vector.line
        );
    }
    assert!(count > 1000);
}

#[test]
fn reads_back_what_the_jdk_prints() {
    let complete = [
        "yyyy-MM-dd",
        "MM/dd/yyyy",
        "yyyy/MM/dd",
        "dd/MM/yyyy",
        "EEE",
        "yyyyMMdd",
        "yy-M-d",
        "MM/dd/yyy'",
    ];
    for vector in vectors() {
        let written = vector.pattern.to_string();
        if !complete.iter().any(|start| written.starts_with(start)) || written.starts_with("EEEE") {
            continue;
        }
        let read = vector.pattern.read(vector.text, &vector.zone);
        let Ok(read) = read else {
            panic!("{}: {read:?}", vector.line)
        };
        let granule = vector.pattern.granule();
        let behind = vector.instant.duration_since(read);
        // Days end with daylight saving, years of two digits in 2069, and an hour comes twice when daylight saving ends.
        let slack = SignedDuration::from_hours(1);
        let two_digits = written.starts_with("yy-")
            && !(at("1970-01-02T00:00:00Z")..at("2069-12-01T00:00:00Z")).contains(&vector.instant);
        assert!(
            two_digits || (-slack..granule + slack).contains(&behind),
            "{}: read {read}",
            vector.line
        );
    }
}

/// Reads `text` in GMT and expects `expected`, or an error if that is empty.
fn reads(written: &str, text: &str, expected: &str) {
    reads_in("GMT", written, text, expected);
}

fn reads_in(zone: &str, written: &str, text: &str, expected: &str) {
    let read = pattern(written).read(text, &zone::parse(zone).unwrap());
    match read {
        Ok(instant) => assert_eq!(instant.to_string(), expected, "{text:?} by {written}"),
        Err(error) => assert_eq!(expected, "", "{error}"),
    }
}

#[test]
fn reads_dates_of_concur() {
    let concur = "yyyy-MM-dd'T'HH:mm:ss.SSS";
    reads(concur, "2013-09-02T19:05:57.687", "2013-09-02T19:05:57.687Z");
    reads(concur, "2016-04-23T02:53:23.7", "2016-04-23T02:53:23.7Z");
    reads(concur, "2016-04-04T23:33:08.21", "2016-04-04T23:33:08.21Z");
    reads(concur, "2013-09-02T00:00:00", "2013-09-02T00:00:00Z");
    reads(concur, "2013-09-02T00:00:00.", "2013-09-02T00:00:00Z");
    reads(concur, " 2013-09-02T00:00:00.5 ", "2013-09-02T00:00:00.5Z");
    reads(
        concur,
        "2013-09-02T00:00:00.123456789123",
        "2013-09-02T00:00:00.123456789Z",
    );
    reads(concur, "2013-09-02T00:00:00.687Z", "2013-09-02T00:00:00.687Z");
    reads(
        concur,
        "2013-09-02T00:00:00.687+02:00",
        "2013-09-01T22:00:00.687Z",
    );
    reads(concur, "2013-09-02", "");
    reads(concur, "2013-09-02T00:00", "");
    reads(concur, "2013-13-02T00:00:00", "");
    reads(concur, "2013-02-30T00:00:00", "");
    reads(concur, "2013-09-02T24:00:00", "");
    reads(concur, "2013-09-02T00:00:00.5 or so", "");
    reads(concur, "2013-09-02T00:00:00 Zulu", "");
    reads(concur, "13-09-02T00:00:00", "");
    reads(concur, "0001-01-01T00:00:00", "0001-01-01T00:00:00Z");
    reads(concur, "", "");
    reads(concur, "２０１３-09-02T00:00:00", "");
}

#[test]
fn reads_fractions() {
    reads(
        "yyyy-MM-dd'T'HH:mm:ss",
        "2018-01-02T03:04:05.25",
        "2018-01-02T03:04:05.25Z",
    );
    reads(
        "yyyy-MM-dd'T'HH:mm:ss'Z'",
        "2018-01-02T03:04:05.25Z",
        "2018-01-02T03:04:05.25Z",
    );
    reads(
        "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
        "2018-01-02T03:04:05Z",
        "2018-01-02T03:04:05Z",
    );
    reads(
        "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
        "2018-01-02T03:04:05.123456+00:00",
        "2018-01-02T03:04:05.123456Z",
    );
    reads(
        "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        "2018-01-02T03:04:05+00:00",
        "2018-01-02T03:04:05Z",
    );
    reads(
        "yyyy-MM-dd'T'HH:mm:ss,SSS",
        "2018-01-02T03:04:05,5",
        "2018-01-02T03:04:05.5Z",
    );
    reads(
        "yyyy-MM-dd'T'HH:mm:ssSSSSSSXXX",
        "2018-01-02T03:04:05123456Z",
        "2018-01-02T03:04:05.123456Z",
    );
    reads(
        "yyyyMMddHHmmssSSS",
        "20180102030405123",
        "2018-01-02T03:04:05.123Z",
    );
    reads(
        "yyyyMMddHHmmss.SSSZ",
        "20180102030405.5+0100",
        "2018-01-02T02:04:05.5Z",
    );
    reads("ss.SSS yyyy", "07 2018", "2018-01-01T00:00:07Z");
    reads(
        "yyyy S:S",
        "2018 999999999:999999999",
        "2018-01-01T00:00:00.999999999Z",
    );
}

#[test]
fn reads_zones() {
    for letter in ["X", "XX", "XXX", "Z", "z"] {
        for (zone, hour) in [
            ("Z", "03"),
            ("+0000", "03"),
            ("+00:00", "03"),
            ("+00", "03"),
            ("-05:00", "08"),
            ("-0500", "08"),
            ("-05", "08"),
            ("GMT", "03"),
            ("UTC", "03"),
            ("GMT-05:00", "08"),
            ("EST", "08"),
            ("PST", "11"),
            ("PDT", "10"),
            ("Pacific Daylight Time", "10"),
        ] {
            let text = format!("2018-07-02T03:04:05{zone}");
            let expected = format!("2018-07-02T{hour}:04:05Z");
            reads(&format!("yyyy-MM-dd'T'HH:mm:ss{letter}"), &text, &expected);
            reads(
                &format!("yyyy-MM-dd'T'HH:mm:ss{letter}"),
                &format!("2018-07-02T03:04:05 {zone}"),
                &expected,
            );
        }
    }
    let written = "yyyy-MM-dd'T'HH:mm:ssXXX";
    for zone in ["", "Q", "+", "+1:2", "+25:00", "+00:60", "MARS", "+00:00x"] {
        reads(written, &format!("2018-07-02T03:04:05{zone}"), "");
    }
    reads(
        "EEE, dd MMM yyyy HH:mm:ss Z",
        "Mon, 02 Jul 2018 03:04:05 +0200",
        "2018-07-02T01:04:05Z",
    );
    reads(
        "EEE MMM dd HH:mm:ss z yyyy",
        "Mon Jul 02 03:04:05 PDT 2018",
        "2018-07-02T10:04:05Z",
    );
}

#[test]
fn reads_local_time() {
    let written = "yyyy-MM-dd HH:mm:ss";
    reads_in("PST", written, "2018-01-15 12:00:00", "2018-01-15T20:00:00Z");
    reads_in("PST", written, "2018-07-15 12:00:00", "2018-07-15T19:00:00Z");
    reads_in("PST", written, "2018-03-11 02:30:00", "2018-03-11T10:30:00Z");
    reads_in("PST", written, "2018-11-04 01:30:00", "2018-11-04T09:30:00Z");
    reads_in(
        "PST",
        "yyyy-MM-dd'T'HH:mm:ssXXX",
        "2018-07-15T12:00:00Z",
        "2018-07-15T12:00:00Z",
    );
    reads_in("+05:30", written, "2018-07-15 12:00:00", "2018-07-15T06:30:00Z");
}

#[test]
fn reads_other_letters() {
    reads("MM/dd/yyyy", "3/4/2018", "2018-03-04T00:00:00Z");
    reads("dd MMMM yyyy", "4 march 2018", "2018-03-04T00:00:00Z");
    reads("dd MMMM yyyy", "4 Mar 2018", "2018-03-04T00:00:00Z");
    reads("dd MMM yyyy", "4 Marsh 2018", "");
    reads("MM/dd/yy", "03/04/18", "2018-03-04T00:00:00Z");
    reads("MM/dd/yy", "03/04/70", "1970-03-04T00:00:00Z");
    reads(
        "MM/dd/yyyy hh:mm a",
        "03/04/2018 12:30 AM",
        "2018-03-04T00:30:00Z",
    );
    reads(
        "MM/dd/yyyy hh:mm a",
        "03/04/2018 12:30 pm",
        "2018-03-04T12:30:00Z",
    );
    reads("MM/dd/yyyy hh:mm a", "03/04/2018 13:30 PM", "");
    reads(
        "MM/dd/yyyy KK:mm a",
        "03/04/2018 11:30 PM",
        "2018-03-04T23:30:00Z",
    );
    reads("yyyy-MM-dd kk:mm", "2018-03-04 24:30", "2018-03-04T00:30:00Z");
    reads("yyyy-DDD", "2018-063", "2018-03-04T00:00:00Z");
    reads("yyyy-DDD", "2018-366", "");
    reads("YYYY-MM-dd", "2018-12-31", "2018-12-31T00:00:00Z");
    reads("G yyyy", "AD 2018", "2018-01-01T00:00:00Z");
    reads("G yyyy", "bc 0001", "0000-01-01T00:00:00Z");
    reads("yyyy", "2018", "2018-01-01T00:00:00Z");
    reads("yyyyMMdd", "20180304", "2018-03-04T00:00:00Z");
    reads("yyMMdd", "180304", "2018-03-04T00:00:00Z");
    reads("yyMMddHHmm", "9912312359", "1999-12-31T23:59:00Z");
    reads("yyyyMMdd", "201803041", "");
    reads(
        "yyyy-MM-dd'T'HH:mm:ss",
        "2016-12-31T23:59:60",
        "2016-12-31T23:59:59Z",
    );
    reads(
        "yyyy-MM-dd'T'HH:mm:ss",
        "2018-99999999999999999999-01T00:00:00",
        "",
    );
}

#[test]
fn reads_milliseconds() {
    reads("milliseconds", "1534778974827", "2018-08-20T15:29:34.827Z");
    reads("Milliseconds", " 0 ", "1970-01-01T00:00:00Z");
    reads("milliseconds", "-1", "1969-12-31T23:59:59.999Z");
    for text in ["", "12x", "99999999999999999999", "9999999999999999", "1.5"] {
        reads("milliseconds", text, "");
    }
}

#[test]
fn prints_fractions_as_decimals() {
    let instant = at("2018-01-02T03:04:05.007890123Z");
    for (written, expected) in [
        ("s.S", "5.0"),
        ("s.SS", "5.00"),
        ("s.SSS", "5.007"),
        ("s.SSSSSS", "5.007890"),
        ("s.SSSSSSSSS", "5.007890123"),
        ("s.SSSSSSSSSSSS", "5.007890123000"),
        ("milliseconds", "1514862245007"),
    ] {
        assert_eq!(
            pattern(written).format(instant, &TimeZone::UTC),
            expected,
            "{written}"
        );
    }
    let before = at("1969-12-31T23:59:59.9999Z");
    assert_eq!(pattern("milliseconds").format(before, &TimeZone::UTC), "-1");
    assert_eq!(pattern("ss.SSS").format(before, &TimeZone::UTC), "59.999");
    let india = zone::parse("Asia/Kolkata").unwrap();
    assert_eq!(pattern("HHX").format(instant, &india), "08+0530");
}

#[test]
fn granules() {
    for (written, nanos) in [
        ("yyyy-MM-dd'T'HH:mm:ss.SSSSSS", 1_000),
        ("yyyy-MM-dd'T'HH:mm:ss.SSS", 1_000_000),
        ("milliseconds", 1_000_000),
        ("yyyy-MM-dd'T'HH:mm:ss.S", 100_000_000),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", 1_000_000_000),
        ("yyyy-MM-dd HH:mm", 60_000_000_000),
        ("yyyy-MM-dd hh a", 3_600_000_000_000),
        ("dd/MM/yyyy", 86_400_000_000_000),
        ("yyyy-MM", 31 * 86_400_000_000_000),
        ("yyyy", 366 * 86_400_000_000_000),
    ] {
        assert_eq!(pattern(written).granule().as_nanos(), nanos, "{written}");
    }
}

fn refuses(written: &str, error: &str) {
    assert_eq!(DatePattern::parse(written).unwrap_err().to_string(), error);
}

#[test]
fn refuses_patterns() {
    refuses(
        "",
        "\"\" has no date in it; write a pattern such as yyyy-MM-dd'T'HH:mm:ss, or milliseconds",
    );
    refuses(
        "yyyy-MM-dd'T'HH:mm:ss'",
        "\"yyyy-MM-dd'T'HH:mm:ss'\" has a quote without its partner; remove it, or add the other one",
    );
    refuses(
        "milliseconds'",
        "\"milliseconds'\" has a quote without its partner; remove it, or add the other one",
    );
    refuses(
        "key",
        "\"key\" has the letter 'e', which no date pattern knows; put quotes around literal text, or remove it",
    );
    refuses(
        "10 digit integer Unix time",
        "\"10 digit integer Unix time\" has the letter 'i', which no date pattern knows; put quotes around literal text, or remove it",
    );
    refuses(
        "518862600",
        "\"518862600\" has no date in it; write a pattern such as yyyy-MM-dd'T'HH:mm:ss, or milliseconds",
    );
    refuses(
        "yyyy XXXX",
        "\"yyyy XXXX\" has more than three X; write X, XX or XXX",
    );
    refuses(&"y-".repeat(101), "the pattern is longer than 200 characters");
}

#[test]
fn errors_name_value_and_pattern() {
    let error = pattern("yyyy-MM-dd")
        .read(&"x".repeat(50), &TimeZone::UTC)
        .unwrap_err();
    let shown = format!(
        "\"{}…\" is no date of the pattern yyyy-MM-dd: it has no digits where the pattern has a number",
        "x".repeat(40)
    );
    assert_eq!(error.to_string(), shown);
}

proptest! {
    #[test]
    fn never_panics(written in "[GyYMdDEahHkKmsSzZX' :./T-]{0,12}|\\PC{0,12}", text in "\\PC{0,30}|[0-9:.,TZ+ -]{0,30}",
                    nanos in -377_705_023_201_000_000_000_i128..253_402_207_200_000_000_000) {
        if let Ok(pattern) = DatePattern::parse(&written) {
            let _ = pattern.read(&text, &TimeZone::UTC);
            if let Ok(instant) = Timestamp::from_nanosecond(nanos) {
                let printed = pattern.format(instant, &zone::parse("PST").unwrap());
                let _ = pattern.read(&printed, &TimeZone::UTC);
            }
        }
    }

    #[test]
    fn reads_what_it_prints(millis in -2_000_000_000_000_i64..30_000_000_000_000, written in prop::sample::select(vec![
        "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "yyyy-MM-dd'T'HH:mm:ss.SSSZ", "EEE, dd MMM yyyy HH:mm:ss Z", "milliseconds",
        "yyyyMMddHHmmssSSSX", "MM/dd/yyyy hh:mm:ss a XX", "yyyy-DDD kk:mm:ss.SX", "G yyyy MMMM dd K a z",
    ]), zone in prop::sample::select(vec!["GMT", "PST", "Asia/Kolkata", "Europe/Berlin", "-3:30"])) {
        let (pattern, zone) = (pattern(written), zone::parse(zone).unwrap());
        let instant = Timestamp::from_millisecond(millis).unwrap();
        // Names of zones: only those the tables have, and not in the world wars, when US zones had others.
        let named = matches!(zone.iana_name(), Some("GMT" | "America/Los_Angeles")) && millis > 0;
        // Before 1901 zones had offsets with seconds, which no pattern prints.
        if millis < -1_500_000_000_000 || written.contains('z') && !named {
            return Ok(());
        }
        let printed = pattern.format(instant, &zone);
        let read = pattern.read(&printed, &zone).unwrap();
        let behind = instant.duration_since(read);
        prop_assert!(behind >= SignedDuration::ZERO && behind < pattern.granule(), "{printed} read as {read}");
    }

    #[test]
    fn fractions_are_decimals(digits in "[0-9]{0,9}") {
        let read = pattern("yyyy-MM-dd'T'HH:mm:ss.SSS").read(&format!("2018-01-02T03:04:05.{digits}"), &TimeZone::UTC).unwrap();
        prop_assert_eq!(format!("{:09}", read.subsec_nanosecond()), format!("{digits:0<9}"));
    }
}
