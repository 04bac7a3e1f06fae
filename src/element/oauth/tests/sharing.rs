//! Many callers, one credential.

use std::sync::Arc;

use futures::future::join_all;
use tokio::sync::Semaphore;

use super::fakes::*;
use crate::store::Owner;

async fn ten(bench: &Bench) -> Vec<Result<String, String>> {
    let calls = (0..10).map(|_| async {
        match bench.access().await {
            Ok(access) => Ok(bearer(&access).to_owned()),
            Err(error) => Err(error.to_string()),
        }
    });
    join_all(calls).await
}

#[tokio::test]
async fn ten_callers_make_one_request() {
    let bench = Bench::new([granted("t1", "r1", US)]);
    assert!(
        ten(&bench)
            .await
            .iter()
            .all(|result| result == &Ok("Bearer t1".to_owned()))
    );
    assert_eq!((bench.asked().len(), bench.writes()), (1, 1));
}

#[tokio::test]
async fn ten_callers_share_a_failure() {
    let bench = Bench::new([timeout()]);
    let results = ten(&bench).await;
    assert!(
        results
            .iter()
            .all(|result| result.is_err() && *result == results[0])
    );
    assert_eq!(bench.asked().len(), 1);
    bench.expect(granted("t1", "r1", US));
    bench.access().await.unwrap();
}

#[tokio::test]
async fn ten_refusals_make_one_refresh() {
    let bench = Bench::new([granted("t1", "r1", US), granted("t2", "r2", US)]);
    let stale = bench.access().await.unwrap();
    let results = join_all((0..10).map(|_| bench.refresh(&stale))).await;
    assert!(
        results
            .iter()
            .all(|result| bearer(result.as_ref().unwrap()) == "Bearer t2")
    );
    assert_eq!(
        results
            .iter()
            .filter(|result| result.as_ref().unwrap().refreshed.is_some())
            .count(),
        1
    );
    assert_eq!(bench.asked().len(), 2);
}

#[tokio::test]
async fn a_caller_that_leaves_takes_no_token_with_it() {
    let bench = Bench::new([granted("t1", "rotated", US)]);
    let gate = Arc::new(Semaphore::new(0));
    *bench.service.gate.lock().unwrap() = Some(gate.clone());
    {
        let call = bench.access();
        tokio::pin!(call);
        for _ in 0..20 {
            assert!(futures::poll!(call.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
        assert_eq!(bench.asked().len(), 1);
    }
    gate.add_permits(1);
    bench.tokens.settle().await;
    assert_eq!(bench.stored_token().as_deref(), Some("rotated"));
    assert_eq!(bearer(&bench.access().await.unwrap()), "Bearer t1");
}

fn owners(bench: &Bench) -> Vec<Owner> {
    bench
        .store
        .records
        .lock()
        .unwrap()
        .values()
        .flat_map(|(_, _, owners)| owners.clone())
        .collect()
}

#[tokio::test]
async fn instances_that_share_a_credential_share_the_token_and_own_the_record() {
    let mut bench = Bench::new([granted("t1", "r1", US)]);
    bench.access().await.unwrap();
    bench.owner = owner("finance", "b");
    for _ in 0..3 {
        assert_eq!(bearer(&bench.access().await.unwrap()), "Bearer t1");
    }
    assert_eq!(bench.asked().len(), 1);
    assert_eq!(owners(&bench), [owner("finance", "a"), owner("finance", "b")]);
}

#[tokio::test]
async fn an_owner_that_cannot_be_noted_yet_is_no_obstacle() {
    let mut bench = Bench::new([granted("t1", "r1", US)]);
    bench.access().await.unwrap();
    bench.owner = owner("finance", "b");
    bench.fault(Fault::Away);
    bench.access().await.unwrap();
    bench.access().await.unwrap();
    assert_eq!(owners(&bench), [owner("finance", "a"), owner("finance", "b")]);
}

#[tokio::test]
async fn namespaces_share_rotation_but_each_keeps_its_record() {
    let mut bench = Bench::new([granted("t1", "r1", US)]);
    bench.access().await.unwrap();
    bench.owner = owner("travel", "a");
    bench = bench.stored(record("outdated", US));
    assert_eq!(bearer(&bench.access().await.unwrap()), "Bearer t1");
    assert_eq!(bench.stored_token().as_deref(), Some("r1"));
    bench.later(4000);
    bench.expect(granted("t2", "r2", US));
    bench.access().await.unwrap();
    bench.owner = owner("finance", "a");
    assert_eq!(bench.stored_token().as_deref(), Some("r1"));
    assert_eq!(bearer(&bench.access().await.unwrap()), "Bearer t2");
    assert_eq!(bench.stored_token().as_deref(), Some("r2"));
    assert_eq!(bench.sent(), ["configured-s3cr3t", "r1"]);
}
