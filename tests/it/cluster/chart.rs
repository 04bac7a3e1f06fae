//! The chart, installed as an administrator does, and the operator with exactly what the chart grants it.

use std::sync::OnceLock;

use concur_sandbox::Command as Order;
use pollinator_testbed::run;
use serde_json::{Value, json};

use super::plane::Plane;
use super::process::Operator;
use super::site::{Site, condition};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/pollinator");
const NAMESPACE: &str = "pollinator-system";
const ACCOUNT: &str = "pollinator";

/// A control plane that knows of Pollinator only what the chart brings.
fn plane() -> &'static Plane {
    static PLANE: OnceLock<Plane> = OnceLock::new();
    PLANE.get_or_init(|| {
        Plane::start(async |mut control| {
            let install = [
                "install",
                "pollinator",
                CHART,
                "--namespace",
                NAMESPACE,
                "--create-namespace",
            ];
            let allow = ["--set", "allowAddresses={127.0.0.0/8}"];
            run(control.helm().args(install).args(allow)).await.unwrap();
            let crds = [
                "wait",
                "--for=condition=Established",
                "--timeout=60s",
                "crd",
                "--all",
            ];
            run(control.kubectl().args(crds)).await.unwrap();
            control.restart_controller_manager().await.unwrap();
            control
        })
    })
}

/// What the Deployment of a namespace would run, but for where it listens.
async fn start(namespace: &'static str, account: &'static str) -> Operator {
    let found = plane()
        .kubectl(&["-n", namespace, "get", "deployments", "-o", "json"])
        .await
        .unwrap();
    let found: Value = serde_json::from_str(&found).unwrap();
    let pod = &found["items"][0]["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], account);
    let arguments = pod["containers"][0]["args"].as_array().unwrap();
    let arguments: Vec<&str> = arguments
        .iter()
        .map(|argument| argument.as_str().unwrap())
        .collect();
    let arguments: Vec<&str> = arguments
        .into_iter()
        .filter(|argument| !argument.starts_with("--listen"))
        .collect();
    let variables = [("POD_NAME", "pollinator-0"), ("POD_NAMESPACE", namespace)];
    Operator::spawn(
        &plane().service_account(namespace, account).await,
        &arguments,
        &variables,
    )
}

fn forbidden(log: &[Value]) -> Vec<&Value> {
    log.iter()
        .filter(|line| line.to_string().to_lowercase().contains("forbidden"))
        .collect()
}

#[tokio::test]
async fn the_operator_lives_on_what_the_chart_grants() {
    let site = Site::on(plane(), "finance").await;
    site.apply_secret("sandbox-refresh-token").await;
    site.sandbox
        .apply(Order::Configure {
            knobs: json!({"rotate": "new-old-dead"}),
        })
        .unwrap();
    let mut operator = start(NAMESPACE, ACCOUNT).await;
    operator.wait_ready().await;
    site.apply("concur", json!({})).await;
    site.wait("concur", "Ready").await;
    site.create("n1");
    site.until_story(&["CREATED n1"]).await;
    let lease = plane()
        .kubectl(&["-n", NAMESPACE, "get", "lease", "pollinator", "-o", "yaml"])
        .await
        .unwrap();
    assert!(lease.contains("holderIdentity: pollinator-0_"), "{lease}");
    let made = site.kubectl(&["get", "secrets,pcp,events", "-o", "name"]).await;
    for kind in ["secret/pollinator-tokens-", "pollingcheckpoint", "event/concur."] {
        assert!(made.contains(kind), "no {kind} in {made}");
    }

    assert!(
        forbidden(&operator.log()).is_empty(),
        "{:#?}",
        forbidden(&operator.log())
    );

    // The API server goes and comes back: what happened meanwhile is told once.
    let (disturbed, ()) = tokio::join!(plane().restart_api_server(), async { site.edit("n1") });
    site.create("n2");
    site.until_story(&["CREATED n1", "UPDATED n1", "CREATED n2"])
        .await;
    let object = site
        .until("concur", "a poll after the restart", |object| {
            object["status"]["resources"][0]["consecutiveFailures"] == 0
                && object["status"]["resources"][0]["lastResult"]["unchanged"] == 2
        })
        .await;
    assert_eq!(condition(&object, "Ready")["status"], "True");
    drop(disturbed);

    let (status, log) = operator.terminate().await;
    assert_eq!(status.code(), Some(0), "{log:#?}");
    let holder = [
        "-n",
        NAMESPACE,
        "get",
        "lease",
        "pollinator",
        "-o",
        "jsonpath={.spec.holderIdentity}",
    ];
    assert_eq!(
        plane().kubectl(&holder).await.unwrap(),
        "",
        "the lease is released"
    );
}

#[tokio::test]
async fn a_release_for_one_namespace_reaches_no_other() {
    let _calm = plane().calm().await;
    let site = Site::on(plane(), "sales").await;
    site.apply_secret("sandbox-refresh-token").await;
    let values = "watchNamespaces={sales},crds.install=false,allowAddresses={127.0.0.0/8}";
    let install = [
        "install",
        "one",
        CHART,
        "--namespace",
        "sales-operator",
        "--create-namespace",
        "--set",
        values,
    ];
    plane().helm(&install).await.unwrap();
    let operator = start("sales-operator", "one-pollinator").await;
    site.apply("concur", json!({})).await;
    site.wait("concur", "Ready").await;
    site.create("n1");
    site.until_story(&["CREATED n1"]).await;
    let (status, log) = operator.terminate().await;
    assert_eq!(status.code(), Some(0), "{log:#?}");
    assert!(forbidden(&log).is_empty(), "{:#?}", forbidden(&log));
    let account = "system:serviceaccount:sales-operator:one-pollinator";
    may(account, "sales", "get secrets", true).await;
    may(account, "default", "get secrets", false).await;
    may(account, "default", "list pollinginstances.pollinator.dev", false).await;
}

#[tokio::test]
async fn the_operator_may_do_nothing_else() {
    let _calm = plane().calm().await;
    let account = format!("system:serviceaccount:{NAMESPACE}:{ACCOUNT}");
    let table = [
        ("default", "get secrets", true),
        ("default", "list secrets", false),
        ("default", "watch secrets", false),
        ("default", "delete secrets", false),
        ("default", "patch secrets", false),
        ("default", "watch pollinginstances.pollinator.dev", true),
        ("default", "patch pollinginstances.pollinator.dev/status", true),
        ("default", "get pollinginstances.pollinator.dev", false),
        ("default", "patch pollinginstances.pollinator.dev", false),
        ("default", "update pollinginstances.pollinator.dev", false),
        ("default", "delete pollinginstances.pollinator.dev", false),
        ("default", "update pollingcheckpoints.pollinator.dev", true),
        ("default", "list pollingcheckpoints.pollinator.dev", false),
        ("default", "create events.events.k8s.io", true),
        ("default", "get configmaps", false),
        ("default", "create pods", false),
        ("default", "create serviceaccounts/token", false),
        (NAMESPACE, "update leases.coordination.k8s.io/pollinator", true),
        (NAMESPACE, "update leases.coordination.k8s.io/another", false),
        ("default", "update leases.coordination.k8s.io/pollinator", false),
        (
            "default",
            "create clusterrolebindings.rbac.authorization.k8s.io",
            false,
        ),
        ("default", "impersonate users", false),
    ];
    for (namespace, what, allowed) in table {
        may(&account, namespace, what, allowed).await;
    }
}

/// `verb resource`, `verb resource/subresource`, or `verb resource/name`, as `kubectl auth can-i` asks.
async fn may(account: &str, namespace: &str, what: &str, allowed: bool) {
    let (verb, resource) = what.split_once(' ').unwrap();
    let (resource, rest) = resource.split_once('/').unwrap_or((resource, ""));
    let named = if matches!(rest, "pollinator" | "another") {
        format!("{resource}/{rest}")
    } else {
        resource.to_owned()
    };
    let mut arguments = vec![
        "auth",
        "can-i",
        verb,
        &named,
        "--as",
        account,
        "--namespace",
        namespace,
    ];
    if matches!(rest, "status" | "token") {
        arguments.extend(["--subresource", rest]);
    }
    let answer = match plane().kubectl(&arguments).await {
        Ok(answer) => answer.trim() == "yes",
        // kubectl answers no with its exit status.
        Err(pollinator_testbed::Error::Command { stderr, .. }) if !stderr.contains("error") => false,
        Err(error) => panic!("{what}: {error}"),
    };
    assert_eq!(answer, allowed, "{what} in {namespace} by {account}");
}
