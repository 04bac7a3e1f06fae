//! What is read, and what is not.

use super::*;

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
fn reads_unix_time() {
    for (written, text, expected) in [
        ("milliseconds", "1534778974827", "2018-08-20T15:29:34.827Z"),
        ("milliseconds", "1534778974827.0", "2018-08-20T15:29:34.827Z"),
        ("Milliseconds", " 0 ", "1970-01-01T00:00:00Z"),
        ("milliseconds", "-1", "1969-12-31T23:59:59.999Z"),
        // Ten digits are seconds.
        ("milliseconds", "1534778974", "2018-08-20T15:29:34Z"),
        ("milliseconds", "1534778974.827", "2018-08-20T15:29:34.827Z"),
        ("milliseconds", "9999999999", "2286-11-20T17:46:39Z"),
        ("milliseconds", "999999999", "1970-01-12T13:46:39.999Z"),
        ("milliseconds", "10000000000", "1970-04-26T17:46:40Z"),
        ("milliseconds", "0999999999", "1970-01-12T13:46:39.999Z"),
        ("seconds", "1534778974", "2018-08-20T15:29:34Z"),
        ("seconds", "1534778974.827", "2018-08-20T15:29:34.827Z"),
        ("seconds", "0", "1970-01-01T00:00:00Z"),
        ("seconds", "-1.5", "1969-12-31T23:59:58.5Z"),
        ("10 digit integer Unix time", "1418674956", "2014-12-15T20:22:36Z"),
        ("seconds", "1534778974827", ""),
        ("seconds", "99999999999999999999999999999999999999", ""),
    ] {
        reads(written, text, expected);
    }
    for text in [
        "",
        "12x",
        "1.",
        ".5",
        "1.5",
        "-",
        "+-1",
        "0x10",
        "1e3",
        "99999999999999999999",
        "9999999999999999",
        "2018-01-02",
        "1534778974.82x",
        "1534778974.8.2",
    ] {
        reads("milliseconds", text, "");
    }
}

#[test]
fn reads_hours_of_half_a_day_without_the_half() {
    reads(
        "yyyy-MM-dd hh:mm:ss",
        "2018-01-02 15:04:05",
        "2018-01-02T15:04:05Z",
    );
    reads(
        "yyyy-MM-dd hh:mm:ss",
        "2018-01-02 00:04:05",
        "2018-01-02T00:04:05Z",
    );
    reads("yyyy-MM-dd hh:mm:ss", "2018-01-02 24:04:05", "");
}

#[test]
fn reads_weeks_and_days_of_years() {
    reads("YYYY-'W'ww-u", "2019-W01-1", "2018-12-31T00:00:00Z");
    reads("YYYY w EEE", "2018 28 Sun", "2018-07-08T00:00:00Z");
    reads("YYYY w", "2018 1", "2017-12-31T00:00:00Z");
    reads("YYYY w", "2018 54", "");
    reads("yyyy-MM-DD", "2018-07-196", "2018-07-15T00:00:00Z");
    // 15 is a day in January.
    reads("yyyy-MM-DD", "2018-07-15", "");
    reads("yyyy-MM-dd W F u", "2018-07-15 3 3 7", "2018-07-15T00:00:00Z");
    reads("yyyy-MM-dd W", "2018-07-15 9", "");
}

#[test]
fn reads_a_zone_that_the_pattern_does_not_have() {
    let written = "yyyy-MM-dd HH:mm:ss";
    for (zone, hour) in [
        ("Z", 3),
        (" UTC", 3),
        (" GMT", 3),
        (" +0200", 1),
        ("-05:00", 8),
        (" EST", 8),
    ] {
        reads_in(
            "PST",
            written,
            &format!("2018-07-02 03:04:05{zone}"),
            &format!("2018-07-02T{hour:02}:04:05Z"),
        );
    }
    reads("yyyy-MM-dd", "2018-07-02Z", "");
    reads(written, "2018-07-02 03:04:05 ago", "");
    reads(written, "2018-07-02 03:04:05 +0200 (CEST)", "");
}

/// A name means the configured zone where it is one of its names.
#[test]
fn reads_names_of_zones() {
    let written = "yyyy-MM-dd HH:mm:ss z";
    for (zone, text, expected) in [
        (
            "GMT",
            "2018-07-02 03:04:05 America/Los_Angeles",
            "2018-07-02T10:04:05Z",
        ),
        (
            "GMT",
            "2018-01-02 03:04:05 america/los_angeles",
            "2018-01-02T11:04:05Z",
        ),
        ("GMT", "2018-07-02 03:04:05 GMT+1:00", "2018-07-02T02:04:05Z"),
        ("GMT", "2018-07-02 03:04:05 CST", "2018-07-02T09:04:05Z"),
        ("Asia/Shanghai", "2018-07-02 03:04:05 CST", "2018-07-01T19:04:05Z"),
        ("GMT", "2018-07-02 03:04:05 IST", "2018-07-01T21:34:05Z"),
        ("Europe/Dublin", "2018-07-02 03:04:05 IST", "2018-07-02T02:04:05Z"),
        (
            "America/Sao_Paulo",
            "2018-07-02 03:04:05 BRT",
            "2018-07-02T06:04:05Z",
        ),
        // Both times of the hour that comes twice, and a name that is not that of the season.
        ("PST", "2018-11-04 01:30:00 PDT", "2018-11-04T08:30:00Z"),
        ("PST", "2018-11-04 01:30:00 PST", "2018-11-04T09:30:00Z"),
        ("PST", "2018-07-04 01:30:00 PST", "2018-07-04T09:30:00Z"),
        ("PST", "2018-03-11 02:30:00 PST", "2018-03-11T10:30:00Z"),
        (
            "PST",
            "2018-07-04 01:30:00 Pacific Daylight Time",
            "2018-07-04T08:30:00Z",
        ),
        ("GMT", "2018-07-04 01:30:00 PSTX", ""),
        ("GMT", "2018-07-04 01:30:00 Mars/Olympus", ""),
    ] {
        reads_in(zone, written, text, expected);
    }
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
