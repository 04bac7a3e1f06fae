//! `pollinator validate`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::Failed;
use super::manifests::{FileArgs, MissingSecret};
use super::output::Output;
use crate::config::{Problem, Settings, Warning};
use crate::element;

/// Check manifests: every problem at once, each with its path and what to do.
///
/// Needs no network and no cluster. A Secret that is not among the files counts as present in the cluster.
/// Exit status: 0 all instances are valid, 1 some are not, 2 wrong usage.
#[derive(Args, Debug)]
#[command(after_long_help = "Example:\n  pollinator validate -f examples/concur/")]
pub(super) struct ValidateArgs {
    #[command(flatten)]
    files: FileArgs,
    /// What is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

#[derive(Serialize)]
struct Finding {
    file: String,
    instance: String,
    valid: bool,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

pub(super) fn run(args: &ValidateArgs) -> Result<ExitCode, Failed> {
    let manifests = args.files.read()?;
    let findings: Vec<Finding> = manifests
        .instances
        .iter()
        .map(|manifest| {
            let reading = manifests.settings(manifest, MissingSecret::IsElsewhere);
            let problems = match &reading.settings {
                Ok(settings) => element_problems(settings),
                Err(problems) => problems.clone(),
            };
            let valid = problems.is_empty();
            let (file, instance) = (manifest.origin.clone(), manifest.name());
            Finding {
                file,
                instance,
                valid,
                problems,
                warnings: reading.warnings,
            }
        })
        .collect();
    match args.output {
        Output::Json => println!(
            "{}",
            serde_json::to_string_pretty(&findings).map_err(Failed::new)?
        ),
        Output::Text => findings.iter().for_each(print),
    }
    let valid = findings.iter().all(|finding| finding.valid);
    Ok(if valid {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the element says of valid settings: unknown element, unknown resource, a where clause it cannot send.
fn element_problems(settings: &Settings) -> Vec<Problem> {
    let definition = match element::definition_of(settings) {
        Ok(definition) => definition,
        Err(error) => return vec![error.into()],
    };
    let listings = settings
        .resources
        .iter()
        .map(|resource| definition.listing(resource));
    listings.filter_map(Result::err).map(Problem::from).collect()
}

fn print(finding: &Finding) {
    for problem in &finding.problems {
        println!("{}: {}: {problem}", finding.file, finding.instance);
    }
    for warning in &finding.warnings {
        println!("{}: {}: warning: {warning}", finding.file, finding.instance);
    }
    if finding.valid {
        println!("{}: {}: valid", finding.file, finding.instance);
    }
}
