//! Requests, as instances write their urls.

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
            "/reports?where=Total>'${date:yyyy-MM-dd}'",
            "InvalidWhere",
            r#"where clause: Total is compared with ">", which this vendor's list cannot do; use `=` with a query parameter of the vendor, for example modifiedDateAfter='…'"#,
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

/// A definition with one resource, beside what every definition has.
pub(in crate::element) fn example(resource: &str) -> Definition {
    let text = format!(
        "apiVersion: pollinator.dev/v1alpha1\nkind: Element\nmetadata: {{name: example}}\nspec: {{title: Example, hub: crm, \
         authentication: {{header: {{name: x-key, configurationKey: k}}}}, answers: {{}}, resources: [{resource}]}}"
    );
    crate::element::parse_definition(&text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
}

#[test]
fn clauses_become_parameters() {
    let resource = "{name: a, path: /a, items: [$], required: {owner: \"name the owner\"}, \
                    where: {parameters: [{field: Modified, operators: ['>', '>='], parameter: since}, \
                    {field: Name, operators: [like], parameter: q}]}, \
                    dates: [{parameters: [since], patterns: [yyyy-MM-dd, \"yyyy-MM-dd'T'HH:mm:ss\"]}], \
                    pageSize: {parameter: size, max: 50}, query: {deep: 'true'}}";
    let definition = example(resource);
    let base = Url::parse("https://api.example.com/v1/").unwrap();
    let table: &[(&str, Option<u32>, Result<&str, &str>)] = &[
        ("/a?owner=me", None, Ok("owner=me&deep=true")),
        (
            "/a?owner=me&pageSize=7",
            Some(20),
            Ok("owner=me&size=7&deep=true"),
        ),
        ("/a?owner=me&pageSize=700", None, Ok("owner=me&size=50&deep=true")),
        ("/a?owner=me", Some(700), Ok("owner=me&deep=true&size=50")),
        ("/a?owner=me&deep=", None, Ok("owner=me&deep=")),
        (
            "/a?where=modified >= '${gmtDate:yyyy-MM-dd}' and owner='me' and NAME LIKE 'x%'",
            None,
            Ok("since=2026-02-03&owner=me&q=x%25&deep=true"),
        ),
        (
            "/a?where=since='${gmtDate:yyyy-MM-dd'T'HH:mm:ss}'&owner=me",
            None,
            Ok("since=2026-02-03T04:05:06&owner=me&deep=true"),
        ),
        ("/a", None, Err("where clause: owner is missing; name the owner")),
        (
            "/a?where=modified<'x'&owner=me",
            None,
            Err("modified is compared with \"<\""),
        ),
        (
            "/a?where=modified>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss.SSS}'&owner=me",
            None,
            Err(
                "since would be \"1970-01-01T00:00:00.000\", but the vendor reads yyyy-MM-dd or yyyy-MM-dd'T'HH:mm:ss only; \
                 write since='${gmtDate:yyyy-MM-dd}'",
            ),
        ),
        ("/a?since=soon&owner=me", None, Err("since would be \"soon\"")),
        ("/a?owner={owner}", None, Err("placeholder {owner}")),
    ];
    for (url, size, expected) in table {
        let since = "2026-02-03T04:05:06.789Z".parse().unwrap();
        let made = definition
            .listing_of("a", &UrlTemplate::parse(url).unwrap(), *size)
            .and_then(|listing| listing.first_url(&base, since, since));
        match (made, expected) {
            (Ok(made), Ok(query)) => {
                assert_eq!(
                    made.as_str(),
                    format!("https://api.example.com/v1/a?{query}"),
                    "{url}"
                );
            }
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{url}: {error}"),
            (made, _) => panic!("{url}: {made:?}"),
        }
    }
}

#[test]
fn deleted_records_are_known_by_their_field() {
    let definition =
        example("{name: a, path: /a, items: [$], deleted: {field: meta.gone, values: ['true', 'Y', '1']}}");
    let listing = definition
        .listing_of("a", &UrlTemplate::parse("/a").unwrap(), None)
        .unwrap();
    use serde_json::json;
    let deleted = listing.traits().deleted.unwrap();
    for (gone, expected) in [
        (json!(true), true),
        (json!("TRUE"), true),
        (json!(" y "), true),
        (json!(1), true),
        (json!(false), false),
        (json!("N"), false),
        (json!(null), false),
        (json!([true]), false),
        (json!({}), false),
    ] {
        assert_eq!(
            deleted.marks(&json!({"meta": {"gone": gone}})),
            expected,
            "{gone}"
        );
    }
    assert!(!deleted.marks(&json!({"gone": true})) && !deleted.marks(&json!(7)));
}

#[test]
fn through_a_hub_urls_stay_as_written() {
    let hub = builtin("hub").unwrap();
    let base = Url::parse("https://api.openconnectors.example/elements/api-v2").unwrap();
    type Case<'a> = (&'a str, Option<u32>, Result<&'a str, &'a str>, &'a str);
    let table: &[Case<'_>] = &[
        (
            "/hubs/crm/contacts?where=update_time >= '${gmtDate:yyyy-MM-dd HH:mm:ss}'",
            None,
            Ok("/hubs/crm/contacts?where=update_time%20%3E%3D%20%272026-02-03%2004:05:06%27"),
            "crm",
        ),
        (
            " hubs/crm/leads?where=a='1' or b like '%x'&x=1&x=2&orderBy=!at",
            Some(500),
            Ok(
                "/hubs/crm/leads?where=a%3D%271%27%20or%20b%20like%20%27%25x%27&x=1&x=2&orderBy=%21at&pageSize=500",
            ),
            "crm",
        ),
        (
            "/hubs/db/x?pageSize=3",
            Some(500),
            Ok("/hubs/db/x?pageSize=3"),
            "db",
        ),
        (
            "/hubs/scheduling/calendars/a@group.example/changed-events",
            None,
            Ok("/hubs/scheduling/calendars/a@group.example/changed-events"),
            "scheduling",
        ),
        ("/accounts?a=b", None, Ok("/accounts?a=b"), "general"),
        (
            "https://API.openconnectors.example/elements/api-v2/hubs/erp/case?x",
            None,
            Ok("/hubs/erp/case?x="),
            "erp",
        ),
        (
            "https://evil.example/elements/api-v2/hubs/erp/case",
            None,
            Err("does not begin with the base URL"),
            "",
        ),
        (
            "http://api.openconnectors.example/elements/api-v2/x",
            None,
            Err("does not begin with"),
            "",
        ),
        (
            "https://api.openconnectors.example/elements/api-v22/x",
            None,
            Err("does not begin with"),
            "",
        ),
        ("/hubs/x/../../../admin", None, Err("`.` or `..`"), ""),
        ("/hubs/x/%2e%2e/admin", None, Err("`.` or `..`"), ""),
        (
            "/hubs/db/{objectName}?where=a>'${epoch}'",
            None,
            Err("placeholder {objectName}"),
            "",
        ),
        ("/hubs/{{page.hub}}/x", None, Err("brace"), ""),
        ("?a=b", None, Err("names no resource"), ""),
    ];
    for (url, size, expected, hub_key) in table {
        let since = "2026-02-03T04:05:06.789Z".parse().unwrap();
        let listing = hub.listing_of("x", &UrlTemplate::parse(url).unwrap(), *size);
        let made = listing
            .clone()
            .and_then(|listing| listing.first_url(&base, since, since));
        match (made, expected) {
            (Ok(made), Ok(rest)) => {
                assert_eq!(made.as_str(), format!("{base}{rest}"), "{url}");
                assert_eq!(listing.unwrap().hub(), *hub_key, "{url}");
            }
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{url}: {error}"),
            (made, _) => panic!("{url}: {made:?}"),
        }
    }
}
