//! The authorization code flow as far as it is text: the URL a user opens, and what the address says on which the
//! browser lands. Pure. SAP Concur documents no PKCE, so none is sent.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use super::TokenError;
use super::geolocation::{Allowed, Place};
use crate::config::OAuthApp;
use crate::element::definition::{OAuth2, TokenAction};
use crate::element::quote::quote;

/// Parameters of a redirect that may stand in it once (RFC 6749, 3.1).
const PARAMETERS: [&str; 6] = [
    "code",
    "state",
    "geolocation",
    "error",
    "error_code",
    "error_description",
];

/// What to do about the errors of RFC 6749, 4.1.2.1.
const REMEDIES: [(&str, &str); 7] = [
    (
        "access_denied",
        "authorize again and allow the access, as a user who may read the data",
    ),
    (
        "invalid_scope",
        "ask only for scopes that the app has, with --scope or `oauth.scope`",
    ),
    (
        "unauthorized_client",
        "let the vendor enable the authorization code grant for the app",
    ),
    ("invalid_request", CHECK_THE_APP),
    ("unsupported_response_type", CHECK_THE_APP),
    ("server_error", LATER),
    ("temporarily_unavailable", LATER),
];
const CHECK_THE_APP: &str =
    "check `oauth.api.key`, and that the redirect URI is the registered one, letter by letter";
const LATER: &str = "authorize again later";
const OTHERWISE: &str = "authorize again and allow the access; if it is refused again, check `oauth.api.key`, the \
                         scopes, and that the redirect URI is the registered one";

/// One question to a user, known again by its `state`.
#[derive(Clone, Debug)]
pub struct Authorization {
    url: Url,
    state: SecretString,
    oauth: OAuth2,
    allowed: Allowed,
    token_url: Option<Url>,
}

/// Where a browser landed that was allowed the access.
#[derive(Clone, Debug)]
pub struct Landing {
    /// Good for one exchange.
    pub code: SecretString,
    /// Where the code is exchanged, if the vendor said so and nothing was configured.
    pub geolocation: Option<Url>,
}

/// Why an address gives no access.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// Nobody can be asked.
    #[error(
        "element {element} has no page where a user allows the access; set `oauth.authorization.url`, or put \
         oauth.user.refresh_token into the Secret"
    )]
    NoAuthorizationPage {
        /// Key of the element.
        element: String,
    },
    /// Some other address.
    #[error(
        "it has neither a code nor an error in it; give the whole address on which the browser landed after the \
         access was allowed"
    )]
    NotALanding,
    /// A parameter stands twice, so that two readers might read two things.
    #[error("{parameter} stands in it twice; open the URL again")]
    Repeated {
        /// Name of the parameter.
        parameter: &'static str,
    },
    /// Nothing shows that it answers our question.
    #[error("it has no state in it, so it may answer another question; give the whole address")]
    MissingState,
    /// It answers somebody else's question.
    #[error(
        "its state is not that of this authorization; open the URL printed by this run, and use no older one"
    )]
    WrongState,
    /// The vendor or the user said no.
    #[error("the access was refused{}: {description}; {remedy}", code.map(|code| format!(" (code {code})")).unwrap_or_default())]
    Denied {
        /// The vendor's error code, where it gave one.
        code: Option<u32>,
        /// The vendor's words, cut to 200 printable characters.
        description: String,
        /// What to do.
        remedy: String,
    },
    /// The code is to be exchanged at a host that is neither the vendor's nor the user's.
    #[error(transparent)]
    ForeignGeolocation(#[from] TokenError),
}

impl AuthorizeError {
    /// Whether the question is answered, so that waiting on makes no sense.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Denied { .. } | Self::ForeignGeolocation(_) | Self::NoAuthorizationPage { .. } => true,
            Self::NotALanding | Self::Repeated { .. } | Self::MissingState | Self::WrongState => false,
        }
    }
}

impl Authorization {
    /// Asks for `scopes`; `redirect_uri` must be registered with the vendor, `state` cannot be guessed.
    pub fn new(
        element: &str,
        oauth: &OAuth2,
        app: &OAuthApp,
        redirect_uri: &str,
        scopes: &[String],
        state: SecretString,
    ) -> Result<Self, AuthorizeError> {
        let page = oauth.authorization_endpoint.as_ref();
        let mut url = match (&app.authorization_url, page) {
            (Some(own), _) => own.clone(),
            (None, Some(page)) => {
                let host = page.host.as_ref().or(app.token_url.as_ref());
                let mut url = host.unwrap_or(&oauth.token_endpoint.host).clone();
                url.set_query(None);
                url.set_path(&page.path);
                url
            }
            (None, None) => {
                return Err(AuthorizeError::NoAuthorizationPage {
                    element: element.to_owned(),
                });
            }
        };
        url.set_fragment(None);
        let separator = page.map_or(" ", |page| &page.scope_separator);
        url.query_pairs_mut()
            .append_pair("client_id", &app.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &scopes.join(separator))
            .append_pair("response_type", "code")
            .append_pair("state", state.expose_secret());
        let configured = [app.token_url.clone(), app.base_url.clone()];
        Ok(Self {
            url,
            state,
            allowed: Allowed {
                suffixes: oauth.geolocation_suffixes.clone(),
                configured: configured.into_iter().flatten().collect(),
            },
            oauth: oauth.clone(),
            token_url: app.token_url.clone(),
        })
    }

    /// What the user opens in a browser.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What an address says on which a browser landed: a whole URL, as pasted, or its query alone.
    pub fn read(&self, address: &str) -> Result<Landing, AuthorizeError> {
        let found = Parameters::parse(address)?;
        match found.get("state") {
            Some(state) if same(state, self.state.expose_secret()) => {}
            Some(_) => return Err(AuthorizeError::WrongState),
            // Concur documents its refusals without a state. Who forges one ends a login, and gains nothing.
            None if found.is_refusal() => {}
            None if found.get("code").is_some() => return Err(AuthorizeError::MissingState),
            None => return Err(AuthorizeError::NotALanding),
        }
        if found.is_refusal() {
            return Err(self.denied(&found));
        }
        let code = found.get("code").ok_or(AuthorizeError::NotALanding)?;
        let geolocation = match found.get("geolocation") {
            // A configured token endpoint wins, as it does for every later token request.
            Some(place) if self.token_url.is_none() => Some(self.allowed.check(&Place::parse(place))?),
            _ => None,
        };
        Ok(Landing {
            code: SecretString::from(code),
            geolocation,
        })
    }

    fn denied(&self, found: &Parameters) -> AuthorizeError {
        let code = found.get("error_code").and_then(|code| code.trim().parse().ok());
        let error = found.get("error").or_else(|| found.get("error_code"));
        let description = found
            .get("error_description")
            .or(error)
            .unwrap_or("no reason was given");
        let by_code = self.oauth.errors.iter().find(|rule| {
            rule.action != TokenAction::RetryLater && code.is_some_and(|code| rule.codes.contains(&code))
        });
        let by_name = REMEDIES.iter().find(|(name, _)| Some(*name) == error);
        let remedy = match (by_code, by_name) {
            (Some(rule), _) => rule.remedy.as_str(),
            (None, Some((_, remedy))) => remedy,
            (None, None) => OTHERWISE,
        };
        AuthorizeError::Denied {
            code,
            description: quote(description, &[self.state.expose_secret()]),
            remedy: remedy.to_owned(),
        }
    }
}

/// The parameters of a redirect that mean something.
struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    fn parse(address: &str) -> Result<Self, AuthorizeError> {
        // People copy it out of a page, with what stands around it.
        let address = address.trim_matches(|c: char| c.is_whitespace() || "\"'<>,".contains(c));
        let query = address.split_once('?').map_or(address, |(_, query)| query);
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        let mut found: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let Some(parameter) = PARAMETERS.into_iter().find(|known| *known == name) else {
                continue;
            };
            if found.iter().any(|(known, _)| *known == parameter) {
                return Err(AuthorizeError::Repeated { parameter });
            }
            found.push((parameter, value.into_owned()));
        }
        Ok(Self(found))
    }

    /// An empty parameter counts as absent (RFC 6749, 3.1).
    fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| *known == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    fn is_refusal(&self) -> bool {
        ["error", "error_code", "error_description"]
            .iter()
            .any(|name| self.get(name).is_some())
    }
}

/// Hashes are compared, so that the time it takes says nothing about the text.
fn same(a: &str, b: &str) -> bool {
    Sha256::digest(a) == Sha256::digest(b)
}

#[cfg(test)]
#[path = "authorize_tests.rs"]
mod tests;
