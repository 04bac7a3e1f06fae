//! The definitions in the binary, read and checked once at first use.

use std::sync::LazyLock;

use super::{Authentication, Definition, ElementError, parse_definition};
use crate::config::{AuthenticationKind, Catalogue, CatalogueEntry, Settings};

/// Key of the definition that polls through a hub; no element of users.
const HUB: &str = "hub";

/// Name and text of every file in `definitions/`, in the order of their names.
static FILES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/definitions.rs"));

/// A definition, or what is wrong with its file.
type Read = Result<Definition, ElementError>;

/// Built-in definitions by key.
static BUILTIN: LazyLock<Vec<(&str, Read)>> =
    LazyLock::new(|| FILES.iter().map(|(key, text)| (*key, read(key, text))).collect());

/// The built-in definition of an element; the error for an unknown key names those there are.
pub fn builtin(key: &str) -> Result<&'static Definition, ElementError> {
    let builtin = LazyLock::force(&BUILTIN);
    match builtin.iter().find(|(known, _)| *known == key) {
        Some((_, definition)) => definition.as_ref().map_err(Clone::clone),
        None => {
            let known: Vec<_> = elements().map(|(known, _)| known).collect();
            Err(ElementError::UnknownElement {
                key: key.to_owned(),
                known: known.join(", "),
            })
        }
    }
}

/// The definition by which an instance is polled.
pub fn definition_of(settings: &Settings) -> Result<&'static Definition, ElementError> {
    builtin(if settings.through_hub {
        HUB
    } else {
        &settings.element
    })
}

/// What reading a configuration needs to know of the built-in elements.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
        elements()
            .filter_map(|(_, definition)| definition.as_ref().ok())
            .map(entry)
            .collect()
    });
    &CATALOGUE
}

fn elements() -> impl Iterator<Item = (&'static str, &'static Read)> {
    let builtin = LazyLock::force(&BUILTIN);
    builtin
        .iter()
        .filter(|(key, _)| *key != HUB)
        .map(|(key, definition)| (*key, definition))
}

fn entry(definition: &Definition) -> CatalogueEntry {
    let mut poller = serde_json::Map::new();
    for resource in &definition.resources {
        if let Some(Ok(entry)) = resource.poller.as_ref().map(serde_json::to_value) {
            poller.extend(resource.names().map(|name| (name.to_owned(), entry.clone())));
        }
    }
    CatalogueEntry {
        key: definition.key.clone(),
        id: definition.id,
        authentication: match &definition.authentication {
            Authentication::OAuth2(_) => AuthenticationKind::OAuth2,
            Authentication::Header(header) => AuthenticationKind::Header {
                configuration_key: header.configuration_key.clone(),
            },
        },
        poller,
        polled_by_default: definition.polled_by_default.clone(),
    }
}

fn read(key: &str, text: &str) -> Read {
    let invalid = |problem: String| ElementError::InvalidDefinition {
        key: key.to_owned(),
        problem: format!("definitions/{key}.yaml:{problem}"),
    };
    let definition = parse_definition(text).map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        invalid(problems.join(" | "))
    })?;
    if definition.key != key {
        return Err(invalid(format!(" it calls itself {:?}", definition.key)));
    }
    Ok(definition)
}

#[cfg(test)]
mod tests;
