//! The vendor's expense reports, each with its history of versions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::clock::{add_ms, whole_ms};
use crate::command::{CommandError, Create, Edit, Seed};
use crate::random::Random;

/// One state of a report's header.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) owner: String,
    pub(crate) fields: Map<String, Value>,
    visible_at: Timestamp,
}

pub(crate) struct Report {
    pub(crate) serial: u64,
    pub(crate) listed: bool,
    versions: Vec<Version>,
}

impl Report {
    /// The newest version that listings may show at that (steady) time.
    pub(crate) fn visible(&self, steady: Timestamp) -> Option<&Version> {
        self.versions
            .iter()
            .rev()
            .find(|version| version.visible_at <= steady)
    }
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

/// Most reports that one seed makes.
const SEED_LIMIT: u32 = 1_000_000;

#[derive(Default)]
pub(crate) struct Reports {
    pub(crate) by_id: BTreeMap<String, Report>,
    serial: u64,
    prefixes: BTreeMap<String, u32>,
}

impl Reports {
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
        let id = match &create.id {
            Some(id) => id.clone(),
            None => random.report_id(),
        };
        if id.is_empty() {
            return Err(CommandError::Invalid(
                "create: id is empty, leave it away to get one".into(),
            ));
        }
        if self.by_id.contains_key(&id) {
            return Err(CommandError::ReportExists(id));
        }
        let created = create.created.unwrap_or(now.vendor);
        let mut fields = create.set.clone();
        if let Some(name) = &create.name {
            fields.insert("Name".into(), name.clone().into());
        }
        let version = Version {
            created: whole_ms(created),
            modified: whole_ms(create.modified.unwrap_or(created)),
            owner: create.owner.clone().unwrap_or_else(|| owner.to_owned()),
            fields,
            visible_at: now.visible_at(create.visible_after_ms),
        };
        self.serial += 1;
        let report = Report {
            serial: self.serial,
            listed: !create.central_reconciliation,
            versions: vec![version],
        };
        self.by_id.insert(id.clone(), report);
        Ok(id)
    }

    pub(crate) fn edit(&mut self, edit: &Edit, now: Now) -> Result<(), CommandError> {
        let unknown = || CommandError::UnknownReport(edit.id.clone());
        let report = self.by_id.get_mut(&edit.id).ok_or_else(unknown)?;
        let mut version = report.versions.last().cloned().ok_or_else(unknown)?;
        version.modified = whole_ms(edit.modified.unwrap_or(now.vendor));
        version.visible_at = now.visible_at(edit.visible_after_ms);
        version.fields.extend(edit.set.clone());
        report.versions.push(version);
        Ok(())
    }

    pub(crate) fn delete(&mut self, id: &str) -> Result<(), CommandError> {
        match self.by_id.remove(id) {
            Some(_) => Ok(()),
            None => Err(CommandError::UnknownReport(id.to_owned())),
        }
    }
}
