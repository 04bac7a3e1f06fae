//! What helm says to wrong values, and that it has nothing to say about the right ones.

use futures::StreamExt as _;
use pollinator_testbed::Error;
use serde_json::{Value, json};

use super::{CHART, helm, template};

#[tokio::test]
async fn wrong_values_are_refused_by_name() {
    let on = |switch: &str| json!({"enabled": true, "apiServer": {switch: ["10.0.0.1/32"]}});
    let table = [
        (json!({"replica": 2}), vec!["'replica' not allowed"]),
        (json!({"replicas": -1}), vec!["at '/replicas'", "minimum"]),
        (json!({"replicas": "2"}), vec!["at '/replicas'", "want integer"]),
        (
            json!({"leaderElection": false}),
            vec!["leaderElection: false needs replicas: 1"],
        ),
        (
            json!({"watchNamespaces": "finance"}),
            vec!["at '/watchNamespaces'", "want array"],
        ),
        (
            json!({"watchNamespaces": ["Finance"]}),
            vec!["at '/watchNamespaces/0'", "does not match pattern"],
        ),
        (
            json!({"watchNamespaces": ["a", "a"]}),
            vec!["at '/watchNamespaces'", "equal"],
        ),
        (json!({"image": {"digest": "latest"}}), vec!["at '/image/digest'"]),
        (
            json!({"image": {"pullPolicy": "Sometimes"}}),
            vec!["at '/image/pullPolicy'", "'IfNotPresent'"],
        ),
        (
            json!({"crds": {"kepp": false}}),
            vec!["at '/crds'", "'kepp' not allowed"],
        ),
        (
            json!({"allowAddresses": ["10.0.0.1"]}),
            vec!["at '/allowAddresses/0'"],
        ),
        (json!({"maxRequestsPerHost": 0}), vec!["at '/maxRequestsPerHost'"]),
        (
            json!({"logFormat": "xml"}),
            vec!["at '/logFormat'", "'json', 'text'"],
        ),
        (
            json!({"extraEnv": [{"value": "1"}]}),
            vec!["at '/extraEnv/0'", "'name'"],
        ),
        (
            json!({"podLabels": {"a": 1}}),
            vec!["at '/podLabels/a'", "want string"],
        ),
        (
            json!({"resources": {"request": {}}}),
            vec!["at '/resources'", "'request' not allowed"],
        ),
        (
            json!({"networkPolicy": {"enabled": true}}),
            vec!["networkPolicy.apiServer.addresses", "kubectl get endpointslices"],
        ),
        (
            json!({"networkPolicy": on("address")}),
            vec!["at '/networkPolicy/apiServer'", "'address' not allowed"],
        ),
        (
            json!({"networkPolicy": {"ingressFrom": [{}]}}),
            vec!["at '/networkPolicy/ingressFrom/0'"],
        ),
        (
            json!({"podDisruptionBudget": {"maxUnavailable": 0}}),
            vec!["at '/podDisruptionBudget/maxUnavailable'"],
        ),
        (
            json!({"policies": {"validationActions": ["Deny", "Warn"]}}),
            vec!["may not have both Deny and Warn"],
        ),
        (
            json!({"policies": {"callbackHosts": ["https://hooks.example.com"]}}),
            vec!["at '/policies/callbackHosts/0'"],
        ),
        (
            json!({"policies": {"minimumInterval": 5}}),
            vec!["at '/policies/minimumInterval'", "want string"],
        ),
        (
            json!({"metrics": {"serviceMonitor": {"enabled": true}, "podMonitor": {"enabled": true}}}),
            vec!["scrape each pod twice"],
        ),
        (
            json!({"metrics": {"serviceMonitor": {"enabled": true}, "service": {"enabled": false}}}),
            vec!["needs metrics.service.enabled"],
        ),
    ];
    let refused = table.into_iter().map(|(values, words)| async move {
        match template(&values).await {
            Err(Error::Command { stderr, .. }) => {
                for word in words {
                    assert!(stderr.contains(word), "{values}: no {word:?} in {stderr}");
                }
                println!("{values}\n    {}", stderr.replace('\n', "\n    "));
            }
            other => panic!("{values}: {other:?}"),
        }
    });
    futures::stream::iter(refused)
        .buffered(4)
        .collect::<Vec<()>>()
        .await;
}

#[tokio::test]
async fn lint_finds_nothing() {
    let table = [
        json!({}),
        json!({"watchNamespaces": ["finance", "sales"], "crds": {"install": false}}),
        json!({"replicas": 1, "leaderElection": false, "rbac": {"create": false}, "serviceAccount": {"create": false}}),
        json!({
            "networkPolicy": {"enabled": true, "apiServer": {"addresses": ["10.0.0.1/32"]}},
            "metrics": {"serviceMonitor": {"enabled": true}, "prometheusRule": {"enabled": true}, "dashboard": {"enabled": true}},
            "policies": {"callbackHosts": ["*.svc"], "minimumInterval": "5m", "noInlineSecrets": true},
        }),
    ];
    let linted = table.iter().map(|values: &Value| async move {
        let printed = helm(&["lint", "--strict", CHART, "--values", "-"], values).await;
        printed.unwrap_or_else(|error| panic!("{values}: {error}"));
    });
    futures::stream::iter(linted)
        .buffered(4)
        .collect::<Vec<()>>()
        .await;
}
