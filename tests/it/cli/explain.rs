//! `pollinator explain`: what would become of one record, and why.

use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{code, pollinator, text};
use crate::support::world::{merge, ordinary_spec};

const LAST_POLL: &str = "2026-11-24T12:00:00Z";
const NOW: &str = "2026-11-24T12:15:00Z";

/// Runs explain on a record, with the ordinary instance and `patch` in it.
fn explain(patch: &Value, record: &str, arguments: &[&str]) -> Output {
    let mut instance = ordinary_spec();
    instance["name"] = json!("Concur");
    merge(&mut instance, patch);
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("instance.json"), instance.to_string()).unwrap();
    std::fs::write(folder.path().join("record.json"), record).unwrap();
    pollinator(&["explain", "-f", "instance.json", "--record", "record.json"])
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap()
}

fn explained(patch: &Value, record: &str) -> (i32, Value) {
    let arguments = ["--last-poll", LAST_POLL, "--now", NOW, "--output", "json"];
    let output = explain(patch, record, &arguments);
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
    (code(&output), document)
}

#[test]
fn a_record_becomes_what_its_dates_say() {
    let resource =
        |dates: Value| json!({"configuration": {"event.poller.configuration": {"reports": dates}}});
    let plain = json!({});
    let without_created =
        resource(json!({"datesConfiguration": {"createdDateField": "", "createdDateFormat": ""}}));
    let held = resource(json!({"filterByCurrentDate": true}));
    let record = |id: &str, updated: &str, created: &str| {
        json!({"ID": id, "LastModifiedDate": updated, "CreateDate": created}).to_string()
    };
    let table = [
        (
            &plain,
            record("a", "2026-11-24T12:05:00", "2026-11-24T12:05:00"),
            0,
            json!("CREATED"),
            "was created after",
        ),
        (
            &plain,
            record("a", "2026-11-24T12:05:00", "2026-11-20T09:00:00"),
            0,
            json!("UPDATED"),
            "was created before",
        ),
        (
            &plain,
            record("a", "2026-11-24T12:05:00", ""),
            0,
            json!("UPDATED"),
            "no created date",
        ),
        (
            &plain,
            record("a", "2026-11-24T12:05:00", "2026-11-24T13:00:00"),
            0,
            json!("UPDATED"),
            "lies after its updated date",
        ),
        (
            &plain,
            record("a", "2026-11-24T11:00:00", "2026-11-20T09:00:00"),
            0,
            Value::Null,
            "not after",
        ),
        // The lookback of a minute is read again.
        (
            &plain,
            record("a", "2026-11-24T11:59:30", "2026-11-20T09:00:00"),
            0,
            json!("UPDATED"),
            "was created before",
        ),
        (
            &plain,
            record("a", "2026-11-24T13:00:00", "2026-11-20T09:00:00"),
            0,
            json!("UPDATED"),
            "was created before",
        ),
        (
            &held,
            record("a", "2026-11-24T13:00:00", "2026-11-20T09:00:00"),
            0,
            Value::Null,
            "after the vendor's clock",
        ),
        (
            &without_created,
            record("a", "2026-11-24T12:05:00", "2026-11-24T12:05:00"),
            0,
            json!("UPDATED"),
            "no created date",
        ),
        // What cannot be judged.
        (
            &plain,
            record("a", "yesterday", "2026-11-20T09:00:00"),
            1,
            Value::Null,
            "LastModifiedDate",
        ),
        (
            &plain,
            record("", "2026-11-24T12:05:00", "2026-11-24T12:05:00"),
            1,
            Value::Null,
            "ID",
        ),
        (
            &plain,
            r#"{"LastModifiedDate": "2026-11-24T12:05:00"}"#.to_owned(),
            1,
            Value::Null,
            "ID",
        ),
        (&plain, "{}".to_owned(), 1, Value::Null, "ID"),
        (&plain, "5".to_owned(), 1, Value::Null, ""),
    ];
    for (patch, record, expected, event, reason) in table {
        let (code, document) = explained(patch, &record);
        let decision = &document["decision"];
        assert_eq!(code, expected, "{record}: {document:#}");
        assert_eq!(decision["event"], event, "{record}: {document:#}");
        assert!(
            decision["reason"].as_str().unwrap().contains(reason),
            "{record}: {decision}"
        );
        assert_eq!(document["notification"].is_null(), event.is_null(), "{record}");
    }
}

/// The whole of it, byte by byte: a number that was parsed would be printed in another form.
#[test]
fn the_json_form_is_exact() {
    let record = r#"{"Total": 1.50, "ID": "a", "Big": 12345678901234567890.10, "LastModifiedDate": "2026-11-24T12:05:00.123",
        "CreateDate": "2026-11-24T12:05:00"}"#;
    let arguments = ["--last-poll", LAST_POLL, "--now", NOW, "--output", "json"];
    let output = explain(&json!({}), record, &arguments);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed, include_str!("testdata/explain.json"), "{printed}");
}

#[test]
fn humans_read_numbered_steps() {
    let record = r#"{"ID": "a", "Total": 1.50, "LastModifiedDate": "2026-11-24T12:05:00", "CreateDate": ""}"#;
    let output = explain(&json!({}), record, &["--last-poll", LAST_POLL, "--now", NOW]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed, include_str!("testdata/explain.txt"), "{printed}");
}

#[test]
fn wrong_input_is_named() {
    let two = json!({"configuration": {"event.poller.configuration": {
        "users": {"url": "/hubs/expense/users?where=modifiedDateAfter='${date:yyyy-MM-dd}'", "idField": "ID"},
    }}});
    let good = r#"{"ID": "a"}"#;
    let table: &[(&Value, &str, &[&str], i32, &str)] = &[
        (
            &json!({}),
            "[{\"ID\": \"a\"}]",
            &[],
            1,
            "record.json holds a list; give one record of it",
        ),
        (
            &json!({}),
            "{\"ID\": ",
            &[],
            1,
            "record.json is not valid JSON: EOF while parsing",
        ),
        (&json!({}), "", &[], 1, "record.json is not valid JSON"),
        (
            &json!({}),
            good,
            &["--resource", "user"],
            1,
            "there is no resource \"user\"; there are: reports",
        ),
        (
            &json!({}),
            good,
            &["--instance", "x"],
            1,
            "there is no instance \"x\"; there are: default/concur",
        ),
        (&two, good, &[], 1, "choose one with --resource: reports, users"),
        (
            &json!({"configuration": {"event.poller.refresh_interval": "soon"}}),
            good,
            &[],
            1,
            "error: instance.json:1:",
        ),
        (&json!({}), good, &["--last-poll", "yesterday"], 2, "--last-poll"),
        (&json!({}), good, &["--now", "2026-11-24"], 2, "--now"),
    ];
    for (patch, record, arguments, expected, words) in table {
        let output = explain(patch, record, arguments);
        assert_eq!(
            code(&output),
            *expected,
            "{record} {arguments:?}: {}",
            text(&output)
        );
        assert!(
            text(&output).contains(words),
            "{record} {arguments:?}: {}",
            text(&output)
        );
        assert!(
            output.stdout.is_empty(),
            "{record} {arguments:?}: {}",
            text(&output)
        );
    }
    let output = pollinator(&["explain", "-f", "x.json"]).output().unwrap();
    assert_eq!(code(&output), 2, "--record is required");
}

#[test]
fn a_last_poll_after_now_is_wrong_usage() {
    let output = explain(&json!({}), "{}", &["--last-poll", NOW, "--now", LAST_POLL]);
    assert_eq!(code(&output), 2, "{}", text(&output));
}
