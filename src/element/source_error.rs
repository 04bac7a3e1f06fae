//! Why an answer of the source is no page, and what is done about it.

use std::fmt;
use std::time::Duration;

use crate::http::HttpError;

/// What is done about a [`SourceError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Refresh the token once and repeat the request; where that does not help, it is a human's case.
    RefreshToken,
    /// Repeat no earlier than after this time, where one is known.
    RetryLater {
        /// From the answer's `Retry-After`, 1 s to 1 h, or the element's default.
        after: Option<Duration>,
    },
    /// Repeat shortly, with the usual backoff.
    RetrySoon,
    /// Give up this poll; the next one may work.
    Fail,
    /// Nothing helps before a human acted.
    AskHuman,
}

/// What the source said instead of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Host that answered.
    pub host: String,
    /// HTTP status.
    pub status: u16,
    /// The vendor's message, cut to 200 printable characters; may be empty.
    pub message: String,
    /// Id that the vendor's support asks for.
    pub correlation_id: Option<String>,
    /// What a human can do, from the element.
    pub advice: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {}", self.host, self.status)?;
        if !self.message.is_empty() {
            write!(f, ": {:?}", self.message)?;
        }
        if let Some(id) = &self.correlation_id {
            write!(f, " (correlation id {id})")?;
        }
        match &self.advice {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

/// Why an answer of the source is no page.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No answer at all.
    #[error("the source gave no answer")]
    NoAnswer(#[from] HttpError),
    /// The access token is not accepted: expired, revoked, or without the right to the resource.
    #[error("access refused: {0}")]
    AccessRefused(Box<Refusal>),
    /// Too many requests.
    #[error("too many requests: {refusal}")]
    RateLimited {
        /// What the source said.
        refusal: Box<Refusal>,
        /// When to come back.
        after: Option<Duration>,
    },
    /// The source is down for a while, for example for maintenance.
    #[error("unavailable: {refusal}")]
    Unavailable {
        /// What the source said.
        refusal: Box<Refusal>,
        /// When to come back.
        after: Option<Duration>,
    },
    /// The source failed in a way that passes.
    #[error("temporary error: {0}")]
    TemporaryError(Box<Refusal>),
    /// The source refuses this request.
    #[error("request refused: {0}")]
    RequestRefused(Box<Refusal>),
    /// The source wants something only a human can do.
    #[error("a human must act: {0}")]
    ActionNeeded(Box<Refusal>),
    /// An error came under a status of success.
    #[error("error in place of a page: {0}")]
    ErrorInBody(Box<Refusal>),
    /// The body ends before its JSON does.
    #[error("half a page: {0}")]
    Incomplete(Box<Refusal>),
    /// The body is no JSON, for example a gateway's HTML.
    #[error("not JSON: {0}")]
    NotJson(Box<Refusal>),
    /// The page has no list of records where the element says; never taken for an empty list.
    #[error("no list of records at {field:?}: {refusal}")]
    NoItems {
        /// Dotted path of the records.
        field: String,
        /// The beginning of the body.
        refusal: Box<Refusal>,
    },
    /// The link to the next page cannot be followed.
    #[error("the link to the next page {problem}: {refusal}")]
    BadNextPage {
        /// What is wrong.
        problem: String,
        /// Whose answer it was.
        refusal: Box<Refusal>,
    },
    /// The next page is the page itself, so that the listing would never end.
    #[error("the next page is the page itself: {0}")]
    EndlessListing(Box<Refusal>),
}

impl SourceError {
    /// What is done about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::NoAnswer(HttpError::Refused { .. }) | Self::ActionNeeded(_) => Remedy::AskHuman,
            Self::NoAnswer(HttpError::BodyTooLarge { .. }) => Remedy::Fail,
            Self::AccessRefused(_) => Remedy::RefreshToken,
            Self::RateLimited { after, .. } | Self::Unavailable { after, .. } => {
                Remedy::RetryLater { after: *after }
            }
            Self::NoAnswer(_)
            | Self::TemporaryError(_)
            | Self::ErrorInBody(_)
            | Self::Incomplete(_)
            | Self::NotJson(_) => Remedy::RetrySoon,
            Self::RequestRefused(_)
            | Self::NoItems { .. }
            | Self::BadNextPage { .. }
            | Self::EndlessListing(_) => Remedy::Fail,
        }
    }

    /// Name of the variant: event reason and metric label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoAnswer(_) => "NoAnswer",
            Self::AccessRefused(_) => "AccessRefused",
            Self::RateLimited { .. } => "RateLimited",
            Self::Unavailable { .. } => "Unavailable",
            Self::TemporaryError(_) => "TemporaryError",
            Self::RequestRefused(_) => "RequestRefused",
            Self::ActionNeeded(_) => "ActionNeeded",
            Self::ErrorInBody(_) => "ErrorInBody",
            Self::Incomplete(_) => "Incomplete",
            Self::NotJson(_) => "NotJson",
            Self::NoItems { .. } => "NoItems",
            Self::BadNextPage { .. } => "BadNextPage",
            Self::EndlessListing(_) => "EndlessListing",
        }
    }

    /// What the source said, where it answered.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::NoAnswer(_) => None,
            Self::AccessRefused(refusal)
            | Self::TemporaryError(refusal)
            | Self::RequestRefused(refusal)
            | Self::ActionNeeded(refusal)
            | Self::ErrorInBody(refusal)
            | Self::Incomplete(refusal)
            | Self::NotJson(refusal)
            | Self::EndlessListing(refusal)
            | Self::RateLimited { refusal, .. }
            | Self::Unavailable { refusal, .. }
            | Self::NoItems { refusal, .. }
            | Self::BadNextPage { refusal, .. } => Some(refusal),
        }
    }

    /// HTTP status of the answer, where there was one.
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.status)
    }
}
