//! Who may view or edit a namespace may view or edit what is polled there.

use std::time::{Duration, Instant};

use pollinator_testbed::Error;
use serde_json::json;

use super::{plane, template};

/// Whether `kubectl auth can-i` says yes; `resource` may be `plural/subresource`.
async fn may(user: &str, verb: &str, resource: &str, namespace: &str) -> bool {
    let (plural, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let kind = format!("{plural}.pollinator.dev");
    let part = format!("--subresource={subresource}");
    let of_user = ["--as", user, "--namespace", namespace, &part];
    let arguments = [&["auth", "can-i", verb, &kind][..], &of_user].concat();
    match plane().kubectl(&arguments).await {
        Ok(answer) => answer.trim() == "yes",
        // kubectl answers no with its exit status.
        Err(Error::Command { stderr, .. }) if !stderr.contains("error") => false,
        Err(error) => panic!("{user} {verb} {resource}: {error}"),
    }
}

#[tokio::test]
async fn view_edit_and_admin_include_our_kinds() {
    let _calm = plane().calm().await;
    for object in template(&json!({"crds": {"install": false}})).await.unwrap() {
        let is_for_users = object["kind"] == "ClusterRole" && object["metadata"]["name"] != "pollinator";
        if is_for_users {
            plane().apply(&object).await.unwrap();
        }
    }
    for role in ["view", "edit", "admin"] {
        plane()
            .apply(&json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": {"name": role, "namespace": "finance"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": role}],
            }))
            .await
            .unwrap();
    }
    // The roles are put together by a controller, some time after they are there.
    let deadline = Instant::now() + Duration::from_secs(60);
    while !may("view", "get", "pollinginstances", "finance").await
        || !may("admin", "patch", "pollinginstances", "finance").await
    {
        assert!(Instant::now() < deadline, "the roles are never put together");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // view, edit, admin
    let table = [
        ("get", "pollinginstances", [true, true, true]),
        ("watch", "pollinginstances", [true, true, true]),
        ("list", "pollingcheckpoints", [true, true, true]),
        ("create", "pollinginstances", [false, true, true]),
        ("patch", "pollinginstances", [false, true, true]),
        ("deletecollection", "pollinginstances", [false, true, true]),
        ("patch", "pollinginstances/status", [false, false, false]),
        ("delete", "pollingcheckpoints", [false, true, true]),
        ("create", "pollingcheckpoints", [false, false, false]),
        ("patch", "pollingcheckpoints", [false, false, false]),
    ];
    for (verb, resource, allowed) in table {
        for (user, allowed) in ["view", "edit", "admin"].into_iter().zip(allowed) {
            assert_eq!(
                may(user, verb, resource, "finance").await,
                allowed,
                "{user} {verb} {resource}"
            );
        }
    }
    // And nothing where they have no role.
    for user in ["view", "edit", "admin"] {
        assert!(!may(user, "get", "pollinginstances", "sales").await, "{user}");
    }
}
