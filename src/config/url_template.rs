//! The `url` of a resource with its `${…}` macros.

mod macros;

use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::{DatePattern, PatternError, ZoneError, zone};

/// A hub path and query whose macros are replaced by the last poll time (or now) at each poll.
#[derive(Clone, Debug)]
pub struct UrlTemplate {
    written: String,
    pieces: Vec<Piece>,
    notices: Vec<String>,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Macro(Macro),
}

#[derive(Clone, Debug)]
struct Macro {
    clock: Clock,
    form: Form,
    /// How far behind the instant the date may lie that the vendor reads.
    granule: SignedDuration,
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

/// Why a `url` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MacroError {
    /// `${` without `}`.
    #[error("the macro {0:?} has no closing brace; add }}")]
    Unclosed(String),
    /// A closing brace in quotes, so that the macro could end in two places.
    #[error(
        "the macro {0:?} has a closing brace in quotes and could end there too; write the format without it"
    )]
    TwoEnds(String),
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
    /// A macro that lost its name or its brace, or was escaped by another template language.
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
    ///
    /// # Errors
    /// [`MacroError`] names the macro that cannot be used and the nearest valid form.
    pub fn parse(text: &str) -> Result<Self, MacroError> {
        let written = text.trim();
        let mut template = Self {
            written: written.to_owned(),
            pieces: Vec::new(),
            notices: Vec::new(),
        };
        let mut rest = written;
        while let Some((at, opening)) = macros::opening(rest) {
            let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
            template.literal(before)?;
            let after = from.get(opening.len()..).unwrap_or_default();
            let inside = macros::inside(after)?;
            let (parsed, notice) = macros::parse(inside)?;
            if opening != "${" {
                let found = macros::cut(&format!("{opening}{inside}}}"));
                let notice = format!("{found:?} is an escaped macro; it is read as ${{{inside}}}");
                template.notices.push(notice);
            }
            template.notices.extend(notice);
            template.pieces.push(Piece::Macro(parsed));
            rest = after.get(inside.len() + 1..).unwrap_or_default();
        }
        template.literal(rest)?;
        Ok(template)
    }

    /// Adds text between macros, unless a damaged macro is in it.
    fn literal(&mut self, text: &str) -> Result<(), MacroError> {
        if let Some(broken) = macros::broken(text) {
            return Err(broken);
        }
        if !text.is_empty() {
            self.pieces.push(Piece::Text(text.to_owned()));
        }
        Ok(())
    }

    /// The URL of a poll; nothing is percent-encoded here.
    pub fn render(&self, last_poll: Timestamp, now: Timestamp) -> String {
        let mut out = String::with_capacity(self.written.len());
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Macro(Macro {
                    clock: Clock::LastPoll,
                    form,
                    ..
                }) => out.push_str(&form.print(form.unambiguous(last_poll))),
                Piece::Macro(Macro { form, .. }) => out.push_str(&form.print(now)),
            }
        }
        out
    }

    /// Whether the last poll time is in it, so that the source can filter.
    pub fn has_macro(&self) -> bool {
        self.last_poll_macros().next().is_some()
    }

    /// The coarsest granule in which the last poll time is printed; zero without.
    pub fn granule(&self) -> SignedDuration {
        self.last_poll_macros()
            .map(|found| found.granule)
            .max()
            .unwrap_or(SignedDuration::ZERO)
    }

    /// The text as configured.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// What was written differently from how it is understood, or is likely a mistake, as sentences for warnings.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// A placeholder such as `{calendarId}` that stands outside of macros, which the documentation leaves to the user.
    pub fn placeholder(&self) -> Option<&str> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Text(text) => placeholder(text),
            Piece::Macro(_) => None,
        })
    }

    fn last_poll_macros(&self) -> impl Iterator<Item = &Macro> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Macro(found) if found.clock == Clock::LastPoll => Some(found),
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
        let (pattern, zone) = match self {
            Form::Date(pattern, zone) => (pattern, zone),
            Form::Epoch(unit) => return SignedDuration::from_nanos(*unit),
        };
        // Local time with a lesser offset behind it is taken for a later instant.
        let ahead = match pattern.claimed_offset() {
            Some(claimed) => zone::offsets(zone, zone::lately())
                .map(|offset| offset.seconds() - claimed)
                .max()
                .unwrap_or(0)
                .max(0),
            None => 0,
        };
        pattern
            .printed_granule(zone)
            .saturating_add(SignedDuration::from_secs(i64::from(ahead)))
    }

    /// The hour that comes twice when clocks are set back names two instants, and the vendor may take the later one
    /// for the earlier; then the hour before it is asked for as well.
    fn unambiguous(&self, instant: Timestamp) -> Timestamp {
        let Form::Date(pattern, zone) = self else {
            return instant;
        };
        if pattern.names_zone() {
            return instant;
        }
        let offset = zone.to_offset(instant);
        match zone.to_ambiguous_timestamp(offset.to_datetime(instant)).offset() {
            AmbiguousOffset::Fold { before, after } if offset == before => {
                let repeated = i64::from(before.seconds() - after.seconds());
                instant
                    .checked_sub(SignedDuration::from_secs(repeated))
                    .unwrap_or(instant)
            }
            _ => instant,
        }
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

#[cfg(test)]
mod tests;
