//! A server on loopback, with or without TLS, that notes what it sees; and certificates for both sides.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use pollinator::http::{
    AddressGuard, Answer, BodyLimit, BoxFuture, HttpClient, HttpError, HttpOptions, Limits, Resolver,
    Transport,
};
use pollinator::tls::ClientTls;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Longer than anything here takes, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const LIMITS: Limits = Limits {
    timeout: PATIENCE,
    body: BodyLimit::Refuse(1 << 20),
};

/// A certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn pair(&self, names: &[&str]) -> Pair {
        self.pair_until(names, 4096)
    }

    /// A certificate that is good until the end of a year.
    pub fn pair_until(&self, names: &[&str], year: i32) -> Pair {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 12, 31);
        let key = KeyPair::generate().unwrap();
        Pair {
            certificate: params.signed_by(&key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    fn store(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        store.add(self.0.der().clone()).unwrap();
        store
    }
}

/// TLS of a server; with `clients` it wants a certificate of that authority.
pub fn server_tls(pair: &Pair, clients: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        Some(authority) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(authority.store()), provider)
                .build()
                .unwrap(),
        ),
        None => builder.with_no_client_auth(),
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let mut config = builder.with_single_cert(chain.unwrap(), key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// What a client is given.
pub fn client_tls(ca: Option<&Authority>, pair: Option<&Pair>) -> ClientTls {
    let ca = ca.map(Authority::pem);
    ClientTls::read(
        ca.as_ref().map(String::as_bytes),
        pair.map(|pair| pair.certificate.as_bytes()),
        pair.map(|pair| pair.key.as_bytes()),
    )
    .unwrap()
}

/// What a server saw.
#[derive(Default)]
pub struct Seen {
    connections: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    requests: Mutex<Vec<Request<Bytes>>>,
    arrived: Notify,
    /// Answers wait for this, where the path begins with `/slow`.
    release: Notify,
    slow_ends: AtomicBool,
}

impl Seen {
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Requests under way at once, at most.
    pub fn most_under_way(&self) -> usize {
        self.most_under_way.load(Ordering::SeqCst)
    }

    /// Connections open at once, at most.
    pub fn most_open(&self) -> usize {
        self.most_open.load(Ordering::SeqCst)
    }

    pub fn requests(&self) -> Vec<Request<Bytes>> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until that many requests arrived.
    pub async fn arrived(&self, count: usize) {
        let wait = async {
            loop {
                let more = self.arrived.notified();
                if self.requests.lock().unwrap().len() >= count {
                    return;
                }
                more.await;
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .expect("requests arrive");
    }

    /// Slow answers come from now on.
    pub fn end_slowness(&self) {
        self.slow_ends.store(true, Ordering::SeqCst);
        self.release.notify_waiters();
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<hyper::body::Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        let slow = head.uri.path().starts_with("/slow");
        let version = format!("{:?}", head.version);
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        self.requests
            .lock()
            .unwrap()
            .push(Request::from_parts(head, body));
        self.arrived.notify_waiters();
        let released = self.release.notified();
        if slow && !self.slow_ends.load(Ordering::SeqCst) {
            released.await;
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        Ok(Response::new(Full::new(Bytes::from(version))))
    }
}

/// A running server; it ends when it is dropped.
pub struct Peer {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    _serving: JoinSet<()>,
}

impl Peer {
    pub async fn plain() -> Self {
        Self::on("127.0.0.1:0", None).await
    }

    pub async fn tls(config: ServerConfig) -> Self {
        Self::on("127.0.0.1:0", Some(config)).await
    }

    pub async fn on(address: &str, tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let mut serving = JoinSet::new();
        let noted = seen.clone();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                noted.connections.fetch_add(1, Ordering::SeqCst);
                let (tls, seen) = (tls.clone(), noted.clone());
                connections.spawn(async move {
                    let open = seen.open.fetch_add(1, Ordering::SeqCst) + 1;
                    seen.most_open.fetch_max(open, Ordering::SeqCst);
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, seen.clone()).await;
                            }
                        }
                        None => serve(stream, seen.clone()).await,
                    }
                    seen.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            seen,
            _serving: serving,
        }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, seen: Arc<Seen>) {
    let service = tower::service_fn(move |request| seen.clone().answer(request));
    let builder = auto::Builder::new(TokioExecutor::new());
    let _ = builder
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .await;
}

/// Names with addresses that may change from one look to the next; the last stays.
#[derive(Default)]
pub struct Names {
    answers: Mutex<Vec<(String, Vec<Vec<IpAddr>>)>>,
    looks: AtomicUsize,
}

impl Names {
    /// `addresses` are those of each look in turn, with blanks between those of one look.
    pub fn with(self, name: &str, addresses: &[&str]) -> Self {
        let parse = |text: &&str| text.split_whitespace().map(|ip| ip.parse().unwrap()).collect();
        let entry = (name.to_owned(), addresses.iter().map(parse).collect());
        self.answers.lock().unwrap().push(entry);
        self
    }

    pub fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }
}

impl Resolver for Names {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let found = answers.iter_mut().find(|(known, _)| *known == name);
        let found = found.map(|(_, looks)| {
            if looks.len() > 1 {
                looks.remove(0)
            } else {
                looks[0].clone()
            }
        });
        Box::pin(std::future::ready(
            found.ok_or_else(|| io::Error::other("no such name")),
        ))
    }
}

/// The guard of an operator that may call some loopback addresses.
pub fn guard(allow: &str) -> AddressGuard {
    let allow = allow.split_whitespace().map(|net| net.parse().unwrap()).collect();
    AddressGuard::operator(allow, Vec::new(), Vec::new())
}

/// A client that may call 127.0.0.1.
pub fn client() -> HttpClient {
    HttpClient::with(HttpOptions::new(guard("127.0.0.1/32"))).unwrap()
}

pub fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

pub async fn call(client: &HttpClient, url: &str, tls: Option<&ClientTls>) -> Result<Answer, HttpError> {
    let mut request = get(url);
    if let Some(tls) = tls {
        request.extensions_mut().insert(tls.clone());
    }
    client.send(request, LIMITS).await
}
