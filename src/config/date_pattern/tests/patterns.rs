//! Which texts are patterns, and what is said of the others.

use super::*;

/// The pattern is understood as `understood`, and the notice says so.
fn understands(written: &str, understood: &str, notice: &str) {
    let pattern = pattern(written);
    assert_eq!(pattern.to_string(), understood, "{written}");
    assert_eq!(pattern.notice().unwrap_or_default(), notice, "{written}");
}

#[test]
fn what_occurs_needs_no_notice() {
    for written in OCCURRING {
        understands(written, written, "");
    }
    understands(" Milliseconds ", "Milliseconds", "");
    understands("SECONDS", "SECONDS", "");
    understands("MM/dd/yyyy hh:mm a", "MM/dd/yyyy hh:mm a", "");
    understands("YYYY-'W'ww-u", "YYYY-'W'ww-u", "");
}

#[test]
fn understands_slips_with_one_reading() {
    for (written, understood) in [
        ("milliseconds'", "milliseconds"),
        ("yyyy-MM-dd'T'HH:mm:ss'", "yyyy-MM-dd'T'HH:mm:ss"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSX'", "yyyy-MM-dd'T'HH:mm:ss.SSSX"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX'", "yyyy-MM-dd'T'HH:mm:ssXXX"),
    ] {
        let notice = format!("{written:?} has a quote too many at its end; it is read as {understood}");
        understands(written, understood, &notice);
    }
    understands(
        "'milliseconds'",
        "milliseconds",
        "\"'milliseconds'\" stands in quotes as a whole; it is read as milliseconds",
    );
    understands(
        "'yyyy-MM-dd HH:mm:ss'",
        "yyyy-MM-dd HH:mm:ss",
        "\"'yyyy-MM-dd HH:mm:ss'\" stands in quotes as a whole; it is read as yyyy-MM-dd HH:mm:ss",
    );
    understands(
        "yyyy-MM-ddTHH:mm:ss",
        "yyyy-MM-dd'T'HH:mm:ss",
        "\"yyyy-MM-ddTHH:mm:ss\" has the letter T without quotes; it is read as yyyy-MM-dd'T'HH:mm:ss",
    );
    for written in [
        "10 digit integer Unix time",
        "10 digit integer Unix time'",
        "Unix time in seconds",
    ] {
        understands(
            written,
            "seconds",
            &format!("{written:?} is a description of a format; it is read as seconds"),
        );
    }
}

#[test]
fn warns_of_letters_that_mean_something_else() {
    for (written, notice) in [
        (
            "YYYY-MM-dd",
            "\"YYYY-MM-dd\" has Y, the year of the week, beside a month: it is another year around new year; write y",
        ),
        (
            "yyyy-MM-DD",
            "\"yyyy-MM-DD\" has D, the day of the year, beside a month; write d, the day of the month",
        ),
        (
            "yyyy-MM-dd hh:mm",
            "\"yyyy-MM-dd hh:mm\" has hours of a clock of twelve without a, the AM or PM; write HH, or add a",
        ),
        (
            "yyyy-mm-dd",
            "\"yyyy-mm-dd\" has m, the minute, and no M, the month; write MM where the month is",
        ),
    ] {
        understands(written, written, notice);
    }
}

fn refuses(written: &str, error: &str) {
    assert_eq!(DatePattern::parse(written).unwrap_err().to_string(), error);
}

#[test]
fn refuses_patterns() {
    let no_date = " has no date in it; write a pattern such as yyyy-MM-dd'T'HH:mm:ss, or milliseconds";
    for written in ["", "'T'", "-", "XXX", "''"] {
        refuses(written, &format!("{written:?}{no_date}"));
    }
    refuses(
        "yyyy-MM-dd'T'HH:mm:ss'Z",
        "\"yyyy-MM-dd'T'HH:mm:ss'Z\" has a quote without its partner; remove it, or add the other one",
    );
    let unknown = |written: &str, letter: char, remedy: &str| {
        refuses(
            written,
            &format!("{written:?} has the letter {letter:?}, which no date pattern knows; {remedy}"),
        );
    };
    let pattern = "write a pattern such as yyyy-MM-dd'T'HH:mm:ss, or milliseconds, or seconds";
    unknown("key", 'e', pattern);
    unknown("miliseconds", 'i', "write milliseconds");
    unknown("second", 'e', "write seconds");
    unknown("epoch", 'e', "write milliseconds or seconds for Unix time");
    unknown(
        "Unix timestamp",
        'U',
        "write milliseconds or seconds for Unix time",
    );
    unknown(
        "yyyy-MM-dd at HH:mm",
        't',
        "put quotes around literal text, or remove it",
    );
    unknown("yyyyTMMTdd", 'T', pattern);
    for written in ["518862600", "20180102"] {
        refuses(
            written,
            &format!(
                "{written:?} is a number, not how dates are printed; write milliseconds, or seconds, if the dates are Unix time"
            ),
        );
    }
    refuses(
        "yyyy XXXX",
        "\"yyyy XXXX\" has more than three X; write X, XX or XXX",
    );
    refuses(&"y-".repeat(101), "the pattern is longer than 200 characters");
}

/// Of two faults the one that says more.
#[test]
fn names_the_worse_fault() {
    let error = |written: &str| DatePattern::parse(written).unwrap_err().to_string();
    assert!(error("518862600'").starts_with("\"518862600\" is a number"));
    assert!(error("key'").starts_with("\"key\" has the letter 'e'"));
}
