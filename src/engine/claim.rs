//! Ownership of a checkpoint: load and claim it, save it by compare-and-swap, notice another owner.

use std::time::Duration;

use tokio::time::Instant;

use super::{Notice, PollError};
use crate::poll::Memory;
use crate::store::{CheckpointStore, Owner, Revision, StoreError};

/// What was accepted is saved at least this often, so that a crash repeats little.
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// Writes tried for one save when strangers touch the object in between.
const ATTEMPTS: usize = 3;

/// A resource's memory together with the right to write its checkpoint.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) memory: Memory,
    revision: Revision,
    /// Nonces this process wrote or loaded and has not seen replaced.
    nonces: Vec<String>,
    saved_at: Instant,
    /// When the store was last seen to have what this process wrote.
    owned_at: Instant,
    /// How the resource begins, to be told once.
    pub(super) notice: Option<Notice>,
}

impl Claim {
    /// What is known of a resource, in the name of `process`; only once it is saved may anything be fetched.
    pub(super) fn new(mut memory: Memory, revision: Revision, nonces: Vec<String>, process: &str) -> Self {
        process.clone_into(&mut memory.checkpoint.owner);
        Self {
            memory,
            revision,
            nonces,
            saved_at: Instant::now(),
            owned_at: Instant::now(),
            notice: None,
        }
    }

    /// Saves if something changed.
    pub(super) async fn save_changes<S: CheckpointStore>(
        &mut self,
        store: &S,
        owner: &Owner,
        resource: &str,
    ) -> Result<(), PollError> {
        if self.memory.needs_saving() {
            self.save(store, owner, resource).await
        } else {
            Ok(())
        }
    }

    /// Saves if something changed and the last save is long enough ago. An API server that is away is no
    /// failure here: the memory is kept and the next save tries again.
    pub(super) async fn save_now_and_then<S: CheckpointStore>(
        &mut self,
        store: &S,
        owner: &Owner,
        resource: &str,
    ) -> Result<(), PollError> {
        if self.saved_at.elapsed() < SAVE_EVERY {
            return Ok(());
        }
        match self.save_changes(store, owner, resource).await {
            Err(PollError::Store(StoreError::Unavailable { what, reason })) => {
                tracing::warn!(%what, %reason, "checkpoint not saved, kept in memory");
                self.saved_at = Instant::now();
                Ok(())
            }
            other => other,
        }
    }

    /// Looks whether the checkpoint is still ours; to be asked before anything is sent.
    ///
    /// A new owner counts with what his predecessor may have sent until a pass that began `lookback` after the
    /// take-over. What this process read later than that, it may not send.
    pub(super) async fn make_sure<S: CheckpointStore>(
        &mut self,
        store: &S,
        owner: &Owner,
        resource: &str,
        lookback: Duration,
    ) -> Result<(), PollError> {
        if self.owned_at.elapsed() < SAVE_EVERY.min(lookback) {
            return Ok(());
        }
        match store.load(owner, resource).await {
            Ok(Some((stored, _))) if self.nonces.contains(&stored.nonce) => {
                self.owned_at = Instant::now();
                Ok(())
            }
            Ok(Some(_)) => Err(PollError::TakenOver),
            // Deleted: what was read is told, and the next save finds that out.
            Ok(None) => Ok(()),
            // Who cannot read it cannot take it over either.
            Err(StoreError::Unavailable { what, reason }) => {
                tracing::warn!(%what, %reason, "checkpoint not read, it counts as ours");
                Ok(())
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Writes it back.
    pub(super) async fn save<S: CheckpointStore>(
        &mut self,
        store: &S,
        owner: &Owner,
        resource: &str,
    ) -> Result<(), PollError> {
        let mut conflict = None;
        for _ in 0..ATTEMPTS {
            let nonce = uuid::Uuid::new_v4().simple().to_string();
            self.memory.checkpoint.nonce.clone_from(&nonce);
            self.nonces.push(nonce.clone());
            match store
                .save(owner, resource, &self.memory.checkpoint, &self.revision)
                .await
            {
                Ok(revision) => {
                    self.written(revision, nonce);
                    return Ok(());
                }
                Err(StoreError::Conflict { what }) => {
                    conflict = Some(StoreError::Conflict { what });
                    match store.load(owner, resource).await? {
                        // Our own write whose answer was lost.
                        Some((stored, revision)) if stored.nonce == nonce => {
                            self.written(revision, nonce);
                            return Ok(());
                        }
                        // An earlier write of ours, relabelled by a stranger.
                        Some((stored, revision)) if self.nonces.contains(&stored.nonce) => {
                            self.revision = revision;
                        }
                        _ => return Err(PollError::TakenOver),
                    }
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(conflict.map_or(PollError::TakenOver, PollError::Store))
    }

    fn written(&mut self, revision: Revision, nonce: String) {
        self.revision = revision;
        self.nonces = vec![nonce];
        self.saved_at = Instant::now();
        self.owned_at = self.saved_at;
        self.memory.saved();
    }
}
