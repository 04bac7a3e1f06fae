//! Prometheus metrics. Labels are elements, error variants, statuses and event types, never names of objects.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::engine::{Events, PollState, ResourceReport};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PollLabels {
    element: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    element: String,
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ElementLabels {
    element: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RecordLabels {
    element: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RestLabels {
    element: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReconcileLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InstanceLabels {
    ready: String,
    reason: String,
}

/// The watched instances at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Number by status and reason of `Ready`.
    pub instances: BTreeMap<(String, String), i64>,
    /// Held objects by element.
    pub held: BTreeMap<String, i64>,
    /// How long the most overdue poll is overdue.
    pub overdue: Duration,
}

/// Every metric of the operator.
pub struct Metrics {
    registry: Registry,
    polls: Family<PollLabels, Counter<u64, AtomicU64>>,
    poll_duration: Histogram,
    events: Family<EventLabels, Counter<u64, AtomicU64>>,
    dead_letters: Family<ElementLabels, Counter<u64, AtomicU64>>,
    records: Family<RecordLabels, Counter<u64, AtomicU64>>,
    pages: Counter<u64, AtomicU64>,
    weak_proofs: Counter<u64, AtomicU64>,
    source_rests: Family<RestLabels, Counter<u64, AtomicU64>>,
    source_wait: Family<ElementLabels, Counter<f64, AtomicU64>>,
    reconciles: Family<ReconcileLabels, Counter<u64, AtomicU64>>,
    leading: Gauge<i64, AtomicI64>,
    instances: Family<InstanceLabels, Gauge<i64, AtomicI64>>,
    held_objects: Family<ElementLabels, Gauge<i64, AtomicI64>>,
    poll_overdue: Gauge<f64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        // Polls take from milliseconds (one page of a near source) to minutes (a first Baseline).
        let buckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
        let metrics = Self {
            registry: Registry::with_prefix("pollinator"),
            polls: Family::default(),
            poll_duration: Histogram::new(buckets),
            events: Family::default(),
            dead_letters: Family::default(),
            records: Family::default(),
            pages: Counter::default(),
            weak_proofs: Counter::default(),
            source_rests: Family::default(),
            source_wait: Family::default(),
            reconciles: Family::default(),
            leading: Gauge::default(),
            instances: Family::default(),
            held_objects: Family::default(),
            poll_overdue: Gauge::default(),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register(
            "polls",
            "Polls of a resource by result: ok, or the error's name",
            self.polls.clone(),
        );
        registry.register_with_unit(
            "poll_duration",
            "How long a poll of a resource took, delivery included",
            Unit::Seconds,
            self.poll_duration.clone(),
        );
        registry.register(
            "events",
            "Events accepted by callbacks, by type",
            self.events.clone(),
        );
        registry.register(
            "dead_letters",
            "Events that callbacks refused for good and dead-letter sinks accepted",
            self.dead_letters.clone(),
        );
        registry.register(
            "records",
            "Records listed by sources: unchanged, invalid (skipped), news",
            self.records.clone(),
        );
        registry.register("pages", "Pages read from sources", self.pages.clone());
        registry.register(
            "weak_proofs",
            "Passes over a restless listing accepted after two quiet readings rather than a full second one",
            self.weak_proofs.clone(),
        );
        registry.register(
            "source_rests",
            "Times that a source was left alone by all instances of a credential, by the error that asked for it",
            self.source_rests.clone(),
        );
        registry.register_with_unit(
            "source_wait",
            "Time that polls waited for their turn to ask the source; its rate is the number of polls that wait",
            Unit::Seconds,
            self.source_wait.clone(),
        );
        registry.register(
            "reconciles",
            "Reconciles by outcome: ok, or the error's name",
            self.reconciles.clone(),
        );
        registry.register(
            "leading",
            "1 while this replica holds the lease and polls",
            self.leading.clone(),
        );
        registry.register(
            "instances",
            "Instances by status and reason of their condition Ready",
            self.instances.clone(),
        );
        registry.register(
            "held_objects",
            "Objects whose events wait since the callback refused one for good",
            self.held_objects.clone(),
        );
        registry.register_with_unit(
            "poll_overdue",
            "How long the most overdue poll is overdue",
            Unit::Seconds,
            self.poll_overdue.clone(),
        );
        self
    }

    /// Counts a finished poll.
    pub fn polled(&self, element: &str, report: &ResourceReport) {
        let element = || element.to_owned();
        let result = report.failure.as_ref().map_or("ok", |failure| failure.reason);
        let figures = &report.figures;
        self.polls
            .get_or_create(&PollLabels {
                element: element(),
                result,
            })
            .inc();
        for reason in &figures.rests {
            let element = element();
            self.source_rests
                .get_or_create(&RestLabels { element, reason })
                .inc();
        }
        self.source_wait
            .get_or_create(&ElementLabels { element: element() })
            .inc_by(figures.waited.as_secs_f64());
        if report.state == PollState::Waiting {
            return;
        }
        self.poll_duration.observe(figures.duration.as_secs_f64());
        let Events {
            created,
            updated,
            deleted,
        } = figures.events;
        for (r#type, count) in [("CREATED", created), ("UPDATED", updated), ("DELETED", deleted)] {
            self.events
                .get_or_create(&EventLabels {
                    element: element(),
                    r#type,
                })
                .inc_by(count);
        }
        self.dead_letters
            .get_or_create(&ElementLabels { element: element() })
            .inc_by(figures.dead_letters);
        let news = figures
            .records
            .saturating_sub(figures.unchanged + figures.invalid);
        for (outcome, count) in [
            ("unchanged", figures.unchanged),
            ("invalid", figures.invalid),
            ("news", news),
        ] {
            self.records
                .get_or_create(&RecordLabels {
                    element: element(),
                    outcome,
                })
                .inc_by(count);
        }
        self.pages.inc_by(figures.pages);
        self.weak_proofs.inc_by(figures.weak_proofs);
    }

    /// Counts a reconcile: `ok`, or the error's name.
    pub fn reconciled(&self, outcome: &'static str) {
        self.reconciles.get_or_create(&ReconcileLabels { outcome }).inc();
    }

    /// Shows the instances as they are now; what was shown before and is gone becomes 0.
    pub fn tallied(&self, now: &Tally) {
        // What is gone leaves no series behind.
        self.instances.clear();
        self.held_objects.clear();
        for ((ready, reason), count) in &now.instances {
            let labels = InstanceLabels {
                ready: ready.clone(),
                reason: reason.clone(),
            };
            self.instances.get_or_create(&labels).set(*count);
        }
        for (element, count) in &now.held {
            let element = element.clone();
            self.held_objects
                .get_or_create(&ElementLabels { element })
                .set(*count);
        }
        self.poll_overdue.set(now.overdue.as_secs_f64());
    }

    /// Notes whether this replica polls; one that does not knows of no instances.
    pub fn leading(&self, leading: bool) {
        self.leading.set(i64::from(leading));
        if !leading {
            self.tallied(&Tally::default());
        }
    }

    /// Whether this replica polls.
    pub fn is_leading(&self) -> bool {
        self.leading.get() == 1
    }

    /// All metrics in OpenMetrics text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}
