//! Delivery of one page's news: notifications of several events, several under way at once,
//! one object never in two of them.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;

use super::{Clock, Events};
use crate::config::{Callback, Settings};
use crate::deliver::{
    Attempts, DeliveryError, Event, EventType, Notification, Origin, Outcome, Sender, notification,
};
use crate::http::{BoxFuture, Transport};
use crate::poll::{Change, Memory, Pass, Record, Rules, event_ids};

/// Takes notifications to the callback; prints them in a dry run.
pub trait Outbox: Send + Sync {
    /// Delivers one notification, with the attempts that belong into one poll.
    fn deliver<'a>(
        &'a self,
        callback: &'a Callback,
        notification: &'a Notification,
    ) -> BoxFuture<'a, Outcome>;
}

/// The outbox that calls callbacks.
pub struct Callbacks {
    sender: Sender,
    clock: Clock,
}

impl Callbacks {
    /// Calls callbacks over `transport`.
    pub fn new(transport: Arc<dyn Transport>, clock: Clock) -> Self {
        Self {
            sender: Sender::new(transport),
            clock,
        }
    }
}

impl Outbox for Callbacks {
    fn deliver<'a>(
        &'a self,
        callback: &'a Callback,
        notification: &'a Notification,
    ) -> BoxFuture<'a, Outcome> {
        let clock = self.clock;
        Box::pin(
            self.sender
                .deliver(callback, notification, Attempts::default(), move || clock.now()),
        )
    }
}

/// One record to report.
#[derive(Clone, Debug)]
pub(super) struct News {
    pub(super) record: Record,
    pub(super) change: Change,
}

/// What became of one notification.
pub(super) enum Delivered {
    /// The records of the batch are marked; the events were accepted.
    Accepted {
        events: Events,
        newest: Option<Timestamp>,
    },
    /// The object is held.
    Held { object: String, answer: String },
    /// The callback did not take it.
    Failed {
        error: DeliveryError,
        retry_after: Option<std::time::Duration>,
    },
    /// The batch was refused as a whole and goes out again, one object at a time.
    Split,
}

/// The news of one page on its way.
pub(super) struct Deliveries<'a> {
    outbox: &'a dyn Outbox,
    settings: &'a Settings,
    rules: &'a Rules,
    origin: &'a Origin,
    waiting: VecDeque<Vec<News>>,
    under_way: FuturesUnordered<BoxFuture<'a, (Vec<News>, Outcome)>>,
    objects: HashSet<String>,
    stopped: bool,
}

impl<'a> Deliveries<'a> {
    pub(super) fn new(
        outbox: &'a dyn Outbox,
        settings: &'a Settings,
        rules: &'a Rules,
        origin: &'a Origin,
        news: Vec<News>,
        memory: &Memory,
    ) -> Self {
        let waiting = batches(rules, memory, news, settings.max_events);
        Self {
            outbox,
            settings,
            rules,
            origin,
            waiting,
            under_way: FuturesUnordered::new(),
            objects: HashSet::new(),
            stopped: false,
        }
    }

    /// Stops sending; what is under way is still awaited.
    pub(super) fn stop(&mut self) {
        self.waiting.clear();
        self.stopped = true;
    }

    /// Waits for the next notification to come to its end and remembers its outcome; `None` when all have.
    pub(super) async fn next(&mut self, memory: &mut Memory, pass: &Pass) -> Option<Delivered> {
        self.send_more(memory);
        let (batch, outcome) = self.under_way.next().await?;
        for news in &batch {
            self.objects.remove(&news.record.id);
        }
        Some(match outcome {
            Outcome::Accepted => self.accepted(memory, pass, &batch),
            Outcome::Refused {
                status,
                answer,
                unanswered,
            } => {
                self.note_unanswered(memory, &batch, unanswered);
                match &batch[..] {
                    [news] if !memory.may_hold(&news.record) => Delivered::Failed {
                        error: DeliveryError::CallbackRefused { status, answer },
                        retry_after: None,
                    },
                    [news] => {
                        memory.refused(&news.record, news.change);
                        Delivered::Held {
                            object: news.record.id.clone(),
                            answer: format!("{status}: {answer}"),
                        }
                    }
                    // Whoever stopped meanwhile does not want the parts either.
                    _ if self.stopped => Delivered::Split,
                    _ => {
                        for news in batch.into_iter().rev() {
                            self.waiting.push_front(vec![news]);
                        }
                        Delivered::Split
                    }
                }
            }
            Outcome::NotAccepted {
                reason,
                retry_after,
                unanswered,
            } => {
                self.note_unanswered(memory, &batch, unanswered);
                Delivered::Failed {
                    error: reason,
                    retry_after,
                }
            }
        })
    }

    fn send_more(&mut self, memory: &Memory) {
        while self.under_way.len() < self.settings.max_in_flight {
            let Some(batch) = self.waiting.front() else { return };
            if batch.iter().any(|news| self.objects.contains(&news.record.id)) {
                return;
            }
            let Some(mut batch) = self.waiting.pop_front() else {
                return;
            };
            for news in &mut batch {
                news.change = memory.by_now(&news.record, news.change);
            }
            self.objects
                .extend(batch.iter().map(|news| news.record.id.clone()));
            let events: Vec<Event> = batch
                .iter()
                .flat_map(|news| events(self.rules, memory, news, self.origin.polled_at))
                .collect();
            // More than one only where a CREATED and the UPDATED behind it are more events than one may carry.
            let notifications: Vec<Notification> = events
                .chunks(self.settings.max_events.max(1))
                .map(|events| notification(self.origin, events))
                .collect();
            let (outbox, callback) = (self.outbox, &self.settings.callback);
            self.under_way.push(Box::pin(async move {
                let outcome = deliver_in_order(outbox, callback, &notifications).await;
                (batch, outcome)
            }));
        }
    }

    fn accepted(&self, memory: &mut Memory, pass: &Pass, batch: &[News]) -> Delivered {
        let (mut events, mut newest) = (Events::default(), None);
        for news in batch {
            events.count(news.change);
            newest = newest.max(Some(news.record.event_date(news.change, self.origin.polled_at)));
            memory.accepted(self.rules, pass, &news.record);
        }
        Delivered::Accepted { events, newest }
    }

    fn note_unanswered(&self, memory: &mut Memory, batch: &[News], unanswered: bool) {
        if unanswered {
            batch
                .iter()
                .for_each(|news| memory.unanswered(self.rules, &news.record));
        }
    }
}

/// Delivers one notification after the other, up to the first that is not accepted.
async fn deliver_in_order(
    outbox: &dyn Outbox,
    callback: &Callback,
    notifications: &[Notification],
) -> Outcome {
    let mut taken = false;
    for notification in notifications {
        let outcome = outbox.deliver(callback, notification).await;
        // Of what was accepted before, the receiver knows; the whole goes out again, under the same ids.
        return match outcome {
            Outcome::Accepted => {
                taken = true;
                continue;
            }
            Outcome::Refused {
                status,
                answer,
                unanswered,
            } => Outcome::Refused {
                status,
                answer,
                unanswered: unanswered || taken,
            },
            Outcome::NotAccepted {
                reason,
                retry_after,
                unanswered,
            } => Outcome::NotAccepted {
                reason,
                retry_after,
                unanswered: unanswered || taken,
            },
        };
    }
    Outcome::Accepted
}

/// The events that report one record.
pub(super) fn events(rules: &Rules, memory: &Memory, news: &News, polled_at: Timestamp) -> Vec<Event> {
    let to_event = |(change, id)| Event {
        id,
        event_type: match change {
            Change::Created => EventType::Created,
            Change::Updated => EventType::Updated,
            Change::Deleted => EventType::Deleted,
        },
        object_id: news.record.id.clone(),
        date: news.record.event_date(change, polled_at),
        record: news.record.raw.clone(),
    };
    event_ids(rules, memory, &news.record, news.change)
        .into_iter()
        .map(to_event)
        .collect()
}

/// Groups news in the listing's order; a record's CREATED and the UPDATED that may follow it stay together.
fn batches(rules: &Rules, memory: &Memory, news: Vec<News>, max_events: usize) -> VecDeque<Vec<News>> {
    let mut batches: VecDeque<Vec<News>> = VecDeque::new();
    let mut room = 0;
    for news in news {
        let size = event_ids(rules, memory, &news.record, news.change).len();
        let same_object = batches
            .back()
            .is_some_and(|batch| batch.iter().any(|before| before.record.id == news.record.id));
        match batches.back_mut() {
            Some(batch) if size <= room && !same_object => {
                batch.push(news);
                room -= size;
            }
            _ => {
                batches.push_back(vec![news]);
                room = max_events.saturating_sub(size);
            }
        }
    }
    batches
}
