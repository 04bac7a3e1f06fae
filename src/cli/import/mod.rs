//! `pollinator import`.

mod instance;
mod keys;
mod names;
mod source;

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::{Failed, yaml};
pub(super) use keys::says_secret;
use names::Names;

/// Turn Cloud Elements or SAP Open Connectors instance JSON into manifests.
///
/// Takes bodies of POST /instances, answers of GET /instances/{id}, and arrays of them. Prints a PollingInstance and a
/// Secret for each, and on standard error one line for everything that cannot be carried over or is left to do. Secrets
/// that the old service masks become empty keys of the Secret.
/// Exit status: 0 done, 1 something could not be read (the rest is printed), 2 wrong usage.
#[derive(Args, Debug)]
#[command(
    after_long_help = "Example:\n  (umask 077; pollinator import instance.json --namespace finance > instance.yaml)\n  \
                       pollinator validate -f instance.yaml"
)]
pub(super) struct ImportArgs {
    /// Instance JSON; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Namespace of the objects; default: none is written, and kubectl's own counts
    #[arg(short, long, value_parser = names::parse)]
    namespace: Option<String>,
    /// Name of the object, for one instance; default: made from the instance's name
    #[arg(long, value_parser = names::parse)]
    name: Option<String>,
}

/// What is to be said about an instance, a line each.
#[derive(Debug, Default)]
struct Notes(Vec<String>);

impl Notes {
    fn say(&mut self, what: &str, remedy: &str) {
        self.line(format!("{what}; {remedy}"));
    }

    /// A line holds no control characters, which names and keys may.
    fn line(&mut self, line: String) {
        let line = line
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if !self.0.contains(&line) {
            self.0.push(line);
        }
    }
}

pub(super) fn run(args: &ImportArgs) -> Result<ExitCode, Failed> {
    let mut failed = false;
    let mut refuse = |message: String| {
        eprintln!("error: {message}");
        failed = true;
    };
    let mut instances = Vec::new();
    for file in &args.files {
        let name = file.display().to_string();
        let found = bytes(file)
            .map_err(|error| format!("{name}: cannot be read: {error}"))
            .and_then(|bytes| source::instances(&name, bytes));
        match found {
            Ok(found) => instances.extend(
                found
                    .into_iter()
                    .enumerate()
                    .map(|(index, one)| (format!("{name}#{}", index + 1), one)),
            ),
            Err(message) => refuse(message),
        }
    }
    if args.name.is_some() && instances.len() > 1 {
        return Err(Failed(format!(
            "--name is for one instance, and there are {}; leave it away",
            instances.len()
        )));
    }
    let mut names = Names::default();
    let mut documents: Vec<Value> = Vec::new();
    for (origin, instance) in &instances {
        let name = args
            .name
            .clone()
            .unwrap_or_else(|| names.give(&instance::wishes(instance)));
        match instance::import(instance, &name, args.namespace.as_deref()) {
            Ok(imported) => {
                imported
                    .notes
                    .0
                    .iter()
                    .for_each(|note| eprintln!("{name}: {note}"));
                documents.extend(imported.documents);
            }
            Err(why) => refuse(format!("{origin}: {why}")),
        }
    }
    let text = yaml::documents(&documents);
    let mut output = std::io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(Failed::new)?;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The manifests that `pollinator import` prints for an instance JSON, as YAML.
///
/// # Errors
/// What cannot be imported, as it is printed.
pub fn import_text(bytes: Vec<u8>) -> Result<String, String> {
    let mut names = Names::default();
    let mut documents = Vec::new();
    for instance in source::instances("-", bytes)? {
        let name = names.give(&instance::wishes(&instance));
        documents.extend(instance::import(&instance, &name, None)?.documents);
    }
    Ok(yaml::documents(&documents))
}

fn bytes(file: &Path) -> std::io::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    }
}
