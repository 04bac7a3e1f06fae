//! Many polls with one credential, in paused time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;
use crate::element::{RateLimit, Refusal};

const SECOND: Duration = Duration::from_secs(1);

fn throttle(concurrent_requests: u16, rate: Option<(u32, u32)>) -> Arc<Throttle> {
    let rate_limit = rate.map(|(requests, per_seconds)| RateLimit {
        requests,
        per_seconds,
    });
    Arc::new(Throttle::new(&RequestLimits {
        concurrent_requests,
        rate_limit,
    }))
}

fn caller(uid: &str) -> Caller<'_> {
    Caller {
        uid,
        asked: false,
        wanted: &|| true,
    }
}

fn refusal(status: u16) -> Box<Refusal> {
    Box::new(Refusal {
        host: "api.example.com".into(),
        status,
        message: "customer Ann asks too much".into(),
        correlation_id: None,
        advice: None,
    })
}

fn throttled(after: u64) -> SourceError {
    SourceError::SourceThrottled {
        refusal: refusal(429),
        after: Some(Duration::from_secs(after)),
    }
}

fn unavailable(after: Option<u64>) -> SourceError {
    SourceError::SourceUnavailable {
        refusal: refusal(503),
        after: after.map(Duration::from_secs),
    }
}

async fn leave(throttle: &Arc<Throttle>, uid: &str) -> Leave {
    throttle.leave(caller(uid), None, false).await.unwrap()
}

/// One request and its answer.
async fn asks(throttle: &Arc<Throttle>, uid: &str, answer: Result<(), &SourceError>) -> Option<Told> {
    leave(throttle, uid).await.answered(caller(uid), answer)
}

fn left(throttle: &Arc<Throttle>, asked: bool) -> Option<Duration> {
    let caller = Caller { asked, ..caller("x") };
    match throttle.admit(caller, true) {
        Ok(_) => None,
        Err(PutOff::Resting(rest)) => Some(rest.left),
        Err(other) => panic!("{other:?}"),
    }
}

/// Of many that ask at once no more than the limit are under way, and they go in the order in which they asked.
#[tokio::test(start_paused = true)]
async fn first_come_first_served_and_no_more_than_allowed() {
    let throttle = throttle(4, None);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..1024_usize {
        let (throttle, now, most, served) = (throttle.clone(), now.clone(), most.clone(), served.clone());
        tasks.spawn(async move {
            let leave = throttle.leave(caller("x"), None, false).await.unwrap();
            served.lock().unwrap().push(number);
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50 + number as u64 % 7)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            assert_eq!(leave.answered(caller("x"), Ok(())), None);
        });
        tokio::task::yield_now().await;
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 4);
    let served = served.lock().unwrap();
    assert!(served.is_sorted(), "{served:?}");
}

/// A poll that is no longer wanted leaves the line within a second or so, and its place is free.
#[tokio::test(start_paused = true)]
async fn who_is_no_longer_wanted_leaves_the_line() {
    let rate_full = throttle(4, Some((1, 3600)));
    asks(&rate_full, "x", Ok(())).await;
    let slots_full = throttle(1, None);
    let held = leave(&slots_full, "x").await;
    let at_rest = throttle(1, None);
    asks(&at_rest, "x", Err(&throttled(100))).await;
    for throttle in [&rate_full, &slots_full, &at_rest] {
        let wanted = AtomicBool::new(true);
        let is_wanted = || wanted.load(Ordering::SeqCst);
        let waits = async {
            let caller = Caller {
                wanted: &is_wanted,
                ..caller("y")
            };
            throttle.leave(caller, None, true).await.unwrap_err()
        };
        let ends = async {
            tokio::time::sleep(10 * SECOND).await;
            wanted.store(false, Ordering::SeqCst);
            Instant::now()
        };
        let (why, ended) = tokio::join!(waits, ends);
        assert_eq!(why, PutOff::Unwanted);
        assert!(ended.elapsed() <= 2 * SECOND);
    }
    drop(held);
    asks(&slots_full, "z", Ok(())).await;
}

/// In no stretch of time are there more requests than the rate limit allows, whoever asks and however it falls.
#[tokio::test(start_paused = true)]
async fn a_rate_limit_holds_in_every_stretch_of_time() {
    for (requests, per_seconds, asked) in [(1_u32, 1_u32, 20_u32), (10, 60, 60), (20, 1, 500), (7, 3, 100)] {
        let throttle = throttle(4, Some((requests, per_seconds)));
        let sent = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        let began = Instant::now();
        for number in 0..asked {
            let (throttle, sent) = (throttle.clone(), sent.clone());
            tasks.spawn(async move {
                tokio::time::sleep(Duration::from_millis(u64::from(number) * 137 % 5000)).await;
                let leave = leave(&throttle, "x").await;
                sent.lock().unwrap().push(Instant::now());
                tokio::time::sleep(Duration::from_millis(20)).await;
                leave.answered(caller("x"), Ok(()));
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        let sent = sent.lock().unwrap();
        let stretch = Duration::from_secs(per_seconds.into());
        for window in sent.windows(requests as usize + 1) {
            let took = window[requests as usize] - window[0];
            assert!(took >= stretch, "{requests} in {stretch:?}: one more in {took:?}");
        }
        // And the limit is used: no slower than it must be, give or take the request that was late.
        let least = stretch * (asked / requests) + 5 * SECOND + stretch;
        assert!(
            began.elapsed() <= least,
            "{requests} in {stretch:?}: {:?}",
            began.elapsed()
        );
    }
}

/// What the source wishes is never undercut; what is asked too often widens; the longest is an hour of his, 15 minutes of ours.
#[tokio::test(start_paused = true)]
async fn rests_widen_while_the_source_is_asked_too_often() {
    let day = 24 * 3600;
    let table: [(&str, Vec<SourceError>, &[u64]); 7] = [
        (
            "a Retry-After of 30",
            (0..8).map(|_| throttled(30)).collect(),
            &[30, 60, 120, 240, 480, 900, 900, 900],
        ),
        (
            "at once, he says",
            (0..4).map(|_| throttled(0)).collect(),
            &[2, 4, 8, 16],
        ),
        (
            "half an hour",
            (0..3).map(|_| throttled(1800)).collect(),
            &[1800, 1800, 1800],
        ),
        (
            "ten years",
            (0..2).map(|_| throttled(3650 * day)).collect(),
            &[3600, 3600],
        ),
        ("no end", vec![throttled(u64::MAX)], &[3600]),
        (
            "maintenance does not come of asking",
            (0..4).map(|_| unavailable(Some(300))).collect(),
            &[300, 300, 300, 300],
        ),
        (
            "maintenance without a time",
            (0..4).map(|_| unavailable(None)).collect(),
            &[2, 4, 8, 16],
        ),
    ];
    for (what, answers, expected) in table {
        let throttle = throttle(4, None);
        let mut rests = Vec::new();
        for (number, answer) in answers.iter().enumerate() {
            let told = asks(&throttle, "x", Err(answer)).await.unwrap();
            assert!(told.tells && told.begins, "{what}");
            assert_eq!(told.rest.in_a_row as usize, number + 1, "{what}");
            assert!(!told.rest.said.contains("Ann"), "{what}: {}", told.rest.said);
            rests.push(told.rest.left.as_secs());
            assert_eq!(left(&throttle, false), Some(told.rest.left), "{what}");
            tokio::time::sleep(told.rest.left).await;
            assert_eq!(left(&throttle, false), None, "{what}");
        }
        assert_eq!(rests, expected, "{what}");
        // One good answer and it begins anew.
        asks(&throttle, "x", Ok(())).await;
        let told = asks(&throttle, "y", Err(&throttled(30))).await.unwrap();
        assert_eq!(
            (told.tells, told.rest.in_a_row, told.rest.left),
            (true, 1, 30 * SECOND),
            "{what}"
        );
    }
}

/// Requests that were under way together and are answered alike begin one rest, and one instance tells of it.
#[tokio::test(start_paused = true)]
async fn answers_that_come_together_are_one_rest() {
    let throttle = throttle(4, None);
    let mut under_way = Vec::new();
    for uid in ["a", "b", "c", "d"] {
        under_way.push((uid, leave(&throttle, uid).await));
    }
    let last = under_way.pop().unwrap().1;
    let mut told = Vec::new();
    for (uid, leave) in under_way {
        told.push(leave.answered(caller(uid), Err(&throttled(60))).unwrap());
    }
    let seen: Vec<_> = told
        .iter()
        .map(|told| (told.tells, told.begins, told.rest.in_a_row))
        .collect();
    assert_eq!(seen, [(true, true, 1), (false, false, 1), (false, false, 1)]);
    // An answer to a request from before says nothing of the time after.
    assert_eq!(last.answered(caller("d"), Ok(())), None);
    assert_eq!(left(&throttle, false), Some(60 * SECOND));
    // The next rest in the storm is told by the same instance, whoever begins it.
    tokio::time::sleep(60 * SECOND).await;
    let told = asks(&throttle, "b", Err(&throttled(60))).await.unwrap();
    assert_eq!((told.tells, told.begins, told.rest.in_a_row), (false, true, 2));
    tokio::time::sleep(120 * SECOND).await;
    assert!(asks(&throttle, "a", Err(&throttled(60))).await.unwrap().tells);
}

/// After a rest one request tries; the others wait for its answer and do not ask if the source is not well.
#[tokio::test(start_paused = true)]
async fn one_request_tries_after_a_rest() {
    let throttle = throttle(4, None);
    asks(&throttle, "x", Err(&throttled(60))).await;
    tokio::time::sleep(60 * SECOND).await;
    let probe = leave(&throttle, "x").await;
    let others = async {
        let all = ["a", "b", "c"].map(|uid| throttle.leave(caller(uid), None, false));
        futures::future::join_all(all).await
    };
    let answered = async {
        tokio::time::sleep(5 * SECOND).await;
        probe.answered(caller("x"), Err(&throttled(60)))
    };
    let (others, told) = tokio::join!(others, answered);
    assert_eq!(told.unwrap().rest.in_a_row, 2);
    for other in others {
        assert!(matches!(other, Err(PutOff::Resting(_))), "{other:?}");
    }
    // Trouble that passes by itself says neither yes nor no.
    tokio::time::sleep(120 * SECOND).await;
    asks(
        &throttle,
        "x",
        Err(&SourceError::SourceTemporaryError(refusal(500))),
    )
    .await;
    assert!(throttle.pace().is_probing());
    asks(
        &throttle,
        "x",
        Err(&SourceError::SourceRequestRefused(refusal(404))),
    )
    .await;
    assert!(!throttle.pace().is_probing());
}

/// A human can cut short what we added to the source's wish, never the wish.
#[tokio::test(start_paused = true)]
async fn a_human_respects_the_sources_wish() {
    let throttle = throttle(4, None);
    for rest in [30, 60, 120] {
        asks(&throttle, "x", Err(&throttled(30))).await;
        assert_eq!(left(&throttle, false), Some(rest * SECOND));
        assert_eq!(left(&throttle, true), Some(30 * SECOND));
        if rest < 120 {
            tokio::time::sleep(rest * SECOND).await;
        }
    }
    tokio::time::sleep(30 * SECOND).await;
    assert_eq!(left(&throttle, false), Some(90 * SECOND));
    let asked = Caller {
        asked: true,
        ..caller("x")
    };
    let leave = throttle.leave(asked, None, false).await.unwrap();
    assert_eq!(leave.answered(asked, Ok(())), None);
    assert_eq!(
        left(&throttle, false),
        None,
        "it was well, so nobody waits any longer"
    );
}

/// Beyond what can wait, polls are put off, each until those before it had their turn, and no newcomer overtakes them.
#[tokio::test(start_paused = true)]
async fn a_crowd_is_put_off_in_turn() {
    let throttle = throttle(1, Some((10, 60)));
    let mut places = Vec::new();
    let mut turns = Vec::new();
    for number in 0..1000 {
        match throttle.admit(caller("x"), false) {
            Ok(place) => places.push(place),
            Err(PutOff::Crowded) => turns.push(throttle.turn()),
            Err(other) => panic!("{number}: {other:?}"),
        }
    }
    assert!((1..=128).contains(&places.len()), "{} wait", places.len());
    assert!(turns.is_sorted());
    // By the rate limit the last one's turn comes after all the others'.
    assert_eq!(turns.last().unwrap().as_secs(), (1000 - places.len() as u64) * 6);
    places.clear();
    assert!(
        throttle.admit(caller("x"), false).is_err(),
        "a newcomer waits behind those put off"
    );
    assert!(throttle.admit(caller("x"), true).is_ok());
    let asked = Caller {
        asked: true,
        ..caller("x")
    };
    assert!(throttle.admit(asked, false).is_ok(), "a human waits in line");
}

/// Where only time tells, nobody is put off for more than about a minute, so that a source that hung for a while is
/// asked by all soon after.
#[tokio::test(start_paused = true)]
async fn a_slow_source_puts_nobody_off_for_long() {
    let throttle = throttle(2, None);
    for _ in 0..20 {
        let leave = leave(&throttle, "x").await;
        tokio::time::sleep(60 * SECOND).await;
        leave.answered(caller("x"), Ok(()));
    }
    let turns: Vec<_> = (0..1000).map(|_| throttle.turn()).collect();
    assert!(turns.iter().all(|turn| *turn <= 75 * SECOND), "{turns:?}");
    let late = turns.iter().filter(|turn| **turn > 60 * SECOND).count();
    assert!(late > 900, "those are spread: {late}");
}

/// The credentials' rejection is told by one instance, and again after they were accepted.
#[tokio::test(start_paused = true)]
async fn a_rejection_is_told_once() {
    let throttle = throttle(4, None);
    let told = |uid: &str, accepted| throttle.credentials(caller(uid), accepted);
    assert!(told("a", false));
    assert!(!told("b", false) && told("a", false) && !told("c", false));
    assert!(!told("b", true));
    assert!(told("c", false) && !told("a", false));
}
