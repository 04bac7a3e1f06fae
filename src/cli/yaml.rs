//! YAML that every reader, of YAML 1.1 or 1.2, reads back as what was written.
//!
//! Only words that no reader takes for anything else stand without quotes; keys follow the same rule as values.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// Words that some reader takes for a bool, null or a number.
const RESERVED: &[&str] = &[
    "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf",
];

/// Longer keys than readers must accept in front of a `:` are written in the explicit form.
const LONGEST_KEY: usize = 120;

/// The values as documents, with `---` between them.
pub(super) fn documents(values: &[Value]) -> String {
    let documents: Vec<String> = values.iter().map(document).collect();
    documents.join("---\n")
}

/// One value as a document that ends with a line break.
pub(super) fn document(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => block(value, 0, &mut text),
        Value::Array(items) if !items.is_empty() => block(value, 0, &mut text),
        _ => {
            text.push_str(&scalar(value));
            text.push('\n');
        }
    }
    text
}

/// A mapping or list that is not empty, from the current place on, which is at `indent`.
fn block(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(map) => {
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 {
                    pad(indent, text);
                }
                let key = string(key);
                if key.len() > LONGEST_KEY {
                    let _ = writeln!(text, "? {key}");
                    pad(indent, text);
                } else {
                    text.push_str(&key);
                }
                text.push(':');
                after(value, indent, text);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    pad(indent, text);
                }
                text.push_str("- ");
                if is_block(item) {
                    block(item, indent + 2, text);
                } else {
                    let _ = writeln!(text, "{}", scalar(item));
                }
            }
        }
        _ => {}
    }
}

/// What stands behind the `:` of a key at `indent`.
fn after(value: &Value, indent: usize, text: &mut String) {
    if is_block(value) {
        // A list stands under its key without indentation, as Kubernetes writes it.
        let inner = if value.is_array() { indent } else { indent + 2 };
        text.push('\n');
        pad(inner, text);
        block(value, inner, text);
    } else {
        let _ = writeln!(text, " {}", scalar(value));
    }
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

fn pad(indent: usize, text: &mut String) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// What needs no lines of its own.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(content) => string(content),
        Value::Number(content) => number(content),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        other => other.to_string(),
    }
}

/// YAML 1.1 takes an exponent only with a sign, and behind a decimal point.
fn number(number: &Number) -> String {
    let text = number.to_string();
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return text;
    };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

fn string(content: &str) -> String {
    if is_plain(content) {
        return content.to_owned();
    }
    let mut text = String::from('"');
    for c in content.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            // Line breaks, byte order marks and what readers call unprintable.
            '\0'..='\x1f'
            | '\x7f'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            _ => text.push(c),
        }
    }
    text.push('"');
    text
}

fn is_plain(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_./:-".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && !text.ends_with(':')
        && text.chars().all(inner)
        && !RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(value: &Value) {
        let text = document(value);
        let again: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(&again, value, "{text}");
    }

    #[test]
    fn it_reads_as_people_write() {
        let value = json!({
            "metadata": {"name": "a", "labels": {}},
            "spec": {
                "tags": ["Docs", "on"],
                "list": [{"a": 1, "b": {"c": []}}, [], [[1], {"x": null}]],
                "url": "/hubs/expense/reports?where=modifiedDateAfter='${date:yyyy}'",
                "callback": "https://hooks.example.com/concur",
                "minutes": "15", "whole": 15, "on": true, "lines": "a\nb", "twelve": "12:30"
            }
        });
        let expected = r#"metadata:
  name: a
  labels: {}
spec:
  tags:
  - Docs
  - "on"
  list:
  - a: 1
    b:
      c: []
  - []
  - - - 1
    - x: null
  url: "/hubs/expense/reports?where=modifiedDateAfter='${date:yyyy}'"
  callback: https://hooks.example.com/concur
  minutes: "15"
  whole: 15
  "on": true
  lines: "a\nb"
  twelve: "12:30"
"#;
        assert_eq!(document(&value), expected);
        check(&value);
        assert_eq!(
            documents(&[json!({"a": 1}), json!({"b": 2})]),
            "a: 1\n---\nb: 2\n"
        );
    }

    #[test]
    fn text_stays_text() {
        let long = "long word ".repeat(400);
        for text in [
            "15",
            "1e3",
            "0123",
            "0o17",
            "0x1f",
            "1_000",
            "12:30:45",
            "+1",
            "-",
            ".5",
            ".inf",
            ".NaN",
            "yes",
            "No",
            "on",
            "OFF",
            "y",
            "N",
            "true",
            "~",
            "null",
            "Null",
            "",
            " ",
            " a",
            "a ",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "- a",
            "? a",
            "2026-01-01",
            "2026-01-01T00:00:00Z",
            "a\nb\n",
            "\n",
            "\t",
            "a\r\nb",
            "\u{85}",
            "\u{2028}",
            "\u{feff}a",
            "\u{7f}",
            "\0",
            "\u{ffff}",
            "\u{1f511} schön",
            "it's",
            "\"a\"",
            "a\\b",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "{a",
            "[a",
            "---",
            "...",
            "<<",
            "=",
            ",",
            "|",
            ">",
            "yyyy-MM-dd'T'HH:mm:ss.SSS",
            "********",
            &long,
        ] {
            check(&json!({"key": text, "list": [text, {text: text}], text: {text: [text]}}));
        }
    }

    #[test]
    fn numbers_stay_numbers() {
        for number in [
            json!(1e21),
            json!(1.5e300),
            json!(-2.5e-7),
            json!(1e-7),
            json!(0.1),
            json!(-0.0),
            json!(u64::MAX),
            json!(i64::MIN),
        ] {
            check(&json!({ "n": number }));
        }
        assert_eq!(number(&Number::from_f64(1e21).unwrap()), "1.0e+21");
        assert_eq!(number(&Number::from_f64(1e-7).unwrap()), "1.0e-7");
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            any::<String>(),
            "[a-z0-9:#' \\-\\n\\t~.]{0,12}",
            "[-+]?[0-9._:eExo]{0,8}"
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((text.clone(), inner), 0..5)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(value in json_value()) {
            check(&value);
        }
    }
}
