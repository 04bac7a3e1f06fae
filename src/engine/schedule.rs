//! When a resource is polled next.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::deliver::{jittered, pause_after};

/// Polls that are overdue after a restart are spread over this time.
const RESTART_SPREAD: Duration = Duration::from_secs(10);

/// What the end of a poll asks of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// An interval later.
    Interval,
    /// After a pause that grows with each failure.
    Backoff,
    /// After a pause of the retry schedule, and not before the receiver wants it.
    Attempt {
        /// The schedule's pause, before jitter.
        pause: Duration,
        /// What the receiver asked for.
        retry_after: Option<Duration>,
    },
    /// The callback is gone: nothing of the instance is polled until a human acts.
    Stop,
    /// The peer named a time.
    NotBefore(Duration),
    /// Only a human can mend it; look again an interval later.
    WaitForHuman,
}

/// Fraction in [0, 1) by which instances are spread, the same for one instance on every day.
pub(super) fn spread(uid: &str) -> f64 {
    let hash = Sha256::digest(uid.as_bytes());
    f64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])) / (f64::from(u32::MAX) + 1.0)
}

/// Due time of what was due at an instant that somebody else remembers, spread where that is past.
pub(super) fn due_again(
    now: Instant,
    until_due: Option<Duration>,
    interval: Duration,
    spread: f64,
) -> Instant {
    now + until_due.unwrap_or_else(|| RESTART_SPREAD.min(interval).mul_f64(spread))
}

/// First due time: at once for an instance never polled, so that its first start is known as early as
/// possible; else an interval after its last poll, and spread where that is past.
pub(super) fn first_due(
    now: Instant,
    since_last_poll: Option<Duration>,
    interval: Duration,
    spread: f64,
) -> Instant {
    match since_last_poll {
        None => now,
        Some(elapsed) => match interval.checked_sub(elapsed) {
            Some(rest) => now + rest,
            None => now + RESTART_SPREAD.min(interval).mul_f64(spread),
        },
    }
}

/// Due time after a poll; `failures` counts the failed polls in a row, `jitter` is in [0, 1).
///
/// The first interval is shortened by the instance's share, so that instances applied together drift apart.
pub(super) fn next_due(
    now: Instant,
    next: Next,
    interval: Duration,
    failures: u32,
    first: Option<f64>,
    jitter: f64,
) -> Instant {
    let pause = match next {
        Next::Interval => first.map_or(interval, |spread| interval.mul_f64(0.5 + spread / 2.0)),
        Next::WaitForHuman | Next::Stop => interval,
        Next::Attempt { pause, retry_after } => jittered(pause, jitter).max(retry_after.unwrap_or_default()),
        // A peer that wants to be called again at once does not get more than one that says nothing.
        Next::NotBefore(pause) => pause.max(pause_after(failures, jitter)),
        Next::Backoff => pause_after(failures, jitter),
    };
    now + pause
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pauses_follow_the_table() {
        let now = Instant::now();
        let minute = Duration::from_secs(60);
        let check = |next, failures, first, expected: u64| {
            let due = next_due(now, next, minute, failures, first, 0.5);
            assert_eq!(
                (due - now).as_secs(),
                expected,
                "{next:?} after {failures} failures"
            );
        };
        check(Next::Interval, 0, None, 60);
        check(Next::Interval, 0, Some(0.0), 30);
        check(Next::WaitForHuman, 1, None, 60);
        check(Next::NotBefore(Duration::from_secs(90)), 1, None, 90);
        let attempt = |retry_after: Option<u64>| Next::Attempt {
            pause: Duration::from_secs(512),
            retry_after: retry_after.map(Duration::from_secs),
        };
        check(attempt(None), 7, None, 512);
        check(attempt(Some(90)), 7, None, 512);
        check(attempt(Some(900)), 7, Some(0.5), 900);
        check(Next::NotBefore(Duration::ZERO), 1, None, 2);
        check(Next::NotBefore(Duration::ZERO), 4, None, 16);
        check(Next::Backoff, 1, None, 2);
        check(Next::Backoff, 2, None, 4);
        check(Next::Backoff, 5, None, 32);
        check(Next::Backoff, 60, None, 250);
    }

    #[tokio::test]
    async fn a_restart_follows_the_last_poll() {
        let now = Instant::now();
        let minute = Duration::from_secs(60);
        let due = |elapsed: Option<u64>| first_due(now, elapsed.map(Duration::from_secs), minute, 0.5) - now;
        assert_eq!(due(None), Duration::ZERO);
        assert_eq!(due(Some(20)), Duration::from_secs(40));
        assert_eq!(due(Some(3600)), Duration::from_secs(5));
    }
}
