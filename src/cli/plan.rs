//! `pollinator plan`.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use url::Url;

use super::Failed;
use super::manifests::{FileArgs, MissingSecret};
use super::output::Output;
use crate::element::{self, ElementError};
use crate::poll::{Memory, Rules};

/// Print the request each resource would make with its cursor at an instant; no network.
///
/// `since` is the instant that the macros of the url print: the cursor less the lookback, which is always read again.
/// Without base.url the host is known only after the first token; the element's own host stands in for it here.
#[derive(Args, Debug)]
#[command(
    after_long_help = "Example:\n  pollinator plan -f examples/concur/ --at 2026-11-23T12:00:00Z --output json"
)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    files: FileArgs,
    /// Where the cursors stand, RFC 3339 [default: now]
    #[arg(long, value_name = "RFC3339")]
    at: Option<Timestamp>,
    /// What is printed: a line for humans, or one JSON object a line
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

pub(super) fn run(args: &PlanArgs) -> Result<ExitCode, Failed> {
    let manifests = args.files.read_good()?;
    let at = args.at.unwrap_or_else(Timestamp::now);
    let mut all = true;
    for manifest in &manifests.instances {
        let settings = match manifests.settings(manifest, MissingSecret::IsElsewhere).settings {
            Ok(settings) => settings,
            Err(problems) => {
                let found = manifests.place_problems(manifest, problems);
                found.iter().for_each(|finding| eprintln!("{finding}"));
                all = false;
                continue;
            }
        };
        for resource in &settings.resources {
            let planned = element::definition_of(&settings).and_then(|definition| {
                let listing = definition.listing(resource)?;
                let rules = Rules::new(&manifest.owner.uid, &settings, resource, listing.traits());
                let since = Memory::with_cursor_at(&rules, at).since(&rules);
                let base = definition.base_url(settings.base_url.as_ref())?;
                Ok::<(Timestamp, Url), ElementError>((since, listing.first_url(base, since, at)?))
            });
            match planned {
                Ok((since, url)) => print(args.output, &manifest.name(), &resource.name, since, &url),
                Err(error) => {
                    eprintln!("{}: {}: {error}", manifest.origin(), manifest.name());
                    all = false;
                }
            }
        }
    }
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(output: Output, instance: &str, resource: &str, since: Timestamp, url: &Url) {
    match output {
        Output::Text => println!("{instance} {resource}: GET {url}"),
        Output::Json => {
            let line = json!({
                "instance": instance,
                "resource": resource,
                "method": "GET",
                "url": url.as_str(),
                "since": since.to_string(),
            });
            println!("{line}");
        }
    }
}
