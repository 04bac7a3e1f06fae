//! The stream of changes that a watch answers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use http_body::Frame;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::refusal::Refusal;
use super::route::Route;
use super::select::Selection;
use super::{BoxError, Shared, lock};

/// Ends all watches that run when it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// The connection breaks.
    Drop,
    /// The server says that it has forgotten the changes that would come next.
    Expire,
    /// The connection stays open and nothing comes any more.
    Silence,
}

struct Watch {
    shared: Arc<Shared>,
    selection: Selection,
    /// The revision up to which all changes were sent.
    seen: u64,
    pending: VecDeque<Bytes>,
    interruptions: usize,
    changes: tokio::sync::watch::Receiver<()>,
    deadline: Instant,
    ended: bool,
}

/// Answers the changes since the resourceVersion of the query, or the present objects first.
pub(crate) fn stream(
    shared: &Arc<Shared>,
    route: &Route,
    selection: Selection,
) -> Result<impl Stream<Item = Result<Frame<Bytes>, BoxError>> + Send + use<>, Refusal> {
    let state = lock(shared);
    let since = match route.parameter("resourceVersion") {
        "" => 0,
        version => version
            .parse::<u64>()
            .map_err(|_| Refusal::bad_request(format!("invalid resource version {version:?}")))?,
    };
    let mut watch = Watch {
        shared: shared.clone(),
        seen: since,
        pending: VecDeque::new(),
        interruptions: state.interruptions.len(),
        changes: shared.changes.subscribe(),
        deadline: Instant::now() + timeout(route)?,
        ended: false,
        selection,
    };
    let initial_events = route.parameter("sendInitialEvents") == "true";
    if since == 0 || initial_events {
        watch.seen = state.store.revision;
        for object in state.store.list(&route.resource, &route.namespace) {
            if watch.selection.selects(object) {
                watch
                    .pending
                    .push_back(line("ADDED", watch.selection.show(object)));
            }
        }
        if initial_events {
            watch.pending.push_back(line(
                "BOOKMARK",
                bookmark(route, object_kind(&state, route), watch.seen),
            ));
        }
    } else if since < state.store.compacted {
        watch
            .pending
            .push_back(line("ERROR", Refusal::expired().status()));
        watch.ended = true;
    }
    drop(state);
    Ok(futures::stream::unfold(watch, |mut watch| async move {
        let frame = watch.next().await?;
        Some((frame, watch))
    }))
}

impl Watch {
    async fn next(&mut self) -> Option<Result<Frame<Bytes>, BoxError>> {
        loop {
            if let Some(line) = self.pending.pop_front() {
                return Some(Ok(Frame::data(line)));
            }
            if self.ended {
                return None;
            }
            self.changes.borrow_and_update();
            if let Some(interruption) = self.collect() {
                self.ended = true;
                match interruption {
                    Interruption::Drop => return Some(Err("the connection was reset".into())),
                    Interruption::Expire => {
                        self.pending.push_back(line("ERROR", Refusal::expired().status()));
                    }
                    Interruption::Silence => std::future::pending().await,
                }
            }
            if self.pending.is_empty() {
                tokio::select! {
                    changed = self.changes.changed() => changed.ok()?,
                    () = tokio::time::sleep_until(self.deadline) => return None,
                }
            }
        }
    }

    /// Takes the changes that were not sent yet.
    fn collect(&mut self) -> Option<Interruption> {
        let state = lock(&self.shared);
        if let Some(interruption) = state.interruptions.get(self.interruptions) {
            return Some(*interruption);
        }
        let sent = state
            .store
            .history
            .partition_point(|change| change.revision <= self.seen);
        for change in &state.store.history[sent..] {
            let Some(kind) = self.selection.kind_of(change) else {
                continue;
            };
            self.pending
                .push_back(line(kind, self.selection.show(&change.object)));
        }
        self.seen = state.store.revision;
        None
    }
}

fn timeout(route: &Route) -> Result<Duration, Refusal> {
    match route.parameter("timeoutSeconds") {
        // The real server picks 30 to 60 minutes.
        "" => Ok(Duration::from_secs(1800)),
        seconds => seconds
            .parse()
            .map(Duration::from_secs)
            .map_err(|_| Refusal::bad_request(format!("invalid timeoutSeconds {seconds:?}"))),
    }
}

fn line(kind: &str, object: Value) -> Bytes {
    format!("{}\n", json!({"type": kind, "object": object})).into()
}

fn object_kind(state: &super::State, route: &Route) -> String {
    let any = state
        .store
        .list(&route.resource, "")
        .first()
        .and_then(|object| object["kind"].as_str());
    any.unwrap_or("Unknown").to_owned()
}

/// The end of the initial events of a streaming list.
fn bookmark(route: &Route, kind: String, revision: u64) -> Value {
    json!({
        "apiVersion": route.resource.api_version(),
        "kind": kind,
        "metadata": {
            "resourceVersion": revision.to_string(),
            "annotations": {"k8s.io/initial-events-end": "true"},
        },
    })
}
