//! The set of handled (object, version) pairs, about 20 bytes each when stored.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::identity::hash64;

/// Passes without an object after which it counts as gone where a pass can miss it: a skipped page is then
/// not a wave of CREATED.
pub(super) const FORGOTTEN_AFTER: u8 = 20;

/// Keeps the keys of two kinds of ids apart, which may be the same numbers.
const APART: u64 = 0x9e37_79b9_7f4a_7c15;

/// How long a pair is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Until the floor, less the created check tolerance, reaches this vendor time.
    Until(Timestamp),
    /// While listings still show it.
    WhileListed,
}

/// One handled version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) version: u64,
    pub(super) keep: Keep,
    /// Its granule was still open when it was last seen, so that a further edit may carry the same date.
    pub(super) open: bool,
    /// Digests of the bodies handled while the granule was open.
    pub(super) digests: Vec<u64>,
    /// Complete passes in a row that did not list the object.
    pub(super) missed: u8,
}

/// Handled versions by object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    objects: BTreeMap<u64, Vec<Entry>>,
}

impl Seen {
    pub(super) fn knows(&self, key: u64) -> bool {
        self.objects.contains_key(&key)
    }

    pub(super) fn len(&self) -> usize {
        self.objects.values().map(Vec::len).sum()
    }

    pub(super) fn objects(&self) -> usize {
        self.objects.len()
    }

    pub(super) fn get_mut(&mut self, key: u64, version: u64) -> Option<&mut Entry> {
        self.objects
            .get_mut(&key)?
            .iter_mut()
            .find(|entry| entry.version == version)
    }

    /// Remembers a handled version; `digest` is kept while its granule is open.
    pub(super) fn mark(&mut self, key: u64, version: u64, keep: Keep, open: bool, digest: u64) {
        let entries = self.objects.entry(key).or_default();
        match entries.iter_mut().find(|entry| entry.version == version) {
            Some(entry) => {
                entry.open = open;
                if !entry.digests.is_empty() || open {
                    entry.digests.push(digest);
                }
            }
            None => {
                let digests = if open { vec![digest] } else { Vec::new() };
                entries.push(Entry {
                    version,
                    keep,
                    open,
                    digests,
                    missed: 0,
                });
            }
        }
    }

    /// Stands for the history of an object whose records have no date; zero where nothing is known of it.
    pub(super) fn chain(&self, key: u64) -> u64 {
        let newest = self.objects.get(&key).and_then(|entries| entries.last());
        newest.map_or(0, |entry| entry.digests.first().copied().unwrap_or(entry.version))
    }

    /// Remembers the handled version of an object whose records have no date, and only that: an earlier content that
    /// comes back is news.
    pub(super) fn mark_undated(&mut self, key: u64, version: u64, keep: Keep) {
        let chain = hash64(&[&self.chain(key).to_be_bytes(), &version.to_be_bytes()]);
        let entry = Entry {
            version,
            keep,
            open: false,
            digests: vec![chain],
            missed: 0,
        };
        self.objects.insert(key, vec![entry]);
    }

    /// Sets everything apart from what will be known under other ids, and back what was set apart before.
    pub(super) fn turn(&mut self) {
        let turned = std::mem::take(&mut self.objects).into_iter();
        self.objects = turned.map(|(key, entries)| (key ^ APART, entries)).collect();
    }

    /// What was set apart of the object `former` is known of the object `key`; whether there was anything.
    pub(super) fn take_back(&mut self, former: u64, key: u64) -> bool {
        let Some(entries) = self.objects.remove(&(former ^ APART)) else {
            return false;
        };
        self.objects.entry(key).or_insert(entries);
        true
    }

    pub(super) fn clear(&mut self) {
        self.objects.clear();
    }

    /// Keeps the `listed` versions, by the hashes of their objects, at least until `until`.
    pub(super) fn keep_listed(&mut self, listed: &HashMap<u64, u64>, until: Timestamp) {
        for (key, version) in listed {
            if let Some(Entry {
                keep: Keep::Until(at),
                ..
            }) = self.get_mut(*key, *version)
            {
                *at = until.max(*at);
            }
        }
    }

    /// Keeps all that is known of an object at least until `until`.
    pub(super) fn keep_object(&mut self, key: u64, until: Timestamp) {
        for entry in self.objects.get_mut(&key).into_iter().flatten() {
            if let Keep::Until(at) = &mut entry.keep {
                *at = until.max(*at);
            }
        }
    }

    /// Forgets what lies at or below `limit`.
    pub(super) fn evict(&mut self, limit: Timestamp) {
        self.objects.retain(|_, entries| {
            entries.retain(|entry| !matches!(entry.keep, Keep::Until(at) if at <= limit));
            !entries.is_empty()
        });
    }

    /// The same of records without dates, and only once more than `patience` passes did not list them.
    pub(super) fn evict_unlisted(&mut self, limit: Timestamp, listed: &HashMap<u64, u64>, patience: u8) {
        self.objects.retain(|key, entries| {
            let is_listed = listed.contains_key(key);
            entries.retain_mut(|entry| {
                entry.missed = if is_listed {
                    0
                } else {
                    entry.missed.saturating_add(1)
                };
                let past = matches!(entry.keep, Keep::Until(at) if at <= limit);
                !past || (!is_listed && entry.missed <= patience)
            });
            !entries.is_empty()
        });
    }

    /// After a complete pass over a listing without dates: forgets replaced versions, and objects long absent.
    pub(super) fn evict_absent(&mut self, listed: impl Fn(u64) -> Option<u64>) {
        self.objects.retain(|key, entries| {
            match listed(*key) {
                Some(present) => {
                    if entries.iter().any(|entry| entry.version == present) {
                        entries.retain(|entry| entry.version == present);
                    }
                    entries.iter_mut().for_each(|entry| entry.missed = 0);
                }
                None => {
                    entries
                        .iter_mut()
                        .for_each(|entry| entry.missed = entry.missed.saturating_add(1));
                    entries.retain(|entry| entry.missed <= FORGOTTEN_AFTER);
                }
            }
            !entries.is_empty()
        });
    }

    /// Binary form: entries in order of their keys, integers as LEB128 except for the hashes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len() * 24);
        for (key, entries) in &self.objects {
            for entry in entries {
                out.extend_from_slice(&key.to_be_bytes());
                out.extend_from_slice(&entry.version.to_be_bytes());
                let (forever, until) = match entry.keep {
                    Keep::WhileListed => (1u8, 0),
                    Keep::Until(at) => (0, ceil_ms(at)),
                };
                out.push(forever | (u8::from(entry.open) << 1));
                write_varint(zigzag(until), &mut out);
                write_varint(entry.digests.len() as u64, &mut out);
                for digest in &entry.digests {
                    out.extend_from_slice(&digest.to_be_bytes());
                }
            }
        }
        out
    }

    /// Reads what [`Seen::encode`] wrote; `None` where the bytes are something else.
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut seen = Self::default();
        while !bytes.is_empty() {
            let key = read_u64(&mut bytes)?;
            let version = read_u64(&mut bytes)?;
            let flags = take(&mut bytes, 1)?[0];
            let until = unzigzag(read_varint(&mut bytes)?);
            let count = read_varint(&mut bytes)?;
            if flags > 3 || count > bytes.len() as u64 {
                return None;
            }
            let digests = (0..count)
                .map(|_| read_u64(&mut bytes))
                .collect::<Option<Vec<_>>>()?;
            let keep = if flags & 1 == 1 {
                Keep::WhileListed
            } else {
                Keep::Until(Timestamp::from_millisecond(until).ok()?)
            };
            let entry = Entry {
                version,
                keep,
                open: flags & 2 == 2,
                digests,
                missed: 0,
            };
            seen.objects.entry(key).or_default().push(entry);
        }
        Some(seen)
    }
}

/// Rounded up, since an entry forgotten a moment too early is a repeated event. The last millisecond
/// of the range has no successor.
fn ceil_ms(at: Timestamp) -> i64 {
    let ms = at.as_millisecond();
    let exact = Timestamp::from_millisecond(ms).is_ok_and(|floor| floor >= at);
    if exact {
        ms
    } else {
        at.checked_add(SignedDuration::from_millis(1))
            .map_or(ms, |up| up.as_millisecond())
    }
}

fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

fn unzigzag(n: u64) -> i64 {
    ((n >> 1) as i64) ^ -((n & 1) as i64)
}

fn write_varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push((n as u8) | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        n |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(n);
        }
    }
    None
}

fn read_u64(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes, 8)
        .and_then(|eight| eight.try_into().ok())
        .map(u64::from_be_bytes)
}

fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(n)?;
    *bytes = tail;
    Some(head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> impl Strategy<Value = (u64, u64, Option<i64>, bool, u64)> {
        (
            any::<u64>(),
            any::<u64>(),
            proptest::option::of(-62_000_000_000_000..250_000_000_000_000i64),
            any::<bool>(),
            any::<u64>(),
        )
    }

    proptest! {
        #[test]
        fn stored_form_is_read_back(entries in proptest::collection::vec(entry(), 0..50)) {
            let mut seen = Seen::default();
            for (key, version, until, open, digest) in entries {
                let keep = until.map_or(Keep::WhileListed, |ms| Keep::Until(Timestamp::from_millisecond(ms).unwrap()));
                seen.mark(key, version, keep, open, digest);
            }
            prop_assert_eq!(Seen::decode(&seen.encode()), Some(seen));
        }

        #[test]
        fn foreign_bytes_are_refused_or_read_but_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Seen::decode(&bytes);
        }
    }

    #[test]
    fn an_entry_takes_about_twenty_bytes() {
        let mut seen = Seen::default();
        for n in 0..1000u64 {
            let keep = Keep::Until(Timestamp::from_millisecond(1_760_000_000_000 + n as i64).unwrap());
            seen.mark(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n, keep, false, 0);
        }
        assert!(seen.encode().len() <= 25 * 1000);
    }
}
