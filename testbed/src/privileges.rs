//! Proves least privilege: what a chart grants is what its operator used, and it was refused nothing.
//!
//! The grants are the rules of the chart's `templates/rbac.yaml` in both of its modes; what was used is read from the
//! audit logs of API servers (see [`crate::AUDIT_VARIABLE`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;
use tokio::process::Command;

use crate::{Binaries, Error, run};

/// Name of the service account, alone or behind the name of a release and a dash.
const ACCOUNT: &str = "pollinator";
/// An API server that says that it is ready learns of its last roles a moment later.
const LATE: i64 = 2;

/// One verb on one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    group: String,
    /// With its subresource: `pollinginstances/status`.
    resource: String,
    /// The only object it is about, if it is about one.
    name: Option<String>,
    verb: String,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Right {
            group,
            resource,
            name,
            verb,
        } = self;
        let dot = if group.is_empty() { "" } else { "." };
        let name = name.as_ref().map_or(String::new(), |name| format!(" {name}"));
        write!(f, "{verb} {resource}{dot}{group}{name}")
    }
}

/// A Role or ClusterRole, as far as it matters here.
#[derive(Deserialize)]
struct Role {
    kind: String,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    #[serde(default)]
    resource_names: Vec<String>,
    verbs: Vec<String>,
}

/// A finished request, as the audit log has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    verb: String,
    #[serde(rename = "requestURI")]
    uri: String,
    request_received_timestamp: Timestamp,
    user: User,
    #[serde(default)]
    object_ref: Option<ObjectRef>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectRef {
    #[serde(default)]
    api_group: String,
    #[serde(default)]
    resource: String,
    #[serde(default)]
    subresource: String,
    #[serde(default)]
    name: String,
}

/// When an API server was not ready.
#[derive(Deserialize)]
struct Start {
    from: Timestamp,
    until: Timestamp,
}

/// How often a right was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Uses {
    /// By virtue of a ClusterRole.
    cluster: u64,
    /// By virtue of a Role.
    namespace: u64,
}

/// What was granted, and what came of it.
#[derive(Debug, Default)]
pub struct Proof {
    rights: BTreeMap<Right, Uses>,
    /// Allowed by roles that every account has.
    common: u64,
    refused: Vec<String>,
    /// Refused by an API server that did not know its roles yet.
    excused: u64,
}

impl Proof {
    /// Renders the chart in both modes and reads all audit logs of a folder.
    ///
    /// # Errors
    /// Where helm fails, or a file is not what it should be.
    pub async fn of(binaries: &Binaries, chart: &Path, logs: &Path) -> Result<Proof, Error> {
        let mut proof = Proof::default();
        for mode in ["watchNamespaces=[]", "watchNamespaces=[\"finance\"]"] {
            let template = [
                "template",
                ACCOUNT,
                "--show-only",
                "templates/rbac.yaml",
                "--set-json",
                mode,
            ];
            let rendered = run(Command::new(&binaries.helm).args(template).arg(chart)).await?;
            proof.grant(&rendered).map_err(|reason| Error::Unreadable {
                path: chart.to_owned(),
                reason,
            })?;
        }
        for entry in std::fs::read_dir(logs).map_err(Error::io("list", logs))? {
            let log = entry.map_err(Error::io("list", logs))?.path();
            if log.extension().is_some_and(|extension| extension == "jsonl") {
                proof.read(&log)?;
            }
        }
        Ok(proof)
    }

    /// Whether every right was used and nothing was refused.
    pub fn holds(&self) -> bool {
        self.refused.is_empty() && self.unused().next().is_none()
    }

    fn unused(&self) -> impl Iterator<Item = &Right> {
        let unused = |(_, uses): &(&Right, &Uses)| **uses == Uses::default();
        self.rights.iter().filter(unused).map(|(right, _)| right)
    }

    fn grant(&mut self, rendered: &str) -> Result<(), String> {
        let roles: Vec<Role> = serde_saphyr::from_multiple(rendered).map_err(|error| error.to_string())?;
        for rule in roles
            .into_iter()
            .filter(|role| role.kind.ends_with("Role"))
            .flat_map(|role| role.rules)
        {
            self.rights
                .extend(rule.rights().into_iter().map(|right| (right, Uses::default())));
        }
        Ok(())
    }

    fn read(&mut self, log: &Path) -> Result<(), Error> {
        let starts: Vec<Start> = lines(&log.with_extension("starts"))?;
        for request in lines::<Request>(log)? {
            self.count(&request, &starts);
        }
        Ok(())
    }

    fn count(&mut self, request: &Request, starts: &[Start]) {
        let account = request.user.username.rsplit(':').next().unwrap_or_default();
        if account != ACCOUNT && !account.ends_with(&format!("-{ACCOUNT}")) {
            return;
        }
        let annotation = |name: &str| {
            let name = format!("authorization.k8s.io/{name}");
            request.annotations.get(&name).map_or("", String::as_str)
        };
        if annotation("decision") != "allow" {
            let at = request.request_received_timestamp;
            if starts
                .iter()
                .any(|start| start.from <= at && at <= start.until + LATE.seconds())
            {
                self.excused += 1;
            } else {
                let Request { verb, uri, user, .. } = request;
                self.refused.push(format!("{at} {} {verb} {uri}", user.username));
            }
            return;
        }
        let by_cluster_role = annotation("reason").contains(" of ClusterRole ");
        match request
            .object_ref
            .as_ref()
            .and_then(|object| self.right(object, &request.verb))
        {
            Some(uses) if by_cluster_role => uses.cluster += 1,
            Some(uses) => uses.namespace += 1,
            None => self.common += 1,
        }
    }

    fn right(&mut self, object: &ObjectRef, verb: &str) -> Option<&mut Uses> {
        let resource = match object.subresource.as_str() {
            "" => object.resource.clone(),
            subresource => format!("{}/{subresource}", object.resource),
        };
        let same = |right: &Right| {
            right.group == object.api_group
                && right.resource == resource
                && right.verb == verb
                && right.name.as_ref().is_none_or(|name| *name == object.name)
        };
        self.rights
            .iter_mut()
            .find_map(|(right, uses)| same(right).then_some(uses))
    }
}

impl Rule {
    fn rights(self) -> BTreeSet<Right> {
        let names: Vec<Option<String>> = if self.resource_names.is_empty() {
            vec![None]
        } else {
            self.resource_names.into_iter().map(Some).collect()
        };
        let mut rights = BTreeSet::new();
        for group in &self.api_groups {
            for resource in &self.resources {
                for name in &names {
                    rights.extend(self.verbs.iter().map(|verb| Right {
                        group: group.clone(),
                        resource: resource.clone(),
                        name: name.clone(),
                        verb: verb.clone(),
                    }));
                }
            }
        }
        rights
    }
}

/// The JSON documents of a file, one a line; none where there is no file.
fn lines<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>, Error> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    text.lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Unreadable {
            path: PathBuf::from(path),
            reason: error.to_string(),
        })
}

/// The table, and what is wrong with what to do about it.
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<52} {:>13} {:>11}", "granted", "cluster mode", "namespaced")?;
        for (right, Uses { cluster, namespace }) in &self.rights {
            writeln!(f, "{:<52} {cluster:>13} {namespace:>11}", right.to_string())?;
        }
        writeln!(
            f,
            "{} requests were allowed by roles that every account has; {} were refused by an API server that was starting",
            self.common, self.excused
        )?;
        for right in self.unused() {
            writeln!(
                f,
                "never used: {right}; remove it from the chart, or test what needs it"
            )?;
        }
        for refusal in &self.refused {
            writeln!(
                f,
                "refused: {refusal}; grant it in the chart with the reason, or do not ask for it"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const CHART: &str = "
kind: ClusterRole
rules:
- {apiGroups: [pollinator.dev], resources: [pollinginstances/status], verbs: [patch]}
---
kind: ClusterRoleBinding
---
kind: Role
rules:
- {apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [pollinator], verbs: [get, update]}
";

    fn request(account: &str, verb: &str, resource: &str, name: &str, decision: &str) -> Value {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let group = if resource == "leases" {
            "coordination.k8s.io"
        } else {
            "pollinator.dev"
        };
        json!({
            "verb": verb, "requestURI": format!("/{resource}"), "requestReceivedTimestamp": "2026-11-30T12:00:00Z",
            "user": {"username": format!("system:serviceaccount:finance:{account}")},
            "objectRef": {"apiGroup": group, "resource": resource, "subresource": subresource, "name": name},
            "annotations": {
                "authorization.k8s.io/decision": decision,
                "authorization.k8s.io/reason": "RBAC: allowed by RoleBinding \"a/b\" of Role \"a\"",
            },
        })
    }

    fn proof(requests: &[Value], starts: &[Start]) -> Proof {
        let mut proof = Proof::default();
        proof.grant(CHART).unwrap();
        for request in requests {
            proof.count(&serde_json::from_value(request.clone()).unwrap(), starts);
        }
        proof
    }

    fn all() -> Vec<Value> {
        vec![
            request(
                "one-pollinator",
                "patch",
                "pollinginstances/status",
                "concur",
                "allow",
            ),
            request("pollinator", "get", "leases", "pollinator", "allow"),
            request("pollinator", "update", "leases", "pollinator", "allow"),
        ]
    }

    #[test]
    fn it_holds_when_all_was_used_and_nothing_refused() {
        let mut requests = all();
        requests.push(request("default", "delete", "leases", "pollinator", "forbid"));
        let proof = proof(&requests, &[]);
        assert!(proof.holds(), "{proof}");
        assert!(proof.rights.values().all(|uses| uses.namespace == 1), "{proof}");
    }

    #[test]
    fn what_was_never_used_is_named() {
        for (without, named) in [
            (0, "never used: patch pollinginstances/status.pollinator.dev;"),
            (1, "never used: get leases.coordination.k8s.io pollinator;"),
            (2, "never used: update leases.coordination.k8s.io pollinator;"),
        ] {
            let mut requests = all();
            requests.remove(without);
            // Not the subresource, and not the object that the rule names.
            requests.push(request(
                "pollinator",
                "patch",
                "pollinginstances",
                "concur",
                "allow",
            ));
            requests.push(request("pollinator", "get", "leases", "another", "allow"));
            let proof = proof(&requests, &[]);
            assert!(!proof.holds() && proof.to_string().contains(named), "{proof}");
        }
    }

    #[test]
    fn a_refusal_is_named_unless_the_api_server_was_starting() {
        let mut requests = all();
        requests.push(request("pollinator", "list", "pollinginstances", "", "forbid"));
        let starting = |from: &str, until: &str| Start {
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
        };
        let table = [
            (vec![], false),
            (
                vec![starting("2026-11-30T11:59:50Z", "2026-11-30T11:59:59Z")],
                true,
            ),
            (
                vec![starting("2026-11-30T11:59:50Z", "2026-11-30T11:59:57Z")],
                false,
            ),
            (
                vec![starting("2026-11-30T12:00:01Z", "2026-11-30T12:00:03Z")],
                false,
            ),
        ];
        for (starts, holds) in table {
            let proof = proof(&requests, &starts);
            assert_eq!(proof.holds(), holds, "{proof}");
            assert_eq!(
                proof.to_string().contains("pollinator list /pollinginstances"),
                !holds,
                "{proof}"
            );
        }
    }
}
