//! Demonstrations of Pollinator: real processes, a simulated Concur, and a check at the end.

mod chapters;
mod error;
mod kubectl;
mod kubernetes;
mod ledger;
mod local;
mod page_shift;
mod sandbox;
mod signature;
mod stage;
mod story;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::Error;
use crate::story::Story;

/// Tells Pollinator's story with real processes and checks it.
///
/// Exit status: 0 everything was as told, 1 it was not.
#[derive(Debug, Parser)]
#[command(version)]
enum Arguments {
    /// `pollinator poll` against the Concur simulator; needs no cluster.
    Local,
    /// The operator on a real Kubernetes API server, which `make testbed` provides.
    Kubernetes,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let story = Story::begin();
    match run(&arguments, story).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", error.chain());
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments, story: Story) -> Result<(), Error> {
    let listen = |kind| signal(kind).map_err(Error::io("listen to the signals of", "this process"));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let (limit, telling) = match arguments {
        Arguments::Local => (Duration::from_secs(120), tell(Tale::Local, story)),
        Arguments::Kubernetes => (Duration::from_secs(300), tell(Tale::Kubernetes, story)),
    };
    // Whichever comes first, dropping the tale ends every process it started and removes its folder.
    tokio::select! {
        told = telling => told,
        _ = interrupt.recv() => Err(Error::Interrupted),
        _ = terminate.recv() => Err(Error::Interrupted),
        () = tokio::time::sleep(limit) => Err(Error::TooSlow { seconds: limit.as_secs() }),
    }
}

enum Tale {
    Local,
    Kubernetes,
}

async fn tell(tale: Tale, story: Story) -> Result<(), Error> {
    let programs = Programs::find()?;
    match tale {
        Tale::Local => local::tell(&programs, story).await,
        Tale::Kubernetes => kubernetes::tell(&programs, story).await,
    }
}

/// The programs of the demonstration, which one `cargo build` puts beside each other.
#[derive(Debug)]
struct Programs {
    pollinator: PathBuf,
    sandbox: PathBuf,
}

impl Programs {
    fn find() -> Result<Self, Error> {
        let own = std::env::current_exe().map_err(Error::io("find", "this program"))?;
        let beside = |name: &'static str| {
            let path = own.with_file_name(name);
            if path.is_file() {
                Ok(path)
            } else {
                Err(Error::NotBuilt { name, path })
            }
        };
        Ok(Self {
            pollinator: beside("pollinator")?,
            sandbox: beside("concur-sandbox")?,
        })
    }
}
