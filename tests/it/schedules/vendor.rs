//! The vendor: objects with all their versions, and listings of what is visible.

use super::climate::{Climate, DAY, Order, Rounding};
use super::step::Pick;

/// One state of an object; times in milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// Counts all versions of all objects.
    pub(super) number: u32,
    /// By the database's clock, as printed.
    pub(super) updated: i64,
    pub(super) created: i64,
    /// True time from which listings show it.
    pub(super) visible: i64,
    pub(super) content: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) id: String,
    pub(super) versions: Vec<Version>,
    /// True time of its deletion.
    deleted: Option<i64>,
}

/// Places of an object and of its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Listed {
    pub(super) object: usize,
    pub(super) version: usize,
}

#[derive(Debug, Default)]
pub(super) struct Vendor {
    pub(super) objects: Vec<Object>,
    versions: u32,
    listings: u64,
}

/// When and how a change is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// True time.
    pub(super) now: i64,
    /// The database's date of it.
    pub(super) date: i64,
    pub(super) lag: i64,
}

impl Object {
    pub(super) fn shown(&self, at: i64) -> Option<usize> {
        if self.deleted.is_some_and(|deleted| deleted <= at) {
            return None;
        }
        self.versions.iter().rposition(|version| version.visible <= at)
    }

    /// True time up to which listings show a version; not after its own beginning if they never do.
    pub(super) fn shown_until(&self, version: usize) -> i64 {
        let begins = self.versions[version].visible;
        let replaced = self.versions[version + 1..]
            .iter()
            .map(|later| later.visible.max(begins));
        replaced.chain(self.deleted).min().unwrap_or(i64::MAX)
    }
}

impl Vendor {
    pub(super) fn create(&mut self, climate: &Climate, id: String, change: Change) -> usize {
        self.versions += 1;
        self.objects.push(Object {
            id,
            deleted: None,
            versions: vec![Version {
                number: self.versions,
                updated: climate.updated_width.cut(change.date),
                created: climate.created_width.cut(change.date),
                visible: change.now + change.lag,
                content: self.versions,
            }],
        });
        self.objects.len() - 1
    }

    pub(super) fn edit(&mut self, climate: &Climate, object: usize, change: Change) {
        self.versions += 1;
        let versions = &mut self.objects[object].versions;
        let content = match versions.len().checked_sub(2) {
            Some(before_last) if climate.content_returns => versions[before_last].content,
            _ => self.versions,
        };
        let version = Version {
            number: self.versions,
            updated: climate.updated_width.cut(change.date),
            created: versions[0].created,
            visible: change.now + change.lag,
            content,
        };
        versions.push(version);
    }

    pub(super) fn delete(&mut self, object: usize, now: i64) {
        self.objects[object].deleted.get_or_insert(now);
    }

    pub(super) fn version(&self, listed: Listed) -> &Version {
        &self.objects[listed.object].versions[listed.version]
    }

    /// What listings show of every object, by id.
    pub(super) fn shown(&self, at: i64) -> Vec<Listed> {
        let mut shown: Vec<_> = self
            .objects
            .iter()
            .enumerate()
            .filter_map(|(object, of)| of.shown(at).map(|version| Listed { object, version }))
            .collect();
        shown.sort_by(|a, b| self.objects[a.object].id.cmp(&self.objects[b.object].id));
        shown
    }

    pub(super) fn pick(&self, pick: Pick, at: i64) -> Option<Listed> {
        let shown = self.shown(at);
        let date = |listed: &&Listed| self.version(**listed).updated;
        match pick {
            Pick::First => shown.first(),
            Pick::Oldest => shown.iter().min_by_key(date),
            Pick::Newest => shown.iter().max_by_key(date),
            Pick::Nth(n) => shown.get(usize::from(n) % shown.len().max(1)),
        }
        .copied()
    }

    /// A page of the records changed after `since`, and where the next one begins.
    pub(super) fn page(
        &mut self,
        climate: &Climate,
        since: Option<i64>,
        offset: usize,
        now: i64,
    ) -> (Vec<Listed>, Option<usize>) {
        self.listings += 1;
        let mut shown = self.shown(now);
        if let Some(since) = since {
            shown.retain(|listed| passes(climate, self.version(*listed).updated, since));
        }
        match climate.order {
            Order::Id => {}
            Order::Created => shown.sort_by_key(|listed| self.version(*listed).created),
            Order::ModifiedAscending => shown.sort_by_key(|listed| self.version(*listed).updated),
            Order::ModifiedDescending => shown.sort_by_key(|listed| -self.version(*listed).updated),
            Order::Unstable => shown.sort_by_key(|listed| scrambled(self.listings, listed.object)),
        }
        let end = offset + climate.page_size;
        let next = (end < shown.len()).then(|| end - climate.overlap);
        let page = shown.into_iter().skip(offset).take(climate.page_size).collect();
        (page, next)
    }
}

fn passes(climate: &Climate, updated: i64, since: i64) -> bool {
    let (date, bound) = match climate.rounding {
        Rounding::Exact => (updated, since),
        // SQL Server's datetime.
        Rounding::ThreeHundredth => {
            let ticks = (since * 3 + 5).div_euclid(10);
            (updated, (ticks * 10 + 1).div_euclid(3))
        }
        Rounding::Second => (updated, since - since.rem_euclid(1_000)),
        Rounding::Day => (updated - updated.rem_euclid(DAY), since - since.rem_euclid(DAY)),
    };
    date > bound || (climate.inclusive && date == bound)
}

/// Another order for every request, the same in every run.
fn scrambled(request: u64, object: usize) -> u64 {
    let mixed = (request << 32 | object as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 7
}
