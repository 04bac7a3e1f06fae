//! `pollinator export`.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::{Map, Value, json};

use super::Failed;
use super::import::says_secret;
use super::manifests::{FileArgs, Manifest, Manifests};
use crate::api::{
    ACCOUNT_ID, COMPANY_ID, DeliverySpec, INSTANCE_ID, PollingInstanceSpec, PollingSpec, USER_ID,
};
use crate::config::{is_blank, parse_duration};

/// What the old service prints in place of a secret.
const MASK: &str = "********";
const INTERVAL: &str = "event.poller.refresh_interval";

/// Turn manifests back into Cloud Elements instance JSON: one object, or an array of several.
///
/// Values of Secrets are masked, as Cloud Elements does, unless --with-secrets. What has no counterpart there is said
/// on standard error.
/// Exit status: 0 done, 1 the files cannot be read, 2 wrong usage.
#[derive(Args, Debug)]
#[command(after_long_help = "Example:\n  pollinator export -f instance.yaml > instance.json")]
pub(super) struct ExportArgs {
    #[command(flatten)]
    files: FileArgs,
    /// Print the values of Secrets, and secrets that stand in the object, in clear text
    #[arg(long)]
    with_secrets: bool,
}

pub(super) fn run(args: &ExportArgs) -> Result<ExitCode, Failed> {
    let manifests = args.files.read_good()?;
    let mut exported = Vec::new();
    for manifest in &manifests.instances {
        let (instance, notes) = export(&manifests, manifest, args.with_secrets);
        for (what, remedy) in notes {
            eprintln!("{}: {what}; {remedy}", manifest.owner.name);
        }
        exported.push(instance);
    }
    let value = if exported.len() == 1 {
        exported.remove(0)
    } else {
        exported.into()
    };
    let text = serde_json::to_string_pretty(&value).map_err(Failed::new)? + "\n";
    let mut output = std::io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(Failed::new)?;
    Ok(ExitCode::SUCCESS)
}

/// What is lost, and what to do about it.
type Notes = Vec<(String, &'static str)>;

fn export(manifests: &Manifests, manifest: &Manifest, with_secrets: bool) -> (Value, Notes) {
    let (spec, mut notes) = (&manifest.spec, Notes::new());
    let id = |annotation: &str| {
        manifest
            .annotation(annotation)
            .and_then(|text| text.trim().parse::<u64>().ok())
    };
    let mut instance = Map::new();
    if let Some(id) = id(INSTANCE_ID) {
        instance.insert("id".into(), id.into());
    }
    let name = spec.name.as_ref().unwrap_or(&manifest.owner.name);
    instance.insert("name".into(), name.clone().into());
    instance.insert("element".into(), json!({"key": spec.element.key}));
    if !spec.tags.is_empty() {
        instance.insert("tags".into(), spec.tags.clone().into());
    }
    let mut configuration = configuration(manifests, manifest, with_secrets, &mut notes);
    if let Some(minutes) = spec
        .polling
        .interval
        .as_deref()
        .and_then(|text| minutes(text, &mut notes))
    {
        configuration.insert(INTERVAL.into(), minutes.into());
    }
    instance.insert("configuration".into(), configuration.into());
    let code = spec.provider_data.as_ref().and_then(|data| data.code.clone());
    if let Some(code) = code {
        let code = if with_secrets { code } else { MASK.to_owned() };
        instance.insert("providerData".into(), json!({"code": code}));
    }
    if spec.suspend {
        instance.insert("disabled".into(), true.into());
        notes.push((
            "spec.suspend: becomes disabled, which the old service only shows".into(),
            "switch the instance off there with DELETE /instances/{id}/enabled",
        ));
    }
    for (field, annotation) in [("accountId", ACCOUNT_ID), ("companyId", COMPANY_ID)] {
        if let Some(id) = id(annotation) {
            instance.insert(field.into(), id.into());
        }
    }
    if let Some(id) = id(USER_ID) {
        instance.insert("user".into(), json!({"id": id}));
    }
    without_counterpart(spec, &mut notes);
    (instance.into(), notes)
}

/// The keys of the object, and under them those of its Secrets, later ones over earlier ones.
fn configuration(
    manifests: &Manifests,
    manifest: &Manifest,
    with_secrets: bool,
    notes: &mut Notes,
) -> Map<String, Value> {
    let mut merged: Map<String, Value> = manifest.spec.configuration.clone().into();
    if !with_secrets {
        for (key, value) in &mut merged {
            if says_secret(key) && !is_blank(key, value) {
                *value = MASK.into();
            }
        }
    }
    let mut secrets = Map::new();
    for source in &manifest.spec.configuration_from {
        let name = &source.secret_ref.name;
        let Some(document) = manifests.secret(&manifest.owner.namespace, name) else {
            notes.push((
                format!("Secret {name:?} is not among the files, so that its keys are missing"),
                "add it with -f",
            ));
            continue;
        };
        for (key, value) in secret_values(document) {
            let Some(value) = value else {
                notes.push((
                    format!("secret/{name}[{key:?}] is not text, so that it is left out"),
                    "JSON cannot carry it",
                ));
                continue;
            };
            // What is still to be filled in is what an export masks.
            let shown = if with_secrets && !value.is_empty() {
                value
            } else {
                MASK.to_owned()
            };
            secrets.insert(key, shown.into());
        }
    }
    for (key, value) in secrets {
        if merged.get(&key).is_none_or(|inline| is_blank(&key, inline)) {
            merged.insert(key, value);
        }
    }
    let base = merged.get("base.url").and_then(Value::as_str);
    let to_hub = base.is_some_and(|url| url.trim().trim_end_matches('/').ends_with("/elements/api-v2"));
    for (key, is_ours) in [("base.url", to_hub), ("hub.authorization", true)] {
        if is_ours && merged.shift_remove(key).is_some() {
            notes.push((
                format!("{key}: leads to the hub itself, so that it is left out"),
                "write it again after an import",
            ));
        }
    }
    merged
}

/// Keys and values of a Secret; none for what is no text.
fn secret_values(document: &Value) -> Vec<(String, Option<String>)> {
    let entries = |field: &str| {
        document
            .get(field)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
    };
    let encoded = entries("data").map(|(key, value)| {
        let bytes = value.as_str().and_then(|text| STANDARD.decode(text.trim()).ok());
        (key.clone(), bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
    });
    let clear = entries("stringData").map(|(key, value)| (key.clone(), value.as_str().map(str::to_owned)));
    encoded.chain(clear).collect()
}

/// A duration as whole minutes, at least one, which is all that Cloud Elements can do.
fn minutes(interval: &str, notes: &mut Notes) -> Option<String> {
    let exact = parse_duration(interval).ok()?;
    let minutes = exact
        .as_nanos()
        .div_ceil(Duration::from_mins(1).as_nanos())
        .max(1);
    if Duration::from_mins(1).as_nanos() * minutes != exact.as_nanos() {
        notes.push((
            format!("spec.polling.interval: {interval} becomes {minutes} whole minutes"),
            "the old service cannot poll more often",
        ));
    }
    Some(minutes.to_string())
}

fn without_counterpart(spec: &PollingInstanceSpec, notes: &mut Notes) {
    let polling = PollingSpec {
        interval: None,
        ..spec.polling.clone()
    };
    let fields = [
        (
            "polling",
            serde_json::to_value(&polling),
            serde_json::to_value(PollingSpec::default()),
        ),
        (
            "delivery",
            serde_json::to_value(&spec.delivery),
            serde_json::to_value(DeliverySpec::default()),
        ),
    ];
    for (part, written, default) in fields {
        let (Ok(Value::Object(written)), Ok(default)) = (written, default) else {
            continue;
        };
        for (field, _) in written
            .iter()
            .filter(|(field, value)| default.get(field.as_str()) != Some(value))
        {
            notes.push((
                format!("spec.{part}.{field}: has no counterpart in the old service, so that it is left out"),
                "write it again after an import",
            ));
        }
    }
}
