//! Requests through routers.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use concur_sandbox::{Command, Create, Fault, Options, PlannedFault, Sandbox, Target};
use serde_json::{Value, json};
use tower::ServiceExt;

/// A fixed start of the vendor's clock.
pub(crate) const START: &str = "2026-03-04T05:06:07.08Z";

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// `None` if the body broke off.
    pub(crate) bytes: Option<Bytes>,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes.clone().unwrap().to_vec()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The ids of a listing.
    pub(crate) fn ids(&self) -> Vec<String> {
        let body = self.json();
        let items = body["Items"]
            .as_array()
            .unwrap_or_else(|| panic!("no items in {body}"));
        items
            .iter()
            .map(|item| item["ID"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Path and query of the next page.
    pub(crate) fn next(&self) -> Option<String> {
        let url = self.json()["NextPage"]
            .as_str()
            .filter(|url| !url.is_empty())?
            .to_owned();
        let path = url.find("/api/").unwrap();
        Some(url[path..].to_owned())
    }
}

pub(crate) fn options() -> Options {
    Options {
        start: Some(START.parse().unwrap()),
        geolocation: "https://us.api.sandbox.example".into(),
        signature_key: Some("key".into()),
        ..Options::default()
    }
}

pub(crate) fn sandbox() -> Sandbox {
    Sandbox::new(options())
}

pub(crate) async fn send(router: Router, request: Request<Body>) -> Reply {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.ok();
    Reply {
        status: parts.status,
        headers: parts.headers,
        bytes,
    }
}

pub(crate) async fn token_form(sandbox: &Sandbox, form: &str) -> Reply {
    let request = Request::post("/oauth2/v0/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .unwrap();
    send(sandbox.token_router(), request).await
}

pub(crate) const CLIENT: &str = "client_id=sandbox-client&client_secret=sandbox-secret";

pub(crate) async fn refresh(sandbox: &Sandbox, token: &str) -> Reply {
    token_form(
        sandbox,
        &format!("grant_type=refresh_token&{CLIENT}&refresh_token={token}"),
    )
    .await
}

pub(crate) async fn access_token(sandbox: &Sandbox) -> String {
    let reply = refresh(sandbox, "sandbox-refresh-token").await;
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

pub(crate) async fn get_with(sandbox: &Sandbox, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(sandbox.api_router(), request.body(Body::empty()).unwrap()).await
}

/// A client that has a token.
pub(crate) struct Client {
    pub(crate) sandbox: Sandbox,
    token: String,
}

impl Client {
    pub(crate) async fn new(sandbox: Sandbox) -> Client {
        let token = access_token(&sandbox).await;
        Client { sandbox, token }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        let authorization = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", authorization.as_str()),
            ("accept", "application/json"),
            ("host", "us.api.sandbox.example"),
        ];
        get_with(&self.sandbox, path, &headers).await
    }

    pub(crate) async fn list(&self, query: &str) -> Reply {
        self.get(&format!("/api/v3.0/expense/reports?user=ALL{query}"))
            .await
    }

    /// The ids of all pages.
    pub(crate) async fn walk(&self, query: &str) -> Vec<String> {
        let mut page = self.list(query).await;
        let mut ids = page.ids();
        while let Some(next) = page.next() {
            page = self.get(&next).await;
            ids.extend(page.ids());
        }
        ids
    }
}

pub(crate) fn configure(sandbox: &Sandbox, knobs: Value) {
    sandbox.apply(Command::Configure { knobs }).unwrap();
}

pub(crate) fn create(sandbox: &Sandbox, id: &str, modified: &str) {
    let date = Some(modified.parse().unwrap());
    let create = Create {
        id: Some(id.into()),
        created: date,
        modified: date,
        ..Create::default()
    };
    sandbox.apply(Command::Create(create)).unwrap();
}

pub(crate) fn seed(sandbox: &Sandbox, count: u32) {
    let command = json!({"command": "seed", "count": count, "prefix": "R", "first": "2026-03-01T00:00:00Z"});
    apply(sandbox, command).unwrap();
}

pub(crate) fn apply(sandbox: &Sandbox, command: Value) -> Result<Value, String> {
    let command: Command = serde_json::from_value(command).map_err(|error| error.to_string())?;
    sandbox.apply(command).map_err(|error| error.to_string())
}

pub(crate) fn fault(sandbox: &Sandbox, target: Target, fault: Fault) {
    sandbox
        .apply(Command::Fault(PlannedFault {
            target,
            fault,
            times: 1,
            after: 0,
        }))
        .unwrap();
}

pub(crate) async fn control_get(sandbox: &Sandbox, path: &str) -> Value {
    let reply = send(
        sandbox.control_router(),
        Request::get(path).body(Body::empty()).unwrap(),
    )
    .await;
    assert_eq!(reply.status, StatusCode::OK);
    reply.json()
}

pub(crate) async fn control_post(sandbox: &Sandbox, body: &str) -> Reply {
    let request = Request::post("/control")
        .body(Body::from(body.to_owned()))
        .unwrap();
    send(sandbox.control_router(), request).await
}
