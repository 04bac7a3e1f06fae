//! Judges objects by what the API server says of its kinds: by its OpenAPI, with kubeconform, and by a dry run.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures::StreamExt as _;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams, ValidationDirective};
use kube::core::GroupVersionKind;
use pollinator_testbed::binaries;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{NAMESPACE, plane};

/// `Group/version/Kind` of an object.
fn gvk(object: &Value) -> GroupVersionKind {
    let text = |key: &str| {
        object[key]
            .as_str()
            .unwrap_or_else(|| panic!("no {key} in {object}"))
    };
    let (group, version) = text("apiVersion")
        .split_once('/')
        .unwrap_or(("", text("apiVersion")));
    GroupVersionKind::gvk(group, version, text("kind"))
}

/// Whether objects fit the schemas of the API server's own OpenAPI documents, without any field that is not in there;
/// else what kubeconform says.
pub(super) async fn conform(objects: &[&Value]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let schemas = folder.path().join("schemas");
    let documents = folder.path().join("documents");
    for folder in [&schemas, &documents] {
        std::fs::create_dir(folder).unwrap();
    }
    let mut of_version: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for (index, object) in objects.iter().enumerate() {
        let file = documents.join(format!("{index}.json"));
        std::fs::write(file, object.to_string()).unwrap();
        let version = object["apiVersion"].as_str().unwrap();
        of_version.entry(version.to_owned()).or_default().push(object);
    }
    for (version, objects) in of_version {
        let path = if version.contains('/') { "apis" } else { "api" };
        let openapi = plane()
            .kubectl(&["get", "--raw", &format!("/openapi/v3/{path}/{version}")])
            .await
            .unwrap();
        write_schemas(&schemas, serde_json::from_str(&openapi).unwrap(), &objects);
    }
    let mut kubeconform = Command::new(binaries().unwrap().kubeconform);
    let location = format!(
        "{}/{{{{.Group}}}}-{{{{.ResourceAPIVersion}}}}-{{{{.ResourceKind}}}}.json",
        schemas.display()
    );
    kubeconform.args(["-strict", "-output", "json", "-schema-location", &location]);
    let judged = kubeconform.arg(&documents).output().await.unwrap();
    // What it found is on standard output.
    let said =
        String::from_utf8_lossy(&judged.stdout).into_owned() + &String::from_utf8_lossy(&judged.stderr);
    judged.status.success().then_some(()).ok_or(said)
}

/// One schema for each kind of `objects`, named as kubeconform looks for it.
fn write_schemas(folder: &Path, mut openapi: Value, objects: &[&Value]) {
    let schemas = openapi["components"]["schemas"].as_object_mut().unwrap();
    schemas.values_mut().for_each(close);
    let mut names = BTreeMap::new();
    for (name, schema) in schemas.iter() {
        for served in schema["x-kubernetes-group-version-kind"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let text = |key: &str| served[key].as_str().unwrap_or_default().to_owned();
            names.insert((text("group"), text("version"), text("kind")), name.clone());
        }
    }
    for object in objects {
        let gvk = gvk(object);
        let key = (gvk.group.clone(), gvk.version.clone(), gvk.kind.clone());
        let name = names
            .get(&key)
            .unwrap_or_else(|| panic!("the API server has no {key:?}"));
        let mut schema = json!({"$ref": format!("#/components/schemas/{name}")});
        schema["components"] = openapi["components"].clone();
        // kubeconform takes the version for the group of the core's kinds.
        let group = if gvk.group.is_empty() {
            &gvk.version
        } else {
            &gvk.group
        };
        let file = format!("{group}-{}-{}.json", gvk.version, gvk.kind.to_lowercase());
        std::fs::write(folder.join(file), schema.to_string()).unwrap();
    }
}

/// Forbids what a schema does not name, as the API server does with strict field validation.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let open = object.contains_key("additionalProperties")
                || object.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
            if object.get("properties").is_some_and(Value::is_object) && !open {
                object.insert("additionalProperties".into(), false.into());
            }
            // CRDs say so of what may be a number or text.
            if object.get("x-kubernetes-int-or-string") == Some(&json!(true)) {
                object.remove("type");
            }
            object.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// What the API server says to a server-side apply of each object, without doing it.
pub(super) async fn dry_run(objects: &[&Value]) -> Vec<String> {
    let client = plane().client().await;
    let mut resources: BTreeMap<String, (ApiResource, bool)> = BTreeMap::new();
    for object in objects {
        let gvk = gvk(object);
        if let Entry::Vacant(vacant) = resources.entry(format!("{gvk:?}")) {
            let (resource, found) = kube::discovery::pinned_kind(&client, &gvk).await.unwrap();
            let namespaced = found.scope == kube::discovery::Scope::Namespaced;
            vacant.insert((resource, namespaced));
        }
    }
    let applied = objects.iter().map(|object| {
        let (resource, namespaced) = &resources[&format!("{:?}", gvk(object))];
        let namespace = object["metadata"]["namespace"].as_str();
        let api: Api<DynamicObject> = match namespaced {
            true => Api::namespaced_with(client.clone(), namespace.unwrap_or(NAMESPACE), resource),
            false => Api::all_with(client.clone(), resource),
        };
        let name = object["metadata"]["name"].as_str().unwrap();
        let mut params = PatchParams::apply("render-matrix").force();
        params.dry_run = true;
        params.field_validation = Some(ValidationDirective::Strict);
        async move {
            let applied = api.patch(name, &params, &Patch::Apply(object)).await;
            applied
                .err()
                .map(|error| format!("{} {name}: {error}", resource.kind))
        }
    });
    let answers = futures::stream::iter(applied).buffer_unordered(8);
    answers.filter_map(std::future::ready).collect().await
}

/// Objects without those that are there already, so that each is judged once.
pub(super) fn distinct<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Vec<&'a Value> {
    let mut seen = BTreeSet::new();
    objects
        .into_iter()
        .filter(|object| seen.insert(object.to_string()))
        .collect()
}
