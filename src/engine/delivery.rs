//! Delivery of one page's news: notifications of several events, several under way at once,
//! one object never in two of them.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;

use super::{Clock, Events};
use crate::config::{Callback, Settings};
use crate::deliver::{
    Attempts, DeliveryError, Event, EventType, Notification, Origin, Outcome, Refusal, Sender, notification,
    pause_of_held,
};
use crate::http::{BoxFuture, Transport};
use crate::poll::{Change, Memory, Pass, Record, Rules, event_ids};

/// Takes notifications to the callback and to the dead-letter sink; prints them in a dry run.
pub trait Outbox: Send + Sync {
    /// Delivers one notification, with the attempts that belong into one poll.
    fn deliver<'a>(
        &'a self,
        callback: &'a Callback,
        notification: &'a Notification,
        attempts: &'a Attempts,
    ) -> BoxFuture<'a, Outcome>;

    /// Posts a notification that `callback` refused to `sink`.
    fn dead_letter<'a>(
        &'a self,
        sink: &'a Callback,
        notification: &'a Notification,
        callback: &'a Callback,
        refusal: &'a Refusal,
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
        attempts: &'a Attempts,
    ) -> BoxFuture<'a, Outcome> {
        let clock = self.clock;
        Box::pin(
            self.sender
                .deliver(callback, notification, attempts, move || clock.now()),
        )
    }

    fn dead_letter<'a>(
        &'a self,
        sink: &'a Callback,
        notification: &'a Notification,
        callback: &'a Callback,
        refusal: &'a Refusal,
    ) -> BoxFuture<'a, Outcome> {
        let clock = self.clock;
        Box::pin(
            self.sender
                .dead_letter(sink, notification, callback, refusal, move || clock.now()),
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
    Held { object: String, why: String },
    /// The dead-letter sink has the events of the object, whose record is marked.
    DeadLettered {
        object: String,
        events: u64,
        why: String,
    },
    /// The callback did not take it.
    Failed {
        error: DeliveryError,
        retry_after: Option<Duration>,
    },
    /// The batch was refused as a whole and goes out again, one object at a time.
    Split,
}

/// How the news of one poll are delivered.
#[derive(Clone, Copy)]
pub(super) struct Dispatch<'a> {
    pub(super) outbox: &'a dyn Outbox,
    pub(super) settings: &'a Settings,
    pub(super) rules: &'a Rules,
    pub(super) origin: &'a Origin,
    pub(super) attempts: &'a Attempts,
    pub(super) clock: Clock,
}

/// News under way.
struct UnderWay {
    batch: Vec<News>,
    /// What was not accepted yet; more than one only where the events of one object are more than one may carry.
    notifications: Vec<Notification>,
    /// Present where they go to the dead-letter sink.
    refusal: Option<Refusal>,
}

/// What kept the dead-letter sink from taking a notification; it is not called again in this poll.
#[derive(Clone, Debug)]
pub(super) struct SinkFailure {
    why: String,
    retry_after: Option<Duration>,
}

/// The news of one page on its way.
pub(super) struct Deliveries<'a> {
    dispatch: Dispatch<'a>,
    waiting: VecDeque<Vec<News>>,
    under_way: FuturesUnordered<BoxFuture<'a, (UnderWay, Outcome)>>,
    objects: HashSet<String>,
    stopped: bool,
    sink_failure: Option<SinkFailure>,
}

impl<'a> Deliveries<'a> {
    pub(super) fn new(
        dispatch: Dispatch<'a>,
        news: Vec<News>,
        memory: &Memory,
        sink_failure: Option<SinkFailure>,
    ) -> Self {
        Self {
            waiting: batches(dispatch.rules, memory, news, dispatch.settings.max_events),
            dispatch,
            under_way: FuturesUnordered::new(),
            objects: HashSet::new(),
            stopped: false,
            sink_failure,
        }
    }

    /// Stops sending; what is under way is still awaited.
    pub(super) fn stop(&mut self) {
        self.waiting.clear();
        self.stopped = true;
        self.dispatch.attempts.end();
    }

    /// Whether the dead-letter sink failed in this poll.
    pub(super) fn sink_failure(&self) -> Option<SinkFailure> {
        self.sink_failure.clone()
    }

    /// Waits for the next notification to come to its end and remembers its outcome; `None` when all have.
    pub(super) async fn next(&mut self, memory: &mut Memory, pass: &Pass) -> Option<Delivered> {
        loop {
            self.send_more(memory);
            let (ended, outcome) = self.under_way.next().await?;
            let delivered = match &ended.refusal {
                None => self.callback_ended(memory, pass, ended, outcome),
                Some(refusal) => Some(self.sink_ended(memory, pass, &ended, refusal, outcome)),
            };
            if delivered.is_some() {
                return delivered;
            }
        }
    }

    /// None where the notification goes on to the dead-letter sink.
    fn callback_ended(
        &mut self,
        memory: &mut Memory,
        pass: &Pass,
        ended: UnderWay,
        outcome: Outcome,
    ) -> Option<Delivered> {
        let batch = &ended.batch;
        let delivered = match outcome {
            Outcome::Accepted => self.accepted(memory, pass, batch),
            Outcome::Refused {
                status,
                answer,
                unanswered,
            } => {
                self.note_unanswered(memory, batch, unanswered);
                let refusal = Refusal { status, answer };
                match &batch[..] {
                    [_] if self.may_dead_letter() => {
                        self.dead_letter(ended, refusal);
                        return None;
                    }
                    [news] => {
                        let failure = self.sink_failure.clone();
                        self.hold(memory, news, &refusal, failure)
                    }
                    // Whoever stopped meanwhile does not want the parts either.
                    _ if self.stopped => Delivered::Split,
                    _ => {
                        for news in batch.iter().rev() {
                            self.waiting.push_front(vec![news.clone()]);
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
                self.note_unanswered(memory, batch, unanswered);
                Delivered::Failed {
                    error: reason,
                    retry_after,
                }
            }
        };
        self.leave(&ended.batch);
        Some(delivered)
    }

    fn sink_ended(
        &mut self,
        memory: &mut Memory,
        pass: &Pass,
        ended: &UnderWay,
        refusal: &Refusal,
        outcome: Outcome,
    ) -> Delivered {
        self.leave(&ended.batch);
        let failure = match outcome {
            Outcome::Accepted => {
                let object = ended.batch.iter().map(|news| news.record.id.clone()).collect();
                for news in &ended.batch {
                    memory.accepted(self.dispatch.rules, pass, &news.record);
                }
                return Delivered::DeadLettered {
                    object,
                    events: ended
                        .notifications
                        .iter()
                        .map(|notification| notification.event_ids.len() as u64)
                        .sum(),
                    why: format!("the callback answered {refusal}"),
                };
            }
            Outcome::Refused { status, answer, .. } => SinkFailure {
                why: format!("answered {}", Refusal { status, answer }),
                retry_after: None,
            },
            Outcome::NotAccepted {
                reason, retry_after, ..
            } => {
                let failure = SinkFailure {
                    why: reason.of_sink(),
                    retry_after,
                };
                self.sink_failure.get_or_insert(failure).clone()
            }
        };
        match &ended.batch[..] {
            [news] => self.hold(memory, news, refusal, Some(failure)),
            _ => Delivered::Split,
        }
    }

    fn may_dead_letter(&self) -> bool {
        self.dispatch.settings.dead_letter_sink.is_some() && !self.stopped && self.sink_failure.is_none()
    }

    fn dead_letter(&mut self, mut ended: UnderWay, refusal: Refusal) {
        let Dispatch { outbox, settings, .. } = self.dispatch;
        let Some(sink) = &settings.dead_letter_sink else {
            return;
        };
        let callback = &settings.callback;
        self.under_way.push(Box::pin(async move {
            let post = |notification| outbox.dead_letter(sink, notification, callback, &refusal);
            let (_, outcome) = in_order(&ended.notifications, post).await;
            ended.refusal = Some(refusal);
            (ended, outcome)
        }));
    }

    fn hold(
        &self,
        memory: &mut Memory,
        news: &News,
        refusal: &Refusal,
        sink: Option<SinkFailure>,
    ) -> Delivered {
        let record = &news.record;
        if !memory.may_hold(record) {
            return Delivered::Failed {
                error: DeliveryError::CallbackRefused {
                    status: refusal.status,
                    answer: refusal.answer.clone(),
                },
                retry_after: None,
            };
        }
        memory.refused(record, news.change);
        let schedule = &self.dispatch.settings.retry_schedule;
        let count = memory.refusals(record).saturating_add(1);
        let pause = pause_of_held(schedule, count, fastrand::f64());
        let wanted = sink
            .as_ref()
            .and_then(|sink| sink.retry_after)
            .unwrap_or_default();
        let now = self.dispatch.clock.now();
        let next_attempt = now.checked_add(pause.max(wanted)).unwrap_or(Timestamp::MAX);
        memory.postpone(record, now, next_attempt);
        let sink = sink.map(|sink| format!(", and the dead-letter sink {}", sink.why));
        Delivered::Held {
            object: record.id.clone(),
            why: format!("the callback answered {refusal}{}", sink.unwrap_or_default()),
        }
    }

    fn send_more(&mut self, memory: &Memory) {
        let Dispatch {
            outbox,
            settings,
            rules,
            origin,
            attempts,
            ..
        } = self.dispatch;
        while self.under_way.len() < settings.max_in_flight {
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
                .flat_map(|news| events(rules, memory, news, origin.polled_at))
                .collect();
            // More than one only where a CREATED and the UPDATED behind it are more events than one may carry.
            let notifications = events
                .chunks(settings.max_events.max(1))
                .map(|events| notification(origin, events))
                .collect();
            let mut sent = UnderWay {
                batch,
                notifications,
                refusal: None,
            };
            self.under_way.push(Box::pin(async move {
                let callback = &settings.callback;
                let deliver = |notification| outbox.deliver(callback, notification, attempts);
                let (taken, outcome) = in_order(&sent.notifications, deliver).await;
                sent.notifications.drain(..taken);
                (sent, outcome)
            }));
        }
    }

    fn leave(&mut self, batch: &[News]) {
        for news in batch {
            self.objects.remove(&news.record.id);
        }
    }

    fn accepted(&self, memory: &mut Memory, pass: &Pass, batch: &[News]) -> Delivered {
        let Dispatch { rules, origin, .. } = self.dispatch;
        let (mut events, mut newest) = (Events::default(), None);
        for news in batch {
            events.count(news.change);
            newest = newest.max(Some(news.record.event_date(news.change, origin.polled_at)));
            memory.accepted(rules, pass, &news.record);
        }
        Delivered::Accepted { events, newest }
    }

    fn note_unanswered(&self, memory: &mut Memory, batch: &[News], unanswered: bool) {
        if unanswered {
            batch
                .iter()
                .for_each(|news| memory.unanswered(self.dispatch.rules, &news.record));
        }
    }
}

/// Sends one notification after the other, up to the first that is not accepted; answers how many were accepted, of
/// which the receiver knows although the whole goes out again, and how it ended.
async fn in_order<'n, F: Future<Output = Outcome>>(
    notifications: &'n [Notification],
    send: impl Fn(&'n Notification) -> F,
) -> (usize, Outcome) {
    for (taken, notification) in notifications.iter().enumerate() {
        let known = taken > 0;
        let outcome = match send(notification).await {
            Outcome::Accepted => continue,
            Outcome::Refused {
                status,
                answer,
                unanswered,
            } => Outcome::Refused {
                status,
                answer,
                unanswered: unanswered || known,
            },
            Outcome::NotAccepted {
                reason,
                retry_after,
                unanswered,
            } => Outcome::NotAccepted {
                reason,
                retry_after,
                unanswered: unanswered || known,
            },
        };
        return (taken, outcome);
    }
    (notifications.len(), Outcome::Accepted)
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

/// Groups news in the listing's order; a record's CREATED and the UPDATED that may follow it stay together. What was
/// refused before goes alone, since it would have its batch refused as well.
fn batches(rules: &Rules, memory: &Memory, news: Vec<News>, max_events: usize) -> VecDeque<Vec<News>> {
    let mut batches: VecDeque<Vec<News>> = VecDeque::new();
    let mut room = 0;
    for news in news {
        let size = event_ids(rules, memory, &news.record, news.change).len();
        let same_object = batches
            .back()
            .is_some_and(|batch| batch.iter().any(|before| before.record.id == news.record.id));
        if memory.was_refused(&news.record) {
            batches.push_back(vec![news]);
            room = 0;
            continue;
        }
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
