//! Reads the Secrets an instance names; the only step of a reconcile that reads them.

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

/// Reads every Secret of `spec.configurationFrom`, in the instance's own namespace.
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
        let path = format!("spec.configurationFrom[{index}].secretRef");
        // What is wrong with it the reader tells, who looks at every part of the spec.
        if !source.secret_ref.is_possible() {
            continue;
        }
        match api.get_opt(name).await? {
            Some(secret) => {
                let version = secret.resource_version().unwrap_or_default();
                found.mark.push_str(&format!("{name}@{version} "));
                let values = secret.data.unwrap_or_default().into_iter();
                let values = values.map(|(key, bytes)| (key, SecretSlice::from(bytes.0)));
                found.secrets.values.push((name.clone(), values.collect()));
            }
            None if source.secret_ref.optional => {}
            None => found.missing.push(Problem::new(
                path,
                format!("Secret {name:?} does not exist in namespace {namespace:?}"),
                "create it; polling begins by itself then",
            )),
        }
    }
    Ok(found)
}
