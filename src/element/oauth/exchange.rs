//! One call of the token endpoint: the form that is sent and what the answer means.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::TokenError;
use super::geolocation::Place;
use crate::config::{CredType, Grant, OAuth2Credentials};
use crate::element::definition::{OAuth2, TokenAction};
use crate::element::{answer, quote::quote};
use crate::http::Answer;

/// Life of an access token whose answer does not say; short, since a refresh costs little.
const UNKNOWN_LIFE: Duration = Duration::from_secs(600);

/// Longest life that is believed.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Errors of RFC 6749 that pass.
const PASSING: [&str; 2] = ["server_error", "temporarily_unavailable"];

/// Where the text for humans is in a refusal.
const MESSAGES: [&str; 5] = [
    "error_description",
    "error.message",
    "error",
    "Message",
    "message",
];

/// What the token endpoint granted.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) access_token: SecretString,
    pub(super) life: Duration,
    pub(super) refresh_token: Option<SecretString>,
    pub(super) geolocation: Option<Place>,
    pub(super) date: Option<Timestamp>,
}

/// Why nothing was granted.
#[derive(Debug)]
pub(super) enum Refused {
    /// The user's data is in another place, which may be missing or forbidden; ask there.
    Elsewhere {
        place: Option<Place>,
        error: Box<TokenError>,
    },
    /// Anything else.
    Failed(TokenError),
}

/// The body of a token request: the configured grant, or the stored refresh token in its place.
pub(super) fn form(credentials: &OAuth2Credentials, stored: Option<&SecretString>) -> Bytes {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("client_id", &credentials.client_id);
    form.append_pair("client_secret", credentials.client_secret.expose_secret());
    match (stored, &credentials.grant) {
        (Some(token), _) | (None, Grant::RefreshToken(token)) => {
            form.append_pair("grant_type", "refresh_token");
            form.append_pair("refresh_token", token.expose_secret());
        }
        (None, Grant::AuthorizationCode { code, redirect_uri }) => {
            form.append_pair("grant_type", "authorization_code");
            form.append_pair("redirect_uri", redirect_uri);
            form.append_pair("code", code.expose_secret());
        }
        (
            None,
            Grant::Password {
                username,
                password,
                credtype: kind,
            },
        ) => {
            form.append_pair("grant_type", "password");
            form.append_pair("username", username);
            form.append_pair("password", password.expose_secret());
            form.append_pair("credtype", credtype(*kind));
        }
    }
    Bytes::from(form.finish())
}

/// Concur's names of the credential types.
pub(super) fn credtype(kind: CredType) -> &'static str {
    match kind {
        CredType::AuthToken => "authtoken",
        CredType::Password => "password",
    }
}

/// Everything that must not show up in a message.
pub(super) fn secrets<'a>(
    credentials: &'a OAuth2Credentials,
    stored: Option<&'a SecretString>,
) -> Vec<&'a str> {
    let grant = match &credentials.grant {
        Grant::RefreshToken(secret)
        | Grant::AuthorizationCode { code: secret, .. }
        | Grant::Password { password: secret, .. } => secret,
    };
    let all = [Some(&credentials.client_secret), Some(grant), stored];
    all.into_iter()
        .flatten()
        .map(ExposeSecret::expose_secret)
        .collect()
}

/// The request; Concur refuses a content type with a charset, and credentials anywhere but in the body.
pub(super) fn request(endpoint: &Url, form: Bytes) -> http::Request<Bytes> {
    let mut request = http::Request::new(form);
    *request.method_mut() = Method::POST;
    // Fails only for URLs beyond 64 KiB; "/" is then refused when sent.
    *request.uri_mut() = endpoint.as_str().parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    request
}

/// What an answer is read with.
pub(super) struct Reader<'a> {
    pub(super) oauth: &'a OAuth2,
    /// Name of the correlation id, as a header and as a field of the body.
    pub(super) correlation: Option<&'a str>,
    pub(super) host: &'a str,
    pub(super) secrets: &'a [&'a str],
}

impl Reader<'_> {
    /// What the token endpoint's answer means; errors go by their code, since statuses vary.
    pub(super) fn read(&self, answer: &Answer) -> Result<Granted, Refused> {
        let status = answer.status();
        let Ok(body @ Value::Object(_)) = serde_json::from_slice::<Value>(answer.body()) else {
            return Err(Refused::Failed(self.unclear(answer, None, "no JSON object")));
        };
        let refused = ["error", "code"]
            .iter()
            .any(|field| body.get(field).is_some_and(|value| !value.is_null()));
        if !status.is_success() || (refused && body.get("access_token").is_none()) {
            return Err(self.refusal(answer, &body));
        }
        let Some(access_token) = text(&body, "access_token") else {
            return Err(Refused::Failed(self.unclear(
                answer,
                Some(&body),
                "no access_token",
            )));
        };
        if HeaderValue::from_str(access_token).is_err() {
            return Err(Refused::Failed(self.unclear(
                answer,
                Some(&body),
                "an access_token that no header can hold",
            )));
        }
        Ok(Granted {
            access_token: access_token.to_owned().into(),
            life: life(body.get("expires_in")),
            refresh_token: text(&body, "refresh_token").map(|token| token.to_owned().into()),
            geolocation: text(&body, "geolocation").map(Place::parse),
            date: crate::http::date(answer.headers()),
        })
    }

    fn refusal(&self, answer: &Answer, body: &Value) -> Refused {
        let code = number(body.get("code")).and_then(|code| u32::try_from(code).ok());
        let Some(rule) =
            code.and_then(|code| self.oauth.errors.iter().find(|rule| rule.codes.contains(&code)))
        else {
            return Refused::Failed(self.unlisted(answer, body, code));
        };
        match rule.action {
            TokenAction::RetryLater => Refused::Failed(self.unavailable(answer, Some(body))),
            TokenAction::AskHuman => Refused::Failed(self.rejected(answer, body, code, &rule.remedy)),
            TokenAction::RetryAtGeolocation => Refused::Elsewhere {
                place: text(body, "geolocation").map(Place::parse),
                error: Box::new(self.rejected(answer, body, code, &rule.remedy)),
            },
        }
    }

    fn unlisted(&self, answer: &Answer, body: &Value, code: Option<u32>) -> TokenError {
        let error = text(body, "error");
        if passing(answer.status()) || error.is_some_and(|error| PASSING.contains(&error)) {
            return self.unavailable(answer, Some(body));
        }
        if code.is_none() && error.is_none() {
            return self.unclear(answer, Some(body), "neither token nor error code");
        }
        match self.oauth.other_errors.action {
            TokenAction::RetryLater => self.unavailable(answer, Some(body)),
            TokenAction::AskHuman | TokenAction::RetryAtGeolocation => {
                self.rejected(answer, body, code, &self.oauth.other_errors.remedy)
            }
        }
    }

    fn rejected(&self, answer: &Answer, body: &Value, code: Option<u32>, remedy: &str) -> TokenError {
        let mut description = self.message(answer, Some(body));
        let in_body = self
            .correlation
            .and_then(|name| text(body, name))
            .map(|id| quote(id, self.secrets));
        let in_header = || answer::header(answer.headers(), self.correlation?);
        if let Some(id) = in_body.or_else(in_header) {
            description.push_str(&format!(" (correlation id {id})"));
        }
        TokenError::CredentialsRejected {
            code,
            description,
            remedy: remedy.to_owned(),
        }
    }

    fn unavailable(&self, answer: &Answer, body: Option<&Value>) -> TokenError {
        TokenError::TokenServiceUnavailable {
            host: self.host.to_owned(),
            status: answer.status().as_u16(),
            message: self.message(answer, body),
            after: answer::retry_after(answer.headers()),
        }
    }

    fn unclear(&self, answer: &Answer, body: Option<&Value>, problem: &'static str) -> TokenError {
        let status = answer.status();
        if passing(status) {
            return self.unavailable(answer, body);
        }
        // A body that came with success may hold tokens, so nothing of it is shown.
        let message = if status.is_success() {
            String::new()
        } else {
            self.message(answer, body)
        };
        TokenError::TokenAnswerNotUnderstood {
            host: self.host.to_owned(),
            status: status.as_u16(),
            problem,
            message,
        }
    }

    fn message(&self, answer: &Answer, body: Option<&Value>) -> String {
        let found = body.and_then(|body| MESSAGES.iter().find_map(|path| answer::at(body, path)?.as_str()));
        match found {
            Some(text) => quote(text, self.secrets),
            None => quote(&String::from_utf8_lossy(answer.body()), self.secrets),
        }
    }
}

/// Statuses that say nothing about the credentials.
fn passing(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
}

fn text<'a>(body: &'a Value, field: &str) -> Option<&'a str> {
    body.get(field)?.as_str().filter(|text| !text.is_empty())
}

/// A whole number, also where the vendor prints it as a string.
fn number(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn life(expires_in: Option<&Value>) -> Duration {
    number(expires_in)
        .map_or(UNKNOWN_LIFE, Duration::from_secs)
        .min(LONGEST_LIFE)
}

/// Whether two secrets are the same.
pub(super) fn equal(a: &SecretString, b: &SecretString) -> bool {
    a.expose_secret() == b.expose_secret()
}
