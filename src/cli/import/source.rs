//! Instance JSON as files hold it: one, an array, or several one after another.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::cli::source::{Excerpts, Place};

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
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    // Columns of the parser are bytes.
    let line = text
        .split('\n')
        .nth(error.line().saturating_sub(1))
        .unwrap_or_default();
    let before = line
        .char_indices()
        .filter(|(at, _)| *at + 1 < error.column())
        .count();
    let at = Place {
        line: error.line().max(1),
        column: before + 1,
    };
    let shown = Excerpts::of(text).around(at);
    format!(
        "{file}:{}:{}: is no valid JSON: {message}; mend it there:\n{}",
        at.line,
        at.column,
        shown.trim_end_matches('\n')
    )
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
            (
                "{\"configuration\": {\"oauth.api.secret\" \"hush\"}}",
                "f:1:",
                "expected `:`",
            ),
            (
                "[{\"a\": 1, \"oauth.api.secret\":\n\"hush\", \"b\": ]}]",
                "f:2:",
                "expected value",
            ),
            (
                "{\"event.notification.callback.headers\": {\"X-Custom\": \"hush\"} ]",
                "f:1:",
                "expected `,`",
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
            assert!(error.len() < 700, "{error}");
        }
        let error = instances("f", b"{\"b\" 2}".to_vec()).unwrap_err();
        assert!(error.ends_with("\n  1 | {\"b\" 2}\n    |      ^"), "{error}");
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
