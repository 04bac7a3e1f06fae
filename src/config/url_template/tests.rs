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
    renders(
        "${GMTDATE:yyyy}/${ Epoch : S }/${DATETIMEZONE:pst:HH}",
        "2018/1531658096/05",
    );
    renders("${nowtimezone:America/Denver:HH:mm}", "18:00");
    renders("${dateTimeZone:-08:00:HH:mm}", "04:34");
    renders("${dateTimeZone:GMT-8:HH:mm}", "04:34");
    renders("${dateTimeZone:UTC+01:00:HH:mm z}", "13:34 GMT+01:00");
    renders("${dateTimeZone:GMT:mm:ss}", "34:56");
    renders(
        "A>${date:yyyy-MM-dd} or B>${epoch:s}",
        "A>2018-07-15 or B>1531658096",
    );
    renders(
        "from '${dateTimeZone:GMT:yyyy-MM-dd'T'HH:mm}' to '${nowTimeZone:GMT:yyyy-MM-dd'T'HH:mm}'",
        "from '2018-07-15T12:34' to '2018-07-16T00:00'",
    );
    renders("${date:seconds}", "1531658096");
    renders("x='${date:yyyy''MM}'", "x='2018'07'");
    renders(
        "/me?$filter=a gt ${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}&$skip=1",
        "/me?$filter=a gt 2018-07-15T12:34:56Z&$skip=1",
    );
}

/// Understood where one reading is possible, and said.
fn understands(text: &str, expected: &str, notice: &str) {
    renders(text, expected);
    let template = UrlTemplate::parse(text).unwrap();
    let [found] = template.notices() else {
        panic!("{text}: {:?}", template.notices())
    };
    assert_eq!(found, notice);
}

#[test]
fn understands_slips() {
    understands(
        "x>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'}'",
        "x>'2018-07-15T12:34:56'",
        "in the macro \"${gmtDate:yyyy-MM-dd'T'HH:mm:ss'}\" \"yyyy-MM-dd'T'HH:mm:ss'\" has a quote too many at its end; it is read as yyyy-MM-dd'T'HH:mm:ss",
    );
    understands(
        "x>='#{'$'}{gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'",
        "x>='2018-07-15T12:34:56Z'",
        "\"#{'$'}{gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}\" is an escaped macro; it is read as ${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}",
    );
    understands(
        "x>${date:10 digit integer Unix time}",
        "x>1531658096",
        "in the macro \"${date:10 digit integer Unix time}\" \"10 digit integer Unix time\" is a description of a format; it is read as seconds",
    );
    understands(
        "/startingFrom=${epoch:0}",
        "/startingFrom=1531658096789",
        "\"${epoch:0}\" is read as ${epoch}, Unix time in milliseconds",
    );
    understands(
        "x='${dateTimeZone:PST:yyyy-MM-dd HH:mm:ss -0800}'",
        "x='2018-07-15 05:34:56 -0800'",
        "the macro \"${dateTimeZone:PST:yyyy-MM-dd HH:mm:ss -0800}\" prints another offset than its zone has, at least for part of the year; write Z or XXX without quotes for the true one",
    );
    for fine in [
        "${date:yyyy-MM-dd'Z'}",
        "${dateTimeZone:-08:00:HH:mm -0800}",
        "${dateTimeZone:PST:HH:mmXXX}",
        "${date}",
    ] {
        assert!(UrlTemplate::parse(fine).unwrap().notices().is_empty(), "{fine}");
    }
}

/// The vendor must not take the printed time for a later one, or changes would be missed.
#[test]
fn the_hour_that_comes_twice() {
    for (zone, last_poll, expected) in [
        ("PST", "2018-11-04T08:30:00Z", "00:30"),
        ("PST", "2018-11-04T09:30:00Z", "01:30"),
        ("PST", "2018-11-04T07:59:59Z", "00:59"),
        ("PST", "2018-11-04T10:00:00Z", "02:00"),
        ("Australia/Lord_Howe", "2018-03-31T14:45:00Z", "01:15"),
    ] {
        let template = UrlTemplate::parse(&format!("${{dateTimeZone:{zone}:HH:mm}}")).unwrap();
        let rendered = template.render(last_poll.parse().unwrap(), NOW.parse().unwrap());
        assert_eq!(rendered, expected, "{last_poll} in {zone}");
    }
    let named = UrlTemplate::parse("${dateTimeZone:PST:HH:mmXXX}").unwrap();
    let rendered = named.render("2018-11-04T08:30:00Z".parse().unwrap(), NOW.parse().unwrap());
    assert_eq!(rendered, "01:30-07:00");
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
    refuses("${518862600}", "${epoch:s}");
    refuses("${epoch:1}", "${epoch:s}, ${epoch:ms} or ${epoch:us}");
    refuses("${milliseconds:s}", "write ${milliseconds}");
    refuses(
        "${yyyy-MM-dd'T'HH:mm:ss'Z'}",
        "${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}",
    );
    refuses(
        "x='$yyyy-MM-dd'T'HH:mm:ssXXX}'",
        "\"$yyyy-MM-dd'T'HH:mm:ssXXX}'\" is no macro; write ${gmtDate:yyyy-MM-dd'T'HH:mm:ssXXX}",
    );
    refuses("x=$yyyy", "${gmtDate:");
    refuses("x=$dd/MM/yyyy}", "write ${gmtDate:dd/MM/yyyy}");
    refuses("x='#{date:yyyy}'", "${gmtDate:");
    refuses("x='{gmtDate:yyyy-MM-dd}'", "write ${gmtDate:yyyy-MM-dd}");
    refuses("x='$GmtDate:yyyy-MM-dd}'", "write ${gmtDate:yyyy-MM-dd}");
    refuses("x=${date:yyyy'}'MM}", "closing brace in quotes");
    refuses("${date:YYYY-MM-dd}", "write y");
    refuses("${date:yyyy-MM-DD}", "write d");
    refuses("${date:yyyy-MM-dd hh:mm}", "write HH");
    refuses("${date:unix}", "write milliseconds or seconds for Unix time");
    refuses("${dateTimeZone:{TimeZone}:yyyy-MM-dd}", "placeholder");
    refuses("${dateTimeZone:Mars:yyyy-MM-dd}", "no known time zone");
    refuses("${dateTimeZone:PST}", "${dateTimeZone:America/Los_Angeles:");
    refuses("${dateTimeZone::yyyy}", "${dateTimeZone:America/Los_Angeles:");
    refuses("${dateTimeZone}", "${dateTimeZone:America/Los_Angeles:");
    refuses(
        "${dateTimeZone:PDT:yyyy}",
        "write America/Los_Angeles, which follows daylight saving",
    );
    refuses(
        "${dateTimeZone:America/Los_Angelos:yyyy}",
        "such as America/Los_Angeles",
    );
    refuses("${epock}", "${epoch}");
    refuses("${gmtDat:yyyy-MM-dd}", "write ${gmtDate:yyyy-MM-dd}");
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
        ("${epoch}", true, 1_000_000),
        ("${dateTimeZone:PST:yyyy-MM-dd}", true, 26 * 3_600_000_000_000),
        // What is printed as -0800 in summer is an hour later than it is.
        (
            "${dateTimeZone:PST:yyyy-MM-dd HH:mm:ss -0800}",
            true,
            3_601_000_000_000,
        ),
        (
            "${date:yyyy-MM-dd HH:mm:ss -0800}",
            true,
            8 * 3_600_000_000_000 + 1_000_000_000,
        ),
        ("${dateTimeZone:PST:yyyy-MM-dd HH:mm:ss'Z'}", true, 1_000_000_000),
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
    fn never_panics(text in "(\\$\\{|#|\\$|\\}|:|date|dateTimeZone|epoch|PST|yyyy|'|-8|[#{}]|\\PC){0,12}", millis in any::<i64>()) {
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
