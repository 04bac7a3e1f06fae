//! Where tokens are asked for and where data is.

use url::Url;

use super::fakes::*;
use crate::config::CredType;
use crate::http::{Answer, HttpError};

const EU: &str = "https://eu2.api.concursolutions.com";

fn elsewhere(geolocation: &str) -> Result<Answer, HttpError> {
    let body = format!(
        r#"{{"error":"invalid_request","error_description":"user lives elsewhere","code":16,"geolocation":"{geolocation}"}}"#
    );
    answer(400, &body)
}

#[tokio::test]
async fn the_last_geolocation_is_where_everything_goes() {
    let mut bench = Bench::new([granted(
        "t1",
        "r1",
        "https://us.api.Concursolutions.com/oauth2/v0/token",
    )]);
    assert_eq!(bench.access().await.unwrap().base.as_str(), format!("{US}/"));
    assert_eq!(bench.record().unwrap().geolocation.as_deref(), Some(US));
    bench.later(4000);
    bench.expect(granted("t2", "r1", EU));
    assert_eq!(bench.access().await.unwrap().base.as_str(), format!("{EU}/"));
    let bench = bench.restarted();
    bench.expect(answer(200, r#"{"access_token":"t3","refresh_token":"r1"}"#));
    assert_eq!(bench.access().await.unwrap().base.as_str(), format!("{EU}/"));
    let urls: Vec<_> = bench.asked().into_iter().map(|(url, _)| url).collect();
    assert_eq!(
        urls,
        [
            GLZ.to_owned(),
            format!("{US}/oauth2/v0/token"),
            format!("{EU}/oauth2/v0/token")
        ]
    );
}

#[tokio::test]
async fn without_a_geolocation_data_is_where_the_token_came_from() {
    let bench = Bench::new([answer(200, r#"{"access_token":"t1"}"#)]);
    assert_eq!(
        bench.access().await.unwrap().base.as_str(),
        "https://glz.api.concursolutions.com/"
    );
    let bench = Bench::new([answer(200, r#"{"access_token":"t1"}"#)]).token_url("http://sim:1/x/token?a=b");
    assert_eq!(bench.access().await.unwrap().base.as_str(), "http://sim:1/");
    assert_eq!(bench.asked()[0].0, "http://sim:1/x/token?a=b");
}

#[tokio::test]
async fn configured_urls_win() {
    let mut bench = Bench::new([granted("t1", "r1", EU)]);
    bench.base_url = Some(Url::parse("https://me:pw@proxy.example/concur").unwrap());
    assert_eq!(
        bench.access().await.unwrap().base.as_str(),
        "https://proxy.example/concur"
    );
    let mut bench = Bench::new([granted("t1", "r1", "http://sim:2")])
        .token_url("http://sim:1/t")
        .stored(record("r0", US));
    assert_eq!(bench.access().await.unwrap().base.as_str(), "http://sim:2/");
    bench.later(4000);
    bench.expect(granted("t2", "r1", "http://sim:3"));
    assert_eq!(bench.access().await.unwrap().base.as_str(), "http://sim:3/");
    assert!(bench.asked().iter().all(|(url, _)| url == "http://sim:1/t"));
}

#[tokio::test]
async fn foreign_geolocations_are_refused_but_the_token_is_kept() {
    for (given, configured) in [
        ("https://evil.example", None),
        ("http://us.api.concursolutions.com", None),
        ("http://evil.example", Some("http://sim:1/t")),
        ("us.api.concursolutions.com", None),
    ] {
        let mut bench = Bench::new([granted("t1", "r1", given)]);
        if let Some(url) = configured {
            bench = bench.token_url(url);
        }
        for _ in 0..2 {
            let error = bench.access().await.unwrap_err();
            assert_eq!(
                (error.reason(), error.needs_human()),
                ("ForeignGeolocation", true),
                "{given}"
            );
            assert!(error.to_string().contains(given), "{error}");
            assert!(
                error.to_string().contains("https://*.concursolutions.com"),
                "{error}"
            );
        }
        assert_eq!(bench.stored_token().as_deref(), Some("r1"));
        assert_eq!(bench.record().unwrap().geolocation, None);
        assert_eq!(bench.asked().len(), 1, "the second error is from memory");
        // Once the human has allowed the place, the token in memory is good.
        bench.base_url = Url::parse(given).ok();
        if given.starts_with("https") {
            assert_eq!(bearer(&bench.access().await.unwrap()), "Bearer t1");
        }
    }
}

#[tokio::test]
async fn with_both_ends_configured_geolocations_do_not_matter() {
    let mut bench = Bench::new([granted("t1", "r1", "http://inner:80")]).token_url("http://sim:1/t");
    bench.base_url = Some(Url::parse("http://sim:2").unwrap());
    assert_eq!(bench.access().await.unwrap().base.as_str(), "http://sim:2/");
    assert_eq!(bench.record().unwrap().geolocation, None);
}

#[tokio::test]
async fn stored_geolocations_are_checked_again() {
    let bench =
        Bench::new([answer(200, r#"{"access_token":"t1"}"#)]).stored(record("r1", "https://evil.example"));
    assert_eq!(
        bench.access().await.unwrap().base.as_str(),
        "https://glz.api.concursolutions.com/"
    );
    assert_eq!(bench.asked()[0].0, GLZ);
}

#[tokio::test]
async fn code_16_is_followed_once() {
    let bench = Bench::new([elsewhere(US), granted("t1", "r1", EU)]).password(CredType::AuthToken);
    assert_eq!(bench.access().await.unwrap().base.as_str(), format!("{EU}/"));
    let urls: Vec<_> = bench.asked().into_iter().map(|(url, _)| url).collect();
    assert_eq!(urls, [GLZ.to_owned(), format!("{US}/oauth2/v0/token")]);

    let bench = Bench::new([elsewhere(US), elsewhere(EU)]);
    let error = bench.access().await.unwrap_err();
    assert!(error.to_string().contains("set `oauth.token.url`"), "{error}");

    let bench = Bench::new([elsewhere("https://evil.example")]);
    assert_eq!(bench.access().await.unwrap_err().reason(), "ForeignGeolocation");

    let bench = Bench::new([elsewhere("http://sim:2/x"), granted("t1", "r1", "http://sim:2")])
        .token_url("http://sim:1/my/token");
    bench.access().await.unwrap();
    assert_eq!(bench.asked()[1].0, "http://sim:2/my/token");
}
