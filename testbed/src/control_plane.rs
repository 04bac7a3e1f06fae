//! Starts, restarts and stops the components.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use tokio::process::Command;
use tokio::time::Instant;

use crate::api::Api;
use crate::audit;
use crate::component::{Component, Folder};
use crate::{Binaries, Error, binaries, kubeconfig};

const START_SECONDS: u64 = 90;
const ATTEMPTS: u32 = 4;

/// What to start, and what to leave behind.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Starts kube-controller-manager too, which deletes objects whose owner is gone and empties
    /// namespaces that are deleted.
    pub controller_manager: bool,
    /// Keeps the data folder with the logs when the control plane stops.
    pub keep_dir: bool,
}

/// A running control plane; dropping it kills its processes and removes its data folder, and so does
/// the end of the process that holds it, whatever the reason.
#[derive(Debug)]
pub struct ControlPlane {
    // Dropped in this order: clients of a component before the component, the folder last.
    controller_manager: Option<Component>,
    api_server: Option<Component>,
    etcd: Component,
    folder: Folder,
    binaries: Binaries,
    ports: Ports,
    kubeconfig: PathBuf,
    ca: PathBuf,
    server: String,
    token: String,
    api: Api,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    etcd: u16,
    api_server: u16,
}

impl ControlPlane {
    /// Starts etcd and kube-apiserver on free loopback ports and waits until they are ready.
    pub async fn start(options: Options) -> Result<ControlPlane, Error> {
        let binaries = binaries()?;
        let mut attempt = 1;
        loop {
            match ControlPlane::start_once(&options, &binaries).await {
                Err(error) if is_port_clash(&error) && attempt < ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    async fn start_once(options: &Options, binaries: &Binaries) -> Result<ControlPlane, Error> {
        let name = format!("pollinator-testbed-{}", uuid::Uuid::new_v4());
        let folder = Folder::create(std::env::temp_dir().join(name), options.keep_dir)?;
        let token = uuid::Uuid::new_v4().to_string();
        let ports = free_ports().map_err(Error::io("find a free port on", "127.0.0.1"))?;
        let server = format!("https://127.0.0.1:{}", ports.api_server);
        write_credentials(folder.path(), &token)?;

        let mut etcd = Component::start(
            "etcd",
            &binaries.etcd,
            &etcd_arguments(folder.path(), ports),
            folder.path(),
        )?;
        let mut api_server = start_api_server(binaries, folder.path(), ports)?;
        let api = api_when_ready(&mut etcd, &mut api_server, folder.path(), &server, &token).await?;
        let (kubeconfig, ca) = (folder.path().join("kubeconfig"), folder.path().join("ca.crt"));
        kubeconfig::write(&kubeconfig, &server, &ca, &token, "default")?;
        let mut control_plane = ControlPlane {
            controller_manager: None,
            api_server: Some(api_server),
            etcd,
            folder,
            binaries: binaries.clone(),
            ports,
            kubeconfig,
            ca,
            server,
            token,
            api,
        };
        if options.controller_manager {
            control_plane.restart_controller_manager().await?;
        }
        Ok(control_plane)
    }

    /// The kubeconfig file of an administrator (a member of `system:masters`).
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The API server's base URL.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The certificate authority of the API server's certificate, a PEM file.
    pub fn ca_path(&self) -> &Path {
        &self.ca
    }

    /// The administrator's bearer token.
    pub fn admin_token(&self) -> &str {
        &self.token
    }

    /// The folder with the logs (`kube-apiserver.log` and so on), removed at the end.
    pub fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// A kubeconfig file with a token of a service account, which must exist.
    pub async fn kubeconfig_for_service_account(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf, Error> {
        let token = self.api.service_account_token(namespace, name).await?;
        let path = self.folder.path().join(format!("kubeconfig-{namespace}-{name}"));
        kubeconfig::write(&path, &self.server, &self.ca, &token, namespace)?;
        Ok(path)
    }

    /// A kubectl command as the administrator.
    pub fn kubectl(&self) -> Command {
        self.command(&self.binaries.kubectl)
    }

    /// A helm command as the administrator, with caches of its own.
    pub fn helm(&self) -> Command {
        self.command(&self.binaries.helm)
    }

    /// Kills the API server and starts it again on the same port; etcd keeps the objects.
    pub async fn restart_api_server(&mut self) -> Result<(), Error> {
        let folder = self.folder.path();
        let mut attempt = 1;
        loop {
            drop(self.api_server.take());
            let begin = Timestamp::now();
            let started = start_api_server(&self.binaries, folder, self.ports)?;
            let started = self.api_server.insert(started);
            match api_when_ready(&mut self.etcd, started, folder, &self.server, &self.token).await {
                Ok(api) => {
                    self.api = api;
                    audit::not_ready(folder, begin, Timestamp::now())?;
                    return Ok(());
                }
                Err(error) if is_port_clash(&error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Starts kube-controller-manager, again if it runs already. A fresh one knows all kinds at once;
    /// a running one needs up to 30 s to notice a new CustomResourceDefinition.
    pub async fn restart_controller_manager(&mut self) -> Result<(), Error> {
        drop(self.controller_manager.take());
        let arguments = [
            format!("--kubeconfig={}", self.kubeconfig().display()),
            "--controllers=garbage-collector-controller,namespace-controller,serviceaccount-controller"
                .into(),
            "--use-service-account-credentials=false".into(),
            "--leader-elect=false".into(),
            "--secure-port=0".into(),
        ];
        let program = &self.binaries.kube_controller_manager;
        let started = Component::start("kube-controller-manager", program, &arguments, self.folder.path())?;
        // It has no port to ask, but it ends at once if it does not like its arguments.
        let component = self.controller_manager.insert(started);
        tokio::time::sleep(Duration::from_millis(200)).await;
        component.check()
    }

    /// Kills the processes and removes the data folder, without blocking the caller's other tasks.
    pub async fn stop(self) {
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }

    fn command(&self, program: &Path) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(program);
        // Caches are keyed by address, and another control plane may have had this port before.
        command
            .env("KUBECONFIG", self.kubeconfig())
            .env("KUBECACHEDIR", folder.join("kube-cache"))
            .env("HELM_CACHE_HOME", folder.join("helm-cache"))
            .env("HELM_CONFIG_HOME", folder.join("helm-config"))
            .env("HELM_DATA_HOME", folder.join("helm-data"));
        command
    }
}

/// Somebody else took a port between its choice and its use.
fn is_port_clash(error: &Error) -> bool {
    matches!(error, Error::Ended { log, .. } if log.contains("address already in use"))
}

fn free_ports() -> std::io::Result<Ports> {
    // Both are held until both are known, so that they differ.
    let etcd = TcpListener::bind("127.0.0.1:0")?;
    let api_server = TcpListener::bind("127.0.0.1:0")?;
    Ok(Ports {
        etcd: etcd.local_addr()?.port(),
        api_server: api_server.local_addr()?.port(),
    })
}

fn write_credentials(folder: &Path, token: &str) -> Result<(), Error> {
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(Error::io("write", &path))
    };
    let key = new_key().map_err(|_| Error::Key)?;
    write("service-account.key", pem("PRIVATE KEY", &key.0))?;
    write("service-account.pub", pem("PUBLIC KEY", &key.1))?;
    write(
        "tokens.csv",
        format!("{token},admin,admin-uid,\"system:masters\"\n"),
    )
}

/// A private and a public key, in their DER forms.
fn new_key() -> Result<(Vec<u8>, Vec<u8>), aws_lc_rs::error::Unspecified> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    Ok((pair.to_pkcs8v1()?.as_ref().to_vec(), public.as_ref().to_vec()))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn etcd_arguments(folder: &Path, ports: Ports) -> Vec<String> {
    let client = format!("http://127.0.0.1:{}", ports.etcd);
    vec![
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        "--listen-peer-urls=http://127.0.0.1:0".into(),
        "--unsafe-no-fsync".into(),
        "--log-level=warn".into(),
    ]
}

fn start_api_server(binaries: &Binaries, folder: &Path, ports: Ports) -> Result<Component, Error> {
    let file = |name| folder.join(name).display().to_string();
    let mut arguments = vec![
        format!("--etcd-servers=http://127.0.0.1:{}", ports.etcd),
        format!("--secure-port={}", ports.api_server),
        "--bind-address=127.0.0.1".into(),
        "--advertise-address=127.0.0.1".into(),
        "--endpoint-reconciler-type=none".into(),
        format!("--cert-dir={}", file("certificates")),
        format!("--token-auth-file={}", file("tokens.csv")),
        "--authorization-mode=RBAC".into(),
        format!("--service-account-key-file={}", file("service-account.pub")),
        format!(
            "--service-account-signing-key-file={}",
            file("service-account.key")
        ),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        "--service-cluster-ip-range=10.0.0.0/24".into(),
        "--disable-admission-plugins=ServiceAccount".into(),
    ];
    arguments.extend(audit::arguments(folder)?);
    Component::start("kube-apiserver", &binaries.kube_apiserver, &arguments, folder)
}

async fn api_when_ready(
    etcd: &mut Component,
    api_server: &mut Component,
    folder: &Path,
    server: &str,
    token: &str,
) -> Result<Api, Error> {
    let deadline = Instant::now() + Duration::from_secs(START_SECONDS);
    let ca = folder.join("ca.crt");
    while Instant::now() < deadline {
        etcd.check()?;
        api_server.check()?;
        if write_ca(folder, &ca) {
            let api = Api::new(server, &ca, token)?;
            if api.is_ready().await {
                return Ok(api);
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(api_server.not_ready(START_SECONDS))
}

/// The API server makes its own certificate and writes it followed by that of its authority.
fn write_ca(folder: &Path, ca: &Path) -> bool {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let Ok(chain) = std::fs::read_to_string(folder.join("certificates/apiserver.crt")) else {
        return false;
    };
    let complete = chain.matches("-----END CERTIFICATE-----").count() == 2;
    match chain.rfind(BEGIN) {
        Some(at) if complete => std::fs::write(ca, &chain[at..]).is_ok(),
        _ => false,
    }
}
