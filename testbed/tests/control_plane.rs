//! The control plane does what the other tests rely on.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use pollinator_testbed::{ControlPlane, Error, Options, run, run_with_input};
use tokio::process::Command;

const OWNED: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: owner}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: bystander}
data: {key: value}
"#;

async fn apply(plane: &ControlPlane, manifest: &str) -> String {
    run_with_input(plane.kubectl().args(["apply", "-f", "-"]), manifest)
        .await
        .unwrap()
}

async fn get(plane: &ControlPlane, what: &[&str]) -> Result<String, Error> {
    run(plane.kubectl().arg("get").args(what)).await
}

fn as_user(plane: &ControlPlane, kubeconfig: &std::path::Path) -> Command {
    let mut kubectl = plane.kubectl();
    kubectl.env("KUBECONFIG", kubeconfig);
    kubectl
}

#[tokio::test]
async fn objects_are_stored_and_survive_a_restart_of_the_api_server() {
    let mut plane = ControlPlane::start(Options::default()).await.unwrap();
    let data_dir = plane.data_dir().to_owned();
    assert!(apply(&plane, OWNED).await.contains("configmap/owner created"));

    plane.restart_api_server().await.unwrap();

    let value = get(&plane, &["configmap", "bystander", "-o", "jsonpath={.data.key}"])
        .await
        .unwrap();
    assert_eq!(value, "value");
    let version = run(plane.kubectl().args(["version", "-o", "json"]))
        .await
        .unwrap();
    assert!(version.contains(r#""minor": "37""#), "{version}");
    assert!(run(plane.helm().arg("list")).await.unwrap().starts_with("NAME"));

    plane.stop().await;
    assert!(!data_dir.exists());
}

#[tokio::test]
async fn an_object_goes_when_its_owner_is_deleted() {
    let plane = ControlPlane::start(Options {
        controller_manager: true,
        ..Options::default()
    })
    .await
    .unwrap();
    apply(&plane, OWNED).await;
    let uid = get(&plane, &["configmap", "owner", "-o", "jsonpath={.metadata.uid}"])
        .await
        .unwrap();
    apply(
        &plane,
        &format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: owned, ownerReferences: \
             [{{apiVersion: v1, kind: ConfigMap, name: owner, uid: {uid}}}]}}}}"
        ),
    )
    .await;

    run(plane.kubectl().args(["delete", "configmap", "owner"]))
        .await
        .unwrap();

    let started = Instant::now();
    while get(&plane, &["configmap", "owned"]).await.is_ok() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "the owned object is still there after 60 s"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    get(&plane, &["configmap", "bystander"]).await.unwrap();
}

#[tokio::test]
async fn a_service_account_may_do_what_its_role_grants_and_no_more() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let error = plane
        .kubeconfig_for_service_account("default", "reader")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("answered 404"), "{error}");

    run(plane.kubectl().args(["create", "serviceaccount", "reader"]))
        .await
        .unwrap();
    let kubeconfig = plane
        .kubeconfig_for_service_account("default", "reader")
        .await
        .unwrap();
    let error = run(as_user(&plane, &kubeconfig).args(["get", "configmaps"]))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("system:serviceaccount:default:reader"),
        "{error}"
    );

    run(plane
        .kubectl()
        .args(["create", "role", "reader", "--verb=list", "--resource=configmaps"]))
    .await
    .unwrap();
    run(plane.kubectl().args([
        "create",
        "rolebinding",
        "reader",
        "--role=reader",
        "--serviceaccount=default:reader",
    ]))
    .await
    .unwrap();
    run(as_user(&plane, &kubeconfig).args(["get", "configmaps"]))
        .await
        .unwrap();
    let error = run(as_user(&plane, &kubeconfig).args(["get", "secrets"]))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("forbidden"), "{error}");
}

#[tokio::test]
async fn nothing_outlives_a_killed_process() {
    let mut up = Command::new(env!("CARGO_BIN_EXE_pollinator-testbed"))
        .arg("up")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = tokio::io::BufReader::new(up.stdout.take().unwrap());
    let mut kubeconfig = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut stdout, &mut kubeconfig)
        .await
        .unwrap();
    let kubeconfig = std::path::Path::new(kubeconfig.trim()).to_owned();
    let config: serde_json::Value = serde_json::from_slice(&std::fs::read(&kubeconfig).unwrap()).unwrap();
    let server = config["clusters"][0]["cluster"]["server"]
        .as_str()
        .unwrap()
        .replace("https://", "");
    std::net::TcpStream::connect(&server).unwrap();

    up.kill().await.unwrap();

    let started = Instant::now();
    while kubeconfig.exists() || std::net::TcpStream::connect(&server).is_ok() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "the control plane is still there after 20 s"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
