use std::net::SocketAddr;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// 100,000 times the letter a, in gzip.
const BOMB: &str = "H4sIAAAAAAACA+3BMQEAAADCoKzrX8IaHkABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAArwaH+uIboIYBAA==";

const LIMITS: Limits = Limits {
    timeout: Duration::from_secs(5),
    body: BodyLimit::Refuse(1000),
};

/// Answers one request with `answer`, closes, and yields the head of the request.
async fn serve_once(answer: Vec<u8>) -> (SocketAddr, JoinHandle<String>) {
    serve(answer, Duration::ZERO).await
}

/// The same, but the connection stays open for `hold` after the answer.
async fn serve(answer: Vec<u8>, hold: Duration) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0, "request broke off");
        }
        stream.write_all(&answer).await.unwrap();
        tokio::time::sleep(hold).await;
        String::from_utf8_lossy(&head).into_owned()
    });
    (address, served)
}

fn plain(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn client(guard: AddressGuard) -> HttpClient {
    HttpClient::new(guard, "test").unwrap()
}

fn laptop() -> HttpClient {
    client(AddressGuard::laptop(Vec::new(), Vec::new()))
}

fn operator(allow: &str) -> HttpClient {
    let allow = allow.split_whitespace().map(|net| net.parse().unwrap()).collect();
    client(AddressGuard::operator(allow, Vec::new(), Vec::new()))
}

fn get(url: String) -> ::http::Request<Bytes> {
    ::http::Request::get(url).body(Bytes::new()).unwrap()
}

async fn call(answer: Vec<u8>, limits: Limits) -> Result<Answer, HttpError> {
    let (address, served) = serve_once(answer).await;
    let result = laptop()
        .send(get(format!("http://{address}/path?secret=1")), limits)
        .await;
    served.abort();
    if let Err(error) = &result {
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
    result
}

#[tokio::test]
async fn sends_and_reads() {
    let (address, served) = serve_once(plain("answer")).await;
    let request = ::http::Request::post(format!("http://{address}/path?query=1"))
        .header("elements-webhook-id", "id")
        .body(Bytes::from("body"))
        .unwrap();
    let answer = laptop().send(request, LIMITS).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.body().as_ref()),
        (200, &b"answer"[..])
    );
    assert_eq!(answer.headers()["content-length"], "6");
    let head = served.await.unwrap();
    for part in [
        "POST /path?query=1 HTTP/1.1\r\n",
        "Elements-Webhook-Id: id\r\n",
        "User-Agent: test\r\n",
        "Content-Length: 4\r\n",
    ] {
        assert!(head.contains(part), "{head}");
    }
}

#[tokio::test]
async fn a_get_has_no_body_headers() {
    let (address, served) = serve_once(plain("")).await;
    laptop()
        .send(get(format!("http://{address}")), LIMITS)
        .await
        .unwrap();
    let head = served.await.unwrap().to_lowercase();
    assert!(
        head.starts_with("get / http/1.1\r\n") && !head.contains("content-") && !head.contains("transfer-"),
        "{head}"
    );
}

#[tokio::test]
async fn user_and_password_of_the_url_become_basic_credentials() {
    let (address, served) = serve_once(plain("")).await;
    laptop()
        .send(get(format!("http://user:pass%2Fword@{address}/")), LIMITS)
        .await
        .unwrap();
    let head = served.await.unwrap();
    assert!(
        head.contains(&format!(
            "Authorization: Basic {}\r\n",
            STANDARD.encode("user:pass/word")
        )),
        "{head}"
    );
    assert!(head.contains(&format!("Host: {address}\r\n")), "{head}");
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let redirect = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n";
    let answer = call(redirect.to_vec(), LIMITS).await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()["location"], "http://169.254.169.254/");
}

#[tokio::test]
async fn body_limits() {
    let gzip = STANDARD.decode(BOMB).unwrap();
    assert!(gzip.len() < 1000);
    let mut bomb = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        gzip.len()
    )
    .into_bytes();
    bomb.extend(gzip);
    let chunked =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n4\r\nghij\r\n0\r\n\r\n".to_vec();
    for (answer, limit, expected) in [
        (plain("0123456789"), BodyLimit::Refuse(10), Some("0123456789")),
        (plain("0123456789"), BodyLimit::Refuse(9), None),
        (plain("0123456789"), BodyLimit::Truncate(10), Some("0123456789")),
        (plain("0123456789"), BodyLimit::Truncate(9), Some("012345678")),
        (plain("0123456789"), BodyLimit::Truncate(0), Some("")),
        (plain(""), BodyLimit::Refuse(0), Some("")),
        (chunked.clone(), BodyLimit::Refuse(10), Some("abcdefghij")),
        (chunked.clone(), BodyLimit::Refuse(9), None),
        (chunked.clone(), BodyLimit::Truncate(5), Some("abcde")),
        (bomb.clone(), BodyLimit::Refuse(99_999), None),
        (
            bomb.clone(),
            BodyLimit::Refuse(100_000),
            Some("a".repeat(100_000).as_str()),
        ),
        (bomb, BodyLimit::Truncate(4), Some("aaaa")),
    ] {
        match (
            call(
                answer,
                Limits {
                    body: limit,
                    ..LIMITS
                },
            )
            .await,
            expected,
        ) {
            (Ok(answer), Some(expected)) => assert_eq!(answer.body(), expected, "{limit:?}"),
            (Err(HttpError::BodyTooLarge { host, .. }), None) => assert_eq!(host, "127.0.0.1", "{limit:?}"),
            (other, _) => panic!("{limit:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_truncated_answer_does_not_wait_for_its_end() {
    let beginning = b"HTTP/1.1 500 Oops\r\nContent-Length: 1000000\r\n\r\n0123456789";
    let (address, held) = serve(beginning.to_vec(), Duration::from_secs(60)).await;
    let limits = Limits {
        body: BodyLimit::Truncate(5),
        ..LIMITS
    };
    let answer = laptop()
        .send(get(format!("http://{address}")), limits)
        .await
        .unwrap();
    assert_eq!(answer.body(), "01234");
    held.abort();
}

#[tokio::test]
async fn an_incomplete_answer_is_an_error() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\u{0}ab",
        "HTTP/1.1 200",
        "",
    ] {
        match call(answer.as_bytes().to_vec(), LIMITS).await {
            Err(HttpError::Connection {
                host,
                reason,
                unsent: false,
            }) => {
                assert_eq!(host, "127.0.0.1");
                assert!(!reason.is_empty() && !reason.contains("http://"), "{reason}");
            }
            other => panic!("{answer:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_time_limit_covers_the_body() {
    for beginning in ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234"] {
        let (address, held) = serve(beginning.as_bytes().to_vec(), Duration::from_secs(60)).await;
        let limits = Limits {
            timeout: Duration::from_millis(200),
            ..LIMITS
        };
        let begun = Instant::now();
        let error = laptop()
            .send(get(format!("http://{address}")), limits)
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "127.0.0.1 gave no complete answer within 1 s");
        assert!(begun.elapsed() < Duration::from_secs(3));
        held.abort();
    }
}

#[tokio::test]
async fn what_was_never_sent_is_known() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for (url, part) in [
        (format!("http://{address}/?secret=1"), "refused"),
        ("http://no-such-name.invalid/?secret=1".to_owned(), ""),
        ("ftp://127.0.0.1/?secret=1".to_owned(), "scheme"),
    ] {
        match laptop().send(get(url), LIMITS).await {
            Err(HttpError::Connection {
                reason, unsent: true, ..
            }) => {
                assert!(
                    reason.to_lowercase().contains(part) && !reason.contains("secret"),
                    "{reason}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn refused_addresses() {
    let (address, _served) = serve_once(plain("reached")).await;
    let port = address.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "2130706433",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
    ] {
        // Percent-encoded hosts cannot even be written as an `http::Uri`.
        let Ok(request) = ::http::Request::get(format!("http://{host}:{port}/?secret=1")).body(Bytes::new())
        else {
            continue;
        };
        match operator("").send(request, LIMITS).await {
            Err(HttpError::Refused {
                source: GuardError::Loopback { .. },
                ..
            }) => {}
            // A resolver may not know the name with a dot.
            Err(HttpError::Connection { unsent: true, .. }) if host == "localhost." => {}
            other => panic!("{host}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn allowed_addresses() {
    for (allow, host) in [
        ("127.0.0.1/32", "127.0.0.1"),
        ("127.0.0.0/8 ::1/128", "localhost"),
        ("127.0.0.0/8", "localhost"),
    ] {
        let (address, _served) = serve_once(plain("reached")).await;
        let url = format!("http://{host}:{}/", address.port());
        let answer = operator(allow).send(get(url), LIMITS).await.unwrap();
        assert_eq!(answer.body(), "reached", "{allow} {host}");
    }
}
