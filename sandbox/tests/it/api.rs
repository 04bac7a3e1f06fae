//! Who may ask, formats, headers and single reports.

use std::time::Duration;

use axum::http::StatusCode;
use concur_sandbox::Command;
use serde_json::json;

use crate::support::*;

const PATH: &str = "/api/v3.0/expense/reports";

#[tokio::test(start_paused = true)]
async fn tokens_are_checked_as_the_status_page_says() {
    let sandbox = sandbox();
    let token = access_token(&sandbox).await;
    let status = async |authorization: &str| {
        let headers: &[_] = &[("authorization", authorization), ("accept", "application/json")];
        let reply = get_with(
            &sandbox,
            PATH,
            if authorization.is_empty() { &[] } else { headers },
        )
        .await;
        if reply.status == StatusCode::FORBIDDEN {
            assert!(reply.json()["Error"]["Message"].is_string());
        }
        reply.status.as_u16()
    };
    assert_eq!(status("").await, 401);
    assert_eq!(status("Bearer unknown").await, 403);
    assert_eq!(status("Basic YTpi").await, 403);
    assert_eq!(status(&format!("Bearer {token}")).await, 200);
    assert_eq!(status(&format!("OAuth {token}")).await, 200);
    tokio::time::advance(Duration::from_secs(3_599)).await;
    assert_eq!(status(&format!("Bearer {token}")).await, 200);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(status(&format!("Bearer {token}")).await, 403);

    let token = access_token(&sandbox).await;
    sandbox.apply(Command::RevokeTokens { refresh: false }).unwrap();
    assert_eq!(status(&format!("Bearer {token}")).await, 403);
    let narrow = format!("grant_type=refresh_token&{CLIENT}&refresh_token=sandbox-refresh-token&scope=LIST");
    let app = format!("grant_type=client_credentials&{CLIENT}");
    for form in [narrow, app] {
        let body = token_form(&sandbox, &form).await.json();
        let token = body["access_token"].as_str().unwrap().to_owned();
        assert_eq!(status(&format!("Bearer {token}")).await, 403, "{form}");
    }
    let log = serde_json::to_string(&sandbox.log()).unwrap();
    assert!(!log.contains(&token) && log.contains(r#""authorization":"OAuth""#));
}

#[tokio::test(start_paused = true)]
async fn a_moved_company_is_refused_at_its_old_home() {
    let client = Client::new(sandbox()).await;
    assert_eq!(client.list("").await.status, StatusCode::OK);
    let url = "https://eu2.api.sandbox.example/".to_owned();
    client.sandbox.apply(Command::MoveGeolocation { url }).unwrap();
    assert_eq!(client.list("").await.status, StatusCode::FORBIDDEN);
    let body = refresh(&client.sandbox, "sandbox-refresh-token").await.json();
    assert_eq!(body["geolocation"], "https://eu2.api.sandbox.example");
    let authorization = format!("Bearer {}", body["access_token"].as_str().unwrap());
    let headers = [
        ("authorization", authorization.as_str()),
        ("host", "eu2.api.sandbox.example"),
    ];
    assert_eq!(
        get_with(&client.sandbox, PATH, &headers).await.status,
        StatusCode::OK
    );
}

#[tokio::test(start_paused = true)]
async fn without_accept_json_the_answer_is_xml() {
    let sandbox = sandbox();
    create(&sandbox, "X", "2026-03-01T00:00:00Z");
    seed(&sandbox, 1);
    let authorization = format!("Bearer {}", access_token(&sandbox).await);
    for accept in ["", "*/*", "application/xml"] {
        let headers = [("authorization", authorization.as_str()), ("accept", accept)];
        let count = if accept.is_empty() { 1 } else { 2 };
        let reply = get_with(&sandbox, &format!("{PATH}?limit=1&user=ALL"), &headers[..count]).await;
        assert_eq!(
            reply.header("content-type"),
            Some("application/xml;charset=UTF-8")
        );
        let text = reply.text();
        assert!(text.starts_with("<Reports xmlns:xsd="), "{text}");
        assert!(text.contains("<Items><Report><Name>"), "{text}");
        assert!(
            text.contains("<SubmitDate xsi:nil=\"true\" />") && text.contains(".00000000</Total>"),
            "{text}"
        );
        assert!(
            text.contains("limit=1&amp;user=ALL&amp;offset=1</NextPage></Reports>"),
            "{text}"
        );
    }
    let refused = get_with(&sandbox, PATH, &[]).await;
    assert!(
        refused
            .text()
            .contains("<Message>Authorization header is missing</Message>"),
        "{}",
        refused.text()
    );
}

#[tokio::test(start_paused = true)]
async fn headers_come_from_the_vendors_clock() {
    let client = Client::new(sandbox()).await;
    let reply = client.list("").await;
    assert_eq!(reply.header("date"), Some("Wed, 04 Mar 2026 05:06:07 GMT"));
    assert!(
        reply
            .header("concur-correlationid")
            .is_some_and(|id| id.len() == 36)
    );
    assert_eq!(reply.header("x-api-warn"), None);
    assert_eq!(
        refresh(&client.sandbox, "wrong").await.header("date"),
        Some("Wed, 04 Mar 2026 05:06:07 GMT")
    );

    configure(
        &client.sandbox,
        json!({"dateSkewMs": -60_000, "clockSkewMs": 5_000, "deprecationWarning": true}),
    );
    client.sandbox.apply(Command::Advance { ms: 1_000 }).unwrap();
    assert_eq!(client.sandbox.now().to_string(), "2026-03-04T05:06:13.08Z");
    let reply = client.list("").await;
    assert_eq!(reply.header("date"), Some("Wed, 04 Mar 2026 05:05:13 GMT"));
    assert_eq!(reply.header("sunset"), Some("Sun, 01 Mar 2020 00:00:00 GMT"));
    assert!(
        reply
            .header("x-api-warn")
            .is_some_and(|text| text.contains("is deprecated"))
    );
    configure(&client.sandbox, json!({"dateHeader": false}));
    assert_eq!(client.list("").await.header("date"), None);
}

#[tokio::test(start_paused = true)]
async fn keys_can_be_shuffled_and_strange() {
    let client = Client::new(sandbox()).await;
    seed(&client.sandbox, 1);
    let keys = async || {
        let body = client.list("").await.json();
        body["Items"][0]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let mut plain = keys().await;
    configure(&client.sandbox, json!({"shuffleKeys": true, "extraFields": true}));
    let mut bent = keys().await;
    assert!(bent.iter().any(|key| key == "SandboxExtra"));
    bent.retain(|key| key != "SandboxExtra");
    assert_ne!(bent, plain);
    bent.sort();
    plain.sort();
    assert_eq!(bent, plain);
}

#[tokio::test(start_paused = true)]
async fn single_reports() {
    let client = Client::new(sandbox()).await;
    create(&client.sandbox, "gW$1", "2026-03-01T00:00:00Z");
    assert_eq!(client.get(&format!("{PATH}/gW%241")).await.json()["ID"], "gW$1");
    assert_eq!(
        client.get(&format!("{PATH}/gW%241?user=ALL")).await.status,
        StatusCode::BAD_REQUEST
    );
    for path in [
        format!("{PATH}/none"),
        format!("{PATH}/gW%241?user=b@sandbox.example"),
    ] {
        let missing = client.get(&path).await;
        assert_eq!(missing.status, StatusCode::OK);
        assert_eq!(
            missing.json()["Error"]["Message"],
            "No report found with the specified ID"
        );
    }
    configure(&client.sandbox, json!({"notFound": "404"}));
    assert_eq!(
        client.get(&format!("{PATH}/none")).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        client.get("/api/v3.0/expense/itemizations").await.status,
        StatusCode::NOT_FOUND
    );
}
