//! The receivers of `examples/receivers`, each against the real sender.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use pollinator::api::DeliveryFormat;
use pollinator::config::Callback;
use pollinator::deliver::{
    Attempts, Event, EventType, Notification, NotificationIds, Origin, Outcome, Sender, instance_source,
    notification,
};
use pollinator::http::{AddressGuard, Answer, BoxFuture, HttpClient, HttpError, Limits, Transport};
use serde_json::value::RawValue;
use tempfile::TempDir;

use crate::support::lines::lines_of;

const KEY: &str = "MySecretEventSignatureKey ä";
/// A runtime on a busy machine takes its time to start.
const PATIENCE: Duration = Duration::from_secs(120);

/// A receiver under test; it ends with the test.
struct Sample {
    process: Child,
    callback: Callback,
    lines: Receiver<String>,
    _folder: TempDir,
}

impl Drop for Sample {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether `program` is there; where it is not, the test says that it was skipped.
fn runtime(program: &str, version: &str) -> bool {
    let there = Command::new(program)
        .arg(version)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !there {
        eprintln!("skipped: there is no {program} on this machine");
    }
    there
}

fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/receivers")
        .join(file)
}

/// An empty key would verify what anybody signs.
fn assert_does_not_start_without_a_key(command: &mut Command) {
    let mut process = command
        .env("SIGNATURE_KEY", "")
        .env("PORT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = lines_of(process.stderr.take().unwrap());
    let listens = log.iter().any(|line| line.contains("listening on"));
    if listens {
        process.kill().unwrap();
    }
    assert!(
        !process.wait().unwrap().success() && !listens,
        "{command:?} starts without a key"
    );
}

fn start(mut command: Command, folder: TempDir) -> Sample {
    assert_does_not_start_without_a_key(&mut command);
    let mut process = command
        .env("SIGNATURE_KEY", KEY)
        .env("PORT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = lines_of(process.stdout.take().unwrap());
    let log = lines_of(process.stderr.take().unwrap());
    let port: u16 = loop {
        let line = log
            .recv_timeout(PATIENCE)
            .expect("the receiver says where it listens");
        if let Some((_, port)) = line.split_once("listening on ") {
            break port.trim().parse().unwrap();
        }
    };
    Sample {
        process,
        callback: Callback {
            url: format!("http://{}/callback", SocketAddr::from(([127, 0, 0, 1], port)))
                .parse()
                .unwrap(),
            signature_key: Some(KEY.as_bytes().to_vec().into()),
            signing_keys: Vec::new(),
            basic: None,
            headers: Vec::new(),
            timeout: PATIENCE,
            tls: None,
        },
        lines,
        _folder: folder,
    }
}

/// Changes bodies on their way, as somebody between the two could.
struct Tampering<T>(T);

impl<T: Transport> Transport for Tampering<T> {
    fn send(&self, mut request: Request<Bytes>, limits: Limits) -> BoxFuture<'_, Result<Answer, HttpError>> {
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        let changed = body.replace("CREATED", "DELETED");
        assert_ne!(body, changed);
        *request.body_mut() = changed.into();
        self.0.send(request, limits)
    }
}

fn client() -> HttpClient {
    HttpClient::new(AddressGuard::laptop(Vec::new(), Vec::new()), "Pollinator/test").unwrap()
}

async fn deliver(transport: impl Transport + 'static, callback: &Callback, body: &Notification) -> String {
    let outcome = Sender::new(Arc::new(transport))
        .deliver(callback, body, &Attempts::once(), Timestamp::now)
        .await;
    match outcome {
        Outcome::Accepted => "accepted".to_owned(),
        Outcome::Refused { status, .. } => format!("refused {status}"),
        Outcome::NotAccepted { reason, .. } => reason.to_string(),
    }
}

fn of(events: &[(&str, EventType, &str)]) -> Notification {
    let origin = Origin {
        element_key: "concur".into(),
        hub_key: "expense".into(),
        ids: NotificationIds::new("uid-1", "finance"),
        instance_name: "Bücher \"Docs\"".into(),
        tags: vec!["Docs".into()],
        resource: "reports".into(),
        polled_at: "2026-11-23T12:00:00Z".parse().unwrap(),
        filter_nulls: true,
        format: DeliveryFormat::Elements,
        source: instance_source("finance", "concur"),
    };
    let to_event = |(id, event_type, object): &(&str, EventType, &str)| {
        // What printing a parsed body would change.
        let record = format!(r#"{{"ID": "{object}","Total":1.50,"Note":"\u00fc 🐝 \/"}}"#);
        Event {
            id: (*id).to_owned(),
            event_type: *event_type,
            object_id: (*object).to_owned(),
            date: origin.polled_at,
            record: RawValue::from_string(record).unwrap().into(),
        }
    };
    notification(&origin, &events.iter().map(to_event).collect::<Vec<_>>())
}

/// What every receiver does; `typed` ones also print what happened to which object.
async fn check(sample: Sample, typed: bool) {
    let callback = &sample.callback;
    let both = of(&[
        ("aa01", EventType::Created, "n1"),
        ("aa02", EventType::Updated, "n1"),
    ]);
    let unsigned = Callback {
        signature_key: None,
        ..callback.clone()
    };
    let other_key = Callback {
        signature_key: Some(b"another".to_vec().into()),
        ..callback.clone()
    };
    for (what, said) in [
        ("tampered", deliver(Tampering(client()), callback, &both).await),
        ("unsigned", deliver(client(), &unsigned, &both).await),
        ("another key", deliver(client(), &other_key, &both).await),
    ] {
        assert!(said.contains("401"), "{what}: {said}");
    }
    assert_eq!(deliver(client(), callback, &both).await, "accepted");
    assert_eq!(deliver(client(), callback, &both).await, "accepted", "a repeat");
    // A repeat beside something new, as after a restart.
    let mixed = of(&[
        ("aa02", EventType::Updated, "n1"),
        ("aa03", EventType::Deleted, "n2"),
    ]);
    assert_eq!(deliver(client(), callback, &mixed).await, "accepted");
    let last = of(&[("aa04", EventType::Created, "n3")]);
    assert_eq!(deliver(client(), callback, &last).await, "accepted");

    let expected = [
        "aa01 CREATED reports n1",
        "aa02 UPDATED reports n1",
        "aa03 DELETED reports n2",
        "aa04 CREATED reports n3",
    ];
    for expected in expected {
        let line = sample.lines.recv_timeout(PATIENCE).unwrap();
        let expected = if typed { expected } else { &expected[..4] };
        assert_eq!(line.replace('"', ""), expected);
    }
    let more: Vec<String> = sample.lines.try_iter().collect();
    assert_eq!(more, [] as [&str; 0]);
}

fn folder() -> TempDir {
    TempDir::new().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn node() {
    if runtime("node", "--version") {
        let mut node = Command::new("node");
        node.arg(example("receiver.mjs"));
        check(start(node, folder()), true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python() {
    if runtime("python3", "--version") {
        let mut python = Command::new("python3");
        python.arg(example("receiver.py"));
        check(start(python, folder()), true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn java() {
    if runtime("java", "-version") {
        let mut java = Command::new("java");
        java.arg(example("Receiver.java"));
        check(start(java, folder()), false).await;
    }
}

/// Built first: `go run` would leave the program behind.
#[tokio::test(flavor = "multi_thread")]
async fn go() {
    if runtime("go", "version") {
        let folder = folder();
        let program = folder.path().join("receiver");
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(example("receiver.go"))
            .env("GOTOOLCHAIN", "local")
            .output()
            .unwrap();
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        check(start(Command::new(program), folder), true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rust() {
    check(start(Command::new(rust_example()), folder()), true).await;
}

/// The example as `cargo test` has built it; with `--test it` alone it may be missing or old, and is built here.
fn rust_example() -> PathBuf {
    let profile = Path::new(env!("CARGO_BIN_EXE_pollinator")).parent().unwrap();
    let program = profile.join("examples/receiver");
    let written = |file: &Path| -> Option<SystemTime> { file.metadata().ok()?.modified().ok() };
    if written(&program) < written(&example("receiver.rs")) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args([
                "build",
                "--locked",
                "--package",
                "pollinator",
                "--example",
                "receiver",
                "--target-dir",
            ])
            .arg(profile.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success());
    }
    program
}
