//! The ways in which listings are cut into pages.

use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::asked::Asked;
use crate::form;
use crate::kind::{Kind, Paging};
use crate::knobs::{NextPageEnd, NextPageHost, OffsetStyle};
use crate::listing::Page;
use crate::problem;
use crate::state::State;

/// The part of a listing that a request asks for.
#[derive(Clone, Copy)]
pub(crate) struct Position {
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

type Query = [(String, String)];

/// Reads the position from the query.
pub(crate) fn position(
    state: &State,
    asked: &Asked,
    kind: &Kind,
    query: &Query,
) -> Result<Position, Box<Answer>> {
    let limits = (kind.limits)(&state.knobs);
    let refuse = |message: &str| problem::bad_query(state, asked, kind.dialect, message);
    let limit = |name: &str| match form::value(query, name) {
        None => Ok(limits.default),
        Some(text) => match text.parse::<usize>() {
            Ok(limit) if limit > 0 => Ok(limit),
            _ => Err(refuse(&format!("{name} is not a positive whole number"))),
        },
    };
    let position = match kind.paging {
        Paging::NextPage { .. } => Position {
            limit: limit("limit")?.min(limits.most),
            offset: match (form::value(query, "offset"), state.knobs.offset_style) {
                (None, _) => Some(0),
                (Some(text), OffsetStyle::Numeric) => text.parse().ok(),
                (Some(text), OffsetStyle::RandomToken) => state.offsets.get(text).copied(),
            }
            .ok_or_else(|| refuse("offset is not valid"))?,
        },
        Paging::Operations => {
            let limit = limit("limit")?;
            if limit > limits.most {
                return Err(refuse(&format!("limit is above {}", limits.most)));
            }
            let start = form::value(query, "start").map_or(Ok(0), str::parse);
            Position {
                limit,
                offset: start.map_err(|_| refuse("start is not a whole number"))?,
            }
        }
        Paging::Numbers => match form::value(query, "page").map_or(Ok(1), str::parse::<usize>) {
            Ok(page) if page > 0 => Position {
                limit: limits.default,
                offset: (page - 1).saturating_mul(limits.default),
            },
            _ => return Err(refuse("page is not a whole number from 1 on")),
        },
        Paging::Cursor => Position {
            limit: limit("count")?.min(limits.most),
            offset: token(state, form::value(query, "cursor"))
                .ok_or_else(|| refuse("cursor is not valid"))?,
        },
    };
    Ok(position)
}

/// The offset behind an opaque token; 0 without one.
pub(crate) fn token(state: &State, token: Option<&str>) -> Option<usize> {
    token.map_or(Some(0), |token| state.offsets.get(token).copied())
}

/// An opaque token for an offset.
pub(crate) fn new_token(state: &mut State, offset: usize) -> String {
    let token = state.random.report_id().to_lowercase();
    state.offsets.insert(token.clone(), offset);
    token
}

/// The body of a listing.
pub(crate) fn body(state: &mut State, asked: &Asked, kind: &Kind, page: Page) -> Value {
    let items = (kind.items)(&state.knobs);
    match kind.paging {
        Paging::NextPage { total } => next_page(state, asked, items, page, total),
        Paging::Operations => operations(state, asked, items, page),
        Paging::Numbers => numbers(state, asked, items, page),
        Paging::Cursor => cursor(state, items, page),
    }
}

fn next_page(state: &mut State, asked: &Asked, items: &str, page: Page, total: bool) -> Value {
    let next = page.next(state.knobs.page_overlap);
    let mut body = Map::new();
    if total {
        body.insert("TotalCount".into(), page.total.into());
    }
    body.insert(items.into(), page.items.into());
    match (next, state.knobs.next_page_end) {
        (Some(offset), _) => {
            let offset = match state.knobs.offset_style {
                OffsetStyle::Numeric => offset.to_string(),
                OffsetStyle::RandomToken => new_token(state, offset),
            };
            let url = link(state, asked, &[("offset", offset)]);
            body.insert("NextPage".into(), url.into());
        }
        (None, NextPageEnd::Null) => {
            body.insert("NextPage".into(), Value::Null);
        }
        (None, NextPageEnd::Empty) => {
            body.insert("NextPage".into(), "".into());
        }
        (None, NextPageEnd::Absent) => {}
    }
    Value::Object(body)
}

fn operations(state: &State, asked: &Asked, items: &str, page: Page) -> Value {
    let Position { offset, limit } = page.position;
    let mut operations = Vec::new();
    let mut add = |relation: &str, start: usize| {
        let parameters = [("limit", limit.to_string()), ("start", start.to_string())];
        operations.push(json!({"rel": relation, "href": link(state, asked, &parameters)}));
    };
    if let Some(next) = page.next(state.knobs.page_overlap) {
        add("next", next);
    }
    if offset > 0 {
        add("prev", offset.saturating_sub(limit));
    }
    add("first", 0);
    add("last", page.total.saturating_sub(1) / limit * limit);
    json!({items: page.items, "operations": operations})
}

fn numbers(state: &State, asked: &Asked, items: &str, page: Page) -> Value {
    let Position { offset, limit } = page.position;
    let (number, pages) = (offset / limit + 1, page.total.div_ceil(limit));
    let mut links = Vec::new();
    if state.knobs.list_links && number < pages {
        let href = link(state, asked, &[("page", (number + 1).to_string())]);
        links.push(json!({"rel": "next", "href": href}));
    }
    json!({
        "links": links,
        items: page.items,
        "page": {"size": limit, "totalElements": page.total, "totalPages": pages, "number": number},
    })
}

fn cursor(state: &mut State, items: &str, page: Page) -> Value {
    let next = page.next(state.knobs.page_overlap);
    let mut body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": page.total,
        "itemsPerPage": page.items.len(),
        items: page.items,
    });
    if let (Some(next), Some(fields)) = (next, body.as_object_mut()) {
        fields.insert("nextCursor".into(), new_token(state, next).into());
    }
    body
}

/// A complete URI of another page: the query as it came, with other parameters.
fn link(state: &State, asked: &Asked, parameters: &[(&str, String)]) -> String {
    let host = match state.knobs.next_page_host {
        NextPageHost::Own => state.base_url(asked),
        NextPageHost::Foreign => state.knobs.foreign_host.clone(),
    };
    let replaced = |part: &str| {
        let name = part.split('=').next();
        parameters.iter().any(|(replaced, _)| name == Some(replaced))
    };
    let query: Vec<String> = asked
        .query
        .split('&')
        .filter(|part| !part.is_empty() && !replaced(part))
        .map(str::to_owned)
        .chain(parameters.iter().map(|(name, value)| format!("{name}={value}")))
        .collect();
    format!("{host}{}?{}", asked.path, query.join("&"))
}
