//! Receives the redirect: a small web server on the user's own machine, for as long as it is waited for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

use crate::cli::Failed;

/// How long a browser may take to read its page.
const FAREWELL: Duration = Duration::from_secs(2);

/// Path of the redirect URI where only an address to listen at is given.
const PATH: &str = "/callback";

/// Where the browser is sent, and where we listen for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Letter by letter as registered; none: made of the address listened at.
    pub(super) redirect_uri: Option<String>,
    /// Empty: what the browser lands on is pasted.
    pub(super) addresses: Vec<SocketAddr>,
}

impl Plan {
    /// Listens where told, else at the redirect URI if that is on this machine.
    pub(super) fn new(redirect_uri: Option<&str>, listen: Option<SocketAddr>) -> Result<Self, Failed> {
        let Some(text) = redirect_uri else {
            let Some(address) = listen else {
                return Err(Failed(
                    "no redirect URI is known; set oauth.callback.url to the one registered with the vendor, or give \
                     it with --redirect-uri"
                        .to_owned(),
                ));
            };
            if address.ip().is_unspecified() {
                return Err(Failed(format!(
                    "--listen {address} names no host for the redirect URI; give --redirect-uri too"
                )));
            }
            return Ok(Self {
                redirect_uri: None,
                addresses: vec![address],
            });
        };
        let url = parse(text)?;
        Ok(Self {
            redirect_uri: Some(text.to_owned()),
            addresses: listen.map_or_else(|| here(&url), |address| vec![address]),
        })
    }
}

fn parse(redirect_uri: &str) -> Result<Url, Failed> {
    match Url::parse(redirect_uri) {
        Ok(url) if url.fragment().is_none() => Ok(url),
        Ok(_) => Err(Failed(format!(
            "the redirect URI {redirect_uri} has a fragment; write it as it is registered with the vendor"
        ))),
        Err(error) => Err(Failed(format!(
            "the redirect URI {redirect_uri:?} is no URL ({error}); write it as it is registered with the vendor"
        ))),
    }
}

/// The addresses of this machine that the URL names; none for https, which needs a certificate.
fn here(url: &Url) -> Vec<SocketAddr> {
    let port = match (url.scheme(), url.port_or_known_default()) {
        ("http", Some(port)) => port,
        _ => return Vec::new(),
    };
    let ips = match url.host() {
        Some(Host::Ipv4(ip)) => vec![IpAddr::V4(ip)],
        Some(Host::Ipv6(ip)) => vec![IpAddr::V6(ip)],
        // Browsers take the one or the other.
        Some(Host::Domain("localhost")) => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        _ => Vec::new(),
    };
    let loopback = ips.into_iter().filter(IpAddr::is_loopback);
    loopback.map(|ip| SocketAddr::new(ip, port)).collect()
}

/// An address on which a browser landed, and how to tell it what was made of it.
pub(super) struct Arrival {
    pub(super) query: String,
    pub(super) reply: oneshot::Sender<Page>,
}

/// What a browser is shown; never anything of what it sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Received,
    Refused,
    NotOurs,
    Over,
}

impl Page {
    fn content(self) -> (StatusCode, &'static str) {
        match self {
            Self::Received => (
                StatusCode::OK,
                "The access was received. You can close this page; the terminal says how it goes on.",
            ),
            Self::Refused => (
                StatusCode::FORBIDDEN,
                "The access was refused. You can close this page; the terminal says why.",
            ),
            Self::NotOurs => (
                StatusCode::BAD_REQUEST,
                "This does not answer the authorization that is under way. The terminal says why.",
            ),
            Self::Over => (
                StatusCode::GONE,
                "Nothing is waited for any more. You can close this page.",
            ),
        }
    }
}

/// What listens.
pub(super) struct Listener {
    /// The redirect URI, with the port that was bound where none was given.
    pub(super) redirect_uri: String,
    gate: Gate,
    sockets: Vec<TcpListener>,
}

impl Listener {
    /// Binds every address of the plan; a name of two addresses may lack one of them.
    pub(super) async fn bind(plan: &Plan) -> Result<Self, Failed> {
        let mut sockets = Vec::new();
        for address in &plan.addresses {
            match TcpListener::bind(address).await {
                Ok(socket) => sockets.push(socket),
                Err(error)
                    if error.kind() == std::io::ErrorKind::AddrNotAvailable && plan.addresses.len() > 1 => {}
                Err(error) => {
                    return Err(Failed(format!(
                        "cannot listen at {address} for the redirect: {error}; free it, or name another with --listen"
                    )));
                }
            }
        }
        let bound = sockets.iter().map(TcpListener::local_addr);
        let bound: Vec<SocketAddr> = bound.collect::<Result<_, _>>().map_err(Failed::new)?;
        let redirect_uri = match (&plan.redirect_uri, bound.first()) {
            (Some(given), _) => given.clone(),
            (None, Some(address)) => format!("http://{address}{PATH}"),
            (None, None) => {
                return Err(Failed(
                    "none of the addresses to listen at is one of this machine".to_owned(),
                ));
            }
        };
        Ok(Self {
            gate: Gate::new(&parse(&redirect_uri)?, &bound),
            redirect_uri,
            sockets,
        })
    }

    /// Whether anything listens at all.
    pub(super) fn is_open(&self) -> bool {
        !self.sockets.is_empty()
    }

    /// Passes arrivals on until `until` is cancelled.
    pub(super) fn serve(self, arrivals: mpsc::Sender<Arrival>, until: &CancellationToken) -> Servers {
        let mut servers = JoinSet::new();
        let router = Router::new()
            .fallback(answer)
            .with_state((Arc::new(self.gate), arrivals));
        for socket in self.sockets {
            let (router, until) = (router.clone(), until.clone());
            servers.spawn(async move {
                let server = axum::serve(socket, router);
                // An error ends one server; the address can still be pasted.
                let _ = server
                    .with_graceful_shutdown(async move { until.cancelled().await })
                    .await;
            });
        }
        Servers(servers)
    }
}

/// Running servers.
pub(super) struct Servers(JoinSet<()>);

impl Servers {
    /// Waits until every browser has its page, but not for one that does not read it.
    pub(super) async fn end(self) {
        let _ = tokio::time::timeout(FAREWELL, self.0.join_all()).await;
    }
}

/// Which requests can be the redirect.
#[derive(Debug)]
struct Gate {
    path: String,
    hosts: Vec<String>,
}

impl Gate {
    /// The names under which the user reaches us. A page of somebody else that had its own name resolved to this
    /// machine (DNS rebinding) comes with that name, and is not answered.
    fn new(redirect_uri: &Url, bound: &[SocketAddr]) -> Self {
        let mut hosts = Vec::new();
        let mut add = |host: &str, port: u16| {
            hosts.push(format!("{host}:{port}"));
            if port == 80 {
                hosts.push(host.to_owned());
            }
        };
        for address in bound {
            let host = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            };
            add(&host(address.ip()), address.port());
            if address.ip().is_loopback() || address.ip().is_unspecified() {
                add("localhost", address.port());
                add("127.0.0.1", address.port());
                add("[::1]", address.port());
            }
        }
        if let Some(host) = redirect_uri.host_str() {
            hosts.push(match redirect_uri.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            });
        }
        Self {
            path: redirect_uri.path().to_owned(),
            hosts,
        }
    }

    fn check(&self, method: &Method, path: &str, host: Option<&str>) -> Result<(), StatusCode> {
        let ours = |host: &str| self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host));
        if !host.is_some_and(ours) {
            return Err(StatusCode::MISDIRECTED_REQUEST);
        }
        if path != self.path {
            return Err(StatusCode::NOT_FOUND);
        }
        if method != Method::GET {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        Ok(())
    }
}

async fn answer(
    State((gate, arrivals)): State<(Arc<Gate>, mpsc::Sender<Arrival>)>,
    request: Request,
) -> Response<String> {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    if let Err(status) = gate.check(request.method(), request.uri().path(), host) {
        return page(status, "Nothing is here.");
    }
    let (reply, answered) = oneshot::channel();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let _ = arrivals.send(Arrival { query, reply }).await;
    let (status, text) = answered.await.unwrap_or(Page::Over).content();
    page(status, text)
}

fn page(status: StatusCode, text: &str) -> Response<String> {
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Pollinator</title>\n<p>{text}</p>\n</html>\n"
    );
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
