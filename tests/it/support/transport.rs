//! Requests to the simulator without sockets, so that tokio's time can be paused.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use concur_sandbox::{ConnectionDropped, Sandbox};
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use pollinator::http::{Answer, BodyLimit, BoxFuture, HttpError, Limits, Transport};
use tokio::sync::Notify;
use tower::ServiceExt;

use super::secrets::search;

/// The token endpoint's host.
pub const TOKEN_HOST: &str = "token.sandbox.test";
/// The API's host.
pub const API_HOST: &str = "api.sandbox.test";
/// The hub's host.
pub const HUB_HOST: &str = "hub.sandbox.test";
/// The receiver's host.
pub const RECEIVER_HOST: &str = "receiver.sandbox.test";

/// Time passes between two requests, as it does on any network: a vendor whose clock stood still could
/// not tell two edits apart.
const LATENCY: Duration = Duration::from_millis(50);

/// Routes by host name.
pub struct InProcess {
    routers: Mutex<HashMap<&'static str, Router>>,
    /// Requests after which the sender never hears anything again.
    fuse: Mutex<Option<u64>>,
    blown: Notify,
    /// Hosts to which credentials or notifications were sent, whether they exist or not.
    told: Mutex<BTreeSet<String>>,
}

impl InProcess {
    pub fn new(sandbox: &Sandbox) -> Self {
        let routers = [
            (TOKEN_HOST, sandbox.token_router()),
            (API_HOST, sandbox.api_router()),
            (HUB_HOST, sandbox.hub_router()),
            (RECEIVER_HOST, sandbox.receiver_router()),
        ];
        Self {
            routers: Mutex::new(routers.into()),
            fuse: Mutex::default(),
            blown: Notify::new(),
            told: Mutex::default(),
        }
    }

    /// Hosts to which credentials or notifications were sent, in alphabetical order.
    pub fn told_hosts(&self) -> Vec<String> {
        self.told.lock().unwrap().iter().cloned().collect()
    }

    /// Lets another router answer for a host.
    pub fn replace(&self, host: &'static str, router: Router) {
        self.routers.lock().unwrap().insert(host, router);
    }

    /// Serves `requests` more requests; the answer of the last one, and every one after it, never arrives.
    pub fn fall_silent_after(&self, requests: u64) {
        *self.fuse.lock().unwrap() = Some(requests);
    }

    /// Waits until the last request was served.
    pub async fn silent(&self) {
        self.blown.notified().await;
    }

    /// Answers again.
    pub fn mend(&self) {
        *self.fuse.lock().unwrap() = None;
    }

    fn burns_down(&self) -> bool {
        let mut fuse = self.fuse.lock().unwrap();
        let Some(left) = fuse.as_mut() else { return false };
        *left = left.saturating_sub(1);
        *left == 0
    }
}

impl Transport for InProcess {
    fn send(&self, mut request: Request<Bytes>, limits: Limits) -> BoxFuture<'_, Result<Answer, HttpError>> {
        // What a library at trace would show of it.
        search("a request", &format!("{} {:?}", request.uri(), request.headers()));
        let host = request.uri().host().unwrap_or_default().to_owned();
        if request.headers().contains_key(http::header::AUTHORIZATION) || !request.body().is_empty() {
            self.told.lock().unwrap().insert(host.clone());
        }
        let router = self.routers.lock().unwrap().get(host.as_str()).cloned();
        Box::pin(async move {
            let failed = |reason: &str, unsent| HttpError::Connection {
                host: host.clone(),
                reason: reason.into(),
                unsent,
            };
            let router = router.ok_or_else(|| failed("no such host", true))?;
            request
                .headers_mut()
                .insert(http::header::HOST, host.parse().unwrap());
            let exchange = async {
                tokio::time::sleep(LATENCY).await;
                let response = router.oneshot(request.map(Body::from)).await.unwrap();
                read(response, limits.body, &host).await
            };
            let answer = match tokio::time::timeout(limits.timeout, exchange).await {
                Ok(answer) => answer,
                Err(_) => Err(HttpError::Timeout {
                    host: host.clone(),
                    seconds: limits.timeout.as_secs(),
                }),
            };
            if self.burns_down() {
                self.blown.notify_one();
                std::future::pending::<()>().await;
            }
            answer
        })
    }
}

async fn read(response: Response<Body>, limit: BodyLimit, host: &str) -> Result<Answer, HttpError> {
    let broken = || HttpError::Connection {
        host: host.into(),
        reason: "connection closed".into(),
        unsent: false,
    };
    if response.extensions().get::<ConnectionDropped>().is_some() {
        return Err(broken());
    }
    let (parts, body) = response.into_parts();
    let (BodyLimit::Refuse(most) | BodyLimit::Truncate(most)) = limit;
    let body = match Limited::new(body, most).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => match limit {
            BodyLimit::Refuse(limit) => {
                return Err(HttpError::BodyTooLarge {
                    host: host.into(),
                    limit,
                });
            }
            BodyLimit::Truncate(_) => Bytes::new(),
        },
        Err(_) => return Err(broken()),
    };
    Ok(Response::from_parts(parts, body))
}
