//! Wiring: client, leadership, watch and the loop that reconciles.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use ipnet::IpNet;
use k8s_controller::events::{EventRecorder, Reporter};
use kube::runtime::controller::{Action, Config};
use kube::runtime::predicates::{annotations, generation};
use kube::runtime::reflector::Store;
use kube::runtime::reflector::store::Writer;
use kube::runtime::{Controller, Predicate, PredicateConfig, WatchStreamExt, reflector, watcher};
use kube::{Api, Client, Resource};
use tokio_util::sync::CancellationToken;

use super::context::{Context, Guarded, ReconcileError, Watched};
use super::lease::Lease;
use super::patience::patient;
use super::reconcile::reconcile;
use super::status::FIELD_MANAGER;
use super::surroundings;
use super::tally::tally;
use crate::api::{GROUP, PollingCheckpoint, PollingInstance};
use crate::deliver::jittered;
use crate::element::Tokens;
use crate::engine::{Callbacks, Clock, Engine};
use crate::http::{AddressGuard, HttpClient, HttpOptions, Proxies, Transport};
use crate::store::{KubernetesStore, in_words};
use crate::telemetry::{Gate, Metrics, Probes};

/// Instances of one watch polled at once. High, since a source that hangs holds its place for minutes and must not hold
/// up others; a bound all the same, since each may have a page in memory.
const CONCURRENCY: u16 = 1024;
/// After this time, and a moment more, a watch begins anew: so late a watch that fell silent is noticed.
const WATCH_SECONDS: u32 = 60;
/// Pause before the CRDs are looked for again.
const CRD_PAUSE: Duration = Duration::from_secs(5);
/// Pause between two looks at what is remembered of instances that are gone.
const FORGET_PAUSE: Duration = Duration::from_secs(600);
/// Pause between two counts of the instances for the metrics.
const TALLY_PAUSE: Duration = Duration::from_secs(15);
/// Pause after a failed reconcile, give or take a fifth.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// What the operator is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Watch these namespaces only; all where empty.
    pub namespaces: BTreeSet<String>,
    /// Networks that may be called although a rule refuses them.
    pub allow: Vec<IpNet>,
    /// Networks that may never be called.
    pub deny: Vec<IpNet>,
    /// Whether private addresses may be called.
    pub allow_private: bool,
    /// Requests to one host at once.
    pub max_requests_per_host: usize,
    /// Whether to hold a Lease while working.
    pub leader_election: bool,
    /// Namespace of the Lease; the client's default namespace where absent.
    pub lease_namespace: Option<String>,
    /// Name of this replica, unique among those that share a Lease.
    pub identity: String,
}

/// Why the operator cannot run.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No way to the API server.
    #[error("no way to the API server; set KUBECONFIG, or run in a cluster")]
    Configuration(#[source] kube::config::InferConfigError),
    /// The client cannot be made of the configuration.
    #[error("the Kubernetes client cannot be made")]
    Client(#[source] kube::Error),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Http(#[from] crate::http::ClientError),
}

/// What the operator works with; tests bring their own.
#[derive(Clone)]
pub struct Parts {
    /// The way to the API server.
    pub client: Client,
    /// The way to sources and callbacks.
    pub transport: Arc<dyn Transport>,
    /// This machine's clock.
    pub clock: Clock,
    /// Counts what happens.
    pub metrics: Arc<Metrics>,
    /// Tell whether the operator is ready.
    pub probes: Probes,
}

/// Runs in the real world until `ending` is cancelled, as [`run_with`] says.
///
/// # Errors
/// [`OperatorError`] where the operator cannot start.
pub async fn run(
    options: Options,
    metrics: Arc<Metrics>,
    probes: Probes,
    ending: CancellationToken,
) -> Result<(), OperatorError> {
    let config = kube::Config::infer()
        .await
        .map_err(OperatorError::Configuration)?;
    let client = Client::try_from(config.clone()).map_err(OperatorError::Client)?;
    let guard = AddressGuard::operator(options.allow.clone(), options.deny.clone(), Vec::new())
        .private(options.allow_private);
    surroundings::look(&guard, &config).await;
    let transport = Arc::new(HttpClient::with(HttpOptions {
        proxies: Proxies::from_env()?,
        max_requests_per_host: options.max_requests_per_host,
        ..HttpOptions::new(guard.clone())
    })?);
    let looking = surroundings::keep_looking(guard, config, client.clone());
    let parts = Parts {
        client,
        transport,
        clock: Clock::system(),
        metrics,
        probes,
    };
    tokio::select! {
        () = run_with(parts, options, ending) => {}
        () = looking => {}
    }
    Ok(())
}

/// Runs until `ending` is cancelled; then finishes what is under way, releases the Lease and returns.
pub async fn run_with(parts: Parts, options: Options, ending: CancellationToken) {
    let parts = Parts {
        client: patient(parts.client.clone()),
        ..parts
    };
    let Parts {
        client,
        metrics,
        probes,
        ..
    } = &parts;
    if !wait_for_crds(client, probes, &ending).await {
        return;
    }
    probes.pass(Gate::Crds);
    while !ending.is_cancelled() {
        if !options.leader_election {
            work(&parts, &options, &ending).await;
            metrics.leading(false);
            break;
        }
        probes.pass(Gate::Cache); // a standby is ready to take over
        let namespace = options
            .lease_namespace
            .as_deref()
            .unwrap_or(client.default_namespace());
        let lease = Lease::default();
        let leading = Parts {
            transport: lease.guarding(parts.transport.clone()),
            ..parts.clone()
        };
        let work = work(&leading, &options, &ending);
        let election = lease.election(client.clone(), namespace, &options.identity);
        let finished = tokio::select! {
            finished = election.with_lease(work) => finished,
            () = until_not_leading(metrics, &ending) => None,
        };
        metrics.leading(false);
        if finished.is_none() && !ending.is_cancelled() {
            tracing::warn!("lease lost; waiting for it again");
        }
    }
    tracing::info!("stopped");
}

/// Ends the wait for the lease, but never work under way, when the process is asked to end.
async fn until_not_leading(metrics: &Metrics, ending: &CancellationToken) {
    ending.cancelled().await;
    if metrics.is_leading() {
        std::future::pending::<()>().await;
    }
}

/// Watches and reconciles until asked to end.
async fn work(parts: &Parts, options: &Options, ending: &CancellationToken) {
    let Parts {
        client,
        transport,
        clock,
        metrics,
        probes,
    } = parts;
    metrics.leading(true);
    tracing::info!(identity = %options.identity, "polling begins");
    let store = Arc::new(KubernetesStore::new(client.clone()));
    let tokens = Arc::new(Tokens::new(transport.clone(), store.clone()));
    let callbacks = Arc::new(Callbacks::new(transport.clone(), *clock));
    let engine = Engine::new(
        store,
        transport.clone(),
        tokens,
        callbacks,
        *clock,
        options.identity.clone(),
    );
    let apis = match options.namespaces.is_empty() {
        true => vec![Api::all(client.clone())],
        false => {
            let namespaced = |namespace: &String| Api::namespaced(client.clone(), namespace);
            options.namespaces.iter().map(namespaced).collect()
        }
    };
    let (watched, writers): (Vec<_>, Vec<_>) = apis.iter().map(|_| reflector::store()).unzip();
    let watched = Watched::new(watched);
    let reporter = Reporter {
        controller: FIELD_MANAGER.into(),
        instance: Some(options.identity.clone()),
    };
    let recorder = EventRecorder::new(client.clone(), reporter);
    let context = Arc::new(Context::new(
        client.clone(),
        engine,
        watched.clone(),
        recorder,
        metrics.clone(),
        ending.clone(),
    ));
    let watches = apis.into_iter().zip(watched.stores().to_vec()).zip(writers);
    let loops = join_all(watches.map(|((api, store), writer)| reconcile_all(api, store, writer, &context)));
    let ready = async {
        if watched.wait_until_ready().await {
            probes.pass(Gate::Cache);
        }
        std::future::pending::<()>().await;
    };
    let forget = async {
        loop {
            tokio::time::sleep(FORGET_PAUSE).await;
            context.forget_deleted();
        }
    };
    let count = async {
        loop {
            metrics.tallied(&tally(&watched, clock.now()));
            tokio::time::sleep(TALLY_PAUSE).await;
        }
    };
    tokio::select! {
        _ = loops => {}
        () = ready => {}
        () = forget => {}
        () = count => {}
    }
    // A rotated refresh token under way is worth waiting for: the old one may be dead already.
    context.engine.tokens().settle().await;
}

/// Watches the instances of one namespace, or of all, and reconciles them until asked to end.
async fn reconcile_all(
    api: Api<Guarded>,
    store: Store<Guarded>,
    writer: Writer<Guarded>,
    context: &Arc<Context>,
) {
    let changes = watcher(api, watcher::Config::default().timeout(WATCH_SECONDS))
        .modify(|object| object.meta_mut().managed_fields = None)
        .default_backoff()
        .reflect(writer)
        .applied_objects()
        .predicate_filter(generation.combine(annotations), PredicateConfig::default());
    let ending = &context.ending;
    let reconciles = Controller::for_stream(changes, store.clone())
        .with_config(Config::default().concurrency(CONCURRENCY))
        .graceful_shutdown_on(ending.clone().cancelled_owned())
        .run(reconcile, error_policy, context.clone())
        .for_each(|result| {
            if result.is_ok() {
                context.metrics.reconciled("ok");
            }
            std::future::ready(())
        });
    // The controller ends gracefully only once its watch has begun.
    let ends_early = async {
        ending.cancelled().await;
        if store.wait_until_ready().now_or_never().is_some() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = reconciles => {}
        () = ends_early => {}
    }
}

fn error_policy(object: Arc<Guarded>, error: &ReconcileError, context: Arc<Context>) -> Action {
    let meta = object.meta();
    tracing::warn!(
        namespace = meta.namespace.as_deref().unwrap_or_default(),
        name = meta.name.as_deref().unwrap_or_default(),
        %error,
        "reconcile failed and is tried again"
    );
    context.metrics.reconciled(error.reason());
    Action::requeue(jittered(RETRY_PAUSE, fastrand::f64()))
}

/// Waits until the API server knows both kinds; false when asked to end before.
async fn wait_for_crds(client: &Client, probes: &Probes, ending: &CancellationToken) -> bool {
    loop {
        let missing = missing_crd(client).await;
        match missing {
            None => return true,
            Some(reason) => {
                tracing::warn!(%reason, "waiting for the API server to know pollinator.dev/v1alpha1; install the CRDs");
                probes.waits(&reason);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(CRD_PAUSE) => {}
            () = ending.cancelled() => return false,
        }
    }
}

/// What the API server does not serve, by its own list, which every authenticated client may read.
async fn missing_crd(client: &Client) -> Option<String> {
    let version = format!("{GROUP}/{}", PollingInstance::version(&()));
    let served = match client.list_api_group_resources(&version).await {
        Ok(list) => list.resources,
        Err(error) => return Some(format!("{version}: {}", in_words(&error))),
    };
    let kinds = [PollingInstance::plural(&()), PollingCheckpoint::plural(&())];
    let missing = kinds
        .iter()
        .find(|plural| !served.iter().any(|resource| resource.name == **plural));
    missing.map(|plural| format!("the API server does not serve {plural}.{version}"))
}
