//! The simulator on loopback, and the place where Pollinator runs against it.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::Command;

use concur_sandbox::{Options, Sandbox};
use pollinator_testbed::run;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::error::Error;

const MANIFEST: &str = "instance.yaml";
/// Where the folder mode keeps its state.
pub(crate) const STATE: &str = "state";

/// Where Pollinator runs.
#[derive(Clone, Debug)]
pub enum Place {
    /// `pollinator poll` with a state folder.
    Folder,
    /// `pollinator operator` on an API server that has the CRDs.
    Operator {
        /// Of an administrator.
        kubeconfig: PathBuf,
        /// The program.
        kubectl: PathBuf,
        /// A namespace that does not exist yet.
        namespace: String,
    },
}

impl Place {
    /// As the progress lines call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Operator { .. } => "operator",
        }
    }
}

/// The simulator, served until this is dropped.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    _servers: JoinSet<Infallible>,
    token: String,
    api: String,
    receiver: String,
}

impl World {
    pub(crate) async fn start(seed: u64) -> Result<World, Error> {
        let sandbox = Sandbox::new(Options {
            signature_key: Some("torture-signature-key".to_owned()),
            seed,
            ..Options::default()
        });
        let mut servers = JoinSet::new();
        let mut addresses = Vec::new();
        for router in [
            sandbox.token_router(),
            sandbox.api_router(),
            sandbox.receiver_router(),
        ] {
            let listening = || Error::io("listen on 127.0.0.1");
            let listener = TcpListener::bind("127.0.0.1:0").await.map_err(listening())?;
            let address = listener.local_addr().map_err(listening())?;
            addresses.push(format!("http://{address}"));
            let sandbox = sandbox.clone();
            servers.spawn(async move { sandbox.serve(listener, router).await });
        }
        let mut addresses = addresses.into_iter();
        let mut address = || addresses.next().unwrap_or_default();
        let (token, api, receiver) = (address(), address(), address());
        sandbox.set_geolocation(api.clone());
        Ok(World {
            sandbox,
            _servers: servers,
            token,
            api,
            receiver,
        })
    }

    /// Writes the manifest into `folder`, and applies it where there is a cluster.
    pub(crate) async fn set_up(&self, place: &Place, folder: &Path) -> Result<(), Error> {
        let path = folder.join(MANIFEST);
        let [secret, instance] = self.manifest();
        // JSON is YAML too.
        std::fs::write(&path, format!("{secret}\n---\n{instance}\n"))
            .map_err(Error::io(format!("write {}", path.display())))?;
        if let Place::Operator {
            kubeconfig,
            kubectl,
            namespace,
        } = place
        {
            let kubectl = |arguments: &[&str]| {
                let mut command = tokio::process::Command::new(kubectl);
                command.env("KUBECONFIG", kubeconfig).args(arguments);
                command
            };
            run(&mut kubectl(&["create", "namespace", namespace])).await?;
            let path = path.display().to_string();
            run(&mut kubectl(&["apply", "--namespace", namespace, "-f", &path])).await?;
        }
        Ok(())
    }

    fn manifest(&self) -> [Value; 2] {
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "concur-credentials"},
            "stringData": {
                "oauth.api.key": "sandbox-client",
                "oauth.api.secret": "sandbox-secret",
                "oauth.user.refresh_token": "sandbox-refresh-token",
                "event.notification.signature.key": "torture-signature-key",
            },
        });
        let date = "yyyy-MM-dd'T'HH:mm:ss.SSS";
        let instance = json!({
            "apiVersion": "pollinator.dev/v1alpha1",
            "kind": "PollingInstance",
            "metadata": {"name": "torture"},
            "spec": {
                "name": "Torture",
                "element": {"key": "concur"},
                "configuration": {
                    "base.url": self.api,
                    "oauth.token.url": format!("{}/oauth2/v0/token", self.token),
                    "event.notification.callback.url": format!("{}/callback", self.receiver),
                    "event.poller.configuration": {
                        "reports": {
                            "url": format!("/hubs/expense/reports?where=modifiedDateAfter='${{date:{date}}}'"),
                            "idField": "ID",
                            "datesConfiguration": {
                                "updatedDateField": "LastModifiedDate",
                                "updatedDateFormat": date,
                                "createdDateField": "CreateDate",
                                "createdDateFormat": date,
                            },
                        },
                        "allocations": {"url": "/hubs/expense/allocations", "idField": "ID"},
                    },
                },
                "configurationFrom": [{"secretRef": {"name": "concur-credentials"}}],
                // The shortest there are, so that floors move and answers are given up within one short life.
                "polling": {"interval": "1s", "lookback": "3s", "requestTimeout": "2s"},
                "delivery": {"timeout": "1s", "retrySchedule": ["1s", "2s"]},
            },
        });
        [secret, instance]
    }
}

/// How Pollinator is started at a place; `folder` is its working directory.
pub(crate) fn command(program: &Path, place: &Place, folder: &Path, leader_election: bool) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir(folder);
    match place {
        Place::Folder => {
            command.args(["poll", "-f", MANIFEST, "--state-dir", STATE, "--output", "json"]);
        }
        Place::Operator {
            kubeconfig,
            namespace,
            ..
        } => {
            command
                .arg("operator")
                .args(["--namespace", namespace, "--lease-namespace", namespace])
                .args(["--allow-address", "127.0.0.0/8", "--listen", "127.0.0.1:0"])
                .arg(format!("--leader-election={leader_election}"))
                .env("KUBECONFIG", kubeconfig);
        }
    }
    command
}
