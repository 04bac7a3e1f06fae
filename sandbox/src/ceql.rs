//! The hub's query language: `field >= 'value' and other = 'value' or …`.

use std::cmp::Ordering;

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::dates;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    Unequal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// Longer signs first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 7] = [
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("!=", Operator::Unequal),
    ("<>", Operator::Unequal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("=", Operator::Equal),
];

impl Operator {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Operator::Equal => order.is_eq(),
            Operator::Unequal => order.is_ne(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) field: String,
    pub(crate) operator: Operator,
    pub(crate) value: String,
}

/// Conditions: one of the groups has to hold, and all of its conditions. No group at all holds for everything.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Where(pub(crate) Vec<Vec<Condition>>);

impl Where {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a condition; the error says what cannot be understood.
    pub(crate) fn parse(text: &str) -> Result<Where, String> {
        let mut rest = text;
        let mut groups = vec![Vec::new()];
        loop {
            let (condition, after) = condition(rest)?;
            if let Some(group) = groups.last_mut() {
                group.push(condition);
            }
            let after = after.trim_start();
            if after.is_empty() {
                return Ok(Where(groups));
            }
            let (word, behind) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
            if word.eq_ignore_ascii_case("or") {
                groups.push(Vec::new());
            } else if !word.eq_ignore_ascii_case("and") {
                return Err(format!("{word:?} stands where only and or or can stand"));
            }
            rest = behind;
        }
    }

    pub(crate) fn matches(&self, record: &Value, zone: &TimeZone) -> bool {
        self.is_empty()
            || self
                .0
                .iter()
                .any(|group| group.iter().all(|condition| condition.matches(record, zone)))
    }
}

fn condition(text: &str) -> Result<(Condition, &str), String> {
    let at = text
        .find(['=', '<', '>', '!'])
        .ok_or_else(|| format!("{:?} has no operator", text.trim()))?;
    let (field, rest) = text.split_at(at);
    let field = field.trim();
    if field.is_empty() || field.contains(|c: char| c.is_whitespace() || c == '\'') {
        return Err(format!("{field:?} is no field name"));
    }
    let (rest, operator) = OPERATORS
        .iter()
        .find_map(|(sign, operator)| Some((rest.strip_prefix(sign)?, *operator)))
        .ok_or_else(|| format!("{field} has no operator that is understood"))?;
    let (value, rest) = value(rest.trim_start()).ok_or_else(|| format!("{field} has no complete value"))?;
    if operator != Operator::Equal && dates::looks_like_date(&value) {
        let known = dates::parse_any(&value, &TimeZone::UTC);
        known.ok_or_else(|| format!("{value:?} is no date (is a + in it left unencoded?)"))?;
    }
    let field = field.to_owned();
    Ok((
        Condition {
            field,
            operator,
            value,
        },
        rest,
    ))
}

/// A quoted value, in which a doubled quote stands for itself, or a bare word.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('\'') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        return (!word.is_empty() && !word.contains('\'')).then(|| (word.to_owned(), rest));
    };
    let mut value = String::new();
    loop {
        let (part, behind) = rest.split_once('\'')?;
        value.push_str(part);
        match behind.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Some((value, behind)),
        }
    }
}

impl Condition {
    fn matches(&self, record: &Value, zone: &TimeZone) -> bool {
        match field(record, &self.field) {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => self.operator.holds(compare(text, &self.value, zone)),
            Some(other) => self
                .operator
                .holds(compare(&other.to_string(), &self.value, zone)),
        }
    }
}

/// A field of that name, or along a dotted path.
fn field<'a>(record: &'a Value, name: &str) -> Option<&'a Value> {
    record
        .get(name)
        .or_else(|| name.split('.').try_fold(record, |value, part| value.get(part)))
}

/// As numbers if both are, else as dates if both are, else as text.
fn compare(left: &str, right: &str, zone: &TimeZone) -> Ordering {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return left.total_cmp(&right);
    }
    let date = |text: &str| dates::parse_any(text, zone);
    match (date(left), date(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.cmp(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn conditions_hold_or_do_not() {
        let record = json!({
            "id": "7", "n": 10, "flag": false, "none": null, "a.b": "literal", "a": {"b": "path", "c": "deep"},
            "z": "2026-01-02T03:04:05Z", "local": "2026-01-02 03:04:05", "mail": "Fri, 02 Jan 2026 03:04:05 GMT",
            "quote": "it's",
        });
        for (text, holds) in [
            ("id = '7'", true),
            ("id='7' and n>9", true),
            ("id='8' or n > '9.5'", true),
            ("id='8' or n>'10' and id='7'", false),
            ("n>=10 AND n<=10 and n<11 and n!='11' and n<>11", true),
            ("flag='false'", true),
            ("none='null'", false),
            ("missing>'0'", false),
            ("a.b='literal'", true),
            ("a.c='deep'", true),
            ("quote='it''s'", true),
            ("z>'2026-01-02T04:04:04+01:00'", true),
            ("z>'2026-01-02T03:04:05.000Z'", false),
            ("z>='2026-01-02T03:04:05+0000'", true),
            ("local>'2026-01-02'", true),
            ("local>'2026-01-02T03:04:05'", false),
            ("mail='2026-01-02T03:04:05Z'", true),
            ("id>'6' and z=2026-01-02T03:04:05Z", true),
        ] {
            let parsed = Where::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(parsed.matches(&record, &TimeZone::UTC), holds, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for text in [
            "",
            " ",
            "id",
            "='7'",
            "id=",
            "id='7",
            "id='7' and",
            "id='7' xor n=1",
            "id in ('7')",
            "id like '7%'",
            "id!7",
            "two words='7'",
            "id=x'y'",
            "z>'2026-01-02T03:04:05 00:00'",
            "z>'2026-13-02'",
            "ü='",
            "=",
            "",
            "a=''b'",
        ] {
            assert!(Where::parse(text).is_err(), "{text}");
        }
    }
}
