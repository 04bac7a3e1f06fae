//! The simulator behind real sockets, for tests that run the real binary.

use std::net::SocketAddr;

use concur_sandbox::{Command, Options, Sandbox};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::secrets::Watch;

/// A running simulator; it ends when it is dropped.
pub struct Vendor {
    pub sandbox: Sandbox,
    pub token: SocketAddr,
    pub receiver: SocketAddr,
    _servers: JoinSet<()>,
    _watch: Watch,
}

impl Vendor {
    pub async fn start(options: Options) -> Self {
        let sandbox = Sandbox::new(options);
        let mut servers = JoinSet::new();
        let mut addresses = Vec::new();
        for router in [
            sandbox.token_router(),
            sandbox.api_router(),
            sandbox.receiver_router(),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap());
            let sandbox = sandbox.clone();
            servers.spawn(async move {
                sandbox.serve(listener, router).await;
            });
        }
        sandbox.set_geolocation(format!("http://{}", addresses[1]));
        let [token, _, receiver] = addresses[..] else {
            panic!("three listeners")
        };
        Self {
            sandbox,
            token,
            receiver,
            _servers: servers,
            _watch: Watch::new(),
        }
    }

    pub fn command(&self, command: Value) {
        let command: Command = serde_json::from_value(command).unwrap();
        self.sandbox.apply(command).unwrap();
    }

    pub fn token_url(&self) -> String {
        format!("http://{}/oauth2/v0/token", self.token)
    }

    pub fn callback(&self) -> String {
        format!("http://{}/callback", self.receiver)
    }

    /// `CREATED id`, … of what the receiver accepted, in order.
    pub fn story(&self) -> Vec<String> {
        let received = self.sandbox.received();
        let events = received
            .iter()
            .filter(|received| received.accepted)
            .flat_map(|received| received.events());
        let line = |event: Value| {
            format!(
                "{} {}",
                event["eventType"].as_str().unwrap(),
                event["objectId"].as_str().unwrap()
            )
        };
        events.map(line).collect()
    }
}
