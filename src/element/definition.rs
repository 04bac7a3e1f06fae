//! What an element is: data that says how one vendor is asked and how his answers are understood.
//!
//! The built-in definitions are YAML documents of the kind `Element`; a cluster is to hold the same kind later.

mod check;
mod limits;
mod read;
mod resource;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::ElementError;

pub use limits::{RateLimit, RequestLimits};
pub use read::{DefinitionProblem, check_definition, parse_definition};
pub use resource::{
    Comparison, DateFilter, Deleted, NextPage, PageSize, PollerDates, PollerEntry, Resource, ResourceAnswers,
    WhereClause,
};

/// An element: how one vendor's API is polled.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Element")]
pub struct Document {
    /// Version of this format.
    pub api_version: ApiVersion,
    /// What the document is.
    pub kind: Kind,
    /// Whose definition it is.
    pub metadata: Metadata,
    /// The definition itself.
    pub spec: Definition,
}

/// Version of the format of definitions.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The one there is.
    #[serde(rename = "pollinator.dev/v1alpha1")]
    V1Alpha1,
}

/// What the document is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub enum Kind {
    /// The definition of an element.
    Element,
}

/// Name and labels, as of every Kubernetes object.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Key of the element: what instances name in `spec.element.key`, for example `concur`.
    pub name: String,
    /// Labels, for whoever manages the definitions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations, for whoever manages the definitions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// One vendor's API as Pollinator polls it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Definition {
    /// `metadata.name` of the document.
    #[serde(skip)]
    pub key: String,
    /// The vendor's product, for humans.
    pub title: String,
    /// The element's number at Cloud Elements, which some configurations name in place of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Cloud Elements hub the resources belong to, for example `expense`; absent where each url names its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<String>,
    /// How access is obtained.
    pub authentication: Authentication,
    /// The API's base URL, where neither `base.url` of the configuration nor the token service tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub base_url: Option<Url>,
    /// How much is asked of the API at most.
    #[serde(default, skip_serializing_if = "RequestLimits::is_default")]
    pub limits: RequestLimits,
    /// How answers of the API are understood.
    pub answers: Answers,
    /// What can be polled. Resources with a `poller` can be polled by naming them only.
    pub resources: Vec<Resource>,
    /// Names of the resources that are polled where a configuration names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub polled_by_default: Vec<String>,
}

/// How access to the vendor is obtained.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Authentication {
    /// OAuth 2.0 with refresh tokens.
    #[serde(rename = "oauth2")]
    OAuth2(Box<OAuth2>),
    /// A header with a configured value.
    Header(HeaderAuthentication),
}

/// A header with a configured value.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderAuthentication {
    /// Name of the header.
    pub name: String,
    /// Configuration key with its value.
    pub configuration_key: String,
}

/// An OAuth 2.0 token service.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OAuth2 {
    /// Where the first token is asked for unless `oauth.token.url` is set.
    pub token_endpoint: TokenEndpoint,
    /// Where a user allows the access; none where the vendor has no such page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<AuthorizationEndpoint>,
    /// Ends of host names, each with its leading dot, that a geolocation may have.
    #[serde(default)]
    pub geolocation_suffixes: Vec<String>,
    /// What the `code` of a refused token request means; each code once.
    #[serde(default)]
    pub errors: Vec<TokenErrorRule>,
    /// What every other code means.
    pub other_errors: TokenErrorDefault,
}

/// The token endpoint in two parts, since a geolocation replaces the first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenEndpoint {
    /// Scheme and host.
    #[schemars(with = "String")]
    pub host: Url,
    /// Absolute path.
    pub path: String,
}

/// The page where a user allows the access.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorizationEndpoint {
    /// Scheme and host; by default those of the token endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub host: Option<Url>,
    /// Absolute path.
    pub path: String,
    /// What stands between two scopes.
    #[serde(default = "blank")]
    pub scope_separator: String,
}

/// As RFC 6749 has it.
fn blank() -> String {
    " ".to_owned()
}

/// What some error codes of the token endpoint mean.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenErrorRule {
    /// Values of `code` in the answer's body.
    pub codes: Vec<u32>,
    /// What is done.
    pub action: TokenAction,
    /// What a human should do.
    pub remedy: String,
}

/// What error codes without a rule mean.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenErrorDefault {
    /// What is done.
    pub action: TokenAction,
    /// What a human should do.
    pub remedy: String,
}

/// What is done about a refused token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TokenAction {
    /// No further token request until the credentials change or a human asks for one.
    AskHuman,
    /// The request is repeated once at the `geolocation` of the answer.
    RetryAtGeolocation,
    /// The request is repeated at a later poll.
    RetryLater,
}

/// How answers of the API are understood.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answers {
    /// Header with the id that the vendor's support asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_header: Option<String>,
    /// Dotted path of that id in an error body, where it is in no header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_field: Option<String>,
    /// Headers that announce deprecation.
    #[serde(default)]
    pub warning_headers: Vec<String>,
    /// Top-level field that marks a body as an error even under status 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_field: Option<String>,
    /// Dotted paths of the text for humans in an error body, best first; numbers count the items of lists.
    #[serde(default)]
    pub messages: Vec<String>,
    /// What statuses other than 2xx mean; the first match wins. Without a match 5xx is `RetrySoon`, others `Fail`.
    #[serde(default)]
    pub rules: Vec<AnswerRule>,
}

/// What an answer of the API means; every condition given must hold.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnswerRule {
    /// Statuses it is about.
    pub status: Vec<u16>,
    /// Top-level field that the JSON body must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_field: Option<String>,
    /// Words of which the vendor's message must contain one, in any case; empty means any message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub message_contains: Vec<String>,
    /// What is done.
    pub action: AnswerAction,
    /// For `RetryLater`: seconds to wait where the answer has no usable `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_seconds: Option<u64>,
    /// What a human should do; `{scopes}` in it becomes the scopes of the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What is done about an answer that is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AnswerAction {
    /// Refresh the token once and repeat; a human's case if the new token is refused too.
    RefreshToken,
    /// Repeat after the vendor's `Retry-After` or the rule's default.
    RetryLater,
    /// Repeat shortly.
    RetrySoon,
    /// Give up this poll.
    Fail,
    /// Nothing helps before a human acted.
    AskHuman,
}

impl Definition {
    /// The element's token service.
    pub fn oauth2(&self) -> Result<&OAuth2, ElementError> {
        match &self.authentication {
            Authentication::OAuth2(oauth) => Ok(oauth),
            Authentication::Header(_) => Err(ElementError::NoOAuth {
                element: self.key.clone(),
            }),
        }
    }

    /// The vendor's hosts as far as the definition tells: names and, with a leading dot, ends of names.
    pub(super) fn vendor_hosts(&self) -> Vec<String> {
        let name = |url: &Url| url.host_str().map(str::to_owned);
        let mut hosts: Vec<_> = self.base_url.as_ref().and_then(name).into_iter().collect();
        if let Authentication::OAuth2(oauth) = &self.authentication {
            hosts.extend(name(&oauth.token_endpoint.host));
            hosts.extend(oauth.geolocation_suffixes.iter().cloned());
        }
        hosts
    }

    /// The API's base URL as far as it is known without a token: as configured, else the element's own, else the
    /// host of its token service.
    pub fn base_url<'a>(&'a self, configured: Option<&'a Url>) -> Result<&'a Url, ElementError> {
        let token_host = match &self.authentication {
            Authentication::OAuth2(oauth) => Some(&oauth.token_endpoint.host),
            Authentication::Header(_) => None,
        };
        configured
            .or(self.base_url.as_ref())
            .or(token_host)
            .ok_or_else(|| ElementError::InvalidDefinition {
                key: self.key.clone(),
                problem: "it has no base URL".to_owned(),
            })
    }
}

/// JSON Schema of a definition, as `docs/element.schema.json` holds it.
pub fn definition_schema() -> schemars::Schema {
    schemars::schema_for!(Document)
}
