//! Reads a whole spec and its Secrets into [`Settings`], and finds every problem at once.

mod access;
mod app;
mod headers;
mod keys;
mod poller;
mod receiver;
mod repeated;
mod retries;
mod signing;
mod timing;
mod values;

use std::collections::BTreeMap;

use secrecy::SecretSlice;

use super::{Catalogue, Problem, Settings, Warning};
use crate::api::PollingInstanceSpec;
pub use app::{OAuthApp, read_app, split_scopes};
use keys::Keys;
pub(crate) use keys::is_blank;

/// What the Secrets that a spec names resolved to.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// Name and values of each Secret that was found, in the order of `configurationFrom`.
    pub values: Vec<(String, BTreeMap<String, SecretSlice<u8>>)>,
    /// Values of each Secret that was found of those that `delivery.signingKeys` names, by its name.
    pub delivery: BTreeMap<String, BTreeMap<String, SecretSlice<u8>>>,
    /// Name and values of the Secret of `delivery.tlsFrom`, where it was found.
    pub tls: Option<(String, BTreeMap<String, SecretSlice<u8>>)>,
}

/// What a spec means, or everything that is wrong with it.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The settings, or all problems; never an error without one.
    pub settings: Result<Settings, Vec<Problem>>,
    /// What deserves attention but hinders nothing.
    pub warnings: Vec<Warning>,
}

/// What was found so far.
#[derive(Default)]
struct Findings {
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

impl Findings {
    fn problem(&mut self, path: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(Problem::new(path, message, remedy));
    }

    fn warn(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.warnings.push(Warning::new(path, message));
    }
}

/// Reads the spec of the object `name`, with its Secrets merged under `spec.configuration`.
pub fn read(name: &str, spec: &PollingInstanceSpec, secrets: &Secrets, catalogue: &Catalogue) -> Reading {
    let mut findings = Findings::default();
    let settings = settings(name, spec, secrets, catalogue, &mut findings);
    let Findings { problems, warnings } = findings;
    let settings = settings.filter(|_| problems.is_empty()).ok_or(problems);
    Reading { settings, warnings }
}

/// None only after a problem was noted; every part is read even if one before it is wrong.
fn settings(
    name: &str,
    spec: &PollingInstanceSpec,
    secrets: &Secrets,
    catalogue: &Catalogue,
    findings: &mut Findings,
) -> Option<Settings> {
    let element = spec.element.key.trim();
    let keys = Keys::merge(spec, secrets, catalogue.get(element), findings);
    let enabled = keys.flag("event.notification.enabled", true, findings);
    vendor_type(&keys, findings);
    notification_type(&keys, findings);
    raw_enabled(&keys, findings);
    let callback = receiver::callback(&keys, &spec.delivery, secrets, findings);
    let interval = timing::interval(&keys, &spec.polling, findings);
    let own = access::own_entry(&keys, element, catalogue);
    let resources = poller::resources(&keys, own, findings);
    let filter_nulls = keys.flag("filter.response.nulls", true, findings);
    let source = access::source(&keys, element, catalogue, spec.provider_data.as_ref(), findings);
    let timing = timing::rest(&spec.polling, findings);
    let max_in_flight = receiver::max_in_flight(&spec.delivery, findings);
    let max_events = receiver::max_events(&spec.delivery, findings);
    let retry_schedule = retries::retry_schedule(&spec.delivery, findings);
    let sink = retries::dead_letter_sink(&spec.delivery, findings);

    let own_name = spec
        .name
        .as_deref()
        .map(str::trim)
        .filter(|own| !own.is_empty())
        .unwrap_or(name);
    let tags = if spec.tags.is_empty() {
        vec![own_name.to_owned()]
    } else {
        spec.tags.clone()
    };
    let source = source?;
    let callback = callback?;
    Some(Settings {
        element: element.to_owned(),
        through_hub: source.through_hub,
        name: own_name.to_owned(),
        tags,
        enabled: enabled?,
        interval: interval?,
        lookback: timing.lookback?,
        initial_sync: timing.initial_sync?,
        request_timeout: timing.request_timeout?,
        failure_threshold: timing.failure_threshold?,
        credentials: source.credentials,
        base_url: source.base_url,
        filter_nulls: filter_nulls?,
        dead_letter_sink: sink?.map(|url| retries::sink_beside(&callback, url)),
        callback,
        format: spec.delivery.format,
        max_events: max_events?,
        max_in_flight: max_in_flight?,
        retry_schedule: retry_schedule?,
        resources: resources?,
    })
}

fn vendor_type(keys: &Keys, findings: &mut Findings) {
    let key = "event.vendor.type";
    let Some(text) = keys.text(key, findings) else {
        return;
    };
    match text.to_ascii_lowercase().as_str() {
        "polling" => {}
        "webhook" | "webhooks" => findings.problem(
            keys.path(key),
            "asks for webhooks, but Pollinator polls",
            "set it to polling or remove it",
        ),
        _ => findings.problem(
            keys.path(key),
            format!("is {:?}", values::cut(&text)),
            "set it to polling or remove it",
        ),
    }
}

fn notification_type(keys: &Keys, findings: &mut Findings) {
    let key = "event.notification.type";
    if let Some(text) = keys.text(key, findings)
        && !text.eq_ignore_ascii_case("webhook")
    {
        findings.warn(
            keys.path(key),
            "has no effect; notifications go to the callback URL, which is the type webhook",
        );
    }
}

fn raw_enabled(keys: &Keys, findings: &mut Findings) {
    let key = "event.raw.enabled";
    if keys.flag(key, true, findings) == Some(false) {
        findings.warn(
            keys.path(key),
            "has no effect: notifications always carry the whole records in message.raw",
        );
    }
}

#[cfg(test)]
mod tests;
