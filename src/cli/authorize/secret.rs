//! The Secret that is printed: what the files hold of it, with the new token.

use serde_json::{Map, Value, json};

use crate::cli::Failed;
use crate::cli::manifests::{Manifest, Manifests};
use crate::cli::output::Output;

/// Where the new token goes.
pub(super) const REFRESH_TOKEN: &str = "oauth.user.refresh_token";

/// What the API server writes into metadata; `kubectl apply` refuses some of it.
const SERVERS: [&str; 6] = [
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Holds a copy of the whole Secret as it was.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The Secret of an instance in which its refresh token counts.
pub(super) struct Target<'a> {
    pub(super) name: String,
    namespace: &'a str,
    /// As it stands in the files.
    existing: Option<&'a Value>,
}

impl<'a> Target<'a> {
    /// Of several Secrets the last one wins, so it is the last that has a refresh token already, or the app's secret.
    pub(super) fn of(manifests: &'a Manifests, manifest: &'a Manifest) -> Self {
        let namespace = manifest.owner.namespace.as_str();
        let names = || {
            let sources = manifest.spec.configuration_from.iter().rev();
            sources.map(|source| source.secret_ref.name.as_str())
        };
        let with = |key: &str| names().find(|name| manifests.secret_has(namespace, name, key));
        let name = with(REFRESH_TOKEN)
            .or_else(|| with("oauth.api.secret"))
            .or_else(|| names().find(|name| manifests.secret(namespace, name).is_some()))
            .or_else(|| names().next())
            .map_or_else(|| format!("{}-credentials", manifest.owner.name), str::to_owned);
        Self {
            existing: manifests.secret(namespace, &name),
            namespace,
            name,
        }
    }

    /// Everything the files have of it, with `set` in it and without `removed`.
    pub(super) fn document(&self, set: &[(&str, &str)], removed: &[&str]) -> Value {
        let mut document = self.existing.cloned().unwrap_or_else(|| {
            json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": self.name, "namespace": self.namespace},
                "type": "Opaque",
            })
        });
        if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in SERVERS {
                metadata.shift_remove(field);
            }
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.shift_remove(LAST_APPLIED);
            }
        }
        let Some(fields) = document.as_object_mut() else {
            return document;
        };
        for field in ["data", "stringData"] {
            if let Some(values) = fields.get_mut(field).and_then(Value::as_object_mut) {
                for key in set.iter().map(|(key, _)| key).chain(removed) {
                    values.shift_remove(*key);
                }
            }
        }
        let text = fields.entry("stringData").or_insert(Value::Null);
        if !text.is_object() {
            *text = Value::Object(Map::new());
        }
        for (key, value) in set {
            text[*key] = Value::from(*value);
        }
        document
    }
}

/// What a human must change besides applying the Secret, so that the new token counts.
pub(super) fn hints(manifest: &Manifest, target: &Target<'_>) -> Vec<String> {
    let mut hints = Vec::new();
    let sources = &manifest.spec.configuration_from;
    if !sources.iter().any(|source| source.secret_ref.name == target.name) {
        hints.push(format!(
            "name the Secret in the instance: spec.configurationFrom: [{{secretRef: {{name: {}}}}}]",
            target.name
        ));
    }
    let inline = manifest.spec.configuration.get(REFRESH_TOKEN);
    if inline.is_some_and(|value| !crate::config::is_blank(REFRESH_TOKEN, value)) {
        hints.push(format!(
            "remove spec.configuration[\"{REFRESH_TOKEN}\"] from the instance: it would win over the Secret"
        ));
    }
    hints
}

/// The document as it is printed.
pub(super) fn print(document: &Value, output: Output) -> Result<String, Failed> {
    match output {
        Output::Json => serde_json::to_string_pretty(document)
            .map(|text| text + "\n")
            .map_err(Failed::new),
        Output::Text => {
            // Quoted, since readers differ in which plain words and digits they take for text.
            let options = serde_saphyr::ser_options! { quote_all: true };
            serde_saphyr::to_string_with_options(document, options).map_err(Failed::new)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(existing: Option<&Value>) -> Target<'_> {
        Target {
            name: "app".into(),
            namespace: "finance",
            existing,
        }
    }

    #[test]
    fn applying_it_loses_nothing() {
        let existing = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "app", "namespace": "finance", "labels": {"team": "a"}, "uid": "u", "resourceVersion": "7",
                "annotations": {LAST_APPLIED: "{}", "note": "b"}
            },
            "type": "Opaque",
            "data": {"binary": "/w==", REFRESH_TOKEN: "b2xk", "oauth.password": "b2xk"},
            "stringData": {"event.notification.signature.key": "k", REFRESH_TOKEN: "old"}
        });
        let expected = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "app", "namespace": "finance", "labels": {"team": "a"}, "annotations": {"note": "b"}
            },
            "type": "Opaque",
            "data": {"binary": "/w=="},
            "stringData": {"event.notification.signature.key": "k", REFRESH_TOKEN: "new"}
        });
        let document = target(Some(&existing)).document(&[(REFRESH_TOKEN, "new")], &["oauth.password"]);
        assert_eq!(document, expected);

        let bare = json!({"kind": "Secret", "metadata": {"name": "app"}, "data": null, "stringData": null});
        let document = target(Some(&bare)).document(&[(REFRESH_TOKEN, "new")], &[]);
        assert_eq!(document["stringData"], json!({REFRESH_TOKEN: "new"}));
    }

    #[test]
    fn every_value_stays_text() {
        let values = [
            "yes",
            "null",
            "~",
            "012",
            "1e3",
            "12:30",
            "2026-01-01",
            "",
            " a ",
            "it's",
            "a\"b",
            "a\\b",
            "a: b # c",
            "- a",
            "a\nb\n",
            "\u{1f511}",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "{a",
            "[a",
        ];
        let long = "long word ".repeat(400);
        for value in values.into_iter().chain([long.as_str()]) {
            let document = target(None).document(&[("on", value), ("12", value)], &[]);
            for output in [Output::Text, Output::Json] {
                let printed = print(&document, output).unwrap();
                let again: Value = serde_saphyr::from_str(&printed).unwrap();
                assert_eq!(again, document, "{printed}");
            }
        }
    }
}
