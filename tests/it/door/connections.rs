//! Connections are kept, and dead ones noticed; redirects lead nowhere.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use pollinator::http::{HttpClient, HttpError, HttpOptions, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::peer::{Authority, LIMITS, Peer, call, client, client_tls, guard, server_tls};

#[tokio::test]
async fn many_requests_share_one_http2_connection() {
    let authority = Authority::new();
    let peer = Peer::tls(server_tls(&authority.pair(&["127.0.0.1"]), None)).await;
    let (client, tls) = (client(), client_tls(Some(&authority), None));
    let url = format!("https://127.0.0.1:{}/", peer.port());
    for _ in 0..3 {
        assert_eq!(call(&client, &url, Some(&tls)).await.unwrap().body(), "HTTP/2.0");
    }
    let together = (0..20).map(|_| call(&client, &url, Some(&tls)));
    futures::future::try_join_all(together).await.unwrap();
    assert_eq!((peer.seen.connections(), peer.seen.requests().len()), (1, 23));
}

/// A peer that fell silent, as behind a firewall that forgot the connection: whoever waits for it is told long before his
/// time is over, and the next request does not take the dead connection.
#[tokio::test]
async fn a_dead_http2_connection_is_noticed() {
    let authority = Authority::new();
    let config = Arc::new(server_tls(&authority.pair(&["127.0.0.1"]), None));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = TlsAcceptor::from(config).accept(stream).await.unwrap();
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.unwrap();
        // An empty SETTINGS frame and nothing ever after, the answer to a PING included.
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        stream.flush().await.unwrap();
        std::future::pending::<()>().await;
    });
    let client = HttpClient::with(HttpOptions {
        http2_keep_alive: Duration::from_millis(200),
        ..HttpOptions::new(guard("127.0.0.1/32"))
    })
    .unwrap();
    let error = call(&client, &url, Some(&client_tls(Some(&authority), None)))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, HttpError::Connection { unsent: false, .. }),
        "the end of the time limit came first: {error:?}"
    );
    server.abort();
}

/// No status, no method: a redirect is an answer, and where it points to is never called.
#[tokio::test]
async fn redirects_are_never_followed() {
    let elsewhere = Peer::plain().await;
    for status in [300, 301, 302, 303, 305, 307, 308] {
        for method in [Method::GET, Method::POST] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/", listener.local_addr().unwrap());
            let location = format!("http://127.0.0.1:{}/", elsewhere.port());
            let answer = format!(
                "HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nRefresh: 0; url={location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                    assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0);
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
            let request = Request::builder()
                .method(&method)
                .uri(&url)
                .body(Bytes::new())
                .unwrap();
            let answer = client().send(request, LIMITS).await.unwrap();
            assert_eq!(answer.status(), status);
            server.await.unwrap();
        }
    }
    assert_eq!(elsewhere.seen.connections(), 0);
}
