//! `pollinator validate`.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;

use super::Failed;
use super::findings::Finding;
use super::manifests::{FileArgs, Manifests, MissingSecret};
use super::output::Output;
use crate::config::{Problem, Settings};
use crate::element;

/// Check manifests: every problem of every document at once, each with file, line, path and what to do.
///
/// Needs no network and no cluster. Reads what `helm template` and `kustomize build` print: objects of other kinds are
/// passed over. A Secret that is not among the files counts as present in the cluster, which is said on standard error,
/// and an empty key of one that is among them as still to be filled.
/// Exit status: 0 everything is valid, 1 something is not, 2 wrong usage.
#[derive(Args, Debug)]
#[command(
    after_long_help = "Examples:\n  pollinator validate -f examples/concur/\n  helm template my-chart | pollinator validate -f -"
)]
pub(super) struct ValidateArgs {
    #[command(flatten)]
    files: FileArgs,
    /// What is printed: lines for humans, or one JSON array of findings
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

pub(super) fn run(args: &ValidateArgs) -> Result<ExitCode, Failed> {
    let manifests = args.files.read();
    let findings = findings(&manifests);
    for remark in manifests.remarks() {
        eprintln!("note: {remark}");
    }
    match args.output {
        Output::Json => println!(
            "{}",
            serde_json::to_string_pretty(&findings).map_err(Failed::new)?
        ),
        Output::Text => {
            findings.iter().for_each(|finding| println!("{finding}"));
            println!("{}", summary(&manifests, &findings));
        }
    }
    Ok(if findings.iter().any(Finding::is_error) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Everything that `pollinator validate` says of a file, as it prints it; `name` is what the file is called.
pub fn validate_text(name: &str, bytes: Vec<u8>) -> Vec<String> {
    let mut manifests = Manifests::default();
    manifests.read_bytes(name, bytes);
    findings(&manifests).iter().map(Finding::to_string).collect()
}

/// Everything there is to say, in the order of the files and lines.
fn findings(manifests: &Manifests) -> Vec<Finding> {
    let mut findings = manifests.findings.clone();
    for manifest in &manifests.instances {
        let reading = manifests.settings(manifest, MissingSecret::IsElsewhere);
        let problems = match reading.settings {
            Ok(settings) => element_problems(&settings),
            Err(problems) => problems,
        };
        findings.extend(manifests.place_problems(manifest, problems));
        let place = |warning| manifests.place_warning(manifest, warning);
        findings.extend(reading.warnings.into_iter().map(place));
    }
    manifests.number(&mut findings);
    // Files in the order they were first spoken of; within one the lines.
    let mut files: Vec<String> = Vec::new();
    for finding in &findings {
        if !files.contains(&finding.file) {
            files.push(finding.file.clone());
        }
    }
    findings.sort_by_key(|finding| {
        let file = files.iter().position(|file| *file == finding.file);
        (file, finding.line, finding.column)
    });
    findings
}

/// What the element says of valid settings: unknown element, unknown resource, a where clause it cannot send.
pub(super) fn element_problems(settings: &Settings) -> Vec<Problem> {
    let definition = match element::definition_of(settings) {
        Ok(definition) => definition,
        Err(error) => return vec![error.into()],
    };
    // An absolute URL can be judged only beside the base URL.
    let first_url = |resource| {
        let listing = definition.listing(resource)?;
        let base = definition.base_url(settings.base_url.as_ref())?;
        listing.first_url(base, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)
    };
    let urls = settings.resources.iter().map(first_url);
    urls.filter_map(Result::err).map(Problem::from).collect()
}

fn summary(manifests: &Manifests, findings: &[Finding]) -> String {
    let count = |number: usize, one: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {one}s"),
    };
    let problems = findings.iter().filter(|finding| finding.is_error()).count();
    format!(
        "{} in {}: {}, {}",
        count(manifests.instances.len(), "instance"),
        count(manifests.files, "file"),
        count(problems, "problem"),
        count(findings.len() - problems, "warning"),
    )
}
