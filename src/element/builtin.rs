//! The definitions in the binary, read and checked once at first use.

use std::sync::LazyLock;

use super::{Authentication, Definition, ElementError};
use crate::config::{AuthenticationKind, Catalogue, CatalogueEntry, Settings};

/// Key of the definition that polls through a hub; no element of users.
const HUB: &str = "hub";

static CONCUR: LazyLock<Result<Definition, ElementError>> =
    LazyLock::new(|| read("concur", include_str!("concur.yaml")));

/// Built-in definitions by key.
static BUILTIN: [(&str, &LazyLock<Result<Definition, ElementError>>); 1] = [("concur", &CONCUR)];

/// The built-in definition of an element; the error for an unknown key names those there are.
pub fn builtin(key: &str) -> Result<&'static Definition, ElementError> {
    match BUILTIN.iter().find(|(known, _)| *known == key) {
        Some((_, definition)) => LazyLock::force(definition).as_ref().map_err(Clone::clone),
        None => Err(ElementError::UnknownElement {
            key: key.to_owned(),
            known: BUILTIN.map(|(known, _)| known).join(", "),
        }),
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
        let definitions = BUILTIN
            .iter()
            .filter(|(key, _)| *key != HUB)
            .filter_map(|(_, definition)| LazyLock::force(definition).as_ref().ok());
        definitions
            .map(|definition| CatalogueEntry {
                key: definition.key.clone(),
                id: None,
                authentication: match &definition.authentication {
                    Authentication::OAuth2(_) => AuthenticationKind::OAuth2,
                    Authentication::Header(header) => AuthenticationKind::Header {
                        configuration_key: header.configuration_key.clone(),
                    },
                },
                poller: serde_json::Map::new(),
            })
            .collect()
    });
    &CATALOGUE
}

fn read(key: &str, yaml: &str) -> Result<Definition, ElementError> {
    let invalid = |problem: String| ElementError::InvalidDefinition {
        key: key.to_owned(),
        problem,
    };
    let definition: Definition = serde_saphyr::from_str(yaml).map_err(|e| invalid(e.to_string()))?;
    if definition.key != key {
        return Err(invalid(format!("it calls itself {:?}", definition.key)));
    }
    definition.check().map_err(invalid)?;
    Ok(definition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concur_is_valid() {
        let concur = builtin("concur").unwrap();
        assert_eq!((concur.key.as_str(), concur.hub()), ("concur", "expense"));
        assert_eq!(concur.resources.len(), 1);
        let again: Definition = serde_json::from_str(&serde_json::to_string(concur).unwrap()).unwrap();
        assert_eq!(
            serde_json::to_value(&again).unwrap(),
            serde_json::to_value(concur).unwrap()
        );
    }

    #[test]
    fn unknown_elements_are_answered_with_the_known() {
        let error = builtin("concurr").unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"spec.element.key: there is no element "concurr"; built in: concur"#
        );
        assert_eq!(error.path(), Some("spec.element.key"));
    }

    #[test]
    fn faulty_definitions_say_what_is_wrong() {
        let good = include_str!("concur.yaml");
        let table = [
            ("key: concur", "key: other", "calls itself"),
            ("key: concur", "key: concur\nsurprise: 1", "surprise"),
            ("codes: [16]", "codes: [108]", "108"),
            (".concurcdc.cn", "concurcdc.cn", "leading dot"),
            ("path: /oauth2", "path: oauth2", "absolute"),
            (
                "path: /oauth2/v0/authorize",
                "path: oauth2",
                "authorization endpoint's path",
            ),
            (
                "path: /oauth2/v0/authorize",
                "path: /a\n      host: http://x.example",
                "authorization endpoint's host",
            ),
            ("hubPath: /hubs/expense/", "hubPath: /hubs/other/", "hub"),
            ("items: Items", "items: ''", "items"),
            ("headers: {accept:", "headers: {'a b':", "a b"),
            ("default: 100", "default: 0", "page size"),
            ("host: https://glz", "host: http://glz", "https"),
        ];
        for (from, to, word) in table {
            assert!(good.contains(from), "{from}");
            let error = read("concur", &good.replacen(from, to, 1)).unwrap_err();
            assert!(error.to_string().contains(word), "{to}: {error}");
        }
    }
}
