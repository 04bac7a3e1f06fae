//! Hashes that name objects, versions and events; stable across restarts and releases.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Change, Memory, Record, Rules};

/// Id of an event: 32 hexadecimal digits, the same on every attempt.
pub type EventId = String;

/// The first eight bytes of a SHA-256 over length-prefixed parts.
pub(super) fn hash64(parts: &[&[u8]]) -> u64 {
    let digest = hash(parts);
    let mut first = [0u8; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// A version by its date: the instant counts, not how the vendor printed it.
pub(super) fn version_of_date(at: Timestamp) -> u64 {
    hash64(&[b"date", &at.as_nanosecond().to_be_bytes()])
}

/// What a receiver may use to tell two versions apart. A record without a date may come back to an earlier content,
/// which is another version: what was handled before it and the floor make the difference, and both are the same when
/// an attempt is repeated after a crash.
pub(super) fn event_version(rules: &Rules, memory: &Memory, record: &Record) -> u64 {
    match record.updated {
        Some(at) if rules.body_in_version() => {
            hash64(&[&at.as_nanosecond().to_be_bytes(), &record.digest.to_be_bytes()])
        }
        Some(at) => version_of_date(at),
        None => hash64(&[
            &first_tried_from(memory, record).as_nanosecond().to_be_bytes(),
            &memory.checkpoint.seen.chain(record.key).to_be_bytes(),
            &record.digest.to_be_bytes(),
        ]),
    }
}

/// The floor at the first attempt to tell of a record without a date; it moves on while the object is held.
fn first_tried_from(memory: &Memory, record: &Record) -> Timestamp {
    let held = memory.checkpoint.held.get(&record.id);
    held.map_or(memory.checkpoint.floor, |held| held.date)
}

/// The events that report `record` as `change`, in the order they must be delivered.
///
/// A CREATED id has no version, so that one repeated after a crash is recognised although the object was
/// edited in between; where an earlier attempt may have been accepted, an UPDATED for the present version
/// follows, since a receiver that drops the repeated CREATED would miss the edit.
pub fn event_ids(rules: &Rules, memory: &Memory, record: &Record, change: Change) -> Vec<(Change, EventId)> {
    let version = event_version(rules, memory, record);
    let updated = || {
        (
            Change::Updated,
            event_id(rules, record, b"updated", &version.to_be_bytes()),
        )
    };
    match change {
        Change::Updated => vec![updated()],
        Change::Deleted => {
            let id = event_id(rules, record, b"deleted", &version.to_be_bytes());
            vec![(Change::Deleted, id)]
        }
        Change::Created => {
            let created = record.created.map(|at| at.as_nanosecond().to_be_bytes());
            let id = event_id(
                rules,
                record,
                b"created",
                created.as_ref().map_or(&[], |bytes| &bytes[..]),
            );
            let mut events = vec![(Change::Created, id)];
            if memory.created_may_be_known(rules, record, version) {
                events.push(updated());
            }
            events
        }
    }
}

fn event_id(rules: &Rules, record: &Record, kind: &[u8], version: &[u8]) -> EventId {
    let digest = hash(&[
        kind,
        rules.instance_uid.as_bytes(),
        rules.resource.as_bytes(),
        record.id.as_bytes(),
        version,
    ]);
    hex::encode(&digest[..16])
}
