//! Held objects that a human gives up by name.

use std::collections::HashSet;

use super::Notice;
use crate::api::SKIP;
use crate::config::Settings;
use crate::poll::Memory;

/// What became of the entries of a `skip` annotation that concern one resource.
#[derive(Debug, Default)]
pub(super) struct Skip {
    held: Vec<String>,
    not_held: Vec<String>,
}

/// Gives up what `value` names of `resource`; none if this value was applied before.
///
/// An entry is `<resource>/<object id>`, or an object id alone, which is looked for in every resource; between entries
/// stand commas.
pub(super) fn skip(value: &str, settings: &Settings, resource: &str, memory: &mut Memory) -> Option<Skip> {
    let id = |entry| id_in(entry, settings, resource);
    // An object id may have a comma in it.
    let whole = id(value.trim()).is_some_and(|id| memory.checkpoint.held.contains_key(id));
    let entries: Vec<&str> = if whole {
        vec![value.trim()]
    } else {
        let entries = value.split(',').map(str::trim);
        entries.filter(|entry| !entry.is_empty()).collect()
    };
    let named: Vec<(&str, &str)> = entries
        .into_iter()
        .filter_map(|entry| Some((entry, id(entry)?)))
        .collect();
    let ids: Vec<&str> = named.iter().map(|(_, id)| *id).collect();
    let not_held: HashSet<&str> = memory.skip(value, &ids)?.into_iter().collect();
    let mut skip = Skip::default();
    for (entry, id) in named {
        let list = if not_held.contains(id) {
            &mut skip.not_held
        } else {
            &mut skip.held
        };
        list.push(entry.to_owned());
    }
    Some(skip)
}

/// The object id of an entry; none where it names another resource.
fn id_in<'a>(entry: &'a str, settings: &Settings, resource: &str) -> Option<&'a str> {
    let behind = |name: &str| entry.strip_prefix(name)?.strip_prefix('/');
    let names = settings.resources.iter().map(|resource| resource.name.as_str());
    match names
        .filter(|name| behind(name).is_some())
        .max_by_key(|name| name.len())
    {
        Some(named) if named == resource => behind(named),
        Some(_) => None,
        None => Some(entry),
    }
}

/// Says which entries are held in no resource.
pub(super) fn not_held(skips: &[Skip]) -> Vec<Notice> {
    let held: HashSet<&String> = skips.iter().flat_map(|skip| &skip.held).collect();
    let mut told = HashSet::new();
    skips
        .iter()
        .flat_map(|skip| &skip.not_held)
        .filter(|entry| !held.contains(entry) && told.insert(*entry))
        .map(|entry| Notice {
            reason: "ObjectNotHeld",
            message: format!(
                "{SKIP} names {entry}, which is not held, so nothing of it was skipped; \
                 status.resources[].heldObjects shows what is held"
            ),
            warning: true,
        })
        .collect()
}
