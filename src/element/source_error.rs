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
    SourceUnreachable(#[source] HttpError),
    /// A page is larger than is read.
    #[error(
        "a page of {host} is larger than {} MiB; ask for fewer records a page with pageSize", limit >> 20
    )]
    SourcePageTooLarge {
        /// Host that answered.
        host: String,
        /// The limit, bytes.
        limit: usize,
    },
    /// The access token is not accepted: expired, revoked, or without the right to the resource.
    #[error("access refused: {0}")]
    SourceAccessRefused(Box<Refusal>),
    /// Too many requests.
    #[error("too many requests: {refusal}")]
    SourceThrottled {
        /// What the source said.
        refusal: Box<Refusal>,
        /// When to come back.
        after: Option<Duration>,
    },
    /// The source is down for a while, for example for maintenance.
    #[error("unavailable: {refusal}")]
    SourceUnavailable {
        /// What the source said.
        refusal: Box<Refusal>,
        /// When to come back.
        after: Option<Duration>,
    },
    /// The source failed in a way that passes.
    #[error("temporary error: {0}")]
    SourceTemporaryError(Box<Refusal>),
    /// The source refuses this request.
    #[error("request refused: {0}")]
    SourceRequestRefused(Box<Refusal>),
    /// The source wants something only a human can do.
    #[error("a human must act: {0}")]
    SourceActionNeeded(Box<Refusal>),
    /// An error came under a status of success.
    #[error("error in place of a page: {0}")]
    SourceErrorInBody(Box<Refusal>),
    /// The body ends before its JSON does.
    #[error("half a page: {0}")]
    SourceAnswerIncomplete(Box<Refusal>),
    /// The body is no JSON, for example a gateway's HTML.
    #[error("not JSON: {0}")]
    SourceAnswerNotJson(Box<Refusal>),
    /// The page has no list of records where the element says; never taken for an empty list.
    #[error("no list of records at {field:?}: {refusal}")]
    SourceItemsMissing {
        /// Dotted path of the records.
        field: String,
        /// The beginning of the body.
        refusal: Box<Refusal>,
    },
    /// The link to the next page cannot be followed.
    #[error("the link to the next page {problem}: {refusal}")]
    SourceNextPageInvalid {
        /// What is wrong.
        problem: String,
        /// Whose answer it was.
        refusal: Box<Refusal>,
    },
    /// The next page is the page itself, so that the listing would never end.
    #[error("the next page is the page itself: {0}")]
    SourceListingEndless(Box<Refusal>),
}

impl From<HttpError> for SourceError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::BodyTooLarge { host, limit } => Self::SourcePageTooLarge { host, limit },
            error => Self::SourceUnreachable(error),
        }
    }
}

impl SourceError {
    /// What is done about it.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::SourceUnreachable(HttpError::Refused { .. }) | Self::SourceActionNeeded(_) => {
                Remedy::AskHuman
            }
            Self::SourceAccessRefused(_) => Remedy::RefreshToken,
            Self::SourceThrottled { after, .. } | Self::SourceUnavailable { after, .. } => {
                Remedy::RetryLater { after: *after }
            }
            Self::SourceUnreachable(_)
            | Self::SourceTemporaryError(_)
            | Self::SourceErrorInBody(_)
            | Self::SourceAnswerIncomplete(_)
            | Self::SourceAnswerNotJson(_) => Remedy::RetrySoon,
            Self::SourceRequestRefused(_)
            | Self::SourcePageTooLarge { .. }
            | Self::SourceItemsMissing { .. }
            | Self::SourceNextPageInvalid { .. }
            | Self::SourceListingEndless(_) => Remedy::Fail,
        }
    }

    /// Name of the variant: event reason and metric label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::SourceUnreachable(_) => "SourceUnreachable",
            Self::SourcePageTooLarge { .. } => "SourcePageTooLarge",
            Self::SourceAccessRefused(_) => "SourceAccessRefused",
            Self::SourceThrottled { .. } => "SourceThrottled",
            Self::SourceUnavailable { .. } => "SourceUnavailable",
            Self::SourceTemporaryError(_) => "SourceTemporaryError",
            Self::SourceRequestRefused(_) => "SourceRequestRefused",
            Self::SourceActionNeeded(_) => "SourceActionNeeded",
            Self::SourceErrorInBody(_) => "SourceErrorInBody",
            Self::SourceAnswerIncomplete(_) => "SourceAnswerIncomplete",
            Self::SourceAnswerNotJson(_) => "SourceAnswerNotJson",
            Self::SourceItemsMissing { .. } => "SourceItemsMissing",
            Self::SourceNextPageInvalid { .. } => "SourceNextPageInvalid",
            Self::SourceListingEndless(_) => "SourceListingEndless",
        }
    }

    /// What the source said, where it answered.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::SourceUnreachable(_) | Self::SourcePageTooLarge { .. } => None,
            Self::SourceAccessRefused(refusal)
            | Self::SourceTemporaryError(refusal)
            | Self::SourceRequestRefused(refusal)
            | Self::SourceActionNeeded(refusal)
            | Self::SourceErrorInBody(refusal)
            | Self::SourceAnswerIncomplete(refusal)
            | Self::SourceAnswerNotJson(refusal)
            | Self::SourceListingEndless(refusal)
            | Self::SourceThrottled { refusal, .. }
            | Self::SourceUnavailable { refusal, .. }
            | Self::SourceItemsMissing { refusal, .. }
            | Self::SourceNextPageInvalid { refusal, .. } => Some(refusal),
        }
    }

    /// HTTP status of the answer, where there was one.
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.status)
    }
}
