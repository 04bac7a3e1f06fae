//! Macros, valid and damaged.

use proptest::prelude::*;

use super::*;

const LAST_POLL: &str = "2018-07-15T12:34:56.789Z";
const NOW: &str = "2018-07-16T00:00:00Z";

fn renders(text: &str, expected: &str) {
    let template = UrlTemplate::parse(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        template.render(LAST_POLL.parse().unwrap(), NOW.parse().unwrap()),
        expected,
        "{text}"
    );
    assert_eq!(template.as_str(), text.trim());
}

#[test]
fn renders_macros() {
    renders("/pins", "/pins");
    renders("", "");
    renders(" /hubs/x?a=b ", "/hubs/x?a=b");
    renders(
        "/hubs/expense/reports?where=modifiedDateAfter='${date:yyyy-MM-dd'T'HH:mm:ss.SSS}'",
        "/hubs/expense/reports?where=modifiedDateAfter='2018-07-15T12:34:56.789'",
    );
    renders(
        "x>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'",
        "x>'2018-07-15T12:34:56Z'",
    );
    renders("${gmtDate:yyyy-MM-dd'T'HH:mm:ssXXX}", "2018-07-15T12:34:56Z");
    renders("${gmtDate:yyyy-MM-dd'T'HH:mm:ssZ}", "2018-07-15T12:34:56+0000");
    renders(
        "${date:EEE, dd MMM yyyy HH:mm:ss Z}",
        "Sun, 15 Jul 2018 12:34:56 +0000",
    );
    renders("${date:yyyy-MM-dd HH:mm:ss -0800}", "2018-07-15 12:34:56 -0800");
    renders("${date:yyyy-MM-dd'T'HH:mmz}", "2018-07-15T12:34GMT");
    renders(
        "?from=${date}&to=${now}",
        "?from=2018-07-15T12:34:56.789Z&to=2018-07-16T00:00:00.000Z",
    );
    renders("${dateTimeZone:PST:yyyy-MM-dd HH:mm:ss}", "2018-07-15 05:34:56");
    renders("${DateTimeZone:PST:HH:mm}", "05:34");
    renders("${dateTimeZone:America/Denver:HH:mm}", "06:34");
    renders("${dateTimeZone:-8:00:HH:mm}", "04:34");
    renders("${dateTimeZone:+6:00:HH:mmXXX}", "18:34+06:00");
    renders("${dateTimeZone:-8:HH:mm}", "04:34");
    renders("${nowTimeZone:GMT:yyyy-MM-dd}", "2018-07-16");
    renders("${now:yyyy-MM-dd}", "2018-07-16");
    renders("${epoch}", "1531658096789");
    renders(
        "${epoch:s}/${epoch:ms}/${epoch:us}",
        "1531658096/1531658096789/1531658096789000",
    );
    renders("${milliseconds}", "1531658096789");
    renders("${date:milliseconds}", "1531658096789");
    renders("$filter=a&$top=1&x={id}&y=$", "$filter=a&$top=1&x={id}&y=$");
    renders("${date:yyyy'{'MM'}'}", "2018{07}");
}

fn refuses(text: &str, expected: &str) {
    let error = UrlTemplate::parse(text)
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(error.contains(expected), "{text}: {error:?}");
}

#[test]
fn refuses_malformed_macros() {
    refuses("${date:yyyy", "no closing brace");
    refuses("${date:yyyy-MM-dd'T'HH:mm:ss'}", "quote without its partner");
    refuses("${date:10 digit integer Unix time}", "${epoch:s}");
    refuses("${518862600}", "${epoch:s}");
    refuses("${epoch:0}", "${epoch:s}, ${epoch:ms} or ${epoch:us}");
    refuses(
        "${yyyy-MM-dd'T'HH:mm:ss'Z'}",
        "${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}",
    );
    refuses("$yyyy-MM-dd'T'HH:mm:ss'Z'}", "${gmtDate:");
    refuses("x='#{'$'}{gmtDate:yyyy}'", "${gmtDate:");
    refuses("${dateTimeZone:{TimeZone}:yyyy-MM-dd}", "placeholder");
    refuses("${dateTimeZone:Mars:yyyy-MM-dd}", "no known time zone");
    refuses("${dateTimeZone:PST}", "${dateTimeZone:America/Los_Angeles:");
    refuses("${dateTimeZone::yyyy}", "${dateTimeZone:America/Los_Angeles:");
    refuses("${dateTimeZone}", "${dateTimeZone:PST:");
    refuses("${epock}", "${epoch}");
    refuses("${gmtDat:yyyy}", "${gmtDate:");
    refuses("${}", "${gmtDate:");
    refuses("${date:}", "has no date in it");
    refuses("${date:bad}", "letter 'b'");
}

#[test]
fn knows_its_macros() {
    for (text, has_macro, nanos) in [
        ("/pins", false, 0),
        ("${now}", false, 0),
        ("${epoch:s}", true, 1_000_000_000),
        ("${epoch:us}", true, 1_000),
        ("${date}", true, 1_000_000),
        (
            "a=${date:yyyy-MM-dd HH:mm}&b=${epoch}&c=${now:yyyy}",
            true,
            60_000_000_000,
        ),
    ] {
        let template = UrlTemplate::parse(text).unwrap();
        assert_eq!(
            (template.has_macro(), template.granule().as_nanos()),
            (has_macro, nanos),
            "{text}"
        );
    }
    for (text, expected) in [
        ("/calendars/{calendarId}/events?x=${date}", Some("calendarId")),
        ("/x?{\"a\":1}", None),
        ("${date}", None),
    ] {
        assert_eq!(
            UrlTemplate::parse(text).unwrap().placeholder(),
            expected,
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn never_panics(text in "(\\$\\{|\\}|:|date|dateTimeZone|epoch|PST|yyyy|'|-8|[#{}]|\\PC){0,12}", millis in any::<i64>()) {
        if let (Ok(template), Ok(instant)) = (UrlTemplate::parse(&text), Timestamp::from_millisecond(millis)) {
            template.render(instant, instant);
            prop_assert!(template.granule() >= SignedDuration::ZERO);
        }
    }

    #[test]
    fn text_without_macros_is_kept(text in "[a-zA-Z0-9/?&='{} >.-]{0,40}") {
        let template = UrlTemplate::parse(&text).unwrap();
        prop_assert_eq!(template.render(Timestamp::MIN, Timestamp::MAX), text.trim());
    }

    #[test]
    fn never_later_than_the_last_poll(millis in 0_i64..4_000_000_000_000, macro_ in prop::sample::select(vec![
        ("${epoch:s}", 1000), ("${epoch}", 1), ("${milliseconds}", 1),
    ])) {
        let instant = Timestamp::from_millisecond(millis).unwrap();
        let printed: i64 = UrlTemplate::parse(macro_.0).unwrap().render(instant, instant).parse().unwrap();
        prop_assert!((0..macro_.1).contains(&(millis - printed * macro_.1)));
    }
}
