//! The hub of Cloud Elements and SAP Open Connectors: every vendor's records in one dialect.

use axum::http::{HeaderName, Method, StatusCode};
use serde_json::Value;

use crate::access::Holder;
use crate::answer::Answer;
use crate::api;
use crate::asked::Asked;
use crate::ceql::{Operator, Where};
use crate::form;
use crate::kind::{self, Kind, Whose};
use crate::listing::{self, Wanted};
use crate::paging::{self, Position};
use crate::problem::{self, Dialect};
use crate::resource::Resource;
use crate::state::State;

/// What stands before the hub's name in a path.
const HUBS: &str = "/elements/api-v2/hubs/";

/// Records of a page without `pageSize`.
const PAGE_SIZE: usize = 200;

pub(crate) fn answer(state: &mut State, asked: &Asked) -> Answer {
    match listing_or_record(state, asked) {
        Ok(answer) => answer,
        Err(answer) => *answer,
    }
}

fn refuse(state: &State, asked: &Asked, status: StatusCode, message: &str) -> Box<Answer> {
    problem::answer(state, asked, Dialect::Hub, status, message).into()
}

fn listing_or_record(state: &mut State, asked: &Asked) -> Result<Answer, Box<Answer>> {
    let given = asked.header(&axum::http::header::AUTHORIZATION);
    if given.map(parts) != Some(parts(&state.options.hub_authorization)) {
        let message = "No valid authorization: give User, Organization and Element";
        return Err(refuse(state, asked, StatusCode::UNAUTHORIZED, message));
    }
    let not_found = |state: &State, what: &str| {
        let message = format!("{what} was not found in the hub");
        refuse(state, asked, StatusCode::NOT_FOUND, &message)
    };
    let path = asked
        .path
        .strip_prefix(HUBS)
        .unwrap_or_default()
        .trim_end_matches('/');
    let names: Vec<String> = path.split('/').map(form::decode).collect();
    let (resource, id) = match names.as_slice() {
        [hub, name] => (format!("{hub}/{name}").parse::<Resource>(), None),
        [hub, name, id] => (format!("{hub}/{name}").parse(), Some(id)),
        _ => return Err(not_found(state, &asked.path)),
    };
    let resource = match resource {
        Ok(resource) if state.records(&resource).is_some() => resource,
        _ => return Err(not_found(state, &asked.path)),
    };
    if asked.method != Method::GET {
        let message = "the sandbox only reads records";
        return Err(refuse(state, asked, StatusCode::METHOD_NOT_ALLOWED, message));
    }
    match id {
        None => list(state, asked, &resource),
        Some(id) => {
            let mut record = record(state, asked, &resource, id).ok_or_else(|| not_found(state, id))?;
            finish(state, &mut record);
            Ok(Answer::json(StatusCode::OK, &record))
        }
    }
}

/// The parts of the header, which are separated by commas.
fn parts(header: &str) -> Vec<&str> {
    header.split(',').map(str::trim).collect()
}

fn record(state: &State, asked: &Asked, resource: &Resource, id: &str) -> Option<Value> {
    let shown = state
        .records(resource)?
        .by_id
        .get(id)?
        .visible(id, state.clock.steady())?;
    Some(kind::print(resource, &shown, &state.style(asked, true)))
}

fn list(state: &mut State, asked: &Asked, resource: &Resource) -> Result<Answer, Box<Answer>> {
    let query = form::pairs(&asked.query);
    let bad = |state: &State, message: &str| refuse(state, asked, StatusCode::BAD_REQUEST, message);
    let wanted = wanted(state, asked, resource, form::value(&query, "where"))?;
    let limit = match form::value(&query, "pageSize").map_or(Ok(PAGE_SIZE), str::parse) {
        Ok(size) if size > 0 => size,
        _ => return Err(bad(state, "pageSize is not a positive whole number")),
    };
    let offset = paging::token(state, form::value(&query, "nextPage"))
        .ok_or_else(|| bad(state, "nextPage is not a valid token"))?;
    let page = listing::page(state, asked, resource, &wanted, Position { offset, limit });
    let next = page.next(state.knobs.page_overlap);
    let (returned, total) = (page.items.len(), page.total);
    let mut body = Value::Array(page.items);
    finish(state, &mut body);
    let mut answer = Answer::json(StatusCode::OK, &body);
    let mut header = |name: &'static str, value: &str| answer.header(HeaderName::from_static(name), value);
    header("elements-returned-count", &returned.to_string());
    header("elements-total-count", &total.to_string());
    if let Some(next) = next {
        header("elements-next-page-token", &paging::new_token(state, next));
    }
    Ok(answer)
}

/// Null fields go, then the knobs bend what is left.
fn finish(state: &mut State, body: &mut Value) {
    if state.knobs.hub_filter_nulls {
        filter_nulls(body);
    }
    api::finish(state, body, None);
}

fn filter_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, inner| !inner.is_null());
            fields.values_mut().for_each(filter_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(filter_nulls),
        _ => {}
    }
}

/// The condition; what the API behind a resource takes as a parameter goes there, as the hub hands it on.
fn wanted(
    state: &State,
    asked: &Asked,
    resource: &Resource,
    text: Option<&str>,
) -> Result<Wanted, Box<Answer>> {
    let bad = |message: &str| {
        let message = format!("where cannot be understood: {message}");
        refuse(state, asked, StatusCode::BAD_REQUEST, &message)
    };
    let mut condition = match text {
        Some(text) => Where::parse(text).map_err(|message| bad(&message))?,
        None => Where::default(),
    };
    for group in &mut condition.0 {
        group.retain(|one| !state.knobs.hub_parameters.contains(&one.field));
    }
    if condition.0.iter().any(Vec::is_empty) {
        condition = Where::default();
    }
    let Some(kind) = kind::of(resource) else {
        return Ok(Wanted::default().and(condition));
    };
    let mut query = Vec::new();
    if let [group] = condition.0.as_mut_slice() {
        group.retain(|one| {
            let taken = one.operator == Operator::Equal && is_parameter(kind, &one.field);
            if taken {
                query.push((one.field.clone(), one.value.clone()));
            }
            !taken
        });
        if group.is_empty() {
            condition = Where::default();
        }
    }
    let fields = kind.fields(&state.style(asked, false));
    let mut all = condition.0.iter().flatten();
    if let Some(unknown) = all.find(|one| !fields.contains_key(&one.field) && !one.field.contains('.')) {
        return Err(bad(&format!("{} is no field of {resource}", unknown.field)));
    }
    let holder = Holder {
        login: Some(state.options.owner_login.clone()),
        scope: String::new(),
        company: false,
    };
    match listing::wanted(state, asked, kind, &query, &holder) {
        Ok(wanted) => Ok(wanted.and(condition)),
        Err(answer) => {
            let body = answer.json_body().unwrap_or_default();
            let message = ["/Message", "/Error/Message", "/error/message"]
                .iter()
                .find_map(|place| body.pointer(place)?.as_str())
                .unwrap_or("a parameter is wrong");
            let message = format!("where was refused by the API: {message}");
            Err(refuse(state, asked, answer.status, &message))
        }
    }
}

fn is_parameter(kind: &Kind, name: &str) -> bool {
    let date = |end: &str| {
        let pair = name.strip_suffix(end);
        kind.dates.iter().any(|(known, _)| pair == Some(known))
    };
    let user = match kind.whose {
        Whose::User => name == "user",
        Whose::UserId => name == "userId",
        Whose::Company => false,
    };
    user || date("After") || date("Before") || kind.texts.iter().any(|(known, _)| *known == name)
}
