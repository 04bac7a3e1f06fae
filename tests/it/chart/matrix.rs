//! Every switch both ways: what becomes of the objects, and whether an API server takes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use futures::StreamExt as _;
use serde_json::{Value, json};

use super::documents::values;
use super::openapi::{conform, distinct, dry_run};
use super::{only, template};

/// Values, what kinds that adds and takes away, and what some object then says.
struct Case {
    values: Value,
    kinds: &'static str,
    shows: Vec<(&'static str, &'static str, Value)>,
}

fn case(values: Value, kinds: &'static str) -> Case {
    let shows = Vec::new();
    Case { values, kinds, shows }
}

impl Case {
    /// The only object of `kind` has `value` at `pointer`; null: nothing is there.
    fn shows(mut self, kind: &'static str, pointer: &'static str, value: Value) -> Case {
        self.shows.push((kind, pointer, value));
        self
    }

    fn pod(self, pointer: &'static str, value: Value) -> Case {
        self.shows("Pod", pointer, value)
    }

    fn argument(self, argument: &str) -> Case {
        self.shows("argument", "", json!(argument))
    }
}

const NONE: &str = "";
const CRDS: &str = "-CustomResourceDefinition×2";

fn cases() -> Vec<Case> {
    let digest = format!("sha256:{}", "0".repeat(64));
    let peers = json!([{"namespaceSelector": {"matchLabels": {"team": "observability"}}}]);
    let api_server = json!({"addresses": ["10.0.0.1/32", "fd00::1/128"], "ports": [8443]});
    let to_internet = json!([{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]}]);
    let monitored = json!({"enabled": true, "interval": "30s", "labels": {"release": "prometheus"}});
    let rules = json!({"enabled": true, "labels": {"release": "prometheus"}, "runbookUrl": "https://wiki.example.com/runbook"});
    let dashboard = json!({"enabled": true, "labels": {"find": "me"}, "annotations": {"folder": "Polling"}});
    let spread = json!([{"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}]);
    let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms":
        [{"matchExpressions": [{"key": "arch", "operator": "In", "values": ["amd64"]}]}]}}});
    let policies = json!({"callbackHosts": ["hooks.example.com", "*.svc"], "minimumInterval": "5m", "noInlineSecrets": true});
    let policy = "+ValidatingAdmissionPolicy +ValidatingAdmissionPolicyBinding";
    let binding = "ValidatingAdmissionPolicyBinding";
    vec![
        case(json!({}), NONE)
            .shows("Deployment", "/spec/replicas", json!(2))
            .shows("Deployment", "/spec/strategy", Value::Null)
            .shows("PodDisruptionBudget", "/spec/maxUnavailable", json!(1))
            .pod("/topologySpreadConstraints/0/labelSelector/matchLabels/app.kubernetes.io~1instance", json!("pollinator"))
            .pod("/containers/0/image", json!("pollinator:0.1.0"))
            .pod("/securityContext/runAsGroup", json!(65532))
            .argument("--leader-election=true"),
        case(json!({"replicas": 0}), "-PodDisruptionBudget"),
        case(json!({"replicas": 1}), "-PodDisruptionBudget").shows("Deployment", "/spec/replicas", json!(1)),
        case(json!({"replicas": 3}), NONE).shows("Deployment", "/spec/replicas", json!(3)),
        case(json!({"replicas": 1, "leaderElection": false}), "-PodDisruptionBudget -Role -RoleBinding")
            .shows("Deployment", "/spec/strategy/type", json!("Recreate"))
            .argument("--leader-election=false"),
        case(json!({"watchNamespaces": ["finance"]}), "-ClusterRole -ClusterRoleBinding +Role +RoleBinding")
            .argument("--namespace=finance"),
        case(json!({"watchNamespaces": ["finance", "sales"]}), "-ClusterRole -ClusterRoleBinding +Role×2 +RoleBinding×2")
            .argument("--namespace=finance")
            .argument("--namespace=sales"),
        case(json!({"image": {"repository": "registry.example.com/p", "tag": "1", "pullPolicy": "Always"}}), NONE)
            .pod("/containers/0/image", json!("registry.example.com/p:1"))
            .pod("/containers/0/imagePullPolicy", json!("Always")),
        case(json!({"image": {"repository": "p", "digest": digest}}), NONE)
            .pod("/containers/0/image", json!(format!("p@{digest}"))),
        case(json!({"imagePullSecrets": [{"name": "registry"}]}), NONE)
            .pod("/imagePullSecrets", json!([{"name": "registry"}])),
        case(json!({"crds": {"install": false}}), CRDS),
        case(json!({"crds": {"install": false, "keep": false}}), CRDS),
        case(json!({"crds": {"keep": false}}), NONE),
        case(json!({"rbac": {"create": false}}), "-ClusterRole -ClusterRoleBinding -Role -RoleBinding"),
        case(json!({"rbac": {"create": false}, "watchNamespaces": ["finance"]}), "-ClusterRole -ClusterRoleBinding -Role -RoleBinding"),
        case(json!({"rbac": {"create": false, "aggregate": false}}), "-ClusterRole×3 -ClusterRoleBinding -Role -RoleBinding"),
        case(json!({"rbac": {"aggregate": false}}), "-ClusterRole×2"),
        case(json!({"rbac": {"aggregate": false}, "watchNamespaces": ["finance"]}), "-ClusterRole×3 -ClusterRoleBinding +Role +RoleBinding"),
        case(json!({"serviceAccount": {"create": false}}), "-ServiceAccount")
            .pod("/serviceAccountName", json!("default"))
            .shows("ClusterRoleBinding", "/subjects/0/name", json!("default")),
        case(json!({"serviceAccount": {"create": false, "name": "mine"}}), "-ServiceAccount")
            .pod("/serviceAccountName", json!("mine"))
            .shows("ClusterRoleBinding", "/subjects/0/name", json!("mine")),
        case(json!({"serviceAccount": {"name": "mine", "annotations": {"a": "b"}}}), NONE)
            .shows("ServiceAccount", "/metadata/name", json!("mine"))
            .shows("ServiceAccount", "/metadata/annotations", json!({"a": "b"})),
        case(json!({"allowAddresses": ["127.0.0.0/8"], "denyAddresses": ["10.0.0.0/8", "fd00::/8"]}), NONE)
            .argument("--allow-address=127.0.0.0/8")
            .argument("--deny-address=fd00::/8"),
        case(json!({"allowPrivateAddresses": false, "maxRequestsPerHost": 8, "logFormat": "text"}), NONE)
            .argument("--allow-private-addresses=false")
            .argument("--max-requests-per-host=8")
            .argument("--log-format=text"),
        case(json!({"listenAddress": "[::]", "extraArgs": ["--lease-namespace=leases"]}), NONE)
            .argument("--listen=[::]:8080")
            .argument("--lease-namespace=leases"),
        case(json!({"extraEnv": [{"name": "RUST_LOG", "value": "debug"}, {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}), NONE)
            .pod("/containers/0/env/2/value", json!("debug")),
        case(json!({"metrics": {"service": {"enabled": false}}}), "-Service"),
        case(json!({"metrics": {"service": {"annotations": {"a": "b"}}}}), NONE)
            .shows("Service", "/metadata/annotations", json!({"a": "b"})),
        case(json!({"metrics": {"serviceMonitor": {"enabled": true}}}), "+ServiceMonitor")
            .shows("ServiceMonitor", "/spec/endpoints/0/interval", Value::Null),
        case(json!({"metrics": {"serviceMonitor": monitored}}), "+ServiceMonitor")
            .shows("ServiceMonitor", "/spec/endpoints/0/interval", json!("30s"))
            .shows("ServiceMonitor", "/metadata/labels/release", json!("prometheus")),
        case(json!({"metrics": {"podMonitor": {"enabled": true}, "service": {"enabled": false}}}), "+PodMonitor -Service"),
        case(json!({"metrics": {"podMonitor": monitored}}), "+PodMonitor")
            .shows("PodMonitor", "/spec/podMetricsEndpoints/0/interval", json!("30s"))
            .shows("PodMonitor", "/metadata/labels/release", json!("prometheus")),
        case(json!({"metrics": {"prometheusRule": {"enabled": true}}}), "+PrometheusRule")
            .shows("PrometheusRule", "/spec/groups/0/rules/0/annotations/runbook", json!("docs/runbook.md#pollinatordown"))
            .shows("PrometheusRule", "/spec/groups/0/rules/0/annotations/runbook_url", Value::Null),
        case(json!({"metrics": {"prometheusRule": rules}}), "+PrometheusRule")
            .shows("PrometheusRule", "/metadata/labels/release", json!("prometheus"))
            .shows("PrometheusRule", "/spec/groups/0/rules/1/annotations/runbook_url", json!("https://wiki.example.com/runbook#pollinatornoleader")),
        case(json!({"replicas": 1, "metrics": {"prometheusRule": {"enabled": true}}}), "+PrometheusRule -PodDisruptionBudget"),
        case(json!({"metrics": {"dashboard": {"enabled": true}}}), "+ConfigMap")
            .shows("ConfigMap", "/metadata/labels/grafana_dashboard", json!("1")),
        case(json!({"metrics": {"dashboard": dashboard}}), "+ConfigMap")
            .shows("ConfigMap", "/metadata/labels/find", json!("me"))
            .shows("ConfigMap", "/metadata/annotations/folder", json!("Polling")),
        case(json!({"networkPolicy": {"enabled": true, "apiServer": {"addresses": ["10.0.0.1/32"]}}}), "+NetworkPolicy")
            .shows("NetworkPolicy", "/spec/egress/0/ports/1/port", json!(6443))
            .shows("NetworkPolicy", "/spec/egress/2", Value::Null)
            .shows("NetworkPolicy", "/spec/ingress/0/from", Value::Null),
        case(json!({"networkPolicy": {"enabled": true, "apiServer": api_server, "dns": {"to": []}, "egress": to_internet, "ingressFrom": peers}}), "+NetworkPolicy")
            .shows("NetworkPolicy", "/spec/egress/0/to/1/ipBlock/cidr", json!("fd00::1/128"))
            .shows("NetworkPolicy", "/spec/egress/0/ports/0/port", json!(8443))
            .shows("NetworkPolicy", "/spec/egress/1/to", Value::Null)
            .shows("NetworkPolicy", "/spec/egress/2/ports/0/port", json!(443))
            .shows("NetworkPolicy", "/spec/ingress/0/from", peers.clone()),
        case(json!({"podDisruptionBudget": {"enabled": false}}), "-PodDisruptionBudget"),
        case(json!({"replicas": 4, "podDisruptionBudget": {"maxUnavailable": "50%"}}), NONE)
            .shows("PodDisruptionBudget", "/spec/maxUnavailable", json!("50%")),
        case(json!({"policies": {"callbackHosts": ["*.svc"]}}), policy)
            .shows(binding, "/spec/validationActions", json!(["Deny"]))
            .shows(binding, "/spec/matchResources", Value::Null),
        case(json!({"policies": {"minimumInterval": "5m", "validationActions": ["Warn", "Audit"]}}), policy)
            .shows(binding, "/spec/validationActions", json!(["Warn", "Audit"])),
        case(json!({"policies": {"noInlineSecrets": true, "namespaceSelector": {"matchLabels": {"team": "a"}}}}), policy)
            .shows(binding, "/spec/matchResources/namespaceSelector", json!({"matchLabels": {"team": "a"}})),
        case(json!({"watchNamespaces": ["finance"], "policies": {"noInlineSecrets": true}}),
            "+ValidatingAdmissionPolicy +ValidatingAdmissionPolicyBinding -ClusterRole -ClusterRoleBinding +Role +RoleBinding")
            .shows(binding, "/spec/matchResources/namespaceSelector/matchExpressions/0/values", json!(["finance"])),
        case(json!({"policies": policies}), "+ValidatingAdmissionPolicy×3 +ValidatingAdmissionPolicyBinding×3"),
        case(json!({"resources": null}), NONE).pod("/containers/0/resources", Value::Null),
        case(json!({"resources": {"limits": {"cpu": "1"}}}), NONE)
            .pod("/containers/0/resources/limits", json!({"cpu": "1", "memory": "256Mi"})),
        case(json!({"podSecurityContext": {"runAsUser": 1000}, "securityContext": {"runAsGroup": 1000}}), NONE)
            .pod("/securityContext/runAsUser", json!(1000))
            .pod("/containers/0/securityContext/runAsGroup", json!(1000)),
        case(json!({"terminationGracePeriodSeconds": 5, "priorityClassName": "system-cluster-critical"}), NONE)
            .pod("/terminationGracePeriodSeconds", json!(5))
            .pod("/priorityClassName", json!("system-cluster-critical")),
        case(json!({"podAnnotations": {"a": "b"}, "podLabels": {"c": "d", "app.kubernetes.io/name": "not this"}}), NONE)
            .shows("Deployment", "/spec/template/metadata/annotations/a", json!("b"))
            .shows("Deployment", "/spec/template/metadata/labels/c", json!("d"))
            .shows("Deployment", "/spec/template/metadata/labels/app.kubernetes.io~1name", json!("pollinator")),
        case(json!({"nodeSelector": {"disk": "ssd"}, "tolerations": [{"operator": "Exists"}], "affinity": affinity}), NONE)
            .pod("/nodeSelector/disk", json!("ssd"))
            .pod("/tolerations/0/operator", json!("Exists"))
            .pod("/affinity/nodeAffinity", affinity["nodeAffinity"].clone()),
        case(json!({"topologySpreadConstraints": []}), NONE).pod("/topologySpreadConstraints", Value::Null),
        case(json!({"topologySpreadConstraints": spread}), NONE).pod("/topologySpreadConstraints", spread.clone()),
        case(json!({"nameOverride": "polling"}), NONE).shows("Deployment", "/metadata/name", json!("pollinator-polling")),
        case(json!({"fullnameOverride": "polling"}), NONE).shows("Deployment", "/metadata/name", json!("polling")),
        // All at once.
        case(
            json!({
                "watchNamespaces": ["finance", "sales"], "policies": policies, "podDisruptionBudget": {"enabled": true},
                "networkPolicy": {"enabled": true, "apiServer": api_server, "egress": to_internet, "ingressFrom": peers},
                "metrics": {"serviceMonitor": monitored, "prometheusRule": rules, "dashboard": dashboard},
            }),
            "-ClusterRole -ClusterRoleBinding +Role×2 +RoleBinding×2 +ConfigMap +NetworkPolicy +PrometheusRule +ServiceMonitor \
             +ValidatingAdmissionPolicy×3 +ValidatingAdmissionPolicyBinding×3",
        ),
    ]
}

#[tokio::test]
async fn every_switch_both_ways() {
    let cases = cases();
    let renders = cases
        .iter()
        .map(|case| async { template(&case.values).await.unwrap() });
    let rendered: Vec<Vec<Value>> = futures::stream::iter(renders).buffered(4).collect().await;
    let usual = kinds(&rendered[0]);
    let mut table = String::new();
    for (case, objects) in cases.iter().zip(&rendered) {
        let values = &case.values;
        let differs = difference(&usual, &kinds(objects));
        assert_eq!(differs, sorted(case.kinds), "{values}");
        case.shows
            .iter()
            .for_each(|expected| check(values, objects, expected));
        let differs = differs.join(" ");
        writeln!(table, "{:3} objects  {values}  {differs}", objects.len()).unwrap();
    }
    let distinct = distinct(rendered.iter().flatten());
    conform(&distinct).await.unwrap();
    let refused = dry_run(&distinct).await;
    assert!(refused.is_empty(), "{refused:#?}");
    println!(
        "{table}{} renders, {} distinct objects: each fits the API server's OpenAPI and passed its dry run",
        cases.len(),
        distinct.len()
    );
}

fn check(values: &Value, objects: &[Value], (kind, pointer, expected): &(&str, &str, Value)) {
    let pod = || &only(objects, "Deployment")["spec"]["template"]["spec"];
    let found = match *kind {
        "argument" => {
            let arguments = pod()["containers"][0]["args"].as_array().unwrap();
            assert!(
                arguments.contains(expected),
                "{values}: no {expected} in {arguments:?}"
            );
            return;
        }
        "Pod" => pod().pointer(pointer),
        kind => only(objects, kind).pointer(pointer),
    };
    assert_eq!(
        found.unwrap_or(&Value::Null),
        expected,
        "{values}: {kind}{pointer}"
    );
}

/// How many objects there are of each kind.
fn kinds(objects: &[Value]) -> BTreeMap<String, i64> {
    let mut kinds = BTreeMap::new();
    for object in objects {
        *kinds
            .entry(object["kind"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    kinds
}

/// `+Kind` and `-Kind`, with their number where it is not one.
fn difference(usual: &BTreeMap<String, i64>, these: &BTreeMap<String, i64>) -> Vec<String> {
    let all: BTreeSet<&String> = usual.keys().chain(these.keys()).collect();
    let count = |kinds: &BTreeMap<String, i64>, kind: &String| kinds.get(kind).copied().unwrap_or_default();
    let differs = all
        .into_iter()
        .filter_map(|kind| match count(these, kind) - count(usual, kind) {
            0 => None,
            1 => Some(format!("+{kind}")),
            -1 => Some(format!("-{kind}")),
            more if more > 0 => Some(format!("+{kind}×{more}")),
            less => Some(format!("-{kind}×{}", -less)),
        });
    let mut differs: Vec<String> = differs.collect();
    differs.sort();
    differs
}

fn sorted(kinds: &str) -> Vec<String> {
    let mut kinds: Vec<String> = kinds.split_whitespace().map(str::to_owned).collect();
    kinds.sort();
    kinds
}

#[tokio::test]
async fn what_an_api_server_does_not_know_is_noticed() {
    let objects = template(&json!({})).await.unwrap();
    let mut wrong = only(&objects, "Deployment").clone();
    wrong["spec"]["template"]["spec"]["containers"][0]["resource"] = json!({});
    let said = conform(&[&wrong]).await.unwrap_err();
    assert!(said.contains("'resource' not allowed"), "{said}");
    let said = dry_run(&[&wrong]).await;
    assert!(
        said.len() == 1 && said[0].contains("not declared in schema"),
        "{said:?}"
    );
}

/// A value that no case changes may do nothing at all.
#[test]
fn every_value_is_in_the_matrix() {
    let cases = cases();
    for value in values() {
        let pointer = format!("/{}", value.path.join("/"));
        let changed = |case: &Case| {
            case.values
                .pointer(&pointer)
                .is_some_and(|set| *set != value.default)
        };
        assert!(cases.iter().any(changed), "no case changes {pointer}");
    }
}
