//! The whole operator between an API server in memory and the simulator, in simulated time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use concur_sandbox::{Command, Create, Edit, Fault, Options, PlannedFault, Sandbox, Target};
use jiff::Timestamp;
use pollinator::engine::Clock;
use pollinator::operator::{self, Parts};
use pollinator::telemetry::{Metrics, Probes};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::fake_api::{FakeApi, Recorded, Verb, on};
use crate::support::secrets::{SIGNATURE_KEY, Watch, search};
use crate::support::transport::{API_HOST, InProcess};
use crate::support::world::{START, merge, spec_with_secret};

pub(super) const NAMESPACE: &str = "finance";
pub(super) const SECRET: &str = "concur-credentials";
/// Long enough for everything that must happen by itself, unless a test says otherwise.
pub(super) const SOON: Duration = Duration::from_secs(120);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

pub(super) struct Rig {
    pub(super) fake: FakeApi,
    pub(super) sandbox: Sandbox,
    pub(super) transport: Arc<InProcess>,
    parts: Parts,
    running: Vec<(CancellationToken, JoinHandle<()>)>,
    lives: u32,
    /// Watched by operators that are started from now on; all where empty.
    pub(super) namespaces: BTreeSet<String>,
    _watch: Watch,
}

impl Rig {
    /// Nothing is stored and no operator runs yet.
    pub(super) fn new() -> Rig {
        let watch = Watch::new();
        let start: Timestamp = START.parse().unwrap();
        let sandbox = Sandbox::new(Options {
            start: Some(start),
            geolocation: format!("http://{API_HOST}"),
            signature_key: Some(SIGNATURE_KEY.into()),
            ..Options::default()
        });
        let fake = FakeApi::new();
        fake.defaulting("pollinginstances", |object| {
            if object.get("status").is_none() {
                object["status"] = json!({"observedGeneration": -1});
            }
        });
        let transport = Arc::new(InProcess::new(&sandbox));
        let parts = Parts {
            client: fake.client(),
            transport: transport.clone(),
            clock: Clock::starting_at(start),
            metrics: Arc::new(Metrics::default()),
            probes: Probes::default(),
        };
        Rig {
            fake,
            sandbox,
            transport,
            parts,
            running: Vec::new(),
            lives: 0,
            namespaces: BTreeSet::new(),
            _watch: watch,
        }
    }

    /// A rig with credentials, one instance and a running operator.
    pub(super) fn polling(patch: Value) -> Rig {
        let mut rig = Rig::new();
        rig.seed_secret();
        rig.seed("concur", patch);
        rig.start();
        rig
    }

    pub(super) fn start(&mut self) {
        self.start_with(false);
    }

    /// An operator that works only while it holds the Lease.
    pub(super) fn start_electing(&mut self) {
        self.start_with(true);
    }

    fn start_with(&mut self, leader_election: bool) {
        self.lives += 1;
        let options = operator::Options {
            namespaces: self.namespaces.clone(),
            allow: Vec::new(),
            deny: Vec::new(),
            allow_private: true,
            max_requests_per_host: 128,
            leader_election,
            lease_namespace: Some(NAMESPACE.to_owned()),
            identity: format!("life-{}", self.lives),
        };
        let ending = CancellationToken::new();
        let run = operator::run_with(self.parts.clone(), options, ending.clone());
        self.running.push((ending, tokio::spawn(run)));
    }

    /// As kill -9 would; what was spawned on the side goes on, as a request under way would.
    pub(super) fn kill(&mut self) {
        self.running.pop().unwrap().1.abort();
    }

    /// As SIGTERM would.
    pub(super) async fn stop(&mut self) {
        let (ending, run) = self.running.pop().unwrap();
        ending.cancel();
        tokio::time::timeout(SOON, run)
            .await
            .expect("the operator ends")
            .unwrap();
    }

    /// An instance whose spec is the ordinary one, without secrets, with `patch` merged over.
    pub(super) fn seed(&self, name: &str, patch: Value) {
        self.fake.seed(manifest(name, &patch));
    }

    pub(super) fn seed_secret(&self) {
        self.fake.seed(secret_manifest("sandbox-refresh-token"));
    }

    pub(super) fn edit(&self, name: &str, edit: impl FnOnce(&mut Value)) {
        self.fake.update("pollinginstances", NAMESPACE, name, edit);
    }

    pub(super) fn annotate(&self, name: &str, key: &str, value: &str) {
        self.edit(name, |object| {
            object["metadata"]["annotations"][key] = json!(value)
        });
    }

    pub(super) fn status(&self, name: &str) -> Value {
        let object = self
            .fake
            .get("pollinginstances", NAMESPACE, name)
            .expect("the instance");
        object["status"].clone()
    }

    pub(super) fn condition(&self, name: &str, type_: &str) -> Value {
        condition(&self.status(name), type_)
    }

    /// Waits for a condition: `Ready=True Polling`; answers the condition.
    pub(super) async fn wait_condition(&self, name: &str, wanted: &str, within: Duration) -> Value {
        let type_ = wanted.split('=').next().unwrap();
        let matches = |object: &Value| {
            let found = condition(&object["status"], type_);
            let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
            let is = format!("{type_}={} {}", text("status"), text("reason"));
            is == wanted || is.split(' ').next() == Some(wanted)
        };
        let object = self
            .fake
            .wait_for("pollinginstances", NAMESPACE, name, within, |object| {
                object.is_some_and(matches)
            })
            .await;
        condition(&object.unwrap()["status"], type_)
    }

    pub(super) async fn wait_ready(&self, name: &str) {
        self.wait_condition(name, "Ready=True Polling", SOON).await;
    }

    /// Waits until `done`, looking as often as something can have happened in simulated time.
    pub(super) async fn until(&self, what: &str, within: Duration, done: impl Fn(&Rig) -> bool) {
        let end = Instant::now() + within;
        while !done(self) {
            assert!(
                Instant::now() < end,
                "not within {within:?}: {what}; the story is {:?}; {:#?}",
                self.story(),
                self.fake
                    .list("pollinginstances", NAMESPACE)
                    .iter()
                    .map(|object| object["status"].to_string())
                    .collect::<Vec<_>>()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(super) async fn until_story(&self, wanted: &[&str], within: Duration) {
        let what = format!("the story {wanted:?}");
        self.until(&what, within, |rig| rig.story().len() >= wanted.len())
            .await;
        assert_eq!(self.story(), wanted);
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    pub(super) fn create(&self, id: &str) {
        self.command(Command::Create(Create {
            id: Some(id.into()),
            ..Create::default()
        }));
    }

    pub(super) fn touch(&self, id: &str) {
        self.command(Command::Edit(Edit {
            id: id.into(),
            ..Edit::default()
        }));
    }

    pub(super) fn configure(&self, knobs: Value) {
        self.command(Command::Configure { knobs });
    }

    pub(super) fn fault(&self, target: Target, fault: Fault, times: u32) {
        self.command(Command::Fault(PlannedFault {
            target,
            fault,
            times,
            after: 0,
        }));
    }

    pub(super) fn command(&self, command: Command) {
        self.sandbox.apply(command).unwrap();
    }

    /// Requests to one of the vendor's endpoints so far.
    pub(super) fn asked(&self, target: Target) -> usize {
        self.sandbox
            .log()
            .iter()
            .filter(|logged| logged.target == target)
            .count()
    }

    /// Accepted events without repeats, sorted.
    pub(super) fn distinct_story(&self) -> Vec<String> {
        let mut seen = std::collections::BTreeMap::new();
        for received in self
            .sandbox
            .received()
            .iter()
            .filter(|received| received.accepted)
        {
            for (event, id) in received.events().iter().zip(&received.event_ids) {
                let text = |key: &str| event[key].as_str().unwrap().to_owned();
                seen.insert(id.clone(), format!("{} {}", text("eventType"), text("objectId")));
            }
        }
        let mut story: Vec<String> = seen.into_values().collect();
        story.sort();
        story
    }

    /// Accepted events, `CREATED n1`, in the order of arrival; each signed.
    pub(super) fn story(&self) -> Vec<String> {
        let mut story = Vec::new();
        for received in self
            .sandbox
            .received()
            .iter()
            .filter(|received| received.accepted)
        {
            assert_eq!(received.signature, "valid", "every notification is signed");
            for event in received.events() {
                let text = |key: &str| event[key].as_str().unwrap().to_owned();
                story.push(format!("{} {}", text("eventType"), text("objectId")));
            }
        }
        story
    }

    /// Reasons of the events about an instance, with how often each was published, in the order of the first.
    pub(super) fn events(&self, name: &str) -> Vec<(String, u64)> {
        let mut events: Vec<Value> = self.fake.list("events.events.k8s.io", NAMESPACE);
        events.retain(|event| event["regarding"]["name"] == name);
        let version = |event: &Value| event["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        events.sort_by_key(|event| {
            (
                event["eventTime"].as_str().unwrap_or_default().to_owned(),
                version(event),
            )
        });
        let count = |event: &Value| event["series"]["count"].as_u64().unwrap_or(1);
        events
            .iter()
            .map(|event| (event["reason"].as_str().unwrap().to_owned(), count(event)))
            .collect()
    }

    pub(super) fn status_writes(&self) -> Vec<Recorded> {
        self.fake
            .requests_to(&on(Verb::Patch, "pollinginstances").status())
    }

    /// All metrics, as a scrape reads them.
    pub(super) fn metrics(&self) -> String {
        self.parts.metrics.text()
    }

    /// What every test ends with: nothing the server does not know was asked, and of instances only the status written.
    pub(super) fn assert_clean(&self) {
        assert_eq!(self.fake.failures(), Vec::<String>::new());
        for request in self.fake.requests() {
            let instance = request
                .route
                .as_ref()
                .is_some_and(|r| r.resource.is_called("pollinginstances"));
            let writes = request.method != "GET";
            assert!(
                !(instance && writes) || request.uri.contains("/status?"),
                "{} {}",
                request.method,
                request.uri
            );
        }
    }
}

/// An operator left behind would go on in the time of the next rig. Nothing that people may read shows a secret: what was
/// written to the API server, Secrets aside, and the metrics.
impl Drop for Rig {
    fn drop(&mut self) {
        self.running.iter().for_each(|(_, run)| run.abort());
        for request in self.fake.requests() {
            let route = request.route.as_ref();
            let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
            let place = format!("{} {}", request.method, request.uri);
            if route.is_some_and(|route| route.resource.is_called("secrets")) {
                search("the address of a Secret", &place);
            } else {
                search("a write", &format!("{place} {body}"));
            }
        }
        search("the metrics", &self.parts.metrics.text());
    }
}

pub(super) fn manifest(name: &str, patch: &Value) -> Value {
    let mut spec = spec_with_secret(SECRET);
    merge(&mut spec, patch);
    json!({
        "apiVersion": "pollinator.dev/v1alpha1",
        "kind": "PollingInstance",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    })
}

pub(super) fn secret_manifest(refresh_token: &str) -> Value {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": NAMESPACE},
        "data": {
            "oauth.api.key": encode("sandbox-client"),
            "oauth.api.secret": encode("sandbox-secret"),
            "oauth.user.refresh_token": encode(refresh_token),
            "event.notification.signature.key": encode(SIGNATURE_KEY),
        },
    })
}

pub(super) fn condition(status: &Value, type_: &str) -> Value {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    conditions
        .into_iter()
        .find(|condition| condition["type"] == type_)
        .cloned()
        .unwrap_or_default()
}
