//! `spec.configuration`: Cloud Elements configuration keys, verbatim, and what is known of each.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::known_keys::{KNOWN_KEYS, KeyKind, KnownKey};

/// The keys and values of `spec.configuration`, in the order written; its `Debug` shows no value, since any may be secret.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Configuration(Map<String, Value>);

impl Configuration {
    /// Sets `key`, and returns the value it replaces.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(key.into(), value.into())
    }

    /// Takes `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.0.shift_remove(key)
    }
}

impl Deref for Configuration {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<Map<String, Value>> for Configuration {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

impl From<Configuration> for Map<String, Value> {
    fn from(configuration: Configuration) -> Self {
        configuration.0
    }
}

impl FromIterator<(String, Value)> for Configuration {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.0.keys().map(|key| (key, "[redacted]")))
            .finish()
    }
}

impl JsonSchema for Configuration {
    fn schema_name() -> Cow<'static, str> {
        "Configuration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let properties: Map<String, Value> = KNOWN_KEYS
            .iter()
            .map(|known| (known.key.to_owned(), property(known)))
            .collect();
        let mut schema = Schema::default();
        schema.insert("type".into(), "object".into());
        schema.insert("properties".into(), properties.into());
        schema.insert("x-kubernetes-preserve-unknown-fields".into(), true.into());
        schema.insert("x-kubernetes-validations".into(), rules().into());
        schema
    }
}

/// CEL sees a property only if it has a type or is int-or-string; what may also be a bool or an object is left open, and
/// so is text, which needs no rule. No type and no rule refuses what the reader accepts.
/// Exports of Cloud Elements print unset keys as null, so null is allowed everywhere.
fn property(known: &KnownKey) -> Value {
    let mut schema = match known.kind {
        KeyKind::Url | KeyKind::VendorType => json!({"type": "string"}),
        KeyKind::Minutes => json!({"x-kubernetes-int-or-string": true}),
        KeyKind::Text | KeyKind::Flag | KeyKind::Headers | KeyKind::Poller => {
            json!({"x-kubernetes-preserve-unknown-fields": true})
        }
    };
    if let Some(object) = schema.as_object_mut() {
        object.insert("nullable".into(), true.into());
        object.insert("description".into(), known.description.into());
    }
    schema
}

/// The CEL rules of the whole object: what `kubectl apply` can refuse by itself.
fn rules() -> Vec<Value> {
    KNOWN_KEYS.iter().flat_map(rules_of).collect()
}

fn rules_of(known: &KnownKey) -> Vec<Value> {
    let key = known.key;
    let field = cel_field(key);
    let absent = format!("!has({field})");
    let rule = |condition: String, message: String| json!({"rule": format!("{absent} || {condition}"), "message": message});
    // Exports hold the word where no URL is set, and a Secret may hold the URL.
    let none = if key == "event.notification.callback.url" {
        "|^(?i:false)$"
    } else {
        ""
    };
    match known.kind {
        KeyKind::VendorType => vec![
            rule(
                format!("!({field}.trim().lowerAscii() in ['webhook', 'webhooks'])"),
                format!("{key} asks for webhooks, but Pollinator polls; set it to polling or remove it"),
            ),
            rule(
                format!("{field}.trim().lowerAscii() in ['', 'polling', 'webhook', 'webhooks']"),
                format!("{key} must be polling; set it to polling or remove it"),
            ),
        ],
        KeyKind::Minutes => vec![rule(
            format!(
                "(type({field}) == int ? ({field} >= 1 && {field} <= 999999999) : (string({field}).trim() == '' || \
                 (string({field}).trim().matches('^[0-9]+([.][0-9]+)?$') && \
                 double(string({field}).trim()) * 60.0 >= 1.0)))"
            ),
            format!(
                "{key} must be a number of minutes, at least one second: \"15\" is 15 minutes, \"0.5\" half a minute"
            ),
        )],
        KeyKind::Url => vec![rule(
            format!("{field}.trim().matches('^$|^(?i:https?)://[^\\\\s/?#]{none}')"),
            format!("{key} must be an http or https URL with a host, such as https://example.com/path"),
        )],
        KeyKind::Text | KeyKind::Flag | KeyKind::Headers | KeyKind::Poller => Vec::new(),
    }
}

/// How CEL spells the property `key` of `self`.
fn cel_field(key: &str) -> String {
    format!(
        "self.{}",
        key.replace("__", "__underscores__")
            .replace('.', "__dot__")
            .replace('-', "__dash__")
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{known_key, nearest_known_key};
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let mut configuration = Configuration::default();
        configuration.insert("oauth.api.secret", "s3cr3t");
        configuration.insert("event.poller.configuration", json!({"a": "s3cr3t"}));
        let shown = format!("{configuration:?}");
        assert!(
            shown.contains("oauth.api.secret") && !shown.contains("s3cr3t"),
            "{shown}"
        );
    }

    #[test]
    fn order_survives() {
        let text = r#"{"z":1,"a":"2","m":true}"#;
        let configuration: Configuration = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&configuration).unwrap(), text);
    }

    #[test]
    fn every_key_is_a_documented_property() {
        let mut generator = SchemaGenerator::default();
        let schema = Configuration::json_schema(&mut generator).to_value();
        let keys: BTreeSet<_> = KNOWN_KEYS.iter().map(|known| known.key).collect();
        assert_eq!(keys.len(), KNOWN_KEYS.len(), "a key stands twice");
        for known in KNOWN_KEYS {
            let property = &schema["properties"][known.key];
            assert_eq!(property["description"], known.description, "{}", known.key);
            assert!(known.description.ends_with('.'), "{}", known.key);
        }
    }

    #[test]
    fn keys_are_known_in_any_case() {
        for (written, expected) in [
            ("event.vendor.type", Some("event.vendor.type")),
            (" Event.Vendor.Type ", Some("event.vendor.type")),
            ("vendor.event.type", Some("event.vendor.type")),
            ("Vendor.Event.Type", Some("event.vendor.type")),
            ("event_vendor_type", None),
            ("", None),
        ] {
            assert_eq!(known_key(written).map(|known| known.key), expected, "{written:?}");
        }
        for known in KNOWN_KEYS {
            assert_eq!(known_key(&known.key.to_uppercase()), Some(known));
        }
    }

    #[test]
    fn nearest_keys() {
        for (key, expected) in [
            ("oauth.api.secert", Some("oauth.api.secret")),
            (
                "Event.Notification.Callback.URL",
                Some("event.notification.callback.url"),
            ),
            ("vendor.event.type", None),
            ("event.type", None),
            ("", None),
            (&"x".repeat(100_000), None),
        ] {
            assert_eq!(
                nearest_known_key(key),
                expected,
                "{}",
                key.get(..40).unwrap_or(key)
            );
        }
    }
}
