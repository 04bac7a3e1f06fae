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
mod trail;

pub use clock::Clock;
pub use delivery::{Callbacks, Outbox};
pub use preview::preview;
pub use report::{Concern, Events, Failure, Figures, PollError, PollState, ResourceReport, chain};
pub use trail::Bounds;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use self::claim::Claim;
use self::schedule::{first_due, next_due, spread};
use crate::config::Settings;
use crate::deliver::NotificationIds;
use crate::element::{self, Tokens};
use crate::http::Transport;
use crate::store::{CheckpointStore, Owner};

/// Runs polls against one store and one network.
pub struct Engine<S> {
    store: Arc<S>,
    transport: Arc<dyn Transport>,
    tokens: Arc<Tokens>,
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
}

/// What a process remembers of an instance between runs.
#[derive(Debug, Default)]
pub struct InstanceMemory {
    resources: HashMap<String, ResourceMemory>,
    /// The vendor's clock less ours, from the newest answer.
    vendor_ahead: Option<SignedDuration>,
}

#[derive(Debug, Default)]
struct ResourceMemory {
    claim: Option<Claim>,
    due: Option<Instant>,
    report: Option<ResourceReport>,
    /// Last end of a poll as told by somebody else, before this process polled.
    last_polled: Option<Timestamp>,
    /// Polls failed in a row until then.
    failures_before: u32,
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

/// What a run did.
#[derive(Debug)]
pub struct RunReport {
    /// The resources polled in this run, in order.
    pub polled: Vec<ResourceReport>,
    /// The run was stopped between pages since the instance changed.
    pub stopped: bool,
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
        };
        memory.keep_only(&instance.settings);
        for settings in &instance.settings.resources {
            let due = memory.due(self.clock.now(), instance, &settings.name);
            if which == Which::Due && due > Instant::now() {
                continue;
            }
            let definition = element::definition_of(&instance.settings);
            let Some(polled) = self.poll(instance, settings, definition, memory, proceed).await else {
                report.stopped = true;
                return report;
            };
            memory.finished(instance, polled.next, &polled.report);
            report.polled.push(polled.report);
        }
        report
    }
}

impl InstanceMemory {
    /// Tells when a resource was polled last, as far as somebody else remembers, which shapes its first due time,
    /// and how many polls had failed in a row.
    pub fn polled_before(&mut self, resource: &str, at: Option<Timestamp>, failures: u32) {
        let memory = self.resources.entry(resource.to_owned()).or_default();
        memory.last_polled = at;
        memory.failures_before = failures;
    }

    /// Polls of a resource failed in a row.
    fn failures(&self, resource: &str) -> u32 {
        let memory = self.resources.get(resource);
        memory.map_or(0, |memory| {
            memory
                .report
                .as_ref()
                .map_or(memory.failures_before, |report| report.failures)
        })
    }

    /// Whether no resource was polled yet, by this process or, as far as it was told, by another.
    pub fn never_polled(&self) -> bool {
        self.resources
            .values()
            .all(|memory| memory.report.is_none() && memory.last_polled.is_none())
    }

    /// The newest report of a resource.
    pub fn report(&self, resource: &str) -> Option<&ResourceReport> {
        self.resources.get(resource)?.report.as_ref()
    }

    /// When a resource is due.
    pub fn due(&mut self, now: Timestamp, instance: &Instance, resource: &str) -> Instant {
        let memory = self.resources.entry(resource.to_owned()).or_default();
        let last = memory.last_polled;
        *memory.due.get_or_insert_with(|| {
            let elapsed = last.map(|at| Duration::try_from(now.duration_since(at)).unwrap_or(Duration::ZERO));
            first_due(
                Instant::now(),
                elapsed,
                instance.settings.interval,
                spread(&instance.owner.uid),
            )
        })
    }

    /// How long until the next resource is due.
    pub fn next_due(&mut self, now: Timestamp, instance: &Instance) -> Duration {
        let names = instance.settings.resources.iter().map(|resource| &resource.name);
        let due = names.map(|name| self.due(now, instance, name)).min();
        due.map_or(instance.settings.interval, |due| {
            due.saturating_duration_since(Instant::now())
        })
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

    fn keep_only(&mut self, settings: &Settings) {
        self.resources
            .retain(|name, _| settings.resources.iter().any(|resource| resource.name == *name));
    }

    fn finished(&mut self, instance: &Instance, next: schedule::Next, report: &ResourceReport) {
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
        memory.last_polled = Some(report.ended_at);
        memory.report = Some(report.clone());
    }
}
