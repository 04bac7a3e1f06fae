//! Concur's APIs: who may ask, single records, formats and headers.

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

use crate::access::Holder;
use crate::answer::Answer;
use crate::asked::Asked;
use crate::fault::Target;
use crate::kind::{self, Kind, Whose};
use crate::knobs::NotFound;
use crate::problem::{self, Dialect};
use crate::state::State;
use crate::{dates, form, listing, xml};

/// The old format is the default of the APIs that know it.
pub(crate) fn answer(state: &mut State, asked: &Asked) -> Answer {
    let found = kind::of_path(&asked.path);
    let answer = match json_answer(state, asked, found) {
        Ok(answer) => answer,
        Err(answer) => *answer,
    };
    let wants_json = asked
        .header(&header::ACCEPT)
        .is_some_and(|accept| accept.contains("application/json"));
    let names = match found {
        Some((kind, id)) => kind
            .xml
            .map(|(all, one)| (if id.is_some() { one } else { all }, one)),
        None => Some(("Error", "")),
    };
    match (answer.json_body(), names) {
        (Some(body), Some((root, item))) if !wants_json => {
            let root = if answer.status.is_success() { root } else { "Error" };
            Answer::text(
                answer.status,
                "application/xml;charset=UTF-8",
                xml::print(root, item, &body),
            )
        }
        _ => answer,
    }
}

fn json_answer(
    state: &mut State,
    asked: &Asked,
    found: Option<(&'static Kind, Option<&str>)>,
) -> Result<Answer, Box<Answer>> {
    let holder = authorize(state, asked, found.map(|(kind, _)| kind))?;
    let Some((kind, id)) = found else {
        let message = "no such resource";
        return Err(problem::answer(state, asked, Dialect::V3, StatusCode::NOT_FOUND, message).into());
    };
    if asked.method != Method::GET {
        let message = "the sandbox only reads records";
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return Err(problem::answer(state, asked, kind.dialect, status, message).into());
    }
    let mut body = match id {
        Some(id) => match single(state, asked, kind, &holder, &form::decode(id))? {
            Some(body) => body,
            None => return Ok(missing(state, asked, kind)),
        },
        None => listing::list(state, asked, kind, &holder)?,
    };
    finish(state, &mut body, Some(kind));
    Ok(Answer::json(StatusCode::OK, &body))
}

/// v3: 401 without the header, 403 for everything else, as Concur's status page says. v4: 401 for a bad token too.
fn authorize(state: &State, asked: &Asked, kind: Option<&Kind>) -> Result<Holder, Box<Answer>> {
    let dialect = kind.map_or(Dialect::V3, |kind| kind.dialect);
    let refuse = |status, message: &str| Err(problem::answer(state, asked, dialect, status, message).into());
    let forbidden = |message: &str| refuse(StatusCode::FORBIDDEN, message);
    let bad_token = match dialect {
        Dialect::V3 => StatusCode::FORBIDDEN,
        _ => StatusCode::UNAUTHORIZED,
    };
    let Some((scheme, token)) = asked.authorization() else {
        return refuse(StatusCode::UNAUTHORIZED, "Authorization header is missing");
    };
    if !scheme.eq_ignore_ascii_case("Bearer") && !scheme.eq_ignore_ascii_case("OAuth") {
        return refuse(bad_token, "Forbidden Request: unknown authorization scheme");
    }
    if asked
        .host
        .as_ref()
        .is_some_and(|host| state.refused_hosts.contains(host))
    {
        return forbidden("Forbidden Request: the company has moved to another data center");
    }
    let Some(holder) = state.access.holder(token, state.clock.steady()) else {
        return refuse(
            bad_token,
            "Forbidden. Please check your Instance URL and OAuth token.",
        );
    };
    let scopes = kind.map_or(&["EXPRPT"][..], |kind| kind.scopes);
    if !holder
        .scope
        .split_whitespace()
        .any(|scope| scopes.contains(&scope))
    {
        let wanted = scopes.first().copied().unwrap_or_default();
        return forbidden(&format!("Forbidden Request: the token lacks the scope {wanted}"));
    }
    if holder.login.is_none() {
        return forbidden("Forbidden Request: the token has no user or company");
    }
    Ok(holder.clone())
}

fn single(
    state: &State,
    asked: &Asked,
    kind: &Kind,
    holder: &Holder,
    id: &str,
) -> Result<Option<Value>, Box<Answer>> {
    let query = form::pairs(&asked.query);
    let login = match form::value(&query, "user") {
        _ if kind.whose != Whose::User => None,
        Some("ALL") => {
            let message = "user=ALL is not allowed for one record";
            return Err(problem::bad_query(state, asked, kind.dialect, message));
        }
        Some(login) => Some(login.to_owned()),
        None => holder.login.clone(),
    };
    if login.is_some() && login != holder.login && !state.knobs.has_all_role {
        let message = "Forbidden Request: the role for other users is missing";
        return Err(problem::answer(state, asked, kind.dialect, StatusCode::FORBIDDEN, message).into());
    }
    let shown = state
        .records(&kind.resource)
        .and_then(|records| records.by_id.get(id)?.visible(id, state.clock.steady()))
        .filter(|shown| login.is_none() || kind::owner(kind, shown.version) == login.as_deref());
    Ok(shown.map(|shown| kind::print(&kind.resource, &shown, &state.style(asked, true))))
}

fn missing(state: &State, asked: &Asked, kind: &Kind) -> Answer {
    let name = kind
        .xml
        .map_or("record".to_owned(), |(_, one)| one.to_lowercase());
    let message = format!("No {name} found with the specified ID");
    match (kind.dialect, state.knobs.not_found) {
        (Dialect::V3, NotFound::ErrorIn200) => {
            Answer::json(StatusCode::OK, &json!({"Error": {"Message": message}}))
        }
        _ => problem::answer(state, asked, kind.dialect, StatusCode::NOT_FOUND, &message),
    }
}

/// Applies the knobs that bend every JSON object: extra fields, then shuffled keys.
pub(crate) fn finish(state: &mut State, body: &mut Value, kind: Option<&Kind>) {
    if state.knobs.extra_fields {
        add_extra(body);
        let items = match kind {
            Some(kind) => body.get_mut((kind.items)(&state.knobs)),
            None => Some(&mut *body),
        };
        for item in items.and_then(Value::as_array_mut).into_iter().flatten() {
            add_extra(item);
        }
    }
    if state.knobs.shuffle_keys {
        shuffle(state, body);
    }
}

fn add_extra(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.insert(
            "SandboxExtra".into(),
            json!({"Since": "tomorrow", "Values": [1, null, "x"]}),
        );
    }
}

fn shuffle(state: &mut State, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let mut pairs: Vec<(String, Value)> = std::mem::take(fields).into_iter().collect();
            state.random.shuffle(&mut pairs);
            for (_, inner) in &mut pairs {
                shuffle(state, inner);
            }
            fields.extend(pairs);
        }
        Value::Array(items) => {
            for item in items {
                shuffle(state, item);
            }
        }
        _ => {}
    }
}

/// Headers that every answer of the vendor has.
pub(crate) fn vendor_headers(state: &State, target: Target, asked: &Asked, answer: &mut Answer) {
    let correlation = match asked.header_named("concur-correlationid") {
        Some(given) => given.to_owned(),
        None => uuid::Uuid::new_v4().to_string(),
    };
    answer.header(HeaderName::from_static("concur-correlationid"), &correlation);
    if state.knobs.date_header
        && let Some(date) = dates::http(crate::clock::add_ms(state.now(), state.knobs.date_skew_ms))
    {
        answer.header(header::DATE, &date);
    }
    let of_api = target == Target::Hub || kind::of_target(target).is_some();
    if state.knobs.deprecation_warning && of_api {
        let path = kind::of_path(&asked.path).map_or(asked.path.as_str(), |(kind, _)| kind.path);
        let warning = format!("'{path}' is deprecated; use its next version. See 'the sandbox'");
        answer.header(HeaderName::from_static("x-api-warn"), &warning);
        let sunset = HeaderValue::from_static("Sun, 01 Mar 2020 00:00:00 GMT");
        answer.headers.insert(HeaderName::from_static("sunset"), sunset);
    }
}
