//! The objects, their history, and the rules for writing them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::patch;
use super::refusal::Refusal;
use super::route::{Key, Resource};
use super::validate;

/// Which part of an object a write may change; the API server ignores the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Main,
    Status,
    /// Both at once, which only a test can do.
    All,
}

/// How an object changed.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) key: Key,
    /// None when it was created.
    pub(crate) before: Option<Value>,
    /// None when it was deleted.
    pub(crate) after: Option<Value>,
    /// The object to show, which for a deletion is its last state.
    pub(crate) object: Value,
}

type Defaulting = Box<dyn Fn(&mut Value) + Send>;

/// Everything that is stored.
#[derive(Default)]
pub(crate) struct Store {
    objects: BTreeMap<Key, Value>,
    /// What each field manager applied last, by object and part.
    applied: BTreeMap<(Key, String, Part), Value>,
    pub(crate) history: Vec<Change>,
    pub(crate) revision: u64,
    /// Watches cannot start before this revision.
    pub(crate) compacted: u64,
    defaulting: Vec<(String, Defaulting)>,
    /// Groups and versions that are served.
    served: BTreeSet<String>,
}

impl Store {
    pub(crate) fn new() -> Store {
        let served = [
            "v1",
            "coordination.k8s.io/v1",
            "events.k8s.io/v1",
            "pollinator.dev/v1alpha1",
        ];
        Store {
            revision: 100,
            served: served.map(String::from).into(),
            ..Store::default()
        }
    }

    pub(crate) fn serves(&self, resource: &Resource) -> bool {
        self.served.contains(&resource.api_version())
    }

    pub(crate) fn serve(&mut self, api_version: &str) {
        self.served.insert(api_version.to_owned());
    }

    pub(crate) fn add_defaulting(&mut self, plural: &str, set: Defaulting) {
        self.defaulting.push((plural.to_owned(), set));
    }

    pub(crate) fn get(&self, key: &Key) -> Result<&Value, Refusal> {
        self.objects
            .get(key)
            .ok_or_else(|| Refusal::not_found(&key.resource.plural, &key.name))
    }

    pub(crate) fn list(&self, resource: &Resource, namespace: &str) -> Vec<&Value> {
        self.objects
            .iter()
            .filter(|(key, _)| {
                key.resource == *resource && (namespace.is_empty() || key.namespace == namespace)
            })
            .map(|(_, object)| object)
            .collect()
    }

    /// The objects that a test means by a plural name and a namespace.
    pub(crate) fn find(&self, plural: &str, namespace: &str) -> impl Iterator<Item = (&Key, &Value)> {
        self.objects
            .iter()
            .filter(move |(key, _)| key.resource.is_called(plural) && key.namespace == namespace)
    }

    pub(crate) fn create(
        &mut self,
        resource: &Resource,
        namespace: &str,
        mut object: Value,
        part: Part,
    ) -> Result<Value, Refusal> {
        validate::type_and_namespace(resource, namespace, &object)?;
        let metadata = metadata(&mut object);
        if metadata
            .get("resourceVersion")
            .is_some_and(|version| version != "")
        {
            return Err(Refusal::bad_request(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        let given = metadata
            .get("name")
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty());
        let prefix = metadata.get("generateName").and_then(Value::as_str);
        let name = match (given, prefix) {
            (Some(name), _) => name.to_owned(),
            (None, Some(prefix)) => format!("{prefix}{}", &uuid::Uuid::new_v4().simple().to_string()[..5]),
            (None, None) => return Err(Refusal::invalid("name or generateName is required")),
        };
        validate::name(&name)?;
        let key = Key {
            resource: resource.clone(),
            namespace: namespace.to_owned(),
            name,
        };
        if self.objects.contains_key(&key) {
            let message = format!("{} \"{}\" already exists", resource.plural, key.name);
            return Err(Refusal::new(409, "AlreadyExists", message));
        }
        metadata.insert("name".into(), json!(key.name));
        if !namespace.is_empty() {
            metadata.insert("namespace".into(), json!(namespace));
        }
        metadata.insert("uid".into(), json!(uuid::Uuid::new_v4().to_string()));
        metadata.insert("creationTimestamp".into(), now());
        metadata.remove("deletionTimestamp");
        metadata.remove("generation");
        if has_generation(&object) {
            self::metadata(&mut object).insert("generation".into(), json!(1));
        }
        if part != Part::All
            && let Some(object) = object.as_object_mut()
        {
            object.remove("status");
        }
        self.set_defaults(resource, &mut object);
        validate::object(resource, &object)?;
        Ok(self.commit(key, None, Some(object)))
    }

    /// Writes a new version of an object; a version that says its resourceVersion must say the current one.
    pub(crate) fn write(&mut self, key: &Key, new: Value, part: Part) -> Result<Value, Refusal> {
        let managed = self.get(key)?["metadata"].get("managedFields").cloned();
        self.write_managed(key, new, part, managed)
    }

    fn write_managed(
        &mut self,
        key: &Key,
        mut new: Value,
        part: Part,
        managed: Option<Value>,
    ) -> Result<Value, Refusal> {
        let old = self.get(key)?.clone();
        validate::type_and_namespace(&key.resource, &key.namespace, &new)?;
        let given = metadata(&mut new);
        if given.get("name").is_some_and(|name| *name != key.name.as_str()) {
            return Err(Refusal::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                given["name"], key.name
            )));
        }
        for field in ["resourceVersion", "uid"] {
            let given = given.get(field).and_then(Value::as_str).unwrap_or_default();
            if !given.is_empty() && old["metadata"][field] != given {
                return Err(Refusal::conflict(&key.name));
            }
        }
        match part {
            Part::Main => keep(&mut new, &old, "status"),
            Part::Status => {
                let status = new.get("status").cloned();
                new = old.clone();
                put(new.as_object_mut().unwrap(), "status", status);
            }
            Part::All => {}
        }
        const SYSTEM: [&str; 8] = [
            "name",
            "namespace",
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ];
        for field in SYSTEM {
            keep(&mut new["metadata"], &old["metadata"], field);
        }
        put(metadata(&mut new), "managedFields", managed);
        self.set_defaults(&key.resource, &mut new);
        validate::object(&key.resource, &new)?;
        validate::finalizers(&old, &new)?;
        if new == old {
            // No new resourceVersion and no event, as on the real server.
            return Ok(old);
        }
        if has_generation(&old) && desired(&new) != desired(&old) {
            bump_generation(&mut new);
        }
        if is_deleting(&new) && finalizers(&new).is_empty() {
            return Ok(self.commit(key.clone(), Some(new), None));
        }
        Ok(self.commit(key.clone(), Some(old), Some(new)))
    }

    /// Server-side apply by a field manager.
    pub(crate) fn apply(
        &mut self,
        key: &Key,
        manager: &str,
        body: &Value,
        part: Part,
    ) -> Result<Value, Refusal> {
        if body["metadata"]
            .get("managedFields")
            .is_some_and(|fields| !fields.is_null())
        {
            return Err(Refusal::bad_request("metadata.managedFields must be nil"));
        }
        let applied = (key.clone(), manager.to_owned(), part);
        let mut entry = json!({
            "manager": manager,
            "operation": "Apply",
            "apiVersion": key.resource.api_version(),
            "fieldsType": "FieldsV1",
            "fieldsV1": {},
        });
        if part == Part::Status {
            entry["subresource"] = json!("status");
        }
        let written = if let Some(object) = self.objects.get(key) {
            let mut object = object.clone();
            patch::apply(&mut object, self.applied.get(&applied), body);
            let mut managers = object["metadata"]["managedFields"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            if !managers.contains(&entry) {
                managers.push(entry);
            }
            self.write_managed(key, object, part, Some(json!(managers)))?
        } else if part == Part::Status {
            return Err(Refusal::not_found(&key.resource.plural, &key.name));
        } else {
            let mut object = body.clone();
            let metadata = metadata(&mut object);
            metadata.insert("name".into(), json!(key.name));
            metadata.insert("managedFields".into(), json!([entry]));
            self.create(&key.resource, &key.namespace, object, part)?
        };
        self.applied.insert(applied, body.clone());
        Ok(written)
    }

    /// Marks an object that has finalizers, removes one that has none.
    pub(crate) fn delete(&mut self, key: &Key, options: &Value) -> Result<Value, Refusal> {
        let old = self.get(key)?.clone();
        for field in ["uid", "resourceVersion"] {
            let wanted = &options["preconditions"][field];
            if !wanted.is_null() && *wanted != old["metadata"][field] {
                return Err(Refusal::conflict(&key.name));
            }
        }
        if finalizers(&old).is_empty() {
            self.commit(key.clone(), Some(old), None);
            return Ok(json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}));
        }
        if is_deleting(&old) {
            return Ok(old);
        }
        let mut new = old.clone();
        metadata(&mut new).insert("deletionTimestamp".into(), now());
        metadata(&mut new).insert("deletionGracePeriodSeconds".into(), json!(0));
        if has_generation(&old) {
            bump_generation(&mut new);
        }
        Ok(self.commit(key.clone(), Some(old), Some(new)))
    }

    fn set_defaults(&self, resource: &Resource, object: &mut Value) {
        for (_, set) in self
            .defaulting
            .iter()
            .filter(|(plural, _)| resource.is_called(plural))
        {
            set(object);
        }
    }

    fn commit(&mut self, key: Key, before: Option<Value>, after: Option<Value>) -> Value {
        self.revision += 1;
        let version = json!(self.revision.to_string());
        let mut object = after.clone().or_else(|| before.clone()).unwrap_or_default();
        metadata(&mut object).insert("resourceVersion".into(), version);
        let after = after.map(|_| object.clone());
        match &after {
            Some(object) => {
                self.objects.insert(key.clone(), object.clone());
            }
            None => {
                self.objects.remove(&key);
                self.applied.retain(|(applied, _, _), _| *applied != key);
            }
        }
        self.history.push(Change {
            revision: self.revision,
            key,
            before,
            after,
            object: object.clone(),
        });
        object
    }
}

fn now() -> Value {
    json!(jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["metadata"].as_object_mut().unwrap()
}

/// Of the kinds in use only those with a specification count generations.
fn has_generation(object: &Value) -> bool {
    object.get("spec").is_some() && object["kind"] != "Lease"
}

fn bump_generation(object: &mut Value) {
    let generation = object["metadata"]["generation"].as_u64().unwrap_or_default();
    metadata(object).insert("generation".into(), json!(generation + 1));
}

/// What the generation counts.
fn desired(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("metadata");
        fields.remove("status");
    }
    object
}

pub(super) fn finalizers(object: &Value) -> &[Value] {
    object["metadata"]["finalizers"]
        .as_array()
        .map_or(&[], Vec::as_slice)
}

pub(super) fn is_deleting(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

/// The new object's field becomes what it was.
fn keep(new: &mut Value, old: &Value, field: &str) {
    if let Some(new) = new.as_object_mut() {
        put(new, field, old.get(field).cloned());
    }
}

fn put(object: &mut Map<String, Value>, field: &str, value: Option<Value>) {
    match value {
        Some(value) => object.insert(field.to_owned(), value),
        None => object.remove(field),
    };
}
