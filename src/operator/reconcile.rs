//! One reconcile: whatever is due of one instance.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::conditions::{GONE, Situation};
use super::context::{Context, Guarded, Known, ReconcileError};
use super::dereference::{Dereferenced, dereference};
use super::events;
use super::status::{self, Facts};
use crate::api::{FLUX_REQUESTED_AT, PollingInstance, REQUESTED_AT, RESET_TO, ResourceState, SKIP};
use crate::config::{Credentials, Problem, Reading, Settings, read};
use crate::deliver::NotificationIds;
use crate::element;
use crate::engine::{
    Concern, Earlier, Failure, Instance, Notice, PollError, PollState, ResourceReport, RunReport, Which,
};
use crate::store::{Owner, in_words};

/// First and longest pause between two looks at the Secrets of an instance that waits for one.
const SECRET_PAUSES: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(60));

/// A poll that is put off for less is not worth a write of the status.
const WORTH_TELLING: Duration = Duration::from_secs(60);

/// After this time a refusal to read a Secret is shown on the instance.
const LONG_FORBIDDEN: Duration = Duration::from_secs(30);

/// Events of one run about what was given up or set aside; the log has all.
const MOST_NOTICES: usize = 20;

/// Reconciles one object.
pub(super) async fn reconcile(object: Arc<Guarded>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    let instance = match &object.0 {
        Ok(instance) => instance,
        Err(invalid) => {
            report_undecodable(&object, &invalid.error, &context).await?;
            return Ok(Action::await_change());
        }
    };
    let owner = Owner {
        namespace: instance
            .namespace()
            .ok_or(ReconcileError::Incomplete("namespace"))?,
        name: instance.name_any(),
        uid: instance.uid().ok_or(ReconcileError::Incomplete("uid"))?,
    };
    if instance.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let known = context.known(&owner.uid);
    let mut known = known.lock().await;
    let turn = Turn {
        context: &context,
        instance,
        owner,
    };
    turn.take(&mut known).await
}

/// An instance's turn.
struct Turn<'a> {
    context: &'a Context,
    instance: &'a PollingInstance,
    owner: Owner,
}

impl Turn<'_> {
    async fn take(&self, known: &mut Known) -> Result<Action, ReconcileError> {
        if known.status.is_none() {
            known.status = Some(self.instance.status.clone().unwrap_or_default());
        }
        if self.instance.spec.suspend {
            self.report(known, &Situation::Suspended, None).await?;
            return Ok(Action::await_change());
        }
        let found = match dereference(&self.context.client, &self.owner.namespace, &self.instance.spec).await
        {
            Ok(found) => found,
            Err(error) => return self.unreadable(known, &error).await,
        };
        known.unreadable_since = None;
        let ids = NotificationIds::read(
            &self.owner.uid,
            &self.owner.namespace,
            self.instance.annotations(),
        );
        let changed = self.note_change(known, &found, &ids);
        if !found.misnamed.is_empty() {
            return self.invalid(known, &found.misnamed, false).await;
        }
        if !found.missing.is_empty() {
            return self.invalid(known, &found.missing, true).await;
        }
        let Reading { settings, warnings } = read(
            &self.owner.name,
            &self.instance.spec,
            &found.secrets,
            element::catalogue(),
        );
        if changed {
            let warnings = warnings.iter().map(events::configuration_warning).collect();
            events::publish(&self.context.recorder, self.instance, warnings).await;
        }
        let (settings, ids) = match (settings, ids) {
            (Ok(settings), Ok(ids)) => (Arc::new(settings), ids),
            (settings, ids) => {
                let problems = [settings.err(), ids.err()].into_iter().flatten().flatten();
                return self.invalid(known, &problems.collect::<Vec<_>>(), false).await;
            }
        };
        if !settings.enabled {
            self.report(known, &Situation::Disabled, Some(&settings)).await?;
            return Ok(Action::await_change());
        }
        self.poll(known, settings, ids, changed).await
    }

    /// After a restart the schedule follows what the status says was polled last, unless the spec changed
    /// meanwhile; what was not ready then may have been mended, and is overdue. But a callback that did not accept
    /// something is not called earlier for a restart, nor one that is gone at all, as long as spec and Secrets are
    /// the same.
    fn recall(&self, known: &mut Known, digest: &str) {
        let status = known.status.clone().unwrap_or_default();
        let condition = |type_: &str| status.conditions.iter().find(|c| c.type_ == type_);
        let ready = condition("Ready").is_some_and(|ready| ready.status == "True");
        let of_this_spec = Some(status.observed_generation) == self.instance.metadata.generation;
        let unchanged = of_this_spec && status.observed_config_digest.as_deref() == Some(digest);
        for resource in &status.resources {
            let polled = resource.last_polled.as_ref().filter(|_| of_this_spec);
            let waits = unchanged && resource.state == ResourceState::DeliveryFailed;
            let due = resource.next_poll.as_ref().filter(|_| waits);
            let count = |failures: i32| u32::try_from(failures).unwrap_or_default();
            let earlier = Earlier {
                last_polled: polled.map(|at| if ready { at.0 } else { Timestamp::UNIX_EPOCH }),
                failures: count(resource.consecutive_failures),
                failed_deliveries: count(resource.consecutive_delivery_failures),
                due: due.map(|at| at.0),
            };
            known.memory.polled_before(&resource.name, earlier);
        }
        if status
            .resources
            .iter()
            .any(|resource| resource.last_polled.is_some())
        {
            known.memory.is_not_new();
        }
        let gone = condition("DeliverySucceeded").is_some_and(|delivery| delivery.reason == GONE);
        // Where a next poll was promised, a human has acted since.
        if gone && unchanged && status.next_poll.is_none() {
            known.memory.stop_delivery();
        }
        if !unchanged {
            known.memory.try_again();
        }
        if status.conditions.iter().any(|c| c.reason == PollError::RESTING) {
            known.shown_elsewhere.push(PollError::RESTING);
        }
    }

    /// Whether spec, Secrets or the ids of the notifications are others than at the last turn.
    fn note_change(
        &self,
        known: &mut Known,
        found: &Dereferenced,
        ids: &Result<NotificationIds, Vec<Problem>>,
    ) -> bool {
        let generation = self.instance.metadata.generation.unwrap_or_default();
        let mark = digest(&format!("{generation} {ids:?} {}", found.mark));
        let changed = known.mark.as_ref() != Some(&mark);
        if known.mark.is_none() {
            self.recall(known, &mark);
        } else if changed {
            known.memory.prove_again();
            known.memory.poll_soon();
            known.memory.try_again();
            known.waiting_since = None;
        }
        known.mark = Some(mark);
        changed
    }

    /// What the API server forbids for long is for a human to mend; for a moment after its start it forbids everything.
    async fn unreadable(&self, known: &mut Known, error: &kube::Error) -> Result<Action, ReconcileError> {
        let forbidden = matches!(error, kube::Error::Api(status) if status.code == 403);
        let since = known.unreadable_since.get_or_insert_with(Instant::now).elapsed();
        if !forbidden || since < LONG_FORBIDDEN {
            return Err(ReconcileError::SecretUnreadable(in_words(error)));
        }
        let path = if self.instance.spec.configuration_from.is_empty() {
            "spec.delivery"
        } else {
            "spec.configurationFrom"
        };
        let problem = Problem::new(
            path,
            format!("a Secret cannot be read: {}", in_words(error)),
            "allow the operator's ServiceAccount to `get` Secrets in this namespace",
        );
        self.invalid(known, &[problem], true).await
    }

    async fn invalid(
        &self,
        known: &mut Known,
        problems: &[Problem],
        secret_missing: bool,
    ) -> Result<Action, ReconcileError> {
        let situation = Situation::Invalid {
            problems,
            secret_missing,
        };
        self.report(known, &situation, None).await?;
        Ok(self
            .secret_pause(known)
            .map_or_else(Action::await_change, Action::requeue))
    }

    async fn poll(
        &self,
        known: &mut Known,
        settings: Arc<Settings>,
        ids: NotificationIds,
        changed: bool,
    ) -> Result<Action, ReconcileError> {
        let request = self.new_request(known);
        if request.is_some()
            && let Credentials::OAuth2(credentials) = &settings.credentials
        {
            self.context
                .engine
                .tokens()
                .unblock(&self.owner, credentials)
                .await;
        }
        if request.is_some() {
            known.memory.try_again();
        }
        if changed {
            known.memory.interval_changed(settings.interval);
        }
        let skip = self.new_skip(known);
        let instance = Instance {
            owner: self.owner.clone(),
            ids,
            settings: settings.clone(),
            reset_to: self.reset_to(),
            skip: self.instance.annotations().get(SKIP).cloned(),
        };
        let which = if request.is_some() || skip.is_some() {
            Which::All
        } else {
            Which::Due
        };
        if known.memory.never_polled() {
            self.report(known, &self.polling(&[], &settings), Some(&settings))
                .await?;
        }
        if request.is_some() {
            known.memory.edits_answered();
        }
        let proceed = || self.unchanged();
        let run = self
            .context
            .engine
            .run(&instance, &mut known.memory, which, &proceed)
            .await;
        for report in &run.polled {
            self.context.metrics.polled(&settings.element, report);
        }
        self.tell_notices(&run).await;
        known
            .edits
            .extend(run.polled.iter().filter_map(|report| report.carried_over.clone()));
        known.edits_answered |= request.is_some() || run.polled.iter().any(|report| report.cursor_was_set);
        let reports: Vec<_> = settings
            .resources
            .iter()
            .filter_map(|resource| known.memory.report(&resource.name).cloned())
            .collect();
        let reports: Vec<_> = reports.iter().collect();
        let shown_before = std::mem::take(&mut known.shown_elsewhere);
        let elsewhere = reports
            .iter()
            .filter_map(|report| report.failure.as_ref())
            .filter(|failure| failure.shown_elsewhere);
        let now_elsewhere: Vec<_> = elsewhere.map(|failure| failure.reason).collect();
        known.shown_elsewhere = [&*shown_before, &*now_elsewhere].concat();
        // Put off for a moment only, with nothing to tell.
        let idle = run.polled.is_empty()
            && request.is_none()
            && run.put_off.is_some_and(|pause| pause < WORTH_TELLING);
        if !run.stopped && !idle {
            // What only waits for its source is asked for still, also after a restart.
            let waits = |report: &ResourceReport| report.state == PollState::Waiting;
            if run.polled.is_empty() || !run.polled.iter().all(waits) {
                known.handled_request = request.or(known.handled_request.take());
            }
            if !run.polled.is_empty() {
                known.handled_skip = skip.or(known.handled_skip.take());
            }
            let situation = self.polling(&reports, &settings);
            self.report_polling(known, &situation, &instance).await?;
            known.shown_elsewhere = now_elsewhere;
        }
        let due = known
            .memory
            .next_due(self.context.engine.clock().now(), &instance);
        // A changed Secret may be what the credentials or the callback wait for.
        let hopes = |failure: &Failure| failure.needs_human || failure.concerns == Concern::Delivery;
        let waits =
            known.memory.delivery_waits() || reports.iter().any(|r| r.failure.as_ref().is_some_and(hopes));
        let pause = if waits { self.secret_pause(known) } else { None };
        Ok(Action::requeue(pause.map_or(due, |pause| pause.min(due))))
    }

    fn polling<'r>(
        &self,
        reports: &'r [&'r crate::engine::ResourceReport],
        settings: &Settings,
    ) -> Situation<'r> {
        Situation::Polling {
            reports,
            resources: settings.resources.len(),
            failure_threshold: settings.failure_threshold,
        }
    }

    /// Whether the object in the cache still is what this turn works on.
    fn unchanged(&self) -> bool {
        if self.context.ending.is_cancelled() {
            return false;
        }
        let reference = ObjectRef::<Guarded>::new(&self.owner.name).within(&self.owner.namespace);
        self.context.watched.get(&reference).is_some_and(|now| {
            let meta = now.meta();
            meta.uid.as_ref() == Some(&self.owner.uid)
                && meta.generation == self.instance.metadata.generation
                && meta.deletion_timestamp.is_none()
        })
    }

    /// The value of a `requestedAt` annotation not acted on yet.
    fn new_request(&self, known: &Known) -> Option<String> {
        let annotations = self.instance.annotations();
        let values: Vec<&str> = [REQUESTED_AT, FLUX_REQUESTED_AT]
            .iter()
            .filter_map(|key| annotations.get(*key).map(String::as_str))
            .collect();
        let request = values.join(" ");
        let told = || {
            known
                .status
                .as_ref()
                .and_then(|status| status.last_handled_requested_at.as_ref())
        };
        let handled = known.handled_request.as_ref().or_else(told);
        (!request.is_empty() && handled != Some(&request)).then_some(request)
    }

    /// The value of a `skip` annotation not acted on yet.
    fn new_skip(&self, known: &Known) -> Option<String> {
        let value = self.instance.annotations().get(SKIP)?;
        let told = || known.status.as_ref()?.last_handled_skip.as_ref();
        let handled = known.handled_skip.as_ref().or_else(told);
        (handled != Some(value)).then(|| value.clone())
    }

    /// Tells what was given up or set aside in a run.
    async fn tell_notices(&self, run: &RunReport) {
        let of_resources = run.polled.iter().flat_map(|report| &report.notices);
        let notices: Vec<&Notice> = of_resources.chain(&run.notices).collect();
        for notice in &notices {
            tracing::warn!(
                instance = %self.owner.name, namespace = %self.owner.namespace,
                reason = notice.reason, "{}", notice.message
            );
        }
        let told = notices
            .into_iter()
            .take(MOST_NOTICES)
            .map(events::notice)
            .collect();
        events::publish(&self.context.recorder, self.instance, told).await;
    }

    fn reset_to(&self) -> Option<(String, Timestamp)> {
        let value = self.instance.annotations().get(RESET_TO)?;
        match value.parse() {
            Ok(at) => Some((value.clone(), at)),
            Err(_) => {
                tracing::warn!(
                    instance = %self.owner.name, namespace = %self.owner.namespace,
                    "annotation {RESET_TO} is no RFC 3339 instant and is ignored; write it as 2026-01-31T00:00:00Z"
                );
                None
            }
        }
    }

    /// When to look at the Secrets again: soon at first, then ever later; never where there are none.
    fn secret_pause(&self, known: &mut Known) -> Option<Duration> {
        let spec = &self.instance.spec;
        let delivery = &spec.delivery;
        let names_a_secret = !spec.configuration_from.is_empty()
            || delivery.tls_from.is_some()
            || delivery.secret_refs().next().is_some();
        if !names_a_secret {
            return None;
        }
        let waited = known.waiting_since.get_or_insert_with(Instant::now).elapsed();
        Some((waited / 10).clamp(SECRET_PAUSES.0, SECRET_PAUSES.1))
    }

    async fn report_polling(
        &self,
        known: &mut Known,
        situation: &Situation<'_>,
        instance: &Instance,
    ) -> Result<(), ReconcileError> {
        let now = self.context.engine.clock().now();
        let mut next_polls: Vec<(String, Timestamp)> = Vec::new();
        let stopped = known.memory.delivery_is_stopped();
        for resource in instance.settings.resources.iter().filter(|_| !stopped) {
            let due = known
                .memory
                .due(now, instance, &resource.name)
                .saturating_duration_since(Instant::now());
            let due = SignedDuration::try_from(due).unwrap_or(SignedDuration::ZERO);
            next_polls.push((resource.name.clone(), now.checked_add(due).unwrap_or(now)));
        }
        let settings = Some(&*instance.settings);
        tell(
            self.context,
            known,
            self.instance,
            situation,
            settings,
            &next_polls,
        )
        .await
    }

    async fn report(
        &self,
        known: &mut Known,
        situation: &Situation<'_>,
        settings: Option<&Settings>,
    ) -> Result<(), ReconcileError> {
        tell(self.context, known, self.instance, situation, settings, &[]).await
    }
}

/// Writes what a situation means for the object's status, and the events of what turned.
async fn tell<K: Resource<DynamicType = ()>>(
    context: &Context,
    known: &mut Known,
    object: &K,
    situation: &Situation<'_>,
    settings: Option<&Settings>,
    next_polls: &[(String, Timestamp)],
) -> Result<(), ReconcileError> {
    let meta = object.meta();
    let namespace = meta
        .namespace
        .as_deref()
        .ok_or(ReconcileError::Incomplete("namespace"))?;
    let name = meta.name.as_deref().ok_or(ReconcileError::Incomplete("name"))?;
    let before = known.status.clone().unwrap_or_default();
    let facts = Facts {
        generation: meta.generation.unwrap_or_default(),
        now: context.engine.clock().now(),
        settings,
        next_polls,
        handled_request: known.handled_request.as_deref(),
        handled_skip: known.handled_skip.as_deref(),
        edits: (!known.edits_answered).then_some(&known.edits),
        config_digest: known.mark.as_deref().filter(|_| settings.is_some()),
    };
    let after = status::compute(situation, &facts, &before);
    match status::write(&context.client, namespace, name, &after, &before).await {
        Ok(()) => {}
        // Deleted while it was polled: nobody is left to report to.
        Err(kube::Error::Api(error)) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(ReconcileError::StatusNotWritten(in_words(&error))),
    }
    known.edits.clear();
    known.edits_answered = false;
    let news = events::transitions(&before.conditions, &after.conditions, &known.shown_elsewhere);
    events::publish(&context.recorder, object, news).await;
    known.status = Some(after);
    Ok(())
}

/// A short name for `text`, the same on every day.
fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..8])
}

async fn report_undecodable(object: &Guarded, error: &str, context: &Context) -> Result<(), ReconcileError> {
    let meta = object.meta();
    let namespace = meta
        .namespace
        .clone()
        .ok_or(ReconcileError::Incomplete("namespace"))?;
    let name = meta.name.clone().ok_or(ReconcileError::Incomplete("name"))?;
    let known = context.known(meta.uid.as_deref().ok_or(ReconcileError::Incomplete("uid"))?);
    let mut known = known.lock().await;
    tracing::warn!(%namespace, %name, error, "instance cannot be decoded and is not polled");
    if known.status.is_none() {
        known.status = match status::read(&context.client, &namespace, &name).await {
            Ok(status) => status,
            Err(kube::Error::Api(error)) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(ReconcileError::StatusNotRead(in_words(&error))),
        };
    }
    let problem = Problem::new(
        "spec",
        format!("it cannot be understood: {error}"),
        "correct the field it names",
    );
    let situation = Situation::Invalid {
        problems: &[problem],
        secret_missing: false,
    };
    tell(context, &mut known, object, &situation, None, &[]).await
}
