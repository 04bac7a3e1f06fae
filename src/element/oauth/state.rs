//! What is known of one credential, and how it is kept in step with the store.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::TokenError;
use super::geolocation::Place;
use crate::store::{Owner, Revision, StoreError, TokenRecord, TokenStore};

/// Access is renewed this long before it ends.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// Writes tried against other writers before giving up for now.
const WRITES: u32 = 4;

/// An access token in memory; it is never stored.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) token: SecretString,
    pub(super) good_until: Timestamp,
    /// Geolocation of the answer.
    pub(super) place: Option<Place>,
    /// Who answered.
    pub(super) endpoint: Url,
    /// The vendor's clock less ours, where the answer had a `Date` header.
    pub(super) vendor_ahead: Option<SignedDuration>,
}

impl Live {
    /// Until when a token of this life is used: a minute less, or half its life if that is shorter.
    pub(super) fn good_until(now: Timestamp, life: std::time::Duration) -> Timestamp {
        let life = SignedDuration::try_from(life).unwrap_or(SignedDuration::ZERO);
        now.checked_add(life - MARGIN.min(life / 2)).unwrap_or(now)
    }
}

/// Everything known of one credential.
#[derive(Debug, Default)]
pub(super) struct State {
    /// What should be stored.
    pub(super) record: TokenRecord,
    pub(super) live: Option<Live>,
    /// The last failed attempt, by its number, for those who were waiting for it.
    pub(super) failed: Option<(u64, TokenError)>,
    /// Until when the token service wants to be left alone, and what it said.
    pub(super) rest: Option<(Timestamp, TokenError)>,
    /// A human asked for one more attempt.
    pub(super) forgiven: bool,
    /// What is stored, by namespace: instances of several namespaces may share a credential.
    slots: HashMap<String, Slot>,
}

/// The stored record of one namespace as last read or written.
#[derive(Debug, Default)]
struct Slot {
    stored: TokenRecord,
    revision: Revision,
    /// Owners whose name is known to be on the record.
    owners: HashSet<Owner>,
}

/// A store, and whose record in it.
#[derive(Clone, Copy)]
pub(super) struct Shelf<'a> {
    pub(super) store: &'a dyn TokenStore,
    pub(super) owner: &'a Owner,
    pub(super) fingerprint: &'a str,
}

impl State {
    /// What the token service said where it is not to be asked again yet, by whichever instance.
    pub(super) fn resting(&self, now: Timestamp) -> Option<TokenError> {
        let (until, error) = self.rest.as_ref()?;
        let left = std::time::Duration::try_from(until.duration_since(now)).ok()?;
        (!left.is_zero() && !self.forgiven).then(|| error.clone().later(left))
    }

    /// Remembers how an attempt failed.
    pub(super) fn note_failure(&mut self, number: u64, error: &TokenError, now: Timestamp) {
        self.failed = Some((number, error.clone()));
        self.rest = error
            .retry_after()
            .and_then(|after| Some((now.checked_add(after).ok()?, error.clone())));
    }

    /// Whether the record of the owner's namespace was read.
    pub(super) fn is_loaded(&self, owner: &Owner) -> bool {
        self.slots.contains_key(&owner.namespace)
    }

    /// Whether everything worth keeping is stored, and on the owner's behalf too.
    pub(super) fn is_settled(&self, owner: &Owner) -> bool {
        self.slots
            .get(&owner.namespace)
            .is_some_and(|slot| same(&slot.stored, &self.record) && slot.keeps_for(owner))
    }

    /// Whether a token must be stored before it may be used.
    pub(super) fn is_unsaved(&self, owner: &Owner) -> bool {
        self.slots
            .get(&owner.namespace)
            .is_none_or(|slot| !same(&slot.stored, &self.record))
    }

    /// Reads the record of the owner's namespace once. Of several namespaces' records the newest wins: the process
    /// may have ended before it was stored in all of them.
    pub(super) async fn load(&mut self, shelf: Shelf<'_>) -> Result<(), StoreError> {
        if self.is_loaded(shelf.owner) {
            return Ok(());
        }
        let (stored, revision) = shelf
            .store
            .load(shelf.owner, shelf.fingerprint)
            .await?
            .unwrap_or_default();
        let newer = stored.refresh_token.is_some()
            && (self.record.refresh_token.is_none() || stored.serial > self.record.serial);
        if self.slots.is_empty() || newer {
            self.record = stored.clone();
        }
        let slot = Slot {
            stored,
            revision,
            owners: HashSet::new(),
        };
        self.slots.insert(shelf.owner.namespace.clone(), slot);
        Ok(())
    }

    /// Reads the record again; true if another process stored another refresh token, which is then ours.
    pub(super) async fn reload(&mut self, shelf: Shelf<'_>) -> Result<bool, StoreError> {
        let (theirs, revision) = shelf
            .store
            .load(shelf.owner, shelf.fingerprint)
            .await?
            .unwrap_or_default();
        let newer = theirs.refresh_token.is_some() && !same_token(&theirs, &self.record);
        if newer {
            self.record = theirs.clone();
        }
        let slot = self.slots.entry(shelf.owner.namespace.clone()).or_default();
        (slot.stored, slot.revision) = (theirs, revision);
        Ok(newer)
    }

    /// Stores the record by compare-and-swap, and on the owner's behalf.
    ///
    /// After a conflict, what is stored decides: if it is what we wanted to store, the write was ours; if it has a
    /// refresh token that neither we had nor was there before, another process got it later and it wins; anything
    /// else is overwritten.
    pub(super) async fn save(&mut self, shelf: Shelf<'_>) -> Result<(), StoreError> {
        let mut conflict = None;
        for _ in 0..WRITES {
            if self.is_settled(shelf.owner) {
                return Ok(());
            }
            let slot = self.slots.entry(shelf.owner.namespace.clone()).or_default();
            match shelf
                .store
                .save(shelf.owner, shelf.fingerprint, &self.record, &slot.revision)
                .await
            {
                Ok(revision) => {
                    slot.stored = self.record.clone();
                    slot.revision = revision;
                    slot.owners.insert(shelf.owner.clone());
                    return Ok(());
                }
                Err(error @ StoreError::Conflict { .. }) => {
                    let (theirs, revision) = shelf
                        .store
                        .load(shelf.owner, shelf.fingerprint)
                        .await?
                        .unwrap_or_default();
                    let before = std::mem::replace(&mut slot.stored, theirs);
                    slot.revision = revision;
                    let theirs = &slot.stored;
                    if theirs.refresh_token.is_some()
                        && !same_token(theirs, &self.record)
                        && !same_token(theirs, &before)
                    {
                        self.record = theirs.clone();
                    }
                    conflict = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        conflict.map_or(Ok(()), Err)
    }
}

impl Slot {
    /// A record that does not exist has no owners.
    fn keeps_for(&self, owner: &Owner) -> bool {
        self.revision.is_none() || self.owners.contains(owner)
    }
}

fn same(a: &TokenRecord, b: &TokenRecord) -> bool {
    same_token(a, b) && a.geolocation == b.geolocation && a.blocked == b.blocked
}

fn same_token(a: &TokenRecord, b: &TokenRecord) -> bool {
    fn text(record: &TokenRecord) -> Option<&str> {
        record.refresh_token.as_ref().map(ExposeSecret::expose_secret)
    }
    text(a) == text(b)
}
