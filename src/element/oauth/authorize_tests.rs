use super::*;
use crate::element::builtin;

const STATE: &str = "5f1c9d0e";
const GLZ: &str = "https://glz.api.concursolutions.com/oauth2/v0/authorize";

fn app(token_url: Option<&str>, authorization_url: Option<&str>) -> OAuthApp {
    let url = |text: Option<&str>| text.map(|text| Url::parse(text).unwrap());
    OAuthApp {
        element: "concur".into(),
        client_id: "my app&1".into(),
        client_secret: "s3cr3t".into(),
        redirect_uri: None,
        scopes: Vec::new(),
        authorization_url: url(authorization_url),
        token_url: url(token_url),
        base_url: None,
        password: None,
        resources: Ok(Vec::new()),
    }
}

fn authorization(token_url: Option<&str>, authorization_url: Option<&str>) -> Authorization {
    let app = app(token_url, authorization_url);
    let scopes = ["EXPRPT".to_owned(), "identity.user.*.read".to_owned()];
    let redirect = "http://localhost:8400/callback?a=b";
    let oauth = builtin("concur").unwrap().oauth2().unwrap();
    Authorization::new("concur", oauth, &app, redirect, &scopes, STATE.into()).unwrap()
}

#[test]
fn urls() {
    let table = [
        (None, None, GLZ),
        (
            Some("https://us-impl.api.concursolutions.com/oauth2/v0/token?x=y"),
            None,
            "https://us-impl.api.concursolutions.com/oauth2/v0/authorize",
        ),
        (
            Some("http://127.0.0.1:8401/t"),
            None,
            "http://127.0.0.1:8401/oauth2/v0/authorize",
        ),
        (
            Some("https://proxy.example/token"),
            Some("https://www-us2.api.concursolutions.com/login?theme=dark#top"),
            "https://www-us2.api.concursolutions.com/login?theme=dark",
        ),
    ];
    for (token, page, expected) in table {
        let url = authorization(token, page).url().clone();
        let separator = if expected.contains('?') { '&' } else { '?' };
        let query = "client_id=my+app%261&redirect_uri=http%3A%2F%2Flocalhost%3A8400%2Fcallback%3Fa%3Db\
                     &scope=EXPRPT+identity.user.*.read&response_type=code&state=5f1c9d0e";
        assert_eq!(url.as_str(), format!("{expected}{separator}{query}"));
    }
}

#[test]
fn elements_without_a_page_say_so() {
    let mut oauth = builtin("concur").unwrap().oauth2().unwrap().clone();
    oauth.authorization_endpoint = None;
    let ask = |app| Authorization::new("concur", &oauth, &app, "http://localhost", &[], STATE.into());
    let error = ask(app(None, None)).unwrap_err();
    assert!(
        error.is_final() && error.to_string().contains("oauth.user.refresh_token"),
        "{error}"
    );
    assert!(ask(app(None, Some("https://login.example"))).is_ok());

    let page = oauth
        .authorization_endpoint
        .insert(crate::element::AuthorizationEndpoint {
            host: Some("https://login.example".parse().unwrap()),
            path: "/a".into(),
            scope_separator: ",".into(),
        });
    assert_eq!(page.path, "/a");
    let scopes = ["A".to_owned(), "B".to_owned()];
    let app = app(Some("https://token.example/t"), None);
    let url = Authorization::new("concur", &oauth, &app, "http://localhost", &scopes, STATE.into())
        .unwrap()
        .url()
        .to_string();
    assert!(
        url.starts_with("https://login.example/a?") && url.contains("scope=A%2CB&"),
        "{url}"
    );
}

#[test]
fn landings() {
    let us = Some("https://us2.api.concursolutions.com");
    let table = [
        (
            "http://localhost:8400/callback?code=c%2F1&state=5f1c9d0e",
            "c/1",
            None,
        ),
        (
            "https://httpbin.org/get?geolocation=https%3A%2F%2Fus2.api.Concursolutions.com%2Fx&code=c&state=5f1c9d0e",
            "c",
            us,
        ),
        ("code=c&state=5f1c9d0e", "c", None),
        ("?state=5f1c9d0e&code=c#_=_", "c", None),
        ("  \"url\": not this", "", None),
        (
            "  \"https://httpbin.org/get?code=c&state=5f1c9d0e\", \r\n",
            "c",
            None,
        ),
        ("<https://x.example/?code=c&state=5f1c9d0e>", "c", None),
        ("code=c&state=5f1c9d0e&a=1&a=2&geolocation=", "c", None),
    ];
    for (address, code, geolocation) in table {
        match authorization(None, None).read(address) {
            Ok(landing) => {
                assert_eq!(landing.code.expose_secret(), code, "{address}");
                let found = landing.geolocation.map(|url| url.origin().ascii_serialization());
                assert_eq!(found.as_deref(), geolocation, "{address}");
            }
            Err(error) => assert!(code.is_empty(), "{address}: {error}"),
        }
    }
}

#[test]
fn what_is_no_answer_is_not_taken() {
    let url = authorization(None, None).url().to_string();
    let long = format!("code={}&state=5f1c9d0e0", "x".repeat(1 << 16));
    let table = [
        ("", "neither a code nor"),
        ("hello", "neither a code nor"),
        (&url, "neither a code nor"),
        ("http://localhost:8400/callback", "neither a code nor"),
        (
            "http://localhost:8400/callback?code=&state=5f1c9d0e",
            "neither a code nor",
        ),
        ("code=c", "no state"),
        ("code=c&state=", "no state"),
        ("code=c&state=5f1c9d0", "not that of this"),
        ("code=c&state=5F1C9D0E", "not that of this"),
        ("error=access_denied&state=other", "not that of this"),
        ("code=c&state=5f1c9d0e&state=other", "state stands in it twice"),
        ("code=c&code=d&state=5f1c9d0e", "code stands in it twice"),
        ("code=%ff%00&state=%ff", "not that of this"),
        (&long, "not that of this"),
    ];
    for (address, words) in table {
        let error = authorization(None, None).read(address).unwrap_err();
        assert!(
            !error.is_final() && error.to_string().contains(words),
            "{address}: {error}"
        );
    }
}

#[test]
fn refusals_come_with_a_remedy() {
    let table = [
        (
            "error_code=53&error_description=company+is+not+enabled&state=5f1c9d0e",
            "(code 53): company is not enabled; the company is not enabled for this app",
        ),
        (
            "error_code=108&error_description=x",
            "(code 108): x; the refresh token",
        ),
        (
            "error_code=503&error_description=x",
            "(code 503): x; authorize again and",
        ),
        (
            "error_code=99999999999&error_description=x",
            "refused: x; authorize again and",
        ),
        (
            "error_code=access_denied",
            "refused: access_denied; authorize again and allow",
        ),
        (
            "error=access_denied&state=5f1c9d0e",
            "as a user who may read the data",
        ),
        (
            "error=invalid_scope&error_description=no%0A%1B%5B31m",
            "no [31m; ask only for scopes",
        ),
        ("error=server_error", "authorize again later"),
        ("error_description=5f1c9d0e", "refused: [redacted]; "),
        ("error=access_denied&code=c&state=5f1c9d0e", "access_denied"),
    ];
    for (address, words) in table {
        let error = authorization(None, None).read(address).unwrap_err();
        let shown = error.to_string();
        assert!(error.is_final() && shown.contains(words), "{address}: {shown}");
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
}

#[test]
fn codes_go_to_the_vendor_only() {
    let landing = |token_url, place: &str| {
        let address = format!("code=c&state={STATE}&geolocation={place}");
        authorization(token_url, None).read(&address)
    };
    for place in [
        "https://evil.example",
        "http://us2.api.concursolutions.com",
        "https://concursolutions.com.evil.example",
        "us2",
    ] {
        let error = landing(None, place).unwrap_err();
        assert!(
            error.is_final() && error.to_string().contains(".concursolutions.com"),
            "{error}"
        );
    }
    let configured = Some("http://127.0.0.1:8401/t");
    for place in ["https://us2.api.concursolutions.com", "https://evil.example"] {
        let landing = landing(configured, place).unwrap();
        assert!(
            landing.geolocation.is_none(),
            "a configured endpoint is the only one"
        );
    }
}

#[test]
fn nothing_secret_is_in_debug() {
    let authorization = authorization(None, None);
    let landing = authorization.read("code=c0d3&state=5f1c9d0e").unwrap();
    assert!(!format!("{landing:?}").contains("c0d3"));
}
