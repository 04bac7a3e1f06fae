//! `concur-sandbox`: the simulator as a process.

mod cli;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("concur-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}
