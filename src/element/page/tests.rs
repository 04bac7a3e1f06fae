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
fn next_links_to_anybody_else_are_refused() {
    for link in [
        "http://evil.example:99/api/v3.0/expense/reports?offset=2",
        "//evil.example/x?offset=2",
        "https://us2.api.concursolutions.com@evil.example/x",
        "https://us2.api.concursolutions.com.evil.example/x",
        "https://evilconcursolutions.com/x",
        "https://concursolutions.com/x",
        "https://169.254.169.254/latest/meta-data",
        "https://2852039166/latest/meta-data",
        r"\\\\evil.example\\x",
        "gopher://evil.example/x",
    ] {
        let body = format!(r#"{{"Items":[{{}}],"NextPage":"{link}"}}"#);
        let error = read(200, &[], &body).unwrap_err();
        assert_eq!(
            (error.reason(), error.remedy()),
            ("SourceNextPageInvalid", Remedy::Fail),
            "{link}"
        );
        let words = error.to_string();
        assert!(
            words.contains("neither the instance's own host nor one of the vendor's"),
            "{words}"
        );
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

/// Reads a page of `resource` asked for with `query`; what is next comes back as its query or path.
fn page_of(
    resource: &str,
    query: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<(usize, Option<String>), String> {
    let definition = crate::element::listing::tests::example(&format!("{{name: a, path: /a, {resource}}}"));
    let listing = definition
        .listing_of("a", &crate::config::UrlTemplate::parse("/a").unwrap(), None)
        .unwrap();
    let mut answer = http::Response::builder();
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    let answer = answer
        .body(bytes::Bytes::copy_from_slice(body.as_bytes()))
        .unwrap();
    let base = Url::parse("https://api.example.com/v1").unwrap();
    let requested = Url::parse(&format!("https://api.example.com/v1/a{query}")).unwrap();
    let page = listing
        .read(&answer, &requested, &base)
        .map_err(|error| error.to_string())?;
    let next = page.next.map(|next| {
        next.as_str()
            .strip_prefix("https://api.example.com/v1/a")
            .unwrap_or(next.as_str())
            .to_owned()
    });
    Ok((page.items.len(), next))
}

#[test]
fn next_pages_of_every_kind() {
    type Case<'a> = (
        &'a str,
        &'a [(&'a str, &'a str)],
        &'a str,
        Result<(usize, Option<&'a str>), &'a str>,
    );
    let link = "items: [data], nextPage: {link: {list: operations}}";
    let cursor =
        "items: [Resources], nextPage: {cursor: {field: nextCursor, parameter: cursor, total: totalResults}}";
    let header = "items: [$], nextPage: {cursor: {header: elements-next-page-token, parameter: nextPage}}";
    let pages = "items: [content], nextPage: {pageNumber: {parameter: page, totalPages: page.totalPages}}";
    let offset = "items: [rows], nextPage: {offset: {parameter: startIndex, first: 1, total: total}}";
    let plain = "items: [Vendor, Items]";
    let token = [("Elements-Next-Page-Token", "a b=")];
    let table: &[(&str, &[Case<'_>])] = &[
        (
            link,
            &[
                (
                    "?limit=2",
                    &[],
                    r#"{"data":[{}],"operations":[{"rel":"first","href":"/v1/a"},{"rel":"NEXT","href":"https://api.example.com:8443/v1/a?limit=2&start=2"}]}"#,
                    Ok((1, Some("?limit=2&start=2"))),
                ),
                (
                    "?start=2",
                    &[],
                    r#"{"data":[],"operations":[{"rel":"prev","href":"?start=0"}]}"#,
                    Ok((0, None)),
                ),
                ("", &[], r#"{"data":[]}"#, Ok((0, None))),
                ("", &[], r#"{"data":[],"operations":null}"#, Ok((0, None))),
                (
                    "",
                    &[],
                    r#"{"data":[],"operations":[{"rel":"next","href":null}]}"#,
                    Ok((0, None)),
                ),
                (
                    "",
                    &[],
                    r#"{"data":[],"operations":{"rel":"next"}}"#,
                    Err("no list of links"),
                ),
                (
                    "",
                    &[],
                    r#"{"data":[],"operations":[{"rel":"next","href":7}]}"#,
                    Err("is no text"),
                ),
                (
                    "?x",
                    &[],
                    r#"{"data":[],"operations":[{"rel":"next","href":"?x"}]}"#,
                    Err("is the page itself"),
                ),
            ],
        ),
        (
            cursor,
            &[
                (
                    "?count=1",
                    &[],
                    r#"{"totalResults":3,"Resources":[{}],"nextCursor":"x&y"}"#,
                    Ok((1, Some("?count=1&cursor=x%26y"))),
                ),
                (
                    "?cursor=1&count=1",
                    &[],
                    r#"{"totalResults":3,"Resources":[{}],"nextCursor":2}"#,
                    Ok((1, Some("?cursor=2&count=1"))),
                ),
                (
                    "?cursor=2",
                    &[],
                    r#"{"totalResults":3,"Resources":[{}]}"#,
                    Ok((1, None)),
                ),
                (
                    "",
                    &[],
                    r#"{"totalResults":1,"Resources":[{}],"nextCursor":""}"#,
                    Ok((1, None)),
                ),
                (
                    "",
                    &[],
                    r#"{"totalResults":"2","Resources":[{}]}"#,
                    Err("1 of 2 records, and no token for more"),
                ),
                (
                    "?cursor=2",
                    &[],
                    r#"{"Resources":[],"nextCursor":"2"}"#,
                    Err("is the page itself"),
                ),
            ],
        ),
        (
            header,
            &[
                (
                    "?where=x%3D1",
                    &token,
                    "[{},{}]",
                    Ok((2, Some("?where=x%3D1&nextPage=a%20b%3D"))),
                ),
                (
                    "?nextPage=old",
                    &token,
                    " \n[{}]",
                    Ok((1, Some("?nextPage=a%20b%3D"))),
                ),
                ("?nextPage=old", &[], "[]", Ok((0, None))),
                ("", &[("elements-next-page-token", " ")], "[]", Ok((0, None))),
                ("", &[], "{}", Err("no list of records at \"$\"")),
                ("", &[], r#"{"$":[]}"#, Err("no list of records at \"$\"")),
                ("", &[], "[{}", Err("half a page")),
            ],
        ),
        (
            pages,
            &[
                (
                    "",
                    &[],
                    r#"{"content":[{}],"page":{"totalPages":2}}"#,
                    Ok((1, Some("?page=2"))),
                ),
                (
                    "?page=2",
                    &[],
                    r#"{"content":[{}],"page":{"totalPages":"2"}}"#,
                    Ok((1, None)),
                ),
                (
                    "",
                    &[],
                    r#"{"content":[],"page":{"totalPages":0}}"#,
                    Ok((0, None)),
                ),
                ("?page=4", &[], r#"{"content":[{}]}"#, Ok((1, Some("?page=5")))),
                ("?page=5", &[], r#"{"content":[]}"#, Ok((0, None))),
                (
                    "?page=x",
                    &[],
                    r#"{"content":[{}]}"#,
                    Err("page of this one is \"x\""),
                ),
                (
                    "?page=18446744073709551615",
                    &[],
                    r#"{"content":[{}]}"#,
                    Err("is the page itself"),
                ),
            ],
        ),
        (
            offset,
            &[
                (
                    "",
                    &[],
                    r#"{"rows":[{},{}],"total":3}"#,
                    Ok((2, Some("?startIndex=3"))),
                ),
                (
                    "?startIndex=3&n=2",
                    &[],
                    r#"{"rows":[{}],"total":3}"#,
                    Ok((1, None)),
                ),
                (
                    "?startIndex=3",
                    &[],
                    r#"{"rows":[{}]}"#,
                    Ok((1, Some("?startIndex=4"))),
                ),
                ("?startIndex=4", &[], r#"{"rows":[],"total":9}"#, Ok((0, None))),
            ],
        ),
        (
            plain,
            &[
                ("", &[], r#"{"Vendor":[{}]}"#, Ok((1, None))),
                ("", &[], r#"{"Vendor":null,"Items":[{},{}]}"#, Ok((2, None))),
                ("", &[], r#"{"Vendor":[],"Items":[{}]}"#, Ok((1, None))),
                ("", &[], r#"{"Vendor":[{}],"Items":[{},{}]}"#, Ok((1, None))),
                ("", &[], r#"{"Vendor":[],"Items":null}"#, Ok((0, None))),
                (
                    "",
                    &[],
                    r#"{"Vendors":[]}"#,
                    Err("no list of records at \"Vendor or Items\""),
                ),
            ],
        ),
    ];
    for (resource, cases) in table {
        for (query, headers, body, expected) in *cases {
            let read = page_of(resource, query, headers, body);
            match (&read, expected) {
                (Ok((items, next)), Ok(expected)) => {
                    assert_eq!((*items, next.as_deref()), *expected, "{resource} {query} {body}");
                }
                (Err(error), Err(text)) => assert!(error.contains(text), "{resource} {body}: {error}"),
                _ => panic!("{resource} {query} {body}: {read:?}"),
            }
        }
    }
}

#[test]
fn errors_of_every_family_are_quoted() {
    let concur = crate::element::builtin("concur").unwrap();
    let hub = crate::element::builtin("hub").unwrap();
    let table = [
        (
            concur,
            "/lists",
            400,
            r#"{"httpStatus":"400 - Bad Request","error":{"id":"x","message":"a list is managed"}}"#,
            "a list is managed",
            Remedy::Fail,
        ),
        (
            concur,
            "/lists",
            400,
            r#"{"error":{"message":"check"},"validationErrors":[{"message":"size is 1 to 9"}]}"#,
            "size is 1 to 9",
            Remedy::Fail,
        ),
        (
            concur,
            "/fiscal-years",
            400,
            r#"{"status":false,"errorMessageList":[{"errorMessage":"no such year"}]}"#,
            "no such year",
            Remedy::Fail,
        ),
        (
            concur,
            "/users",
            404,
            r#"{"schemas":["x"],"detail":"no company","status":"404"}"#,
            "no company",
            Remedy::Fail,
        ),
        (
            concur,
            "/users",
            403,
            "{}",
            "the app has the scope identity.user.ids.read, identity.user.core.read",
            Remedy::RefreshToken,
        ),
        (
            concur,
            "/requests",
            400,
            r#"{"errorMessage":"missingRequiredParam: userId"}"#,
            "add `userId='…'`",
            Remedy::AskHuman,
        ),
        (
            concur,
            "/requests",
            400,
            r#"{"errorMessage":"limit is above 100"}"#,
            "limit is above 100",
            Remedy::Fail,
        ),
        (
            hub,
            "/hubs/x/y",
            401,
            r#"{"message":"No valid authorization","requestId":"5f3a"}"#,
            "(correlation id 5f3a); check `hub.authorization`",
            Remedy::AskHuman,
        ),
        (
            hub,
            "/hubs/x/y",
            403,
            "",
            "check `hub.authorization`",
            Remedy::AskHuman,
        ),
        (
            hub,
            "/hubs/x/y",
            400,
            r#"{"message":"failed","providerMessage":"INVALID_FIELD"}"#,
            "INVALID_FIELD",
            Remedy::Fail,
        ),
        (
            hub,
            "/hubs/x/y",
            404,
            r#"{"message":"not found"}"#,
            "check the path",
            Remedy::Fail,
        ),
        (
            hub,
            "/hubs/x/y",
            429,
            "",
            "429",
            Remedy::RetryLater {
                after: Some(Duration::from_secs(60)),
            },
        ),
        (hub, "/hubs/x/y", 502, "", "502", Remedy::RetrySoon),
    ];
    for (definition, url, status, body, text, remedy) in table {
        let template = crate::config::UrlTemplate::parse(url).unwrap();
        let listing = definition.listing_of("x", &template, None).unwrap();
        let answer = http::Response::builder().status(status);
        let answer = answer.body(bytes::Bytes::from_static(body.as_bytes())).unwrap();
        let base = Url::parse(BASE).unwrap();
        let error = listing.read(&answer, &base, &base).unwrap_err();
        assert_eq!(error.remedy(), remedy, "{body}: {error}");
        assert!(error.to_string().contains(text), "{body}: {error}");
    }
}

proptest::proptest! {
    #[test]
    fn no_body_panics(
        resource in 0..7_usize,
        status in proptest::sample::select(vec![200_u16, 204, 304, 400, 403, 429, 500]),
        body in "([\\[\\]{}:,\"$ 0-9a-z]|Items|data|\"operations\":|\"NextPage\":|\"rel\":\"next\"|null|true){0,24}",
        query in "[a-z=&%0-9+]{0,12}",
        token in "[ -~]{0,8}",
    ) {
        let definition = crate::element::builtin(if resource == 6 { "hub" } else { "concur" }).unwrap();
        let name = ["reports", "invoices", "requests", "users", "lists", "fiscal-years", "hubs/x/y"][resource];
        let template = crate::config::UrlTemplate::parse(&format!("/{name}")).unwrap();
        let listing = definition.listing_of("x", &template, None).unwrap();
        let answer = http::Response::builder()
            .status(status)
            .header("elements-next-page-token", token)
            .body(bytes::Bytes::from(body.into_bytes()))
            .unwrap();
        let base = Url::parse(BASE).unwrap();
        let requested = base.join(&format!("/a?{query}")).unwrap();
        if let Ok(page) = listing.read(&answer, &requested, &base)
            && let Some(next) = page.next
        {
            proptest::prop_assert!(next.as_str().starts_with(BASE) && next != requested);
        }
    }
}
