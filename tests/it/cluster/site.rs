//! A namespace with a simulator, the objects in it, and operators as real processes.

use std::path::PathBuf;
use std::time::Duration;

use concur_sandbox::{Command as Order, Create, Edit, Options, Sandbox};
use kube::api::{Api, DynamicObject};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::plane::{Plane, plane};
use crate::support::secrets::{SIGNATURE_KEY, Watch, search};
use crate::support::world::{merge, spec_with_secret};

/// Everything that should take seconds; machines may be slow.
pub(super) const SOON: Duration = Duration::from_secs(60);
pub(super) const SECRET: &str = "concur-credentials";

pub(super) struct Site {
    pub(super) plane: &'static Plane,
    pub(super) namespace: &'static str,
    pub(super) sandbox: Sandbox,
    instances: Api<DynamicObject>,
    token: String,
    api: String,
    receiver: String,
    /// Of an operator with what the chart grants for this namespace.
    pub(super) operator_kubeconfig: PathBuf,
    _watch: Watch,
}

impl Site {
    pub(super) async fn new(name: &'static str) -> Site {
        Site::on(plane(), name).await
    }

    pub(super) async fn on(plane: &'static Plane, name: &'static str) -> Site {
        let watch = Watch::new();
        plane.kubectl(&["create", "namespace", name]).await.unwrap();
        let sandbox = Sandbox::new(Options {
            signature_key: Some(SIGNATURE_KEY.into()),
            ..Options::default()
        });
        let mut urls = Vec::new();
        for router in [
            sandbox.token_router(),
            sandbox.api_router(),
            sandbox.receiver_router(),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            urls.push(format!("http://{}", listener.local_addr().unwrap()));
            let sandbox = sandbox.clone();
            tokio::spawn(async move { sandbox.serve(listener, router).await });
        }
        let operator_kubeconfig = plane.grant(name).await;
        let [token, api, receiver] = <[String; 3]>::try_from(urls).unwrap();
        sandbox.set_geolocation(api.clone());
        let instances = plane
            .objects(name, ("pollinator.dev", "v1alpha1", "PollingInstance"))
            .await;
        Site {
            plane,
            namespace: name,
            sandbox,
            instances,
            token,
            api,
            receiver,
            operator_kubeconfig,
            _watch: watch,
        }
    }

    pub(super) async fn kubectl(&self, arguments: &[&str]) -> String {
        let namespaced = [&["--namespace", self.namespace], arguments].concat();
        self.plane.kubectl(&namespaced).await.unwrap()
    }

    /// Applies an instance: the ordinary spec with the simulator's addresses, and `patch` merged over.
    pub(super) async fn apply(&self, name: &str, patch: Value) {
        let mut spec = spec_with_secret(SECRET);
        let configuration = spec["configuration"].as_object_mut().unwrap();
        configuration.insert(
            "oauth.token.url".into(),
            json!(format!("{}/oauth2/v0/token", self.token)),
        );
        configuration.insert("base.url".into(), json!(self.api));
        configuration.insert(
            "event.notification.callback.url".into(),
            json!(format!("{}/callback", self.receiver)),
        );
        spec["polling"] = json!({"interval": "1s"});
        merge(&mut spec, &patch);
        let manifest = json!({
            "apiVersion": "pollinator.dev/v1alpha1",
            "kind": "PollingInstance",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        });
        self.plane.apply(&manifest).await.unwrap();
    }

    pub(super) async fn apply_secret(&self, refresh_token: &str) {
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET, "namespace": self.namespace},
            "stringData": {
                "oauth.api.key": "sandbox-client",
                "oauth.api.secret": "sandbox-secret",
                "oauth.user.refresh_token": refresh_token,
                "event.notification.signature.key": SIGNATURE_KEY,
            },
        });
        self.plane.apply(&secret).await.unwrap();
    }

    pub(super) async fn instance(&self, name: &str) -> Value {
        serde_json::to_value(self.instances.get(name).await.unwrap()).unwrap()
    }

    /// Waits for a condition as users do.
    pub(super) async fn wait(&self, name: &str, condition: &str) {
        let condition = format!("--for=condition={condition}");
        self.kubectl(&[
            "wait",
            &condition,
            "--timeout=60s",
            &format!("pollinginstance/{name}"),
        ])
        .await;
    }

    /// Waits until an instance is as wanted, and answers it.
    pub(super) async fn until(&self, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + SOON;
        loop {
            let object = self.instance(name).await;
            if wanted(&object) {
                return object;
            }
            assert!(
                Instant::now() < end,
                "not within {SOON:?}: {what}: {:#}",
                object["status"]
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(super) fn create(&self, id: &str) {
        self.sandbox
            .apply(Order::Create(Create {
                id: Some(id.into()),
                ..Create::default()
            }))
            .unwrap();
    }

    pub(super) fn edit(&self, id: &str) {
        self.sandbox
            .apply(Order::Edit(Edit {
                id: id.into(),
                ..Edit::default()
            }))
            .unwrap();
    }

    /// Accepted events, `CREATED n1`, in the order of arrival, repeats by their id left out.
    pub(super) fn story(&self) -> Vec<String> {
        let mut ids = std::collections::HashSet::new();
        let mut story = Vec::new();
        for received in self
            .sandbox
            .received()
            .iter()
            .filter(|received| received.accepted)
        {
            assert_eq!(received.signature, "valid", "every notification is signed");
            for (event, id) in received.events().iter().zip(&received.event_ids) {
                if ids.insert(id.clone()) {
                    let text = |key: &str| event[key].as_str().unwrap();
                    story.push(format!("{} {}", text("eventType"), text("objectId")));
                }
            }
        }
        story
    }

    /// Waits until the receiver knows all of these events, in whatever order.
    pub(super) async fn until_told(&self, wanted: &[String]) {
        let mut requests = self.sandbox.on_event();
        let all = || wanted.iter().all(|event| self.story().contains(event));
        let told = tokio::time::timeout(SOON, requests.wait_for(|_| all()))
            .await
            .is_ok();
        assert!(told, "within {SOON:?} only {:?} arrived", self.story());
    }

    /// Waits until the receiver knows that many events; they must be these.
    pub(super) async fn until_story(&self, wanted: &[&str]) {
        let mut requests = self.sandbox.on_event();
        let arrived = requests.wait_for(|_| self.story().len() >= wanted.len());
        let arrived = tokio::time::timeout(SOON, arrived).await.is_ok();
        assert!(arrived, "within {SOON:?} only {:?} arrived", self.story());
        assert_eq!(self.story(), wanted);
    }
}

/// No secret is in anything of the namespace that people may read: all that the operator writes but Secrets.
impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let shown = self.plane.kubectl_outside(&[
                "--namespace",
                self.namespace,
                "get",
                "pi,pcp,events,leases",
                "-o",
                "json",
            ]);
            let mut shown: Value = serde_json::from_str(&shown.unwrap()).unwrap();
            for object in shown["items"].as_array_mut().unwrap() {
                if object["kind"] == "PollingInstance" {
                    // What the user wrote is his, also where he wrote a secret.
                    object["spec"].take();
                    object["metadata"]["annotations"].take();
                }
            }
            search(&format!("namespace {}", self.namespace), &shown.to_string());
        }
    }
}

pub(super) fn condition(object: &Value, type_: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .into_iter()
        .find(|condition| condition["type"] == type_)
        .cloned()
        .unwrap_or_default()
}
