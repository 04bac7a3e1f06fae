//! The transport over real connections.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper_util::client::proxy::matcher::Matcher;
use url::{Host, Url};

use super::bounds::Bounds;
use super::clients::Clients;
use super::proxies::proxy_of;
use super::resolve::check_for_proxy;
use super::trouble::Peer;
use super::{
    AddressGuard, Answer, BodyLimit, BoxFuture, ClientError, GuardError, HttpError, Limits, Proxies,
    Resolver, SystemResolver, Transport, USER_AGENT,
};
use crate::tls::ClientTls;

/// Default of [`HttpOptions::max_requests_per_host`]: a host that answers within 0.2 s gives 640 answers a second.
pub const MAX_REQUESTS_PER_HOST: usize = 128;
/// How soon a dead HTTP/2 connection is noticed.
const HTTP2_KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How requests go out.
#[derive(Clone)]
pub struct HttpOptions {
    /// Which addresses may be called.
    pub guard: AddressGuard,
    /// Sent where a request brings no `User-Agent`.
    pub user_agent: String,
    /// What goes through a proxy.
    pub proxies: Proxies,
    /// Who looks host names up.
    pub resolver: Arc<dyn Resolver>,
    /// Requests, and so connections, to one host (scheme, name and port) at once, of all instances together.
    pub max_requests_per_host: usize,
    /// After how long without a word an HTTP/2 connection is asked whether it lives, and then for how long.
    pub http2_keep_alive: Duration,
}

impl HttpOptions {
    /// Straight to every host that `guard` lets through, by the machine's own resolver.
    pub fn new(guard: AddressGuard) -> Self {
        Self {
            guard,
            user_agent: USER_AGENT.to_owned(),
            proxies: Proxies::none(),
            resolver: Arc::new(SystemResolver),
            max_requests_per_host: MAX_REQUESTS_PER_HOST,
            http2_keep_alive: HTTP2_KEEP_ALIVE,
        }
    }
}

/// Sends requests over the network, under the address guard and without following redirects; clones share their
/// connections and bounds.
#[derive(Clone)]
pub struct HttpClient(Arc<Parts>);

struct Parts {
    guard: AddressGuard,
    resolver: Arc<dyn Resolver>,
    proxies: Option<Matcher>,
    clients: Clients,
    bounds: Bounds,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("guard", &self.0.guard)
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client as [`HttpOptions::new`] has it; `user_agent` is sent where a request brings none.
    pub fn new(guard: AddressGuard, user_agent: &str) -> Result<Self, ClientError> {
        Self::with(HttpOptions {
            user_agent: user_agent.to_owned(),
            ..HttpOptions::new(guard)
        })
    }

    /// Makes a client with its own connection pool.
    pub fn with(options: HttpOptions) -> Result<Self, ClientError> {
        Ok(Self(Arc::new(Parts {
            guard: options.guard.clone(),
            resolver: options.resolver.clone(),
            proxies: options.proxies.matcher(),
            bounds: Bounds::new(options.max_requests_per_host),
            clients: Clients::new(options).map_err(ClientError::Setup)?,
        })))
    }

    async fn exchange(&self, request: ::http::Request<Bytes>, limits: Limits) -> Result<Answer, HttpError> {
        let (head, body) = request.into_parts();
        let url = Url::parse(&head.uri.to_string()).map_err(|error| HttpError::Connection {
            host: head.uri.host().unwrap_or_default().to_owned(),
            reason: format!("the url cannot be read: {error}"),
            unsent: true,
        })?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let refused = |source| HttpError::Refused {
            host: host.clone(),
            source,
        };
        let Parts {
            guard,
            resolver,
            proxies,
            clients,
            bounds,
        } = &*self.0;
        check_literal(guard, &url).map_err(refused)?;
        let proxy = proxies.as_ref().and_then(|matcher| proxy_of(matcher, &url));
        let tls = head.extensions.get::<ClientTls>();
        let peer = Peer {
            host: &host,
            proxy: proxy.as_deref(),
            own_authorities: tls.is_some_and(|tls| !tls.roots().is_empty()),
        };
        let origin = url.origin().ascii_serialization();
        let Ok(_place) = tokio::time::timeout(limits.timeout, bounds.enter(origin)).await else {
            return Err(HttpError::Connection {
                host,
                reason: format!(
                    "{} requests to it are under way, and none ended within {} s",
                    bounds.most(),
                    seconds(limits.timeout)
                ),
                unsent: true,
            });
        };
        let whole = async {
            if let (Some(_), Some(name)) = (&proxy, url.domain()) {
                check_for_proxy(guard, &**resolver, name).await.map_err(refused)?;
            }
            let client = clients
                .get(tls, proxy.is_some())
                .map_err(|error| peer.failure(error))?;
            let sending = client
                .request(head.method, url)
                .headers(head.headers)
                .body(body)
                .send();
            let response = sending.await.map_err(|error| peer.failure(error))?;
            read(peer, response, limits.body).await
        };
        tokio::time::timeout(limits.timeout, whole)
            .await
            .unwrap_or_else(|_| {
                Err(HttpError::Timeout {
                    host: host.clone(),
                    seconds: seconds(limits.timeout),
                })
            })
    }
}

fn seconds(time: Duration) -> u64 {
    time.as_secs_f64().ceil() as u64
}

/// Addresses written into the URL never reach the resolver, in whatever notation they are.
fn check_literal(guard: &AddressGuard, url: &Url) -> Result<(), GuardError> {
    match url.host() {
        Some(Host::Ipv4(address)) => guard.check(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => guard.check(IpAddr::V6(address)),
        Some(Host::Domain(_)) | None => Ok(()),
    }
}

impl Transport for HttpClient {
    fn send(
        &self,
        request: ::http::Request<Bytes>,
        limits: Limits,
    ) -> BoxFuture<'_, Result<Answer, HttpError>> {
        Box::pin(self.exchange(request, limits))
    }
}

async fn read(
    peer: Peer<'_>,
    mut response: reqwest::Response,
    limit: BodyLimit,
) -> Result<Answer, HttpError> {
    let mut answer = ::http::Response::new(Bytes::new());
    *answer.status_mut() = response.status();
    *answer.version_mut() = response.version();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    if let BodyLimit::Refuse(most) = limit
        && response
            .content_length()
            .is_some_and(|length| length > most as u64)
    {
        return Err(HttpError::BodyTooLarge {
            host: peer.host.to_owned(),
            limit: most,
        });
    }
    let mut body = Body::default();
    while let Some(chunk) = response.chunk().await.map_err(|error| peer.failure(error))? {
        match limit {
            BodyLimit::Refuse(limit) if body.len() + chunk.len() > limit => {
                return Err(HttpError::BodyTooLarge {
                    host: peer.host.to_owned(),
                    limit,
                });
            }
            BodyLimit::Truncate(limit) if body.len() + chunk.len() > limit => {
                body.push(chunk.slice(..limit - body.len()));
                break;
            }
            BodyLimit::Refuse(_) | BodyLimit::Truncate(_) => body.push(chunk),
        }
    }
    *answer.body_mut() = body.finish();
    Ok(answer)
}

/// Most bodies come as one chunk, which then is not copied.
#[derive(Default)]
struct Body {
    first: Bytes,
    rest: BytesMut,
}

impl Body {
    fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    fn push(&mut self, chunk: Bytes) {
        if self.len() == 0 {
            self.first = chunk;
            return;
        }
        if !self.first.is_empty() {
            self.rest.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&chunk);
    }

    fn finish(self) -> Bytes {
        if self.rest.is_empty() {
            self.first
        } else {
            self.rest.freeze()
        }
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
