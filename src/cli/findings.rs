//! What is wrong with files, each with its place, and how that is printed.

use std::fmt::{self, Write as _};

use serde::Serialize;

use super::Failed;
use super::source::{Place, Unreadable};
use crate::config::{Problem, Warning};

/// The file that stands for standard input.
pub(super) const STDIN: &str = "-";

/// Whether a finding makes its file invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// Must be mended.
    Error,
    /// Deserves attention but hinders nothing.
    Warning,
}

/// One problem or warning.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) file: String,
    /// None where the file as a whole is meant.
    pub(super) line: Option<usize>,
    pub(super) column: Option<usize>,
    /// Which of the file's documents, from 1; empty ones do not count.
    pub(super) document: Option<usize>,
    /// Kind of the object.
    pub(super) kind: Option<String>,
    /// Namespace and name of the object, where it has one.
    pub(super) instance: Option<String>,
    /// Where in the document; empty where the document as a whole is meant.
    pub(super) path: String,
    pub(super) message: String,
    pub(super) remedy: Option<String>,
    pub(super) severity: Severity,
    /// The text around the place, where the text itself is broken.
    #[serde(skip)]
    pub(super) excerpt: Option<String>,
}

impl Finding {
    /// Of a file as a whole.
    pub(super) fn of_file(file: &str, message: impl Into<String>, remedy: &str) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            column: None,
            document: None,
            kind: None,
            instance: None,
            path: String::new(),
            message: message.into(),
            remedy: Some(remedy.to_owned()),
            severity: Severity::Error,
            excerpt: None,
        }
    }

    /// Of a text that cannot be read, with the lines around the place where there are any.
    pub(super) fn of_text(file: &str, excerpt: Option<String>, broken: Unreadable) -> Self {
        Self {
            line: Some(broken.at.line),
            column: Some(broken.at.column),
            excerpt,
            ..Self::of_file(file, broken.message, broken.remedy)
        }
    }

    /// A problem of an object.
    pub(super) fn problem(file: &str, at: Place, instance: Option<String>, problem: Problem) -> Self {
        Self {
            line: Some(at.line),
            column: Some(at.column),
            instance,
            path: problem.path,
            ..Self::of_file(file, problem.message, &problem.remedy)
        }
    }

    /// A warning about an object.
    pub(super) fn warning(file: &str, at: Place, instance: Option<String>, warning: Warning) -> Self {
        Self {
            line: Some(at.line),
            column: Some(at.column),
            instance,
            path: warning.path,
            remedy: None,
            severity: Severity::Warning,
            ..Self::of_file(file, warning.message, "")
        }
    }

    /// Whether it makes the file invalid.
    pub(super) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `FILE:LINE:COLUMN: namespace/name: PATH: message; remedy`, then the text around it. Nobody sees the lines of
/// standard input, so that its documents are numbered and their kinds named.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = self.file.clone();
        for number in [self.line, self.column].into_iter().flatten() {
            line.push_str(&format!(":{number}"));
        }
        if let (STDIN, Some(number)) = (self.file.as_str(), self.document) {
            let kind = self
                .kind
                .as_deref()
                .map(|kind| format!(", {kind}"))
                .unwrap_or_default();
            line.push_str(&format!(": document {number}{kind}"));
        }
        let severity = (!self.is_error()).then_some("warning");
        let path = Some(self.path.as_str()).filter(|path| !path.is_empty());
        let parts = [self.instance.as_deref(), severity, path, Some(&self.message)];
        for part in parts.into_iter().flatten() {
            line.push_str(": ");
            line.push_str(part);
        }
        if let Some(remedy) = &self.remedy {
            line.push_str("; ");
            line.push_str(remedy);
        }
        // Names come from the file and must neither break the line nor speak to the terminal.
        for c in line.chars() {
            f.write_char(if c.is_control() { '\u{fffd}' } else { c })?;
        }
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{}", excerpt.trim_end_matches('\n'))?;
        }
        Ok(())
    }
}

/// Findings as the message of a command that cannot go on.
pub(super) fn failed<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Failed {
    let lines: Vec<_> = findings.into_iter().map(Finding::to_string).collect();
    Failed(lines.join("\nerror: "))
}
