//! A process that polls: the pure core driven in the order of `engine/resource.rs`, without its I/O. The two, and
//! `claim.rs` and `delivery.rs` beside them, must be kept alike: a step that moves there moves here.

use pollinator::poll::{Decision, Memory, Pass};

use super::claim::Claim;
use super::delivery::{News, deliver};
use super::vendor::Listed;
use super::world::{Killed, World};

/// `PASSES_IN_A_ROW` of the engine.
const PASSES_IN_A_ROW: usize = 4;

#[derive(Debug)]
pub(super) struct Process {
    name: String,
    claim: Option<Claim>,
    /// The vendor's clock less ours, as far as known.
    vendor_ahead: Option<i64>,
}

/// Why a poll ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    Killed,
    Stopped,
    TakenOver,
    StoreAway,
    NotDelivered,
}

impl From<Killed> for Break {
    fn from(_: Killed) -> Self {
        Self::Killed
    }
}

impl Process {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            claim: None,
            vendor_ahead: None,
        }
    }

    /// None where it does not own the checkpoint.
    pub(super) fn memory(&self) -> Option<&Memory> {
        self.claim.as_ref().map(|claim| &claim.memory)
    }

    pub(super) fn poll(&mut self, world: &mut World) -> Result<(), Killed> {
        let mut claim = self.claim.take();
        let mut end = self.passes(world, &mut claim);
        if matches!(end, Err(Break::Stopped | Break::StoreAway | Break::NotDelivered))
            && let Some(claim) = &mut claim
            && let Err(worse @ (Break::TakenOver | Break::Killed)) = claim.save_changes(world)
        {
            end = Err(worse);
        }
        match end {
            Err(Break::Killed) => return Err(Killed),
            Err(Break::TakenOver) => world.note_taken_over(),
            _ => self.claim = claim,
        }
        Ok(())
    }

    fn passes(&mut self, world: &mut World, slot: &mut Option<Claim>) -> Result<(), Break> {
        let claim = match slot {
            Some(claim) => claim,
            None => slot.insert(Claim::take(world, &self.name)?),
        };
        if let Some((value, to)) = world.reset.clone() {
            claim.memory.reset(&value, to);
        }
        if self.vendor_ahead.is_none() {
            // The token's answer tells the vendor's clock, if he tells it at all.
            self.note_vendor_clock(world);
        }
        let now = world.our_clock_ms() + self.vendor_ahead.unwrap_or(0);
        claim.memory.start(&world.rules, super::climate::timestamp(now));
        if claim.memory.must_be_saved_before_fetching(&world.rules) {
            claim.save_changes(world)?;
        }
        for _ in 0..PASSES_IN_A_ROW {
            let mut pass = Pass::begin(world.our_clock());
            let since = claim.memory.since(&world.rules).as_millisecond();
            let mut offset = 0;
            loop {
                world.moment()?;
                if world.takes_stop() {
                    return Err(Break::Stopped);
                }
                let asked_at = world.now;
                let (items, next) = world.page(since, offset);
                self.note_vendor_clock(world);
                pass.page(&world.rules, world.vendor_date(), world.our_clock());
                let news = judge(world, &mut claim.memory, &mut pass, &items, since);
                world.moment()?;
                deliver(world, claim, &pass, news)?;
                match next {
                    Some(next) => offset = next,
                    None if pass.pages() == 1 => {
                        world.facts.single_pages.push(asked_at);
                        break;
                    }
                    None => break,
                }
            }
            let completion = claim.memory.complete(&world.rules, &pass);
            world.note_completion(&claim.memory, completion);
            claim.save_changes(world)?;
            if !completion.read_again {
                break;
            }
        }
        Ok(())
    }

    fn note_vendor_clock(&mut self, world: &World) {
        if let Some(date) = world.vendor_date() {
            self.vendor_ahead = Some(date.as_millisecond() - world.our_clock_ms());
        }
    }
}

fn judge(world: &mut World, memory: &mut Memory, pass: &mut Pass, items: &[Listed], since: i64) -> Vec<News> {
    let mut news = Vec::new();
    for listed in items.iter().copied() {
        let record = world.record(listed, since);
        if let Decision::Report(change) = memory.decide(&world.rules, pass, &record).decision {
            news.push(News {
                listed,
                record,
                change,
            });
        }
    }
    news
}
