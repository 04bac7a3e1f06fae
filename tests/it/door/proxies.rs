//! Requests through a real proxy: by CONNECT for https, forwarded for http.

use std::sync::{Arc, Mutex};

use pollinator::http::{GuardError, HttpClient, HttpError, HttpOptions, Proxies};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::peer::{Authority, Names, Peer, call, client_tls, guard, server_tls};

/// A proxy that takes everything to 127.0.0.1, whatever the name is.
struct Proxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl Proxy {
    /// Without `user:secret` it lets nobody through.
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let noted = heads.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(pass(stream, noted.clone()));
            }
        });
        Self {
            port,
            heads,
            _serving: serving,
        }
    }

    /// The first line of each request it had.
    fn asked(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        heads
            .iter()
            .map(|head| head.lines().next().unwrap().to_owned())
            .collect()
    }

    fn client(&self, credentials: &str, names: Names) -> HttpClient {
        let proxy = format!("http://{credentials}127.0.0.1:{}", self.port);
        let proxies = Proxies::read(|name| match name {
            "HTTPS_PROXY" | "http_proxy" => Some(proxy.clone()),
            "NO_PROXY" => Some("direct.test".to_owned()),
            _ => None,
        });
        HttpClient::with(HttpOptions {
            proxies: proxies.unwrap(),
            resolver: Arc::new(names),
            ..HttpOptions::new(guard("127.0.0.7/32"))
        })
        .unwrap()
    }
}

async fn pass(mut stream: TcpStream, heads: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.unwrap_or_default() == 0 {
            return;
        }
    }
    let text = String::from_utf8(head.clone()).unwrap();
    heads.lock().unwrap().push(text.clone());
    // user:secret
    if !text
        .to_lowercase()
        .contains("proxy-authorization: basic dxnlcjpzzwnyzxq=")
    {
        let answer =
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = stream.write_all(answer).await;
        return;
    }
    let mut words = text.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let authority = target.trim_start_matches("http://").split('/').next().unwrap();
    let port: u16 = authority.rsplit_once(':').unwrap().1.parse().unwrap();
    let mut origin = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    if method == "CONNECT" {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    } else {
        origin.write_all(&head).await.unwrap();
    }
    let _ = copy_bidirectional(&mut stream, &mut origin).await;
}

#[tokio::test]
async fn proxies_of_the_environment_are_used() {
    let (proxy, authority) = (Proxy::start().await, Authority::new());
    let secure = Peer::tls(server_tls(&authority.pair(&["hooks.test"]), Some(&authority))).await;
    let plain = Peer::plain().await;
    let direct = Peer::on("127.0.0.7:0", None).await;
    let client = proxy.client(
        "user:secret@",
        Names::default().with("direct.test", &["127.0.0.7"]),
    );
    let tls = client_tls(Some(&authority), Some(&authority.pair(&["client"])));

    let url = format!("https://hooks.test:{}/callback?token=1", secure.port());
    assert_eq!(call(&client, &url, Some(&tls)).await.unwrap().body(), "HTTP/2.0");
    let url = format!("http://hooks.test:{}/plain", plain.port());
    assert_eq!(call(&client, &url, None).await.unwrap().body(), "HTTP/1.1");
    let url = format!("http://direct.test:{}/", direct.port());
    call(&client, &url, None).await.unwrap();
    assert_eq!(
        proxy.asked(),
        [
            format!("CONNECT hooks.test:{} HTTP/1.1", secure.port()),
            format!("GET http://hooks.test:{}/plain HTTP/1.1", plain.port()),
        ]
    );
    let seen = plain.seen.requests();
    assert_eq!(seen[0].headers()["host"], format!("hooks.test:{}", plain.port()));
}

#[tokio::test]
async fn a_proxy_is_no_way_around_the_guard() {
    let proxy = Proxy::start().await;
    let names = Names::default()
        .with("metadata.test", &["169.254.169.254"])
        .with("mixed.test", &["8.8.8.8 127.0.0.1"]);
    let client = proxy.client("user:secret@", names);
    for host in [
        "169.254.169.254",
        "2852039166",
        "[::ffff:a9fe:a9fe]",
        "metadata.test",
        "mixed.test",
    ] {
        for scheme in ["http", "https"] {
            match call(&client, &format!("{scheme}://{host}/"), None).await {
                Err(HttpError::Refused {
                    source: GuardError::Metadata { .. } | GuardError::Loopback { .. },
                    ..
                }) => {}
                other => panic!("{host}: {other:?}"),
            }
        }
    }
    // The machine itself is asked without the proxy, and refused like anywhere.
    for url in ["http://localhost/", "http://127.0.0.1/"] {
        assert!(call(&client, url, None).await.is_err());
    }
    assert_eq!(proxy.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn trouble_with_a_proxy_is_told_without_its_credentials() {
    let proxy = Proxy::start().await;
    let client = proxy.client("somebody:else-secret@", Names::default());
    let error = call(&client, "https://hooks.test/", None).await.unwrap_err();
    let shown = format!("{error} {error:?} {client:?}");
    let through = format!("(through the proxy 127.0.0.1:{})", proxy.port);
    assert!(shown.contains(&through), "{shown}");
    assert!(
        !shown.contains("else-secret") && !shown.contains("somebody"),
        "{shown}"
    );
    let HttpError::Connection { unsent: true, .. } = error else {
        panic!("{error:?}")
    };
}
