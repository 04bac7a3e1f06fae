//! One page of a listing, with one fresh token and a few patient attempts.

use std::time::Duration;

use url::Url;

use super::{Clock, PollError};
use crate::config::Settings;
use crate::deliver::jittered;
use crate::element::{Access, Definition, Listing, Login, Page, Remedy, SourceError, Tokens};
use crate::http::{BodyLimit, Limits, Transport};
use crate::store::Owner;

/// Largest page that is read; a listing of 100 Concur reports takes about 300 kB.
const LARGEST_PAGE: usize = 64 * 1024 * 1024;
/// Pauses before a page is asked for again, where the vendor's trouble is of the passing kind.
const PATIENCE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

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
    /// Who asks for access.
    pub(super) fn login(&self) -> Login<'_> {
        Login {
            definition: self.definition,
            owner: self.owner,
            credentials: &self.settings.credentials,
            base_url: self.settings.base_url.as_ref(),
            limits: self.limits(),
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
                    *access = self
                        .tokens
                        .refresh(access, self.login(), self.clock.now())
                        .await?;
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
