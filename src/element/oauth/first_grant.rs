//! The first exchange of a grant, for a human who keeps the refresh token himself.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use secrecy::SecretString;
use url::Url;

use super::{Login, TokenError, Tokens};
use crate::http::{BoxFuture, Transport};
use crate::store::{Owner, Revision, StoreError, TokenRecord, TokenStore};

/// What a grant was exchanged for.
#[derive(Clone, Debug)]
pub struct FirstGrant {
    /// None where the vendor granted no refresh token.
    pub refresh_token: Option<SecretString>,
    /// Where the data is.
    pub base: Url,
}

/// Exchanges a grant as a poll does, with all it knows of places and errors, but stores nothing.
///
/// The exchange begins at `geolocation`, where given; that place must have been checked. A later poll begins at the
/// element's own host and is sent on from there (code 16 at SAP Concur), so the refresh token is all that needs to be
/// kept.
pub async fn first_grant(
    transport: Arc<dyn Transport>,
    login: Login<'_>,
    geolocation: Option<&Url>,
    now: Timestamp,
) -> Result<FirstGrant, TokenError> {
    let memory = Arc::new(Memory::default());
    memory.record().geolocation = geolocation.map(|place| place.origin().ascii_serialization());
    let tokens = Tokens::new(transport, memory.clone());
    let access = tokens.access(login, now).await?;
    let refresh_token = memory.record().refresh_token.take();
    Ok(FirstGrant {
        refresh_token,
        base: access.base,
    })
}

/// A store with one record, for one exchange.
#[derive(Default)]
struct Memory(Mutex<TokenRecord>);

impl Memory {
    fn record(&self) -> std::sync::MutexGuard<'_, TokenRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenStore for Memory {
    fn load<'a>(
        &'a self,
        _: &'a Owner,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<(TokenRecord, Revision)>, StoreError>> {
        Box::pin(async { Ok(Some((self.record().clone(), None))) })
    }

    fn save<'a>(
        &'a self,
        _: &'a Owner,
        _: &'a str,
        record: &'a TokenRecord,
        _: &'a Revision,
    ) -> BoxFuture<'a, Result<Revision, StoreError>> {
        Box::pin(async {
            *self.record() = record.clone();
            Ok(None)
        })
    }
}
