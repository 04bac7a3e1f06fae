//! `PollingCheckpoint`: the truth after a crash; written by the operator only.
#![allow(
    clippy::duplicated_attributes,
    reason = "printer columns share types and priorities"
)]

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Cursor and memory of one polled resource. Written by the operator only; deleting it makes the
/// resource start again as `polling.initialSync` says.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[kube(
    group = "pollinator.dev",
    version = "v1alpha1",
    kind = "PollingCheckpoint",
    plural = "pollingcheckpoints",
    singular = "pollingcheckpoint",
    shortname = "pcp",
    category = "pollinator",
    namespaced,
    derive = "PartialEq",
    derive = "Default",
    printcolumn(name = "Instance", type_ = "string", json_path = ".spec.instance"),
    printcolumn(name = "Resource", type_ = "string", json_path = ".spec.resource"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".spec.phase"),
    printcolumn(name = "Cursor", type_ = "string", json_path = ".spec.cursor"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct PollingCheckpointSpec {
    /// Name of the PollingInstance.
    pub instance: String,
    /// Name of the polled resource.
    pub resource: String,
    /// `New`, `First` (the first pass is not complete) or `Steady`; `Moved` where the resource was renamed and goes on
    /// under its new name; `Segment` for a continuation object.
    pub phase: String,
    /// Vendor time up to which changes were read, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The checkpoint document, JSON; its format is versioned inside.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// Names of the continuation objects that hold the rest of the seen-set, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<String>,
}
