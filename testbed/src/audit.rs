//! Lets the API server write down what service accounts asked of it.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;

use crate::Error;

/// Names a folder; the API servers of all control planes then keep their audit logs there, one file for each
/// control plane, `*.jsonl`, with every finished request of a service account and no bodies.
pub const AUDIT_VARIABLE: &str = "TESTBED_AUDIT";

/// The audit log of the control plane in `folder`, where one is wanted.
fn log(folder: &Path) -> Option<PathBuf> {
    let logs = std::env::var_os(AUDIT_VARIABLE).filter(|logs| !logs.is_empty())?;
    let name = folder.file_name()?.to_string_lossy();
    Some(PathBuf::from(logs).join(format!("{name}.jsonl")))
}

/// What kube-apiserver needs to be told, for the control plane in `folder`.
pub(crate) fn arguments(folder: &Path) -> Result<Vec<String>, Error> {
    let Some(log) = log(folder) else {
        return Ok(Vec::new());
    };
    if let Some(logs) = log.parent() {
        std::fs::create_dir_all(logs).map_err(Error::io("create", logs))?;
    }
    let policy = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived", "ResponseStarted"],
        "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}],
    });
    let path = folder.join("audit-policy.json");
    std::fs::write(&path, policy.to_string()).map_err(Error::io("write", &path))?;
    Ok(vec![
        format!("--audit-policy-file={}", path.display()),
        format!("--audit-log-path={}", log.display()),
        // Nothing is rotated away.
        "--audit-log-maxsize=0".into(),
    ])
}

/// Writes beside the log that its API server was not ready between two instants: until then it may refuse what
/// it allows, since it does not know its roles yet.
pub(crate) fn not_ready(folder: &Path, from: Timestamp, until: Timestamp) -> Result<(), Error> {
    let Some(path) = log(folder).map(|log| log.with_extension("starts")) else {
        return Ok(());
    };
    File::options()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| writeln!(file, "{}", json!({"from": from, "until": until})))
        .map_err(Error::io("write", &path))
}
