use super::*;

fn plan(redirect_uri: Option<&str>, listen: Option<&str>) -> Result<Vec<String>, String> {
    let listen = listen.map(|address| address.parse().unwrap());
    let plan = Plan::new(redirect_uri, listen).map_err(|Failed(message)| message)?;
    assert_eq!(plan.redirect_uri.as_deref(), redirect_uri);
    Ok(plan.addresses.iter().map(ToString::to_string).collect())
}

#[test]
fn where_the_redirect_is_received() {
    let table: [(Option<&str>, Option<&str>, &[&str]); 11] = [
        (Some("http://127.0.0.1:8400/cb"), None, &["127.0.0.1:8400"]),
        (Some("http://127.0.0.2/cb"), None, &["127.0.0.2:80"]),
        (Some("http://[::1]:8400"), None, &["[::1]:8400"]),
        (
            Some("http://LocalHost:8400"),
            None,
            &["127.0.0.1:8400", "[::1]:8400"],
        ),
        (Some("http://0.0.0.0:8400"), None, &[]),
        (Some("http://192.168.1.2:8400"), None, &[]),
        (Some("https://localhost:8400"), None, &[]),
        (Some("https://httpbin.org/get"), None, &[]),
        (Some("my.app:/callback"), None, &[]),
        (
            Some("https://httpbin.org/get"),
            Some("127.0.0.1:0"),
            &["127.0.0.1:0"],
        ),
        (None, Some("127.0.0.1:0"), &["127.0.0.1:0"]),
    ];
    for (redirect_uri, listen, expected) in table {
        assert_eq!(
            plan(redirect_uri, listen).unwrap(),
            expected,
            "{redirect_uri:?} {listen:?}"
        );
    }
    for (redirect_uri, listen, words) in [
        (None, None, "set oauth.callback.url"),
        (None, Some("0.0.0.0:8400"), "give --redirect-uri too"),
        (Some("localhost/callback"), None, "is no URL"),
        (Some("http://localhost/#a"), None, "has a fragment"),
    ] {
        let message = plan(redirect_uri, listen).unwrap_err();
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn only_the_redirect_is_answered() {
    let gate = |redirect_uri: &str, bound: &str| {
        Gate::new(&Url::parse(redirect_uri).unwrap(), &[bound.parse().unwrap()])
    };
    let own = gate("http://localhost:8400/cb", "127.0.0.1:8400");
    let proxied = gate("https://login.example/cb", "10.0.0.1:80");
    let any = gate("https://login.example:8443/cb", "0.0.0.0:8400");
    let (ok, misdirected) = (None, Some(421));
    let table = [
        (&own, "GET", "/cb", Some("localhost:8400"), ok),
        (&own, "GET", "/cb", Some("LOCALHOST:8400"), ok),
        (&own, "GET", "/cb", Some("127.0.0.1:8400"), ok),
        (&own, "GET", "/cb", Some("[::1]:8400"), ok),
        (&own, "GET", "/cb", Some("evil.example:8400"), misdirected),
        (
            &own,
            "GET",
            "/cb",
            Some("localhost.evil.example:8400"),
            misdirected,
        ),
        (&own, "GET", "/cb", Some("localhost:8401"), misdirected),
        (&own, "GET", "/cb", Some("localhost"), misdirected),
        (&own, "GET", "/cb", None, misdirected),
        (&own, "GET", "/favicon.ico", Some("localhost:8400"), Some(404)),
        (&own, "GET", "/cb/", Some("localhost:8400"), Some(404)),
        (&own, "HEAD", "/cb", Some("localhost:8400"), Some(405)),
        (&own, "POST", "/cb", Some("localhost:8400"), Some(405)),
        (&proxied, "GET", "/cb", Some("login.example"), ok),
        (&proxied, "GET", "/cb", Some("10.0.0.1"), ok),
        (&proxied, "GET", "/cb", Some("localhost"), misdirected),
        (&any, "GET", "/cb", Some("login.example:8443"), ok),
        (&any, "GET", "/cb", Some("127.0.0.1:8400"), ok),
        (&any, "GET", "/cb", Some("login.example"), misdirected),
    ];
    for (gate, method, path, host, expected) in table {
        let refused = gate.check(&method.parse().unwrap(), path, host).err();
        assert_eq!(
            refused.map(|status| status.as_u16()),
            expected,
            "{gate:?} {method} {path} {host:?}"
        );
    }
}

#[test]
fn pages_say_nothing_of_what_was_sent() {
    for what in [Page::Received, Page::Refused, Page::NotOurs, Page::Over] {
        let (status, text) = what.content();
        let page = page(status, text);
        assert!(page.body().contains(text) && page.headers()["cache-control"] == "no-store");
        assert!(
            !page.body().contains("<script")
                && page.headers()["content-security-policy"] == "default-src 'none'"
        );
    }
}
