//! What the reconciles of one process share and remember.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use k8s_controller::events::EventRecorder;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Client, Resource};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::{PollingInstance, PollingInstanceStatus};
use crate::engine::{Engine, InstanceMemory};
use crate::poll::CarriedOver;
use crate::store::KubernetesStore;
use crate::telemetry::Metrics;

/// The watched type: an object that cannot be decoded must not stop the others.
pub(super) type Guarded = DeserializeGuard<PollingInstance>;

/// The instances as the watches tell of them: one store for all namespaces, or one for each.
#[derive(Clone)]
pub(super) struct Watched(Arc<[Store<Guarded>]>);

impl Watched {
    pub(super) fn new(stores: Vec<Store<Guarded>>) -> Self {
        Self(stores.into())
    }

    pub(super) fn stores(&self) -> &[Store<Guarded>] {
        &self.0
    }

    pub(super) fn get(&self, reference: &ObjectRef<Guarded>) -> Option<Arc<Guarded>> {
        self.0.iter().find_map(|store| store.get(reference))
    }

    pub(super) fn all(&self) -> Vec<Arc<Guarded>> {
        self.0.iter().flat_map(Store::state).collect()
    }

    /// Waits until every watch has told what there is; false where one never will.
    pub(super) async fn wait_until_ready(&self) -> bool {
        for store in self.0.iter() {
            if store.wait_until_ready().await.is_err() {
                return false;
            }
        }
        true
    }
}

/// What all reconciles share.
pub(super) struct Context {
    pub(super) client: Client,
    pub(super) engine: Engine<KubernetesStore>,
    pub(super) watched: Watched,
    pub(super) recorder: EventRecorder,
    pub(super) metrics: Arc<Metrics>,
    /// Set when the process is asked to end: runs stop between two pages.
    pub(super) ending: CancellationToken,
    known: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Known>>>>,
}

/// What this process remembers of one instance.
#[derive(Default)]
pub(super) struct Known {
    pub(super) memory: InstanceMemory,
    /// Generation and Secret versions that the settings were read from.
    pub(super) mark: Option<String>,
    pub(super) status: Option<PollingInstanceStatus>,
    /// Since when a changed Secret would help.
    pub(super) waiting_since: Option<Instant>,
    /// Since when its Secrets cannot be read.
    pub(super) unreadable_since: Option<Instant>,
    /// Reasons of conditions that another instance with the same credential tells of.
    pub(super) shown_elsewhere: Vec<&'static str>,
    /// The newest `requestedAt` acted on, which is not forgotten when the status cannot be written.
    pub(super) handled_request: Option<String>,
    /// The newest `skip` acted on, likewise.
    pub(super) handled_skip: Option<String>,
    /// Edits over which checkpoints were carried, as the newest polls tell of them, until the status does.
    pub(super) edits: Vec<CarriedOver>,
    /// A human has answered them since.
    pub(super) edits_answered: bool,
}

/// Why a reconcile could not be done; it is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReconcileError {
    /// A Secret could not be read.
    #[error("Secrets of the instance cannot be read: {0}")]
    SecretUnreadable(String),
    /// The status of an object that cannot be decoded could not be read.
    #[error("status cannot be read: {0}")]
    StatusNotRead(String),
    /// The status could not be written.
    #[error("status cannot be written: {0}")]
    StatusNotWritten(String),
    /// The API server sent an object without name, namespace or uid.
    #[error("the object has no {0}")]
    Incomplete(&'static str),
}

impl ReconcileError {
    /// Metric label.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::SecretUnreadable(_) => "SecretUnreadable",
            Self::StatusNotRead(_) => "StatusNotRead",
            Self::StatusNotWritten(_) => "StatusNotWritten",
            Self::Incomplete(_) => "Incomplete",
        }
    }
}

impl Context {
    pub(super) fn new(
        client: Client,
        engine: Engine<KubernetesStore>,
        watched: Watched,
        recorder: EventRecorder,
        metrics: Arc<Metrics>,
        ending: CancellationToken,
    ) -> Self {
        Self {
            client,
            engine,
            watched,
            recorder,
            metrics,
            ending,
            known: Mutex::default(),
        }
    }

    /// What is remembered of the instance `uid`; one turn at a time.
    pub(super) fn known(&self, uid: &str) -> Arc<tokio::sync::Mutex<Known>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(uid.to_owned()).or_default().clone()
    }

    /// Forgets instances that no longer exist.
    pub(super) fn forget_deleted(&self) {
        let alive: HashSet<String> = self
            .watched
            .all()
            .iter()
            .filter_map(|object| object.meta().uid.clone())
            .collect();
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|uid, _| alive.contains(uid));
    }
}
