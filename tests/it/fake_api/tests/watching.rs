//! Watches and controllers, with faults.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{StreamExt as _, TryStreamExt as _};
use kube::runtime::controller::Action;
use kube::runtime::finalizer::{Event as Finalizer, finalizer};
use kube::runtime::{Controller, WatchStreamExt as _, watcher};

use super::*;

const SOON: Duration = Duration::from_secs(600);

#[tokio::test(start_paused = true)]
async fn a_watcher_sees_changes_across_breaks() {
    for config in [
        watcher::Config::default(),
        watcher::Config::default().streaming_lists(),
    ] {
        let fake = FakeApi::new();
        fake.seed(config_map("a"));
        let seen = watcher(config_maps(&fake), config.labels("!hidden"))
            .map_ok(|event| match event {
                watcher::Event::Init => "init".to_owned(),
                watcher::Event::InitApply(object) => format!("found {}", object.name_any()),
                watcher::Event::InitDone => "ready".to_owned(),
                watcher::Event::Apply(object) => {
                    format!("{} {:?}", object.name_any(), object.data.unwrap()["key"])
                }
                watcher::Event::Delete(object) => format!("{} gone", object.name_any()),
            })
            .default_backoff();
        let mut seen = Box::pin(seen);
        let mut next = async || seen.next().await.unwrap().map_err(|error| error.to_string());
        for expected in ["init", "found a", "ready"] {
            assert_eq!(next().await.unwrap(), expected);
        }
        fake.update("configmaps", "default", "a", |object| {
            object["data"]["key"] = json!("new")
        });
        assert_eq!(next().await.unwrap(), r#"a "new""#);

        fake.drop_watches();
        assert!(next().await.is_err());
        fake.update("configmaps", "default", "a", |object| {
            object["data"]["key"] = json!("newer")
        });
        assert_eq!(next().await.unwrap(), r#"a "newer""#);

        fake.expire_watches();
        fake.seed(config_map("b"));
        assert!(next().await.is_err());
        for expected in ["init", "found a", "found b", "ready"] {
            assert_eq!(next().await.unwrap(), expected);
        }
        fake.update("configmaps", "default", "a", |object| {
            object["metadata"]["labels"] = json!({"hidden": ""})
        });
        assert_eq!(next().await.unwrap(), "a gone");
        // Long silence: the watch ends by its own timeout and goes on unnoticed.
        tokio::time::timeout(Duration::from_secs(3600), next())
            .await
            .unwrap_err();
        fake.delete("configmaps", "default", "b");
        assert_eq!(next().await.unwrap(), "b gone");
    }
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Failed(#[from] Box<kube::runtime::finalizer::Error<kube::Error>>);

/// Copies `key` to `copy`, under a finalizer.
async fn reconcile(
    object: Arc<ConfigMap>,
    context: Arc<(Api<ConfigMap>, AtomicUsize)>,
) -> Result<Action, Failed> {
    let (api, runs) = &*context;
    runs.fetch_add(1, Ordering::SeqCst);
    let done = finalizer(api, "pollinator.dev/test", object, async |event| match event {
        Finalizer::Apply(object) => {
            let patch = Patch::Merge(json!({"data": {"copy": object.data.clone().unwrap()["key"]}}));
            api.patch(&object.name_any(), &PatchParams::default(), &patch)
                .await?;
            Ok(Action::requeue(Duration::from_secs(300)))
        }
        Finalizer::Cleanup(_) => Ok(Action::await_change()),
    });
    Ok(done.await.map_err(Box::new)?)
}

#[tokio::test(start_paused = true)]
async fn a_controller_runs_through_faults() {
    let fake = FakeApi::new();
    fake.seed(config_map("a"));
    let api = config_maps(&fake);
    let context = Arc::new((api.clone(), AtomicUsize::new(0)));
    let controller = Controller::new(api, watcher::Config::default())
        .run(
            async |object, context| {
                tokio::time::timeout(Duration::from_secs(30), reconcile(object, context))
                    .await
                    .unwrap_or(Ok(Action::requeue(Duration::from_secs(5))))
            },
            |_, _, _| Action::requeue(Duration::from_secs(5)),
            context.clone(),
        )
        .for_each(async |_| ());
    let controller = tokio::spawn(controller);
    let copied = |value: &'static str| move |object: Option<&Value>| object.unwrap()["data"]["copy"] == value;
    fake.wait_for("configmaps", "default", "a", SOON, copied("old"))
        .await;

    let patches = || on(Verb::Patch, "configmaps").named("a").main();
    fake.fail_next(patches(), 500, 2);
    fake.hang_next(patches());
    fake.accept_but_fail_next(patches());
    let change = |value: &'static str| move |object: &mut Value| object["data"]["key"] = json!(value);
    fake.update("configmaps", "default", "a", change("new"));
    let started = tokio::time::Instant::now();
    fake.wait_for("configmaps", "default", "a", SOON, copied("new"))
        .await;
    assert!(
        started.elapsed() >= Duration::from_secs(45),
        "two failures and a timeout come first"
    );
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(fake.faults_pending(), 0);
    assert!(
        fake.requests_to(&any("configmaps"))
            .iter()
            .any(|request| request.answered.is_none())
    );

    fake.drop_watches();
    fake.expire_watches();
    fake.update("configmaps", "default", "a", change("newest"));
    fake.wait_for("configmaps", "default", "a", SOON, copied("newest"))
        .await;

    tokio::time::sleep(Duration::from_secs(60)).await;
    let runs = context.1.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let idle = context.1.load(Ordering::SeqCst) - runs;
    assert_eq!(idle, 12, "a requeue each 5 minutes and nothing else");

    fake.delete("configmaps", "default", "a");
    assert!(
        fake.get("configmaps", "default", "a").is_some(),
        "the finalizer holds it"
    );
    fake.wait_for("configmaps", "default", "a", SOON, |object| object.is_none())
        .await;
    assert!(fake.failures().is_empty(), "{:?}", fake.failures());
    controller.abort();
}
