//! Kubernetes events, on transitions only and with stable texts.

use k8s_controller::events::{Event, EventRecorder, EventType};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;

use super::conditions::CARRIED_OVER;
use crate::config::Warning;
use crate::engine::Notice;

/// Reasons that a human is told again when the message is another, since he has tried to mend it; so is another edit.
const TOLD_AGAIN: [&str; 2] = ["InvalidConfiguration", "SecretNotReady"];

/// What is worth an event between two sets of conditions: a condition whose status or reason changed. What has a
/// reason of `shown_elsewhere` is told by another instance, and neither its beginning nor its end is told again.
pub(super) fn transitions(
    before: &[Condition],
    after: &[Condition],
    shown_elsewhere: &[&'static str],
) -> Vec<Event> {
    let elsewhere = |condition: &Condition| shown_elsewhere.contains(&&*condition.reason);
    after
        .iter()
        .filter(|condition| {
            let was_elsewhere = |b: &Condition| b.type_ == condition.type_ && elsewhere(b);
            !elsewhere(condition) && (is_bad(condition) || !before.iter().any(was_elsewhere))
        })
        .filter(|condition| condition.status != "Unknown" && condition.type_ != "Reconciling")
        .filter(|condition| {
            let before = before.iter().find(|before| before.type_ == condition.type_);
            let told_again = |b: &Condition| {
                let by_message = b.type_ == CARRIED_OVER || TOLD_AGAIN.contains(&condition.reason.as_str());
                by_message && b.message != condition.message
            };
            before
                .is_none_or(|b| b.status != condition.status || b.reason != condition.reason || told_again(b))
        })
        // That all is well is told once, by Ready; the others tell when they turn well again.
        .filter(|condition| {
            let was_false = |b: &Condition| b.type_ == condition.type_ && b.status == "False";
            condition.type_ == "Ready"
                || condition.status != "True"
                || is_bad(condition)
                || before.iter().any(was_false)
        })
        // A False condition that says the same as Ready would only repeat it.
        .filter(|condition| {
            condition.type_ == "Ready"
                || !after
                    .iter()
                    .any(|c| c.type_ == "Ready" && c.status == "False" && c.reason == condition.reason)
        })
        .map(|condition| Event {
            type_: if is_bad(condition) {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: condition.reason.clone(),
            note: Some(condition.message.clone()),
            action: "Poll".to_owned(),
            related: None,
        })
        .collect()
}

/// `Stalled` and what tells of an edit are bad when true, all others when not.
fn is_bad(condition: &Condition) -> bool {
    (condition.status == "True") == ["Stalled", CARRIED_OVER].contains(&&*condition.type_)
}

/// A warning about the configuration.
pub(super) fn configuration_warning(warning: &Warning) -> Event {
    Event {
        type_: EventType::Warning,
        reason: "ConfigurationWarning".to_owned(),
        note: Some(format!("{}: {}", warning.path, warning.message)),
        action: "Validate".to_owned(),
        related: None,
    }
}

/// What was given up or set aside.
pub(super) fn notice(notice: &Notice) -> Event {
    Event {
        type_: if notice.warning {
            EventType::Warning
        } else {
            EventType::Normal
        },
        reason: notice.reason.to_owned(),
        note: Some(notice.message.clone()),
        action: "Deliver".to_owned(),
        related: None,
    }
}

/// Publishes; a failure is logged and changes nothing.
pub(super) async fn publish<K: Resource<DynamicType = ()>>(
    recorder: &EventRecorder,
    regarding: &K,
    events: Vec<Event>,
) {
    for event in events {
        if let Err(error) = recorder.publish(regarding, &event).await {
            tracing::warn!(reason = %event.reason, %error, "event not published");
        }
    }
}
