//! A Kubernetes API server in memory, for controllers under paused time and with faults.
//!
//! It keeps to the rules that controllers trip over (resource versions, generations, finalizers, the
//! status subresource, no event for a write that changes nothing) and leaves out schemas, conflicts of
//! field managers, pagination, and everything that the control plane of the testbed shows better.
//! The client has no retry layer, so a test sees the first answer.

#![allow(clippy::unwrap_used, clippy::panic)]

mod faults;
mod patch;
mod refusal;
mod route;
mod select;
mod serve;
mod store;
mod tests;
mod validate;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;

pub(crate) use faults::{Matcher, any, on};
pub(crate) use route::Verb;

use faults::{Fault, Faults};
use route::{Key, Resource, Route};
use store::{Part, Store};
use watch::Interruption;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

struct Shared {
    state: Mutex<State>,
    /// Sends after each change.
    changes: tokio::sync::watch::Sender<()>,
}

struct State {
    store: Store,
    requests: Vec<Recorded>,
    failures: Vec<String>,
    faults: Faults,
    interruptions: Vec<Interruption>,
    /// Our own kinds are not installed.
    kinds_missing: bool,
}

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.state.lock().unwrap()
}

/// A request that came in.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) uri: String,
    pub(crate) content_type: String,
    /// What was understood of it.
    pub(crate) route: Option<Route>,
    pub(crate) body: Option<Value>,
    /// The status of the answer; none if there was no answer.
    pub(crate) answered: Option<u16>,
}

impl Recorded {
    fn new(head: &http::request::Parts, route: Option<Route>, body: Option<Value>) -> Recorded {
        let content_type = head.headers.get(http::header::CONTENT_TYPE);
        Recorded {
            method: head.method.to_string(),
            uri: head.uri.to_string(),
            content_type: content_type
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            route,
            body,
            answered: None,
        }
    }

    /// Whether a matcher selects it.
    pub(crate) fn is(&self, matcher: &Matcher) -> bool {
        self.route.as_ref().is_some_and(|route| matcher.matches(route))
    }
}

/// The server; clones share everything.
#[derive(Clone)]
pub(crate) struct FakeApi(Arc<Shared>);

impl FakeApi {
    /// A server without objects.
    pub(crate) fn new() -> FakeApi {
        let state = State {
            store: Store::new(),
            requests: Vec::new(),
            failures: Vec::new(),
            faults: Faults::default(),
            interruptions: Vec::new(),
            kinds_missing: false,
        };
        FakeApi(Arc::new(Shared {
            state: Mutex::new(state),
            changes: tokio::sync::watch::Sender::new(()),
        }))
    }

    /// Whether the CustomResourceDefinitions are yet to be installed, as far as discovery tells.
    pub(crate) fn kinds_missing(&self, missing: bool) {
        lock(&self.0).kinds_missing = missing;
    }

    /// A client whose default namespace is `default`; it needs a running Tokio runtime.
    pub(crate) fn client(&self) -> kube::Client {
        let shared = self.0.clone();
        let service = tower::service_fn(move |request| serve::serve(shared.clone(), request));
        kube::Client::new(service, "default")
    }

    /// Serves another group and version, such as `apps/v1`.
    pub(crate) fn serve(&self, api_version: &str) {
        lock(&self.0).store.serve(api_version);
    }

    /// Sets defaults of a kind at each write, as the schema of a custom resource does.
    pub(crate) fn defaulting(&self, plural: &str, set: impl Fn(&mut Value) + Send + 'static) {
        lock(&self.0).store.add_defaulting(plural, Box::new(set));
    }

    /// Creates an object, with its status; panics if it is refused.
    pub(crate) fn seed(&self, object: Value) -> Value {
        let text = |field: &str| object[field].as_str().unwrap_or_default();
        let resource = Resource::of_kind(text("apiVersion"), text("kind"));
        let namespace = match object["metadata"]["namespace"].as_str() {
            _ if resource.is_cluster_scoped() => "",
            namespace => namespace.unwrap_or("default"),
        };
        let namespace = namespace.to_owned();
        self.change(|store| {
            store.serve(&resource.api_version());
            store
                .create(&resource, &namespace, object, Part::All)
                .unwrap_or_else(|refusal| {
                    panic!("the object to seed was refused: {}", refusal.message);
                })
        })
    }

    /// The object, if it exists; the plural may say its group (`events.events.k8s.io`).
    pub(crate) fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        let state = lock(&self.0);
        state
            .store
            .find(plural, namespace)
            .find(|(key, _)| key.name == name)
            .map(|(_, object)| object.clone())
    }

    /// All objects of a kind in a namespace.
    pub(crate) fn list(&self, plural: &str, namespace: &str) -> Vec<Value> {
        lock(&self.0)
            .store
            .find(plural, namespace)
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// Changes an object as a user would, its status too; panics if it is absent or the change refused.
    pub(crate) fn update(
        &self,
        plural: &str,
        namespace: &str,
        name: &str,
        edit: impl FnOnce(&mut Value),
    ) -> Value {
        let key = self.key(plural, namespace, name);
        self.change(|store| {
            let mut object = store.get(&key).cloned().unwrap_or_default();
            edit(&mut object);
            store
                .write(&key, object, Part::All)
                .unwrap_or_else(|refusal| panic!("the update was refused: {}", refusal.message))
        })
    }

    /// Deletes an object as a user would: one with finalizers is only marked.
    pub(crate) fn delete(&self, plural: &str, namespace: &str, name: &str) {
        let key = self.key(plural, namespace, name);
        self.change(|store| store.delete(&key, &Value::Null))
            .unwrap_or_else(|refusal| panic!("the deletion was refused: {}", refusal.message));
    }

    /// Waits until the object (none if absent) is as wanted; panics when the time is over.
    pub(crate) async fn wait_for(
        &self,
        plural: &str,
        namespace: &str,
        name: &str,
        within: Duration,
        wanted: impl Fn(Option<&Value>) -> bool,
    ) -> Option<Value> {
        let mut changes = self.0.changes.subscribe();
        let deadline = tokio::time::Instant::now() + within;
        loop {
            changes.borrow_and_update();
            let object = self.get(plural, namespace, name);
            if wanted(object.as_ref()) {
                return object;
            }
            if tokio::time::timeout_at(deadline, changes.changed())
                .await
                .is_err()
            {
                panic!("{plural} {namespace}/{name} was not as wanted within {within:?}: {object:#?}");
            }
        }
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        lock(&self.0).requests.clone()
    }

    /// The requests that a matcher selects.
    pub(crate) fn requests_to(&self, matcher: &Matcher) -> Vec<Recorded> {
        self.requests()
            .into_iter()
            .filter(|request| request.is(matcher))
            .collect()
    }

    /// Requests that the server did not understand; a test of a controller ends with none.
    pub(crate) fn failures(&self) -> Vec<String> {
        lock(&self.0).failures.clone()
    }

    /// How many of the faults are still to happen.
    pub(crate) fn faults_pending(&self) -> usize {
        lock(&self.0).faults.pending()
    }

    /// The next requests like this are refused with a status.
    pub(crate) fn fail_next(&self, matcher: Matcher, status: u16, times: usize) {
        lock(&self.0).faults.add(matcher, Fault::Status(status), times);
    }

    /// The next request like this is never answered.
    pub(crate) fn hang_next(&self, matcher: Matcher) {
        lock(&self.0).faults.add(matcher, Fault::Hang, 1);
    }

    /// The next request like this is carried out, but the connection breaks before the answer.
    pub(crate) fn accept_but_fail_next(&self, matcher: Matcher) {
        lock(&self.0).faults.add(matcher, Fault::LoseAnswer, 1);
    }

    /// Breaks the connections of all watches.
    pub(crate) fn drop_watches(&self) {
        self.interrupt(Interruption::Drop);
    }

    /// Forgets the history: all watches end with 410 Gone, and so does one from an older version.
    pub(crate) fn expire_watches(&self) {
        self.interrupt(Interruption::Expire);
    }

    /// All watches that run say nothing any more.
    pub(crate) fn silence_watches(&self) {
        self.interrupt(Interruption::Silence);
    }

    fn interrupt(&self, interruption: Interruption) {
        let mut state = lock(&self.0);
        state.interruptions.push(interruption);
        if interruption == Interruption::Expire {
            state.store.revision += 1;
            state.store.compacted = state.store.revision;
        }
        drop(state);
        self.0.changes.send_replace(());
    }

    fn key(&self, plural: &str, namespace: &str, name: &str) -> Key {
        let state = lock(&self.0);
        let found = state
            .store
            .find(plural, namespace)
            .find(|(key, _)| key.name == name);
        let Some((key, _)) = found else {
            panic!("there is no {plural} {namespace}/{name}")
        };
        key.clone()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let result = change(&mut lock(&self.0).store);
        self.0.changes.send_replace(());
        result
    }
}
