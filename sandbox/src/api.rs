//! The expense reports API (Concur v3): who may ask, single reports, formats and headers.

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::access::Holder;
use crate::answer::Answer;
use crate::asked::Asked;
use crate::dates;
use crate::form;
use crate::knobs::NotFound;
use crate::state::State;
use crate::{listing, record, xml};

const REPORTS: &str = "/api/v3.0/expense/reports";

/// Scope that the reports need.
const SCOPE: &str = "EXPRPT";

pub(crate) fn answer(state: &mut State, asked: &Asked) -> Answer {
    let (answer, root) = json_answer(state, asked);
    let wants_json = asked
        .header(&header::ACCEPT)
        .is_some_and(|accept| accept.contains("application/json"));
    match answer.json_body() {
        Some(body) if !wants_json => Answer::text(
            answer.status,
            "application/xml;charset=UTF-8",
            xml::print(root, &body),
        ),
        _ => answer,
    }
}

fn json_answer(state: &mut State, asked: &Asked) -> (Answer, &'static str) {
    let holder = match authorize(state, asked) {
        Ok(holder) => holder,
        Err(answer) => return (*answer, "Error"),
    };
    let path = asked.path.trim_end_matches('/');
    let id = path.strip_prefix(REPORTS).and_then(|rest| rest.strip_prefix('/'));
    let known = path == REPORTS || id.is_some_and(|id| !id.contains('/'));
    if known && asked.method != Method::GET {
        let message = "the sandbox only reads reports";
        return (error(state, StatusCode::METHOD_NOT_ALLOWED, message), "Error");
    }
    match id {
        _ if !known => (error(state, StatusCode::NOT_FOUND, "no such resource"), "Error"),
        Some(id) => (single(state, asked, &holder, &form::decode(id)), "Report"),
        None => match listing::list(state, asked, &holder) {
            Ok(mut body) => {
                finish(state, &mut body);
                (Answer::json(StatusCode::OK, &body), "Reports")
            }
            Err(answer) => (*answer, "Error"),
        },
    }
}

/// 401 without the header, 403 for everything else, as Concur's status page says.
fn authorize(state: &State, asked: &Asked) -> Result<Holder, Box<Answer>> {
    let Some((scheme, token)) = asked.authorization() else {
        let message = "Authorization header is missing";
        return Err(error(state, StatusCode::UNAUTHORIZED, message).into());
    };
    let forbidden = |message| Err(error(state, StatusCode::FORBIDDEN, message).into());
    if !scheme.eq_ignore_ascii_case("Bearer") && !scheme.eq_ignore_ascii_case("OAuth") {
        return forbidden("Forbidden Request: unknown authorization scheme");
    }
    if asked
        .host
        .as_ref()
        .is_some_and(|host| state.refused_hosts.contains(host))
    {
        return forbidden("Forbidden Request: the company has moved to another data center");
    }
    let Some(holder) = state.access.holder(token, state.clock.steady()) else {
        return forbidden("Forbidden. Please check your Instance URL and OAuth token.");
    };
    if !holder.scope.split_whitespace().any(|scope| scope == SCOPE) {
        return forbidden("Forbidden Request: the token lacks the scope EXPRPT");
    }
    if holder.login.is_none() {
        return forbidden("Forbidden Request: the token has no user or company");
    }
    Ok(holder.clone())
}

/// The v1 to v3 shape `{"Error": {"Message", "Server-Time", "Id"}}`; its time is in the server's own zone.
pub(crate) fn error(state: &State, status: StatusCode, message: &str) -> Answer {
    Answer::json(status, &error_body(state, message))
}

pub(crate) fn error_body(state: &State, message: &str) -> Value {
    let pacific = TimeZone::get("America/Los_Angeles").unwrap_or(TimeZone::UTC);
    json!({"Error": {
        "Message": message,
        "Server-Time": dates::print(state.now(), &pacific),
        "Id": uuid::Uuid::new_v4().to_string().to_uppercase(),
    }})
}

fn single(state: &mut State, asked: &Asked, holder: &Holder, id: &str) -> Answer {
    let query = form::pairs(&asked.query);
    let login = match form::value(&query, "user") {
        Some("ALL") => {
            return Answer::message(StatusCode::BAD_REQUEST, "user=ALL is not allowed for one report");
        }
        Some(login) => login.to_owned(),
        None => holder.login.clone().unwrap_or_default(),
    };
    if Some(&login) != holder.login.as_ref() && !state.knobs.has_all_role {
        return error(
            state,
            StatusCode::FORBIDDEN,
            "Forbidden Request: the role for other users is missing",
        );
    }
    let steady = state.clock.steady();
    let zone = state.knobs.time_zone();
    let base = state.base_url(asked);
    let found = state.reports.by_id.get(id).and_then(|report| {
        let version = report.visible(steady)?;
        let owned = record::text_field(version, "OwnerLoginID") == Some(login.as_str());
        owned.then(|| record::print(id, report, version, &zone, &base, &asked.query))
    });
    match (found, state.knobs.not_found) {
        (Some(mut body), _) => {
            finish(state, &mut body);
            Answer::json(StatusCode::OK, &body)
        }
        (None, NotFound::ErrorIn200) => Answer::json(
            StatusCode::OK,
            &json!({"Error": {"Message": "No report found with the specified ID"}}),
        ),
        (None, NotFound::Status404) => error(
            state,
            StatusCode::NOT_FOUND,
            "No report found with the specified ID",
        ),
    }
}

/// Applies the knobs that bend every JSON object: extra fields, then shuffled keys.
pub(crate) fn finish(state: &mut State, body: &mut Value) {
    if state.knobs.extra_fields {
        add_extra(body);
        for item in body
            .get_mut("Items")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
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
pub(crate) fn vendor_headers(state: &State, asked: &Asked, answer: &mut Answer) {
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
    if state.knobs.deprecation_warning && asked.path.starts_with("/api/") {
        let warning =
            "'/api/v3.0/expense/reports' is deprecated; use '/expensereports/v4/'. See 'the sandbox'";
        answer.header(HeaderName::from_static("x-api-warn"), warning);
        let sunset = HeaderValue::from_static("Sun, 01 Mar 2020 00:00:00 GMT");
        answer.headers.insert(HeaderName::from_static("sunset"), sunset);
    }
}
