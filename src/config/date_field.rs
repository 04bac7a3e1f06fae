//! A date inside a record.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DatePattern, FieldPath, zone};

/// Where a record's date is and how it is printed.
#[derive(Clone, Debug)]
pub struct DateField {
    path: FieldPath,
    pattern: DatePattern,
    zone: TimeZone,
    granule: SignedDuration,
}

impl DateField {
    /// A date at `path`, printed by `pattern`, in `zone` where it names none.
    pub fn new(path: FieldPath, pattern: DatePattern, zone: TimeZone) -> Self {
        let granule = pattern.read_granule(&zone);
        Self {
            path,
            pattern,
            zone,
            granule,
        }
    }

    /// The date of a record; none if the field is absent, null or empty.
    pub fn read(&self, record: &Value) -> Result<Option<Timestamp>, DateError> {
        let text = match self.path.get(record) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => whole(number),
            Some(other) => {
                let error = DateError::new(
                    &other.to_string(),
                    &self.pattern.to_string(),
                    "it is neither text nor a number",
                );
                return Err(error.at(&self.path));
            }
        };
        self.pattern
            .read(&text, &self.zone)
            .map(Some)
            .map_err(|error| error.at(&self.path))
    }

    /// How much time one date stands for.
    pub fn granule(&self) -> SignedDuration {
        self.granule
    }

    /// Where the date is.
    pub fn path(&self) -> &FieldPath {
        &self.path
    }

    /// How the date is printed.
    pub fn pattern(&self) -> &DatePattern {
        &self.pattern
    }
}

/// How a date is found and read, as text that a later release understands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateReading {
    field: String,
    format: String,
    zone: String,
}

impl DateReading {
    /// How `field` is found and read.
    pub fn of(field: &DateField) -> Self {
        let offset = || {
            let seconds = field.zone.to_offset(Timestamp::UNIX_EPOCH).seconds();
            let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
            format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        };
        Self {
            field: field.path.to_string(),
            format: field.pattern.to_string(),
            zone: field.zone.iana_name().map_or_else(offset, str::to_owned),
        }
    }

    /// The instant read from the text that `before` read as `at`, where only the zone differs.
    pub fn of_same_text(&self, at: Timestamp, before: &Self) -> Option<Timestamp> {
        let [now, then] = [&self.zone, &before.zone].map(|name| zone::parse(name).ok());
        let text = at.to_zoned(then?).datetime();
        Some(text.to_zoned(now?).ok()?.timestamp())
    }
}

/// A number as digits; `1.5e12`, which some serialisers print, as `1500000000000`.
fn whole(number: &serde_json::Number) -> String {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT => {
            format!("{float:.0}")
        }
        _ => number.to_string(),
    }
}

/// Why a date could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateError {
    value: String,
    pattern: String,
    path: Option<String>,
    reason: &'static str,
}

impl DateError {
    /// Longest part of a value that is shown, in characters.
    const SHOWN: usize = 40;

    pub(super) fn new(value: &str, pattern: &str, reason: &'static str) -> Self {
        let mut shown: String = value.chars().take(Self::SHOWN).collect();
        if value.chars().nth(Self::SHOWN).is_some() {
            shown.push('…');
        }
        Self {
            value: shown,
            pattern: pattern.to_owned(),
            path: None,
            reason,
        }
    }

    fn at(self, path: &FieldPath) -> Self {
        Self {
            path: Some(path.to_string()),
            ..self
        }
    }
}

impl std::error::Error for DateError {}

impl fmt::Display for DateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            value,
            pattern,
            path,
            reason,
        } = self;
        if let Some(path) = path {
            write!(f, "{path}: ")?;
        }
        write!(f, "{value:?} is no date of the pattern {pattern}: {reason}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::zone;

    fn reads(pattern: &str, record: Value, expected: Result<Option<&str>, &str>) {
        let path = FieldPath::parse("meta.updated").unwrap();
        let field = DateField::new(path, DatePattern::parse(pattern).unwrap(), zone::gmt());
        let read = field.read(&record).map(|date| date.map(|date| date.to_string()));
        let expected = expected
            .map(|date| date.map(str::to_owned))
            .map_err(str::to_owned);
        assert_eq!(read.map_err(|error| error.to_string()), expected, "{record}");
    }

    #[test]
    fn reads_dates_of_records() {
        let seconds = "yyyy-MM-dd HH:mm:ss";
        reads(
            seconds,
            json!({"meta": {"updated": "2018-01-02 03:04:05"}}),
            Ok(Some("2018-01-02T03:04:05Z")),
        );
        for absent in [
            json!({}),
            json!({"meta": {}}),
            json!({"meta": {"updated": null}}),
            json!({"meta": {"updated": " "}}),
        ] {
            reads(seconds, absent, Ok(None));
        }
        reads(
            "milliseconds",
            json!({"meta": {"updated": 1534778974827_i64}}),
            Ok(Some("2018-08-20T15:29:34.827Z")),
        );
        reads(
            "milliseconds",
            json!({"meta": {"updated": 1.534778974827e12}}),
            Ok(Some("2018-08-20T15:29:34.827Z")),
        );
        reads(
            "milliseconds",
            json!({"meta": {"updated": "1534778974827"}}),
            Ok(Some("2018-08-20T15:29:34.827Z")),
        );
        for seconds in [json!(1534778974), json!("1534778974"), json!(1534778974.0)] {
            let record = json!({"meta": {"updated": seconds}});
            reads("milliseconds", record.clone(), Ok(Some("2018-08-20T15:29:34Z")));
            reads("seconds", record, Ok(Some("2018-08-20T15:29:34Z")));
        }
        reads(
            "seconds",
            json!({"meta": {"updated": 1534778974.5}}),
            Ok(Some("2018-08-20T15:29:34.5Z")),
        );
        reads(
            "yyyyMMdd",
            json!({"meta": {"updated": 20180102}}),
            Ok(Some("2018-01-02T00:00:00Z")),
        );
        reads(
            seconds,
            json!({"meta": {"updated": "2018-13-02 03:04:05"}}),
            Err(
                "meta.updated: \"2018-13-02 03:04:05\" is no date of the pattern yyyy-MM-dd HH:mm:ss: a part of it is out of range",
            ),
        );
        reads(
            seconds,
            json!({"meta": {"updated": true}}),
            Err(
                "meta.updated: \"true\" is no date of the pattern yyyy-MM-dd HH:mm:ss: it is neither text nor a number",
            ),
        );
    }
}
