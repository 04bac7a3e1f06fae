//! Date patterns of `java.text.SimpleDateFormat`, US locale: what Cloud Elements configurations are written in.
//!
//! They print as a JDK prints, except dates before 15 October 1582, which are Gregorian here and Julian there.
//! Reading differs on purpose where Java's way loses or misdates records:
//! - digits of `S` are a decimal fraction (Java reads `.7` as 7 ms), and may be absent from a value;
//! - `X`, `XX`, `XXX`, `Z` and `z` read each other's forms, and an offset that ends a value is honoured even if the pattern has none;
//! - out-of-range fields and trailing text are errors (Java rolls over, and ignores);
//! - `Y` beside a month is read as the year that was meant;
//! - `yy` reads 70 to 99 as 1970 to 1999 and 00 to 69 as 2000 to 2069, whatever the time of reading.
//!
//! Slips with one possible reading are understood, and [`DatePattern::notice`] says how.

mod compile;
mod epoch;
mod names;
mod print;
mod read;
mod read_zone;
mod width;
mod zone_names;

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::DateError;
use compile::Compiled;
pub use compile::PatternError;
use epoch::Unit;

/// How dates are printed and read: a `SimpleDateFormat` pattern, or the word `milliseconds` or `seconds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatePattern {
    written: String,
    form: Form,
    notice: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// Unix time.
    Epoch(Unit),
    Fields(Vec<Token>),
}

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// Text as it is.
    Literal(String),
    /// A pattern letter and how often it stands.
    Field(Field, usize),
}

/// What a pattern letter means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Era,
    Year,
    WeekYear,
    Month,
    /// `w`, the week of the year.
    Week,
    /// `W`.
    WeekOfMonth,
    Day,
    DayOfYear,
    /// `E`, a name.
    Weekday,
    /// `u`, 1 is Monday.
    WeekdayNumber,
    /// `F`, the 2 of "second Wednesday in July".
    WeekdayInMonth,
    AmPm,
    /// `H`, 0–23.
    Hour,
    /// `k`, 1–24.
    HourFrom1,
    /// `K`, 0–11.
    HalfDayHour,
    /// `h`, 1–12.
    HalfDayHourFrom1,
    Minute,
    Second,
    Fraction,
    /// `z`, a name.
    ZoneName,
    /// `Z`, `+0000`.
    Rfc822Zone,
    /// `X`, `XX`, `XXX`.
    Iso8601Zone,
}

impl Field {
    fn is_zone(self) -> bool {
        matches!(self, Field::ZoneName | Field::Rfc822Zone | Field::Iso8601Zone)
    }
}

impl DatePattern {
    /// Reads a pattern as `SimpleDateFormat` does, or the word `milliseconds` or `seconds`.
    ///
    /// # Errors
    /// [`PatternError`] says what is wrong and what to write.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let Compiled {
            written,
            form,
            notice,
        } = compile::compile(text)?;
        Ok(Self {
            written,
            form,
            notice,
        })
    }

    /// What was written differently from how it is understood, as a sentence for a warning; none for most.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Prints an instant as a JDK prints it in that zone; fractions are cut, not rounded.
    pub fn format(&self, instant: Timestamp, zone: &TimeZone) -> String {
        match &self.form {
            Form::Epoch(unit) => unit.print(instant),
            Form::Fields(tokens) => print::print(tokens, instant, zone),
        }
    }

    /// Reads a printed date; `zone` is the zone of one that names none.
    ///
    /// # Errors
    /// [`DateError`] quotes the value and says what of it is not as the pattern.
    pub fn read(&self, text: &str, zone: &TimeZone) -> Result<Timestamp, DateError> {
        let read = match &self.form {
            Form::Epoch(unit) => unit.read(text),
            Form::Fields(tokens) => read::read(tokens, text, zone),
        };
        read.map_err(|reason| DateError::new(text, &self.written, reason))
    }

    /// How much time one printed text stands for: a millisecond for `.SSS`, a day for `yyyy-MM-dd`.
    pub fn granule(&self) -> SignedDuration {
        match &self.form {
            Form::Epoch(unit) => unit.granule(),
            Form::Fields(tokens) => width::printed(tokens),
        }
    }

    /// How far behind an instant the date may lie that another reads from its text, printed in `zone`.
    pub(super) fn printed_granule(&self, zone: &TimeZone) -> SignedDuration {
        match &self.form {
            Form::Epoch(unit) => unit.granule(),
            Form::Fields(tokens) => width::printed_in(tokens, zone),
        }
    }

    /// How much time a value of this pattern stands for: a day that daylight saving ends has 25 hours, and the
    /// numbers of `milliseconds` may be whole seconds.
    pub(super) fn read_granule(&self, zone: &TimeZone) -> SignedDuration {
        match &self.form {
            Form::Epoch(_) => SignedDuration::from_secs(1),
            Form::Fields(tokens) => width::read_in(tokens, zone),
        }
    }

    /// Whether a date can be read back: a year is in it.
    pub fn has_year(&self) -> bool {
        match &self.form {
            Form::Epoch(_) => true,
            Form::Fields(tokens) => has(tokens, |field| matches!(field, Field::Year | Field::WeekYear)),
        }
    }

    /// Whether printed texts say how far their clock is from GMT.
    pub(super) fn names_zone(&self) -> bool {
        match &self.form {
            Form::Epoch(_) => true,
            Form::Fields(tokens) => has(tokens, Field::is_zone),
        }
    }

    /// Why the texts it prints would be taken for other dates, if so.
    pub(super) fn misprint(&self) -> Option<PatternError> {
        match &self.form {
            Form::Epoch(_) => None,
            Form::Fields(tokens) => {
                compile::slips(tokens)
                    .into_iter()
                    .next()
                    .map(|slip| PatternError::Slip {
                        pattern: self.written.clone(),
                        slip,
                    })
            }
        }
    }

    /// The offset from GMT, in seconds, that literal text at the end claims: 0 for `'Z'`, -28800 for ` -0800`.
    pub(super) fn claimed_offset(&self) -> Option<i32> {
        match &self.form {
            Form::Fields(tokens) if !self.names_zone() => match tokens.last() {
                Some(Token::Literal(text)) => read_zone::claimed(text),
                _ => None,
            },
            _ => None,
        }
    }
}

fn has(tokens: &[Token], test: impl Fn(Field) -> bool) -> bool {
    tokens
        .iter()
        .any(|token| matches!(token, Token::Field(field, _) if test(*field)))
}

impl fmt::Display for DatePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests;
