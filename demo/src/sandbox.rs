//! The Concur simulator as a process, and its control API.

use std::fs::File;
use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use pollinator_testbed::{Folder, Process, last_lines};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::Error;

/// Records a page of the simulated listing has at most, so that a few dozen reports are several pages.
pub(crate) const PAGE: usize = 10;

/// What the simulator accepts, and where it listens.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The four ports in the order token, reports API, receiver, control; 0 takes any free one.
    pub(crate) ports: [u16; 4],
    pub(crate) credentials: Credentials,
}

/// What client and receiver share with the simulator.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) refresh_token: String,
    pub(crate) signature_key: String,
}

/// Base URLs, as the simulator prints them.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) token: String,
    pub(crate) api: String,
    pub(crate) receiver: String,
    pub(crate) control: String,
}

/// The running simulator.
#[derive(Debug)]
pub(crate) struct Sandbox {
    pub(crate) process: Process,
    pub(crate) control: Control,
}

impl Sandbox {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(
        program: &std::path::Path,
        settings: &Settings,
        folder: &Folder,
    ) -> Result<Self, Error> {
        let mut command = Command::new(program);
        let names = [
            "--token-listen",
            "--api-listen",
            "--receiver-listen",
            "--control-listen",
        ];
        for (name, port) in names.into_iter().zip(settings.ports) {
            command.arg(name).arg(format!("127.0.0.1:{port}"));
        }
        let credentials = &settings.credentials;
        for (name, value) in [
            ("--client-id", &credentials.client_id),
            ("--client-secret", &credentials.client_secret),
            ("--refresh-token", &credentials.refresh_token),
            ("--signature-key", &credentials.signature_key),
        ] {
            command.arg(name).arg(value);
        }
        let knobs = serde_json::json!({"rotate": "new-old-dead", "maxLimit": PAGE, "requireSignature": true});
        command.arg("--knobs").arg(knobs.to_string());

        let ready = folder.path().join("sandbox.json");
        let stdout = File::create(&ready).map_err(Error::io("write", &ready))?;
        let log = folder.path().join("sandbox.log");
        let mut process = Process::start("concur-sandbox", command, &log, Some(stdout))?;
        for _ in 0..600 {
            let text = std::fs::read_to_string(&ready).map_err(Error::io("read", &ready))?;
            if text.ends_with('\n') {
                let addresses = serde_json::from_str(&text).map_err(|source| Error::Answer {
                    from: "concur-sandbox",
                    source,
                })?;
                return Ok(Self {
                    process,
                    control: Control::new(addresses)?,
                });
            }
            process.check()?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Error::Deadline {
            what: "the sandbox listens".to_owned(),
            seconds: 30,
            details: format!(", the last lines of its log are:\n{}", last_lines(&log)),
        })
    }
}

/// Client of the control API.
#[derive(Debug)]
pub(crate) struct Control {
    http: reqwest::Client,
    pub(crate) addresses: Addresses,
}

/// A request that the simulator answered.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) at: Timestamp,
    pub(crate) target: String,
    pub(crate) query: String,
    pub(crate) status: u16,
}

impl Request {
    /// The beginning of a pass over the listing.
    pub(crate) fn is_first_page(&self) -> bool {
        self.target == "reports" && self.status == 200 && !self.query.contains("offset=")
    }
}

/// A request to the callback receiver.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notification {
    pub(crate) at: Timestamp,
    /// 0 while the receiver has not answered.
    pub(crate) status: u16,
    pub(crate) accepted: bool,
    /// The receiver's own check: `valid`, `invalid` or `none`.
    pub(crate) signature: String,
    headers: Vec<(String, String)>,
    /// As the simulator prints it. Its numbers and texts are so plain that this is what came byte for byte;
    /// were it not, the signature would not fit.
    body: Box<RawValue>,
    pub(crate) event_ids: Vec<String>,
}

/// One event of a notification.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    pub(crate) event_type: String,
    pub(crate) object_id: String,
}

impl Notification {
    pub(crate) fn body(&self) -> &str {
        self.body.get()
    }

    pub(crate) fn signature_header(&self) -> &str {
        let found = self
            .headers
            .iter()
            .find(|(name, _)| name == "elements-webhook-signature");
        found.map_or("", |(_, value)| value)
    }

    /// `message.events`; empty where the body is no notification.
    pub(crate) fn events(&self) -> Vec<Event> {
        #[derive(Deserialize)]
        struct Body {
            message: Message,
        }
        #[derive(Deserialize)]
        struct Message {
            events: Vec<Event>,
        }
        serde_json::from_str::<Body>(self.body()).map_or_else(|_| Vec::new(), |body| body.message.events)
    }
}

/// What the simulator holds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct State {
    pub(crate) now: Timestamp,
    pub(crate) listed: usize,
    pub(crate) command_errors: Vec<String>,
}

impl Control {
    fn new(addresses: Addresses) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()
            .map_err(Error::Control)?;
        Ok(Self { http, addresses })
    }

    /// Gives one command or an array of them.
    pub(crate) async fn order(&self, commands: &Value) -> Result<Value, Error> {
        let url = format!("{}/control", self.addresses.control);
        let answer = self
            .http
            .post(url)
            .json(commands)
            .send()
            .await
            .map_err(Error::Control)?;
        let accepted = answer.status().is_success();
        let body = answer.text().await.map_err(Error::Control)?;
        if accepted {
            parse(&body)
        } else {
            Err(Error::Refused(body))
        }
    }

    pub(crate) async fn log(&self) -> Result<Vec<Request>, Error> {
        self.get("log").await
    }

    pub(crate) async fn received(&self) -> Result<Vec<Notification>, Error> {
        self.get("received").await
    }

    pub(crate) async fn state(&self) -> Result<State, Error> {
        self.get("state").await
    }

    /// Asks for an access token, as anybody could; the error code Concur answers, or 0 where it gave a token.
    pub(crate) async fn token_error(&self, credentials: &Credentials) -> Result<i64, Error> {
        #[derive(Serialize)]
        struct Form<'a> {
            grant_type: &'a str,
            client_id: &'a str,
            client_secret: &'a str,
            refresh_token: &'a str,
        }
        let form = Form {
            grant_type: "refresh_token",
            client_id: &credentials.client_id,
            client_secret: &credentials.client_secret,
            refresh_token: &credentials.refresh_token,
        };
        let url = format!("{}/oauth2/v0/token", self.addresses.token);
        let answer = self
            .http
            .post(url)
            .form(&form)
            .send()
            .await
            .map_err(Error::Control)?;
        let body: Value = parse(&answer.text().await.map_err(Error::Control)?)?;
        Ok(body["code"].as_i64().unwrap_or_default())
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, what: &str) -> Result<T, Error> {
        let url = format!("{}/control/{what}", self.addresses.control);
        let answer = self.http.get(url).send().await.map_err(Error::Control)?;
        parse(&answer.text().await.map_err(Error::Control)?)
    }
}

fn parse<T: serde::de::DeserializeOwned>(body: &str) -> Result<T, Error> {
    serde_json::from_str(body).map_err(|source| Error::Answer {
        from: "the sandbox",
        source,
    })
}
