use serde_json::Value;

use super::*;

fn origin() -> Origin {
    Origin {
        element_key: "netsuiteerpv2".to_owned(),
        hub_key: "erp".to_owned(),
        ids: NotificationIds {
            instance: 7_950_647,
            account: 874,
            company: 291,
            user: 2749,
        },
        instance_name: "Local \"netsuite\"".to_owned(),
        tags: vec!["Local \"netsuite\"".to_owned(), "Docs".to_owned()],
        resource: "invoices".to_owned(),
        polled_at: "2018-08-20T15:29:34.827Z".parse().unwrap(),
        filter_nulls: true,
        format: DeliveryFormat::Elements,
        source: crate::deliver::instance_source("finance", "concur-for-docs"),
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

/// Compares with the golden file of that name, and that with the schema; `UPDATE=1` writes the files anew.
fn golden(name: &str, origin: &Origin, events: &[Event]) {
    let body = notification(origin, events).body;
    let body = str::from_utf8(&body).unwrap();
    let file = format!("{}/src/deliver/testdata/{name}.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, format!("{body}\n")).unwrap();
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(body, stored.trim_end_matches('\n'), "{name}");
    assert_eq!(
        errors(&serde_json::from_str(body).unwrap()),
        [] as [String; 0],
        "{name}"
    );
}

/// What `docs/notification.schema.json` says against a notification.
fn errors(notification: &Value) -> Vec<String> {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let errors = validator.iter_errors(notification);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

const SCHEMA: &str = include_str!("../../docs/notification.schema.json");

/// Shaped as captured from Cloud Elements: the keys, their order and types, the dates' notations.
#[test]
fn golden_files() {
    let created = |number: u32| {
        let id = (14_681 + number).to_string();
        let record = format!(r#"{{"internalId":"{id}","total":{number}.50}}"#);
        event(&format!("{number:032x}"), EventType::Created, &id, &record)
    };
    golden("one-event", &origin(), &[created(1)]);
    golden(
        "ten-events",
        &origin(),
        &(1..=10).map(created).collect::<Vec<_>>(),
    );

    let invoice = r#"{"internalId":"14682","status":"open"}"#;
    let of = |id, change| event(id, change, "14682", invoice);
    golden(
        "created-then-updated",
        &origin(),
        &[
            of("00c0ffee", EventType::Created),
            of("01234567", EventType::Updated),
        ],
    );
    let gone = r#"{"internalId":"14682","isDeleted":true}"#;
    let gone = event("fedcba98", EventType::Deleted, "14682", gone);
    golden("deleted", &origin(), &[gone]);

    golden("nulls-left-out", &origin(), &events());
    let kept = Origin {
        filter_nulls: false,
        ..origin()
    };
    golden("nulls-kept", &kept, &events());

    // Everything as the vendor wrote it: order, blanks, numbers no double holds, escapes, a name that stands twice.
    let record = r#"{"z":1, "a":12345678901234567890.10,"b":1.0,"c":1e5,"d":-0.0,"e":1E300,"f":"ü \u00fc \ud83d\udc1d 🐝 \/ \\ \" \u0000","null":"null","":"","z":2}"#;
    let odd = event("1", EventType::Updated, "日本/\"\\\n\u{1f41d}", record);
    golden("unicode-and-escapes", &origin(), &[odd]);

    for (name, tags) in [
        ("no-tags", vec![]),
        ("many-tags", vec!["Docs", "", "ä,b", "Docs", "\"quoted\""]),
    ] {
        let tagged = Origin {
            tags: tags.into_iter().map(str::to_owned).collect(),
            ..origin()
        };
        golden(name, &tagged, &[created(1)]);
    }
    let slashes = Origin {
        resource: "expense/reports/{id}/entries".to_owned(),
        ..origin()
    };
    golden("resource-with-slashes", &slashes, &[created(1)]);
}

/// Takes out or replaces one thing at a time.
#[test]
fn the_schema_refuses_what_is_no_notification() {
    let body = notification(&origin(), &events()).body;
    let valid: Value = serde_json::from_slice(&body).unwrap();
    let mut places = vec![String::new()];
    for (pointer, keys) in [
        ("", &valid),
        ("/message", &valid["message"]),
        ("/message/raw", &valid["message"]["raw"]),
    ]
    .map(|(pointer, object)| (pointer, object.as_object().unwrap().keys()))
    {
        places.extend(keys.map(|key| format!("{pointer}/{key}")));
    }
    let event = valid["message"]["events"][0].as_object().unwrap();
    places.extend(event.keys().map(|key| format!("/message/events/0/{key}")));
    assert_eq!(places.len(), 1 + 7 + 11 + 3 + 7);
    for place in &places {
        for wrong in [
            Value::Null,
            serde_json::json!(-1),
            serde_json::json!({}),
            serde_json::json!(true),
        ] {
            let mut broken = valid.clone();
            *broken.pointer_mut(place).unwrap() = wrong.clone();
            assert_ne!(errors(&broken), [] as [String; 0], "{place} {wrong}");
        }
        let Some((parent, key)) = place.rsplit_once('/') else {
            continue;
        };
        let mut broken = valid.clone();
        broken
            .pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(key);
        assert_ne!(errors(&broken), [] as [String; 0], "{place} removed");
    }
    for (place, wrong) in [
        ("/createdDate", "2018-08-20T15:29:34Z"),
        ("/message/events/0/date", "2018-08-20T15:29:06.999Z"),
        ("/message/events/0/date", "2018-13-20T15:29:06Z"),
        ("/message/events/0/eventType", "Created"),
        ("/user", "notifications@pollinator.dev"),
        ("/id", "0"),
    ] {
        let mut broken = valid.clone();
        *broken.pointer_mut(place).unwrap() = wrong.into();
        assert_ne!(errors(&broken), [] as [String; 0], "{place} {wrong}");
    }
}

/// Every property and kind of item says what it means.
#[test]
fn the_schema_is_documented() {
    fn walk(place: &str, schema: &Value) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(
                property["description"]
                    .as_str()
                    .is_some_and(|text| text.ends_with('.')),
                "{place}/{name}"
            );
            walk(&format!("{place}/{name}"), property);
        }
        for inner in ["items", "additionalProperties"] {
            if schema[inner].is_object() {
                assert!(schema[inner]["description"].is_string(), "{place}/{inner}");
                walk(&format!("{place}/{inner}"), &schema[inner]);
            }
        }
        for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
            walk(&format!("{place}#{name}"), definition);
        }
    }
    walk("", &serde_json::from_str(SCHEMA).unwrap());
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
            "Fri Jan 05 23:59:59 UTC 987",
            "0987-01-05T23:59:59Z",
        ),
    ] {
        let at = at.parse().unwrap();
        assert_eq!((java_date(at).as_str(), iso_seconds(at).as_str()), (java, iso));
    }
}
