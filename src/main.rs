//! The `pollinator` binary: arguments, then one subcommand.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    pollinator::cli::run(pollinator::cli::Cli::parse())
}
