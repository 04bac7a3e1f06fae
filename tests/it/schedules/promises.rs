//! What must be true whatever happened: the promises of `docs/guarantees.md`, each by a short name.

use std::collections::{HashMap, HashSet};

use pollinator::poll::{Change, Memory};

use super::climate::{BEGIN, Climate, Dates, MINUTE, SECOND, Start};
use super::peers::Event;
use super::process::Process;
use super::vendor::Listed;
use super::world::World;

/// A broken promise in words.
pub(super) type Broken = String;

/// All that was broken, after the world came to rest.
pub(super) fn broken(world: &World, process: &Process) -> Vec<Broken> {
    let mut broken = world.facts.broken.clone();
    let log = Log::new(world);
    broken.extend(lost(world, &log));
    broken.extend(overlooked(world, &log));
    broken.extend(repeated(world, &log));
    broken.extend(named_twice(world));
    broken.extend(wrong_type(world, &log));
    broken.extend(of_the_past(world));
    broken.extend(restless(world, process));
    broken.sort();
    broken.dedup();
    broken
}

/// The receiver's log, and what of it is news to a receiver that drops repeated ids.
struct Log<'a> {
    fresh: HashMap<usize, Vec<&'a Event>>,
    told: HashSet<Listed>,
}

impl<'a> Log<'a> {
    fn new(world: &'a World) -> Self {
        let (mut ids, mut fresh) = (HashSet::new(), HashMap::<usize, Vec<&Event>>::new());
        for event in &world.receiver.taken {
            if ids.insert(&event.id) {
                fresh.entry(event.listed.object).or_default().push(event);
            }
        }
        let told = world.receiver.taken.iter().map(|event| event.listed).collect();
        Self { fresh, told }
    }

    fn fresh(&self, object: usize) -> &[&'a Event] {
        self.fresh.get(&object).map_or(&[], Vec::as_slice)
    }
}

/// The date that orders an object's versions, and the end of what it stands for.
fn date(climate: &Climate, world: &World, listed: Listed) -> (i64, i64) {
    let version = world.vendor.version(listed);
    match climate.dates {
        Dates::CreatedStandsIn => (version.created, version.created + climate.created_width.ms()),
        _ => (version.updated, version.updated + climate.updated_width.ms()),
    }
}

/// The vendor's filter goes by the updated date, and so may leave out one whose created date, by which we go, is later.
fn left_out(climate: &Climate, world: &World, listed: Listed) -> bool {
    climate.filtered && date(climate, world, listed).0 > world.vendor.version(listed).updated
}

/// Whether a version must be told of, if it stays.
fn due(world: &World, listed: Listed) -> bool {
    let (climate, facts) = (&world.climate, &world.facts);
    let object = &world.vendor.objects[listed.object];
    let visible = object.versions[listed.version].visible;
    if object.shown_until(listed.version) <= visible {
        return false;
    }
    let (at, ends) = date(climate, world, listed);
    if left_out(climate, world, listed) {
        return false;
    }
    if let Some((_, to)) = &world.reset {
        return ends > to.as_millisecond();
    }
    if let Start::Backfill { minutes_ago } = climate.start {
        return climate.compares_whole_listing() || ends > BEGIN - minutes_ago * MINUTE;
    }
    // Where only the created date counts, the object's first appearance does.
    let appeared = match climate.dates {
        Dates::CreatedStandsIn => object.versions[0].visible,
        _ => visible,
    };
    let after_the_first_pass = facts.ready.is_some_and(|ready| appeared > ready);
    let clocks_agree = climate.database_error - climate.date_error.unwrap_or(climate.our_error) <= 5 * SECOND;
    let during_it = climate.dated()
        && clocks_agree
        && !facts.dated_ahead.contains(&listed.object)
        && facts.began.is_some_and(|began| appeared > began)
        && facts.started_at.is_some_and(|started| at > started);
    after_the_first_pass || during_it
}

/// What the weak rule let the floor pass may be lost; it is the one exception.
fn weakly_passed(world: &World, listed: Listed) -> bool {
    let (_, ends) = date(&world.climate, world, listed);
    world
        .facts
        .weakly_proven
        .is_some_and(|floor| !world.climate.dated() || ends <= floor)
}

fn name(world: &World, listed: Listed) -> String {
    let version = world.vendor.version(listed);
    format!("{}#{}", world.vendor.objects[listed.object].id, version.number)
}

/// `filterByCurrentDate`: its date has not come.
fn waits(world: &World, listed: Listed) -> bool {
    world.climate.holds_future && date(&world.climate, world, listed).0 > world.vendor_clock_ms() - MINUTE
}

/// Everything that a listing shows in the end was told, also to a receiver that drops repeats.
fn lost(world: &World, log: &Log<'_>) -> Vec<Broken> {
    let climate = &world.climate;
    let mut broken = Vec::new();
    for current in world.vendor.shown(world.now) {
        if !due(world, current) || waits(world, current) || weakly_passed(world, current) {
            continue;
        }
        let fresh = log.fresh(current.object);
        let tells = |event: &&&Event| match climate.dates {
            Dates::CreatedStandsIn => true,
            Dates::Both | Dates::UpdatedOnly => event.listed == current,
            Dates::CreatedAndBodies | Dates::Undated => {
                world.vendor.version(event.listed).content == world.vendor.version(current).content
            }
        };
        // Two owners send in no order.
        let told = if world.facts.second_owner {
            fresh.iter().any(|event| tells(&event))
        } else {
            fresh.last().is_some_and(|event| tells(&event))
        };
        let learned = !climate.dated() && fresh.is_empty() && came_back(world, current);
        if !told && !learned {
            let all_the_same = if log.told.contains(&current) {
                "to those who drop repeats"
            } else {
                ""
            };
            broken.push(format!(
                "lost: {} was never told {all_the_same}",
                name(world, current)
            ));
        }
    }
    broken
}

/// The object has the content again that it had before the first pass was complete.
fn came_back(world: &World, current: Listed) -> bool {
    let content = world.vendor.version(current).content;
    let before = |visible: i64| world.facts.ready.is_none_or(|ready| visible <= ready);
    let versions = &world.vendor.objects[current.object].versions;
    versions
        .iter()
        .any(|version| version.content == content && before(version.visible))
}

/// What was there during a complete pass of one page was told.
fn overlooked(world: &World, log: &Log<'_>) -> Vec<Broken> {
    let climate = &world.climate;
    let cannot_tell = climate.dates == Dates::CreatedStandsIn || climate.content_returns;
    if world.reset.is_some() || cannot_tell || climate.holds_future {
        return Vec::new();
    }
    let mut broken = Vec::new();
    for (number, object) in world.vendor.objects.iter().enumerate() {
        for version in 0..object.versions.len() {
            let listed = Listed {
                object: number,
                version,
            };
            let exempt = world.facts.refused.contains(&number) || weakly_passed(world, listed);
            if exempt || !due(world, listed) || log.told.contains(&listed) {
                continue;
            }
            let (from, until) = (object.versions[version].visible, object.shown_until(version));
            // By whatever clock the page was cut, a second is enough.
            if world
                .facts
                .single_pages
                .iter()
                .any(|at| from < *at && *at < until)
                && !waits(world, listed)
            {
                broken.push(format!("overlooked: {} was on a page", name(world, listed)));
            }
        }
    }
    broken
}

/// Below the floor everything that is still there was told.
pub(super) fn below_the_floor(world: &World, memory: &Memory) -> Vec<Broken> {
    let climate = &world.climate;
    if world.reset.is_some() || !climate.dated() {
        return Vec::new();
    }
    let floor = memory.checkpoint.floor.as_millisecond();
    let log = Log::new(world);
    let mut broken = Vec::new();
    for current in world.vendor.shown(world.now) {
        let (_, ends) = date(climate, world, current);
        let exempt = world.facts.refused.contains(&current.object)
            || memory
                .checkpoint
                .held
                .contains_key(&world.vendor.objects[current.object].id)
            || weakly_passed(world, current);
        let told = match climate.dates {
            Dates::CreatedStandsIn => !log.fresh(current.object).is_empty(),
            _ => log.told.contains(&current),
        };
        if ends <= floor && !exempt && !told && due(world, current) {
            broken.push(format!(
                "floor: {} is below it and was not told",
                name(world, current)
            ));
        }
    }
    broken
}

/// Nothing happened after which a repeat is allowed.
fn undisturbed(world: &World) -> bool {
    let facts = &world.facts;
    facts.kills == 0
        && !facts.unanswered
        && !facts.second_owner
        && !facts.claim_failed
        && world.reset.is_none()
}

/// Exactly once in the ordinary case; and in the order of the versions, as long as there is one owner.
fn repeated(world: &World, log: &Log<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    if undisturbed(world) {
        let mut told = HashSet::new();
        for event in &world.receiver.taken {
            if !told.insert(event.listed) {
                broken.push(format!("repeated: {} came twice", name(world, event.listed)));
            }
        }
    }
    if !world.facts.second_owner && world.reset.is_none() {
        for events in log.fresh.values() {
            if !events.is_sorted_by_key(|event| event.listed.version) {
                broken.push(format!("order: {} came late", name(world, events[0].listed)));
            }
        }
    }
    broken
}

/// One id for one event, whatever happened. The ids of records without dates follow from the floor, and two owners have
/// one each.
fn named_twice(world: &World) -> Vec<Broken> {
    let mut broken = Vec::new();
    let (mut objects, mut ids) = (HashMap::new(), HashMap::new());
    for event in &world.receiver.taken {
        if *objects.entry(&event.id).or_insert(event.listed.object) != event.listed.object {
            broken.push(format!("id: {} has another object's", name(world, event.listed)));
        }
        let known = ids.entry((event.listed, event.change)).or_insert(&event.id);
        let floors_differ = world.facts.second_owner && !world.climate.dated();
        if *known != &event.id && world.reset.is_none() && !floors_differ {
            broken.push(format!(
                "id: {} {} has two",
                event.change,
                name(world, event.listed)
            ));
        }
    }
    broken
}

/// One CREATED for an object that is new, before everything else, and none for one that is not.
fn wrong_type(world: &World, log: &Log<'_>) -> Vec<Broken> {
    let (climate, facts) = (&world.climate, &world.facts);
    let mut broken = Vec::new();
    for (object, fresh) in &log.fresh {
        let first = Listed {
            object: *object,
            version: 0,
        };
        let appeared = world.vendor.version(first).visible;
        let created = fresh
            .iter()
            .filter(|event| event.change == Change::Created)
            .count();
        if created > 1 {
            broken.push(format!(
                "type: {} was created {created} times",
                name(world, first)
            ));
        }
        if world.reset.is_some() || facts.weakly_proven.is_some() {
            continue;
        }
        if created == 1 && fresh[0].change != Change::Created {
            broken.push(format!(
                "type: {} was updated before it was created",
                name(world, first)
            ));
        }
        let is_new = facts.ready.is_some_and(|ready| appeared > ready);
        let slack = climate
            .tolerance
            .max(climate.created_width.ms())
            .max(climate.updated_width.ms());
        let versions = &world.vendor.objects[*object].versions;
        let tells_new = climate.compares_whole_listing()
            || (climate.has_created()
                && date_ahead_of_database(climate) <= climate.lookback
                && versions
                    .iter()
                    .all(|version| version.created <= version.updated + slack));
        if is_new
            && tells_new
            && fresh[0].change != Change::Created
            && !matches!(climate.start, Start::Backfill { .. })
        {
            broken.push(format!("type: {} is new and was not created", name(world, first)));
        }
        let slack = if climate.dates == Dates::Undated {
            0
        } else {
            fuzz(climate) + climate.lookback.max(SECOND) + climate.tolerance + climate.created_width.ms()
        };
        let was_there = facts.began.is_some_and(|began| appeared < began - slack);
        let was_there = was_there && !facts.dated_ahead.contains(object);
        if was_there && created > 0 && !matches!(climate.start, Start::Backfill { .. }) {
            broken.push(format!(
                "type: {} was there before and was created",
                name(world, first)
            ));
        }
    }
    broken
}

fn date_ahead_of_database(climate: &Climate) -> i64 {
    climate.date_error.unwrap_or(climate.our_error) - climate.database_error
}

/// By how much the first start may be off.
fn fuzz(climate: &Climate) -> i64 {
    SECOND + date_ahead_of_database(climate).abs()
}

/// Nothing from before the first start is reported, except by a backfill.
fn of_the_past(world: &World) -> Vec<Broken> {
    let (climate, facts) = (&world.climate, &world.facts);
    // A late first pass over a filtered listing without dates reports too much rather than too little.
    let cannot_tell = climate.filtered && !climate.dated();
    if matches!(climate.start, Start::Backfill { .. })
        || world.reset.is_some()
        || facts.weakly_proven.is_some()
        || cannot_tell
    {
        return Vec::new();
    }
    let from = facts.began.map_or(i64::MAX, |began| {
        began - fuzz(climate) - climate.updated_width.ms()
    });
    // A date ahead that comes true during the first pass looks like a change.
    let of_before = |event: &&Event| {
        world.vendor.version(event.listed).visible < from && !facts.dated_ahead.contains(&event.listed.object)
    };
    let events = world.receiver.taken.iter().filter(of_before);
    events
        .map(|event| format!("past: {} is from before the start", name(world, event.listed)))
        .collect()
}

/// In the end the first pass is complete, nothing is sent any more, and the floor is where it can be.
fn restless(world: &World, process: &Process) -> Vec<Broken> {
    let (climate, facts) = (&world.climate, &world.facts);
    let mut broken = Vec::new();
    if facts.ready.is_none() {
        broken.push("rest: the first pass was never complete".into());
    }
    if world.receiver.taken.len() > facts.taken_at_rest {
        broken.push("rest: still sending".into());
    }
    let Some(memory) = process.memory() else {
        broken.push("rest: no checkpoint was claimed".into());
        return broken;
    };
    if climate.dated() {
        let clock = world
            .vendor_clock_ms()
            .min(world.our_clock_ms())
            .min(world.now + climate.database_error);
        let shown = world.vendor.shown(world.now);
        let listed = shown.iter().filter(|listed| !left_out(climate, world, **listed));
        let dates = listed.map(|listed| date(climate, world, *listed).0);
        let latest = dates.filter(|date| *date <= clock - 3 * SECOND).max();
        let floor = memory.checkpoint.floor.as_millisecond();
        let lookback = climate.lookback.max(SECOND);
        if latest.is_some_and(|latest| floor < latest - lookback - SECOND) && world.reset.is_none() {
            broken.push("rest: the floor does not advance".into());
        }
    }
    broken
}
