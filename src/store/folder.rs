//! A folder on a laptop or in a pipeline: one JSON file for each checkpoint and credential.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fs4::fs_std::FileExt;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{CheckpointStore, Owner, Revision, StoreError, TokenRecord, TokenStore};
use crate::http::BoxFuture;
use crate::poll::{Checkpoint, Encoded};

/// Checkpoints and tokens in a folder that one process holds at a time.
#[derive(Debug)]
pub struct FolderStore {
    folder: PathBuf,
    /// Locked while the store lives.
    _lock: File,
}

/// Why a state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process works in it.
    #[error("state folder {folder} is in use by another run; wait for it, or name another --state-dir")]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// It cannot be made or written.
    #[error("state folder {folder} cannot be used; make it writable, or name another --state-dir")]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

#[derive(Serialize, Deserialize)]
struct CheckpointFile {
    instance: String,
    resource: String,
    head: Box<RawValue>,
    seen: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(default)]
    serial: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    geolocation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blocked: Option<String>,
}

impl FolderStore {
    /// Opens (and makes) `folder` and locks it against other runs.
    ///
    /// # Errors
    /// [`FolderError`] where another run holds it or it cannot be written.
    pub fn open(folder: &Path) -> Result<Self, FolderError> {
        let unusable = |source| FolderError::Unusable {
            folder: folder.to_owned(),
            source,
        };
        for part in ["checkpoints", "tokens"] {
            fs::create_dir_all(folder.join(part)).map_err(unusable)?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))
            .map_err(unusable)?;
        if !FileExt::try_lock_exclusive(&lock).map_err(unusable)? {
            return Err(FolderError::Locked {
                folder: folder.to_owned(),
            });
        }
        Ok(Self {
            folder: folder.to_owned(),
            _lock: lock,
        })
    }

    fn checkpoint_path(&self, owner: &Owner, resource: &str) -> PathBuf {
        let readable: String = format!("{}.{}.{resource}", owner.namespace, owner.name)
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "._-".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .take(120)
            .collect();
        let exact = revision_of(format!("{}\n{resource}", owner.uid).as_bytes());
        self.folder
            .join("checkpoints")
            .join(format!("{readable}.{}.json", &exact[..12]))
    }

    fn token_path(&self, fingerprint: &str) -> PathBuf {
        self.folder.join("tokens").join(format!("{fingerprint}.json"))
    }
}

impl CheckpointStore for FolderStore {
    async fn load(
        &self,
        owner: &Owner,
        resource: &str,
    ) -> Result<Option<(Checkpoint, Revision)>, StoreError> {
        let path = self.checkpoint_path(owner, resource);
        let Some(bytes) = read(&path)? else {
            return Ok(None);
        };
        let corrupted = |reason: String| StoreError::Corrupted {
            what: path.display().to_string(),
            reason,
        };
        let file: CheckpointFile = serde_json::from_slice(&bytes).map_err(|e| corrupted(e.to_string()))?;
        let seen = STANDARD
            .decode(&file.seen)
            .map_err(|e| corrupted(e.to_string()))?;
        let encoded = Encoded {
            head: file.head.get().to_owned(),
            seen,
        };
        let checkpoint = Checkpoint::decode(&encoded).map_err(|e| corrupted(e.to_string()))?;
        Ok(Some((checkpoint, Some(revision_of(&bytes)))))
    }

    async fn names(&self, owner: &Owner) -> Result<Vec<String>, StoreError> {
        let folder = self.folder.join("checkpoints");
        let files = fs::read_dir(&folder).map_err(|error| unavailable(&folder, &error))?;
        let resource_of = |path: &Path| {
            let file: CheckpointFile = serde_json::from_slice(&read(path).ok()??).ok()?;
            (self.checkpoint_path(owner, &file.resource) == path).then_some(file.resource)
        };
        Ok(files.filter_map(|file| resource_of(&file.ok()?.path())).collect())
    }

    async fn save(
        &self,
        owner: &Owner,
        resource: &str,
        checkpoint: &Checkpoint,
        expected: &Revision,
    ) -> Result<Revision, StoreError> {
        let path = self.checkpoint_path(owner, resource);
        let unwritable = |reason: String| StoreError::Unavailable {
            what: path.display().to_string(),
            reason,
        };
        let encoded = checkpoint.encode().map_err(|e| unwritable(e.to_string()))?;
        let file = CheckpointFile {
            instance: format!("{}/{}", owner.namespace, owner.name),
            resource: resource.to_owned(),
            head: RawValue::from_string(encoded.head).map_err(|e| unwritable(e.to_string()))?,
            seen: STANDARD.encode(&encoded.seen),
        };
        replace(
            &path,
            &serde_json::to_vec(&file).map_err(|e| unwritable(e.to_string()))?,
            expected,
        )
    }
}

impl TokenStore for FolderStore {
    fn load<'a>(
        &'a self,
        _owner: &'a Owner,
        fingerprint: &'a str,
    ) -> BoxFuture<'a, Result<Option<(TokenRecord, Revision)>, StoreError>> {
        Box::pin(async move {
            let path = self.token_path(fingerprint);
            let Some(bytes) = read(&path)? else {
                return Ok(None);
            };
            // The parser's own words could quote the token.
            let file: TokenFile = serde_json::from_slice(&bytes).map_err(|_| StoreError::Corrupted {
                what: path.display().to_string(),
                reason: "it is not a token record".to_owned(),
            })?;
            let record = TokenRecord {
                refresh_token: file.refresh_token.map(SecretString::from),
                serial: file.serial,
                geolocation: file.geolocation,
                blocked: file.blocked,
            };
            Ok(Some((record, Some(revision_of(&bytes)))))
        })
    }

    fn save<'a>(
        &'a self,
        _owner: &'a Owner,
        fingerprint: &'a str,
        record: &'a TokenRecord,
        expected: &'a Revision,
    ) -> BoxFuture<'a, Result<Revision, StoreError>> {
        Box::pin(async move {
            let path = self.token_path(fingerprint);
            let file = TokenFile {
                refresh_token: record
                    .refresh_token
                    .as_ref()
                    .map(|token| token.expose_secret().to_owned()),
                serial: record.serial,
                geolocation: record.geolocation.clone(),
                blocked: record.blocked.clone(),
            };
            let bytes = serde_json::to_vec(&file).map_err(|_| StoreError::Unavailable {
                what: path.display().to_string(),
                reason: "the token record cannot be written as JSON".to_owned(),
            })?;
            replace(&path, &bytes, expected)
        })
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unavailable(path, &error)),
    }
}

/// Writes beside the file and renames, so that a crash or a full disk leaves the old one whole.
fn replace(path: &Path, bytes: &[u8], expected: &Revision) -> Result<Revision, StoreError> {
    let present = read(path)?.map(|bytes| revision_of(&bytes));
    if present != *expected {
        return Err(StoreError::Conflict {
            what: path.display().to_string(),
        });
    }
    let beside = path.with_extension("json.new");
    write_private(&beside, bytes)
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| sync_folder(path))
        .map_err(|error| unavailable(path, &error))?;
    Ok(Some(revision_of(bytes)))
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    path.parent()
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn unavailable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable {
        what: path.display().to_string(),
        reason: error.to_string(),
    }
}

fn revision_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
