//! Why there is no access token, and whether waiting helps.

use std::sync::Arc;
use std::time::Duration;

use crate::http::HttpError;
use crate::store::StoreError;

/// Why there is no access token.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TokenError {
    /// The token service refuses the credentials; no token is asked for again until they change or a human asks.
    #[error("the token service refused the credentials{}: {description}; {remedy}", code_text(*.code))]
    CredentialsRejected {
        /// The vendor's error code, where it gave one.
        code: Option<u32>,
        /// The vendor's words, cut to 200 printable characters.
        description: String,
        /// What a human should do.
        remedy: String,
    },
    /// The token service sent us to a host that is neither the vendor's nor the user's; no request goes there.
    #[error(
        "the token service named {given:?} as the place of the data, which is none of {allowed}; \
         if it is right, set `base.url` and `oauth.token.url`, else ask who answers at the token endpoint"
    )]
    ForeignGeolocation {
        /// What the answer said.
        given: String,
        /// Hosts and endings of hosts that would have been followed.
        allowed: String,
    },
    /// A new token was received but cannot be stored yet; it is kept in memory and not used before it is stored.
    #[error("the new refresh token cannot be stored, so it is not used yet")]
    TokenNotStored(#[source] Arc<StoreError>),
    /// The stored token cannot be read, and the configured one may be outdated.
    #[error("the stored refresh token cannot be read")]
    TokenNotLoaded(#[source] Arc<StoreError>),
    /// The token service gave no answer.
    #[error("the token service gave no answer")]
    TokenServiceUnreachable(#[source] Arc<HttpError>),
    /// The token service cannot answer for now.
    #[error("{host} answered {status}: {message:?}; it is asked again later")]
    TokenServiceUnavailable {
        /// Host of the token endpoint.
        host: String,
        /// HTTP status.
        status: u16,
        /// The vendor's words or the beginning of the body.
        message: String,
        /// From the answer's `Retry-After`, 1 s to 1 h.
        after: Option<Duration>,
    },
    /// The answer is neither a token nor an error that can be understood.
    #[error("{host} answered {status} with something that is no token answer ({problem}): {message:?}")]
    TokenAnswerNotUnderstood {
        /// Host of the token endpoint.
        host: String,
        /// HTTP status.
        status: u16,
        /// What is missing.
        problem: &'static str,
        /// The beginning of the body where it can hold no token.
        message: String,
    },
    /// The process is ending.
    #[error("the token request was interrupted")]
    TokenRequestInterrupted,
}

fn code_text(code: Option<u32>) -> String {
    code.map(|code| format!(" (code {code})")).unwrap_or_default()
}

impl TokenError {
    /// Whether only a human can mend it; otherwise a later poll may succeed.
    pub fn needs_human(&self) -> bool {
        match self {
            Self::CredentialsRejected { .. } | Self::ForeignGeolocation { .. } => true,
            Self::TokenNotStored(store) | Self::TokenNotLoaded(store) => {
                matches!(**store, StoreError::Corrupted { .. })
            }
            Self::TokenServiceUnreachable(http) => matches!(**http, HttpError::Refused { .. }),
            Self::TokenServiceUnavailable { .. }
            | Self::TokenAnswerNotUnderstood { .. }
            | Self::TokenRequestInterrupted => false,
        }
    }

    /// How long the token service asked us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TokenServiceUnavailable { after, .. } => *after,
            _ => None,
        }
    }

    /// The same with another time to wait.
    pub(super) fn later(mut self, left: Duration) -> Self {
        if let Self::TokenServiceUnavailable { after, .. } = &mut self {
            *after = Some(left);
        }
        self
    }

    /// Name of the variant: event reason and metric label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::CredentialsRejected { .. } => "CredentialsRejected",
            Self::ForeignGeolocation { .. } => "ForeignGeolocation",
            Self::TokenNotStored(_) => "TokenNotStored",
            Self::TokenNotLoaded(_) => "TokenNotLoaded",
            Self::TokenServiceUnreachable(_) => "TokenServiceUnreachable",
            Self::TokenServiceUnavailable { .. } => "TokenServiceUnavailable",
            Self::TokenAnswerNotUnderstood { .. } => "TokenAnswerNotUnderstood",
            Self::TokenRequestInterrupted => "TokenRequestInterrupted",
        }
    }
}
