//! What helm prints after an installation.

use serde_json::{Value, json};

use super::{CHART, NAMESPACE, helm};

async fn notes(values: &Value) -> String {
    let arguments = [
        "install",
        "pollinator",
        CHART,
        "--dry-run=client",
        "--namespace",
        NAMESPACE,
        "--values",
        "-",
    ];
    let printed = helm(&arguments, values).await.unwrap();
    printed.split_once("NOTES:\n").expect("notes").1.to_owned()
}

#[tokio::test]
async fn notes_are_right_for_each_mode() {
    let all = "polls the PollingInstances of all namespaces.";
    let keeps = "helm uninstall stops polling and keeps";
    // What is there, and what is not.
    let table = [
        (
            json!({}),
            vec![
                all,
                keeps,
                "kubectl get pollinginstances --all-namespaces --watch",
            ],
            vec!["is not part", "not part of", "--namespace finance"],
        ),
        (
            json!({"watchNamespaces": ["finance"]}),
            vec![
                "of namespace finance.",
                "kubectl --namespace finance apply",
                "get pollinginstances --namespace finance --watch",
            ],
            vec!["--all-namespaces"],
        ),
        (
            json!({"watchNamespaces": ["finance", "sales"]}),
            vec![
                "of the namespaces finance, sales.",
                "in one of these namespaces",
                "kubectl apply -f secret.yaml",
            ],
            vec!["--namespace finance"],
        ),
        (
            json!({"crds": {"install": false}}),
            vec!["kubectl apply --server-side -f crds/"],
            vec!["helm uninstall"],
        ),
        (
            json!({"crds": {"keep": false}}),
            vec!["deletes the CustomResourceDefinitions"],
            vec![keeps],
        ),
        (
            json!({"rbac": {"create": false}}),
            vec!["rbac.create is false"],
            vec![],
        ),
        (json!({"replicas": 0}), vec!["nothing is polled until"], vec![]),
        (
            json!({"networkPolicy": {"enabled": true, "apiServer": {"addresses": ["10.0.0.1/32"]}}}),
            vec!["networkPolicy.egress is empty"],
            vec![],
        ),
    ];
    for (values, present, absent) in table {
        let notes = notes(&values).await;
        for text in present {
            assert!(notes.contains(text), "{values}: no {text:?} in\n{notes}");
        }
        for text in absent {
            assert!(!notes.contains(text), "{values}: {text:?} in\n{notes}");
        }
        assert!(!notes.contains("\n\n\n"), "{values}: a gap in\n{notes}");
    }
}
