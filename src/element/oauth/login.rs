//! One instance's way to access: from memory, or with a call of the token endpoint.

use std::sync::Arc;

use http::HeaderValue;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::time::Instant;
use url::Url;

use super::exchange::{self, Granted, Reader, Refused};
use super::geolocation::{Allowed, Place, origin, without_login};
use super::state::{Live, Shelf, State};
use super::{Access, Login, Refreshed, TokenError};
use crate::config::{Grant, OAuth2Credentials};
use crate::element::definition::OAuth2;
use crate::http::{Limits, Transport};
use crate::store::{Owner, TokenStore};

/// A [`Login`] that outlives its caller.
pub(super) struct Job {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) fingerprint: String,
    owner: Owner,
    credentials: OAuth2Credentials,
    base_url: Option<Url>,
    limits: Limits,
    oauth: OAuth2,
    correlation: Option<String>,
    allowed: Allowed,
    /// The instant of the caller's `now`; since then a lock and an answer may have been waited for.
    began: Instant,
}

impl Job {
    pub(super) fn new(
        login: Login<'_>,
        fingerprint: String,
        transport: Arc<dyn Transport>,
        store: Arc<dyn TokenStore>,
        began: Instant,
    ) -> Self {
        let oauth = login.oauth.clone();
        let configured = [login.credentials.token_url.clone(), login.base_url.cloned()];
        Self {
            transport,
            store,
            fingerprint,
            owner: login.owner.clone(),
            credentials: login.credentials.clone(),
            base_url: login.base_url.cloned(),
            limits: login.limits,
            allowed: Allowed {
                suffixes: oauth.geolocation_suffixes.clone(),
                configured: configured.into_iter().flatten().collect(),
            },
            oauth,
            correlation: login.correlation_header.map(str::to_owned),
            began,
        }
    }

    fn shelf(&self) -> Shelf<'_> {
        Shelf {
            store: &*self.store,
            owner: &self.owner,
            fingerprint: &self.fingerprint,
        }
    }

    /// What needs neither network nor store: access in memory, or a block.
    pub(super) fn remembered(
        &self,
        state: &State,
        stale: Option<&HeaderValue>,
        now: Timestamp,
    ) -> Option<Result<Access, TokenError>> {
        if state.forgiven || !state.is_settled(&self.owner) {
            return None;
        }
        if let Some(block) = &state.record.blocked {
            return Some(Err(self.unpack(block)));
        }
        self.live(state, stale, now)
    }

    /// Everything that may take time; runs to its end once begun, since a rotated token must not get lost.
    pub(super) async fn run(
        &self,
        state: &mut State,
        stale: Option<&HeaderValue>,
        now: Timestamp,
    ) -> Result<Access, TokenError> {
        let shelf = self.shelf();
        state
            .load(shelf)
            .await
            .map_err(|error| TokenError::TokenNotLoaded(Arc::new(error)))?;
        if std::mem::take(&mut state.forgiven) {
            state.record.blocked = None;
        }
        let saved = state.save(shelf).await;
        if let Some(block) = &state.record.blocked {
            return Err(self.unpack(block));
        }
        // That the record lacks one more owner's name does no harm yet.
        if let Err(error) = saved
            && state.is_unsaved(&self.owner)
        {
            return Err(TokenError::TokenNotStored(Arc::new(error)));
        }
        if let Some(result) = self.live(state, stale, now) {
            return result;
        }
        state.live = None;
        let (granted, endpoint) = match self.ask(state).await {
            Ok(granted) => granted,
            Err(error) => return Err(self.note(state, error).await),
        };
        self.keep(state, granted, endpoint, now).await
    }

    /// Remembers a rejection, so that the next caller does not lock the account.
    async fn note(&self, state: &mut State, error: TokenError) -> TokenError {
        if let TokenError::CredentialsRejected {
            code, description, ..
        } = &error
        {
            state.record.blocked = Some(pack(*code, description));
            // If this fails it is tried again at the next call; until then memory knows.
            let _ = state.save(self.shelf()).await;
        }
        error
    }

    /// One exchange, and one more where another process has rotated the token we tried.
    async fn ask(&self, state: &mut State) -> Result<(Granted, Url), TokenError> {
        let error = match self.exchange(state).await {
            Err(error @ TokenError::CredentialsRejected { .. }) => error,
            other => return other,
        };
        match state.reload(self.shelf()).await {
            Ok(true) => match &state.record.blocked {
                Some(block) => Err(self.unpack(block)),
                None => self.exchange(state).await,
            },
            _ => Err(error),
        }
    }

    async fn exchange(&self, state: &State) -> Result<(Granted, Url), TokenError> {
        let stored = state.record.refresh_token.as_ref();
        let endpoint = self.endpoint(state.record.geolocation.as_deref());
        match self.call(&endpoint, stored).await {
            Ok(granted) => Ok((granted, endpoint)),
            Err(Refused::Failed(error)) => Err(error),
            Err(Refused::Elsewhere { place: None, error }) => Err(*error),
            Err(Refused::Elsewhere {
                place: Some(place), ..
            }) => {
                let endpoint = self.endpoint_at(&self.allowed.check(&place)?);
                match self.call(&endpoint, stored).await {
                    Ok(granted) => Ok((granted, endpoint)),
                    Err(Refused::Failed(error)) => Err(error),
                    Err(Refused::Elsewhere { error, .. }) => Err(*error),
                }
            }
        }
    }

    async fn call(&self, endpoint: &Url, stored: Option<&SecretString>) -> Result<Granted, Refused> {
        let request = exchange::request(endpoint, exchange::form(&self.credentials, stored));
        let answer = self
            .transport
            .send(request, self.limits)
            .await
            .map_err(|error| Refused::Failed(TokenError::TokenServiceUnreachable(Arc::new(error))))?;
        let secrets = exchange::secrets(&self.credentials, stored);
        let reader = Reader {
            oauth: &self.oauth,
            correlation: self.correlation.as_deref(),
            host: endpoint.host_str().unwrap_or_default(),
            secrets: &secrets,
        };
        reader.read(&answer)
    }

    /// Stores what was granted, then gives access.
    async fn keep(
        &self,
        state: &mut State,
        granted: Granted,
        endpoint: Url,
        now: Timestamp,
    ) -> Result<Access, TokenError> {
        let before = match (&state.record.refresh_token, &self.credentials.grant) {
            (Some(stored), _) => Some(stored.clone()),
            (None, Grant::RefreshToken(configured)) => Some(configured.clone()),
            _ => None,
        };
        let rotated = match (&before, &granted.refresh_token) {
            (Some(before), Some(after)) => !exchange::equal(before, after),
            _ => false,
        };
        if let Some(token) = granted.refresh_token {
            let same = |stored: &SecretString| exchange::equal(stored, &token);
            if !state.record.refresh_token.as_ref().is_some_and(same) {
                state.record.serial = state.record.serial.saturating_add(1);
            }
            state.record.refresh_token = Some(token);
        }
        if let Some(place) = granted
            .geolocation
            .as_ref()
            .and_then(|place| self.allowed.check(place).ok())
        {
            state.record.geolocation = Some(place.origin().ascii_serialization());
        }
        state.live = Some(Live {
            token: granted.access_token,
            good_until: Live::good_until(now, granted.life),
            place: granted.geolocation,
            endpoint: origin(&endpoint),
            vendor_ahead: granted.date.map(|date| date.duration_since(self.by_now(now))),
        });
        let saved = state.save(self.shelf()).await;
        if let Err(error) = saved
            && state.is_unsaved(&self.owner)
        {
            return Err(TokenError::TokenNotStored(Arc::new(error)));
        }
        let live = state.live.as_ref().ok_or(TokenError::TokenRequestInterrupted)?;
        let mut access = self.access(state, live)?;
        access.vendor_date = granted.date;
        access.refreshed = Some(Refreshed { rotated });
        Ok(access)
    }

    /// Access in memory that is still good and is not the one that was refused.
    fn live(
        &self,
        state: &State,
        stale: Option<&HeaderValue>,
        now: Timestamp,
    ) -> Option<Result<Access, TokenError>> {
        let live = state.live.as_ref().filter(|live| now < live.good_until)?;
        match self.access(state, live) {
            Ok(access) if access.header().is_some_and(|(_, value)| stale == Some(value)) => None,
            Ok(mut access) => {
                let date = live.vendor_ahead.map(|ahead| self.by_now(now).checked_add(ahead));
                access.vendor_date = date.and_then(Result::ok);
                Some(Ok(access))
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// Our clock, which goes on while the token service takes its time.
    fn by_now(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.began.elapsed()).unwrap_or(now)
    }

    fn access(&self, state: &State, live: &Live) -> Result<Access, TokenError> {
        let base = match (&self.base_url, &live.place) {
            // Both ends are where the user says, so what the vendor says is followed nowhere.
            (Some(base), _) if self.credentials.token_url.is_some() => without_login(base),
            (Some(base), None) => without_login(base),
            (Some(base), Some(place)) => self.allowed.check(place).map(|_| without_login(base))?,
            (None, Some(place)) => self.allowed.check(place)?,
            (None, None) => {
                let stored = state
                    .record
                    .geolocation
                    .as_deref()
                    .and_then(|place| self.stored_place(place));
                stored.unwrap_or_else(|| live.endpoint.clone())
            }
        };
        // Tokens that fit no header were sorted out when they came.
        Access::new(base, &live.token).ok_or(TokenError::TokenRequestInterrupted)
    }

    /// Where a token is asked for: as configured, where the user's data is, or the element's default.
    fn endpoint(&self, geolocation: Option<&str>) -> Url {
        if let Some(url) = &self.credentials.token_url {
            return url.clone();
        }
        let place = geolocation.and_then(|place| self.stored_place(place));
        self.endpoint_at(&place.unwrap_or_else(|| self.oauth.token_endpoint.host.clone()))
    }

    /// The token endpoint of another place.
    fn endpoint_at(&self, place: &Url) -> Url {
        let mut endpoint = place.clone();
        match &self.credentials.token_url {
            Some(own) if own.host() == place.host() => endpoint.set_path(own.path()),
            _ => endpoint.set_path(&self.oauth.token_endpoint.path),
        }
        endpoint
    }

    /// A stored geolocation is checked again: the configuration may be another now.
    fn stored_place(&self, text: &str) -> Option<Url> {
        self.allowed.check(&Place::parse(text)).ok()
    }

    /// The rejection behind a stored block.
    fn unpack(&self, block: &str) -> TokenError {
        let (code, description) = unpack(block);
        let rule = code.and_then(|code| self.oauth.errors.iter().find(|rule| rule.codes.contains(&code)));
        let remedy = rule
            .map_or(&self.oauth.other_errors.remedy, |rule| &rule.remedy)
            .clone();
        TokenError::CredentialsRejected {
            code,
            description,
            remedy,
        }
    }
}

/// A rejection as it is stored: variant, code, the vendor's words.
fn pack(code: Option<u32>, description: &str) -> String {
    match code {
        Some(code) => format!("Rejected {code}: {description}"),
        None => format!("Rejected: {description}"),
    }
}

fn unpack(block: &str) -> (Option<u32>, String) {
    let (head, description) = block.split_once(": ").unwrap_or(("", block));
    (
        head.strip_prefix("Rejected ").and_then(|code| code.parse().ok()),
        description.to_owned(),
    )
}
