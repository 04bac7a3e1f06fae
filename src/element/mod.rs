//! Vendors as data: what is requested of them, how their answers are understood, and how access is obtained.
//!
//! Pure, except for [`Tokens`], which calls the token endpoint and keeps what it answers, and [`Throttle`], which waits.

mod answer;
mod builtin;
mod ceql;
mod definition;
mod error;
mod hub_url;
mod listing;
mod oauth;
mod page;
mod quote;
mod source_error;
mod throttle;

pub use builtin::{builtin, catalogue, definition_of};
pub use definition::{
    AnswerAction, AnswerRule, Answers, ApiVersion, Authentication, AuthorizationEndpoint, Comparison,
    DateFilter, Definition, DefinitionProblem, Deleted, Document, HeaderAuthentication, Kind, Metadata,
    NextPage, OAuth2, PageSize, PollerDates, PollerEntry, RateLimit, RequestLimits, Resource,
    ResourceAnswers, TokenAction, TokenEndpoint, TokenErrorDefault, TokenErrorRule, WhereClause,
    check_definition, definition_schema, parse_definition,
};
pub use error::ElementError;
pub use listing::Listing;
pub use oauth::{
    Access, Authorization, AuthorizeError, FirstGrant, Landing, Login, Refreshed, TokenError, Tokens,
    first_grant,
};
pub use page::Page;
pub use source_error::{Refusal, Remedy, SourceError};
pub use throttle::{Caller, Leave, Place, PutOff, Rest, Throttle, Throttles, Told};
