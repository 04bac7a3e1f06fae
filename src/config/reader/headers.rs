//! `event.notification.callback.headers`: an object, the same as JSON text, or lines.

use http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::Findings;
use super::keys::Keys;
use super::repeated::repeated_names;
use super::values::{kind, scalar};
use crate::config::RESERVED_HEADERS;

const KEY: &str = "event.notification.callback.headers";
const REMEDY: &str =
    "write an object of names and values, or one line for each header, such as `X-Api-Key: value`";

/// Bounds what every notification carries.
const MOST: usize = 100;

/// The headers; `basic` says that there are credentials beside them. No message shows a value.
pub(super) fn headers(keys: &Keys, basic: bool, findings: &mut Findings) -> Vec<(String, SecretString)> {
    let path = keys.path(KEY);
    let pairs = match keys.value(KEY) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(map)) => from_object(&path, &map, findings),
        Some(Value::String(text)) if text.trim_start().starts_with('{') => from_json(&path, &text, findings),
        Some(Value::String(text)) => from_lines(&path, text.lines(), findings),
        Some(Value::Array(lines)) if lines.iter().all(Value::is_string) => {
            from_lines(&path, lines.iter().filter_map(Value::as_str), findings)
        }
        Some(other) => {
            findings.problem(path.as_str(), format!("is {}", kind(&other)), REMEDY);
            Vec::new()
        }
    };
    checked(&path, pairs, basic, findings)
}

fn from_json(path: &str, text: &str, findings: &mut Findings) -> Vec<(String, String)> {
    match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(map) => {
            for names in repeated_names(text) {
                let message = format!("{:?} stands there twice", shown(&names.join(".")));
                findings.problem(path, message, "remove one of them");
            }
            from_object(path, &map, findings)
        }
        Err(error) => {
            // Positions only: the text itself may be secret.
            let (line, column) = (error.line(), error.column());
            let message = format!("is no valid JSON at line {line} column {column}");
            findings.problem(path, message, "mend the JSON, or write lines `Name: value`");
            Vec::new()
        }
    }
}

/// A null value is no header.
fn from_object(path: &str, map: &Map<String, Value>, findings: &mut Findings) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in map.iter().filter(|(_, value)| !value.is_null()) {
        match scalar(value) {
            Some(text) => pairs.push((name.trim().to_owned(), text.trim().to_owned())),
            None => {
                let message = format!("the value of {:?} is {}", shown(name), kind(value));
                findings.problem(path, message, "write it as text");
            }
        }
    }
    pairs
}

/// `Name: value` or `Name=value`: no name has a colon or an equals sign in it, so the first of them ends the name.
fn from_lines<'a>(
    path: &str,
    lines: impl Iterator<Item = &'a str>,
    findings: &mut Findings,
) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (number, line) in (1..).zip(lines) {
        if line.trim().is_empty() {
            continue;
        }
        let Some((name, value)) = line.split_once([':', '=']) else {
            let message = format!("line {number} has no colon");
            findings.problem(path, message, "write every line as `Name: value`");
            continue;
        };
        if holds_another_header(value) {
            let message = format!("line {number} may be one header or several");
            findings.problem(
                path,
                message,
                "write each header on a line of its own, or all of them as a JSON object",
            );
            continue;
        }
        pairs.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    pairs
}

/// `; Name: ` or `, Name: ` in a value, which separates headers as some write them and is part of a value as well.
fn holds_another_header(value: &str) -> bool {
    value.split([';', ',']).skip(1).any(|part| {
        part.split_once(": ")
            .is_some_and(|(name, _)| HeaderName::from_bytes(name.trim().as_bytes()).is_ok())
    })
}

fn checked(
    path: &str,
    pairs: Vec<(String, String)>,
    basic: bool,
    findings: &mut Findings,
) -> Vec<(String, SecretString)> {
    if pairs.len() > MOST {
        let message = format!("holds {} headers, where {MOST} are the most", pairs.len());
        findings.problem(path, message, "remove some");
        return Vec::new();
    }
    let mut headers: Vec<(String, SecretString)> = Vec::new();
    for (name, value) in pairs {
        let lower = name.to_ascii_lowercase();
        let label = shown(&name);
        if HeaderName::from_bytes(lower.as_bytes()).is_err() {
            findings.problem(
                path,
                format!("{label:?} is no header name"),
                "write names such as X-Api-Key",
            );
        } else if HeaderValue::from_str(&value).is_err() {
            let remedy = "remove control characters and line breaks from it";
            findings.problem(
                path,
                format!("the value of {label} cannot stand in a header"),
                remedy,
            );
        } else if RESERVED_HEADERS.contains(&lower.as_str()) {
            findings.problem(
                path,
                format!("{label} is a header of the notification itself"),
                "remove it",
            );
        } else if basic && lower == "authorization" {
            let remedy = "remove it, or remove event.notification.basic.username and .password";
            findings.problem(path, "Authorization is set twice", remedy);
        } else if headers
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(&lower))
        {
            findings.problem(path, format!("{label} stands there twice"), "remove one of them");
        } else {
            headers.push((name, SecretString::from(value)));
        }
    }
    headers
}

/// The beginning of a header's name, for messages.
fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}
