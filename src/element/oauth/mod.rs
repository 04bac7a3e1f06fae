//! OAuth 2.0 with refresh tokens that rotate: one refresh at a time for one credential, and nothing is used
//! before it is safely stored.
//!
//! ```text
//! Tokens ── one lock for one credential ── Job: memory? ─► access
//!                                           │ no
//!                                           ▼
//!              store ◄─ State: save first ─ exchange: form, answer ─ geolocation: where next
//! ```

mod access;
mod authorize;
mod error;
mod exchange;
mod fingerprint;
mod first_grant;
mod geolocation;
mod login;
mod state;
mod tokens;

pub use access::{Access, Refreshed};
pub use authorize::{Authorization, AuthorizeError, Landing};
pub use error::TokenError;
pub(super) use fingerprint::fingerprint;
pub use first_grant::{FirstGrant, first_grant};
pub use tokens::{Login, Tokens};

#[cfg(test)]
mod tests;
