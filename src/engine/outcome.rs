//! What becomes of a poll: its report, and when the next one is due.

use std::time::Duration;

use jiff::Timestamp;

use super::claim::Claim;
use super::delivery::SinkFailure;
use super::schedule::Next;
use super::skip::Skip;
use super::{
    Concern, Engine, Failure, Figures, HeldObjects, Instance, InstanceMemory, MOST_EXAMPLES, Notice,
    PollError, PollState, ResourceReport,
};
use crate::api::SKIP;
use crate::config::ResourceSettings;
use crate::deliver::Attempts;
use crate::element::{Place, Remedy};
use crate::poll::{Checkpoint, Phase, Refusals};
use crate::store::CheckpointStore;

/// A finished poll.
pub(super) struct Polled {
    pub(super) report: ResourceReport,
    pub(super) next: Next,
    pub(super) skip: Option<Skip>,
}

/// What a poll gathers on its way.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) figures: Figures,
    pub(super) last_event_at: Option<Timestamp>,
    pub(super) held: Option<String>,
    pub(super) first_invalid: Option<String>,
    pub(super) warning: Option<String>,
    pub(super) retry_after: Option<Duration>,
    pub(super) last_refusal: Option<String>,
    pub(super) dead_letter: Option<String>,
    pub(super) sink_failure: Option<SinkFailure>,
    pub(super) skip: Option<Skip>,
    pub(super) skipped: Vec<String>,
    /// A human's `resetTo` was applied.
    pub(super) cursor_was_set: bool,
    /// How a resource that was added begins, and what became of objects held before an edit.
    pub(super) of_edits: Vec<Notice>,
    /// Among the polls that wait for the source, until the first request.
    pub(super) place: Option<Place>,
    /// When to come back to a source that is left alone.
    pub(super) turn: Option<Duration>,
    /// Another instance with the credential makes the failure known.
    pub(super) shown_elsewhere: bool,
}

impl Progress {
    /// Takes what is to be said of the beginning of a resource.
    pub(super) fn begins(&mut self, claim: Option<&mut Claim>) {
        self.of_edits.extend(claim.and_then(|claim| claim.notice.take()));
    }

    /// Says which objects were held before an edit, and are not listed since.
    pub(super) fn note_forgotten(&mut self, resource: &str, before: Vec<String>, after: &[String]) {
        let gone: Vec<String> = before.into_iter().filter(|id| !after.contains(id)).collect();
        if let Some(first) = gone.first() {
            self.of_edits.push(Notice {
                reason: "HeldObjectsGone",
                message: format!(
                    "{} objects of {resource} that were held before the spec was edited are listed no longer, and so are held \
                     no longer; the first is {first}",
                    gone.len()
                ),
                warning: true,
            });
        }
    }

    /// What is to be told once.
    pub(super) fn notices(&self, resource: &str) -> Vec<Notice> {
        let mut notices = self.of_edits.clone();
        if let Some(first) = &self.dead_letter {
            notices.push(Notice {
                reason: "DeadLettered",
                message: format!(
                    "{} events of {} went to the dead-letter sink; the first is that of {first}",
                    self.figures.dead_letters, resource
                ),
                warning: true,
            });
        }
        notices.extend(self.skipped.iter().map(|object| Notice {
            reason: "ObjectSkipped",
            message: format!(
                "the refused event of object {object} of {} was given up, as {SKIP} asks; later ones are delivered",
                resource
            ),
            warning: false,
        }));
        notices
    }
}

impl<S: CheckpointStore> Engine<S> {
    /// Says how a poll of `resource` ended.
    pub(super) fn report(
        &self,
        instance: &Instance,
        resource: &ResourceSettings,
        memory: &InstanceMemory,
        claim: Option<&Claim>,
        progress: Progress,
        result: Result<(), PollError>,
    ) -> Polled {
        let now = self.clock.now();
        let before = memory.report(&resource.name);
        let lookback = instance.settings.lookback;
        let cursor = claim
            .and_then(|claim| claim.memory.checkpoint.cursor(lookback))
            .or(before.and_then(|before| before.cursor));
        let learning = claim.is_some_and(|claim| claim.memory.checkpoint.phase == Phase::First);
        let state = match &result {
            Ok(()) if learning => PollState::Learning,
            Ok(()) => PollState::Polled,
            Err(error) if error.is_delivery() => PollState::DeliveryFailed,
            Err(PollError::SourceResting { .. }) if progress.figures.http_status.is_none() => {
                PollState::Waiting
            }
            Err(_) => PollState::PollFailed,
        };
        let failures = match &result {
            Ok(()) => 0,
            // It was not the resource's own poll that failed.
            Err(PollError::SourceResting { .. }) => memory.failures(&resource.name),
            Err(_) => memory.failures(&resource.name).saturating_add(1),
        };
        let failed_deliveries = match &result {
            Ok(()) => 0,
            // What took something is not down: the schedule begins anew.
            Err(error) if error.is_delivery() && progress.figures.events.total() > 0 => 1,
            Err(error) if error.is_delivery() => memory.failed_deliveries(&resource.name).saturating_add(1),
            Err(_) if progress.figures.events.total() > 0 => 0,
            Err(_) => memory.failed_deliveries(&resource.name),
        };
        let next = match (&result, progress.turn) {
            (Ok(()), _) => Next::Interval,
            (Err(error), Some(turn)) if error.is_rest() => Next::NotBefore(turn),
            (Err(error), _) => {
                let schedule = &instance.settings.retry_schedule;
                let pause = Attempts::new(schedule, failed_deliveries.saturating_sub(1)).after;
                next_after(error, pause, progress.retry_after)
            }
        };
        // Without the checkpoint, what was held before is held still.
        let held = match claim {
            Some(claim) => claim.memory.checkpoint.refused_objects().count(),
            None => before.map_or(0, |before| before.held),
        };
        let notices = progress.notices(&resource.name);
        let last_answer = progress.last_refusal.or_else(|| {
            let before = before.and_then(|before| before.held_objects.as_ref());
            before.and_then(|before| before.last_answer.clone())
        });
        let held_objects = match claim {
            Some(claim) => held_objects(&claim.memory.checkpoint, last_answer),
            None => before.and_then(|before| before.held_objects.clone()),
        };
        let carried_over = claim.and_then(|claim| claim.memory.to_be_told().cloned());
        let mut notes: Vec<String> = carried_over
            .iter()
            .map(|carried| carried.message.clone())
            .collect();
        if let Some(first) = progress.first_invalid {
            notes.push(format!(
                "{} records were skipped, the first: {first}",
                progress.figures.invalid
            ));
        }
        notes.extend(progress.held);
        notes.extend(notices.iter().map(|notice| notice.message.clone()));
        notes.extend(progress.warning);
        let report = ResourceReport {
            name: resource.name.clone(),
            state,
            ended_at: now,
            succeeded_at: if result.is_ok() {
                Some(now)
            } else {
                before.and_then(|before| before.succeeded_at)
            },
            cursor,
            last_event_at: progress
                .last_event_at
                .or(before.and_then(|before| before.last_event_at)),
            failures,
            failed_deliveries,
            held,
            held_objects,
            figures: progress.figures,
            failure: result
                .err()
                .map(|error| failure(&error, failures, progress.shown_elsewhere)),
            notes,
            notices,
            carried_over,
            cursor_was_set: progress.cursor_was_set,
        };
        Polled {
            report: still_shown(report, before),
            next,
            skip: progress.skip,
        }
    }
}

/// What is told of held objects; none where there are none.
fn held_objects(checkpoint: &Checkpoint, last_answer: Option<String>) -> Option<HeldObjects> {
    let since = |refusals: Option<&Refusals>| refusals.map(|refusals| refusals.since);
    let mut held: Vec<_> = checkpoint
        .refused_objects()
        .map(|(id, refusals)| (since(refusals), id))
        .collect();
    held.sort_unstable();
    let oldest = held.iter().find_map(|(since, _)| *since);
    let examples: Vec<String> = held
        .iter()
        .take(MOST_EXAMPLES)
        .map(|(_, id)| (*id).to_owned())
        .collect();
    (!examples.is_empty()).then_some(HeldObjects {
        oldest,
        last_answer,
        examples,
    })
}

/// While a resource waits, what it showed before goes on being shown, together with how long that has lasted.
fn still_shown(mut report: ResourceReport, before: Option<&ResourceReport>) -> ResourceReport {
    let (PollState::Waiting, Some(before)) = (report.state, before) else {
        return report;
    };
    report.held = before.held;
    report.held_objects.clone_from(&before.held_objects);
    report.notes.clone_from(&before.notes);
    let own = before.failure.as_ref();
    if let Some(own) = own.filter(|failure| failure.reason != PollError::RESTING) {
        let rests = report.failure.as_ref().map_or(0, |failure| failure.in_a_row);
        report.failure = Some(Failure {
            in_a_row: own.in_a_row.max(rests),
            ..own.clone()
        });
    }
    report
}

fn next_after(error: &PollError, pause: Duration, retry_after: Option<Duration>) -> Next {
    match error {
        PollError::Delivery(error) if error.is_gone() => Next::Stop,
        PollError::Delivery(_) => Next::Attempt { pause, retry_after },
        PollError::Token(error) if error.needs_human() => Next::WaitForHuman,
        PollError::Token(error) => error.retry_after().map_or(Next::Backoff, Next::NotBefore),
        PollError::Element(_)
        | PollError::EndlessListing { .. }
        | PollError::CircularListing { .. }
        | PollError::CheckpointFull { .. } => Next::WaitForHuman,
        PollError::Store(_) | PollError::TakenOver | PollError::SourceResting { .. } => Next::Backoff,
        PollError::Source(error) => match error.remedy() {
            Remedy::RetryLater { after: Some(after) } => Next::NotBefore(after),
            Remedy::RetryLater { after: None } | Remedy::RetrySoon => Next::Backoff,
            Remedy::RefreshToken | Remedy::Fail | Remedy::AskHuman => Next::WaitForHuman,
        },
    }
}

fn failure(error: &PollError, failures: u32, shown_elsewhere: bool) -> Failure {
    let (concerns, needs_human) = match error {
        PollError::Token(error) => (Concern::Credentials, error.needs_human()),
        PollError::Element(_) => (Concern::Source, true),
        PollError::Source(error) => (
            Concern::Source,
            matches!(error.remedy(), Remedy::AskHuman | Remedy::RefreshToken),
        ),
        PollError::EndlessListing { .. }
        | PollError::CircularListing { .. }
        | PollError::CheckpointFull { .. } => (Concern::Source, true),
        PollError::SourceResting { .. } => (Concern::Source, false),
        PollError::Delivery(error) => (Concern::Delivery, error.is_gone()),
        PollError::Store(_) | PollError::TakenOver => (Concern::Storage, false),
    };
    Failure {
        reason: error.reason(),
        message: error.chain(),
        concerns,
        needs_human,
        in_a_row: match error {
            PollError::SourceResting { in_a_row, .. } => *in_a_row,
            _ => failures,
        },
        shown_elsewhere: shown_elsewhere || matches!(error, PollError::SourceResting { .. }),
    }
}
