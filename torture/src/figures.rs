//! What a run amounted to, in numbers.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use crate::check::{Rule, Violation};
use crate::evidence::Evidence;

/// The closing table of one mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Processes killed.
    pub kills: usize,
    /// Kills that left a half-written state file behind.
    pub kills_while_writing: usize,
    /// Listings begun.
    pub polls: usize,
    /// Versions and removals at the source after the first start.
    pub changes: usize,
    /// Versions that had to be known to the receiver at one of the rests.
    pub due: usize,
    /// Events of accepted notifications.
    pub events: usize,
    /// Of these, events that came again under the id they had.
    pub repeats: usize,
    /// Times at which everything had come to rest.
    pub rests: usize,
    /// Broken promises.
    pub violations: Vec<(Rule, usize)>,
    /// How long it took.
    pub time: Duration,
}

/// The rules, as the table shows them.
const RULES: [Rule; 6] = [
    Rule::Lost,
    Rule::Id,
    Rule::Created,
    Rule::Order,
    Rule::Invented,
    Rule::Malformed,
];

impl Figures {
    pub(crate) fn count(evidence: &Evidence, violations: &[Violation]) -> Figures {
        let mut figures = Figures {
            kills: evidence.kills.len(),
            events: evidence.events.len(),
            rests: evidence.rests.len(),
            ..Figures::default()
        };
        let ids: HashSet<_> = evidence.events.iter().map(|event| &event.id).collect();
        figures.repeats = figures.events - ids.len();
        let mut due = HashSet::new();
        for (name, resource) in &evidence.resources {
            for (id, object) in &resource.objects {
                let versions = object.versions.iter().enumerate();
                let after: Vec<_> = versions
                    .filter(|(_, version)| version.visible_at > resource.began)
                    .map(|(place, _)| place)
                    .collect();
                figures.changes += after.len() + usize::from(object.deleted_at.is_some());
                let shown = evidence.rests.iter().filter_map(|rest| object.shown(*rest));
                due.extend(
                    shown
                        .filter(|place| after.contains(place))
                        .map(|place| (name, id, place)),
                );
            }
        }
        figures.due = due.len();
        let count = |rule| {
            violations
                .iter()
                .filter(|violation| violation.rule == rule)
                .count()
        };
        figures.violations = RULES.map(|rule| (rule, count(rule))).to_vec();
        figures
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("kills", self.kills),
            ("kills amid a write of the state folder", self.kills_while_writing),
            ("polls", self.polls),
            ("changes made at the source", self.changes),
            ("rests", self.rests),
            ("versions due at a rest", self.due),
            ("events received", self.events),
            ("repeats with the same id", self.repeats),
        ];
        for (name, value) in rows {
            writeln!(f, "  {name:<40} {value:>7}")?;
        }
        for (rule, count) in &self.violations {
            writeln!(f, "  {:<40} {count:>7}", rule.to_string())?;
        }
        write!(f, "  {:<40} {:>7.1}", "seconds", self.time.as_secs_f64())
    }
}
