//! The OAuth token endpoint (Concur Authentication v0).

use axum::http::{Method, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::access::Holder;
use crate::answer::Answer;
use crate::asked::Asked;
use crate::clock::add_ms;
use crate::form;
use crate::knobs::{ExpiresIn, GeolocationStyle};
use crate::state::State;

/// Concur's token errors: code, `error`, meaning.
const ERRORS: [(u32, &str, &str); 20] = [
    (5, "invalid_grant", "incorrect credentials, please retry"),
    (14, "invalid_grant", "account locked, please contact support"),
    (16, "invalid_request", "user lives elsewhere"),
    (51, "invalid_request", "username was not supplied"),
    (52, "invalid_request", "password was not supplied"),
    (53, "invalid_client", "company is not enabled for this client"),
    (54, "invalid_scope", "requested scope exceeds granted scope"),
    (56, "invalid_request", "otp or channel was not supplied"),
    (59, "invalid_client", "client disabled"),
    (
        60,
        "invalid_grant",
        "these are not the grants you are looking for",
    ),
    (61, "invalid_client", "client not found"),
    (62, "invalid_request", "client_id was not supplied"),
    (63, "invalid_request", "client_secret was not supplied"),
    (64, "invalid_client", "bad client credentials"),
    (65, "invalid_request", "grant_type was not supplied"),
    (106, "invalid_request", "refresh_token was not supplied"),
    (107, "invalid_grant", "refresh is not allowed for this client"),
    (108, "invalid_grant", "bad or expired refresh token"),
    (135, "invalid_request", "unsupported request format"),
    (136, "invalid_grant", "authtoken was not issued for you"),
];

/// Lifetime of a company request token, milliseconds.
const REQUEST_TOKEN_LIFETIME_MS: i64 = 86_400_000;

/// Codes that count as a bad secret towards the lock.
const BAD_SECRETS: [u32; 3] = [5, 64, 108];

pub(crate) fn answer(state: &mut State, asked: &Asked) -> Answer {
    match (&asked.method, asked.path.as_str()) {
        (&Method::POST, "/oauth2/v0/token") => match grant(state, asked) {
            Ok(body) => Answer::json(StatusCode::OK, &body),
            Err(code) => {
                if BAD_SECRETS.contains(&code) {
                    state.access.bad_secret(state.knobs.lock_after_bad_secrets);
                }
                error(state, code, None, None)
            }
        },
        (&Method::DELETE, "/app-mgmt/v0/connections") => disconnect(state, asked),
        (_, "/oauth2/v0/token" | "/app-mgmt/v0/connections") => {
            Answer::message(StatusCode::METHOD_NOT_ALLOWED, "the method is not allowed here")
        }
        _ => Answer::message(StatusCode::NOT_FOUND, "no such resource at the token endpoint"),
    }
}

fn known(code: u32) -> (&'static str, &'static str) {
    ERRORS.iter().find(|(known, _, _)| *known == code).map_or(
        ("invalid_request", "token request refused"),
        |(_, name, meaning)| (*name, *meaning),
    )
}

/// What a code means, in the vendor's words.
pub(crate) fn meaning(code: u32) -> &'static str {
    known(code).1
}

/// An error body with its correlation id, as the token endpoint prints it.
pub(crate) fn error(
    state: &State,
    code: u32,
    description: Option<&str>,
    geolocation: Option<&str>,
) -> Answer {
    let (name, meaning) = known(code);
    let mut body = json!({
        "error": name,
        "concur-correlationid": uuid::Uuid::new_v4().simple().to_string(),
        "error_description": description.unwrap_or(meaning),
        "code": code,
    });
    let geolocation = match (geolocation, code) {
        (None, 16 | 108) => Some(state.geolocation.as_str()),
        (given, _) => given,
    };
    if let (Some(url), Some(fields)) = (geolocation, body.as_object_mut()) {
        fields.insert("geolocation".into(), url.into());
    }
    let status = if code == 108 {
        state.knobs.bad_refresh_status
    } else {
        400
    };
    Answer::json(
        StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
        &body,
    )
}

fn grant(state: &mut State, asked: &Asked) -> Result<Value, u32> {
    check_format(state, asked)?;
    let form = form::pairs(&String::from_utf8_lossy(&asked.body));
    let get = |name| form::value(&form, name);
    let grant_type = get("grant_type").ok_or(65_u32)?;
    let client_id = get("client_id").ok_or(62_u32)?;
    let client_secret = get("client_secret").ok_or(63_u32)?;
    if client_id != state.options.client_id {
        return Err(61);
    }
    if state.knobs.client_disabled {
        return Err(59);
    }
    if state.access.locked {
        return Err(14);
    }
    if client_secret != state.options.client_secret {
        return Err(64);
    }
    let scope = scope(&state.options.scope, get("scope"))?;
    let owner = Holder {
        login: Some(state.options.owner_login.clone()),
        scope: scope.clone(),
        company: false,
    };
    let now = state.clock.steady();
    let (holder, refresh_token) = match grant_type {
        "refresh_token" => {
            let old = get("refresh_token").ok_or(106_u32)?;
            if state.knobs.refresh_disallowed {
                return Err(107);
            }
            let known = state.access.refresh_holder(old, now).ok_or(108_u32)?;
            let holder = Holder {
                scope,
                ..known.clone()
            };
            let rotate = state.knobs.rotate;
            let token = state.access.rotate(old, holder.clone(), rotate, now);
            (holder, Some(token))
        }
        "password" => {
            check_password(state, &get)?;
            let company = get("credtype") == Some("authtoken");
            let holder = Holder { company, ..owner };
            let token = state.access.issue_refresh(holder.clone(), now);
            (holder, Some(token))
        }
        "authorization_code" => {
            let redirect_uri = get("redirect_uri").ok_or(60_u32)?;
            let code = get("code").ok_or(60_u32)?;
            let holder = if code == state.options.authorization_code && !state.access.code_used {
                state.access.code_used = true;
                owner
            } else {
                state.access.redeem(code, redirect_uri, now).ok_or(60_u32)?
            };
            let token = state.access.issue_refresh(holder.clone(), now);
            (holder, Some(token))
        }
        "otp" => {
            let otp = get("otp").ok_or(56_u32)?;
            get("channel_handle").ok_or(56_u32)?;
            if get("channel_type") != Some("email") {
                return Err(56);
            }
            if otp != state.options.one_time_password {
                return Err(5);
            }
            (owner.clone(), Some(state.access.issue_refresh(owner, now)))
        }
        "client_credentials" => (Holder { login: None, ..owner }, None),
        _ => return Err(60),
    };
    state.access.good_secret();
    Ok(success(state, holder, refresh_token))
}

/// Only a form in the body counts; what stands in the query is not looked at.
fn check_format(state: &State, asked: &Asked) -> Result<(), u32> {
    let content_type = asked.header(&header::CONTENT_TYPE).unwrap_or_default();
    let (media, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let form = media
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let charset = parameters.to_ascii_lowercase().contains("charset");
    if !form || (charset && state.knobs.reject_charset) {
        Err(135)
    } else {
        Ok(())
    }
}

pub(crate) fn scope(granted: &str, wanted: Option<&str>) -> Result<String, u32> {
    match wanted {
        None => Ok(granted.to_owned()),
        Some(wanted)
            if wanted
                .split_whitespace()
                .all(|w| granted.split_whitespace().any(|g| g == w)) =>
        {
            Ok(wanted.to_owned())
        }
        Some(_) => Err(54),
    }
}

fn check_password<'a>(state: &State, get: &impl Fn(&'static str) -> Option<&'a str>) -> Result<(), u32> {
    let username = get("username").ok_or(51_u32)?;
    let password = get("password").ok_or(52_u32)?;
    let options = &state.options;
    match get("credtype").unwrap_or("password") {
        "authtoken" => {
            let end = add_ms(state.clock.start(), REQUEST_TOKEN_LIFETIME_MS);
            if password != options.request_token || state.clock.steady() >= end {
                return Err(5);
            }
            if username.eq_ignore_ascii_case(&options.company_uuid) {
                Ok(())
            } else {
                Err(136)
            }
        }
        "password" if username == options.owner_login && password == options.owner_password => Ok(()),
        _ => Err(5),
    }
}

fn success(state: &mut State, holder: Holder, refresh_token: Option<String>) -> Value {
    let now = state.clock.steady();
    let seconds = state.knobs.expires_in_seconds;
    let expires_in = match state.knobs.expires_in {
        ExpiresIn::String => Value::from(seconds.to_string()),
        ExpiresIn::Number => Value::from(seconds),
    };
    let mut body = Map::new();
    body.insert("expires_in".into(), expires_in);
    body.insert("scope".into(), holder.scope.clone().into());
    body.insert("token_type".into(), "Bearer".into());
    let has_user = holder.login.is_some();
    body.insert(
        "access_token".into(),
        state.access.issue_access(holder, now, seconds).into(),
    );
    if let Some(token) = refresh_token {
        let expires = state.access.refresh_expires(&token);
        body.insert("refresh_token".into(), token.into());
        if let (true, Some(expires)) = (state.knobs.refresh_expires_in, expires) {
            body.insert("refresh_expires_in".into(), expires.into());
        }
    }
    if has_user {
        body.insert("id_token".into(), "sandbox-id-token".into());
    }
    body.insert("geolocation".into(), printed_geolocation(state).into());
    Value::Object(body)
}

pub(crate) fn printed_geolocation(state: &State) -> String {
    let url = &state.geolocation;
    match state.knobs.geolocation_style {
        GeolocationStyle::Plain => url.clone(),
        GeolocationStyle::WithPath => format!("{url}/oauth2/v0/token"),
        GeolocationStyle::UpperCase => match url.split_once("://") {
            Some((scheme, host)) => format!("{scheme}://{}", host.to_uppercase()),
            None => url.to_uppercase(),
        },
    }
}

fn disconnect(state: &mut State, asked: &Asked) -> Answer {
    let now = state.clock.steady();
    let Some((_, token)) = asked.authorization() else {
        return Answer::message(StatusCode::UNAUTHORIZED, "authorization header is missing");
    };
    let Some(login) = state.access.holder(token, now).map(|holder| holder.login.clone()) else {
        return Answer::message(StatusCode::FORBIDDEN, "the access token is not valid");
    };
    state.access.revoke_refresh_of(login.as_deref());
    Answer::empty(StatusCode::OK)
}
