//! Control planes that the tests of this process share.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use kube::api::{Api, ApiResource, DynamicObject};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use pollinator_testbed::{ControlPlane, Error, Options, run, run_with_input};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::Instant;

use super::site::SOON;

/// A control plane; it ends with the process.
pub struct Plane {
    /// Outlives the runtimes of the tests, since connections are bound to the one that opened them.
    runtime: Runtime,
    control: RwLock<ControlPlane>,
    /// Held by tests that a restart of the API server would disturb.
    calm: RwLock<()>,
    kubeconfig: PathBuf,
}

/// The one with the CRDs as users apply them, started by the first test that asks.
pub fn plane() -> &'static Plane {
    static PLANE: OnceLock<Plane> = OnceLock::new();
    PLANE.get_or_init(|| {
        Plane::start(async |mut control| {
            let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
            run(control.kubectl().args(["apply", "--server-side", "-f", crds]))
                .await
                .unwrap();
            let established = ["wait", "--for=condition=Established", "--timeout=60s", "-f", crds];
            run(control.kubectl().args(established)).await.unwrap();
            // The garbage collector knows the new kinds from its start.
            control.restart_controller_manager().await.unwrap();
            control
        })
    })
}

impl Plane {
    /// Starts one and prepares it, on a thread of its own since a runtime cannot be waited for within another.
    pub(super) fn start(prepare: impl AsyncFnOnce(ControlPlane) -> ControlPlane + Send) -> Plane {
        let start = || {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let runtime = builder.worker_threads(1).enable_all().build().unwrap();
            let options = Options {
                controller_manager: true,
                ..Options::default()
            };
            let control =
                runtime.block_on(async { prepare(ControlPlane::start(options).await.unwrap()).await });
            let kubeconfig = control.kubeconfig().to_owned();
            Plane {
                runtime,
                control: RwLock::new(control),
                calm: RwLock::default(),
                kubeconfig,
            }
        };
        std::thread::scope(|scope| scope.spawn(start).join().unwrap())
    }

    /// Of the administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// What kubectl prints.
    pub(super) async fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        // Held until kubectl ends, so that no restart comes in between.
        let control = self.control.read().await;
        run(control.kubectl().args(arguments)).await
    }

    /// The same for a caller that cannot wait for a future.
    pub(super) fn kubectl_outside(&self, arguments: &[&str]) -> Result<String, Error> {
        std::thread::scope(|scope| {
            let call = || self.runtime.block_on(self.kubectl(arguments));
            scope.spawn(call).join().unwrap()
        })
    }

    /// What helm prints.
    pub(super) async fn helm(&self, arguments: &[&str]) -> Result<String, Error> {
        let control = self.control.read().await;
        run(control.helm().args(arguments)).await
    }

    /// `kubectl apply` of one manifest.
    pub(super) async fn apply(&self, manifest: &Value) -> Result<String, Error> {
        let control = self.control.read().await;
        run_with_input(
            control.kubectl().args(["apply", "-f", "-"]),
            &manifest.to_string(),
        )
        .await
    }

    /// Grants what the chart grants for one namespace, and answers a kubeconfig file with exactly that.
    pub(super) async fn grant(&'static self, namespace: &'static str) -> PathBuf {
        let grants = {
            let control = self.control.read().await;
            let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/pollinator");
            let watched = format!("watchNamespaces={{{namespace}}}");
            let template = [
                "template",
                "pollinator",
                chart,
                "--namespace",
                namespace,
                "--set",
                &watched,
            ];
            let shown = [
                "--show-only",
                "templates/rbac.yaml",
                "--show-only",
                "templates/serviceaccount.yaml",
            ];
            let grants = run(control.helm().args(template).args(shown)).await.unwrap();
            let apply = ["apply", "--server-side", "-f", "-"];
            run_with_input(control.kubectl().args(apply), &grants)
                .await
                .unwrap();
            grants
        };
        assert!(grants.contains("kind: Role\n"), "{grants}");
        // The API server learns of new roles a moment later, one by one.
        for question in [
            "watch pollinginstances.pollinator.dev",
            "create leases.coordination.k8s.io",
        ] {
            self.until_allowed(namespace, question).await;
        }
        self.service_account(namespace, "pollinator").await
    }

    async fn until_allowed(&self, namespace: &str, question: &str) {
        let account = format!("system:serviceaccount:{namespace}:pollinator");
        let asked: Vec<&str> = question.split(' ').collect();
        let end = Instant::now() + SOON;
        // kubectl answers no with its exit status.
        while self
            .kubectl(
                &[
                    &["auth", "can-i", "--namespace", namespace, "--as", &account],
                    &asked[..],
                ]
                .concat(),
            )
            .await
            .is_err()
        {
            assert!(
                Instant::now() < end,
                "{account} may not {question} in {namespace}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A kubeconfig file with a service account's token.
    pub(super) async fn service_account(
        &'static self,
        namespace: &'static str,
        name: &'static str,
    ) -> PathBuf {
        let ask = async {
            self.control
                .read()
                .await
                .kubeconfig_for_service_account(namespace, name)
                .await
        };
        self.runtime.spawn(ask).await.unwrap().unwrap()
    }

    /// While this is held the API server is not restarted.
    pub async fn calm(&self) -> RwLockReadGuard<'_, ()> {
        self.calm.read().await
    }

    /// Kills the API server and starts it again; calm returns when the answer is dropped. For a moment after its
    /// start an API server forbids what it allows.
    pub(super) async fn restart_api_server(&'static self) -> RwLockWriteGuard<'static, ()> {
        let disturbed = self.calm.write().await;
        let restart = async { self.control.write().await.restart_api_server().await };
        self.runtime.spawn(restart).await.unwrap().unwrap();
        disturbed
    }

    /// Objects of one kind, for looking at them more often than kubectl can.
    pub(super) async fn objects(&self, namespace: &str, kind: (&str, &str, &str)) -> Api<DynamicObject> {
        let (group, version, kind) = kind;
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.client().await, namespace, &resource)
    }

    /// A client of the administrator.
    pub(super) async fn client(&self) -> kube::Client {
        Plane::client_of(&self.kubeconfig).await
    }

    /// A client of whom a kubeconfig file is for.
    pub(super) async fn client_of(kubeconfig: &Path) -> kube::Client {
        let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .unwrap();
        kube::Client::try_from(config).unwrap()
    }
}
