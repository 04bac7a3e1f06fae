//! `helm install --wait` and `kubectl wait` end when, and only when, polling works.

use std::io::Write as _;
use std::time::{Duration, Instant};

use pollinator_testbed::Error;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::task::JoinHandle;

use super::super::process::Operator;
use super::super::site::{SECRET, Site, condition};
use crate::support::secrets::SIGNATURE_KEY;

/// A team's chart: an instance, and its Secret where there is a token.
pub(super) const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cluster/life/chart");

/// A site and the values of a user's chart in it.
struct Team {
    site: Site,
    values: NamedTempFile,
}

impl Team {
    async fn new(name: &'static str, refresh_token: &str) -> Team {
        let site = Site::new(name).await;
        let spec = site.manifest("feed", &json!({}))["spec"].take();
        let values = json!({"spec": spec, "refreshToken": refresh_token, "signatureKey": SIGNATURE_KEY});
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(values.to_string().as_bytes()).unwrap();
        Team { site, values: file }
    }

    fn install(&self, more: &[&str]) -> Vec<String> {
        let values = self.values.path().to_str().unwrap();
        let install = [
            "install",
            "feed",
            CHART,
            "--namespace",
            self.site.namespace,
            "--values",
            values,
        ];
        [&install, more].concat().into_iter().map(str::to_owned).collect()
    }

    fn helm(&self, more: &[&str]) -> JoinHandle<Result<String, Error>> {
        let (plane, install) = (self.site.plane, self.install(more));
        tokio::spawn(async move {
            let install: Vec<&str> = install.iter().map(String::as_str).collect();
            plane.helm(&install).await
        })
    }

    fn kubectl_wait(&self) -> JoinHandle<Result<String, Error>> {
        let (plane, namespace) = (self.site.plane, self.site.namespace);
        tokio::spawn(async move {
            let wait = ["wait", "--for=condition=Ready", "--timeout=120s", "pi/feed"];
            plane
                .kubectl(&[&["--namespace", namespace], &wait[..]].concat())
                .await
        })
    }

    async fn assert_ready(&self) {
        let object = self.site.instance("feed").await;
        assert_eq!(
            condition(&object, "Ready")["status"],
            "True",
            "{:#}",
            object["status"]
        );
    }

    /// Waits until the instance was polled so many times without success.
    async fn until_failing(&self, times: i64) {
        let failing = |object: &Value| {
            object["status"]["resources"][0]["consecutiveFailures"]
                .as_i64()
                .unwrap_or_default()
                >= times
        };
        let created = ["wait", "--for=create", "--timeout=60s", "pi/feed"];
        self.site.kubectl(&created).await;
        self.site.until("feed", "it fails", failing).await;
    }
}

#[tokio::test]
async fn helm_4_and_kubectl_wait_while_the_source_fails_and_end_when_it_is_mended() {
    let team = Team::new("waiting", "sandbox-refresh-token").await;
    let _operator = Operator::start(&team.site, &["--leader-election=false"]);
    team.site.fail_source(100_000);
    let helm = team.helm(&["--wait", "--timeout", "120s"]);
    // Not Ready at first for one failure, then for many of them.
    team.until_failing(1).await;
    let kubectl = team.kubectl_wait();
    team.until_failing(5).await;
    assert!(!helm.is_finished() && !kubectl.is_finished(), "they wait");
    let failing = team.site.instance("feed").await;
    assert_eq!(condition(&failing, "Ready")["status"], "False");
    team.site.mend_source();
    let printed = helm.await.unwrap().unwrap();
    assert!(printed.contains("STATUS: deployed"), "{printed}");
    team.assert_ready().await;
    assert!(kubectl.await.unwrap().unwrap().contains("condition met"));
}

#[tokio::test]
async fn kubectl_waits_for_the_spec_that_stands_there_now() {
    let site = Site::new("waiting-edit").await;
    site.apply_secret("sandbox-refresh-token").await;
    let _operator = Operator::start(&site, &["--leader-election=false"]);
    site.apply("feed", json!({})).await;
    site.wait("feed", "Ready").await;
    site.apply("feed", json!({"suspend": true})).await;
    let suspended = |object: &Value| condition(object, "Ready")["reason"] == "Suspended";
    site.until("feed", "it is suspended", suspended).await;
    let team = Team {
        site,
        values: NamedTempFile::new().unwrap(),
    };
    team.site.fail_source(100_000);
    // From here on the condition that stands there is True, and of the old spec.
    team.site.apply("feed", json!({})).await;
    let kubectl = team.kubectl_wait();
    team.until_failing(1).await;
    assert!(!kubectl.is_finished(), "it waits");
    team.site.mend_source();
    kubectl.await.unwrap().unwrap();
    let object = team.site.instance("feed").await;
    assert_eq!(
        condition(&object, "Ready")["reason"],
        "Polling",
        "{:#}",
        object["status"]
    );
    assert_eq!(object["status"]["resources"][0]["consecutiveFailures"], 0);
}

#[tokio::test]
async fn helm_4_gives_up_early_on_what_only_a_human_can_mend_and_says_what() {
    let team = Team::new("waiting-rejected", "a-wrong-token").await;
    let _operator = Operator::start(&team.site, &["--leader-election=false"]);
    let began = Instant::now();
    let error = team
        .helm(&["--wait", "--timeout", "10m"])
        .await
        .unwrap()
        .unwrap_err()
        .to_string();
    assert!(
        began.elapsed() < Duration::from_secs(120),
        "{:?}",
        began.elapsed()
    );
    for part in ["status: Failed", "108", "put the new token into the Secret"] {
        assert!(error.contains(part), "{part} is not in {error}");
    }
}

#[tokio::test]
async fn helm_4_waits_for_a_secret_that_may_still_come() {
    let team = Team::new("waiting-secret", "").await;
    let _operator = Operator::start(&team.site, &["--leader-election=false"]);
    let helm = team.helm(&["--wait", "--timeout", "120s"]);
    team.site
        .kubectl(&["wait", "--for=create", "--timeout=60s", "pi/feed"])
        .await;
    team.site.wait("feed", "Ready=False").await;
    let message = condition(&team.site.instance("feed").await, "Ready")["message"].clone();
    assert!(message.as_str().unwrap().contains(SECRET), "{message}");
    assert!(!helm.is_finished(), "it waits");
    team.site.apply_secret("sandbox-refresh-token").await;
    helm.await.unwrap().unwrap();
    team.assert_ready().await;
}

#[tokio::test]
async fn helm_4_names_the_missing_secret_when_its_time_is_over() {
    let team = Team::new("waiting-in-vain", "").await;
    let _operator = Operator::start(&team.site, &["--leader-election=false"]);
    let error = team
        .helm(&["--wait", "--timeout", "15s"])
        .await
        .unwrap()
        .unwrap_err()
        .to_string();
    let expected =
        format!("status: InProgress, message: spec.configurationFrom[0].secretRef: Secret {SECRET:?}");
    assert!(error.contains(&expected), "{error}");
}

/// It knows Pods, Deployments and their like only; the remedy is kubectl.
#[tokio::test]
async fn helm_3_does_not_wait_for_custom_resources_and_kubectl_does() {
    let team = Team::new("waiting-helm3", "sandbox-refresh-token").await;
    let install = team.install(&["--wait", "--timeout", "60s"]);
    let install: Vec<&str> = install.iter().map(String::as_str).collect();
    // Not even an operator runs.
    let printed = team.site.plane.helm3(&install).await.unwrap();
    assert!(printed.contains("STATUS: deployed"), "{printed}");
    assert_eq!(
        team.site.instance("feed").await["status"]["observedGeneration"],
        -1
    );
    let kubectl = team.kubectl_wait();
    let _operator = Operator::start(&team.site, &["--leader-election=false"]);
    kubectl.await.unwrap().unwrap();
    team.assert_ready().await;
}
