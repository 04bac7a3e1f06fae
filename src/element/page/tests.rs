//! Answers in the shapes Concur gives them.

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
        (401, &[], forbidden, "SourceAccessRefused", Remedy::RefreshToken),
        (403, &[], forbidden, "SourceAccessRefused", Remedy::RefreshToken),
        (403, &[], html, "SourceAccessRefused", Remedy::RefreshToken),
        (429, &[("retry-after", "0")], "{}", "SourceThrottled", later(1)),
        (429, &[("retry-after", "17")], "{}", "SourceThrottled", later(17)),
        (
            429,
            &[("retry-after", "999999999")],
            "{}",
            "SourceThrottled",
            later(3600),
        ),
        (
            429,
            &[("retry-after", "soon")],
            "{}",
            "SourceThrottled",
            later(60),
        ),
        (429, &[], "", "SourceThrottled", later(60)),
        (
            429,
            &[date, ("retry-after", "Tue, 03 Feb 2026 04:05:36 GMT")],
            "",
            "SourceThrottled",
            later(30),
        ),
        (
            429,
            &[date, ("retry-after", "Tue, 03 Feb 2026 04:00:00 GMT")],
            "",
            "SourceThrottled",
            later(1),
        ),
        (503, &[], html, "SourceUnavailable", later(300)),
        (
            503,
            &[("retry-after", "30")],
            html,
            "SourceUnavailable",
            later(30),
        ),
        (
            400,
            &[],
            r#"{"Error":{"Message":"x"}}"#,
            "SourceTemporaryError",
            Remedy::RetrySoon,
        ),
        (
            400,
            &[],
            r#"{"Message":"Transaction was Deadlocked, rerun"}"#,
            "SourceTemporaryError",
            Remedy::RetrySoon,
        ),
        (
            400,
            &[],
            r#"{"Message":"bad offset"}"#,
            "SourceRequestRefused",
            Remedy::Fail,
        ),
        (400, &[], html, "SourceRequestRefused", Remedy::Fail),
        (404, &[], html, "SourceRequestRefused", Remedy::Fail),
        (406, &[], "", "SourceRequestRefused", Remedy::Fail),
        (408, &[], "", "SourceTemporaryError", Remedy::RetrySoon),
        (500, &[], html, "SourceTemporaryError", Remedy::RetrySoon),
        (502, &[], html, "SourceTemporaryError", Remedy::RetrySoon),
        (504, &[], "", "SourceTemporaryError", Remedy::RetrySoon),
        (
            302,
            &[("location", "https://evil.example")],
            "",
            "SourceRequestRefused",
            Remedy::Fail,
        ),
        (
            200,
            &[],
            r#"{"Error":{"Message":"No report found"}}"#,
            "SourceErrorInBody",
            Remedy::RetrySoon,
        ),
        (
            200,
            &[],
            r#"{"Items":[],"Error":"x"}"#,
            "SourceErrorInBody",
            Remedy::RetrySoon,
        ),
        (
            200,
            &[],
            r#"{"NextPage":null}"#,
            "SourceItemsMissing",
            Remedy::Fail,
        ),
        (200, &[], r#"{"Items":null}"#, "SourceItemsMissing", Remedy::Fail),
        (200, &[], r#"{"Items":{}}"#, "SourceItemsMissing", Remedy::Fail),
        (200, &[], "[]", "SourceItemsMissing", Remedy::Fail),
        (200, &[], "", "SourceAnswerIncomplete", Remedy::RetrySoon),
        (
            200,
            &[],
            r#"{"Items":[{"ID":"A"},{"I"#,
            "SourceAnswerIncomplete",
            Remedy::RetrySoon,
        ),
        (200, &[], html, "SourceAnswerNotJson", Remedy::RetrySoon),
        (
            200,
            &[],
            "<Reports><Items/></Reports>",
            "SourceAnswerNotJson",
            Remedy::RetrySoon,
        ),
        (
            200,
            &[],
            r#"{"Items":[],"NextPage":7}"#,
            "SourceNextPageInvalid",
            Remedy::Fail,
        ),
        (
            200,
            &[],
            r#"{"Items":[],"NextPage":"mailto:x"}"#,
            "SourceNextPageInvalid",
            Remedy::Fail,
        ),
        (200, &[], &long, "SourceNextPageInvalid", Remedy::Fail),
        (200, &[], &same, "SourceListingEndless", Remedy::Fail),
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
    assert_eq!(error.reason(), "SourceAnswerNotJson");
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
