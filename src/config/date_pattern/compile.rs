//! From the text of a pattern to its tokens, and which slips are understood.

use super::epoch::Unit;
use super::{Field, Form, Token, has};
use crate::api::nearest;

/// Words that stand for Unix time where a pattern is expected.
const WORDS: [(&str, Unit); 2] = [("milliseconds", Unit::Milliseconds), ("seconds", Unit::Seconds)];

/// Longest pattern, in bytes; bounds what a pattern can cost.
const LONGEST: usize = 200;

/// Why a text is no date pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing, or no letter that prints a part of a date.
    #[error("{0:?} has no date in it; write a pattern such as yyyy-MM-dd'T'HH:mm:ss, or milliseconds")]
    NoDate(String),
    /// Only digits: a value in the place of its pattern.
    #[error(
        "{0:?} is a number, not how dates are printed; write milliseconds, or seconds, if the dates are Unix time"
    )]
    Number(String),
    /// `'` without its partner.
    #[error("{0:?} has a quote without its partner; remove it, or add the other one")]
    UnterminatedQuote(String),
    /// A letter without meaning in a pattern.
    #[error("{pattern:?} has the letter {letter:?}, which no date pattern knows; {remedy}")]
    UnknownLetter {
        /// The pattern, cut to 60 characters.
        pattern: String,
        /// The first such letter.
        letter: char,
        /// What to do.
        remedy: String,
    },
    /// More than three `X`.
    #[error("{0:?} has more than three X; write X, XX or XXX")]
    TooManyX(String),
    /// A pattern whose dates would be taken for others.
    #[error("{pattern:?} has {slip}")]
    Slip {
        /// The pattern.
        pattern: String,
        /// What of it, why, and what to write.
        slip: &'static str,
    },
    /// A pattern longer than any real one.
    #[error("the pattern is longer than {LONGEST} characters")]
    TooLong,
}

/// A pattern as understood.
pub(super) struct Compiled {
    pub(super) written: String,
    pub(super) form: Form,
    pub(super) notice: Option<String>,
}

/// Reads a pattern as it stands, else with the one slip mended that has no other reading.
pub(super) fn compile(text: &str) -> Result<Compiled, PatternError> {
    let written = text.trim();
    if written.len() > LONGEST {
        return Err(PatternError::TooLong);
    }
    let error = match form(written) {
        Ok(form) => {
            let notice = slip_notice(written, &form);
            return Ok(compiled(written, form, notice));
        }
        Err(error) => error,
    };
    for (mended, slip) in mended(written) {
        if let Ok(form) = form(&mended) {
            let mut notice = format!("{written:?} {slip}; it is read as {mended}");
            if let Some(more) = slip_notice(&mended, &form) {
                notice = format!("{notice}. {more}");
            }
            return Ok(compiled(&mended, form, Some(notice)));
        }
    }
    // Without the quote at its end it may have another fault, which says more.
    match (&error, written.strip_suffix('\'')) {
        (PatternError::UnterminatedQuote(_), Some(inside)) => Err(form(inside).err().unwrap_or(error)),
        _ => Err(error),
    }
}

fn compiled(written: &str, form: Form, notice: Option<String>) -> Compiled {
    Compiled {
        written: written.to_owned(),
        form,
        notice,
    }
}

/// What else the writer can have meant, each with what is wrong.
fn mended(written: &str) -> Vec<(String, &'static str)> {
    let mut mended = Vec::new();
    for quote in ['\'', '"'] {
        let inside = written
            .strip_prefix(quote)
            .and_then(|text| text.strip_suffix(quote));
        if let Some(inside) = inside {
            mended.push((inside.trim().to_owned(), "stands in quotes as a whole"));
        }
    }
    if let Some(inside) = written.strip_suffix(['\'', '"']) {
        mended.push((inside.trim().to_owned(), "has a quote too many at its end"));
    }
    if let Some(quoted) = with_quoted_t(written) {
        mended.push((quoted, "has the letter T without quotes"));
    }
    let lower = written.to_ascii_lowercase();
    let ten_digits = lower.contains("10 digit") || lower.contains("10-digit") || lower.contains("ten digit");
    if lower.contains("unix") && (ten_digits || lower.contains("second") && !lower.contains("milli")) {
        mended.push(("seconds".to_owned(), "is a description of a format"));
    }
    mended
}

/// The pattern with its only unquoted `T`, which has no meaning of its own, in quotes.
fn with_quoted_t(written: &str) -> Option<String> {
    let mut quoted = false;
    let mut at = None;
    for (index, c) in written.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            'T' if !quoted && at.is_some() => return None,
            'T' if !quoted => at = Some(index),
            _ => {}
        }
    }
    let (before, after) = written.split_at_checked(at?)?;
    Some(format!("{before}'T'{}", after.get(1..)?))
}

fn form(written: &str) -> Result<Form, PatternError> {
    for (word, unit) in WORDS {
        if written.eq_ignore_ascii_case(word) {
            return Ok(Form::Epoch(unit));
        }
    }
    tokens(written).map(Form::Fields)
}

fn slip_notice(written: &str, form: &Form) -> Option<String> {
    let Form::Fields(tokens) = form else {
        return None;
    };
    let slips = slips(tokens);
    (!slips.is_empty()).then(|| format!("{written:?} has {}", slips.join("; it has ")))
}

/// Letters that are valid and yet not what was meant.
pub(super) fn slips(tokens: &[Token]) -> Vec<&'static str> {
    let is = |wanted: Field| has(tokens, |field| field == wanted);
    let mut slips = Vec::new();
    if is(Field::WeekYear) && is(Field::Month) {
        slips.push("Y, the year of the week, beside a month: it is another year around new year; write y");
    }
    if is(Field::DayOfYear) && is(Field::Month) {
        slips.push("D, the day of the year, beside a month; write d, the day of the month");
    }
    let half_day = is(Field::HalfDayHour) || is(Field::HalfDayHourFrom1);
    if half_day && !is(Field::AmPm) {
        slips.push("hours of a clock of twelve without a, the AM or PM; write HH, or add a");
    }
    if is(Field::Minute) && !is(Field::Month) && is(Field::Day) {
        slips.push("m, the minute, and no M, the month; write MM where the month is");
    }
    slips
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
    if !has(&tokens, |field| !field.is_zone() && field != Field::Era) {
        let digits = pattern.bytes().all(|byte| byte.is_ascii_digit());
        return Err(if digits && !pattern.is_empty() {
            PatternError::Number(pattern.to_owned())
        } else {
            PatternError::NoDate(pattern.to_owned())
        });
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
        'w' => Field::Week,
        'W' => Field::WeekOfMonth,
        'd' => Field::Day,
        'D' => Field::DayOfYear,
        'E' => Field::Weekday,
        'u' => Field::WeekdayNumber,
        'F' => Field::WeekdayInMonth,
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
                remedy: remedy(pattern),
            });
        }
    })
}

/// A word is a mistaken word, a text with punctuation a mistaken pattern.
fn remedy(pattern: &str) -> String {
    let words = WORDS.map(|(word, _)| word);
    let lower = pattern.to_ascii_lowercase();
    if let Some(word) = nearest(pattern.trim_matches('\''), words) {
        return format!("write {word}");
    }
    if ["unix", "epoch", "timestamp", "integer"]
        .iter()
        .any(|word| lower.contains(word))
    {
        return "write milliseconds or seconds for Unix time".to_owned();
    }
    if pattern.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return "write a pattern such as yyyy-MM-dd'T'HH:mm:ss, or milliseconds, or seconds".to_owned();
    }
    "put quotes around literal text, or remove it".to_owned()
}
