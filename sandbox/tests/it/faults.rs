//! Faults at the three endpoints and commands bound to requests.

use std::time::Duration;

use axum::http::StatusCode;
use concur_sandbox::{Command, ConnectionDropped, Fault, PlannedFault, Target};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt;

use crate::support::*;

async fn client() -> Client {
    let client = Client::new(sandbox()).await;
    seed(&client.sandbox, 3);
    client
}

async fn met(client: &Client, value: Value) -> Reply {
    let bent: Fault = serde_json::from_value(value).unwrap();
    fault(&client.sandbox, Target::Reports, bent);
    let reply = client.list("").await;
    assert_eq!(
        client.list("").await.ids().len(),
        3,
        "the next request meets no fault"
    );
    reply
}

#[tokio::test(start_paused = true)]
async fn statuses_and_bodies() {
    let client = client().await;
    let reply = met(&client, json!({"kind": "status", "status": 500})).await;
    assert_eq!((reply.status.as_u16(), reply.text().as_str()), (500, ""));
    assert!(reply.header("date").is_some() && reply.header("concur-correlationid").is_some());
    let value = json!({"kind": "status", "status": 503, "body": {"a": 1}, "retryAfter": "soon", "contentType": "x/y"});
    let reply = met(&client, value).await;
    assert_eq!((reply.status.as_u16(), reply.text().as_str()), (503, "{\"a\":1}"));
    assert_eq!(
        (reply.header("retry-after"), reply.header("content-type")),
        (Some("soon"), Some("x/y"))
    );

    for (value, retry_after) in [
        (json!({"kind": "too-many-requests"}), Some("0")),
        (json!({"kind": "too-many-requests", "retryAfter": "7"}), Some("7")),
        (json!({"kind": "too-many-requests", "retryAfter": ""}), None),
    ] {
        let reply = met(&client, value).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("retry-after")),
            (429, retry_after)
        );
        assert_eq!(reply.json()["error"]["id"], "security.rate.limit.reached");
        assert_eq!(reply.json()["timestamp"], "2026-03-04T05:06:07.080+00:00");
    }
    for (kind, status) in [("deadlock", 400), ("maintenance", 503), ("error-in-200", 200)] {
        let reply = met(&client, json!({"kind": kind})).await;
        assert_eq!(reply.status.as_u16(), status, "{kind}");
        assert!(reply.json()["Error"]["Message"].is_string(), "{kind}");
    }
    let reply = met(&client, json!({"kind": "html"})).await;
    assert!(reply.text().starts_with("<!DOCTYPE html>"));
    let reply = met(
        &client,
        json!({"kind": "redirect", "location": "https://evil.example/"}),
    )
    .await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("location")),
        (302, Some("https://evil.example/"))
    );
}

#[tokio::test(start_paused = true)]
async fn spoiled_bodies() {
    let client = client().await;
    let whole = client.list("").await.text();
    let reply = met(&client, json!({"kind": "truncated"})).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(
        reply.header("content-length").unwrap(),
        reply.text().len().to_string()
    );
    assert!(serde_json::from_str::<Value>(&reply.text()).is_err());
    let reply = met(&client, json!({"kind": "half-body"})).await;
    assert_eq!(reply.header("content-length").unwrap(), whole.len().to_string());
    assert!(reply.bytes.is_none(), "the body breaks off");
    let reply = met(&client, json!({"kind": "missing-items"})).await;
    assert_eq!(reply.json(), json!({"NextPage": null}));
    for bytes in [1_u64, 1_000, 300_000] {
        let reply = met(&client, json!({"kind": "huge", "bytes": bytes})).await;
        assert_eq!(reply.header("content-length"), None);
        assert_eq!(reply.text().len() as u64, bytes.max(28));
        assert_eq!(reply.json(), json!({"Items": [], "NextPage": null}));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hang_waits_and_then_answers() {
    let client = client().await;
    let mut events = client.sandbox.on_event();
    events.borrow_and_update();
    fault(&client.sandbox, Target::Reports, Fault::Hang { ms: None });
    let start = Instant::now();
    let requests = client.sandbox.log().len();
    let hanging = async {
        events.changed().await.unwrap();
        let log = client.sandbox.log();
        assert_eq!(
            (log.len(), log[requests].status),
            (requests + 1, 0),
            "logged when it arrives"
        );
        assert_eq!(log[requests].fault.as_deref(), Some("hang"));
    };
    let (reply, ()) = tokio::join!(client.list(""), hanging);
    assert_eq!(reply.ids().len(), 3);
    assert_eq!(start.elapsed(), Duration::from_secs(120));
    assert_eq!(client.sandbox.log()[requests].status, 200);
}

#[tokio::test(start_paused = true)]
async fn faults_queue_up_in_order() {
    let client = client().await;
    for (fault, times, after) in [
        (json!({"kind": "deadlock"}), 2, 1),
        (json!({"kind": "status", "status": 500}), 1, 1),
        (json!({"kind": "status", "status": 501}), 0, 0),
    ] {
        let command =
            json!({"command": "fault", "target": "reports", "fault": fault, "times": times, "after": after});
        apply(&client.sandbox, command).unwrap();
    }
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(client.list("").await.status.as_u16());
    }
    assert_eq!(statuses, [200, 400, 400, 200, 500, 200]);
    fault(&client.sandbox, Target::Reports, Fault::Deadlock);
    client.sandbox.apply(Command::ClearFaults).unwrap();
    assert_eq!(client.list("").await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn the_token_endpoint_has_faults_of_its_own() {
    let client = client().await;
    let token_error = Fault::TokenError {
        code: 108,
        description: Some("because".into()),
        geolocation: None,
    };
    fault(&client.sandbox, Target::Token, token_error);
    fault(&client.sandbox, Target::Token, Fault::Maintenance);
    assert_eq!(client.list("").await.status, StatusCode::OK);
    let body = refresh(&client.sandbox, "sandbox-refresh-token").await.json();
    assert_eq!(
        (&body["code"], &body["error_description"]),
        (&json!(108), &json!("because"))
    );
    assert_eq!(
        refresh(&client.sandbox, "sandbox-refresh-token")
            .await
            .status
            .as_u16(),
        503
    );
    assert_eq!(
        refresh(&client.sandbox, "sandbox-refresh-token")
            .await
            .status
            .as_u16(),
        200
    );
}

#[tokio::test(start_paused = true)]
async fn a_dropped_connection_is_marked() {
    let client = client().await;
    fault(&client.sandbox, Target::Reports, Fault::Drop);
    let request = axum::http::Request::get("/api/v3.0/expense/reports")
        .body(axum::body::Body::empty())
        .unwrap();
    let response = client.sandbox.api_router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(
        response.extensions().get::<ConnectionDropped>(),
        Some(&ConnectionDropped)
    );
    assert!(axum::body::to_bytes(response.into_body(), 1_000).await.is_err());
    assert_eq!(client.sandbox.log().last().unwrap().status, 0);
}

#[tokio::test(start_paused = true)]
async fn impossible_faults_are_refused() {
    let sandbox = sandbox();
    let plan = |target, fault| {
        let planned = PlannedFault {
            target,
            fault,
            times: 1,
            after: 0,
        };
        sandbox.apply(Command::Fault(planned)).unwrap_err().to_string()
    };
    let status = |status, retry_after: &str| Fault::Status {
        status,
        body: None,
        retry_after: Some(retry_after.into()),
        content_type: None,
    };
    assert!(plan(Target::Reports, status(99, "1")).contains("status is 99"));
    assert!(plan(Target::Reports, status(500, "a\nb")).contains("retryAfter"));
    assert!(
        plan(
            Target::Token,
            Fault::Redirect {
                location: "\u{0}".into()
            }
        )
        .contains("location")
    );
    assert!(plan(Target::Token, Fault::AcceptThenDrop).contains("receiver only"));
    let token_error = Fault::TokenError {
        code: 1,
        description: None,
        geolocation: None,
    };
    assert!(plan(Target::Reports, token_error).contains("token only"));
}

#[tokio::test(start_paused = true)]
async fn commands_bound_to_requests_run_before_or_after() {
    let client = client().await;
    let sandbox = &client.sandbox;
    let create = |id: &str| json!({"command": "create", "id": id});
    for (request, after, id) in [(2, false, "BEFORE2"), (2, true, "AFTER2")] {
        let at = json!({"command": "at", "target": "reports", "request": request, "after": after, "commands": [create(id)]});
        apply(sandbox, at).unwrap();
    }
    let broken = json!({"command": "delete", "id": "nothing"});
    apply(
        sandbox,
        json!({"command": "at", "target": "token", "request": 1, "commands": [broken]}),
    )
    .unwrap();
    assert_eq!(client.list("").await.ids().len(), 3);
    assert_eq!(
        client.list("").await.ids(),
        ["BEFORE2", "R0000", "R0001", "R0002"]
    );
    assert_eq!(
        client.list("").await.ids(),
        ["AFTER2", "BEFORE2", "R0000", "R0001", "R0002"]
    );
    refresh(sandbox, "sandbox-refresh-token").await;
    let state = control_get(sandbox, "/control/state").await;
    assert_eq!(state["commandErrors"].as_array().unwrap().len(), 1);
    let zero = json!({"command": "at", "target": "token", "request": 0, "commands": []});
    assert!(apply(sandbox, zero).is_err());
}
