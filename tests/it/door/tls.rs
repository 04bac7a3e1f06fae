//! Whom callbacks are trusted as, and as whom they are called.

use pollinator::http::HttpError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::peer::{Authority, Peer, call, client, client_tls, server_tls};

fn reason(error: HttpError) -> String {
    match error {
        HttpError::Connection {
            reason, unsent: true, ..
        } => reason,
        other => panic!("{other:?}"),
    }
}

/// A receiver with a private authority that wants client certificates.
#[tokio::test]
async fn certificates_open_the_door_and_others_are_told_why_not() {
    let (own, other) = (Authority::new(), Authority::new());
    let peer = Peer::tls(server_tls(&own.pair(&["127.0.0.1", "localhost"]), Some(&own))).await;
    let url = format!("https://127.0.0.1:{}/callback", peer.port());
    let (good, stranger) = (own.pair(&["client"]), other.pair(&["client"]));
    let old = own.pair_until(&["client"], 2020);

    let answer = call(&client(), &url, Some(&client_tls(Some(&own), Some(&good))))
        .await
        .unwrap();
    assert_eq!(answer.body(), "HTTP/2.0");
    for (ca, pair, expected) in [
        (
            None,
            None,
            "its certificate is from no authority that this system trusts",
        ),
        (
            None,
            Some(&good),
            "its certificate is from no authority that this system trusts",
        ),
        (
            Some(&other),
            Some(&good),
            "its certificate is from none of the authorities in ca.crt, which alone are trusted",
        ),
        (Some(&own), None, "it wants a client certificate"),
        (
            Some(&own),
            Some(&stranger),
            "it does not accept our client certificate",
        ),
        (
            Some(&own),
            Some(&old),
            "it says that our client certificate has expired",
        ),
    ] {
        let tls = (ca.is_some() || pair.is_some()).then(|| client_tls(ca, pair));
        let error = call(&client(), &url, tls.as_ref()).await.unwrap_err();
        assert_eq!(reason(error), expected);
    }
    assert_eq!(
        peer.seen.requests().len(),
        1,
        "nothing was sent to whom it was not for"
    );
}

#[tokio::test]
async fn receivers_that_cannot_be_trusted() {
    let authority = Authority::new();
    let tls = client_tls(Some(&authority), None);
    for (pair, expected) in [
        (
            authority.pair_until(&["127.0.0.1"], 2020),
            "its certificate has expired",
        ),
        (
            authority.pair(&["hooks.example"]),
            "its certificate is for other host names",
        ),
    ] {
        let peer = Peer::tls(server_tls(&pair, None)).await;
        let url = format!("https://127.0.0.1:{}/", peer.port());
        let error = call(&client(), &url, Some(&tls)).await.unwrap_err();
        assert_eq!(reason(error), expected);
        assert!(peer.seen.requests().is_empty());
    }
    let plain = Peer::plain().await;
    let url = format!("https://127.0.0.1:{}/", plain.port());
    let error = call(&client(), &url, Some(&tls)).await.unwrap_err();
    assert_eq!(
        reason(error),
        "it does not answer in TLS; is the port one for https?"
    );
}

/// Connections of one identity never serve another, and a renewed certificate is another identity.
#[tokio::test]
async fn each_identity_has_connections_of_its_own() {
    let authority = Authority::new();
    let peer = Peer::tls(server_tls(&authority.pair(&["127.0.0.1"]), Some(&authority))).await;
    let url = format!("https://127.0.0.1:{}/", peer.port());
    let client = client();
    let identities: Vec<_> = (0..3)
        .map(|_| client_tls(Some(&authority), Some(&authority.pair(&["client"]))))
        .collect();
    for _ in 0..4 {
        for identity in &identities {
            call(&client, &url, Some(identity)).await.unwrap();
        }
    }
    assert_eq!(peer.seen.connections(), 3);
    let error = call(&client, &url, Some(&client_tls(Some(&authority), None)))
        .await
        .unwrap_err();
    assert_eq!(reason(error), "it wants a client certificate");
}

/// TLS 1.2 and 1.3 are offered and nothing older; a server that knows only TLS 1.1 is refused.
#[tokio::test]
async fn nothing_older_than_tls_1_2() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 5];
        stream.read_exact(&mut head).await.unwrap();
        let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        stream.read_exact(&mut hello).await.unwrap();
        // ServerHello of TLS 1.1 (RFC 4346 §7.4.1.3): TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
        let mut answer = vec![0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
        answer.extend([7; 32]);
        answer.extend([0, 0, 0x2f, 0]);
        stream.write_all(&answer).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        hello
    });
    let error = call(&client(), &url, None).await.unwrap_err();
    assert_eq!(
        reason(error),
        "it speaks no TLS that is safe; the least is TLS 1.2"
    );
    let hello = server.await.unwrap();
    // The extension supported_versions (RFC 8446 §4.2.1): its number, its length, the length of the list, the list.
    let versions = hello.windows(9).find(|part| part.starts_with(&[0, 43, 0, 5, 4]));
    let mut versions: Vec<_> = versions.expect("supported_versions")[5..].chunks(2).collect();
    versions.sort_unstable();
    assert_eq!(versions, [[3, 3], [3, 4]]);
}
