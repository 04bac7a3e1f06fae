//! Reads manifests: PollingInstance and Secret documents, YAML or JSON, and bare Cloud Elements instance JSON.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use kube::ResourceExt;
use secrecy::SecretSlice;
use serde_json::{Map, Value, json};

use super::Failed;
use crate::api::{PollingInstance, PollingInstanceSpec, RESET_TO};
use crate::config::{OAuthApp, Problem, Reading, Secrets, read, read_app};
use crate::deliver::NotificationIds;
use crate::element;
use crate::store::Owner;

/// The manifests a command works on.
#[derive(Args, Clone, Debug)]
pub(super) struct FileArgs {
    /// Manifests, YAML or JSON, one or many documents; `-` is standard input; may be repeated
    ///
    /// PollingInstances with the Secrets they name beside them, or the instance JSON of Cloud Elements as it is.
    /// A folder stands for the .yaml, .yml and .json files in it.
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
}

/// Everything read from the files.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub(super) instances: Vec<Manifest>,
    secrets: BTreeMap<(String, String), BTreeMap<String, SecretSlice<u8>>>,
    documents: BTreeMap<(String, String), SecretDocument>,
}

/// A Secret as it stands in its file.
struct SecretDocument(Value);

impl std::fmt::Debug for SecretDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretDocument([redacted])")
    }
}

/// One instance.
#[derive(Debug)]
pub(super) struct Manifest {
    /// File and document, for messages.
    pub(super) origin: String,
    pub(super) owner: Owner,
    pub(super) spec: PollingInstanceSpec,
    pub(super) suspended: bool,
    annotations: BTreeMap<String, String>,
}

/// What a command does about a Secret that is not among the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MissingSecret {
    /// It is a problem: the command needs what is in it.
    IsAProblem,
    /// It lives in the cluster; what it must hold is taken as given.
    IsElsewhere,
}

/// Keys that a Secret usually holds; where it is not among the files they count as given.
const EXPECTED_OF_SECRETS: [&str; 3] = ["oauth.api.key", "oauth.api.secret", "oauth.user.refresh_token"];

impl FileArgs {
    /// Reads all files.
    pub(super) fn read(&self) -> Result<Manifests, Failed> {
        let mut manifests = Manifests::default();
        for file in self.expanded()? {
            let text = if file == Path::new("-") {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).map(|_| text)
            } else {
                std::fs::read_to_string(&file)
            };
            let name = file.display().to_string();
            let text = text.map_err(|error| Failed(format!("{name} cannot be read: {error}")))?;
            for (index, document) in documents(&name, &text)?.into_iter().enumerate() {
                manifests.add(&format!("{name}#{}", index + 1), document)?;
            }
        }
        if manifests.instances.is_empty() {
            let files: Vec<_> = self.files.iter().map(|file| file.display().to_string()).collect();
            return Err(Failed(format!(
                "no PollingInstance in {}; name a manifest with -f",
                files.join(", ")
            )));
        }
        Ok(manifests)
    }

    fn expanded(&self) -> Result<Vec<PathBuf>, Failed> {
        let mut files = Vec::new();
        for path in &self.files {
            if !path.is_dir() {
                files.push(path.clone());
                continue;
            }
            let unreadable = |error| Failed(format!("{} cannot be read: {error}", path.display()));
            let entries = std::fs::read_dir(path).map_err(unreadable)?;
            let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            found.retain(|file| {
                let ending = file.extension().and_then(|ending| ending.to_str());
                matches!(ending, Some("yaml" | "yml" | "json"))
            });
            found.sort();
            files.extend(found);
        }
        Ok(files)
    }
}

fn documents(name: &str, text: &str) -> Result<Vec<Value>, Failed> {
    if text.trim_start().starts_with(['{', '[']) {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Failed(format!("{name} is not valid JSON: {error}")))?;
        return Ok(match value {
            Value::Array(items) => items,
            one => vec![one],
        });
    }
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|error| Failed(format!("{name} is not valid YAML: {error}")))?;
    Ok(documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect())
}

impl Manifests {
    fn add(&mut self, origin: &str, document: Value) -> Result<(), Failed> {
        let kind = document.get("kind").and_then(Value::as_str).map(str::to_owned);
        match kind.as_deref() {
            Some("PollingInstance") => self.add_instance(origin, document),
            Some("Secret") => {
                self.add_secret(document);
                Ok(())
            }
            Some("List") => {
                let items = document
                    .get("items")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                items.into_iter().try_for_each(|item| self.add(origin, item))
            }
            Some(_) => Ok(()),
            None if document.get("element").is_some() => self.add_instance(origin, wrapped(document)),
            None => Err(Failed(format!(
                "{origin}: neither a Kubernetes object nor a Cloud Elements instance; it needs a kind, or an element"
            ))),
        }
    }

    fn add_instance(&mut self, origin: &str, document: Value) -> Result<(), Failed> {
        let name = document
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or("?")
            .to_owned();
        let text = document.to_string();
        let instance: PollingInstance = serde_path_to_error::deserialize(
            &mut serde_json::Deserializer::from_str(&text),
        )
        .map_err(|error| {
            let (path, inner) = (error.path().to_string(), error.inner());
            Failed(format!("{origin}: PollingInstance {name}: {path}: {inner}"))
        })?;
        let namespace = instance.namespace().unwrap_or_else(|| "default".to_owned());
        let name = instance.name_any();
        let uid = instance.uid().unwrap_or_else(|| format!("{namespace}/{name}"));
        let annotations = instance.annotations().clone();
        self.instances.push(Manifest {
            origin: origin.to_owned(),
            owner: Owner { namespace, name, uid },
            suspended: instance.spec.suspend,
            spec: instance.spec,
            annotations,
        });
        Ok(())
    }

    fn add_secret(&mut self, document: Value) {
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
        let namespace = text("/metadata/namespace").unwrap_or("default").to_owned();
        let name = text("/metadata/name").unwrap_or_default().to_owned();
        let mut values = BTreeMap::new();
        let entries = |field: &str| {
            document
                .get(field)
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        for (key, value) in entries("data") {
            let decoded = value.as_str().and_then(|text| STANDARD.decode(text.trim()).ok());
            if let Some(bytes) = decoded {
                values.insert(key, SecretSlice::from(bytes));
            }
        }
        for (key, value) in entries("stringData") {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            values.insert(key, SecretSlice::from(text.into_bytes()));
        }
        self.secrets.insert((namespace.clone(), name.clone()), values);
        self.documents.insert((namespace, name), SecretDocument(document));
    }

    /// A Secret of the files as it stands there.
    pub(super) fn secret(&self, namespace: &str, name: &str) -> Option<&Value> {
        let key = (namespace.to_owned(), name.to_owned());
        self.documents.get(&key).map(|document| &document.0)
    }

    /// Whether a Secret of the files has the key, with whatever value.
    pub(super) fn secret_has(&self, namespace: &str, name: &str, key: &str) -> bool {
        let secret = (namespace.to_owned(), name.to_owned());
        self.secrets
            .get(&secret)
            .is_some_and(|values| values.contains_key(key))
    }

    /// Reads an instance's OAuth app with the Secrets beside it.
    pub(super) fn app(&self, manifest: &Manifest) -> Result<OAuthApp, Vec<Problem>> {
        let (secrets, problems) = self.secrets_of(manifest, MissingSecret::IsAProblem);
        if problems.is_empty() {
            read_app(&manifest.spec, &secrets, element::catalogue())
        } else {
            Err(problems)
        }
    }

    /// Reads an instance's settings with the Secrets beside it; what is wrong with its annotations is a problem as well.
    pub(super) fn settings(&self, manifest: &Manifest, missing: MissingSecret) -> Reading {
        let (secrets, problems) = self.secrets_of(manifest, missing);
        let mut reading = read(
            &manifest.owner.name,
            &manifest.spec,
            &secrets,
            element::catalogue(),
        );
        if !problems.is_empty() {
            reading.settings = Err(problems);
        }
        if let Err(found) = manifest.ids() {
            let others = reading.settings.err().unwrap_or_default();
            reading.settings = Err([others, found].concat());
        }
        reading
    }

    fn secrets_of(&self, manifest: &Manifest, missing: MissingSecret) -> (Secrets, Vec<Problem>) {
        let mut secrets = Secrets::default();
        let mut problems = Vec::new();
        for (index, source) in manifest.spec.configuration_from.iter().enumerate() {
            let name = &source.secret_ref.name;
            match self
                .secrets
                .get(&(manifest.owner.namespace.clone(), name.clone()))
            {
                Some(values) => secrets.values.push((name.clone(), values.clone())),
                None if missing == MissingSecret::IsElsewhere => {
                    let expected = EXPECTED_OF_SECRETS
                        .iter()
                        .filter(|key| manifest.spec.configuration.get(**key).is_none());
                    let given = expected
                        .map(|key| ((*key).to_owned(), SecretSlice::from(b"given elsewhere".to_vec())));
                    secrets.values.insert(0, (name.clone(), given.collect()));
                }
                None if source.secret_ref.optional => {}
                None => problems.push(Problem::new(
                    format!("spec.configurationFrom[{index}].secretRef"),
                    format!("Secret {name:?} is not among the files"),
                    format!("add it, in namespace {}, with -f", manifest.owner.namespace),
                )),
            }
        }
        (secrets, problems)
    }
}

impl Manifest {
    /// Namespace and name.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.owner.namespace, self.owner.name)
    }

    /// The `resetTo` annotation, where it is an instant.
    pub(super) fn reset_to(&self) -> Option<(String, jiff::Timestamp)> {
        let value = self.annotations.get(RESET_TO)?;
        value.parse().ok().map(|at| (value.clone(), at))
    }

    /// How notifications name the instance.
    pub(super) fn ids(&self) -> Result<NotificationIds, Vec<Problem>> {
        NotificationIds::read(&self.owner.uid, &self.owner.namespace, &self.annotations)
    }
}

/// A bare instance JSON as an object: the body of `POST /instances` is a spec.
fn wrapped(instance: Value) -> Value {
    let name = instance
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or("instance")
        .to_owned();
    let mut object_name: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    object_name = object_name.trim_matches('-').to_owned();
    let known = ["name", "element", "tags", "configuration", "providerData"];
    let spec: Map<String, Value> = match instance {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(key, _)| known.contains(&key.as_str()))
            .collect(),
        _ => Map::new(),
    };
    json!({
        "apiVersion": "pollinator.dev/v1alpha1",
        "kind": "PollingInstance",
        "metadata": {"name": object_name},
        "spec": spec,
    })
}
