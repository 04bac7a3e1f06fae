//! Keeps every revision of an object that the API server ever showed.

use std::sync::{Arc, Mutex};

use futures::{StreamExt as _, pin_mut};
use kube::api::{WatchEvent, WatchParams};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::super::site::{SOON, Site};

/// One revision, and the number of the phase in which it came.
#[derive(Clone, Debug)]
pub(super) struct Revision {
    pub(super) phase: usize,
    pub(super) object: Value,
}

pub(super) struct Recorder {
    phase: Arc<Mutex<usize>>,
    revisions: Arc<Mutex<Vec<Revision>>>,
    grown: watch::Receiver<usize>,
    watching: JoinHandle<()>,
}

impl Recorder {
    /// Begins before the object exists.
    pub(super) async fn start(site: &Site, name: &str) -> Recorder {
        let kind = ("pollinator.dev", "v1alpha1", "PollingInstance");
        let api = site.plane.objects(site.namespace, kind).await;
        let fields = format!("metadata.name={name}");
        let mut version = api
            .list(&kube::api::ListParams::default().fields(&fields))
            .await
            .unwrap()
            .metadata
            .resource_version
            .unwrap();
        let (phase, revisions) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (grow, grown) = watch::channel(0);
        let (in_phase, kept) = (phase.clone(), revisions.clone());
        let watching = tokio::spawn(async move {
            loop {
                let params = WatchParams::default().fields(&fields).disable_bookmarks();
                let events = api.watch(&params, &version).await.unwrap();
                pin_mut!(events);
                while let Some(event) = events.next().await {
                    let object = match event.expect("the watch goes on where it was") {
                        WatchEvent::Added(object) | WatchEvent::Modified(object) => object,
                        WatchEvent::Deleted(_) => return,
                        other => panic!("the watch tells {other:?}"),
                    };
                    version = object.metadata.resource_version.clone().unwrap();
                    let object = serde_json::to_value(object).unwrap();
                    let phase = *in_phase.lock().unwrap();
                    kept.lock().unwrap().push(Revision { phase, object });
                    grow.send_modify(|count| *count += 1);
                }
            }
        });
        Recorder {
            phase,
            revisions,
            grown,
            watching,
        }
    }

    /// What comes from now on belongs to the next phase.
    pub(super) fn next_phase(&self) {
        *self.phase.lock().unwrap() += 1;
    }

    /// Waits for a revision of this phase that is as wanted.
    pub(super) async fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) {
        let phase = *self.phase.lock().unwrap();
        let come = || {
            let revisions = self.revisions.lock().unwrap();
            let mut of_phase = revisions.iter().filter(|revision| revision.phase == phase);
            of_phase.any(|revision| wanted(&revision.object))
        };
        let waiting = self.grown.wait_for(|_| come());
        let came = tokio::time::timeout(SOON, waiting)
            .await
            .is_ok_and(|seen| seen.is_ok());
        if !came {
            let revisions = self.revisions.lock().unwrap();
            panic!(
                "not within {SOON:?}: {what}: {:#}",
                revisions.last().unwrap().object
            );
        }
    }

    /// Everything, once the object is gone.
    pub(super) async fn finish(self) -> Vec<Revision> {
        tokio::time::timeout(SOON, self.watching)
            .await
            .expect("the object goes")
            .unwrap();
        self.revisions.lock().unwrap().clone()
    }
}
