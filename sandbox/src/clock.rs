//! The vendor's clock, which follows tokio's clock (also when it is paused).

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Start time plus elapsed tokio time plus all `advance` commands.
#[derive(Clone)]
pub(crate) struct Clock {
    start: Timestamp,
    origin: Instant,
    advanced_ms: i64,
}

impl Clock {
    pub(crate) fn new(start: Timestamp) -> Clock {
        Clock {
            start,
            origin: Instant::now(),
            advanced_ms: 0,
        }
    }

    /// Time without the database's skew: lifetimes of tokens and visibility of versions count on it.
    pub(crate) fn steady(&self) -> Timestamp {
        let elapsed = i64::try_from(self.origin.elapsed().as_millis()).unwrap_or(i64::MAX);
        add_ms(whole_ms(self.start), elapsed.saturating_add(self.advanced_ms))
    }

    pub(crate) fn start(&self) -> Timestamp {
        self.start
    }

    pub(crate) fn advance(&mut self, ms: i64) {
        self.advanced_ms = self.advanced_ms.saturating_add(ms);
    }
}

/// Adds milliseconds and stays within the range of timestamps.
pub(crate) fn add_ms(time: Timestamp, ms: i64) -> Timestamp {
    let bound = if ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    time.checked_add(SignedDuration::from_millis(ms)).unwrap_or(bound)
}

/// Cuts a timestamp to the milliseconds that Concur v3 prints.
pub(crate) fn whole_ms(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}
