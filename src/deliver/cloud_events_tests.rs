use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::api::DeliveryFormat;
use crate::deliver::{NotificationIds, notification};

const SCHEMA: &str = include_str!("../../docs/cloudevent.schema.json");

fn origin() -> Origin {
    Origin {
        element_key: "concur".to_owned(),
        hub_key: "expense".to_owned(),
        ids: NotificationIds::new("uid-1", "finance"),
        instance_name: "ConcurForDocs".to_owned(),
        tags: vec!["Docs".to_owned()],
        resource: "reports".to_owned(),
        polled_at: "2026-11-23T12:00:05.123Z".parse().unwrap(),
        filter_nulls: true,
        format: DeliveryFormat::CloudEvents,
        source: instance_source("finance", "concur-for-docs"),
    }
}

fn event(id: &str, event_type: EventType, object_id: &str, record: &str) -> Event {
    Event {
        id: id.to_owned(),
        event_type,
        object_id: object_id.to_owned(),
        date: "2026-11-23T11:59:58.2Z".parse().unwrap(),
        record: Arc::from(RawValue::from_string(record.to_owned()).unwrap()),
    }
}

/// What `docs/cloudevent.schema.json` says against a body.
fn errors(body: &Value) -> Vec<String> {
    let validator = jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&serde_json::from_str(SCHEMA).unwrap())
        .unwrap();
    validator
        .iter_errors(body)
        .map(|error| error.to_string())
        .collect()
}

/// Compares with the golden file of that name, and that with the schema; `UPDATE=1` writes the files anew.
fn golden(name: &str, media_type: &str, origin: &Origin, events: &[Event]) {
    let notification = notification(origin, events);
    assert_eq!(notification.content_type, media_type, "{name}");
    let body = str::from_utf8(&notification.body).unwrap();
    let file = format!("{}/src/deliver/testdata/{name}.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, format!("{body}\n")).unwrap();
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(body, stored.trim_end_matches('\n'), "{name}");
    let errors = errors(&serde_json::from_str(body).unwrap());
    assert!(errors.is_empty(), "{name}: {errors:?}");
}

#[test]
fn golden_files() {
    let report =
        r#"{"ID":"68F2A1","Total":1.50,"Big":12345678901234567890.10,"Comment":null,"Lines":[null]}"#;
    let updated = event("00c0ffee", EventType::Updated, "68F2A1", report);
    golden(
        "cloud-event",
        EVENT_MEDIA_TYPE,
        &origin(),
        std::slice::from_ref(&updated),
    );
    let kept = Origin {
        filter_nulls: false,
        ..origin()
    };
    golden(
        "cloud-event-nulls-kept",
        EVENT_MEDIA_TYPE,
        &kept,
        std::slice::from_ref(&updated),
    );
    let odd = Origin {
        resource: "expense/reports/{id}/entries".to_owned(),
        ..origin()
    };
    let events = [
        event(
            "0c",
            EventType::Created,
            "日本/\"\\\n\u{1f41d}",
            r#"{"ü": "\u00fc \/"}"#,
        ),
        updated,
        event("0d", EventType::Deleted, "14682", r#"{"isDeleted":true}"#),
    ];
    golden("cloud-events-batch", BATCH_MEDIA_TYPE, &odd, &events);
}

/// The notification's own id and the ids of the events do not depend on the format.
#[test]
fn ids_are_those_of_the_other_format() {
    let events = [
        event("0a", EventType::Created, "1", "{}"),
        event("0b", EventType::Updated, "1", "{}"),
    ];
    let elements = Origin {
        format: DeliveryFormat::Elements,
        ..origin()
    };
    let [ours, theirs] = [origin(), elements].map(|origin| notification(&origin, &events));
    assert_eq!((ours.id, ours.event_ids), (theirs.id, theirs.event_ids));
}

#[test]
fn types() {
    for (element, resource, expected) in [
        ("concur", "reports", "dev.pollinator.concur.reports.created"),
        (
            "concur",
            "expense/reports/{id}/entries",
            "dev.pollinator.concur.expense-reports-id-entries.created",
        ),
        ("sfdc", "/Account.v2 ", "dev.pollinator.sfdc.Account-v2.created"),
        ("a.b", "x--y_z", "dev.pollinator.a-b.x--y_z.created"),
        ("netsuite", "Verträge", "dev.pollinator.netsuite.Verträge.created"),
        ("netsuite", "{}/\n", "dev.pollinator.netsuite._.created"),
    ] {
        assert_eq!(event_type(element, resource, EventType::Created), expected);
    }
}

#[test]
fn sources() {
    for (namespace, name, expected) in [
        (
            "finance",
            "concur-for-docs",
            "/namespaces/finance/pollinginstances/concur-for-docs",
        ),
        ("a.b", "x.y", "/namespaces/a.b/pollinginstances/x.y"),
        ("ä b", "x/y?", "/namespaces/%C3%A4%20b/pollinginstances/x%2Fy%3F"),
    ] {
        assert_eq!(instance_source(namespace, name), expected);
    }
}

/// What the specification forbids in an attribute never gets there, and what it cannot hold is left out.
#[test]
fn attributes_at_the_edge() {
    for (given, expected) in [
        ("a\0b\u{7f}c\u{9f}", "a\u{fffd}b\u{fffd}c\u{fffd}"),
        ("\u{fdd0}\u{fffe}\u{10ffff}", "\u{fffd}\u{fffd}\u{fffd}"),
        ("\u{fffd}\u{1f41d} é", "\u{fffd}\u{1f41d} é"),
    ] {
        assert_eq!(allowed(given), expected);
    }
    for (at, expected) in [
        ("2026-11-23T11:59:58.200Z", Some("2026-11-23T11:59:58.2Z")),
        ("0000-01-01T00:00:00Z", Some("0000-01-01T00:00:00Z")),
        ("-000001-12-31T23:59:59Z", None),
    ] {
        assert_eq!(rfc3339(at.parse().unwrap()).as_deref(), expected);
    }
    let ancient = Event {
        date: "-000001-12-31T23:59:59Z".parse().unwrap(),
        ..event("0a", EventType::Created, "", "{}")
    };
    let body: Value = serde_json::from_slice(&notification(&origin(), &[ancient]).body).unwrap();
    assert!(
        body.get("time").is_none() && body.get("subject").is_none(),
        "{body}"
    );
    assert_eq!(errors(&body), [] as [String; 0]);
}

/// Takes out or replaces one attribute at a time.
#[test]
fn the_schema_refuses_what_is_no_event() {
    let valid = notification(&origin(), &[event("0a", EventType::Created, "1", "{}")]).body;
    let valid: Value = serde_json::from_slice(&valid).unwrap();
    assert_eq!(errors(&valid), [] as [String; 0]);
    for (name, _) in valid.as_object().unwrap() {
        let mut broken = valid.clone();
        broken[name] = Value::Null;
        assert_ne!(errors(&broken), [] as [String; 0], "{name}");
        broken.as_object_mut().unwrap().remove(name);
        let optional = ["subject", "time", "polldate"].contains(&name.as_str());
        assert_eq!(errors(&broken).is_empty(), optional, "{name} removed");
    }
    for (name, wrong) in [
        ("specversion", "0.3"),
        ("type", "dev.pollinator.concur.reports.CREATED"),
        ("source", "finance/concur"),
        ("time", "yesterday"),
        ("tenantid", "finance"),
    ] {
        let mut broken = valid.clone();
        broken[name] = wrong.into();
        assert_ne!(errors(&broken), [] as [String; 0], "{name}");
    }
    assert_ne!(
        errors(&Value::from(vec![valid])),
        [] as [String; 0],
        "a batch of one"
    );
}
