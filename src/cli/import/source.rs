//! Instance JSON as files hold it: one, an array, or several one after another.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::keys::says_secret;

/// Characters shown before and after the place of an error.
const AROUND: usize = 50;

/// Every instance of the text; arrays are taken apart. The error names line and column and shows the text there.
pub(super) fn instances(file: &str, bytes: Vec<u8>) -> Result<Vec<Value>, String> {
    let text = String::from_utf8(bytes).map_err(|_| {
        format!("{file}: is not UTF-8 text; save it as UTF-8 (PowerShell: Out-File -Encoding utf8)")
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut instances = Vec::new();
    while deserializer.end().is_err() {
        match Strict.deserialize(&mut deserializer) {
            Ok(Value::Array(items)) => instances.extend(items),
            Ok(one) => instances.push(one),
            Err(error) => return Err(located(file, text, &error)),
        }
    }
    if instances.is_empty() {
        return Err(format!(
            "{file}: there is no instance in it; give it instance JSON"
        ));
    }
    Ok(instances)
}

/// JSON text without names that stand twice in one object, of which a map would keep only one.
pub(super) fn strict(text: &str) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut deserializer)?;
    deserializer.end().map(|()| value)
}

fn located(file: &str, text: &str, error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let shown = masked(text);
    let shown: Vec<char> = shown
        .lines()
        .nth(line.saturating_sub(1))
        .unwrap_or_default()
        .chars()
        .collect();
    // Columns of the parser are bytes, and its lines end with a line feed only.
    let original = text.split('\n').nth(line.saturating_sub(1)).unwrap_or_default();
    let before = original.char_indices().filter(|(at, _)| *at + 1 < column).count();
    let from = before.saturating_sub(AROUND).min(shown.len());
    let to = (before + AROUND).min(shown.len());
    let around: String = shown
        .get(from..to)
        .unwrap_or_default()
        .iter()
        .map(|c| if c.is_control() { ' ' } else { *c })
        .collect();
    let caret = " ".repeat(before.min(shown.len()) - from);
    format!("{file}:{line}:{column}: is no valid JSON: {message}; mend it there:\n  {around}\n  {caret}^")
}

/// The text with the characters of everything that may be secret replaced; lines and columns stay what they are.
fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let (mut hidden, mut previous) = (false, ' ');
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (name, gap) = name_at(rest);
        if gap.is_empty() {
            let length = name.len().max(first.len_utf8());
            push(rest.get(..length).unwrap_or_default(), hidden, &mut shown);
        } else {
            // Secrets have colons and equals signs in them, so that only a quoted name ends one.
            let quoted = matches!(previous, '"' | '\'') && gap.starts_with(['"', '\'', '\\']);
            let secret = says_secret(name) || name.eq_ignore_ascii_case("code");
            hidden = secret || (hidden && !quoted);
            push(name, hidden && !secret, &mut shown);
            shown.push_str(gap);
        }
        // So does a line that begins with a quote: the next name, or what should be one.
        let line = rest
            .strip_prefix('\n')
            .map(|line| line.trim_start_matches([' ', '\t']));
        hidden &= !line.is_some_and(|line| line.starts_with('"'));
        let length = (name.len() + gap.len()).max(first.len_utf8());
        let taken = rest.get(..length).unwrap_or(rest);
        previous = taken.chars().next_back().unwrap_or(' ');
        rest = rest.get(taken.len()..).unwrap_or_default();
    }
    shown
}

/// A name at the beginning of the text, and what makes it the name of a value: a quote if there is one, and `:` or `=`.
fn name_at(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-')))
        .unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    if name.is_empty() {
        return ("", "");
    }
    let behind = after.trim_start_matches(['\\', '"', '\'']).trim_start();
    let gap = if behind.starts_with([':', '=']) {
        after.get(..after.len() - behind.len() + 1).unwrap_or_default()
    } else {
        ""
    };
    (name, gap)
}

fn push(part: &str, hidden: bool, shown: &mut String) {
    if hidden {
        shown.extend(part.chars().map(|c| if c.is_whitespace() { c } else { '*' }));
    } else {
        shown.push_str(part);
    }
}

/// Reads any JSON, and refuses names that stand twice in one object.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Strict)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (mut seen, mut fields) = (BTreeSet::new(), Map::new());
        while let Some(name) = map.next_key::<String>()? {
            if !seen.insert(name.clone()) {
                let name: String = name.chars().take(60).collect();
                return Err(A::Error::custom(format_args!("{name:?} stands twice")));
            }
            fields.insert(name, map.next_value_seed(Strict)?);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_or_many() {
        for (text, expected) in [
            (r#"{"a":1}"#, json!([{"a": 1}])),
            ("\u{feff} [{\"a\":1}, 2]\n", json!([{"a": 1}, 2])),
            (
                "{\"a\":1}\n{\"b\":[1.5,-1,null,true,\"x\"]}",
                json!([{"a": 1}, {"b": [1.5, -1, null, true, "x"]}]),
            ),
        ] {
            let found = instances("f", text.as_bytes().to_vec());
            assert_eq!(found.map(Value::from), Ok(expected), "{text}");
        }
    }

    #[test]
    fn errors_have_a_place_and_no_secret() {
        for (text, place, word) in [
            ("", "f: ", "no instance"),
            ("[]", "f: ", "no instance"),
            ("{", "f:1:1: ", "EOF"),
            ("{\"a\": 1,\n \"b\" 2}", "f:2:6: ", "expected `:`"),
            ("{\"a\":1,\"a\":2}", "f:1:", "\"a\" stands twice"),
            (
                "{\"oauth.api.secret\": \"hush\" \"b\": 1}",
                "f:1:",
                "expected `,`",
            ),
            (
                "{\"oauth.api.secret\": \"hu\"hush:hush=\", \"b\": 1}",
                "f:1:",
                "expected `,`",
            ),
            (
                "{\"oauth.api.secret\": \"\nhush\", \"b\": 1}",
                "f:2:",
                "control character",
            ),
            ("{'oauth.password': 'hush'}", "f:1:", "key must be a string"),
            ("oauth.password: hush", "f:1:", "expected value"),
            (
                "{\"url\": \"https://x.example?token=hush\" 1}",
                "f:1:",
                "expected `,`",
            ),
            (
                "{\"providerData\": {\"code\": \"hush\" }, \"b\" 1}",
                "f:1:",
                "expected `:`",
            ),
            ("{\"ü\": \"日本語\" 1}", "f:1:", "expected `,`"),
            (&"[".repeat(300), "f:1:", "recursion"),
            // Would take minutes if every blank looked at all behind it.
            (
                &format!("{{\"a\": {}!", " \n\t".repeat(200_000)),
                "f:200001:",
                "expected value",
            ),
        ] {
            let error = instances("f", text.as_bytes().to_vec()).unwrap_err();
            assert!(
                error.starts_with(place) && error.contains(word),
                "{text}: {error}"
            );
            assert!(!error.contains("hush"), "{text}: {error}");
            assert!(error.len() < 500, "{error}");
        }
        let error = instances("f", b"{\"b\" 2}".to_vec()).unwrap_err();
        assert!(error.ends_with("\n  {\"b\" 2}\n       ^"), "{error}");
        assert!(
            instances("f", vec![0xff, 0xfe, b'{', 0])
                .unwrap_err()
                .contains("UTF-8")
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[\\{\\}\\[\\]\"':,= a-c\\\\\n\u{e4}]{0,60}|.{0,60}") {
            let _ = instances("f", text.into_bytes());
        }
    }
}
