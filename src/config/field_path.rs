//! Where in a record a value is, in the JSON path notations Cloud Elements configurations use.

use std::fmt;

use serde_json::Value;

/// A path such as `ID`, `user.id`, `['Modified Time']`, `@.@id` or `updated-at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath {
    written: String,
    steps: Vec<Step>,
}

/// One name on the way, and where in the path it begins: the text from there may be a key with dots in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    name: String,
    from: usize,
}

/// Longest path, in bytes.
const LONGEST: usize = 500;

/// Why a text is no field path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldPathError {
    /// Nothing but white space.
    #[error("is empty")]
    Empty,
    /// A path longer than any real one; bounds what a path can cost.
    #[error("is longer than {LONGEST} bytes")]
    TooLong,
    /// Two dots in a row, or one at an end.
    #[error("{0:?} has an empty name between its dots")]
    EmptyName(String),
    /// `[` without its `]`, or something else than a quoted name or a number inside.
    #[error("{0:?} has brackets that hold neither a quoted name, as in ['Modified Time'], nor a number")]
    Brackets(String),
}

impl FieldPath {
    /// Reads a path; a leading `@` or `$` before a dot or bracket stands for the record itself.
    ///
    /// # Errors
    /// [`FieldPathError`] continues a sentence that begins with where the path is.
    pub fn parse(text: &str) -> Result<Self, FieldPathError> {
        let written = text.trim();
        if written.is_empty() {
            return Err(FieldPathError::Empty);
        }
        if written.len() > LONGEST {
            return Err(FieldPathError::TooLong);
        }
        let inside = written.strip_prefix(['@', '$']);
        let mut steps = Vec::new();
        let mut rest = match inside {
            Some(inside) if inside.starts_with('[') => inside,
            Some(inside) => inside.strip_prefix('.').unwrap_or(written),
            None => written,
        };
        loop {
            let (name, after) = if rest.starts_with('[') {
                bracketed(rest).ok_or_else(|| FieldPathError::Brackets(written.to_owned()))?
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                rest.split_at_checked(end).unwrap_or((rest, ""))
            };
            if name.is_empty() {
                return Err(FieldPathError::EmptyName(written.to_owned()));
            }
            steps.push(Step {
                name: name.to_owned(),
                from: written.len() - rest.len(),
            });
            rest = match after.strip_prefix('.') {
                Some(next) => next,
                None if after.is_empty() => break,
                None if after.starts_with('[') => after,
                None => return Err(FieldPathError::Brackets(written.to_owned())),
            };
        }
        Ok(Self {
            written: written.to_owned(),
            steps,
        })
    }

    /// The value at this path; a key that is literally the path, or the rest of it, wins over the way through objects.
    pub fn get<'a>(&self, record: &'a Value) -> Option<&'a Value> {
        if let Some(value) = record.get(self.written.as_str()) {
            return Some(value);
        }
        let mut at = record;
        for step in &self.steps {
            if let Some(value) = self.written.get(step.from..).and_then(|rest| at.get(rest)) {
                return Some(value);
            }
            at = match at {
                Value::Array(items) => items.get(step.name.parse::<usize>().ok()?)?,
                _ => at.get(step.name.as_str())?,
            };
        }
        Some(at)
    }
}

/// The name in the brackets `text` begins with, and what follows them.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('[')?;
    for quote in ['\'', '"'] {
        if let Some(quoted) = inside.strip_prefix(quote) {
            let (name, after) = quoted.split_once(quote)?;
            return Some((name, after.strip_prefix(']')?));
        }
    }
    let (index, after) = inside.split_once(']')?;
    index.parse::<usize>().ok()?;
    Some((index, after))
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn finds(path: &str, record: Value, expected: Option<Value>) {
        let parsed = FieldPath::parse(path).unwrap();
        assert_eq!(parsed.get(&record), expected.as_ref(), "{path} in {record}");
        assert_eq!(parsed.to_string(), path.trim());
    }

    #[test]
    fn finds_values() {
        finds("ID", json!({"ID": "a"}), Some(json!("a")));
        finds(" ID ", json!({"ID": "a"}), Some(json!("a")));
        finds("id", json!({"ID": "a"}), None);
        finds("user.id", json!({"user": {"id": 7}}), Some(json!(7)));
        finds("user.id", json!({"user": null}), None);
        finds(
            "user.id",
            json!({"user.id": 1, "user": {"id": 2}}),
            Some(json!(1)),
        );
        finds("a.b.c", json!({"a": {"b.c": 3}}), Some(json!(3)));
        finds(
            "['Modified Time']",
            json!({"Modified Time": "x"}),
            Some(json!("x")),
        );
        finds("[\"a.b\"].c", json!({"a.b": {"c": 1}}), Some(json!(1)));
        finds(
            "meta['Modified Time'].at",
            json!({"meta": {"Modified Time": {"at": 1}}}),
            Some(json!(1)),
        );
        finds("@.@id", json!({"@id": "x"}), Some(json!("x")));
        finds("@.id", json!({"@.id": 1, "id": 2}), Some(json!(1)));
        finds("$.id", json!({"id": 2}), Some(json!(2)));
        finds("$['a b'].c", json!({"a b": {"c": 2}}), Some(json!(2)));
        finds("@[\"id\"]", json!({"id": 2}), Some(json!(2)));
        finds("$.a.b", json!({"a.b": 1, "a": {"b": 2}}), Some(json!(1)));
        finds("$id", json!({"$id": 2}), Some(json!(2)));
        finds("[0]", json!({"0": 2}), Some(json!(2)));
        finds("@id", json!({"@id": 2}), Some(json!(2)));
        finds("updated-at", json!({"updated-at": 1}), Some(json!(1)));
        finds("Modified Time", json!({"Modified Time": 1}), Some(json!(1)));
        finds("items[1].id", json!({"items": [{}, {"id": 5}]}), Some(json!(5)));
        finds("items.0", json!({"items": [4]}), Some(json!(4)));
        finds("items.x", json!({"items": [4]}), None);
        finds("x", json!("text"), None);
    }

    #[test]
    fn refuses() {
        for text in [
            "", " ", "a..b", ".a", "a.", "@.", "['a", "[a]", "['a'", "['a']b", "['']", "a[",
        ] {
            assert!(FieldPath::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(FieldPath::parse(&"a.".repeat(300)), Err(FieldPathError::TooLong));
    }

    /// A path of many names costs as many steps.
    #[test]
    fn deep_paths() {
        let path = FieldPath::parse(&["a"; 250].join(".")).unwrap();
        assert_eq!(path.steps.len(), 250);
        let record = (0..250).fold(json!("end"), |inner, _| json!({ "a": inner }));
        assert_eq!(path.get(&record), Some(&json!("end")));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,20}|[a.\\[\\]'@$]{0,12}", record in "\\PC{0,8}") {
            if let Ok(path) = FieldPath::parse(&text) {
                let _ = path.get(&json!({ record: { "a": [1] } }));
                prop_assert_eq!(path.to_string(), text.trim());
            }
        }

        #[test]
        fn a_literal_key_is_always_found(key in "[a-zA-Z0-9_.@ -]{1,20}") {
            if let Ok(path) = FieldPath::parse(&key) {
                let record = json!({ path.to_string(): 1 });
                prop_assert_eq!(path.get(&record), Some(&json!(1)));
            }
        }
    }
}
