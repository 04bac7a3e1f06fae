//! Date patterns of `java.text.SimpleDateFormat`, US locale: what Cloud Elements configurations are written in.
//!
//! Deliberate differences, each because Java's way loses or misdates records:
//! - digits of `S` are a decimal fraction both ways (Java reads `.7` as 7 ms), and may be absent from a value;
//! - `X`, `XX`, `XXX`, `Z` and `z` read each other's forms, and an offset that ends a value is honoured even if the pattern has none;
//! - `X` prints the minutes of an offset that has some (Java cuts `+05:30` to `+05`);
//! - out-of-range fields and trailing text are errors (Java rolls over, and ignores);
//! - `Y`, printed as Java's week year, is read as the year that was meant.

mod names;
mod print;
mod read;

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::DateError;

/// The word that stands for epoch milliseconds where a pattern is expected.
const MILLISECONDS: &str = "milliseconds";

/// How dates are printed and read: a `SimpleDateFormat` pattern, or the word `milliseconds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatePattern {
    written: String,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    EpochMilliseconds,
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
    Day,
    DayOfYear,
    Weekday,
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

/// Why a text is no date pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing, or no letter that prints a part of a date.
    #[error("{0:?} has no date in it; write a pattern such as yyyy-MM-dd'T'HH:mm:ss, or milliseconds")]
    NoDate(String),
    /// `'` without its partner.
    #[error("{0:?} has a quote without its partner; remove it, or add the other one")]
    UnterminatedQuote(String),
    /// A letter without meaning in a pattern.
    #[error(
        "{pattern:?} has the letter {letter:?}, which no date pattern knows; put quotes around literal text, or remove it"
    )]
    UnknownLetter {
        /// The pattern, cut to 60 characters.
        pattern: String,
        /// The first such letter.
        letter: char,
    },
    /// More than three `X`.
    #[error("{0:?} has more than three X; write X, XX or XXX")]
    TooManyX(String),
    /// A pattern longer than any real one.
    #[error("the pattern is longer than {LONGEST} characters")]
    TooLong,
}

/// Longest pattern, in bytes; bounds what a pattern can cost.
const LONGEST: usize = 200;

impl DatePattern {
    /// Reads a pattern as `SimpleDateFormat` does, or the word `milliseconds`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let written = text.trim();
        if written.len() > LONGEST {
            return Err(PatternError::TooLong);
        }
        let form = if written.eq_ignore_ascii_case(MILLISECONDS) {
            Form::EpochMilliseconds
        } else {
            Form::Fields(tokens(written)?)
        };
        Ok(Self {
            written: written.to_owned(),
            form,
        })
    }

    /// Prints an instant as a JDK prints it in that zone; fractions are cut, not rounded.
    pub fn format(&self, instant: Timestamp, zone: &TimeZone) -> String {
        match &self.form {
            Form::EpochMilliseconds => instant.as_nanosecond().div_euclid(1_000_000).to_string(),
            Form::Fields(tokens) => print::print(tokens, instant, zone),
        }
    }

    /// Reads a printed date; `zone` is the zone of one that names none.
    pub fn read(&self, text: &str, zone: &TimeZone) -> Result<Timestamp, DateError> {
        let read = match &self.form {
            Form::EpochMilliseconds => read::epoch_milliseconds(text),
            Form::Fields(tokens) => read::read(tokens, text, zone),
        };
        read.map_err(|reason| DateError::new(text, &self.written, reason))
    }

    /// How much time one printed text stands for: a millisecond for `.SSS`, a day for `yyyy-MM-dd`.
    pub fn granule(&self) -> SignedDuration {
        match &self.form {
            Form::EpochMilliseconds => SignedDuration::from_millis(1),
            Form::Fields(tokens) => tokens
                .iter()
                .filter_map(Token::granule)
                .min()
                .unwrap_or(SignedDuration::ZERO),
        }
    }

    /// Whether a date can be read back: a year is in it.
    pub fn has_year(&self) -> bool {
        match &self.form {
            Form::EpochMilliseconds => true,
            Form::Fields(tokens) => tokens
                .iter()
                .any(|token| matches!(token, Token::Field(Field::Year | Field::WeekYear, _))),
        }
    }

    /// Whether this is the word `milliseconds`, so that JSON numbers are dates too.
    pub fn is_milliseconds(&self) -> bool {
        self.form == Form::EpochMilliseconds
    }
}

impl fmt::Display for DatePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Token {
    fn granule(&self) -> Option<SignedDuration> {
        let Token::Field(field, count) = self else {
            return None;
        };
        Some(match field {
            Field::Fraction => {
                let digits = u32::try_from(*count).unwrap_or(9).clamp(1, 9);
                SignedDuration::from_nanos(10_i64.pow(9 - digits))
            }
            Field::Second => SignedDuration::from_secs(1),
            Field::Minute => SignedDuration::from_mins(1),
            Field::Hour | Field::HourFrom1 | Field::HalfDayHour | Field::HalfDayHourFrom1 => {
                SignedDuration::from_hours(1)
            }
            Field::AmPm => SignedDuration::from_hours(12),
            Field::Day | Field::DayOfYear => SignedDuration::from_hours(24),
            Field::Weekday => SignedDuration::from_hours(7 * 24),
            Field::Month => SignedDuration::from_hours(31 * 24),
            Field::Year | Field::WeekYear => SignedDuration::from_hours(366 * 24),
            Field::Era | Field::ZoneName | Field::Rfc822Zone | Field::Iso8601Zone => return None,
        })
    }
}

/// The rules of `SimpleDateFormat.compile`: ASCII letters are fields, `'…'` is literal, `''` is a quote anywhere.
fn tokens(pattern: &str) -> Result<Vec<Token>, PatternError> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    let mut quoted = false;
    let mut unknown = None;
    while let Some(c) = chars.next() {
        if c == '\'' {
            if chars.next_if_eq(&'\'').is_some() {
                literal(&mut tokens, '\'');
            } else {
                quoted = !quoted;
            }
        } else if quoted || !c.is_ascii_alphabetic() {
            literal(&mut tokens, c);
        } else {
            let mut count = 1;
            while chars.next_if_eq(&c).is_some() {
                count += 1;
            }
            match field(c, count, pattern) {
                Ok(field) => tokens.push(Token::Field(field, count)),
                Err(error) => unknown = unknown.or(Some(error)),
            }
        }
    }
    if quoted {
        return Err(PatternError::UnterminatedQuote(pattern.to_owned()));
    }
    if let Some(error) = unknown {
        return Err(error);
    }
    if !tokens.iter().any(|token| token.granule().is_some()) {
        return Err(PatternError::NoDate(pattern.to_owned()));
    }
    Ok(tokens)
}

fn literal(tokens: &mut Vec<Token>, c: char) {
    match tokens.last_mut() {
        Some(Token::Literal(text)) => text.push(c),
        _ => tokens.push(Token::Literal(c.to_string())),
    }
}

fn field(letter: char, count: usize, pattern: &str) -> Result<Field, PatternError> {
    Ok(match letter {
        'G' => Field::Era,
        'y' => Field::Year,
        'Y' => Field::WeekYear,
        'M' | 'L' => Field::Month,
        'd' => Field::Day,
        'D' => Field::DayOfYear,
        'E' => Field::Weekday,
        'a' => Field::AmPm,
        'H' => Field::Hour,
        'k' => Field::HourFrom1,
        'K' => Field::HalfDayHour,
        'h' => Field::HalfDayHourFrom1,
        'm' => Field::Minute,
        's' => Field::Second,
        'S' => Field::Fraction,
        'z' => Field::ZoneName,
        'Z' => Field::Rfc822Zone,
        'X' if count > 3 => return Err(PatternError::TooManyX(pattern.to_owned())),
        'X' => Field::Iso8601Zone,
        _ => {
            return Err(PatternError::UnknownLetter {
                pattern: pattern.chars().take(60).collect(),
                letter,
            });
        }
    })
}

#[cfg(test)]
mod tests;
