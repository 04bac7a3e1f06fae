//! The callback receiver.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use concur_sandbox::{ConnectionDropped, Fault, Sandbox, Signature, Target};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use tokio::time::Instant;
use tower::ServiceExt;

use crate::support::*;

fn notification(ids: &[&str]) -> String {
    let events: Vec<_> = ids
        .iter()
        .map(|id| json!({"objectId": id, "eventType": "CREATED"}))
        .collect();
    json!({"message": {"events": events}}).to_string()
}

fn signature(key: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    format!("sha256={}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn signed(body: &str) -> Request<Body> {
    Request::post("/callback/x")
        .header("Elements-Webhook-Signature", signature("key", body))
        .header("Elements-Webhook-Id", "w1")
        .header("Pollinator-Event-Ids", "e1, e2,")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

async fn notify(sandbox: &Sandbox, body: &str) -> u16 {
    send(sandbox.receiver_router(), signed(body))
        .await
        .status
        .as_u16()
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_sink_has_moods_of_its_own() {
    let sandbox = sandbox();
    let post = async |path: &str| {
        let request = Request::post(path)
            .body(Body::from(notification(&["A"])))
            .unwrap();
        send(sandbox.receiver_router(), request).await.status.as_u16()
    };
    for (knobs, callback, sink) in [
        (json!({"refuseIds": ["A"]}), 400, 200),
        (json!({"sinkStatus": 410}), 400, 410),
        (json!({"sinkStatus": null, "receiverDown": true}), 503, 200),
        (json!({"receiverDown": false, "receiverStatus": 500}), 500, 200),
    ] {
        configure(&sandbox, knobs.clone());
        assert_eq!(
            (post("/callback").await, post("/callback/sink").await),
            (callback, sink),
            "{knobs}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn keeps_what_it_receives() {
    let sandbox = sandbox();
    let mut events = sandbox.on_event();
    assert_eq!(notify(&sandbox, &notification(&["A", "B"])).await, 200);
    assert!(events.has_changed().unwrap());
    assert_eq!(*events.borrow_and_update(), 1);
    let received = &sandbox.received()[0];
    assert_eq!(
        (received.status, received.accepted, received.path.as_str()),
        (200, true, "/callback/x")
    );
    assert_eq!(received.signature, "valid");
    assert_eq!(received.webhook_id.as_deref(), Some("w1"));
    assert_eq!(received.event_ids, ["e1", "e2"]);
    assert_eq!(received.events()[1]["objectId"], "B");
    let printed = control_get(&sandbox, "/control/received").await;
    assert_eq!(printed[0]["body"]["message"]["events"][0]["objectId"], "A");
    assert_eq!(
        (&printed[0]["signature"], &printed[0]["eventIds"]),
        (&json!("valid"), &json!(["e1", "e2"]))
    );
}

#[tokio::test(start_paused = true)]
async fn tells_good_signatures_from_bad_ones() {
    let sandbox = sandbox();
    let post = async |header: Option<String>, body: &str| {
        let mut request = Request::post("/callback");
        if let Some(header) = header {
            request = request.header("elements-webhook-signature", header);
        }
        send(
            sandbox.receiver_router(),
            request.body(Body::from(body.to_owned())).unwrap(),
        )
        .await
        .status
    };
    post(Some(signature("key", "text")), "text").await;
    post(Some(signature("other", "text")), "text").await;
    post(None, "text").await;
    let outcomes: Vec<Signature> = sandbox
        .received()
        .iter()
        .map(|received| received.signature)
        .collect();
    assert_eq!(outcomes, [Signature::Valid, Signature::Invalid, Signature::None]);
    assert_eq!(
        control_get(&sandbox, "/control/received").await[0]["body"],
        "text"
    );
    configure(&sandbox, json!({"requireSignature": true}));
    assert_eq!(
        post(Some(signature("other", "text")), "text").await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(post(Some(signature("key", "text")), "text").await, StatusCode::OK);
}

/// Either body tells the same events, and either signature is enough.
#[tokio::test(start_paused = true)]
async fn understands_cloud_events_and_standard_webhooks() {
    let sandbox = sandbox();
    configure(&sandbox, json!({"refuseIds": ["B"], "requireSignature": true}));
    let event = |id: &str, change: &str| {
        json!({
            "specversion": "1.0", "id": "e", "source": "/x", "subject": id, "objecttype": "reports",
            "type": format!("dev.pollinator.concur.reports.{change}"), "data": {},
        })
    };
    let post = async |body: serde_json::Value, key: &str| {
        let body = body.to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(format!("w1.1795435205.{body}").as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let request = Request::post("/callback")
            .header("webhook-id", "w1")
            .header("webhook-timestamp", "1795435205")
            .header("webhook-signature", format!("v1a,AAAA {signature}"));
        let request = request.body(Body::from(body)).unwrap();
        send(sandbox.receiver_router(), request).await.status.as_u16()
    };
    assert_eq!(post(event("A", "created"), "key").await, 200);
    assert_eq!(
        post(json!([event("A", "updated"), event("B", "deleted")]), "key").await,
        400
    );
    assert_eq!(post(event("A", "created"), "other").await, 401);
    let told: Vec<_> = sandbox
        .received()
        .iter()
        .map(|received| {
            let events = received.events();
            let text = |event: &serde_json::Value| format!("{} {}", event["eventType"], event["objectId"]);
            (
                received.standard_signature.as_str(),
                events.iter().map(text).collect::<Vec<_>>().join(", "),
            )
        })
        .collect();
    let expected = [
        ("valid", r#""CREATED" "A""#),
        ("valid", r#""UPDATED" "A", "DELETED" "B""#),
        ("invalid", r#""CREATED" "A""#),
    ];
    assert_eq!(
        told,
        expected.map(|(signature, events)| (signature, events.to_owned()))
    );
    assert!(
        sandbox
            .received()
            .iter()
            .all(|received| received.signature == "none")
    );
    let printed = control_get(&sandbox, "/control/received").await;
    assert_eq!(printed[0]["standardSignature"], "valid");
}

#[tokio::test(start_paused = true)]
async fn refuses_as_told() {
    let sandbox = sandbox();
    configure(&sandbox, json!({"refuseIds": ["B"]}));
    assert_eq!(notify(&sandbox, &notification(&["A", "B"])).await, 400);
    assert_eq!(notify(&sandbox, &notification(&["A"])).await, 200);
    configure(&sandbox, json!({"receiverStatus": 500}));
    assert_eq!(notify(&sandbox, &notification(&["A"])).await, 500);
    configure(&sandbox, json!({"receiverDown": true}));
    assert_eq!(notify(&sandbox, &notification(&["A"])).await, 503);
    configure(&sandbox, json!({"receiverDown": false, "receiverStatus": null}));
    assert_eq!(notify(&sandbox, "not json").await, 200);
    let elsewhere = Request::post("/other").body(Body::empty()).unwrap();
    assert_eq!(
        send(sandbox.receiver_router(), elsewhere).await.status,
        StatusCode::NOT_FOUND
    );
    let get = Request::get("/callback").body(Body::empty()).unwrap();
    assert_eq!(
        send(sandbox.receiver_router(), get).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let accepted: Vec<bool> = sandbox
        .received()
        .iter()
        .map(|received| received.accepted)
        .collect();
    assert_eq!(accepted, [false, true, false, false, true, false, false]);
}

#[tokio::test(start_paused = true)]
async fn accepts_and_then_falls_silent() {
    let sandbox = sandbox();
    fault(&sandbox, Target::Receiver, Fault::AcceptThenDrop);
    let response = sandbox
        .receiver_router()
        .oneshot(signed(&notification(&["A"])))
        .await
        .unwrap();
    assert!(response.extensions().get::<ConnectionDropped>().is_some());
    assert!(!response.status().is_success());
    let received = &sandbox.received()[0];
    assert_eq!((received.accepted, received.status), (true, 0));

    fault(
        &sandbox,
        Target::Receiver,
        Fault::AcceptThenHang { ms: Some(9_000) },
    );
    let start = Instant::now();
    let mut events = sandbox.on_event();
    let taken = async {
        events.changed().await.unwrap();
        assert!(sandbox.received()[1].accepted && start.elapsed().is_zero());
    };
    let body = notification(&["B"]);
    let (status, ()) = tokio::join!(notify(&sandbox, &body), taken);
    assert_eq!((status, start.elapsed()), (200, Duration::from_secs(9)));

    fault(&sandbox, Target::Receiver, Fault::Hang { ms: Some(9_000) });
    let impatient = tokio::time::timeout(Duration::from_secs(1), notify(&sandbox, &body)).await;
    assert!(impatient.is_err());
    let received = &sandbox.received()[2];
    assert_eq!(
        (received.accepted, received.status),
        (false, 0),
        "a sender that gave up was not heard"
    );

    fault(&sandbox, Target::Receiver, Fault::Drop);
    assert_eq!(notify(&sandbox, &body).await, 502);
    assert!(!sandbox.received()[3].accepted);
}
