//! The binary as users call it.

mod authorize;
mod explain;
mod hostile;
mod import;
mod oracles;
mod pipelines;
mod plan;
mod poll;
mod validate;
mod verify;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use concur_sandbox::Options;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::secrets::{SIGNATURE_KEY, assert_none_in};
use crate::support::vendor::Vendor;
use crate::support::world::{merge, ordinary_spec};

struct Desk {
    vendor: Vendor,
    folder: TempDir,
}

impl Desk {
    async fn new() -> Self {
        let options = Options {
            signature_key: Some(SIGNATURE_KEY.into()),
            ..Options::default()
        };
        Self {
            vendor: Vendor::start(options).await,
            folder: TempDir::new().unwrap(),
        }
    }

    /// The design's sample as the bare instance JSON people have, with the simulator's addresses.
    fn instance(&self, patch: Value) -> Value {
        let mut instance = ordinary_spec();
        // The base URL comes with the token answer.
        instance["configuration"]
            .as_object_mut()
            .unwrap()
            .remove("base.url");
        let here = json!({
            "name": "ConcurForDocs",
            "tags": ["Docs"],
            "configuration": {
                "oauth.callback.url": "https://httpbin.org/get",
                "oauth.token.url": self.vendor.token_url(),
                "event.vendor.type": "polling",
                "event.notification.callback.url": self.vendor.callback(),
                "event.poller.refresh_interval": "15",
            }
        });
        merge(&mut instance, &here);
        merge(&mut instance, &patch);
        instance
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn sample(&self, patch: Value) -> PathBuf {
        self.file("instance.json", &self.instance(patch).to_string())
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    async fn poll_once(&self, file: &Path) -> Output {
        let state = self.state();
        run(&[
            "poll",
            "--once",
            "--state-dir",
            state.to_str().unwrap(),
            "-f",
            file.to_str().unwrap(),
        ])
        .await
    }
}

pub fn pollinator(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pollinator"));
    command.args(args).env_remove("RUST_LOG");
    command
}

/// Runs to the end; nothing printed may hold a secret.
async fn run(args: &[&str]) -> Output {
    let mut command = pollinator(args);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    assert_none_in(&format!("what {args:?} printed"), &text(&output));
    output
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn crd_prints_what_the_crds_folder_holds() {
    let output = run(&["crd"]).await;
    let printed = String::from_utf8(output.stdout).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    for entry in std::fs::read_dir(folder).unwrap() {
        let stored = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(printed.contains(&stored));
    }
}
