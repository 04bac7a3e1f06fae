//! A way to the API server on which things go wrong on demand.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use concur_sandbox::{ConnectionDropped, Sandbox};
use futures::StreamExt;
use http::{Response, StatusCode, header};
use http_body_util::BodyExt;
use kube::config::Kubeconfig;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens in place of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// This status, and nothing is done.
    Status(u16),
    /// A watch begins and says at once that its history is gone.
    Expired,
    /// The connection closes without an answer, and nothing is done.
    Dropped,
    /// It is done, and the connection closes before the answer.
    AnswerLost,
    /// The connection stays open and nothing ever comes, not even when all is well again.
    Silence,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: String,
    /// Path and query.
    pub(super) uri: String,
}

impl Call {
    pub(super) fn watches(&self) -> bool {
        self.uri.contains("watch=true")
    }

    /// Whether it is about this resource, its status or one of its objects.
    pub(super) fn is_about(&self, plural: &str) -> bool {
        let path = self.uri.split('?').next().unwrap_or_default();
        path.split('/').any(|part| part == plural)
    }
}

type Which = Arc<dyn Fn(&Call) -> bool + Send + Sync>;

/// What running answers are told: how often all were cut, and since when they are silent.
#[derive(Clone, Copy, Debug, Default)]
struct Weather {
    cuts: u64,
    silences: u64,
}

struct Shared {
    upstream: String,
    client: reqwest::Client,
    fault: Mutex<Option<(Fault, Which)>>,
    calls: Mutex<Vec<Call>>,
    weather: watch::Sender<Weather>,
}

pub(super) struct Proxy {
    shared: Arc<Shared>,
    kubeconfig: tempfile::NamedTempFile,
    server: JoinHandle<()>,
}

impl Proxy {
    /// Passes everything on with the caller's own credentials, for now.
    pub(super) async fn start(kubeconfig: &Path, sandbox: &Sandbox) -> Proxy {
        let mut kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let cluster = kubeconfig.clusters[0].cluster.as_mut().unwrap();
        let upstream = cluster.server.clone().unwrap();
        let pem = match (
            &cluster.certificate_authority,
            &cluster.certificate_authority_data,
        ) {
            (Some(path), _) => std::fs::read(path).unwrap(),
            (None, Some(data)) => STANDARD.decode(data).unwrap(),
            (None, None) => panic!("no certificate authority in the kubeconfig"),
        };
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()])
            .no_proxy()
            .no_gzip()
            .build()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        cluster.server = Some(format!("http://{}", listener.local_addr().unwrap()));
        (cluster.certificate_authority, cluster.certificate_authority_data) = (None, None);
        let file = tempfile::NamedTempFile::new().unwrap();
        // JSON is YAML.
        std::fs::write(file.path(), serde_json::to_vec(&kubeconfig).unwrap()).unwrap();

        let shared = Arc::new(Shared {
            upstream,
            client,
            fault: Mutex::default(),
            calls: Mutex::default(),
            weather: watch::Sender::default(),
        });
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let sandbox = sandbox.clone();
        let server = tokio::spawn(async move {
            sandbox.serve(listener, router).await;
        });
        Proxy {
            shared,
            kubeconfig: file,
            server,
        }
    }

    /// Leads here, with the administrator's token.
    pub(super) fn kubeconfig(&self) -> &Path {
        self.kubeconfig.path()
    }

    /// From now on requests like these meet the fault.
    pub(super) fn fail(&self, fault: Fault, which: impl Fn(&Call) -> bool + Send + Sync + 'static) {
        *self.shared.fault.lock().unwrap() = Some((fault, Arc::new(which)));
        if fault == Fault::Silence {
            self.shared.weather.send_modify(|weather| weather.silences += 1);
        }
    }

    /// All is well again.
    pub(super) fn mend(&self) {
        *self.shared.fault.lock().unwrap() = None;
    }

    /// Breaks the connections of all answers under way, such as watches.
    pub(super) fn cut(&self) {
        self.shared.weather.send_modify(|weather| weather.cuts += 1);
    }

    /// Requests so far.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let call = Call {
        method: request.method().to_string(),
        uri: request.uri().to_string(),
    };
    // Whoever was silent before this request stays so; what comes after it does not concern it.
    let weather = shared.weather.subscribe();
    shared.calls.lock().unwrap().push(call.clone());
    let fault = shared.fault.lock().unwrap().clone();
    match fault.filter(|(_, which)| which(&call)).map(|(fault, _)| fault) {
        Some(Fault::Status(code)) => whole(code, &status(code)),
        Some(Fault::Expired) => whole(200, &json!({"type": "ERROR", "object": status(410)})),
        Some(Fault::Dropped) => dropped(),
        Some(Fault::AnswerLost) => {
            forward(&shared, request, weather).await;
            dropped()
        }
        Some(Fault::Silence) => std::future::pending().await,
        None => forward(&shared, request, weather).await,
    }
}

/// As an API server says it.
fn status(code: u16) -> Value {
    let reason = match code {
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        _ => "InternalError",
    };
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "reason": reason, "code": code, "message": format!("the test asked for {code}"),
    })
}

fn whole(code: u16, body: &Value) -> Response<Body> {
    Response::builder()
        .status(code)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(format!("{body}\n")))
        .unwrap()
}

fn dropped() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.extensions_mut().insert(ConnectionDropped);
    response
}

async fn forward(shared: &Shared, request: Request, weather: watch::Receiver<Weather>) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return dropped();
    };
    head.headers.remove(header::HOST);
    head.headers.remove(header::CONTENT_LENGTH);
    let sent = shared
        .client
        .request(head.method, format!("{}{}", shared.upstream, head.uri))
        .headers(head.headers)
        .body(body.to_bytes())
        .send()
        .await;
    let Ok(answer) = sent else { return dropped() };
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if ![header::TRANSFER_ENCODING, header::CONNECTION].contains(name) {
            response = response.header(name, value);
        }
    }
    let before = *weather.borrow();
    let stream = futures::stream::unfold(
        Some((answer.bytes_stream(), weather)),
        move |running| async move {
            let (mut chunks, mut weather) = running?;
            loop {
                let now = *weather.borrow_and_update();
                if now.silences != before.silences {
                    std::future::pending::<()>().await;
                }
                if now.cuts != before.cuts {
                    return Some((Err(std::io::Error::other("cut")), None));
                }
                tokio::select! {
                    changed = weather.changed() => changed.ok()?,
                    chunk = chunks.next() => {
                        let chunk: Bytes = match chunk? {
                            Ok(chunk) => chunk,
                            Err(error) => return Some((Err(std::io::Error::other(error)), None)),
                        };
                        return Some((Ok(chunk), Some((chunks, weather))));
                    }
                }
            }
        },
    );
    response.body(Body::from_stream(stream)).unwrap()
}
