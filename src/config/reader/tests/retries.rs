//! Retry schedule and dead-letter sink.

use super::*;

fn with(delivery: Value) -> Reading {
    changed(|spec| spec["delivery"] = delivery)
}

#[test]
fn schedules() {
    let schedule = |entries: Value| settings(with(json!({"retrySchedule": entries}))).retry_schedule;
    let seconds =
        |seconds: &[u64]| -> Vec<Duration> { seconds.iter().copied().map(Duration::from_secs).collect() };
    assert_eq!(schedule(json!(null)), seconds(&[8, 64, 512, 4096, 32_768]));
    assert_eq!(schedule(json!(["1s"])), seconds(&[1]));
    assert_eq!(schedule(json!(["1m", "2s", "1h30m"])), seconds(&[60, 2, 5400]));
    let path = "spec.delivery.retrySchedule";
    problem(with(json!({"retrySchedule": []})), path, "1 to 20 durations");
    problem(
        with(json!({"retrySchedule": vec!["8s"; 21]})),
        path,
        "has 21 entries",
    );
    for (entries, at) in [
        (json!(["8s", "999ms"]), "[1]"),
        (json!(["0s"]), "[0]"),
        (json!(["8s", "", "9s"]), "[1]"),
        (json!(["8"]), "[0]"),
        (json!(["-8s"]), "[0]"),
        (json!(["99999999999h"]), "[0]"),
    ] {
        problem(
            with(json!({"retrySchedule": entries})),
            &format!("{path}{at}"),
            "at least 1s",
        );
    }
    let three = problems(with(json!({"retrySchedule": ["x", "8s", "y", "z"]})));
    assert_eq!(three.len(), 3, "each is told: {three:?}");
}

#[test]
fn sinks() {
    let sink = |uri: &str| json!({"onPermanentFailure": "DeadLetter", "deadLetterSink": {"uri": uri}});
    let reading = changed(|spec| {
        spec["delivery"] = sink("https://dead.example.com/letters?key=hidden");
        spec["configuration"]["event.notification.signature.key"] = json!("the key");
        spec["configuration"]["event.notification.basic.username"] = json!("me");
        spec["configuration"]["event.notification.basic.password"] = json!("pw");
        spec["configuration"]["event.notification.callback.headers"] = json!({"X-Api-Key": "abc"});
    });
    let found = settings(reading);
    let shown = format!("{found:?}");
    assert!(!shown.contains("hidden"), "{shown}");
    let (callback, sink_found) = (found.callback, found.dead_letter_sink.unwrap());
    assert_eq!(
        sink_found.url.as_str(),
        "https://dead.example.com/letters?key=hidden"
    );
    assert_eq!(sink_found.timeout, callback.timeout);
    assert_eq!(sink_found.signature_key.unwrap().expose_secret(), b"the key");
    assert!(
        sink_found.basic.is_none() && sink_found.headers.is_empty(),
        "what opens the callback is not for another host"
    );

    assert!(settings(with(json!({}))).dead_letter_sink.is_none());
    let unused = with(json!({"deadLetterSink": {"uri": "https://dead.example.com"}}));
    warning(&unused, "spec.delivery.deadLetterSink", "has no effect");
    assert!(settings(unused).dead_letter_sink.is_none());
    problem(
        with(json!({"onPermanentFailure": "DeadLetter"})),
        "spec.delivery.deadLetterSink",
        "is missing beside",
    );
    for (uri, part) in [
        ("queue", "is no URL"),
        ("", "is no URL"),
        ("ftp://dead.example.com", "neither http nor https"),
        ("https:///letters", "no host"),
        ("https://me:pw@dead.example.com", "a user name or a password"),
    ] {
        problem(with(sink(uri)), "spec.delivery.deadLetterSink.uri", part);
    }
}
