use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::*;
use crate::config::{Secrets, UrlTemplate};
use crate::element::{Listing, Page, Resource};

#[test]
fn every_definition_is_valid_and_read_back() {
    assert!(FILES.iter().any(|(key, _)| *key == "concur") && FILES.iter().any(|(key, _)| *key == HUB));
    for (key, _) in FILES {
        let definition = builtin(key).unwrap();
        let document = definition.document();
        let again = crate::element::check_definition(&document).unwrap();
        assert_eq!(again.document(), document, "{key}");
    }
}

#[test]
fn unknown_elements_are_answered_with_the_known() {
    let error = builtin("concurr").unwrap_err();
    let start = r#"spec.element.key: there is no element "concurr"; built in: concur"#;
    assert!(error.to_string().starts_with(start), "{error}");
    assert!(!error.to_string().contains(HUB), "{error}");
    assert_eq!(error.path(), Some("spec.element.key"));
}

#[test]
fn a_faulty_file_is_named_with_its_line() {
    let (_, good) = FILES.iter().find(|(key, _)| *key == "concur").unwrap();
    let line = 1 + good
        .lines()
        .position(|line| line.contains("totalPages:"))
        .unwrap();
    let error = read("concur", &good.replacen("totalPages:", "totalPags:", 1)).unwrap_err();
    let text = error.to_string();
    let start = format!("element concur: definitions/concur.yaml:{line}:");
    assert!(
        text.starts_with(&start) && text.contains("did you mean totalPages?"),
        "{text}"
    );
    let error = read("other", good).unwrap_err();
    assert!(error.to_string().contains("calls itself \"concur\""), "{error}");
}

/// Every resource that has a default entry, with its element.
fn polled() -> impl Iterator<Item = (&'static Definition, &'static Resource)> {
    let definitions = elements().map(|(_, definition)| definition.as_ref().unwrap());
    definitions.flat_map(|definition| {
        let resources = definition.resources.iter();
        let polled = resources.filter(|resource| resource.poller.is_some());
        polled.map(move |resource| (definition, resource))
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/element/builtin")
}

/// The listing of a resource by its default entry.
fn by_default(definition: &Definition, resource: &Resource) -> Listing {
    let template = UrlTemplate::parse(&resource.poller.as_ref().unwrap().url).unwrap();
    definition.listing_of(&resource.name, &template, None).unwrap()
}

/// The first request of every built-in resource, with its default entry, and the request for its second page where
/// the sample leads to one.
#[test]
fn requests_are_up_to_date() {
    let since: Timestamp = "2026-02-03T04:05:06.789Z".parse().unwrap();
    let mut fresh = String::new();
    for (definition, resource) in polled() {
        let base = definition.base_url(None).unwrap();
        let listing = by_default(definition, resource);
        let first = listing.first_url(base, since, since).unwrap();
        let (element, name) = (&definition.key, &resource.name);
        fresh += &format!("{element} {name}: {}\n", &first[url::Position::BeforePath..]);
        if let Some(next) = sample(definition, resource, &listing, &first).next {
            assert_eq!(next.host(), base.host(), "{element} {name}");
            fresh += &format!("{element} {name}, next: {}\n", &next[url::Position::BeforePath..]);
        }
    }
    let file = root().join("requests.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &fresh).unwrap();
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(stored, fresh, "{} is stale; run: make crds", file.display());
}

/// The sample of a resource's answer, as it is read.
fn sample(definition: &Definition, resource: &Resource, listing: &Listing, requested: &Url) -> Page {
    let file = root().join(format!("samples/{}/{}.json", definition.key, resource.name));
    let body = std::fs::read(&file).unwrap_or_else(|_| panic!("put an answer into {}", file.display()));
    let answer = http::Response::new(bytes::Bytes::from(body));
    let base = definition.base_url(None).unwrap();
    listing
        .read(&answer, requested, base)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Records of every sample have the id and the dates that the default entry promises.
#[test]
fn samples_are_read_by_the_default_entries() {
    let mut deleted = Vec::new();
    for (definition, resource) in polled() {
        let (element, name) = (&definition.key, &resource.name);
        let settings = settings(definition, name, &serde_json::to_value(&resource.poller).unwrap());
        let entry = &settings.resources[0];
        let listing = by_default(definition, resource);
        let requested = definition.base_url(None).unwrap();
        let page = sample(definition, resource, &listing, requested);
        assert!(!page.items.is_empty(), "{element} {name}");
        for item in &page.items {
            let record: Value = serde_json::from_str(item.get()).unwrap();
            assert!(
                entry
                    .id_field
                    .get(&record)
                    .is_some_and(|id| id.is_string() || id.is_number()),
                "{element} {name}: {record}"
            );
            for date in [&entry.updated, &entry.created].into_iter().flatten() {
                assert!(
                    date.read(&record).unwrap().is_some(),
                    "{element} {name}: {record}"
                );
            }
            if listing.traits().deleted.is_some_and(|mark| mark.marks(&record)) {
                deleted.push(format!("{element} {name}"));
            }
        }
    }
    assert!(deleted.contains(&"concur invoices".to_owned()), "{deleted:?}");
}

#[test]
fn every_name_leads_to_its_resource() {
    for (definition, resource) in polled() {
        for name in resource.names() {
            for url in [
                format!("/{name}"),
                format!("hubs/{}/{name}/?x=1", definition.hub.as_ref().unwrap()),
            ] {
                let template = UrlTemplate::parse(&url).unwrap();
                assert_eq!(definition.find(&template).unwrap().name, resource.name, "{url}");
            }
        }
    }
}

/// The default entries are what a configuration would hold: its reader takes each without a warning.
#[test]
fn default_entries_are_configurations() {
    let entry = catalogue().get("concur").unwrap();
    assert_eq!(entry.id, Some(3129));
    let concur = builtin("concur").unwrap();
    for (name, poller) in &entry.poller {
        let settings = settings(concur, name, poller);
        let listing = definition_of(&settings).unwrap().listing(&settings.resources[0]);
        assert_eq!(listing.unwrap().hub(), "expense", "{name}");
    }
    for name in ["reports", "payments-digests", "expenses", "travel-requests"] {
        assert!(entry.poller.contains_key(name), "{name}");
    }
    assert!(catalogue().get(HUB).is_none());
}

/// The settings of an instance with one entry, which the reader must take without a warning.
fn settings(definition: &Definition, name: &str, poller: &Value) -> Settings {
    let mut configuration = serde_json::json!({
        "event.notification.callback.url": "https://hooks.example.com/x",
        "event.poller.configuration": {name: poller},
    });
    let credentials: &[&str] = match &definition.authentication {
        Authentication::OAuth2(_) => &["oauth.api.key", "oauth.api.secret", "oauth.user.refresh_token"],
        Authentication::Header(header) => &[&header.configuration_key],
    };
    for key in credentials {
        configuration[key] = "x".into();
    }
    let spec = serde_json::json!({"element": {"key": definition.key}, "configuration": configuration});
    let spec = serde_json::from_value(spec).unwrap();
    let reading = crate::config::read("x", &spec, &Secrets::default(), catalogue());
    let mut warnings = reading.warnings.iter();
    let warned = warnings.find(|warning| warning.path.contains("event.poller.configuration"));
    assert!(warned.is_none(), "{name}: {warned:?}");
    reading.settings.unwrap()
}
