//! Where checkpoints and tokens live: Kubernetes objects, or a folder. Every write is a compare-and-swap.

mod folder;
mod kubernetes;
mod overlay;

pub use folder::{FolderError, FolderStore};
pub use kubernetes::KubernetesStore;
pub(crate) use kubernetes::in_words;
pub use overlay::Overlay;

use std::future::Future;

use secrecy::SecretString;

use crate::http::BoxFuture;
use crate::poll::Checkpoint;

/// The instance on whose behalf something is stored; what is stored goes when it goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// Namespace of the instance; `default` where there is no cluster.
    pub namespace: String,
    /// Name of the instance.
    pub name: String,
    /// Uid of the instance; stable for one life of the object.
    pub uid: String,
}

/// What a write was based on; opaque outside the store. `None` means: the object must not exist yet.
pub type Revision = Option<String>;

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote since the revision was read.
    #[error("{what} was changed by another writer")]
    Conflict {
        /// Which object or file.
        what: String,
    },
    /// The store cannot be reached or refused; whether a write took effect is unknown.
    #[error("{what} cannot be stored or read: {reason}")]
    Unavailable {
        /// Which object or file.
        what: String,
        /// Why, for a human.
        reason: String,
    },
    /// What is stored cannot be understood; it is left as it is.
    #[error(
        "{what} is corrupted: {reason}; restore it from a backup, or delete it to start this resource again"
    )]
    Corrupted {
        /// Which object or file.
        what: String,
        /// Why, for a human.
        reason: String,
    },
}

/// Keeps checkpoints.
pub trait CheckpointStore: Send + Sync + 'static {
    /// The stored checkpoint of one resource with its revision.
    fn load(
        &self,
        owner: &Owner,
        resource: &str,
    ) -> impl Future<Output = Result<Option<(Checkpoint, Revision)>, StoreError>> + Send;
    /// Replaces the checkpoint if its revision is still `expected`; returns the new revision.
    fn save(
        &self,
        owner: &Owner,
        resource: &str,
        checkpoint: &Checkpoint,
        expected: &Revision,
    ) -> impl Future<Output = Result<Revision, StoreError>> + Send;
    /// Names of all resources that have a checkpoint, as far as the store can tell.
    fn names(&self, _owner: &Owner) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send {
        std::future::ready(Ok(Vec::new()))
    }
}

/// What is kept of one credential: the rotated refresh token and where its user lives.
#[derive(Clone, Debug, Default)]
pub struct TokenRecord {
    /// The newest refresh token.
    pub refresh_token: Option<SecretString>,
    /// How many refresh tokens there were before it: of the records of two namespaces the higher one is newer.
    pub serial: u64,
    /// Scheme and host of the last geolocation.
    pub geolocation: Option<String>,
    /// Why no further token call may be made until a human acts: the error's variant and text, never a secret.
    pub blocked: Option<String>,
}

/// Keeps token records, one for each credential; instances that share a credential share its record.
pub trait TokenStore: Send + Sync + 'static {
    /// The stored record of the credential named by `fingerprint`, with its revision.
    fn load<'a>(
        &'a self,
        owner: &'a Owner,
        fingerprint: &'a str,
    ) -> BoxFuture<'a, Result<Option<(TokenRecord, Revision)>, StoreError>>;
    /// Replaces the record if its revision is still `expected`; `owner` becomes one of its owners.
    fn save<'a>(
        &'a self,
        owner: &'a Owner,
        fingerprint: &'a str,
        record: &'a TokenRecord,
        expected: &'a Revision,
    ) -> BoxFuture<'a, Result<Revision, StoreError>>;
}
