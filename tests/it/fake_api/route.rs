//! What a request asks for, read from its method, path and query.

use std::collections::BTreeMap;

/// A kind of object, as it appears in paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
}

impl Resource {
    /// The resource of an object that says its `apiVersion` and `kind`.
    pub(crate) fn of_kind(api_version: &str, kind: &str) -> Resource {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Resource {
            group: group.into(),
            version: version.into(),
            plural: plural(kind),
        }
    }

    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Whether a test means this resource: `leases`, or `events.events.k8s.io` where `events` is not enough.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        name == self.plural || name.strip_prefix(&format!("{}.", self.plural)) == Some(&self.group)
    }

    pub(crate) fn is_cluster_scoped(&self) -> bool {
        const CLUSTER_SCOPED: [&str; 4] = [
            "namespaces",
            "customresourcedefinitions",
            "clusterroles",
            "clusterrolebindings",
        ];
        CLUSTER_SCOPED.contains(&self.plural.as_str())
    }

    /// Custom resources are stricter than the built-in ones in some places.
    pub(crate) fn is_custom(&self) -> bool {
        self.group.contains('.') && !self.group.ends_with(".k8s.io")
    }
}

/// The plural by the rules that all kinds in use follow.
fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    }
}

/// What is done to a resource, in the words of RBAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
}

/// A request that was understood.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) verb: Verb,
    pub(crate) resource: Resource,
    /// Empty for requests across namespaces and for cluster-scoped objects.
    pub(crate) namespace: String,
    /// Empty for collections.
    pub(crate) name: String,
    pub(crate) status: bool,
    pub(crate) query: BTreeMap<String, String>,
}

impl Route {
    /// None if the API server has nothing there.
    pub(crate) fn parse(method: &str, path: &str, query: &str) -> Option<Route> {
        let query: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let (group, version, rest) = match segments.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() && rest[0] != "status" => {
                (*namespace, rest)
            }
            rest => ("", rest),
        };
        let (plural, name, status) = match rest {
            [plural] => (*plural, "", false),
            [plural, name] => (*plural, *name, false),
            [plural, name, "status"] => (*plural, *name, true),
            _ => return None,
        };
        let watch = query
            .get("watch")
            .is_some_and(|watch| watch == "true" || watch == "1");
        let verb = match (method, name.is_empty()) {
            ("GET", true) if watch => Verb::Watch,
            ("GET", true) => Verb::List,
            ("POST", true) => Verb::Create,
            ("GET", false) => Verb::Get,
            ("PUT", false) => Verb::Update,
            ("PATCH", false) => Verb::Patch,
            ("DELETE", false) if !status => Verb::Delete,
            _ => return None,
        };
        let resource = Resource {
            group: group.into(),
            version: version.into(),
            plural: plural.into(),
        };
        let scoped = !namespace.is_empty() || resource.is_cluster_scoped();
        if !scoped && !matches!(verb, Verb::List | Verb::Watch) {
            return None;
        }
        Some(Route {
            verb,
            resource,
            namespace: namespace.into(),
            name: name.into(),
            status,
            query,
        })
    }

    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub(crate) fn key(&self) -> Key {
        Key {
            resource: self.resource.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// Where an object is stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) resource: Resource,
    pub(crate) namespace: String,
    pub(crate) name: String,
}
