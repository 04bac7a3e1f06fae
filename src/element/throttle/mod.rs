//! How much of its source one credential may ask: a bounded number of requests under way, a rate, and rests, shared by
//! all instances that use it.

mod by_credential;
mod pace;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use self::pace::{Pace, Pushback};
use super::{Remedy, RequestLimits, SourceError, TokenError};

pub use by_credential::Throttles;
pub use pace::Rest;

/// A waiting poll looks this often whether it is still wanted.
const LOOK: Duration = Duration::from_secs(1);
/// Longest rest that is waited for in the middle of a listing, which would else be read again from its beginning.
const LONGEST_PATIENCE: Duration = Duration::from_secs(120);

/// What one credential is held to: a poll is admitted once, then asks leave for each of its requests.
#[derive(Debug)]
pub struct Throttle {
    /// Requests under way; first come, first served.
    slots: Arc<Semaphore>,
    /// How many there are.
    all: u32,
    pace: Mutex<Pace>,
}

/// The poll that asks.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// Uid of the instance.
    pub uid: &'a str,
    /// A human asked for the poll: it waits in line however long that takes, and respects only the rest that the source
    /// itself wished.
    pub asked: bool,
    /// False when the poll is no longer wanted.
    pub wanted: &'a (dyn Fn() -> bool + Send + Sync),
}

/// Why nothing is requested now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutOff {
    /// The source is left alone.
    Resting(Rest),
    /// Too many polls wait already.
    Crowded,
    /// The poll is no longer wanted.
    Unwanted,
}

/// What follows from a source's wish to be left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The caller's instance is the one to tell of it; else another with the credential is.
    pub tells: bool,
    /// It is the answer that begins the rest, not one to a request that was under way beside it.
    pub begins: bool,
    /// The rest.
    pub rest: Rest,
}

/// A place among the polls that wait.
#[derive(Debug)]
pub struct Place(Arc<Throttle>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.pace().leave();
    }
}

/// Leave to send one request; its slot is taken until the answer is told, or the leave dropped.
#[derive(Debug)]
pub struct Leave {
    throttle: Arc<Throttle>,
    rests: u64,
    began: Instant,
    _slots: OwnedSemaphorePermit,
}

impl Throttle {
    fn new(limits: &RequestLimits) -> Self {
        let all = limits.concurrent_requests.max(1);
        Self {
            slots: Arc::new(Semaphore::new(all.into())),
            all: all.into(),
            pace: Mutex::new(Pace::new(limits.clone(), Instant::now())),
        }
    }

    /// What a poll begins with; `promised` where it was put off before and its turn has come.
    pub fn admit(self: &Arc<Self>, caller: Caller<'_>, promised: bool) -> Result<Place, PutOff> {
        let mut pace = self.pace();
        let now = Instant::now();
        if let Some(rest) = pace.resting(now, caller.asked) {
            return Err(PutOff::Resting(rest));
        }
        if caller.asked {
            pace.wait();
        } else if !pace.admit(now, promised) {
            return Err(PutOff::Crowded);
        }
        Ok(Place(self.clone()))
    }

    /// How long a poll that was put off stays away: to the end of the rest, and until those before it had their turn.
    pub fn turn(&self) -> Duration {
        self.pace().turn(Instant::now(), fastrand::f64())
    }

    /// Waits for leave to send a request, in the order of asking. Where `patient`, a rest that is worth waiting for is
    /// waited for.
    pub async fn leave(
        self: &Arc<Self>,
        caller: Caller<'_>,
        place: Option<Place>,
        patient: bool,
    ) -> Result<Leave, PutOff> {
        let _place = place.unwrap_or_else(|| {
            self.pace().wait();
            Place(self.clone())
        });
        loop {
            self.rested(caller, patient).await?;
            // After a rest requests go one at a time until one is served.
            let probing = self.pace().is_probing();
            let slots = if probing { self.all } else { 1 };
            let Some(Ok(slots)) = while_wanted(caller, self.slots.clone().acquire_many_owned(slots)).await
            else {
                return Err(PutOff::Unwanted);
            };
            let changed = |pace: &Pace| {
                pace.resting(Instant::now(), caller.asked).is_some() || (pace.is_probing() && !probing)
            };
            let at = {
                let mut pace = self.pace();
                if changed(&pace) {
                    continue;
                }
                pace.reserve(Instant::now())
            };
            if at > Instant::now() {
                while_wanted(caller, sleep_until(at))
                    .await
                    .ok_or(PutOff::Unwanted)?;
            }
            let pace = self.pace();
            if changed(&pace) {
                continue;
            }
            return Ok(Leave {
                throttle: self.clone(),
                rests: pace.rests(),
                began: Instant::now(),
                _slots: slots,
            });
        }
    }

    /// Goes on where there is no rest, or after one.
    async fn rested(&self, caller: Caller<'_>, patient: bool) -> Result<(), PutOff> {
        loop {
            if !(caller.wanted)() {
                return Err(PutOff::Unwanted);
            }
            let Some(rest) = self.pace().resting(Instant::now(), caller.asked) else {
                return Ok(());
            };
            if !patient || !self.is_worth_waiting(&rest) {
                return Err(PutOff::Resting(rest));
            }
            sleep(rest.left.min(LOOK)).await;
        }
    }

    /// Whether a rest is short enough to be waited for in the middle of a listing.
    pub fn is_worth_waiting(&self, rest: &Rest) -> bool {
        rest.left <= LONGEST_PATIENCE && self.pace().has_room()
    }

    /// Rests so far.
    pub fn rests(&self) -> u64 {
        self.pace().rests()
    }

    /// Takes note of why a token that was asked for after `rests` rests was not granted; `None` where that is no wish of
    /// the token service to be left alone.
    pub fn token_unavailable(&self, caller: Caller<'_>, rests: u64, error: &TokenError) -> Option<Told> {
        let pushback = Pushback::of_token_service(error)?;
        Some(self.pushed_back(caller, rests, &pushback))
    }

    /// Takes note of whether the credentials are accepted. Whether the caller is the one to tell where they are not.
    pub fn credentials(&self, caller: Caller<'_>, accepted: bool) -> bool {
        let mut pace = self.pace();
        if accepted {
            pace.accepted();
        }
        !accepted && pace.rejected(caller.uid)
    }

    fn pushed_back(&self, caller: Caller<'_>, rests: u64, pushback: &Pushback) -> Told {
        let mut pace = self.pace();
        let before = pace.rests();
        let (rest, tells) = pace.pushed_back(Instant::now(), rests, pushback, caller.uid);
        Told {
            tells,
            begins: pace.rests() > before,
            rest,
        }
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave {
    /// Tells how the request went; what follows where the source wishes to be left alone.
    pub fn answered(self, caller: Caller<'_>, answer: Result<(), &SourceError>) -> Option<Told> {
        self.throttle.pace().took(self.began.elapsed());
        match answer {
            Err(error) if let Some(pushback) = Pushback::of_source(error) => {
                Some(self.throttle.pushed_back(caller, self.rests, &pushback))
            }
            // Of trouble that passes it is not known whether it has to do with how much is asked.
            Err(SourceError::SourceUnreachable(_)) => None,
            Err(error) if error.remedy() == Remedy::RetrySoon => None,
            _ => {
                self.throttle.pace().served(self.rests);
                None
            }
        }
    }
}

/// Waits for `future` as long as the poll is wanted; a place in line is kept meanwhile.
async fn while_wanted<F: Future>(caller: Caller<'_>, future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    loop {
        match timeout(LOOK, future.as_mut()).await {
            Ok(done) => return Some(done),
            Err(_) if (caller.wanted)() => {}
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests;
