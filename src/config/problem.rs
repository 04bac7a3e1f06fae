//! What is wrong with a configuration, in the words of the one who must mend it.

use std::fmt;

use serde::Serialize;

use crate::api::is_object_name;

/// Why a configuration cannot be used: where, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where, for example `spec.configuration["event.poller.configuration"].reports.idField`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl Problem {
    /// A problem at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

/// The name of a Secret goes into a path of the API, where another text might name something else.
pub(crate) fn secret_name_problem(path: &str, name: &str) -> Option<Problem> {
    (!is_object_name(name)).then(|| {
        Problem::new(
            format!("{path}.name"),
            "is no name of a Secret",
            "write the name alone; the Secret must be in the instance's own namespace",
        )
    })
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.path, self.message, self.remedy)
    }
}

/// What deserves attention but hinders nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Where, as in [`Problem::path`].
    pub path: String,
    /// What, and what to do about it.
    pub message: String,
}

impl Warning {
    /// A warning at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// `parent["key"]` where `key` is no plain word, else `parent.key`.
pub(crate) fn join(parent: &str, key: &str) -> String {
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain {
        format!("{parent}.{key}")
    } else {
        format!("{parent}[{key:?}]")
    }
}
