//! Requests to the API server end.
//!
//! The Kubernetes client waits without end for an answer: behind a dead connection (a node that vanished, a firewall
//! that forgot) one request would hold an instance, and with it every later poll, for good.

use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use tower::{BoxError, service_fn};

/// How long an answer is waited for. The API server gives up on ordinary requests after 60 s by default, and answers
/// within milliseconds where it is well.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// No answer in time.
#[derive(Debug, thiserror::Error)]
#[error("the API server gave no answer within {} s", ANSWER_WITHIN.as_secs())]
struct NoAnswer;

/// The same client, whose requests fail when their answer is not there in time; of a watch only its beginning counts.
pub(super) fn patient(client: Client) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = service_fn(move |request: Request<Body>| {
        let client = client.clone();
        async move {
            let exchange = exchange(&client, request);
            let answer = tokio::time::timeout(ANSWER_WITHIN, exchange).await;
            answer.unwrap_or_else(|_| Err(NoAnswer.into()))
        }
    });
    Client::new(service, namespace)
}

async fn exchange(client: &Client, request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let query = request.uri().query().unwrap_or_default();
    let watches = query
        .split('&')
        .any(|pair| pair == "watch=true" || pair == "watch=1");
    let response = client.send(request).await?;
    if watches {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    Ok(Response::from_parts(
        head,
        Body::from(body.collect().await?.to_bytes()),
    ))
}
