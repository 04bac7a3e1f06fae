//! Interval and first poll.

use super::*;

#[test]
fn intervals() {
    let interval = |key: Value, own: Value| {
        settings(changed(|spec| {
            spec["configuration"]["event.poller.refresh_interval"] = key;
            spec["polling"]["interval"] = own;
        }))
        .interval
    };
    for (key, own, millis) in [
        (json!(null), json!(null), 900_000),
        (json!(""), json!(null), 900_000),
        (json!("1"), json!(null), 60_000),
        (json!(5), json!(null), 300_000),
        (json!("0.5"), json!(null), 30_000),
        (json!("15"), json!("1h30m"), 5_400_000),
        (json!("15"), json!("1s"), 1_000),
        (json!("999999999"), json!(null), 59_999_999_940_000),
    ] {
        assert_eq!(
            interval(key.clone(), own.clone()),
            Duration::from_millis(millis),
            "{key} {own}"
        );
    }
    key_problem(
        "event.poller.refresh_interval",
        json!(0.5),
        "write it as text: \"0.5\"",
    );
    for own in ["500ms", "x", ""] {
        problem(
            changed(|spec| spec["polling"] = json!({"interval": own})),
            "spec.polling.interval",
            "at least 1s",
        );
    }
}

#[test]
fn initial_sync() {
    let sync = |value: Value| changed(|spec| spec["polling"] = json!({"initialSync": value}));
    for (value, expected) in [
        (json!({}), InitialSync::FromNow),
        (json!({"policy": "Baseline"}), InitialSync::Baseline),
        (
            json!({"policy": "Backfill"}),
            InitialSync::Backfill {
                since: jiff::Timestamp::UNIX_EPOCH,
            },
        ),
        (
            json!({"policy": "Backfill", "since": "2026-01-31T00:00:00Z"}),
            InitialSync::Backfill {
                since: "2026-01-31T00:00:00Z".parse().unwrap(),
            },
        ),
    ] {
        assert_eq!(settings(sync(value)).initial_sync, expected);
    }
    let path = "spec.polling.initialSync.since";
    problem(sync(json!({"since": "2026-01-31T00:00:00Z"})), path, "Backfill");
    problem(
        sync(json!({"policy": "Backfill", "since": "yesterday"})),
        path,
        "RFC 3339",
    );
    problem(
        sync(json!({"policy": "Backfill", "since": "1950-01-01T00:00:00Z"})),
        path,
        "1970",
    );
}
