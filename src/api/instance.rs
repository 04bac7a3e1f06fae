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
/// each record found created, updated or deleted is delivered, signed, to the instance's callback URL.
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
    // API servers of 1.33 do not hold numbers against their format.
    #[x_kube(validation = ("self >= 1 && self <= 2147483647", "polling.failureThreshold must be at least 1 and at most 2147483647"))]
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
#[x_kube(validation = (
    "self.onPermanentFailure != 'DeadLetter' || has(self.deadLetterSink)",
    "delivery.deadLetterSink is needed with onPermanentFailure: DeadLetter"
))]
pub struct DeliverySpec {
    /// What the body of a notification is. Elements (default): the envelope of Cloud Elements. CloudEvents: CloudEvents 1.0
    /// in JSON, one event, or a batch where there are several.
    #[serde(default)]
    pub format: DeliveryFormat,
    /// Most events in one notification; default 10, which is also the most. With 1, CloudEvents never come as a batch.
    #[x_kube(validation = ("self >= 1 && self <= 10", "delivery.maxEvents must be between 1 and 10"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_events: Option<i32>,
    /// Keys that sign beside `event.notification.signature.key`, in the header `webhook-signature` alone, so that a key
    /// can be replaced while receivers still verify with the one before, or with an Ed25519 key. At most 10.
    #[x_kube(validation = ("self.size() <= 10", "delivery.signingKeys may have at most 10 keys"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signing_keys: Vec<SigningKeySource>,
    /// Longest time the callback, or the dead-letter sink, may take to answer; default 20s.
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
    /// Pauses before a notification that was not accepted is tried again, each at least 1s; default
    /// [8s, 64s, 512s, 4096s, 32768s]. The last one repeats: nothing is given up, since the source keeps it.
    #[x_kube(validation = (
        "self.all(pause, pause.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(pause) >= duration('1s'))",
        "delivery.retrySchedule must have durations of at least 1s, such as 8s, 64s or 10m"
    ))]
    #[schemars(length(min = 1, max = 20), inner(length(max = 32)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_schedule: Option<Vec<String>>,
    /// What becomes of an object whose event the callback refuses for good (400, 409, 413, 422). Hold (default): it waits
    /// with all its later events and is tried again, while other objects go on. DeadLetter: its notification goes to
    /// `deadLetterSink`, and the object waits only while the sink does not take it.
    #[serde(default)]
    pub on_permanent_failure: PermanentFailurePolicy,
    /// Receives what the callback refuses for good, with `onPermanentFailure: DeadLetter`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_sink: Option<DeadLetterSink>,
    /// Whom to trust as the callback, and as whom to come to it: certificates for TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_from: Option<TlsSource>,
}

/// What becomes of an object whose event the callback refuses for good.
#[derive(JsonSchema, Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
pub enum PermanentFailurePolicy {
    /// It waits and is tried again; nothing is lost.
    #[default]
    Hold,
    /// Its notification goes to the dead-letter sink.
    DeadLetter,
}

/// A receiver of notifications that the callback refused.
#[derive(KubeSchema, Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterSink {
    /// http or https URL. It gets the refused notification as it was, signed with the same keys, and the reason in
    /// headers `Pollinator-Error-Code`, `-Data` and `-Destination`; a 2xx takes it.
    #[x_kube(validation = (
        "self.trim().matches('^(?i:https?)://[^ /?#]')",
        "delivery.deadLetterSink.uri must be an http or https URL with a host"
    ))]
    pub uri: String,
}

impl DeliverySpec {
    /// Path of each reference to a Secret with a signing key, and the Secret's name.
    pub fn secret_refs(&self) -> impl Iterator<Item = (String, &str)> {
        self.signing_keys.iter().enumerate().map(|(index, source)| {
            let path = format!("spec.delivery.signingKeys[{index}].secretKeyRef");
            (path, source.secret_key_ref.name.as_str())
        })
    }
}

/// Form of a notification's body.
#[derive(JsonSchema, Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
pub enum DeliveryFormat {
    /// The envelope of Cloud Elements.
    #[default]
    Elements,
    /// CloudEvents 1.0, structured.
    CloudEvents,
}

/// One signing key.
#[derive(KubeSchema, Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SigningKeySource {
    /// Where the key is. Its value is `whsec_` and base64, or plain text, for HMAC-SHA256; or `whsk_` and the base64 of an
    /// Ed25519 private key.
    pub secret_key_ref: SecretKeyRef,
}

/// Names one key of a Secret of the instance's own namespace.
#[derive(KubeSchema, Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[x_kube(validation = ("self.size() > 0", "secretKeyRef.name must not be empty"))]
    pub name: String,
    /// Key of the Secret whose value is meant.
    #[x_kube(validation = ("self.size() > 0", "secretKeyRef.key must not be empty"))]
    pub key: String,
}

/// Where the certificates for TLS are.
#[derive(KubeSchema, Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TlsSource {
    /// A Secret in the instance's own namespace, as cert-manager writes it; it is read anew before each poll.
    pub secret_ref: TlsSecretRef,
}

/// Names a Secret with certificates.
#[derive(KubeSchema, Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TlsSecretRef {
    /// Name of the Secret. `ca.crt` holds the authorities that are trusted in place of the system's; `tls.crt` and
    /// `tls.key` the client certificate and its key. Either may be absent, and all are PEM.
    #[x_kube(validation = ("self.matches('^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$')", "tlsFrom.secretRef.name must be the name of a Secret in the instance's own namespace"))]
    pub name: String,
}
