use jiff::Timestamp;
use url::Url;

use super::*;
use crate::config::{InitialSync, Secrets, UrlTemplate, read as read_settings};

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
    assert_eq!(
        error.to_string(),
        r#"spec.element.key: there is no element "concurr"; built in: concur"#
    );
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

/// The first request of every built-in resource, with its default entry.
#[test]
fn default_requests() {
    let since: Timestamp = "2026-02-03T04:05:06.789Z".parse().unwrap();
    let base = Url::parse("https://us2.api.concursolutions.com").unwrap();
    let concur = builtin("concur").unwrap();
    let mut found = Vec::new();
    for resource in &concur.resources {
        let entry = resource.poller.as_ref().unwrap();
        let template = UrlTemplate::parse(&entry.url).unwrap();
        for name in resource.names() {
            let renamed = entry
                .url
                .replace(&format!("/{}", resource.name), &format!("/{name}"));
            let template = UrlTemplate::parse(&renamed).unwrap();
            assert_eq!(concur.find(&template).unwrap().name, resource.name, "{renamed}");
        }
        let listing = concur.listing_of(&resource.name, &template, None).unwrap();
        let url = listing.first_url(&base, since, since).unwrap();
        found.push(format!(
            "{}: {}",
            resource.name,
            &url[url::Position::BeforePath..]
        ));
    }
    let expected = [
        "reports: /api/v3.0/expense/reports?modifiedDateAfter=2026-02-03T04:05:06.789&user=ALL&limit=100",
        "entries: /api/v3.0/expense/entries?user=ALL&limit=100",
        "itemizations: /api/v3.0/expense/itemizations?user=ALL&limit=100",
        "allocations: /api/v3.0/expense/allocations?user=ALL&limit=100",
        "invoices: /api/v3.0/invoice/paymentrequestdigests?lastModifiedDateAfter=2026-02-03&limit=1000",
        "vendors: /api/v3.1/invoice/vendors?limit=100",
        "requests: /travelrequest/v4/requests?modifiedAfter=2026-02-03T04:05:06Z&limit=100",
        "users: /profile/identity/v4.1/Users?count=100",
        "lists: /list/v4/lists",
        "fiscal-years: /budget/v4/fiscalYear?lastModifiedAfter=2026-02-03T04:05:06",
    ];
    assert_eq!(found, expected);
}

/// The default entries are what a configuration would hold: its reader takes each without a warning.
#[test]
fn default_entries_are_configurations() {
    let entry = catalogue().get("concur").unwrap();
    assert_eq!(entry.id, Some(3129));
    for (name, poller) in &entry.poller {
        let spec = serde_json::from_value(serde_json::json!({
            "element": {"key": "concur"},
            "configuration": {
                "oauth.api.key": "k",
                "oauth.api.secret": "s",
                "oauth.user.refresh_token": "t",
                "event.notification.callback.url": "https://hooks.example.com/x",
                "event.poller.configuration": {name: poller},
            },
        }))
        .unwrap();
        let reading = read_settings("x", &spec, &Secrets::default(), catalogue());
        let settings = reading.settings.unwrap();
        let warned: Vec<_> = reading
            .warnings
            .iter()
            .filter(|warning| warning.path.contains("event.poller.configuration"))
            .collect();
        assert!(warned.is_empty(), "{name}: {warned:?}");
        assert_eq!(settings.initial_sync, InitialSync::FromNow);
        definition_of(&settings)
            .unwrap()
            .listing(&settings.resources[0])
            .unwrap();
    }
    for name in ["reports", "payments-digests", "expenses", "travel-requests"] {
        assert!(entry.poller.contains_key(name), "{name}");
    }
    assert!(catalogue().get(HUB).is_none());
}
