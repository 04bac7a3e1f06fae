//! Which requests go through a proxy, by the customary environment variables.

use std::fmt;
use std::net::IpAddr;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::NoProxy;
use url::{Host, Url};

use super::ClientError;

/// The proxies of the environment: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and, where none is used, `NO_PROXY`, or
/// the same in lower case. They hold credentials.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<String>,
    https: Option<String>,
    exceptions: String,
}

impl Proxies {
    /// Every request goes straight to its host.
    pub fn none() -> Self {
        Self::default()
    }

    /// What this process was started with.
    ///
    /// # Errors
    /// [`ClientError::Proxy`] where a variable names no http or https proxy: going without one would be a silent way
    /// around it.
    pub fn from_env() -> Result<Self, ClientError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// The same of any set of variables.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ClientError> {
        let value = |upper: &str| {
            let lower = upper.to_ascii_lowercase();
            let named = |name: &str| variable(name).map(|value| (name.to_owned(), value.trim().to_owned()));
            let given = named(upper).or_else(|| named(&lower));
            given.filter(|(_, value)| !value.is_empty())
        };
        let proxy = |name: &str| match value(name) {
            Some((_, value)) if is_proxy(&value) => Ok(Some(value)),
            Some((variable, _)) => Err(ClientError::Proxy { variable }),
            None => Ok(None),
        };
        let all = proxy("ALL_PROXY")?;
        Ok(Self {
            http: proxy("HTTP_PROXY")?.or_else(|| all.clone()),
            https: proxy("HTTPS_PROXY")?.or(all),
            exceptions: value("NO_PROXY").map(|(_, value)| value).unwrap_or_default(),
        })
    }

    /// What decides for each URL; none where there is no proxy.
    pub(super) fn matcher(&self) -> Option<Matcher> {
        (self.http.is_some() || self.https.is_some()).then(|| {
            Matcher::builder()
                .http(self.http.clone().unwrap_or_default())
                .https(self.https.clone().unwrap_or_default())
                .no(self.exceptions.clone())
                .build()
        })
    }

    /// The same for reqwest.
    pub(super) fn proxies(&self) -> reqwest::Result<Vec<reqwest::Proxy>> {
        let exceptions = || NoProxy::from_string(&self.exceptions);
        let http = self.http.as_ref().map(reqwest::Proxy::http);
        let https = self.https.as_ref().map(reqwest::Proxy::https);
        let both = http.into_iter().chain(https);
        both.map(|proxy| Ok(proxy?.no_proxy(exceptions()))).collect()
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .finish_non_exhaustive()
    }
}

/// The proxy of a URL, as host and port.
///
/// The machine itself is never asked for through a proxy, whose `localhost` is another, as in Go and so in kubectl.
pub(super) fn proxy_of(matcher: &Matcher, url: &Url) -> Option<String> {
    let is_here = match url.host()? {
        Host::Domain(name) => name.trim_end_matches('.') == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(address).to_canonical().is_loopback(),
    };
    if is_here {
        return None;
    }
    let destination = url.as_str().parse().ok()?;
    let proxy = matcher.intercept(&destination)?;
    proxy
        .uri()
        .authority()
        .map(|authority| authority.as_str().to_owned())
}

/// Whether the value of a variable names a proxy that can be used; without a scheme it is http.
fn is_proxy(value: &str) -> bool {
    let url = Url::parse(value).ok().filter(Url::has_host);
    let url = url.or_else(|| Url::parse(&format!("http://{value}")).ok());
    let usable = url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    usable
        && value
            .parse::<::http::Uri>()
            .is_ok_and(|uri| uri.authority().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, ClientError> {
        Proxies::read(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn which_proxy_a_url_takes() {
        let all: &[(&str, &str)] = &[
            ("HTTPS_PROXY", "http://user:pass@secure.test:3128"),
            ("http_proxy", "plain.test:8080"),
            (
                "NO_PROXY",
                ".svc, cluster.local,10.0.0.0/8, 192.0.2.7,[2001:db8::1]",
            ),
        ];
        for (variables, url, expected) in [
            (all, "https://hooks.example/x", Some("secure.test:3128")),
            (all, "http://hooks.example/x", Some("plain.test:8080")),
            (all, "http://receiver.finance.svc/x", None),
            (all, "http://receiver.finance.svc.cluster.local/x", None),
            (all, "https://10.1.2.3/x", None),
            (all, "https://192.0.2.7/x", None),
            (all, "https://192.0.2.8/x", Some("secure.test:3128")),
            (all, "http://localhost:8080/x", None),
            (all, "http://LOCALHOST.:8080/x", None),
            (all, "http://127.9.9.9/x", None),
            (all, "http://2130706433/x", None),
            (all, "http://[::1]/x", None),
            (all, "http://[::ffff:127.0.0.1]/x", None),
            (
                &[("ALL_PROXY", "http://all.test")],
                "https://hooks.example",
                Some("all.test"),
            ),
            (
                &[("all_proxy", "https://all.test")],
                "http://hooks.example",
                Some("all.test"),
            ),
            (
                &[("HTTPS_PROXY", ""), ("ALL_PROXY", "http://all.test")],
                "https://hooks.example",
                Some("all.test"),
            ),
            (
                &[("HTTPS_PROXY", "http://secure.test")],
                "http://hooks.example",
                None,
            ),
            (
                &[("HTTPS_PROXY", "http://secure.test"), ("NO_PROXY", "*")],
                "https://a.example",
                None,
            ),
            (&[("HTTPS_PROXY", " ")], "https://hooks.example", None),
            (&[], "https://hooks.example", None),
        ] {
            let proxies = proxies(variables).unwrap();
            let url = Url::parse(url).unwrap();
            let found = proxies.matcher().and_then(|matcher| proxy_of(&matcher, &url));
            assert_eq!(found.as_deref(), expected, "{variables:?} {url}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_without_showing_it() {
        for value in [
            "socks5://user:pass@proxy.test",
            "ftp://user:pass@proxy.test",
            "http://",
            "http://user:pass@proxy test",
            "://user:pass",
        ] {
            let error = proxies(&[("https_proxy", value)]).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(
                shown.contains("https_proxy") && !shown.contains("pass"),
                "{shown}"
            );
        }
    }

    #[test]
    fn credentials_of_proxies_are_not_shown() {
        let proxies = proxies(&[("HTTPS_PROXY", "http://user:pass@proxy.test")]).unwrap();
        let shown = format!(
            "{proxies:?} {:?} {:?}",
            proxies.matcher(),
            proxies.proxies().unwrap()
        );
        assert!(!format!("{proxies:?}").contains("proxy.test"));
        assert!(!format!("{:?}", proxies.matcher()).contains("pass"), "{shown}");
    }
}
