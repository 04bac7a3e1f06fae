//! One Cloud Elements instance as a PollingInstance and its Secret.

use std::collections::BTreeMap;

use secrecy::SecretSlice;
use serde_json::{Map, Value, json};

use super::Notes;
use super::keys::{Sorted, cut, is_mask};
use crate::api::{ACCOUNT_ID, COMPANY_ID, INSTANCE_ID, PollingInstance, USER_ID};
use crate::cli::beside::{is_key, take_in};
use crate::cli::validate::element_problems;
use crate::config::{AuthenticationKind, CatalogueEntry, Secrets, read};
use crate::deliver::NotificationIds;
use crate::element;

/// The annotations that keep an instance's ids, and where the JSON has them.
const IDS: [(&str, &[&str]); 4] = [
    (INSTANCE_ID, &["/id"]),
    (ACCOUNT_ID, &["/accountId", "/account/id"]),
    (COMPANY_ID, &["/companyId", "/company/id"]),
    (USER_ID, &["/user/id", "/userId"]),
];

/// Fields that are read, or that only the old service has a use for.
const UNDERSTOOD: [&str; 23] = [
    "account",
    "accountId",
    "company",
    "companyId",
    "configuration",
    "createdDate",
    "disabled",
    "element",
    "elementId",
    "eventsEnabled",
    "eventsNotificationCallbackUrl",
    "id",
    "name",
    "providerData",
    "provisionInteractions",
    "subscriptionId",
    "tags",
    "token",
    "updatedDate",
    "user",
    "userId",
    "valid",
    "lastUpdatedDate",
];

/// Fields without a counterpart: what to do where one says more than nothing.
const WITHOUT_COUNTERPART: [(&str, &str); 8] = [
    (
        "externalAuthentication",
        "nothing to do; a refresh token in the Secret is all it takes",
    ),
    (
        "traceLoggingEnabled",
        "nothing to do; every poll is in the status, the events and the metrics",
    ),
    ("cachingEnabled", "nothing to do; nothing is cached"),
    ("maxCacheSize", "nothing to do; nothing is cached"),
    ("cacheTimeToLive", "nothing to do; nothing is cached"),
    (
        "transformations",
        "let the receiver do it; records are sent as the vendor has them",
    ),
    (
        "objectDefinitions",
        "let the receiver do it; records are sent as the vendor has them",
    ),
    ("description", "keep it as an annotation if you need it"),
];

/// What an instance became.
pub(super) struct Imported {
    /// The Secret, if there is one, and the PollingInstance.
    pub(super) documents: Vec<Value>,
    /// What cannot be carried over, and what is left to do.
    pub(super) notes: Notes,
}

/// Which element an instance belongs to.
struct Element {
    key: String,
    builtin: Option<&'static CatalogueEntry>,
}

/// Names an instance may go by, best first.
pub(super) fn wishes(instance: &Value) -> Vec<&str> {
    let pointers = ["/name", "/element/key", "/element"];
    pointers
        .iter()
        .filter_map(|pointer| instance.pointer(pointer)?.as_str())
        .collect()
}

/// Makes the documents of one instance; the error says why there are none.
pub(super) fn import(instance: &Value, name: &str, namespace: Option<&str>) -> Result<Imported, String> {
    let Some(fields) = instance.as_object() else {
        return Err("is no JSON object; give it the instance JSON".into());
    };
    if let Some(kind) = instance.get("kind").and_then(Value::as_str) {
        let kind = cut(kind);
        return Err(format!(
            "is a Kubernetes object already ({kind}); apply it as it is"
        ));
    }
    let mut notes = Notes::default();
    let element = element_of(instance, &mut notes)?;
    let written = configuration(instance, &mut notes)?;
    let through_hub = element.builtin.is_none()
        || written
            .get("hub.authorization")
            .is_some_and(|value| is_mask(value) || is_given(value));
    if element.builtin.is_none() {
        notes.say(
            &format!(
                "the element {:?} is not built in, so it is polled through your hub",
                cut(&element.key)
            ),
            "keep the old instance until Pollinator has the element; only switch its events off there",
        );
    }
    let mut sorted = Sorted::new(&written, through_hub, &mut notes);
    let code = provider_data(instance, through_hub, &sorted, &mut notes);
    if let Some(entry) = element.builtin.filter(|_| !through_hub) {
        login(entry, code.is_some(), &mut sorted, &mut notes);
    }
    left_behind(fields, &mut notes);

    let secret_name = format!("{name}-credentials");
    let mut spec = Map::new();
    if let Some(name) = fields.get("name").filter(|name| is_given(name)) {
        spec.insert("name".into(), text_of(name).into());
    }
    spec.insert("element".into(), json!({"key": element.key}));
    if let Some(tags) = tags(fields.get("tags"), &mut notes) {
        spec.insert("tags".into(), tags);
    }
    spec.insert("configuration".into(), sorted.configuration.into());
    if !sorted.secret.is_empty() {
        let from = json!([{"secretRef": {"name": secret_name}}]);
        spec.insert("configurationFrom".into(), from);
    }
    if let Some(code) = code {
        spec.insert("providerData".into(), json!({"code": code}));
    }
    if fields
        .get("disabled")
        .is_some_and(|value| text_of(value) == "true")
    {
        spec.insert("suspend".into(), true.into());
        notes.say(
            "the instance is disabled, so it begins suspended",
            "set spec.suspend to false to poll",
        );
    }

    let metadata = |name: &str| {
        let mut metadata = Map::new();
        metadata.insert("name".into(), name.into());
        if let Some(namespace) = namespace {
            metadata.insert("namespace".into(), namespace.into());
        }
        metadata
    };
    let mut own = metadata(name);
    let ids = ids(instance, &mut notes);
    if !ids.is_empty() {
        own.insert("annotations".into(), ids.into());
    }
    let object = json!({
        "apiVersion": "pollinator.dev/v1alpha1", "kind": "PollingInstance", "metadata": own, "spec": spec,
    });
    judge(&object, &secret_name, &sorted.secret, &mut notes)?;
    let mut documents = Vec::new();
    if !sorted.secret.is_empty() {
        documents.push(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": metadata(&secret_name), "type": "Opaque",
            "stringData": sorted.secret,
        }));
    }
    documents.push(object);
    Ok(Imported { documents, notes })
}

/// The element by its key, or by its number.
fn element_of(instance: &Value, notes: &mut Notes) -> Result<Element, String> {
    let at = |pointer: &str| {
        instance
            .pointer(pointer)
            .filter(|value| is_given(value))
            .map(text_of)
    };
    let is_number = |text: &String| text.bytes().all(|byte| byte.is_ascii_digit());
    let bare = at("/element").filter(|_| !instance["element"].is_object());
    let key = at("/element/key").or_else(|| bare.clone().filter(|key| !is_number(key)));
    if let Some(key) = key {
        let builtin = [key.clone(), key.to_ascii_lowercase()]
            .iter()
            .find_map(|key| element::catalogue().get(key));
        let key = builtin.map_or(key, |entry| entry.key.clone());
        return Ok(Element { key, builtin });
    }
    let Some(id) = at("/element/id")
        .or_else(|| at("/elementId"))
        .or(bare)
        .filter(is_number)
    else {
        let said = at("/message").filter(|_| at("/requestId").is_some());
        return Err(match said {
            Some(message) => format!(
                "is an error of the old service and no instance: {:?}; get the instance again",
                cut(&message)
            ),
            None => "has no element; write \"element\": {\"key\": \"…\"}".to_owned(),
        });
    };
    let builtin = id.parse().ok().and_then(|id| element::catalogue().by_id(id));
    if builtin.is_none() {
        let id = cut(&id);
        notes.say(
            &format!(
                "spec.element.key: the key of element {id} is not known here, so its number stands there"
            ),
            &format!("write the key, which GET /elements/{id} shows; notifications carry it as elementKey"),
        );
    }
    let key = builtin.map_or(id, |entry| entry.key.clone());
    Ok(Element { key, builtin })
}

/// The configuration, with what the answer of `GET /instances/{id}` has beside it.
fn configuration(instance: &Value, notes: &mut Notes) -> Result<Map<String, Value>, String> {
    let mut configuration = match instance.get("configuration") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(map)) => map.clone(),
        Some(_) => return Err("has a configuration that is no object; write keys and values".into()),
    };
    for (key, beside, wanted) in [
        ("event.notification.enabled", "eventsEnabled", Some("false")),
        (
            "event.notification.callback.url",
            "eventsNotificationCallbackUrl",
            None,
        ),
    ] {
        let is_set = configuration.get(key).is_some_and(is_given);
        if let Some(value) = instance.get(beside).filter(|value| is_given(value) && !is_set) {
            let text = text_of(value);
            if wanted.is_none_or(|wanted| wanted == text) {
                configuration.insert(key.to_owned(), text.into());
            }
        }
    }
    let beside = instance
        .as_object()
        .map(|fields| take_in(fields, &mut configuration));
    for key in beside.unwrap_or_default() {
        notes.say(
            &format!("{key} stood beside configuration; it is written into it"),
            "nothing to do",
        );
    }
    Ok(configuration)
}

/// The authorization code, where it is of use: an access that nothing else grants.
fn provider_data(instance: &Value, through_hub: bool, sorted: &Sorted, notes: &mut Notes) -> Option<String> {
    let data = instance.get("providerData")?.as_object()?;
    for (key, _) in data
        .iter()
        .filter(|(key, value)| *key != "code" && is_given(value))
    {
        let what = format!(
            "providerData: {:?} has no counterpart, so it is left out",
            cut(key)
        );
        notes.say(&what, "run `pollinator authorize` for a new login");
    }
    let code = data
        .get("code")
        .filter(|code| is_given(code) && !is_mask(code))
        .map(text_of)?;
    let left_out = if through_hub {
        "since the hub keeps its own login"
    } else if sorted.has("oauth.user.refresh_token") {
        "since there is a refresh token"
    } else if !sorted.has("oauth.callback.url") {
        "since it is of no use without oauth.callback.url"
    } else {
        notes.say(
            "providerData.code: is good for one exchange, and has most likely been used",
            "run `pollinator authorize` for a refresh token, and remove the code",
        );
        return Some(code);
    };
    notes.say(
        &format!("providerData.code: is left out, {left_out}"),
        "nothing to do",
    );
    None
}

/// Makes a place in the Secret for everything that access needs and that is not there.
fn login(entry: &CatalogueEntry, has_code: bool, sorted: &mut Sorted, notes: &mut Notes) {
    let missing = "is not part of the JSON";
    match &entry.authentication {
        AuthenticationKind::Header { configuration_key } => {
            if !sorted.has(configuration_key) {
                sorted.fill_in(configuration_key, missing, "write it into the Secret", notes);
            }
        }
        AuthenticationKind::OAuth2 => {
            for key in ["oauth.api.key", "oauth.api.secret"] {
                if !sorted.has(key) {
                    let remedy = "write that of the app registered with the vendor into the Secret";
                    sorted.fill_in(key, missing, remedy, notes);
                }
            }
            let password = sorted.has("oauth.username") && sorted.has("oauth.password");
            if !(has_code || password || sorted.has("oauth.user.refresh_token")) {
                let remedy = "run `pollinator authorize`, which obtains one and prints the Secret";
                sorted.fill_in("oauth.user.refresh_token", missing, remedy, notes);
            }
        }
    }
}

fn tags(tags: Option<&Value>, notes: &mut Notes) -> Option<Value> {
    let items = match tags? {
        Value::Array(items) => items.iter().collect(),
        Value::Null => return None,
        one => vec![one],
    };
    let (given, odd): (Vec<_>, Vec<_>) = items
        .into_iter()
        .partition(|tag| !tag.is_object() && !tag.is_array() && !tag.is_null());
    if !odd.is_empty() {
        notes.say("tags: what is no text is left out", "write each tag as text");
    }
    let verbatim = |tag: &Value| tag.as_str().map_or_else(|| tag.to_string(), str::to_owned);
    let given: Vec<_> = given.into_iter().map(verbatim).collect();
    (!given.is_empty()).then(|| given.into())
}

/// The annotations by which receivers see the old ids.
fn ids(instance: &Value, notes: &mut Notes) -> Map<String, Value> {
    let mut annotations = Map::new();
    for (annotation, pointers) in IDS {
        let found = pointers
            .iter()
            .find_map(|pointer| instance.pointer(pointer).filter(|value| is_given(value)));
        let Some(found) = found else { continue };
        let text = text_of(found);
        let alone = BTreeMap::from([(annotation.to_owned(), text.clone())]);
        if NotificationIds::read("", "", &alone).is_ok() {
            annotations.insert(annotation.to_owned(), text.into());
        } else {
            let what = format!(
                "{}: {:?} is no id that notifications can carry",
                annotation,
                cut(&text)
            );
            notes.say(
                &what,
                "annotate the object with the id that receivers know, a positive integer",
            );
        }
    }
    annotations
}

/// Says what has no counterpart and is more than a default.
fn left_behind(fields: &Map<String, Value>, notes: &mut Notes) {
    if fields.get("valid").is_some_and(|value| text_of(value) == "false") {
        notes.say(
            "the old service calls the instance's credentials invalid",
            "check them, or run `pollinator authorize` for new ones",
        );
    }
    for (field, value) in fields {
        let is_default = matches!(text_of(value).as_str(), "false" | "none" | "0" | "[]" | "{}");
        if !is_given(value) || is_default || UNDERSTOOD.contains(&field.as_str()) || is_key(field) {
            continue;
        }
        let remedy = WITHOUT_COUNTERPART.iter().find(|(known, _)| known == field);
        let remedy = remedy.map_or(
            "nothing is known of this field; check whether you need it",
            |(_, remedy)| remedy,
        );
        notes.say(
            &format!("{:?} has no counterpart, so it is left out", cut(field)),
            remedy,
        );
    }
}

/// Says what `pollinator validate` will say, with what is to be filled in taken as given.
fn judge(object: &Value, secret: &str, values: &Map<String, Value>, notes: &mut Notes) -> Result<(), String> {
    let instance: PollingInstance = serde_json::from_value(object.clone())
        .map_err(|error| format!("cannot be written as an object: {error}"))?;
    let mut secrets = Secrets::default();
    let given = values.iter().map(|(key, value)| {
        let text = value
            .as_str()
            .filter(|text| !text.is_empty())
            .unwrap_or("to be filled in");
        (key.clone(), SecretSlice::from(text.as_bytes().to_vec()))
    });
    if !values.is_empty() {
        secrets.values.push((secret.to_owned(), given.collect()));
    }
    let name = instance.metadata.name.unwrap_or_default();
    let reading = read(&name, &instance.spec, &secrets, element::catalogue());
    let problems = match &reading.settings {
        Ok(settings) => element_problems(settings),
        Err(problems) => problems.clone(),
    };
    for problem in problems {
        notes.say(&format!("{}: {}", problem.path, problem.message), &problem.remedy);
    }
    for warning in reading.warnings {
        notes.line(warning.to_string());
    }
    Ok(())
}

/// Neither null nor blank.
fn is_given(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        _ => true,
    }
}

fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), |text| text.trim().to_owned())
}
