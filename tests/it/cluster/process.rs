//! The operator as a process.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::site::{SOON, Site};
use crate::support::secrets::{Watch, search};

pub(super) struct Operator {
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
    grown: watch::Receiver<usize>,
    _watch: Watch,
}

impl Operator {
    /// `pollinator operator` on the site's namespace, with what the chart grants for one namespace, allowed to call
    /// loopback.
    pub(super) fn start(site: &Site, arguments: &[&str]) -> Operator {
        Operator::start_guarded(site, &[&["--allow-address", "127.0.0.0/8"], arguments].concat())
    }

    /// The same, not allowed to.
    pub(super) fn start_guarded(site: &Site, arguments: &[&str]) -> Operator {
        let place = [
            "operator",
            "--namespace",
            site.namespace,
            "--lease-namespace",
            site.namespace,
        ];
        Operator::spawn(&site.operator_kubeconfig, &[&place, arguments].concat(), &[])
    }

    /// `pollinator` with these arguments and variables and no others, but for where it listens and that it logs all it
    /// can. No line that it prints may have a secret in it.
    pub(super) fn spawn(kubeconfig: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Operator {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pollinator"))
            .args(arguments)
            .args(["--listen", "127.0.0.1:0"])
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            .env("RUST_LOG", "trace")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut printed = child.stdout.take().unwrap();
        tokio::spawn(async move {
            let mut text = String::new();
            let _ = printed.read_to_string(&mut text).await;
            search("what an operator printed", &text);
        });
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (grow, grown) = watch::channel(0);
        let (mut log, kept) = (
            BufReader::new(child.stderr.take().unwrap()).lines(),
            lines.clone(),
        );
        tokio::spawn(async move {
            while let Ok(Some(line)) = log.next_line().await {
                search("the log of an operator", &line);
                let line =
                    serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON in the log: {line}"));
                kept.lock().unwrap().push(line);
                grow.send_modify(|count| *count += 1);
            }
        });
        Operator {
            child,
            lines,
            grown,
            _watch: Watch::new(),
        }
    }

    /// Waits for a log line whose message begins with `message`.
    pub(super) async fn logged(&mut self, message: &str) -> Value {
        let find = || {
            let lines = self.lines.lock().unwrap();
            lines
                .iter()
                .find(|line| line["message"].as_str().is_some_and(|m| m.starts_with(message)))
                .cloned()
        };
        let waiting = self.grown.wait_for(|_| find().is_some());
        if tokio::time::timeout(SOON, waiting).await.is_err() || find().is_none() {
            panic!("{message:?} was not logged: {:#?}", self.log());
        }
        find().unwrap()
    }

    pub(super) fn log(&self) -> Vec<Value> {
        self.lines.lock().unwrap().clone()
    }

    /// Whether it has begun to poll.
    pub(super) fn polls(&self) -> bool {
        self.log().iter().any(|line| line["message"] == "polling begins")
    }

    /// Status and body of one of its own pages.
    pub(super) async fn get(&mut self, path: &str) -> (u16, String) {
        let address = self.logged("serving").await["address"]
            .as_str()
            .unwrap()
            .to_owned();
        let answer = reqwest::get(format!("http://{address}{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Waits until `/readyz` says so.
    pub(super) async fn wait_ready(&mut self) {
        let end = tokio::time::Instant::now() + SOON;
        loop {
            let (status, body) = self.get("/readyz").await;
            if status == 200 {
                return;
            }
            assert!(tokio::time::Instant::now() < end, "not ready: {body}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Sends it a signal, such as `STOP`.
    pub(super) async fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status()
            .await;
        assert!(sent.unwrap().success(), "{name}");
    }

    /// The most memory it ever had, bytes, as the kernel counts it.
    #[cfg(target_os = "linux")]
    pub(super) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// As far as it serves any.
    fn search_metrics(&self) {
        let log = self.log();
        let address = log
            .iter()
            .filter(|line| {
                line["message"]
                    .as_str()
                    .is_some_and(|message| message.starts_with("serving "))
            })
            .find_map(|line| line["address"].as_str()?.parse().ok());
        let Some(address) = address else { return };
        let wait = Duration::from_secs(5);
        let read = || {
            let mut connection = TcpStream::connect_timeout(&address, wait)?;
            connection.set_read_timeout(Some(wait))?;
            connection.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
            let mut page = String::new();
            connection.read_to_string(&mut page).map(|_| page)
        };
        // One that is stopped or about to end may not answer.
        if let Ok(page) = read() {
            search("the metrics of an operator", &page);
        }
    }

    /// kill -9
    pub(super) async fn kill(mut self) {
        self.search_metrics();
        self.child.kill().await.unwrap();
    }

    /// SIGTERM, and how it ends.
    pub(super) async fn terminate(mut self) -> (ExitStatus, Vec<Value>) {
        self.search_metrics();
        self.signal("TERM").await;
        let status = tokio::time::timeout(SOON, self.child.wait())
            .await
            .expect("it ends")
            .unwrap();
        let log = self.log();
        (status, log)
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if self.child.id().is_some() {
            self.search_metrics();
        }
    }
}
