//! The life of an instance, each revision of it judged by the tools that wait for it.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::super::process::Operator;
use super::super::site::{Site, condition};
use super::judges::{Verdict, health, kstatus};
use super::kept::{check_file, check_testdata, normal_table, normal_words};
use super::recorder::{Recorder, Revision};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cluster/life/story.txt");
/// Failed polls in a row before the instance is not Ready.
const THRESHOLD: i64 = 3;

/// A life being lived.
struct Life {
    site: Site,
    recorder: Recorder,
    phases: Vec<(String, String)>,
}

impl Life {
    async fn begin(name: &'static str) -> Life {
        let site = Site::new(name).await;
        let recorder = Recorder::start(&site, "concur").await;
        Life {
            site,
            recorder,
            phases: Vec::new(),
        }
    }

    fn phase(&mut self, title: &str) {
        if !self.phases.is_empty() {
            self.recorder.next_phase();
        }
        self.phases.push((title.to_owned(), String::new()));
    }

    async fn apply(&self, patch: Value) {
        let mut all =
            json!({"polling": {"failureThreshold": THRESHOLD}, "delivery": {"retrySchedule": ["1s"]}});
        crate::support::world::merge(&mut all, &patch);
        self.site.apply("concur", all).await;
    }

    /// Waits for a condition's status and reason that this phase brings, and keeps what kubectl shows then.
    async fn until(&mut self, type_: &str, status: &str, reason: &str) {
        self.until_also(type_, status, reason, |_| true).await;
    }

    async fn until_also(&mut self, type_: &str, status: &str, reason: &str, also: impl Fn(&Value) -> bool) {
        let wanted = |object: &Value| {
            let condition = condition(object, type_);
            let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            current && condition["status"] == status && condition["reason"] == reason && also(object)
        };
        let what = format!("{type_}={status} {reason}");
        self.recorder.until(&what, wanted).await;
    }

    /// What `kubectl get` shows at the end of a phase.
    async fn show(&mut self) {
        let narrow = self.site.kubectl(&["get", "pi", "concur"]).await;
        let wide = self.site.kubectl(&["get", "pi", "concur", "-o", "wide"]).await;
        self.phases.last_mut().unwrap().1 = format!("{}{}", normal_table(&narrow), normal_table(&wide));
    }

    async fn annotate(&self, value: &str) {
        let annotation = format!("pollinator.dev/requestedAt={value}");
        self.site
            .kubectl(&["annotate", "pi", "concur", "--overwrite", &annotation])
            .await;
    }
}

#[tokio::test]
async fn every_revision_of_a_life_is_judged_as_it_is() {
    let mut life = Life::begin("life").await;
    life.phase("created, and no operator runs");
    life.apply(json!({})).await;
    life.recorder.until("its creation", |_| true).await;
    life.show().await;

    life.phase("the operator starts, the Secret is missing");
    let operator = Operator::start(&life.site, &["--leader-election=false"]);
    life.until("Ready", "False", "SecretNotReady").await;
    life.show().await;

    life.phase("the Secret comes");
    life.site.apply_secret("sandbox-refresh-token").await;
    life.until("Ready", "True", "Polling").await;
    life.show().await;

    life.phase("the source fails once");
    life.site.fail_source(1);
    life.until("PollSucceeded", "False", "SourceRequestRefused").await;
    life.until_well().await;

    life.phase("the source fails for longer");
    life.site.fail_source(100_000);
    life.until("Ready", "False", "SourceRequestRefused").await;
    life.show().await;

    life.phase("the source is well again");
    life.site.mend_source();
    life.until_well().await;

    life.phase("the callback fails");
    life.site.knobs(json!({"receiverStatus": 500}));
    life.site.create("n1");
    life.until("Ready", "False", "CallbackServerError").await;
    life.show().await;

    life.phase("the callback is well again");
    life.site.knobs(json!({"receiverStatus": null}));
    life.until_well().await;

    life.phase("the callback is gone");
    life.site.knobs(json!({"receiverStatus": 410}));
    life.site.create("n2");
    life.until("Ready", "False", "CallbackGone").await;
    life.show().await;

    life.phase("the callback is back, and a poll is asked for");
    life.site.knobs(json!({"receiverStatus": null}));
    life.annotate("1").await;
    life.until_well().await;

    life.phase("suspended");
    life.apply(json!({"suspend": true})).await;
    life.until("Ready", "True", "Suspended").await;
    life.show().await;

    life.phase("resumed while the source fails");
    life.site.fail_source(2);
    life.apply(json!({})).await;
    life.until("Ready", "Unknown", "SourceRequestRefused").await;
    life.until_well().await;

    life.phase("edited");
    life.apply(json!({"polling": {"lookback": "90s"}})).await;
    life.until_well().await;

    life.phase("edited to what cannot be");
    life.apply(json!({"element": {"key": "conkur"}, "configuration": {"base.url": null}}))
        .await;
    life.until("Ready", "False", "InvalidConfiguration").await;
    life.show().await;

    life.phase("mended");
    life.apply(json!({})).await;
    life.until_well().await;

    life.phase("the credentials are rejected");
    life.site.apply_secret("a-wrong-token").await;
    life.until("Ready", "False", "CredentialsRejected").await;
    life.show().await;

    life.phase("the credentials are mended");
    life.site.apply_secret("sandbox-refresh-token").await;
    life.until_well().await;

    life.phase("the operator is killed and starts anew");
    let polled = life.site.instance("concur").await["status"]["lastPolled"].clone();
    operator.kill().await;
    let _operator = Operator::start(&life.site, &["--leader-election=false"]);
    life.until_also("Ready", "True", "Polling", |object| {
        object["status"]["lastPolled"] != polled
    })
    .await;
    life.show().await;

    life.phase("deleted, in the foreground");
    let events = events(&life.site).await;
    let described = life.site.kubectl(&["describe", "pi", "concur"]).await;
    life.site
        .kubectl(&["delete", "pi", "concur", "--cascade=foreground", "--timeout=60s"])
        .await;

    let revisions = life.recorder.finish().await;
    let objects: Vec<Value> = revisions.iter().map(|revision| revision.object.clone()).collect();
    let (kstatus, health) = (kstatus(&objects).await, health(&objects).await);
    for ((object, kstatus), health) in objects.iter().zip(&kstatus).zip(&health) {
        assert_true(object, kstatus, health);
    }
    for event in &events {
        let (reason, told) = (
            event["reason"].as_str().unwrap(),
            described.split("Events:").nth(1).unwrap(),
        );
        assert!(told.contains(reason), "{reason} is not in {described}");
    }
    let told = told(&life.phases, &revisions, &kstatus, &health) + &events_text(&life.site, &events);
    check_file(Path::new(GOLDEN), &told);
    check_testdata(&life.site, &revisions, &health);
}

impl Life {
    async fn until_well(&mut self) {
        let wholly = |object: &Value| {
            let good = |type_: &str| condition(object, type_)["status"] == "True";
            good("PollSucceeded") && good("DeliverySucceeded") && good("CredentialsReady")
        };
        // In this phase something was not well before, or the spec is another.
        let before = self.site.instance("concur").await["status"]["lastPolled"].clone();
        self.until_also("Ready", "True", "Polling", |object| {
            wholly(object) && object["status"]["lastPolled"] != before
        })
        .await;
        self.show().await;
    }
}

/// What must hold whatever happens.
fn assert_true(object: &Value, kstatus: &Verdict, health: &Verdict) {
    let (status, ready) = (&object["status"], condition(object, "Ready"));
    let observed = status["observedGeneration"] == object["metadata"]["generation"];
    let stalled = condition(object, "Stalled")["status"] == "True";
    let what = format!("{kstatus:?}, {health:?}: {object:#}");
    match kstatus.status.as_str() {
        "Current" => {
            assert!(observed && ready["status"] == "True" && !stalled, "{what}");
            if ready["reason"] == "Polling" {
                let edited = edited_at(object);
                for resource in status["resources"].as_array().unwrap() {
                    let good = resource["lastSuccessfulPoll"].as_str().unwrap();
                    assert!(good >= edited.as_str(), "not polled well since the edit: {what}");
                    let of = |key: &str| resource[key].as_i64().unwrap_or_default();
                    assert!(of("consecutiveFailures") < THRESHOLD, "{what}");
                }
            } else {
                assert_eq!(object["spec"]["suspend"], true, "{what}");
            }
        }
        "Failed" => assert!(observed && stalled && ready["status"] == "False", "{what}"),
        "InProgress" => assert!(!observed || ready["status"] != "True", "{what}"),
        other => assert_eq!(other, "Terminating", "{what}"),
    }
    let waits = ready["reason"] == "SecretNotReady";
    let expected = match kstatus.status.as_str() {
        "Current" if object["spec"]["suspend"] == true => "Suspended",
        "Current" => "Healthy",
        "Failed" => "Degraded",
        // What has worked before, or never did for long, is worth a human's look.
        "InProgress" if observed && ready["status"] == "False" && !waits => "Degraded",
        "InProgress" => "Progressing",
        // Argo CD asks no script about what is being deleted.
        _ => &health.status,
    };
    assert_eq!(health.status, expected, "{what}");
}

/// When the user wrote the spec last.
fn edited_at(object: &Value) -> String {
    let writes = object["metadata"]["managedFields"].as_array().unwrap().iter();
    let of_spec = writes.filter(|write| write["fieldsV1"].get("f:spec").is_some());
    let times = of_spec.map(|write| write["time"].as_str().unwrap().to_owned());
    times.max().unwrap()
}

/// What is told of each phase: how each revision was judged, where that differs from the one before.
fn told(
    phases: &[(String, String)],
    revisions: &[Revision],
    kstatus: &[Verdict],
    health: &[Verdict],
) -> String {
    let (mut text, mut before) = (String::new(), String::new());
    for (number, (title, tables)) in phases.iter().enumerate() {
        writeln!(text, "# {title}").unwrap();
        for ((revision, kstatus), health) in revisions.iter().zip(kstatus).zip(health) {
            let line = line(&revision.object, kstatus, health);
            if revision.phase == number && line != before {
                writeln!(text, "{line}").unwrap();
                before = line;
            }
        }
        text.push_str(tables);
        text.push('\n');
    }
    text
}

fn line(object: &Value, kstatus: &Verdict, health: &Verdict) -> String {
    if kstatus.status == "Terminating" {
        return kstatus.status.clone();
    }
    let status = &object["status"];
    let observed = status["observedGeneration"] == object["metadata"]["generation"];
    let mut line = format!("{:<12}{:<13}", kstatus.status, health.status);
    line.push_str(if observed { "" } else { "(not observed) " });
    let mut conditions = Vec::new();
    for condition in status["conditions"].as_array().into_iter().flatten() {
        let of = |key: &str| condition[key].as_str().unwrap();
        if of("type") == "Ready" || of("status") != "True" || ["Stalled", "Reconciling"].contains(&of("type"))
        {
            conditions.push(format!("{}={}/{}", of("type"), of("status"), of("reason")));
        }
    }
    line + &conditions.join(" ")
}

/// The events about the instance, the oldest first.
async fn events(site: &Site) -> Vec<Value> {
    let list = site.kubectl(&["get", "events.events.k8s.io", "-o", "json"]).await;
    let mut list: Value = serde_json::from_str(&list).unwrap();
    let events = list["items"].as_array_mut().unwrap();
    events.sort_by_key(|event| event["eventTime"].as_str().unwrap().to_owned());
    events.clone()
}

fn events_text(site: &Site, events: &[Value]) -> String {
    let mut text = "# events, the oldest first\n".to_owned();
    for event in events {
        let of = |key: &str| event[key].as_str().unwrap();
        let count = event["series"]["count"].as_i64().unwrap_or(1);
        let note = normal_words(site, of("note"));
        writeln!(text, "{} {} x{count}: {note}", of("type"), of("reason")).unwrap();
    }
    text
}
