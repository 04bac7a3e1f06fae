//! What was checked is what is connected to.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use pollinator::http::{GuardError, HttpClient, HttpError, HttpOptions, Transport};

use super::peer::{Authority, LIMITS, Names, Peer, call, client_tls, guard, server_tls};

fn client(names: &Arc<Names>, allow: &str) -> HttpClient {
    HttpClient::with(HttpOptions {
        resolver: names.clone(),
        ..HttpOptions::new(guard(allow))
    })
    .unwrap()
}

fn is_refused(result: &Result<pollinator::http::Answer, HttpError>) -> bool {
    matches!(
        result,
        Err(HttpError::Refused {
            source: GuardError::Loopback { .. },
            ..
        })
    )
}

/// A name that is good when it is checked and bad a moment later: each connection is made to what its one look found.
#[tokio::test]
async fn a_name_that_changes_between_check_and_connect() {
    let peer = Peer::plain().await;
    let names = Names::default().with("rebind.test", &["127.0.0.1", "127.0.0.2", "127.0.0.1"]);
    let names = Arc::new(names);
    let url = format!("http://rebind.test:{}/", peer.port());
    let hurried = || {
        let mut request = Request::get(&url).body(Bytes::new()).unwrap();
        request
            .headers_mut()
            .insert("connection", "close".parse().unwrap());
        request
    };
    let client = client(&names, "127.0.0.1/32");
    assert!(client.send(hurried(), LIMITS).await.is_ok());
    assert_eq!(names.looks(), 1, "one look decides and connects");
    assert!(
        is_refused(&client.send(hurried(), LIMITS).await),
        "the second look is judged as the first"
    );
    assert!(client.send(hurried(), LIMITS).await.is_ok());
    assert_eq!((names.looks(), peer.seen.connections()), (3, 2));
}

/// Of the addresses of one name only those are tried that may be, though the others listen too.
#[tokio::test]
async fn good_and_bad_addresses_of_one_name() {
    let good = Peer::plain().await;
    let bad = Peer::on(&format!("127.0.0.2:{}", good.port()), None).await;
    let names = Names::default()
        .with("mixed.test", &["127.0.0.2 ::ffff:127.0.0.2 127.0.0.1"])
        .with("bad.test", &["127.0.0.2 ::ffff:127.0.0.2"]);
    let client = client(&Arc::new(names), "127.0.0.1/32");
    for _ in 0..3 {
        let url = format!("http://mixed.test:{}/", good.port());
        call(&client, &url, None).await.unwrap();
    }
    let url = format!("http://bad.test:{}/", good.port());
    assert!(is_refused(&call(&client, &url, None).await));
    assert_eq!(bad.seen.connections(), 0);
}

/// A connection of one name serves no other, though its certificate covers both and HTTP/2 would allow it: the other
/// name was not looked up for it.
#[tokio::test]
async fn no_connection_is_taken_for_another_name() {
    let authority = Authority::new();
    let peer = Peer::tls(server_tls(&authority.pair(&["a.test", "b.test", "*.test"]), None)).await;
    let names = Names::default()
        .with("a.test", &["127.0.0.1"])
        .with("b.test", &["127.0.0.2"]);
    let client = client(&Arc::new(names), "127.0.0.1/32");
    let tls = client_tls(Some(&authority), None);
    let answer = call(&client, &format!("https://a.test:{}/", peer.port()), Some(&tls)).await;
    assert_eq!(answer.unwrap().body(), "HTTP/2.0");
    assert!(is_refused(
        &call(&client, &format!("https://b.test:{}/", peer.port()), Some(&tls)).await
    ));
    assert_eq!(peer.seen.connections(), 1);
}
