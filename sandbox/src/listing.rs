//! Listings of any resource: filters, order and the cut of a page.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use crate::access::Holder;
use crate::answer::Answer;
use crate::asked::Asked;
use crate::ceql::Where;
use crate::kind::{self, DateOf, FilterDate, Kind, Style, Whose};
use crate::knobs::{AllRefusal, Filter, FilterRounding, Knobs, Order, ZoneSuffix};
use crate::paging::Position;
use crate::random::rank;
use crate::resource::Resource;
use crate::state::State;
use crate::store::{Shown, Version};
use crate::{dates, form, paging, problem};

struct DateBound {
    of: DateOf,
    after: bool,
    value: Timestamp,
}

/// What a listing is asked for.
#[derive(Default)]
pub(crate) struct Wanted {
    /// Who owns the records, in the owner's own form.
    owner: Option<Owner>,
    dates: Vec<DateBound>,
    texts: Vec<(&'static str, Vec<String>)>,
    /// The hub's condition on the printed record.
    condition: Where,
}

impl Wanted {
    /// The same, and a condition on the printed record.
    pub(crate) fn and(self, condition: Where) -> Wanted {
        Wanted { condition, ..self }
    }
}

enum Owner {
    Login(String),
    /// An id of the identity service.
    User(String),
}

/// The records of one page.
pub(crate) struct Page {
    pub(crate) items: Vec<Value>,
    pub(crate) position: Position,
    pub(crate) total: usize,
}

impl Page {
    /// Where the next page begins, if there is one.
    pub(crate) fn next(&self, overlap: usize) -> Option<usize> {
        let end = self.position.offset.saturating_add(self.items.len());
        let more = end < self.total && !self.items.is_empty();
        more.then(|| end - overlap.min(self.items.len().saturating_sub(1)))
    }
}

pub(crate) fn list(
    state: &mut State,
    asked: &Asked,
    kind: &Kind,
    holder: &Holder,
) -> Result<Value, Box<Answer>> {
    let query = form::pairs(&asked.query);
    let wanted = wanted(state, asked, kind, &query, holder)?;
    let position = paging::position(state, asked, kind, &query)?;
    let page = page(state, asked, &kind.resource, &wanted, position);
    Ok(paging::body(state, asked, kind, page))
}

/// Filters, orders and cuts the records of a resource as they are now.
pub(crate) fn page(
    state: &mut State,
    asked: &Asked,
    resource: &Resource,
    wanted: &Wanted,
    position: Position,
) -> Page {
    state.listings += 1;
    let style = state.style(asked, false);
    let records = state.records(resource);
    let mut shown = records.map_or_else(Vec::new, |records| records.shown(state.clock.steady()));
    shown.retain(|item| matches(resource, item, wanted, &style));
    order(&mut shown, state.knobs.order, state.options.seed, state.listings);
    let raw = records.map_or_else(Default::default, |records| records.raw.as_slice());
    let items = shown
        .iter()
        .map(|item| (Some(item), &Value::Null))
        .chain(raw.iter().map(|raw| (None, raw)))
        .skip(position.offset)
        .take(position.limit)
        .map(|(item, raw)| item.map_or_else(|| raw.clone(), |item| kind::print(resource, item, &style)))
        .collect();
    Page {
        items,
        position,
        total: shown.len() + raw.len(),
    }
}

pub(crate) fn order(shown: &mut [Shown<'_>], order: Order, seed: u64, listings: u64) {
    match order {
        Order::Id => {}
        Order::Created => shown.sort_by_key(|item| (item.version.created, item.serial)),
        Order::ModifiedAsc => shown.sort_by_key(|item| (item.version.modified, item.serial)),
        Order::ModifiedDesc => {
            shown.sort_by_key(|item| std::cmp::Reverse((item.version.modified, item.serial)));
        }
        Order::Random => shown.sort_by_cached_key(|item| rank(seed, item.id)),
        Order::Unstable => {
            let salt = seed.wrapping_add(listings.wrapping_mul(0x9E37_79B9));
            shown.sort_by_cached_key(|item| rank(salt, item.id));
        }
    }
}

/// Reads the filters of a query.
pub(crate) fn wanted(
    state: &State,
    asked: &Asked,
    kind: &Kind,
    query: &[(String, String)],
    holder: &Holder,
) -> Result<Wanted, Box<Answer>> {
    let texts = kind
        .texts
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
        owner: owner(state, asked, kind, query, holder)?,
        dates: date_bounds(state, asked, kind, query)?,
        texts,
        condition: Where::default(),
    })
}

fn owner(
    state: &State,
    asked: &Asked,
    kind: &Kind,
    query: &[(String, String)],
    holder: &Holder,
) -> Result<Option<Owner>, Box<Answer>> {
    let own = holder.login.clone().unwrap_or_default();
    let forbidden =
        |message: &str| problem::answer(state, asked, kind.dialect, StatusCode::FORBIDDEN, message).into();
    match kind.whose {
        Whose::Company => Ok(None),
        Whose::UserId => match form::value(query, "userId") {
            None if holder.company => Err(problem::bad_query(
                state,
                asked,
                kind.dialect,
                "missingRequiredParam: userId is required with a company token",
            )),
            None => Ok(Some(Owner::Login(own))),
            Some(id) if id == kind::user_id(&own) || state.knobs.has_all_role => {
                Ok(Some(Owner::User(id.to_owned())))
            }
            Some(_) => Err(forbidden("the role for other users' requests is missing")),
        },
        Whose::User => match form::value(query, "user") {
            None => Ok(Some(Owner::Login(own))),
            Some(login) if login == own => Ok(Some(Owner::Login(own))),
            Some(_) if !state.knobs.has_all_role => match state.knobs.all_refusal {
                AllRefusal::Own => Ok(Some(Owner::Login(own))),
                AllRefusal::Forbidden => Err(forbidden(
                    "Forbidden Request: the role for other users' reports is missing",
                )),
            },
            Some("ALL") => Ok(None),
            Some(login) => Ok(Some(Owner::Login(login.to_owned()))),
        },
    }
}

fn date_bounds(
    state: &State,
    asked: &Asked,
    kind: &Kind,
    query: &[(String, String)],
) -> Result<Vec<DateBound>, Box<Answer>> {
    let zone = state.knobs.time_zone();
    let suffix_accepted = state.knobs.zone_suffix == ZoneSuffix::Accepted;
    let mut bounds = Vec::new();
    for (pair, of) in kind.dates {
        for (after, end) in [(true, "After"), (false, "Before")] {
            let name = format!("{pair}{end}");
            let Some(text) = form::value(query, &name) else {
                continue;
            };
            let (value, formats) = match kind.filter_date {
                FilterDate::V3 => (
                    dates::parse_filter(text, &zone, suffix_accepted)
                        .map(|value| dates::coarsen(value, state.knobs.filter_rounding, &zone)),
                    "yyyy-MM-dd or yyyy-MM-ddTHH:mm:ss.SSS",
                ),
                FilterDate::Day => (dates::parse_day(text, &zone), "yyyy-MM-dd"),
                FilterDate::Zulu => (dates::parse_zulu(text), "yyyy-MM-dd or yyyy-MM-ddTHH:mm:ssZ"),
            };
            let value = value.ok_or_else(|| {
                let message = format!("{name} is not a valid date: use {formats}");
                problem::bad_query(state, asked, kind.dialect, &message)
            })?;
            if !matches!(of, DateOf::Nothing) {
                bounds.push(DateBound {
                    of: *of,
                    after,
                    value,
                });
            }
        }
    }
    Ok(bounds)
}

fn matches(resource: &Resource, item: &Shown<'_>, wanted: &Wanted, style: &Style<'_>) -> bool {
    if let Some(kind) = kind::of(resource) {
        let owner = kind::owner(kind, item.version);
        let owned = match &wanted.owner {
            None => true,
            Some(Owner::Login(login)) => owner == Some(login),
            Some(Owner::User(id)) => owner.is_some_and(|login| kind::user_id(login) == *id),
        };
        if !owned
            || !wanted
                .dates
                .iter()
                .all(|bound| within(kind, item.version, bound, style))
        {
            return false;
        }
    }
    if wanted.texts.is_empty() && wanted.condition.is_empty() {
        return true;
    }
    let record = kind::print(resource, item, style);
    let has = |field: &str, list: &[String]| {
        let text = match record.get(field) {
            None | Some(Value::Null) => return false,
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        list.contains(&text)
    };
    wanted.texts.iter().all(|(field, list)| has(field, list))
        && wanted.condition.matches(&record, &style.zone)
}

fn within(kind: &Kind, version: &Version, bound: &DateBound, style: &Style<'_>) -> bool {
    let Some(date) = bound.of.read(version) else {
        return false;
    };
    let Knobs {
        filter, day_filter, ..
    } = style.knobs;
    let (date, filter) = if kind.filter_date == FilterDate::Day {
        (dates::coarsen(date, FilterRounding::Day, &style.zone), day_filter)
    } else {
        (date, filter)
    };
    (*filter == Filter::Inclusive && date == bound.value)
        || if bound.after {
            date > bound.value
        } else {
            date < bound.value
        }
}
