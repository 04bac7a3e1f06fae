//! All that happened to one object, in the order of time, for whoever must find the cause.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use crate::evidence::Evidence;

/// Kills and rests are told from this long before the object until as long after its last event.
const AROUND: SignedDuration = SignedDuration::from_secs(5);

/// One line for each version, event, kill and rest that concerns the object.
pub fn story(evidence: &Evidence, resource: &str, id: &str) -> String {
    let mut lines: Vec<(Timestamp, String)> = Vec::new();
    let object = evidence
        .resources
        .get(resource)
        .and_then(|resource| resource.objects.get(id));
    for (place, version) in object
        .iter()
        .flat_map(|object| object.versions.iter().enumerate())
    {
        let date = version.date;
        lines.push((
            version.visible_at,
            format!("source    version {place} of {date} is visible"),
        ));
    }
    if let Some(at) = object.and_then(|object| object.deleted_at) {
        lines.push((at, "source    removed".to_owned()));
    }
    let mut ids = HashSet::new();
    let concerned = |event: &&crate::Event| event.resource == resource && event.object == id;
    for event in evidence.events.iter().filter(concerned) {
        let place = object.and_then(|object| {
            let mut versions = object.versions.iter();
            versions.position(|version| version.record == event.record)
        });
        let version = place.map_or("an unknown version".to_owned(), |place| {
            format!("version {place}")
        });
        let again = if ids.insert(&event.id) { "" } else { ", again" };
        let line = format!("receiver  {} of {version}, id {}{again}", event.change, event.id);
        lines.push((event.at, line));
    }
    let times = || lines.iter().map(|(at, _)| *at);
    if let (Some(first), Some(last)) = (times().min(), times().max()) {
        let near = |at: &&Timestamp| at.duration_since(first) > -AROUND && at.duration_since(last) < AROUND;
        let kills = evidence.kills.iter().filter(near).map(|at| (*at, "kill -9"));
        let rests = evidence.rests.iter().filter(near).map(|at| (*at, "at rest"));
        let told: Vec<_> = kills
            .chain(rests)
            .map(|(at, what)| (at, what.to_owned()))
            .collect();
        lines.extend(told);
    }
    lines.sort_by_key(|(at, _)| *at);
    let lines: Vec<_> = lines
        .into_iter()
        .map(|(at, what)| format!("    {at:.3}  {what}"))
        .collect();
    lines.join("\n")
}
