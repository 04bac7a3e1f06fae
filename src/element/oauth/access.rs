//! What a request needs: where to send it and as whom.

use std::fmt;

use http::HeaderValue;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Access to the source: a bearer token and where it is good.
#[derive(Clone)]
pub struct Access {
    /// Base URL of the API: `base.url`, else scheme and host of the last geolocation.
    pub base: Url,
    /// The vendor's clock: the `Date` header of the token answer, carried on by ours where it came some time ago.
    pub vendor_date: Option<Timestamp>,
    /// Set where a token was just obtained for this access, not taken from memory.
    pub refreshed: Option<Refreshed>,
    authorization: HeaderValue,
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
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).ok()?;
        authorization.set_sensitive(true);
        Some(Self {
            base,
            vendor_date: None,
            refreshed: None,
            authorization,
        })
    }

    /// Value of the `Authorization` header, marked sensitive.
    pub(crate) fn authorization(&self) -> &HeaderValue {
        &self.authorization
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
