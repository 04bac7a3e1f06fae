//! One resource of one instance: what is requested.

use std::collections::HashSet;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use url::Url;

use super::definition::{Answers, Definition, Resource, WhereClause};
use super::hub_url::HubUrl;
use super::{Access, ElementError, ceql, hub_url};
use crate::config::{DatePattern, DeletedMark, FieldPath, RecordTraits, ResourceSettings, UrlTemplate};

/// Longest URL that is requested; many servers refuse longer ones.
pub(super) const LONGEST_URL: usize = 8192;

/// The page size parameter of Cloud Elements' own hub URLs.
const HUB_PAGE_SIZE: &str = "pageSize";

/// Hub of a path that names none, of an element that has none: Cloud Elements' hub for everything else.
const GENERAL_HUB: &str = "general";

/// How one resource of an instance is listed.
#[derive(Clone, Debug)]
pub struct Listing {
    pub(super) resource: Resource,
    pub(super) answers: Answers,
    hub: String,
    template: UrlTemplate,
    page_size: Option<u32>,
    /// Where in the manifest the URL is.
    path: String,
    /// Names and, with a leading dot, ends of names of the vendor's hosts.
    pub(super) vendor_hosts: Vec<String>,
}

impl Definition {
    /// Finds the element's resource that the settings' URL names and checks that the URL can be requested.
    pub fn listing(&self, resource: &ResourceSettings) -> Result<Listing, ElementError> {
        self.listing_of(&resource.name, &resource.url, resource.page_size)
    }

    /// The resource that a URL names.
    pub(super) fn find(&self, template: &UrlTemplate) -> Option<&Resource> {
        let rendered = template.render(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        let url = hub_url::parse(&rendered);
        let hub = self.hub.as_deref().unwrap_or_default();
        let named = self.resources.iter().find(|resource| {
            let mut names = resource.names();
            url.origin.is_none() && names.any(|name| hub_url::names(&url.path, name, hub))
        });
        named.or_else(|| self.resources.iter().find(|resource| resource.is_any()))
    }

    pub(super) fn listing_of(
        &self,
        name: &str,
        template: &UrlTemplate,
        page_size: Option<u32>,
    ) -> Result<Listing, ElementError> {
        let path = manifest_path(name);
        let length = template.as_str().len();
        if length > LONGEST_URL {
            let problem =
                format!("it is {length} characters long, at most {LONGEST_URL} are sent; shorten it");
            return Err(ElementError::InvalidUrl { path, problem });
        }
        let rendered = template.render(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        let url = hub_url::parse(&rendered);
        let Some(resource) = self.find(template) else {
            let hub = self.hub.as_deref().unwrap_or_default();
            let known: Vec<_> = self
                .resources
                .iter()
                .map(|r| format!("/hubs/{hub}/{}", r.name))
                .collect();
            return Err(ElementError::UnknownResource {
                path,
                element: self.key.clone(),
                given: url.origin.map_or(String::new(), str::to_owned) + &url.path,
                known: known.join(", "),
            });
        };
        let mut answers = self.answers.clone();
        answers.rules.splice(..0, resource.answers.rules.iter().cloned());
        answers
            .messages
            .splice(..0, resource.answers.messages.iter().cloned());
        let hub = url.hub().or(self.hub.as_deref()).unwrap_or(GENERAL_HUB);
        let listing = Listing {
            resource: resource.clone(),
            answers,
            hub: hub.to_owned(),
            template: template.clone(),
            page_size,
            path,
            vendor_hosts: self.vendor_hosts(),
        };
        listing.check(&url)?;
        listing.parameters(&url)?;
        Ok(listing)
    }
}

impl Listing {
    /// What is requested for the first page. `since` is what the URL's macros print, so a `pollDelay` has
    /// already been subtracted; `base` is the API's base URL, [`Access::base`].
    pub fn first_url(&self, base: &Url, since: Timestamp, now: Timestamp) -> Result<Url, ElementError> {
        let rendered = self.template.render(since, now);
        let given = hub_url::parse(&rendered);
        let parameters = self.parameters(&given)?;
        let query = hub_url::encode(
            parameters
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        let query = Some(query.as_str()).filter(|query| !query.is_empty());
        let url = match &self.resource.path {
            Some(path) => below(base, path, query),
            None => below(base, &self.own_path(&given, base)?, query),
        };
        let length = url.as_str().len();
        if length > LONGEST_URL {
            return Err(self.invalid_url(format!(
                "it becomes {length} characters long, at most {LONGEST_URL} are sent; shorten it"
            )));
        }
        Ok(url)
    }

    /// The request for a page; `url` is from [`Listing::first_url`] or [`Page::next`](super::Page::next).
    pub fn request(&self, url: &Url, access: &Access) -> http::Request<Bytes> {
        let mut request = http::Request::new(Bytes::new());
        // Fails only for URLs beyond 64 KiB, which neither of the two makes; "/" is then refused when sent.
        *request.uri_mut() = url.as_str().parse().unwrap_or_default();
        for (name, value) in &self.resource.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
                request.headers_mut().insert(name, value);
            }
        }
        if let Some((name, value)) = access.header() {
            request.headers_mut().insert(name, value.clone());
        }
        request
    }

    /// Cloud Elements hub of the records, for example `expense`.
    pub fn hub(&self) -> &str {
        &self.hub
    }

    /// What is listed: the element's own name of it, or its path where the element stands for every path.
    pub fn source(&self) -> String {
        if !self.resource.is_any() {
            return self.resource.name.clone();
        }
        let rendered = self.template.render(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        hub_url::parse(&rendered).path
    }

    /// What the element says of the records.
    pub fn traits(&self) -> RecordTraits {
        let deleted = self.resource.deleted.as_ref();
        RecordTraits {
            volatile: self.resource.volatile.clone(),
            deleted: deleted.and_then(|deleted| {
                Some(DeletedMark {
                    field: FieldPath::parse(&deleted.field).ok()?,
                    values: deleted.values.clone(),
                })
            }),
            compares_bodies: self.resource.compares_content,
        }
    }

    /// OAuth scopes that a token needs to read it.
    pub fn scopes(&self) -> &[String] {
        &self.resource.scopes
    }

    /// A rule's remedy, about this resource.
    pub(super) fn advice(&self, remedy: &str) -> String {
        remedy.replace("{scopes}", &self.resource.scopes.join(", "))
    }

    /// What no request can be made of, whatever the base URL is.
    fn check(&self, url: &HubUrl<'_>) -> Result<(), ElementError> {
        if let Some(placeholder) = self.template.placeholder() {
            return Err(self.invalid_url(format!(
                "it has the placeholder {{{placeholder}}}, which nothing replaces; put a real value in its place"
            )));
        }
        if !self.resource.is_any() {
            return Ok(());
        }
        if url.path.contains(['{', '}']) {
            let problem = "its path has a brace in it; put a real value in place of the placeholder";
            return Err(self.invalid_url(problem.to_owned()));
        }
        if url.has_dots() {
            let problem = "its path has `.` or `..` in it; write the path without them";
            return Err(self.invalid_url(problem.to_owned()));
        }
        if url.path == "/" {
            let problem = "it names no resource; write a path such as /hubs/crm/contacts";
            return Err(self.invalid_url(problem.to_owned()));
        }
        Ok(())
    }

    /// The path as written, below the base URL; an absolute URL must begin with that.
    fn own_path(&self, url: &HubUrl<'_>, base: &Url) -> Result<String, ElementError> {
        let path = url.encoded_path();
        let Some(origin) = url.origin else {
            return Ok(path);
        };
        let same_origin = Url::parse(origin).is_ok_and(|origin| origin.origin() == base.origin());
        let below = path.strip_prefix(base.path().trim_end_matches('/'));
        match below.filter(|below| same_origin && below.starts_with('/')) {
            Some(below) => Ok(below.to_owned()),
            None => Err(self.invalid_url(format!(
                "it does not begin with the base URL {base}; write the path only, such as /hubs/crm/contacts"
            ))),
        }
    }

    fn invalid_url(&self, problem: String) -> ElementError {
        ElementError::InvalidUrl {
            path: self.path.clone(),
            problem,
        }
    }

    fn invalid_query(&self, problem: String, remedy: String) -> ElementError {
        ElementError::InvalidWhere {
            path: self.path.clone(),
            problem,
            remedy,
        }
    }

    /// The vendor's query: what the URL says, then the page size and the element's fixed parameters unless given.
    fn parameters(&self, url: &HubUrl<'_>) -> Result<Vec<(String, String)>, ElementError> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in &url.query {
            match (
                name.as_str(),
                &self.resource.page_size,
                &self.resource.where_clause,
            ) {
                ("where", _, WhereClause::Parameters(_)) => parameters.extend(self.conditions(value)?),
                (HUB_PAGE_SIZE, Some(size), _) => {
                    let value = match value.parse() {
                        Ok(wanted) => size.within(wanted).to_string(),
                        Err(_) => value.clone(),
                    };
                    parameters.push((size.parameter.clone(), value));
                }
                _ => parameters.push((name.clone(), value.clone())),
            }
        }
        if !self.resource.is_any() {
            self.check_parameters(&parameters)?;
        }
        let fixed = self
            .resource
            .query
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()));
        for (name, value) in fixed.chain(self.default_page_size()) {
            if !parameters.iter().any(|(given, _)| *given == name) {
                parameters.push((name, value));
            }
        }
        Ok(parameters)
    }

    fn check_parameters(&self, parameters: &[(String, String)]) -> Result<(), ElementError> {
        let mut names = HashSet::new();
        for (name, value) in parameters {
            if !names.insert(name) {
                return Err(ElementError::RepeatedParameter {
                    path: self.path.clone(),
                    parameter: name.clone(),
                });
            }
            self.check_date(name, value)?;
        }
        for (name, remedy) in &self.resource.required {
            if !parameters.iter().any(|(given, _)| given == name) {
                return Err(self.invalid_query(format!("{name} is missing"), remedy.clone()));
            }
        }
        Ok(())
    }

    /// A date that the vendor cannot read is refused rather than cut: the poll must know how coarse its filter is.
    fn check_date(&self, name: &str, value: &str) -> Result<(), ElementError> {
        let mut filters = self.resource.dates.iter();
        let Some(filter) = filters.find(|filter| filter.parameters.iter().any(|known| known == name)) else {
            return Ok(());
        };
        let reads = |pattern: &String| {
            let Ok(pattern) = DatePattern::parse(pattern) else {
                return false;
            };
            let date = pattern.read(value, &TimeZone::UTC);
            date.is_ok_and(|date| pattern.format(date, &TimeZone::UTC) == value)
        };
        if filter.patterns.iter().any(reads) {
            return Ok(());
        }
        let best = filter.patterns.first().map_or("", String::as_str);
        let shown: String = value.chars().take(40).collect();
        Err(self.invalid_query(
            format!(
                "{name} would be {shown:?}, but the vendor reads {} only",
                filter.patterns.join(" or ")
            ),
            format!("write {name}='${{gmtDate:{best}}}'"),
        ))
    }

    fn default_page_size(&self) -> Option<(String, String)> {
        let size = self.resource.page_size.as_ref()?;
        let wanted = self.page_size.or(size.default)?;
        Some((size.parameter.clone(), size.within(wanted).to_string()))
    }

    fn conditions(&self, clause: &str) -> Result<Vec<(String, String)>, ElementError> {
        let WhereClause::Parameters(comparisons) = &self.resource.where_clause else {
            return Ok(vec![("where".to_owned(), clause.to_owned())]);
        };
        let terms = ceql::parse(clause).map_err(|problem| {
            let remedy = "write it like where=name='value' and other='value'";
            self.invalid_query(problem, remedy.to_owned())
        })?;
        let mut parameters = Vec::new();
        for term in terms {
            let comparison = comparisons.iter().find(|comparison| {
                comparison.field.eq_ignore_ascii_case(&term.field)
                    && comparison.operators.contains(&term.operator)
            });
            match comparison {
                Some(comparison) => parameters.push((comparison.parameter.clone(), term.value)),
                None if term.operator == "=" => parameters.push((term.field, term.value)),
                None => {
                    let example = comparisons.first().map_or(String::new(), |comparison| {
                        format!(", for example {}='…'", comparison.parameter)
                    });
                    return Err(self.invalid_query(
                        format!(
                            "{} is compared with {:?}, which this vendor's list cannot do",
                            term.field, term.operator
                        ),
                        format!("use `=` with a query parameter of the vendor{example}"),
                    ));
                }
            }
        }
        Ok(parameters)
    }
}

/// `path` and `query` below the base URL, whose own path (a proxy's prefix) is kept.
pub(super) fn below(base: &Url, path: &str, query: Option<&str>) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url.set_query(query);
    url.set_fragment(None);
    url
}

/// Where a resource's URL is in a manifest.
fn manifest_path(resource: &str) -> String {
    let plain = resource
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && !resource.is_empty();
    let key = if plain {
        format!(".{resource}")
    } else {
        format!("[{resource:?}]")
    };
    format!("spec.configuration[\"event.poller.configuration\"]{key}.url")
}

#[cfg(test)]
pub(super) mod tests;
