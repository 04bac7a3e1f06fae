//! Delivery of one page's news, as `engine/delivery.rs` does it.

use std::collections::VecDeque;

use pollinator::poll::{Change, Memory, Pass, Record, event_ids};

use super::claim::Claim;
use super::peers::{Event, Heard};
use super::process::Break;
use super::vendor::Listed;
use super::world::World;

/// Attempts within one poll.
const ATTEMPTS: usize = 2;

#[derive(Clone, Debug)]
pub(super) struct News {
    pub(super) listed: Listed,
    pub(super) record: Record,
    pub(super) change: Change,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Accepted,
    Refused { unanswered: bool },
    NotAccepted { unanswered: bool },
}

/// Sends a page's news in batches, up to `in_flight` at once, and remembers what became of each.
pub(super) fn deliver(
    world: &mut World,
    claim: &mut Claim,
    pass: &Pass,
    news: Vec<News>,
) -> Result<(), Break> {
    let mut waiting = batches(world, &claim.memory, news);
    let mut under_way: VecDeque<(Vec<News>, Outcome)> = VecDeque::new();
    let (mut stopped, mut failed) = (false, false);
    if !waiting.is_empty() {
        claim.make_sure(world)?;
    }
    loop {
        while under_way.len() < world.climate.in_flight
            && let Some(batch) = waiting.front()
        {
            let same_object = |news: &News| {
                let mut others = under_way.iter().flat_map(|(batch, _)| batch);
                others.any(|other| other.record.id == news.record.id)
            };
            if batch.iter().any(same_object) {
                break;
            }
            let Some(mut batch) = waiting.pop_front() else {
                break;
            };
            for news in &mut batch {
                news.change = claim.memory.by_now(&news.record, news.change);
            }
            let outcome = attempts(world, &events(world, &claim.memory, &batch))?;
            under_way.push_back((batch, outcome));
        }
        // The answer to the second comes first.
        let Some((batch, outcome)) = under_way.pop_back() else {
            break;
        };
        match outcome {
            Outcome::Accepted => {
                for news in &batch {
                    claim.memory.accepted(&world.rules, pass, &news.record);
                }
            }
            Outcome::Refused { unanswered } => {
                note_unanswered(world, &mut claim.memory, &batch, unanswered);
                match &batch[..] {
                    [news] if !claim.memory.may_hold(&news.record) => {
                        failed = true;
                        stopped = true;
                        waiting.clear();
                    }
                    [news] => claim.memory.refused(&news.record, news.change),
                    _ if stopped => {}
                    _ => batch
                        .into_iter()
                        .rev()
                        .for_each(|news| waiting.push_front(vec![news])),
                }
            }
            Outcome::NotAccepted { unanswered } => {
                note_unanswered(world, &mut claim.memory, &batch, unanswered);
                failed = true;
                stopped = true;
                waiting.clear();
            }
        }
        claim.save_now_and_then(world)?;
    }
    if failed { Err(Break::NotDelivered) } else { Ok(()) }
}

/// The same notification until it is accepted, refused, or given up for this poll.
fn attempts(world: &mut World, events: &[Event]) -> Result<Outcome, Break> {
    let mut unanswered = false;
    for _ in 0..ATTEMPTS {
        let heard = world.receiver.receive(events);
        world.facts.unanswered |= heard == Heard::Nothing;
        world.moment()?;
        match heard {
            Heard::Accepted => return Ok(Outcome::Accepted),
            Heard::Refused => return Ok(Outcome::Refused { unanswered }),
            Heard::Nothing => unanswered = true,
            Heard::NoConnection => {}
        }
    }
    Ok(Outcome::NotAccepted { unanswered })
}

fn note_unanswered(world: &World, memory: &mut Memory, batch: &[News], unanswered: bool) {
    if unanswered {
        batch
            .iter()
            .for_each(|news| memory.unanswered(&world.rules, &news.record));
    }
}

fn events(world: &World, memory: &Memory, batch: &[News]) -> Vec<Event> {
    let of_news = |news: &News| {
        let listed = news.listed;
        event_ids(&world.rules, memory, &news.record, news.change)
            .into_iter()
            .map(move |(change, id)| Event { id, change, listed })
    };
    batch.iter().flat_map(of_news).collect()
}

/// In the listing's order; one object at most once a batch.
fn batches(world: &World, memory: &Memory, news: Vec<News>) -> VecDeque<Vec<News>> {
    let mut batches: VecDeque<Vec<News>> = VecDeque::new();
    let mut room = 0;
    for news in news {
        let size = event_ids(&world.rules, memory, &news.record, news.change).len();
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
                room = world.climate.batch.saturating_sub(size);
            }
        }
    }
    batches
}
