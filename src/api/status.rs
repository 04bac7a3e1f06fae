//! What the operator reports in `status`; a report only, never read back as the cursor.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator knows of an instance.
#[derive(KubeSchema, Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PollingInstanceStatus {
    /// Generation of the spec this status speaks of; -1 until the operator has seen the object.
    #[serde(default = "unobserved")]
    pub observed_generation: i64,
    /// `Ready`, `CredentialsReady`, `PollSucceeded`, `DeliverySucceeded`; `Reconciling`, `Stalled` and
    /// `CheckpointCarriedOver` only while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// When the newest poll of any resource ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_polled: Option<Time>,
    /// When the next poll of any resource is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_poll: Option<Time>,
    /// The interval in force, as a duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// Value of the `requestedAt` annotation that was acted on last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_requested_at: Option<String>,
    /// Value of the `skip` annotation that was acted on last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_skip: Option<String>,
    /// Digest of the spec's generation and of the versions of its Secrets: after a restart of the operator it tells
    /// whether what the callback said last still stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_config_digest: Option<String>,
    /// Resources whose newest poll read and delivered everything, of all, such as `2/3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources_polled: Option<String>,
    /// One entry for each polled resource.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub resources: Vec<ResourceStatus>,
}

/// Below every real generation, so that no new object passes for an observed one.
fn unobserved() -> i64 {
    -1
}

impl Default for PollingInstanceStatus {
    fn default() -> Self {
        Self {
            observed_generation: unobserved(),
            conditions: Vec::new(),
            last_polled: None,
            next_poll: None,
            interval: None,
            last_handled_requested_at: None,
            last_handled_skip: None,
            observed_config_digest: None,
            resources_polled: None,
            resources: Vec::new(),
        }
    }
}

/// What the operator knows of one polled resource.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ResourceStatus {
    /// Name of the resource, its key in `event.poller.configuration`.
    pub name: String,
    /// How the newest poll ended.
    pub state: ResourceState,
    /// When the newest poll ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_polled: Option<Time>,
    /// When the newest poll that read and delivered everything ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_successful_poll: Option<Time>,
    /// When the next poll is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_poll: Option<Time>,
    /// Vendor time up to which changes were read; what the `lookback` re-reads lies below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Time>,
    /// Date of the newest record delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_time: Option<Time>,
    /// Polls that failed in a row.
    #[serde(default)]
    pub consecutive_failures: i32,
    /// Polls in a row whose delivery the callback did not accept; they advance in `delivery.retrySchedule`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub consecutive_delivery_failures: i32,
    /// Objects whose events the callback refused for good; they are held, nothing of them is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_objects: Option<HeldObjects>,
    /// Figures of the newest poll.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_result: Option<LastResult>,
    /// What a human should know of the newest poll.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

fn is_zero(n: &i32) -> bool {
    *n == 0
}

/// Objects whose events the callback refused for good. They are tried again by `delivery.retrySchedule`, at once with
/// `pollinator.dev/requestedAt`, and given up with `pollinator.dev/skip`.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct HeldObjects {
    /// How many.
    pub count: i32,
    /// Since when the first of them is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Time>,
    /// What the callback, and where there is one the dead-letter sink, answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_answer: Option<String>,
    /// Ids of those that are held longest, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

/// How the newest poll of a resource ended.
#[derive(JsonSchema, Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
pub enum ResourceState {
    /// Not polled yet.
    #[default]
    Pending,
    /// The first pass is not complete.
    Learning,
    /// Everything was read and delivered.
    Polled,
    /// The source could not be read.
    PollFailed,
    /// The callback did not accept everything; the source keeps the rest.
    DeliveryFailed,
}

/// Figures of one poll.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct LastResult {
    /// HTTP status of the newest answer of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<i32>,
    /// Pages read.
    pub pages: i64,
    /// Records listed.
    pub records: i64,
    /// CREATED events accepted by the callback.
    pub created: i64,
    /// UPDATED events accepted by the callback.
    pub updated: i64,
    /// DELETED events accepted by the callback.
    #[serde(default)]
    pub deleted: i64,
    /// Events that the callback refused and the dead-letter sink accepted.
    #[serde(default)]
    pub dead_lettered: i64,
    /// Records without news.
    pub unchanged: i64,
    /// Records that could not be read: no id, unreadable date, not an object.
    pub invalid: i64,
    /// How long the poll took, as a duration.
    pub duration: String,
}
