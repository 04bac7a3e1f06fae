//! `pollinator authorize`, with the test as the user and his browser.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use concur_sandbox::Options;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::support::secrets::{SIGNATURE_KEY, assert_none_in};
use crate::support::vendor::Vendor;
use crate::support::world::{merge, ordinary_spec};

const LISTEN: &[&str] = &["--listen", "127.0.0.1:0"];
const PATIENCE: Duration = Duration::from_secs(60);

struct Desk {
    vendor: Vendor,
    folder: TempDir,
}

/// A running `pollinator authorize`.
struct Login {
    child: Child,
    stdin: Option<ChildStdin>,
    said: mpsc::Receiver<String>,
    /// Everything said so far.
    heard: String,
}

/// How it ended.
struct End {
    code: Option<i32>,
    printed: String,
    said: String,
}

impl Desk {
    async fn new() -> Self {
        let options = Options {
            signature_key: Some(SIGNATURE_KEY.into()),
            ..Options::default()
        };
        Self {
            vendor: Vendor::start(options).await,
            folder: TempDir::new().unwrap(),
        }
    }

    /// The instance of the samples, and a Secret without a refresh token.
    fn files(&self, configuration: &Value, secret: &Value) -> PathBuf {
        let mut spec = ordinary_spec();
        let keys = spec["configuration"].as_object_mut().unwrap();
        for key in [
            "base.url",
            "oauth.api.key",
            "oauth.api.secret",
            "oauth.user.refresh_token",
            "event.notification.signature.key",
        ] {
            keys.remove(key);
        }
        let here = json!({
            "configuration": {
                "oauth.callback.url": "https://httpbin.org/get",
                "oauth.token.url": self.vendor.token_url(),
                "event.notification.callback.url": self.vendor.callback(),
            },
            "configurationFrom": [{"secretRef": {"name": "app"}}],
        });
        merge(&mut spec, &here);
        merge(&mut spec, &json!({"configuration": configuration}));
        let mut data = json!({
            "oauth.api.key": "sandbox-client",
            "oauth.api.secret": "sandbox-secret",
            "event.notification.signature.key": SIGNATURE_KEY,
        });
        merge(&mut data, secret);
        let instance = json!({
            "apiVersion": "pollinator.dev/v1alpha1",
            "kind": "PollingInstance",
            "metadata": {"name": "concur", "namespace": "finance"},
            "spec": spec,
        });
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "app", "namespace": "finance", "labels": {"team": "finance"}},
            "stringData": data,
        });
        self.write("instance.json", &instance);
        self.write("secret.json", &secret)
    }

    fn write(&self, name: &str, content: &Value) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content.to_string()).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pollinator"));
        command
            .arg(arguments[0])
            .arg("-f")
            .arg(self.folder.path().join("instance.json"))
            .arg("-f")
            .arg(self.folder.path().join("secret.json"))
            .args(&arguments[1..])
            .env_remove("RUST_LOG");
        command
    }

    fn authorize(&self, arguments: &[&str]) -> Login {
        let mut command = self.command(&[&["authorize"], arguments].concat());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, said) = mpsc::channel();
        std::thread::spawn(move || stderr.lines().try_for_each(|line| sender.send(line.unwrap())));
        Login {
            stdin: child.stdin.take(),
            child,
            said,
            heard: String::new(),
        }
    }

    /// The printed Secret takes the old one's place, and a poll with it succeeds.
    async fn poll_with(&self, printed: &str) {
        std::fs::write(self.folder.path().join("secret.json"), printed).unwrap();
        let state = self.folder.path().join("state");
        let mut command = self.command(&["poll", "--once", "--state-dir"]);
        let output = tokio::task::spawn_blocking(move || command.arg(state).output().unwrap())
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_none_in("what a poll said", &said);
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
}

impl Login {
    fn hear(&mut self, words: &str) -> String {
        loop {
            let line = self.said.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("{words:?} was not said, but: {}", self.heard));
            self.heard.push_str(&line);
            self.heard.push('\n');
            if line.contains(words) {
                return line;
            }
        }
    }

    /// What the user would open.
    fn url(&mut self) -> Url {
        self.hear("?client_id=").trim().parse().unwrap()
    }

    fn paste(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{text}").unwrap();
    }

    fn end(mut self) -> End {
        let mut printed = String::new();
        let mut stdout = self.child.stdout.take().unwrap();
        stdout.read_to_string(&mut printed).unwrap();
        let code = self.child.wait().unwrap().code();
        while let Ok(line) = self.said.recv_timeout(PATIENCE) {
            self.heard.push_str(&line);
            self.heard.push('\n');
        }
        let said = std::mem::take(&mut self.heard);
        assert_none_in("what was said", &said);
        End { code, printed, said }
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl End {
    /// It succeeded; the values of the printed Secret.
    fn secret(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.said);
        let secret: Value = serde_saphyr::from_str(&self.printed).unwrap();
        assert_eq!(secret["kind"], "Secret");
        assert_eq!(
            secret["metadata"],
            json!({"name": "app", "namespace": "finance", "labels": {"team": "finance"}})
        );
        let token = secret["stringData"]["oauth.user.refresh_token"].as_str().unwrap();
        assert!(!token.is_empty() && !self.said.contains(token), "{}", self.said);
        secret["stringData"].clone()
    }

    fn failed_with(&self, words: &str) {
        assert_eq!(self.code, Some(1), "{}", self.said);
        assert!(self.said.contains(words), "{words:?} in {}", self.said);
        assert!(self.printed.is_empty(), "nothing is printed");
    }
}

fn parameter(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.unwrap_or_else(|| panic!("{name} in {url}")).1.into_owned()
}

/// Where the vendor sends the browser.
fn landing(asked: &Url, answer: &str) -> Url {
    let mut url: Url = parameter(asked, "redirect_uri").parse().unwrap();
    url.set_query(Some(&format!("{answer}&state={}", parameter(asked, "state"))));
    url
}

/// The browser goes there; status and page.
async fn visit(url: Url) -> (u16, String) {
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_brings_the_code() {
    let desk = Desk::new().await;
    desk.files(&json!({"oauth.callback.url": ""}), &json!({}));
    let mut login = desk.authorize(LISTEN);
    let asked = login.url();
    let here: Url = desk.vendor.token_url().parse().unwrap();
    assert_eq!(
        (asked.origin(), asked.path()),
        (here.origin(), "/oauth2/v0/authorize")
    );
    for (name, value) in [
        ("client_id", "sandbox-client"),
        ("scope", "EXPRPT"),
        ("response_type", "code"),
    ] {
        assert_eq!(parameter(&asked, name), value);
    }
    assert!(parameter(&asked, "state").len() >= 32);

    let redirect: Url = parameter(&asked, "redirect_uri").parse().unwrap();
    login.hear("waiting for the redirect");
    assert_eq!(visit(redirect.join("/favicon.ico").unwrap()).await.0, 404);
    let mut forged = landing(&asked, "code=stolen");
    forged.set_query(Some("code=stolen&state=other"));
    assert_eq!(visit(forged).await.0, 400);
    login.hear("its state is not that of this authorization");
    assert_eq!(visit(redirect).await.0, 400);
    login.hear("neither a code nor an error");

    let place = "https%3A%2F%2Fevil.example";
    let (status, page) = visit(landing(&asked, &format!("geolocation={place}&code=sandbox-code"))).await;
    assert_eq!(status, 200);
    assert!(
        page.contains("close this page") && !page.contains("sandbox-code"),
        "{page}"
    );
    let end = login.end();
    let secret = end.secret();
    assert_eq!(secret["oauth.api.secret"], "sandbox-secret");
    assert_eq!(secret["event.notification.signature.key"], SIGNATURE_KEY);
    desk.poll_with(&end.printed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_was_made_to_point_here_is_not_answered() {
    let desk = Desk::new().await;
    desk.files(&json!({"oauth.callback.url": ""}), &json!({}));
    let mut login = desk.authorize(LISTEN);
    let asked = login.url();
    let url = landing(&asked, "code=sandbox-code");
    let client = reqwest::Client::new();
    let answer = client
        .get(url)
        .header("host", "evil.example")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 421);
    login.paste(landing(&asked, "code=sandbox-code").as_str());
    login.end().secret();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_is_pasted() {
    let desk = Desk::new().await;
    desk.files(&json!({"oauth.scope": "EXPRPT,LIST"}), &json!({}));
    let mut login = desk.authorize(&["--output", "json"]);
    let asked = login.url();
    assert_eq!(parameter(&asked, "redirect_uri"), "https://httpbin.org/get");
    assert_eq!(parameter(&asked, "scope"), "EXPRPT LIST");
    for (text, words) in [
        ("yes", "neither a code nor an error"),
        ("https://httpbin.org/get?code=sandbox-code", "no state"),
        (
            "https://httpbin.org/get?code=sandbox-code&state=1",
            "not that of this",
        ),
        (asked.as_str(), "neither a code nor an error"),
    ] {
        login.paste("");
        login.paste(text);
        login.hear(words);
    }
    login.paste(&format!("  \"{}\",", landing(&asked, "code=sandbox-code")));
    let end = login.end();
    end.secret();
    serde_json::from_str::<Value>(&end.printed).unwrap();
    // A year's first request may go to another data centre, which says where the user lives.
    desk.vendor
        .command(json!({"command": "fault", "target": "token", "fault": {
            "kind": "token-error", "code": 16, "geolocation": desk.vendor.token_url()
        }}));
    desk.poll_with(&end.printed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_end_it() {
    let desk = Desk::new().await;
    desk.files(&json!({"oauth.callback.url": ""}), &json!({}));
    let mut login = desk.authorize(LISTEN);
    let asked = login.url();
    let answer = "error_code=53&error_description=company+is+not+enabled";
    let (status, page) = visit(landing(&asked, answer)).await;
    assert_eq!(status, 403);
    assert!(!page.contains("company"), "{page}");
    login.end().failed_with(
        "the access was refused (code 53): company is not enabled; the company is not enabled for this app",
    );

    let mut login = desk.authorize(LISTEN);
    let asked = login.url();
    login.paste(landing(&asked, "code=wrong").as_str());
    login.end().failed_with("(code 60)");

    desk.files(&json!({}), &json!({"oauth.api.secret": "not-the-one"}));
    let mut login = desk.authorize(&[]);
    let asked = login.url();
    login.paste(landing(&asked, "code=sandbox-code").as_str());
    let end = login.end();
    end.failed_with("(code 64)");
    end.failed_with("check `oauth.api.key` and `oauth.api.secret`");
    assert!(!end.said.contains("not-the-one"), "{}", end.said);

    desk.vendor
        .command(json!({"command": "fault", "target": "token", "fault": {"kind": "maintenance"}}));
    let mut login = desk.authorize(&[]);
    let asked = login.url();
    login.paste(landing(&asked, "code=sandbox-code").as_str());
    login.end().failed_with("run it again later");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_request_token_needs_no_browser() {
    let desk = Desk::new().await;
    let company = json!({
        "oauth.username": "6f0c1b7e-52a4-4d0e-9a3b-0f1d7c5e8a21",
        "oauth.password": "sandbox-request-token",
    });
    desk.files(&json!({"event.poller.configuration": "[1]"}), &company);
    let end = desk.authorize(&[]).end();
    let secret = end.secret();
    assert!(
        secret.get("oauth.password").is_none(),
        "it is good for a day only"
    );
    assert_eq!(secret["event.notification.signature.key"], SIGNATURE_KEY);
    desk.files(&json!({}), &json!({}));
    desk.poll_with(&end.printed).await;

    desk.files(
        &json!({}),
        &json!({"oauth.username": "someone-else", "oauth.password": "sandbox-request-token"}),
    );
    desk.authorize(&[]).end().failed_with("(code 136)");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_not_wait_for_ever() {
    let desk = Desk::new().await;
    desk.files(&json!({}), &json!({}));
    let login = desk.authorize(&["--timeout", "300ms"]);
    login.end().failed_with("nobody allowed the access within 0.3 s");

    let mut login = desk.authorize(&[]);
    login.url();
    login.stdin.take();
    login.end().failed_with("standard input has ended");

    // Without a terminal the redirect is still received; ctrl-c ends it.
    let mut login = desk.authorize(LISTEN);
    login.stdin.take();
    login.hear("waiting for the redirect");
    let pid = login.child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let end = login.end();
    assert_eq!((end.code, end.printed.as_str()), (Some(130), ""), "{}", end.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_said_first() {
    let desk = Desk::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("http://{}/callback", taken.local_addr().unwrap());
    let table = [
        (
            json!({"oauth.callback.url": ""}),
            json!({}),
            "set oauth.callback.url",
        ),
        (json!({}), json!({"oauth.api.secret": ""}), "oauth.api.secret"),
        (
            json!({"oauth.username": "u"}),
            json!({}),
            "is missing beside oauth.username",
        ),
        (
            json!({"event.poller.configuration": "[1]"}),
            json!({}),
            "name the scopes with --scope",
        ),
        (json!({"oauth.scope": "\""}), json!({}), "cannot be a scope"),
        (json!({"oauth.callback.url": "nowhere"}), json!({}), "is no URL"),
        (
            json!({"oauth.callback.url": taken}),
            json!({}),
            "cannot listen at",
        ),
    ];
    for (configuration, secret, words) in table {
        desk.files(&configuration, &secret);
        desk.authorize(&[]).end().failed_with(words);
    }
    desk.files(&json!({}), &json!({}));
    desk.authorize(&["--instance", "other"])
        .end()
        .failed_with("the files hold finance/concur");
    for wrong in [["--scope", " "], ["--timeout", "soon"], ["--listen", "here"]] {
        assert_eq!(desk.authorize(&wrong).end().code, Some(2), "{wrong:?}");
    }
    assert!(desk.vendor.sandbox.received().is_empty());
}
