//! What holds for any input: the bodies of the fuzz targets, which `make test` also runs on bounded random inputs.
//!
//! None may panic, and each asserts what its parser promises: an error that names a place and a remedy, no secret in
//! a message, no request to a foreign host. An input is a plain text or document, so that a seed can be read and written.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod world;

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pollinator::api::PollingInstanceSpec;
use pollinator::config::{DatePattern, FieldPath, Secrets, Settings, UrlTemplate, parse_duration, read};
use pollinator::deliver::{Verdict, judge_answer, verify_elements};
use pollinator::element::{Listing, builtin, catalogue, definition_of, parse_definition};
use pollinator::http::Answer;
use pollinator::poll::{Checkpoint, Encoded};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

/// A body and the name of its target and of its folder of seeds.
pub type Body = fn(&[u8]);

/// Every body.
pub const BODIES: [(&str, Body); 13] = [
    ("checkpoint", checkpoint),
    ("configuration", configuration),
    ("dates", dates),
    ("element", element),
    ("http_dates", http_dates),
    ("import", import),
    ("listing", listing),
    ("manifest", manifest),
    ("poll", poll),
    ("tokens", tokens),
    ("url", url),
    ("values", values),
    ("where_clause", where_clause),
];

/// The text of an input; broken UTF-8 is not what these parsers are given.
fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}

fn two_parts(input: &[u8]) -> (String, String) {
    let text = text(input);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    (first.to_owned(), rest.to_owned())
}

/// Instants at the edges of what clocks and vendors print.
fn instants() -> [Timestamp; 4] {
    [
        Timestamp::MIN,
        Timestamp::UNIX_EPOCH,
        "2026-03-29T01:59:59.999Z".parse().unwrap(),
        Timestamp::MAX,
    ]
}

/// A status and headers, a blank line, and a body: what a server answers.
fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut answer = Response::new(Bytes::from(body.to_owned()));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.trim().parse().ok());
    *answer.status_mut() = status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or_default();
    for line in lines {
        if let Some((name, value)) = line.split_once(':')
            && let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value.trim()))
        {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}

/// A spec and the name of its object: settings, or problems that name what to do where.
pub fn configuration(input: &[u8]) {
    let Ok(spec) = serde_json::from_slice::<PollingInstanceSpec>(input) else {
        return;
    };
    let reading = read("concur", &spec, &Secrets::default(), catalogue());
    match reading.settings {
        Ok(settings) => plan(&settings),
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(problem.path.starts_with("spec"), "{problem:?}");
                assert!(
                    !problem.message.is_empty() && !problem.remedy.is_empty(),
                    "{problem:?}"
                );
            }
        }
    }
    assert!(reading.warnings.iter().all(|warning| !warning.message.is_empty()));
}

/// The requests that settings lead to, at any time.
fn plan(settings: &Settings) {
    let Ok(definition) = definition_of(settings) else {
        return;
    };
    let Ok(base) = definition.base_url(settings.base_url.as_ref()) else {
        return;
    };
    for resource in &settings.resources {
        match definition.listing(resource) {
            Ok(listing) => {
                for at in instants() {
                    if let Ok(url) = listing.first_url(base, at, at) {
                        assert_eq!(url.origin(), base.origin());
                    }
                }
            }
            Err(error) => assert!(error.to_string().contains("spec.configuration"), "{error}"),
        }
    }
}

/// A file named on the command line: every finding begins with its place.
pub fn manifest(input: &[u8]) {
    for name in ["file.yaml", "file.json"] {
        for finding in pollinator::cli::validate_text(name, input.to_vec()) {
            let place = finding.strip_prefix(name).and_then(|rest| rest.strip_prefix(':'));
            assert!(
                place.is_some_and(|rest| rest.starts_with(|c: char| c == ' ' || c.is_ascii_digit())),
                "{finding}"
            );
        }
    }
}

/// The instance JSON of Cloud Elements: what is made of it can be read again.
pub fn import(input: &[u8]) {
    match pollinator::cli::import_text(input.to_vec()) {
        Ok(printed) => {
            for finding in pollinator::cli::validate_text("printed.yaml", printed.clone().into_bytes()) {
                assert!(!finding.contains("is not valid YAML"), "{finding}\n{printed}");
            }
        }
        Err(why) => assert!(!why.is_empty()),
    }
}

/// A date pattern on the first line, a date on the rest: what is printed can be read, if it has a year.
pub fn dates(input: &[u8]) {
    let (written, value) = two_parts(input);
    let Ok(pattern) = DatePattern::parse(&written) else {
        return;
    };
    for zone in [TimeZone::UTC, TimeZone::get("America/Los_Angeles").unwrap()] {
        if let Err(error) = pattern.read(&value, &zone) {
            assert!(!error.to_string().is_empty());
        }
        for at in instants() {
            let printed = pattern.format(at, &zone);
            let _ = pattern.read(&printed, &zone);
        }
    }
    assert!(!pattern.granule().is_negative() && !pattern.granule().is_zero());
}

/// The `url` of a resource with its macros.
pub fn url(input: &[u8]) {
    match UrlTemplate::parse(&text(input)) {
        Ok(template) => {
            for at in instants() {
                let _ = template.render(at, Timestamp::MAX);
            }
            assert!(!template.granule().is_negative());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Settings of `concur`, polled at hosts that exist nowhere.
fn settings(resource: &str, entry: &Value) -> Option<Settings> {
    let spec = json!({
        "element": {"key": "concur"},
        "configuration": {
            "oauth.api.key": "client",
            "oauth.api.secret": world::CLIENT_SECRET,
            "oauth.user.refresh_token": world::REFRESH_TOKEN,
            "oauth.token.url": format!("https://{}/oauth2/v0/token", world::TOKEN_HOST),
            "base.url": format!("https://{}", world::API_HOST),
            "event.notification.callback.url": format!("https://{}/callback", world::CALLBACK_HOST),
            "event.notification.signature.key": world::SIGNATURE_KEY,
            "event.poller.configuration": {resource: entry},
        },
        "polling": {"initialSync": {"policy": "Backfill"}},
    });
    let spec = serde_json::from_value(spec).ok()?;
    read("concur", &spec, &Secrets::default(), catalogue())
        .settings
        .ok()
}

/// A `where` clause as a user writes it in a URL.
pub fn where_clause(input: &[u8]) {
    let url = format!("/hubs/expense/reports?where={}", text(input));
    let entry = json!({"url": url, "idField": "ID"});
    if let Some(settings) = settings("reports", &entry) {
        plan(&settings);
    }
}

/// Every listing of the built-in elements, with the entry that is polled by default or one made up.
static LISTINGS: LazyLock<Vec<(Listing, Settings)>> = LazyLock::new(|| {
    let mut listings = Vec::new();
    for element in ["concur", "hub"] {
        let definition = builtin(element).unwrap();
        for resource in &definition.resources {
            let entry = catalogue()
                .get("concur")
                .and_then(|entry| entry.poller.get(&resource.name));
            let made_up = json!({"url": "/hubs/crm/contacts", "idField": "id"});
            let settings = settings(&resource.name, entry.unwrap_or(&made_up)).unwrap();
            if let Ok(listing) = definition.listing(&settings.resources[0]) {
                listings.push((listing, settings));
            }
        }
    }
    assert!(listings.len() > 8, "{}", listings.len());
    listings
});

/// What a source answers to the request for a page: records as the source wrote them, and a next page on its own host.
pub fn listing(input: &[u8]) {
    let answer = answer(&text(input));
    let base: Url = format!("https://{}/prefix", world::API_HOST).parse().unwrap();
    for (listing, _) in LISTINGS.iter() {
        let url = listing
            .first_url(&base, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)
            .unwrap();
        match listing.read(&answer, &url, &base) {
            Ok(page) => {
                if let Some(next) = page.next {
                    assert_eq!(next.origin(), base.origin());
                    assert!(next.path().starts_with("/prefix/"), "{next}");
                    assert_ne!(next, url);
                }
            }
            Err(error) => assert!(error.to_string().contains(world::API_HOST), "{error}"),
        }
    }
}

/// A whole poll: the name of a resource on the first line, then the answers of its pages, each after a line of `===`.
pub fn poll(input: &[u8]) {
    let (resource, pages) = two_parts(input);
    let Some(entry) = catalogue()
        .get("concur")
        .and_then(|entry| entry.poller.get(resource.trim()))
    else {
        return;
    };
    let Some(settings) = settings(resource.trim(), entry) else {
        return;
    };
    let pages = pages.split("===\n").map(answer).collect();
    world::poll(settings, Vec::new(), pages);
}

/// What a token endpoint answers, one answer after the other, before it grants a token.
pub fn tokens(input: &[u8]) {
    static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
        let entry = &catalogue().get("concur").unwrap().poller["reports"];
        settings("reports", entry).unwrap()
    });
    let answers = text(input).split("===\n").map(answer).collect();
    world::poll(SETTINGS.clone(), answers, Vec::new());
}

/// `Date` on the first line, `Retry-After` on the second.
pub fn http_dates(input: &[u8]) {
    let (date, wait) = two_parts(input);
    let mut headers = HeaderMap::new();
    for (name, value) in [("date", date), ("retry-after", wait)] {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            headers.insert(name, value);
        }
    }
    let _ = pollinator::http::date(&headers);
    for now in instants() {
        let _ = pollinator::http::retry_after(&headers, Some(now));
        for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
            if let Verdict::Retry {
                after: Some(wait), ..
            } = judge_answer(status, &headers, String::new(), now)
            {
                assert!(wait.as_secs() <= 24 * 3600, "{wait:?}");
            }
        }
    }
}

/// The definition of an element: usable, or problems with their line.
pub fn element(input: &[u8]) {
    let text = text(input);
    match parse_definition(&text) {
        Ok(definition) => {
            let entry = json!({"url": "/hubs/x/y", "idField": "id"});
            let Some(settings) = settings("y", &entry) else {
                return;
            };
            let mut resource = settings.resources[0].clone();
            let hub = definition.hub.as_deref().unwrap_or("x");
            for found in &definition.resources {
                let url = UrlTemplate::parse(&format!("/hubs/{hub}/{}", found.name));
                let Ok(url) = url else { continue };
                resource.url = url;
                let _ = definition.listing(&resource);
            }
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            let lines = text.lines().count() + 1;
            for problem in problems {
                assert!((1..=lines).contains(&problem.line), "{problem} of {lines} lines");
                assert!(
                    !problem.message.is_empty() && !problem.remedy.is_empty(),
                    "{problem}"
                );
            }
        }
    }
}

/// The head of a stored checkpoint on the first line, the set of seen records after it. The checksum is mended, since
/// nobody guesses one; what is read is written and read as the same.
pub fn checkpoint(input: &[u8]) {
    let end = input
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(input.len());
    let (head, seen) = input.split_at(end);
    let seen = seen.strip_prefix(b"\n").unwrap_or(seen).to_vec();
    let mut head = text(head);
    if let Ok(Value::Object(mut fields)) = serde_json::from_str(&head) {
        let mut hasher = Sha256::new();
        hasher.update((seen.len() as u64).to_be_bytes());
        hasher.update(&seen);
        fields.insert("seenChecksum".into(), hex::encode(&hasher.finalize()[..8]).into());
        head = Value::Object(fields).to_string();
    }
    if let Ok(read) = Checkpoint::decode(&Encoded { head, seen }) {
        let again = Checkpoint::decode(&read.encode().unwrap()).unwrap();
        assert_eq!(read, again);
        for seconds in [1, u64::MAX] {
            let _ = read.cursor(std::time::Duration::from_secs(seconds));
        }
    }
}

/// Small texts of a configuration: durations, paths of fields, signatures.
pub fn values(input: &[u8]) {
    let (first, rest) = two_parts(input);
    if let Ok(duration) = parse_duration(&first) {
        assert!(i64::try_from(duration.as_nanos()).is_ok());
    }
    match FieldPath::parse(&first) {
        Ok(path) => {
            if let Ok(record) = serde_json::from_str::<Value>(&rest) {
                let _ = path.get(&record);
            }
            assert!(!path.to_string().is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let _ = verify_elements(rest.as_bytes(), &first, input);
}
