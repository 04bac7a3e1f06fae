//! When one credential may ask its source; pure, `now` is an argument.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::element::{Remedy, RequestLimits, SourceError, TokenError};

/// Polls of one credential that wait at the same time, so that it holds no more of the process than that.
const MOST_WAITING: usize = 128;
/// Longest time a poll is expected to wait for its first request; beyond it the poll is put off.
const LONGEST_QUEUE: Duration = Duration::from_secs(10);
/// Longest time a poll is put off for the sake of those before it, where no rate limit says how long they take.
const LONGEST_PUT_OFF: Duration = Duration::from_secs(60);
/// Time between two polls that come back from a rest, at least.
const LEAST_SPREAD: Duration = Duration::from_millis(50);
/// What a request takes as long as none was answered.
const FIRST_GUESS: Duration = Duration::from_millis(20);
/// Shortest pause that is doubled.
const SHORTEST_REST: Duration = Duration::from_secs(2);
/// Longest rest that a source can ask for.
const LONGEST_WISH: Duration = Duration::from_secs(3600);
/// Longest pause that we choose ourselves; the source may ask for more.
const LONGEST_OWN_REST: Duration = Duration::from_secs(15 * 60);

/// A source's wish to be left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pushback {
    /// Who answered what, for humans of any namespace: no names, no request, no text of the source.
    said: String,
    /// How long, where it or the element says so.
    after: Option<Duration>,
    /// It was asked too often, so that asking again after that time alone may be too often, too.
    widens: bool,
}

impl Pushback {
    /// `None` for an error that is none.
    pub(super) fn of_source(error: &SourceError) -> Option<Self> {
        let Remedy::RetryLater { after } = error.remedy() else {
            return None;
        };
        let refusal = error.refusal()?;
        Some(Self {
            said: format!("{} answered {}", refusal.host, refusal.status),
            after,
            widens: matches!(error, SourceError::SourceThrottled { .. }),
        })
    }

    /// `None` for an error that is none.
    pub(super) fn of_token_service(error: &TokenError) -> Option<Self> {
        let TokenError::TokenServiceUnavailable {
            host, status, after, ..
        } = error
        else {
            return None;
        };
        Some(Self {
            said: format!("{host} answered {status}"),
            after: *after,
            widens: false,
        })
    }
}

/// A rest that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// How long it lasts from now on.
    pub left: Duration,
    /// Rests in a row, this one included.
    pub in_a_row: u32,
    /// Who answered what; names no object and quotes nothing.
    pub said: String,
}

/// From the first pushback until an answer that is none.
#[derive(Debug)]
struct Storm {
    /// Until when nobody asks.
    until: Instant,
    /// The part of it that the source wished.
    wished: Instant,
    in_a_row: u32,
    said: String,
    /// Uid of the instance that tells of it.
    teller: String,
}

impl Storm {
    fn rest(&self, until: Instant, now: Instant) -> Rest {
        Rest {
            left: until - now,
            in_a_row: self.in_a_row,
            said: self.said.clone(),
        }
    }
}

/// Where one credential stands.
#[derive(Debug)]
pub(super) struct Pace {
    limits: RequestLimits,
    /// When the newest requests were or will be sent, as many as the rate limit allows in its stretch.
    sent: VecDeque<Instant>,
    /// How long a request takes, on average.
    takes: Duration,
    waiting: usize,
    /// When the last of those who were put off is expected, by what requests take and by the rate limit.
    expected: [Instant; 2],
    storm: Option<Storm>,
    /// Rests so far, by which an answer is told from one to a request before the rest.
    rests: u64,
    /// Uid of the instance that tells that the credentials are rejected.
    rejection_teller: Option<String>,
}

impl Pace {
    pub(super) fn new(limits: RequestLimits, now: Instant) -> Self {
        Self {
            limits,
            sent: VecDeque::new(),
            takes: FIRST_GUESS,
            waiting: 0,
            expected: [now; 2],
            storm: None,
            rests: 0,
            rejection_teller: None,
        }
    }

    /// Whether nobody would notice if it were made anew.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        let stretch = self.stretch();
        self.storm.is_none()
            && self.rejection_teller.is_none()
            && self.waiting == 0
            && self.expected.iter().all(|at| *at <= now)
            && self.sent.back().is_none_or(|last| *last + stretch <= now)
    }

    /// The rest that is not over; a human's request only has to respect what the source wished.
    pub(super) fn resting(&self, now: Instant, asked: bool) -> Option<Rest> {
        let storm = self.storm.as_ref()?;
        let until = if asked { storm.wished } else { storm.until };
        (until > now).then(|| storm.rest(until, now))
    }

    /// After a rest, requests go one at a time until one is answered well.
    pub(super) fn is_probing(&self) -> bool {
        self.storm.is_some()
    }

    /// Rests so far.
    pub(super) fn rests(&self) -> u64 {
        self.rests
    }

    /// Takes a place among those that wait; `promised` if it was put off before and its turn has come. False
    /// where it is to be put off.
    pub(super) fn admit(&mut self, now: Instant, promised: bool) -> bool {
        let overtakes = !promised && self.expected.iter().any(|at| *at > now);
        let waiting = u32::try_from(self.waiting).unwrap_or(u32::MAX);
        let queue = self.taken().max(self.interval()).saturating_mul(waiting);
        if overtakes || self.waiting >= MOST_WAITING || queue > LONGEST_QUEUE {
            return false;
        }
        self.waiting += 1;
        true
    }

    /// A place in the middle of a poll, which is not put off for the sake of others.
    pub(super) fn wait(&mut self) {
        self.waiting += 1;
    }

    /// Whether a poll in the middle may stay for a rest.
    pub(super) fn has_room(&self) -> bool {
        self.waiting < MOST_WAITING
    }

    /// Gives the place back.
    pub(super) fn leave(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// When the next poll that is put off is to come back: after the rest, after those that wait and after those put
    /// off before it. `jitter` from 0 to 1 spreads those for whom that is too long to tell.
    pub(super) fn turn(&mut self, now: Instant, jitter: f64) -> Duration {
        let rest = self.storm.as_ref().map_or(now, |storm| storm.until.max(now));
        let waiting = u32::try_from(self.waiting).unwrap_or(u32::MAX);
        // Those who come back from a rest do not come at once.
        let least = if self.storm.is_some() {
            LEAST_SPREAD
        } else {
            Duration::ZERO
        };
        let (taken, interval) = (self.taken().max(least), self.interval());
        let latest = rest + LONGEST_PUT_OFF;
        let [by_time, by_rate] = &mut self.expected;
        *by_rate = (*by_rate).max(rest) + interval;
        *by_time = (*by_time).max(rest + taken.saturating_mul(waiting).min(LONGEST_PUT_OFF)) + taken;
        let mut turn = *by_time;
        if turn > latest {
            *by_time = latest;
            turn = latest + LONGEST_PUT_OFF.mul_f64(jitter / 4.0);
        }
        turn.max(*by_rate) - now
    }

    /// When the next request may be sent, so that no stretch of the rate limit has more than it allows.
    pub(super) fn reserve(&mut self, now: Instant) -> Instant {
        let Some(rate) = self.limits.rate_limit else {
            return now;
        };
        let most = usize::try_from(rate.requests.max(1)).unwrap_or(usize::MAX);
        let mut at = self.sent.back().map_or(now, |last| now.max(*last));
        if self.sent.len() >= most
            && let Some(first) = self.sent.pop_front()
        {
            at = at.max(first + self.stretch());
        }
        self.sent.push_back(at);
        at
    }

    /// A request ended after this time, answered or not.
    pub(super) fn took(&mut self, time: Duration) {
        self.takes = (self.takes * 7 + time) / 8;
    }

    /// An answer came to a request sent after `rests` rests, and the source is not tired: the storm is over.
    pub(super) fn served(&mut self, rests: u64) -> bool {
        rests == self.rests && self.storm.take().is_some()
    }

    /// The source wishes to be left alone, in answer to a request sent after `rests` rests. The rest, and whether the
    /// instance is the one to tell of it.
    ///
    /// The source's wish is never undercut, up to an hour. Where it was asked too often, or names no time, the pause
    /// doubles with each rest in a row.
    pub(super) fn pushed_back(
        &mut self,
        now: Instant,
        rests: u64,
        pushback: &Pushback,
        uid: &str,
    ) -> (Rest, bool) {
        let wish = pushback.after.unwrap_or_default().min(LONGEST_WISH);
        let earlier = self.storm.take();
        // Requests that were under way together are answered alike, and that is one rest.
        let begins = earlier.is_none() || rests == self.rests;
        self.rests += u64::from(begins);
        let before = earlier.as_ref().map_or(0, |storm| storm.in_a_row);
        let in_a_row = before.saturating_add(begins.into());
        let own = if pushback.widens || pushback.after.is_none() {
            let doublings = in_a_row.saturating_sub(1).min(16);
            (wish.max(SHORTEST_REST) * (1 << doublings)).min(LONGEST_OWN_REST)
        } else {
            SHORTEST_REST
        };
        let (wished, until) = (now + wish, now + wish.max(own));
        let storm = self.storm.insert(match earlier {
            Some(storm) => Storm {
                until: storm.until.max(until),
                wished: storm.wished.max(wished),
                in_a_row,
                said: pushback.said.clone(),
                teller: storm.teller,
            },
            None => Storm {
                until,
                wished,
                in_a_row,
                said: pushback.said.clone(),
                teller: uid.to_owned(),
            },
        });
        (storm.rest(storm.until, now), storm.teller == uid)
    }

    /// The credentials are rejected. Whether the instance is the one to tell of it.
    pub(super) fn rejected(&mut self, uid: &str) -> bool {
        self.rejection_teller.get_or_insert_with(|| uid.to_owned()) == uid
    }

    /// The credentials are accepted.
    pub(super) fn accepted(&mut self) {
        self.rejection_teller = None;
    }

    fn stretch(&self) -> Duration {
        let rate = self.limits.rate_limit;
        rate.map_or(Duration::ZERO, |rate| {
            Duration::from_secs(rate.per_seconds.into())
        })
    }

    /// Time that a request takes of all that are let through side by side.
    fn taken(&self) -> Duration {
        self.takes / u32::from(self.limits.concurrent_requests.max(1))
    }

    /// Time between two requests where the rate limit is used to the full.
    fn interval(&self) -> Duration {
        let rate = self.limits.rate_limit;
        rate.map_or(Duration::ZERO, |rate| {
            Duration::from_secs(rate.per_seconds.into()) / rate.requests.max(1)
        })
    }
}
