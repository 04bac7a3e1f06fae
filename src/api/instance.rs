//! `PollingInstance`: what users write.
#![allow(
    clippy::duplicated_attributes,
    reason = "printer columns share types and priorities"
)]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Configuration, PollingInstanceStatus};

/// An element instance (a connection to one account of a SaaS product) whose resources are polled;
/// each record found created or updated is delivered, signed, to the instance's callback URL.
#[derive(CustomResource, KubeSchema, Clone, Debug, Deserialize, Serialize, PartialEq)]
#[kube(
    group = "pollinator.dev",
    version = "v1alpha1",
    kind = "PollingInstance",
    plural = "pollinginstances",
    singular = "pollinginstance",
    shortname = "pi",
    shortname = "polling",
    category = "pollinator",
    namespaced,
    status = "PollingInstanceStatus",
    derive = "PartialEq",
    printcolumn(name = "Element", type_ = "string", json_path = ".spec.element.key"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Last-Polled", type_ = "date", json_path = ".status.lastPolled"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Interval",
        type_ = "string",
        json_path = ".status.interval",
        priority = 1
    ),
    printcolumn(
        name = "Next",
        type_ = "string",
        format = "date-time",
        json_path = ".status.nextPoll",
        priority = 1
    ),
    printcolumn(
        name = "Resources",
        type_ = "string",
        json_path = ".status.resourcesPolled",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct PollingInstanceSpec {
    /// Name of the instance as it appears in notifications (`message.instanceName`); default: the object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which element (connector) the instance belongs to.
    pub element: ElementRef,
    /// Labels of the instance that notifications repeat as `message.instanceTags`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Cloud Elements configuration keys, verbatim; values may be strings, numbers or booleans.
    /// Unknown keys are kept and reported once as a warning.
    #[serde(default)]
    pub configuration: Configuration,
    /// Secrets of the same namespace whose keys are configuration keys. A later one wins over an earlier one, and a
    /// value in `configuration` over all of them, unless it is empty or an export's mask (`********`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub configuration_from: Vec<SecretSource>,
    /// What the provider handed over during authorisation, as in the Cloud Elements instance JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_data: Option<ProviderData>,
    /// `true` stops polling and delivery and keeps every cursor; `false` goes on where it stopped.
    #[serde(default)]
    pub suspend: bool,
    /// How to poll; every field is optional.
    #[serde(default)]
    pub polling: PollingSpec,
    /// How to deliver; every field is optional.
    #[serde(default)]
    pub delivery: DeliverySpec,
}

/// Names an element.
#[derive(KubeSchema, Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ElementRef {
    /// Element key, for example `concur`.
    #[x_kube(validation = ("self.size() > 0", "element.key must not be empty; for SAP Concur write `concur`"))]
    pub key: String,
}

/// One source of configuration keys.
#[derive(KubeSchema, Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretSource {
    /// A Secret in the instance's own namespace.
    pub secret_ref: SecretRef,
}

/// Names a Secret of the instance's own namespace.
#[derive(KubeSchema, Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret; its keys are configuration keys such as `oauth.user.refresh_token`.
    #[x_kube(validation = ("self.size() > 0", "secretRef.name must not be empty"))]
    pub name: String,
    /// `true`: poll without the Secret while it does not exist. Default `false`: wait for it.
    #[serde(default)]
    pub optional: bool,
}

impl SecretRef {
    /// Whether an object can have this name (RFC 1123 subdomain). It becomes part of the address of a request, in which
    /// anything else could lead to another object.
    pub fn is_possible(&self) -> bool {
        let is_label = |label: &str| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            !label.is_empty() && label.chars().all(plain) && !label.starts_with('-') && !label.ends_with('-')
        };
        self.name.len() <= 253 && self.name.split('.').all(is_label)
    }
}

/// Output of an OAuth authorisation.
#[derive(KubeSchema, Clone, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ProviderData {
    /// OAuth 2.0 authorization code, exchanged once for a refresh token. Prefer a refresh token in a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl std::fmt::Debug for ProviderData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderData")
            .field("code", &self.code.as_ref().map(|_| "[redacted]"))
            .finish()
    }
}

/// How an instance's resources are polled.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PollingSpec {
    /// Time between two polls of a resource, at least 1s (`30s`, `5m`, `1h30m`).
    /// Wins over `event.poller.refresh_interval`; default 15m.
    #[x_kube(validation = (
        "self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1s')",
        "polling.interval must be a duration of at least 1s, such as 30s, 5m or 1h30m"
    ))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// How late a change may become visible after its own date, at least 1s; default 60s.
    /// That much is read again below the cursor, and what was already delivered is dropped.
    #[x_kube(validation = (
        "self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1s')",
        "polling.lookback must be a duration of at least 1s, such as 60s or 5m"
    ))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookback: Option<String>,
    /// What the first poll does with the records that are already there.
    #[serde(default)]
    pub initial_sync: InitialSync,
    /// Longest time one request to the source may take, body included; default 60s.
    #[x_kube(validation = (
        "self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1s')",
        "polling.requestTimeout must be a duration of at least 1s, such as 60s"
    ))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_timeout: Option<String>,
    /// Failed polls in a row after which `Ready` turns False; default 3.
    #[x_kube(validation = ("self >= 1", "polling.failureThreshold must be at least 1"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<i32>,
}

/// What the first poll of a resource does.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "!has(self.since) || self.policy == 'Backfill'",
    "polling.initialSync.since belongs to policy Backfill; remove it or set policy: Backfill"
))]
pub struct InitialSync {
    /// FromNow (default): report what changes from now on. Baseline: read everything once in silence, then report differences.
    /// Backfill: report everything dated at or after `since`.
    #[serde(default)]
    pub policy: InitialSyncPolicy,
    /// RFC 3339 instant from which Backfill reports; default: the beginning.
    #[x_kube(validation = ("timestamp(self) >= timestamp('1970-01-01T00:00:00Z')", "polling.initialSync.since must be an RFC 3339 instant such as 2026-01-31T00:00:00Z"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// Policy of the first poll.
#[derive(JsonSchema, Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
pub enum InitialSyncPolicy {
    /// Report what changes from the first start on.
    #[default]
    FromNow,
    /// Learn every existing record silently, then report differences.
    Baseline,
    /// Report everything since an instant.
    Backfill,
}

/// How notifications are delivered.
#[derive(KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct DeliverySpec {
    /// Longest time the callback may take to answer; default 20s.
    #[x_kube(validation = (
        "self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) >= duration('1s')",
        "delivery.timeout must be a duration of at least 1s, such as 20s"
    ))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Notifications under way at once; one object is never in two of them. Default 4, at most 64.
    #[x_kube(validation = ("self >= 1 && self <= 64", "delivery.maxInFlight must be between 1 and 64"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_in_flight: Option<i32>,
}
