//! The few requests that are made without kubectl.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Error;

/// Talks to one API server as its administrator.
#[derive(Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    server: String,
    token: String,
}

impl Api {
    /// Trusts only the certificate authority in the file.
    pub(crate) fn new(server: &str, ca: &Path, token: &str) -> Result<Api, Error> {
        let pem = std::fs::read(ca).map_err(Error::io("read", ca))?;
        let http = reqwest::Certificate::from_pem(&pem)
            .and_then(|ca| {
                reqwest::Client::builder()
                    .tls_certs_only([ca])
                    .no_proxy()
                    .timeout(Duration::from_secs(10))
                    .build()
            })
            .map_err(|source| Error::Request {
                action: format!("trust {}", ca.display()),
                source,
            })?;
        Ok(Api {
            http,
            server: server.to_owned(),
            token: token.to_owned(),
        })
    }

    /// Whether the API server says that it is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        let answer = self
            .http
            .get(format!("{}/readyz", self.server))
            .bearer_auth(&self.token)
            .send()
            .await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Asks for a token of a service account, valid for a day.
    pub(crate) async fn service_account_token(&self, namespace: &str, name: &str) -> Result<String, Error> {
        let action = format!("get a token for the service account {namespace}/{name}");
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}});
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let failed = |source| Error::Request {
            action: action.clone(),
            source,
        };
        let answer = self
            .http
            .post(format!("{}{path}", self.server))
            .bearer_auth(&self.token)
            .json(&request)
            .send()
            .await
            .map_err(failed)?;
        let status = answer.status().as_u16();
        let body = answer.text().await.map_err(failed)?;
        serde_json::from_str::<Value>(&body)
            .ok()
            .and_then(|answer| answer["status"]["token"].as_str().map(str::to_owned))
            .ok_or(Error::Refused { action, status, body })
    }
}
