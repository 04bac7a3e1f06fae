//! One page of a listing, with one fresh token and a few patient attempts.

use std::time::Duration;

use http::HeaderName;
use url::Url;

use super::{Clock, PollError};
use crate::config::{Credentials, Settings};
use crate::deliver::jittered;
use crate::element::{
    Access, Authentication, Definition, ElementError, Listing, Login, Page, Remedy, SourceError, Tokens,
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
    pub(super) clock: Clock,
    pub(super) owner: &'a Owner,
    pub(super) settings: &'a Settings,
    pub(super) definition: &'a Definition,
    pub(super) listing: &'a Listing,
}

impl Fetch<'_> {
    /// Access by a token, or by the configured header.
    pub(super) async fn access(&self) -> Result<Access, PollError> {
        match self.gate()? {
            Gate::Token(login) => Ok(self.tokens.access(login, self.clock.now()).await?),
            Gate::Header(access) => Ok(access),
        }
    }

    /// New access after `stale` was refused; none where there is no other.
    async fn renewed(&self, stale: &Access) -> Result<Option<Access>, PollError> {
        match self.gate()? {
            Gate::Token(login) => Ok(Some(self.tokens.refresh(stale, login, self.clock.now()).await?)),
            Gate::Header(_) => Ok(None),
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

    /// Gets one page. `access` is replaced when the vendor wants a new token; `http_status` tells the newest
    /// answer's status even where the page is unusable.
    pub(super) async fn page(
        &self,
        url: &Url,
        access: &mut Access,
        http_status: &mut Option<u16>,
    ) -> Result<Page, PollError> {
        let mut patience = PATIENCE.into_iter();
        let mut refreshed = false;
        loop {
            let request = self.listing.request(url, access);
            let error = match self.transport.send(request, self.limits()).await {
                Ok(answer) => {
                    *http_status = Some(answer.status().as_u16());
                    match self.listing.read(&answer, url, &access.base) {
                        Ok(page) => return Ok(page),
                        Err(error) => error,
                    }
                }
                Err(error) => SourceError::from(error),
            };
            match error.remedy() {
                Remedy::RefreshToken if !refreshed => {
                    refreshed = true;
                    match self.renewed(access).await? {
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
}
