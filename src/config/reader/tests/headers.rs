//! `event.notification.callback.headers`.

use super::*;

const KEY: &str = "event.notification.callback.headers";

fn reads(value: Value, expected: &[(&str, &str)]) {
    let settings = settings(with_key(KEY, value.clone()));
    let headers = &settings.callback.headers;
    let read: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose_secret()))
        .collect();
    assert_eq!(read, expected, "{value}");
}

#[test]
fn every_form() {
    let two = [("X-A", "1: 2"), ("X-B", "3")];
    reads(json!({"X-A": "1: 2", "X-B": 3}), &two);
    reads(json!("{\"X-A\": \"1: 2\",\n \"X-B\": 3}"), &two);
    reads(json!(" X-A : 1: 2\r\n\nX-B:3 "), &two);
    reads(json!("X-A=1: 2\nX-B=3"), &two);
    reads(json!(["X-A: 1: 2", "X-B: 3"]), &two);
    reads(json!("Cookie: a=b; c=d"), &[("Cookie", "a=b; c=d")]);
    reads(
        json!("X-Date: Mon, 01 Jan 2018 10:00:00"),
        &[("X-Date", "Mon, 01 Jan 2018 10:00:00")],
    );
    reads(json!("X-Links: a,https://b"), &[("X-Links", "a,https://b")]);
    reads(json!({"X-A": null, "X-B": true}), &[("X-B", "true")]);
    for nothing in [json!(""), json!(" \n"), json!(null), json!({}), json!([])] {
        reads(nothing, &[]);
    }
}

#[test]
fn two_readings_are_refused() {
    for (value, part) in [
        (json!("X-A: 1; X-B: 2"), "line 1 may be one header or several"),
        (
            json!("X-Z: 1\nX-A: 1, X-B: 2"),
            "line 2 may be one header or several",
        ),
        (json!("X-A: 1\nx-a: 2"), "x-a stands there twice"),
        (json!("{\"X-A\": 1, \"X-A\": 2}"), "stands there twice"),
        (json!({"X-A": ["1"]}), "\"X-A\" is a list"),
        (json!("a=1\n".repeat(101)), "101 headers, where 100 are the most"),
        (json!([1]), "is a list"),
        (json!(7), "is a number"),
    ] {
        key_problem(KEY, value, part);
    }
}
