//! A store in memory that loses writes and answers on demand.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use pollinator::http::BoxFuture;
use pollinator::poll::{Checkpoint, Encoded};
use pollinator::store::{CheckpointStore, Owner, Revision, StoreError, TokenRecord, TokenStore};

/// What happens to the next write of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// It takes effect.
    Works,
    /// The API server is away.
    Fails,
    /// It takes effect, but its answer is lost.
    AnswerLost,
    /// It takes effect, its answer is lost, and what repeats it below us hears of a conflict.
    Repeated,
}

#[derive(Default)]
struct Stored {
    checkpoints: HashMap<(Owner, String), (Encoded, u64)>,
    tokens: HashMap<String, (TokenRecord, u64)>,
    writes: u64,
    plan: VecDeque<Write>,
}

/// Survives a restart of the engine, as the API server would.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Stored>>);

impl MemoryStore {
    /// Plans what happens to the next writes.
    pub fn plan(&self, writes: impl IntoIterator<Item = Write>) {
        self.0.lock().unwrap().plan.extend(writes);
    }

    /// Another process claims the one stored checkpoint.
    pub fn take_over(&self) {
        let mut stored = self.0.lock().unwrap();
        stored.writes += 1;
        let version = stored.writes;
        let (encoded, revision) = stored.checkpoints.values_mut().next().expect("a checkpoint");
        let mut checkpoint = Checkpoint::decode(encoded).unwrap();
        checkpoint.owner = "another".into();
        checkpoint.nonce = "another's".into();
        (*encoded, *revision) = (checkpoint.encode().unwrap(), version);
    }

    /// Changes the one stored checkpoint behind everybody's back.
    pub fn rewrite(&self, change: impl FnOnce(&mut Checkpoint)) {
        let mut stored = self.0.lock().unwrap();
        let (encoded, _) = stored.checkpoints.values_mut().next().expect("a checkpoint");
        let mut checkpoint = Checkpoint::decode(encoded).unwrap();
        change(&mut checkpoint);
        *encoded = checkpoint.encode().unwrap();
    }

    /// Writes of checkpoints that took effect.
    pub fn writes(&self) -> u64 {
        self.0.lock().unwrap().writes
    }

    /// The one stored checkpoint.
    pub fn checkpoint(&self) -> Checkpoint {
        let stored = self.0.lock().unwrap();
        let (encoded, _) = stored.checkpoints.values().next().expect("a checkpoint");
        Checkpoint::decode(encoded).unwrap()
    }
}

fn conflict<T>() -> Result<T, StoreError> {
    Err(StoreError::Conflict {
        what: "object".into(),
    })
}

impl CheckpointStore for MemoryStore {
    async fn load(
        &self,
        owner: &Owner,
        resource: &str,
    ) -> Result<Option<(Checkpoint, Revision)>, StoreError> {
        let stored = self.0.lock().unwrap();
        let found = stored.checkpoints.get(&(owner.clone(), resource.to_owned()));
        Ok(found.map(|(encoded, version)| (Checkpoint::decode(encoded).unwrap(), Some(version.to_string()))))
    }

    async fn save(
        &self,
        owner: &Owner,
        resource: &str,
        checkpoint: &Checkpoint,
        expected: &Revision,
    ) -> Result<Revision, StoreError> {
        let mut stored = self.0.lock().unwrap();
        let away = || {
            Err(StoreError::Unavailable {
                what: "checkpoint".into(),
                reason: "planned".into(),
            })
        };
        let plan = stored.plan.pop_front().unwrap_or(Write::Works);
        if plan == Write::Fails {
            return away();
        }
        let key = (owner.clone(), resource.to_owned());
        let present = stored
            .checkpoints
            .get(&key)
            .map(|(_, version)| version.to_string());
        if present != *expected {
            return conflict();
        }
        stored.writes += 1;
        let version = stored.writes;
        stored
            .checkpoints
            .insert(key, (checkpoint.encode().unwrap(), version));
        match plan {
            Write::AnswerLost => away(),
            Write::Repeated => conflict(),
            Write::Works | Write::Fails => Ok(Some(version.to_string())),
        }
    }
}

impl TokenStore for MemoryStore {
    fn load<'a>(
        &'a self,
        _owner: &'a Owner,
        fingerprint: &'a str,
    ) -> BoxFuture<'a, Result<Option<(TokenRecord, Revision)>, StoreError>> {
        let stored = self.0.lock().unwrap();
        let found = stored.tokens.get(fingerprint);
        let found = found.map(|(record, version)| (record.clone(), Some(version.to_string())));
        Box::pin(async move { Ok(found) })
    }

    fn save<'a>(
        &'a self,
        _owner: &'a Owner,
        fingerprint: &'a str,
        record: &'a TokenRecord,
        expected: &'a Revision,
    ) -> BoxFuture<'a, Result<Revision, StoreError>> {
        Box::pin(async move {
            let mut stored = self.0.lock().unwrap();
            let present = stored
                .tokens
                .get(fingerprint)
                .map(|(_, version)| version.to_string());
            if present != *expected {
                return conflict();
            }
            stored.writes += 1;
            let version = stored.writes;
            stored
                .tokens
                .insert(fingerprint.to_owned(), (record.clone(), version));
            Ok(Some(version.to_string()))
        })
    }
}
