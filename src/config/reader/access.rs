//! Access to the source: a hub, or OAuth client, grant and endpoints.

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Findings;
use super::keys::Keys;
use super::values::cut;
use crate::api::ProviderData;
use crate::config::{
    AuthenticationKind, Catalogue, CatalogueEntry, CredType, Credentials, Grant, OAuth2Credentials,
};

const HUB_AUTHORIZATION: &str = "hub.authorization";
/// What to do where the hub's address is missing.
const HUB_BASE_URL: &str =
    "set base.url to the hub's API, such as https://api.cloud-elements.com/elements/api-v2";

/// Where the records come from, and how to get in.
pub(super) struct Source {
    pub(super) through_hub: bool,
    pub(super) credentials: Credentials,
    pub(super) base_url: Option<Url>,
}

/// What is known of the element where its own API is polled; none through a hub.
pub(super) fn own_entry<'a>(
    keys: &Keys,
    element: &str,
    catalogue: &'a Catalogue,
) -> Option<&'a CatalogueEntry> {
    catalogue
        .get(element)
        .filter(|_| !keys.is_given(HUB_AUTHORIZATION))
}

/// The element's own API; a hub for elements that are not built in, and for others where `hub.authorization` asks for
/// it. None after a problem was noted.
pub(super) fn source(
    keys: &Keys,
    element: &str,
    catalogue: &Catalogue,
    provider_data: Option<&ProviderData>,
    findings: &mut Findings,
) -> Option<Source> {
    let before = findings.problems.len();
    let base_url = base_url(keys, findings);
    let base_url_is_wrong = findings.problems.len() > before;
    if element.is_empty() {
        findings.problem(
            "spec.element.key",
            "is empty",
            format!("write the element's key, such as {}", catalogue.keys()),
        );
        return None;
    }
    let authorization = keys.secret(HUB_AUTHORIZATION, findings);
    let entry = catalogue.get(element);
    let authentication = match entry {
        Some(entry) if authorization.is_none() => &entry.authentication,
        _ if base_url.is_some() => {
            return Some(Source {
                through_hub: true,
                credentials: hub_credentials(keys, authorization, findings)?,
                base_url,
            });
        }
        _ if base_url_is_wrong => return None,
        Some(_) => {
            keys.missing(
                "base.url",
                "is missing beside hub.authorization, so the hub is not known",
                HUB_BASE_URL,
                findings,
            );
            return None;
        }
        None => {
            let remedy = format!(
                "use a built-in element ({}), or keep polling through your Cloud Elements or SAP Open Connectors hub: \
                 {HUB_BASE_URL}, and hub.authorization in a Secret to its Authorization header",
                catalogue.keys()
            );
            findings.problem(
                "spec.element.key",
                format!(
                    "the element {:?} is not built in, and no base.url is set",
                    cut(element)
                ),
                remedy,
            );
            return None;
        }
    };
    let credentials = match authentication {
        AuthenticationKind::OAuth2 => Credentials::OAuth2(oauth(keys, provider_data, findings)?),
        AuthenticationKind::Header { configuration_key } => {
            let value = keys.secret(configuration_key, findings);
            if value.is_none() {
                let remedy = format!("add {configuration_key} to a Secret named in configurationFrom");
                keys.missing(
                    configuration_key,
                    "the header that grants access is missing",
                    &remedy,
                    findings,
                );
                return None;
            }
            Credentials::Header(value)
        }
    };
    (!base_url_is_wrong).then_some(Source {
        through_hub: false,
        credentials,
        base_url,
    })
}

/// A hub may stand behind a proxy that adds the header, so none is a warning only.
fn hub_credentials(
    keys: &Keys,
    authorization: Option<SecretString>,
    findings: &mut Findings,
) -> Option<Credentials> {
    let path = keys.path(HUB_AUTHORIZATION);
    match &authorization {
        None => findings.warn(
            path,
            "is missing, so requests to the hub carry no Authorization header; add it to a Secret named in \
             configurationFrom, unless a proxy on the way adds it",
        ),
        Some(value) if HeaderValue::from_str(value.expose_secret()).is_err() => {
            findings.problem(
                path,
                "cannot stand in a header",
                "write one line, as in `User …, Organization …, Element …`",
            );
            return None;
        }
        Some(_) => {}
    }
    Some(Credentials::Header(authorization))
}

/// The OAuth client and the best configured grant; none after a problem was noted.
fn oauth(
    keys: &Keys,
    provider_data: Option<&ProviderData>,
    findings: &mut Findings,
) -> Option<OAuth2Credentials> {
    let (client_id, client_secret) = client(keys, findings);
    let token_url = web_url(keys, "oauth.token.url", findings);
    // Only `authorize` uses them, but what is wrong is told early.
    web_url(keys, "oauth.authorization.url", findings);
    super::app::scopes(keys, findings);
    let grant = grant(keys, provider_data, findings);
    Some(OAuth2Credentials {
        client_id: client_id?,
        client_secret: client_secret?,
        token_url,
        grant: grant?,
    })
}

/// Id and secret of the OAuth client.
pub(super) fn client(keys: &Keys, findings: &mut Findings) -> (Option<String>, Option<SecretString>) {
    let client_id = keys.text("oauth.api.key", findings);
    if client_id.is_none() {
        keys.missing(
            "oauth.api.key",
            "the OAuth client id is missing",
            "add oauth.api.key to the configuration or to a Secret named in configurationFrom",
            findings,
        );
    }
    let client_secret = keys.secret("oauth.api.secret", findings);
    if client_secret.is_none() {
        keys.missing(
            "oauth.api.secret",
            "the OAuth client secret is missing",
            "add oauth.api.secret to a Secret named in configurationFrom",
            findings,
        );
    }
    (client_id, client_secret)
}

/// `base.url`, without a query, since paths are appended to it.
pub(super) fn base_url(keys: &Keys, findings: &mut Findings) -> Option<Url> {
    let key = "base.url";
    let url = web_url(keys, key, findings)?;
    if url.query().is_some() || url.fragment().is_some() {
        findings.problem(
            keys.path(key),
            "has a query or a fragment",
            "end it with the path",
        );
        return None;
    }
    Some(url)
}

/// Refresh token, else authorization code, else password.
fn grant(keys: &Keys, provider_data: Option<&ProviderData>, findings: &mut Findings) -> Option<Grant> {
    let before = findings.problems.len();
    let credtype = credtype(keys, findings);
    if let Some(token) = keys.secret("oauth.user.refresh_token", findings) {
        return Some(Grant::RefreshToken(token));
    }
    let code = provider_data
        .and_then(|data| data.code.as_deref())
        .map(str::trim)
        .filter(|code| !code.is_empty());
    if let Some(code) = code {
        let redirect_uri = keys.text("oauth.callback.url", findings);
        if redirect_uri.is_none() {
            keys.missing(
                "oauth.callback.url",
                "is missing, and providerData.code cannot be exchanged without it",
                "add the redirect URI that was used for the authorization",
                findings,
            );
        }
        return Some(Grant::AuthorizationCode {
            code: SecretString::from(code),
            redirect_uri: redirect_uri?,
        });
    }
    let password = password(keys, credtype, findings);
    if password.is_none() && findings.problems.len() == before {
        keys.missing(
            "oauth.user.refresh_token",
            "nothing grants access to the source",
            "add one of: oauth.user.refresh_token in a Secret named in configurationFrom; spec.providerData.code with \
             oauth.callback.url; oauth.username and oauth.password (for SAP Concur a company UUID and its request token)",
            findings,
        );
    }
    password
}

/// User name and password, for SAP Concur mostly a company and its request token; none if absent, or after a problem
/// was noted.
pub(super) fn password(keys: &Keys, credtype: Option<CredType>, findings: &mut Findings) -> Option<Grant> {
    let username = keys.text("oauth.username", findings);
    let password = keys.secret("oauth.password", findings);
    match (username, password) {
        (Some(username), Some(password)) => {
            return Some(Grant::Password {
                username,
                password,
                credtype: credtype?,
            });
        }
        (Some(_), None) => keys.missing(
            "oauth.password",
            "is missing beside oauth.username",
            "add oauth.password to a Secret named in configurationFrom",
            findings,
        ),
        (None, Some(_)) => keys.missing(
            "oauth.username",
            "is missing beside oauth.password",
            "add oauth.username",
            findings,
        ),
        (None, None) => {}
    }
    None
}

/// What user name and password are; none after a problem was noted.
pub(super) fn credtype(keys: &Keys, findings: &mut Findings) -> Option<CredType> {
    let key = "oauth.credtype";
    match keys.text(key, findings) {
        None => Some(CredType::AuthToken),
        Some(text) => match text.to_ascii_lowercase().as_str() {
            "authtoken" => Some(CredType::AuthToken),
            "password" => Some(CredType::Password),
            _ => {
                let message = format!("is {:?}", cut(&text));
                findings.problem(keys.path(key), message, "set it to authtoken or password");
                None
            }
        },
    }
}

/// `scheme://` and something that can begin a host.
fn has_authority(text: &str) -> bool {
    let parts = text.split_once("://");
    let host = parts.and_then(|(_, after)| after.chars().next());
    let is_scheme = |text: &str| matches!(text.to_ascii_lowercase().as_str(), "http" | "https");
    parts.is_some_and(|(scheme, _)| is_scheme(scheme))
        && host.is_some_and(|c| !c.is_whitespace() && !matches!(c, '/' | '\\' | '?' | '#'))
}

/// The http or https URL of a key; none if absent, or after a problem was noted.
pub(super) fn web_url(keys: &Keys, key: &str, findings: &mut Findings) -> Option<Url> {
    let text = keys.text(key, findings)?;
    web_url_at(&keys.path(key), &text, findings)
}

/// The URL that stands at `path`; none after a problem was noted.
pub(super) fn web_url_at(path: &str, text: &str, findings: &mut Findings) -> Option<Url> {
    let reason = match Url::parse(text) {
        // The value is not shown: queries of URLs hold tokens.
        Err(error) => format!("is no URL: {error}"),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => "is neither http nor https".to_owned(),
        // Browsers mend https:example.com and https:///example.com; elsewhere these are mistakes.
        Ok(_) if !has_authority(text) => "has no host behind its ://".to_owned(),
        Ok(url) if url.host_str().is_none_or(str::is_empty) => "has no host".to_owned(),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "has a user name or a password in it".to_owned()
        }
        Ok(url) => return Some(url),
    };
    findings.problem(
        path,
        reason,
        "write an http or https URL with a host, such as https://api.example.com/v1",
    );
    None
}
