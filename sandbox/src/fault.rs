//! Faults on demand: what they are and the queue that decides which request meets which.

use std::collections::VecDeque;

use axum::http::HeaderValue;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Endpoint that faults and `at` triggers aim at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The OAuth token endpoint.
    Token,
    /// The page to which OAuth's code flow sends a browser.
    Authorize,
    /// The expense reports API; also any path of the API that the sandbox does not know.
    Reports,
    /// The expense entries API.
    Entries,
    /// The expense allocations API.
    Allocations,
    /// The invoice digests API.
    Invoices,
    /// The travel requests API.
    Requests,
    /// The lists API.
    Lists,
    /// The identity users API.
    Users,
    /// The hub, with all its resources.
    Hub,
    /// The callback receiver.
    Receiver,
}

/// One way for a request to go wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Fault {
    /// Any status; a text body is sent as it is, any other JSON value as JSON.
    Status {
        /// HTTP status, 200 to 599.
        status: u16,
        /// Body; empty if not given.
        #[serde(default)]
        body: Option<Value>,
        /// Value of `Retry-After`, sent as given.
        #[serde(default)]
        retry_after: Option<String>,
        /// Value of `Content-Type`; by default what fits the body.
        #[serde(default)]
        content_type: Option<String>,
    },
    /// Status 429 in the one shape that Concur's pages print.
    TooManyRequests {
        /// Value of `Retry-After`; `0` as in Concur's sample if not given, none if empty.
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// Status 400 for a database deadlock, which passes by itself.
    Deadlock,
    /// Status 503.
    Maintenance,
    /// Status 502 with a gateway's HTML page.
    Html,
    /// Status 200 with an `Error` object in place of the data.
    #[serde(rename = "error-in-200")]
    ErrorIn200,
    /// The regular answer with its body cut and a content length that fits the cut body.
    Truncated,
    /// The regular answer, whose connection breaks in the middle of the body.
    HalfBody,
    /// The regular answer without its records.
    MissingItems,
    /// Wait, then answer regularly.
    Hang {
        /// How long, milliseconds; 120000 if not given.
        #[serde(default)]
        ms: Option<u64>,
    },
    /// A valid empty listing blown up with blanks, streamed without a content length.
    Huge {
        /// Size of the body, bytes.
        bytes: u64,
    },
    /// Status 302.
    Redirect {
        /// Value of `Location`.
        location: String,
    },
    /// The connection is closed without an answer and the request has no effect.
    Drop,
    /// Token endpoint: an error body with this code.
    TokenError {
        /// Concur's error code, such as 16 or 108.
        code: u32,
        /// `error_description`; Concur's meaning of the code if not given.
        #[serde(default)]
        description: Option<String>,
        /// `geolocation` in the error body.
        #[serde(default)]
        geolocation: Option<String>,
    },
    /// Receiver: take the notification, then wait before answering.
    AcceptThenHang {
        /// How long, milliseconds; 120000 if not given.
        #[serde(default)]
        ms: Option<u64>,
    },
    /// Receiver: take the notification, then close the connection without an answer.
    AcceptThenDrop,
}

/// How long a hang lasts if it does not say, milliseconds: longer than Concur's own limit of 60 s.
const HANG_MS: u64 = 120_000;

impl Fault {
    /// Says what is wrong with a fault that cannot be carried out at that target.
    pub(crate) fn check(&self, target: Target) -> Result<(), String> {
        let header = |name: &str, value: &Option<String>| match value {
            Some(text) if HeaderValue::from_str(text).is_err() => {
                Err(format!("fault: {name} is not a valid header value"))
            }
            _ => Ok(()),
        };
        match self {
            Fault::Status {
                status,
                retry_after,
                content_type,
                ..
            } => {
                if !(200..=599).contains(status) {
                    return Err(format!(
                        "fault: status is {status}, give a status from 200 to 599"
                    ));
                }
                header("retryAfter", retry_after)?;
                header("contentType", content_type)
            }
            Fault::TooManyRequests { retry_after } => header("retryAfter", retry_after),
            Fault::Redirect { location } => header("location", &Some(location.clone())),
            Fault::TokenError { .. } if target != Target::Token => {
                Err("fault: token-error is for the target token only".into())
            }
            Fault::AcceptThenHang { .. } | Fault::AcceptThenDrop if target != Target::Receiver => {
                Err("fault: accept-then-hang and accept-then-drop are for the target receiver only".into())
            }
            _ => Ok(()),
        }
    }

    /// Wait before the request is looked at, milliseconds.
    pub(crate) fn hang_before(&self) -> Option<u64> {
        if let Fault::Hang { ms } = self {
            Some(ms.unwrap_or(HANG_MS))
        } else {
            None
        }
    }

    /// Wait after the request took effect, milliseconds.
    pub(crate) fn hang_after(&self) -> Option<u64> {
        if let Fault::AcceptThenHang { ms } = self {
            Some(ms.unwrap_or(HANG_MS))
        } else {
            None
        }
    }

    /// The kind's name as in the control API.
    pub(crate) fn kind(&self) -> String {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields
                .get("kind")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            _ => String::new(),
        }
    }
}

struct Planned {
    pass: u32,
    times: u32,
    fault: Fault,
}

/// Faults to come at one target, in order.
#[derive(Default)]
pub(crate) struct Plan(VecDeque<Planned>);

impl Plan {
    pub(crate) fn push(&mut self, fault: Fault, times: u32, pass: u32) {
        if times > 0 {
            self.0.push_back(Planned { pass, times, fault });
        }
    }

    /// The fault that the present request meets.
    pub(crate) fn take(&mut self) -> Option<Fault> {
        let next = self.0.front_mut()?;
        if next.pass > 0 {
            next.pass -= 1;
            return None;
        }
        next.times -= 1;
        let fault = next.fault.clone();
        if next.times == 0 {
            self.0.pop_front();
        }
        Some(fault)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Requests that will still meet a fault.
    pub(crate) fn pending(&self) -> u64 {
        self.0.iter().map(|planned| u64::from(planned.times)).sum()
    }
}
