//! What an answer of a receiver means, and when to try again; pure.

use std::time::Duration;

use ::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::DeliveryError;
use crate::http::{HttpError, retry_after};

/// Longest wait a `Retry-After` is obeyed for: a slip of its sender, such as milliseconds, must not silence a receiver
/// for days, and one call an hour is no burden.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// Longest wait between two attempts of one poll; after a longer one the record is read anew.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Most waits of one notification within one poll.
const MOST_WAITS: usize = 2;
/// Wait after the first failed poll.
const SHORTEST_PAUSE: Duration = Duration::from_secs(2);
/// Longest wait between failed polls before jitter, so that with it no wait is longer than five minutes.
const LONGEST_PAUSE: Duration = Duration::from_secs(250);

/// What an attempt came to.
#[derive(Debug)]
pub enum Verdict {
    /// 2xx.
    Accepted,
    /// The callback will never take this notification, while it may take others.
    Refused {
        /// 400, 409, 413 or 422.
        status: StatusCode,
        /// Beginning of the answer.
        answer: String,
    },
    /// To be tried again.
    Retry {
        /// Why.
        error: DeliveryError,
        /// What the callback asked for in `Retry-After`, at most an hour.
        after: Option<Duration>,
        /// Whether the callback may have taken the notification all the same.
        unanswered: bool,
    },
}

/// Judges an answer by its status; `answer` is its beginning, fit to be shown.
///
/// Refused for good is only what speaks of the notification itself (400, 409, 413, 422). Any other 4xx speaks of the
/// endpoint, its address or its credentials: every notification would meet it, so the delivery as a whole waits for
/// a human instead of every object being set aside one by one. 410 even asks to be called no more. A 413 with a
/// `Retry-After` is a passing one (RFC 9110 §15.5.14).
pub fn judge_answer(status: StatusCode, headers: &HeaderMap, answer: String, now: Timestamp) -> Verdict {
    let after = retry_after(headers, Some(now)).map(|wait| wait.min(LONGEST_RETRY_AFTER));
    let (error, after, unanswered) = match status.as_u16() {
        200..=299 => return Verdict::Accepted,
        413 if after.is_some() => (DeliveryError::CallbackThrottled { status, answer }, after, false),
        400 | 409 | 413 | 422 => return Verdict::Refused { status, answer },
        300..=399 => (DeliveryError::CallbackRedirect { status }, None, false),
        410 => (DeliveryError::CallbackGone { answer }, None, false),
        429 => (DeliveryError::CallbackThrottled { status, answer }, after, false),
        // Said by servers and proxies that want the very same request again.
        408 | 425 => (
            DeliveryError::CallbackServerError { status, answer },
            after,
            false,
        ),
        400..=499 => (DeliveryError::CallbackRefused { status, answer }, None, false),
        // A receiver may fail after it took the notification, and a gateway does not know.
        _ => (DeliveryError::CallbackServerError { status, answer }, after, true),
    };
    Verdict::Retry {
        error,
        after,
        unanswered,
    }
}

/// Judges an attempt without an answer.
pub fn judge_error(error: HttpError) -> Verdict {
    let unanswered = match &error {
        HttpError::Refused { .. } => false,
        HttpError::Connection { unsent, .. } => !unsent,
        HttpError::Timeout { .. } | HttpError::BodyTooLarge { .. } => true,
    };
    let error = match error {
        HttpError::Refused { .. } => DeliveryError::CallbackAddressRefused(error),
        HttpError::Timeout { .. } => DeliveryError::CallbackTimeout(error),
        HttpError::Connection { .. } | HttpError::BodyTooLarge { .. } => {
            DeliveryError::CallbackUnreachable(error)
        }
    };
    Verdict::Retry {
        error,
        after: None,
        unanswered,
    }
}

/// The attempts made within one poll, and the pause until the next poll makes more.
#[derive(Clone, Debug)]
pub struct Attempts {
    /// Waits between attempts before jitter; there is one attempt more than waits.
    waits: Vec<Duration>,
    /// Pause after the last attempt, before jitter.
    pub after: Duration,
    /// Ends the waits of all notifications of the poll.
    ended: CancellationToken,
}

impl Attempts {
    /// A single attempt.
    pub fn once() -> Self {
        Self {
            waits: Vec::new(),
            after: Duration::ZERO,
            ended: CancellationToken::new(),
        }
    }

    /// No more attempts are made in this poll: a callback that is gone, or wants to be left alone, is not called again
    /// by what waits beside.
    pub fn end(&self) {
        self.ended.cancel();
    }

    /// Waits between two attempts; false where no more are made.
    pub(super) async fn wait(&self, pause: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.ended.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }

    /// The attempts of the poll that follows `failed` polls in a row whose delivery was not accepted.
    ///
    /// The polls go through `schedule` (`delivery.retrySchedule`) one after the other: up to two entries of at most
    /// 10 s are waited for within a poll, the next one is the pause until the next poll. The last entry repeats for
    /// ever, since nothing is given up.
    pub fn new(schedule: &[Duration], failed: u32) -> Self {
        let mut place = 0;
        for _ in 0..failed {
            if place >= schedule.len() {
                break;
            }
            place += waits(schedule, place).len() + 1;
        }
        let waits = waits(schedule, place);
        let after = entry(schedule, place + waits.len());
        Self {
            waits,
            after,
            ended: CancellationToken::new(),
        }
    }

    /// How long to wait after `failed` attempts (1 or more), or `None` to give up until the next poll.
    ///
    /// `jitter` from 0 to 1 moves the wait by up to 20 % either way. A `Retry-After` is never undercut.
    pub fn pause(&self, failed: usize, retry_after: Option<Duration>, jitter: f64) -> Option<Duration> {
        let pause = jittered(*self.waits.get(failed.checked_sub(1)?)?, jitter);
        match retry_after {
            Some(wait) if wait > LONGEST_WAIT => None,
            Some(wait) => Some(pause.max(wait)),
            None => Some(pause),
        }
    }
}

fn waits(schedule: &[Duration], place: usize) -> Vec<Duration> {
    (place..place + MOST_WAITS)
        .map(|place| entry(schedule, place))
        .take_while(|wait| *wait <= LONGEST_WAIT)
        .collect()
}

/// The last entry stands for all that follow.
fn entry(schedule: &[Duration], place: usize) -> Duration {
    let entry = schedule.get(place).or(schedule.last());
    entry.copied().unwrap_or(LONGEST_RETRY_AFTER)
}

/// How long an object waits that was refused `refused` times (1 or more), by the same schedule.
pub fn pause_of_held(schedule: &[Duration], refused: u32, jitter: f64) -> Duration {
    let place = usize::try_from(refused.saturating_sub(1)).unwrap_or(usize::MAX);
    jittered(entry(schedule, place), jitter)
}

/// How long a resource waits before it polls again after `failed_polls` polls (1 or more) whose source or checkpoint
/// failed: 2 s, doubled with every further one, at most 5 min. `jitter` from 0 to 1 moves it by up to 20 % either way.
pub fn pause_after(failed_polls: u32, jitter: f64) -> Duration {
    let doublings = failed_polls.saturating_sub(1).min(16);
    jittered((SHORTEST_PAUSE * (1 << doublings)).min(LONGEST_PAUSE), jitter)
}

/// `pause`, moved by up to 20 % either way by a `jitter` from 0 to 1, so that many do not come back at once.
pub fn jittered(pause: Duration, jitter: f64) -> Duration {
    pause.mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
