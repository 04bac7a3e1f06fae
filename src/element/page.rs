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
            return Err(SourceError::ErrorInBody(seen.refusal(None)));
        }
        let items = &self.resource.items;
        let items = lookup(&fields, items)
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .ok_or_else(|| SourceError::NoItems {
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
            date: answer::date(answer.headers()),
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
            AnswerAction::RefreshToken => SourceError::AccessRefused(refusal),
            AnswerAction::RetryLater => {
                let default = rule
                    .and_then(|rule| rule.after_seconds)
                    .map(std::time::Duration::from_secs);
                let after = answer::retry_after(self.answer.headers()).or(default);
                if status == StatusCode::TOO_MANY_REQUESTS {
                    SourceError::RateLimited { refusal, after }
                } else {
                    SourceError::Unavailable { refusal, after }
                }
            }
            AnswerAction::RetrySoon => SourceError::TemporaryError(refusal),
            AnswerAction::Fail => SourceError::RequestRefused(refusal),
            AnswerAction::AskHuman => SourceError::ActionNeeded(refusal),
        }
    }

    fn unreadable(&self, error: &serde_json::Error) -> SourceError {
        let refusal = self.refusal(None);
        if error.is_eof() {
            SourceError::Incomplete(refusal)
        } else if serde_json::from_slice::<Value>(self.answer.body()).is_ok() {
            SourceError::NoItems {
                field: self.listing.resource.items.clone(),
                refusal,
            }
        } else {
            SourceError::NotJson(refusal)
        }
    }

    fn next(&self, fields: &Fields<'_>, requested: &Url, base: &Url) -> Result<Option<Url>, SourceError> {
        let Some(rule) = &self.listing.resource.next_page else {
            return Ok(None);
        };
        let bad = |problem: String| SourceError::BadNextPage {
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
            return Err(SourceError::EndlessListing(
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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::element::Remedy;
    use crate::element::listing::tests::listing;

    const BASE: &str = "https://us2.api.concursolutions.com";
    const FIRST: &str = "https://us2.api.concursolutions.com/api/v3.0/expense/reports?user=ALL&limit=2";

    fn read_at(base: &str, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Result<Page, SourceError> {
        let mut answer = http::Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        let answer = answer.body(bytes::Bytes::copy_from_slice(body)).unwrap();
        let requested = Url::parse(&FIRST.replace(BASE, base)).unwrap();
        listing("/reports", None)
            .unwrap()
            .read(&answer, &requested, &Url::parse(base).unwrap())
    }

    fn read(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Page, SourceError> {
        read_at(BASE, status, headers, body.as_bytes())
    }

    #[test]
    fn records_keep_the_vendors_text() {
        let body = "\u{feff}{ \"NextPage\" : null, \"More\": [1],\n \"Items\" : [ {\"ID\":\"A\", \"Total\": 10.50,\n  \"b\":1.0e2} , {\"ID\":\"\\u0042\"} ] }";
        let page = read(200, &[], body).unwrap();
        let texts: Vec<_> = page.items.iter().map(|item| item.get()).collect();
        assert_eq!(
            texts,
            [
                "{\"ID\":\"A\", \"Total\": 10.50,\n  \"b\":1.0e2}",
                "{\"ID\":\"\\u0042\"}"
            ]
        );
        assert_eq!(
            (page.next, page.date, page.correlation_id, page.warning),
            (None, None, None, None)
        );
    }

    #[test]
    fn headers_are_read() {
        let headers = [
            ("Date", "Tue, 03 Feb 2026 04:05:06 GMT"),
            ("Concur-CorrelationId", "2997-5a1f"),
            ("x-api-warn", "'/v3' is deprecated; use '/v4'"),
            ("sunset", "Sun, 01 Mar 2026 00:00:00 GMT"),
        ];
        let page = read(200, &headers, r#"{"Items":[]}"#).unwrap();
        assert_eq!(page.date, Some("2026-02-03T04:05:06Z".parse().unwrap()));
        assert_eq!(page.correlation_id.as_deref(), Some("2997-5a1f"));
        assert_eq!(
            page.warning.as_deref(),
            Some("x-api-warn: '/v3' is deprecated; use '/v4'; sunset: Sun, 01 Mar 2026 00:00:00 GMT")
        );
    }

    #[test]
    fn next_links_stay_on_the_own_host() {
        let path = "/api/v3.0/expense/reports";
        let own = "http://proxy.example:8080/concur";
        let table: &[(&str, &str, Option<&str>)] = &[
            (BASE, "", None),
            (BASE, r#""NextPage":null,"#, None),
            (BASE, r#""NextPage":"","#, None),
            (BASE, r#""NextPage":" ","#, None),
            (
                BASE,
                r#""NextPage":"https://integration.concursolutions.com/api/v3.0/expense/reports/?limit=2&offset=a%2Bb","#,
                Some("https://us2.api.concursolutions.com/api/v3.0/expense/reports/?limit=2&offset=a%2Bb"),
            ),
            (
                BASE,
                r#""NextPage":"http://evil.example:99/api/v3.0/expense/reports?offset=2","#,
                Some("https://us2.api.concursolutions.com/api/v3.0/expense/reports?offset=2"),
            ),
            (
                BASE,
                r#""NextPage":"//evil.example/x?offset=2","#,
                Some("https://us2.api.concursolutions.com/x?offset=2"),
            ),
            (
                BASE,
                r#""NextPage":"?offset=2","#,
                Some("https://us2.api.concursolutions.com/api/v3.0/expense/reports?offset=2"),
            ),
            (
                own,
                r#""NextPage":"https://us2.api.concursolutions.com/api/v3.0/expense/reports?offset=2","#,
                Some("http://proxy.example:8080/concur/api/v3.0/expense/reports?offset=2"),
            ),
            (
                own,
                r#""NextPage":"http://proxy.example:8080/concur/api/v3.0/expense/reports?offset=2","#,
                Some("http://proxy.example:8080/concur/api/v3.0/expense/reports?offset=2"),
            ),
        ];
        for (base, link, expected) in table {
            let page = read_at(base, 200, &[], format!("{{{link}\"Items\":[{{}}]}}").as_bytes()).unwrap();
            assert_eq!(page.next.as_ref().map(Url::as_str), *expected, "{link} {path}");
        }
    }

    #[test]
    fn answers_that_are_no_page() {
        let html = "<html><body>Bad gateway</body></html>";
        let later = |seconds| Remedy::RetryLater {
            after: Some(Duration::from_secs(seconds)),
        };
        let forbidden =
            r#"{"Error":{"Message":"Forbidden Request","Server-Time":"2019-03-12T07:56:32","Id":"65"}}"#;
        let same = format!(r#"{{"Items":[],"NextPage":"{FIRST}"}}"#);
        let long = format!(r#"{{"Items":[],"NextPage":"?{}"}}"#, "x".repeat(9000));
        let date = ("date", "Tue, 03 Feb 2026 04:05:06 GMT");
        type Case<'a> = (u16, &'a [(&'a str, &'a str)], &'a str, &'a str, Remedy);
        let table: &[Case<'_>] = &[
            (401, &[], forbidden, "AccessRefused", Remedy::RefreshToken),
            (403, &[], forbidden, "AccessRefused", Remedy::RefreshToken),
            (403, &[], html, "AccessRefused", Remedy::RefreshToken),
            (429, &[("retry-after", "0")], "{}", "RateLimited", later(1)),
            (429, &[("retry-after", "17")], "{}", "RateLimited", later(17)),
            (
                429,
                &[("retry-after", "999999999")],
                "{}",
                "RateLimited",
                later(3600),
            ),
            (429, &[("retry-after", "soon")], "{}", "RateLimited", later(60)),
            (429, &[], "", "RateLimited", later(60)),
            (
                429,
                &[date, ("retry-after", "Tue, 03 Feb 2026 04:05:36 GMT")],
                "",
                "RateLimited",
                later(30),
            ),
            (
                429,
                &[date, ("retry-after", "Tue, 03 Feb 2026 04:00:00 GMT")],
                "",
                "RateLimited",
                later(1),
            ),
            (503, &[], html, "Unavailable", later(300)),
            (503, &[("retry-after", "30")], html, "Unavailable", later(30)),
            (
                400,
                &[],
                r#"{"Error":{"Message":"x"}}"#,
                "TemporaryError",
                Remedy::RetrySoon,
            ),
            (
                400,
                &[],
                r#"{"Message":"Transaction was Deadlocked, rerun"}"#,
                "TemporaryError",
                Remedy::RetrySoon,
            ),
            (
                400,
                &[],
                r#"{"Message":"bad offset"}"#,
                "RequestRefused",
                Remedy::Fail,
            ),
            (400, &[], html, "RequestRefused", Remedy::Fail),
            (404, &[], html, "RequestRefused", Remedy::Fail),
            (406, &[], "", "RequestRefused", Remedy::Fail),
            (408, &[], "", "TemporaryError", Remedy::RetrySoon),
            (500, &[], html, "TemporaryError", Remedy::RetrySoon),
            (502, &[], html, "TemporaryError", Remedy::RetrySoon),
            (504, &[], "", "TemporaryError", Remedy::RetrySoon),
            (
                302,
                &[("location", "https://evil.example")],
                "",
                "RequestRefused",
                Remedy::Fail,
            ),
            (
                200,
                &[],
                r#"{"Error":{"Message":"No report found"}}"#,
                "ErrorInBody",
                Remedy::RetrySoon,
            ),
            (
                200,
                &[],
                r#"{"Items":[],"Error":"x"}"#,
                "ErrorInBody",
                Remedy::RetrySoon,
            ),
            (200, &[], r#"{"NextPage":null}"#, "NoItems", Remedy::Fail),
            (200, &[], r#"{"Items":null}"#, "NoItems", Remedy::Fail),
            (200, &[], r#"{"Items":{}}"#, "NoItems", Remedy::Fail),
            (200, &[], "[]", "NoItems", Remedy::Fail),
            (200, &[], "", "Incomplete", Remedy::RetrySoon),
            (
                200,
                &[],
                r#"{"Items":[{"ID":"A"},{"I"#,
                "Incomplete",
                Remedy::RetrySoon,
            ),
            (200, &[], html, "NotJson", Remedy::RetrySoon),
            (
                200,
                &[],
                "<Reports><Items/></Reports>",
                "NotJson",
                Remedy::RetrySoon,
            ),
            (
                200,
                &[],
                r#"{"Items":[],"NextPage":7}"#,
                "BadNextPage",
                Remedy::Fail,
            ),
            (
                200,
                &[],
                r#"{"Items":[],"NextPage":"mailto:x"}"#,
                "BadNextPage",
                Remedy::Fail,
            ),
            (200, &[], &long, "BadNextPage", Remedy::Fail),
            (200, &[], &same, "EndlessListing", Remedy::Fail),
        ];
        for (status, headers, body, reason, remedy) in table {
            let error = read(*status, headers, body).unwrap_err();
            assert_eq!(
                (error.reason(), error.remedy()),
                (*reason, *remedy),
                "{status} {body}: {error}"
            );
            assert_eq!(error.status(), Some(*status));
        }
    }

    #[test]
    fn errors_quote_the_vendor_and_say_what_to_do() {
        let body = r#"{"Error":{"Message":"Forbidden Request","Id":"65"}}"#;
        let error = read(403, &[("concur-correlationid", "abc")], body).unwrap_err();
        let text = error.to_string();
        let start = r#"access refused: us2.api.concursolutions.com answered 403: "Forbidden Request" (correlation id abc); if a new token"#;
        assert!(text.starts_with(start), "{text}");
        let html = format!("<html>{}", "long page ".repeat(100));
        let error = read(502, &[], &html).unwrap_err();
        assert!(error.refusal().unwrap().message.chars().count() <= 201);
        let error = read_at(BASE, 200, &[], b"{\"Items\":[\"\xff\"]}").unwrap_err();
        assert_eq!(error.reason(), "NotJson");
    }

    #[test]
    fn missing_answers_are_classified_too() {
        let host = || "h".to_owned();
        let table = [
            (
                crate::http::HttpError::Timeout {
                    host: host(),
                    seconds: 60,
                },
                Remedy::RetrySoon,
            ),
            (
                crate::http::HttpError::BodyTooLarge {
                    host: host(),
                    limit: 1,
                },
                Remedy::Fail,
            ),
        ];
        for (error, remedy) in table {
            assert_eq!(SourceError::from(error).remedy(), remedy);
        }
    }
}
