//! The poller configuration where it stands as text: JSON, with the slips that leave only one reading.

use serde_json::Value;

use super::super::Findings;
use super::super::repeated::repeated_names;
use crate::api::known_key;
use crate::config::problem::join;

/// How often text may stand in text.
const NESTED: usize = 4;

/// The value itself: out of JSON text, and out of an object that repeats the key around it; blank text is null.
/// None after a problem was noted.
pub(super) fn unwrapped(mut value: Value, key: &str, path: &str, findings: &mut Findings) -> Option<Value> {
    for depth in 0..=NESTED {
        value = match value {
            Value::String(text) if text.trim().is_empty() => return Some(Value::Null),
            Value::String(text) if depth < NESTED => {
                let inner = json(&text, path, findings)?;
                if matches!(inner, Value::String(_)) {
                    findings.warn(
                        path,
                        "is JSON text that holds JSON text, and is read as the inner one",
                    );
                }
                inner
            }
            Value::Object(mut map) if map.len() == 1 && map.keys().any(|name| is(name, key)) => {
                findings.warn(
                    path,
                    "holds its own name once more, and is read as what stands in there",
                );
                map.values_mut().next().map(Value::take)?
            }
            other => return Some(other),
        };
    }
    Some(value)
}

fn is(name: &str, key: &str) -> bool {
    known_key(name).is_some_and(|known| known.key == key)
}

fn json(text: &str, path: &str, findings: &mut Findings) -> Option<Value> {
    let error = match serde_json::from_str(text) {
        Ok(value) => {
            repeated(text, path, findings);
            return Some(value);
        }
        Err(error) => error,
    };
    for (mended, slip) in mended(text) {
        if let Ok(value @ (Value::Object(_) | Value::String(_))) = serde_json::from_str(&mended) {
            findings.warn(
                path,
                format!("is no valid JSON: it {slip}, and is read as if that were mended"),
            );
            repeated(&mended, path, findings);
            return Some(value);
        }
    }
    // YAML is what else people write objects in: it takes single quotes and bare names, but also nearly anything for text.
    if let Ok(Value::Object(map)) = serde_saphyr::from_str::<Value>(text)
        && map.values().all(Value::is_object)
    {
        findings.warn(path, "is no valid JSON, and is read as YAML");
        return Some(Value::Object(map));
    }
    let near = if may_hold_secrets(text) {
        String::new()
    } else {
        format!(", near {:?}", near(text, error.line(), error.column()))
    };
    findings.problem(
        path,
        format!("is no valid JSON: {error}{near}"),
        "mend the JSON, or write the poller configuration as an object",
    );
    None
}

/// Whether a whole configuration, or a url with a login in it, was pasted into the text.
fn may_hold_secrets(text: &str) -> bool {
    const WORDS: [&str; 7] = [
        "secret",
        "token",
        "passw",
        "authorization",
        "apikey",
        "api.key",
        "signature",
    ];
    let text = text.to_ascii_lowercase().replace(['_', '-'], "");
    WORDS.iter().any(|word| text.contains(word))
}

fn repeated(text: &str, path: &str, findings: &mut Findings) {
    for names in repeated_names(text) {
        let place = names.iter().fold(path.to_owned(), |path, name| join(&path, name));
        findings.problem(place, "stands there twice", "remove or rename one of them");
    }
}

/// The text with one slip mended, each with what the slip is.
fn mended(text: &str) -> Vec<(String, &'static str)> {
    let mut mended = Vec::new();
    if text.contains("\\\"") {
        let quoted = text
            .replace('\n', "\\n")
            .replace('\r', "\\r")
            .replace('\t', "\\t");
        let inner = serde_json::from_str::<String>(&format!("\"{quoted}\""));
        mended.extend(
            inner
                .ok()
                .map(|inner| (inner, "is escaped once more than needed")),
        );
    }
    if text.contains(['\u{201c}', '\u{201d}']) {
        let straight = text.replace(['\u{201c}', '\u{201d}'], "\"");
        mended.push((straight, "has typographic quotes"));
    }
    let fragment = text.trim().trim_end_matches(',');
    if fragment.starts_with('"') {
        mended.push((format!("{{{fragment}}}"), "lacks the braces around it"));
    }
    mended.push((without_trailing_commas(text), "has a comma behind a last field"));
    mended
}

fn without_trailing_commas(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_text, mut escaped) = (false, false);
    for c in text.chars() {
        if !in_text && matches!(c, '}' | ']') {
            let before = out.trim_end().strip_suffix(',').map(str::trim_end);
            if let Some(before) = before.filter(|before| !before.ends_with(['{', '[', ','])) {
                out.truncate(before.len());
            }
        }
        match c {
            '"' if !escaped => in_text = !in_text,
            _ => {}
        }
        escaped = in_text && c == '\\' && !escaped;
        out.push(c);
    }
    out
}

/// Up to 40 bytes around a place that serde_json names.
fn near(text: &str, line: usize, column: usize) -> String {
    let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let from = (0..=column.saturating_sub(21))
        .rev()
        .find(|at| line.is_char_boundary(*at))
        .unwrap_or(0);
    line.get(from..).unwrap_or_default().chars().take(40).collect()
}
