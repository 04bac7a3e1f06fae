//! The Secrets among the files, and what stands for those that are not.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretSlice};
use serde_json::Value;

use super::{Manifest, Manifests, api_version, named};
use crate::api::{KNOWN_KEYS, KeyKind, SecretKeyRef};
use crate::cli::shape::check_metadata;
use crate::cli::source::{Node, Place};
use crate::config::{Problem, Secrets, Warning, join, secret_name_problem};

/// One Secret as it stands in its file.
pub(super) struct SecretDocument {
    pub(super) values: BTreeMap<String, SecretSlice<u8>>,
    pub(super) document: Value,
    pub(super) file: String,
    pub(super) node: Node,
}

impl SecretDocument {
    /// Whether something is still to be filled in.
    fn has_empty_values(&self) -> bool {
        self.values.values().any(|value| value.expose_secret().is_empty())
    }
}

impl std::fmt::Debug for SecretDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretDocument([redacted])")
    }
}

/// What a command does about a Secret that is not among the files, or a key of it that is not filled yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum MissingSecret {
    /// It is a problem: the command needs what is in it.
    IsAProblem,
    /// It lives in the cluster, or will be filled before it is applied; what it must hold is taken as given.
    IsElsewhere,
}

/// Keys that a Secret usually holds; where it is not among the files they count as given.
const EXPECTED_OF_SECRETS: [&str; 3] = ["oauth.api.key", "oauth.api.secret", "oauth.user.refresh_token"];

/// What the Secrets of an instance hold, and what is to be said about them.
pub(super) struct Found {
    pub(super) secrets: Secrets,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
}

impl Manifests {
    pub(super) fn add_secret(&mut self, file: &str, document: Value, node: Node) {
        let instance = named(&document);
        let mut problems: Vec<_> = api_version(&document, "v1").into_iter().collect();
        if let Some(mut object) = document.as_object().cloned() {
            problems.extend(check_metadata(&mut object));
        }
        let values = values(&document, &mut problems);
        for problem in problems {
            self.problem(file, node.locate(&problem.path), instance.clone(), problem);
        }
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
        let namespace = text("/metadata/namespace").unwrap_or("default").to_owned();
        let name = text("/metadata/name").unwrap_or_default().to_owned();
        let key = (namespace, name);
        if let Some(other) = self.secrets.get(&key).filter(|_| !key.1.is_empty()) {
            let there = format!("{}:{}", other.file, other.node.begin().line);
            let problem = Problem::new(
                "metadata.name",
                format!("there is another Secret of this name in this namespace, at {there}"),
                "rename or remove one of the two",
            );
            self.problem(file, node.locate("metadata.name"), instance, problem);
        }
        let secret = SecretDocument {
            values,
            document,
            file: file.to_owned(),
            node,
        };
        self.secrets.insert(key, secret);
    }

    pub(super) fn secret_of(&self, manifest: &Manifest, name: &str) -> Option<&SecretDocument> {
        self.secrets
            .get(&(manifest.owner.namespace.clone(), name.to_owned()))
    }

    /// A Secret of the files as it stands there.
    pub(in crate::cli) fn secret(&self, namespace: &str, name: &str) -> Option<&Value> {
        let key = (namespace.to_owned(), name.to_owned());
        self.secrets.get(&key).map(|secret| &secret.document)
    }

    /// Whether a Secret of the files has the key, with whatever value.
    pub(in crate::cli) fn secret_has(&self, namespace: &str, name: &str, key: &str) -> bool {
        let secret = (namespace.to_owned(), name.to_owned());
        self.secrets
            .get(&secret)
            .is_some_and(|secret| secret.values.contains_key(key))
    }

    /// Namespace and name of each Secret that an instance names and that is not among the files.
    pub(super) fn secrets_elsewhere(&self) -> BTreeSet<(String, String)> {
        let mut elsewhere = BTreeSet::new();
        for Manifest { owner, spec, .. } in &self.instances {
            let of_configuration = spec
                .configuration_from
                .iter()
                .map(|source| source.secret_ref.name.clone());
            let of_delivery = spec.delivery.secret_refs().map(|(_, name)| name.to_owned());
            let named = of_configuration.chain(of_delivery);
            elsewhere.extend(named.map(|name| (owner.namespace.clone(), name)));
        }
        elsewhere.retain(|secret| !self.secrets.contains_key(secret));
        elsewhere
    }

    /// What the Secrets that an instance names hold.
    pub(super) fn secrets_of(&self, manifest: &Manifest, missing: MissingSecret) -> Found {
        let mut found = Found {
            secrets: Secrets::default(),
            problems: Vec::new(),
            warnings: Vec::new(),
        };
        let elsewhere = missing == MissingSecret::IsElsewhere;
        for (index, source) in manifest.spec.configuration_from.iter().enumerate() {
            let name = &source.secret_ref.name;
            let path = format!("spec.configurationFrom[{index}].secretRef");
            if let Some(problem) = secret_name_problem(&path, name) {
                found.problems.push(problem);
                continue;
            }
            match self.secret_of(manifest, name) {
                Some(secret) => {
                    let mut values = secret.values.clone();
                    if elsewhere {
                        found.warnings.extend(fill(name, &mut values));
                    }
                    found.secrets.values.push((name.clone(), values));
                }
                None if elsewhere => {
                    let expected = EXPECTED_OF_SECRETS
                        .iter()
                        .filter(|key| manifest.spec.configuration.get(**key).is_none());
                    let given = expected.filter_map(|key| Some(((*key).to_owned(), stand_in(key)?)));
                    found.secrets.values.insert(0, (name.clone(), given.collect()));
                }
                None if source.secret_ref.optional => {}
                None => found.problems.push(not_among(&path, name, manifest)),
            }
        }
        self.secrets_of_delivery(manifest, elsewhere, &mut found);
        self.tls_of(manifest, elsewhere, &mut found);
        found
    }

    /// What `spec.delivery.signingKeys` names.
    fn secrets_of_delivery(&self, manifest: &Manifest, elsewhere: bool, found: &mut Found) {
        let delivery = &manifest.spec.delivery;
        for (path, name) in delivery.secret_refs() {
            match self.secret_of(manifest, name) {
                Some(secret) => {
                    let values = secret.values.clone();
                    found.secrets.delivery.insert(name.to_owned(), values);
                }
                None if elsewhere => drop(found.secrets.delivery.entry(name.to_owned()).or_default()),
                None => found.problems.push(not_among(&path, name, manifest)),
            }
        }
        for source in delivery.signing_keys.iter().filter(|_| elsewhere) {
            let SecretKeyRef { name, key } = &source.secret_key_ref;
            let Some(values) = found.secrets.delivery.get_mut(name) else {
                continue;
            };
            match (self.secret_of(manifest, name), values.get(key)) {
                (None, _) => {}
                (Some(_), Some(value)) if value.expose_secret().is_empty() => {
                    found.warnings.push(to_be_filled(name, key));
                }
                (Some(_), _) => continue,
            }
            // Another one for each reference, since two references to the same key are warned of.
            let stand_in = format!("given elsewhere: {key} of Secret {name}");
            values.insert(key.clone(), SecretSlice::from(stand_in.into_bytes()));
        }
    }

    /// What `spec.delivery.tlsFrom` names.
    fn tls_of(&self, manifest: &Manifest, elsewhere: bool, found: &mut Found) {
        let Some(source) = &manifest.spec.delivery.tls_from else {
            return;
        };
        let (path, name) = ("spec.delivery.tlsFrom.secretRef", &source.secret_ref.name);
        match (secret_name_problem(path, name), self.secret_of(manifest, name)) {
            (Some(problem), _) => found.problems.push(problem),
            (None, Some(secret)) if elsewhere && secret.has_empty_values() => {}
            (None, Some(secret)) => found.secrets.tls = Some((name.clone(), secret.values.clone())),
            (None, None) if elsewhere => {}
            (None, None) => found.problems.push(not_among(path, name, manifest)),
        }
    }
}

fn not_among(path: &str, name: &str, manifest: &Manifest) -> Problem {
    Problem::new(
        path,
        format!("Secret {name:?} is not among the files"),
        format!("add it, in namespace {}, with -f", manifest.owner.namespace),
    )
}

/// The decoded values; what is wrong with one is noted, and its key still counts as given.
fn values(document: &Value, problems: &mut Vec<Problem>) -> BTreeMap<String, SecretSlice<u8>> {
    let mut values = BTreeMap::new();
    for (field, encoded) in [("data", true), ("stringData", false)] {
        let entries = match document.get(field) {
            Some(Value::Object(entries)) => entries,
            None | Some(Value::Null) => continue,
            Some(_) => {
                problems.push(Problem::new(field, "is no mapping", "write keys and values"));
                continue;
            }
        };
        for (key, value) in entries {
            let mut problem = |message: &str, remedy: &str| {
                problems.push(Problem::new(join(field, key), message, remedy));
                stand_in(key)
            };
            let value = match value {
                Value::Null => None,
                Value::String(text) if encoded => {
                    let text: String = text.split_whitespace().collect();
                    match STANDARD.decode(text) {
                        Ok(bytes) => Some(SecretSlice::from(bytes)),
                        Err(_) => problem(
                            "is not base64",
                            "encode it, or write it as it is under stringData",
                        ),
                    }
                }
                Value::String(text) => Some(SecretSlice::from(text.clone().into_bytes())),
                _ => problem("is not text", "put it in quotes"),
            };
            if let Some(value) = value {
                values.insert(key.clone(), value);
            }
        }
    }
    values
}

/// Gives what is still empty a stand-in, with a warning each.
fn fill(secret: &str, values: &mut BTreeMap<String, SecretSlice<u8>>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (key, value) in values {
        let open = value.expose_secret().is_empty();
        if let Some(stand_in) = stand_in(key).filter(|_| open) {
            warnings.push(to_be_filled(secret, key));
            *value = stand_in;
        }
    }
    warnings
}

fn to_be_filled(secret: &str, key: &str) -> Warning {
    let message = "is empty; fill it in before you apply the Secret, or remove it";
    Warning::new(format!("secret/{secret}[{key:?}]"), message)
}

/// What stands for a value that is given elsewhere; none for keys whose value decides something.
fn stand_in(key: &str) -> Option<SecretSlice<u8>> {
    let known = KNOWN_KEYS.iter().find(|known| known.key == key);
    let text = match known.map(|known| known.kind) {
        Some(KeyKind::Text) => "given elsewhere",
        Some(KeyKind::Headers) => "{}",
        _ => return None,
    };
    Some(SecretSlice::from(text.as_bytes().to_vec()))
}

/// Where a path of an instance's Secret stands: `secret/NAME["key"]` in its document, or else where the instance names
/// it.
pub(super) fn place<'a>(
    manifests: &'a Manifests,
    manifest: &'a Manifest,
    path: &str,
) -> Option<(&'a str, Place)> {
    let rest = path.strip_prefix("secret/")?;
    let (name, key) = rest.split_at(rest.find('[').unwrap_or(rest.len()));
    if let Some(secret) = manifests.secret_of(manifest, name) {
        let [data, text] = ["data", "stringData"].map(|field| secret.node.find(&format!("{field}{key}")));
        return Some((&secret.file, data.max(text).1));
    }
    let of_configuration = manifest
        .spec
        .configuration_from
        .iter()
        .enumerate()
        .map(|(index, source)| {
            let path = format!("spec.configurationFrom[{index}].secretRef");
            (path, source.secret_ref.name.as_str())
        });
    let (path, _) = of_configuration
        .chain(manifest.spec.delivery.secret_refs())
        .find(|(_, wanted)| *wanted == name)?;
    Some((&manifest.file, manifest.node.locate(&format!("{path}.name"))))
}
