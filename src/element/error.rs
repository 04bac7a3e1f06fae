//! What is wrong with an element or with how an instance uses it; found before anything is requested.

use crate::config::Problem;

/// Why an element cannot be used as configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElementError {
    /// No element has the key.
    #[error("spec.element.key: there is no element {key:?}; built in: {known}")]
    UnknownElement {
        /// The key as configured.
        key: String,
        /// Built-in keys, comma separated.
        known: String,
    },
    /// The element has no OAuth sign-in.
    #[error("spec.element.key: element {element} has no OAuth sign-in; put its credentials into a Secret")]
    NoOAuth {
        /// Key of the element.
        element: String,
    },
    /// A definition contradicts itself or cannot be read; a fault of its author.
    #[error("element {key}: {problem}; correct its definition")]
    InvalidDefinition {
        /// Key of the element.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// The element has no such resource.
    #[error("{path}: element {element} cannot poll {given:?}; use one of {known}")]
    UnknownResource {
        /// Where in the manifest.
        path: String,
        /// Key of the element.
        element: String,
        /// Path as configured.
        given: String,
        /// Hub paths of the element, comma separated.
        known: String,
    },
    /// The `where` clause is not understood, or the vendor cannot do it.
    #[error("{path}: where clause: {problem}; {remedy}")]
    InvalidWhere {
        /// Where in the manifest.
        path: String,
        /// What is wrong.
        problem: String,
        /// What to write instead.
        remedy: String,
    },
    /// A query parameter is given twice.
    #[error("{path}: {parameter} is given twice; leave one out")]
    RepeatedParameter {
        /// Where in the manifest.
        path: String,
        /// The vendor's parameter.
        parameter: String,
    },
    /// No request can be made of the URL.
    #[error("{path}: no request can be made of it: {problem}")]
    InvalidUrl {
        /// Where in the manifest.
        path: String,
        /// What is wrong and what to do.
        problem: String,
    },
}

impl ElementError {
    /// Name of the variant: event reason and metric label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownElement { .. } => "UnknownElement",
            Self::NoOAuth { .. } => "NoOAuth",
            Self::InvalidDefinition { .. } => "InvalidDefinition",
            Self::UnknownResource { .. } => "UnknownResource",
            Self::InvalidWhere { .. } => "InvalidWhere",
            Self::RepeatedParameter { .. } => "RepeatedParameter",
            Self::InvalidUrl { .. } => "InvalidUrl",
        }
    }

    /// Where in the manifest the fault is; `None` for a faulty definition.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::UnknownElement { .. } | Self::NoOAuth { .. } => Some("spec.element.key"),
            Self::InvalidDefinition { .. } => None,
            Self::UnknownResource { path, .. }
            | Self::InvalidWhere { path, .. }
            | Self::RepeatedParameter { path, .. }
            | Self::InvalidUrl { path, .. } => Some(path),
        }
    }
}

impl From<ElementError> for Problem {
    fn from(error: ElementError) -> Self {
        let text = error.to_string();
        let path = error.path().unwrap_or("spec.element").to_owned();
        let text = text.strip_prefix(&format!("{path}: ")).unwrap_or(&text);
        let (message, remedy) = text.rsplit_once("; ").unwrap_or((text, "correct it"));
        Self::new(path, message, remedy)
    }
}
