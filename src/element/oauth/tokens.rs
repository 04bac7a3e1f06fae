//! The one owner of tokens in a process.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use jiff::Timestamp;
use url::Url;

use super::fingerprint::fingerprint;
use super::login::Job;
use super::state::State;
use super::{Access, TokenError};
use crate::config::OAuth2Credentials;
use crate::element::OAuth2;
use crate::http::{Limits, Transport};
use crate::store::{Owner, TokenStore};

/// Who wants access to what.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// The token service.
    pub oauth: &'a OAuth2,
    /// Header with the id that the vendor's support asks for.
    pub correlation_header: Option<&'a str>,
    /// The instance on whose behalf tokens are stored.
    pub owner: &'a Owner,
    /// Its OAuth client and grant.
    pub credentials: &'a OAuth2Credentials,
    /// `base.url`.
    pub base_url: Option<&'a Url>,
    /// What one call of the token endpoint may cost.
    pub limits: Limits,
}

/// Obtains, keeps and renews access; instances with equal credentials share one token.
pub struct Tokens {
    transport: Arc<dyn Transport>,
    store: Arc<dyn TokenStore>,
    cells: Mutex<HashMap<String, Arc<Cell>>>,
}

/// One credential. Its lock is held through a token request, which makes requests single-flight.
#[derive(Default)]
struct Cell {
    /// Failed attempts so far.
    failures: AtomicU64,
    state: Arc<tokio::sync::Mutex<State>>,
}

impl Tokens {
    /// Tokens that are asked for over `transport` and kept in `store`.
    pub fn new(transport: Arc<dyn Transport>, store: Arc<dyn TokenStore>) -> Self {
        Self {
            transport,
            store,
            cells: Mutex::default(),
        }
    }

    /// Access from memory while it is good for another minute, else with one call of the token endpoint.
    pub async fn access(&self, login: Login<'_>, now: Timestamp) -> Result<Access, TokenError> {
        self.obtain(login, None, now).await
    }

    /// New access after `stale` was refused, unless somebody has already renewed it.
    pub async fn refresh(
        &self,
        stale: &Access,
        login: Login<'_>,
        now: Timestamp,
    ) -> Result<Access, TokenError> {
        self.obtain(login, stale.header().map(|(_, value)| value.clone()), now)
            .await
    }

    /// Lets one more token request be made with rejected credentials, because a human asked for it.
    pub async fn unblock(&self, _owner: &Owner, credentials: &OAuth2Credentials) {
        self.cell(&fingerprint(credentials)).state.lock().await.forgiven = true;
    }

    /// Waits until no token request is under way, so that a process can end without losing a rotated token.
    pub async fn settle(&self) {
        let cells: Vec<_> = self.cells().values().cloned().collect();
        for cell in cells {
            drop(cell.state.lock().await);
        }
    }

    async fn obtain(
        &self,
        login: Login<'_>,
        stale: Option<HeaderValue>,
        now: Timestamp,
    ) -> Result<Access, TokenError> {
        let fingerprint = fingerprint(login.credentials);
        let cell = self.cell(&fingerprint);
        let failures = cell.failures.load(Ordering::SeqCst);
        let began = tokio::time::Instant::now();
        let mut state = Arc::clone(&cell.state).lock_owned().await;
        let job = Job::new(
            login,
            fingerprint,
            Arc::clone(&self.transport),
            Arc::clone(&self.store),
            began,
        );
        if let Some(result) = job.remembered(&state, stale.as_ref(), now) {
            return result;
        }
        if let Some((number, error)) = &state.failed
            && *number > failures
        {
            return Err(error.clone());
        }
        if let Some(error) = state.resting(now) {
            return Err(error);
        }
        // A caller that is dropped half-way must not take a token with it that the vendor has already rotated.
        let attempt = tokio::spawn(async move {
            let result = job.run(&mut state, stale.as_ref(), now).await;
            match &result {
                Ok(_) => state.rest = None,
                Err(error) => {
                    let number = cell.failures.fetch_add(1, Ordering::SeqCst) + 1;
                    state.note_failure(number, error, now);
                }
            }
            result
        });
        attempt.await.unwrap_or(Err(TokenError::TokenRequestInterrupted))
    }

    fn cell(&self, fingerprint: &str) -> Arc<Cell> {
        let mut cells = self.cells();
        if let Some(cell) = cells.get(fingerprint) {
            return Arc::clone(cell);
        }
        let cell = Arc::<Cell>::default();
        cells.insert(fingerprint.to_owned(), Arc::clone(&cell));
        cell
    }

    fn cells(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Cell>>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("credentials", &self.cells().len())
            .finish_non_exhaustive()
    }
}
