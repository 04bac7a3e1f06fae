//! Reads a document of the kind `Element`, and finds what is wrong with it, with path and line.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Definition, Document, Resource};
use crate::api::nearest;
use crate::config::places::{Node, Place, fault};
use crate::config::{Problem, join};

/// Where the format is described.
const SCHEMA: &str = "docs/element.schema.json describes the format";

/// Why a text is no usable definition: where, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionProblem {
    /// Line in the text, from 1.
    pub line: usize,
    /// Column in the line, from 1.
    pub column: usize,
    /// Path of the key, for example `spec.resources[3].pageSize.default`; empty for the document as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl DefinitionProblem {
    fn new(Place { line, column }: Place, problem: Problem) -> Self {
        let Problem {
            path,
            message,
            remedy,
        } = problem;
        Self {
            line,
            column,
            path,
            message,
            remedy,
        }
    }
}

impl fmt::Display for DefinitionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}; {}", self.message, self.remedy)
    }
}

/// Levels of nesting that are read: a definition has about ten, and each takes its part of a small stack.
const DEEPEST: usize = 24;

/// Reads the one document of a YAML or JSON text; in its place all problems, in the text's order.
pub fn parse_definition(text: &str) -> Result<Definition, Vec<DefinitionProblem>> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! { max_depth: DEEPEST },
    };
    let node: Node = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let (at, what) = fault(&error);
        let message = format!("is no valid YAML: {what}");
        vec![DefinitionProblem::new(
            at,
            Problem::new("", message, "mend the text at this place"),
        )]
    })?;
    check_definition(&node.value()).map_err(|problems| {
        let mut placed: Vec<_> = problems
            .into_iter()
            .map(|problem| DefinitionProblem::new(node.locate(&problem.path), problem))
            .collect();
        placed.sort_by_key(|problem| (problem.line, problem.column));
        placed
    })
}

/// Reads a document; in its place all problems. The shape of each resource is judged on its own, so that one fault
/// hides no other.
pub fn check_definition(document: &Value) -> Result<Definition, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut frame = document.clone();
    let mut resources = Vec::new();
    if let Some(spec) = frame.get_mut("spec").and_then(Value::as_object_mut)
        && let Some(Value::Array(items)) = spec.get_mut("resources")
    {
        for (index, item) in std::mem::take(items).into_iter().enumerate() {
            resources.push(shaped::<Resource>(
                &format!("spec.resources[{index}]"),
                item,
                &mut problems,
            ));
        }
    }
    let frame = shaped::<Document>("", frame, &mut problems);
    let resources: Option<Vec<_>> = resources.into_iter().collect();
    let (Some(frame), Some(resources)) = (frame, resources) else {
        return Err(problems);
    };
    let definition = Definition {
        key: frame.metadata.name,
        resources,
        ..frame.spec
    };
    definition.check(&mut problems);
    if problems.is_empty() {
        Ok(definition)
    } else {
        Err(problems)
    }
}

/// Reads a value; none after a problem was noted.
fn shaped<T: DeserializeOwned>(at: &str, value: Value, problems: &mut Vec<Problem>) -> Option<T> {
    match serde_path_to_error::deserialize(value) {
        Ok(read) => Some(read),
        Err(error) => {
            let path = error.path().iter().fold(at.to_owned(), |path, segment| {
                use serde_path_to_error::Segment;
                match segment {
                    Segment::Seq { index } => format!("{path}[{index}]"),
                    Segment::Map { key } => joined(&path, key),
                    Segment::Enum { variant } => joined(&path, variant),
                    Segment::Unknown => path,
                }
            });
            let message = error.inner().to_string();
            problems.push(Problem::new(path, message.clone(), remedy(&message)));
            None
        }
    }
}

fn joined(path: &str, key: &str) -> String {
    let joined = join(path, key);
    match joined.strip_prefix('.') {
        Some(first) if path.is_empty() => first.to_owned(),
        _ => joined,
    }
}

/// The reader's message names what it found and what it knows, each in backticks.
fn remedy(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown")
        && let Some(found) = words.next()
        && let Some(nearest) = nearest(found, words)
    {
        return format!("did you mean {nearest}?");
    }
    if message.ends_with("expected a string") {
        // A bare Y or true is no text to YAML.
        return "put it in quotes".to_owned();
    }
    match message.strip_prefix("missing field ") {
        Some(field) => format!("add {}; {SCHEMA}", field.trim_matches('`')),
        None => format!("correct it; {SCHEMA}"),
    }
}

#[cfg(test)]
mod tests;
