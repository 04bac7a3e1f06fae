//! Writes kubeconfig files.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::json;

use crate::Error;

/// Writes a kubeconfig file with one cluster and one user; JSON is YAML too.
pub(crate) fn write(path: &Path, server: &str, ca: &Path, token: &str, namespace: &str) -> Result<(), Error> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": {"server": server, "certificate-authority": ca}}],
        "users": [{"name": "user", "user": {"token": token}}],
        "contexts": [{
            "name": "testbed",
            "context": {"cluster": "testbed", "user": "user", "namespace": namespace},
        }],
        "current-context": "testbed",
    });
    // Helm warns about credentials that others may read.
    File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(config.to_string().as_bytes()))
        .map_err(Error::io("write", path))
}
