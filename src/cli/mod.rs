//! The command line: one file a subcommand. Exit status 0 done, 1 the answer is no, 2 wrong usage.

mod addresses;
mod authorize;
mod beside;
mod crd;
mod explain;
mod export;
mod findings;
mod import;
mod manifests;
mod names;
mod operator;
mod output;
mod plan;
mod poll;
mod shape;
mod source;
mod validate;
pub mod verify;
mod yaml;

pub use import::import_text;
pub use validate::validate_text;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Turns SaaS APIs without webhooks into signed change events.
///
/// A PollingInstance carries a Cloud Elements style configuration: Pollinator polls each of its resources, finds what
/// was created or updated, and posts signed events to the callback URL. In a cluster `pollinator operator` does it;
/// on a laptop or in a pipeline the other commands work on the same manifests without a cluster.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Operator(operator::OperatorArgs),
    Validate(validate::ValidateArgs),
    Plan(plan::PlanArgs),
    Poll(poll::PollArgs),
    Explain(explain::ExplainArgs),
    Authorize(authorize::AuthorizeArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    Verify(verify::VerifyArgs),
    Crd(crd::CrdArgs),
}

/// Runs one subcommand.
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Operator(args) => operator::run(args),
        Command::Validate(args) => validate::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Poll(args) => poll::run(args),
        Command::Explain(args) => explain::run(&args),
        Command::Authorize(args) => authorize::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Verify(args) => verify::run(&args, std::io::stdin().lock()).map_err(Failed::new),
        Command::Crd(args) => crd::run(&args),
    };
    result.unwrap_or_else(|Failed(message)| {
        eprintln!("error: {message}");
        ExitCode::FAILURE
    })
}

/// Why a subcommand could not do its work, as the user reads it.
#[derive(Debug)]
struct Failed(String);

impl Failed {
    fn new(error: impl std::error::Error) -> Self {
        Self(crate::engine::chain(&error))
    }
}

/// A runtime for the subcommands that wait.
fn runtime() -> Result<tokio::runtime::Runtime, Failed> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failed::new)
}

/// Is cancelled at the first SIGTERM or ctrl-c; a second one ends the process at once.
fn ending() -> Result<tokio_util::sync::CancellationToken, Failed> {
    use tokio::signal::unix::{SignalKind, signal};
    let token = tokio_util::sync::CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).map_err(Failed::new)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failed::new)?;
    let cancelled = token.clone();
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if first {
                tracing::info!("ending after what is under way");
                cancelled.cancel();
            } else {
                std::process::exit(130);
            }
        }
    });
    Ok(token)
}
