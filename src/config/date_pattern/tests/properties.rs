//! Properties of every pattern.

use proptest::prelude::*;

use super::super::read::Reader;
use super::*;

const ZONES: &[&str] = &[
    "GMT",
    "UTC",
    "PST",
    "CST",
    "MST",
    "America/Denver",
    "Asia/Kolkata",
    "Europe/Berlin",
    "Europe/London",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "-3:30",
    "+6:00",
];

fn any_pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        "[GyYMLwWdDEuFaHkKhmsSzZX' :./T-]{0,12}",
        "\\PC{0,12}",
        prop::sample::select(OCCURRING).prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn never_panics(
        written in any_pattern(),
        text in "\\PC{0,30}|[0-9:.,TZ+ -]{0,30}|[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}\\PC{0,8}",
        nanos in -377_705_023_201_000_000_000_i128..253_402_207_200_000_000_000,
    ) {
        if let Ok(pattern) = DatePattern::parse(&written) {
            let los_angeles = zone::parse("PST").unwrap();
            let _ = (pattern.read(&text, &TimeZone::UTC), pattern.misprint(), pattern.claimed_offset());
            if let Ok(instant) = Timestamp::from_nanosecond(nanos) {
                let _ = pattern.read(&pattern.format(instant, &los_angeles), &los_angeles);
            }
        }
    }

    /// To the width of what is printed. Until 1972 London had summer time all the year, under the name of winter.
    #[test]
    fn reads_what_it_prints(
        millis in 100_000_000_000_i64..4_102_444_800_000,
        written in prop::sample::select(OCCURRING),
        zone in prop::sample::select(ZONES),
    ) {
        let (pattern, zone) = (pattern(written), zone::parse(zone).unwrap());
        let instant = Timestamp::from_millisecond(millis).unwrap();
        let printed = pattern.format(instant, &zone);
        let read = pattern.read(&printed, &zone);
        let Ok(read) = read else { panic!("{read:?}") };
        let width = pattern.printed_granule(&zone);
        let behind = instant.duration_since(read);
        // An hour that comes twice is read as the later one; an offset of which X cuts the minutes is another one.
        let local = zone.to_datetime(instant);
        let twice = !pattern.names_zone() && zone.to_ambiguous_timestamp(local).is_ambiguous();
        let hour = SignedDuration::from_hours(1);
        let late = if twice || width >= hour { hour } else { SignedDuration::ZERO };
        prop_assert!(behind >= -late && behind < width, "{printed} read as {read}");
        // What was read prints as the same text.
        if width == pattern.granule() && !written.contains("SSSS") {
            prop_assert_eq!(pattern.format(read, &zone), printed);
        }
    }

    #[test]
    fn reads_what_it_prints_by_other_letters(
        millis in 100_000_000_000_i64..4_102_444_800_000,
        written in prop::sample::select(vec![
            "yyyyMMddHHmmssSSSXX", "MM/dd/yyyy hh:mm:ss a XX", "yyyy-DDD kk:mm:ss.SSSZ", "G yyyy MMMM dd K:mm:ss a z",
            "YYYY-'W'ww-u HH:mm:ssXXX", "YYYY w EEEE HH:mm:ss.SSS zzzz", "yy MMM d H:m:s Z",
        ]),
        zone in prop::sample::select(ZONES),
    ) {
        let (pattern, zone) = (pattern(written), zone::parse(zone).unwrap());
        let instant = Timestamp::from_millisecond(millis).unwrap();
        // Years of two digits end in 2069.
        prop_assume!(!written.starts_with("yy ") || millis < 3_000_000_000_000);
        let printed = pattern.format(instant, &zone);
        let read = pattern.read(&printed, &zone);
        let Ok(read) = read else { panic!("{read:?}") };
        let behind = instant.duration_since(read);
        prop_assert!(behind >= SignedDuration::ZERO && behind < pattern.granule(), "{printed} read as {read}");
    }

    #[test]
    fn fractions_are_decimals(digits in "[0-9]{0,9}") {
        let read = pattern("yyyy-MM-dd'T'HH:mm:ss.SSS").read(&format!("2018-01-02T03:04:05.{digits}"), &TimeZone::UTC).unwrap();
        prop_assert_eq!(format!("{:09}", read.subsec_nanosecond()), format!("{digits:0<9}"));
    }

    /// Each token looks at what it takes and at a bounded number of names, so cost grows with lengths only.
    #[test]
    fn looks_at_a_text_once(written in any_pattern(), text in "[ 0-9:.TZ+-]{0,150}|\\PC{0,60}", zone in prop::sample::select(ZONES)) {
        let zone = zone::parse(zone).unwrap();
        let Ok(DatePattern { form: Form::Fields(tokens), .. }) = DatePattern::parse(&written) else {
            return Ok(());
        };
        for text in [text.clone(), text.repeat(8)] {
            let mut reader = Reader::new(&text, &zone);
            let _ = reader.pattern(&tokens);
            prop_assert!(reader.looked_at <= 2 * (text.len() + written.len()) + 700 * (tokens.len() + 1));
        }
    }
}

/// A text longer than any date is refused without a look into it.
#[test]
fn long_texts_cost_nothing() {
    let long = format!("2018{}", "0".repeat(1_000_000));
    for written in ["yyyy", "milliseconds", "seconds", "EEE", "z yyyy"] {
        let error = pattern(written)
            .read(&long, &TimeZone::UTC)
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("it is longer than any date"), "{error}");
        assert!(error.len() < 120);
    }
}
