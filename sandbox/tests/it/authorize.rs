//! The code flow in the browser.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use concur_sandbox::{Fault, Sandbox, Target};
use serde_json::json;

use crate::support::*;

const BACK: &str = "http://127.0.0.1:8765/callback";

async fn open(sandbox: &Sandbox, query: &str) -> Reply {
    let request = Request::get(format!("/oauth2/v0/authorize?{query}"));
    send(sandbox.token_router(), request.body(Body::empty()).unwrap()).await
}

fn query(redirect: &str) -> String {
    format!("client_id=sandbox-client&redirect_uri={redirect}&scope=EXPRPT&response_type=code&state=a%26b")
}

/// A parameter of the redirect.
fn parameter(reply: &Reply, name: &str) -> Option<String> {
    let (_, query) = reply.header("location").unwrap().split_once('?').unwrap();
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(&format!("{name}=")))
        .map(str::to_owned)
}

async fn redeem(sandbox: &Sandbox, code: &str, redirect: &str) -> Reply {
    let grant = format!("grant_type=authorization_code&code={code}&redirect_uri={redirect}");
    token_form(sandbox, &format!("{CLIENT}&{grant}")).await
}

#[tokio::test(start_paused = true)]
async fn a_code_is_good_once_for_the_same_redirect() {
    let sandbox = sandbox();
    let reply = open(&sandbox, &query(BACK)).await;
    assert_eq!(reply.status, StatusCode::FOUND);
    let location = reply.header("location").unwrap();
    let start = format!("{BACK}?geolocation=https%3A%2F%2Fus.api.sandbox.example&code=");
    assert!(location.starts_with(&start), "{location}");
    assert!(location.ends_with("&state=a%26b"), "{location}");
    let code = parameter(&reply, "code").unwrap();
    let body = redeem(&sandbox, &code, BACK).await.json();
    assert_eq!(body["scope"], "EXPRPT");
    let refreshed = refresh(&sandbox, body["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refreshed.status, StatusCode::OK);
    assert_eq!(
        redeem(&sandbox, &code, BACK).await.json()["code"],
        60,
        "it is used up"
    );

    let code = parameter(&open(&sandbox, &query(BACK)).await, "code").unwrap();
    assert_eq!(
        redeem(&sandbox, &code, "http://127.0.0.1:1/other").await.json()["code"],
        60
    );
    assert_eq!(
        redeem(&sandbox, &code, BACK).await.json()["code"],
        60,
        "a wrong redirect spends it"
    );

    let code = parameter(&open(&sandbox, &query(BACK)).await, "code").unwrap();
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(
        redeem(&sandbox, &code, BACK).await.json()["code"],
        60,
        "it is too old"
    );

    let odd = open(&sandbox, &query("http://127.0.0.1:1/?x=1")).await;
    assert!(
        odd.header("location")
            .unwrap()
            .starts_with("http://127.0.0.1:1/?x=1&geolocation=")
    );
    let log = serde_json::to_string(&sandbox.log()).unwrap();
    assert!(
        log.contains(r#""query":"client_id&redirect_uri&scope&response_type&state""#),
        "{log}"
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_go_back_or_stay() {
    let sandbox = sandbox();
    for bad in [
        query(BACK).replace("sandbox-client", "unknown"),
        query("nowhere"),
        query("http://127.0.0.1/%23fragment"),
        query("http://127.0.0.1/%0Ax"),
        query(BACK).replace("=code", "=token"),
        String::new(),
    ] {
        let reply = open(&sandbox, &bad).await;
        assert_eq!(
            (reply.status, reply.header("location")),
            (StatusCode::BAD_REQUEST, None),
            "{bad}"
        );
        assert!(reply.json()["Message"].is_string());
    }
    let wide = open(&sandbox, &query(BACK).replace("EXPRPT", "EXPRPT+IMAGE")).await;
    assert_eq!(
        (wide.status, parameter(&wide, "error_code").as_deref()),
        (StatusCode::FOUND, Some("54"))
    );
    configure(
        &sandbox,
        json!({"authorizeError": {"code": "access_denied", "description": "no, thanks"}}),
    );
    let refused = open(&sandbox, &query(BACK)).await;
    assert_eq!(refused.status, StatusCode::FOUND);
    assert_eq!(
        refused.header("location").unwrap(),
        format!("{BACK}?error_code=access_denied&error_description=no%2C%20thanks&state=a%26b")
    );
    configure(&sandbox, json!({"authorizeError": null}));
    assert!(parameter(&open(&sandbox, &query(BACK)).await, "code").is_some());

    fault(&sandbox, Target::Authorize, Fault::Maintenance);
    assert_eq!(
        refresh(&sandbox, "sandbox-refresh-token").await.status,
        StatusCode::OK
    );
    assert_eq!(
        open(&sandbox, &query(BACK)).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    let post = Request::post("/oauth2/v0/authorize").body(Body::empty()).unwrap();
    assert_eq!(
        send(sandbox.token_router(), post).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}
