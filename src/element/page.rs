//! One answer of a listing: a page, or why it is none.

use std::borrow::Cow;
use std::collections::HashMap;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use super::definition::{AnswerAction, NextPage};
use super::listing::{LONGEST_URL, Listing, below};
use super::{Refusal, SourceError, answer, hub_url};
use crate::http::Answer;

/// A page of records.
#[derive(Debug)]
pub struct Page {
    /// The records, exactly as the vendor wrote them.
    pub items: Vec<Box<RawValue>>,
    /// Where the next page is, on the instance's own host; `None` at the end of the listing.
    pub next: Option<Url>,
    /// The vendor's clock: the answer's `Date` header.
    pub date: Option<Timestamp>,
    /// Id that the vendor's support asks for.
    pub correlation_id: Option<String>,
    /// The vendor's announcement that this API will go away.
    pub warning: Option<String>,
}

impl Listing {
    /// Understands the answer to a request for `requested`. A next link that names another of the vendor's hosts is
    /// taken to `base`; one that names anybody else's is refused.
    pub fn read(&self, answer: &Answer, requested: &Url, base: &Url) -> Result<Page, SourceError> {
        let seen = Seen {
            listing: self,
            answer,
            host: requested.host_str().unwrap_or_default(),
        };
        if !answer.status().is_success() {
            return Err(seen.refused());
        }
        let body = answer
            .body()
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(answer.body());
        let body = Body::read(body).map_err(|error| seen.unreadable(&error))?;
        let errors = self.answers.error_field.as_ref().and_then(|field| body.at(field));
        if errors.is_some_and(|error| error.get() != "null") {
            return Err(SourceError::SourceErrorInBody(seen.refusal(None)));
        }
        let items = seen.items(&body)?;
        let warnings: Vec<String> = self
            .answers
            .warning_headers
            .iter()
            .filter_map(|name| Some(format!("{name}: {}", answer::header(answer.headers(), name)?)))
            .collect();
        let next = seen.next(&body, requested, items.len())?;
        Ok(Page {
            items,
            next: seen.followed(next, requested, base)?,
            date: crate::http::date(answer.headers()),
            correlation_id: seen.correlation_id(),
            warning: (!warnings.is_empty()).then(|| warnings.join("; ")),
        })
    }
}

/// The fields of an object, unread.
type Fields<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

/// A page's body: an object with its parts unread, or anything else as a whole.
enum Body<'a> {
    Object(Fields<'a>),
    Other(&'a RawValue),
}

impl<'a> Body<'a> {
    fn read(text: &'a [u8]) -> serde_json::Result<Self> {
        match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'[') => serde_json::from_slice(text).map(Self::Other),
            _ => serde_json::from_slice(text).map(Self::Object),
        }
    }

    /// The text at a dotted path; `$` is the body, where that is a list.
    fn at(&self, path: &str) -> Option<&'a RawValue> {
        let fields = match self {
            Self::Other(body) => return (path == "$").then_some(*body),
            Self::Object(_) if path == "$" => return None,
            Self::Object(fields) => fields,
        };
        let mut keys = path.split('.');
        let mut found = *fields.get(keys.next()?)?;
        for key in keys {
            found = serde_json::from_str::<Fields<'a>>(found.get()).ok()?.get(key)?;
        }
        Some(found)
    }
}

/// A text or a number; none for null, an empty text, and what is neither.
fn scalar(raw: &RawValue) -> Option<String> {
    match serde_json::from_str(raw.get()).ok()? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A count, which some vendors print as text.
fn count(raw: &RawValue) -> Option<u64> {
    scalar(raw)?.parse().ok()
}

/// An answer and whose it is.
struct Seen<'a> {
    listing: &'a Listing,
    answer: &'a Answer,
    host: &'a str,
}

impl Seen<'_> {
    fn refused(&self) -> SourceError {
        let status = self.answer.status();
        let parsed: Option<Value> = serde_json::from_slice(self.answer.body()).ok();
        let message = self.message(parsed.as_ref());
        let folded = message.to_lowercase();
        let rule = self.listing.answers.rules.iter().find(|rule| {
            rule.status.contains(&status.as_u16())
                && rule
                    .body_field
                    .as_ref()
                    .is_none_or(|field| parsed.as_ref().is_some_and(|v| v.get(field).is_some()))
                && (rule.message_contains.is_empty()
                    || rule
                        .message_contains
                        .iter()
                        .any(|words| folded.contains(&words.to_lowercase())))
        });
        let advice = rule.and_then(|rule| rule.remedy.as_ref());
        let refusal = self.refusal_with(message, advice.map(|advice| self.listing.advice(advice)));
        let action = match rule {
            Some(rule) => rule.action,
            None if status.is_server_error() => AnswerAction::RetrySoon,
            None => AnswerAction::Fail,
        };
        match action {
            AnswerAction::RefreshToken => SourceError::SourceAccessRefused(refusal),
            AnswerAction::RetryLater => {
                let default = rule
                    .and_then(|rule| rule.after_seconds)
                    .map(std::time::Duration::from_secs);
                let after = answer::retry_after(self.answer.headers()).or(default);
                if status == StatusCode::TOO_MANY_REQUESTS {
                    SourceError::SourceThrottled { refusal, after }
                } else {
                    SourceError::SourceUnavailable { refusal, after }
                }
            }
            AnswerAction::RetrySoon => SourceError::SourceTemporaryError(refusal),
            AnswerAction::Fail => SourceError::SourceRequestRefused(refusal),
            AnswerAction::AskHuman => SourceError::SourceActionNeeded(refusal),
        }
    }

    fn unreadable(&self, error: &serde_json::Error) -> SourceError {
        let refusal = self.refusal(None);
        if error.is_eof() {
            SourceError::SourceAnswerIncomplete(refusal)
        } else if serde_json::from_slice::<Value>(self.answer.body()).is_ok() {
            SourceError::SourceItemsMissing {
                field: self.listing.resource.items.join(" or "),
                refusal,
            }
        } else {
            SourceError::SourceAnswerNotJson(refusal)
        }
    }

    /// The records; of several lists the first with something in it.
    fn items(&self, body: &Body<'_>) -> Result<Vec<Box<RawValue>>, SourceError> {
        let paths = &self.listing.resource.items;
        let missing = || SourceError::SourceItemsMissing {
            field: paths.join(" or "),
            refusal: self.refusal(None),
        };
        let present = paths
            .iter()
            .filter_map(|path| body.at(path))
            .filter(|raw| raw.get() != "null");
        // Something else than a list, such as a single record, must not pass for no records.
        let lists =
            present.map(|raw| serde_json::from_str::<Vec<Box<RawValue>>>(raw.get()).map_err(|_| missing()));
        let mut lists = lists.collect::<Result<Vec<_>, _>>()?.into_iter();
        let first = lists.next().ok_or_else(missing)?;
        if first.is_empty() {
            return Ok(lists.find(|list| !list.is_empty()).unwrap_or(first));
        }
        Ok(first)
    }

    fn bad_next(&self, problem: String) -> SourceError {
        SourceError::SourceNextPageInvalid {
            problem,
            refusal: self.refusal_with(String::new(), None),
        }
    }

    /// Where the answer says the next page is, as it says it.
    fn next(&self, body: &Body<'_>, requested: &Url, records: usize) -> Result<Option<Url>, SourceError> {
        let records = records as u64;
        let query = requested.query();
        let with = |parameter: &str, value: &str| {
            let mut next = requested.clone();
            next.set_query(Some(&hub_url::with_parameter(query, parameter, value)));
            next
        };
        let position = |parameter: &str, first: u64| match hub_url::parameter(query, parameter) {
            None => Ok(first),
            Some(text) => text
                .parse::<u64>()
                .map_err(|_| self.bad_next(format!("is not known: {parameter} of this one is {text:?}"))),
        };
        match &self.listing.resource.next_page {
            None => Ok(None),
            Some(NextPage::Url { field }) => self.link(body.at(field), &format!("{field:?}"), requested),
            Some(NextPage::Link { list, rel }) => self.related(body, list, rel, requested),
            Some(NextPage::Cursor {
                field,
                header,
                parameter,
                total,
            }) => {
                let token = match (field, header) {
                    (Some(field), _) => body.at(field).and_then(scalar),
                    (None, Some(header)) => self.header(header)?,
                    (None, None) => None,
                };
                if let Some(token) = token {
                    return Ok(Some(with(parameter, &token)));
                }
                let all = total.as_ref().and_then(|total| count(body.at(total)?));
                let is_first = hub_url::parameter(query, parameter).is_none();
                match all.filter(|all| is_first && *all > records) {
                    Some(all) => Err(self.bad_next(format!(
                        "is missing: the page has {records} of {all} records, and no token for more"
                    ))),
                    None => Ok(None),
                }
            }
            Some(NextPage::PageNumber {
                parameter,
                first,
                total_pages,
            }) => {
                let here = position(parameter, *first)?;
                let pages = total_pages.as_ref().and_then(|pages| count(body.at(pages)?));
                let is_last = match pages {
                    Some(pages) => here.saturating_sub(*first).saturating_add(1) >= pages,
                    None => records == 0,
                };
                Ok((!is_last).then(|| with(parameter, &here.saturating_add(1).to_string())))
            }
            Some(NextPage::Offset {
                parameter,
                first,
                total,
            }) => {
                let next = position(parameter, *first)?.saturating_add(records);
                let all = total.as_ref().and_then(|total| count(body.at(total)?));
                let is_last = records == 0 || all.is_some_and(|all| next.saturating_sub(*first) >= all);
                Ok((!is_last).then(|| with(parameter, &next.to_string())))
            }
        }
    }

    /// The link in a field; `place` says where that is.
    fn link(&self, raw: Option<&RawValue>, place: &str, requested: &Url) -> Result<Option<Url>, SourceError> {
        let Some(raw) = raw else {
            return Ok(None);
        };
        let link: Option<String> =
            serde_json::from_str(raw.get()).map_err(|_| self.bad_next(format!("at {place} is no text")))?;
        let Some(link) = link.filter(|link| !link.trim().is_empty()) else {
            return Ok(None);
        };
        match requested.join(link.trim()) {
            Ok(link) if link.has_host() => Ok(Some(link)),
            _ => Err(self.bad_next("is no URL".to_owned())),
        }
    }

    /// The link with the relation in a list of links.
    fn related(
        &self,
        body: &Body<'_>,
        list: &str,
        rel: &str,
        requested: &Url,
    ) -> Result<Option<Url>, SourceError> {
        let Some(raw) = body.at(list).filter(|raw| raw.get() != "null") else {
            return Ok(None);
        };
        let links: Vec<Fields<'_>> = serde_json::from_str(raw.get())
            .map_err(|_| self.bad_next(format!("is not known: at {list:?} is no list of links")))?;
        let is_next = |link: &&Fields<'_>| {
            let relation = link.get("rel").and_then(|raw| scalar(raw));
            relation.is_some_and(|relation| relation.eq_ignore_ascii_case(rel))
        };
        let place = format!("href of {list:?}");
        match links.iter().find(is_next) {
            Some(link) => self.link(link.get("href").copied(), &place, requested),
            None => Ok(None),
        }
    }

    fn header(&self, name: &str) -> Result<Option<String>, SourceError> {
        let Some(value) = self.answer.headers().get(name) else {
            return Ok(None);
        };
        match value.to_str() {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(_) => Err(self.bad_next(format!("in the header {name} is no text"))),
        }
    }

    /// The next page on the instance's own host.
    fn followed(&self, link: Option<Url>, requested: &Url, base: &Url) -> Result<Option<Url>, SourceError> {
        let Some(link) = link else {
            return Ok(None);
        };
        if !self.is_own(&link, requested, base) {
            return Err(self.bad_next(format!(
                "names {}, which is neither the instance's own host nor one of the vendor's",
                super::quote::quote(link.host_str().unwrap_or_default(), &[])
            )));
        }
        let prefix = base.path().trim_end_matches('/');
        let path = match link.path().strip_prefix(prefix) {
            Some(path) if path.starts_with('/') => path,
            _ => link.path(),
        };
        let next = below(base, path, link.query());
        if next.as_str().len() > LONGEST_URL {
            return Err(self.bad_next(format!("is longer than {LONGEST_URL} characters")));
        }
        if next == *requested {
            return Err(SourceError::SourceListingEndless(
                self.refusal_with(String::new(), None),
            ));
        }
        Ok(Some(next))
    }

    /// Vendors name any of their hosts, and no token goes to it; a link elsewhere comes from nobody who can be trusted
    /// with the rest of the listing.
    fn is_own(&self, link: &Url, requested: &Url, base: &Url) -> bool {
        let host = link.host_str().unwrap_or_default();
        let vendors =
            |known: &String| host == known || (known.starts_with('.') && host.ends_with(known.as_str()));
        [requested, base].iter().any(|own| own.host() == link.host())
            || self.listing.vendor_hosts.iter().any(vendors)
    }

    fn message(&self, parsed: Option<&Value>) -> String {
        answer::message(self.answer.body(), parsed, &self.listing.answers.messages)
    }

    fn correlation_id(&self) -> Option<String> {
        let answers = &self.listing.answers;
        let header = answers.correlation_header.as_ref();
        let header = header.and_then(|name| answer::header(self.answer.headers(), name));
        header.or_else(|| {
            let field = answers.correlation_field.as_ref()?;
            if self.answer.status().is_success() {
                return None;
            }
            let body: Value = serde_json::from_slice(self.answer.body()).ok()?;
            Some(super::quote::quote(answer::at(&body, field)?.as_str()?, &[]))
        })
    }

    fn refusal(&self, advice: Option<String>) -> Box<Refusal> {
        let parsed: Option<Value> = serde_json::from_slice(self.answer.body()).ok();
        self.refusal_with(self.message(parsed.as_ref()), advice)
    }

    fn refusal_with(&self, message: String, advice: Option<String>) -> Box<Refusal> {
        Box::new(Refusal {
            host: self.host.to_owned(),
            status: self.answer.status().as_u16(),
            message,
            correlation_id: self.correlation_id(),
            advice,
        })
    }
}

#[cfg(test)]
mod tests;
