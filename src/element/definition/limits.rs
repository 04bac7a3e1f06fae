//! How much the vendor is asked for at most.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Requests under way at once where a definition does not say.
const CONCURRENT_REQUESTS: u16 = 4;

/// How much may be asked of the API with one credential, counted over all instances that share it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestLimits {
    /// Requests under way at once, 1 to 64.
    #[serde(default = "concurrent_requests")]
    #[schemars(range(min = 1, max = 64))]
    pub concurrent_requests: u16,
    /// Requests in a stretch of time; without it only the vendor's own answers slow the requests down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
}

/// A number of requests in any stretch of time of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// Requests at most, 1 to 10000.
    #[schemars(range(min = 1, max = 10_000))]
    pub requests: u32,
    /// Length of the stretch in seconds, 1 to 3600.
    #[schemars(range(min = 1, max = 3600))]
    pub per_seconds: u32,
}

impl RequestLimits {
    /// Whether they are what a definition gets that says nothing.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            concurrent_requests: CONCURRENT_REQUESTS,
            rate_limit: None,
        }
    }
}

fn concurrent_requests() -> u16 {
    CONCURRENT_REQUESTS
}
