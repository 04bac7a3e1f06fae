//! The `url` of a resource with its `${…}` macros.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{DatePattern, PatternError, ZoneError, zone};
use crate::api::nearest;

/// A hub path and query whose macros are replaced by the last poll time (or now) at each poll.
#[derive(Clone, Debug)]
pub struct UrlTemplate {
    written: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Macro { clock: Clock, form: Form },
}

/// Whose time a macro prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    LastPoll,
    Now,
}

#[derive(Clone, Debug)]
enum Form {
    Date(DatePattern, TimeZone),
    /// Unix time in units of so many nanoseconds.
    Epoch(i64),
}

/// Names of macros, for the remedy of a wrong one.
const NAMES: &[&str] = &[
    "date",
    "gmtDate",
    "dateTimeZone",
    "epoch",
    "milliseconds",
    "now",
    "nowTimeZone",
];

/// What `${date}` prints: ISO 8601 in UTC.
const ISO: &str = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'";

/// Why a `url` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MacroError {
    /// `${` without `}`.
    #[error("the macro {0:?} has no closing brace; add }}")]
    Unclosed(String),
    /// No such macro.
    #[error("there is no macro {found:?}; write {nearest}")]
    Unknown {
        /// The macro as written.
        found: String,
        /// The nearest valid form.
        nearest: String,
    },
    /// The pattern of a macro is wrong.
    #[error("in the macro {found:?} {source}")]
    Pattern {
        /// The macro as written.
        found: String,
        /// What is wrong.
        #[source]
        source: PatternError,
    },
    /// The zone of a macro is wrong.
    #[error("in the macro {found:?} {source}")]
    Zone {
        /// The macro as written.
        found: String,
        /// What is wrong.
        #[source]
        source: ZoneError,
    },
    /// A macro that lost its brace or was escaped by another template language.
    #[error("{found:?} is no macro; write {nearest}")]
    Broken {
        /// The beginning of the text.
        found: String,
        /// The nearest valid form.
        nearest: String,
    },
}

impl UrlTemplate {
    /// Reads a `url`; braces are matched first, so that quotes inside a format are its literals.
    pub fn parse(text: &str) -> Result<Self, MacroError> {
        let written = text.trim();
        let mut pieces = Vec::new();
        let mut rest = written;
        while let Some((before, after)) = rest.split_once("${") {
            literal(&mut pieces, before)?;
            let end =
                closing_brace(after).ok_or_else(|| MacroError::Unclosed(cut(&format!("${{{after}"))))?;
            let (inside, behind) = after.split_at_checked(end).unwrap_or((after, ""));
            pieces.push(parse_macro(inside)?);
            rest = behind.strip_prefix('}').unwrap_or(behind);
        }
        literal(&mut pieces, rest)?;
        Ok(Self {
            written: written.to_owned(),
            pieces,
        })
    }

    /// The URL of a poll; nothing is percent-encoded here.
    pub fn render(&self, last_poll: Timestamp, now: Timestamp) -> String {
        let mut out = String::with_capacity(self.written.len());
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Macro { clock, form } => {
                    let instant = if *clock == Clock::Now { now } else { last_poll };
                    out.push_str(&form.print(instant));
                }
            }
        }
        out
    }

    /// Whether the last poll time is in it, so that the source can filter.
    pub fn has_macro(&self) -> bool {
        self.last_poll_forms().next().is_some()
    }

    /// The coarsest granule in which the last poll time is printed; zero without.
    pub fn granule(&self) -> SignedDuration {
        self.last_poll_forms()
            .map(Form::granule)
            .max()
            .unwrap_or(SignedDuration::ZERO)
    }

    /// The text as configured.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// A placeholder such as `{calendarId}` that stands outside of macros, which the documentation leaves to the user.
    pub fn placeholder(&self) -> Option<&str> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Text(text) => placeholder(text),
            Piece::Macro { .. } => None,
        })
    }

    fn last_poll_forms(&self) -> impl Iterator<Item = &Form> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Macro {
                clock: Clock::LastPoll,
                form,
            } => Some(form),
            _ => None,
        })
    }
}

impl Form {
    fn print(&self, instant: Timestamp) -> String {
        match self {
            Form::Date(pattern, zone) => pattern.format(instant, zone),
            Form::Epoch(unit) => instant.as_nanosecond().div_euclid(i128::from(*unit)).to_string(),
        }
    }

    fn granule(&self) -> SignedDuration {
        match self {
            Form::Date(pattern, _) => pattern.granule(),
            Form::Epoch(unit) => SignedDuration::from_nanos(*unit),
        }
    }
}

/// Adds text between macros, unless a damaged macro is in it.
fn literal(pieces: &mut Vec<Piece>, text: &str) -> Result<(), MacroError> {
    for broken in ["#{", "$yyyy", "$YYYY"] {
        if let Some(found) = text.find(broken).and_then(|at| text.get(at..)) {
            let nearest = "${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}".to_owned();
            return Err(MacroError::Broken {
                found: cut(found),
                nearest,
            });
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
    Ok(())
}

/// Where the brace that ends a macro is, past nested ones.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn parse_macro(inside: &str) -> Result<Piece, MacroError> {
    let found = || cut(&format!("${{{inside}}}"));
    let (name, format) = match inside.split_once(':') {
        Some((name, format)) => (name.trim(), Some(format)),
        None => (inside.trim(), None),
    };
    let pattern = |text: &str| {
        DatePattern::parse(text).map_err(|source| MacroError::Pattern {
            found: found(),
            source,
        })
    };
    let unknown = |nearest: String| MacroError::Unknown {
        found: found(),
        nearest,
    };
    let (clock, form) = match (name, format) {
        ("date" | "gmtDate", None) => (Clock::LastPoll, Form::Date(pattern(ISO)?, zone::gmt())),
        ("now", None) => (Clock::Now, Form::Date(pattern(ISO)?, zone::gmt())),
        ("date" | "gmtDate", Some(format)) => {
            (Clock::LastPoll, Form::Date(dated(format, inside)?, zone::gmt()))
        }
        ("now", Some(format)) => (Clock::Now, Form::Date(dated(format, inside)?, zone::gmt())),
        ("dateTimeZone" | "DateTimeZone", Some(rest)) => (Clock::LastPoll, in_zone(rest, inside)?),
        ("nowTimeZone" | "NowTimeZone", Some(rest)) => (Clock::Now, in_zone(rest, inside)?),
        ("epoch" | "milliseconds", None) => (Clock::LastPoll, Form::Epoch(1_000_000)),
        ("epoch", Some(unit)) => {
            let unit = match unit.trim() {
                "s" => 1_000_000_000,
                "ms" => 1_000_000,
                "us" => 1_000,
                _ => return Err(unknown("${epoch:s}, ${epoch:ms} or ${epoch:us}".to_owned())),
            };
            (Clock::LastPoll, Form::Epoch(unit))
        }
        _ => return Err(unknown(suggestion(name, inside))),
    };
    Ok(Piece::Macro { clock, form })
}

/// The pattern of a macro; text without letters of dates usually means Unix time.
fn dated(format: &str, inside: &str) -> Result<DatePattern, MacroError> {
    let found = cut(&format!("${{{inside}}}"));
    let lower = format.to_ascii_lowercase();
    if lower.contains("unix") || lower.contains("epoch") || lower.contains("integer") {
        return Err(MacroError::Unknown {
            found,
            nearest: "${epoch:s} for Unix time in seconds".to_owned(),
        });
    }
    DatePattern::parse(format).map_err(|source| MacroError::Pattern { found, source })
}

/// `ZONE:FMT`; an offset such as `-8:00` has a colon of its own, so the longest zone wins.
fn in_zone(rest: &str, inside: &str) -> Result<Form, MacroError> {
    let found = || cut(&format!("${{{inside}}}"));
    let mut first_error = None;
    let mut best = None;
    for (at, _) in rest.match_indices(':').take(2) {
        let (Some(name), Some(format)) = (rest.get(..at), rest.get(at + 1..)) else {
            continue;
        };
        if name.trim().is_empty() {
            continue;
        }
        match zone::parse(name) {
            Ok(zone) => best = Some((zone, format)),
            Err(source) => {
                first_error.get_or_insert(MacroError::Zone {
                    found: found(),
                    source,
                });
            }
        }
    }
    match best {
        Some((zone, format)) => Ok(Form::Date(dated(format, inside)?, zone)),
        None => Err(first_error.unwrap_or_else(|| MacroError::Unknown {
            found: found(),
            nearest: "${dateTimeZone:America/Los_Angeles:yyyy-MM-dd'T'HH:mm:ss}".to_owned(),
        })),
    }
}

fn suggestion(name: &str, inside: &str) -> String {
    if inside.starts_with("yy")
        || inside.starts_with("YY")
        || inside.starts_with("MM")
        || inside.starts_with("dd")
    {
        return format!("${{gmtDate:{}}}", cut(inside));
    }
    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()) {
        return "${epoch:s} for Unix time in seconds".to_owned();
    }
    match nearest(name, NAMES.iter().copied()) {
        Some("dateTimeZone") => "${dateTimeZone:PST:yyyy-MM-dd'T'HH:mm:ss}".to_owned(),
        Some("nowTimeZone") => "${nowTimeZone:GMT:yyyy-MM-dd'T'HH:mm:ss}".to_owned(),
        Some("date" | "gmtDate") | None => "${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'} or ${epoch}".to_owned(),
        Some(other) => format!("${{{other}}}"),
    }
}

/// A name in braces.
fn placeholder(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let end = after
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ' ')
            .unwrap_or(after.len());
        let (name, behind) = after.split_at_checked(end)?;
        if !name.is_empty() && behind.starts_with('}') {
            return Some(name);
        }
        rest = behind;
    }
    None
}

/// The first 60 characters, for messages.
fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests;
