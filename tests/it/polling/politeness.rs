//! Many instances with one credential: how much of the source they ask together, and that they leave it alone together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use concur_sandbox::{Command, Create, Fault, Options, PlannedFault, Sandbox, Seed, Target};
use http::Request;
use jiff::Timestamp;
use pollinator::config::Credentials;
use pollinator::engine::{
    Bounds, Clock, Concern, Engine, Instance, InstanceMemory, PollState, ResourceReport, Which,
};
use pollinator::http::{Answer, BoxFuture, HttpError, Limits, Transport};
use pollinator::store::Owner;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::support::memory_store::MemoryStore;
use crate::support::secrets::SIGNATURE_KEY;
use crate::support::transport::{API_HOST, HUB_HOST, InProcess, TOKEN_HOST};
use crate::support::world::{START, engine, instance};

const MINUTE: Duration = Duration::from_secs(60);

/// The network, with an eye on what is asked of the source.
struct Watched {
    network: InProcess,
    under_way: AtomicUsize,
    most: AtomicUsize,
    sent: Mutex<Vec<Instant>>,
}

impl Transport for Watched {
    fn send(&self, request: Request<Bytes>, limits: Limits) -> BoxFuture<'_, Result<Answer, HttpError>> {
        let source = [API_HOST, HUB_HOST].contains(&request.uri().host().unwrap_or_default());
        let answer = self.network.send(request, limits);
        if !source {
            return answer;
        }
        Box::pin(async move {
            self.sent.lock().unwrap().push(Instant::now());
            let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            let answer = answer.await;
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            answer
        })
    }
}

struct Crowd {
    sandbox: Sandbox,
    transport: Arc<Watched>,
    engine: Arc<Engine<MemoryStore>>,
    clock: Clock,
    /// Whether instances are still wanted.
    wanted: Arc<AtomicBool>,
    living: JoinSet<()>,
    reports: Arc<Mutex<Vec<(Instant, String, ResourceReport)>>>,
}

impl Crowd {
    fn new() -> Self {
        let start: Timestamp = START.parse().unwrap();
        let sandbox = Sandbox::new(Options {
            start: Some(start),
            geolocation: format!("http://{API_HOST}"),
            signature_key: Some(SIGNATURE_KEY.into()),
            ..Options::default()
        });
        let transport = Arc::new(Watched {
            network: InProcess::new(&sandbox),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            sent: Mutex::default(),
        });
        let clock = Clock::starting_at(start);
        let engine = engine(&MemoryStore::default(), &transport, clock, Bounds::default(), 1);
        Self {
            sandbox,
            transport,
            engine,
            clock,
            wanted: Arc::new(AtomicBool::new(true)),
            living: JoinSet::new(),
            reports: Arc::default(),
        }
    }

    /// `count` instances, polled as the schedule says until the crowd is dropped.
    fn live(&mut self, count: usize, patch: &Value) {
        for number in 0..count {
            let instance = one(&format!("i{number}"), patch);
            let (engine, clock, wanted) = (self.engine.clone(), self.clock, self.wanted.clone());
            let reports = self.reports.clone();
            self.living.spawn(async move {
                let mut memory = InstanceMemory::default();
                let proceed = || wanted.load(Ordering::SeqCst);
                loop {
                    let run = engine.run(&instance, &mut memory, Which::Due, &proceed).await;
                    if run.stopped {
                        return;
                    }
                    let uid = instance.owner.uid.clone();
                    let told = run
                        .polled
                        .into_iter()
                        .map(|report| (Instant::now(), uid.clone(), report));
                    reports.lock().unwrap().extend(told);
                    sleep(
                        memory
                            .next_due(clock.now(), &instance)
                            .max(Duration::from_millis(1)),
                    )
                    .await;
                }
            });
        }
    }

    async fn run(
        &self,
        instance: &Instance,
        memory: &mut InstanceMemory,
        which: Which,
    ) -> Option<ResourceReport> {
        self.engine
            .run(instance, memory, which, &|| true)
            .await
            .polled
            .pop()
    }

    fn fault(&self, target: Target, fault: Fault, times: u32, after: u32) {
        self.command(Command::Fault(PlannedFault {
            target,
            fault,
            times,
            after,
        }));
    }

    fn command(&self, command: Command) {
        self.sandbox.apply(command).unwrap();
    }

    fn create(&self, id: &str) {
        self.command(Command::Create(Create {
            id: Some(id.into()),
            ..Create::default()
        }));
    }

    /// When the source was asked, from `since` on.
    fn asked(&self, since: Instant) -> Vec<Instant> {
        let sent = self.transport.sent.lock().unwrap();
        sent.iter().copied().filter(|at| *at >= since).collect()
    }

    /// Requests of the source that met a fault of this kind, by its clock.
    fn met(&self, kind: &str) -> Vec<Timestamp> {
        let log = self.sandbox.log();
        let met = log.iter().filter(|logged| logged.fault.as_deref() == Some(kind));
        met.map(|logged| logged.at).collect()
    }

    fn tokens_asked(&self) -> usize {
        let log = self.sandbox.log();
        log.iter().filter(|logged| logged.target == Target::Token).count()
    }

    fn told(&self, since: Instant) -> Vec<(String, ResourceReport)> {
        let reports = self.reports.lock().unwrap();
        let told = reports.iter().filter(|(at, ..)| *at >= since);
        told.map(|(_, uid, report)| (uid.clone(), report.clone()))
            .collect()
    }

    /// Accepted events by how often they came.
    fn events(&self) -> BTreeMap<String, usize> {
        let mut events = BTreeMap::new();
        for received in self
            .sandbox
            .received()
            .iter()
            .filter(|received| received.accepted)
        {
            for event in received.events() {
                let text = format!(
                    "{} {}",
                    event["eventType"].as_str().unwrap(),
                    event["objectId"].as_str().unwrap()
                );
                *events.entry(text).or_default() += 1;
            }
        }
        events
    }
}

fn one(uid: &str, patch: &Value) -> Instance {
    let owner = Owner {
        namespace: "finance".into(),
        name: uid.into(),
        uid: uid.into(),
    };
    instance(owner, patch)
}

fn throttled(after: &str) -> Fault {
    Fault::TooManyRequests {
        retry_after: Some(after.into()),
    }
}

/// One answer 429 silences fifty instances for as long as it says; one of them tells; each polls once afterwards, not
/// once for each poll missed, and not all at the same moment; nothing is lost.
#[tokio::test(start_paused = true)]
async fn fifty_instances_leave_the_source_alone_together() {
    let mut crowd = Crowd::new();
    crowd.live(50, &json!({"polling": {"interval": "10s"}}));
    sleep(5 * MINUTE).await;
    let began = Instant::now();
    crowd.fault(Target::Reports, throttled("120"), 1, 0);
    sleep(Duration::from_secs(10)).await;
    let answered = crowd.asked(began)[0] + Duration::from_millis(50);
    crowd.create("n1");
    sleep_until(answered + 2 * MINUTE).await;
    let asked = crowd.asked(began).len();
    assert!(
        asked <= 4,
        "{asked} requests: the one that was answered 429 and those under way beside it"
    );

    let told = crowd.told(began);
    let (own, waiting): (Vec<_>, Vec<_>) = told
        .iter()
        .filter_map(|(uid, report)| Some((uid, report, report.failure.as_ref()?)))
        .partition(|(_, _, failure)| failure.reason == "SourceThrottled");
    assert_eq!(own.len(), 1, "{own:?}");
    let (_, report, failure) = &own[0];
    assert!(!failure.shown_elsewhere);
    assert_eq!((report.state, report.failures), (PollState::PollFailed, 1));
    assert_eq!(report.figures.rests, ["SourceThrottled"]);
    assert!(waiting.len() >= 46, "{} wait", waiting.len());
    for (uid, report, failure) in &waiting {
        assert_eq!(
            (failure.reason, failure.concerns),
            ("SourceResting", Concern::Source)
        );
        assert!(failure.shown_elsewhere && !failure.needs_human);
        assert_eq!((report.state, report.failures), (PollState::Waiting, 0), "{uid}");
        assert!(
            failure.message.contains("api.sandbox.test answered 429")
                && failure.message.contains("until 2026-11-23T12:"),
            "{}",
            failure.message
        );
        // Nothing of another instance's request is told to this one.
        for (other, ..) in own.iter().chain(&waiting).filter(|(other, ..)| other != uid) {
            assert!(
                !failure.message.contains(&format!("{other} ")),
                "{}",
                failure.message
            );
        }
    }

    let again = Instant::now();
    sleep(Duration::from_secs(9)).await;
    let asked = crowd.asked(again);
    assert!(
        (48..=56).contains(&asked.len()),
        "{} requests by 50 instances",
        asked.len()
    );
    for window in asked.windows(10) {
        assert!(window[9] - window[0] >= Duration::from_millis(300), "ten at once");
    }
    sleep(MINUTE).await;
    assert_eq!(crowd.events(), BTreeMap::from([("CREATED n1".to_owned(), 50)]));
    let after = crowd.told(again + Duration::from_secs(20));
    assert!(
        after.len() > 100
            && after
                .iter()
                .all(|(_, report)| report.failure.is_none() && report.failures == 0)
    );
}

/// A source that goes on refusing is asked once a rest, and ever less often.
#[tokio::test(start_paused = true)]
async fn a_storm_is_met_with_one_request_a_rest() {
    let mut crowd = Crowd::new();
    crowd.live(50, &json!({"polling": {"interval": "30s"}}));
    sleep(5 * MINUTE).await;
    let began = Instant::now();
    crowd.fault(Target::Reports, throttled("30"), 8, 0);
    sleep(65 * MINUTE).await;
    let met = crowd.met("too-many-requests");
    assert_eq!(met.len(), 8);
    let pauses: Vec<i64> = met
        .windows(2)
        .map(|pair| pair[1].duration_since(pair[0]).as_secs())
        .filter(|pause| *pause > 0)
        .collect();
    let least = [30, 60, 120, 240, 480, 900, 900];
    let beside = met.len() - 1 - pauses.len();
    assert!(
        beside <= 3,
        "only those under way together come together: {met:?}"
    );
    for (pause, least) in pauses.iter().zip(least) {
        assert!((least..least + 12).contains(pause), "{pauses:?}");
    }
    let own: Vec<_> = crowd
        .told(began)
        .into_iter()
        .filter(|(_, report)| {
            report
                .failure
                .as_ref()
                .is_some_and(|failure| !failure.shown_elsewhere)
        })
        .collect();
    assert!(
        !own.is_empty() && own.iter().all(|(uid, _)| *uid == own[0].0),
        "one instance tells of it"
    );
    let waiting = crowd
        .told(began)
        .into_iter()
        .filter_map(|(_, report)| report.failure);
    let longest = waiting.map(|failure| failure.in_a_row).max();
    assert!(longest >= Some(5), "all can see how long it lasts: {longest:?}");
}

/// A maintenance window without a time is left alone for as long as the element says; the token service likewise.
#[tokio::test(start_paused = true)]
async fn maintenance_is_waited_for_together() {
    for (target, fault) in [
        (Target::Reports, Fault::Maintenance),
        (
            Target::Token,
            Fault::Status {
                status: 503,
                body: None,
                retry_after: Some("300".into()),
                content_type: None,
            },
        ),
    ] {
        let mut crowd = Crowd::new();
        crowd.live(50, &json!({}));
        sleep(5 * MINUTE).await;
        if target == Target::Token {
            crowd.command(Command::RevokeTokens { refresh: false });
        }
        crowd.fault(target, fault, 3, 0);
        crowd.create("n1");
        sleep(30 * MINUTE).await;
        let met: Vec<_> = crowd
            .sandbox
            .log()
            .iter()
            .filter(|logged| logged.target == target && logged.status == 503)
            .map(|logged| logged.at)
            .collect();
        assert_eq!(met.len(), 3);
        let lasted = met[2].duration_since(met[0]).as_secs();
        assert!(lasted >= 300, "{target:?}: {met:?}");
        assert_eq!(
            crowd.events(),
            BTreeMap::from([("CREATED n1".to_owned(), 50)]),
            "{target:?}"
        );
        assert!(
            crowd.tokens_asked() <= 6,
            "{} tokens for 50 instances",
            crowd.tokens_asked()
        );
    }
}

/// A locked account costs one token request, however many instances there are and however often they are due. One of
/// them tells; a human's request is one more try; then all go on.
#[tokio::test(start_paused = true)]
async fn a_locked_account_is_left_alone() {
    let mut crowd = Crowd::new();
    crowd.command(Command::LockAccount);
    crowd.live(50, &json!({}));
    sleep(60 * MINUTE).await;
    assert_eq!(crowd.tokens_asked(), 1);
    let mut tellers: Vec<_> = crowd
        .told(Instant::now() - 60 * MINUTE)
        .into_iter()
        .filter_map(|(uid, report)| {
            let failure = report.failure.unwrap();
            assert!(
                failure.reason == "CredentialsRejected" && failure.needs_human,
                "{failure:?}"
            );
            assert!(failure.message.contains("unlock"), "{failure:?}");
            (!failure.shown_elsewhere).then_some(uid)
        })
        .collect();
    tellers.dedup();
    assert_eq!(tellers.len(), 1, "{tellers:?}");

    let asks = one("i7", &json!({}));
    let Credentials::OAuth2(credentials) = &asks.settings.credentials else {
        panic!("OAuth credentials")
    };
    crowd.engine.tokens().unblock(&asks.owner, credentials).await;
    sleep(5 * MINUTE).await;
    assert_eq!(crowd.tokens_asked(), 2, "still locked");
    crowd.command(Command::UnlockAccount);
    crowd.engine.tokens().unblock(&asks.owner, credentials).await;
    sleep(5 * MINUTE).await;
    assert_eq!(crowd.tokens_asked(), 3);
    let now = crowd.told(Instant::now() - MINUTE);
    assert!(now.len() >= 40 && now.iter().all(|(_, report)| report.failure.is_none()));
}

/// Never more requests under way than the definition says, and those who wait get their turn.
#[tokio::test(start_paused = true)]
async fn requests_under_way_are_bounded() {
    let mut crowd = Crowd::new();
    crowd.live(120, &json!({}));
    crowd.create("n0");
    sleep(3 * MINUTE).await;
    assert_eq!(crowd.transport.most.load(Ordering::SeqCst), 4);
    let polled: std::collections::BTreeSet<_> = crowd
        .told(Instant::now() - MINUTE)
        .into_iter()
        .map(|(uid, _)| uid)
        .collect();
    assert_eq!(polled.len(), 120, "all are polled each minute");
    assert!(
        crowd
            .told(Instant::now() - 3 * MINUTE)
            .iter()
            .all(|(_, report)| report.failure.is_none())
    );
    // A source that hangs holds four requests, and everybody is back soon after.
    crowd.fault(Target::Reports, Fault::Hang { ms: Some(50_000) }, 8, 0);
    sleep(2 * MINUTE).await;
    crowd.create("n1");
    sleep(4 * MINUTE).await;
    assert_eq!(crowd.events().get("CREATED n1"), Some(&120));
    assert_eq!(crowd.transport.most.load(Ordering::SeqCst), 4);
}

/// Who waits behind a source that hangs is let go when it is no longer wanted.
#[tokio::test(start_paused = true)]
async fn waiting_ends_when_nobody_wants_it() {
    let mut crowd = Crowd::new();
    crowd.fault(Target::Reports, Fault::Hang { ms: Some(59_000) }, 1000, 0);
    crowd.live(40, &json!({}));
    sleep(Duration::from_secs(5)).await;
    crowd.wanted.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(2)).await;
    let mut ended = 0;
    while crowd.living.try_join_next().is_some() {
        ended += 1;
    }
    assert_eq!(ended, 36, "all but those whose request is under way");
}

/// Credentials, not namespaces, are what shares; another credential is not held up.
#[tokio::test(start_paused = true)]
async fn what_shares_is_the_credential() {
    let crowd = Crowd::new();
    let another =
        json!({"configuration": {"oauth.token.url": format!("http://{TOKEN_HOST}/oauth2/v0/token?another")}});
    let [first, mut elsewhere, stranger] =
        [("a", json!({})), ("b", json!({})), ("c", another)].map(|(uid, patch)| one(uid, &patch));
    elsewhere.owner.namespace = "sales".into();
    let mut memories: [InstanceMemory; 3] = Default::default();
    for (instance, memory) in [&first, &elsewhere, &stranger].into_iter().zip(&mut memories) {
        assert_eq!(
            crowd.run(instance, memory, Which::Due).await.unwrap().failure,
            None
        );
    }
    sleep(MINUTE).await;
    crowd.fault(Target::Reports, throttled("600"), 1, 0);
    let mut reasons = Vec::new();
    let before = Instant::now();
    for (instance, memory) in [&first, &elsewhere, &stranger].into_iter().zip(&mut memories) {
        let report = crowd.run(instance, memory, Which::Due).await.unwrap();
        reasons.push(report.failure.map(|failure| failure.reason));
    }
    assert_eq!(reasons, [Some("SourceThrottled"), Some("SourceResting"), None]);
    assert_eq!(crowd.asked(before).len(), 2);
}

/// A human who asks for a poll cannot break the source's wish, but need not wait for what we added to it.
#[tokio::test(start_paused = true)]
async fn a_request_for_a_poll_respects_the_source() {
    let crowd = Crowd::new();
    let (instance, mut memory) = (one("a", &json!({})), InstanceMemory::default());
    crowd.run(&instance, &mut memory, Which::Due).await.unwrap();
    crowd.fault(Target::Reports, throttled("60"), 4, 0);
    for pause in [60, 120, 240] {
        let report = crowd.run(&instance, &mut memory, Which::All).await.unwrap();
        assert_eq!(report.failure.unwrap().reason, "SourceThrottled");
        let before = Instant::now();
        sleep(Duration::from_secs(30)).await;
        let report = crowd.run(&instance, &mut memory, Which::All).await.unwrap();
        assert_eq!(report.state, PollState::Waiting);
        assert_eq!(
            report.failure.unwrap().reason,
            "SourceThrottled",
            "it goes on being shown"
        );
        assert_eq!(crowd.asked(before).len(), 0, "within the source's minute");
        let due = memory.next_due(crowd.clock.now(), &instance).as_secs();
        assert!((pause - 31..pause).contains(&due), "due in {due} s of {pause}");
        sleep(Duration::from_secs(31)).await;
    }
    crowd.command(Command::ClearFaults);
    assert_eq!(
        crowd
            .run(&instance, &mut memory, Which::All)
            .await
            .unwrap()
            .failure,
        None
    );
}

/// Whatever `Retry-After` says, the source is asked again: never sooner than it wished, and within an hour.
#[tokio::test(start_paused = true)]
async fn whatever_retry_after_says() {
    for (text, pause) in [
        ("315360000", 3600),
        ("99999999999999999999999999", 60),
        ("-1", 60),
        ("soon", 60),
        ("", 60),
        ("0", 2),
        ("7", 7),
        ("Mon, 23 Nov 2026 12:03:00 GMT", 119),
        ("Fri, 13 Feb 1970 00:00:00 GMT", 2),
        ("Thu, 31 Dec 9998 23:59:59 GMT", 3600),
    ] {
        let crowd = Crowd::new();
        let (instance, mut memory) = (one("a", &json!({})), InstanceMemory::default());
        crowd.run(&instance, &mut memory, Which::Due).await.unwrap();
        sleep(MINUTE).await;
        crowd.create("n1");
        crowd.fault(Target::Reports, throttled(text), 1, 0);
        let report = crowd.run(&instance, &mut memory, Which::Due).await.unwrap();
        assert_eq!(report.failure.unwrap().reason, "SourceThrottled", "{text}");
        let due = memory.next_due(crowd.clock.now(), &instance).as_secs();
        assert!((pause..=pause + 1).contains(&due), "{text}: due in {due} s");
        sleep(Duration::from_secs(due + 1)).await;
        assert_eq!(
            crowd
                .run(&instance, &mut memory, Which::Due)
                .await
                .unwrap()
                .failure,
            None,
            "{text}"
        );
        assert_eq!(crowd.events().len(), 1, "{text}");
    }
}

/// A listing of many pages gets to its end although every third answer is 429: short rests are waited for where the
/// poll is, since it would else begin anew for ever.
#[tokio::test(start_paused = true)]
async fn every_third_answer_is_too_many_requests() {
    let crowd = Crowd::new();
    let patch = json!({"polling": {"initialSync": {"policy": "Backfill", "since": "2020-01-01T00:00:00Z"}}});
    crowd.command(Command::Seed(Seed {
        count: 900,
        ..Seed::default()
    }));
    for _ in 0..100 {
        crowd.fault(Target::Reports, throttled("20"), 1, 2);
    }
    let (instance, mut memory) = (one("a", &patch), InstanceMemory::default());
    for _ in 0..4 {
        crowd.run(&instance, &mut memory, Which::Due).await;
        sleep(memory.next_due(crowd.clock.now(), &instance)).await;
    }
    let events = crowd.events();
    assert_eq!(events.len(), 900);
    assert!(events.values().all(|times| *times == 1));
    assert!(crowd.met("too-many-requests").len() >= 3);
}

/// The value of `hub.authorization` and the hub's address are what an account of a hub is known by.
#[tokio::test(start_paused = true)]
async fn a_hub_is_left_alone_too() {
    let crowd = Crowd::new();
    let hub = |value: &str| {
        json!({
            "element": {"key": "salesforce"},
            "configuration": {
                "base.url": format!("http://{HUB_HOST}/elements/api-v2"),
                "hub.authorization": value,
                "oauth.api.key": null, "oauth.api.secret": null, "oauth.user.refresh_token": null, "oauth.token.url": null,
                "event.poller.configuration": {"reports": null, "contacts": {"url": "/hubs/crm/contacts", "idField": "Id"}},
            }
        })
    };
    let right = "User sandbox-user, Organization sandbox-organization, Element sandbox-element";
    crowd.fault(Target::Hub, throttled("90"), 1, 0);
    let mut reasons = Vec::new();
    for (uid, value) in [("a", right), ("b", right), ("c", "User nobody")] {
        let report = crowd
            .run(&one(uid, &hub(value)), &mut InstanceMemory::default(), Which::Due)
            .await;
        reasons.push(report.unwrap().failure.unwrap().reason);
    }
    assert_eq!(
        reasons,
        ["SourceThrottled", "SourceResting", "SourceActionNeeded"]
    );
}
