//! Grants, error codes, rotation and the lock.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use concur_sandbox::{Command, Options, Sandbox};
use serde_json::json;

use crate::support::*;

const REFRESH: &str = "sandbox-refresh-token";

async fn code(sandbox: &Sandbox, form: &str) -> (u16, u64) {
    let reply = token_form(sandbox, form).await;
    let body = reply.json();
    assert!(
        body["error"].is_string() && body["concur-correlationid"].is_string(),
        "{body}"
    );
    (reply.status.as_u16(), body["code"].as_u64().unwrap())
}

#[tokio::test(start_paused = true)]
async fn grants_give_what_the_documents_say() {
    let sandbox = sandbox();
    let company = Options::default().company_uuid;
    for grant in [
        format!("grant_type=refresh_token&refresh_token={REFRESH}"),
        format!("grant_type=password&credtype=authtoken&username={company}&password=sandbox-request-token"),
        "grant_type=password&username=owner%40sandbox.example&password=sandbox-password".into(),
        "grant_type=authorization_code&redirect_uri=x&code=sandbox-code".into(),
        "grant_type=otp&channel_type=email&channel_handle=a%40b&otp=sandbox-otp".into(),
    ] {
        let reply = token_form(&sandbox, &format!("{CLIENT}&{grant}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{grant}");
        let body = reply.json();
        assert_eq!(body["expires_in"], "3600");
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["geolocation"], "https://us.api.sandbox.example");
        assert_eq!(body["refresh_expires_in"], 1_772_600_767 + 180 * 86_400);
        assert!(body["refresh_token"].is_string());
        let length = body["access_token"].as_str().unwrap().len();
        assert!((3_000..4_000).contains(&length), "{length}");
    }
    let body = token_form(&sandbox, &format!("{CLIENT}&grant_type=client_credentials"))
        .await
        .json();
    assert!(body.get("refresh_token").is_none() && body.get("id_token").is_none());
}

#[tokio::test(start_paused = true)]
async fn each_mistake_has_its_code() {
    let sandbox = sandbox();
    configure(&sandbox, json!({"lockAfterBadSecrets": 0}));
    let refresh = format!("grant_type=refresh_token&refresh_token={REFRESH}");
    let company = Options::default().company_uuid;
    for (form, expected) in [
        (CLIENT.to_owned(), 65),
        (format!("{refresh}&client_secret=s"), 62),
        (format!("{refresh}&client_id=sandbox-client"), 63),
        (
            format!("{refresh}&client_id=other&client_secret=sandbox-secret"),
            61,
        ),
        (
            format!("{refresh}&client_id=sandbox-client&client_secret=wrong"),
            64,
        ),
        (format!("grant_type=refresh_token&{CLIENT}"), 106),
        (
            format!("grant_type=refresh_token&{CLIENT}&refresh_token=wrong"),
            108,
        ),
        (format!("{refresh}&{CLIENT}&scope=EXPRPT+IMAGE"), 54),
        (format!("grant_type=magic&{CLIENT}"), 60),
        (
            format!("grant_type=password&{CLIENT}&username=owner%40sandbox.example&password=x"),
            5,
        ),
        (
            format!("grant_type=password&{CLIENT}&credtype=authtoken&username={company}&password=x"),
            5,
        ),
        (
            format!(
                "grant_type=password&{CLIENT}&credtype=authtoken&username=x&password=sandbox-request-token"
            ),
            136,
        ),
    ] {
        assert_eq!(code(&sandbox, &form).await, (400, expected), "{form}");
    }
    for (knobs, expected) in [
        (json!({"clientDisabled": true}), 59),
        (json!({"refreshDisallowed": true}), 107),
    ] {
        configure(&sandbox, json!({"clientDisabled": false}));
        configure(&sandbox, knobs);
        assert_eq!(code(&sandbox, &format!("{refresh}&{CLIENT}")).await.1, expected);
    }
    configure(
        &sandbox,
        json!({"refreshDisallowed": false, "badRefreshStatus": 403}),
    );
    let reply = super::support::refresh(&sandbox, "wrong").await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert_eq!(reply.json()["geolocation"], "https://us.api.sandbox.example");
}

#[tokio::test(start_paused = true)]
async fn only_a_form_in_the_body_counts() {
    let sandbox = sandbox();
    let query = format!("/oauth2/v0/token?{CLIENT}&grant_type=refresh_token&refresh_token={REFRESH}");
    let form = format!("{CLIENT}&grant_type=refresh_token&refresh_token={REFRESH}");
    let send_as = async |path: &str, content_type: &str, body: &str| {
        let request = Request::post(path)
            .header("content-type", content_type)
            .body(Body::from(body.to_owned()))
            .unwrap();
        send(sandbox.token_router(), request).await
    };
    let urlencoded = "application/x-www-form-urlencoded";
    assert_eq!(send_as(&query, urlencoded, "").await.json()["code"], 65);
    assert_eq!(
        send_as("/oauth2/v0/token", "application/json", "{}").await.json()["code"],
        135
    );
    let with_charset = format!("{urlencoded}; charset=utf-8");
    assert_eq!(
        send_as("/oauth2/v0/token", &with_charset, &form).await.status,
        StatusCode::OK
    );
    configure(&sandbox, json!({"rejectCharset": true}));
    assert_eq!(
        send_as("/oauth2/v0/token", &with_charset, &form).await.json()["code"],
        135
    );

    let log = serde_json::to_string(&sandbox.log()).unwrap();
    assert!(!log.contains("sandbox-secret") && !log.contains(REFRESH), "{log}");
    assert!(
        log.contains("client_id&client_secret&grant_type&refresh_token"),
        "{log}"
    );
    let logged = sandbox.log();
    assert_eq!(logged[2].grant_type.as_deref(), Some("refresh_token"));
    assert_eq!(
        logged.iter().map(|entry| entry.status).collect::<Vec<_>>(),
        [400, 400, 200, 400]
    );
}

#[tokio::test(start_paused = true)]
async fn rotates_the_refresh_token_three_ways() {
    for (rotate, changes, old_works) in [
        ("same", false, true),
        ("new", true, true),
        ("new-old-dead", true, false),
    ] {
        let sandbox = sandbox();
        configure(&sandbox, json!({"rotate": rotate}));
        let body = refresh(&sandbox, REFRESH).await.json();
        let new = body["refresh_token"].as_str().unwrap();
        assert_eq!(new != REFRESH, changes, "{rotate}");
        assert_eq!(refresh(&sandbox, new).await.status, StatusCode::OK, "{rotate}");
        let old = refresh(&sandbox, REFRESH).await;
        assert_eq!(old.status == StatusCode::OK, old_works, "{rotate}");
        if !old_works {
            assert_eq!(old.json()["code"], 108);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn set_and_revoked_and_old_refresh_tokens() {
    let sandbox = sandbox();
    sandbox
        .apply(Command::SetRefreshToken {
            value: "other".into(),
        })
        .unwrap();
    assert_eq!(refresh(&sandbox, REFRESH).await.json()["code"], 108);
    assert_eq!(refresh(&sandbox, "other").await.status, StatusCode::OK);
    sandbox.apply(Command::Advance { ms: 179 * 86_400_000 }).unwrap();
    assert_eq!(
        refresh(&sandbox, "other").await.status,
        StatusCode::OK,
        "using it extends its life"
    );
    sandbox.apply(Command::Advance { ms: 179 * 86_400_000 }).unwrap();
    assert_eq!(refresh(&sandbox, "other").await.status, StatusCode::OK);
    tokio::time::advance(Duration::from_secs(180 * 86_400)).await;
    assert_eq!(refresh(&sandbox, "other").await.json()["code"], 108);

    sandbox
        .apply(Command::SetRefreshToken {
            value: "third".into(),
        })
        .unwrap();
    let token = refresh(&sandbox, "third").await.json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let disconnect =
        Request::delete("/app-mgmt/v0/connections").header("authorization", format!("Bearer {token}"));
    let reply = send(sandbox.token_router(), disconnect.body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status, reply.text().as_str()), (StatusCode::OK, ""));
    assert_eq!(refresh(&sandbox, "third").await.json()["code"], 108);
}

#[tokio::test(start_paused = true)]
async fn the_company_request_token_lasts_a_day() {
    let sandbox = sandbox();
    let company = Options::default().company_uuid;
    let form = format!(
        "{CLIENT}&grant_type=password&credtype=authtoken&username={company}&password=sandbox-request-token"
    );
    for _ in 0..3 {
        assert_eq!(token_form(&sandbox, &form).await.status, StatusCode::OK);
    }
    tokio::time::advance(Duration::from_secs(86_400)).await;
    assert_eq!(code(&sandbox, &form).await, (400, 5));
}

#[tokio::test(start_paused = true)]
async fn locks_after_bad_secrets() {
    let sandbox = sandbox();
    for _ in 0..4 {
        assert_eq!(refresh(&sandbox, "wrong").await.json()["code"], 108);
    }
    assert_eq!(
        refresh(&sandbox, REFRESH).await.status,
        StatusCode::OK,
        "a good one forgets the bad ones"
    );
    for _ in 0..5 {
        assert_eq!(refresh(&sandbox, "wrong").await.json()["code"], 108);
    }
    assert_eq!(refresh(&sandbox, REFRESH).await.json()["code"], 14);
    sandbox.apply(Command::UnlockAccount).unwrap();
    assert_eq!(refresh(&sandbox, REFRESH).await.status, StatusCode::OK);
    sandbox.apply(Command::LockAccount).unwrap();
    assert_eq!(refresh(&sandbox, REFRESH).await.json()["code"], 14);
}

#[tokio::test(start_paused = true)]
async fn odd_ways_to_print_a_success() {
    let sandbox = sandbox();
    configure(
        &sandbox,
        json!({"expiresIn": "number", "expiresInSeconds": 60, "refreshExpiresIn": false}),
    );
    let body = refresh(&sandbox, REFRESH).await.json();
    assert_eq!(body["expires_in"], 60);
    assert!(body.get("refresh_expires_in").is_none());
    for (style, printed) in [
        ("upper-case", "https://US.API.SANDBOX.EXAMPLE"),
        ("with-path", "https://us.api.sandbox.example/oauth2/v0/token"),
    ] {
        configure(&sandbox, json!({"geolocationStyle": style}));
        assert_eq!(refresh(&sandbox, REFRESH).await.json()["geolocation"], printed);
    }
    let fault = json!({"kind": "token-error", "code": 16, "geolocation": "https://eu2.sandbox.example"});
    apply(
        &sandbox,
        json!({"command": "fault", "target": "token", "fault": fault}),
    )
    .unwrap();
    let body = refresh(&sandbox, REFRESH).await.json();
    assert_eq!(
        (&body["code"], &body["geolocation"]),
        (&json!(16), &json!("https://eu2.sandbox.example"))
    );
}
