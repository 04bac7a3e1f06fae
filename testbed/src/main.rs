//! Runs a control plane until it is told to stop.

use clap::{Parser, Subcommand};
use pollinator_testbed::{ControlPlane, Error, Options};
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
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let Command::Up {
        controller_manager,
        keep,
    } = Arguments::parse().command;
    match up(Options {
        controller_manager,
        keep_dir: keep,
    })
    .await
    {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:?}");
            std::process::ExitCode::FAILURE
        }
    }
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
