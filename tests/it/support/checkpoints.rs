//! Checkpoints as large as a test wants them.

use pollinator::api::PollingInstanceSpec;
use pollinator::config::{RecordTraits, Secrets, read};
use pollinator::poll::{Change, Checkpoint, Memory, Pass, Record, Rules};
use serde_json::json;
use serde_json::value::RawValue;

use super::world::{START, ordinary_spec};

/// A checkpoint of `seen` handled records.
pub fn of(seen: usize) -> Checkpoint {
    memory(seen).0.checkpoint
}

/// The same, and as many refused objects with long and awkward ids as are held at once.
pub fn full(seen: usize) -> Checkpoint {
    let (mut memory, read) = memory(seen);
    for n in 0.. {
        let record = read(format!("{n}{}", "\"\\\u{1}é".repeat(500)));
        if !memory.may_hold(&record) {
            break;
        }
        memory.refused(&record, Change::Created);
    }
    memory.checkpoint
}

fn memory(seen: usize) -> (Memory, impl Fn(String) -> Record) {
    let spec: PollingInstanceSpec = serde_json::from_value(ordinary_spec()).unwrap();
    let settings = read(
        "concur",
        &spec,
        &Secrets::default(),
        pollinator::element::catalogue(),
    )
    .settings
    .unwrap();
    let resource = settings.resources[0].clone();
    let rules = Rules::new("uid-1", &settings, &resource, RecordTraits::default());
    let now = START.parse().unwrap();
    let mut memory = Memory::with_cursor_at(&rules, now);
    let mut pass = Pass::begin(now);
    pass.page(&rules, Some(now), now);
    let reader = rules.clone();
    let read = move |id: String| {
        let raw = json!({"ID": id, "LastModifiedDate": "2026-11-23T12:00:00"}).to_string();
        let raw = RawValue::from_string(raw).unwrap();
        Record::read(&reader, &resource.id_field, raw, 1, 1).unwrap()
    };
    for n in 0..seen {
        memory.accepted(&rules, &pass, &read(format!("n{n}")));
    }
    (memory, read)
}
