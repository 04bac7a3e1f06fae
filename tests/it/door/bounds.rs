//! How much goes to one host at once.

use std::time::Duration;

use pollinator::http::{BodyLimit, HttpClient, HttpError, HttpOptions, Limits, Transport};
use tokio::task::JoinSet;

use super::peer::{Authority, PATIENCE, Peer, call, client_tls, get, guard, server_tls};

fn bounded(most: usize) -> HttpClient {
    HttpClient::with(HttpOptions {
        max_requests_per_host: most,
        ..HttpOptions::new(guard("127.0.0.1/32"))
    })
    .unwrap()
}

/// Forty requests, some with certificates and some without: never more than eight at the host, nor connections.
#[tokio::test]
async fn requests_and_connections_of_one_host_are_bounded() {
    let authority = Authority::new();
    for tls in [false, true] {
        let config = tls.then(|| server_tls(&authority.pair(&["127.0.0.1"]), None));
        let peer = Peer::on("127.0.0.1:0", config).await;
        let client = bounded(8);
        let scheme = if tls { "https" } else { "http" };
        let identities =
            [None, Some(authority.pair(&["client"]))].map(|pair| client_tls(Some(&authority), pair.as_ref()));
        let mut calls = JoinSet::new();
        for number in 0..40 {
            let (client, identity) = (client.clone(), identities[number % 2].clone());
            let url = format!("{scheme}://127.0.0.1:{}/slow/{number}", peer.port());
            calls.spawn(async move { call(&client, &url, Some(&identity)).await.unwrap() });
        }
        peer.seen.arrived(8).await;
        peer.seen.end_slowness();
        assert_eq!(calls.join_all().await.len(), 40);
        assert_eq!(peer.seen.most_under_way(), 8, "{scheme}");
        // A connection that was begun while another became free is kept for the next request.
        assert!(
            peer.seen.most_open() <= 2 * 8,
            "{scheme}: {}",
            peer.seen.most_open()
        );
        println!(
            "{scheme}: {} connections, at most {} at once",
            peer.seen.connections(),
            peer.seen.most_open()
        );
    }
}

/// A host that hangs takes the time of those who call it, and of nobody else.
#[tokio::test]
async fn a_host_that_hangs_holds_up_no_other() {
    let (hanging, good) = (Peer::plain().await, Peer::plain().await);
    let client = bounded(2);
    let mut calls = JoinSet::new();
    for number in 0..20 {
        let client = client.clone();
        let url = format!("http://127.0.0.1:{}/slow/{number}", hanging.port());
        calls.spawn(async move { call(&client, &url, None).await });
    }
    hanging.seen.arrived(2).await;
    for _ in 0..50 {
        call(&client, &format!("http://127.0.0.1:{}/", good.port()), None)
            .await
            .unwrap();
    }
    assert_eq!(hanging.seen.requests().len(), 2);
    calls.abort_all();
    while calls.join_next().await.is_some() {}
    hanging.seen.end_slowness();
    let url = format!("http://127.0.0.1:{}/", hanging.port());
    tokio::time::timeout(PATIENCE, call(&client, &url, None))
        .await
        .expect("places of those who gave up are free again")
        .unwrap();
}

/// Who waits in vain is told why, and that nothing was sent; the time in the queue is bounded like that of the answer.
#[tokio::test]
async fn waiting_in_vain_is_told_as_such() {
    let peer = Peer::plain().await;
    let client = bounded(1);
    let first = {
        let client = client.clone();
        let url = format!("http://127.0.0.1:{}/slow", peer.port());
        tokio::spawn(async move { call(&client, &url, None).await })
    };
    peer.seen.arrived(1).await;
    let limits = Limits {
        timeout: Duration::from_millis(100),
        body: BodyLimit::Refuse(10),
    };
    let url = format!("http://127.0.0.1:{}/second", peer.port());
    let error = client.send(get(&url), limits).await.unwrap_err();
    assert!(matches!(error, HttpError::Connection { unsent: true, .. }));
    assert_eq!(
        error.to_string(),
        "request to 127.0.0.1 failed: 1 requests to it are under way, and none ended within 1 s"
    );
    peer.seen.end_slowness();
    first.await.unwrap().unwrap();
    assert_eq!(peer.seen.requests().len(), 1);
}
