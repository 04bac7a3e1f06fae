//! Which hosts a token answer may send us to.

use url::{Host, Url};

use super::TokenError;
use crate::element::quote::quote;

/// The hosts a geolocation may name: the vendor's over https, and those the user configured.
#[derive(Clone, Debug)]
pub(super) struct Allowed {
    /// Ends of the vendor's host names, each with its leading dot.
    pub(super) suffixes: Vec<String>,
    /// `oauth.token.url` and `base.url`, where set.
    pub(super) configured: Vec<Url>,
}

/// What a token answer says about the place of the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Scheme, host and port.
    At(Url),
    /// No URL with a host.
    Unreadable(String),
}

impl Place {
    /// Only scheme, host and port count: Concur prints upper-case hosts, and sometimes a path.
    pub(super) fn parse(text: &str) -> Self {
        match Url::parse(text.trim()) {
            Ok(url) if url.has_host() => Self::At(origin(&url)),
            _ => Self::Unreadable(quote(text, &[])),
        }
    }
}

/// Scheme, host and port of a URL.
pub(super) fn origin(url: &Url) -> Url {
    let mut origin = without_login(url);
    origin.set_path("");
    origin.set_query(None);
    origin.set_fragment(None);
    origin
}

/// Without user name and password, which belong into no log and beside no bearer token.
pub(super) fn without_login(url: &Url) -> Url {
    let mut clean = url.clone();
    // Both fail only for URLs without a host, which have no login.
    let _ = clean.set_username("");
    let _ = clean.set_password(None);
    clean
}

impl Allowed {
    /// The place, if tokens and data may be asked for there.
    pub(super) fn check(&self, place: &Place) -> Result<Url, TokenError> {
        match place {
            Place::At(url) if self.vendors(url) || self.configured(url) => Ok(url.clone()),
            Place::At(url) => Err(self.foreign(url.origin().ascii_serialization())),
            Place::Unreadable(text) => Err(self.foreign(text.clone())),
        }
    }

    /// On a host the user configured; a test server may be plain http if it was configured so.
    fn configured(&self, url: &Url) -> bool {
        let scheme = |own: &Url| url.scheme() == "https" || url.scheme() == own.scheme();
        self.configured
            .iter()
            .any(|own| own.host() == url.host() && scheme(own))
    }

    fn vendors(&self, url: &Url) -> bool {
        let Some(Host::Domain(host)) = url.host() else {
            return false;
        };
        url.scheme() == "https" && self.suffixes.iter().any(|suffix| host.ends_with(suffix.as_str()))
    }

    fn foreign(&self, given: String) -> TokenError {
        let suffixes = self.suffixes.iter().map(|suffix| format!("https://*{suffix}"));
        let own = self
            .configured
            .iter()
            .map(|url| origin(url).as_str().trim_end_matches('/').to_owned());
        TokenError::ForeignGeolocation {
            given,
            allowed: suffixes.chain(own).collect::<Vec<_>>().join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(configured: &[&str], given: &str) -> Option<String> {
        let allowed = Allowed {
            suffixes: vec![".concursolutions.com".to_owned(), ".concurcdc.cn".to_owned()],
            configured: configured.iter().map(|url| Url::parse(url).unwrap()).collect(),
        };
        allowed
            .check(&Place::parse(given))
            .ok()
            .map(|url| url.origin().ascii_serialization())
    }

    #[test]
    fn geolocations() {
        let table: &[(&[&str], &str, Option<&str>)] = &[
            (
                &[],
                "https://us2.api.concursolutions.com",
                Some("https://us2.api.concursolutions.com"),
            ),
            (
                &[],
                "https://us.api.Concursolutions.com",
                Some("https://us.api.concursolutions.com"),
            ),
            (
                &[],
                " https://us.api.concursolutions.com/oauth2/v0/token ",
                Some("https://us.api.concursolutions.com"),
            ),
            (
                &[],
                "https://a:b@us.api.concursolutions.com:8443",
                Some("https://us.api.concursolutions.com:8443"),
            ),
            (
                &[],
                "https://cn.api.concurcdc.cn",
                Some("https://cn.api.concurcdc.cn"),
            ),
            (&[], "http://us.api.concursolutions.com", None),
            (&[], "https://evilconcursolutions.com", None),
            (&[], "https://concursolutions.com.evil.example", None),
            (&[], "https://us.api.concursolutions.com@evil.example", None),
            (&[], "https://evil.example/.concursolutions.com", None),
            (&[], "https://127.0.0.1", None),
            (&[], "us.api.concursolutions.com", None),
            (&[], "not a url", None),
            (
                &["http://localhost:9000/oauth2/v0/token"],
                "http://LOCALHOST:9001/x",
                Some("http://localhost:9001"),
            ),
            (
                &["http://localhost:9000/t"],
                "https://localhost:9001",
                Some("https://localhost:9001"),
            ),
            (
                &["http://localhost:9000/t"],
                "https://eu2.api.concursolutions.com",
                Some("https://eu2.api.concursolutions.com"),
            ),
            (&["http://localhost:9000/t"], "http://127.0.0.1:9001", None),
            (&["http://localhost:9000/t"], "https://evil.example", None),
            (&["https://proxy.example/t"], "http://proxy.example", None),
            (
                &["https://proxy.example/t", "http://sim.example"],
                "http://sim.example:1",
                Some("http://sim.example:1"),
            ),
            (&["https://proxy.example/t"], "https://sub.proxy.example", None),
        ];
        for (configured, given, expected) in table {
            assert_eq!(
                check(configured, given).as_deref(),
                *expected,
                "{configured:?} {given}"
            );
        }
    }
}
