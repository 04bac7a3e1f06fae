//! A seen-set too large for one object leaves nothing behind when it cannot be stored.

use std::time::Duration;

use pollinator::store::{CheckpointStore, KubernetesStore, Owner};

use crate::fake_api::{FakeApi, Verb, on};
use crate::support::checkpoints;

#[tokio::test(start_paused = true)]
async fn refused_writes_leave_no_segments_behind() {
    let fake = FakeApi::new();
    fake.serve("pollinator.dev/v1alpha1");
    let store = KubernetesStore::new(fake.client());
    let owner = Owner {
        namespace: "finance".into(),
        name: "concur".into(),
        uid: "uid-1".into(),
    };
    let checkpoint = checkpoints::of(50_000); // a head and two segments
    let revision = store.save(&owner, "reports", &checkpoint, &None).await.unwrap();
    assert_eq!(fake.list("pollingcheckpoints", "finance").len(), 3);
    fake.fail_next(on(Verb::Update, "pollingcheckpoints"), 413, 5);
    for _ in 0..5 {
        store
            .save(&owner, "reports", &checkpoint, &revision)
            .await
            .unwrap_err();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(
        fake.list("pollingcheckpoints", "finance").len(),
        3,
        "the head is refused"
    );
    let (stored, _) = store.load(&owner, "reports").await.unwrap().unwrap();
    assert_eq!(stored, checkpoint);
}
