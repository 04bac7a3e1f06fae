//! The only writer of `PollingInstance` status; writes only what changed.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client, Resource};
use serde_json::json;

use super::conditions::{
    Situation, about_edits, carried_over, judge, shortened, stamped, still_undelivered, whole_second,
};
use crate::api::{
    HeldObjects, LastResult, PollingInstance, PollingInstanceStatus, ResourceState, ResourceStatus,
};
use crate::config::Settings;
use crate::engine::{self, PollState, ResourceReport};
use crate::poll::CarriedOver;

/// Owner of the status fields in server-side apply.
pub(super) const FIELD_MANAGER: &str = "pollinator";

/// What goes into a status beside the conditions.
pub(super) struct Facts<'a> {
    pub(super) generation: i64,
    pub(super) now: Timestamp,
    /// Present where the configuration is valid.
    pub(super) settings: Option<&'a Settings>,
    /// Due time of each resource, by our clock.
    pub(super) next_polls: &'a [(String, Timestamp)],
    pub(super) handled_request: Option<&'a str>,
    pub(super) handled_skip: Option<&'a str>,
    /// Edits that the newest polls tell of; none once a human has answered, by a request or by setting the cursor.
    pub(super) edits: Option<&'a [CarriedOver]>,
    /// What the settings were read from.
    pub(super) config_digest: Option<&'a str>,
}

/// The status of a situation. What is not known anew is carried over from `before`.
pub(super) fn compute(
    situation: &Situation<'_>,
    facts: &Facts<'_>,
    before: &PollingInstanceStatus,
) -> PollingInstanceStatus {
    let mut verdicts = judge(situation);
    if matches!(situation, Situation::Polling { .. }) && before.observed_generation == facts.generation {
        verdicts = carried_over(verdicts, &before.conditions);
    }
    if matches!(situation, Situation::Invalid { .. }) && before.observed_generation == facts.generation {
        verdicts.extend(still_undelivered(&before.conditions));
    }
    if let Some(edits) = facts.edits {
        verdicts.extend(about_edits(
            edits,
            &before.conditions,
            facts.generation,
            facts.now,
        ));
    }
    let conditions = stamped(verdicts, &before.conditions, facts.generation, facts.now);
    let mut status = PollingInstanceStatus {
        observed_generation: facts.generation,
        conditions,
        last_polled: before.last_polled.clone(),
        next_poll: None,
        interval: facts.settings.map(|settings| duration(settings.interval)),
        last_handled_requested_at: facts
            .handled_request
            .map(str::to_owned)
            .or_else(|| before.last_handled_requested_at.clone()),
        last_handled_skip: facts
            .handled_skip
            .map(str::to_owned)
            .or_else(|| before.last_handled_skip.clone()),
        observed_config_digest: facts
            .config_digest
            .map(str::to_owned)
            .or_else(|| before.observed_config_digest.clone()),
        resources_polled: before.resources_polled.clone(),
        resources: without_next_poll(&before.resources),
    };
    let Some(settings) = facts.settings else {
        return status;
    };
    let reports = match situation {
        Situation::Polling { reports, .. } => reports,
        _ => &[][..],
    };
    let next_of = |name: &str| {
        let found = facts.next_polls.iter().find(|(resource, _)| resource == name);
        found.map(|(_, at)| whole_second(*at))
    };
    status.resources = settings
        .resources
        .iter()
        .map(|resource| {
            let name = &resource.name;
            let before = before.resources.iter().find(|status| status.name == *name);
            let report = reports.iter().find(|report| report.name == *name);
            let mut status = match (report, before) {
                (Some(report), before) => resource_status(report, before),
                (None, Some(before)) => before.clone(),
                (None, None) => ResourceStatus {
                    name: name.clone(),
                    ..ResourceStatus::default()
                },
            };
            status.next_poll = next_of(name);
            status
        })
        .collect();
    let good = |r: &&ResourceStatus| matches!(r.state, ResourceState::Polled | ResourceState::Learning);
    let polled = status.resources.iter().filter(good).count();
    status.resources_polled = Some(format!("{polled}/{}", status.resources.len()));
    status.last_polled = status
        .resources
        .iter()
        .filter_map(|r| r.last_polled.clone())
        .max_by_key(|t| t.0);
    status.next_poll = status
        .resources
        .iter()
        .filter_map(|r| r.next_poll.clone())
        .min_by_key(|t| t.0);
    let left = left(&status.resources, &before.resources);
    status.resources.extend(left);
    status
}

/// Resources that are configured no longer are shown until all that are were polled well once: one of these may be one
/// of those under another name, which a restart of the operator must not forget.
fn left(configured: &[ResourceStatus], before: &[ResourceStatus]) -> Vec<ResourceStatus> {
    if configured
        .iter()
        .all(|status| status.last_successful_poll.is_some())
    {
        return Vec::new();
    }
    let is_left = |status: &&ResourceStatus| configured.iter().all(|other| other.name != status.name);
    let told = |status: &ResourceStatus| ResourceStatus {
        next_poll: None,
        message: Some("configured no longer; its checkpoint is kept, in case it comes back".to_owned()),
        ..status.clone()
    };
    before.iter().filter(is_left).map(told).collect()
}

/// Where nothing is polled, no time is promised.
fn without_next_poll(resources: &[ResourceStatus]) -> Vec<ResourceStatus> {
    resources
        .iter()
        .map(|resource| ResourceStatus {
            next_poll: None,
            ..resource.clone()
        })
        .collect()
}

fn resource_status(report: &ResourceReport, before: Option<&ResourceStatus>) -> ResourceStatus {
    let figures = &report.figures;
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let mut messages: Vec<String> = report
        .failure
        .iter()
        .map(|failure| failure.message.clone())
        .collect();
    messages.extend(report.notes.iter().cloned());
    let message = (!messages.is_empty()).then(|| shortened(messages.join(" | ")));
    ResourceStatus {
        name: report.name.clone(),
        state: match report.state {
            PollState::Learning => ResourceState::Learning,
            PollState::Polled => ResourceState::Polled,
            PollState::PollFailed => ResourceState::PollFailed,
            PollState::DeliveryFailed => ResourceState::DeliveryFailed,
            // It was not polled, so all that was found at the newest poll stands.
            PollState::Waiting => {
                return ResourceStatus {
                    name: report.name.clone(),
                    message,
                    ..before.cloned().unwrap_or_default()
                };
            }
        },
        last_polled: Some(whole_second(report.ended_at)),
        last_successful_poll: time(report.succeeded_at)
            .or_else(|| before.and_then(|before| before.last_successful_poll.clone())),
        next_poll: None,
        cursor: time(report.cursor).or_else(|| before.and_then(|before| before.cursor.clone())),
        last_event_time: time(report.last_event_at)
            .or_else(|| before.and_then(|before| before.last_event_time.clone())),
        consecutive_failures: i32::try_from(report.failures).unwrap_or(i32::MAX),
        consecutive_delivery_failures: i32::try_from(report.failed_deliveries).unwrap_or(i32::MAX),
        held_objects: report
            .held_objects
            .as_ref()
            .map(|held| held_objects(report.held, held, before)),
        last_result: Some(LastResult {
            http_status: figures.http_status.map(i32::from),
            pages: count(figures.pages),
            records: count(figures.records),
            created: count(figures.events.created),
            updated: count(figures.events.updated),
            deleted: count(figures.events.deleted),
            dead_lettered: count(figures.dead_letters),
            unchanged: count(figures.unchanged),
            invalid: count(figures.invalid),
            duration: duration(figures.duration),
        }),
        message,
    }
}

fn held_objects(count: usize, held: &engine::HeldObjects, before: Option<&ResourceStatus>) -> HeldObjects {
    let told = before.and_then(|before| before.held_objects.as_ref());
    HeldObjects {
        count: i32::try_from(count).unwrap_or(i32::MAX),
        oldest: time(held.oldest),
        last_answer: held
            .last_answer
            .clone()
            .or_else(|| told.and_then(|told| told.last_answer.clone())),
        examples: held.examples.clone(),
    }
}

/// Dates that Kubernetes cannot express (before the year 1, after 9999) are left out.
fn time(at: Option<Timestamp>) -> Option<Time> {
    at.filter(|at| (-62_135_596_800..=253_402_300_799).contains(&at.as_second()))
        .map(whole_second)
}

fn duration(of: std::time::Duration) -> String {
    let rounded = SignedDuration::from_millis(i64::try_from(of.as_millis()).unwrap_or(i64::MAX));
    jiff::fmt::friendly::SpanPrinter::new()
        .spacing(jiff::fmt::friendly::Spacing::None)
        .designator(jiff::fmt::friendly::Designator::Compact)
        .duration_to_string(&rounded)
}

/// Writes `status` unless it equals what is there.
///
/// # Errors
/// Where the API server refuses or cannot be reached.
pub(super) async fn write(
    client: &Client,
    namespace: &str,
    name: &str,
    status: &PollingInstanceStatus,
    before: &PollingInstanceStatus,
) -> Result<(), kube::Error> {
    if status == before {
        return Ok(());
    }
    patch(client, namespace, name, json!(status)).await
}

/// The status of an object whose spec cannot be decoded; none where the status cannot either.
///
/// # Errors
/// Where the API server refuses or cannot be reached.
pub(super) async fn read(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<PollingInstanceStatus>, kube::Error> {
    let mut object = untyped(client, namespace).get(name).await?;
    Ok(serde_json::from_value(object.data["status"].take()).ok())
}

/// The API of what may be an object that cannot be decoded.
fn untyped(client: &Client, namespace: &str) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<PollingInstance>(&());
    Api::namespaced_with(client.clone(), namespace, &resource)
}

async fn patch(
    client: &Client,
    namespace: &str,
    name: &str,
    status: serde_json::Value,
) -> Result<(), kube::Error> {
    let document = json!({
        "apiVersion": PollingInstance::api_version(&()),
        "kind": PollingInstance::kind(&()),
        "metadata": {"name": name},
        "status": status,
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    untyped(client, namespace)
        .patch_status(name, &params, &Patch::Apply(document))
        .await
        .map(drop)
}
