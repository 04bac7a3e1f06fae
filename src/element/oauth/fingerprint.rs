//! The name of a credential: the same for every instance that uses it, another as soon as it is changed.

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use crate::config::{Grant, OAuth2Credentials};
use crate::element::oauth::exchange::credtype;

/// 20 hex digits of the SHA-256 over everything a human configures to get a token.
pub(in crate::element) fn fingerprint(credentials: &OAuth2Credentials) -> String {
    let token_url = credentials
        .token_url
        .as_ref()
        .map(url::Url::as_str)
        .unwrap_or_default();
    let grant = match &credentials.grant {
        Grant::RefreshToken(token) => ["refresh_token", token.expose_secret(), "", ""],
        Grant::AuthorizationCode { code, redirect_uri } => ["code", code.expose_secret(), redirect_uri, ""],
        Grant::Password {
            username,
            password,
            credtype: kind,
        } => ["password", username, password.expose_secret(), credtype(*kind)],
    };
    let mut hash = Sha256::new();
    for part in [
        &credentials.client_id,
        credentials.client_secret.expose_secret(),
        token_url,
    ]
    .into_iter()
    .chain(grant)
    {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize()[..10])
}
