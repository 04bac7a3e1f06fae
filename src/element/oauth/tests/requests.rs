//! What is sent, and when.

use super::fakes::*;
use crate::config::{CredType, Grant};
use crate::element::Refreshed;
use crate::element::oauth::fingerprint::fingerprint;

#[tokio::test]
async fn forms_are_exact_and_without_charset() {
    let code = Grant::AuthorizationCode {
        code: "code-s3cr3t".to_owned().into(),
        redirect_uri: "https://httpbin.org/get?a=b".to_owned(),
    };
    let password = |credtype| {
        let password = "p w&=".to_owned().into();
        Grant::Password {
            username: "8f-uuid".to_owned(),
            password,
            credtype,
        }
    };
    let table = [
        (
            Grant::RefreshToken("r+1".to_owned().into()),
            "client_id=client&client_secret=client-s3cr3t&grant_type=refresh_token&refresh_token=r%2B1",
        ),
        (
            code,
            "client_id=client&client_secret=client-s3cr3t&grant_type=authorization_code&redirect_uri=https%3A%2F%2Fhttpbin.org%2Fget%3Fa%3Db&code=code-s3cr3t",
        ),
        (
            password(CredType::AuthToken),
            "client_id=client&client_secret=client-s3cr3t&grant_type=password&username=8f-uuid&password=p+w%26%3D&credtype=authtoken",
        ),
        (
            password(CredType::Password),
            "client_id=client&client_secret=client-s3cr3t&grant_type=password&username=8f-uuid&password=p+w%26%3D&credtype=password",
        ),
    ];
    for (grant, form) in table {
        let mut bench = Bench::new([granted("t1", "r2", US)]);
        bench.credentials.grant = grant;
        bench.access().await.unwrap();
        let asked = bench.service.asked.lock().unwrap();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].method(), http::Method::POST);
        assert_eq!(asked[0].uri().to_string(), GLZ);
        assert_eq!(asked[0].headers().len(), 2);
        assert_eq!(
            asked[0].headers()["content-type"],
            "application/x-www-form-urlencoded"
        );
        assert_eq!(asked[0].headers()["accept"], "application/json");
        assert_eq!(asked[0].body(), form);
    }
}

#[tokio::test(start_paused = true)]
async fn access_is_kept_until_a_minute_before_its_end() {
    let mut bench = Bench::new([granted("t1", "r2", US)]);
    let first = bench.access().await.unwrap();
    assert_eq!(bearer(&first), "Bearer t1");
    assert_eq!(first.base.as_str(), format!("{US}/"));
    assert_eq!(first.vendor_date, Some("2026-02-03T04:05:06Z".parse().unwrap()));
    assert_eq!(first.refreshed, Some(Refreshed { rotated: true }));
    bench.later(3539);
    let second = bench.access().await.unwrap();
    assert_eq!((bearer(&second), second.refreshed), ("Bearer t1", None));
    assert_eq!(
        second.vendor_date,
        Some("2026-02-03T05:04:05Z".parse().unwrap()),
        "the vendor's clock goes on with ours"
    );
    bench.later(1);
    bench.expect(granted("t2", "r2", US));
    let third = bench.access().await.unwrap();
    assert_eq!(
        (bearer(&third), third.refreshed),
        ("Bearer t2", Some(Refreshed { rotated: false }))
    );
    assert_eq!(bench.sent(), ["configured-s3cr3t", "r2"]);
}

#[tokio::test]
async fn lives_come_as_text_number_or_not_at_all() {
    for (expires_in, life) in [
        (r#""expires_in":"3600","#, 3540),
        (r#""expires_in":3600,"#, 3540),
        (r#""expires_in":60,"#, 30),
        (r#""expires_in":"soon","#, 540),
        ("", 540),
        (r#""expires_in":99999999999999999999,"#, 540),
        (r#""expires_in":9999999999999999,"#, 24 * 3600 - 60),
    ] {
        let mut bench = Bench::new([answer(200, &format!(r#"{{{expires_in}"access_token":"t1"}}"#))]);
        bench.access().await.unwrap();
        bench.later(life - 1);
        bench.access().await.unwrap();
        bench.later(1);
        bench.expect(timeout());
        bench.access().await.unwrap_err();
        assert_eq!(bench.asked().len(), 2, "{expires_in}");
    }
}

#[tokio::test]
async fn one_time_grants_are_used_once() {
    for credtype in [CredType::AuthToken, CredType::Password] {
        let mut bench = Bench::new([granted("t1", "r1", US)]).password(credtype);
        assert_eq!(
            bench.access().await.unwrap().refreshed,
            Some(Refreshed { rotated: false })
        );
        bench.later(4000);
        bench.expect(granted("t2", "r1", US));
        bench.access().await.unwrap();
        let bench = bench.restarted();
        bench.expect(granted("t3", "r1", US));
        bench.access().await.unwrap();
        let kinds: Vec<_> = bench
            .asked()
            .into_iter()
            .map(|(_, form)| form["grant_type"].clone())
            .collect();
        assert_eq!(kinds, ["password", "refresh_token", "refresh_token"]);
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let bench = Bench::new([granted("t1", "r1", US), granted("t2", "r2", US)]);
    let stale = bench.access().await.unwrap();
    let fresh = bench.refresh(&stale).await.unwrap();
    assert_eq!(bearer(&fresh), "Bearer t2");
    let again = bench.refresh(&stale).await.unwrap();
    assert_eq!((bearer(&again), again.refreshed), ("Bearer t2", None));
    assert_eq!(bearer(&bench.access().await.unwrap()), "Bearer t2");
    assert_eq!(bench.asked().len(), 2);
}

#[test]
fn fingerprints_change_with_what_a_human_configures() {
    let bench = Bench::new([]);
    let first = fingerprint(&bench.credentials);
    assert_eq!(first.len(), 20);
    assert!(first.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(fingerprint(&Bench::new([]).credentials), first);
    let mut names = vec![first];
    for change in 0..5 {
        let mut bench = Bench::new([]);
        let credentials = &mut bench.credentials;
        match change {
            0 => credentials.client_id = "other".to_owned(),
            1 => credentials.client_secret = "other".to_owned().into(),
            2 => credentials.grant = Grant::RefreshToken("other".to_owned().into()),
            3 => credentials.token_url = Some(url::Url::parse(GLZ).unwrap()),
            _ => bench = bench.password(CredType::AuthToken),
        }
        names.push(fingerprint(&bench.credentials));
    }
    names.push(fingerprint(
        &Bench::new([]).password(CredType::Password).credentials,
    ));
    let different: std::collections::HashSet<_> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "{names:?}");
}

#[tokio::test]
async fn secrets_show_nowhere() {
    let echo =
        r#"{"code":108,"error":"x","error_description":"token configured-s3cr3t of client-s3cr3t\u0007"}"#;
    let html = "<html>client-s3cr3t</html>";
    for reply in [
        granted("access-s3cr3t", "rotated-s3cr3t", US),
        granted("access-s3cr3t", "rotated-s3cr3t", "https://evil.example"),
        answer(400, echo),
        answer(404, html),
        answer(500, html),
        answer(200, r#"{"token":"s3cr3t"}"#),
        answer(200, r#"["s3cr3t"]"#),
        answer(200, "{\"access_token\":\"s3cr3t\\n\"}"),
    ] {
        let bench = Bench::new([reply]);
        let result = bench.access().await;
        let mut text = format!("{result:?} {:?} {:?}", bench.tokens, bench.login());
        let mut state = Vec::new();
        if let Err(error) = &result {
            state.push(error.to_string());
        }
        state.push(format!("{:?}", bench.record()));
        text.push_str(&state.join(" "));
        assert!(!text.contains(SECRET), "{text}");
        for (url, _) in bench.asked() {
            assert!(!url.contains(SECRET), "{url}");
        }
    }
}
