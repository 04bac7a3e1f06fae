//! What the ids, dates and cursor of a checkpoint mean, and what becomes of them when an edit of the spec changes that.
//!
//! `docs/adr/0009-edits-carry-the-cursor.md` says why each rule is there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::hash64;
use super::proof::Candidates;
use super::seen::FORGOTTEN_AFTER;
use super::{Held, Memory, Pass, Phase, Record, Rules};
use crate::api::RESET_TO;
use crate::config::{DateReading, FieldPath, IdField, ResourceSettings};

/// Polls in whose checkpoint an edit is told, so that neither a kill nor a lost write of the status hides it.
const TOLD: u8 = 2;

/// What a checkpoint's ids, dates and cursor mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// Key of the element.
    pub element: String,
    /// The element is polled through a hub.
    pub through_hub: bool,
    /// What is listed: the element's name of it, or its path at the hub.
    pub listing: String,
    /// Digest of the url as written.
    pub url: String,
    /// `idField` as written.
    pub id_field: String,
    /// The date that orders versions; none where bodies are compared.
    pub updated: Option<DateReading>,
    /// Every pass compares the whole listing, so that the memory is the listing.
    pub whole_listing: bool,
}

impl Origin {
    /// The meaning that settings give to a checkpoint; `listing` is what the element calls the listing.
    pub fn new(
        element: &str,
        through_hub: bool,
        listing: String,
        resource: &ResourceSettings,
        rules: &Rules,
    ) -> Self {
        Self {
            element: element.to_owned(),
            through_hub,
            listing,
            // The text may hold what is nobody's business.
            url: format!("{:016x}", hash64(&[resource.url.as_str().as_bytes()])),
            id_field: resource.id_field.to_string(),
            updated: rules.updated.as_ref().map(DateReading::of),
            whole_listing: rules.compares_whole_listing(),
        }
    }

    /// Whether a resource of this origin can go on with the checkpoint of one of `other`, as after a rename.
    pub fn continues(&self, other: &Self) -> bool {
        *self
            == Self {
                url: self.url.clone(),
                ..other.clone()
            }
    }

    fn source(&self) -> String {
        let door = if self.through_hub { " through a hub" } else { "" };
        format!("{}{door}", self.element)
    }

    fn lists_the_same(&self, other: &Self) -> bool {
        (&self.element, self.through_hub, &self.listing)
            == (&other.element, other.through_hub, &other.listing)
    }
}

/// What was held before an edit, and how its objects are recognised, until they are listed again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Former {
    /// `idField` as it was.
    id_field: String,
    /// Held objects, by their ids of that time.
    pub(super) held: BTreeMap<String, Held>,
    /// A record was read since.
    used: bool,
}

/// An edit over which a checkpoint was carried, to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedOver {
    /// Stable CamelCase reason.
    pub reason: String,
    /// What happened, what it means and what to do if it was not meant.
    pub message: String,
    /// Polls that told it.
    told: u8,
}

impl CarriedOver {
    /// An edit of `resource`, not told yet.
    pub fn new(reason: &str, resource: &str, what: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            message: format!(
                "resource {resource}: {what}; if this was not meant, undo the edit, or name with {RESET_TO} the instant \
                 from which everything is to be told"
            ),
            told: 0,
        }
    }
}

/// A resource that was added to an instance which is polled already, to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// How it begins.
    pub message: String,
    /// It may have been meant otherwise.
    pub doubtful: bool,
    /// Polls that told it.
    told: u8,
}

impl Added {
    /// A resource that begins as `message` says, not told yet.
    pub fn new(message: String, doubtful: bool) -> Self {
        Self {
            message,
            doubtful,
            told: 0,
        }
    }
}

/// What an edit does to a memory that is the listing.
const LEARNED_ANEW: &str =
    "what is listed is learned anew in silence, so changes made during the edit are not told";

impl Memory {
    /// The settings give `origin` to the checkpoint from now on. Where that is another meaning than before, what was
    /// remembered is carried over as far as it goes, which is to be told; never is what is old told as new.
    pub fn adopt(&mut self, origin: &Origin, resource: &str) {
        let before = self.checkpoint.origin.replace(origin.clone());
        if before.as_ref() == Some(origin) {
            return;
        }
        self.changed_before_fetching();
        let Some(before) = before.filter(|_| self.checkpoint.phase != Phase::New) else {
            return;
        };
        // The memory of a whole listing is no cursor and no filter's business: it holds what that very url lists.
        let whole = before.whole_listing || origin.whole_listing;
        let other_ids = before.id_field != origin.id_field;
        if other_ids || !before.lists_the_same(origin) {
            self.set_aside(&before.id_field, &origin.id_field);
        }
        // A listing that was quiet for long has its cursor far back.
        let stays = format!(
            "the cursor stays at {}, so what changed after it is told and nothing older",
            self.checkpoint.floor
        );
        let carried = if !before.lists_the_same(origin) {
            self.forget_ids();
            let what = if whole {
                self.begin_in_silence();
                LEARNED_ANEW
            } else {
                &stays
            };
            let (source_now, source_before) = (origin.source(), before.source());
            Some(if source_now == source_before {
                let change = format!("it lists {} now, not {}", origin.listing, before.listing);
                ("ListingChanged", change, what)
            } else {
                let change = format!("it is polled from {source_now} now, not from {source_before}");
                ("ElementChanged", change, what)
            })
        } else if before.updated != origin.updated || before.whole_listing != origin.whole_listing {
            let what = if whole {
                self.forget_ids();
                self.begin_in_silence();
                LEARNED_ANEW
            } else {
                self.reread(&before, origin);
                "the cursor stays, so what changed after it is told, some of it perhaps once more, and nothing older"
            };
            let change = "its versions are dated in another way".to_owned();
            Some(("DatesChanged", change, what))
        } else if other_ids {
            let what = if whole {
                self.learn_unknown();
                "objects are recognised by their former ids, and those that are not are learned in silence"
            } else {
                "the cursor stays, and objects are recognised by their former ids, so nothing is told again"
            };
            let change = format!("its ids are {} now, not {}", origin.id_field, before.id_field);
            Some(("IdFieldChanged", change, what))
        } else if whole {
            self.learn_unknown();
            let what = "objects that were not listed before are learned in silence, and changes of the others are told";
            Some(("ListingChanged", "its url is another".to_owned(), what))
        } else {
            None
        };
        if let Some((reason, change, what)) = carried {
            self.carried_over(CarriedOver::new(reason, resource, &format!("{change}; {what}")));
        }
    }

    /// An edit is to be told.
    pub fn carried_over(&mut self, carried: CarriedOver) {
        self.checkpoint.carried = Some(carried);
        self.touch();
    }

    /// An edit that is to be told still.
    pub fn to_be_told(&self) -> Option<&CarriedOver> {
        self.checkpoint.carried.as_ref()
    }

    /// The resource was added, which is to be told.
    pub fn is_added(&mut self, added: Added) {
        self.checkpoint.added = Some(added);
        self.touch();
    }

    /// That it was added, where that is to be told still.
    pub fn added(&self) -> Option<&Added> {
        self.checkpoint.added.as_ref()
    }

    /// A human has answered: what was to be told is known.
    pub fn answered(&mut self) {
        if self.checkpoint.carried.take().is_some() {
            self.touch();
        }
    }

    /// A poll that tells of an edit is about to be saved.
    pub fn tell(&mut self) {
        if let Some(added) = &mut self.checkpoint.added {
            added.told += 1;
            if added.told >= TOLD {
                self.checkpoint.added = None;
            }
            self.touch();
        }
        if let Some(carried) = &mut self.checkpoint.carried {
            carried.told += 1;
            if carried.told > TOLD {
                self.checkpoint.carried = None;
            }
            self.touch();
        }
    }

    /// Ids of objects held before an edit that were not listed since.
    pub fn held_by_former_ids(&self) -> Vec<String> {
        let former = self.checkpoint.former.as_ref();
        former.map_or_else(Vec::new, |former| former.held.keys().cloned().collect())
    }

    /// A record that was known by another id is known by its present one.
    pub(super) fn recognise(&mut self, record: &Record) {
        let Some(mut former) = self.checkpoint.former.take() else {
            return;
        };
        let mut changed = !std::mem::replace(&mut former.used, true);
        if let Some(id) = record.id_at(&id_field(&former.id_field)) {
            changed |= self
                .checkpoint
                .seen
                .take_back(hash64(&[id.as_bytes()]), record.key);
            if let Some(held) = former.held.remove(&id) {
                self.checkpoint.held.insert(record.id.clone(), held);
                changed = true;
            }
        }
        self.checkpoint.former = Some(former);
        if changed {
            self.touch();
        }
    }

    /// After a complete pass: held objects that are long not recognised are gone (a slip may be undone until then), and
    /// with the last of them the former ids, once a proven pass has read what is listed.
    pub(super) fn forget_former(&mut self, pass: &Pass, proven: bool) {
        let Some(former) = self.checkpoint.former.as_mut().filter(|_| pass.was_readable()) else {
            return;
        };
        let before = former.held.len();
        former.held.retain(|_, held| {
            held.missed = held.missed.saturating_add(1);
            held.missed <= FORGOTTEN_AFTER
        });
        let over = proven && pass.objects() > 0 && former.held.is_empty();
        if over || before > 0 {
            self.touch();
        }
        if over {
            self.checkpoint.former = None;
        }
    }

    /// What is known of the objects is kept apart, under their former ids. Where no record was read since an earlier edit,
    /// that one counts as not made.
    fn set_aside(&mut self, before: &str, now: &str) {
        match self.checkpoint.former.take() {
            Some(unused) if !unused.used && unused.id_field == now => {
                self.checkpoint.seen.turn();
                self.checkpoint.held.extend(unused.held);
            }
            Some(unused) if !unused.used => self.checkpoint.former = Some(unused),
            earlier => {
                self.checkpoint.seen.turn();
                // Those that were held by the present ids are so again.
                let (mut held, again) = match earlier {
                    Some(earlier) if earlier.id_field == now => (BTreeMap::new(), earlier.held),
                    earlier => (
                        earlier.map(|earlier| earlier.held).unwrap_or_default(),
                        BTreeMap::new(),
                    ),
                };
                held.append(&mut self.checkpoint.held);
                self.checkpoint.held = again;
                for refusals in held.values_mut().filter_map(|held| held.refusals.as_mut()) {
                    refusals.next_attempt = None;
                }
                self.checkpoint.former = Some(Former {
                    id_field: before.to_owned(),
                    held,
                    used: false,
                });
            }
        }
        self.candidates = Candidates::default();
    }

    /// What was handled is unknown from now on; held objects stay, since the new listing may have them.
    fn forget_ids(&mut self) {
        self.uncertain = true;
        self.checkpoint.seen.clear();
        self.candidates = Candidates::default();
    }

    /// The next pass is a first one that tells only of what changes from now on, whatever `initialSync` says.
    fn begin_in_silence(&mut self) {
        self.checkpoint.phase = Phase::New;
        self.checkpoint.silent = true;
    }

    /// Until the next proven pass unknown objects are learned in silence, and those known are compared.
    fn learn_unknown(&mut self) {
        self.checkpoint.phase = Phase::First;
        self.checkpoint.silent = true;
        self.checkpoint.started_at = Timestamp::MAX;
    }

    /// Where dates turn out earlier than they were read until now, the cursor goes back by as much.
    fn reread(&mut self, before: &Origin, origin: &Origin) {
        self.uncertain = true;
        self.candidates = Candidates::default();
        if let (Some(before), Some(now)) = (&before.updated, &origin.updated) {
            let floor = self.checkpoint.floor;
            self.checkpoint.floor = now.of_same_text(floor, before).unwrap_or(floor).min(floor);
        }
    }
}

/// Reads back what [`IdField`] prints.
fn id_field(written: &str) -> IdField {
    FieldPath::parse(written)
        .ok()
        .filter(|_| written != IdField::Blank.to_string())
        .map_or(IdField::Blank, IdField::Path)
}
