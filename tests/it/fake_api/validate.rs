//! The checks of the API server that are cheap to repeat.

use serde_json::Value;

use super::refusal::Refusal;
use super::route::Resource;
use super::store;

/// The body must be of the kind and namespace that the path says.
pub(crate) fn type_and_namespace(
    resource: &Resource,
    namespace: &str,
    object: &Value,
) -> Result<(), Refusal> {
    let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if Resource::of_kind(&api_version, &kind) != *resource {
        return Err(Refusal::bad_request(format!(
            "the object's apiVersion {api_version:?} and kind {kind:?} do not match the path for {} in {}",
            resource.plural,
            resource.api_version()
        )));
    }
    match object["metadata"]["namespace"].as_str() {
        Some(given) if !given.is_empty() && given != namespace => Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        )),
        _ => Ok(()),
    }
}

/// A DNS subdomain.
pub(crate) fn name(name: &str) -> Result<(), Refusal> {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let label = |label: &str| {
        !label.is_empty() && label.chars().all(inside) && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() <= 253 && name.split('.').all(label) {
        Ok(())
    } else {
        Err(Refusal::invalid(format!(
            "metadata.name: invalid value {name:?}: a lowercase RFC 1123 subdomain"
        )))
    }
}

/// No finalizer may be added to an object that is going.
pub(crate) fn finalizers(old: &Value, new: &Value) -> Result<(), Refusal> {
    if store::is_deleting(old)
        && store::finalizers(new)
            .iter()
            .any(|finalizer| !store::finalizers(old).contains(finalizer))
    {
        return Err(Refusal::invalid(
            "metadata.finalizers: forbidden: no new finalizers can be added if the object is being deleted",
        ));
    }
    Ok(())
}

/// Rules of single kinds.
pub(crate) fn object(resource: &Resource, object: &Value) -> Result<(), Refusal> {
    if resource.group == "events.k8s.io" {
        event(object)?;
    }
    Ok(())
}

fn event(event: &Value) -> Result<(), Refusal> {
    for (field, most) in [
        ("reason", 128),
        ("action", 128),
        ("reportingController", 128),
        ("reportingInstance", 128),
    ] {
        let length = event[field].as_str().unwrap_or_default().len();
        if length == 0 || length > most {
            return Err(Refusal::invalid(format!(
                "{field}: must have 1 to {most} bytes, has {length}"
            )));
        }
    }
    match event["note"].as_str().unwrap_or_default().len() {
        length if length > 1024 => Err(Refusal::invalid(format!(
            "note: can have at most 1024 bytes, has {length}"
        ))),
        _ => Ok(()),
    }
}
