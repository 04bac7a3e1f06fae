//! The other two that a process talks to: the store of its checkpoint, and the receiver of its events.

use std::collections::{HashSet, VecDeque};

use pollinator::poll::{Change, Checkpoint, EventId};

use super::step::{Reply, Write};
use super::vendor::Listed;

/// One stored object with optimistic concurrency, as the API server keeps it.
#[derive(Debug, Default)]
pub(super) struct Store {
    stored: Option<Checkpoint>,
    revision: u64,
    planned: VecDeque<Write>,
}

/// Why a write had no effect that its sender knows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreTrouble {
    Conflict,
    Away,
}

impl Store {
    pub(super) fn plan(&mut self, write: Write) {
        self.planned.push_back(write);
    }

    pub(super) fn label(&mut self) {
        self.revision += u64::from(self.stored.is_some());
    }

    /// Read back from the stored form, which keeps less than memory does.
    pub(super) fn load(&self) -> (Option<Checkpoint>, u64) {
        let read_back = |stored: &Checkpoint| Checkpoint::decode(&stored.encode().unwrap()).unwrap();
        (self.stored.as_ref().map(read_back), self.revision)
    }

    pub(super) fn stored(&self) -> Option<&Checkpoint> {
        self.stored.as_ref()
    }

    pub(super) fn save(&mut self, checkpoint: &Checkpoint, expected: u64) -> Result<u64, StoreTrouble> {
        let write = self.planned.pop_front().unwrap_or(Write::Works);
        if write == Write::Fails {
            return Err(StoreTrouble::Away);
        }
        if expected != self.revision {
            return Err(StoreTrouble::Conflict);
        }
        self.revision += 1;
        self.stored = Some(checkpoint.clone());
        match write {
            Write::AnswerLost => Err(StoreTrouble::Away),
            _ => Ok(self.revision),
        }
    }

    pub(super) fn recover(&mut self) {
        self.planned.clear();
    }
}

/// An event as sent, and what it tells of.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) id: EventId,
    pub(super) change: Change,
    pub(super) listed: Listed,
}

#[derive(Debug, Default)]
pub(super) struct Receiver {
    /// What was taken, in order.
    pub(super) taken: Vec<Event>,
    pub(super) refuses: HashSet<usize>,
    planned: VecDeque<Reply>,
}

/// What the sender hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Accepted,
    Refused,
    /// It may have been taken.
    Nothing,
    /// It was not taken.
    NoConnection,
}

impl Receiver {
    pub(super) fn plan(&mut self, reply: Reply) {
        self.planned.push_back(reply);
    }

    pub(super) fn receive(&mut self, events: &[Event]) -> Heard {
        let reply = self.planned.pop_front().unwrap_or(Reply::Accepted);
        if !matches!(reply, Reply::Away | Reply::Error)
            && events
                .iter()
                .any(|event| self.refuses.contains(&event.listed.object))
        {
            return Heard::Refused;
        }
        let (taken, heard) = match reply {
            Reply::Accepted => (events.len(), Heard::Accepted),
            Reply::Lost => (events.len(), Heard::Nothing),
            Reply::Half => (events.len() / 2, Heard::Nothing),
            Reply::Error => (0, Heard::Nothing),
            Reply::Away => (0, Heard::NoConnection),
        };
        self.taken.extend_from_slice(&events[..taken]);
        heard
    }

    pub(super) fn recover(&mut self) {
        self.planned.clear();
        self.refuses.clear();
    }
}
