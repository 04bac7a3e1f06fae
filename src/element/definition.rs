//! What an element is: data that says how one vendor is asked and how his answers are understood.
//!
//! The built-in definitions are YAML; the types are meant to become the `Element` kind unchanged.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use url::Url;

use super::ElementError;

/// One vendor's API as Pollinator polls it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Definition {
    /// `spec.element.key` of the instances, for example `concur`.
    pub key: String,
    /// The vendor's product, for humans.
    pub title: String,
    /// Cloud Elements hub the resources belong to, for example `expense`.
    pub hub: String,
    /// How access is obtained.
    pub authentication: Authentication,
    /// The API's base URL, where neither the configuration nor the token service tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<Url>,
    /// How answers of the API are understood.
    pub answers: Answers,
    /// What can be polled.
    pub resources: Vec<Resource>,
}

/// How access to the vendor is obtained.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Authentication {
    /// OAuth 2.0 with refresh tokens.
    #[serde(rename = "oauth2")]
    OAuth2(OAuth2),
    /// A header with a configured value.
    Header(HeaderAuthentication),
}

/// A header with a configured value.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderAuthentication {
    /// Name of the header.
    pub name: String,
    /// Configuration key with its value.
    pub configuration_key: String,
}

/// An OAuth 2.0 token service.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenEndpoint {
    /// Scheme and host.
    pub host: Url,
    /// Absolute path.
    pub path: String,
}

/// The page where a user allows the access.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorizationEndpoint {
    /// Scheme and host; by default those of the token endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenErrorDefault {
    /// What is done.
    pub action: TokenAction,
    /// What a human should do.
    pub remedy: String,
}

/// What is done about a refused token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenAction {
    /// No further token request until the credentials change or a human asks for one.
    AskHuman,
    /// The request is repeated once at the `geolocation` of the answer.
    RetryAtGeolocation,
    /// The request is repeated at a later poll.
    RetryLater,
}

/// How answers of the API are understood.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answers {
    /// Header with the id that the vendor's support asks for.
    pub correlation_header: Option<String>,
    /// Headers that announce deprecation.
    #[serde(default)]
    pub warning_headers: Vec<String>,
    /// Top-level field that marks a body as an error even under status 200.
    pub error_field: Option<String>,
    /// Dotted paths of the text for humans in an error body, best first.
    #[serde(default)]
    pub messages: Vec<String>,
    /// What statuses other than 2xx mean; the first match wins. Without a match 5xx is `RetrySoon`, others `Fail`.
    #[serde(default)]
    pub rules: Vec<AnswerRule>,
}

/// What an answer of the API means; every condition given must hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// What a human should do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What is done about an answer that is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A listing that can be polled.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resource {
    /// Last part of the hub path.
    pub name: String,
    /// Cloud Elements path, `/hubs/<hub>/<name>`.
    pub hub_path: String,
    /// The vendor's path below the API's base URL.
    pub path: String,
    /// OAuth scopes that a token needs to read it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Dotted path of the records in a page.
    pub items: String,
    /// How the next page is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page: Option<NextPage>,
    /// How many records are asked for at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<PageSize>,
    /// Query parameters sent unless the resource's url gives them.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// What the CEQL `where` clause becomes.
    #[serde(rename = "where")]
    pub where_clause: WhereClause,
    /// Request headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Top-level fields that change without a change of the record; left out of a record's digest.
    #[serde(default)]
    pub volatile: Vec<String>,
}

/// How the next page is found.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NextPage {
    /// Dotted path of the next page's URL; missing, null and empty end the listing.
    pub field: String,
}

/// How many records are asked for at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PageSize {
    /// The vendor's query parameter.
    pub parameter: String,
    /// Records a page where the configuration says nothing.
    pub default: u32,
    /// The most the vendor allows, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

/// What a CEQL `where` clause becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhereClause {
    /// Each `name = 'value'` becomes a query parameter; other operators are refused.
    EqualityToParameters,
}

impl Definition {
    /// Cloud Elements hub of the element, for example `expense`.
    pub fn hub(&self) -> &str {
        &self.hub
    }

    /// The element's token service.
    pub fn oauth2(&self) -> Result<&OAuth2, ElementError> {
        match &self.authentication {
            Authentication::OAuth2(oauth) => Ok(oauth),
            Authentication::Header(_) => Err(ElementError::NoOAuth {
                element: self.key.clone(),
            }),
        }
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

impl Definition {
    /// What makes the definition unusable, if anything.
    pub(super) fn check(&self) -> Result<(), String> {
        match &self.authentication {
            Authentication::OAuth2(oauth) => oauth.check()?,
            Authentication::Header(header) => header_name(&header.name)?,
        }
        for header in self
            .answers
            .warning_headers
            .iter()
            .chain(&self.answers.correlation_header)
        {
            header_name(header)?;
        }
        let mut paths = BTreeSet::new();
        for resource in &self.resources {
            resource.check(&self.hub)?;
            if !paths.insert(&resource.hub_path) {
                return Err(format!("two resources have the hub path {}", resource.hub_path));
            }
        }
        Ok(())
    }
}

impl OAuth2 {
    fn check(&self) -> Result<(), String> {
        if self.token_endpoint.host.scheme() != "https" || !self.token_endpoint.host.has_host() {
            return Err("the token endpoint's host must be an https URL".to_owned());
        }
        absolute("the token endpoint's path", &self.token_endpoint.path)?;
        if let Some(page) = &self.authorization_endpoint {
            absolute("the authorization endpoint's path", &page.path)?;
            if page
                .host
                .as_ref()
                .is_some_and(|host| host.scheme() != "https" || !host.has_host())
            {
                return Err("the authorization endpoint's host must be an https URL".to_owned());
            }
        }
        if let Some(suffix) = self
            .geolocation_suffixes
            .iter()
            .find(|s| !s.starts_with('.') || s.len() < 2)
        {
            return Err(format!("geolocation suffix {suffix:?} lacks its leading dot"));
        }
        let mut codes = BTreeSet::new();
        for code in self.errors.iter().flat_map(|rule| &rule.codes) {
            if !codes.insert(code) {
                return Err(format!("token error code {code} has two rules"));
            }
        }
        Ok(())
    }
}

impl Resource {
    fn check(&self, hub: &str) -> Result<(), String> {
        let name = &self.name;
        if self.hub_path != format!("/hubs/{hub}/{name}") {
            return Err(format!(
                "resource {name}: its hub path must be /hubs/{hub}/{name}"
            ));
        }
        absolute(&format!("resource {name}: its path"), &self.path)?;
        let mut fields = std::iter::once(&self.items).chain(self.next_page.as_ref().map(|next| &next.field));
        if fields.any(|field| field.is_empty()) {
            return Err(format!(
                "resource {name}: items and nextPage need the name of a field"
            ));
        }
        if let Some(size) = &self.page_size
            && (size.default == 0 || size.max.is_some_and(|max| max < size.default))
        {
            return Err(format!(
                "resource {name}: the default page size must be from 1 to its maximum"
            ));
        }
        for (header, value) in &self.headers {
            header_name(header)?;
            http::HeaderValue::from_str(value)
                .map_err(|_| format!("{value:?} cannot be a header's value"))?;
        }
        Ok(())
    }
}

fn absolute(what: &str, path: &str) -> Result<(), String> {
    if path.starts_with('/') {
        Ok(())
    } else {
        Err(format!("{what} must be absolute, it is {path:?}"))
    }
}

fn header_name(name: &str) -> Result<(), String> {
    match http::HeaderName::try_from(name) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("{name:?} cannot be a header's name")),
    }
}
