//! Reads manifests: PollingInstance and Secret documents, YAML or JSON, and bare Cloud Elements instance JSON.

mod files;
mod secrets;

use std::collections::BTreeMap;

use kube::{Resource, ResourceExt};
use serde_json::{Map, Value, json};

pub(super) use self::files::FileArgs;
pub(super) use self::secrets::MissingSecret;
use self::secrets::SecretDocument;
use super::beside::take_in;
use super::findings::Finding;
use super::names::object_name;
use super::shape::check_instance;
use super::source::{Document, Node, Place};
use crate::api::{GROUP, PollingCheckpoint, PollingInstance, PollingInstanceSpec, RESET_TO, nearest};
use crate::config::{OAuthApp, Problem, Reading, Warning, join, read, read_app};
use crate::deliver::NotificationIds;
use crate::element::{self, check_definition};
use crate::store::Owner;

/// Everything read from the files.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub(super) instances: Vec<Manifest>,
    /// What is wrong with the files and documents as such.
    pub(super) findings: Vec<Finding>,
    /// Number of element definitions, which are checked and not used.
    elements: usize,
    /// Number of files named.
    pub(super) files: usize,
    secrets: BTreeMap<(String, String), SecretDocument>,
    /// Every object, in the order of reading.
    objects: Vec<Object>,
    /// Kinds that are passed over, with how many there are of each.
    others: BTreeMap<String, usize>,
    /// What makes Secrets in the cluster, by their namespace and name.
    makers: BTreeMap<(String, String), String>,
}

/// Where an object begins.
#[derive(Debug)]
struct Object {
    file: String,
    line: usize,
    document: usize,
    kind: Option<String>,
}

/// One instance.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) owner: Owner,
    pub(super) spec: PollingInstanceSpec,
    pub(super) suspended: bool,
    annotations: BTreeMap<String, String>,
    file: String,
    node: Node,
    /// Paths whose shape is wrong: what the reader says of them is a consequence.
    misshapen: Vec<String>,
}

impl Manifests {
    fn problem(&mut self, file: &str, at: Place, instance: Option<String>, problem: Problem) {
        let finding = Finding::problem(file, at, instance, problem);
        self.findings.push(finding);
    }

    fn add_document(&mut self, file: &str, number: usize, document: Document) {
        let Document { value, node } = document;
        let instance = named(&value);
        for repeated in node.repeated() {
            let message = format!(
                "stands twice, on line {} and again on line {}; only the last counts",
                repeated.first.line, repeated.again.line
            );
            let problem = Problem::new(repeated.path, message, "remove one of the two");
            self.problem(file, repeated.again, instance.clone(), problem);
        }
        self.add(file, number, value, node);
    }

    fn add(&mut self, file: &str, number: usize, value: Value, node: Node) {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        self.objects.push(Object {
            file: file.to_owned(),
            line: node.begin().line,
            document: number,
            kind: text("kind"),
        });
        let version = text("apiVersion");
        let group = version
            .as_deref()
            .and_then(|version| version.split_once('/'))
            .map_or("", |(group, _)| group);
        match text("kind").as_deref() {
            Some("PollingInstance") => self.add_instance(file, value, node),
            Some("Secret") if group.is_empty() => self.add_secret(file, value, node),
            Some("List" | "PollingInstanceList" | "SecretList") => self.add_items(file, number, value, &node),
            Some("Element") if group == GROUP => {
                self.elements += 1;
                for problem in check_definition(&value).err().unwrap_or_default() {
                    self.problem(file, node.locate(&problem.path), named(&value), problem);
                }
            }
            Some(kind) => {
                let problem = if group == GROUP {
                    of_our_group(&value, kind)
                } else {
                    version.is_none().then(|| {
                        Problem::new(
                            "apiVersion",
                            "is missing",
                            "write it, as in every Kubernetes object",
                        )
                    })
                };
                self.pass_over(kind, &value);
                if let Some(problem) = problem {
                    self.problem(file, node.locate(&problem.path), named(&value), problem);
                }
            }
            None if value.get("element").is_some() => {
                let (object, moved) = wrapped(value);
                for key in moved {
                    let message =
                        "stands beside configuration, and is read as if it stood in it; move it there";
                    let warning = Warning::new(key.as_str(), message);
                    let at = node.locate(&join("", &key));
                    let finding = Finding::warning(file, at, named(&object), warning);
                    self.findings.push(finding);
                }
                self.add_instance(file, object, node.into_object());
            }
            None => {
                let message = "neither a Kubernetes object nor a Cloud Elements instance";
                let remedy = "it needs a kind, or an element";
                let problem = Problem::new("", message, remedy);
                self.problem(file, node.begin(), named(&value), problem);
            }
        }
    }

    /// Of what is no business of ours only this much is of interest: whether it makes a Secret.
    fn pass_over(&mut self, kind: &str, value: &Value) {
        *self.others.entry(kind.to_owned()).or_default() += 1;
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        let name = text("/metadata/name").unwrap_or_default();
        let made = match kind {
            "ExternalSecret" => text("/spec/target/name").unwrap_or(name),
            "SealedSecret" => name,
            _ => return,
        };
        let namespace = text("/metadata/namespace").unwrap_or("default");
        self.makers
            .insert((namespace.to_owned(), made.to_owned()), format!("{kind} {name}"));
    }

    fn add_items(&mut self, file: &str, number: usize, mut list: Value, node: &Node) {
        let items = list.get_mut("items").map(Value::take);
        let Some(Value::Array(items)) = items else {
            let problem = Problem::new("items", "is no list", "write the objects of the List under it");
            return self.problem(file, node.locate("items"), None, problem);
        };
        let places = node.get("items").cloned().map(Node::items).unwrap_or_default();
        let places = places.into_iter().chain(std::iter::repeat(node.clone()));
        for (item, place) in items.into_iter().zip(places) {
            self.add(file, number, item, place);
        }
    }

    fn add_instance(&mut self, file: &str, mut document: Value, node: Node) {
        let instance = named(&document);
        let mut problems: Vec<_> = api_version(&document, &PollingInstance::api_version(&()))
            .into_iter()
            .collect();
        problems.extend(check_instance(&mut document));
        let misshapen: Vec<String> = problems.iter().map(|problem| problem.path.clone()).collect();
        let read = serde_path_to_error::deserialize::<_, PollingInstance>(document).map_err(|error| {
            // The words of the error show the value, which may be secret.
            Problem::new(
                error.path().to_string(),
                "cannot be read as a PollingInstance",
                "compare it with `kubectl explain pollinginstance`",
            )
        });
        for problem in problems {
            self.problem(file, node.locate(&problem.path), instance.clone(), problem);
        }
        let object = match read {
            Ok(object) => object,
            Err(_) if !misshapen.is_empty() => return,
            Err(problem) => return self.problem(file, node.locate(&problem.path), instance, problem),
        };
        let namespace = object.namespace().unwrap_or_else(|| "default".to_owned());
        let name = object.name_any();
        let uid = object.uid().unwrap_or_else(|| format!("{namespace}/{name}"));
        let owner = Owner { namespace, name, uid };
        let same =
            |other: &&Manifest| other.owner.namespace == owner.namespace && other.owner.name == owner.name;
        if let Some(other) = self.instances.iter().find(same)
            && !owner.name.is_empty()
        {
            let problem = Problem::new(
                "metadata.name",
                format!(
                    "there is another PollingInstance of this name in this namespace, at {}",
                    other.origin()
                ),
                "rename or remove one of the two",
            );
            self.problem(file, node.locate("metadata.name"), instance, problem);
        }
        self.instances.push(Manifest {
            owner,
            suspended: object.spec.suspend,
            annotations: object.metadata.annotations.unwrap_or_default(),
            spec: object.spec,
            file: file.to_owned(),
            node,
            misshapen,
        });
    }

    /// Reads an instance's OAuth app with the Secrets beside it.
    pub(super) fn app(&self, manifest: &Manifest) -> Result<OAuthApp, Vec<Problem>> {
        let found = self.secrets_of(manifest, MissingSecret::IsAProblem);
        if found.problems.is_empty() {
            read_app(&manifest.spec, &found.secrets, element::catalogue())
        } else {
            Err(found.problems)
        }
    }

    /// Reads an instance's settings with the Secrets beside it; what is wrong with its annotations is a problem as well.
    pub(super) fn settings(&self, manifest: &Manifest, missing: MissingSecret) -> Reading {
        let found = self.secrets_of(manifest, missing);
        let mut reading = read(
            &manifest.owner.name,
            &manifest.spec,
            &found.secrets,
            element::catalogue(),
        );
        reading.warnings.extend(found.warnings);
        if !found.problems.is_empty() {
            reading.settings = Err(found.problems);
        }
        if let Err(wrong) = manifest.ids() {
            let others = reading.settings.err().unwrap_or_default();
            reading.settings = Err([others, wrong].concat());
        }
        reading
    }

    /// What standard output has no place for: what was passed over, and which Secrets are not among the files.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        for (namespace, name) in self.secrets_elsewhere() {
            let maker = self.makers.get(&(namespace.clone(), name.clone()));
            let maker = maker
                .map(|maker| format!(", where {maker} makes it"))
                .unwrap_or_default();
            remarks.push(format!(
                "Secret {namespace}/{name} is not among the files and counts as present in the cluster{maker}"
            ));
        }
        if !self.others.is_empty() {
            let kinds: Vec<String> = self
                .others
                .iter()
                .map(|(kind, count)| format!("{count} {kind}"))
                .collect();
            remarks.push(format!("passed over: {}", kinds.join(", ")));
        }
        remarks
    }

    /// Numbers the documents of the findings, and names the kinds of their objects.
    pub(super) fn number(&self, findings: &mut [Finding]) {
        for finding in findings {
            let Some(line) = finding.line.filter(|_| finding.document.is_none()) else {
                continue;
            };
            let mut of_file = self.objects.iter().filter(|object| object.file == finding.file);
            let Some(object) = of_file.rfind(|object| object.line <= line) else {
                continue;
            };
            finding.document = Some(object.document);
            finding.kind.clone_from(&object.kind);
        }
    }

    /// A warning about an instance with its place.
    pub(super) fn place_warning(&self, manifest: &Manifest, warning: Warning) -> Finding {
        let (file, at) = self.place(manifest, &warning.path);
        Finding::warning(file, at, manifest.named(), warning)
    }

    /// Problems of an instance with their places, but for those that only follow from a problem of shape.
    pub(super) fn place_problems(&self, manifest: &Manifest, problems: Vec<Problem>) -> Vec<Finding> {
        let independent = problems
            .into_iter()
            .filter(|problem| !manifest.is_misshapen(&problem.path));
        let place = |problem: Problem| {
            let (file, at) = self.place(manifest, &problem.path);
            Finding::problem(file, at, manifest.named(), problem)
        };
        independent.map(place).collect()
    }

    fn place<'a>(&'a self, manifest: &'a Manifest, path: &str) -> (&'a str, Place) {
        secrets::place(self, manifest, path).unwrap_or_else(|| (&manifest.file, manifest.node.locate(path)))
    }
}

impl Manifest {
    /// Namespace and name.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.owner.namespace, self.owner.name)
    }

    /// As [`Self::name`], none where the name is missing.
    fn named(&self) -> Option<String> {
        (!self.owner.name.is_empty()).then(|| self.name())
    }

    /// File and line, for messages.
    pub(super) fn origin(&self) -> String {
        format!("{}:{}", self.file, self.node.begin().line)
    }

    /// One of the object's annotations.
    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }

    /// The `resetTo` annotation, where it is an instant.
    pub(super) fn reset_to(&self) -> Option<(String, jiff::Timestamp)> {
        let value = self.annotations.get(RESET_TO)?;
        value.parse().ok().map(|at| (value.clone(), at))
    }

    /// How notifications name the instance.
    pub(super) fn ids(&self) -> Result<NotificationIds, Vec<Problem>> {
        NotificationIds::read(&self.owner.uid, &self.owner.namespace, &self.annotations)
    }

    fn is_misshapen(&self, path: &str) -> bool {
        self.misshapen.iter().any(|wrong| {
            path.strip_prefix(wrong.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }
}

/// Namespace and name, where there is a name.
fn named(value: &Value) -> Option<String> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let namespace = text("/metadata/namespace").unwrap_or("default");
    text("/metadata/name").map(|name| format!("{namespace}/{name}"))
}

fn api_version(document: &Value, expected: &str) -> Option<Problem> {
    let message = match document.get("apiVersion") {
        Some(Value::String(version)) if version == expected => return None,
        None | Some(Value::Null) => "is missing",
        Some(_) => "is no version of this kind that is known",
    };
    Some(Problem::new("apiVersion", message, format!("write {expected}")))
}

/// What is wrong with an object of our group that is no instance.
fn of_our_group(document: &Value, kind: &str) -> Option<Problem> {
    if kind == PollingCheckpoint::kind(&()) {
        return api_version(document, &PollingCheckpoint::api_version(&()));
    }
    let remedy = match nearest(kind, ["PollingInstance", "PollingCheckpoint"]) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "write PollingInstance".to_owned(),
    };
    Some(Problem::new("kind", format!("is no kind of {GROUP}"), remedy))
}

/// A bare instance JSON as an object: the body of `POST /instances` is a spec. With the configuration keys that stood
/// beside its `configuration`.
fn wrapped(mut instance: Value) -> (Value, Vec<String>) {
    let moved = match instance.as_object_mut() {
        Some(fields) => {
            let mut configuration = match fields.get("configuration") {
                Some(Value::Object(configuration)) => configuration.clone(),
                _ => Map::new(),
            };
            let moved = take_in(fields, &mut configuration);
            if !moved.is_empty() {
                fields.insert("configuration".to_owned(), configuration.into());
            }
            moved
        }
        None => Vec::new(),
    };
    let name = instance.get("name").and_then(Value::as_str).unwrap_or_default();
    let object_name = object_name(name);
    let known = ["name", "element", "tags", "configuration", "providerData"];
    let spec: Map<String, Value> = match instance {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(key, _)| known.contains(&key.as_str()))
            .collect(),
        _ => Map::new(),
    };
    let object = json!({
        "apiVersion": PollingInstance::api_version(&()),
        "kind": "PollingInstance",
        "metadata": {"name": object_name},
        "spec": spec,
    });
    (object, moved)
}
