//! CustomResourceDefinitions over the life of releases, on an API server of their own.

use pollinator_testbed::{ControlPlane, Error, Options, run, run_with_input};
use serde_json::{Value, json};

use super::{CHART, NAMESPACE, instance};

const INSTANCES: &str = "pollinginstances.pollinator.dev";

/// A control plane and an administrator with helm and kubectl.
struct Site(ControlPlane);

impl Site {
    async fn helm(&self, arguments: &[&str]) -> Result<String, Error> {
        run(self.0.helm().args(arguments).args(["--namespace", NAMESPACE])).await
    }

    async fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        run(self.0.kubectl().args(arguments)).await
    }

    async fn apply(&self, object: &Value) {
        run_with_input(self.0.kubectl().args(["apply", "-f", "-"]), &object.to_string())
            .await
            .unwrap();
    }

    async fn wait_for_crds(&self) {
        let wait = [
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "crd",
            "--all",
        ];
        self.kubectl(&wait).await.unwrap();
    }

    /// Name of the release that says it owns the CRDs.
    async fn owner(&self) -> String {
        let path = "jsonpath={.metadata.annotations.meta\\.helm\\.sh/release-name}";
        self.kubectl(&["get", "crd", INSTANCES, "-o", path])
            .await
            .unwrap()
    }

    /// Whether the instance is there, as it was.
    async fn kept(&self) -> bool {
        let name = "jsonpath={.spec.name}";
        let get = ["-n", "default", "get", INSTANCES, "concur", "-o", name];
        matches!(self.kubectl(&get).await.as_deref(), Ok("kept"))
    }
}

/// A chart like ours whose instances have one more column.
fn next_chart() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in walk(CHART.as_ref()) {
        let to = folder.path().join(entry.strip_prefix(CHART).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&entry, to).unwrap();
    }
    let file = folder.path().join(format!("files/crds/{INSTANCES}.yaml"));
    let text = std::fs::read_to_string(&file).unwrap();
    let column = "  - additionalPrinterColumns:\n";
    let added = format!("{column}    - jsonPath: .spec.name\n      name: Added\n      type: string\n");
    assert_eq!(text.matches(column).count(), 1);
    std::fs::write(file, text.replace(column, &added)).unwrap();
    folder
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] })
        .collect()
}

#[tokio::test]
async fn crds_upgrade_and_outlive_their_release() {
    let options = Options {
        controller_manager: true,
        ..Options::default()
    };
    let site = Site(ControlPlane::start(options).await.unwrap());
    site.helm(&["install", "pollinator", CHART, "--create-namespace"])
        .await
        .unwrap();
    site.wait_for_crds().await;
    site.apply(&instance("default", "concur", &json!({"name": "kept"})))
        .await;

    // An upgrade carries the CRDs.
    let next = next_chart();
    let next = next.path().to_str().unwrap();
    let columns = ["-n", "default", "get", INSTANCES];
    assert!(!site.kubectl(&columns).await.unwrap().contains("ADDED"));
    site.helm(&["upgrade", "pollinator", next]).await.unwrap();
    assert!(site.kubectl(&columns).await.unwrap().contains("ADDED"));
    assert!(site.kept().await);

    // Uninstalling keeps them and the users' objects.
    let printed = site.helm(&["uninstall", "pollinator", "--wait"]).await.unwrap();
    assert!(printed.contains("resource policy"), "{printed}");
    assert!(site.kept().await);
    let left = [
        "-n",
        NAMESPACE,
        "get",
        "deployments,roles,serviceaccounts,services",
        "-o",
        "name",
    ];
    assert!(!site.kubectl(&left).await.unwrap().contains("pollinator"));

    // The same release is installed over them.
    site.helm(&["install", "pollinator", CHART]).await.unwrap();
    assert!(site.kept().await);
    site.helm(&["uninstall", "pollinator"]).await.unwrap();

    // A release of another name is refused, with the reason, until it takes them over or leaves them alone.
    let refused = site
        .helm(&["install", "another", CHART])
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("invalid ownership metadata"), "{refused}");
    site.helm(&["install", "another", CHART, "--set", "crds.install=false"])
        .await
        .unwrap();
    assert_eq!(site.owner().await, "pollinator");
    site.helm(&["uninstall", "another"]).await.unwrap();
    site.helm(&["install", "another", CHART, "--take-ownership"])
        .await
        .unwrap();
    assert_eq!(site.owner().await, "another");
    assert!(site.kept().await);
    // From then on it upgrades them.
    site.helm(&["upgrade", "another", next]).await.unwrap();
    assert!(site.kubectl(&columns).await.unwrap().contains("ADDED"));

    // Leaving the CRDs to other means does not take them away.
    site.helm(&["upgrade", "another", CHART, "--set", "crds.install=false"])
        .await
        .unwrap();
    assert!(site.kept().await);
    site.helm(&["upgrade", "another", CHART]).await.unwrap();
    assert!(site.kept().await);

    // Whoever asks for it gets rid of everything.
    site.helm(&["upgrade", "another", CHART, "--set", "crds.keep=false"])
        .await
        .unwrap();
    assert!(site.kept().await);
    site.helm(&["uninstall", "another", "--wait"]).await.unwrap();
    assert!(!site.kept().await);
    assert!(
        !site
            .kubectl(&["get", "crd", "-o", "name"])
            .await
            .unwrap()
            .contains("pollinator")
    );
    site.0.stop().await;
}
