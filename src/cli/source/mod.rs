//! Reads YAML and JSON texts into documents that know the place of each key; a broken document hides no other.

mod excerpt;
mod mask;

use granit_parser::{Event, Parser, ScanError};
use serde_json::Value;
use serde_saphyr::DuplicateKeyPolicy;

pub(super) use crate::config::places::{Node, Place};
pub(super) use excerpt::Excerpts;

use crate::config::places::fault;

/// What stands in place of something hidden, whatever its length.
const MASK: &str = "********";

/// One document of a file.
pub(super) struct Document {
    /// What it says.
    pub(super) value: Value,
    /// Where it says so.
    pub(super) node: Node,
}

/// Why a document cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) at: Place,
    /// What is wrong, such as `is not valid JSON: …`.
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

/// Every document of a text that is not empty, in order. A text that begins with a bracket is read as JSON, one value
/// or several; where it is no JSON it may still be YAML in flow style, unless its name claims JSON.
pub(super) fn documents(text: &str, must_be_json: bool) -> Vec<Result<Document, Unreadable>> {
    if !text.trim_start().starts_with(['{', '[']) {
        return yaml(text);
    }
    let read = json(text);
    if must_be_json || read.iter().all(Result::is_ok) {
        return read;
    }
    let in_flow_style = yaml(text);
    let good = |read: &[Result<_, _>]| read.iter().filter(|document| document.is_ok()).count();
    if in_flow_style.iter().all(Result::is_ok) || good(&in_flow_style) > good(&read) {
        in_flow_style
    } else {
        read
    }
}

/// Reads one YAML document that begins at `base`.
fn read(text: &str, base: Place) -> Result<Node, Unreadable> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        with_snippet: false,
        // Enough for every honest use of anchors; each replayed event costs as much as a written one.
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
        budget: serde_saphyr::budget! {
            max_nodes: 1_000_000,
            max_events: 4_000_000,
        },
    };
    let mut node: Node = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let (at, what) = fault(&error);
        Unreadable {
            at: at.from(base),
            message: format!("is not valid YAML: {what}"),
            remedy: "mend the text at this place",
        }
    })?;
    node.shift(base);
    Ok(node)
}

/// The text of a file: UTF-8, with or without a byte order mark.
pub(super) fn decoded(bytes: Vec<u8>) -> Result<String, Unreadable> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let good =
            String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        Unreadable {
            at: Place::default().after(&good),
            message: "is not UTF-8 text".to_owned(),
            remedy: "save the file as UTF-8",
        }
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The values of a JSON text, up to one that is broken.
fn json(text: &str) -> Vec<Result<Document, Unreadable>> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut documents = Vec::new();
    let (mut base, mut begin) = (Place::default(), 0);
    loop {
        let Some(value) = values.next() else {
            return documents;
        };
        let value = match value {
            Ok(value) => value,
            Err(error) => {
                let message = error.to_string();
                let what = message.split(" at line ").next().unwrap_or_default();
                documents.push(Err(Unreadable {
                    at: place_of(&error, text),
                    message: format!("is not valid JSON: {what}"),
                    remedy: "mend the text at this place; often a comma, a quote or a bracket before it is wrong",
                }));
                return documents;
            }
        };
        let end = values.byte_offset();
        let slice = text.get(begin..end).unwrap_or_default();
        // YAML knows all of JSON; where its reader gives up (a million values), only the places are lost.
        let node = read(slice, base).unwrap_or_else(|_| Node::nowhere(base));
        match value {
            Value::Array(items) => {
                let nodes = node.items().into_iter();
                let nodes = nodes.chain(std::iter::repeat(Node::nowhere(base)));
                let items = items.into_iter().zip(nodes);
                documents.extend(items.map(|(value, node)| Ok(Document { value, node })));
            }
            value => documents.push(Ok(Document { value, node })),
        }
        (base, begin) = (base.after(slice), end);
    }
}

/// serde_json counts columns in bytes, and from 0 after a line break.
fn place_of(error: &serde_json::Error, text: &str) -> Place {
    let line = text
        .split('\n')
        .nth(error.line().saturating_sub(1))
        .unwrap_or_default();
    let before = line.len().min(error.column().saturating_sub(1));
    Place {
        line: error.line().max(1),
        column: 1 + line.char_indices().take_while(|(at, _)| *at < before).count(),
    }
}

fn yaml(text: &str) -> Vec<Result<Document, Unreadable>> {
    let mut documents = Vec::new();
    let (mut base, mut begin) = (Place::default(), 0);
    for part in parts(text) {
        let part = match part {
            Ok(part) => part,
            Err(error) => {
                documents.push(Err(error));
                continue;
            }
        };
        base = base.after(text.get(begin..part.start).unwrap_or_default());
        begin = part.start;
        match read(text.get(part).unwrap_or_default(), base) {
            Ok(node) => {
                let value = node.value();
                if !value.is_null() {
                    documents.push(Ok(Document { value, node }));
                }
            }
            Err(error) => documents.push(Err(error)),
        }
    }
    documents
}

/// Where each document of a YAML text stands, or why it is none.
fn parts(text: &str) -> Vec<Result<std::ops::Range<usize>, Unreadable>> {
    let mut parser = Parser::new_from_str(text);
    let mut parts = Vec::new();
    let (mut begin, mut after_error) = (0, false);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((Event::DocumentStart(..), span)) if after_error => {
                begin = span.start.byte_offset().unwrap_or(begin);
                after_error = false;
            }
            Ok((Event::DocumentEnd, span)) => {
                let end = span.end.byte_offset().unwrap_or(text.len()).max(begin);
                parts.push(Ok(begin..end));
                begin = end;
            }
            Ok(_) => {}
            Err(error) => {
                parts.push(Err(unreadable(text, &error)));
                after_error = true;
                if !matches!(parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
    }
    parts
}

fn unreadable(text: &str, error: &ScanError) -> Unreadable {
    let at = error.marker();
    let what = error.info();
    let mut place = Place {
        line: at.line().max(1),
        column: at.col() + 1,
    };
    let mut remedy =
        "mend the text at this place; often a quote, a colon or the indentation before it is wrong";
    if what.contains("tab") {
        remedy = "indent with spaces";
        // What was being read began before the tab.
        let rest = text
            .get(at.byte_offset().unwrap_or(text.len())..)
            .unwrap_or_default();
        let tab = |line: &str| line.find(|c| c != ' ').filter(|at| line[*at..].starts_with('\t'));
        let lines = rest.split('\n').enumerate().skip(1).take(TAB_WITHIN);
        if let Some((below, column)) = lines.filter_map(|(below, line)| Some((below, tab(line)?))).next() {
            place = Place {
                line: place.line + below,
                column: column + 1,
            };
        }
    }
    Unreadable {
        at: place,
        message: format!("is not valid YAML: {what}"),
        remedy,
    }
}

/// Lines after the place of an error in which the tab is looked for that it speaks of.
const TAB_WITHIN: usize = 20;

#[cfg(test)]
mod tests;
