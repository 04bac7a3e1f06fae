//! The rules of the fake server, through the same client that the operator uses.

mod objects;
mod watching;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::*;

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": "old"}})
}

fn instance(name: &str) -> Value {
    json!({
        "apiVersion": "pollinator.dev/v1alpha1",
        "kind": "PollingInstance",
        "metadata": {"name": name},
        "spec": {"interval": "5m"},
    })
}

fn instances(fake: &FakeApi) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("pollinator.dev", "v1alpha1", "PollingInstance");
    Api::default_namespaced_with(
        fake.client(),
        &ApiResource::from_gvk_with_plural(&kind, "pollinginstances"),
    )
}

fn config_maps(fake: &FakeApi) -> Api<ConfigMap> {
    Api::default_namespaced(fake.client())
}

fn typed<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn code<T: std::fmt::Debug>(result: kube::Result<T>) -> u16 {
    match result {
        Err(kube::Error::Api(status)) => status.code,
        other => panic!("not an answer of the API server: {other:?}"),
    }
}
