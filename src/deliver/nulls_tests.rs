use proptest::prelude::*;

use super::*;

fn stripped(json: &str) -> String {
    let record = RawValue::from_string(json.to_owned()).unwrap();
    without_nulls(&record).get().to_owned()
}

#[test]
fn table() {
    for (json, expected) in [
        ("null", "null"),
        ("{}", "{}"),
        (r#"{"a":null}"#, "{}"),
        (r#"{"a":null,"b":null}"#, "{}"),
        (r#"{"a":null,"b":1}"#, r#"{"b":1}"#),
        (r#"{"a":1,"b":null}"#, r#"{"a":1}"#),
        (r#"{"a":1,"b":null,"c":2}"#, r#"{"a":1,"c":2}"#),
        (r#"{"a":{"b":null},"c":null}"#, r#"{"a":{}}"#),
        (r#"{"a":[null,{"b":null},null]}"#, r#"{"a":[null,{},null]}"#),
        (r#"[{"a":null},{"b":2}]"#, r#"[{},{"b":2}]"#),
        (r#"{"null":"null","a":null}"#, r#"{"null":"null"}"#),
        (r#"{"a":"x\",\"b\":null","c":null}"#, r#"{"a":"x\",\"b\":null"}"#),
        (r#"{"a":"\\","b":null}"#, r#"{"a":"\\"}"#),
        (
            r#"{"a":"{","b":null,"c":"{","d":1}"#,
            r#"{"a":"{","c":"{","d":1}"#,
        ),
        (
            r#"{"a":1.50,"b":1E+2,"c":12345678901234567890123,"d":null}"#,
            r#"{"a":1.50,"b":1E+2,"c":12345678901234567890123}"#,
        ),
        (r#"{"a":"\u00e9é","b":null}"#, r#"{"a":"\u00e9é"}"#),
        (r#"{ "a" : null , "b" : 1 }"#, r#"{  "b" : 1 }"#),
        ("{\n  \"a\": null,\n  \"b\": 1\n}", "{\n  \"b\": 1\n}"),
        ("{\n  \"a\": 1,\n  \"b\": null\n}", "{\n  \"a\": 1\n}"),
    ] {
        assert_eq!(stripped(json), expected, "{json}");
    }
}

#[test]
fn depth_is_no_problem() {
    let deep = |beginning: &str| {
        format!(
            "{{{beginning}\"b\":{}{}}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        )
    };
    assert_eq!(stripped(&deep(r#""a":null,"#)), deep(""));
}

#[derive(Clone, Debug)]
enum Json {
    Null,
    Scalar(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// As JSON with `blank` between all tokens.
    fn print(&self, blank: &str) -> String {
        let joined = |members: Vec<String>| members.join(&format!("{blank},{blank}"));
        match self {
            Self::Null => "null".to_owned(),
            Self::Scalar(text) => text.clone(),
            Self::Array(items) => {
                format!(
                    "[{blank}{}{blank}]",
                    joined(items.iter().map(|item| item.print(blank)).collect())
                )
            }
            Self::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|(key, value)| format!("{key}{blank}:{blank}{}", value.print(blank)));
                format!("{{{blank}{}{blank}}}", joined(fields.collect()))
            }
        }
    }

    fn without_nulls(&self) -> Self {
        match self {
            Self::Array(items) => Self::Array(items.iter().map(Self::without_nulls).collect()),
            Self::Object(fields) => Self::Object(
                fields
                    .iter()
                    .filter(|(_, value)| !matches!(value, Self::Null))
                    .map(|(key, value)| (key.clone(), value.without_nulls()))
                    .collect(),
            ),
            other => other.clone(),
        }
    }
}

/// Strings in their JSON notation, escapes and all.
fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        r#""(null|[,:{}\[\] nul]|\\"|\\\\|\\u00e9){0,6}""#,
    ]
}

fn json() -> impl Strategy<Value = Json> {
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?";
    let leaf = prop_oneof![
        3 => Just(Json::Null),
        1 => "true|false".prop_map(Json::Scalar),
        2 => number.prop_map(Json::Scalar),
        2 => string().prop_map(Json::Scalar),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            proptest::collection::vec((string(), inner), 0..6).prop_map(Json::Object),
        ]
    })
}

/// `json` without the blanks between tokens.
fn compact(json: &str) -> String {
    let mut out = String::new();
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        if in_string || !c.is_ascii_whitespace() {
            out.push(c);
        }
        in_string ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    out
}

proptest! {
    #[test]
    fn every_value_but_null_keeps_its_text(json in json(), blank in "[ \t\r\n]{0,2}") {
        let expected = json.without_nulls();
        let text = json.print(&blank);
        let result = stripped(&text);
        prop_assert_eq!(compact(&result), expected.print(""));
        serde_json::from_str::<serde::de::IgnoredAny>(&result).unwrap();
        if json.print("") == expected.print("") {
            prop_assert_eq!(result, text);
        }
    }
}
