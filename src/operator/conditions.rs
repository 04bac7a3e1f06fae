//! What an instance's conditions say; pure.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::{REQUESTED_AT, SKIP};
use crate::config::Problem;
use crate::engine::{Concern, Failure, MOST_EXAMPLES, PollError, PollState, ResourceReport};
use crate::poll::CarriedOver;

/// Reason of a callback that is called no more.
pub(super) const GONE: &str = "CallbackGone";
/// Reason of an instance that was not polled yet.
const FIRST_POLL: &str = "FirstPoll";
/// Reasons that are over as soon as there is something to poll with.
const OVER: [&str; 4] = ["SecretNotReady", "InvalidConfiguration", "Suspended", "Disabled"];
/// Type of the condition that tells of an edit over which a checkpoint was carried.
pub(super) const CARRIED_OVER: &str = "CheckpointCarriedOver";
/// How long it is shown where nobody answers it.
const CARRIED_OVER_SHOWN: SignedDuration = SignedDuration::from_hours(24);
/// Longest message of a condition or resource, in characters.
const LONGEST_MESSAGE: usize = 1000;

/// What a reconcile found.
#[derive(Debug)]
pub(super) enum Situation<'a> {
    /// `spec.suspend` is true.
    Suspended,
    /// `event.notification.enabled` is false.
    Disabled,
    /// The configuration does not say what to do, or a Secret is missing.
    Invalid {
        /// Everything that is wrong.
        problems: &'a [Problem],
        /// A Secret, not the spec, may be what must change.
        secret_missing: bool,
    },
    /// The settings are valid; `reports` has what is known of each polled resource.
    Polling {
        /// Newest report of each resource polled so far.
        reports: &'a [&'a ResourceReport],
        /// Number of configured resources.
        resources: usize,
        /// `polling.failureThreshold`.
        failure_threshold: u32,
    },
}

/// One condition before its times are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) type_: &'static str,
    pub(super) status: &'static str,
    pub(super) reason: String,
    pub(super) message: String,
}

fn verdict(type_: &'static str, status: &'static str, reason: &str, message: impl Into<String>) -> Verdict {
    Verdict {
        type_,
        status,
        reason: reason.to_owned(),
        message: shortened(message.into()),
    }
}

/// A text fit for a status.
pub(super) fn shortened(message: String) -> String {
    match message.char_indices().nth(LONGEST_MESSAGE) {
        Some((at, _)) => format!("{}…", &message[..at]),
        None => message,
    }
}

/// The conditions of a situation.
pub(super) fn judge(situation: &Situation<'_>) -> Vec<Verdict> {
    match situation {
        Situation::Suspended => {
            vec![verdict(
                "Ready",
                "True",
                "Suspended",
                "spec.suspend is true; set it to false to go on polling",
            )]
        }
        Situation::Disabled => vec![verdict(
            "Ready",
            "True",
            "Disabled",
            "event.notification.enabled is false; remove it or set it to true to poll",
        )],
        Situation::Invalid {
            problems,
            secret_missing,
        } => {
            let reason = if *secret_missing {
                "SecretNotReady"
            } else {
                "InvalidConfiguration"
            };
            let message = problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" | ");
            let mut verdicts = vec![verdict("Ready", "False", reason, &message)];
            if *secret_missing {
                verdicts.push(verdict("CredentialsReady", "False", reason, message));
            } else {
                verdicts.push(verdict("Stalled", "True", reason, message));
            }
            verdicts
        }
        Situation::Polling {
            reports,
            resources,
            failure_threshold,
        } => polling(reports, *resources, *failure_threshold),
    }
}

fn polling(reports: &[&ResourceReport], resources: usize, failure_threshold: u32) -> Vec<Verdict> {
    let failures: Vec<(&ResourceReport, &Failure)> = reports
        .iter()
        .filter_map(|report| Some((*report, report.failure.as_ref()?)))
        .collect();
    // What a human must mend is told first.
    let of = |concern: Concern| {
        let mut of_concern = failures.iter().filter(|(_, failure)| failure.concerns == concern);
        of_concern
            .clone()
            .find(|(_, failure)| failure.needs_human)
            .or(of_concern.next())
    };
    // Not Ready before it worked once with this spec, and not unready for one failure at the beginning either.
    let unproven = reports.iter().filter(|report| report.succeeded_at.is_none());
    let unproven = unproven.max_by_key(|report| report.failure.is_some());
    let waits =
        |report: &&&ResourceReport| report.state == PollState::Waiting && report.succeeded_at.is_none();
    let polled = reports.len() - reports.iter().filter(waits).count();
    let unpolled = polled < resources;

    let mut verdicts = Vec::new();
    verdicts.push(match of(Concern::Credentials) {
        Some((_, failure)) => verdict("CredentialsReady", "False", failure.reason, &failure.message),
        None if polled == 0 => verdict(
            "CredentialsReady",
            "Unknown",
            "NotPolledYet",
            "no token was asked for yet",
        ),
        None => verdict(
            "CredentialsReady",
            "True",
            "TokenObtained",
            "the source accepts the credentials",
        ),
    });
    let reading = of(Concern::Source)
        .or(of(Concern::Storage))
        .or(of(Concern::Credentials));
    verdicts.push(match reading {
        Some((report, failure)) => verdict("PollSucceeded", "False", failure.reason, about(report, failure)),
        None if unpolled => verdict(
            "PollSucceeded",
            "Unknown",
            "NotPolledYet",
            "not every resource was polled yet",
        ),
        None => verdict(
            "PollSucceeded",
            "True",
            "PollSucceeded",
            "the newest poll of every resource was read whole",
        ),
    });
    let held: usize = reports.iter().map(|report| report.held).sum();
    let undelivered = reports.iter().any(|report| report.failed_deliveries > 0);
    verdicts.push(match of(Concern::Delivery) {
        Some((report, failure)) => verdict(
            "DeliverySucceeded",
            "False",
            failure.reason,
            about(report, failure),
        ),
        None if held > 0 => verdict(
            "DeliverySucceeded",
            "False",
            "ObjectsHeld",
            about_held(held, reports),
        ),
        // What was found at the newest attempt stands, as far as it is known.
        None if undelivered => verdict(
            "DeliverySucceeded",
            "Unknown",
            "NotDelivered",
            "what the callback did not accept waits for its next attempt",
        ),
        None if unpolled => verdict(
            "DeliverySucceeded",
            "Unknown",
            "NotPolledYet",
            "not every resource was polled yet",
        ),
        None => verdict(
            "DeliverySucceeded",
            "True",
            "DeliverySucceeded",
            if reports.iter().any(|report| report.figures.dead_letters > 0) {
                "the callback or the dead-letter sink accepted every event"
            } else {
                "the callback accepted every event"
            },
        ),
    });

    let (first_reason, first_poll) =
        match unproven.and_then(|report| Some((report, report.failure.as_ref()?))) {
            Some((report, failure)) if failure.reason == PollError::RESTING => (
                failure.reason,
                format!("the first poll waits: {}", about(report, failure)),
            ),
            Some((report, failure)) => (
                failure.reason,
                format!(
                    "the first poll failed and is tried again: {}",
                    about(report, failure)
                ),
            ),
            None => (FIRST_POLL, "the first poll is under way".to_owned()),
        };
    let human = failures.iter().find(|(_, failure)| failure.needs_human);
    let lasting = failures
        .iter()
        .find(|(_, failure)| failure.in_a_row >= failure_threshold);
    verdicts.insert(
        0,
        match human.or(lasting) {
            Some((report, failure)) => {
                let times = failure.in_a_row;
                let message = about(report, failure);
                let message = if failure.needs_human {
                    message
                } else if failure.reason == PollError::RESTING {
                    format!("{message} ({times} times in a row)")
                } else {
                    format!("{message} ({times} polls in a row)")
                };
                verdict("Ready", "False", failure.reason, message)
            }
            None if unpolled || unproven.is_some() => verdict("Ready", "Unknown", first_reason, &first_poll),
            None => verdict(
                "Ready",
                "True",
                "Polling",
                if resources == 1 {
                    "1 resource is polled".to_owned()
                } else {
                    format!("{resources} resources are polled")
                },
            ),
        },
    );
    if let Some((report, failure)) = human {
        verdicts.push(verdict("Stalled", "True", failure.reason, about(report, failure)));
    }
    if verdicts
        .iter()
        .any(|verdict| verdict.type_ == "Ready" && verdict.status == "Unknown")
    {
        verdicts.push(verdict("Reconciling", "True", first_reason, first_poll));
    }
    verdicts
}

fn about_held(held: usize, reports: &[&ResourceReport]) -> String {
    let objects = || {
        reports
            .iter()
            .filter_map(|report| Some((*report, report.held_objects.as_ref()?)))
    };
    let named: Vec<String> = objects()
        .flat_map(|(report, held)| held.examples.iter().map(|id| format!("{}/{id}", report.name)))
        .take(MOST_EXAMPLES)
        .collect();
    let more = if held > named.len() { ", …" } else { "" };
    let answer = objects().find_map(|(_, held)| held.last_answer.clone());
    let answer = answer
        .map(|answer| format!("; last {answer}"))
        .unwrap_or_default();
    let are = if held == 1 { "object is" } else { "objects are" };
    format!(
        "{held} {are} held: {}{more}{answer}; they are tried again by delivery.retrySchedule, or at once \
         with {REQUESTED_AT}; {SKIP} gives up what it names",
        named.join(", ")
    )
}

fn about(report: &ResourceReport, failure: &Failure) -> String {
    format!("resource {}: {}", report.name, failure.message)
}

/// After a restart, what an earlier process found stands until this one knows better.
pub(super) fn carried_over(mut verdicts: Vec<Verdict>, before: &[Condition]) -> Vec<Verdict> {
    let gone = before
        .iter()
        .find(|condition| condition.type_ == "DeliverySucceeded" && condition.reason == GONE);
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.status == "Unknown") {
        let known = before.iter().find(|condition| condition.type_ == verdict.type_);
        // A failure found since is known better than the one before.
        let fresh = ![FIRST_POLL, PollError::RESTING].contains(&verdict.reason.as_str());
        let known = known
            .filter(|known| !OVER.contains(&known.reason.as_str()))
            .filter(|known| known.status == "True" || verdict.type_ != "Ready" || !fresh)
            .or(gone.filter(|_| verdict.type_ == "Ready"));
        match known {
            Some(known) if known.status == "True" || known.status == "False" => {
                verdict.status = if known.status == "True" { "True" } else { "False" };
                verdict.reason.clone_from(&known.reason);
                verdict.message.clone_from(&known.message);
            }
            _ => {}
        }
    }
    let ready = verdicts.iter().find(|verdict| verdict.type_ == "Ready").cloned();
    let Some(ready) = ready.filter(|ready| ready.status != "Unknown") else {
        return verdicts;
    };
    verdicts.retain(|verdict| verdict.type_ != "Reconciling");
    let stalled = |condition: &Condition| condition.type_ == "Stalled" && condition.reason == ready.reason;
    let stalled = ready.reason == GONE || before.iter().any(stalled);
    if stalled && ready.status == "False" && verdicts.iter().all(|verdict| verdict.type_ != "Stalled") {
        verdicts.push(Verdict {
            type_: "Stalled",
            status: "True",
            ..ready
        });
    }
    verdicts
}

/// What is known of a callback that did not accept something, while a Secret cannot be read: a callback that is gone is
/// not called again for that.
pub(super) fn still_undelivered(before: &[Condition]) -> Option<Verdict> {
    let known = before
        .iter()
        .find(|condition| condition.type_ == "DeliverySucceeded" && condition.status == "False")?;
    Some(Verdict {
        type_: "DeliverySucceeded",
        status: "False",
        reason: known.reason.clone(),
        message: known.message.clone(),
    })
}

/// Edits over which checkpoints were carried are told until the spec is changed again, or for a day; it has no influence
/// on any other condition.
pub(super) fn about_edits(
    fresh: &[CarriedOver],
    before: &[Condition],
    generation: i64,
    now: Timestamp,
) -> Option<Verdict> {
    let shown = before.iter().find(|condition| {
        condition.type_ == CARRIED_OVER
            && condition.observed_generation == Some(generation)
            && now.duration_since(condition.last_transition_time.0) < CARRIED_OVER_SHOWN
    });
    // Resources are polled one after the other, and each tells of the edit in more than one poll.
    let mut reason = shown.map(|shown| shown.reason.as_str());
    let mut messages: Vec<&str> = shown.iter().map(|shown| shown.message.as_str()).collect();
    for edit in fresh {
        // One that was cut may have held it.
        let is_told = |message: &&str| message.contains(&edit.message) || message.ends_with('…');
        if !messages.iter().any(is_told) {
            reason = Some(&edit.reason);
            messages.push(&edit.message);
        }
    }
    reason.map(|reason| verdict(CARRIED_OVER, "True", reason, messages.join(" | ")))
}

/// Adds times: `lastTransitionTime` changes with the status only.
pub(super) fn stamped(
    verdicts: Vec<Verdict>,
    before: &[Condition],
    generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    verdicts
        .into_iter()
        .map(|verdict| {
            let before = before
                .iter()
                .find(|c| c.type_ == verdict.type_ && c.status == verdict.status)
                // Another edit has a day of its own.
                .filter(|c| c.type_ != CARRIED_OVER || c.message == verdict.message);
            Condition {
                last_transition_time: before
                    .map_or_else(|| whole_second(now), |c| c.last_transition_time.clone()),
                type_: verdict.type_.to_owned(),
                status: verdict.status.to_owned(),
                reason: verdict.reason,
                message: verdict.message,
                observed_generation: Some(generation),
            }
        })
        .collect()
}

/// Kubernetes times have whole seconds.
pub(super) fn whole_second(at: Timestamp) -> Time {
    Time(Timestamp::from_second(at.as_second()).unwrap_or(at))
}
