//! `pollinator-torture`: the torture as a program.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use pollinator_testbed::{ControlPlane, Options, binaries, run};
use pollinator_torture::{Error, Outcome, Place, Settings, story, torture};
use tokio::signal::unix::{SignalKind, signal};

/// Objects whose history is printed in full.
const TOLD_IN_FULL: usize = 5;
/// What a run may take at most: so long for each kill, and for starts and rests.
const FOR_EACH_KILL: Duration = Duration::from_secs(6);
const FOR_THE_REST: Duration = Duration::from_secs(300);

/// Kills Pollinator with -9 at random instants and checks that nothing is lost.
///
/// The operator runs on a real Kubernetes API server (see `make testbed`), the folder mode is `pollinator poll`. Both
/// poll a simulated Concur that creates, edits, deletes and shifts records between pages and fails at times, and deliver
/// to a receiver that refuses, hangs, drops connections after accepting, and answers 500, 503 and 429. Afterwards the
/// receiver's log is held against the simulator's history.
///
/// The seed decides what changes when, which faults come and when the process is killed. Programs are real and share a
/// machine with others, so the same seed repeats the plan, not each interleaving: a failure may need several replays.
///
/// Exit status: 0 every promise was kept, 1 one was broken or the run did not come to its end, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// How often processes are killed, both modes together
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// Seed of the plan [default: a random one, which is printed]
    #[arg(long)]
    seed: Option<u64>,
    /// What is killed
    #[arg(long, value_enum, default_value_t = Mode::Both)]
    mode: Mode,
    /// The program to torture [default: pollinator beside this program]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// The operator on an API server.
    Operator,
    /// `pollinator poll` with a state folder.
    Folder,
    /// Half of the kills each, side by side.
    Both,
}

#[tokio::main]
async fn main() -> ExitCode {
    match tortured(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}", error.chain());
            ExitCode::FAILURE
        }
    }
}

async fn tortured(arguments: &Arguments) -> Result<bool, Error> {
    let listen = |kind| {
        signal(kind).map_err(|source| Error::Io {
            action: "listen to signals".to_owned(),
            source,
        })
    };
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    // Dropping the run ends every process that it started.
    tokio::select! {
        good = both(arguments) => good,
        _ = interrupt.recv() => Err(Error::Interrupted),
        _ = terminate.recv() => Err(Error::Interrupted),
    }
}

async fn both(arguments: &Arguments) -> Result<bool, Error> {
    let began = Instant::now();
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    let (kills, mode) = (arguments.kills, arguments.mode);
    let name = mode
        .to_possible_value()
        .map_or_else(String::new, |value| value.get_name().to_owned());
    print(&format!(
        "seed {seed}; to replay this plan: make torture KILLS={kills} SEED={seed} MODE={name}"
    ));
    let program = program(arguments)?;
    let tell = |line: &str| print(&format!("{:>6.1} s  {line}", began.elapsed().as_secs_f64()));
    let control_plane = match mode {
        Mode::Folder => None,
        Mode::Operator | Mode::Both => {
            tell("a Kubernetes control plane starts on loopback");
            Some(control_plane().await?)
        }
    };
    let folder_kills = match mode {
        Mode::Operator => 0,
        Mode::Folder => kills,
        Mode::Both => kills / 2,
    };
    let settings = |place, seed, kills: u32| Settings {
        program: program.clone(),
        place,
        seed,
        kills,
        time: FOR_EACH_KILL * kills + FOR_THE_REST,
    };
    let folder = async {
        if mode == Mode::Operator {
            return Ok(None);
        }
        let settings = settings(Place::Folder, seed, folder_kills);
        torture(&settings, &tell).await.map(Some)
    };
    let operator = async {
        let Some(control_plane) = &control_plane else {
            return Ok(None);
        };
        let place = Place::Operator {
            kubeconfig: control_plane.kubeconfig().to_owned(),
            kubectl: binaries()?.kubectl,
            namespace: "torture".to_owned(),
        };
        // Not the folder's plan once more.
        let settings = settings(place, seed.wrapping_add(1), kills - folder_kills);
        torture(&settings, &tell).await.map(Some)
    };
    let ended = tokio::try_join!(folder, operator);
    if let Some(control_plane) = control_plane {
        control_plane.stop().await;
    }
    let (folder, operator) = ended?;
    let (mut kept, mut finished) = (true, true);
    for (name, outcome) in [("folder", folder), ("operator", operator)] {
        if let Some(outcome) = outcome {
            kept &= outcome.violations.is_empty();
            finished &= outcome.unfinished.is_none();
            report(name, &outcome);
        }
    }
    print(match (kept, finished) {
        (true, true) => "every promise was kept",
        (true, false) => "no promise was seen broken, but the run did not come to its end",
        (false, _) => "NOT every promise was kept",
    });
    Ok(kept && finished)
}

async fn control_plane() -> Result<ControlPlane, Error> {
    let control_plane = ControlPlane::start(Options::default()).await?;
    let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds");
    run(control_plane
        .kubectl()
        .args(["apply", "--server-side", "-f", crds]))
    .await?;
    let established = ["wait", "--for=condition=Established", "--timeout=60s", "-f", crds];
    run(control_plane.kubectl().args(established)).await?;
    Ok(control_plane)
}

/// One `cargo build` puts the programs beside each other.
fn program(arguments: &Arguments) -> Result<PathBuf, Error> {
    let own = std::env::current_exe().unwrap_or_default();
    let path = arguments
        .program
        .clone()
        .unwrap_or_else(|| own.with_file_name("pollinator"));
    let found = path.canonicalize().ok().filter(|path| Path::is_file(path));
    found.ok_or(Error::NotBuilt {
        name: "pollinator",
        path,
    })
}

fn report(name: &str, outcome: &Outcome) {
    print(&format!("\n{name}\n{}", outcome.figures));
    if let Some(why) = &outcome.unfinished {
        print(&format!("\n{name}: {why}"));
    }
    let mut told = Vec::new();
    for violation in &outcome.violations {
        let (resource, id) = &violation.object;
        print(&format!(
            "\n{name}: {}: {resource} {id}: {}",
            violation.rule, violation.what
        ));
        if !id.is_empty() && !told.contains(&id) && told.len() < TOLD_IN_FULL {
            told.push(id);
            print(&story(&outcome.evidence, resource, id));
        }
    }
    if let Some(kept) = &outcome.kept {
        print(&format!(
            "\n{name}: the log is {}",
            kept.join("pollinator.log").display()
        ));
    }
}

/// A reader who closed the pipe is no reason to end with a panic.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
