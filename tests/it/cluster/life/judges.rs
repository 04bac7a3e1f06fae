//! What tools make of an object: kstatus (Helm 4, Flux, kpt) and Argo CD's health, by their own libraries.

use pollinator_testbed::{binaries, run_with_input};
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

pub(super) const HEALTH_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/gitops/argocd/health.lua");

/// What one tool says.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) status: String,
    pub(super) message: String,
}

/// Of each object in order.
pub(super) async fn kstatus(objects: &[Value]) -> Vec<Verdict> {
    judge(&["kstatus"], objects).await
}

/// Of each object in order, by the script that users install.
pub(super) async fn health(objects: &[Value]) -> Vec<Verdict> {
    judge(&["health", HEALTH_SCRIPT], objects).await
}

async fn judge(arguments: &[&str], objects: &[Value]) -> Vec<Verdict> {
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    let mut judge = Command::new(binaries().unwrap().gitops);
    let answer = run_with_input(judge.args(arguments), &lines.join("\n"))
        .await
        .unwrap();
    let verdicts: Vec<Verdict> = answer
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(verdicts.len(), objects.len(), "a verdict for each object");
    verdicts
}
