use serde_json::Value;

use super::*;

fn origin() -> Origin {
    Origin {
        element_key: "netsuiteerpv2".to_owned(),
        hub_key: "erp".to_owned(),
        instance_id: 7_950_647,
        account_id: 874,
        company_id: 291,
        user_id: 2749,
        instance_name: "Local \"netsuite\"".to_owned(),
        tags: vec!["Local \"netsuite\"".to_owned(), "Docs".to_owned()],
        resource: "invoices".to_owned(),
        polled_at: "2018-08-20T15:29:34.827Z".parse().unwrap(),
        filter_nulls: true,
    }
}

fn event(id: &str, event_type: EventType, object_id: &str, record: &str) -> Event {
    Event {
        id: id.to_owned(),
        event_type,
        object_id: object_id.to_owned(),
        date: "2018-08-20T15:29:06.999Z".parse().unwrap(),
        record: RawValue::from_string(record.to_owned()).unwrap().into(),
    }
}

fn events() -> Vec<Event> {
    let invoice = r#"{"internalId":"14682","total":1.50,"balance":12345678901234567890.10,"memo":null,"note":"ü \u00fc"}"#;
    vec![
        event("00c0ffee00c0ffee", EventType::Created, "14682", invoice),
        event("0123456789abcdef", EventType::Updated, "14682", invoice),
        event(
            "fedcba9876543210",
            EventType::Updated,
            "14683",
            r#"{"internalId":"14683","lines":[{"item":null}]}"#,
        ),
    ]
}

/// Shaped as captured in 2018: the keys, their order and types, the dates' notations.
#[test]
fn golden() {
    let body = notification(&origin(), &events()).body;
    let golden = include_str!("testdata/notification.json").trim_end();
    assert_eq!(str::from_utf8(&body).unwrap(), golden);
}

#[test]
fn ids() {
    let first = notification(&origin(), &events());
    assert_eq!(
        first.event_ids,
        ["00c0ffee00c0ffee", "0123456789abcdef", "fedcba9876543210"]
    );
    assert_eq!(first.id.len(), 20);
    let body: Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(body["message"]["eventId"], first.id);
    let number: i64 = body["id"].as_str().unwrap().parse().unwrap();
    assert!(number > 0);

    let later = Origin {
        polled_at: "2018-08-21T00:00:00Z".parse().unwrap(),
        ..origin()
    };
    let repeated = notification(&later, &events());
    let repeated_body: Value = serde_json::from_slice(&repeated.body).unwrap();
    assert_eq!((&repeated.id, &repeated_body["id"]), (&first.id, &body["id"]));
    assert_ne!(repeated.body, first.body);
    assert_ne!(notification(&origin(), &events()[1..]).id, first.id);
}

#[test]
fn nulls_are_kept_on_request() {
    let body = notification(
        &Origin {
            filter_nulls: false,
            ..origin()
        },
        &events(),
    )
    .body;
    let body = str::from_utf8(&body).unwrap();
    assert!(
        body.contains(r#""memo":null,"note""#) && body.contains(r#"[{"item":null}]"#),
        "{body}"
    );
}

#[test]
fn records_of_one_object_in_two_versions_are_both_sent() {
    let events = [
        event("1", EventType::Created, "a", r#"{"v":1}"#),
        event("2", EventType::Updated, "a", r#"{"v":2}"#),
        event("3", EventType::Updated, "b", r#"{"v":2}"#),
        event("4", EventType::Updated, "a", r#"{"v":2}"#),
    ];
    let texts: Vec<_> = records(&events).into_iter().map(RawValue::get).collect();
    assert_eq!(texts, [r#"{"v":1}"#, r#"{"v":2}"#, r#"{"v":2}"#]);
}

#[test]
fn dates() {
    for (at, java, iso) in [
        (
            "2018-08-20T15:30:07Z",
            "Mon Aug 20 15:30:07 UTC 2018",
            "2018-08-20T15:30:07Z",
        ),
        (
            "2024-02-29T00:00:00.999999Z",
            "Thu Feb 29 00:00:00 UTC 2024",
            "2024-02-29T00:00:00Z",
        ),
        (
            "2026-01-05T23:59:59Z",
            "Mon Jan 05 23:59:59 UTC 2026",
            "2026-01-05T23:59:59Z",
        ),
        (
            "0987-01-05T23:59:59Z",
            "Fri Jan 05 23:59:59 UTC 0987",
            "0987-01-05T23:59:59Z",
        ),
    ] {
        let at = at.parse().unwrap();
        assert_eq!((java_date(at).as_str(), iso_seconds(at).as_str()), (java, iso));
    }
}

#[test]
fn numbers_are_stable_positive_and_exact() {
    // Receivers store it: never change how it is made.
    assert_eq!(
        instance_number("6f6d6b1e-8f2a-4f63-9a7c-0d6b3f1f5a11"),
        2_099_773_671_854_047
    );
    for key in 0..1000 {
        let number = stable_number("account", &key.to_string());
        assert!(number > 0 && number < 1 << 53);
        assert_eq!(number as f64 as u64, number);
    }
    assert_ne!(stable_number("account", "a"), stable_number("company", "a"));
    assert_eq!(positive(&[0; 32], 53), 1);
}
