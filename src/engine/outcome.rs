//! What becomes of a poll: its report, and when the next one is due.

use std::time::Duration;

use jiff::Timestamp;

use super::claim::Claim;
use super::schedule::Next;
use super::{
    Concern, Engine, Failure, Figures, Instance, InstanceMemory, PollError, PollState, ResourceReport,
};
use crate::config::ResourceSettings;
use crate::element::Remedy;
use crate::poll::Phase;
use crate::store::CheckpointStore;

/// A finished poll.
pub(super) struct Polled {
    pub(super) report: ResourceReport,
    pub(super) next: Next,
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
        let next = match &result {
            Ok(()) => Next::Interval,
            Err(error) => next_after(error, progress.retry_after),
        };
        let lookback = instance.settings.lookback;
        let cursor = claim
            .and_then(|claim| claim.memory.checkpoint.cursor(lookback))
            .or(before.and_then(|before| before.cursor));
        let learning = claim.is_some_and(|claim| claim.memory.checkpoint.phase == Phase::First);
        let state = match &result {
            Ok(()) if learning => PollState::Learning,
            Ok(()) => PollState::Polled,
            Err(error) if error.is_delivery() => PollState::DeliveryFailed,
            Err(_) => PollState::PollFailed,
        };
        let failures = memory.failures(&resource.name);
        let held = claim.map_or(0, |claim| claim.memory.checkpoint.refused_objects());
        let mut notes: Vec<String> = Vec::new();
        if let Some(first) = progress.first_invalid {
            notes.push(format!(
                "{} records were skipped, the first: {first}",
                progress.figures.invalid
            ));
        }
        notes.extend(progress.held);
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
            failures: if result.is_ok() {
                0
            } else {
                failures.saturating_add(1)
            },
            held,
            figures: progress.figures,
            failure: result.err().map(|error| failure(&error)),
            notes,
        };
        Polled { report, next }
    }
}

fn next_after(error: &PollError, retry_after: Option<Duration>) -> Next {
    match error {
        PollError::Delivery(_) => retry_after.map_or(Next::Backoff, Next::NotBefore),
        PollError::Token(error) if error.needs_human() => Next::WaitForHuman,
        PollError::Token(error) => error.retry_after().map_or(Next::Backoff, Next::NotBefore),
        PollError::Element(_)
        | PollError::EndlessListing { .. }
        | PollError::CircularListing { .. }
        | PollError::CheckpointFull { .. } => Next::WaitForHuman,
        PollError::Store(_) | PollError::TakenOver => Next::Backoff,
        PollError::Source(error) => match error.remedy() {
            Remedy::RetryLater { after: Some(after) } => Next::NotBefore(after),
            Remedy::RetryLater { after: None } | Remedy::RetrySoon => Next::Backoff,
            Remedy::RefreshToken | Remedy::Fail | Remedy::AskHuman => Next::WaitForHuman,
        },
    }
}

fn failure(error: &PollError) -> Failure {
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
        PollError::Delivery(_) => (Concern::Delivery, false),
        PollError::Store(_) | PollError::TakenOver => (Concern::Storage, false),
    };
    Failure {
        reason: error.reason(),
        message: error.chain(),
        concerns,
        needs_human,
    }
}
