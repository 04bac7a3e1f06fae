//! From the text of a macro to what it prints.

use super::{Clock, DatePattern, Form, Macro, MacroError, zone};
use crate::api::nearest;

/// Names of macros, in any capitalisation.
const NAMES: [&str; 7] = [
    "date",
    "gmtDate",
    "dateTimeZone",
    "epoch",
    "milliseconds",
    "now",
    "nowTimeZone",
];

/// Where a macro begins; the latter two are `${` as documentation generators leaked it.
const OPENINGS: [&str; 3] = ["${", "#{'$'}{", "#{\"$\"}{"];

/// What `${date}` prints: ISO 8601 in UTC.
const ISO: &str = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'";

/// Remedies.
const GMT_DATE: &str = "${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}";
const IN_ZONE: &str = "${dateTimeZone:America/Los_Angeles:yyyy-MM-dd'T'HH:mm:ss}";
const NOW_IN_ZONE: &str = "${nowTimeZone:America/Los_Angeles:yyyy-MM-dd'T'HH:mm:ss}";
const UNITS: &str = "${epoch:s}, ${epoch:ms} or ${epoch:us}";
const SECONDS: &str = "${epoch:s} for Unix time in seconds, ${epoch} in milliseconds";

/// Where the next macro begins, and how.
pub(super) fn opening(text: &str) -> Option<(usize, &'static str)> {
    text.match_indices(['$', '#']).find_map(|(at, _)| {
        let here = text.get(at..)?;
        let opening = OPENINGS.into_iter().find(|opening| here.starts_with(opening))?;
        Some((at, opening))
    })
}

/// What of the text behind an opening is inside of the macro.
pub(super) fn inside(after: &str) -> Result<&str, MacroError> {
    let whole = |end: usize| after.get(..end).unwrap_or_default();
    let end = closing_brace(after, false).ok_or_else(|| MacroError::Unclosed(cut(&format!("${{{after}"))))?;
    let inside = whole(end);
    if inside.matches('\'').count() % 2 == 1
        && let Some(other) = closing_brace(after, true)
        && other > end
        && matches!(parse(whole(other)), Ok((_, None)))
    {
        return Err(MacroError::TwoEnds(shown(whole(other))));
    }
    Ok(inside)
}

/// Where the brace that ends a macro is, past nested ones, and past quoted ones if asked.
fn closing_brace(text: &str, quotes: bool) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '\'' if quotes => quoted = !quoted,
            _ if quoted => {}
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A macro and what to warn of.
pub(super) fn parse(inside: &str) -> Result<(Macro, Option<String>), MacroError> {
    let (name, format) = match inside.split_once(':') {
        Some((name, format)) => (name.trim(), Some(format)),
        None => (inside.trim(), None),
    };
    let unknown = |nearest: String| MacroError::Unknown {
        found: shown(inside),
        nearest,
    };
    let mut notice = None;
    let (clock, form) = match (name.to_ascii_lowercase().as_str(), format) {
        ("date" | "gmtdate", format) => (Clock::LastPoll, dated(format.unwrap_or(ISO), inside)?),
        ("now", format) => (Clock::Now, dated(format.unwrap_or(ISO), inside)?),
        ("datetimezone", Some(rest)) => (Clock::LastPoll, in_zone(rest, inside)?),
        ("nowtimezone", Some(rest)) => (Clock::Now, in_zone(rest, inside)?),
        ("epoch" | "milliseconds", None) => (Clock::LastPoll, Form::Epoch(1_000_000)),
        ("epoch", Some(unit)) => {
            let unit = match unit.trim().to_ascii_lowercase().as_str() {
                "s" => 1_000_000_000,
                "ms" => 1_000_000,
                "us" => 1_000,
                "0" => {
                    let found = shown(inside);
                    notice = Some(format!(
                        "{found:?} is read as ${{epoch}}, Unix time in milliseconds"
                    ));
                    1_000_000
                }
                _ => return Err(unknown(UNITS.to_owned())),
            };
            (Clock::LastPoll, Form::Epoch(unit))
        }
        _ => return Err(unknown(suggestion(name, format, inside))),
    };
    if let Form::Date(pattern, zone) = &form {
        notice = pattern
            .notice()
            .map(|notice| format!("in the macro {:?} {notice}", shown(inside)))
            .or_else(|| claims(pattern, zone, inside));
    }
    let granule = form.granule();
    Ok((Macro { clock, form, granule }, notice))
}

/// Whether the text claims an offset that is not the zone's.
fn claims(pattern: &DatePattern, zone: &jiff::tz::TimeZone, inside: &str) -> Option<String> {
    let claimed = pattern.claimed_offset()?;
    zone::offsets(zone, zone::lately())
        .any(|offset| offset.seconds() != claimed)
        .then(|| {
            format!(
                "the macro {:?} prints another offset than its zone has, at least for part of the year; \
                 write Z or XXX without quotes for the true one",
                shown(inside)
            )
        })
}

fn pattern(format: &str, inside: &str) -> Result<DatePattern, MacroError> {
    let wrong = |source| MacroError::Pattern {
        found: shown(inside),
        source,
    };
    let pattern = DatePattern::parse(format).map_err(wrong)?;
    match pattern.misprint() {
        Some(source) => Err(wrong(source)),
        None => Ok(pattern),
    }
}

fn dated(format: &str, inside: &str) -> Result<Form, MacroError> {
    Ok(Form::Date(pattern(format, inside)?, zone::gmt()))
}

/// `ZONE:FMT`; an offset such as `-8:00` has a colon of its own, so the longest zone wins.
fn in_zone(rest: &str, inside: &str) -> Result<Form, MacroError> {
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
                    found: shown(inside),
                    source,
                });
            }
        }
    }
    match best {
        Some((zone, format)) => Ok(Form::Date(pattern(format, inside)?, zone)),
        None => Err(first_error.unwrap_or_else(|| MacroError::Unknown {
            found: shown(inside),
            nearest: IN_ZONE.to_owned(),
        })),
    }
}

/// The nearest valid form of a macro whose name is none.
fn suggestion(name: &str, format: Option<&str>, inside: &str) -> String {
    if DatePattern::parse(inside).is_ok_and(|pattern| pattern.has_year()) {
        return format!("${{gmtDate:{}}}", cut(inside));
    }
    if name.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() {
        return SECONDS.to_owned();
    }
    match (nearest(name, NAMES), format) {
        (Some("dateTimeZone"), None) => IN_ZONE.to_owned(),
        (Some("nowTimeZone"), None) => NOW_IN_ZONE.to_owned(),
        (Some("milliseconds"), _) => "${milliseconds}".to_owned(),
        (Some(name), Some(format)) => format!("${{{name}:{}}}", cut(format)),
        (Some(name), None) => format!("${{{name}}}"),
        (None, _) => format!("{GMT_DATE} or ${{epoch}}"),
    }
}

/// A macro that lost its opening, or one of another template language.
pub(super) fn broken(text: &str) -> Option<MacroError> {
    text.match_indices(['$', '#', '{']).find_map(|(at, mark)| {
        let found = text.get(at..)?;
        let after = found.get(1..)?;
        let nearest = if mark == "#" {
            after.starts_with('{').then(|| GMT_DATE.to_owned())?
        } else if let Some(name) = NAMES.into_iter().find(|name| begins_macro(after, name)) {
            let format = after.get(name.len() + 1..)?;
            let end = closing_brace(format, false);
            end.and_then(|end| format.get(..end))
                .map_or_else(|| GMT_DATE.to_owned(), |format| format!("${{{name}:{format}}}"))
        } else if mark == "$" && begins_date(after) {
            let format = after.split_once('}').map_or("", |(format, _)| format);
            if DatePattern::parse(format).is_ok() {
                format!("${{gmtDate:{format}}}")
            } else {
                GMT_DATE.to_owned()
            }
        } else {
            return None;
        };
        Some(MacroError::Broken {
            found: cut(found),
            nearest,
        })
    })
}

/// A name and its colon, as in `{gmtDate:` and `$gmtDate:`.
fn begins_macro(text: &str, name: &str) -> bool {
    text.split_at_checked(name.len())
        .is_some_and(|(start, behind)| start.eq_ignore_ascii_case(name) && behind.starts_with(':'))
}

/// Two of a letter that stands for a part of a date, as in `$yyyy`; parameters such as `$filter` do not begin so.
fn begins_date(text: &str) -> bool {
    ["yy", "YY", "MM", "dd"]
        .iter()
        .any(|letters| text.starts_with(letters))
}

fn shown(inside: &str) -> String {
    cut(&format!("${{{inside}}}"))
}

/// The first 80 characters, for messages.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
