//! The files of a command: reads each to its end, whatever is wrong with another.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Manifests;
use crate::cli::Failed;
use crate::cli::findings::{Finding, STDIN, failed};
use crate::cli::source::{Excerpts, decoded, documents};

/// The manifests a command works on.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct FileArgs {
    /// Manifests, YAML or JSON, one or many documents; `-` is standard input; may be repeated
    ///
    /// PollingInstances with the Secrets they name beside them, or the instance JSON of Cloud Elements as it is.
    /// A folder stands for the .yaml, .yml and .json files in it.
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
}

impl FileArgs {
    /// Reads all files; what is wrong with one hides no other.
    pub(in crate::cli) fn read(&self) -> Manifests {
        let mut manifests = Manifests::default();
        for file in &self.files {
            match expanded(file) {
                Ok(files) => files.iter().for_each(|file| manifests.read_file(file)),
                Err(error) => manifests.findings.push(Finding::of_file(
                    &file.display().to_string(),
                    format!("cannot be read: {error}"),
                    "name a folder that may be read",
                )),
            }
        }
        if manifests.instances.is_empty() && manifests.elements == 0 && manifests.findings.is_empty() {
            let files: Vec<_> = self.files.iter().map(|file| file.display().to_string()).collect();
            let none = Finding::of_file(
                &files.join(", "),
                "no PollingInstance in it",
                "name a manifest with -f",
            );
            manifests.findings.push(none);
        }
        manifests
    }

    /// Reads all files for a command that works only on good ones; everything that is wrong with them is the error.
    pub(in crate::cli) fn read_good(&self) -> Result<Manifests, Failed> {
        let manifests = self.read();
        if manifests.findings.is_empty() {
            Ok(manifests)
        } else {
            Err(failed(&manifests.findings))
        }
    }
}

/// The file itself, or the manifests of a folder.
fn expanded(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path)?;
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.retain(|file| {
        let ending = file.extension().and_then(|ending| ending.to_str());
        matches!(ending, Some("yaml" | "yml" | "json")) && !file.is_dir()
    });
    found.sort();
    Ok(found)
}

impl Manifests {
    fn read_file(&mut self, file: &Path) {
        self.files += 1;
        let name = file.display().to_string();
        let bytes = if file == Path::new(STDIN) {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            std::fs::read(file)
        };
        match bytes {
            Ok(bytes) => self.read_bytes(&name, bytes),
            Err(error) => {
                let remedy = "name a file that exists and may be read";
                let finding = Finding::of_file(&name, format!("cannot be read: {error}"), remedy);
                self.findings.push(finding);
            }
        }
    }

    /// What a file of this name holds.
    pub(in crate::cli) fn read_bytes(&mut self, name: &str, bytes: Vec<u8>) {
        let text = match decoded(bytes) {
            Ok(text) => text,
            Err(broken) => return self.findings.push(Finding::of_text(name, None, broken)),
        };
        let json = Path::new(name)
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        let excerpts = Excerpts::of(&text);
        for (index, document) in documents(&text, json).into_iter().enumerate() {
            match document {
                Ok(document) => self.add_document(name, index + 1, document),
                Err(broken) => {
                    let excerpt = excerpts.around(broken.at);
                    self.findings.push(Finding {
                        document: Some(index + 1),
                        ..Finding::of_text(name, Some(excerpt), broken)
                    });
                }
            }
        }
    }
}
