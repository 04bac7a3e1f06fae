//! What a JDK prints.

use super::*;

struct Vector {
    pattern: DatePattern,
    zone: TimeZone,
    instant: Timestamp,
    text: &'static str,
    line: &'static str,
}

fn vectors() -> impl Iterator<Item = Vector> {
    include_str!("../../testdata/simple_date_format.tsv")
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

/// Every letter one to six times.
#[test]
fn prints_every_letter_as_the_jdk() {
    let text = include_str!("../../testdata/simple_date_format_letters.tsv");
    let mut lines = text.lines();
    let patterns: Vec<&str> = lines.next().unwrap().split('|').collect();
    let mut count = 0;
    for line in lines {
        let fields: Vec<&str> = line.split('\t').collect();
        let [zone_name, millis, printed] = fields[..] else {
            panic!("{line}")
        };
        let instant = Timestamp::from_millisecond(millis.parse().unwrap()).unwrap();
        let zone = zone::parse(zone_name).unwrap();
        let texts: Vec<&str> = printed.split('|').collect();
        assert_eq!(texts.len(), patterns.len());
        for (written, expected) in patterns.iter().zip(texts) {
            count += 1;
            // A lone zone or era is no pattern, and a blank is printed as it is.
            let padded = pattern(&format!("{written} s"));
            let printed = padded.format(instant, &zone);
            let (printed, _) = printed.rsplit_once(' ').unwrap();
            assert_eq!(printed, expected, "{written} at {instant} in {zone_name}");
        }
    }
    assert!(count > 10_000, "{count}");
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
