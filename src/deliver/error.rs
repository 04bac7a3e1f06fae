//! Why a notification was not accepted.

use ::http::StatusCode;

use crate::http::HttpError;

/// Why a notification was not accepted although nothing is wrong with the notification itself.
///
/// What the callback answered is shown at most 200 characters long, without the instance's secrets.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// No connection, or it broke before the answer was complete.
    #[error("callback cannot be reached")]
    CallbackUnreachable(#[source] HttpError),
    /// No complete answer in time.
    #[error("callback did not answer in time")]
    CallbackTimeout(#[source] HttpError),
    /// The address guard refused the callback's address.
    #[error("callback address is refused")]
    CallbackAddressRefused(#[source] HttpError),
    /// A redirect, which could lead a signed notification anywhere.
    #[error(
        "callback answered {status}, and redirects are not followed; \
         set event.notification.callback.url to the final address"
    )]
    CallbackRedirect {
        /// 3xx.
        status: StatusCode,
    },
    /// The callback wants fewer requests.
    #[error("callback answered {status}{}", quoted(answer))]
    CallbackThrottled {
        /// 429, or 413 with `Retry-After`.
        status: StatusCode,
        /// Beginning of the answer.
        answer: String,
    },
    /// The callback refuses every notification, not this one.
    #[error(
        "callback answered {status}{}; check event.notification.callback.url and the credentials it needs",
        quoted(answer)
    )]
    CallbackRefused {
        /// 4xx.
        status: StatusCode,
        /// Beginning of the answer.
        answer: String,
    },
    /// The callback says that it is no more, and is not called again until a human acts.
    #[error(
        "callback answered 410 Gone{}, so nothing is delivered any more and the source keeps everything; set \
         event.notification.callback.url to where the receiver is now, or annotate the instance with \
         pollinator.dev/requestedAt to try again",
        quoted(answer)
    )]
    CallbackGone {
        /// Beginning of the answer.
        answer: String,
    },
    /// The callback failed.
    #[error("callback answered {status}{}", quoted(answer))]
    CallbackServerError {
        /// 5xx, or no status HTTP knows.
        status: StatusCode,
        /// Beginning of the answer.
        answer: String,
    },
    /// No request can be made of the callback's configuration.
    #[error("callback cannot be called: {problem}")]
    CallbackMisconfigured {
        /// What is wrong with which key, without its value.
        problem: String,
    },
}

impl DeliveryError {
    /// The variant's name, used as reason of events and conditions and as metric label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::CallbackUnreachable(_) => "CallbackUnreachable",
            Self::CallbackTimeout(_) => "CallbackTimeout",
            Self::CallbackAddressRefused(_) => "CallbackAddressRefused",
            Self::CallbackRedirect { .. } => "CallbackRedirect",
            Self::CallbackThrottled { .. } => "CallbackThrottled",
            Self::CallbackRefused { .. } => "CallbackRefused",
            Self::CallbackGone { .. } => "CallbackGone",
            Self::CallbackServerError { .. } => "CallbackServerError",
            Self::CallbackMisconfigured { .. } => "CallbackMisconfigured",
        }
    }

    /// Whether the callback wants no further call.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::CallbackGone { .. })
    }

    /// The same failure of a dead-letter sink, as the end of a sentence that begins with it.
    pub fn of_sink(&self) -> String {
        match self {
            Self::CallbackUnreachable(_) => "cannot be reached".to_owned(),
            Self::CallbackTimeout(_) => "did not answer in time".to_owned(),
            Self::CallbackAddressRefused(_) => "has an address that is refused".to_owned(),
            Self::CallbackRedirect { status } => format!("answered {status}, and redirects are not followed"),
            Self::CallbackGone { answer } => format!("answered 410 Gone{}", quoted(answer)),
            Self::CallbackThrottled { status, answer }
            | Self::CallbackRefused { status, answer }
            | Self::CallbackServerError { status, answer } => format!("answered {status}{}", quoted(answer)),
            Self::CallbackMisconfigured { problem } => format!("cannot be called: {problem}"),
        }
    }

    /// Whether another attempt a moment later may end otherwise; a timeout has already cost the poll enough.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::CallbackUnreachable(_)
            | Self::CallbackThrottled { .. }
            | Self::CallbackServerError { .. } => true,
            Self::CallbackTimeout(_)
            | Self::CallbackAddressRefused(_)
            | Self::CallbackRedirect { .. }
            | Self::CallbackRefused { .. }
            | Self::CallbackGone { .. }
            | Self::CallbackMisconfigured { .. } => false,
        }
    }
}

/// What a receiver said, behind its status.
pub(super) fn quoted(answer: &str) -> String {
    if answer.is_empty() {
        String::new()
    } else {
        format!(": \"{answer}\"")
    }
}
