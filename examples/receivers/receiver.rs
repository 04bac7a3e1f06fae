//! A receiver of notifications. Run: `SIGNATURE_KEY=secret cargo run --example receiver`

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::DefaultBodyLimit;
use axum::{Router, body::Bytes, http::HeaderMap, http::StatusCode, routing::post};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = std::env::var("SIGNATURE_KEY").ok().filter(|key| !key.is_empty());
    let key = key.ok_or("set SIGNATURE_KEY to event.notification.signature.key")?;
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())?;
    let seen = Arc::new(Mutex::default()); // keep it where your data is, so that it outlives the process
    let receive = move |headers: HeaderMap, body: Bytes| {
        let status = receive(mac.clone(), &headers, &body, &seen);
        async move { status }
    };
    // Ten whole records may be longer than axum's own limit.
    let app = Router::new()
        .fallback_service(post(receive))
        .layer(DefaultBodyLimit::max(100 << 20));
    let port = std::env::var("PORT").map_or(Ok(8080), |port| port.parse())?;
    let listener = tokio::net::TcpListener::bind(("0.0.0.0", port)).await?;
    eprintln!("listening on {}", listener.local_addr()?.port());
    Ok(axum::serve(listener, app).await?)
}

/// `body` has the raw bytes: parsed and printed again they would not match.
fn receive(mac: Hmac<Sha256>, headers: &HeaderMap, body: &[u8], seen: &Mutex<HashSet<String>>) -> StatusCode {
    let header = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let given = header("elements-webhook-signature")
        .strip_prefix("sha256=")
        .map(|text| STANDARD.decode(text));
    let Some(Ok(given)) = given else {
        return StatusCode::UNAUTHORIZED;
    };
    if mac.chain_update(body).verify_slice(&given).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let events = body["message"]["events"].as_array().into_iter().flatten();
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    for (id, event) in header("pollinator-event-ids").split(',').zip(events) {
        if seen.insert(id.to_owned()) {
            println!(
                "{id} {} {} {}",
                event["eventType"], event["objectType"], event["objectId"]
            );
        } // else a repeat
    }
    StatusCode::NO_CONTENT
}
