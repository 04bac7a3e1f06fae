//! The errors of the API server.

use serde_json::{Value, json};

/// An answer other than success.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) message: String,
    reason: &'static str,
}

impl Refusal {
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Refusal {
        Refusal {
            code,
            message: message.into(),
            reason,
        }
    }

    /// The usual reason for a status code, for faults on demand.
    pub(crate) fn injected(code: u16) -> Refusal {
        let reason = match code {
            400 => "BadRequest",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            409 => "Conflict",
            410 => "Expired",
            422 => "Invalid",
            429 => "TooManyRequests",
            500 => "InternalError",
            503 => "ServiceUnavailable",
            504 => "Timeout",
            _ => "",
        };
        Refusal::new(code, reason, format!("the test asked for {code}"))
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Refusal {
        Refusal::new(400, "BadRequest", message)
    }

    pub(crate) fn not_found(plural: &str, name: &str) -> Refusal {
        Refusal::new(404, "NotFound", format!("{plural} \"{name}\" not found"))
    }

    pub(crate) fn conflict(name: &str) -> Refusal {
        let message = format!(
            "Operation cannot be fulfilled on \"{name}\": the object has been modified; please apply your changes to the latest version and try again"
        );
        Refusal::new(409, "Conflict", message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::new(422, "Invalid", message)
    }

    pub(crate) fn expired() -> Refusal {
        Refusal::new(410, "Expired", "too old resource version")
    }

    /// The body of the answer.
    pub(crate) fn status(&self) -> Value {
        json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        })
    }
}
