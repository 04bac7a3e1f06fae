//! The control API over HTTP, good and bad input.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn one_command_or_an_array() {
    let sandbox = sandbox();
    let reply = control_post(
        &sandbox,
        r#"{"command":"seed","count":2,"prefix":"R","stepMs":1000}"#,
    )
    .await;
    assert_eq!(reply.json(), json!({"ids": ["R0000", "R0001"]}));
    let array = r#"[{"command":"delete","id":"R0000"},{"command":"create","id":"N"},{"command":"seed","count":1,"prefix":"R"}]"#;
    assert_eq!(
        control_post(&sandbox, array).await.json(),
        json!([{}, {"id": "N"}, {"ids": ["R0002"]}])
    );
    let state = control_get(&sandbox, "/control/state").await;
    assert_eq!((&state["reports"], &state["now"]), (&json!(3), &json!(START)));
    assert_eq!(state["knobs"]["order"], "id");
    let health = send(
        sandbox.control_router(),
        Request::get("/healthz").body(Body::empty()).unwrap(),
    )
    .await;
    assert_eq!(health.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn every_simple_command_is_understood() {
    let sandbox = sandbox();
    for command in [
        json!({"command": "create", "id": "X", "name": "Trip", "created": "2026-03-01T00:00:00+01:00"}),
        json!({"command": "edit", "id": "X", "modified": "2026-03-01T00:00:00Z", "visibleAfterMs": 5}),
        json!({"command": "edit-entry", "id": "X"}),
        json!({"command": "edit-listed", "index": 0}),
        json!({"command": "delete-listed", "index": 0}),
        json!({"command": "raw-item", "value": "not an object"}),
        json!({"command": "clear-raw-items"}),
        json!({"command": "clear-faults"}),
        json!({"command": "advance", "ms": -5}),
        json!({"command": "advance", "ms": i64::MAX}),
        json!({"command": "seed", "count": 2, "stepMs": i64::MIN}),
        json!({"command": "create", "visibleAfterMs": u64::MAX}),
        json!({"command": "revoke-tokens"}),
        json!({"command": "lock-account"}),
        json!({"command": "unlock-account"}),
        json!({"command": "set-refresh-token", "value": "t"}),
        json!({"command": "move-geolocation", "url": "http://127.0.0.1:1"}),
        json!({"command": "clear-received"}),
        json!({"command": "clear-log"}),
    ] {
        let reply = control_post(&sandbox, &command.to_string()).await;
        assert_eq!(reply.status, StatusCode::OK, "{command}: {}", reply.text());
    }
}

#[tokio::test(start_paused = true)]
async fn bad_input_answers_400_and_says_why() {
    let sandbox = sandbox();
    for (body, why) in [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("7", "not a command"),
        ("{}", "command"),
        (r#"{"command":"explode"}"#, "explode"),
        (r#"{"command":"seed","count":-1}"#, "not a command"),
        (r#"{"command":"seed","count":1000001}"#, "at most"),
        (r#"{"command":"seed","cuont":1}"#, "cuont"),
        (r#"{"command":"create","created":"yesterday"}"#, "not a command"),
        (r#"{"command":"create","id":""}"#, "empty"),
        (r#"{"command":"edit","id":"none"}"#, "none"),
        (r#"{"command":"edit-entry","id":"none"}"#, "none"),
        (r#"{"command":"delete","id":"none"}"#, "none"),
        (r#"{"command":"delete-listed","index":0}"#, "outside"),
        (r#"{"command":"configure","knobs":[]}"#, "object"),
        (r#"{"command":"configure","knobs":{"ordr":"id"}}"#, "ordr"),
        (
            r#"{"command":"configure","knobs":{"order":"x"}}"#,
            "unknown variant",
        ),
        (
            r#"{"command":"configure","knobs":{"zone":"Mars/Olympus"}}"#,
            "Mars",
        ),
        (r#"{"command":"configure","knobs":{"maxLimit":0}}"#, "maxLimit"),
        (
            r#"{"command":"configure","knobs":{"receiverStatus":42}}"#,
            "receiverStatus",
        ),
        (
            r#"{"command":"fault","target":"moon","fault":{"kind":"html"}}"#,
            "moon",
        ),
        (
            r#"{"command":"fault","target":"token","fault":{"kind":"x"}}"#,
            "unknown variant",
        ),
        (
            r#"{"command":"fault","target":"token","fault":{"kind":"hang","sm":1}}"#,
            "sm",
        ),
        (r#"{"command":"move-geolocation","url":"host"}"#, "scheme"),
    ] {
        let reply = control_post(&sandbox, body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
        let error = reply.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(why), "{body}: {error}");
    }
    let array =
        r#"[{"command":"create","id":"A"},{"command":"create","id":"A"},{"command":"create","id":"B"}]"#;
    let reply = control_post(&sandbox, array).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(reply.json()["results"], json!([{"id": "A"}]));
    assert!(reply.text().contains("command 1"));
    assert_eq!(control_get(&sandbox, "/control/state").await["reports"], 1);
}

#[tokio::test(start_paused = true)]
async fn the_log_prints_requests() {
    let client = Client::new(sandbox()).await;
    client.list("").await;
    let log = control_get(&client.sandbox, "/control/log").await;
    assert_eq!(
        (&log[0]["target"], &log[0]["grantType"]),
        (&json!("token"), &json!("refresh_token"))
    );
    assert_eq!(
        (&log[1]["target"], &log[1]["query"]),
        (&json!("reports"), &json!("user=ALL"))
    );
    assert_eq!(
        (&log[1]["status"], &log[1]["authorization"]),
        (&json!(200), &json!("Bearer"))
    );
    assert_eq!(log[1]["at"], START);
}

#[tokio::test(start_paused = true)]
async fn the_history_has_every_version_also_of_what_is_gone() {
    let sandbox = sandbox();
    for command in [
        json!({"command": "create", "id": "A", "set": {"LastComment": "1"}}),
        json!({"command": "create", "id": "B"}),
        json!({"command": "advance", "ms": 1000}),
        json!({"command": "edit", "id": "A", "visibleAfterMs": 500, "set": {"LastComment": "2"}}),
        json!({"command": "advance", "ms": 1000}),
        json!({"command": "delete", "id": "A"}),
    ] {
        control_post(&sandbox, &command.to_string()).await;
    }
    let history = control_get(&sandbox, "/control/history").await;
    assert_eq!(
        history.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["reports"]
    );
    let (kept, gone) = (&history["reports"][0], &history["reports"][1]);
    assert_eq!((&kept["id"], &kept["deletedAt"]), (&json!("B"), &json!(null)));
    assert_eq!(
        (&gone["id"], &gone["deletedAt"]),
        (&json!("A"), &json!("2026-03-04T05:06:09.08Z"))
    );
    let shown: Vec<_> = gone["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| {
            let record = &version["record"];
            [
                &version["modified"],
                &version["visibleAt"],
                &record["LastModifiedDate"],
                &record["LastComment"],
            ]
            .map(|value| value.as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(
        shown,
        [
            [START, START, "2026-03-04T05:06:07.08", "1"],
            [
                "2026-03-04T05:06:08.08Z",
                "2026-03-04T05:06:08.58Z",
                "2026-03-04T05:06:08.08",
                "2"
            ],
        ]
    );
}
