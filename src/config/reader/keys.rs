//! The configuration keys with the Secrets merged under them, and where each value stands.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::Value;

use super::values::{self, kind};
use super::{Findings, Secrets};
use crate::api::{KNOWN_KEYS, KnownKey, PollingInstanceSpec, nearest_known_key};

/// Keys that are known and do nothing, and what to write instead.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    (
        "event.poller.urls",
        "write the resources into event.poller.configuration",
    ),
    (
        "event.objects",
        "write the resources into event.poller.configuration",
    ),
    (
        "event.raw.enabled",
        "notifications always carry the whole records",
    ),
];

/// The one key whose value is bytes: any, and any number of them.
pub(super) const SIGNATURE_KEY: &str = "event.notification.signature.key";

/// Every key with the value that wins.
pub(super) struct Keys<'a> {
    found: BTreeMap<&'a str, Source<'a>>,
    /// A required Secret is missing, so that no key can be called missing.
    incomplete: bool,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    Inline(&'a Value),
    Secret(&'a str, &'a SecretSlice<u8>),
}

impl<'a> Keys<'a> {
    /// Lays the configuration over the Secrets, and later Secrets over earlier ones, as `env` goes over `envFrom` in a
    /// Pod; notes what is odd with keys as such.
    pub(super) fn merge(
        spec: &'a PollingInstanceSpec,
        secrets: &'a Secrets,
        findings: &mut Findings,
    ) -> Self {
        let mut keys = Keys {
            found: BTreeMap::new(),
            incomplete: false,
        };
        for (index, source) in spec.configuration_from.iter().enumerate() {
            let wanted = &source.secret_ref;
            if !wanted.optional && !secrets.values.iter().any(|(name, _)| *name == wanted.name) {
                keys.incomplete = true;
                findings.problem(
                    format!("spec.configurationFrom[{index}].secretRef.name"),
                    format!("there is no Secret {:?}", wanted.name),
                    "create it in the instance's namespace, or remove the entry",
                );
            }
        }
        for (name, values) in &secrets.values {
            for (key, value) in values {
                if known(key).is_none() {
                    findings.warn(secret_path(name, key), unknown(key));
                }
                keys.found.insert(key, Source::Secret(name, value));
            }
        }
        for (key, value) in spec.configuration.iter() {
            if let Some(Source::Secret(name, _)) = keys.found.get(key.as_str()) {
                // An export's mask or an empty value is a place to fill, not a value.
                if is_blank(key, value) {
                    continue;
                }
                let message =
                    format!("is set here and in Secret {name:?}; this value is used, remove one of the two");
                findings.warn(inline_path(key), message);
            } else {
                judge_inline(key, value, findings);
            }
            keys.found.insert(key, Source::Inline(value));
        }
        for (key, source) in &keys.found {
            if let Source::Secret(name, value) = source
                && *key != SIGNATURE_KEY
                && known(key).is_some()
                && text_of(value).is_none()
            {
                findings.problem(
                    secret_path(name, key),
                    "is not UTF-8 text",
                    "store the value as text",
                );
            }
        }
        for (key, instead) in WITHOUT_EFFECT {
            let mut ignored = Findings::default();
            if keys.text(key, &mut ignored).is_some() {
                findings.warn(keys.path(key), format!("has no effect; {instead}"));
            }
        }
        keys
    }

    /// Where the value of `key` stands, or would stand.
    pub(super) fn path(&self, key: &str) -> String {
        match self.found.get(key) {
            Some(Source::Secret(name, _)) => secret_path(name, key),
            _ => inline_path(key),
        }
    }

    /// The value as text, without white space around it; none if absent, null or empty.
    pub(super) fn text(&self, key: &str, findings: &mut Findings) -> Option<String> {
        let text = match self.found.get(key)? {
            Source::Secret(_, secret) => text_of(secret)?.to_owned(),
            Source::Inline(value) => match values::scalar(value) {
                Some(text) => text,
                None => {
                    let message = format!("is {}, where text is expected", kind(value));
                    findings.problem(self.path(key), message, "write it as text");
                    return None;
                }
            },
        };
        // Files that become Secrets often end with a line break; spaces may belong to a password.
        let secret = known(key).is_some_and(|known| known.secret);
        let trimmed = if secret {
            text.trim_end_matches(['\r', '\n'])
        } else {
            text.trim()
        };
        if trimmed.trim().is_empty() {
            return None;
        }
        if secret && is_mask(trimmed.as_bytes()) {
            self.masked(key, findings);
            return None;
        }
        Some(trimmed.to_owned())
    }

    /// The value's bytes just as they stand; none if absent, null or empty.
    pub(super) fn bytes(&self, key: &str, findings: &mut Findings) -> Option<SecretSlice<u8>> {
        let bytes = match self.found.get(key)? {
            Source::Secret(_, secret) => secret.expose_secret().to_vec(),
            Source::Inline(Value::Null) => return None,
            Source::Inline(Value::String(text)) => text.clone().into_bytes(),
            Source::Inline(Value::Number(number)) if !number.is_f64() => number.to_string().into_bytes(),
            // How it was written is no longer known: 1.50, 1e3, TRUE.
            Source::Inline(value) => {
                let message = format!("is {}, where text is expected", kind(value));
                findings.problem(self.path(key), message, "write it in quotes");
                return None;
            }
        };
        if is_mask(&bytes) {
            self.masked(key, findings);
            return None;
        }
        (!bytes.is_empty()).then(|| bytes.into())
    }

    fn masked(&self, key: &str, findings: &mut Findings) {
        findings.problem(
            self.path(key),
            "is the mask that exports of Cloud Elements print in place of a secret",
            "write the real value, best into a Secret named in configurationFrom",
        );
    }

    /// As [`Keys::text`], for what must not be shown.
    pub(super) fn secret(&self, key: &str, findings: &mut Findings) -> Option<SecretString> {
        self.text(key, findings).map(SecretString::from)
    }

    /// A bool, `default` if absent; none after a problem was noted.
    pub(super) fn flag(&self, key: &str, default: bool, findings: &mut Findings) -> Option<bool> {
        let before = findings.problems.len();
        let Some(text) = self.text(key, findings) else {
            return (findings.problems.len() == before).then_some(default);
        };
        let flag = values::flag(&text);
        if flag.is_none() {
            let message = format!("is {:?}, neither true nor false", values::cut(&text));
            findings.problem(self.path(key), message, "write true or false");
        }
        flag
    }

    /// The value itself, for keys that take objects; a Secret's value is text.
    pub(super) fn value(&self, key: &str) -> Option<Value> {
        match self.found.get(key)? {
            Source::Secret(_, secret) => Some(Value::String(text_of(secret)?.to_owned())),
            Source::Inline(value) => Some((*value).clone()),
        }
    }

    /// Notes that `key` is absent or empty, unless it may be in a Secret that does not exist yet.
    pub(super) fn missing(&self, key: &str, message: &str, remedy: &str, findings: &mut Findings) {
        let masked = findings
            .problems
            .iter()
            .any(|problem| problem.path == self.path(key));
        if !self.incomplete && !masked {
            findings.problem(self.path(key), message, remedy);
        }
    }
}

fn judge_inline(key: &str, value: &Value, findings: &mut Findings) {
    let empty = values::scalar(value).is_some_and(|text| text.trim().is_empty());
    match known(key) {
        None => findings.warn(inline_path(key), unknown(key)),
        Some(known) if known.secret && !empty => findings.warn(
            inline_path(key),
            "stands in the object in clear text; move it to a Secret named in configurationFrom",
        ),
        Some(_) => {}
    }
}

fn unknown(key: &str) -> String {
    match nearest_known_key(key) {
        Some(nearest) => format!("is no known key and has no effect; did you mean {nearest}?"),
        None => "is no known key and has no effect".to_owned(),
    }
}

fn known(key: &str) -> Option<&'static KnownKey> {
    KNOWN_KEYS.iter().find(|known| known.key == key)
}

fn inline_path(key: &str) -> String {
    format!("spec.configuration[{key:?}]")
}

fn secret_path(name: &str, key: &str) -> String {
    format!("secret/{name}[{key:?}]")
}

/// The names that stand more than once at the top of a JSON object, which a map would lose in silence.
pub(super) fn repeated_names(json: &str) -> BTreeSet<String> {
    struct Names(BTreeSet<String>);
    impl<'de> serde::Deserialize<'de> for Names {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(NamesVisitor).map(Names)
        }
    }
    struct NamesVisitor;
    impl<'de> serde::de::Visitor<'de> for NamesVisitor {
        type Value = BTreeSet<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let (mut seen, mut repeated) = (BTreeSet::new(), BTreeSet::new());
            while let Some((name, serde::de::IgnoredAny)) = map.next_entry::<String, _>()? {
                if !seen.insert(name.clone()) {
                    repeated.insert(name);
                }
            }
            Ok(repeated)
        }
    }
    serde_json::from_str::<Names>(json)
        .map(|names| names.0)
        .unwrap_or_default()
}

/// A Secret's value as text; none where it is not UTF-8.
fn text_of(value: &SecretSlice<u8>) -> Option<&str> {
    std::str::from_utf8(value.expose_secret()).ok()
}

/// What exports print in place of a secret.
fn is_mask(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|byte| *byte == b'*')
}

/// Null, nothing but spaces (which may be a signature key), or the mask that exports print in place of a secret.
pub(crate) fn is_blank(key: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => {
            let text = if key == SIGNATURE_KEY { text } else { text.trim() };
            text.is_empty() || is_mask(text.as_bytes())
        }
        _ => false,
    }
}
