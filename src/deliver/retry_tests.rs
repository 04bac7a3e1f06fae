use super::*;
use crate::http::{AddressGuard, GuardError};

fn headers(retry_after: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if !retry_after.is_empty() {
        headers.insert("retry-after", retry_after.parse().unwrap());
    }
    headers
}

fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

/// Verdict in short: its name, then the seconds to wait, then `?` where the callback may have taken it.
fn short(verdict: Verdict) -> String {
    match verdict {
        Verdict::Accepted => "accepted".to_owned(),
        Verdict::Refused { .. } => "refused".to_owned(),
        Verdict::Retry {
            error,
            after,
            unanswered,
        } => {
            let after = after
                .map(|wait| format!(" {}", wait.as_secs()))
                .unwrap_or_default();
            format!("{}{after}{}", error.reason(), if unanswered { "?" } else { "" })
        }
    }
}

#[test]
fn answers() {
    for (status, retry_after, expected) in [
        (200, "", "accepted"),
        (201, "", "accepted"),
        (202, "60", "accepted"),
        (204, "", "accepted"),
        (301, "", "CallbackRedirect"),
        (302, "60", "CallbackRedirect"),
        (304, "", "CallbackRedirect"),
        (307, "", "CallbackRedirect"),
        (400, "", "refused"),
        (401, "", "CallbackRefused"),
        (403, "", "CallbackRefused"),
        (404, "", "CallbackRefused"),
        (405, "", "CallbackRefused"),
        (407, "", "CallbackRefused"),
        (408, "", "CallbackServerError"),
        (408, "5", "CallbackServerError 5"),
        (409, "", "refused"),
        (410, "", "CallbackGone"),
        (410, "60", "CallbackGone"),
        (413, "", "refused"),
        (413, "60", "CallbackThrottled 60"),
        (415, "", "CallbackRefused"),
        (422, "", "refused"),
        (425, "", "CallbackServerError"),
        (429, "", "CallbackThrottled"),
        (429, "7", "CallbackThrottled 7"),
        (429, "Mon, 23 Nov 2026 10:01:00 GMT", "CallbackThrottled 60"),
        (429, "Mon, 23 Nov 2026 09:00:00 GMT", "CallbackThrottled 0"),
        (429, "86400", "CallbackThrottled 3600"),
        (429, "Mon, 23 Nov 2099 10:00:00 GMT", "CallbackThrottled 3600"),
        (429, "soon", "CallbackThrottled"),
        (429, "-5", "CallbackThrottled"),
        (429, "1e9", "CallbackThrottled"),
        (429, "99999999999999999999999", "CallbackThrottled"),
        (500, "", "CallbackServerError?"),
        (500, "60", "CallbackServerError 60?"),
        (502, "", "CallbackServerError?"),
        (503, "", "CallbackServerError?"),
        (503, "20", "CallbackServerError 20?"),
        (504, "", "CallbackServerError?"),
        (599, "", "CallbackServerError?"),
        (999, "", "CallbackServerError?"),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let verdict = judge_answer(status, &headers(retry_after), String::new(), now());
        assert_eq!(short(verdict), expected, "{status} {retry_after}");
    }
}

fn guard_error() -> GuardError {
    AddressGuard::operator(vec![], vec![], vec![])
        .check("::1".parse().unwrap())
        .unwrap_err()
}

#[test]
fn failures() {
    let host = || "hooks.example.com".to_owned();
    let connection = |unsent| HttpError::Connection {
        host: host(),
        reason: "reset".to_owned(),
        unsent,
    };
    for (error, expected) in [
        (connection(true), "CallbackUnreachable"),
        (connection(false), "CallbackUnreachable?"),
        (
            HttpError::Timeout {
                host: host(),
                seconds: 20,
            },
            "CallbackTimeout?",
        ),
        (
            HttpError::BodyTooLarge {
                host: host(),
                limit: 1,
            },
            "CallbackUnreachable?",
        ),
        (
            HttpError::Refused {
                host: host(),
                source: guard_error(),
            },
            "CallbackAddressRefused",
        ),
    ] {
        assert_eq!(short(judge_error(error)), expected);
    }
}

#[test]
fn messages() {
    let status = StatusCode::UNAUTHORIZED;
    for (answer, expected) in [
        (
            "",
            "callback answered 401 Unauthorized; check event.notification.callback.url and the credentials it needs",
        ),
        (
            "no token",
            "callback answered 401 Unauthorized: \"no token\"; \
             check event.notification.callback.url and the credentials it needs",
        ),
    ] {
        assert_eq!(
            DeliveryError::CallbackRefused {
                status,
                answer: answer.to_owned()
            }
            .to_string(),
            expected
        );
    }
}

const DEFAULT: [u64; 5] = [8, 64, 512, 4096, 32_768];

fn schedule(seconds: &[u64]) -> Vec<Duration> {
    seconds.iter().copied().map(Duration::from_secs).collect()
}

#[test]
fn the_schedule_goes_on_from_poll_to_poll() {
    // Waits within each poll in a row, and the pause behind it.
    type Polls = &'static [(&'static [u64], u64)];
    let table: [(&[u64], Polls); 6] = [
        (
            &DEFAULT,
            &[
                (&[8], 64),
                (&[], 512),
                (&[], 4096),
                (&[], 32_768),
                (&[], 32_768),
                (&[], 32_768),
            ],
        ),
        // The last entry repeats, and no poll waits for ever.
        (&[5], &[(&[5, 5], 5), (&[5, 5], 5)]),
        (&[60], &[(&[], 60), (&[], 60)]),
        (
            &[1, 2, 3, 4, 60, 5],
            &[(&[1, 2], 3), (&[4], 60), (&[5, 5], 5), (&[5, 5], 5)],
        ),
        (&[10, 11], &[(&[10], 11), (&[], 11)]),
        (&[], &[(&[], 3600), (&[], 3600)]),
    ];
    for (entries, polls) in table {
        for (failed, (waits, after)) in polls.iter().enumerate() {
            let attempts = Attempts::new(&schedule(entries), u32::try_from(failed).unwrap());
            let expected = (schedule(waits), Duration::from_secs(*after));
            assert_eq!(
                (attempts.waits, attempts.after),
                expected,
                "{entries:?} after {failed} failed polls"
            );
        }
        let last = polls.last().unwrap().1;
        let for_ever = Attempts::new(&schedule(entries), u32::MAX);
        assert_eq!(for_ever.after, Duration::from_secs(last), "{entries:?}");
    }
}

#[test]
fn held_objects_wait_by_the_same_schedule() {
    for (refused, jitter, expected) in [
        (0, 0.5, 8.0),
        (1, 0.5, 8.0),
        (1, 0.0, 6.4),
        (2, 1.0, 76.8),
        (5, 0.5, 32_768.0),
        (6, 0.5, 32_768.0),
        (u32::MAX, 0.5, 32_768.0),
    ] {
        let pause = pause_of_held(&schedule(&DEFAULT), refused, jitter);
        assert_eq!(pause, Duration::from_secs_f64(expected), "{refused} {jitter}");
    }
}

#[test]
fn pauses_between_attempts() {
    let attempts = Attempts::new(&schedule(&[1, 4, 60]), 0);
    let seconds = Duration::from_secs_f64;
    for (failed, retry_after, jitter, expected) in [
        (1, None, 0.5, Some(1.0)),
        (1, None, 0.0, Some(0.8)),
        (1, None, 1.0, Some(1.2)),
        (2, None, 0.5, Some(4.0)),
        (2, None, 1.0, Some(4.8)),
        (3, None, 0.5, None),
        (0, None, 0.5, None),
        (1, Some(0.0), 0.5, Some(1.0)),
        (1, Some(10.0), 0.5, Some(10.0)),
        (1, Some(11.0), 0.5, None),
        (3, Some(1.0), 0.5, None),
    ] {
        let pause = attempts.pause(failed, retry_after.map(seconds), jitter);
        assert_eq!(pause, expected.map(seconds), "{failed} {retry_after:?} {jitter}");
    }
    assert_eq!(Attempts::once().pause(1, None, 0.5), None);
}

#[test]
fn pauses_between_polls() {
    for (failed, jitter, expected) in [
        (0, 0.5, 2.0),
        (1, 0.5, 2.0),
        (1, 0.0, 1.6),
        (1, 1.0, 2.4),
        (2, 0.5, 4.0),
        (7, 0.5, 128.0),
        (8, 0.5, 250.0),
        (8, 1.0, 300.0),
        (u32::MAX, 1.0, 300.0),
        (u32::MAX, 7.0, 300.0),
    ] {
        assert_eq!(
            pause_after(failed, jitter),
            Duration::from_secs_f64(expected),
            "{failed} {jitter}"
        );
    }
}
