//! Pods of the chart are taken where nothing but restricted ones are.

use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::{NAMESPACE, only, plane, template};

async fn create_pod(api: &Api<DynamicObject>, template: &Value, name: &str) -> Result<(), kube::Error> {
    let mut pod = template.clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!(name);
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    api.create(&params, &serde_json::from_value(pod).unwrap())
        .await
        .map(drop)
}

#[tokio::test]
async fn pods_are_restricted() {
    let label = [
        "label",
        "namespace",
        NAMESPACE,
        "pod-security.kubernetes.io/enforce=restricted",
        "--overwrite",
    ];
    plane().kubectl(&label).await.unwrap();
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Pod"));
    let api = Api::namespaced_with(plane().client().await, NAMESPACE, &resource);
    for values in [
        json!({}),
        json!({"replicas": 1, "leaderElection": false, "extraEnv": [{"name": "RUST_LOG", "value": "debug"}]}),
        json!({"watchNamespaces": ["finance"], "priorityClassName": "system-cluster-critical"}),
    ] {
        let objects = template(&values).await.unwrap();
        let pod = &only(&objects, "Deployment")["spec"]["template"];
        create_pod(&api, pod, "allowed").await.unwrap();
    }
    // The admission is at work.
    let root = json!({"podSecurityContext": {"runAsNonRoot": false}});
    let objects = template(&root).await.unwrap();
    let pod = &only(&objects, "Deployment")["spec"]["template"];
    let refused = create_pod(&api, pod, "refused").await.unwrap_err().to_string();
    assert!(refused.contains("violates PodSecurity"), "{refused}");
}
