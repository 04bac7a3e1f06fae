//! Reading and writing.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, PostParams};

use super::*;

#[tokio::test(start_paused = true)]
async fn the_specification_and_the_status_are_written_apart() {
    let fake = FakeApi::new();
    fake.defaulting("pollinginstances", |object| {
        if object["status"].is_null() {
            object["status"] = json!({"observedGeneration": -1});
        }
    });
    let api = instances(&fake);
    let mut body = instance("a");
    body["status"] = json!({"ignored": true});
    let created = api.create(&PostParams::default(), &typed(body)).await.unwrap();
    assert_eq!(created.metadata.generation, Some(1));
    assert_eq!(created.data["status"], json!({"observedGeneration": -1}));

    let patch = Patch::Merge(json!({"spec": {"interval": "1m"}, "status": {"observedGeneration": 1}}));
    let status = api
        .patch_status("a", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(status.metadata.generation, Some(1));
    assert_eq!(status.data["spec"]["interval"], "5m");
    assert_eq!(status.data["status"]["observedGeneration"], 1);
    assert_ne!(status.resource_version(), created.resource_version());

    let again = api
        .patch_status("a", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(
        again.resource_version(),
        status.resource_version(),
        "a write that changes nothing"
    );

    let patch = Patch::Merge(json!({"spec": {"interval": "1m"}, "status": {"observedGeneration": 7}}));
    fake.fail_next(on(Verb::Patch, "pollinginstances").status(), 503, 1);
    let main = api.patch("a", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(main.metadata.generation, Some(2));
    assert_eq!(main.data["status"]["observedGeneration"], 1);
    assert_eq!(
        code(api.patch_status("a", &PatchParams::default(), &patch).await),
        503
    );

    assert_eq!(
        code(api.replace("a", &PostParams::default(), &created).await),
        409
    );
    let mut unversioned = main.clone();
    unversioned.metadata.resource_version = None;
    assert_eq!(
        code(api.replace("a", &PostParams::default(), &unversioned).await),
        422
    );
    let replaced = api
        .replace_status("a", &PostParams::default(), &main)
        .await
        .unwrap();
    assert_eq!(replaced.resource_version(), main.resource_version());
    assert!(fake.failures().is_empty());
}

#[tokio::test(start_paused = true)]
async fn names_and_kinds_are_checked() {
    let fake = FakeApi::new();
    let api = config_maps(&fake);
    let generated: ConfigMap = typed(json!({"metadata": {"generateName": "run-"}}));
    let created = api.create(&PostParams::default(), &generated).await.unwrap();
    assert!(created.name_any().starts_with("run-") && created.name_any().len() == 9);
    assert_eq!(
        code(
            api.create(&PostParams::default(), &typed(config_map("Big")))
                .await
        ),
        422
    );
    fake.seed(config_map("a"));
    assert_eq!(
        code(api.create(&PostParams::default(), &typed(config_map("a"))).await),
        409
    );
    assert_eq!(
        code(
            api.replace("b", &PostParams::default(), &typed(config_map("a")))
                .await
        ),
        404
    );
    assert_eq!(
        code(
            instances(&fake)
                .create(&PostParams::default(), &typed(config_map("x")))
                .await
        ),
        400
    );
    assert!(fake.failures().is_empty());

    let kind = GroupVersionKind::gvk("example.org", "v1", "Thing");
    let unknown: Api<DynamicObject> = Api::all_with(fake.client(), &ApiResource::from_gvk(&kind));
    assert_eq!(code(unknown.list(&ListParams::default()).await), 404);
    assert_eq!(
        fake.failures(),
        ["nothing is served at /apis/example.org/v1/things"]
    );
    fake.serve("example.org/v1");
    assert!(
        unknown
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_with_finalizers_is_marked_before_it_goes() {
    let fake = FakeApi::new();
    let mut body = instance("a");
    body["metadata"]["finalizers"] = json!(["pollinator.dev/x"]);
    fake.seed(body);
    let api = instances(&fake);
    assert!(api.delete("a", &DeleteParams::default()).await.unwrap().is_left());
    let marked = api.get("a").await.unwrap();
    assert_eq!(marked.metadata.generation, Some(2));
    let add = Patch::Merge(json!({"metadata": {"finalizers": ["pollinator.dev/x", "y.dev/y"]}}));
    assert_eq!(code(api.patch("a", &PatchParams::default(), &add).await), 422);
    let remove = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    api.patch("a", &PatchParams::default(), &remove).await.unwrap();
    assert!(fake.get("pollinginstances", "default", "a").is_none());

    fake.seed(instance("b"));
    let other = DeleteParams {
        preconditions: Some(kube::api::Preconditions {
            uid: Some("other".into()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    assert_eq!(code(api.delete("b", &other).await), 409);
    assert!(
        api.delete("b", &DeleteParams::default())
            .await
            .unwrap()
            .is_right()
    );
}

#[tokio::test(start_paused = true)]
async fn apply_removes_what_its_manager_no_longer_applies() {
    let fake = FakeApi::new();
    fake.seed(config_map("a"));
    let api = config_maps(&fake);
    let apply = |data: Value| Patch::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data}));
    let parameters = PatchParams::apply("pollinator").force();
    api.patch("a", &parameters, &apply(json!({"mine": "1", "also": "2"})))
        .await
        .unwrap();
    let second = api
        .patch("a", &parameters, &apply(json!({"mine": "3"})))
        .await
        .unwrap();
    let data: Vec<_> = second.data.clone().unwrap().into_iter().collect();
    assert_eq!(
        data,
        [("key".to_owned(), "old".to_owned()), ("mine".into(), "3".into())]
    );
    assert_eq!(second.managed_fields().len(), 1);
    assert_eq!(second.managed_fields()[0].manager.as_deref(), Some("pollinator"));
    let third = api
        .patch("a", &parameters, &apply(json!({"mine": "3"})))
        .await
        .unwrap();
    assert_eq!(third.resource_version(), second.resource_version());

    api.patch("new", &parameters, &apply(json!({}))).await.unwrap();
    assert!(fake.get("configmaps", "default", "new").is_some());
    let recorded = fake.requests_to(&on(Verb::Patch, "configmaps").named("new"));
    assert_eq!(recorded[0].method, "PATCH");
    assert!(
        recorded[0].uri.contains("force=true&fieldManager=pollinator"),
        "{}",
        recorded[0].uri
    );
    assert_eq!(recorded[0].body.as_ref().unwrap()["kind"], "ConfigMap");
    assert_eq!(recorded[0].content_type, "application/apply-patch+yaml");
    assert_eq!(recorded[0].answered, Some(201));
    let status = Patch::Apply(json!({
        "apiVersion": "pollinator.dev/v1alpha1", "kind": "PollingInstance", "status": {"phase": "x"},
    }));
    assert_eq!(
        code(instances(&fake).patch_status("none", &parameters, &status).await),
        404
    );
    fake.seed(instance("a"));
    let applied = instances(&fake)
        .patch_status("a", &parameters, &status)
        .await
        .unwrap();
    assert_eq!(applied.managed_fields()[0].subresource.as_deref(), Some("status"));
}

#[tokio::test(start_paused = true)]
async fn lists_select_by_labels_names_and_namespaces() {
    let fake = FakeApi::new();
    fake.seed(config_map("a"));
    fake.seed(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "b", "namespace": "other", "labels": {"app": "pollinator"}},
    }));
    let all: Api<ConfigMap> = Api::all(fake.client());
    let names = async |parameters: ListParams| {
        all.list(&parameters)
            .await
            .unwrap()
            .items
            .iter()
            .map(ConfigMap::name_any)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(ListParams::default()).await, ["a", "b"]);
    assert_eq!(names(ListParams::default().labels("app=pollinator")).await, ["b"]);
    assert_eq!(
        names(ListParams::default().labels("app!=pollinator")).await,
        ["a"]
    );
    assert_eq!(names(ListParams::default().labels("!app")).await, ["a"]);
    assert_eq!(
        names(ListParams::default().fields("metadata.name=b")).await,
        ["b"]
    );
    assert_eq!(
        config_maps(&fake)
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    let metadata = all.list_metadata(&ListParams::default()).await.unwrap();
    assert_eq!(metadata.items[1].metadata.namespace.as_deref(), Some("other"));
    assert_eq!(fake.list("configmaps", "other").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn leases_and_events_are_objects_too() {
    let fake = FakeApi::new();
    let leases: Api<Lease> = Api::default_namespaced(fake.client());
    let lease: Lease = typed(json!({"metadata": {"name": "leader"}, "spec": {"holderIdentity": "a"}}));
    let held = leases.create(&PostParams::default(), &lease).await.unwrap();
    assert_eq!(held.metadata.generation, None);
    leases
        .replace("leader", &PostParams::default(), &held)
        .await
        .unwrap();
    fake.update("leases", "default", "leader", |lease| {
        lease["spec"]["holderIdentity"] = json!("b")
    });
    assert_eq!(
        code(leases.replace("leader", &PostParams::default(), &held).await),
        409
    );

    let events: Api<Event> = Api::default_namespaced(fake.client());
    let event = |note: &str| -> Event {
        typed(json!({
            "metadata": {"generateName": "a-"}, "eventTime": null, "note": note, "reason": "Polled", "action": "Poll",
            "reportingController": "pollinator.dev/controller", "reportingInstance": "pollinator-0", "type": "Normal",
        }))
    };
    events
        .create(&PostParams::default(), &event("fine"))
        .await
        .unwrap();
    assert_eq!(
        code(
            events
                .create(&PostParams::default(), &event(&"x".repeat(1025)))
                .await
        ),
        422
    );
    assert_eq!(fake.list("events.events.k8s.io", "default").len(), 1);
    assert_eq!(fake.client().apiserver_version().await.unwrap().minor, "37");
}
