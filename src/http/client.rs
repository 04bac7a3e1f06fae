//! The transport over real connections.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::{AddressGuard, Answer, BodyLimit, BoxFuture, GuardError, HttpError, Limits, Transport};

/// A peer that does not even accept a connection shall not use up a request's whole time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than what servers and load balancers commonly keep, so that few requests meet a closing connection.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How soon a dead HTTP/2 connection is noticed while requests wait on it.
const HTTP2_KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Sends requests over the network, under the address guard, without proxies and without following redirects.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: reqwest::Client,
    guard: Arc<AddressGuard>,
}

/// Why there is no HTTP client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS cannot be set up, mostly for want of trusted certificates.
    #[error("the http client cannot be set up; are CA certificates installed?")]
    Setup(#[source] reqwest::Error),
}

impl HttpClient {
    /// Makes a client with its own connection pool; `user_agent` is sent where a request brings none.
    pub fn new(guard: AddressGuard, user_agent: &str) -> Result<Self, ClientError> {
        let guard = Arc::new(guard);
        let client = reqwest::Client::builder()
            .user_agent(user_agent)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(GuardedResolver {
                guard: Arc::clone(&guard),
            })
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .http2_keep_alive_interval(HTTP2_KEEP_ALIVE)
            .http2_keep_alive_timeout(HTTP2_KEEP_ALIVE)
            // Some receivers look headers up by their documented spelling.
            .http1_title_case_headers()
            .build()
            .map_err(ClientError::Setup)?;
        Ok(Self { client, guard })
    }

    async fn exchange(&self, request: ::http::Request<Bytes>, limits: Limits) -> Result<Answer, HttpError> {
        let (head, body) = request.into_parts();
        let url = Url::parse(&head.uri.to_string()).map_err(|error| HttpError::Connection {
            host: head.uri.host().unwrap_or_default().to_owned(),
            reason: format!("the url cannot be read: {error}"),
            unsent: true,
        })?;
        let host = url.host_str().unwrap_or_default().to_owned();
        self.check_literal(&url).map_err(|source| HttpError::Refused {
            host: host.clone(),
            source,
        })?;
        let sending = self
            .client
            .request(head.method, url)
            .headers(head.headers)
            .body(body)
            .send();
        let whole = async {
            let response = sending.await.map_err(|error| failure(&host, error))?;
            read(&host, response, limits.body).await
        };
        tokio::time::timeout(limits.timeout, whole)
            .await
            .unwrap_or_else(|_| {
                let seconds = limits.timeout.as_secs_f64().ceil() as u64;
                Err(HttpError::Timeout {
                    host: host.clone(),
                    seconds,
                })
            })
    }

    /// Addresses written into the URL never reach the resolver, in whatever notation they are.
    fn check_literal(&self, url: &Url) -> Result<(), GuardError> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.guard.check(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => self.guard.check(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => Ok(()),
        }
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

async fn read(host: &str, mut response: reqwest::Response, limit: BodyLimit) -> Result<Answer, HttpError> {
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
            host: host.to_owned(),
            limit: most,
        });
    }
    let mut body = Body::default();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(host, error))? {
        match limit {
            BodyLimit::Refuse(limit) if body.len() + chunk.len() > limit => {
                return Err(HttpError::BodyTooLarge {
                    host: host.to_owned(),
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

fn failure(host: &str, error: reqwest::Error) -> HttpError {
    // The outer error prints the URL, whose query may hold secrets.
    let error = error.without_url();
    let host = host.to_owned();
    let mut cause: &(dyn Error + 'static) = &error;
    loop {
        if let Some(source) = cause.downcast_ref::<GuardError>() {
            return HttpError::Refused {
                host,
                source: source.clone(),
            };
        }
        match cause.source() {
            Some(inner) => cause = inner,
            None => break,
        }
    }
    let reason = cause.to_string();
    HttpError::Connection {
        host,
        reason,
        unsent: error.is_connect() || error.is_builder(),
    }
}

/// Looks names up and keeps only addresses that may be called, so that what was checked is what is connected to.
struct GuardedResolver {
    guard: Arc<AddressGuard>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.guard);
        Box::pin(async move {
            // The port is filled in from the URL.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let mut refused = None;
            let allowed: Vec<SocketAddr> = found
                .filter(|address| match guard.check(address.ip()) {
                    Ok(()) => true,
                    Err(error) => {
                        refused.get_or_insert(error);
                        false
                    }
                })
                .collect();
            match refused {
                Some(error) if allowed.is_empty() => Err(error.into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
