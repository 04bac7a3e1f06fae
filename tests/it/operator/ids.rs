//! Annotations that keep the ids of an instance what they were before it was migrated.

use serde_json::{Value, json};

use super::rig::{Rig, SOON};

fn last_message(rig: &Rig) -> Value {
    let received = rig.sandbox.received();
    let body: Value = serde_json::from_slice(&received.last().unwrap().body).unwrap();
    assert_eq!(
        body["topic"],
        format!("instance-{}-concur-events", body["message"]["instanceId"])
    );
    body["message"].clone()
}

fn ids(message: &Value) -> [&Value; 5] {
    ["instanceId", "instance_id", "accountId", "companyId", "userId"].map(|key| &message[key])
}

#[tokio::test(start_paused = true)]
async fn annotations_set_the_ids_and_wrong_ones_are_told() {
    let rig = Rig::polling(json!({}));
    rig.wait_ready("concur").await;
    rig.create("n1");
    rig.until_story(&["CREATED n1"], SOON).await;
    let own = last_message(&rig);
    assert!(
        ids(&own)
            .iter()
            .all(|id| id.as_u64().is_some_and(|id| id > 0 && id < 1 << 53))
    );

    rig.annotate("concur", "pollinator.dev/instanceId", "7950647");
    rig.annotate("concur", "pollinator.dev/companyId", "291");
    rig.pass(SOON).await;
    rig.create("n2");
    rig.until_story(&["CREATED n1", "CREATED n2"], SOON).await;
    let set = last_message(&rig);
    assert_eq!(
        ids(&set),
        [
            &json!(7_950_647),
            &json!(7_950_647),
            &own["accountId"],
            &json!(291),
            &own["userId"]
        ]
    );

    rig.annotate("concur", "pollinator.dev/instanceId", "795-0647");
    let stalled = rig
        .wait_condition("concur", "Stalled=True InvalidConfiguration", SOON)
        .await;
    let message = stalled["message"].as_str().unwrap();
    assert!(
        message.contains(
            r#"metadata.annotations["pollinator.dev/instanceId"]: "795-0647" is no positive integer"#
        ),
        "{message}"
    );
    rig.wait_condition("concur", "Ready=False InvalidConfiguration", SOON)
        .await;
    rig.create("n3");
    rig.pass(SOON).await;
    assert_eq!(rig.story().len(), 2, "nothing goes out under a wrong id");

    rig.annotate("concur", "pollinator.dev/instanceId", "7950648");
    rig.until_story(&["CREATED n1", "CREATED n2", "CREATED n3"], SOON)
        .await;
    assert_eq!(last_message(&rig)["instanceId"], 7_950_648);
    rig.wait_ready("concur").await;
    rig.assert_clean();
}

/// Kubernetes keeps any bytes in a Secret, and any bytes are a key.
#[tokio::test(start_paused = true)]
async fn a_signature_key_that_is_no_text() {
    use base64::Engine as _;
    use pollinator::deliver::verify_elements;

    let key = [0xff, 0xfe, 0x00, b'\n'];
    let mut rig = Rig::new();
    let mut secret = super::rig::secret_manifest("sandbox-refresh-token");
    let encoded = base64::engine::general_purpose::STANDARD.encode(key);
    secret["data"]["event.notification.signature.key"] = json!(encoded);
    rig.fake.seed(secret);
    rig.seed("concur", json!({}));
    rig.start();
    rig.wait_ready("concur").await;
    rig.create("n1");
    rig.until("a notification", SOON, |rig| !rig.sandbox.received().is_empty())
        .await;
    let received = &rig.sandbox.received()[0];
    let (_, header) = received
        .headers
        .iter()
        .find(|(name, _)| name == "elements-webhook-signature")
        .unwrap();
    assert!(verify_elements(&key, header, &received.body), "{header}");
    rig.assert_clean();
}
