//! kubectl, typed as a user would, in the repository's folder.

use std::path::Path;

use pollinator_testbed::{ControlPlane, run};
use serde_json::Value;
use tokio::process::Command;

use crate::error::Error;
use crate::story::Story;

/// Runs kubectl against one control plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kubectl<'a> {
    control_plane: &'a ControlPlane,
    story: Story,
}

impl<'a> Kubectl<'a> {
    pub(crate) fn new(control_plane: &'a ControlPlane, story: Story) -> Self {
        Self { control_plane, story }
    }

    /// Shows the command and what it prints.
    pub(crate) async fn show(&self, line: &str) -> Result<(), Error> {
        self.story.command(&format!("kubectl {line}"));
        let output = run(&mut self.command(line)).await?;
        self.story.output(&output);
        Ok(())
    }

    /// Runs without a word; what it prints.
    pub(crate) async fn quiet(&self, line: &str) -> Result<String, Error> {
        Ok(run(&mut self.command(line)).await?)
    }

    /// The objects of `kubectl get … -o json`.
    pub(crate) async fn items(&self, kinds: &str) -> Result<Vec<Value>, Error> {
        let text = self.quiet(&format!("get {kinds} -o json")).await?;
        let mut list: Value = serde_json::from_str(&text).map_err(|source| Error::Answer {
            from: "kubectl",
            source,
        })?;
        Ok(list["items"]
            .as_array_mut()
            .map(std::mem::take)
            .unwrap_or_default())
    }

    /// The command itself; no argument of ours contains a space.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = self.control_plane.kubectl();
        command.args(line.split(' '));
        if let Some(repository) = Path::new(env!("CARGO_MANIFEST_DIR")).parent() {
            command.current_dir(repository);
        }
        command
    }
}
