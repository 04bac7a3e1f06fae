//! One instance's due work: the steps settings → plan → fetch → detect → deliver → checkpoint, in that order,
//! for one resource after the other. Knows no Kubernetes.

mod claim;
mod clock;
mod delivery;
mod fetch;
mod outcome;
mod preview;
mod repeats;
mod report;
mod resource;
mod schedule;
mod skip;
mod succession;
mod trail;

pub use clock::Clock;
pub use delivery::{Callbacks, Outbox};
pub use preview::preview;
pub use report::{
    Concern, Events, Failure, Figures, HeldObjects, MOST_EXAMPLES, Notice, PollError, PollState,
    ResourceReport, chain,
};
pub use trail::Bounds;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use self::claim::Claim;
use self::resource::Outcome;
use self::schedule::{Next, due_again, first_due, next_due, spread};
use crate::config::Settings;
use crate::deliver::NotificationIds;
use crate::element::{self, Throttles, Tokens};
use crate::http::Transport;
use crate::store::{CheckpointStore, Owner};

/// How long a run whose delivery is stopped waits at most for something to change.
const LOOK_AGAIN: Duration = Duration::from_secs(24 * 3600);

/// Runs polls against one store and one network.
pub struct Engine<S> {
    store: Arc<S>,
    transport: Arc<dyn Transport>,
    tokens: Arc<Tokens>,
    throttles: Throttles,
    outbox: Arc<dyn Outbox>,
    clock: Clock,
    /// Names this process in the checkpoints it claims.
    process: String,
    bounds: Bounds,
}

/// An instance as the engine sees it.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Who it is.
    pub owner: Owner,
    /// How its notifications name it.
    pub ids: NotificationIds,
    /// What it wants.
    pub settings: Arc<Settings>,
    /// The `resetTo` annotation and the instant it names.
    pub reset_to: Option<(String, Timestamp)>,
    /// The `skip` annotation: held objects to be given up.
    pub skip: Option<String>,
}

/// What a process remembers of an instance between runs.
#[derive(Debug, Default)]
pub struct InstanceMemory {
    resources: HashMap<String, ResourceMemory>,
    /// The vendor's clock less ours, from the newest answer.
    vendor_ahead: Option<SignedDuration>,
    /// The callback is gone.
    delivery_stopped: bool,
    /// Held objects are tried at the next poll of their resource.
    held_again: bool,
    /// Names configured no longer, until every resource that is was polled well: one of these may be one of those.
    left: BTreeSet<String>,
    /// Those of them of which it cannot be known who goes on with their checkpoint.
    disputed: BTreeSet<String>,
    /// A resource of it was polled before this run, so that one without a checkpoint was added.
    goes_on: bool,
}

/// What somebody else remembers of the polls of a resource before this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Earlier {
    /// When the newest one ended.
    pub last_polled: Option<Timestamp>,
    /// Polls failed in a row.
    pub failures: u32,
    /// Polls in a row whose delivery was not accepted.
    pub failed_deliveries: u32,
    /// When the next one is due; by default an interval after the newest.
    pub due: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct ResourceMemory {
    claim: Option<Claim>,
    due: Option<Instant>,
    /// It was put off before, and its turn is when it is due.
    promised: bool,
    report: Option<ResourceReport>,
    /// As told by somebody else, before this process polled.
    earlier: Earlier,
    held_again: bool,
}

/// Which resources a run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that are due.
    Due,
    /// All, now.
    All,
}

/// Tells a run between two pages whether to go on; false when the instance was changed, suspended or deleted.
pub type Proceed<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// What a poll of one resource is told by the run it is part of.
#[derive(Clone, Copy)]
struct Turn<'a> {
    /// It is not due, but asked for.
    asked: bool,
    proceed: Proceed<'a>,
}

/// What a run did.
#[derive(Debug)]
pub struct RunReport {
    /// The resources polled in this run, in order.
    pub polled: Vec<ResourceReport>,
    /// The run was stopped between pages since the instance changed.
    pub stopped: bool,
    /// What concerns the instance as a whole, to be told once.
    pub notices: Vec<Notice>,
    /// The longest time for which a resource was put off, since too many polls with its credential waited already.
    pub put_off: Option<Duration>,
}

impl<S: CheckpointStore> Engine<S> {
    /// Puts the parts together; `process` must differ between two processes that could poll the same instance.
    pub fn new(
        store: Arc<S>,
        transport: Arc<dyn Transport>,
        tokens: Arc<Tokens>,
        outbox: Arc<dyn Outbox>,
        clock: Clock,
        process: String,
    ) -> Self {
        Self {
            store,
            transport,
            tokens,
            throttles: Throttles::default(),
            outbox,
            clock,
            process,
            bounds: Bounds::default(),
        }
    }

    /// The same with other bounds than the usual ones.
    #[must_use]
    pub fn with_bounds(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// This machine's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The tokens, so that a human's request can lift a block.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Polls what `which` says, one resource after the other; one's failure does not stop the next.
    pub async fn run(
        &self,
        instance: &Instance,
        memory: &mut InstanceMemory,
        which: Which,
        proceed: Proceed<'_>,
    ) -> RunReport {
        let mut report = RunReport {
            polled: Vec::new(),
            stopped: false,
            notices: Vec::new(),
            put_off: None,
        };
        let turn = Turn {
            asked: which == Which::All,
            proceed,
        };
        let mut skips = Vec::new();
        memory.begin(&instance.settings);
        for settings in &instance.settings.resources {
            if memory.delivery_stopped {
                break;
            }
            let due = memory.due(self.clock.now(), instance, &settings.name);
            if which == Which::Due && due > Instant::now() {
                continue;
            }
            let definition = element::definition_of(&instance.settings);
            match self.poll(instance, settings, definition, memory, turn).await {
                Outcome::Polled(polled) => {
                    memory.finished(instance, polled.next, &polled.report);
                    report.polled.push(polled.report);
                    skips.extend(polled.skip);
                }
                Outcome::PutOff(pause) => {
                    memory.put_off(&settings.name, pause);
                    report.put_off = report.put_off.max(Some(pause));
                }
                Outcome::Stopped(notices) => {
                    report.stopped = true;
                    report.notices = notices;
                    return report;
                }
            }
        }
        memory.end(&instance.settings);
        report.notices = skip::not_held(&skips);
        report
    }
}

impl InstanceMemory {
    /// Tells what somebody else remembers of a resource, which shapes its first due time and its patience.
    pub fn polled_before(&mut self, resource: &str, earlier: Earlier) {
        self.resources.entry(resource.to_owned()).or_default().earlier = earlier;
    }

    /// The callback is gone, as somebody else has found: nothing is polled until [`Self::try_again`].
    pub fn stop_delivery(&mut self) {
        self.delivery_stopped = true;
    }

    /// Whether the callback is not called for now, since it is gone or did not accept something before this process began.
    pub fn delivery_waits(&self) -> bool {
        let mut unpolled = self.resources.values().filter(|memory| memory.report.is_none());
        self.delivery_stopped || unpolled.any(|memory| memory.earlier.due.is_some())
    }

    /// Whether nothing is polled since the callback is gone.
    pub fn delivery_is_stopped(&self) -> bool {
        self.delivery_stopped
    }

    /// A human acted, so the receiver may be another: a callback that was gone is called again, and held objects are
    /// tried at the next poll of their resource, whatever their time.
    pub fn try_again(&mut self) {
        self.delivery_stopped = false;
        self.held_again = true;
    }

    /// Polls of a resource failed in a row.
    fn failures(&self, resource: &str) -> u32 {
        let memory = self.resources.get(resource);
        memory.map_or(0, |memory| {
            let report = memory.report.as_ref();
            report.map_or(memory.earlier.failures, |report| report.failures)
        })
    }

    /// Polls of a resource in a row whose delivery was not accepted.
    fn failed_deliveries(&self, resource: &str) -> u32 {
        let memory = self.resources.get(resource);
        memory.map_or(0, |memory| {
            let report = memory.report.as_ref();
            report.map_or(memory.earlier.failed_deliveries, |report| {
                report.failed_deliveries
            })
        })
    }

    /// Whether the held objects of a resource are to be tried whatever their time; true once.
    fn takes_held_again(&mut self, resource: &str) -> bool {
        let memory = self.resources.get_mut(resource);
        memory.is_some_and(|memory| std::mem::take(&mut memory.held_again))
    }

    /// Whether no resource was polled yet, by this process or, as far as it was told, by another.
    pub fn never_polled(&self) -> bool {
        self.resources
            .values()
            .all(|memory| memory.report.is_none() && memory.earlier.last_polled.is_none())
    }

    /// The newest report of a resource.
    pub fn report(&self, resource: &str) -> Option<&ResourceReport> {
        self.resources.get(resource)?.report.as_ref()
    }

    /// When a resource is due.
    pub fn due(&mut self, now: Timestamp, instance: &Instance, resource: &str) -> Instant {
        let memory = self.resources.entry(resource.to_owned()).or_default();
        let earlier = memory.earlier;
        let (interval, spread) = (instance.settings.interval, spread(&instance.owner.uid));
        let between = |from: Timestamp, to: Timestamp| Duration::try_from(to.duration_since(from)).ok();
        *memory.due.get_or_insert_with(|| match earlier.due {
            Some(at) => due_again(Instant::now(), between(now, at), interval, spread),
            None => {
                let elapsed = earlier.last_polled.map(|at| between(at, now).unwrap_or_default());
                first_due(Instant::now(), elapsed, interval, spread)
            }
        })
    }

    /// How long until the next resource is due; a day where nothing is.
    pub fn next_due(&mut self, now: Timestamp, instance: &Instance) -> Duration {
        if self.delivery_stopped {
            return LOOK_AGAIN;
        }
        let names = instance.settings.resources.iter().map(|resource| &resource.name);
        let due = names.map(|name| self.due(now, instance, name)).min();
        due.map_or(instance.settings.interval, |due| {
            due.saturating_duration_since(Instant::now())
        })
    }

    /// What worked so far says nothing of a new spec: each resource must be polled well once more to count as such.
    pub fn prove_again(&mut self) {
        let reports = self
            .resources
            .values_mut()
            .filter_map(|memory| memory.report.as_mut());
        reports.for_each(|report| report.succeeded_at = None);
    }

    /// Makes every resource due now; cursors and claims are kept.
    pub fn poll_soon(&mut self) {
        for memory in self.resources.values_mut() {
            memory.due = Some(Instant::now());
        }
    }

    /// A shorter interval counts from now on, not from the end of the old one.
    pub fn interval_changed(&mut self, interval: Duration) {
        let latest = Instant::now() + interval;
        for memory in self.resources.values_mut() {
            memory.due = memory.due.map(|due| due.min(latest));
        }
    }

    /// A human knows of the edits that were told.
    pub fn edits_answered(&mut self) {
        let claims = self
            .resources
            .values_mut()
            .filter_map(|memory| memory.claim.as_mut());
        claims.for_each(|claim| claim.memory.answered());
    }

    /// The instance was polled before, with whatever spec: a resource without a checkpoint was added.
    pub fn is_not_new(&mut self) {
        self.goes_on = true;
    }

    fn begin(&mut self, settings: &Settings) {
        let configured = |name: &String| settings.resources.iter().any(|resource| resource.name == *name);
        self.goes_on |= self.resources.values().any(|memory| {
            memory.report.is_some() || memory.claim.is_some() || memory.earlier.last_polled.is_some()
        });
        self.left.retain(|name| !configured(name));
        let left = self.resources.extract_if(|name, _| !configured(name));
        self.left.extend(left.map(|(name, _)| name));
        if std::mem::take(&mut self.held_again) {
            for resource in &settings.resources {
                let memory = self.resources.entry(resource.name.clone()).or_default();
                memory.held_again = true;
            }
        }
    }

    fn end(&mut self, settings: &Settings) {
        let polled_well = |name: &str| {
            self.report(name)
                .is_some_and(|report| report.succeeded_at.is_some())
        };
        if settings
            .resources
            .iter()
            .all(|resource| polled_well(&resource.name))
        {
            self.left.clear();
            self.disputed.clear();
        }
    }

    /// Whether a resource was put off until now; asked once.
    fn take_promise(&mut self, resource: &str) -> bool {
        let memory = self.resources.get_mut(resource);
        memory.is_some_and(|memory| std::mem::take(&mut memory.promised))
    }

    fn put_off(&mut self, resource: &str, pause: Duration) {
        let memory = self.resources.entry(resource.to_owned()).or_default();
        memory.due = Some(Instant::now() + pause);
        memory.promised = true;
    }

    fn finished(&mut self, instance: &Instance, next: Next, report: &ResourceReport) {
        self.delivery_stopped = next == Next::Stop;
        let memory = self.resources.entry(report.name.clone()).or_default();
        let first = memory.report.is_none().then(|| spread(&instance.owner.uid));
        let interval = instance.settings.interval;
        memory.due = Some(next_due(
            Instant::now(),
            next,
            interval,
            report.failures,
            first,
            fastrand::f64(),
        ));
        memory.promised = matches!(next, Next::NotBefore(_));
        memory.report = Some(report.clone());
    }
}
