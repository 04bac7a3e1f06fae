//! `GET /api/v3.0/expense/reports`: filters, order and pages.

use axum::http::StatusCode;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::access::Holder;
use crate::answer::Answer;
use crate::asked::Asked;
use crate::knobs::{AllRefusal, Filter, Knobs, NextPageEnd, NextPageHost, OffsetStyle, Order, ZoneSuffix};
use crate::random::rank;
use crate::record;
use crate::reports::{Report, Reports, Version};
use crate::state::State;
use crate::{api, dates, form};

/// Date pairs and the field each looks at; an entry's transaction date has no field in a report.
const DATE_PAIRS: [(&str, &str); 7] = [
    ("modifiedDate", "LastModifiedDate"),
    ("createDate", "CreateDate"),
    ("userDefinedDate", "UserDefinedDate"),
    ("submitDate", "SubmitDate"),
    ("processingPaymentDate", "ProcessingPaymentDate"),
    ("paidDate", "PaidDate"),
    ("entryTransactionDate", ""),
];

/// Text parameters and the field each compares; lists are comma-separated.
const TEXTS: [(&str, &str); 5] = [
    ("approvalStatusCode", "ApprovalStatusCode"),
    ("paymentStatusCode", "PaymentStatusCode"),
    ("currencyCode", "CurrencyCode"),
    ("countryCode", "Country"),
    ("approverLoginID", "ApproverLoginID"),
];

/// A report as listings show it.
pub(crate) struct Shown<'a> {
    pub(crate) id: &'a String,
    report: &'a Report,
    version: &'a Version,
}

struct DateBound {
    field: &'static str,
    after: bool,
    value: Timestamp,
}

struct Wanted {
    owner: Option<String>,
    dates: Vec<DateBound>,
    texts: Vec<(&'static str, Vec<String>)>,
}

pub(crate) fn list(state: &mut State, asked: &Asked, holder: &Holder) -> Result<Value, Box<Answer>> {
    let query = form::pairs(&asked.query);
    let wanted = wanted(state, &query, holder)?;
    let limit = limit(&state.knobs, &query)?;
    let offset = offset(state, &query)?;
    state.listings += 1;

    let zone = state.knobs.time_zone();
    let base = state.base_url(asked);
    let mut shown = shown(&state.reports, state.clock.steady());
    shown.retain(|item| matches(item, &wanted, state.knobs.filter));
    order(&mut shown, state.knobs.order, state.options.seed, state.listings);
    let total = shown.len() + state.raw_items.len();
    let items: Vec<Value> = shown
        .iter()
        .map(|item| (Some(item), &Value::Null))
        .chain(state.raw_items.iter().map(|raw| (None, raw)))
        .skip(offset)
        .take(limit)
        .map(|(item, raw)| match item {
            Some(item) => record::print(item.id, item.report, item.version, &zone, &base, &asked.query),
            None => raw.clone(),
        })
        .collect();

    let end = offset.saturating_add(items.len());
    let more = end < total && !items.is_empty();
    let overlap = state.knobs.page_overlap.min(items.len().saturating_sub(1));
    let mut body = Map::new();
    body.insert("Items".into(), items.into());
    match (more, state.knobs.next_page_end) {
        (true, _) => {
            let url = next_page(state, asked, &base, end - overlap);
            body.insert("NextPage".into(), url.into());
        }
        (false, NextPageEnd::Null) => {
            body.insert("NextPage".into(), Value::Null);
        }
        (false, NextPageEnd::Empty) => {
            body.insert("NextPage".into(), "".into());
        }
        (false, NextPageEnd::Absent) => {}
    }
    Ok(Value::Object(body))
}

/// Everything that an unfiltered listing for all users shows now, by id.
pub(crate) fn shown(reports: &Reports, steady: Timestamp) -> Vec<Shown<'_>> {
    reports
        .by_id
        .iter()
        .filter(|(_, report)| report.listed)
        .filter_map(|(id, report)| {
            Some(Shown {
                id,
                report,
                version: report.visible(steady)?,
            })
        })
        .collect()
}

pub(crate) fn order(shown: &mut [Shown<'_>], order: Order, seed: u64, listings: u64) {
    match order {
        Order::Id => {}
        Order::Created => shown.sort_by_key(|item| (item.version.created, item.report.serial)),
        Order::ModifiedAsc => shown.sort_by_key(|item| (item.version.modified, item.report.serial)),
        Order::ModifiedDesc => {
            shown.sort_by_key(|item| std::cmp::Reverse((item.version.modified, item.report.serial)));
        }
        Order::Random => shown.sort_by_cached_key(|item| rank(seed, item.id)),
        Order::Unstable => {
            let salt = seed.wrapping_add(listings.wrapping_mul(0x9E37_79B9));
            shown.sort_by_cached_key(|item| rank(salt, item.id));
        }
    }
}

fn bad_request(message: &str) -> Box<Answer> {
    Answer::message(StatusCode::BAD_REQUEST, message).into()
}

fn limit(knobs: &Knobs, query: &[(String, String)]) -> Result<usize, Box<Answer>> {
    let Some(text) = form::value(query, "limit") else {
        return Ok(knobs.default_limit);
    };
    match text.parse::<usize>() {
        Ok(limit) if limit > 0 => Ok(limit.min(knobs.max_limit)),
        _ => Err(bad_request("limit is not a positive whole number")),
    }
}

fn offset(state: &State, query: &[(String, String)]) -> Result<usize, Box<Answer>> {
    let Some(text) = form::value(query, "offset") else {
        return Ok(0);
    };
    let known = match state.knobs.offset_style {
        OffsetStyle::Numeric => text.parse().ok(),
        OffsetStyle::RandomToken => state.offsets.get(text).copied(),
    };
    known.ok_or_else(|| bad_request("offset is not valid"))
}

fn wanted(state: &State, query: &[(String, String)], holder: &Holder) -> Result<Wanted, Box<Answer>> {
    let own = holder.login.clone().unwrap_or_default();
    let owner = match form::value(query, "user") {
        None => Some(own),
        Some(login) if login == own => Some(own),
        Some(_) if !state.knobs.has_all_role => match state.knobs.all_refusal {
            AllRefusal::Own => Some(own),
            AllRefusal::Forbidden => {
                let message = "Forbidden Request: the role for other users' reports is missing";
                return Err(api::error(state, StatusCode::FORBIDDEN, message).into());
            }
        },
        Some("ALL") => None,
        Some(login) => Some(login.to_owned()),
    };
    let texts = TEXTS
        .iter()
        .filter_map(|(name, field)| {
            let list = form::value(query, name)?
                .split(',')
                .map(|code| code.trim().to_owned())
                .collect();
            Some((*field, list))
        })
        .collect();
    Ok(Wanted {
        owner,
        dates: date_bounds(&state.knobs, query)?,
        texts,
    })
}

fn date_bounds(knobs: &Knobs, query: &[(String, String)]) -> Result<Vec<DateBound>, Box<Answer>> {
    let zone: TimeZone = knobs.time_zone();
    let suffix_accepted = knobs.zone_suffix == ZoneSuffix::Accepted;
    let mut bounds = Vec::new();
    for (pair, field) in DATE_PAIRS {
        for (after, end) in [(true, "After"), (false, "Before")] {
            let name = format!("{pair}{end}");
            let Some(text) = form::value(query, &name) else {
                continue;
            };
            let value = dates::parse_filter(text, &zone, suffix_accepted).ok_or_else(|| {
                bad_request(&format!(
                    "{name} is not a valid date: use yyyy-MM-dd or yyyy-MM-ddTHH:mm:ss.SSS"
                ))
            })?;
            if !field.is_empty() {
                let value = dates::coarsen(value, knobs.filter_rounding, &zone);
                bounds.push(DateBound { field, after, value });
            }
        }
    }
    Ok(bounds)
}

fn matches(item: &Shown<'_>, wanted: &Wanted, filter: Filter) -> bool {
    let owner = record::text_field(item.version, "OwnerLoginID");
    wanted.owner.as_ref().is_none_or(|login| owner == Some(login))
        && wanted
            .dates
            .iter()
            .all(|bound| within(item.version, bound, filter))
        && wanted.texts.iter().all(|(field, list)| {
            record::text_field(item.version, field).is_some_and(|text| list.iter().any(|code| code == text))
        })
}

fn within(version: &Version, bound: &DateBound, filter: Filter) -> bool {
    let date = match bound.field {
        "LastModifiedDate" => Some(version.modified),
        "CreateDate" => Some(version.created),
        field => record::date_field(version, field),
    };
    date.is_some_and(|date| {
        (filter == Filter::Inclusive && date == bound.value)
            || if bound.after {
                date > bound.value
            } else {
                date < bound.value
            }
    })
}

/// The complete URI of the next page: the query as it came, with another offset.
fn next_page(state: &mut State, asked: &Asked, base: &str, offset: usize) -> String {
    let offset = match state.knobs.offset_style {
        OffsetStyle::Numeric => offset.to_string(),
        OffsetStyle::RandomToken => {
            let token = state.random.report_id().to_lowercase();
            state.offsets.insert(token.clone(), offset);
            token
        }
    };
    let host = match state.knobs.next_page_host {
        NextPageHost::Own => base,
        NextPageHost::Foreign => &state.knobs.foreign_host,
    };
    let kept = asked
        .query
        .split('&')
        .filter(|part| !part.is_empty() && part.split('=').next() != Some("offset"));
    let query: Vec<&str> = kept.collect();
    let separator = if query.is_empty() { "" } else { "&" };
    format!(
        "{host}{}?{}{separator}offset={offset}",
        asked.path,
        query.join("&")
    )
}
