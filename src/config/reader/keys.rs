//! The configuration keys with the Secrets merged under them, and where each value stands.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::Value;

use super::values::{self, kind};
use super::{Findings, Secrets};
use crate::api::{KNOWN_KEYS, KnownKey, PollingInstanceSpec, known_key, nearest_known_key};
use crate::config::CatalogueEntry;

/// Keys that are known and do nothing, and why.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    (
        "event.metadata",
        "it lists the event types of the vendor's objects, and here every polled resource has CREATED and UPDATED; what \
         is polled stands in event.poller.configuration",
    ),
    (
        "event.helper.key",
        "it names a class of Cloud Elements' own servers; what is polled stands in event.poller.configuration",
    ),
    (
        "event.notification.subscription.id",
        "it names a webhook at the vendor, and Pollinator polls",
    ),
    (
        "event.notification.instance.finder",
        "it finds the instance of a vendor's webhook, and Pollinator polls",
    ),
];

/// The one key whose value is bytes: any, and any number of them.
pub(super) const SIGNATURE_KEY: &str = "event.notification.signature.key";

/// Every key with the value that wins.
pub(super) struct Keys<'a> {
    found: BTreeMap<&'a str, Source<'a>>,
    /// How keys are written that are not written as they are known.
    spelled: BTreeMap<&'a str, &'a str>,
    /// Unknown keys whose value is an entry of the poller configuration.
    strays: Vec<(&'a str, &'a Value)>,
    /// The key that the element alone has.
    own_key: Option<&'a str>,
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
        element: Option<&'a CatalogueEntry>,
        findings: &mut Findings,
    ) -> Self {
        let mut keys = Keys {
            own_key: element.and_then(CatalogueEntry::own_key),
            found: BTreeMap::new(),
            spelled: BTreeMap::new(),
            strays: Vec::new(),
            incomplete: false,
        };
        for (index, source) in spec.configuration_from.iter().enumerate() {
            let wanted = &source.secret_ref;
            if !wanted.is_possible() {
                keys.incomplete = true;
                findings.problem(
                    format!("spec.configurationFrom[{index}].secretRef.name"),
                    format!("is {:?}, which no Secret can be called", values::cut(&wanted.name)),
                    "write the name of a Secret in the instance's namespace: lower-case letters, digits, `-` and `.`",
                );
            } else if !wanted.optional && !secrets.values.iter().any(|(name, _)| *name == wanted.name) {
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
                let key = keys.canonical(key, secret_path(name, key), findings);
                if known(key).is_none() && keys.own_key != Some(key) {
                    findings.warn(secret_path(name, key), unknown(key));
                }
                if let Some(Source::Secret(other, first)) = keys.found.get(key)
                    && other == name
                    && first.expose_secret() != value.expose_secret()
                {
                    findings.problem(
                        secret_path(name, key),
                        "stands there in two spellings with different values",
                        "remove one of the two",
                    );
                }
                keys.found.insert(key, Source::Secret(name, value));
            }
        }
        for (written, value) in spec.configuration.iter() {
            if known(written).is_none() && known_key(written).is_none() && values::is_entry(value) {
                keys.strays.push((written, value));
                continue;
            }
            let key = keys.canonical(written, inline_path(written), findings);
            if let Some(Source::Inline(first)) = keys.found.get(key) {
                if !is_blank(key, value) && !is_blank(key, first) && first != &value {
                    findings.problem(
                        inline_path(written),
                        format!("is read as {key}, which stands there with another value"),
                        "remove one of the two",
                    );
                }
                if !is_blank(key, first) {
                    continue;
                }
            }
            if let Some(Source::Secret(name, _)) = keys.found.get(key) {
                // An export's mask or an empty value is a place to fill, not a value.
                if is_blank(key, value) || is_no_url(key, value) {
                    continue;
                }
                let message =
                    format!("is set here and in Secret {name:?}; this value is used, remove one of the two");
                findings.warn(inline_path(written), message);
            } else {
                keys.judge_inline(key, written, value, findings);
            }
            // The last one that is written holds the place.
            if key == written {
                keys.spelled.remove(key);
            } else {
                keys.spelled.insert(key, written);
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
        for (key, why) in WITHOUT_EFFECT {
            if keys.is_given(key) {
                findings.warn(keys.path(key), format!("has no effect: {why}"));
            }
        }
        keys
    }

    /// Whether the value must not be shown.
    fn is_secret(&self, key: &str) -> bool {
        self.own_key == Some(key) || known(key).is_some_and(|known| known.secret)
    }

    fn judge_inline(&self, key: &str, written: &str, value: &Value, findings: &mut Findings) {
        let is_empty = values::scalar(value).is_some_and(|text| text.trim().is_empty());
        if self.is_secret(key) {
            if !is_empty {
                findings.warn(
                    inline_path(written),
                    "stands in the object in clear text; move it to a Secret named in configurationFrom",
                );
            }
        } else if known(key).is_none() {
            findings.warn(inline_path(written), unknown(key));
        }
    }

    /// The key that is meant: another spelling of a known one is understood, and said.
    fn canonical(&mut self, written: &'a str, path: String, findings: &mut Findings) -> &'a str {
        match known_key(written) {
            Some(known) if known.key != written => {
                findings.warn(path, format!("is read as {}", known.key));
                self.spelled.insert(known.key, written);
                known.key
            }
            _ => written,
        }
    }

    /// Unknown keys whose value is an entry of the poller configuration, as written.
    pub(super) fn strays(&self) -> &[(&'a str, &'a Value)] {
        &self.strays
    }

    /// Something stands there that is neither null nor white space.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.value(key).is_some_and(|value| !is_blank(key, &value))
    }

    /// Where the value of `key` stands, or would stand.
    pub(super) fn path(&self, key: &str) -> String {
        let written = self.spelled.get(key).copied().unwrap_or(key);
        match self.found.get(key) {
            Some(Source::Secret(name, _)) => secret_path(name, written),
            _ => inline_path(written),
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
        let secret = self.is_secret(key);
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

/// The word false, which exports of elements hold where no callback URL is set.
pub(super) fn is_no_url(key: &str, value: &Value) -> bool {
    let text = values::scalar(value);
    key == "event.notification.callback.url"
        && text.is_some_and(|text| text.trim().eq_ignore_ascii_case("false"))
}
