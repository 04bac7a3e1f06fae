//! A simulator of SAP Concur's OAuth endpoints and APIs, of the hub dialect of Cloud Elements and SAP Open
//! Connectors, and of a callback receiver.
//!
//! It shares no code with the operator it tests, so that each checks the other's reading of the vendor's
//! documents. All parts hang off one [`Sandbox`]; its clock follows tokio's, also when that is paused.

mod access;
mod answer;
mod api;
mod asked;
mod authorize;
mod bend;
mod ceql;
mod clock;
mod command;
mod control;
mod dates;
mod exchange;
mod fault;
mod form;
mod history;
mod hub;
mod kind;
mod knobs;
mod listing;
mod log;
mod options;
mod paging;
mod problem;
mod random;
mod receiver;
mod resource;
mod serve;
mod state;
mod store;
mod token;
mod xml;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::Request;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

pub use crate::access::{ACCESS_TOKEN_MARK, ISSUED_MARK};
pub use crate::answer::ConnectionDropped;
pub use crate::command::{At, Command, CommandError, Create, Edit, PlannedFault, Seed};
pub use crate::fault::{Fault, Target};
pub use crate::history::{Past, PastVersion};
pub use crate::knobs::{
    AllRefusal, AuthorizeError, DigestItems, ExpiresIn, Filter, FilterRounding, GeolocationStyle, HeaderCase,
    IsDeleted, Knobs, NextPageEnd, NextPageHost, NotFound, OffsetStyle, Order, Rotate, ZoneSuffix,
};
pub use crate::log::Logged;
pub use crate::options::Options;
pub use crate::receiver::{Received, Signature};
pub use crate::resource::{Resource, UnknownResource};
pub use crate::state::Traffic;

use crate::exchange::Listener;
use crate::state::State;

/// The simulated vendor and the receiver; clones share everything.
#[derive(Clone)]
pub struct Sandbox(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    events: watch::Sender<u64>,
}

impl Sandbox {
    /// A sandbox without records.
    pub fn new(options: Options) -> Sandbox {
        let shared = Shared {
            state: Mutex::new(State::new(options)),
            events: watch::Sender::new(0),
        };
        Sandbox(Arc::new(shared))
    }

    /// `POST /oauth2/v0/token`, `GET /oauth2/v0/authorize` and `DELETE /app-mgmt/v0/connections`.
    pub fn token_router(&self) -> Router {
        self.router(Listener::Token)
    }

    /// `GET /api/v3.0/expense/reports` and the other resources, each also with `/{id}`.
    pub fn api_router(&self) -> Router {
        self.router(Listener::Api)
    }

    /// `GET /elements/api-v2/hubs/{hub}/{resource}`, also with `/{id}`.
    pub fn hub_router(&self) -> Router {
        self.router(Listener::Hub)
    }

    /// `POST /callback` and any path below it.
    pub fn receiver_router(&self) -> Router {
        self.router(Listener::Receiver)
    }

    /// `POST /control`, `GET /control/{log,received,state,history}` and `GET /healthz`.
    pub fn control_router(&self) -> Router {
        control::router(self.clone())
    }

    /// One handler for all paths, so that wrong ones are counted and logged as well.
    fn router(&self, listener: Listener) -> Router {
        let sandbox = self.clone();
        Router::new().fallback(move |request: Request| exchange::exchange(sandbox.clone(), listener, request))
    }

    /// Carries out a command, as `POST /control` does.
    pub fn apply(&self, command: Command) -> Result<Value, CommandError> {
        self.lock().apply(command)
    }

    /// The vendor's clock.
    pub fn now(&self) -> Timestamp {
        self.lock().now()
    }

    /// All requests to the receiver, in order.
    pub fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    /// All requests to the vendor and the hub, in order.
    pub fn log(&self) -> Vec<Logged> {
        self.lock().log.clone()
    }

    /// Requests to the vendor and the hub after the first `count`, in order.
    pub fn log_after(&self, count: usize) -> Vec<Logged> {
        self.lock().log.get(count..).unwrap_or_default().to_vec()
    }

    /// What came to an endpoint, and what waits there.
    pub fn traffic(&self, target: Target) -> Traffic {
        self.lock().traffic(target)
    }

    /// All versions of all objects, also of removed ones, by resource.
    pub fn history(&self) -> BTreeMap<String, Vec<Past>> {
        self.lock().history()
    }

    /// Sets the base URL that token answers print as geolocation, without refusing the one before.
    pub fn set_geolocation(&self, url: String) {
        self.lock().geolocation = state::base(&url);
    }

    /// Counts requests, so that tests can wait for the next one without sleeping; a hanging request counts
    /// when it arrives and when it is answered.
    pub fn on_event(&self) -> watch::Receiver<u64> {
        self.0.events.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) {
        self.0.events.send_modify(|count| *count += 1);
    }
}
