//! `event.poller.configuration`.

use super::*;
use crate::config::IdField;

#[test]
fn json_text_is_the_same_as_an_object() {
    let text = json!({"z": reports(), "a": reports()}).to_string();
    let names: Vec<_> = settings(with_key("event.poller.configuration", json!(text)))
        .resources
        .into_iter()
        .map(|r| r.name)
        .collect();
    assert_eq!(names, ["z", "a"]);
}

/// `message.raw` would have the name twice, and receivers would lose the records.
#[test]
fn names_that_notifications_use_themselves() {
    for name in ["pollDate", "objectType"] {
        let reading = with_key("event.poller.configuration", json!({name: reports()}));
        problem(reading, &format!("{POLLER}.{name}"), "stands beside the records");
    }
    let reading = with_key("event.poller.configuration", json!({"PollDate": reports()}));
    assert_eq!(settings(reading).resources.len(), 1);
}

#[test]
fn wrong_entries() {
    let at = |name: &str| format!("{POLLER}.reports.{name}");
    let dates = |name: &str| format!("{POLLER}.reports.datesConfiguration.{name}");
    problem(
        with_entry(|entry| entry["url"] = json!("x?a=${epoch:1}")),
        &at("url"),
        "${epoch:s}",
    );
    problem(
        with_entry(|entry| entry["url"] = json!(null)),
        &at("url"),
        "is missing",
    );
    let blank = with_entry(|entry| entry["idField"] = json!(" "));
    warning(&blank, &at("idField"), "a changed record is a new object");
    assert!(matches!(settings(blank).resources[0].id_field, IdField::Blank));
    problem(
        with_entry(|entry| entry["idField"] = json!("a..b")),
        &at("idField"),
        "empty name",
    );
    problem(
        with_entry(|entry| entry["pageSize"] = json!(0)),
        &at("pageSize"),
        "1 or more",
    );
    problem(
        with_entry(|entry| entry["pollDelay"] = json!("-3")),
        &at("pollDelay"),
        "0 or more",
    );
    problem(
        with_entry(|entry| entry["createdCheckTolerance"] = json!({})),
        &at("createdCheckTolerance"),
        "an object",
    );
    problem(
        with_entry(|entry| entry["filterByUpdatedDate"] = json!("no")),
        &at("filterByUpdatedDate"),
        "true or false",
    );
    problem(
        with_entry(|entry| entry["datesConfiguration"] = json!("x")),
        &at("datesConfiguration"),
        "is text",
    );
    let date = |name: &str, value: Value| with_entry(|entry| entry["datesConfiguration"][name] = value);
    problem(
        date("updatedDateFormat", json!("")),
        &dates("updatedDateFormat"),
        "is missing",
    );
    problem(
        date("createdDateFormat", json!("key")),
        &dates("createdDateFormat"),
        "letter 'e'",
    );
    problem(
        date("createdDateFormat", json!("HH:mm")),
        &dates("createdDateFormat"),
        "no year",
    );
    problem(
        date("updatedDateTimezone", json!("{TimeZone}")),
        &dates("updatedDateTimezone"),
        "placeholder",
    );
    let twice = r#"{"a": {"url": "/a", "idField": "id"}, "a": {"url": "/b", "idField": "id"}}"#;
    let reading = with_key("event.poller.configuration", json!(twice));
    problem(reading, &format!("{POLLER}.a"), "twice");
    let odd = with_key(
        "event.poller.configuration",
        json!({"calendars/{id}": {"url": "/x"}}),
    );
    problem(
        odd,
        &format!("{POLLER}[\"calendars/{{id}}\"].idField"),
        "is missing",
    );
}

#[test]
fn entries_take_what_real_ones_have() {
    let reading = with_entry(|entry| {
        *entry = json!({
            "url": " /x?{id}", "idField": "user.id", "pageSize": "200", "pollDelay": "30", "createdCheckTolerance": 2,
            "filterByUpdatedDate": "false", "filterByCurrentDate": true, "updatedDateTimezone": "PST",
            "datesConfiguration": {
                "updatedDateField": "", "updatedDateFormat": "nonsense", "createdDateField": "at",
                "createdDateFormat": "yyyy-MM-dd"
            }
        });
    });
    let shown: Vec<_> = reading.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(
        shown[0].contains("placeholder {id}") && shown[1].contains("has no effect without updatedDateField"),
        "{shown:?}"
    );
    let [entry] = &settings(reading).resources[..] else {
        panic!()
    };
    assert_eq!(
        (entry.page_size, entry.poll_delay),
        (Some(200), Duration::from_secs(30))
    );
    assert_eq!(entry.created_check_tolerance, Duration::from_secs(2));
    assert!(!entry.filter_by_updated_date && entry.filter_by_current_date && entry.updated.is_none());
    // The created date takes the zone of the updated one where it has none.
    let read = entry
        .created
        .as_ref()
        .unwrap()
        .read(&json!({"at": "2018-07-01"}))
        .unwrap()
        .unwrap();
    assert_eq!(read.to_string(), "2018-07-01T07:00:00Z");
}

#[test]
fn created_format_defaults_to_the_updated_one() {
    let reading = with_entry(|entry| {
        entry["datesConfiguration"]["createdDateFormat"] = json!("");
        entry["datesConfiguration"]["createdCheckTolerance"] = json!("5");
    });
    let [entry] = &settings(reading).resources[..] else {
        panic!()
    };
    assert_eq!(
        entry.created.as_ref().unwrap().pattern().to_string(),
        "yyyy-MM-dd'T'HH:mm:ss.SSS"
    );
    assert_eq!(entry.created_check_tolerance, Duration::from_secs(5));
}
