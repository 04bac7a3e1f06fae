//! The page to which OAuth's code flow sends a browser; here everybody allows everything at once.

use axum::http::{Method, StatusCode, header};

use crate::access::Holder;
use crate::answer::Answer;
use crate::asked::Asked;
use crate::form;
use crate::state::State;
use crate::token;

pub(crate) const PATH: &str = "/oauth2/v0/authorize";

/// How long a code is good, milliseconds.
const CODE_LIFETIME_MS: i64 = 600_000;

pub(crate) fn answer(state: &mut State, asked: &Asked) -> Answer {
    if asked.method != Method::GET {
        return Answer::message(StatusCode::METHOD_NOT_ALLOWED, "the method is not allowed here");
    }
    let query = form::pairs(&asked.query);
    let get = |name| form::value(&query, name);
    // Without a client and a place to go back to, the browser must not be sent anywhere.
    let bad = |message: &str| Answer::message(StatusCode::BAD_REQUEST, message);
    if get("client_id") != Some(&state.options.client_id) {
        return bad("client_id is missing or unknown");
    }
    let Some(redirect) = get("redirect_uri").filter(|uri| goes_back(uri)) else {
        return bad("redirect_uri is missing or not an absolute URI without a fragment");
    };
    let scope = token::scope(&state.options.scope, get("scope"));
    let refusal = match (&state.knobs.authorize_error, &scope, get("response_type")) {
        (Some(error), _, _) => Some((error.code.clone(), error.description.clone())),
        (_, Err(code), _) => Some((code.to_string(), token::meaning(*code).to_owned())),
        (_, _, Some("code")) => None,
        _ => return bad("response_type is not code"),
    };
    let mut parameters = match (refusal, scope) {
        (Some((code, description)), _) => {
            vec![("error_code", code), ("error_description", description)]
        }
        (None, scope) => {
            let holder = Holder {
                login: Some(state.options.owner_login.clone()),
                scope: scope.unwrap_or_default(),
                company: false,
            };
            let expires = crate::clock::add_ms(state.clock.steady(), CODE_LIFETIME_MS);
            let code = state.access.issue_code(redirect.to_owned(), holder, expires);
            vec![("geolocation", token::printed_geolocation(state)), ("code", code)]
        }
    };
    if let Some(given) = get("state") {
        parameters.push(("state", given.to_owned()));
    }
    let mut location = redirect.to_owned();
    let mut separator = if redirect.contains('?') { '&' } else { '?' };
    for (name, value) in parameters {
        location.push_str(&format!("{separator}{name}={}", form::encode(&value)));
        separator = '&';
    }
    let mut answer = Answer::empty(StatusCode::FOUND);
    answer.header(header::LOCATION, &location);
    answer
}

fn goes_back(uri: &str) -> bool {
    uri.contains("://") && !uri.contains('#') && uri.bytes().all(|byte| byte.is_ascii_graphic())
}
