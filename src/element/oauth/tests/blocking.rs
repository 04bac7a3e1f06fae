//! What stops token requests, and what does not.

use std::time::Duration;

use super::fakes::*;
use crate::config::{CredType, Grant};
use crate::element::TokenError;
use crate::http::{Answer, HttpError};

#[tokio::test]
async fn errors_go_by_their_code() {
    let other = r#"{"error":"temporarily_unavailable"}"#;
    type Case<'a> = (Result<Answer, HttpError>, &'a str, bool, &'a str);
    let table: Vec<Case<'_>> = vec![
        (
            refused(400, "108", "bad or expired refresh token"),
            "CredentialsRejected",
            true,
            "new company request token",
        ),
        (
            refused(403, "108", "bad or expired refresh token"),
            "CredentialsRejected",
            true,
            "(correlation id c-1)",
        ),
        (
            refused(400, r#""108""#, "x"),
            "CredentialsRejected",
            true,
            "refresh token has expired",
        ),
        (refused(500, "108", "x"), "CredentialsRejected", true, "code 108"),
        (refused(200, "108", "x"), "CredentialsRejected", true, "code 108"),
        (
            refused(400, "5", "Incorrect Credentials. Please Retry"),
            "CredentialsRejected",
            true,
            "oauth.password",
        ),
        (
            refused(400, "14", "locked"),
            "CredentialsRejected",
            true,
            "account is locked",
        ),
        (
            refused(400, "61", "client not found"),
            "CredentialsRejected",
            true,
            "oauth.api.key",
        ),
        (
            refused(400, "64", "bad client credentials"),
            "CredentialsRejected",
            true,
            "oauth.api.secret",
        ),
        (refused(400, "136", "x"), "CredentialsRejected", true, "24 hours"),
        (
            refused(400, "4711", "x"),
            "CredentialsRejected",
            true,
            "code 4711",
        ),
        (
            refused(400, "null", "x"),
            "CredentialsRejected",
            true,
            "correct the credentials",
        ),
        (
            refused(503, "4711", "x"),
            "TokenServiceUnavailable",
            false,
            "asked again later",
        ),
        (
            refused(400, "500", "x"),
            "TokenServiceUnavailable",
            false,
            "answered 400",
        ),
        (
            refused(400, "503", "x"),
            "TokenServiceUnavailable",
            false,
            "answered 400",
        ),
        (
            answer(400, other),
            "TokenServiceUnavailable",
            false,
            "temporarily_unavailable",
        ),
        (answer(429, "{}"), "TokenServiceUnavailable", false, "429"),
        (
            answer(500, "<html>oops</html>"),
            "TokenServiceUnavailable",
            false,
            "oops",
        ),
        (answer(503, ""), "TokenServiceUnavailable", false, "503"),
        (
            answer(403, "<html>gateway</html>"),
            "TokenAnswerNotUnderstood",
            false,
            "gateway",
        ),
        (
            answer(404, "{}"),
            "TokenAnswerNotUnderstood",
            false,
            "neither token nor error code",
        ),
        (
            answer(200, r#"{"refresh_token":"r2"}"#),
            "TokenAnswerNotUnderstood",
            false,
            "no access_token",
        ),
        (
            answer(200, r#"{"access_token":"#),
            "TokenAnswerNotUnderstood",
            false,
            "no JSON object",
        ),
        (answer(302, ""), "TokenAnswerNotUnderstood", false, "302"),
        (timeout(), "TokenServiceUnreachable", false, "no answer"),
    ];
    for (reply, reason, human, text) in table {
        let bench = Bench::new([reply]);
        let error = bench.access().await.unwrap_err();
        assert_eq!((error.reason(), error.needs_human()), (reason, human), "{error}");
        assert!(error.to_string().contains(text), "{text}: {error}");
        let blocked = bench.record().and_then(|record| record.blocked);
        assert_eq!(blocked.is_some(), reason == "CredentialsRejected", "{error}");
    }
}

#[tokio::test]
async fn a_rejection_stops_the_calls_across_restarts() {
    let mut bench =
        Bench::new([refused(400, "108", "bad or expired refresh token")]).stored(record("r1", US));
    let first = bench.access().await.unwrap_err().to_string();
    assert_eq!(
        bench.record().unwrap().blocked.as_deref(),
        Some("Rejected 108: bad or expired refresh token (correlation id c-1)")
    );
    bench.later(100_000);
    assert_eq!(bench.access().await.unwrap_err().to_string(), first);
    let bench = bench.restarted();
    assert_eq!(bench.access().await.unwrap_err().to_string(), first);
    assert_eq!(bench.asked().len(), 1);
    assert_eq!(bench.stored_token().as_deref(), Some("r1"));
}

#[tokio::test]
async fn a_block_that_cannot_be_stored_holds_in_memory() {
    let bench = Bench::new([refused(400, "14", "locked")]);
    bench.fault(Fault::Away);
    bench.fault(Fault::Away);
    for _ in 0..3 {
        assert_eq!(bench.access().await.unwrap_err().reason(), "CredentialsRejected");
    }
    assert_eq!(bench.asked().len(), 1);
    assert!(bench.record().unwrap().blocked.is_some());
}

#[tokio::test]
async fn a_changed_secret_is_a_new_credential() {
    let mut bench = Bench::new([refused(400, "108", "x")]);
    bench.access().await.unwrap_err();
    bench.credentials.grant = Grant::RefreshToken("new".to_owned().into());
    bench.expect(granted("t1", "r1", US));
    bench.access().await.unwrap();
    assert_eq!(bench.sent(), ["configured-s3cr3t", "new"]);
}

#[tokio::test]
async fn a_human_can_ask_for_one_more_attempt() {
    let bench = Bench::new([refused(400, "14", "locked")]).password(CredType::Password);
    bench.access().await.unwrap_err();
    bench.unblock().await;
    bench.expect(refused(400, "14", "locked"));
    for _ in 0..2 {
        bench.access().await.unwrap_err();
    }
    assert_eq!(bench.asked().len(), 2, "blocked again");
    let bench = bench.restarted();
    bench.unblock().await;
    bench.expect(granted("t1", "r1", US));
    bench.access().await.unwrap();
    assert_eq!(bench.record().unwrap().blocked, None);
    assert_eq!(bench.asked().len(), 3);
}

#[tokio::test]
async fn without_a_block_unblocking_changes_nothing() {
    let bench = Bench::new([granted("t1", "r1", US)]);
    bench.access().await.unwrap();
    bench.unblock().await;
    assert_eq!(bearer(&bench.access().await.unwrap()), "Bearer t1");
    assert_eq!((bench.asked().len(), bench.writes()), (1, 1));
}

#[tokio::test]
async fn passing_errors_are_tried_again() {
    let after = http::Response::builder()
        .status(503)
        .header("retry-after", "120")
        .body("".into())
        .unwrap();
    let mut bench = Bench::new([Ok(after), timeout(), granted("t1", "r1", US)]);
    let error = bench.access().await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
    // Another resource, or another instance with the same credential, does not ask meanwhile.
    bench.later(100);
    let error = bench.access().await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(20)));
    assert_eq!(bench.asked().len(), 1, "Retry-After holds for everybody");
    bench.later(20);
    assert!(matches!(
        bench.access().await.unwrap_err(),
        TokenError::TokenServiceUnreachable(_)
    ));
    bench.access().await.unwrap();
}
