//! Tokens that the sandbox issued, bad secrets and the lock.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::json;

use crate::clock::add_ms;
use crate::knobs::Rotate;

/// Who a token stands for.
#[derive(Clone)]
pub(crate) struct Holder {
    /// Login id; none for an app's own token.
    pub(crate) login: Option<String>,
    pub(crate) scope: String,
    /// The token stands for a whole company.
    pub(crate) company: bool,
}

struct Issued {
    holder: Holder,
    expires: Timestamp,
}

struct Code {
    issued: Issued,
    redirect_uri: String,
}

/// Six months, as the dates in Concur's samples have it, milliseconds.
const REFRESH_LIFETIME_MS: i64 = 180 * 86_400_000;

/// The first group of every refresh token and code that a sandbox issues, so that a search of everything a test printed
/// finds them without knowing each.
pub const ISSUED_MARK: &str = "5ec2e75a";

/// How every access token that a sandbox issues begins, for the same reason.
pub const ACCESS_TOKEN_MARK: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIiwia2lkIjoic2FuZGJveCJ9";

/// Concur's samples show access tokens of about 3400 characters, which strains header limits.
const ACCESS_TOKEN_PADDING: usize = 2_400;

#[derive(Default)]
pub(crate) struct Access {
    access: HashMap<String, Issued>,
    refresh: HashMap<String, Issued>,
    codes: HashMap<String, Code>,
    bad_secrets: u32,
    pub(crate) locked: bool,
    pub(crate) code_used: bool,
}

impl Access {
    pub(crate) fn issue_access(&mut self, holder: Holder, now: Timestamp, seconds: u32) -> String {
        let claims = json!({
            "jti": uuid::Uuid::new_v4().to_string(),
            "scopes": holder.scope,
            "padding": "sandbox ".repeat(ACCESS_TOKEN_PADDING / 8),
        });
        let token = format!(
            "{ACCESS_TOKEN_MARK}.{}.sandbox",
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let expires = add_ms(now, i64::from(seconds) * 1000);
        self.access.insert(token.clone(), Issued { holder, expires });
        token
    }

    /// A valid access token's holder.
    pub(crate) fn holder(&self, token: &str, now: Timestamp) -> Option<&Holder> {
        valid(&self.access, token, now)
    }

    pub(crate) fn issue_refresh(&mut self, holder: Holder, now: Timestamp) -> String {
        let token = marked();
        self.accept_refresh(token.clone(), holder, now);
        token
    }

    pub(crate) fn accept_refresh(&mut self, token: String, holder: Holder, now: Timestamp) {
        self.refresh.insert(
            token,
            Issued {
                holder,
                expires: add_ms(now, REFRESH_LIFETIME_MS),
            },
        );
    }

    pub(crate) fn refresh_holder(&self, token: &str, now: Timestamp) -> Option<&Holder> {
        valid(&self.refresh, token, now)
    }

    /// The refresh token to hand out after a successful refresh.
    pub(crate) fn rotate(&mut self, old: &str, holder: Holder, how: Rotate, now: Timestamp) -> String {
        match how {
            Rotate::Same => {
                self.accept_refresh(old.to_owned(), holder, now);
                old.to_owned()
            }
            Rotate::New => self.issue_refresh(holder, now),
            Rotate::NewOldDead => {
                self.refresh.remove(old);
                self.issue_refresh(holder, now)
            }
        }
    }

    /// When a refresh token ends, epoch seconds.
    pub(crate) fn refresh_expires(&self, token: &str) -> Option<i64> {
        self.refresh.get(token).map(|issued| issued.expires.as_second())
    }

    /// A code for the code grant, which has to bring the same redirect URI.
    pub(crate) fn issue_code(&mut self, redirect_uri: String, holder: Holder, expires: Timestamp) -> String {
        let code = marked();
        let issued = Issued { holder, expires };
        self.codes.insert(code.clone(), Code { issued, redirect_uri });
        code
    }

    /// Takes a code, which is gone with that also if the rest does not fit.
    pub(crate) fn redeem(&mut self, code: &str, redirect_uri: &str, now: Timestamp) -> Option<Holder> {
        let code = self.codes.remove(code)?;
        let good = code.redirect_uri == redirect_uri && now < code.issued.expires;
        good.then_some(code.issued.holder)
    }

    pub(crate) fn revoke_access(&mut self) {
        self.access.clear();
    }

    pub(crate) fn revoke_refresh(&mut self) {
        self.refresh.clear();
    }

    pub(crate) fn revoke_refresh_of(&mut self, login: Option<&str>) {
        self.refresh
            .retain(|_, issued| issued.holder.login.as_deref() != login);
    }

    pub(crate) fn bad_secret(&mut self, limit: u32) {
        self.bad_secrets = self.bad_secrets.saturating_add(1);
        if limit > 0 && self.bad_secrets >= limit {
            self.locked = true;
        }
    }

    pub(crate) fn good_secret(&mut self) {
        self.bad_secrets = 0;
    }

    pub(crate) fn unlock(&mut self) {
        self.locked = false;
        self.bad_secrets = 0;
    }
}

/// A UUID, as Concur's tokens are, with the mark.
fn marked() -> String {
    let token = uuid::Uuid::new_v4().to_string();
    let (_, rest) = token.split_once('-').unwrap_or_default();
    format!("{ISSUED_MARK}-{rest}")
}

fn valid<'a>(issued: &'a HashMap<String, Issued>, token: &str, now: Timestamp) -> Option<&'a Holder> {
    issued
        .get(token)
        .filter(|issued| now < issued.expires)
        .map(|issued| &issued.holder)
}
