//! `pollinator explain`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::Failed;
use super::findings::failed;
use super::manifests::{FileArgs, Manifest, Manifests, MissingSecret};
use super::output::Output;
use crate::config::{DateField, IdField, Problem, ResourceSettings, Settings};
use crate::deliver::Notification;
use crate::element;
use crate::engine::{Instance, preview};
use crate::poll::{Decision, Memory, Pass, Record, Rules};

/// Tell what would become of one record, and why, step by step; no network.
///
/// The record is judged by the operator's own code as if the resource had last been polled at --last-poll, and the
/// object had never been seen before. Exit status: 0 it was judged, 1 it cannot be read, 2 wrong usage.
#[derive(Args, Debug)]
#[command(
    after_long_help = "Example:\n  pollinator explain -f examples/concur/ --record report.json --last-poll 2026-11-24T12:00:00Z"
)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    files: FileArgs,
    /// One record as the vendor lists it, JSON; `-` is standard input
    #[arg(long, value_name = "RECORD.json")]
    record: PathBuf,
    /// The instance, by its name, where the files hold several
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// The resource, where the instance polls several
    #[arg(long, value_name = "NAME")]
    resource: Option<String>,
    /// When the resource was polled last, RFC 3339 [default: one interval before --now]
    #[arg(long, value_name = "RFC3339")]
    last_poll: Option<Timestamp>,
    /// The vendor's clock at this poll, RFC 3339 [default: now]
    #[arg(long, value_name = "RFC3339")]
    now: Option<Timestamp>,
    /// What is printed: steps for humans, or one JSON object
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

/// One line of the explanation.
struct Step {
    name: &'static str,
    text: String,
    value: Value,
}

impl Step {
    fn new(name: &'static str, text: impl Into<String>, value: Value) -> Self {
        Self {
            name,
            text: text.into(),
            value,
        }
    }
}

pub(super) fn run(args: &ExplainArgs) -> Result<ExitCode, Failed> {
    let manifests = args.files.read_good()?;
    let manifest = instance(&manifests, args.instance.as_deref())?;
    let settings = settings(&manifests, manifest)?;
    let resource = resource(&settings, args.resource.as_deref())?.clone();
    let raw = read_record(&args.record)?;
    let now = args.now.unwrap_or_else(Timestamp::now);
    let last_poll = match args.last_poll {
        Some(at) => at,
        None => now
            .checked_sub(settings.interval)
            .unwrap_or(Timestamp::UNIX_EPOCH),
    };
    if last_poll > now {
        eprintln!("error: --last-poll {last_poll} is after --now {now}");
        return Ok(ExitCode::from(2));
    }
    let instance = Instance {
        owner: manifest.owner.clone(),
        ids: manifest
            .ids()
            .map_err(|problems| invalid(&manifests, manifest, problems))?,
        settings: Arc::new(settings),
        reset_to: None,
        skip: None,
    };
    let explained = explain(&instance, &resource, raw, last_poll, now)?;
    print(
        args.output,
        &format!("{} {}", manifest.name(), resource.name),
        &explained,
    )?;
    Ok(if explained.judged {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Explained {
    steps: Vec<Step>,
    notification: Option<Notification>,
    judged: bool,
}

fn explain(
    instance: &Instance,
    resource: &ResourceSettings,
    raw: Box<RawValue>,
    last_poll: Timestamp,
    now: Timestamp,
) -> Result<Explained, Failed> {
    let settings = &*instance.settings;
    let definition = element::definition_of(settings).map_err(Failed::new)?;
    let listing = definition.listing(resource).map_err(Failed::new)?;
    let rules = Rules::new(&instance.owner.uid, settings, resource, listing.traits());
    let mut memory = Memory::with_cursor_at(&rules, last_poll);
    let since = memory.since(&rules);
    let base = definition
        .base_url(settings.base_url.as_ref())
        .map_err(Failed::new)?;
    let url = listing.first_url(base, since, now).map_err(Failed::new)?;
    let mut steps = vec![
        Step::new(
            "polled",
            format!("last at {last_poll}, now at {now} by the vendor's clock"),
            json!({"lastPoll": last_poll.to_string(), "now": now.to_string()}),
        ),
        Step::new(
            "request",
            format!("GET {url} (what changed since {since}; the lookback is read again)"),
            json!({"method": "GET", "url": url.as_str(), "since": since.to_string()}),
        ),
    ];
    let value: Value = serde_json::from_str(raw.get()).map_err(Failed::new)?;
    let found = resource.id_field.get(&value).cloned().unwrap_or(Value::Null);
    steps.push(Step::new(
        "id",
        match &resource.id_field {
            IdField::Path(path) => format!("idField {path} is {found}"),
            IdField::Blank if found.is_null() => {
                "idField is blank, so the content names the object".to_owned()
            }
            IdField::Blank => format!("idField is blank, the record's own id is {found}"),
        },
        json!({"path": resource.id_field.to_string(), "value": found}),
    ));
    for (name, date) in [("updated", &resource.updated), ("created", &resource.created)] {
        steps.push(date_step(name, date.as_ref(), &value));
    }
    let record = match Record::read(&rules, &resource.id_field, raw, 1, 1) {
        Ok(record) => record,
        Err(unreadable) => {
            let text = format!(
                "skipped and reported in status: {}",
                crate::engine::chain(&unreadable)
            );
            steps.push(Step::new(
                "decision",
                text.as_str(),
                json!({"event": null, "reason": text}),
            ));
            return Ok(Explained {
                steps,
                notification: None,
                judged: false,
            });
        }
    };
    steps.push(version_step(&rules, &record));
    steps.push(filter_step(&rules, &memory, resource));
    let mut pass = Pass::begin(now);
    pass.page(&rules, Some(now), now);
    let judgement = memory.decide(&rules, &mut pass, &record);
    let outcome = match judgement.decision {
        Decision::Below | Decision::Known => "no event".to_owned(),
        Decision::Learned => "no event, it is learned silently".to_owned(),
        Decision::Waiting => "no event yet, it waits".to_owned(),
        Decision::Report(change) => change.to_string(),
    };
    let event = match judgement.decision {
        Decision::Report(change) => Value::from(change.to_string()),
        _ => Value::Null,
    };
    steps.push(Step::new(
        "decision",
        format!("{outcome}: {}", judgement.reason),
        json!({"event": event, "reason": judgement.reason.to_string()}),
    ));
    let notification = match judgement.decision {
        Decision::Report(change) => Some(preview(
            instance,
            resource,
            &listing,
            &rules,
            &memory,
            (record, change),
            now,
        )),
        _ => None,
    };
    Ok(Explained {
        steps,
        notification,
        judged: true,
    })
}

fn date_step(name: &'static str, date: Option<&DateField>, record: &Value) -> Step {
    let Some(date) = date else {
        return Step::new(name, "no field is configured", Value::Null);
    };
    let found = date.path().get(record).cloned().unwrap_or(Value::Null);
    let (read, instant) = match date.read(record) {
        Ok(Some(instant)) => (
            format!("that is {instant}, and stands for {:#}", date.granule()),
            Some(instant.to_string()),
        ),
        Ok(None) => ("there is no date in it".to_owned(), None),
        Err(error) => (error.to_string(), None),
    };
    Step::new(
        name,
        format!("{} is {found}; read as {}: {read}", date.path(), date.pattern()),
        json!({
            "path": date.path().to_string(),
            "value": found,
            "format": date.pattern().to_string(),
            "instant": instant,
        }),
    )
}

fn version_step(rules: &Rules, record: &Record) -> Step {
    let text = match record.updated {
        Some(updated) => format!("versions are told apart by date: {updated}"),
        None if rules.volatile.is_empty() => "versions are told apart by their whole body".to_owned(),
        None => format!(
            "versions are told apart by their body without {}",
            rules.volatile.join(", ")
        ),
    };
    let date = record.updated.map(|updated| updated.to_string());
    Step::new("version", text, json!({"date": date, "deleted": record.deleted}))
}

fn filter_step(rules: &Rules, memory: &Memory, resource: &ResourceSettings) -> Step {
    let floor = memory.checkpoint.floor;
    let mut texts = vec![match rules.updated {
        Some(_) => format!(
            "its date must be after {floor}, the last poll less the lookback of {:#}",
            rules.lookback
        ),
        None => "none by date".to_owned(),
    }];
    if !resource.filter_by_updated_date {
        texts.push(
            "filterByUpdatedDate is false, so the created date stands in for the updated one".to_owned(),
        );
    }
    if rules.hold_future {
        texts.push(
            "filterByCurrentDate is true, so an event waits until the vendor's clock reaches its date"
                .to_owned(),
        );
    }
    if rules.created.is_some() {
        texts.push(format!("createdCheckTolerance is {:#}", rules.tolerance));
    }
    Step::new(
        "filters",
        texts.join("; "),
        json!({
            "after": rules.updated.as_ref().map(|_| floor.to_string()),
            "filterByUpdatedDate": resource.filter_by_updated_date,
            "filterByCurrentDate": resource.filter_by_current_date,
            "createdCheckToleranceSeconds": rules.tolerance.as_secs(),
        }),
    )
}

fn instance<'a>(manifests: &'a Manifests, name: Option<&str>) -> Result<&'a Manifest, Failed> {
    let names = || {
        let names: Vec<_> = manifests.instances.iter().map(Manifest::name).collect();
        names.join(", ")
    };
    match (name, &manifests.instances[..]) {
        (None, [only]) => Ok(only),
        (None, _) => Err(Failed(format!(
            "the files hold several instances; choose one with --instance: {}",
            names()
        ))),
        (Some(name), all) => all
            .iter()
            .find(|manifest| manifest.owner.name == name || manifest.name() == name)
            .ok_or_else(|| Failed(format!("there is no instance {name:?}; there are: {}", names()))),
    }
}

fn settings(manifests: &Manifests, manifest: &Manifest) -> Result<Settings, Failed> {
    let reading = manifests.settings(manifest, MissingSecret::IsElsewhere);
    reading
        .settings
        .map_err(|problems| invalid(manifests, manifest, problems))
}

fn invalid(manifests: &Manifests, manifest: &Manifest, problems: Vec<Problem>) -> Failed {
    failed(&manifests.place_problems(manifest, problems))
}

fn resource<'a>(settings: &'a Settings, name: Option<&str>) -> Result<&'a ResourceSettings, Failed> {
    let names = || {
        let names: Vec<_> = settings
            .resources
            .iter()
            .map(|resource| resource.name.as_str())
            .collect();
        names.join(", ")
    };
    match (name, &settings.resources[..]) {
        (None, [only]) => Ok(only),
        (None, _) => Err(Failed(format!(
            "the instance polls several resources; choose one with --resource: {}",
            names()
        ))),
        (Some(name), all) => all
            .iter()
            .find(|resource| resource.name == name)
            .ok_or_else(|| Failed(format!("there is no resource {name:?}; there are: {}", names()))),
    }
}

fn read_record(file: &std::path::Path) -> Result<Box<RawValue>, Failed> {
    let name = file.display();
    let text = if file == std::path::Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.map_err(|error| Failed(format!("{name} cannot be read: {error}")))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    let raw: Box<RawValue> =
        serde_json::from_str(text).map_err(|error| Failed(format!("{name} is not valid JSON: {error}")))?;
    if raw.get().starts_with('[') {
        return Err(Failed(format!("{name} holds a list; give one record of it")));
    }
    Ok(raw)
}

/// The JSON form of an explanation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    subject: &'a str,
    #[serde(flatten)]
    steps: Map<String, Value>,
    event_ids: Option<&'a [String]>,
    /// As it is sent, byte by byte: a number that was parsed would be printed in another form.
    notification: Option<&'a RawValue>,
}

fn print(output: Output, subject: &str, explained: &Explained) -> Result<(), Failed> {
    let notification = explained.notification.as_ref();
    match output {
        Output::Text => {
            println!("{subject}");
            for (number, step) in (1..).zip(&explained.steps) {
                println!("{number}. {:<9} {}", step.name, step.text);
            }
            if let Some(notification) = notification {
                let number = explained.steps.len() + 1;
                println!("{number}. event     {}", notification.event_ids.join(", "));
                println!("{}", String::from_utf8_lossy(&notification.body));
            }
        }
        Output::Json => {
            let steps = explained.steps.iter();
            let body = notification.map(|notification| serde_json::from_slice(&notification.body));
            let document = Document {
                subject,
                steps: steps
                    .map(|step| (step.name.to_owned(), step.value.clone()))
                    .collect(),
                event_ids: notification.map(|notification| &notification.event_ids[..]),
                notification: body.transpose().map_err(Failed::new)?,
            };
            println!("{}", serde_json::to_string(&document).map_err(Failed::new)?);
        }
    }
    Ok(())
}
