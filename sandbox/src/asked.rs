//! A request that was read whole.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Method, Request, header};
use bytes::Bytes;

/// Largest request body that the sandbox reads, bytes.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) host: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    /// Reads the request; `None` if the body broke off or is too large.
    pub(crate) async fn read(request: Request<Body>) -> Option<Asked> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, BODY_LIMIT).await.ok()?;
        let host = match parts
            .headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
        {
            Some(host) => Some(host.to_owned()),
            None => parts
                .uri
                .authority()
                .map(|authority| authority.as_str().to_owned()),
        };
        Some(Asked {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            host: host.map(|host| host.to_ascii_lowercase()),
            headers: parts.headers,
            body,
        })
    }

    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn header_named(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Scheme and credentials of the Authorization header.
    pub(crate) fn authorization(&self) -> Option<(&str, &str)> {
        let value = self.header(&header::AUTHORIZATION)?;
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        Some((scheme, token.trim()))
    }
}
