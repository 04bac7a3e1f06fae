//! Runs a control plane until it is told to stop, and reads what its audit logs tell.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use pollinator_testbed::privileges::Proof;
use pollinator_testbed::{AUDIT_VARIABLE, ControlPlane, Error, Options, binaries};
use tokio::signal::unix::{SignalKind, signal};

/// A real Kubernetes control plane on loopback, without nodes.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts it, prints the path of its kubeconfig file, and runs until ctrl-c or SIGTERM.
    Up {
        /// Runs the garbage collector too.
        #[arg(long)]
        controller_manager: bool,
        /// Keeps the data folder with the logs at the end.
        #[arg(long)]
        keep: bool,
    },
    /// Proves from audit logs that the operator used every verb that the chart grants, and was refused none.
    Privileges {
        /// The chart.
        #[arg(long, default_value = "charts/pollinator")]
        chart: PathBuf,
        /// The folder with the audit logs, as TESTBED_AUDIT named it to the tests.
        #[arg(long, env = AUDIT_VARIABLE)]
        audit: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Up {
            controller_manager,
            keep,
        } => {
            let options = Options {
                controller_manager,
                keep_dir: keep,
            };
            up(options).await.map(|()| true)
        }
        Command::Privileges { chart, audit } => privileges(&chart, &audit).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn privileges(chart: &Path, audit: &Path) -> Result<bool, Error> {
    let proof = Proof::of(&binaries()?, chart, audit).await?;
    print!("{proof}");
    Ok(proof.holds())
}

async fn up(options: Options) -> Result<(), Error> {
    let listen = |kind| {
        signal(kind).map_err(|source| Error::Io {
            action: "listen to the signals of",
            path: "this process".into(),
            source,
        })
    };
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let control_plane = tokio::select! {
        started = ControlPlane::start(options) => started?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    println!("{}", control_plane.kubeconfig().display());
    eprintln!(
        "the control plane runs at {}; ctrl-c stops it",
        control_plane.server()
    );
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    control_plane.stop().await;
    Ok(())
}
