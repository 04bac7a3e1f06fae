//! Reads the Secrets an instance names; the only step of a reconcile that reads them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt};
use secrecy::SecretSlice;

use crate::api::PollingInstanceSpec;
use crate::config::{Problem, Secrets, secret_name_problem};

/// What the named Secrets hold, and a mark that changes when any of them does.
#[derive(Debug, Default)]
pub(super) struct Dereferenced {
    pub(super) secrets: Secrets,
    /// Names and resourceVersions, in order.
    pub(super) mark: String,
    /// Secrets that do not exist; they may still come.
    pub(super) missing: Vec<Problem>,
    /// Names that no Secret can have.
    pub(super) misnamed: Vec<Problem>,
}

/// Reads every Secret that the spec names, in the instance's own namespace.
///
/// # Errors
/// Where the API server refuses or cannot be reached; a missing Secret is a problem, not an error.
pub(super) async fn dereference(
    client: &Client,
    namespace: &str,
    spec: &PollingInstanceSpec,
) -> Result<Dereferenced, kube::Error> {
    let own = Own {
        api: Api::namespaced(client.clone(), namespace),
        namespace,
    };
    let mut found = Dereferenced::default();
    for (index, source) in spec.configuration_from.iter().enumerate() {
        let name = &source.secret_ref.name;
        let path = format!("spec.configurationFrom[{index}].secretRef");
        if let Some(values) = own
            .read(&path, name, source.secret_ref.optional, &mut found)
            .await?
        {
            found.secrets.values.push((name.clone(), values));
        }
    }
    for (path, name) in spec.delivery.secret_refs() {
        if found.secrets.delivery.contains_key(name) {
            continue;
        }
        if let Some(values) = own.read(&path, name, false, &mut found).await? {
            found.secrets.delivery.insert(name.to_owned(), values);
        }
    }
    if let Some(source) = &spec.delivery.tls_from {
        let name = &source.secret_ref.name;
        let path = "spec.delivery.tlsFrom.secretRef";
        let values = own.read(path, name, false, &mut found).await?;
        found.secrets.tls = values.map(|values| (name.clone(), values));
    }
    Ok(found)
}

/// The Secrets of the instance's own namespace.
struct Own<'a> {
    api: Api<Secret>,
    namespace: &'a str,
}

impl Own<'_> {
    /// One Secret's values; that there is none is noted unless it is `optional`.
    async fn read(
        &self,
        path: &str,
        name: &str,
        optional: bool,
        found: &mut Dereferenced,
    ) -> Result<Option<BTreeMap<String, SecretSlice<u8>>>, kube::Error> {
        if let Some(problem) = secret_name_problem(path, name) {
            found.misnamed.push(problem);
            return Ok(None);
        }
        let Some(secret) = self.api.get_opt(name).await? else {
            if !optional {
                found.missing.push(Problem::new(
                    path,
                    format!("Secret {name:?} does not exist in namespace {:?}", self.namespace),
                    "create it; polling begins by itself then",
                ));
            }
            return Ok(None);
        };
        let version = secret.resource_version().unwrap_or_default();
        found.mark.push_str(&format!("{name}@{version} "));
        let values = secret.data.unwrap_or_default().into_iter();
        Ok(Some(
            values
                .map(|(key, bytes)| (key, SecretSlice::from(bytes.0)))
                .collect(),
        ))
    }
}
