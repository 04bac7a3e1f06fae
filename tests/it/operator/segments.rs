//! A seen-set too large for one object leaves nothing behind when it cannot be stored.

use std::time::Duration;

use pollinator::api::PollingInstanceSpec;
use pollinator::config::{RecordTraits, Secrets, read};
use pollinator::poll::{Checkpoint, Memory, Pass, Record, Rules};
use pollinator::store::{CheckpointStore, KubernetesStore, Owner};
use serde_json::value::RawValue;

use crate::fake_api::{FakeApi, Verb, on};
use crate::support::world::{START, ordinary_spec};

/// A checkpoint of `count` handled records.
fn large(count: usize) -> Checkpoint {
    let spec: PollingInstanceSpec = serde_json::from_value(ordinary_spec()).unwrap();
    let settings = read(
        "concur",
        &spec,
        &Secrets::default(),
        pollinator::element::catalogue(),
    )
    .settings
    .unwrap();
    let resource = &settings.resources[0];
    let rules = Rules::new("uid-1", &settings, resource, RecordTraits::default());
    let now = START.parse().unwrap();
    let mut memory = Memory::with_cursor_at(&rules, now);
    let mut pass = Pass::begin(now);
    pass.page(&rules, Some(now), now);
    for n in 0..count {
        let raw = format!(r#"{{"ID":"n{n}","LastModifiedDate":"2026-11-23T12:00:00"}}"#);
        let raw = RawValue::from_string(raw).unwrap();
        let record = Record::read(&rules, &resource.id_field, raw, 1, n).unwrap();
        memory.accepted(&rules, &pass, &record);
    }
    memory.checkpoint
}

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
    let checkpoint = large(50_000); // a head and two segments
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
