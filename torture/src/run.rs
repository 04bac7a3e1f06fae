//! One run: rounds of changes, faults and a kill, and rests in between at which everything due must have arrived.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use concur_sandbox::{Command, CommandError, Sandbox, Target};
use jiff::Timestamp;
use serde_json::json;

use crate::check::{Violation, check};
use crate::error::Error;
use crate::evidence::Evidence;
use crate::figures::Figures;
use crate::lives::Lives;
use crate::plan::{Kill, Plan, Round};
use crate::world::{Place, World};

/// How long a kill waits for its request.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// How long a process may take until it asks for reports, and until it took over a lease.
const START: Duration = Duration::from_secs(60);
/// How long everything may take to come to rest.
const REST: Duration = Duration::from_secs(180);
/// The latest a change becomes visible after it was made.
const VISIBLE: Duration = Duration::from_millis(1_500);
/// Kills between two progress lines.
const TOLD: usize = 20;
/// Rounds between two leaders that are killed while another stands by; the lease makes each of them slow.
const FAIL_OVER: u32 = 60;
const RESOURCES: [Target; 2] = [Target::Reports, Target::Allocations];

/// What to do.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program `pollinator`.
    pub program: PathBuf,
    /// Where it runs.
    pub place: Place,
    /// Of the plan.
    pub seed: u64,
    /// How often it is killed.
    pub kills: u32,
    /// After this time no more rounds are begun.
    pub time: Duration,
}

/// Takes progress lines.
pub type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The numbers.
    pub figures: Figures,
    /// What was judged.
    pub evidence: Evidence,
    /// What is wrong with it.
    pub violations: Vec<Violation>,
    /// Why the run ended early or never came to rest.
    pub unfinished: Option<String>,
    /// Where the log is, if anything went wrong.
    pub kept: Option<PathBuf>,
}

impl Outcome {
    /// Everything promised was kept, to the end.
    pub fn is_good(&self) -> bool {
        self.violations.is_empty() && self.unfinished.is_none()
    }
}

/// Carries out the plan of a seed and judges the run.
///
/// # Errors
/// Only where the run itself could not be carried out; what Pollinator did wrong is in the outcome.
pub async fn torture(settings: &Settings, progress: Progress<'_>) -> Result<Outcome, Error> {
    let began = Instant::now();
    let world = World::start(settings.seed).await?;
    let mut plan = Plan::new(settings.seed);
    for command in plan.seeds() {
        world.sandbox.apply(command)?;
    }
    let lives = Lives::set_up(&settings.program, settings.place.clone(), &world).await?;
    let mut run = Run {
        settings,
        progress,
        sandbox: &world.sandbox,
        lives,
        began,
        observed: BTreeMap::new(),
        rests: Vec::new(),
        told: 0,
        since_fail_over: 0,
    };
    let unfinished = match run.rounds(&mut plan).await {
        Ok(()) => None,
        Err(Stop::Unfinished(why)) => Some(why),
        Err(Stop::Error(Error::Testbed(ended @ pollinator_testbed::Error::EndedByItself { .. }))) => {
            Some(ended.to_string())
        }
        Err(Stop::Error(error)) => return Err(error),
    };
    Ok(run.judge(unfinished))
}

/// Why no more rounds are made.
enum Stop {
    Unfinished(String),
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<CommandError> for Stop {
    fn from(error: CommandError) -> Self {
        Self::Error(error.into())
    }
}

struct Run<'a> {
    settings: &'a Settings,
    progress: Progress<'a>,
    sandbox: &'a Sandbox,
    lives: Lives,
    began: Instant,
    /// When changes of a resource began to count.
    observed: BTreeMap<String, Timestamp>,
    rests: Vec<Timestamp>,
    told: usize,
    since_fail_over: u32,
}

impl Run<'_> {
    async fn rounds(&mut self, plan: &mut Plan) -> Result<(), Stop> {
        let kills = self.settings.kills as usize;
        self.configure(&plan.now().knobs)?;
        self.first_start(plan).await?;
        while self.lives.kills.len() < kills {
            if self.began.elapsed() > self.settings.time {
                let seconds = self.settings.time.as_secs();
                let why = format!(
                    "stopped after {seconds} s with {} of {kills} kills",
                    self.lives.kills.len()
                );
                self.rest().await?;
                return Err(Stop::Unfinished(why));
            }
            if plan.rests() {
                self.rest().await?;
                // From here on a change of a listing without dates can be told from what was there before.
                self.observe("allocations");
                self.configure(&plan.now().knobs)?;
            }
            let round = plan.round();
            self.round(round, plan.now().rotation_is_final).await?;
            self.tell();
        }
        self.rest().await
    }

    /// Kills it until it has asked for reports once: from then on it knows what was there before.
    async fn first_start(&mut self, plan: &mut Plan) -> Result<(), Stop> {
        for _ in 0..self.settings.kills.div_ceil(20) {
            let wait = plan.early_kill();
            if plan.now().rotation_is_final {
                break;
            }
            self.lives.start()?;
            tokio::time::sleep(wait).await;
            self.kill()?;
            if self.requests(Target::Reports) > 0 {
                break;
            }
        }
        self.lives.start()?;
        self.until_asked(0).await?;
        self.observe("reports");
        Ok(())
    }

    /// Waits until more requests for reports came than `before`.
    async fn until_asked(&self, before: u64) -> Result<(), Stop> {
        if self.until(Target::Reports, before + 1, START).await {
            return Ok(());
        }
        let seconds = START.as_secs();
        Err(Stop::Unfinished(format!(
            "no report was asked for within {seconds} s after a start"
        )))
    }

    /// Whether so many requests came to an endpoint within a time.
    async fn until(&self, target: Target, requests: u64, time: Duration) -> bool {
        let mut events = self.sandbox.on_event();
        let came = events.wait_for(|_| self.requests(target) >= requests);
        tokio::time::timeout(time, came).await.is_ok()
    }

    fn requests(&self, target: Target) -> u64 {
        self.sandbox.traffic(target).requests
    }

    fn observe(&mut self, resource: &str) {
        let now = self.sandbox.now();
        self.observed.entry(resource.to_owned()).or_insert(now);
    }

    async fn round(&mut self, round: Round, rotation_is_final: bool) -> Result<(), Stop> {
        self.since_fail_over += 1;
        let reports = self.requests(Target::Reports);
        let before = |target| (target, self.requests(target));
        let before: BTreeMap<_, _> = [
            Target::Token,
            Target::Reports,
            Target::Allocations,
            Target::Receiver,
        ]
        .map(before)
        .into();
        if self.since_fail_over > FAIL_OVER && self.lives.can_fail_over() {
            self.since_fail_over = 0;
            return self.fail_over(round).await;
        }
        self.lives.start()?;
        if rotation_is_final {
            self.until_asked(reports).await?;
        }
        let kill = async {
            match round.kill {
                Kill::After(time) => tokio::time::sleep(time).await,
                Kill::AtRequest(target, number, later) => {
                    let number = before.get(&target).copied().unwrap_or_default() + number;
                    self.until(target, number, PATIENCE).await;
                    tokio::time::sleep(later).await;
                }
            }
        };
        let late = self.steps(round.steps, kill).await?;
        self.kill()?;
        // What the plan had for later happens while nobody looks.
        self.apply_all(late).await
    }

    /// A leader is killed while another process stands by and takes over.
    async fn fail_over(&mut self, round: Round) -> Result<(), Stop> {
        self.kill()?;
        let reports = self.requests(Target::Reports);
        self.lives.start_leader()?;
        self.until_asked(reports).await?;
        self.lives.start_standby()?;
        let late = self.steps(round.steps, tokio::time::sleep(PATIENCE)).await?;
        self.kill()?;
        let reports = self.requests(Target::Reports);
        self.apply_all(late).await?;
        self.until_asked(reports).await?;
        (self.progress)(&format!(
            "{}: another operator took over",
            self.settings.place.name()
        ));
        Ok(())
    }

    /// Carries out steps at their times until `end`; what was not due by then is left.
    async fn steps(
        &self,
        steps: Vec<(Duration, Command)>,
        end: impl Future<Output = ()>,
    ) -> Result<Vec<Command>, Stop> {
        let began = tokio::time::Instant::now();
        let mut steps = steps.into_iter().peekable();
        tokio::pin!(end);
        while let Some((at, _)) = steps.peek() {
            tokio::select! {
                () = tokio::time::sleep_until(began + *at) => {
                    if let Some((_, command)) = steps.next() {
                        self.apply(command)?;
                    }
                }
                () = &mut end => return Ok(steps.map(|(_, command)| command).collect()),
            }
        }
        end.await;
        Ok(Vec::new())
    }

    /// One after the other, each in a millisecond of its own, which is what dates are made of.
    async fn apply_all(&self, commands: Vec<Command>) -> Result<(), Stop> {
        for command in commands {
            self.apply(command)?;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    fn apply(&self, command: Command) -> Result<(), Stop> {
        match self.sandbox.apply(command) {
            // It is to be made between two pages that did not come yet.
            Ok(_) | Err(CommandError::UnknownRecord(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn configure(&self, knobs: &serde_json::Value) -> Result<(), Stop> {
        self.apply(Command::Configure { knobs: knobs.clone() })
    }

    fn kill(&mut self) -> Result<(), Stop> {
        Ok(self.lives.kill(self.sandbox.now())?)
    }

    /// Takes all faults away and waits until two listings in a row of each resource were read without news.
    async fn rest(&mut self) -> Result<(), Stop> {
        self.apply(Command::ClearFaults)?;
        self.configure(&json!({"receiverDown": false, "refuseIds": []}))?;
        // One that was told to come back later would make the rest wait for that.
        self.kill()?;
        self.lives.start()?;
        let began = Instant::now();
        let mut since = 0;
        let mut events = None;
        let mut news = self.sandbox.on_event();
        loop {
            let waiting: usize = RESOURCES
                .iter()
                .map(|target| self.sandbox.traffic(*target).triggers_pending)
                .sum();
            let received = self.requests(Target::Receiver);
            if waiting > 0 || began.elapsed() < VISIBLE || events != Some(received) {
                events = Some(received);
                since += self.sandbox.log_after(since).len();
            }
            let log = self.sandbox.log_after(since);
            let listings = |target| {
                let first = |request: &&concur_sandbox::Logged| {
                    request.target == target && !request.query.contains("offset=")
                };
                log.iter().filter(first).count()
            };
            // The beginning of the third is the end of the second.
            if RESOURCES.into_iter().all(|target| listings(target) >= 3) {
                self.rests.push(self.sandbox.now());
                return Ok(());
            }
            if began.elapsed() > REST {
                // What is missing is found as lost.
                self.rests.push(self.sandbox.now());
                let seconds = REST.as_secs();
                let why = format!(
                    "no rest within {seconds} s after the last fault: notifications still came, or no listing was read"
                );
                return Err(Stop::Unfinished(why));
            }
            let _ = tokio::time::timeout(Duration::from_secs(1), news.changed()).await;
        }
    }

    fn tell(&mut self) {
        let kills = self.lives.kills.len();
        if kills / TOLD == self.told {
            return;
        }
        self.told = kills / TOLD;
        let received = self.sandbox.received();
        let taken = received.iter().filter(|received| received.accepted);
        let ids: Vec<_> = taken.flat_map(|received| &received.event_ids).collect();
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        let (events, repeats) = (ids.len(), ids.len() - distinct.len());
        let name = self.settings.place.name();
        (self.progress)(&format!(
            "{name}: {kills} kills, {events} events received, {repeats} of them repeats, {} rests",
            self.rests.len()
        ));
    }

    fn judge(self, unfinished: Option<String>) -> Outcome {
        let mut evidence = Evidence::gather(self.sandbox, &self.observed);
        evidence.kills.clone_from(&self.lives.kills);
        evidence.rests = self.rests;
        evidence.malformed.extend(self.lives.panics());
        let violations = check(&evidence);
        let mut figures = Figures::count(&evidence, &violations);
        figures.kills_while_writing = self.lives.while_writing;
        let first = |request: &&concur_sandbox::Logged| !request.query.contains("offset=");
        let log = self.sandbox.log_after(0);
        let listings = log.iter().filter(|request| RESOURCES.contains(&request.target));
        figures.polls = listings.filter(first).count();
        figures.time = self.began.elapsed();
        let good = violations.is_empty() && unfinished.is_none();
        Outcome {
            figures,
            evidence,
            violations,
            unfinished,
            kept: (!good).then(|| self.lives.keep()),
        }
    }
}
