//! The CustomResourceDefinitions, as `pollinator crd` prints them and `crds/` holds them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::CustomResourceExt;
use serde_json::json;

use super::{PollingCheckpoint, PollingInstance};

/// Every CustomResourceDefinition, ready to be applied.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![instances(), checkpoints()]
}

/// Every CustomResourceDefinition as a YAML stream.
pub fn crds_yaml() -> String {
    crds().iter().map(crd_yaml).collect::<Vec<_>>().join("---\n")
}

/// One CustomResourceDefinition as a YAML document.
pub fn crd_yaml(crd: &CustomResourceDefinition) -> String {
    // A definition is made of maps with text keys, which every YAML can hold.
    serde_saphyr::to_string(crd).unwrap_or_default()
}

fn instances() -> CustomResourceDefinition {
    let mut crd = PollingInstance::crd();
    for schema in schemas(&mut crd) {
        let properties = schema.properties.get_or_insert_default();
        if let Some(status) = properties.get_mut("status") {
            // A new object must not pass for an observed one, neither to kstatus nor to `helm --wait`.
            let unobserved = json!({"observedGeneration": -1});
            status.default = Some(JSON(unobserved));
        }
    }
    finish(crd)
}

fn checkpoints() -> CustomResourceDefinition {
    finish(PollingCheckpoint::crd())
}

fn finish(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let doc = crd.spec.names.kind.clone();
    for schema in schemas(&mut crd) {
        if let Some(spec) = schema
            .properties
            .as_ref()
            .and_then(|properties| properties.get("spec"))
        {
            // `kubectl explain` opens with this text; the derive macro writes a sentence about itself there.
            schema.description = spec.description.clone().or(Some(doc.clone()));
        }
        tidy(schema);
    }
    crd
}

fn schemas(crd: &mut CustomResourceDefinition) -> impl Iterator<Item = &mut JSONSchemaProps> {
    crd.spec
        .versions
        .iter_mut()
        .filter_map(|version| version.schema.as_mut())
        .filter_map(|validation| validation.open_api_v3_schema.as_mut())
}

/// Puts each description on one line, as `kubectl explain` wraps by itself, and takes defaults out of list items, where
/// tools that compare with Git see them as drift.
fn tidy(schema: &mut JSONSchemaProps) {
    if let Some(description) = &mut schema.description {
        *description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    for property in schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
    {
        tidy(property);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => {
            tidy(item);
            drop_defaults(item);
        }
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(tidy),
        None => {}
    }
}

fn drop_defaults(schema: &mut JSONSchemaProps) {
    schema.default = None;
    schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
        .for_each(drop_defaults);
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Neither a chart nor a kustomization can reach outside its folder, so each carries a copy.
    fn files(crd: &CustomResourceDefinition) -> [PathBuf; 3] {
        let name = format!("{}.yaml", crd.metadata.name.as_deref().unwrap());
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        ["crds", "charts/pollinator/files/crds", "config/crd"].map(|folder| root.join(folder).join(&name))
    }

    #[test]
    fn crds_folder_is_up_to_date() {
        for crd in crds() {
            let fresh = crd_yaml(&crd);
            for file in files(&crd) {
                if std::env::var_os("UPDATE").is_some() {
                    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                    std::fs::write(&file, &fresh).unwrap();
                }
                let stored = std::fs::read_to_string(&file).unwrap_or_default();
                assert!(stored == fresh, "{} is stale; run: make crds", file.display());
            }
        }
    }

    #[test]
    fn yaml_reads_back() {
        for crd in crds() {
            let back: CustomResourceDefinition = serde_saphyr::from_str(&crd_yaml(&crd)).unwrap();
            assert_eq!(back, crd);
        }
        assert_eq!(crds_yaml().matches("kind: CustomResourceDefinition\n").count(), 2);
    }

    /// The rule the API server has for structural schemas.
    fn structural(path: &str, schema: &JSONSchemaProps) {
        let open = schema.x_kubernetes_preserve_unknown_fields == Some(true)
            || schema.x_kubernetes_int_or_string == Some(true);
        assert!(schema.type_.is_some() || open, "{path} has no type");
        let described = schema
            .description
            .as_ref()
            .is_some_and(|text| !text.is_empty() && !text.contains('\n'));
        assert!(
            described || path.is_empty() || path.ends_with("[]") || path.ends_with(".metadata"),
            "{path} has no description"
        );
        for (name, property) in schema.properties.iter().flatten() {
            structural(&format!("{path}.{name}"), property);
        }
        match &schema.items {
            Some(JSONSchemaPropsOrArray::Schema(item)) => structural(&format!("{path}[]"), item),
            Some(JSONSchemaPropsOrArray::Schemas(_)) => panic!("{path} has a list of item schemas"),
            None => {}
        }
    }

    #[test]
    fn schemas_are_structural_and_documented() {
        for mut crd in crds() {
            for schema in schemas(&mut crd) {
                structural("", schema);
            }
        }
    }
}
