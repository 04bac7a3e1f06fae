//! Nothing is used before it is stored, and other writers are respected.

use super::fakes::*;
use crate::config::CredType;

#[tokio::test]
async fn stored_tokens_win_over_configured_ones() {
    let bench = Bench::new([granted("t1", "r2", US)]).stored(record("r1", US));
    bench.access().await.unwrap();
    assert_eq!(bench.sent(), ["r1"]);
    assert_eq!(bench.asked()[0].0, format!("{US}/oauth2/v0/token"));
    assert_eq!(bench.stored_token().as_deref(), Some("r2"));
}

#[tokio::test]
async fn an_unchanged_record_is_not_written_again() {
    let mut bench = Bench::new([granted("t1", "r1", US)]).stored(record("r1", US));
    bench.access().await.unwrap();
    assert_eq!(bench.writes(), 1, "the owner's name");
    for turn in 2..5 {
        bench.later(4000);
        bench.expect(granted(&format!("t{turn}"), "r1", US));
        bench.access().await.unwrap();
    }
    assert_eq!(bench.writes(), 1);
}

#[tokio::test]
async fn a_token_is_not_used_before_it_is_stored() {
    let bench = Bench::new([granted("t1", "r1", US)]);
    for _ in 0..3 {
        bench.fault(Fault::Away);
    }
    for _ in 0..3 {
        let error = bench.access().await.unwrap_err();
        assert_eq!((error.reason(), error.needs_human()), ("TokenNotStored", false));
    }
    assert_eq!(bearer(&bench.access().await.unwrap()), "Bearer t1");
    assert_eq!(bench.stored_token().as_deref(), Some("r1"));
    assert_eq!(bench.asked().len(), 1, "the token service was asked once");
}

#[tokio::test]
async fn an_unsaved_token_survives_its_access_token() {
    let mut bench = Bench::new([granted("t1", "r1", US), granted("t2", "r2", US)]);
    bench.fault(Fault::Away);
    bench.access().await.unwrap_err();
    bench.later(4000);
    bench.fault(Fault::Away);
    bench.access().await.unwrap_err();
    assert_eq!(bench.asked().len(), 1);
    assert_eq!(bearer(&bench.access().await.unwrap()), "Bearer t2");
    assert_eq!(bench.sent(), ["configured-s3cr3t", "r1"]);
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_recognised() {
    let bench = Bench::new([granted("t1", "r1", US)]);
    bench.fault(Fault::LostAnswer);
    assert_eq!(bench.access().await.unwrap_err().reason(), "TokenNotStored");
    assert_eq!(bearer(&bench.access().await.unwrap()), "Bearer t1");
    assert_eq!(bench.stored_token().as_deref(), Some("r1"));
}

#[tokio::test]
async fn another_writers_newer_token_wins() {
    let mut bench = Bench::new([granted("t1", "ours", US)]).stored(record("r1", US));
    bench.access().await.unwrap();
    bench.later(4000);
    bench.expect(granted("t2", "ours-2", US));
    bench.fault(Fault::Other(record("theirs", US)));
    assert_eq!(bearer(&bench.access().await.unwrap()), "Bearer t2");
    assert_eq!(bench.stored_token().as_deref(), Some("theirs"));
    bench.later(4000);
    bench.expect(granted("t3", "theirs", US));
    bench.access().await.unwrap();
    assert_eq!(bench.sent(), ["r1", "ours", "theirs"]);
}

#[tokio::test]
async fn another_writers_old_token_is_overwritten() {
    let mut bench = Bench::new([granted("t1", "r1", US)]).stored(record("r1", ""));
    bench.access().await.unwrap();
    bench.later(4000);
    bench.expect(granted("t2", "ours", US));
    let mut blocked = record("r1", "");
    blocked.blocked = Some("Rejected 108: x".to_owned());
    bench.fault(Fault::Other(blocked));
    bench.access().await.unwrap();
    let record = bench.record().unwrap();
    assert_eq!(
        (bench.stored_token().as_deref(), record.blocked),
        (Some("ours"), None)
    );
}

#[tokio::test]
async fn a_rejection_of_an_old_token_looks_for_a_newer_one() {
    let mut bench = Bench::new([granted("t1", "r1", US)]);
    bench.access().await.unwrap();
    let elsewhere = record("r2", US);
    bench = bench.stored(elsewhere);
    bench.later(4000);
    bench.expect(refused(400, "108", "bad or expired refresh token"));
    bench.expect(granted("t2", "r2", US));
    assert_eq!(bearer(&bench.access().await.unwrap()), "Bearer t2");
    assert_eq!(bench.sent(), ["configured-s3cr3t", "r1", "r2"]);
    assert_eq!(bench.record().unwrap().blocked, None);
}

/// Two namespaces share a credential; the process ended before the second namespace's record was renewed.
#[tokio::test]
async fn the_newest_token_of_all_namespaces_survives_a_restart() {
    let mut bench = Bench::new([granted("t1", "r1", US)]);
    let (finance, travel) = (bench.owner.clone(), owner("travel", "b"));
    bench.access().await.unwrap();
    bench.owner = travel.clone();
    bench.access().await.unwrap();
    assert_eq!(bench.stored_token().as_deref(), Some("r1"), "both have it");
    bench.owner = finance.clone();
    bench.later(4000);
    bench.expect(granted("t2", "r2", US));
    bench.access().await.unwrap();
    // Here the process ends. The vendor no longer takes r1.
    bench = bench.restarted();
    bench.owner = travel;
    bench.expect(refused(400, "108", "bad or expired refresh token"));
    bench.access().await.unwrap_err();
    bench.owner = finance;
    bench.expect(granted("t3", "r3", US));
    let access = bench.access().await.unwrap();
    assert_eq!(bearer(&access), "Bearer t3");
    assert_eq!(bench.sent(), ["configured-s3cr3t", "r1", "r1", "r2"]);
}

/// The same while the token service is away, so that nothing is known of either token.
#[tokio::test]
async fn the_newest_token_of_all_namespaces_is_not_overwritten() {
    let mut bench = Bench::new([granted("t1", "r1", US)]);
    let (finance, travel) = (bench.owner.clone(), owner("travel", "b"));
    bench.access().await.unwrap();
    bench.owner = travel.clone();
    bench.access().await.unwrap();
    bench.owner = finance.clone();
    bench.later(4000);
    bench.expect(granted("t2", "r2", US));
    bench.access().await.unwrap();
    bench = bench.restarted();
    bench.owner = travel;
    bench.expect(answer(503, ""));
    bench.access().await.unwrap_err();
    bench.owner = finance;
    bench.expect(answer(503, ""));
    bench.access().await.unwrap_err();
    assert_eq!(bench.stored_token().as_deref(), Some("r2"), "not put back to r1");
}

#[tokio::test]
async fn an_unreadable_store_means_no_call() {
    let bench = Bench::new([]).password(CredType::AuthToken);
    *bench.store.unreadable.lock().unwrap() = true;
    let error = bench.access().await.unwrap_err();
    assert_eq!((error.reason(), error.needs_human()), ("TokenNotLoaded", false));
    *bench.store.unreadable.lock().unwrap() = false;
    bench.expect(granted("t1", "r1", US));
    bench.access().await.unwrap();
}
