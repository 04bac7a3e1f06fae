//! The seeded plan: what changes, what goes wrong and when the process is killed. It knows no outcome, so one seed is
//! one plan; how processes are scheduled between its steps differs from run to run.

use std::time::Duration;

use concur_sandbox::{At, Command, Create, Edit, Fault, PlannedFault, Resource, Target};
use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Living objects of a resource beyond which more are removed than made.
const MANY_REPORTS: usize = 60;
const MANY_ALLOCATIONS: usize = 20;
/// No step comes later after the start of a process.
const LONGEST: u64 = 2_500;
/// Rounds before the first rest, and between later ones.
const FIRST_ROUNDS: u32 = 4;
const ROUNDS: u32 = 25;
/// One round in so many lasts until several polls gave their deliveries up, which takes longer than an ordinary life.
const LONG: u32 = 40;
/// How much longer that one is.
const STRETCH: u32 = 8;

/// One process from its start until it is killed.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    /// Commands by the time since the start of the process, in that order.
    pub(crate) steps: Vec<(Duration, Command)>,
    pub(crate) kill: Kill,
}

/// When the process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// So long after its start.
    After(Duration),
    /// So long after the simulator served the request with this number (from 1) to that endpoint.
    AtRequest(Target, u64, Duration),
}

/// How the source behaves until the next rest.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) knobs: Value,
    /// A refresh kills the old refresh token. A kill between the vendor's answer and its storing then ends the access
    /// for ever, whatever a client does; so no process is killed before it used its access token.
    pub(crate) rotation_is_final: bool,
}

/// What is left of the plan.
pub(crate) struct Plan {
    rng: Rng,
    reports: Population,
    allocations: Population,
    edits: u64,
    segment: Segment,
    round: u32,
}

/// The plan's own view of which objects there are.
struct Population {
    resource: Resource,
    prefix: &'static str,
    many: usize,
    made: u64,
    living: Vec<String>,
}

impl Population {
    fn new(resource: Resource, prefix: &'static str, many: usize, seeded: u64) -> Population {
        let mut population = Population {
            resource,
            prefix,
            many,
            made: 0,
            living: Vec::new(),
        };
        for _ in 0..seeded {
            population.next_id();
        }
        population
    }

    fn next_id(&mut self) -> String {
        let id = format!("{}{:04}", self.prefix, self.made);
        self.made += 1;
        self.living.push(id.clone());
        id
    }
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Plan {
        let mut plan = Plan {
            rng: Rng::with_seed(seed),
            reports: Population::new(Resource::Reports, "R", MANY_REPORTS, 12),
            allocations: Population::new(Resource::Allocations, "A", MANY_ALLOCATIONS, 8),
            edits: 0,
            segment: Segment {
                knobs: Value::Null,
                rotation_is_final: false,
            },
            round: 0,
        };
        plan.segment = plan.segment();
        // A listing without dates is learned in silence until it is proven whole, which overlapping pages delay.
        plan.segment.knobs["pageOverlap"] = json!(0);
        plan
    }

    /// The objects that are there before the first start, long since.
    pub(crate) fn seeds(&self) -> Vec<Command> {
        let all = [&self.reports, &self.allocations];
        all.map(|population| {
            let seed = json!({"command": "seed", "prefix": population.prefix, "count": population.made,
                              "resource": population.resource.to_string()});
            serde_json::from_value(seed)
        })
        .into_iter()
        .flatten()
        .collect()
    }

    /// How the source behaves now.
    pub(crate) fn now(&self) -> &Segment {
        &self.segment
    }

    /// Whether everything comes to rest before the next round; the source behaves otherwise afterwards.
    pub(crate) fn rests(&mut self) -> bool {
        let rests = self.round >= FIRST_ROUNDS && (self.round - FIRST_ROUNDS).is_multiple_of(ROUNDS);
        if rests {
            self.segment = self.segment();
        }
        rests
    }

    /// A kill during the first start, before anything changes.
    pub(crate) fn early_kill(&mut self) -> Duration {
        Duration::from_millis(self.rng.u64(0..700))
    }

    pub(crate) fn round(&mut self) -> Round {
        self.round += 1;
        let mut steps = Vec::new();
        for _ in 0..self.rng.usize(1..=6) {
            self.change(&mut steps);
        }
        self.receiver(&mut steps);
        self.vendor(&mut steps);
        let mut kill = self.kill();
        if self.round % LONG == LONG / 2 {
            steps.iter_mut().for_each(|(at, _)| *at *= STRETCH);
            for (at, down) in [(0, true), (LONGEST * 6, false)] {
                // A listing of a single page is proof by itself: only what was not accepted holds the floor.
                let knobs = json!({"receiverDown": down, "maxLimit": 100});
                steps.push((Duration::from_millis(at), Command::Configure { knobs }));
            }
            kill = Kill::After(Duration::from_millis(LONGEST) * STRETCH);
        }
        steps.sort_by_key(|(at, _)| *at);
        Round { steps, kill }
    }

    fn segment(&mut self) -> Segment {
        let rng = &mut self.rng;
        let mut pick = |values: &[Value]| rng.choice(values).cloned().unwrap_or_default();
        let mut knobs = json!({
            "order": pick(&[json!("modified-asc"), json!("modified-desc"), json!("id"), json!("created"), json!("random")]),
            "maxLimit": pick(&[json!(3), json!(5), json!(8), json!(100)]),
            "filter": pick(&[json!("exclusive"), json!("inclusive")]),
            "filterRounding": pick(&[json!("ms"), json!("300"), json!("second")]),
            "offsetStyle": pick(&[json!("numeric"), json!("random-token")]),
            "nextPageEnd": pick(&[json!("null"), json!("absent"), json!("empty")]),
            "pageOverlap": pick(&[json!(0), json!(0), json!(0), json!(1)]),
        });
        let rotation_is_final = rng.u8(0..10) < 3;
        knobs["rotate"] = json!(if rotation_is_final { "new-old-dead" } else { "new" });
        Segment {
            knobs,
            rotation_is_final,
        }
    }

    /// One change of the source, at a time or between two pages.
    fn change(&mut self, steps: &mut Vec<(Duration, Command)>) {
        // The first poll of a listing without dates cannot tell what was there before from what came meanwhile.
        let allocations = self.round > FIRST_ROUNDS && self.rng.u8(0..4) == 0;
        let commands = self.commands(allocations);
        let moment = Duration::from_millis(self.rng.u64(0..LONGEST));
        match self.rng.u8(0..10) {
            0..5 => steps.extend(commands.into_iter().map(|command| (moment, command))),
            kind => {
                let target = match (kind, allocations) {
                    (9, _) => Target::Receiver,
                    (_, true) => Target::Allocations,
                    (_, false) => Target::Reports,
                };
                let at = At {
                    target,
                    request: self.rng.u32(1..=6),
                    commands,
                    after: self.rng.bool(),
                };
                steps.push((Duration::ZERO, Command::At(at)));
            }
        }
    }

    fn commands(&mut self, allocations: bool) -> Vec<Command> {
        let population = if allocations {
            &mut self.allocations
        } else {
            &mut self.reports
        };
        let crowded = population.living.len() > population.many;
        let late = (self.rng.u8(0..10) == 0).then(|| self.rng.u64(200..1_500));
        self.edits += 1;
        let field = if allocations {
            "AccountCode2"
        } else {
            "LastComment"
        };
        let set = Map::from_iter([(field.to_owned(), json!(format!("change {}", self.edits)))]);
        let commands = match self.rng.u8(0..20) {
            0..7 if !crowded => vec![Command::Create(Create {
                id: Some(population.next_id()),
                visible_after_ms: late,
                set,
                ..Create::default()
            })],
            7..9 if !crowded => (0..self.rng.u8(3..=8))
                .map(|_| {
                    Command::Create(Create {
                        id: Some(population.next_id()),
                        ..Create::default()
                    })
                })
                .collect(),
            0..12 if population.living.len() > 4 => {
                let place = self.rng.usize(..population.living.len());
                let id = population.living.swap_remove(place);
                vec![Command::Delete { id }]
            }
            _ => {
                let id = self.rng.choice(&population.living).cloned().unwrap_or_default();
                vec![Command::Edit(Edit {
                    id,
                    visible_after_ms: late,
                    set,
                    ..Edit::default()
                })]
            }
        };
        let resource = &population.resource;
        commands
            .into_iter()
            .map(|command| command.on(resource.clone()))
            .collect()
    }

    /// What the receiver does wrong.
    fn receiver(&mut self, steps: &mut Vec<(Duration, Command)>) {
        let rng = &mut self.rng;
        let moment = |rng: &mut Rng| Duration::from_millis(rng.u64(0..LONGEST));
        for _ in 0..rng.u8(0..4) {
            let status = |status, retry_after: Option<u8>| Fault::Status {
                status,
                body: None,
                retry_after: retry_after.map(|seconds| seconds.to_string()),
                content_type: None,
            };
            let fault = match rng.u8(0..9) {
                0 => Fault::Hang {
                    ms: Some(rng.u64(300..2_500)),
                },
                1 | 2 => Fault::AcceptThenHang {
                    ms: Some(rng.u64(300..3_000)),
                },
                3 => Fault::Drop,
                4 | 5 => Fault::AcceptThenDrop,
                6 => status(500, None),
                7 => status(429, Some(rng.u8(0..3))),
                _ => status(503, Some(rng.u8(0..3))),
            };
            let fault = PlannedFault {
                target: Target::Receiver,
                fault,
                times: rng.u32(1..=2),
                after: rng.u32(0..=2),
            };
            steps.push((moment(rng), Command::Fault(fault)));
        }
        let refused = match rng.u8(0..10) {
            0 | 1 => {
                let mut some = || rng.choice(&self.reports.living).cloned().unwrap_or_default();
                Some(vec![some(), some()])
            }
            2..5 => Some(Vec::new()),
            _ => None,
        };
        if let Some(refused) = refused {
            let knobs = json!({"refuseIds": refused});
            steps.push((moment(rng), Command::Configure { knobs }));
        }
        if rng.u8(0..15) == 0 {
            let mut times = [moment(rng), moment(rng)];
            times.sort_unstable();
            for (at, down) in times.into_iter().zip([true, false]) {
                let knobs = json!({"receiverDown": down});
                steps.push((at, Command::Configure { knobs }));
            }
        }
    }

    /// What the vendor does wrong.
    fn vendor(&mut self, steps: &mut Vec<(Duration, Command)>) {
        let rng = &mut self.rng;
        let soon = Duration::from_millis(rng.u64(0..LONGEST));
        if rng.u8(0..20) == 0 && !self.segment.rotation_is_final {
            steps.push((soon, Command::RevokeTokens { refresh: false }));
        }
        if rng.u8(0..5) > 0 {
            return;
        }
        let (target, fault) = match rng.u8(0..10) {
            0 if !self.segment.rotation_is_final => (Target::Token, Fault::Drop),
            1 if !self.segment.rotation_is_final => (Target::Token, Fault::Maintenance),
            kind => {
                let target = if rng.bool() {
                    Target::Reports
                } else {
                    Target::Allocations
                };
                let fault = match kind {
                    0 | 1 => Fault::Hang {
                        ms: Some(rng.u64(100..2_500)),
                    },
                    2 => Fault::Drop,
                    3 => Fault::HalfBody,
                    4 => Fault::Truncated,
                    5 => Fault::MissingItems,
                    6 => Fault::Html,
                    7 => Fault::Deadlock,
                    8 => Fault::ErrorIn200,
                    _ => Fault::TooManyRequests {
                        retry_after: Some("1".to_owned()),
                    },
                };
                (target, fault)
            }
        };
        let fault = PlannedFault {
            target,
            fault,
            times: 1,
            after: rng.u32(0..=3),
        };
        steps.push((soon, Command::Fault(fault)));
    }

    fn kill(&mut self) -> Kill {
        let rng = &mut self.rng;
        let target = match rng.u8(0..10) {
            0 | 1 => return Kill::After(Duration::from_millis(rng.u64(0..500))),
            2 | 3 => return Kill::After(Duration::from_millis(rng.u64(0..LONGEST))),
            4 => (Target::Token, 1),
            5 | 6 => (Target::Reports, 8),
            7 => (Target::Allocations, 5),
            _ => (Target::Receiver, 4),
        };
        let request = rng.u64(1..=target.1);
        // Enough for an answer to be read and written down, or not yet.
        Kill::AtRequest(target.0, request, Duration::from_micros(rng.u64(0..12_000)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_plan() {
        let plan = |seed| {
            let mut plan = Plan::new(seed);
            let mut told = format!("{:?} {:?}", plan.seeds(), plan.early_kill());
            for _ in 0..200 {
                let rests = plan.rests();
                told.push_str(&format!("{rests} {:?}", plan.now()));
                told.push_str(&format!("{:?}\n", plan.round()));
            }
            told
        };
        assert_eq!(plan(1), plan(1));
        assert_ne!(plan(1), plan(2));
    }

    #[test]
    fn every_kind_of_change_fault_and_kill_is_in_a_plan() {
        let mut plan = Plan::new(7);
        let mut told = String::new();
        for _ in 0..300 {
            plan.rests();
            told.push_str(&format!("{:?}", plan.now()));
            told.push_str(&format!("{:?}\n", plan.round()));
        }
        for part in [
            "Create",
            "Edit",
            "Delete",
            "At(",
            "Hang",
            "AcceptThenHang",
            "AcceptThenDrop",
            "Drop",
            "500",
            "429",
            "503",
            "refuseIds",
            "receiverDown",
            "RevokeTokens",
            "HalfBody",
            "Maintenance",
            "Allocations",
            "After(",
            "AtRequest(Token",
            "AtRequest(Receiver",
            "rotation_is_final: true",
            "visible_after_ms: Some",
        ] {
            assert!(told.contains(part), "{part}");
        }
    }
}
