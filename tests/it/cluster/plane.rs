//! Control planes that the tests of this process share.

use std::path::PathBuf;
use std::sync::OnceLock;

use kube::api::{Api, ApiResource, DynamicObject};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use pollinator_testbed::{ControlPlane, Error, Options, run, run_with_input};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

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
    pub fn kubeconfig(&self) -> &std::path::Path {
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

    /// The same of Helm 3.
    pub(super) async fn helm3(&self, arguments: &[&str]) -> Result<String, Error> {
        let control = self.control.read().await;
        run(control.helm3().args(arguments)).await
    }

    /// What kubectl prints that reads a manifest.
    pub(super) async fn kubectl_with(&self, arguments: &[&str], manifest: &str) -> Result<String, Error> {
        let control = self.control.read().await;
        run_with_input(control.kubectl().args(arguments), manifest).await
    }

    /// `kubectl apply` of one manifest.
    pub(super) async fn apply(&self, manifest: &Value) -> Result<String, Error> {
        self.kubectl_with(&["apply", "-f", "-"], &manifest.to_string())
            .await
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
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .unwrap();
        kube::Client::try_from(config).unwrap()
    }
}
