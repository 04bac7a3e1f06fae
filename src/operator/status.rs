//! The only writer of `PollingInstance` status; writes only what changed.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use super::conditions::{Situation, judge, stamped, whole_second};
use crate::api::{LastResult, PollingInstance, PollingInstanceStatus, ResourceState, ResourceStatus};
use crate::config::Settings;
use crate::engine::{PollState, ResourceReport};

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
}

/// The status of a situation. What is not known anew is carried over from `before`.
pub(super) fn compute(
    situation: &Situation<'_>,
    facts: &Facts<'_>,
    before: &PollingInstanceStatus,
) -> PollingInstanceStatus {
    let conditions = if nothing_new(situation, facts, before) {
        before.conditions.clone()
    } else {
        stamped(judge(situation), &before.conditions, facts.generation, facts.now)
    };
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
        resources_polled: before.resources_polled.clone(),
        resources: before.resources.clone(),
    };
    let Some(settings) = facts.settings else { return status };
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
                (None, None) => ResourceStatus { name: name.clone(), ..ResourceStatus::default() },
            };
            status.next_poll = next_of(name);
            status
        })
        .collect();
    let good = |r: &&ResourceStatus| matches!(r.state, ResourceState::Polled | ResourceState::Learning);
    let polled = status.resources.iter().filter(good).count();
    status.resources_polled = Some(format!("{polled}/{}", status.resources.len()));
    status.last_polled = status.resources.iter().filter_map(|r| r.last_polled.clone()).max_by_key(|t| t.0);
    status.next_poll = status.resources.iter().filter_map(|r| r.next_poll.clone()).min_by_key(|t| t.0);
    status
}

/// After a restart, what an earlier process found stands until every resource was polled again or one failed.
fn nothing_new(situation: &Situation<'_>, facts: &Facts<'_>, before: &PollingInstanceStatus) -> bool {
    let Situation::Polling { reports, resources, .. } = situation else { return false };
    let judged = |c: &Condition| c.type_ == "Ready" && c.status != "Unknown";
    reports.len() < *resources
        && reports.iter().all(|report| report.failure.is_none())
        && before.observed_generation == facts.generation
        && before.conditions.iter().any(judged)
}

fn resource_status(report: &ResourceReport, before: Option<&ResourceStatus>) -> ResourceStatus {
    let figures = &report.figures;
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let mut messages: Vec<String> = report.failure.iter().map(|failure| failure.message.clone()).collect();
    messages.extend(report.notes.iter().cloned());
    ResourceStatus {
        name: report.name.clone(),
        state: match report.state {
            PollState::Learning => ResourceState::Learning,
            PollState::Polled => ResourceState::Polled,
            PollState::PollFailed => ResourceState::PollFailed,
            PollState::DeliveryFailed => ResourceState::DeliveryFailed,
        },
        last_polled: Some(whole_second(report.ended_at)),
        last_successful_poll: time(report.succeeded_at)
            .or_else(|| before.and_then(|before| before.last_successful_poll.clone())),
        next_poll: None,
        cursor: time(report.cursor).or_else(|| before.and_then(|before| before.cursor.clone())),
        last_event_time: time(report.last_event_at)
            .or_else(|| before.and_then(|before| before.last_event_time.clone())),
        consecutive_failures: i32::try_from(report.failures).unwrap_or(i32::MAX),
        held: i32::try_from(report.held).unwrap_or(i32::MAX),
        last_result: Some(LastResult {
            http_status: figures.http_status.map(i32::from),
            pages: count(figures.pages),
            records: count(figures.records),
            created: count(figures.created),
            updated: count(figures.updated),
            unchanged: count(figures.unchanged),
            invalid: count(figures.invalid),
            duration: duration(figures.duration),
        }),
        message: (!messages.is_empty()).then(|| messages.join(" | ")),
    }
}

/// Dates that Kubernetes cannot express (before the year 1, after 9999) are left out.
fn time(at: Option<Timestamp>) -> Option<Time> {
    at.filter(|at| (-62_135_596_800..=253_402_300_799).contains(&at.as_second())).map(whole_second)
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

/// Reports an object that cannot be decoded; of its status only the conditions are known.
///
/// # Errors
/// Where the API server refuses or cannot be reached.
pub(super) async fn write_conditions(
    client: &Client,
    namespace: &str,
    name: &str,
    generation: i64,
    conditions: &[Condition],
) -> Result<(), kube::Error> {
    patch(client, namespace, name, json!({"observedGeneration": generation, "conditions": conditions})).await
}

async fn patch(client: &Client, namespace: &str, name: &str, status: serde_json::Value) -> Result<(), kube::Error> {
    // Not typed: what the API server sends back may be an object that cannot be decoded.
    let resource = kube::api::ApiResource::erase::<PollingInstance>(&());
    let api: Api<kube::api::DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let document = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": name},
        "status": status,
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    api.patch_status(name, &params, &Patch::Apply(document)).await.map(drop)
}
