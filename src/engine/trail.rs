//! The way through one listing, watched for one that has no end.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use url::Url;

use super::PollError;
use super::repeats::Repeats;
use crate::element::Page;
use crate::poll::Pass;

/// Pages in a row that list nothing but what this pass listed before, which are one too many.
const NOTHING_NEW: u32 = 100;

/// How much of one resource is read in one pass and remembered; what is beyond counts as endless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Pages of one listing.
    pub pages: u32,
    /// Records of one listing, and objects remembered above the cursor.
    pub records: usize,
}

impl Default for Bounds {
    /// More than any account needs, and what an operator with ordinary limits can remember.
    fn default() -> Self {
        Self {
            pages: 100_000,
            records: 1_000_000,
        }
    }
}

/// The pages of a pass so far.
pub(super) struct Trail {
    bounds: Bounds,
    /// Hashes of the URLs read: an endless listing may have long ones.
    read: HashSet<u64>,
    hasher: RandomState,
    same: Repeats,
    /// Records and objects listed when the newest page had been read.
    listed: (usize, usize),
    nothing_new: u32,
}

impl Trail {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            read: HashSet::new(),
            hasher: RandomState::new(),
            same: Repeats::default(),
            listed: (0, 0),
            nothing_new: 0,
        }
    }

    /// Looks at a page before its records are judged.
    pub(super) fn arrived(&mut self, page: &Page, pass: &Pass) -> Result<(), PollError> {
        if page.next.is_some() && self.same.too_many(&page.items) {
            return Err(circular(pass));
        }
        Ok(())
    }

    /// Whether `next` may be read after the page at `url`.
    pub(super) fn goes_on(&mut self, url: &Url, next: &Url, pass: &Pass) -> Result<(), PollError> {
        let listed = (pass.records(), pass.objects());
        if pass.pages() >= self.bounds.pages || listed.0 >= self.bounds.records {
            return Err(PollError::EndlessListing {
                pages: pass.pages(),
                records: listed.0,
            });
        }
        // A page without any record tells nothing: some vendors filter after they cut the pages.
        if listed.1 > self.listed.1 {
            self.nothing_new = 0;
        } else if listed.0 > self.listed.0 {
            self.nothing_new += 1;
        }
        self.listed = listed;
        self.read.insert(self.hasher.hash_one(url));
        if self.nothing_new >= NOTHING_NEW || self.read.contains(&self.hasher.hash_one(next)) {
            return Err(circular(pass));
        }
        Ok(())
    }

    /// Whether `news` more objects can be remembered beside those that are.
    pub(super) fn has_room(&self, remembered: usize, news: usize) -> Result<(), PollError> {
        if remembered.saturating_add(news) > self.bounds.records {
            return Err(PollError::CheckpointFull { objects: remembered });
        }
        Ok(())
    }
}

fn circular(pass: &Pass) -> PollError {
    PollError::CircularListing { pages: pass.pages() }
}
