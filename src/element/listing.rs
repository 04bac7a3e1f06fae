//! One resource of one instance: what is requested.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use jiff::Timestamp;
use url::Url;

use super::definition::{Answers, Definition, Resource, WhereClause};
use super::{Access, ElementError, ceql, hub_url};
use crate::config::{RecordTraits, ResourceSettings, UrlTemplate};

/// Longest URL that is requested; many servers refuse longer ones.
pub(super) const LONGEST_URL: usize = 8192;

/// The page size parameter of Cloud Elements' own hub URLs.
const HUB_PAGE_SIZE: &str = "pageSize";

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
}

impl Definition {
    /// Finds the element's resource that the settings' URL names and checks that the URL can be requested.
    pub fn listing(&self, resource: &ResourceSettings) -> Result<Listing, ElementError> {
        self.listing_of(&resource.name, &resource.url, resource.page_size)
    }

    pub(super) fn listing_of(
        &self,
        name: &str,
        template: &UrlTemplate,
        page_size: Option<u32>,
    ) -> Result<Listing, ElementError> {
        let path = manifest_path(name);
        let given = hub_url::parse(&template.render(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)).path;
        let Some(resource) = self
            .resources
            .iter()
            .find(|r| hub_url::names(&given, &r.hub_path, &self.hub))
        else {
            let known: Vec<_> = self.resources.iter().map(|r| r.hub_path.as_str()).collect();
            return Err(ElementError::UnknownResource {
                path,
                element: self.key.clone(),
                given,
                known: known.join(", "),
            });
        };
        let listing = Listing {
            resource: resource.clone(),
            answers: self.answers.clone(),
            hub: self.hub.clone(),
            template: template.clone(),
            page_size,
            path,
        };
        listing.parameters(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)?;
        Ok(listing)
    }
}

impl Listing {
    /// What is requested for the first page. `since` is what the URL's macros print, so a `pollDelay` has
    /// already been subtracted; `base` is the API's base URL, [`Access::base`].
    pub fn first_url(&self, base: &Url, since: Timestamp, now: Timestamp) -> Result<Url, ElementError> {
        let parameters = self.parameters(since, now)?;
        let query = hub_url::encode(
            parameters
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        let url = below(
            base,
            &self.resource.path,
            Some(query.as_str()).filter(|query| !query.is_empty()),
        );
        let length = url.as_str().len();
        if length > LONGEST_URL {
            let problem =
                format!("it becomes {length} characters long, at most {LONGEST_URL} are sent; shorten it");
            return Err(ElementError::InvalidUrl {
                path: self.path.clone(),
                problem,
            });
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

    /// Cloud Elements hub of the resource, for example `expense`.
    pub fn hub(&self) -> &str {
        &self.hub
    }

    /// What the element says of the records.
    pub fn traits(&self) -> RecordTraits {
        RecordTraits {
            volatile: self.resource.volatile.clone(),
            ..RecordTraits::default()
        }
    }

    /// OAuth scopes that a token needs to read it.
    pub fn scopes(&self) -> &[String] {
        &self.resource.scopes
    }

    /// The vendor's query: what the URL says, then the page size and the element's fixed parameters unless given.
    fn parameters(&self, since: Timestamp, now: Timestamp) -> Result<Vec<(String, String)>, ElementError> {
        let url = hub_url::parse(&self.template.render(since, now));
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in url.query {
            if name == "where" {
                parameters.extend(self.conditions(&value)?);
            } else if name == HUB_PAGE_SIZE
                && let Some(size) = &self.resource.page_size
            {
                parameters.push((size.parameter.clone(), value));
            } else {
                parameters.push((name, value));
            }
        }
        for (index, (name, _)) in parameters.iter().enumerate() {
            if parameters[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(ElementError::RepeatedParameter {
                    path: self.path.clone(),
                    parameter: name.clone(),
                });
            }
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

    fn default_page_size(&self) -> Option<(String, String)> {
        let size = self.resource.page_size.as_ref()?;
        let wanted = self.page_size.unwrap_or(size.default);
        Some((
            size.parameter.clone(),
            wanted.clamp(1, size.max.unwrap_or(u32::MAX)).to_string(),
        ))
    }

    fn conditions(&self, clause: &str) -> Result<Vec<(String, String)>, ElementError> {
        let invalid = |problem: String, remedy: String| ElementError::InvalidWhere {
            path: self.path.clone(),
            problem,
            remedy,
        };
        let WhereClause::EqualityToParameters = self.resource.where_clause;
        let terms = ceql::parse(clause).map_err(|problem| {
            invalid(
                problem,
                "write it like where=name='value' and other='value'".to_owned(),
            )
        })?;
        terms
            .into_iter()
            .map(|term| match term.operator.as_str() {
                "=" => Ok((term.field, term.value)),
                other => Err(invalid(
                    format!(
                        "{} is compared with {other:?}, which this vendor's list cannot do",
                        term.field
                    ),
                    "use `=` with a query parameter of the vendor, for example modifiedDateAfter='…'"
                        .to_owned(),
                )),
            })
            .collect()
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
pub(super) mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::element::builtin;

    const DEFAULT: &str = "/hubs/expense/reports?where=modifiedDateAfter='${date:yyyy-MM-dd'T'HH:mm:ss.SSS}'";

    pub(in crate::element) fn listing(url: &str, page_size: Option<u32>) -> Result<Listing, ElementError> {
        builtin("concur")?.listing_of("reports", &UrlTemplate::parse(url).unwrap(), page_size)
    }

    fn first(base: &str, url: &str, page_size: Option<u32>) -> Result<String, ElementError> {
        let since = "2026-02-03T04:05:06.789Z".parse().unwrap();
        let now = "2026-02-03T05:00:00Z".parse().unwrap();
        let base = Url::parse(base).unwrap();
        listing(url, page_size)?
            .first_url(&base, since, now)
            .map(String::from)
    }

    #[test]
    fn first_urls() {
        let table: &[(&str, Option<u32>, &str)] = &[
            (
                DEFAULT,
                None,
                "modifiedDateAfter=2026-02-03T04:05:06.789&user=ALL&limit=100",
            ),
            (
                DEFAULT,
                Some(25),
                "modifiedDateAfter=2026-02-03T04:05:06.789&user=ALL&limit=25",
            ),
            (" /reports", None, "user=ALL&limit=100"),
            ("/reports?where=", None, "user=ALL&limit=100"),
            (
                "/reports?user=jane@example.com&limit=10",
                Some(25),
                "user=jane@example.com&limit=10",
            ),
            ("/reports?pageSize=10", Some(25), "limit=10&user=ALL"),
            (
                "/reports?where=modifiedDateAfter='${date:yyyy-MM-dd}' and user='jane+x@example.com' AND approvalStatusCode='A_APPR,A_PEND'",
                None,
                "modifiedDateAfter=2026-02-03&user=jane%2Bx@example.com&approvalStatusCode=A_APPR,A_PEND&limit=100",
            ),
            (
                "/reports?where=vendorName%20=%20'Fish & Chips'&hasVAT=true",
                None,
                "vendorName=Fish%20%26%20Chips&hasVAT=true&user=ALL&limit=100",
            ),
        ];
        for (url, size, query) in table {
            assert_eq!(
                first("https://us2.api.concursolutions.com", url, *size).unwrap(),
                format!("https://us2.api.concursolutions.com/api/v3.0/expense/reports?{query}"),
                "{url}"
            );
        }
    }

    #[test]
    fn a_proxys_prefix_is_kept() {
        for base in [
            "http://proxy.example:8080/concur",
            "http://proxy.example:8080/concur/?x=1#y",
        ] {
            assert_eq!(
                first(base, "/reports", None).unwrap(),
                "http://proxy.example:8080/concur/api/v3.0/expense/reports?user=ALL&limit=100"
            );
        }
    }

    #[test]
    fn faults_say_where_and_what_to_do() {
        let at = r#"spec.configuration["event.poller.configuration"].reports.url: "#;
        let table = [
            (
                "/hubs/expense/report",
                "UnknownResource",
                r#"element concur cannot poll "/hubs/expense/report"; use one of /hubs/expense/reports"#,
            ),
            ("/hubs/crm/reports", "UnknownResource", "use one of"),
            (
                "/reports?where=LastModifiedDate>'${date:yyyy-MM-dd}'",
                "InvalidWhere",
                r#"where clause: LastModifiedDate is compared with ">", which this vendor's list cannot do; use `=` with"#,
            ),
            ("/reports?where=a='1' or b='2'", "InvalidWhere", "joined by `and`"),
            ("/reports?where=a='1", "InvalidWhere", "never closed"),
            (
                "/reports?where=user='x'&user=ALL",
                "RepeatedParameter",
                "user is given twice; leave one out",
            ),
            (
                "/reports?limit=10&pageSize=20",
                "RepeatedParameter",
                "limit is given twice",
            ),
        ];
        for (url, reason, text) in table {
            let error = listing(url, None).unwrap_err();
            assert_eq!(error.reason(), reason, "{url}");
            assert!(error.to_string().starts_with(at), "{error}");
            assert!(error.to_string().contains(text), "{url}: {error}");
        }
        let long = format!("/reports?approverLoginID={}", "x".repeat(9000));
        let error = first("https://us.api.concursolutions.com", &long, None).unwrap_err();
        assert_eq!(error.reason(), "InvalidUrl");
    }

    #[test]
    fn odd_resource_names_are_quoted_in_paths() {
        assert_eq!(
            manifest_path("calendars/{id}"),
            r#"spec.configuration["event.poller.configuration"]["calendars/{id}"].url"#
        );
    }

    #[test]
    fn requests_carry_the_token_in_one_header_only() {
        let listing = listing(DEFAULT, None).unwrap();
        let base = Url::parse("https://us2.api.concursolutions.com").unwrap();
        let access = Access::new(base.clone(), &SecretString::from("t0ken".to_owned())).unwrap();
        let url = listing
            .first_url(&base, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)
            .unwrap();
        let request = listing.request(&url, &access);
        assert_eq!(request.method(), http::Method::GET);
        assert_eq!(request.uri().to_string(), url.as_str());
        assert_eq!(request.headers().len(), 2);
        assert_eq!(request.headers()["accept"], "application/json");
        assert_eq!(request.headers()["authorization"], "Bearer t0ken");
        assert!(request.body().is_empty());
        assert!(!format!("{request:?} {access:?}").contains("t0ken"));
        assert_eq!(listing.traits().volatile, ["WorkflowActionUrl"]);
    }
}
