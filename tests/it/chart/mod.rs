//! The chart and what is made of it, rendered, and judged by a real API server.

mod crds;
mod documents;
mod kustomize;
mod matrix;
mod monitoring;
mod notes;
mod openapi;
mod pods;
mod policies;
mod refusals;
mod roles;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pollinator_testbed::{Error, binaries, run, run_with_input};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::cluster::Plane;

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/pollinator");
/// Namespace of the releases.
const NAMESPACE: &str = "pollinator-system";

/// An API server that knows the kinds of Pollinator and those of the Prometheus operator.
fn plane() -> &'static Plane {
    static PLANE: OnceLock<Plane> = OnceLock::new();
    PLANE.get_or_init(|| {
        Plane::start(async |mut control| {
            let ours = root().join("crds");
            let theirs = prometheus_operator_crds();
            for folder in [&*ours, &*theirs] {
                let mut apply = control.kubectl();
                run(apply.args(["apply", "--server-side", "-f"]).arg(folder))
                    .await
                    .unwrap();
                let established = [
                    "wait",
                    "--for=condition=Established",
                    "--timeout=60s",
                    "crd",
                    "--all",
                ];
                run(control.kubectl().args(established)).await.unwrap();
            }
            for namespace in [NAMESPACE, "finance", "sales"] {
                run(control.kubectl().args(["create", "namespace", namespace]))
                    .await
                    .unwrap();
            }
            // Controllers know the new kinds from their start.
            control.restart_controller_manager().await.unwrap();
            control
        })
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `make testbed` puts them.
fn prometheus_operator_crds() -> PathBuf {
    let testbed =
        std::env::var_os("TESTBED_DIR").map_or_else(|| root().join("target/testbed"), PathBuf::from);
    let folder = testbed.join("prometheus-operator-crds");
    assert!(
        folder.join("version").exists(),
        "no CRDs of the Prometheus operator in {}: run `make testbed`, which fetches them",
        folder.display()
    );
    folder
}

/// `helm template`: the objects of a release with these values.
async fn template(values: &Value) -> Result<Vec<Value>, Error> {
    let arguments = [
        "template",
        "pollinator",
        CHART,
        "--namespace",
        NAMESPACE,
        "--values",
        "-",
    ];
    let text = helm(&arguments, values).await?;
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}

/// A helm command that needs no cluster, with values.
async fn helm(arguments: &[&str], values: &Value) -> Result<String, Error> {
    let mut command = Command::new(binaries()?.helm);
    run_with_input(command.args(arguments), &values.to_string()).await
}

/// The only object of a kind.
fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<_> = objects.iter().filter(|object| object["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind} in {objects:#?}");
    found[0]
}

/// Compares a generated file with what it should be, or writes it with `UPDATE=1`.
fn up_to_date(path: &Path, fresh: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, fresh).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        stored == fresh,
        "{} is stale; run: UPDATE=1 cargo test --test it up_to_date",
        path.display()
    );
}

/// An instance that needs no Secret, with `patch` merged over its spec.
fn instance(namespace: &str, name: &str, patch: &Value) -> Value {
    let mut spec = json!({
        "element": {"key": "concur"},
        "configuration": {"event.notification.callback.url": "https://hooks.example.com/concur"},
    });
    crate::support::world::merge(&mut spec, patch);
    json!({
        "apiVersion": "pollinator.dev/v1alpha1",
        "kind": "PollingInstance",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    })
}
