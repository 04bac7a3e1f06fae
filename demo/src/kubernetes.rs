//! The tale on a real control plane: CRDs, manifests, the operator as a process, and the garbage collector.

use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pollinator_testbed::{ControlPlane, Folder, Options};
use serde_json::{Value, json};

use crate::Programs;
use crate::chapters::{self, received, token_requests};
use crate::error::Error;
use crate::kubectl::Kubectl;
use crate::sandbox::{Credentials, Sandbox, Settings};
use crate::stage::{Poller, Stage};
use crate::story::Story;
use crate::watch::Watch;

/// The ports that examples/sandbox/ names: token, reports API, receiver, control.
const PORTS: [u16; 4] = [8401, 8402, 8403, 8404];

pub(crate) async fn tell(programs: &Programs, story: Story) -> Result<(), Error> {
    for port in PORTS {
        TcpListener::bind(("127.0.0.1", port)).map_err(|_| Error::PortTaken { port })?;
    }
    let folder = Folder::temporary("pollinator-demo")?;
    story
        .tell("a Kubernetes control plane starts on loopback: etcd, kube-apiserver, kube-controller-manager");
    let mut control_plane = ControlPlane::start(Options::default()).await?;
    let kubectl = Kubectl::new(&control_plane, story);
    kubectl.show("apply -f crds/").await?;
    kubectl
        .quiet("wait --for=condition=Established crd --all --timeout=30s")
        .await?;
    // Started after the kinds exist, since it looks for new kinds every 30 s only.
    control_plane.restart_controller_manager().await?;
    let told = with_control_plane(programs, story, folder, &control_plane).await;
    control_plane.stop().await;
    told
}

async fn with_control_plane(
    programs: &Programs,
    story: Story,
    folder: Folder,
    control_plane: &ControlPlane,
) -> Result<(), Error> {
    let kubectl = Kubectl::new(control_plane, story);
    kubectl.show("apply -f examples/sandbox/").await?;
    let instance = only_instance(kubectl).await?;
    let credentials = credentials(kubectl, &instance).await?;
    let settings = Settings {
        ports: PORTS,
        credentials: credentials.clone(),
    };
    let sandbox = Sandbox::start(&programs.sandbox, &settings, &folder).await?;
    let addresses = &sandbox.control.addresses;
    story.tell(&format!(
        "a Concur simulator listens at {}, a callback at {}",
        addresses.api, addresses.receiver
    ));

    let watch = Watch::start(kubectl, "get pollinginstances --watch", story, &folder)?;
    let poller = Poller {
        program: programs.pollinator.clone(),
        arguments: [
            "operator",
            "--allow-address",
            "127.0.0.0/8",
            "--listen",
            "127.0.0.1:0",
        ]
        .map(str::to_owned)
        .into(),
        environment: vec![("KUBECONFIG", control_plane.kubeconfig().display().to_string())],
    };
    let mut stage = Stage::new(story, folder, sandbox, credentials.signature_key.clone(), poller);
    stage.seed(30, 12).await?;
    story.command(&stage.poller().command_line());
    stage.start()?;

    chapters::token(&mut stage, &credentials).await?;
    chapters::first_poll(&mut stage).await?;
    chapters::created(&mut stage).await?;
    chapters::edited(&mut stage).await?;
    chapters::callback_down(&mut stage).await?;
    locked(&mut stage, kubectl, &instance).await?;
    chapters::killed(&mut stage, "it waits for the lease of the dead one to expire").await?;
    let balance = chapters::balance(&mut stage).await;
    drop(watch);
    balance?;
    kubectl.show(EVENTS).await?;
    delete(&mut stage, kubectl, &instance).await?;
    drop(stage);
    story.plain("try next: `make demo`, `kubectl explain pollinginstance.spec.configuration`, README.md");
    Ok(())
}

const EVENTS: &str = "get events --sort-by=.lastTimestamp \
    -o=custom-columns=TYPE:.type,REASON:.reason,OBJECT:.involvedObject.name,MESSAGE:.message";

async fn only_instance(kubectl: Kubectl<'_>) -> Result<Value, Error> {
    let mut instances = kubectl.items("pollinginstances").await?;
    match (instances.pop(), instances.is_empty()) {
        (Some(instance), true) => Ok(instance),
        _ => Err(Error::Check(
            "examples/sandbox/ should hold one PollingInstance".to_owned(),
        )),
    }
}

/// What the manifests say, so that the simulator accepts just that.
async fn credentials(kubectl: Kubectl<'_>, instance: &Value) -> Result<Credentials, Error> {
    let name = instance["spec"]["configurationFrom"][0]["secretRef"]["name"]
        .as_str()
        .unwrap_or_default();
    let secrets = kubectl.items("secrets").await?;
    let data = secrets
        .iter()
        .find(|secret| secret["metadata"]["name"] == name)
        .map(|secret| &secret["data"]);
    let value = |key: &str| {
        data.and_then(|data| STANDARD.decode(data[key].as_str()?).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| {
                Error::Check(format!(
                    "the Secret {name:?} of examples/sandbox/ should have the key {key}"
                ))
            })
    };
    Ok(Credentials {
        client_id: value("oauth.api.key")?,
        client_secret: value("oauth.api.secret")?,
        refresh_token: value("oauth.user.refresh_token")?,
        signature_key: value("event.notification.signature.key")?,
    })
}

/// The vendor locks the account: the operator stops asking for tokens and says what a human must do.
async fn locked(stage: &mut Stage, kubectl: Kubectl<'_>, instance: &Value) -> Result<(), Error> {
    let story = stage.story;
    let name = instance["metadata"]["name"].as_str().unwrap_or_default();
    let before = stage.control().received().await?.len();
    stage
        .order(&json!([{"command": "lock-account"}, {"command": "revoke-tokens"}]))
        .await?;
    story.tell("Concur: the account is locked, and the access token is ended");
    let ready = async |wanted: &str| {
        let instance = only_instance(kubectl).await?;
        let conditions = instance["status"]["conditions"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
        let found = ready.filter(|condition| condition["status"] == wanted);
        Ok::<_, Error>(found.map(|condition| condition["message"].as_str().unwrap_or_default().to_owned()))
    };
    let message = stage
        .until("Ready turns False", async |_, _| ready("False").await)
        .await?;
    story.output(&format!("message: {message}"));
    let (_, refused) = token_requests(stage).await?;
    stage.refused_tokens = refused;

    stage
        .change(
            &[],
            &["R0008".to_owned()],
            &[json!({"command": "unlock-account"})],
        )
        .await?;
    story.tell("Concur: R0008 is edited, and an administrator unlocks the account");
    kubectl
        .show(&format!(
            "annotate pollinginstance {name} pollinator.dev/requestedAt=now"
        ))
        .await?;
    received(stage, before).await?;
    stage
        .until("Ready turns True", async |_, _| ready("True").await)
        .await?;
    Ok(())
}

/// Deletes the instance and waits until what the operator made for it is gone too.
async fn delete(stage: &mut Stage, kubectl: Kubectl<'_>, instance: &Value) -> Result<(), Error> {
    let story = stage.story;
    kubectl.show("get pollingcheckpoints,secrets").await?;
    let (uid, name) = (
        &instance["metadata"]["uid"],
        instance["metadata"]["name"].as_str().unwrap_or_default(),
    );
    let owned = owned(kubectl, uid).await?;
    for kind in ["PollingCheckpoint", "Secret"] {
        if !owned.iter().any(|object| object.starts_with(kind)) {
            return Err(Error::Check(format!(
                "the instance should own a {kind}, it owns {owned:?}"
            )));
        }
    }
    kubectl.show(&format!("delete pollinginstance {name}")).await?;
    stage
        .until("what the instance owned is gone", async |_, _| {
            Ok(self::owned(kubectl, uid).await?.is_empty().then_some(()))
        })
        .await?;
    story.tell(&format!(
        "the garbage collector removed what it owned: {}",
        owned.join(", ")
    ));
    kubectl.show("get pollingcheckpoints,secrets").await?;
    Ok(())
}

/// Objects whose ownerReference names the instance.
async fn owned(kubectl: Kubectl<'_>, uid: &Value) -> Result<Vec<String>, Error> {
    let objects = kubectl.items("pollingcheckpoints,secrets").await?;
    let is_owned = |object: &&Value| {
        let owners = object["metadata"]["ownerReferences"].as_array();
        owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == *uid))
    };
    let name = |object: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"]))
    };
    Ok(objects.iter().filter(is_owned).map(name).collect())
}
