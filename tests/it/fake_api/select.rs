//! Which objects a list or a watch answers, and in which form.

use http::HeaderMap;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::route::{Resource, Route};
use super::store::Change;

/// A resource, a namespace, selectors and a form.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    resource: Resource,
    namespace: String,
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
    metadata_only: bool,
}

/// `path` has `value` if `equal`; without a value, it only has to exist, or not to.
#[derive(Debug, Clone)]
struct Requirement {
    path: Vec<String>,
    value: Option<String>,
    equal: bool,
}

impl Selection {
    pub(crate) fn parse(route: &Route, headers: &HeaderMap) -> Result<Selection, Refusal> {
        let label = |key: &str| vec!["metadata".into(), "labels".into(), key.to_owned()];
        let field = |key: &str| key.split('.').map(String::from).collect();
        Ok(Selection {
            resource: route.resource.clone(),
            namespace: route.namespace.clone(),
            labels: requirements(route.parameter("labelSelector"), label)?,
            fields: requirements(route.parameter("fieldSelector"), field)?,
            metadata_only: is_metadata_only(headers),
        })
    }

    pub(crate) fn selects(&self, object: &Value) -> bool {
        self.labels
            .iter()
            .chain(&self.fields)
            .all(|requirement| requirement.holds(object))
    }

    /// The type of watch event for a change; an object that leaves the selection is deleted to the watcher.
    pub(crate) fn kind_of(&self, change: &Change) -> Option<&'static str> {
        let key = &change.key;
        if key.resource != self.resource || !(self.namespace.is_empty() || key.namespace == self.namespace) {
            return None;
        }
        let selected = |object: &Option<Value>| object.as_ref().is_some_and(|object| self.selects(object));
        match (selected(&change.before), selected(&change.after)) {
            (false, false) => None,
            (false, true) => Some("ADDED"),
            (true, true) => Some("MODIFIED"),
            (true, false) => Some("DELETED"),
        }
    }

    /// The object in the form that was asked for.
    pub(crate) fn show(&self, object: &Value) -> Value {
        if self.metadata_only {
            metadata_of(object)
        } else {
            object.clone()
        }
    }
}

/// Whether the client wants `PartialObjectMetadata`.
pub(crate) fn is_metadata_only(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(http::header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("as=PartialObjectMetadata"))
}

/// The object as `PartialObjectMetadata`.
pub(crate) fn metadata_of(object: &Value) -> Value {
    json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": object["metadata"],
    })
}

impl Requirement {
    fn holds(&self, object: &Value) -> bool {
        let found = self.path.iter().try_fold(object, |value, step| value.get(step));
        let found = found.and_then(Value::as_str);
        match &self.value {
            Some(value) => (found == Some(value)) == self.equal,
            None => found.is_some() == self.equal,
        }
    }
}

fn requirements(selector: &str, path: impl Fn(&str) -> Vec<String>) -> Result<Vec<Requirement>, Refusal> {
    if selector.contains('(') {
        return Err(Refusal::bad_request(format!(
            "the fake API knows no set selectors: {selector:?}"
        )));
    }
    let parse = |part: &str| {
        let (key, value, equal) = if let Some((key, value)) = part.split_once("!=") {
            (key, Some(value), false)
        } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            (key, Some(value), true)
        } else if let Some(key) = part.strip_prefix('!') {
            (key, None, false)
        } else {
            (part, None, true)
        };
        Requirement {
            path: path(key.trim()),
            value: value.map(|value| value.trim().to_owned()),
            equal,
        }
    };
    Ok(selector
        .split(',')
        .filter(|part| !part.is_empty())
        .map(parse)
        .collect())
}
