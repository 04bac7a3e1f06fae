//! Reads the Secrets an instance names; the only step of a reconcile that reads them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt};
use secrecy::SecretSlice;

use crate::api::PollingInstanceSpec;
use crate::config::{Problem, Secrets};

/// What the named Secrets hold, and a mark that changes when any of them does.
#[derive(Debug, Default)]
pub(super) struct Dereferenced {
    pub(super) secrets: Secrets,
    /// Names and resourceVersions, in order.
    pub(super) mark: String,
    /// Secrets that do not exist.
    pub(super) missing: Vec<Problem>,
}

/// Reads every Secret of `spec.configurationFrom` and `spec.delivery`, in the instance's own namespace.
///
/// # Errors
/// Where the API server refuses or cannot be reached; a missing Secret is a problem, not an error.
pub(super) async fn dereference(
    client: &Client,
    namespace: &str,
    spec: &PollingInstanceSpec,
) -> Result<Dereferenced, kube::Error> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let mut found = Dereferenced::default();
    for (index, source) in spec.configuration_from.iter().enumerate() {
        let name = &source.secret_ref.name;
        match found.read(&api, name).await? {
            Some(values) => found.secrets.values.push((name.clone(), values)),
            None if source.secret_ref.optional => {}
            None => found.note_missing(
                format!("spec.configurationFrom[{index}].secretRef"),
                namespace,
                name,
            ),
        }
    }
    for (path, name) in spec.delivery.secret_refs() {
        if found.secrets.delivery.contains_key(name) {
            continue;
        }
        match found.read(&api, name).await? {
            Some(values) => drop(found.secrets.delivery.insert(name.to_owned(), values)),
            None => found.note_missing(path, namespace, name),
        }
    }
    Ok(found)
}

impl Dereferenced {
    async fn read(
        &mut self,
        api: &Api<Secret>,
        name: &str,
    ) -> Result<Option<BTreeMap<String, SecretSlice<u8>>>, kube::Error> {
        let Some(secret) = api.get_opt(name).await? else {
            return Ok(None);
        };
        let version = secret.resource_version().unwrap_or_default();
        self.mark.push_str(&format!("{name}@{version} "));
        let values = secret.data.unwrap_or_default().into_iter();
        let values = values.map(|(key, bytes)| (key, SecretSlice::from(bytes.0)));
        Ok(Some(values.collect()))
    }

    fn note_missing(&mut self, path: String, namespace: &str, name: &str) {
        self.missing.push(Problem::new(
            path,
            format!("Secret {name:?} does not exist in namespace {namespace:?}"),
            "create it; polling begins by itself then",
        ));
    }
}
