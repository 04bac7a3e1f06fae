//! The vendor's records of one resource, each with its history of versions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::clock::{add_ms, whole_ms};
use crate::command::{CommandError, Create, Edit, Seed};
use crate::kind;
use crate::random::Random;
use crate::resource::Resource;

/// One state of a record.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) owner: String,
    pub(crate) fields: Map<String, Value>,
    /// Deleted, where the vendor keeps what was deleted.
    pub(crate) deleted: bool,
    pub(crate) visible_at: Timestamp,
}

impl Version {
    /// A version to print where only the names of the fields count.
    pub(crate) fn blank() -> Version {
        Version {
            created: Timestamp::UNIX_EPOCH,
            modified: Timestamp::UNIX_EPOCH,
            owner: String::new(),
            fields: Map::new(),
            deleted: false,
            visible_at: Timestamp::UNIX_EPOCH,
        }
    }
}

pub(crate) struct Record {
    pub(crate) serial: u64,
    pub(crate) listed: bool,
    versions: Vec<Version>,
}

impl Record {
    /// The newest version that listings may show at that (steady) time.
    pub(crate) fn visible<'a>(&'a self, id: &'a str, steady: Timestamp) -> Option<Shown<'a>> {
        let newest = self
            .versions
            .iter()
            .rposition(|version| version.visible_at <= steady)?;
        self.all_shown(id).nth(newest)
    }

    /// All versions, oldest first.
    pub(crate) fn all_shown<'a>(&'a self, id: &'a str) -> impl Iterator<Item = Shown<'a>> {
        self.versions.iter().enumerate().map(|(edits, version)| Shown {
            id,
            serial: self.serial,
            edits,
            version,
        })
    }
}

/// A record as the API shows it at a time.
pub(crate) struct Shown<'a> {
    pub(crate) id: &'a str,
    pub(crate) serial: u64,
    /// How often it was changed.
    pub(crate) edits: usize,
    pub(crate) version: &'a Version,
}

/// Now on the two clocks: `steady` for visibility, `vendor` for the dates in records.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    pub(crate) steady: Timestamp,
    pub(crate) vendor: Timestamp,
}

impl Now {
    fn visible_at(self, after_ms: Option<u64>) -> Timestamp {
        add_ms(
            self.steady,
            after_ms.map_or(0, |ms| i64::try_from(ms).unwrap_or(i64::MAX)),
        )
    }
}

/// Most records that one seed makes.
const SEED_LIMIT: u32 = 1_000_000;

pub(crate) struct Records {
    resource: Resource,
    pub(crate) by_id: BTreeMap<String, Record>,
    /// Removed records and when (steady) they were.
    gone: Vec<(String, Record, Timestamp)>,
    /// Values at the end of every listing.
    pub(crate) raw: Vec<Value>,
    serial: u64,
    prefixes: BTreeMap<String, u32>,
}

impl Records {
    pub(crate) fn new(resource: Resource) -> Records {
        Records {
            resource,
            by_id: BTreeMap::new(),
            gone: Vec::new(),
            raw: Vec::new(),
            serial: 0,
            prefixes: BTreeMap::new(),
        }
    }

    /// Everything that an unfiltered listing for all users shows at that (steady) time, by id.
    pub(crate) fn shown(&self, steady: Timestamp) -> Vec<Shown<'_>> {
        self.by_id
            .iter()
            .filter(|(_, record)| record.listed)
            .filter_map(|(id, record)| record.visible(id, steady))
            .collect()
    }

    /// Every record there is or was, with the time at which it was removed.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Record, Option<Timestamp>)> {
        let present = self.by_id.iter().map(|(id, record)| (id.as_str(), record, None));
        let gone = self.gone.iter();
        present.chain(gone.map(|(id, record, at)| (id.as_str(), record, Some(*at))))
    }

    pub(crate) fn seed(
        &mut self,
        seed: &Seed,
        now: Now,
        owner: &str,
        random: &mut Random,
    ) -> Result<Vec<String>, CommandError> {
        if seed.count > SEED_LIMIT {
            let message = format!("seed: count is {}, at most {SEED_LIMIT} at once", seed.count);
            return Err(CommandError::Invalid(message));
        }
        let step = seed.step_ms.unwrap_or(60_000);
        let span = step.saturating_mul(i64::from(seed.count.saturating_sub(1)));
        let first = seed
            .first
            .unwrap_or_else(|| add_ms(now.vendor, (-3_600_000_i64).saturating_sub(span)));
        let mut ids = Vec::new();
        for index in 0..seed.count {
            let id = seed.prefix.as_ref().map(|prefix| self.next_of(prefix));
            let date = add_ms(first, step.saturating_mul(i64::from(index)));
            let create = Create {
                id,
                created: Some(date),
                modified: Some(date),
                ..Create::default()
            };
            ids.push(self.create(&create, now, owner, random)?);
        }
        Ok(ids)
    }

    fn next_of(&mut self, prefix: &str) -> String {
        let count = self.prefixes.entry(prefix.to_owned()).or_insert(0);
        let id = format!("{prefix}{count:04}");
        *count += 1;
        id
    }

    pub(crate) fn create(
        &mut self,
        create: &Create,
        now: Now,
        owner: &str,
        random: &mut Random,
    ) -> Result<String, CommandError> {
        let kind = kind::of(&self.resource);
        let id = match &create.id {
            Some(id) => id.clone(),
            None => kind.map_or(Random::report_id as fn(&mut Random) -> String, |kind| kind.new_id)(random),
        };
        if id.is_empty() {
            return Err(CommandError::Invalid(
                "create: id is empty, leave it away to get one".into(),
            ));
        }
        if self.by_id.contains_key(&id) {
            return Err(CommandError::RecordExists(id));
        }
        let created = create.created.unwrap_or(now.vendor);
        self.serial += 1;
        let mut fields = create.set.clone();
        if kind.is_none() && fields.is_empty() {
            fields = kind::template(self.serial);
        }
        if let Some(name) = &create.name {
            let field = kind.map_or("name", |kind| kind.name_field);
            fields.insert(field.into(), name.clone().into());
        }
        let version = Version {
            created: whole_ms(created),
            modified: whole_ms(create.modified.unwrap_or(created)),
            owner: create.owner.clone().unwrap_or_else(|| owner.to_owned()),
            fields,
            deleted: false,
            visible_at: now.visible_at(create.visible_after_ms),
        };
        let record = Record {
            serial: self.serial,
            listed: !create.central_reconciliation,
            versions: vec![version],
        };
        self.by_id.insert(id.clone(), record);
        Ok(id)
    }

    pub(crate) fn edit(&mut self, edit: &Edit, now: Now) -> Result<(), CommandError> {
        let unknown = || CommandError::UnknownRecord(edit.id.clone());
        let record = self.by_id.get_mut(&edit.id).ok_or_else(unknown)?;
        let mut version = record.versions.last().cloned().ok_or_else(unknown)?;
        version.modified = whole_ms(edit.modified.unwrap_or(now.vendor));
        version.visible_at = now.visible_at(edit.visible_after_ms);
        version.fields.extend(edit.set.clone());
        record.versions.push(version);
        Ok(())
    }

    /// Removes a record without a trace, or marks it where the vendor keeps what was deleted.
    pub(crate) fn delete(&mut self, id: &str, now: Now) -> Result<(), CommandError> {
        if kind::of(&self.resource).is_none_or(|kind| kind.deleted.is_none()) {
            let Some(removed) = self.by_id.remove(id) else {
                return Err(CommandError::UnknownRecord(id.to_owned()));
            };
            self.gone.push((id.to_owned(), removed, now.steady));
            return Ok(());
        }
        let edit = Edit {
            id: id.to_owned(),
            ..Edit::default()
        };
        self.edit(&edit, now)?;
        if let Some(version) = self
            .by_id
            .get_mut(id)
            .and_then(|record| record.versions.last_mut())
        {
            version.deleted = true;
        }
        Ok(())
    }
}
