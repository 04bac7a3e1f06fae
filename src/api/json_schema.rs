//! JSON Schemas of the custom resources, for editors and kubeconform: the schemas of the CRDs in words that every
//! validator knows, and as strict as the API server, which prunes what a schema does not name.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion,
};
use serde_json::{Map, Value, json};

use super::GROUP;

/// A JSON Schema and the name of its file, as kubeconform asks for it by default.
pub fn json_schemas(crd: &CustomResourceDefinition) -> Vec<(String, Value)> {
    let kind = &crd.spec.names.kind;
    let of_version = |version: &CustomResourceDefinitionVersion| {
        let schema = version.schema.as_ref()?.open_api_v3_schema.as_ref()?;
        let mut schema = translated(serde_json::to_value(schema).ok()?);
        let api_version = format!("{GROUP}/{}", version.name);
        let fields = schema.as_object_mut()?;
        let properties = fields
            .entry("properties")
            .or_insert_with(|| json!({}))
            .as_object_mut()?;
        properties.insert(
            "apiVersion".to_owned(),
            json!({"type": "string", "const": api_version}),
        );
        properties.insert("kind".to_owned(), json!({"type": "string", "const": kind}));
        properties.insert("metadata".to_owned(), json!({"type": "object"}));
        fields.insert(
            "required".to_owned(),
            json!(["apiVersion", "kind", "metadata", "spec"]),
        );
        fields.insert("additionalProperties".to_owned(), json!(false));
        fields.insert(
            "$schema".to_owned(),
            json!("http://json-schema.org/draft-07/schema#"),
        );
        fields.insert("title".to_owned(), json!(kind));
        Some((format!("{}_{}.json", kind.to_lowercase(), version.name), schema))
    };
    crd.spec.versions.iter().filter_map(of_version).collect()
}

fn translated(schema: Value) -> Value {
    let Value::Object(fields) = schema else {
        return schema;
    };
    let says = |key: &str| fields.get(key) == Some(&Value::Bool(true));
    let open = says("x-kubernetes-preserve-unknown-fields");
    let (nullable, int_or_string) = (says("nullable"), says("x-kubernetes-int-or-string"));
    let mut out = Map::new();
    for (key, value) in fields {
        let value = match key.as_str() {
            "nullable" => continue,
            _ if key.starts_with("x-kubernetes-") => continue,
            "properties" => match value {
                Value::Object(properties) => properties
                    .into_iter()
                    .map(|(name, of)| (name, translated(of)))
                    .collect(),
                other => other,
            },
            "items" | "additionalProperties" => translated(value),
            _ => value,
        };
        out.insert(key, value);
    }
    if int_or_string {
        out.insert("type".to_owned(), json!(["integer", "string"]));
    }
    if let (true, Some(of_type)) = (nullable, out.get_mut("type")) {
        let mut types = match of_type.take() {
            Value::Array(types) => types,
            one => vec![one],
        };
        types.push(json!("null"));
        *of_type = types.into();
    }
    if let (true, Some(Value::Array(allowed))) = (nullable, out.get_mut("enum")) {
        allowed.push(Value::Null);
    }
    if !open && out.contains_key("properties") && !out.contains_key("additionalProperties") {
        out.insert("additionalProperties".to_owned(), json!(false));
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::crds;
    use super::*;

    #[test]
    fn json_schemas_are_up_to_date() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("docs/schemas")
            .join(GROUP);
        for (name, schema) in crds().iter().flat_map(json_schemas) {
            let (fresh, file) = (format!("{schema:#}\n"), folder.join(name));
            if std::env::var_os("UPDATE").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&file, &fresh).unwrap();
            }
            let stored = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(stored == fresh, "{} is stale; run: make crds", file.display());
        }
    }

    #[test]
    fn what_openapi_says_in_its_own_words() {
        for (openapi, expected) in [
            (
                json!({"type": "string", "nullable": true, "enum": ["a"]}),
                json!({"type": ["string", "null"], "enum": ["a", null]}),
            ),
            (
                json!({"x-kubernetes-int-or-string": true, "nullable": true}),
                json!({"type": ["integer", "string", "null"]}),
            ),
            (
                json!({"x-kubernetes-preserve-unknown-fields": true, "nullable": true}),
                json!({}),
            ),
            (
                json!({"type": "object", "properties": {"nullable": {"type": "boolean"}}}),
                json!({"type": "object", "properties": {"nullable": {"type": "boolean"}}, "additionalProperties": false}),
            ),
            (
                json!({"type": "object", "properties": {}, "x-kubernetes-preserve-unknown-fields": true}),
                json!({"type": "object", "properties": {}}),
            ),
            (
                json!({"type": "array", "items": {"type": "object", "properties": {"a": {}}}}),
                json!({"type": "array", "items": {"type": "object", "properties": {"a": {}}, "additionalProperties": false}}),
            ),
        ] {
            assert_eq!(translated(openapi.clone()), expected, "{openapi}");
        }
    }
}
