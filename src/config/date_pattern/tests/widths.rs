//! How much time a text stands for.

use super::*;

const HOUR: i128 = 3_600_000_000_000;

#[test]
fn granules() {
    for (written, printed, read) in [
        ("yyyy-MM-dd'T'HH:mm:ss.SSSSSS", 1_000_000_000, 1_000),
        ("yyyy-MM-dd'T'HH:mm:ss.SSS", 1_000_000, 1_000_000),
        ("yyyy-MM-dd HH:mm:ss.S", 1_000_000_000, 1_000_000_000),
        ("milliseconds", 1_000_000, 1_000_000_000),
        ("seconds", 1_000_000_000, 1_000_000_000),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", 1_000_000_000, 1_000_000_000),
        ("yyyy-MM-dd HH:mm", 60_000_000_000, 60_000_000_000),
        ("yyyy-MM-dd hh:mm a", 60_000_000_000, 60_000_000_000),
        ("yyyy-MM-dd hh a", HOUR, HOUR),
        ("yyyy-MM-dd HH", HOUR, HOUR),
        ("dd/MM/yyyy", 24 * HOUR, 24 * HOUR),
        ("yyyy-DDD", 24 * HOUR, 24 * HOUR),
        ("YYYY-ww-u", 24 * HOUR, 24 * HOUR),
        ("YYYY-ww", 7 * 24 * HOUR, 7 * 24 * HOUR),
        ("yyyy-MM", 31 * 24 * HOUR, 31 * 24 * HOUR),
        ("yyyy", 366 * 24 * HOUR, 366 * 24 * HOUR),
        // A finer part tells nothing where a coarser one is missing.
        ("yyyy-MM-dd mm:ss", 24 * HOUR, 24 * HOUR),
        ("yyyy HH:mm", 366 * 24 * HOUR, 366 * 24 * HOUR),
        // Printed hours of half a day are ambiguous; read ones are taken for hours of the day.
        ("yyyy-MM-dd hh:mm", 24 * HOUR, 60_000_000_000),
        ("HH:mm", 60_000_000_000, 60_000_000_000),
        ("EEE", 7 * 24 * HOUR, 7 * 24 * HOUR),
    ] {
        let pattern = pattern(written);
        assert_eq!(pattern.granule().as_nanos(), printed, "{written}");
        assert_eq!(pattern.read_granule(&zone::gmt()).as_nanos(), read, "{written}");
    }
}

/// The day on which clocks are set back is longer, and so is its repeated hour.
#[test]
fn granules_where_clocks_are_set() {
    for (written, zone, hours) in [
        ("yyyy-MM-dd", "PST", 26),
        ("yyyy-MM-dd", "Asia/Kolkata", 24),
        ("yyyy-MM-dd", "-08:00", 24),
        ("yyyy-MM-dd HH", "PST", 3),
        ("yyyy-MM-dd HHX", "Asia/Kolkata", 1),
        ("yyyy-MM-dd HH:mmX", "+05:30", 1),
    ] {
        let zone = zone::parse(zone).unwrap();
        assert_eq!(
            pattern(written).printed_granule(&zone).as_nanos(),
            hours * HOUR,
            "{written}"
        );
    }
    let minute = SignedDuration::from_mins(1);
    let india = zone::parse("+05:30").unwrap();
    assert_eq!(pattern("yyyy-MM-dd HH:mmX").read_granule(&india), minute);
    assert_eq!(pattern("yyyy-MM-dd HH:mmXX").printed_granule(&india), minute);
    assert_eq!(
        pattern("yyyy-MM-dd HH:mm").printed_granule(&zone::parse("PST").unwrap()),
        minute
    );
}

/// Nothing changed after the last poll is on a day that is printed a granule earlier.
#[test]
fn a_granule_earlier_is_another_text() {
    let los_angeles = zone::parse("PST").unwrap();
    let pattern = pattern("yyyy-MM-dd");
    for hour in 0..48 {
        let instant = at("2018-11-04T05:00:00Z") + SignedDuration::from_hours(hour);
        let earlier = instant - pattern.printed_granule(&los_angeles);
        assert!(
            pattern.format(earlier, &los_angeles) < pattern.format(instant, &los_angeles),
            "{instant}"
        );
    }
}
