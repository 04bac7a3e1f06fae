//! One page of a listing, with one fresh token and a few patient attempts, at the pace that the credential is held to.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use jiff::Timestamp;
use url::Url;

use super::outcome::Progress;
use super::{Clock, PollError};
use crate::config::{Credentials, Settings};
use crate::deliver::jittered;
use crate::element::{
    Access, Authentication, Caller, Definition, ElementError, Listing, Login, Page, PutOff, Remedy, Rest,
    SourceError, Throttle, TokenError, Tokens, Told,
};
use crate::http::{BodyLimit, Limits, Transport};
use crate::store::Owner;

/// Largest page that is read; a listing of 100 Concur reports takes about 300 kB.
const LARGEST_PAGE: usize = 64 * 1024 * 1024;
/// Pauses before a page is asked for again, where the vendor's trouble is of the passing kind.
const PATIENCE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// The way in.
enum Gate<'a> {
    Token(Login<'a>),
    Header(Access),
}

/// What a page is fetched with.
pub(super) struct Fetch<'a> {
    pub(super) transport: &'a dyn Transport,
    pub(super) tokens: &'a Tokens,
    pub(super) throttle: &'a Arc<Throttle>,
    pub(super) caller: Caller<'a>,
    pub(super) clock: Clock,
    pub(super) owner: &'a Owner,
    pub(super) settings: &'a Settings,
    pub(super) definition: &'a Definition,
    pub(super) listing: &'a Listing,
}

/// Why there is no page, or no access.
pub(super) enum Unfetched {
    /// The poll is no longer wanted.
    Unwanted,
    /// The poll is put off: too many polls with this credential wait already.
    Crowded(Duration),
    Failed(PollError),
}

impl<E: Into<PollError>> From<E> for Unfetched {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Fetch<'_> {
    /// What a poll begins with, so that a source at rest is not asked and a crowd is not joined.
    pub(super) fn begin(&self, promised: bool, progress: &mut Progress) -> Result<(), Unfetched> {
        match self.throttle.admit(self.caller, promised) {
            Ok(place) => {
                progress.place = Some(place);
                Ok(())
            }
            Err(put_off) => Err(self.put_off(put_off, progress)),
        }
    }

    /// Access by a token, or by the configured header.
    pub(super) async fn access(&self, progress: &mut Progress) -> Result<Access, Unfetched> {
        match self.gate()? {
            Gate::Token(login) => {
                let rests = self.throttle.rests();
                let result = self.tokens.access(login, self.clock.now()).await;
                self.granted(rests, result, progress)
            }
            Gate::Header(access) => Ok(access),
        }
    }

    /// New access after `stale` was refused; none where there is no other.
    async fn renewed(&self, stale: &Access, progress: &mut Progress) -> Result<Option<Access>, Unfetched> {
        match self.gate()? {
            Gate::Token(login) => {
                let rests = self.throttle.rests();
                let result = self.tokens.refresh(stale, login, self.clock.now()).await;
                self.granted(rests, result, progress).map(Some)
            }
            Gate::Header(_) => Ok(None),
        }
    }

    /// What concerns every instance with the credential is told by one of them.
    fn granted(
        &self,
        rests: u64,
        result: Result<Access, TokenError>,
        progress: &mut Progress,
    ) -> Result<Access, Unfetched> {
        let error = match result {
            Ok(access) => {
                self.throttle.credentials(self.caller, true);
                return Ok(access);
            }
            Err(error) => error,
        };
        if matches!(error, TokenError::CredentialsRejected { .. }) {
            progress.shown_elsewhere = !self.throttle.credentials(self.caller, false);
        }
        match self.throttle.token_unavailable(self.caller, rests, &error) {
            Some(told) => {
                progress.turn = Some(self.throttle.turn());
                Err(self.told(&told, error.reason(), error.into(), progress).into())
            }
            None => Err(error.into()),
        }
    }

    fn gate(&self) -> Result<Gate<'_>, ElementError> {
        let base_url = self.settings.base_url.as_ref();
        match (&self.definition.authentication, &self.settings.credentials) {
            (Authentication::OAuth2(oauth), Credentials::OAuth2(credentials)) => Ok(Gate::Token(Login {
                oauth,
                correlation_header: self.definition.answers.correlation_header.as_deref(),
                owner: self.owner,
                credentials,
                base_url,
                limits: self.limits(),
            })),
            (Authentication::Header(header), Credentials::Header(value)) => {
                let base = self.definition.base_url(base_url)?.clone();
                let access = HeaderName::try_from(&header.name)
                    .ok()
                    .and_then(|name| Access::with_header(base, &name, value.as_ref()));
                access.map(Gate::Header).ok_or_else(|| self.mismatch())
            }
            _ => Err(self.mismatch()),
        }
    }

    /// Excluded by how settings are read; said rather than assumed.
    fn mismatch(&self) -> ElementError {
        ElementError::InvalidDefinition {
            key: self.definition.key.clone(),
            problem: "its authentication is not that of the settings".to_owned(),
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            timeout: self.settings.request_timeout,
            body: BodyLimit::Refuse(LARGEST_PAGE),
        }
    }

    /// Gets one page. `access` is replaced when the vendor wants a new token; `progress` has the newest answer's status
    /// even where the page is unusable.
    pub(super) async fn page(
        &self,
        url: &Url,
        access: &mut Access,
        progress: &mut Progress,
    ) -> Result<Page, Unfetched> {
        // Ended here, a listing would be read again from its beginning, perhaps for ever.
        let patient = progress.figures.pages > 0;
        let mut patience = PATIENCE.into_iter();
        let mut refreshed = false;
        // The wish to be left alone that this poll waits out, and told by it.
        let mut waited_out: Option<PollError> = None;
        loop {
            let began = tokio::time::Instant::now();
            let leave = self
                .throttle
                .leave(self.caller, progress.place.take(), patient)
                .await;
            progress.figures.waited += began.elapsed();
            let leave = match (leave, waited_out.take()) {
                (Ok(leave), _) => leave,
                (Err(PutOff::Resting(_)), Some(error)) => {
                    progress.turn = Some(self.throttle.turn());
                    return Err(error.into());
                }
                (Err(put_off), _) => return Err(self.put_off(put_off, progress)),
            };
            let request = self.listing.request(url, access);
            let answer = match self.transport.send(request, self.limits()).await {
                Ok(answer) => {
                    progress.figures.http_status = Some(answer.status().as_u16());
                    self.listing.read(&answer, url, &access.base)
                }
                Err(error) => Err(SourceError::from(error)),
            };
            let told = leave.answered(self.caller, answer.as_ref().map(|_| ()));
            let error = match answer {
                Ok(page) => return Ok(page),
                Err(error) => error,
            };
            if let Some(told) = told {
                let waits = patient && self.throttle.is_worth_waiting(&told.rest);
                let reason = error.reason();
                let error = self.told(&told, reason, error.into(), progress);
                if !waits {
                    progress.turn = Some(self.throttle.turn());
                    return Err(error.into());
                }
                waited_out = Some(error);
                continue;
            }
            match error.remedy() {
                Remedy::RefreshToken if !refreshed => {
                    refreshed = true;
                    match self.renewed(access, progress).await? {
                        Some(renewed) => *access = renewed,
                        None => return Err(error.into()),
                    }
                }
                Remedy::RetrySoon => match patience.next() {
                    Some(pause) => tokio::time::sleep(jittered(pause, fastrand::f64())).await,
                    None => return Err(error.into()),
                },
                _ => return Err(error.into()),
            }
        }
    }

    fn put_off(&self, put_off: PutOff, progress: &mut Progress) -> Unfetched {
        match put_off {
            PutOff::Resting(rest) => {
                progress.turn = Some(self.throttle.turn());
                self.resting(&rest).into()
            }
            PutOff::Crowded => Unfetched::Crowded(self.throttle.turn()),
            PutOff::Unwanted => Unfetched::Unwanted,
        }
    }

    /// The source began to rest: one poll fails of it and tells, the others wait.
    fn told(
        &self,
        told: &Told,
        reason: &'static str,
        error: PollError,
        progress: &mut Progress,
    ) -> PollError {
        let Told { tells, begins, rest } = told;
        if *begins {
            progress.figures.rests.push(reason);
            if rest.in_a_row == 1 {
                tracing::warn!(
                    element = %self.definition.key, reason, seconds = rest.left.as_secs(), said = %rest.said,
                    "the source is left alone, by every instance with this credential, until it answers again"
                );
            }
        }
        if *tells { error } else { self.resting(rest) }
    }

    fn resting(&self, rest: &Rest) -> PollError {
        let now = self.clock.now();
        let until = now.checked_add(rest.left).unwrap_or(now);
        // Whole seconds, and not a moment too early.
        let until = Timestamp::from_second(until.as_second().saturating_add(1)).unwrap_or(until);
        PollError::SourceResting {
            until,
            said: rest.said.clone(),
            in_a_row: rest.in_a_row,
        }
    }
}
