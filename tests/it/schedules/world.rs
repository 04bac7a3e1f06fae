//! Everything outside of the process, and the time: at each moment of a poll something may happen.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use pollinator::config::IdField;
use pollinator::poll::{Completion, Memory, Phase, Record, Rules};
use serde_json::value::RawValue;

use super::climate::{BEGIN, Climate, DAY, Dates, MINUTE, Order, Width, id_field, timestamp};
use super::peers::{Receiver, Store};
use super::process::Process;
use super::promises::{self, Broken};
use super::step::{Act, Pick, Step};
use super::vendor::{Change, Listed, Vendor};

/// Time between two polls.
const INTERVAL: i64 = MINUTE;

/// The process died.
#[derive(Debug)]
pub(super) struct Killed;

/// What the promises depend on.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// True time of the stored first start, as far as the vendor's clock tells it.
    pub(super) began: Option<i64>,
    /// Vendor time of it.
    pub(super) started_at: Option<i64>,
    /// True time at which the first pass was stored as complete.
    pub(super) ready: Option<i64>,
    /// True times of the only page of complete passes of one page.
    pub(super) single_pages: Vec<i64>,
    pub(super) kills: u32,
    /// An attempt to deliver had no answer.
    pub(super) unanswered: bool,
    pub(super) second_owner: bool,
    /// The claim's write failed, as far as the process knows, so that it meets what it wrote itself.
    pub(super) claim_failed: bool,
    /// Highest floor that two quiet passes alone have proven.
    pub(super) weakly_proven: Option<i64>,
    /// Floors that were looked at.
    pub(super) floors: HashSet<i64>,
    /// Objects that the receiver refused at some time.
    pub(super) refused: Vec<usize>,
    /// Objects dated ahead at some time.
    pub(super) dated_ahead: Vec<usize>,
    /// Events when the world had come to rest.
    pub(super) taken_at_rest: usize,
    pub(super) broken: Vec<Broken>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) climate: Climate,
    pub(super) rules: Rules,
    /// True time, milliseconds.
    pub(super) now: i64,
    pub(super) vendor: Vendor,
    pub(super) store: Store,
    pub(super) receiver: Receiver,
    pub(super) reset: Option<(String, Timestamp)>,
    pub(super) facts: Facts,
    our_clock_set: i64,
    id_field: IdField,
    records: HashMap<(Listed, i64, bool), Record>,
    planned: Vec<(u8, Act)>,
    moments: u8,
    second: Option<Process>,
    /// The second process polls, and nothing else happens.
    nested: bool,
    stop: bool,
    pages: u64,
    names: u32,
}

/// Lives through a schedule, then lets the world come to rest; the promises that were broken.
pub(super) fn live(climate: &Climate, steps: &[Step]) -> (World, Vec<Broken>) {
    let mut world = World::new(climate.clone());
    let mut process = world.new_process();
    let mut due = world.now;
    for step in steps {
        match step {
            Step::Do(act) => {
                world.now += 100;
                if world.happens(act).is_err() {
                    process = world.new_process();
                }
            }
            Step::During(moment, act) => world.planned.push((*moment, act.clone())),
            Step::Poll => {
                world.now = world.now.max(due);
                world.moments = 0;
                let killed = process.poll(&mut world).is_err() || world.late_acts().is_err();
                due = world.now.max(due + INTERVAL);
                if killed {
                    process = world.new_process();
                    due = world.now + 2_000;
                }
            }
        }
    }
    world.come_to_rest(&mut process, due);
    let broken = promises::broken(&world, &process);
    (world, broken)
}

impl World {
    fn new(climate: Climate) -> Self {
        let rules = climate.rules();
        let mut world = Self {
            rules,
            now: BEGIN,
            vendor: Vendor::default(),
            store: Store::default(),
            receiver: Receiver::default(),
            reset: None,
            facts: Facts::default(),
            our_clock_set: 0,
            id_field: id_field(),
            records: HashMap::new(),
            planned: Vec::new(),
            moments: 0,
            second: Some(Process::new("second".into())),
            nested: false,
            stop: false,
            pages: 0,
            names: 0,
            climate,
        };
        for n in 0..world.climate.stock {
            let now = BEGIN - (world.climate.stock - n) as i64 * 3 * INTERVAL;
            let date = now + world.climate.database_error;
            world
                .vendor
                .create(&world.climate, format!("p{n:03}"), Change { now, date, lag: 0 });
        }
        world.now += 1_000;
        world
    }

    fn new_process(&mut self) -> Process {
        self.planned.clear();
        self.names += 1;
        Process::new(format!("life-{}", self.names))
    }

    pub(super) fn new_nonce(&mut self) -> String {
        self.names += 1;
        format!("nonce-{}", self.names)
    }

    /// Time passes, and what was planned for this moment happens.
    pub(super) fn moment(&mut self) -> Result<(), Killed> {
        self.now += self.climate.pace;
        if self.nested {
            return Ok(());
        }
        let moment = self.moments;
        self.moments = self.moments.saturating_add(1);
        while let Some(place) = self.planned.iter().position(|(planned, _)| *planned == moment) {
            let (_, act) = self.planned.remove(place);
            self.happens(&act)?;
        }
        Ok(())
    }

    /// What was planned for moments that the poll did not have.
    fn late_acts(&mut self) -> Result<(), Killed> {
        for (_, act) in std::mem::take(&mut self.planned) {
            self.happens(&act)?;
        }
        self.stop = false;
        Ok(())
    }

    fn happens(&mut self, act: &Act) -> Result<(), Killed> {
        // Two changes in one instant could not be told apart.
        self.now += 1;
        match act {
            Act::Create => drop(self.create("n", 0, 0)),
            Act::CreateInFront => drop(self.create("a", 0, 0)),
            Act::CreateThenEdit => {
                let object = self.create("n", 0, 0);
                self.now += 1_500;
                self.edit(object, 0, 0);
            }
            Act::CreateLate => drop(self.create("n", 0, self.climate.latest_lag())),
            Act::CreateAhead => self.create_ahead(4 * MINUTE + 137),
            Act::CreateFarAhead => self.create_ahead(3_650 * DAY),
            Act::Ties => {
                for lag in [0, 0, self.climate.latest_lag()] {
                    self.create("n", 0, lag);
                }
            }
            Act::Edit(pick) => self.edit_picked(*pick, 0, 0),
            Act::EditLate(pick) => self.edit_picked(*pick, 0, self.climate.latest_lag()),
            Act::EditAhead(pick) => {
                if self.may_be_dated_ahead() {
                    self.edit_picked(*pick, 4 * MINUTE + 137, 0);
                }
            }
            Act::Delete(pick) => {
                if let Some(listed) = self.vendor.pick(*pick, self.now) {
                    self.vendor.delete(listed.object, self.now);
                }
            }
            Act::Wait { seconds } => self.now += i64::from(*seconds) * 1_000,
            Act::Kill => {
                self.facts.kills += 1;
                return Err(Killed);
            }
            Act::Stop => self.stop = true,
            Act::NextAnswer(reply) => self.receiver.plan(*reply),
            Act::NextWrite(write) => self.store.plan(*write),
            Act::Label => self.store.label(),
            Act::Refuse(pick) => {
                if let Some(listed) = self.vendor.pick(*pick, self.now) {
                    self.receiver.refuses.insert(listed.object);
                    self.facts.refused.push(listed.object);
                }
            }
            Act::Mend => self.receiver.recover(),
            Act::SecondOwnerPolls => self.second_owner_polls(),
            Act::ResetTo(pick) => {
                if let Some(listed) = self.vendor.pick(*pick, self.now) {
                    self.reset_to(self.vendor.version(listed).updated - 1);
                }
            }
            Act::ResetBack { minutes } => {
                self.reset_to(self.now + self.climate.database_error - i64::from(*minutes) * MINUTE);
            }
            Act::OurClock { minutes } => {
                // Where no `Date` comes ours is the only clock.
                let error = self.climate.date_error;
                let harmless = |error| *minutes < 0 || error <= self.climate.database_error;
                if error.is_some_and(harmless) {
                    self.our_clock_set += i64::from(*minutes) * MINUTE;
                }
            }
        }
        Ok(())
    }

    fn create(&mut self, prefix: &str, ahead: i64, lag: i64) -> usize {
        self.names += 1;
        // Those in front come before one another as well.
        let number = if prefix == "a" {
            9_999 - self.names
        } else {
            self.names
        };
        let change = self.change(ahead, lag);
        self.vendor
            .create(&self.climate, format!("{prefix}{number:04}"), change)
    }

    fn create_ahead(&mut self, ahead: i64) {
        if self.may_be_dated_ahead() {
            let object = self.create("n", ahead, 0);
            self.facts.dated_ahead.push(object);
        }
    }

    fn edit_picked(&mut self, pick: Pick, ahead: i64, lag: i64) {
        if let Some(listed) = self.vendor.pick(pick, self.now) {
            self.edit(listed.object, ahead, lag);
        }
    }

    fn edit(&mut self, object: usize, ahead: i64, lag: i64) {
        if ahead > 0 {
            self.facts.dated_ahead.push(object);
        }
        let change = self.change(ahead, lag);
        self.vendor.edit(&self.climate, object, change);
    }

    fn change(&mut self, ahead: i64, lag: i64) -> Change {
        Change {
            now: self.now,
            date: self.now + self.climate.database_error + ahead,
            lag,
        }
    }

    /// A date ahead is told from a present one by the vendor's `Date` or by our clock; one of them must be right.
    fn may_be_dated_ahead(&self) -> bool {
        let ours = self.climate.our_error + self.our_clock_set;
        self.climate.date_error.unwrap_or(ours).min(ours) <= self.climate.database_error
    }

    fn reset_to(&mut self, to: i64) {
        if self.climate.dated() {
            self.names += 1;
            self.reset = Some((format!("reset {}", self.names), timestamp(to)));
        }
    }

    fn second_owner_polls(&mut self) {
        if let (false, Some(mut second)) = (self.nested, self.second.take()) {
            self.facts.second_owner = true;
            self.nested = true;
            // Nothing happens in its polls, so nobody kills it.
            let _ = second.poll(self);
            self.nested = false;
            self.second = Some(second);
        }
    }

    /// No more trouble: the receiver is mended, the writes work, one process polls, and all dates but those far ahead pass.
    fn come_to_rest(&mut self, process: &mut Process, mut due: i64) {
        self.planned.clear();
        self.stop = false;
        self.store.recover();
        self.receiver.recover();
        // Where records come twice in each pass, a proof takes eight passes.
        let no_order = self.climate.order == Order::Unstable || self.climate.overlap > 0;
        let polls = if no_order { 26 } else { 10 };
        for poll in 0..polls {
            if poll == 6 {
                due += 20 * MINUTE;
            }
            if poll == polls - 2 {
                self.facts.taken_at_rest = self.receiver.taken.len();
            }
            self.now = self.now.max(due);
            due = self.now + INTERVAL;
            let _ = process.poll(self);
        }
    }

    pub(super) fn our_clock_ms(&self) -> i64 {
        self.now + self.climate.our_error + self.our_clock_set
    }

    pub(super) fn our_clock(&self) -> Timestamp {
        timestamp(self.our_clock_ms())
    }

    /// The `Date` header of an answer made now.
    pub(super) fn vendor_date(&self) -> Option<Timestamp> {
        self.climate
            .date_error
            .map(|error| timestamp(Width::Second.cut(self.now + error)))
    }

    /// The vendor's clock as a process knows it.
    pub(super) fn vendor_clock_ms(&self) -> i64 {
        self.vendor_date()
            .map_or(self.our_clock_ms(), Timestamp::as_millisecond)
    }

    /// Whether the instance was changed, so that the poll must end.
    pub(super) fn takes_stop(&mut self) -> bool {
        !self.nested && std::mem::take(&mut self.stop)
    }

    pub(super) fn page(&mut self, since: i64, offset: usize) -> (Vec<Listed>, Option<usize>) {
        self.pages += 1;
        let since = self.climate.filtered.then(|| self.climate.url_width.cut(since));
        self.vendor.page(&self.climate, since, offset, self.now)
    }

    /// The record as printed in the present answer.
    pub(super) fn record(&mut self, listed: Listed, since: i64) -> Record {
        let echo = if self.climate.volatile { since } else { 0 };
        let short = self.climate.prints_differently && self.pages % 2 == 1;
        if let Some(read) = self.records.get(&(listed, echo, short)) {
            return read.clone();
        }
        let raw = RawValue::from_string(self.print(listed, echo, short)).unwrap();
        let record = Record::read(&self.rules, &self.id_field, raw, 1, 1).unwrap();
        self.records.insert((listed, echo, short), record.clone());
        record
    }

    fn print(&self, listed: Listed, echo: i64, short: bool) -> String {
        let (object, version) = (&self.vendor.objects[listed.object], self.vendor.version(listed));
        let date = |at: i64, width: Width| {
            let at = timestamp(at).to_string();
            let (date, time) = (&at[..10], &at[11..19]);
            match width {
                Width::Day => date.to_owned(),
                Width::Second => format!("{date}T{time}"),
                // As printed by jiff, without the fraction's trailing zeros.
                Width::Millisecond if short => at.trim_end_matches('Z').to_owned(),
                Width::Millisecond => {
                    let fraction = at.trim_end_matches('Z').get(20..).unwrap_or_default();
                    format!("{date}T{time}.{fraction:0<3}")
                }
            }
        };
        let mut text = format!(r#"{{"id":"{}","content":{}"#, object.id, version.content);
        if self.climate.has_created() {
            text += &format!(
                r#","created":"{}""#,
                date(version.created, self.climate.created_width)
            );
        }
        if !matches!(self.climate.dates, Dates::Undated | Dates::CreatedAndBodies) {
            text += &format!(
                r#","updated":"{}""#,
                date(version.updated, self.climate.updated_width)
            );
        }
        format!(r#"{text},"echo":{echo}}}"#)
    }

    /// Looks at the stored checkpoint after a write.
    pub(super) fn note_stored(&mut self) {
        let Some(stored) = self.store.stored() else { return };
        if stored.phase != Phase::New && self.facts.began.is_none() {
            let started_at = stored.started_at.as_millisecond();
            self.facts.started_at = Some(started_at);
            self.facts.began = Some(started_at - (self.vendor_clock_ms() - self.now));
        }
        if stored.phase == Phase::Steady && self.facts.ready.is_none() {
            self.facts.ready = Some(self.now);
        }
    }

    /// A process lost its checkpoint to another.
    pub(super) fn note_taken_over(&mut self) {
        if !self.facts.second_owner {
            self.facts
                .broken
                .push("owner: a checkpoint was lost to nobody".into());
        }
    }

    /// The floor says that everything below it was read: it is held to that at once.
    pub(super) fn note_completion(&mut self, memory: &Memory, completion: Completion) {
        let floor = memory.checkpoint.floor.as_millisecond();
        if completion.weakly {
            self.facts.weakly_proven = self.facts.weakly_proven.max(Some(floor));
        }
        if self.facts.floors.insert(floor) {
            let broken = promises::below_the_floor(self, memory);
            self.facts.broken.extend(broken);
        }
    }
}
