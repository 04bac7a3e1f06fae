//! One poll of one resource.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::claim::Claim;
use super::delivery::{Delivered, Deliveries, Dispatch, News};
use super::fetch::{Fetch, Unfetched};
use super::outcome::{Polled, Progress};
use super::skip::skip;
use super::succession::meaning;
use super::trail::Trail;
use super::{Engine, Instance, InstanceMemory, Notice, PollError, Turn};
use crate::config::ResourceSettings;
use crate::deliver::{Attempts, Origin, instance_source};
use crate::element::{Caller, Definition, ElementError, Listing};
use crate::poll::{Decision, Memory, Pass, Reason, Record, Rules};
use crate::store::CheckpointStore;

/// Passes in a row over a listing of several pages that shows news, before the interval is kept again.
const PASSES_IN_A_ROW: usize = 4;

/// How the passes of a poll ended, where they did not fail.
enum Ended {
    Complete,
    Stopped,
    /// Nothing was asked; the next try is after this time.
    PutOff(Duration),
}

/// What became of a poll.
pub(super) enum Outcome {
    Polled(Box<Polled>),
    /// Stopped between two pages, with what is to be told of it.
    Stopped(Vec<Notice>),
    /// Not begun; to be tried after this time.
    PutOff(Duration),
}

impl<S: CheckpointStore> Engine<S> {
    /// Polls one resource.
    pub(super) async fn poll(
        &self,
        instance: &Instance,
        resource: &ResourceSettings,
        definition: Result<&'static Definition, ElementError>,
        memory: &mut InstanceMemory,
        turn: Turn<'_>,
    ) -> Outcome {
        let began = Instant::now();
        let mut progress = Progress::default();
        // Taken out while the poll runs: if the run is dropped half way, what it knew is doubtful and the
        // checkpoint is loaded anew.
        let mut claim = memory
            .resources
            .get_mut(&resource.name)
            .and_then(|memory| memory.claim.take());
        let result = match definition {
            Ok(definition) => {
                self.passes(
                    instance,
                    resource,
                    definition,
                    memory,
                    &mut claim,
                    &mut progress,
                    turn,
                )
                .await
            }
            Err(error) => Err(error.into()),
        };
        let result = match result {
            Ok(()) => Ok(Ended::Complete),
            Err(Unfetched::Unwanted) => Ok(Ended::Stopped),
            Err(Unfetched::Crowded(pause)) => Ok(Ended::PutOff(pause)),
            Err(Unfetched::Failed(error)) => Err(error),
        };
        // Somebody else's checkpoint: what this process knew is dropped, and loaded anew at the next poll.
        let mut lost = matches!(result, Err(PollError::TakenOver));
        if let (false, Err(_) | Ok(Ended::Stopped | Ended::PutOff(_)), Some(claim)) =
            (lost, &result, &mut claim)
            && let Err(error) = claim
                .save_changes(&*self.store, &instance.owner, &resource.name)
                .await
        {
            lost = matches!(error, PollError::TakenOver);
            tracing::warn!(resource = %resource.name, error = %error.chain(), "what was delivered is not saved yet");
        }
        if lost {
            claim = None;
        }
        let result = match result {
            Ok(Ended::Stopped) => {
                progress.begins(claim.as_mut());
                keep(memory, &resource.name, claim);
                return Outcome::Stopped(progress.notices(&resource.name));
            }
            Ok(Ended::PutOff(pause)) => {
                keep(memory, &resource.name, claim);
                return Outcome::PutOff(pause);
            }
            Ok(Ended::Complete) => Ok(()),
            Err(error) => Err(error),
        };
        progress.figures.duration = began.elapsed();
        progress.begins(claim.as_mut());
        let polled = self.report(instance, resource, memory, claim.as_ref(), progress, result);
        keep(memory, &resource.name, claim);
        Outcome::Polled(Box::new(polled))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one poll, each owned by somebody else"
    )]
    async fn passes(
        &self,
        instance: &Instance,
        resource: &ResourceSettings,
        definition: &'static Definition,
        memory: &mut InstanceMemory,
        slot: &mut Option<Claim>,
        progress: &mut Progress,
        turn: Turn<'_>,
    ) -> Result<(), Unfetched> {
        let listing = definition.listing(resource)?;
        let rules = Rules::new(
            &instance.owner.uid,
            &instance.settings,
            resource,
            listing.traits(),
        );
        let (store, owner, name) = (&*self.store, &instance.owner, &resource.name);
        let throttle = self.throttles.of(definition, &instance.settings);
        let fetch = Fetch {
            transport: &*self.transport,
            tokens: &self.tokens,
            throttle: &throttle,
            caller: Caller {
                uid: &owner.uid,
                asked: turn.asked,
                wanted: turn.proceed,
            },
            clock: self.clock,
            owner,
            settings: &instance.settings,
            definition,
            listing: &listing,
        };
        fetch.begin(memory.take_promise(name), progress)?;
        let meaning = meaning(instance, resource, &listing, &rules);
        let claim = match slot {
            Some(claim) => {
                claim.memory.adopt(&meaning, name);
                claim
            }
            None => slot.insert(
                self.claim(instance, resource, definition, &meaning, memory)
                    .await?,
            ),
        };
        if let Some((value, to)) = &instance.reset_to {
            progress.cursor_was_set = claim.memory.reset(value, *to);
        }
        if memory.takes_held_again(name) {
            claim.memory.retry_held();
        }
        if let Some(value) = &instance.skip {
            progress.skip = skip(value, &instance.settings, name, &mut claim.memory);
        }
        let attempts = Attempts::new(&instance.settings.retry_schedule, memory.failed_deliveries(name));
        let mut access = fetch.access(progress).await?;
        // Where nobody asked for a token just now, the newest page knows better.
        if access.refreshed.is_some() || memory.vendor_ahead.is_none() {
            memory.note_vendor_clock(access.vendor_date, self.clock.now());
        }
        if claim.memory.never_started() && memory.vendor_ahead.is_none() {
            // Without a token answer to tell the vendor's clock, a page does; what is in it is read again below.
            let now = self.clock.now();
            let url = listing.first_url(&access.base, now, now)?;
            let page = fetch.page(&url, &mut access, progress).await?;
            memory.note_vendor_clock(page.date, self.clock.now());
        }
        claim.memory.start(&rules, memory.vendor_now(self.clock.now()));
        if claim.memory.must_be_saved_before_fetching(&rules) {
            claim.save_changes(store, owner, name).await?;
        }
        for nth in 0..PASSES_IN_A_ROW {
            let mut pass = Pass::begin(self.clock.now());
            let origin = origin(instance, &listing, resource, self.clock.now());
            let mut trail = Trail::new(self.bounds);
            let mut url = listing.first_url(&access.base, claim.memory.since(&rules), self.clock.now())?;
            loop {
                let page = fetch.page(&url, &mut access, progress).await?;
                memory.note_vendor_clock(page.date, self.clock.now());
                pass.page(&rules, page.date, self.clock.now());
                progress.figures.pages += 1;
                trail.arrived(&page, &pass)?;
                progress.warning = page.warning.or(progress.warning.take());
                let news = judge(
                    resource,
                    &rules,
                    &mut claim.memory,
                    &mut pass,
                    progress,
                    page.items,
                );
                trail.has_room(claim.memory.checkpoint.seen_objects(), news.len())?;
                let dispatch = Dispatch {
                    outbox: &*self.outbox,
                    settings: &instance.settings,
                    rules: &rules,
                    origin: &origin,
                    attempts: &attempts,
                    clock: self.clock,
                };
                self.deliver(instance, dispatch, claim, &pass, news, progress)
                    .await?;
                let Some(next) = page.next else { break };
                trail.goes_on(&url, &next, &pass)?;
                url = next;
            }
            let held_before = claim.memory.held_by_former_ids();
            let completion = claim.memory.complete(&rules, &pass);
            progress.note_forgotten(name, held_before, &claim.memory.held_by_former_ids());
            progress.figures.weak_proofs += u64::from(completion.weakly);
            if nth == 0 {
                claim.memory.tell();
            }
            claim.save_changes(store, owner, name).await?;
            if !completion.read_again {
                break;
            }
        }
        Ok(())
    }

    async fn deliver(
        &self,
        instance: &Instance,
        dispatch: Dispatch<'_>,
        claim: &mut Claim,
        pass: &Pass,
        news: Vec<News>,
        progress: &mut Progress,
    ) -> Result<(), PollError> {
        let resource = &dispatch.rules.resource;
        if !news.is_empty() {
            let lookback = instance.settings.lookback;
            claim
                .make_sure(&*self.store, &instance.owner, resource, lookback)
                .await?;
        }
        let mut deliveries = Deliveries::new(dispatch, news, &claim.memory, progress.sink_failure.take());
        let mut failure = None;
        while let Some(delivered) = deliveries.next(&mut claim.memory, pass).await {
            match delivered {
                Delivered::Accepted { events, newest } => {
                    progress.figures.events += events;
                    progress.last_event_at = progress.last_event_at.max(newest);
                }
                Delivered::Held { object, why } => {
                    progress
                        .held
                        .get_or_insert_with(|| format!("object {object} is held: {why}"));
                    progress.last_refusal = Some(why);
                }
                Delivered::DeadLettered { object, events, why } => {
                    progress.figures.dead_letters += events;
                    progress
                        .dead_letter
                        .get_or_insert_with(|| format!("{object}: {why}"));
                }
                Delivered::Split => {}
                Delivered::Failed { error, retry_after } => {
                    deliveries.stop();
                    progress.retry_after = progress.retry_after.max(retry_after);
                    if failure.is_none() || error.is_gone() {
                        failure = Some(error);
                    }
                }
            }
            if let Err(error) = claim
                .save_now_and_then(&*self.store, &instance.owner, resource)
                .await
            {
                deliveries.stop();
                // What is under way is awaited, since dropping it would leave its outcome unknown.
                while deliveries.next(&mut claim.memory, pass).await.is_some() {}
                return Err(error);
            }
        }
        progress.sink_failure = deliveries.sink_failure();
        failure.map_or(Ok(()), |error| Err(error.into()))
    }
}

impl InstanceMemory {
    fn note_vendor_clock(&mut self, date: Option<Timestamp>, now: Timestamp) {
        if let Some(date) = date {
            self.vendor_ahead = Some(date.duration_since(now));
        }
    }

    /// The vendor's clock as far as known, else ours.
    fn vendor_now(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.vendor_ahead.unwrap_or(SignedDuration::ZERO))
            .unwrap_or(now)
    }
}

fn keep(memory: &mut InstanceMemory, resource: &str, claim: Option<Claim>) {
    memory.resources.entry(resource.to_owned()).or_default().claim = claim;
}

/// Reads and judges one page's items; what is to be reported comes back in the listing's order.
fn judge(
    resource: &ResourceSettings,
    rules: &Rules,
    memory: &mut Memory,
    pass: &mut Pass,
    progress: &mut Progress,
    items: Vec<Box<serde_json::value::RawValue>>,
) -> Vec<News> {
    let page = pass.pages() as usize;
    let mut news = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        progress.figures.records += 1;
        match Record::read(rules, &resource.id_field, item, page, index + 1) {
            Ok(record) => {
                let judgement = memory.decide(rules, pass, &record);
                if judgement.reason == Reason::Skipped {
                    progress.skipped.push(record.id.clone());
                }
                match judgement.decision {
                    Decision::Report(change) => news.push(News { record, change }),
                    Decision::Below | Decision::Known | Decision::Learned | Decision::Waiting => {
                        progress.figures.unchanged += 1;
                    }
                }
            }
            Err(unreadable) => {
                pass.unreadable();
                progress.figures.invalid += 1;
                progress
                    .first_invalid
                    .get_or_insert_with(|| super::chain(&unreadable));
            }
        }
    }
    news
}

pub(super) fn origin(
    instance: &Instance,
    listing: &Listing,
    resource: &ResourceSettings,
    polled_at: Timestamp,
) -> Origin {
    let settings = &instance.settings;
    Origin {
        element_key: settings.element.clone(),
        hub_key: listing.hub().to_owned(),
        ids: instance.ids,
        instance_name: settings.name.clone(),
        tags: settings.tags.clone(),
        resource: resource.name.clone(),
        polled_at,
        filter_nulls: settings.filter_nulls,
        format: settings.format,
        source: instance_source(&instance.owner.namespace, &instance.owner.name),
    }
}
