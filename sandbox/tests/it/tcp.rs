//! What only a connection can show, over loopback and as a process.

use std::process::Stdio;

use concur_sandbox::{Fault, Sandbox, Target};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::support::*;

/// Sends raw bytes and reads until the server closes.
async fn talk(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset is what some of the tests are about; what came before it counts.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn serve(sandbox: &Sandbox) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let sandbox = sandbox.clone();
    tokio::spawn(async move { sandbox.serve(listener, sandbox.api_router()).await });
    address
}

#[tokio::test]
async fn connections_show_dates_case_and_breaks() {
    let sandbox = sandbox();
    let address = serve(&sandbox).await;
    let token = access_token(&sandbox).await;
    let request = format!(
        "GET /api/v3.0/expense/reports?limit=1 HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\n\
         Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    seed(&sandbox, 2);
    let answer = talk(&address, &request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\ndate: Wed, 04 Mar 2026 05:06:"), "{answer}");
    assert!(answer.contains(&format!(
        "\"NextPage\":\"http://{address}/api/v3.0/expense/reports?limit=1&offset=1\""
    )));

    configure(
        &sandbox,
        json!({"dateHeader": false, "correlationHeaderCase": "title"}),
    );
    let answer = talk(&address, &request).await;
    assert!(!answer.to_lowercase().contains("\r\ndate:"), "{answer}");
    assert!(answer.contains("\r\nConcur-Correlationid: "), "{answer}");

    fault(&sandbox, Target::Reports, Fault::HalfBody);
    let answer = talk(&address, &request).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && !answer.ends_with('}'),
        "{answer}"
    );
    fault(&sandbox, Target::Reports, Fault::Drop);
    assert_eq!(talk(&address, &request).await, "");
}

#[tokio::test]
async fn the_process_prints_one_line_and_ends_with_0() {
    let mut process = Command::new(env!("CARGO_BIN_EXE_concur-sandbox"))
        .args([
            "--token-listen",
            "127.0.0.1:0",
            "--api-listen",
            "127.0.0.1:0",
            "--receiver-listen",
            "127.0.0.1:0",
        ])
        .args([
            "--control-listen",
            "127.0.0.1:0",
            "--knobs",
            r#"{"order":"random"}"#,
            "--log-format",
            "json",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let ready: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    let address = |name: &str| {
        ready[name]
            .as_str()
            .unwrap()
            .strip_prefix("http://")
            .unwrap()
            .to_owned()
    };

    let form = format!("grant_type=refresh_token&{CLIENT}&refresh_token=sandbox-refresh-token");
    let request = format!(
        "POST /oauth2/v0/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{form}",
        form.len()
    );
    let answer = talk(&address("token"), &request).await;
    assert!(
        answer.contains(&format!("\"geolocation\":\"http://{}\"", address("api"))),
        "{answer}"
    );
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(
        talk(&address("api"), &get("/api/v3.0/expense/reports"))
            .await
            .starts_with("HTTP/1.1 401")
    );
    assert!(
        talk(&address("receiver"), &get("/callback"))
            .await
            .starts_with("HTTP/1.1 405")
    );
    assert!(
        talk(&address("control"), &get("/control/state"))
            .await
            .contains("\"order\":\"random\"")
    );

    assert!(
        talk(&address("hub"), &get("/elements/api-v2/hubs/expense/reports"))
            .await
            .starts_with("HTTP/1.1 401")
    );

    let pid = process.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .await
            .unwrap()
            .success()
    );
    assert_eq!(process.wait().await.unwrap().code(), Some(0));
    assert_eq!(
        lines.next_line().await.unwrap(),
        None,
        "nothing else on standard output"
    );
}

#[tokio::test]
async fn a_bad_command_line_ends_with_a_sentence() {
    for (flag, value, why) in [
        ("--knobs", "{\"ordr\":1}", "ordr"),
        ("--knobs", "{", "--knobs: not JSON"),
        (
            "--control-listen",
            "192.0.2.1:1",
            "--control-listen: cannot listen on 192.0.2.1:1",
        ),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_concur-sandbox"));
        for listen in ["token", "api", "receiver", "control"].map(|name| format!("--{name}-listen")) {
            if listen != flag {
                command.args([&listen, "127.0.0.1:0"]);
            }
        }
        let output = command.args([flag, value]).output().await.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(why), "{error}");
    }
}
