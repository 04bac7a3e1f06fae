//! The only door to the network besides the Kubernetes client: requests go out here, under the address guard,
//! with a time and a byte limit, and never follow a redirect.

mod address;
mod bounds;
mod client;
mod clients;
mod guard;
mod headers;
mod proxies;
mod resolve;
mod trouble;

pub use client::{HttpClient, HttpOptions, MAX_REQUESTS_PER_HOST};
pub use guard::{AddressGuard, GuardError};
pub use headers::{date, retry_after};
pub use proxies::Proxies;
pub use resolve::{Resolver, SystemResolver};

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

/// `User-Agent` of every request.
pub const USER_AGENT: &str = concat!("Pollinator/", env!("CARGO_PKG_VERSION"));

/// What one request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the first byte sent to the last byte read. Before it as much time again may pass in the queue of a host
    /// to which as many requests are under way as may be.
    pub timeout: Duration,
    /// Bytes of body that are read.
    pub body: BodyLimit,
}

/// What happens with a body longer than allowed.
#[derive(Clone, Copy, Debug)]
pub enum BodyLimit {
    /// The request fails with [`HttpError::BodyTooLarge`].
    Refuse(usize),
    /// The rest is not read; right for answers of which only the beginning is shown to humans.
    Truncate(usize),
}

/// An answer whose body was read whole (or up to its limit).
pub type Answer = ::http::Response<Bytes>;

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends requests. The network is one implementation ([`HttpClient`]), tests bring their own.
pub trait Transport: Send + Sync {
    /// Sends `request` and reads the answer within `limits`; any status is an answer, not an error.
    ///
    /// A [`ClientTls`](crate::tls::ClientTls) among the request's extensions says whom to trust and as whom to come.
    fn send(
        &self,
        request: ::http::Request<Bytes>,
        limits: Limits,
    ) -> BoxFuture<'_, Result<Answer, HttpError>>;
}

/// Why there is no HTTP client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS cannot be set up, mostly for want of trusted certificates.
    #[error("the http client cannot be set up; are CA certificates installed?")]
    Setup(#[source] reqwest::Error),
    /// A variable of the environment asks for a proxy that cannot be used. Its value may hold a password.
    #[error(
        "the environment variable {variable} names no http or https proxy; write it as http://host:port, or unset it"
    )]
    Proxy {
        /// Its name.
        variable: String,
    },
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address guard refused the host.
    #[error("{host} may not be called")]
    Refused {
        /// Host of the URL.
        host: String,
        /// Which rule.
        #[source]
        source: GuardError,
    },
    /// No connection, or it broke before the answer was complete.
    #[error("request to {host} failed: {reason}")]
    Connection {
        /// Host of the URL.
        host: String,
        /// The innermost cause, without URL, query or header.
        reason: String,
        /// True where the request certainly never reached the peer.
        unsent: bool,
    },
    /// No complete answer within the limit.
    #[error("{host} gave no complete answer within {seconds} s")]
    Timeout {
        /// Host of the URL.
        host: String,
        /// The limit.
        seconds: u64,
    },
    /// The body is larger than allowed.
    #[error("answer of {host} is larger than {limit} bytes")]
    BodyTooLarge {
        /// Host of the URL.
        host: String,
        /// The limit.
        limit: usize,
    },
}
