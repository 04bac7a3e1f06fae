//! The connection pools: one for requests that say nothing of TLS, one for what goes through proxies, and one for each
//! set of certificates.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::tls::Version;
use reqwest::{Certificate, Client, Identity};
use secrecy::ExposeSecret;

use super::HttpOptions;
use super::resolve::Guarded;
use crate::tls::ClientTls;

/// A peer that does not even accept a connection shall not use up a request's whole time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than what servers and load balancers commonly keep, so that few requests meet a closing connection.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Sets of certificates whose connections are kept; the one that was not used for the longest time gives way.
const MOST_KEPT: usize = 256;

/// Whose connections they are, and whether a proxy stands between.
type Key = ([u8; 32], bool);

pub(super) struct Clients {
    options: HttpOptions,
    direct: Client,
    proxied: Option<Client>,
    /// The newest first.
    kept: Mutex<VecDeque<(Key, Client)>>,
}

impl Clients {
    pub(super) fn new(options: HttpOptions) -> reqwest::Result<Self> {
        let has_proxies = options.proxies.matcher().is_some();
        Ok(Self {
            direct: make(&options, None, false)?,
            proxied: has_proxies.then(|| make(&options, None, true)).transpose()?,
            options,
            kept: Mutex::default(),
        })
    }

    /// The client for requests with `tls`, straight or through a proxy.
    pub(super) fn get(&self, tls: Option<&ClientTls>, proxied: bool) -> reqwest::Result<Client> {
        match (tls, &self.proxied) {
            (None, Some(client)) if proxied => Ok(client.clone()),
            (None, _) => Ok(self.direct.clone()),
            (Some(tls), _) => self.kept_or_made(tls, proxied),
        }
    }

    fn kept_or_made(&self, tls: &ClientTls, proxied: bool) -> reqwest::Result<Client> {
        let key = (tls.fingerprint(), proxied);
        if let Some(client) = self.take_forward(&key) {
            return Ok(client);
        }
        // Not under the lock, since the system's authorities may have to be read.
        let client = make(&self.options, Some(tls), proxied)?;
        if let Some(client) = self.take_forward(&key) {
            return Ok(client);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front((key, client.clone()));
        kept.truncate(MOST_KEPT);
        Ok(client)
    }

    fn take_forward(&self, key: &Key) -> Option<Client> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().position(|(other, _)| other == key)?;
        let found = kept.remove(found)?;
        let client = found.1.clone();
        kept.push_front(found);
        Some(client)
    }
}

fn make(options: &HttpOptions, tls: Option<&ClientTls>, proxied: bool) -> reqwest::Result<Client> {
    let mut builder = Client::builder()
        .user_agent(&options.user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .tls_version_min(Version::TLS_1_2)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .pool_max_idle_per_host(options.max_requests_per_host)
        .http2_keep_alive_interval(options.http2_keep_alive)
        .http2_keep_alive_timeout(options.http2_keep_alive)
        .http2_keep_alive_while_idle(true)
        // Some receivers look headers up by their documented spelling.
        .http1_title_case_headers()
        .no_proxy();
    if proxied {
        // What is looked up here is the proxy, which the operator's own environment names.
        for proxy in options.proxies.proxies()? {
            builder = builder.proxy(proxy);
        }
    } else {
        builder = builder.dns_resolver(Guarded {
            guard: options.guard.clone(),
            resolver: options.resolver.clone(),
        });
    }
    if let Some(tls) = tls {
        let roots = tls.roots().iter().map(|root| Certificate::from_der(root));
        let roots = roots.collect::<reqwest::Result<Vec<_>>>()?;
        if !roots.is_empty() {
            builder = builder.tls_certs_only(roots);
        }
        if let Some(identity) = tls.identity() {
            builder = builder.identity(Identity::from_pem(identity.expose_secret())?);
        }
    }
    builder.build()
}
