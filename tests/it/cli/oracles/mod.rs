//! What is sent, judged by the packages that receivers in another language use: `standardwebhooks` and `cloudevents` of
//! npm, at the versions of `package-lock.json`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Desk, code, text};
use crate::support::lines::lines_of;
use crate::support::world::merge;

const RAW: &str = "sandbox-signature-key";
const ENCODED: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const PLAIN: &str = "a plain key of 25 letters";
const PRIVATE: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
/// No notification is signed with it.
const OTHER: &str = "whsec_b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXI=";
/// A runtime on a busy machine takes its time to start.
const PATIENCE: Duration = Duration::from_secs(120);

/// The receiver with the packages; it ends with the test.
struct Oracle {
    process: Child,
    url: String,
    lines: Receiver<String>,
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Oracle {
    /// None where the runtime is missing, or the packages and the registry; said loudly.
    fn start() -> Option<Self> {
        let packages = packages()?;
        let plain = format!("whsec_{}", STANDARD.encode(PLAIN));
        let mut process = Command::new("node")
            .arg(packages.join("receiver.mjs"))
            .env("SECRETS", json!([ENCODED, plain, OTHER]).to_string())
            .env("RAW", RAW)
            .env("PUBLIC", PUBLIC)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = lines_of(process.stdout.take().unwrap());
        let log = lines_of(process.stderr.take().unwrap());
        let first = log.recv_timeout(PATIENCE).unwrap();
        let port = first.strip_prefix("listening on ").unwrap_or_else(|| {
            let rest: Vec<_> = log.iter().collect();
            panic!("{first} {rest:?}")
        });
        Some(Self {
            process,
            url: format!("http://127.0.0.1:{port}/callback"),
            lines,
        })
    }

    /// What the packages said of the next notification.
    fn told(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

/// The folder with the receiver and its packages, installed where they are not yet, or are others.
fn packages() -> Option<PathBuf> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cli/oracles");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracles");
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["package.json", "package-lock.json", "receiver.mjs"] {
        std::fs::copy(sources.join(file), folder.join(file)).unwrap();
    }
    let skip = |why: &str| {
        eprintln!("skipped: what is sent is not judged by packages of another language, since {why}");
        None
    };
    for program in ["node", "npm"] {
        if Command::new(program).arg("--version").output().is_err() {
            return skip(&format!("there is no {program} on this machine"));
        }
    }
    let lock = std::fs::read(sources.join("package-lock.json")).unwrap();
    let stamp = folder.join("installed");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Some(folder);
    }
    let output = Command::new("npm")
        .args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
        ])
        .args(["--fetch-retries=1", "--fetch-timeout=60000"])
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = text(&output);
    if output.status.success() {
        std::fs::write(&stamp, lock).unwrap();
        return Some(folder);
    }
    let unreachable = [
        "ENOTFOUND",
        "EAI_AGAIN",
        "ECONNREFUSED",
        "ECONNRESET",
        "ETIMEDOUT",
        "ENETUNREACH",
        "ERR_SOCKET_TIMEOUT",
    ];
    assert!(
        unreachable.iter().any(|code| said.contains(code)),
        "npm ci: {said}"
    );
    skip(&format!("the registry of npm cannot be reached: {said}"))
}

fn manifests(desk: &Desk, oracle: &Oracle, delivery: &Value) -> PathBuf {
    let mut spec = desk.instance(json!({
        "configuration": {"event.notification.callback.url": oracle.url},
        "delivery": {"signingKeys": [
            {"secretKeyRef": {"name": "signing", "key": "encoded"}},
            {"secretKeyRef": {"name": "signing", "key": "plain"}},
            {"secretKeyRef": {"name": "signing", "key": "ed25519"}},
        ]},
    }));
    merge(&mut spec["delivery"], delivery);
    let objects = json!([
        {
            "apiVersion": "pollinator.dev/v1alpha1",
            "kind": "PollingInstance",
            "metadata": {"name": "concur", "namespace": "finance"},
            "spec": spec,
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "signing", "namespace": "finance"},
            "stringData": {"encoded": ENCODED, "plain": PLAIN, "ed25519": PRIVATE},
        },
    ]);
    desk.file("objects.json", &objects.to_string())
}

/// Every key's signature is one to the package, and only theirs; every CloudEvent is one, and holds what it should.
#[tokio::test(flavor = "multi_thread")]
async fn packages_of_another_language_take_what_is_sent() {
    let Some(oracle) = Oracle::start() else { return };
    for (delivery, sizes) in [
        (json!({}), &[3, 1][..]),
        (json!({"format": "CloudEvents"}), &[3, 1]),
        (
            json!({"format": "CloudEvents", "maxEvents": 1, "maxInFlight": 1}),
            &[1, 1, 1, 1],
        ),
    ] {
        let desk = Desk::new().await;
        let file = manifests(&desk, &oracle, &delivery);
        let poll = async || {
            let output = desk.poll_once(&file).await;
            assert_eq!(code(&output), 0, "{}", text(&output));
        };
        poll().await;
        for id in ["a", "b/ü \"1\"", "c"] {
            desk.vendor.command(json!({"command": "create", "id": id}));
        }
        poll().await;
        desk.vendor.command(json!({"command": "edit", "id": "a"}));
        poll().await;
        let mut events = Vec::new();
        for size in sizes {
            let told = oracle.told();
            assert_eq!(told["secrets"], json!([true, true, false]), "{delivery} {told:#}");
            assert_eq!(
                (&told["raw"], &told["public"]),
                (&json!(true), &json!(true)),
                "{told:#}"
            );
            assert_eq!(told["changed"], false);
            if delivery["format"] == "CloudEvents" {
                assert_eq!(told["events"].as_array().unwrap().len(), *size);
                events.extend(told["events"].as_array().unwrap().clone());
            } else {
                assert_eq!((&told["elements"], &told["events"]), (&json!(size), &Value::Null));
            }
        }
        if events.is_empty() {
            continue;
        }
        let story: Vec<_> = events
            .iter()
            .map(|event| {
                format!(
                    "{} {}",
                    event["type"].as_str().unwrap(),
                    event["subject"].as_str().unwrap()
                )
            })
            .collect();
        assert_eq!(
            story,
            [
                "dev.pollinator.concur.reports.created a",
                "dev.pollinator.concur.reports.created b/ü \"1\"",
                "dev.pollinator.concur.reports.created c",
                "dev.pollinator.concur.reports.updated a",
            ]
        );
        for event in &events {
            assert_eq!(event["source"], "/namespaces/finance/pollinginstances/concur");
            assert_eq!(event["data"]["ID"], event["subject"]);
            assert_eq!(event["datacontenttype"], "application/json");
        }
    }
    let more: Vec<String> = oracle.lines.try_iter().collect();
    assert_eq!(more, [] as [&str; 0]);
}
