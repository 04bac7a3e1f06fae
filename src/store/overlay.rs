//! A store on top of another: reads through, writes only into memory. For dry runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{CheckpointStore, Owner, Revision, StoreError};
use crate::poll::Checkpoint;

/// Leaves the store below as it is.
pub struct Overlay<S> {
    below: Arc<S>,
    written: Mutex<HashMap<(Owner, String), (Checkpoint, u64)>>,
}

impl<S> Overlay<S> {
    /// On top of `below`.
    pub fn new(below: Arc<S>) -> Self {
        Self {
            below,
            written: Mutex::default(),
        }
    }
}

impl<S: CheckpointStore> CheckpointStore for Overlay<S> {
    async fn load(
        &self,
        owner: &Owner,
        resource: &str,
    ) -> Result<Option<(Checkpoint, Revision)>, StoreError> {
        let key = (owner.clone(), resource.to_owned());
        let written = self
            .written
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        match written {
            Some((checkpoint, revision)) => Ok(Some((checkpoint, Some(revision.to_string())))),
            None => self.below.load(owner, resource).await,
        }
    }

    async fn names(&self, owner: &Owner) -> Result<Vec<String>, StoreError> {
        self.below.names(owner).await
    }

    async fn save(
        &self,
        owner: &Owner,
        resource: &str,
        checkpoint: &Checkpoint,
        _expected: &Revision,
    ) -> Result<Revision, StoreError> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = written.entry((owner.clone(), resource.to_owned())).or_default();
        *entry = (checkpoint.clone(), entry.1 + 1);
        Ok(Some(entry.1.to_string()))
    }
}
