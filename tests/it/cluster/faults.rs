//! The operator, and an API server that refuses, forgets, drops connections or falls silent: no change is lost, nothing
//! is told twice, the status is right in the end, and meanwhile nothing is asked in a hurry.

use std::time::{Duration, Instant};

use serde_json::json;

use super::process::Operator;
use super::proxy::{Call, Fault, Proxy};
use super::site::{Site, condition};

/// How long a fault lasts.
const LASTS: Duration = Duration::from_millis(2500);
/// Requests a second that one instance polled every second may cause while something fails; it causes about three
/// where all is well.
const MOST_CALLS: f64 = 20.0;

struct Trial {
    site: Site,
    proxy: Proxy,
    operator: Operator,
    wanted: Vec<String>,
}

impl Trial {
    async fn begin(name: &'static str, arguments: &[&str]) -> Trial {
        let site = Site::new(name).await;
        site.apply_secret("sandbox-refresh-token").await;
        let proxy = Proxy::start(&site.operator_kubeconfig, &site.sandbox).await;
        let place = [
            "operator",
            "--namespace",
            name,
            "--lease-namespace",
            name,
            "--allow-address",
            "127.0.0.0/8",
        ];
        let operator = Operator::spawn(proxy.kubeconfig(), &[&place, arguments].concat(), &[]);
        site.apply("concur", json!({})).await;
        site.wait("concur", "Ready").await;
        let mut trial = Trial {
            site,
            proxy,
            operator,
            wanted: Vec::new(),
        };
        trial.create("n0");
        trial.all_is_well("at first").await;
        trial
    }

    fn create(&mut self, id: &str) {
        self.site.create(id);
        self.wanted.push(format!("CREATED {id}"));
    }

    fn edit(&mut self, id: &str) {
        self.site.edit(id);
        self.wanted.push(format!("UPDATED {id}"));
    }

    /// Two changes while the requests selected meet a fault.
    async fn survive(
        &mut self,
        number: usize,
        fault: Fault,
        which: impl Fn(&Call) -> bool + Send + Sync + 'static,
    ) {
        let what = format!("{fault:?}, {number}");
        let (before, began) = (self.proxy.calls().len(), Instant::now());
        self.proxy.fail(fault, which);
        self.create(&format!("n{number}"));
        self.edit(&format!("n{}", number - 1));
        if matches!(fault, Fault::Expired | Fault::Dropped | Fault::Status(410)) {
            self.proxy.cut();
        }
        tokio::time::sleep(LASTS).await;
        self.proxy.mend();
        self.all_is_well(&what).await;
        let calls = self.proxy.calls().split_off(before);
        let seconds = began.elapsed().as_secs_f64();
        assert!(
            calls.len() as f64 <= MOST_CALLS * seconds,
            "{what}: {} requests within {seconds:.1} s: {:#?}",
            calls.len(),
            calls
                .iter()
                .map(|call| (&call.method, &call.uri))
                .collect::<Vec<_>>()
        );
    }

    /// Every change was told, and the status says that all is well, of a poll that saw them all.
    async fn all_is_well(&mut self, what: &str) {
        let count = self.wanted.len();
        let mut requests = self.site.sandbox.on_event();
        let arrived = requests.wait_for(|_| self.site.story().len() >= count);
        let arrived = tokio::time::timeout(super::site::SOON, arrived).await.is_ok();
        let (mut story, mut wanted) = (self.site.story(), self.wanted.clone());
        story.sort();
        wanted.sort();
        assert_eq!(
            story,
            wanted,
            "{what}: {arrived}; {:#?}",
            self.operator.log().iter().rev().take(12).collect::<Vec<_>>()
        );
        self.site
            .until("concur", what, |object| {
                let resource = &object["status"]["resources"][0];
                let good = ["Ready", "PollSucceeded", "DeliverySucceeded"];
                resource["consecutiveFailures"] == 0
                    && resource["lastResult"]["created"] == 0
                    && resource["lastResult"]["updated"] == 0
                    && good
                        .iter()
                        .all(|type_| condition(object, type_)["status"] == "True")
            })
            .await;
    }
}

#[tokio::test]
async fn refused_writes() {
    let mut trial = Trial::begin("refused-writes", &["--leader-election=false"]).await;
    for (number, code) in [409, 429, 500].into_iter().enumerate() {
        let writes = |call: &Call| call.method != "GET";
        trial.survive(number + 1, Fault::Status(code), writes).await;
    }
}

#[tokio::test]
async fn lost_and_refused_answers() {
    let mut trial = Trial::begin("lost-answers", &["--leader-election=false"]).await;
    let checkpoints = |call: &Call| call.method == "PUT" && call.is_about("pollingcheckpoints");
    trial.survive(1, Fault::AnswerLost, checkpoints).await;
    let status = |call: &Call| call.method == "PATCH" && call.is_about("status");
    trial.survive(2, Fault::AnswerLost, status).await;
    trial.survive(3, Fault::Status(500), |_| true).await;
}

#[tokio::test]
async fn watches_that_end_and_connections_that_drop() {
    let mut trial = Trial::begin("broken-watches", &["--leader-election=false"]).await;
    trial.survive(1, Fault::Status(410), Call::watches).await;
    trial.survive(2, Fault::Expired, Call::watches).await;
    trial.survive(3, Fault::Dropped, |_| true).await;
    // What was changed meanwhile is seen.
    trial
        .site
        .apply(
            "concur",
            json!({"polling": {"interval": "1s", "lookback": "30s"}}),
        )
        .await;
    trial
        .site
        .until("concur", "the new generation", |object| {
            object["status"]["observedGeneration"] == 2
        })
        .await;
}

/// Everything hangs, the lease among it, and what hangs is never answered.
#[tokio::test]
async fn half_a_minute_of_silence() {
    let mut trial = Trial::begin("silence", &[]).await;
    let before = trial.proxy.calls().len();
    trial.proxy.fail(Fault::Silence, |_| true);
    trial.create("n1");
    trial.edit("n0");
    tokio::time::sleep(Duration::from_secs(30)).await;
    trial.proxy.mend();
    let calls = trial.proxy.calls().split_off(before);
    assert!(calls.len() < 30, "{calls:#?}");
    trial.all_is_well("after the silence").await;
}
