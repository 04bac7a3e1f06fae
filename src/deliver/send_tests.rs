use std::collections::VecDeque;
use std::sync::Mutex;

use secrecy::SecretString;
use tokio::time::Instant;

use super::*;
use crate::deliver::verify_elements;
use crate::http::{Answer, BoxFuture, HttpError};

const KEY: &str = "MySecretEventSignatureKey";

/// Answers as told and remembers what was asked when.
#[derive(Default)]
struct Fake {
    answers: Mutex<VecDeque<Result<Answer, HttpError>>>,
    requests: Mutex<Vec<(Instant, Request<Bytes>)>>,
}

impl Transport for Fake {
    fn send(&self, request: Request<Bytes>, limits: Limits) -> BoxFuture<'_, Result<Answer, HttpError>> {
        assert_eq!(limits.timeout, Duration::from_secs(20));
        assert!(matches!(limits.body, BodyLimit::Truncate(65536)));
        self.requests.lock().unwrap().push((Instant::now(), request));
        let answer = self
            .answers
            .lock()
            .unwrap()
            .pop_front()
            .expect("one attempt too many");
        Box::pin(std::future::ready(answer))
    }
}

fn answer(status: u16, retry_after: &str, body: &str) -> Result<Answer, HttpError> {
    let mut answer = ::http::Response::new(Bytes::from(body.to_owned()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    if !retry_after.is_empty() {
        answer
            .headers_mut()
            .insert("retry-after", retry_after.parse().unwrap());
    }
    Ok(answer)
}

fn broken(unsent: bool) -> Result<Answer, HttpError> {
    Err(HttpError::Connection {
        host: "hooks.example.com".to_owned(),
        reason: "reset".to_owned(),
        unsent,
    })
}

fn timeout() -> Result<Answer, HttpError> {
    Err(HttpError::Timeout {
        host: "hooks.example.com".to_owned(),
        seconds: 20,
    })
}

fn callback() -> Callback {
    Callback {
        url: "https://hooks.example.com/concur?tenant=1".parse().unwrap(),
        signature_key: Some(KEY.as_bytes().to_vec().into()),
        signing_keys: vec![WebhookKey::plain(KEY.as_bytes())],
        basic: None,
        headers: Vec::new(),
        timeout: Duration::from_secs(20),
        tls: None,
    }
}

fn example() -> Notification {
    Notification {
        id: "AWVX9OTIhdQRdI1F7Q7v".to_owned(),
        event_ids: vec!["0123456789abcdef".to_owned(), "fedcba9876543210".to_owned()],
        body: Bytes::from(r#"{"id":"1"}"#),
        content_type: "application/json",
    }
}

/// Three attempts, with 1 s and 4 s between them.
fn attempts() -> Attempts {
    Attempts::new(&[1, 4, 60].map(Duration::from_secs), 0)
}

struct Run {
    outcome: Outcome,
    requests: Vec<Request<Bytes>>,
    /// Seconds between attempts.
    waits: Vec<f64>,
    left: usize,
}

async fn run(callback: &Callback, answers: Vec<Result<Answer, HttpError>>) -> Run {
    let fake = Arc::new(Fake {
        answers: Mutex::new(answers.into()),
        ..Fake::default()
    });
    let outcome = Sender::new(fake.clone())
        .deliver(callback, &example(), &attempts(), || Timestamp::UNIX_EPOCH)
        .await;
    let requests = std::mem::take(&mut *fake.requests.lock().unwrap());
    let waits = requests
        .windows(2)
        .map(|pair| (pair[1].0 - pair[0].0).as_secs_f64())
        .collect();
    let left = fake.answers.lock().unwrap().len();
    Run {
        outcome,
        requests: requests.into_iter().map(|(_, request)| request).collect(),
        waits,
        left,
    }
}

fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted => "accepted".to_owned(),
        Outcome::Refused {
            status, unanswered, ..
        } => {
            format!(
                "refused {}{}",
                status.as_u16(),
                if *unanswered { "?" } else { "" }
            )
        }
        Outcome::NotAccepted {
            reason,
            retry_after,
            unanswered,
        } => {
            let after = retry_after
                .map(|wait| format!(" {}", wait.as_secs()))
                .unwrap_or_default();
            format!("{}{after}{}", reason.reason(), if *unanswered { "?" } else { "" })
        }
    }
}

#[tokio::test(start_paused = true)]
async fn outcomes() {
    for (answers, waits, expected) in [
        (vec![answer(204, "", "")], vec![], "accepted"),
        (
            vec![answer(500, "", ""), answer(200, "", "")],
            vec![1],
            "accepted",
        ),
        (
            vec![broken(true), broken(false), answer(200, "", "")],
            vec![1, 4],
            "accepted",
        ),
        (
            vec![broken(true), broken(true), broken(true)],
            vec![1, 4],
            "CallbackUnreachable",
        ),
        (
            vec![broken(false), broken(true), broken(true)],
            vec![1, 4],
            "CallbackUnreachable?",
        ),
        (
            vec![answer(500, "", ""), answer(429, "", ""), answer(429, "9", "")],
            vec![1, 4],
            "CallbackThrottled 9?",
        ),
        (
            vec![answer(429, "9", ""), answer(200, "", "")],
            vec![9],
            "accepted",
        ),
        (
            vec![answer(429, "10", ""), answer(503, "11", "")],
            vec![10],
            "CallbackServerError 11?",
        ),
        (vec![answer(429, "7200", "")], vec![], "CallbackThrottled 3600"),
        (
            vec![
                answer(503, "Thu, 01 Jan 1970 00:00:08 GMT", ""),
                answer(200, "", ""),
            ],
            vec![8],
            "accepted",
        ),
        (vec![answer(400, "", "")], vec![], "refused 400"),
        (vec![broken(false), answer(409, "", "")], vec![1], "refused 409?"),
        (vec![timeout()], vec![], "CallbackTimeout?"),
        (vec![answer(302, "", "")], vec![], "CallbackRedirect"),
        (vec![answer(401, "", "")], vec![], "CallbackRefused"),
        (vec![answer(410, "", "")], vec![], "CallbackGone"),
    ] {
        let run = run(&callback(), answers).await;
        assert_eq!(
            (short(&run.outcome).as_str(), run.waits.len(), run.left),
            (expected, waits.len(), 0)
        );
        for (wait, expected) in run.waits.iter().zip(waits) {
            // A fifth either way is jitter; paused time counts in milliseconds.
            assert!(
                (wait / f64::from(expected) - 1.0).abs() < 0.21,
                "{wait} {expected}"
            );
        }
        assert!(
            run.requests
                .windows(2)
                .all(|pair| pair[0].headers() == pair[1].headers())
        );
        assert!(
            run.requests
                .iter()
                .all(|request| request.body() == &example().body)
        );
    }
}

fn secret_headers(headers: &[(&str, &str)]) -> Vec<(String, SecretString)> {
    headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), SecretString::from(*value)))
        .collect()
}

/// The request's headers, one a line, sorted.
async fn sent(callback: &Callback) -> Vec<String> {
    let run = run(callback, vec![answer(200, "", "")]).await;
    let request = &run.requests[0];
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "https://hooks.example.com/concur?tenant=1");
    let mut lines: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines
}

#[tokio::test(start_paused = true)]
async fn headers() {
    let always = [
        "content-type: application/json".to_owned(),
        "elements-webhook-id: AWVX9OTIhdQRdI1F7Q7v".to_owned(),
        "pollinator-event-ids: 0123456789abcdef,fedcba9876543210".to_owned(),
        format!("user-agent: Pollinator/{}", env!("CARGO_PKG_VERSION")),
        "webhook-id: AWVX9OTIhdQRdI1F7Q7v".to_owned(),
        "webhook-timestamp: 0".to_owned(),
    ];
    let signature = elements_signature(KEY.as_bytes(), &example().body);
    assert!(verify_elements(KEY.as_bytes(), &signature, &example().body));
    let with = |more: &[String]| {
        let mut lines = [&always, more].concat();
        lines.sort();
        lines
    };
    let signature = format!("elements-webhook-signature: {signature}");
    let standard = |keys: &[WebhookKey]| {
        let signature = standard_signature(keys, &example().id, 0, &example().body).unwrap();
        format!("webhook-signature: {signature}")
    };
    let unsigned = Callback {
        signature_key: None,
        signing_keys: Vec::new(),
        ..callback()
    };
    let two = [
        "first of two keys",
        "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
    ];
    let two = two.map(|text| WebhookKey::parse(text.as_bytes()).unwrap());
    for (callback, more) in [
        (callback(), vec![signature, standard(&callback().signing_keys)]),
        (unsigned.clone(), vec![]),
        (
            Callback {
                signature_key: Some(Vec::new().into()),
                ..unsigned.clone()
            },
            vec![],
        ),
        (
            Callback {
                signing_keys: two.to_vec(),
                ..unsigned.clone()
            },
            vec![standard(&two)],
        ),
        (
            Callback {
                basic: Some(("user".to_owned(), "pass".into())),
                ..unsigned.clone()
            },
            vec!["authorization: Basic dXNlcjpwYXNz".to_owned()],
        ),
        (
            Callback {
                headers: secret_headers(&[
                    ("X-Tenant", "a"),
                    ("X-Tenant", "b"),
                    ("Authorization", "Bearer x"),
                ]),
                ..unsigned.clone()
            },
            vec![
                "x-tenant: a".to_owned(),
                "x-tenant: b".to_owned(),
                "authorization: Bearer x".to_owned(),
            ],
        ),
        (
            Callback {
                headers: secret_headers(&[
                    ("Content-Type", "text/plain"),
                    ("ELEMENTS-WEBHOOK-ID", "x"),
                    ("elements-webhook-signature", "x"),
                    ("Webhook-Id", "x"),
                    ("webhook-timestamp", "x"),
                    ("webhook-signature", "x"),
                    ("User-Agent", "x"),
                    ("Host", "x"),
                    ("Authorization", "Bearer x"),
                ]),
                basic: Some(("user".to_owned(), "pass".into())),
                ..unsigned
            },
            vec!["authorization: Basic dXNlcjpwYXNz".to_owned()],
        ),
    ] {
        assert_eq!(sent(&callback).await, with(&more));
    }
}

#[tokio::test(start_paused = true)]
async fn misconfigured_headers_are_named_without_their_values() {
    for (name, value, expected) in [
        (
            "bad name",
            "secret",
            "event.notification.callback.headers has \"bad name\", which is no header name",
        ),
        (
            "X-Key",
            "secret\n",
            "event.notification.callback.headers has a value for X-Key that a header cannot carry",
        ),
    ] {
        let run = run(
            &Callback {
                headers: secret_headers(&[(name, value)]),
                ..callback()
            },
            vec![],
        )
        .await;
        assert_eq!(short(&run.outcome), "CallbackMisconfigured");
        let Outcome::NotAccepted { reason, .. } = run.outcome else {
            panic!()
        };
        assert_eq!(
            reason.to_string(),
            format!("callback cannot be called: {expected}")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn shown_answers() {
    let callback = Callback {
        basic: Some(("user".to_owned(), "hunter22".into())),
        headers: secret_headers(&[("X-Key", "k-123"), ("X-Empty", ""), ("X-Short", "red")]),
        signing_keys: vec![WebhookKey::parse(b"whsec_bm8gbm8gbm8=").unwrap()],
        ..callback()
    };
    let long = "ü".repeat(300);
    for (body, expected) in [
        ("", ""),
        ("bad\r\n\tdate ", "bad   date"),
        (
            "got k-123 and Basic dXNlcjpodW50ZXIyMg== or hunter22",
            "got *** and Basic *** or ***",
        ),
        ("Cannot POST /concur?tenant=1", "Cannot POST ***?***"),
        (long.as_str(), &long[..400]),
        ("\u{1b}[31mred", "[31mred"),
        ("no whsec_bm8gbm8gbm8= but no no no", "no whsec_*** but ***"),
    ] {
        let Outcome::Refused { answer: shown, .. } =
            run(&callback, vec![answer(400, "", body)]).await.outcome
        else {
            panic!()
        };
        assert_eq!(shown, expected);
    }
}

/// Signed with any bytes; a receiver that echoes the key, text or not, gives nothing away.
#[tokio::test(start_paused = true)]
async fn keys_of_any_bytes() {
    for key in [
        &[0xff, 0xfe, 0, b'a'][..],
        "schlüssel ".as_bytes(),
        b"    ",
        &[b'k'; 300],
    ] {
        let callback = Callback {
            signature_key: Some(key.to_vec().into()),
            ..callback()
        };
        let run = run(
            &callback,
            vec![Ok(::http::Response::builder()
                .status(400)
                .body([b"<", key, b">", key].concat().into())
                .unwrap())],
        )
        .await;
        let header = run.requests[0].headers()["elements-webhook-signature"]
            .to_str()
            .unwrap();
        assert!(verify_elements(key, header, &example().body), "{key:?}");
        let Outcome::Refused { answer, .. } = run.outcome else {
            panic!()
        };
        assert_eq!(answer, "<***>***");
    }
}

/// What tells attempts apart is of each attempt, by our clock; everything else stays as it was.
#[tokio::test(start_paused = true)]
async fn every_attempt_has_its_own_timestamp() {
    let fake = Arc::new(Fake {
        answers: Mutex::new(vec![answer(500, "", ""), answer(429, "7", ""), answer(200, "", "")].into()),
        ..Fake::default()
    });
    let (callback, began) = (callback(), Instant::now());
    let start: Timestamp = "2026-11-23T12:00:00.9Z".parse().unwrap();
    let outcome = Sender::new(fake.clone())
        .deliver(&callback, &example(), &attempts(), || start + began.elapsed())
        .await;
    assert_eq!(short(&outcome), "accepted");
    let requests = std::mem::take(&mut *fake.requests.lock().unwrap());
    let mut timestamps = Vec::new();
    for (at, mut request) in requests {
        let mut take = |name: &str| {
            request
                .headers_mut()
                .remove(name)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        let [timestamp, signature] = ["webhook-timestamp", "webhook-signature"].map(&mut take);
        let now = start + (at - began);
        assert_eq!(timestamp, now.as_second().to_string());
        let [key] = &callback.signing_keys[..] else {
            panic!()
        };
        assert!(crate::deliver::verify_standard(
            key,
            &example().id,
            &timestamp,
            &signature,
            request.body()
        ));
        timestamps.push((timestamp, request.headers().clone()));
    }
    let [(first, headers), (second, again), (third, _)] = &timestamps[..] else {
        panic!("{timestamps:?}")
    };
    assert!(first < second && second < third, "{first} {second} {third}");
    assert_eq!(headers, again);
}

/// A dead letter is the notification as it was, with the reason beside it; what opens the callback is not told.
#[tokio::test(start_paused = true)]
async fn dead_letters() {
    let callback = Callback {
        basic: Some(("user".to_owned(), "hunter22".into())),
        headers: secret_headers(&[("X-Key", "k-123")]),
        ..callback()
    };
    let sink = Callback {
        url: "https://dead.example.com/letters?key=sink-key".parse().unwrap(),
        basic: None,
        headers: Vec::new(),
        ..callback.clone()
    };
    let table = [
        (answer(202, "", ""), "accepted"),
        (answer(413, "", ""), "refused 413"),
        (answer(410, "", ""), "CallbackGone"),
        (answer(503, "60", "down"), "CallbackServerError 60?"),
        (timeout(), "CallbackTimeout?"),
    ];
    for (sink_answer, expected) in table {
        let fake = Arc::new(Fake {
            answers: Mutex::new(vec![sink_answer].into()),
            ..Fake::default()
        });
        let refusal = Refusal {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            answer: "no \"Müller\", 5 %".to_owned(),
        };
        let outcome = Sender::new(fake.clone())
            .dead_letter(&sink, &example(), &callback, &refusal, || Timestamp::UNIX_EPOCH)
            .await;
        assert_eq!(short(&outcome), expected);
        let requests = std::mem::take(&mut *fake.requests.lock().unwrap());
        let [(_, request)] = &requests[..] else {
            panic!("one attempt, not {}", requests.len())
        };
        assert_eq!(request.uri(), "https://dead.example.com/letters?key=sink-key");
        assert_eq!(request.body(), &example().body);
        let header = |name: &str| {
            let value = request.headers().get(name);
            value.map(|value| value.to_str().unwrap())
        };
        assert_eq!(header("pollinator-error-code"), Some("422"));
        assert_eq!(
            header("pollinator-error-data"),
            Some("no%20%22M%C3%BCller%22,%205%20%25")
        );
        assert_eq!(
            header("pollinator-error-destination"),
            Some("https://hooks.example.com")
        );
        let signature = header("elements-webhook-signature").unwrap();
        assert!(verify_elements(KEY.as_bytes(), signature, &example().body));
        assert_eq!((header("authorization"), header("x-key")), (None, None));
    }
}

#[test]
fn failures_of_a_sink_do_not_speak_of_the_callback() {
    let status = StatusCode::BAD_GATEWAY;
    let answered = |answer: &str| DeliveryError::CallbackServerError {
        status,
        answer: answer.to_owned(),
    };
    for (error, expected) in [
        (answered(""), "answered 502 Bad Gateway"),
        (answered("oh"), "answered 502 Bad Gateway: \"oh\""),
        (
            DeliveryError::CallbackGone {
                answer: String::new(),
            },
            "answered 410 Gone",
        ),
        (
            DeliveryError::CallbackRedirect {
                status: StatusCode::FOUND,
            },
            "answered 302 Found, and redirects are not followed",
        ),
        (
            DeliveryError::CallbackTimeout(timeout().unwrap_err()),
            "did not answer in time",
        ),
        (
            DeliveryError::CallbackUnreachable(broken(true).unwrap_err()),
            "cannot be reached",
        ),
    ] {
        assert_eq!(error.of_sink(), expected);
    }
}
