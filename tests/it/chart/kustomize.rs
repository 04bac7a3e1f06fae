//! `config/` is what the chart renders, for people without Helm.

use serde_json::{Value, json};

use super::openapi::{conform, dry_run};
use super::{NAMESPACE, only, plane, root, template, up_to_date};

const HEAD: &str = "# Generated from charts/pollinator: UPDATE=1 cargo test --test it up_to_date\n";

/// What the chart renders, without what is Helm's.
async fn operator(values: &Value) -> String {
    let mut text = HEAD.to_owned();
    for mut object in template(values).await.unwrap() {
        unhelm(&mut object);
        text += "---\n";
        text += &serde_saphyr::to_string(&object).unwrap();
    }
    text
}

fn unhelm(object: &mut Value) {
    match object {
        Value::Object(map) => {
            map.retain(|key, _| !matches!(key.as_str(), "helm.sh/chart" | "app.kubernetes.io/managed-by"));
            map.values_mut().for_each(unhelm);
        }
        Value::Array(items) => items.iter_mut().for_each(unhelm),
        _ => {}
    }
}

#[tokio::test]
async fn config_is_up_to_date() {
    let all = operator(&json!({"crds": {"install": false}})).await;
    up_to_date(&root().join("config/default/operator.yaml"), &all);
    let values = json!({
        "crds": {"install": false}, "watchNamespaces": [NAMESPACE], "rbac": {"aggregate": false},
    });
    // Whatever the overlay calls the namespace.
    let own = operator(&values).await;
    let argument = format!("--namespace={NAMESPACE}");
    assert_eq!(own.matches(&argument).count(), 1);
    let own = own.replace(&argument, "--namespace=$(POD_NAMESPACE)");
    up_to_date(&root().join("config/namespaced/operator.yaml"), &own);
}

/// What `kubectl kustomize` makes of a folder of `config/`.
async fn build(folder: &str) -> Vec<Value> {
    let folder = root().join("config").join(folder);
    let text = plane()
        .kubectl(&["kustomize", folder.to_str().unwrap()])
        .await
        .unwrap();
    serde_saphyr::from_multiple(&text).unwrap()
}

#[tokio::test]
async fn each_kustomization_is_taken_by_an_api_server() {
    for (folder, count) in [
        ("crd", 2),
        ("default", 13),
        ("namespaced", 8),
        ("overlays/example", 8),
    ] {
        let objects = build(folder).await;
        assert_eq!(objects.len(), count, "{folder}: {objects:#?}");
        let objects: Vec<&Value> = objects.iter().collect();
        conform(&objects).await.unwrap();
        assert_eq!(dry_run(&objects).await, Vec::<String>::new(), "{folder}");
        // As the README says.
        let path = root().join("config").join(folder);
        let apply = [
            "apply",
            "--server-side",
            "--dry-run=server",
            "--force-conflicts",
            "-k",
        ];
        plane()
            .kubectl(&[&apply[..], &[path.to_str().unwrap()]].concat())
            .await
            .unwrap();
    }
    let plain = root().join("crds");
    let apply = [
        "apply",
        "--server-side",
        "--dry-run=server",
        "-f",
        plain.to_str().unwrap(),
    ];
    plane().kubectl(&apply).await.unwrap();
}

#[tokio::test]
async fn the_overlay_changes_what_it_says() {
    let objects = build("overlays/example").await;
    let pod = &only(&objects, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(
        pod["containers"][0]["image"],
        "registry.example.com/pollinator:0.1.0"
    );
    assert_eq!(pod["containers"][0]["resources"]["limits"]["memory"], "512Mi");
    let arguments = pod["containers"][0]["args"].as_array().unwrap();
    assert!(
        arguments.contains(&json!("--namespace=$(POD_NAMESPACE)")),
        "{arguments:?}"
    );
    for object in &objects {
        assert_eq!(object["metadata"]["namespace"], "finance", "{object:#}");
        for subject in object["subjects"].as_array().into_iter().flatten() {
            assert_eq!(subject["namespace"], "finance", "{object:#}");
        }
    }
}
