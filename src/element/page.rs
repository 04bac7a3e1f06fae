//! One answer of a listing: a page, or why it is none.

use std::borrow::Cow;
use std::collections::HashMap;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use super::definition::AnswerAction;
use super::listing::{LONGEST_URL, Listing, below};
use super::{Refusal, SourceError, answer};
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
    /// Understands the answer to a request for `requested`; next links are taken to `base`, whatever host they name.
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
        let fields: Fields<'_> = serde_json::from_slice(body).map_err(|error| seen.unreadable(&error))?;
        let errors = self
            .answers
            .error_field
            .as_ref()
            .and_then(|field| fields.get(field.as_str()));
        if errors.is_some_and(|error| error.get() != "null") {
            return Err(SourceError::SourceErrorInBody(seen.refusal(None)));
        }
        let items = &self.resource.items;
        let items = lookup(&fields, items)
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .ok_or_else(|| SourceError::SourceItemsMissing {
                field: items.clone(),
                refusal: seen.refusal(None),
            })?;
        let warnings: Vec<String> = self
            .answers
            .warning_headers
            .iter()
            .filter_map(|name| Some(format!("{name}: {}", answer::header(answer.headers(), name)?)))
            .collect();
        Ok(Page {
            items,
            next: seen.next(&fields, requested, base)?,
            date: crate::http::date(answer.headers()),
            correlation_id: seen.correlation_id(),
            warning: (!warnings.is_empty()).then(|| warnings.join("; ")),
        })
    }
}

/// The fields of an object, unread.
type Fields<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

/// The text at a dotted path.
fn lookup<'a>(fields: &Fields<'a>, path: &str) -> Option<&'a RawValue> {
    let mut keys = path.split('.');
    let mut found = *fields.get(keys.next()?)?;
    for key in keys {
        found = serde_json::from_str::<Fields<'a>>(found.get()).ok()?.get(key)?;
    }
    Some(found)
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
        let refusal = self.refusal_with(message, rule.and_then(|rule| rule.remedy.clone()));
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
                field: self.listing.resource.items.clone(),
                refusal,
            }
        } else {
            SourceError::SourceAnswerNotJson(refusal)
        }
    }

    fn next(&self, fields: &Fields<'_>, requested: &Url, base: &Url) -> Result<Option<Url>, SourceError> {
        let Some(rule) = &self.listing.resource.next_page else {
            return Ok(None);
        };
        let bad = |problem: String| SourceError::SourceNextPageInvalid {
            problem,
            refusal: self.refusal_with(String::new(), None),
        };
        let Some(raw) = lookup(fields, &rule.field) else {
            return Ok(None);
        };
        let link: Option<String> =
            serde_json::from_str(raw.get()).map_err(|_| bad(format!("at {:?} is no text", rule.field)))?;
        let Some(link) = link.filter(|link| !link.trim().is_empty()) else {
            return Ok(None);
        };
        let link = match requested.join(link.trim()) {
            Ok(link) if link.has_host() => link,
            _ => return Err(bad("is no URL".to_owned())),
        };
        let prefix = base.path().trim_end_matches('/');
        let path = match link.path().strip_prefix(prefix) {
            Some(path) if path.starts_with('/') => path,
            _ => link.path(),
        };
        let next = below(base, path, link.query());
        if next.as_str().len() > LONGEST_URL {
            return Err(bad(format!("is longer than {LONGEST_URL} characters")));
        }
        if next == *requested {
            return Err(SourceError::SourceListingEndless(
                self.refusal_with(String::new(), None),
            ));
        }
        Ok(Some(next))
    }

    fn message(&self, parsed: Option<&Value>) -> String {
        answer::message(self.answer.body(), parsed, &self.listing.answers.messages)
    }

    fn correlation_id(&self) -> Option<String> {
        let name = self.listing.answers.correlation_header.as_ref()?;
        answer::header(self.answer.headers(), name)
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
