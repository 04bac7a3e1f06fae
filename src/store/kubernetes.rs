//! Checkpoints as `PollingCheckpoint` objects, tokens as Secrets; both owned by their instance, so that
//! deleting it removes them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams};
use kube::{Client, Resource, ResourceExt};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::{CheckpointStore, Owner, Revision, StoreError, TokenRecord, TokenStore};
use crate::api::{PollingCheckpoint, PollingCheckpointSpec, PollingInstance};
use crate::http::BoxFuture;
use crate::poll::{Checkpoint, Encoded};

/// Bytes of the seen-set in one object; the API server refuses objects of more than about 1.5 MB.
const SEGMENT: usize = 512 * 1024;
/// Type of the Secrets that hold rotated tokens.
const TOKEN_SECRET_TYPE: &str = "pollinator.dev/tokens";

/// Checkpoints and tokens on the API server.
#[derive(Clone)]
pub struct KubernetesStore {
    client: Client,
}

impl KubernetesStore {
    /// Uses `client` for everything.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    fn checkpoints(&self, owner: &Owner) -> Api<PollingCheckpoint> {
        Api::namespaced(self.client.clone(), &owner.namespace)
    }

    fn secrets(&self, owner: &Owner) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &owner.namespace)
    }

    async fn segment(&self, owner: &Owner, name: &str) -> Result<String, StoreError> {
        let what = format!("pollingcheckpoint {}/{name}", owner.namespace);
        match self.checkpoints(owner).get_opt(name).await {
            Ok(Some(segment)) => Ok(segment.spec.state),
            Ok(None) => Err(StoreError::Corrupted {
                what,
                reason: "the continuation object is missing".into(),
            }),
            Err(error) => Err(failed(what, &error)),
        }
    }

    /// Continuation objects get fresh names, so that the head in force never points to changed ones.
    async fn save_segments(
        &self,
        owner: &Owner,
        resource: &str,
        rest: &[u8],
    ) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        for chunk in rest.chunks(SEGMENT) {
            let name = format!(
                "{}-{}",
                checkpoint_name(owner, resource),
                uuid::Uuid::new_v4().simple()
            );
            let spec = PollingCheckpointSpec {
                instance: owner.name.clone(),
                resource: resource.to_owned(),
                phase: "Segment".to_owned(),
                state: STANDARD.encode(chunk),
                ..PollingCheckpointSpec::default()
            };
            let object = PollingCheckpoint {
                metadata: metadata(owner, &name, None),
                spec,
            };
            let what = format!("pollingcheckpoint {}/{name}", owner.namespace);
            names.push(name);
            let created = self
                .checkpoints(owner)
                .create(&PostParams::default(), &object)
                .await;
            if let Err(error) = created {
                self.delete_segments(owner, &names).await;
                return Err(failed(what, &error));
            }
        }
        Ok(names)
    }

    /// Best effort: a segment left behind is owned by the instance and goes with it.
    async fn delete_segments(&self, owner: &Owner, names: &[String]) {
        for name in names {
            if let Err(error) = self
                .checkpoints(owner)
                .delete(name, &DeleteParams::default())
                .await
            {
                tracing::debug!(segment = %name, %error, "a replaced checkpoint segment was not deleted");
            }
        }
    }
}

impl CheckpointStore for KubernetesStore {
    async fn load(
        &self,
        owner: &Owner,
        resource: &str,
    ) -> Result<Option<(Checkpoint, Revision)>, StoreError> {
        let name = checkpoint_name(owner, resource);
        let what = format!("pollingcheckpoint {}/{name}", owner.namespace);
        let found = self
            .checkpoints(owner)
            .get_opt(&name)
            .await
            .map_err(|error| failed(what.clone(), &error))?;
        let Some(object) = found else { return Ok(None) };
        let version = object.resource_version().unwrap_or_default();
        let corrupted = |reason: String| StoreError::Corrupted {
            what: what.clone(),
            reason,
        };
        let stored: StoredState =
            serde_json::from_str(&object.spec.state).map_err(|error| corrupted(error.to_string()))?;
        let mut seen = STANDARD
            .decode(&stored.seen)
            .map_err(|error| corrupted(error.to_string()))?;
        for segment in &object.spec.segments {
            let text = self.segment(owner, segment).await?;
            seen.extend(
                STANDARD
                    .decode(&text)
                    .map_err(|error| corrupted(error.to_string()))?,
            );
        }
        let encoded = Encoded {
            head: stored.head.to_string(),
            seen,
        };
        let checkpoint = Checkpoint::decode(&encoded).map_err(|error| corrupted(error.to_string()))?;
        let revision = Written {
            version,
            segments: object.spec.segments,
        }
        .to_string();
        Ok(Some((checkpoint, Some(revision))))
    }

    async fn save(
        &self,
        owner: &Owner,
        resource: &str,
        checkpoint: &Checkpoint,
        expected: &Revision,
    ) -> Result<Revision, StoreError> {
        let name = checkpoint_name(owner, resource);
        let what = format!("pollingcheckpoint {}/{name}", owner.namespace);
        let unwritable = |reason: String| StoreError::Unavailable {
            what: what.clone(),
            reason,
        };
        let encoded = checkpoint
            .encode()
            .map_err(|error| unwritable(error.to_string()))?;
        let before = expected.as_deref().map(Written::from).unwrap_or_default();
        let (here, rest) = encoded.seen.split_at(encoded.seen.len().min(SEGMENT));
        let segments = self.save_segments(owner, resource, rest).await?;
        let head = serde_json::value::RawValue::from_string(encoded.head)
            .map_err(|error| unwritable(error.to_string()))?;
        let state = StoredState {
            head,
            seen: STANDARD.encode(here),
        };
        let floor = checkpoint.floor;
        let spec = PollingCheckpointSpec {
            instance: owner.name.clone(),
            resource: resource.to_owned(),
            phase: match &checkpoint.moved_to {
                Some(_) => "Moved".to_owned(),
                None => checkpoint.phase.as_str().to_owned(),
            },
            cursor: (floor > jiff::Timestamp::UNIX_EPOCH).then(|| floor.to_string()),
            state: serde_json::to_string(&state).map_err(|error| unwritable(error.to_string()))?,
            segments: segments.clone(),
        };
        let object = PollingCheckpoint {
            metadata: metadata(owner, &name, expected.is_some().then_some(before.version)),
            spec,
        };
        let api = self.checkpoints(owner);
        let written = match expected {
            None => api.create(&PostParams::default(), &object).await,
            Some(_) => api.replace(&name, &PostParams::default(), &object).await,
        };
        match written {
            Ok(object) => {
                self.delete_segments(owner, &before.segments).await;
                Ok(Some(
                    Written {
                        version: object.resource_version().unwrap_or_default(),
                        segments,
                    }
                    .to_string(),
                ))
            }
            Err(error) => {
                // Only where the head certainly was not written; else it may point to them.
                if matches!(&error, kube::Error::Api(status) if (400..500).contains(&status.code)) {
                    self.delete_segments(owner, &segments).await;
                }
                Err(failed(what, &error))
            }
        }
    }
}

/// A checkpoint's revision: the object's resourceVersion, then the names of its segments.
#[derive(Default)]
struct Written {
    version: String,
    segments: Vec<String>,
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.version)?;
        self.segments
            .iter()
            .try_for_each(|segment| write!(f, " {segment}"))
    }
}

impl From<&str> for Written {
    fn from(revision: &str) -> Self {
        let mut words = revision.split(' ').map(str::to_owned);
        Self {
            version: words.next().unwrap_or_default(),
            segments: words.collect(),
        }
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct StoredState {
    head: Box<serde_json::value::RawValue>,
    seen: String,
}

impl TokenStore for KubernetesStore {
    fn load<'a>(
        &'a self,
        owner: &'a Owner,
        fingerprint: &'a str,
    ) -> BoxFuture<'a, Result<Option<(TokenRecord, Revision)>, StoreError>> {
        Box::pin(async move {
            let name = token_name(fingerprint);
            let found = self.secrets(owner).get_opt(&name).await;
            let found =
                found.map_err(|error| failed(format!("secret {}/{name}", owner.namespace), &error))?;
            Ok(found.map(|secret| {
                let revision = secret.resource_version();
                let data = secret.data.unwrap_or_default();
                let text = |key: &str| {
                    data.get(key)
                        .and_then(|bytes| String::from_utf8(bytes.0.clone()).ok())
                };
                let record = TokenRecord {
                    refresh_token: text("refresh_token").map(SecretString::from),
                    serial: text("serial")
                        .and_then(|serial| serial.parse().ok())
                        .unwrap_or_default(),
                    geolocation: text("geolocation"),
                    blocked: text("blocked"),
                };
                (record, revision)
            }))
        })
    }

    fn save<'a>(
        &'a self,
        owner: &'a Owner,
        fingerprint: &'a str,
        record: &'a TokenRecord,
        expected: &'a Revision,
    ) -> BoxFuture<'a, Result<Revision, StoreError>> {
        Box::pin(async move {
            let name = token_name(fingerprint);
            let what = format!("secret {}/{name}", owner.namespace);
            let api = self.secrets(owner);
            let mut meta = metadata(owner, &name, expected.clone());
            let mut before = None;
            if expected.is_some() {
                let found = api
                    .get_opt(&name)
                    .await
                    .map_err(|error| failed(what.clone(), &error))?;
                let found = found.ok_or_else(|| StoreError::Conflict { what: what.clone() })?;
                let owners = found.metadata.owner_references.unwrap_or_default();
                meta.owner_references = Some(with_owner(owners.clone(), owner));
                before = Some(owners);
            }
            let mut data = BTreeMap::new();
            let mut put = |key: &str, value: Option<&str>| {
                value.map(|value| data.insert(key.to_owned(), ByteString(value.as_bytes().to_vec())))
            };
            put(
                "refresh_token",
                record.refresh_token.as_ref().map(|token| token.expose_secret()),
            );
            put("serial", Some(&record.serial.to_string()));
            put("geolocation", record.geolocation.as_deref());
            put("blocked", record.blocked.as_deref());
            let secret = Secret {
                metadata: meta,
                data: Some(data),
                type_: Some(TOKEN_SECRET_TYPE.to_owned()),
                ..Secret::default()
            };
            let mut written = write_secret(&api, &secret, expected).await;
            // Where OwnerReferencesPermissionEnforcement is on, adding an owner needs the right to delete Secrets,
            // which the operator does not have. The record is worth more than the reference.
            if let (Err(kube::Error::Api(refused)), Some(owners)) = (&written, before)
                && refused.is_forbidden()
            {
                let mut secret = secret;
                secret.metadata.owner_references = Some(owners);
                written = write_secret(&api, &secret, expected).await;
            }
            written
                .map(|secret| secret.resource_version())
                .map_err(|error| failed(what, &error))
        })
    }
}

async fn write_secret(
    api: &Api<Secret>,
    secret: &Secret,
    expected: &Revision,
) -> Result<Secret, kube::Error> {
    match expected {
        None => api.create(&PostParams::default(), secret).await,
        Some(_) => {
            api.replace(&secret.name_any(), &PostParams::default(), secret)
                .await
        }
    }
}

/// The uid takes part, so that a new instance of the same name never finds its predecessor's checkpoint.
fn checkpoint_name(owner: &Owner, resource: &str) -> String {
    let hash = Sha256::digest(format!("{}\n{resource}", owner.uid).as_bytes());
    let hash = hex::encode(&hash[..5]);
    let readable: String = owner.name.chars().take(200).collect();
    format!("{}-{hash}", readable.trim_end_matches(['.', '-']))
}

fn token_name(fingerprint: &str) -> String {
    format!("pollinator-tokens-{fingerprint}")
}

fn metadata(owner: &Owner, name: &str, revision: Revision) -> ObjectMeta {
    let labels = [("app.kubernetes.io/managed-by", "pollinator")];
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(owner.namespace.clone()),
        resource_version: revision,
        labels: Some(
            labels
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        ),
        owner_references: Some(with_owner(Vec::new(), owner)),
        ..ObjectMeta::default()
    }
}

fn with_owner(mut references: Vec<OwnerReference>, owner: &Owner) -> Vec<OwnerReference> {
    if !references.iter().any(|reference| reference.uid == owner.uid) {
        references.push(OwnerReference {
            api_version: PollingInstance::api_version(&()).into_owned(),
            kind: PollingInstance::kind(&()).into_owned(),
            name: owner.name.clone(),
            uid: owner.uid.clone(),
            ..OwnerReference::default()
        });
    }
    references
}

/// What the API server says, or why it says nothing; kube's own text repeats the whole answer.
pub(crate) fn in_words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        other => {
            let mut cause: &dyn std::error::Error = other;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            cause.to_string()
        }
    }
}

fn failed(what: String, error: &kube::Error) -> StoreError {
    match error {
        kube::Error::Api(status)
            if status.is_conflict() || status.is_already_exists() || status.is_not_found() =>
        {
            StoreError::Conflict { what }
        }
        other => StoreError::Unavailable {
            what,
            reason: in_words(other),
        },
    }
}
