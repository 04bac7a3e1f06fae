//! `pollinator poll` against the simulator.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Desk, code, pollinator, run, text};

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_polls_unchanged() {
    let desk = Desk::new().await;
    let as_text = desk.instance(json!({}))["configuration"]["event.poller.configuration"].to_string();
    let as_object = desk.sample(json!({}));
    let as_string = desk
        .instance(json!({"configuration": {"event.poller.configuration": as_text}}))
        .to_string();
    let as_string = desk.file("string.json", &as_string);
    for (file, object) in [(as_object, "a1"), (as_string, "a2")] {
        assert_eq!(code(&desk.poll_once(&file).await), 0);
        desk.vendor.command(json!({"command": "create", "id": object}));
        let output = desk.poll_once(&file).await;
        assert_eq!(code(&output), 0, "{}", text(&output));
        assert!(
            text(&output).contains("1 created, 0 updated"),
            "{}",
            text(&output)
        );
    }
    assert_eq!(desk.vendor.story(), ["CREATED a1", "CREATED a2"]);
    let received = &desk.vendor.sandbox.received()[0];
    assert_eq!(received.signature, "valid");
}

#[tokio::test(flavor = "multi_thread")]
async fn once_says_1_when_a_poll_or_delivery_failed_and_goes_on_from_there() {
    let desk = Desk::new().await;
    let file = desk.sample(json!({}));
    assert_eq!(code(&desk.poll_once(&file).await), 0);
    desk.vendor.command(json!({"command": "create", "id": "a"}));
    desk.vendor
        .command(json!({"command": "configure", "knobs": {"receiverStatus": 404}}));
    let output = desk.poll_once(&file).await;
    assert_eq!(code(&output), 1);
    assert!(text(&output).contains("CallbackRefused"), "{}", text(&output));

    desk.vendor
        .command(json!({"command": "configure", "knobs": {"receiverStatus": null}}));
    desk.vendor.command(json!({
        "command": "fault", "target": "reports", "times": 1, "fault": {"kind": "status", "status": 404}
    }));
    let output = desk.poll_once(&file).await;
    assert_eq!(code(&output), 1, "{}", text(&output));

    assert_eq!(code(&desk.poll_once(&file).await), 0);
    assert_eq!(code(&desk.poll_once(&file).await), 0);
    assert_eq!(desk.vendor.story(), ["CREATED a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_prints_and_leaves_everything_as_it_was() {
    let desk = Desk::new().await;
    let file = desk.sample(json!({}));
    assert_eq!(code(&desk.poll_once(&file).await), 0);
    desk.vendor.command(json!({"command": "create", "id": "a"}));
    let state = desk.state();
    let args = [
        "poll",
        "--once",
        "--dry-run",
        "--output",
        "json",
        "--state-dir",
        state.to_str().unwrap(),
        "-f",
    ];
    for _ in 0..2 {
        let output = run(&[&args[..], &[file.to_str().unwrap()]].concat()).await;
        assert_eq!(code(&output), 0, "{}", text(&output));
        let first = String::from_utf8(output.stdout).unwrap();
        let notification: Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
        assert_eq!(notification["message"]["events"][0]["objectId"], "a");
    }
    assert!(desk.vendor.sandbox.received().is_empty());
    assert_eq!(code(&desk.poll_once(&file).await), 0);
    assert_eq!(desk.vendor.story(), ["CREATED a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn since_moves_the_cursor_once() {
    let desk = Desk::new().await;
    let file = desk.sample(json!({}));
    desk.vendor
        .command(json!({"command": "seed", "count": 3, "prefix": "r"}));
    assert_eq!(code(&desk.poll_once(&file).await), 0);
    let state = desk.state();
    for _ in 0..2 {
        let output = run(&[
            "poll",
            "--once",
            "--since",
            "2020-01-01T00:00:00Z",
            "--state-dir",
            state.to_str().unwrap(),
            "-f",
            file.to_str().unwrap(),
        ])
        .await;
        assert_eq!(code(&output), 0, "{}", text(&output));
    }
    let mut story = desk.vendor.story();
    story.sort();
    assert_eq!(story.len(), 3, "reported once: {story:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_in_use_or_damaged_is_left_alone() {
    let desk = Desk::new().await;
    let file = desk.sample(json!({}));
    assert_eq!(code(&desk.poll_once(&file).await), 0);
    let folder = desk.state().join("checkpoints");
    let checkpoint = std::fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let good = std::fs::read(&checkpoint).unwrap();
    let newer = String::from_utf8(good.clone())
        .unwrap()
        .replace("\"format\":1", "\"format\":99");
    let flipped = String::from_utf8(good.clone())
        .unwrap()
        .replace("\"seenChecksum\":\"", "\"seenChecksum\":\"f");
    for damaged in [
        &b"not json"[..],
        &good[..good.len() / 2],
        newer.as_bytes(),
        flipped.as_bytes(),
        b"",
    ] {
        std::fs::write(&checkpoint, damaged).unwrap();
        desk.vendor.command(json!({"command": "create"}));
        let output = desk.poll_once(&file).await;
        assert_eq!(code(&output), 1, "{}", text(&output));
        assert!(text(&output).contains("corrupted"), "{}", text(&output));
        assert_eq!(
            std::fs::read(&checkpoint).unwrap(),
            damaged,
            "nothing is overwritten"
        );
    }
    assert!(
        desk.vendor.story().is_empty(),
        "nothing is delivered from a damaged state"
    );

    std::fs::write(&checkpoint, &good).unwrap();
    // A write that cannot be done, as on a full disk.
    let beside = checkpoint.with_extension("json.new");
    std::fs::create_dir(&beside).unwrap();
    let output = desk.poll_once(&file).await;
    assert_eq!(code(&output), 1, "{}", text(&output));
    assert_eq!(std::fs::read(&checkpoint).unwrap(), good);
    assert!(
        desk.vendor.story().is_empty(),
        "unclaimed, so nothing is fetched or delivered"
    );
    std::fs::remove_dir(&beside).unwrap();

    let state = desk.state();
    let args = [
        "poll",
        "--state-dir",
        state.to_str().unwrap(),
        "-f",
        file.to_str().unwrap(),
    ];
    let mut running = Running(
        pollinator(&args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    wait_until("the first run delivers", || !desk.vendor.story().is_empty()).await;
    let output = desk.poll_once(&file).await;
    assert_eq!(code(&output), 1);
    assert!(
        text(&output).contains("in use by another run"),
        "{}",
        text(&output)
    );
    running.terminate();
    assert_eq!(running.0.wait().unwrap().code(), Some(0), "SIGTERM ends it well");
    assert_eq!(desk.vendor.story().len(), 5);
}

/// Ended with the test.
struct Running(std::process::Child);

impl Running {
    fn terminate(&self) {
        let status = Command::new("kill")
            .arg(self.0.id().to_string())
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "{what}: not within 30 s");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_files_and_missing_secrets_are_named() {
    let desk = Desk::new().await;
    let table = [
        ("a.json", "{\"element\": ", "not valid JSON"),
        ("b.yaml", "kind: [", "not valid YAML"),
        ("c.yaml", "a: 1", "neither a Kubernetes object nor"),
        ("d.yaml", "apiVersion: v1\nkind: ConfigMap", "no PollingInstance"),
        (
            "e.yaml",
            "kind: PollingInstance\nmetadata: {name: x}\nspec: {element: 5}",
            "spec.element",
        ),
        (
            "f.yaml",
            "kind: PollingInstance\nmetadata: {name: x}\nspec:\n  element: {key: concur}\n  \
             configurationFrom: [{secretRef: {name: gone}}]\n",
            "Secret \"gone\" is not among the files",
        ),
    ];
    for (name, content, words) in table {
        let file = desk.file(name, content);
        let output = desk.poll_once(&file).await;
        assert_eq!(code(&output), 1, "{name}");
        assert!(text(&output).contains(words), "{name}: {}", text(&output));
        assert!(text(&output).contains(name), "{name}: {}", text(&output));
    }
    let gone = desk.folder.path().join("gone.yaml");
    assert_eq!(code(&desk.poll_once(&gone).await), 1);
    assert_eq!(code(&run(&["poll", "--bogus"]).await), 2, "wrong usage");
}

/// An instance that moves keeps the ids its receivers know, and a wrong one is told before anything is sent.
#[tokio::test(flavor = "multi_thread")]
async fn annotations_keep_the_ids_of_a_migrated_instance() {
    let desk = Desk::new().await;
    let object = |annotations: Value| {
        let mut spec = desk.instance(json!({}));
        spec["configuration"]
            .as_object_mut()
            .unwrap()
            .remove("event.notification.signature.key");
        spec["configurationFrom"] = json!([{"secretRef": {"name": "key"}}]);
        let instance = json!({
            "apiVersion": "pollinator.dev/v1alpha1",
            "kind": "PollingInstance",
            "metadata": {"name": "concur", "annotations": annotations},
            "spec": spec,
        });
        // Not UTF-8: the bytes ff fe 0a.
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "key"},
            "data": {"event.notification.signature.key": "//4K"},
        });
        desk.file("object.json", &json!([instance, secret]).to_string())
    };
    let wrong = object(json!({"pollinator.dev/instanceId": "0", "pollinator.dev/userId": "me"}));
    for command in [vec!["validate", "-f"], vec!["poll", "--once", "-f"]] {
        let output = run(&[&command[..], &[wrong.to_str().unwrap()]].concat()).await;
        assert_eq!(code(&output), 1, "{}", text(&output));
        for path in ["instanceId", "userId"] {
            let path = format!(r#"metadata.annotations["pollinator.dev/{path}"]: "#);
            assert!(text(&output).contains(&path), "{}", text(&output));
        }
    }
    let right = object(json!({
        "pollinator.dev/instanceId": "7950647", "pollinator.dev/accountId": "874",
        "pollinator.dev/companyId": "291", "pollinator.dev/userId": "2749",
    }));
    assert_eq!(code(&desk.poll_once(&right).await), 0);
    desk.vendor.command(json!({"command": "create", "id": "a"}));
    let output = desk.poll_once(&right).await;
    assert_eq!(code(&output), 0, "{}", text(&output));
    let received = &desk.vendor.sandbox.received()[0];
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    assert_eq!(body["topic"], "instance-7950647-concur-events");
    let message = &body["message"];
    let ids = ["instanceId", "instance_id", "accountId", "companyId", "userId"].map(|key| &message[key]);
    assert_eq!(ids, [7_950_647, 7_950_647, 874, 291, 2749]);

    let (_, signature) = received
        .headers
        .iter()
        .find(|(name, _)| name == "elements-webhook-signature")
        .unwrap();
    let key = desk.folder.path().join("key");
    std::fs::write(&key, b"\xff\xfe\n").unwrap();
    let mut child = pollinator(&[
        "verify",
        "--signature",
        signature,
        "--key-file",
        key.to_str().unwrap(),
    ])
    .stdin(Stdio::piped())
    .spawn()
    .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &received.body).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Without a cluster the folder itself knows which resource was there under another name.
#[tokio::test(flavor = "multi_thread")]
async fn edits_carry_the_cursor_in_the_folder_too() {
    let desk = Desk::new().await;
    let backfill = |patch: Value| {
        let mut instance = desk.instance(patch);
        instance = json!({
            "apiVersion": "pollinator.dev/v1alpha1", "kind": "PollingInstance", "metadata": {"name": "one"}, "spec": instance,
        });
        instance["spec"]["polling"] = json!({"initialSync": {"policy": "Backfill"}});
        instance
    };
    let first = backfill(json!({}));
    let poll = async |instance: &Value| {
        let file = desk.file("instance.json", &instance.to_string());
        let output = desk.poll_once(&file).await;
        assert_eq!(code(&output), 0, "{}", text(&output));
        text(&output)
    };
    desk.vendor.command(json!({"command": "create", "id": "old"}));
    let said = poll(&first).await;
    assert!(!said.contains("is new"), "{said}");

    let entries = "/spec/configuration/event.poller.configuration";
    let mut renamed = first.clone();
    let resources = renamed.pointer_mut(entries).unwrap().as_object_mut().unwrap();
    let entry = resources.shift_remove("reports").unwrap();
    resources.insert("expenses".into(), entry.clone());
    desk.vendor.command(json!({"command": "create", "id": "n1"}));
    let said = poll(&renamed).await;
    assert!(said.contains("it was reports before"), "{said}");

    let resources = renamed.pointer_mut(entries).unwrap().as_object_mut().unwrap();
    resources.insert(
        "more".into(),
        json!({"url": "/hubs/expense/users", "idField": "id"}),
    );
    let said = poll(&renamed).await;
    assert!(
        said.contains("resource more is new and begins as Backfill"),
        "{said}"
    );
    desk.vendor.command(json!({"command": "create", "id": "n2"}));
    let said = poll(&renamed).await;
    assert!(
        !said.contains("it was reports before"),
        "told twice and no more: {said}"
    );
    assert_eq!(desk.vendor.story(), ["CREATED old", "CREATED n1", "CREATED n2"]);
}
