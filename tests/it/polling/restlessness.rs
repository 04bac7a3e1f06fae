//! A source that never rests, processes that die, answers that are lost: random, seeded, checked by the promises.

use concur_sandbox::{Command, Create, Edit, Fault, PlannedFault, Target};
use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::json;

use crate::support::memory_store::Write;
use crate::support::world::{Setup, World};

/// Something that happens between or during polls.
#[derive(Clone, Debug)]
enum Step {
    Create { late: bool },
    Edit(usize),
    Delete(usize),
    Poll,
    EditDuringPoll { object: usize, page: u32 },
    DeleteDuringPoll { object: usize, page: u32 },
    Kill { requests: u64 },
    LoseWrite,
    FailWrite,
    ReceiverFault(usize),
    Wait(u64),
    Refuse(usize),
    MendReceiver,
    TakeOver,
    PollBurst,
}

/// The world in which it happens.
#[derive(Clone, Debug)]
struct Climate {
    order: &'static str,
    filter: &'static str,
    filter_rounding: &'static str,
    page_overlap: usize,
    our_clock_ahead: i64,
    policy: &'static str,
    url_format: &'static str,
    filter_by_current_date: bool,
}

fn climate() -> impl Strategy<Value = Climate> {
    let pick = |of: &'static [&'static str]| prop::sample::select(of);
    (
        pick(&["id", "created", "modified-asc", "modified-desc"]),
        pick(&["exclusive", "inclusive"]),
        pick(&["ms", "300", "second"]),
        0..2usize,
        prop::sample::select(&[0i64, -400, 400][..]),
        pick(&["FromNow", "Baseline"]),
        pick(&["yyyy-MM-dd'T'HH:mm:ss.SSS", "yyyy-MM-dd"]),
        any::<bool>(),
    )
        .prop_map(
            |(order, filter, filter_rounding, page_overlap, our_clock_ahead, policy, url_format, current)| {
                Climate {
                    order,
                    filter,
                    filter_rounding,
                    page_overlap,
                    our_clock_ahead,
                    policy,
                    url_format,
                    filter_by_current_date: current,
                }
            },
        )
}

impl Climate {
    fn setup(&self) -> Setup {
        let url = format!(
            "/hubs/expense/reports?where=modifiedDateAfter='${{date:{}}}'",
            self.url_format
        );
        let reports = json!({"url": url, "filterByCurrentDate": self.filter_by_current_date});
        Setup {
            our_clock_ahead: SignedDuration::from_secs(self.our_clock_ahead),
            knobs: json!({
                "maxLimit": 3,
                "order": self.order,
                "filter": self.filter,
                "filterRounding": self.filter_rounding,
                "pageOverlap": self.page_overlap,
            }),
            spec: json!({
                "polling": {"initialSync": {"policy": self.policy}},
                "configuration": {"event.poller.configuration": {"reports": reports}},
            }),
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<bool>().prop_map(|late| Step::Create { late }),
        3 => (0..20usize).prop_map(Step::Edit),
        1 => (0..20usize).prop_map(Step::Delete),
        4 => Just(Step::Poll),
        2 => ((0..20usize), 1..4u32).prop_map(|(object, page)| Step::EditDuringPoll { object, page }),
        2 => ((0..20usize), 1..4u32).prop_map(|(object, page)| Step::DeleteDuringPoll { object, page }),
        1 => (1..5u64).prop_map(|requests| Step::Kill { requests }),
        1 => Just(Step::LoseWrite),
        1 => Just(Step::FailWrite),
        2 => (0..4usize).prop_map(Step::ReceiverFault),
        3 => (1..300u64).prop_map(Step::Wait),
        1 => (0..20usize).prop_map(Step::Refuse),
        1 => Just(Step::MendReceiver),
        1 => Just(Step::TakeOver),
        1 => Just(Step::PollBurst),
    ]
}

#[derive(Default)]
struct Objects {
    alive: Vec<String>,
    made: usize,
    edits: usize,
}

impl Objects {
    /// An edit that leaves its number in the record.
    fn edit(&mut self, index: usize) -> Option<Command> {
        let id = self.pick(index)?;
        self.edits += 1;
        let set = [("Name".to_owned(), json!(format!("edit {}", self.edits)))]
            .into_iter()
            .collect();
        Some(Command::Edit(Edit {
            id,
            set,
            ..Edit::default()
        }))
    }

    fn pick(&self, index: usize) -> Option<String> {
        (!self.alive.is_empty()).then(|| self.alive[index % self.alive.len()].clone())
    }
}

async fn live(climate: &Climate, steps: &[Step]) {
    let mut world = World::new(climate.setup());
    world.poll().await;
    let mut objects = Objects::default();
    for step in steps {
        world.wait(1).await;
        take(&mut world, &mut objects, step).await;
    }
    world.command(Command::ClearFaults);
    world.configure(json!({"refuseIds": []}));
    for _ in 0..14 {
        world.wait(60).await;
        world.poll().await;
    }
    let held = world.held_by_receiver();
    for object in &objects.alive {
        let present = world.record(object);
        let told = held
            .get(object)
            .unwrap_or_else(|| panic!("{object} was never reported: {:?}", world.story()));
        assert_eq!(
            told["Name"], present["Name"],
            "the newest version of {object} was not reported"
        );
    }
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
}

async fn take(world: &mut World, objects: &mut Objects, step: &Step) {
    match step {
        Step::Create { late } => {
            objects.made += 1;
            let id = format!("n{:03}", objects.made);
            let visible_after_ms = late.then_some(40_000);
            world.command(Command::Create(Create {
                id: Some(id.clone()),
                visible_after_ms,
                ..Create::default()
            }));
            objects.alive.push(id);
        }
        Step::Edit(index) => {
            if let Some(edit) = objects.edit(*index) {
                world.command(edit);
            }
        }
        Step::Delete(index) => {
            if let Some(id) = objects.pick(*index) {
                world.command(Command::Delete { id: id.clone() });
                objects.alive.retain(|alive| *alive != id);
            }
        }
        Step::Poll => drop(world.poll().await),
        Step::EditDuringPoll { object, page } => {
            if let Some(edit) = objects.edit(*object) {
                during(world, *page, edit);
            }
        }
        Step::DeleteDuringPoll { object, page } => {
            if let Some(id) = objects.pick(*object) {
                objects.alive.retain(|alive| *alive != id);
                during(world, *page, Command::Delete { id });
            }
        }
        Step::Kill { requests } => drop(world.poll_and_be_killed(*requests).await),
        Step::LoseWrite => world.store.plan([Write::AnswerLost]),
        Step::FailWrite => world.store.plan([Write::Fails]),
        Step::ReceiverFault(kind) => {
            let fault = match kind {
                0 => Fault::AcceptThenDrop,
                1 => Fault::Status {
                    status: 500,
                    body: None,
                    retry_after: None,
                    content_type: None,
                },
                2 => Fault::Drop,
                _ => Fault::TooManyRequests {
                    retry_after: Some("3".into()),
                },
            };
            world.command(Command::Fault(PlannedFault {
                target: Target::Receiver,
                fault,
                times: 2,
                after: 0,
            }));
        }
        Step::Refuse(index) => {
            if let Some(id) = objects.pick(*index) {
                world.configure(json!({"refuseIds": [id]}));
            }
        }
        Step::MendReceiver => world.configure(json!({"refuseIds": []})),
        Step::TakeOver => world.store.take_over(),
        Step::PollBurst => {
            for _ in 0..3 {
                world.poll().await;
            }
        }
        Step::Wait(seconds) => world.wait(*seconds).await,
    }
}

fn during(world: &World, page: u32, command: Command) {
    let at = concur_sandbox::At {
        target: Target::Reports,
        request: page,
        commands: vec![command],
        after: false,
    };
    world.command(Command::At(at));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn promises_hold(climate in climate(), steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(live(&climate, &steps));
    }
}

/// `PROPTEST_CASES` asks for more than the ordinary 256 schedules.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(256)
}
