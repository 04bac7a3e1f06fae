//! An operator for some namespaces asks for nothing in the others.

use serde_json::{Value, json};

use super::rig::{HOUR, NAMESPACE, Rig, SOON, condition, manifest, secret_manifest};
use crate::fake_api::{Verb, on};

#[tokio::test(start_paused = true)]
async fn each_namespace_is_watched_by_itself_and_no_other_is_touched() {
    let mut rig = Rig::new();
    for namespace in [NAMESPACE, "sales", "people"] {
        let objects = [
            secret_manifest("sandbox-refresh-token"),
            manifest("concur", &json!({})),
        ];
        for mut object in objects {
            object["metadata"]["namespace"] = json!(namespace);
            rig.fake.seed(object);
        }
    }
    rig.namespaces = [NAMESPACE, "sales"].map(str::to_owned).into();
    // One watch that cannot begin at first does not hold up the other.
    rig.fake.fail_next(on(Verb::List, "pollinginstances"), 403, 1);
    rig.start();
    let polls = |object: Option<&Value>| {
        object.is_some_and(|object| condition(&object["status"], "Ready")["status"] == "True")
    };
    for namespace in [NAMESPACE, "sales"] {
        rig.fake
            .wait_for("pollinginstances", namespace, "concur", SOON, polls)
            .await;
    }
    rig.create("n1");
    rig.until_story(&["CREATED n1", "CREATED n1"], SOON).await;
    rig.pass(HOUR).await;
    let untouched = rig.fake.get("pollinginstances", "people", "concur").unwrap();
    assert_eq!(condition(&untouched["status"], "Ready"), Value::Null);
    let mut elsewhere = rig.fake.requests();
    elsewhere.retain(|request| {
        let inside = [NAMESPACE, "sales"].map(|namespace| format!("/namespaces/{namespace}/"));
        let discovery = request.uri == "/apis/pollinator.dev/v1alpha1";
        !discovery && !inside.iter().any(|inside| request.uri.contains(inside))
    });
    assert!(elsewhere.is_empty(), "{elsewhere:?}");

    // The metrics count what is there, and no more what is gone.
    let shows = |rig: &Rig, count: u8| {
        let line = format!("pollinator_instances{{ready=\"True\",reason=\"Polling\"}} {count}\n");
        assert!(rig.metrics().contains(&line), "{line} {}", rig.metrics());
    };
    shows(&rig, 2);
    rig.fake.delete("pollinginstances", "sales", "concur");
    rig.pass(SOON).await;
    shows(&rig, 1);
    rig.stop().await;
    assert!(
        !rig.metrics().contains("pollinator_instances{"),
        "{}",
        rig.metrics()
    );
    rig.assert_clean();
}
