//! Turns requests into answers.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use serde_json::{Value, json};

use super::faults::Fault;
use super::patch;
use super::refusal::Refusal;
use super::route::{Route, Verb};
use super::select::{self, Selection};
use super::store::Part;
use super::{BoxError, Recorded, Shared, lock, watch};

pub(crate) type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// A whole answer, or a watch that was allowed.
enum Outcome {
    Object(u16, Value),
    Watch(Box<(Route, Selection)>),
}

pub(crate) async fn serve(
    shared: Arc<Shared>,
    request: Request<kube::client::Body>,
) -> Result<Answer, BoxError> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let path = head.uri.path().to_owned();
    let query = head.uri.query().unwrap_or_default();
    let body: Option<Value> = if body.is_empty() {
        None
    } else {
        Some(serde_json::from_slice(&body)?)
    };
    if let Some(list) = discovery(&path) {
        let missing = lock(&shared).kinds_missing;
        let refusal = Refusal::not_found("pollinator.dev", "v1alpha1").status();
        return Ok(if missing {
            whole(404, &refusal)
        } else {
            whole(200, &list)
        });
    }
    let route = Route::parse(head.method.as_str(), &path, query);

    let (fault, index) = {
        let mut state = lock(&shared);
        let fault = route.as_ref().and_then(|route| state.faults.take(route));
        state
            .requests
            .push(Recorded::new(&head, route.clone(), body.clone()));
        (fault, state.requests.len() - 1)
    };
    let outcome = match fault {
        Some(Fault::Hang) => return std::future::pending().await,
        Some(Fault::Status(code)) => Err(Refusal::injected(code)),
        Some(Fault::LoseAnswer) | None => {
            answer(&shared, route, &path, &head.headers, body.unwrap_or_default())
        }
    };
    if fault == Some(Fault::LoseAnswer) {
        return Err("the connection was reset".into());
    }
    let answer = outcome.and_then(|outcome| match outcome {
        Outcome::Object(code, object) => Ok(whole(code, &object)),
        Outcome::Watch(watch) => {
            let (route, selection) = *watch;
            let stream = watch::stream(&shared, &route, selection)?;
            Ok(Response::new(StreamBody::new(stream).boxed_unsync()))
        }
    });
    let answer = answer.unwrap_or_else(|refusal| whole(refusal.code, &refusal.status()));
    lock(&shared).requests[index].answered = Some(answer.status().as_u16());
    Ok(answer)
}

/// The kinds of our own group, as the API server lists them.
fn discovery(path: &str) -> Option<Value> {
    let version = "pollinator.dev/v1alpha1";
    let kinds = [
        ("pollinginstances", "PollingInstance"),
        ("pollingcheckpoints", "PollingCheckpoint"),
    ];
    let resources = kinds.map(|(name, kind)| {
        json!({"name": name, "singularName": "", "namespaced": true, "kind": kind, "verbs": ["get"]})
    });
    let list = json!({"kind": "APIResourceList", "groupVersion": version, "resources": resources});
    (path == format!("/apis/{version}")).then_some(list)
}

fn answer(
    shared: &Arc<Shared>,
    route: Option<Route>,
    path: &str,
    headers: &HeaderMap,
    body: Value,
) -> Result<Outcome, Refusal> {
    let mut state = lock(shared);
    if path == "/version" {
        return Ok(Outcome::Object(
            200,
            json!({
                "major": "1", "minor": "37", "gitVersion": "v1.37.2", "gitCommit": "", "gitTreeState": "clean",
                "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.26", "compiler": "gc", "platform": "linux/amd64",
            }),
        ));
    }
    let Some(route) = route.filter(|route| state.store.serves(&route.resource)) else {
        state.failures.push(format!("nothing is served at {path}"));
        return Err(Refusal::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        ));
    };
    if !route.parameter("dryRun").is_empty() || !route.parameter("continue").is_empty() {
        state
            .failures
            .push(format!("the fake API knows neither dryRun nor continue: {path}"));
        return Err(Refusal::bad_request(
            "the fake API knows neither dryRun nor continue",
        ));
    }
    let needs_object = matches!(route.verb, Verb::Create | Verb::Update);
    if needs_object && !body.is_object() {
        return Err(Refusal::bad_request("the body is not an object"));
    }
    let key = route.key();
    let part = if route.status { Part::Status } else { Part::Main };
    let revision = state.store.revision;
    let (code, object) = match route.verb {
        Verb::Watch => {
            let selection = Selection::parse(&route, headers)?;
            return Ok(Outcome::Watch(Box::new((route, selection))));
        }
        Verb::List => {
            let selection = Selection::parse(&route, headers)?;
            let objects = state.store.list(&route.resource, &route.namespace);
            let items: Vec<Value> = objects
                .into_iter()
                .filter(|object| selection.selects(object))
                .map(|object| selection.show(object))
                .collect();
            let list = json!({
                "apiVersion": "v1",
                "kind": "List",
                "metadata": {"resourceVersion": revision.to_string()},
                "items": items,
            });
            return Ok(Outcome::Object(200, list));
        }
        Verb::Get => (200, state.store.get(&key)?.clone()),
        Verb::Create => (
            201,
            state
                .store
                .create(&route.resource, &route.namespace, body, part)?,
        ),
        Verb::Update => {
            let version = &body["metadata"]["resourceVersion"];
            if route.resource.is_custom() && version.as_str().unwrap_or_default().is_empty() {
                return Err(Refusal::invalid(
                    "metadata.resourceVersion: must be specified for an update",
                ));
            }
            (200, state.store.write(&key, body, part)?)
        }
        Verb::Patch => {
            let content_type = headers
                .get(http::header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok());
            let existed = state.store.get(&key).is_ok();
            let object = match content_type.unwrap_or_default() {
                "application/apply-patch+yaml" => {
                    let manager = route.parameter("fieldManager");
                    if manager.is_empty() {
                        return Err(Refusal::bad_request("fieldManager is required for apply patch"));
                    }
                    state.store.apply(&key, manager, &body, part)?
                }
                "application/merge-patch+json" => {
                    let mut object = state.store.get(&key)?.clone();
                    patch::merge(&mut object, &body);
                    state.store.write(&key, object, part)?
                }
                "application/json-patch+json" => {
                    let mut object = state.store.get(&key)?.clone();
                    patch::json_patch(&mut object, &body)?;
                    state.store.write(&key, object, part)?
                }
                other => {
                    state
                        .failures
                        .push(format!("a patch of the unknown type {other:?} at {path}"));
                    return Err(Refusal::new(
                        415,
                        "UnsupportedMediaType",
                        format!("unknown patch type {other:?}"),
                    ));
                }
            };
            (if existed { 200 } else { 201 }, object)
        }
        Verb::Delete => (200, state.store.delete(&key, &body)?),
    };
    if state.store.revision != revision {
        shared.changes.send_replace(());
    }
    let as_metadata = select::is_metadata_only(headers) && object["kind"] != "Status";
    Ok(Outcome::Object(
        code,
        if as_metadata {
            select::metadata_of(&object)
        } else {
            object
        },
    ))
}

fn whole(code: u16, object: &Value) -> Answer {
    let body = Full::new(Bytes::from(object.to_string()))
        .map_err(|never| match never {})
        .boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = http::StatusCode::from_u16(code).unwrap();
    answer.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    answer
}
