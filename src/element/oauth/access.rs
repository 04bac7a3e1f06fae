//! What a request needs: where to send it and as whom.

use std::fmt;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Access to the source: the header that grants it, and where it is good.
#[derive(Clone)]
pub struct Access {
    /// Base URL of the API: `base.url`, else scheme and host of the last geolocation.
    pub base: Url,
    /// The vendor's clock: the `Date` header of the token answer, carried on by ours where it came some time ago.
    pub vendor_date: Option<Timestamp>,
    /// Set where a token was just obtained for this access, not taken from memory.
    pub refreshed: Option<Refreshed>,
    header: Option<(HeaderName, HeaderValue)>,
}

/// What a call of the token endpoint changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// The refresh token is another than before.
    pub rotated: bool,
}

impl Access {
    /// `None` where the token cannot be sent in a header.
    pub(crate) fn new(base: Url, token: &SecretString) -> Option<Self> {
        let bearer = SecretString::from(format!("Bearer {}", token.expose_secret()));
        Self::with_header(base, &AUTHORIZATION, Some(&bearer))
    }

    /// Access by the configured value of a header; `None` where no header can hold it.
    pub fn with_header(base: Url, name: &HeaderName, value: Option<&SecretString>) -> Option<Self> {
        let header = match value {
            Some(value) => {
                let mut value = HeaderValue::from_str(value.expose_secret()).ok()?;
                value.set_sensitive(true);
                Some((name.clone(), value))
            }
            None => None,
        };
        Some(Self {
            base,
            vendor_date: None,
            refreshed: None,
            header,
        })
    }

    /// The header that grants access, its value marked sensitive.
    pub(crate) fn header(&self) -> Option<&(HeaderName, HeaderValue)> {
        self.header.as_ref()
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("base", &self.base.as_str())
            .field("vendor_date", &self.vendor_date)
            .field("refreshed", &self.refreshed)
            .finish_non_exhaustive()
    }
}
