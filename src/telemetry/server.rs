//! `/livez`, `/readyz` and `/metrics`.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use super::Metrics;

/// What must be there before the operator counts as ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The API server knows both kinds.
    Crds,
    /// The watch is filled, or this replica stands by.
    Cache,
}

#[derive(Debug, Default)]
struct Passed {
    crds: bool,
    cache: bool,
    waits_for: Option<String>,
}

/// Readiness, shared between the operator and the server.
#[derive(Clone, Debug, Default)]
pub struct Probes(Arc<Mutex<Passed>>);

impl Probes {
    /// A gate is passed.
    pub fn pass(&self, gate: Gate) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match gate {
            Gate::Crds => state.crds = true,
            Gate::Cache => state.cache = true,
        }
        state.waits_for = None;
    }

    /// Says what the operator waits for.
    pub fn waits(&self, reason: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).waits_for = Some(reason.to_owned());
    }

    /// `Ok` when ready, else what is missing.
    fn ready(&self) -> Result<(), String> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (state.crds, state.cache) {
            (true, true) => Ok(()),
            (false, _) => Err(state
                .waits_for
                .clone()
                .unwrap_or_else(|| "looking for the CRDs".to_owned())),
            (true, false) => Err("filling the watch".to_owned()),
        }
    }
}

/// Serves until `until` completes; the bound address is told to `bound`.
///
/// # Errors
/// Where `address` cannot be bound or the server breaks.
pub async fn serve(
    address: SocketAddr,
    metrics: Arc<Metrics>,
    probes: Probes,
    bound: impl FnOnce(SocketAddr),
    until: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    bound(listener.local_addr()?);
    let router = Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .with_state(probes)
        .route(
            "/metrics",
            get(move || {
                let metrics = metrics.clone();
                async move {
                    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                    ([(header::CONTENT_TYPE, kind)], metrics.text())
                }
            }),
        );
    axum::serve(listener, router).with_graceful_shutdown(until).await
}

async fn readyz(State(probes): State<Probes>) -> impl IntoResponse {
    match probes.ready() {
        Ok(()) => (StatusCode::OK, "ok".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}
