//! HTTP dates and `Retry-After`.

use std::time::Duration;

use ::http::header::{DATE, HeaderMap, RETRY_AFTER};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

/// Reads the date of an HTTP header (RFC 9110 §5.6.7), in the present and in both obsolete notations.
fn http_date(text: &str) -> Option<Timestamp> {
    const OBSOLETE: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let text = text.trim();
    // A wrong weekday is somebody else's bug, and no reason to do without the date.
    let parser = rfc2822::DateTimeParser::new().relaxed_weekday(true);
    parser.parse_timestamp(text).ok().or_else(|| {
        OBSOLETE
            .iter()
            .find_map(|format| DateTime::strptime(format, text).ok())
            .and_then(|date| date.to_zoned(TimeZone::UTC).ok())
            .map(|date| date.timestamp())
    })
}

/// The peer's clock: the `Date` header.
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// How long `Retry-After` asks to wait, given in seconds or as a date; zero where the date has passed.
///
/// A date is the peer's, so it is compared with the peer's clock, and with `now` only where the answer has none.
pub fn retry_after(headers: &HeaderMap, now: Option<Timestamp>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let wait = http_date(text)?.duration_since(date(headers).or(now)?);
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let expected: Timestamp = "1994-11-06T08:49:37Z".parse().unwrap();
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            " Sun, 06 Nov 1994 08:49:37 GMT ",
        ] {
            assert_eq!(http_date(text), Some(expected), "{text}");
        }
        for text in ["", "tomorrow", "1994-11-06T08:49:37Z", "120"] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }

    #[test]
    fn waits() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:48:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(
                retry_after(&headers, Some(now)),
                seconds.map(Duration::from_secs),
                "{text}"
            );
        }
        assert_eq!(retry_after(&HeaderMap::new(), Some(now)), None);
    }

    #[test]
    fn a_date_to_wait_for_is_the_peers() {
        let ours: Timestamp = "1994-11-06T09:30:00Z".parse().unwrap();
        let until = (RETRY_AFTER, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        let theirs = (DATE, "Sun, 06 Nov 1994 08:49:07 GMT".parse().unwrap());
        let headers = HeaderMap::from_iter([until.clone(), theirs]);
        assert_eq!(retry_after(&headers, Some(ours)), Some(Duration::from_secs(30)));
        let headers = HeaderMap::from_iter([until]);
        assert_eq!(retry_after(&headers, Some(ours)), Some(Duration::ZERO));
        assert_eq!(retry_after(&headers, None), None);
    }
}
