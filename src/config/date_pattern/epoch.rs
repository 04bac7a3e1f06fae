//! Unix time: what the words `milliseconds` and `seconds` stand for.

use jiff::{SignedDuration, Timestamp};

use super::read::Reason;

/// What the numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Milliseconds,
    Seconds,
}

/// Longest number that is read, in bytes.
const LONGEST: usize = 40;

impl Unit {
    pub(super) fn granule(self) -> SignedDuration {
        match self {
            Unit::Milliseconds => SignedDuration::from_millis(1),
            Unit::Seconds => SignedDuration::from_secs(1),
        }
    }

    pub(super) fn print(self, instant: Timestamp) -> String {
        instant
            .as_nanosecond()
            .div_euclid(self.granule().as_nanos())
            .to_string()
    }

    /// Ten digits are seconds under either word: as milliseconds they would lie in the spring of 1970.
    /// Seconds may have a fraction; so may ten digits.
    pub(super) fn read(self, text: &str) -> Result<Timestamp, Reason> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err("it is longer than any date");
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = self == Unit::Seconds || whole.len() == 10 && !whole.starts_with('0') && digits(whole);
        let unit = if seconds { Unit::Seconds } else { self };
        if !digits(fraction) || text.ends_with('.') {
            return Err("it is no number");
        }
        if unit == Unit::Milliseconds && fraction.bytes().any(|byte| byte != b'0') {
            return Err("it is no whole number of milliseconds");
        }
        let count: i128 = whole.parse().map_err(|_| match self {
            Unit::Milliseconds => "it is no number of milliseconds since 1970",
            Unit::Seconds => "it is no number of seconds since 1970",
        })?;
        let nanos = fraction
            .bytes()
            .chain(std::iter::repeat(b'0'))
            .take(9)
            .fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        let nanos = if whole.starts_with('-') { -nanos } else { nanos };
        count
            .checked_mul(unit.granule().as_nanos())
            .and_then(|whole| Timestamp::from_nanosecond(whole.checked_add(nanos)?).ok())
            .ok_or("it lies beyond the year 9999")
    }
}
