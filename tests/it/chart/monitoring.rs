//! Alerts and dashboard speak of metrics that the operator has.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use pollinator::engine::{Figures, PollState, ResourceReport};
use pollinator::telemetry::{Metrics, Tally};
use promql_parser::parser::{Expr, VectorSelector, parse};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::{Value, json};

use super::{only, root, template};

/// Labels that Prometheus adds to what it scrapes.
const OF_THE_TARGET: [&str; 4] = ["namespace", "pod", "job", "instance"];

/// Every series name that the operator shows, with its labels.
fn exported() -> BTreeMap<String, BTreeSet<String>> {
    let metrics = Metrics::default();
    let mut figures = Figures::default();
    figures.rests.push("SourceThrottled");
    let report = ResourceReport {
        name: "reports".to_owned(),
        state: PollState::Polled,
        ended_at: Timestamp::UNIX_EPOCH,
        succeeded_at: None,
        cursor: None,
        last_event_at: None,
        failures: 0,
        failed_deliveries: 0,
        held: 0,
        held_objects: None,
        figures,
        failure: None,
        notes: Vec::new(),
        notices: Vec::new(),
        carried_over: None,
        cursor_was_set: false,
    };
    metrics.polled("concur", &report);
    metrics.reconciled("ok");
    metrics.tallied(&Tally {
        instances: [(("True".to_owned(), "Polling".to_owned()), 1)].into(),
        held: [("concur".to_owned(), 0)].into(),
        ..Tally::default()
    });
    let mut exported: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in metrics.text().lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels
            .trim_end_matches('}')
            .split(',')
            .filter_map(|pair| pair.split_once('='));
        exported
            .entry(name.to_owned())
            .or_default()
            .extend(labels.map(|(label, _)| label.to_owned()));
    }
    exported
}

/// What an expression speaks of.
#[derive(Default)]
struct Spoken {
    series: BTreeMap<String, BTreeSet<String>>,
    grouped: BTreeSet<String>,
}

impl Spoken {
    fn select(&mut self, selector: &VectorSelector) -> Result<(), String> {
        let name = selector.name.clone().ok_or("a selector without a name")?;
        let labels = selector
            .matchers
            .matchers
            .iter()
            .map(|matcher| matcher.name.clone());
        self.series.entry(name).or_default().extend(labels);
        Ok(())
    }
}

impl ExprVisitor for Spoken {
    type Error = String;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, String> {
        match expression {
            Expr::VectorSelector(selector) => self.select(selector)?,
            Expr::MatrixSelector(selector) => self.select(&selector.vs)?,
            Expr::Aggregate(aggregate) => {
                let labels = aggregate
                    .modifier
                    .iter()
                    .flat_map(|modifier| modifier.labels().labels.clone());
                self.grouped.extend(labels);
            }
            _ => {}
        }
        Ok(true)
    }
}

/// The series an expression speaks of; each, and each label, is exported.
fn check(place: &str, expression: &str, exported: &BTreeMap<String, BTreeSet<String>>) -> Spoken {
    let parsed = parse(expression).unwrap_or_else(|error| panic!("{place}: {error} in {expression}"));
    let mut spoken = Spoken::default();
    walk_expr(&mut spoken, &parsed).unwrap();
    for (name, labels) in &spoken.series {
        let known = exported
            .get(name)
            .unwrap_or_else(|| panic!("{place}: no metric {name}"));
        let labels = labels.iter().chain(&spoken.grouped).map(String::as_str);
        for label in labels.filter(|label| !OF_THE_TARGET.contains(label)) {
            assert!(
                known.contains(label),
                "{place}: {name} has no label {label}, but {known:?}"
            );
        }
        let within = spoken.series[name].contains("namespace");
        assert!(
            within,
            "{place}: {name} of every release is meant; select the namespace"
        );
    }
    assert!(
        !spoken.series.is_empty(),
        "{place}: {expression} speaks of nothing"
    );
    spoken
}

async fn rules() -> Vec<Value> {
    let objects = template(&json!({"metrics": {"prometheusRule": {"enabled": true}}}))
        .await
        .unwrap();
    let rule = only(&objects, "PrometheusRule");
    rule["spec"]["groups"][0]["rules"].as_array().unwrap().clone()
}

/// Texts like `{{ $labels.element }}`, by the label.
fn quoted_labels(text: &str) -> Vec<String> {
    let places = text.split("$labels.").skip(1);
    places
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

#[tokio::test]
async fn alerts_speak_of_metrics_that_are_there_and_are_explained() {
    let exported = exported();
    let runbook = std::fs::read_to_string(root().join("docs/runbook.md")).unwrap();
    let rules = rules().await;
    assert!(rules.len() > 9, "{}", rules.len());
    for rule in &rules {
        let text = |pointer: &str| rule.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let name = text("/alert");
        let spoken = check(name, text("/expr"), &exported);
        assert!(
            ["critical", "warning", "info"].contains(&text("/labels/severity")),
            "{name}"
        );
        for annotation in ["summary", "description", "remedy"] {
            let text = text(&format!("/annotations/{annotation}"));
            assert!(!text.is_empty(), "{name} has no {annotation}");
            assert!(
                !text.contains("$NAMESPACE") && !text.contains("$REPLICAS"),
                "{text}"
            );
            for label in quoted_labels(text) {
                assert!(
                    spoken.grouped.contains(&label),
                    "{name}: {label} is lost in {}",
                    rule["expr"]
                );
            }
        }
        assert!(
            runbook.contains(&format!("\n### {name}\n")),
            "docs/runbook.md has no section {name}"
        );
    }
    let sections = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("### Pollinator"));
    assert_eq!(
        sections.count(),
        rules.len(),
        "docs/runbook.md has a section of no alert"
    );
}

#[tokio::test]
async fn a_single_replica_misses_no_other() {
    let values = json!({"replicas": 1, "metrics": {"prometheusRule": {"enabled": true}}});
    let objects = template(&values).await.unwrap();
    let rules = only(&objects, "PrometheusRule")["spec"]["groups"][0]["rules"].to_string();
    assert!(
        rules.contains("PollinatorDown") && !rules.contains("PollinatorReplicaMissing"),
        "{rules}"
    );
}

#[tokio::test]
async fn the_dashboard_speaks_of_metrics_that_are_there_and_of_all_of_them() {
    let exported = exported();
    let objects = template(&json!({"metrics": {"dashboard": {"enabled": true}}}))
        .await
        .unwrap();
    let dashboard = only(&objects, "ConfigMap")["data"]["pollinator.json"]
        .as_str()
        .unwrap();
    let dashboard: Value = serde_json::from_str(dashboard).unwrap();
    let mut shown = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(
            ids.insert(panel["id"].as_i64()),
            "{title} has the id of another panel"
        );
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            let expression = expression
                .replace("$namespace", "ns")
                .replace("$__rate_interval", "5m");
            let spoken = check(title, &expression, &exported);
            let legend = target["legendFormat"].as_str().unwrap();
            for label in legend
                .split("{{")
                .skip(1)
                .filter_map(|rest| rest.split("}}").next())
            {
                assert!(
                    spoken.grouped.contains(label),
                    "{title}: {label} is lost in {expression}"
                );
            }
            shown.extend(spoken.series.into_keys());
        }
    }
    // Sum and count of a histogram are in its buckets.
    let missing: Vec<_> = exported
        .keys()
        .filter(|name| !shown.contains(*name) && !name.ends_with("_sum") && !name.ends_with("_count"))
        .collect();
    assert!(missing.is_empty(), "the dashboard does not show {missing:?}");
}

/// Every reason of an error is what someone looks for at night.
#[test]
fn the_runbook_has_every_reason() {
    let runbook = std::fs::read_to_string(root().join("docs/runbook.md")).unwrap();
    let mut reasons_of_errors = Vec::new();
    for file in [
        "deliver/error.rs",
        "element/error.rs",
        "element/oauth/error.rs",
        "element/source_error.rs",
        "engine/report.rs",
        "operator/context.rs",
    ] {
        let source = std::fs::read_to_string(root().join("src").join(file)).unwrap();
        let arms = source
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
        let reasons: Vec<&str> = arms.filter_map(|(_, rest)| rest.strip_suffix("\",")).collect();
        assert!(!reasons.is_empty(), "no reason was found in {file}");
        reasons_of_errors.extend(reasons.into_iter().map(str::to_owned));
    }
    let of_conditions = [
        "Polling",
        "Suspended",
        "Disabled",
        "FirstPoll",
        "SecretNotReady",
        "ObjectsHeld",
    ];
    let more = ["InvalidConfiguration", "SourceResting", "NotObserved"];
    let mut reasons = reasons_of_errors;
    reasons.extend(of_conditions.into_iter().chain(more).map(str::to_owned));
    let explained = |reason: &String| runbook.contains(&format!("`{reason}`"));
    let missing: Vec<_> = reasons.into_iter().filter(|reason| !explained(reason)).collect();
    assert!(missing.is_empty(), "docs/runbook.md does not explain {missing:?}");
}
