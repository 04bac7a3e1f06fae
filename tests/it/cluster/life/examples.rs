//! The GitOps examples of the documentation.

use serde_json::Value;

use super::judges::{HEALTH_SCRIPT, health};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/gitops");

fn read(path: &str) -> String {
    std::fs::read_to_string(format!("{FOLDER}/{path}")).unwrap()
}

/// As Argo CD tests the scripts it ships: each object of `health_test.yaml` has the health that stands there.
#[tokio::test]
async fn the_health_script_passes_its_own_tests() {
    let tests: Value = serde_saphyr::from_str(&read("argocd/health_test.yaml")).unwrap();
    let tests = tests["tests"].as_array().unwrap();
    let path = |test: &Value| format!("argocd/{}", test["inputPath"].as_str().unwrap());
    let objects: Vec<Value> = tests
        .iter()
        .map(|test| serde_saphyr::from_str(&read(&path(test))).unwrap())
        .collect();
    for (test, verdict) in tests.iter().zip(health(&objects).await) {
        assert_eq!(test["healthStatus"]["status"], verdict.status, "{test:#}");
        assert_eq!(test["healthStatus"]["message"], verdict.message, "{test:#}");
    }
    let tested = |status: &str| tests.iter().any(|test| test["healthStatus"]["status"] == status);
    for status in ["Progressing", "Healthy", "Suspended", "Degraded"] {
        assert!(tested(status), "{status} is not tested");
    }
}

#[test]
fn the_config_map_of_argo_cd_has_the_health_script() {
    let map: Value = serde_saphyr::from_str(&read("argocd/argocd-cm.yaml")).unwrap();
    let key = "resource.customizations.health.pollinator.dev_PollingInstance";
    let script = std::fs::read_to_string(HEALTH_SCRIPT).unwrap();
    assert_eq!(
        map["data"][key], script,
        "docs/gitops/argocd/argocd-cm.yaml is stale"
    );
}
