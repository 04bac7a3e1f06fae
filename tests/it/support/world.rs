//! One instance, its engine and the simulator, in simulated time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use concur_sandbox::{Command, Create, Edit, Options, Sandbox, Seed};
use jiff::{SignedDuration, Timestamp};
use pollinator::api::{DeliveryFormat, PollingInstanceSpec};
use pollinator::config::{Secrets, read};
use pollinator::deliver::NotificationIds;
use pollinator::element::Tokens;
use pollinator::engine::{
    Bounds, Callbacks, Clock, Earlier, Engine, Instance, InstanceMemory, ResourceReport, RunReport, Which,
};
use pollinator::http::Transport;
use pollinator::store::Owner;
use serde_json::{Value, json};

use super::memory_store::MemoryStore;
use super::schema::{assert_is_cloud_event, assert_is_notification};
use super::secrets::{SIGNATURE_KEY, Watch, search};
use super::transport::{API_HOST, InProcess, RECEIVER_HOST, TOKEN_HOST};

/// When every test begins, by the vendor's clock.
pub const START: &str = "2026-11-23T12:00:00Z";

/// What a test changes of the ordinary case.
#[derive(Default)]
pub struct Setup {
    /// Our clock less the vendor's.
    pub our_clock_ahead: SignedDuration,
    /// Merged over the spec.
    pub spec: Value,
    /// Knobs of the simulator.
    pub knobs: Value,
}

pub struct World {
    pub sandbox: Sandbox,
    pub store: MemoryStore,
    pub instance: Instance,
    engine: Arc<Engine<MemoryStore>>,
    memory: InstanceMemory,
    clock: Clock,
    transport: Arc<InProcess>,
    bounds: Bounds,
    lives: u32,
    _watch: Watch,
}

/// Another process at the same instance.
pub struct SecondOwner {
    engine: Arc<Engine<MemoryStore>>,
    memory: InstanceMemory,
}

impl SecondOwner {
    pub async fn poll(&mut self, instance: &Instance) -> ResourceReport {
        let mut run = self
            .engine
            .run(instance, &mut self.memory, Which::All, &|| true)
            .await;
        run.polled.pop().expect("a polled resource")
    }
}

/// An accepted event as the receiver saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub change: String,
    pub object: String,
    pub id: String,
}

impl World {
    pub fn new(setup: Setup) -> Self {
        let watch = Watch::new();
        let start: Timestamp = START.parse().unwrap();
        let options = Options {
            start: Some(start),
            geolocation: format!("http://{API_HOST}"),
            signature_key: Some(SIGNATURE_KEY.into()),
            ..Options::default()
        };
        let sandbox = Sandbox::new(options);
        if !setup.knobs.is_null() {
            sandbox.apply(Command::Configure { knobs: setup.knobs }).unwrap();
        }
        let owner = Owner {
            namespace: "finance".into(),
            name: "concur".into(),
            uid: "uid-1".into(),
        };
        let instance = instance(owner, &setup.spec);
        let clock = Clock::starting_at(start + setup.our_clock_ahead);
        let store = MemoryStore::default();
        let transport = Arc::new(InProcess::new(&sandbox));
        let bounds = Bounds::default();
        let engine = engine(&store, &transport, clock, bounds, 1);
        Self {
            sandbox,
            store,
            instance,
            engine,
            memory: InstanceMemory::default(),
            clock,
            transport,
            bounds,
            lives: 1,
            _watch: watch,
        }
    }

    /// The same with other bounds of the engine.
    pub fn bounded(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self.restart();
        self
    }

    /// The process is killed and another takes over with what was stored.
    pub fn restart(&mut self) {
        self.lives += 1;
        self.engine = engine(&self.store, &self.transport, self.clock, self.bounds, self.lives);
        self.memory = InstanceMemory::default();
    }

    /// A second process that polls the same instance with a memory of its own, as nobody should let it.
    pub fn second_owner(&mut self) -> SecondOwner {
        self.lives += 1;
        SecondOwner {
            engine: engine(&self.store, &self.transport, self.clock, self.bounds, self.lives),
            memory: InstanceMemory::default(),
        }
    }

    /// Lets another router answer in place of the vendor's API.
    pub fn replace_api(&self, router: axum::Router) {
        self.transport.replace(API_HOST, router);
    }

    /// The same in place of the receiver.
    pub fn replace_receiver(&self, router: axum::Router) {
        self.transport.replace(RECEIVER_HOST, router);
    }

    /// From now on another instance of the same process, with the same settings, is polled.
    pub fn turn_to_another_instance(&mut self, uid: &str) {
        self.instance.owner.uid = uid.into();
        self.instance.owner.name = uid.into();
        self.memory = InstanceMemory::default();
    }

    /// The spec is edited: from now on it is the ordinary one with `patch` merged over.
    pub fn edit_spec(&mut self, patch: &Value) {
        self.instance = instance(self.instance.owner.clone(), patch);
    }

    /// What a status tells a new process: these resources were polled.
    pub fn remember(&mut self, resources: &[&str]) {
        let earlier = Earlier {
            last_polled: Some(self.clock.now()),
            ..Earlier::default()
        };
        for resource in resources {
            self.memory.polled_before(resource, earlier);
        }
    }

    /// Polls now.
    pub async fn poll(&mut self) -> ResourceReport {
        let report = self.run().await.polled.pop().expect("a polled resource");
        search("a report", &format!("{report:?}"));
        report
    }

    /// Polls every resource now.
    pub async fn run(&mut self) -> RunReport {
        self.engine
            .run(&self.instance, &mut self.memory, Which::All, &|| true)
            .await
    }

    /// A human asks for another try.
    pub fn request(&mut self) {
        self.memory.try_again();
    }

    /// Requests to the receiver so far at `path`: when each came, and whether it was accepted.
    pub fn calls(&self, path: &str) -> Vec<(Timestamp, bool)> {
        let received = self.sandbox.received();
        let at_path = received.iter().filter(|received| received.path == path);
        at_path.map(|received| (received.at, received.accepted)).collect()
    }

    /// `CREATED n1`, … as the receiver accepted them at `path`.
    pub fn story_at(&self, path: &str) -> Vec<String> {
        let received = self.sandbox.received();
        let accepted = received
            .iter()
            .filter(|received| received.path == path && received.accepted);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        accepted
            .flat_map(|received| received.events())
            .map(|event| format!("{} {}", text(&event["eventType"]), text(&event["objectId"])))
            .collect()
    }

    /// Polls now; the process is killed when `requests` requests were served, before it hears the last answer.
    /// Whether it came to that.
    pub async fn poll_and_be_killed(&mut self, requests: u64) -> bool {
        self.transport.fall_silent_after(requests);
        let killed = {
            let run = self
                .engine
                .run(&self.instance, &mut self.memory, Which::All, &|| true);
            tokio::select! {
                biased;
                () = self.transport.silent() => true,
                _ = run => false,
            }
        };
        self.transport.mend();
        if killed {
            self.restart();
        }
        killed
    }

    /// Hosts to which credentials or notifications were sent, in alphabetical order.
    pub fn told_hosts(&self) -> Vec<String> {
        self.transport.told_hosts()
    }

    /// Polls as often as the interval asks, for `time`.
    pub async fn poll_for(&mut self, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < end {
            self.engine
                .run(&self.instance, &mut self.memory, Which::Due, &|| true)
                .await;
            let pause = self.memory.next_due(self.clock.now(), &self.instance);
            tokio::time::sleep(pause.max(Duration::from_millis(1))).await;
        }
    }

    pub async fn wait(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    pub fn command(&self, command: Command) {
        self.sandbox.apply(command).unwrap();
    }

    pub fn seed(&self, prefix: &str, count: u32) {
        self.command(Command::Seed(Seed {
            count,
            prefix: Some(prefix.into()),
            ..Seed::default()
        }));
    }

    pub fn create(&self, id: &str) {
        self.command(Command::Create(Create {
            id: Some(id.into()),
            ..Create::default()
        }));
    }

    pub fn edit(&self, id: &str) {
        self.command(Command::Edit(Edit {
            id: id.into(),
            ..Edit::default()
        }));
    }

    pub fn configure(&self, knobs: Value) {
        self.command(Command::Configure { knobs });
    }

    /// Events that the receiver accepted, in order.
    pub fn events(&self) -> Vec<Seen> {
        let mut events = Vec::new();
        for received in self
            .sandbox
            .received()
            .iter()
            .filter(|received| received.accepted)
        {
            assert_eq!(received.signature, "valid", "every notification is signed");
            assert_eq!(received.standard_signature, "valid", "in both ways");
            match self.instance.settings.format {
                DeliveryFormat::Elements => assert_is_notification(&received.body),
                DeliveryFormat::CloudEvents => assert_is_cloud_event(&received.body),
            }
            let listed = received.events();
            assert_eq!(listed.len(), received.event_ids.len(), "one id for each event");
            for (event, id) in listed.iter().zip(&received.event_ids) {
                let text = |key: &str| event[key].as_str().unwrap().to_owned();
                events.push(Seen {
                    change: text("eventType"),
                    object: text("objectId"),
                    id: id.clone(),
                });
            }
        }
        events
    }

    /// A report as the vendor shows it now.
    pub fn record(&self, id: &str) -> Value {
        self.sandbox.apply(Command::Show { id: id.into() }).unwrap()
    }

    /// What a receiver that drops repeated ids holds of each object: the newest record it was sent.
    pub fn held_by_receiver(&self) -> HashMap<String, Value> {
        let (mut ids, mut records) = (HashSet::new(), HashMap::new());
        for received in self
            .sandbox
            .received()
            .iter()
            .filter(|received| received.accepted)
        {
            let body: Value = serde_json::from_slice(&received.body).unwrap();
            for (event, id) in received.events().iter().zip(&received.event_ids) {
                let raw = body["message"]["raw"]["reports"].as_array().unwrap();
                let record = raw
                    .iter()
                    .rfind(|record| record["ID"] == event["objectId"])
                    .unwrap();
                if ids.insert(id.clone()) {
                    records.insert(event["objectId"].as_str().unwrap().to_owned(), record.clone());
                }
            }
        }
        records
    }

    /// `CREATED n1`, `UPDATED n2`, … in the order of arrival.
    pub fn story(&self) -> Vec<String> {
        self.events()
            .iter()
            .map(|event| format!("{} {}", event.change, event.object))
            .collect()
    }

    /// The same in alphabetical order, where order between objects means nothing.
    pub fn sorted_story(&self) -> Vec<String> {
        let mut story = self.story();
        story.sort();
        story
    }

    /// Repeats carry the id of the first attempt; CREATED once per object, and first.
    pub fn assert_exactly_once_for_a_receiver_that_drops_repeated_ids(&self) {
        let mut ids = HashMap::new();
        let mut objects: HashMap<String, Vec<String>> = HashMap::new();
        for event in self.events() {
            let object = ids.entry(event.id.clone()).or_insert_with(|| {
                objects
                    .entry(event.object.clone())
                    .or_default()
                    .push(event.change.clone());
                event.object.clone()
            });
            assert_eq!(*object, event.object, "one id for two objects");
        }
        for (object, changes) in objects {
            let created = changes.iter().filter(|change| *change == "CREATED").count();
            assert!(created <= 1, "{object} was created {created} times");
            assert!(created == 0 || changes[0] == "CREATED", "{object}: {changes:?}");
        }
    }
}

/// What the process holds, as its debug output would show it.
impl Drop for World {
    fn drop(&mut self) {
        search("an instance", &format!("{:?}", self.instance));
        search("the memory", &format!("{:?}", self.memory));
    }
}

/// An instance with the ordinary spec, with `patch` merged over.
pub fn instance(owner: Owner, patch: &Value) -> Instance {
    let mut spec = ordinary_spec();
    merge(&mut spec, patch);
    let spec: PollingInstanceSpec = serde_json::from_value(spec).unwrap();
    let catalogue = pollinator::element::catalogue();
    let settings = read("concur", &spec, &Secrets::default(), catalogue)
        .settings
        .unwrap();
    Instance {
        ids: NotificationIds::new(&owner.uid, &owner.namespace),
        owner,
        settings: Arc::new(settings),
        reset_to: None,
        skip: None,
    }
}

/// The engine of one life of a process.
pub fn engine<T: Transport + 'static>(
    store: &MemoryStore,
    transport: &Arc<T>,
    clock: Clock,
    bounds: Bounds,
    life: u32,
) -> Arc<Engine<MemoryStore>> {
    let store = Arc::new(store.clone());
    let tokens = Arc::new(Tokens::new(transport.clone(), store.clone()));
    let callbacks = Arc::new(Callbacks::new(transport.clone(), clock));
    let process = format!("life-{life}");
    let engine = Engine::new(store, transport.clone(), tokens, callbacks, clock, process);
    Arc::new(engine.with_bounds(bounds))
}

/// The design's sample with the simulator's addresses.
pub fn ordinary_spec() -> Value {
    json!({
        "element": {"key": "concur"},
        "configuration": {
            "oauth.api.key": "sandbox-client",
            "oauth.api.secret": "sandbox-secret",
            "oauth.user.refresh_token": "sandbox-refresh-token",
            "oauth.token.url": format!("http://{TOKEN_HOST}/oauth2/v0/token"),
            "base.url": format!("http://{API_HOST}"),
            "event.notification.callback.url": format!("http://{RECEIVER_HOST}/callback"),
            "event.notification.signature.key": SIGNATURE_KEY,
            "event.poller.refresh_interval": "1",
            "event.poller.configuration": {
                "reports": {
                    "url": "/hubs/expense/reports?where=modifiedDateAfter='${date:yyyy-MM-dd'T'HH:mm:ss.SSS}'",
                    "idField": "ID",
                    "datesConfiguration": {
                        "updatedDateField": "LastModifiedDate",
                        "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss.SSS",
                        "createdDateField": "CreateDate",
                        "createdDateFormat": "yyyy-MM-dd'T'HH:mm:ss.SSS"
                    }
                }
            }
        }
    })
}

/// The same with everything secret taken out into the Secret `name`.
pub fn spec_with_secret(name: &str) -> Value {
    let mut spec = ordinary_spec();
    let configuration = spec["configuration"].as_object_mut().unwrap();
    for key in [
        "oauth.api.key",
        "oauth.api.secret",
        "oauth.user.refresh_token",
        "event.notification.signature.key",
    ] {
        configuration.remove(key);
    }
    spec["configurationFrom"] = json!([{"secretRef": {"name": name}}]);
    spec
}

/// JSON merge patch, but a null where there is nothing is a null.
pub fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                match value {
                    Value::Null if target.contains_key(key) => drop(target.shift_remove(key)),
                    value => merge(target.entry(key.clone()).or_insert(Value::Null), value),
                }
            }
        }
        (_, Value::Null) => {}
        (target, patch) => *target = patch.clone(),
    }
}
