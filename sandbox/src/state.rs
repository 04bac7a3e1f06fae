//! Everything the sandbox remembers, and what commands do to it.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::access::{Access, Holder};
use crate::asked::Asked;
use crate::clock::{Clock, add_ms};
use crate::command::{At, Command, CommandError, Edit, PlannedFault};
use crate::fault::{Plan, Target};
use crate::knobs::Knobs;
use crate::listing;
use crate::log::Logged;
use crate::options::Options;
use crate::random::Random;
use crate::receiver::Received;
use crate::record;
use crate::reports::{Now, Reports};

/// What the sandbox keeps for each of its endpoints.
#[derive(Default)]
pub(crate) struct Endpoint {
    pub(crate) requests: u64,
    pub(crate) faults: Plan,
    pub(crate) triggers: Vec<At>,
}

pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) knobs: Knobs,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) access: Access,
    pub(crate) reports: Reports,
    pub(crate) raw_items: Vec<Value>,
    pub(crate) offsets: HashMap<String, usize>,
    pub(crate) listings: u64,
    pub(crate) geolocation: String,
    pub(crate) refused_hosts: BTreeSet<String>,
    pub(crate) endpoints: [Endpoint; 3],
    pub(crate) log: Vec<Logged>,
    pub(crate) received: Vec<Received>,
    pub(crate) numbers: u64,
    /// Commands of `at` that failed when their time came.
    pub(crate) command_errors: Vec<String>,
}

impl State {
    pub(crate) fn new(options: Options) -> State {
        let mut state = State {
            knobs: options.knobs.clone(),
            clock: Clock::new(options.start.unwrap_or_else(Timestamp::now)),
            random: Random::new(options.seed),
            access: Access::default(),
            reports: Reports::default(),
            raw_items: Vec::new(),
            offsets: HashMap::new(),
            listings: 0,
            geolocation: base(&options.geolocation),
            refused_hosts: BTreeSet::new(),
            endpoints: Default::default(),
            log: Vec::new(),
            received: Vec::new(),
            numbers: 0,
            command_errors: Vec::new(),
            options,
        };
        state.accept_refresh(state.options.refresh_token.clone());
        state
    }

    /// The vendor's database clock.
    pub(crate) fn now(&self) -> Timestamp {
        add_ms(self.clock.steady(), self.knobs.clock_skew_ms)
    }

    fn both_clocks(&self) -> Now {
        Now {
            steady: self.clock.steady(),
            vendor: self.now(),
        }
    }

    fn accept_refresh(&mut self, token: String) {
        let holder = Holder {
            login: Some(self.options.owner_login.clone()),
            scope: self.options.scope.clone(),
        };
        self.access.accept_refresh(token, holder, self.clock.steady());
    }

    pub(crate) fn endpoint(&mut self, target: Target) -> &mut Endpoint {
        let [token, reports, receiver] = &mut self.endpoints;
        match target {
            Target::Token => token,
            Target::Reports => reports,
            Target::Receiver => receiver,
        }
    }

    /// Scheme and host under which the client reached the API.
    pub(crate) fn base_url(&self, asked: &Asked) -> String {
        let Some(host) = &asked.host else {
            return self.geolocation.clone();
        };
        let local = ["127.", "localhost", "[::1]"]
            .iter()
            .any(|start| host.starts_with(start));
        let scheme = match self.geolocation.split_once("://") {
            Some((scheme, known)) if known.eq_ignore_ascii_case(host) => scheme,
            _ if local => "http",
            _ => "https",
        };
        format!("{scheme}://{host}")
    }

    /// Moves the API: requests to the old host are refused from now on.
    fn move_geolocation(&mut self, url: &str) {
        self.refused_hosts.insert(host(&self.geolocation));
        self.geolocation = base(url);
        self.refused_hosts.remove(&host(&self.geolocation));
    }

    pub(crate) fn apply(&mut self, command: Command) -> Result<Value, CommandError> {
        let now = self.both_clocks();
        match command {
            Command::Seed(seed) => {
                let owner = &self.options.owner_login;
                let ids = self.reports.seed(&seed, now, owner, &mut self.random)?;
                return Ok(json!({ "ids": ids }));
            }
            Command::Create(create) => {
                let owner = &self.options.owner_login;
                let id = self.reports.create(&create, now, owner, &mut self.random)?;
                return Ok(json!({ "id": id }));
            }
            Command::Edit(edit) => self.reports.edit(&edit, now)?,
            Command::EditEntry { id } => self.edit_entry(id, now)?,
            Command::Show { id } => return Ok(self.show(&id)),
            Command::Delete { id } => self.reports.delete(&id)?,
            Command::DeleteListed { index } => {
                let id = self.listed(index)?;
                self.reports.delete(&id)?;
                return Ok(json!({ "id": id }));
            }
            Command::EditListed { index, modified } => {
                let id = self.listed(index)?;
                self.reports.edit(
                    &Edit {
                        id: id.clone(),
                        modified,
                        ..Edit::default()
                    },
                    now,
                )?;
                return Ok(json!({ "id": id }));
            }
            Command::RawItem { value } => self.raw_items.push(value),
            Command::ClearRawItems => self.raw_items.clear(),
            Command::Configure { knobs } => {
                self.knobs = self.knobs.merged(&knobs).map_err(CommandError::Invalid)?;
            }
            Command::Fault(PlannedFault {
                target,
                fault,
                times,
                after,
            }) => {
                fault.check(target).map_err(CommandError::Invalid)?;
                self.endpoint(target).faults.push(fault, times, after);
            }
            Command::ClearFaults => self
                .endpoints
                .iter_mut()
                .for_each(|endpoint| endpoint.faults.clear()),
            Command::At(at) => {
                if at.request == 0 {
                    let message = "at: request counts from 1, the next request to the target";
                    return Err(CommandError::Invalid(message.into()));
                }
                self.endpoint(at.target).triggers.push(at);
            }
            Command::Advance { ms } => self.clock.advance(ms),
            Command::RevokeTokens { refresh } => {
                self.access.revoke_access();
                if refresh {
                    self.access.revoke_refresh();
                }
            }
            Command::LockAccount => self.access.locked = true,
            Command::UnlockAccount => self.access.unlock(),
            Command::SetRefreshToken { value } => {
                self.access.revoke_refresh();
                self.accept_refresh(value);
            }
            Command::MoveGeolocation { url } => {
                if !url.contains("://") {
                    let message = format!("move-geolocation: url {url:?} has no scheme, give http(s)://host");
                    return Err(CommandError::Invalid(message));
                }
                self.move_geolocation(&url);
            }
            Command::ClearReceived => self.received.clear(),
            Command::ClearLog => self.log.clear(),
        }
        Ok(json!({}))
    }

    /// The header's fields stay; only the knob makes the edit visible at all.
    fn edit_entry(&mut self, id: String, now: Now) -> Result<(), CommandError> {
        if self.knobs.entry_edit_bumps {
            return self.reports.edit(
                &Edit {
                    id,
                    ..Edit::default()
                },
                now,
            );
        }
        if self.reports.by_id.contains_key(&id) {
            Ok(())
        } else {
            Err(CommandError::UnknownReport(id))
        }
    }

    fn show(&self, id: &str) -> Value {
        let found = self.reports.by_id.get(id).and_then(|report| {
            let version = report.visible(self.clock.steady())?;
            Some(record::print(
                id,
                report,
                version,
                &self.knobs.time_zone(),
                &self.geolocation,
                "",
            ))
        });
        found.unwrap_or(Value::Null)
    }

    fn listed(&self, index: usize) -> Result<String, CommandError> {
        let mut shown = listing::shown(&self.reports, self.clock.steady());
        listing::order(&mut shown, self.knobs.order, self.options.seed, self.listings);
        let length = shown.len();
        shown
            .get(index)
            .map(|item| item.id.clone())
            .ok_or(CommandError::OutsideListing { index, length })
    }

    /// Runs commands whose time came; nobody waits for their result, so errors are kept for `/control/state`.
    pub(crate) fn run(&mut self, commands: Vec<Command>) {
        for command in commands {
            if let Err(error) = self.apply(command) {
                tracing::warn!(%error, "command of an at trigger failed");
                self.command_errors.push(error.to_string());
            }
        }
    }

    /// As `GET /control/state` prints it.
    pub(crate) fn to_json(&self) -> Value {
        let [token, reports, receiver] = &self.endpoints;
        let endpoint = |endpoint: &Endpoint| {
            json!({
                "requests": endpoint.requests,
                "faultsPending": endpoint.faults.pending(),
                "triggersPending": endpoint.triggers.len(),
            })
        };
        json!({
            "now": self.now(),
            "reports": self.reports.by_id.len(),
            "listed": listing::shown(&self.reports, self.clock.steady()).len(),
            "rawItems": self.raw_items.len(),
            "geolocation": self.geolocation,
            "locked": self.access.locked,
            "token": endpoint(token),
            "reportsApi": endpoint(reports),
            "receiver": endpoint(receiver),
            "received": self.received.len(),
            "accepted": self.received.iter().filter(|received| received.accepted).count(),
            "commandErrors": self.command_errors,
            "knobs": self.knobs,
        })
    }
}

pub(crate) fn base(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_ascii_lowercase()
}
