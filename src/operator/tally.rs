//! What the metrics tell of the watched instances; pure.

use jiff::Timestamp;

use super::context::{Guarded, Watched};
use crate::api::PollingInstance;
use crate::telemetry::Tally;

/// Counts the watched instances by what their statuses say.
pub(super) fn tally(watched: &Watched, now: Timestamp) -> Tally {
    count(watched.all().iter().map(AsRef::as_ref), now)
}

fn count<'a>(instances: impl Iterator<Item = &'a Guarded>, now: Timestamp) -> Tally {
    let mut tally = Tally::default();
    for instance in instances {
        let (ready, reason) = match &instance.0 {
            Ok(instance) => {
                add(&mut tally, instance, now);
                readiness(instance)
            }
            // What its status says too, which cannot be read here.
            Err(_) => ("False".to_owned(), "InvalidConfiguration".to_owned()),
        };
        *tally.instances.entry((ready, reason)).or_default() += 1;
    }
    tally
}

fn readiness(instance: &PollingInstance) -> (String, String) {
    let conditions = instance.status.iter().flat_map(|status| &status.conditions);
    let ready = conditions
        .into_iter()
        .find(|condition| condition.type_ == "Ready");
    match ready {
        Some(ready) => (ready.status.clone(), ready.reason.clone()),
        None => ("Unknown".to_owned(), "NotObserved".to_owned()),
    }
}

fn add(tally: &mut Tally, instance: &PollingInstance, now: Timestamp) {
    let Some(status) = &instance.status else {
        return;
    };
    let held: i64 = status
        .resources
        .iter()
        .filter_map(|resource| resource.held_objects.as_ref())
        .map(|held| i64::from(held.count))
        .sum();
    // Any key can stand in a spec; one that something is held of is an element.
    if held > 0 {
        *tally.held.entry(instance.spec.element.key.clone()).or_default() += held;
    }
    let overdue = status.next_poll.as_ref().map(|due| now.duration_since(due.0));
    // What is not due yet has a negative one.
    if let Some(overdue) = overdue.and_then(|overdue| overdue.try_into().ok()) {
        tally.overdue = tally.overdue.max(overdue);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    fn instance(status: Value) -> Guarded {
        let object = json!({
            "apiVersion": "pollinator.dev/v1alpha1", "kind": "PollingInstance", "metadata": {"name": "one"},
            "spec": {"element": {"key": "concur"}}, "status": status,
        });
        serde_json::from_value(object).unwrap()
    }

    fn ready(status: &str, reason: &str) -> Value {
        json!([{
            "type": "Ready", "status": status, "reason": reason, "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }])
    }

    #[test]
    fn instances_are_counted_as_their_statuses_say() {
        let held = |count: i32| {
            json!({"name": "reports", "state": "Polled", "consecutiveFailures": 0, "consecutiveDeliveryFailures": 0,
                   "heldObjects": {"count": count, "examples": []}})
        };
        let instances = [
            instance(json!({"observedGeneration": -1})),
            instance(
                json!({"observedGeneration": 1, "conditions": ready("True", "Polling"),
                            "nextPoll": "2026-01-01T00:01:00Z", "resources": [held(2), held(3)]}),
            ),
            instance(
                json!({"observedGeneration": 1, "conditions": ready("True", "Polling"),
                            "nextPoll": "2026-01-01T00:00:20Z"}),
            ),
            instance(json!({"observedGeneration": 1, "conditions": ready("False", "SourceUnreachable")})),
            instance(json!("not a status")),
        ];
        let now = "2026-01-01T00:00:30Z".parse().unwrap();
        let tally = count(instances.iter(), now);
        let shown: Vec<String> = tally
            .instances
            .iter()
            .map(|((ready, reason), count)| format!("{ready} {reason} {count}"))
            .collect();
        let expected = [
            "False InvalidConfiguration 1",
            "False SourceUnreachable 1",
            "True Polling 2",
            "Unknown NotObserved 1",
        ];
        assert_eq!(shown, expected);
        assert_eq!(tally.held, [("concur".to_owned(), 5)].into());
        assert_eq!(tally.overdue, Duration::from_secs(10));
    }
}
