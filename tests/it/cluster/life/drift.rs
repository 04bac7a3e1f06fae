//! Nothing drifts: the operator writes status, and never what its owners wrote.

use std::io::Write as _;

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::super::process::Operator;
use super::super::site::{Site, condition};
use super::waiting::CHART;

/// Who applies an instance with kubectl, and how; Argo CD applies on the server's side under this name.
const OWNERS: [(&str, &[&str]); 3] = [
    ("by-kubectl", &["--server-side"]),
    (
        "by-argocd",
        &[
            "--server-side",
            "--force-conflicts",
            "--field-manager=argocd-controller",
        ],
    ),
    ("by-client", &[]),
];
/// The release, and so the instance, of Helm 4.
const RELEASE: &str = "by-helm";
/// Polls to live through.
const POLLS: usize = 8;

fn of_users(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let writes = metadata["managedFields"].as_array().unwrap().iter();
    let writes: Vec<_> = writes
        .filter(|write| write.get("subresource").is_none())
        .collect();
    json!({
        "generation": metadata["generation"],
        "labels": metadata["labels"],
        "annotations": metadata["annotations"],
        "finalizers": metadata["finalizers"],
        "ownerReferences": metadata["ownerReferences"],
        "spec": object["spec"],
        "writes": writes,
    })
}

#[tokio::test]
async fn polling_changes_nothing_that_an_owner_applied() {
    let site = Site::new("drift").await;
    site.knobs(json!({"rotate": "new-old-dead"}));
    site.apply_secret("sandbox-refresh-token").await;
    let _operator = Operator::start(&site, &["--leader-election=false"]);
    let mut manifests = Vec::new();
    for (name, arguments) in OWNERS {
        let mut manifest = site.manifest(name, &json!({}));
        manifest["metadata"]["labels"] = json!({"team": "finance"});
        manifest["metadata"]["annotations"] = json!({"example.com/note": "kept"});
        let manifest = manifest.to_string();
        let apply = [&["apply", "-f", "-"], arguments].concat();
        site.plane.kubectl_with(&apply, &manifest).await.unwrap();
        manifests.push((name, arguments, manifest));
    }
    let values = helm_values(&site);
    let helm = async |command: &str| {
        let place = [RELEASE, CHART, "--namespace", site.namespace, "--values"];
        let values = values.path().to_str().unwrap();
        site.plane
            .helm(&[&[command], &place[..], &[values]].concat())
            .await
            .unwrap();
    };
    helm("install").await;
    let by_helm = of_users(&site.instance(RELEASE).await);
    let mut before = Vec::new();
    for (name, ..) in &manifests {
        before.push(of_users(&site.instance(name).await));
    }

    for (name, ..) in OWNERS {
        site.wait(name, "Ready").await;
    }
    site.create("n1");
    lives_through(&site, POLLS / 2).await;
    site.fail_source(6);
    site.apply_secret("another-wrong-token").await;
    for (name, ..) in OWNERS {
        site.wait(name, "CredentialsReady=False").await;
    }
    site.mend_source();
    site.knobs(json!({"rotate": "same"}));
    site.apply_secret("sandbox-refresh-token").await;
    site.sandbox
        .apply(concur_sandbox::Command::SetRefreshToken {
            value: "sandbox-refresh-token".into(),
        })
        .unwrap();
    site.edit("n1");
    lives_through(&site, POLLS / 2).await;

    for ((name, arguments, manifest), before) in manifests.iter().zip(&before) {
        let object = site.instance(name).await;
        assert_eq!(of_users(&object), *before, "{name}");
        let writes = object["metadata"]["managedFields"].as_array().unwrap();
        let operator = writes.iter().filter(|write| write["manager"] == "pollinator");
        let operator: Vec<_> = operator.collect();
        assert_eq!(operator.len(), 1, "{name}: {writes:#?}");
        assert_eq!(operator[0]["subresource"], "status");
        let owned: Vec<_> = operator[0]["fieldsV1"].as_object().unwrap().keys().collect();
        assert_eq!(owned, ["f:status"], "{name}");
        // kubectl diff answers 1 where there is a difference.
        let diff = [&["diff", "-f", "-"], *arguments].concat();
        let diff = site.plane.kubectl_with(&diff, manifest).await;
        assert_eq!(
            diff.unwrap_or_else(|error| panic!("{name} drifts: {error}")),
            "",
            "{name}"
        );
        let dry = [
            &["apply", "-f", "-", "--dry-run=server", "-o", "json"],
            *arguments,
        ]
        .concat();
        let dry: Value =
            serde_json::from_str(&site.plane.kubectl_with(&dry, manifest).await.unwrap()).unwrap();
        assert_eq!(dry["spec"], object["spec"], "{name}");
        assert_eq!(
            dry["metadata"]["generation"], object["metadata"]["generation"],
            "{name}"
        );
    }
    // The same release once more changes nothing either.
    assert_eq!(of_users(&site.instance(RELEASE).await), by_helm);
    helm("upgrade").await;
    assert_eq!(of_users(&site.instance(RELEASE).await), by_helm);
    // What the API server adds to a spec is owned by nobody and therefore no difference to anybody.
    let live = site.instance("by-kubectl").await;
    let applied: Value = serde_json::from_str(&manifests[0].2).unwrap();
    let added: Vec<&String> = live["spec"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|key| applied["spec"].get(key).is_none())
        .collect();
    assert_eq!(added, ["delivery", "suspend"]);
}

fn helm_values(site: &Site) -> NamedTempFile {
    let spec = site.manifest(RELEASE, &json!({}))["spec"].take();
    let mut file = NamedTempFile::new().unwrap();
    let values = json!({"spec": spec}).to_string();
    file.write_all(values.as_bytes()).unwrap();
    file
}

/// Waits until each instance was polled so many times more, and well in the end.
async fn lives_through(site: &Site, polls: usize) {
    for name in OWNERS.map(|(name, _)| name).into_iter().chain([RELEASE]) {
        let mut before = Value::Null;
        for _ in 0..polls {
            let polled = |object: &Value| {
                let ready = condition(object, "Ready");
                object["status"]["lastPolled"] != before && ready["status"] == "True"
            };
            let object = site.until(name, "one more poll", polled).await;
            before = object["status"]["lastPolled"].clone();
        }
    }
}
