//! Everything the sandbox remembers, and what commands do to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::access::{Access, Holder};
use crate::asked::Asked;
use crate::clock::{Clock, add_ms};
use crate::command::{At, Command, CommandError, Edit, PlannedFault};
use crate::fault::{Plan, Target};
use crate::kind::{self, Style};
use crate::knobs::Knobs;
use crate::listing;
use crate::log::Logged;
use crate::options::Options;
use crate::random::Random;
use crate::receiver::Received;
use crate::resource::Resource;
use crate::store::{Now, Records};

/// What the sandbox keeps for each of its endpoints.
#[derive(Default)]
pub(crate) struct Endpoint {
    pub(crate) requests: u64,
    pub(crate) faults: Plan,
    pub(crate) triggers: Vec<At>,
}

/// What came to an endpoint, and what waits there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests so far.
    pub requests: u64,
    /// Requests that will still meet a fault.
    pub faults_pending: u64,
    /// `at` commands whose request has not come yet.
    pub triggers_pending: usize,
}

pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) knobs: Knobs,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) access: Access,
    records: BTreeMap<Resource, Records>,
    pub(crate) offsets: HashMap<String, usize>,
    pub(crate) listings: u64,
    pub(crate) geolocation: String,
    pub(crate) refused_hosts: BTreeSet<String>,
    pub(crate) endpoints: BTreeMap<Target, Endpoint>,
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
            records: Resource::of_api()
                .map(|resource| (resource.clone(), Records::new(resource)))
                .collect(),
            offsets: HashMap::new(),
            listings: 0,
            geolocation: base(&options.geolocation),
            refused_hosts: BTreeSet::new(),
            endpoints: BTreeMap::new(),
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
            company: false,
        };
        self.access.accept_refresh(token, holder, self.clock.steady());
    }

    pub(crate) fn endpoint(&mut self, target: Target) -> &mut Endpoint {
        self.endpoints.entry(target).or_default()
    }

    pub(crate) fn traffic(&self, target: Target) -> Traffic {
        let endpoint = self.endpoints.get(&target);
        endpoint.map_or(Traffic::default(), |endpoint| Traffic {
            requests: endpoint.requests,
            faults_pending: endpoint.faults.pending(),
            triggers_pending: endpoint.triggers.len(),
        })
    }

    /// The records of a resource; none of a collection that no command made.
    pub(crate) fn records(&self, resource: &Resource) -> Option<&Records> {
        self.records.get(resource)
    }

    pub(crate) fn all_records(&self) -> impl Iterator<Item = (&Resource, &Records)> {
        self.records.iter()
    }

    /// How records are printed now.
    pub(crate) fn style<'a>(&'a self, asked: &'a Asked, single: bool) -> Style<'a> {
        Style {
            knobs: &self.knobs,
            zone: self.knobs.time_zone(),
            base: self.base_url(asked),
            query: &asked.query,
            single,
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
        match command {
            Command::On { resource, command } => return self.apply_to(resource, *command),
            Command::Seed(_)
            | Command::Create(_)
            | Command::Edit(_)
            | Command::EditEntry { .. }
            | Command::Delete { .. }
            | Command::DeleteListed { .. }
            | Command::EditListed { .. }
            | Command::RawItem { .. }
            | Command::ClearRawItems
            | Command::Show { .. } => return self.apply_to(Resource::Reports, command),
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
                .values_mut()
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

    /// Carries out a command about records.
    fn apply_to(&mut self, resource: Resource, command: Command) -> Result<Value, CommandError> {
        let now = self.both_clocks();
        match command {
            Command::DeleteListed { index } => {
                let id = self.listed(&resource, index)?;
                self.records_mut(&resource)?.delete(&id, now)?;
                return Ok(json!({ "id": id }));
            }
            Command::EditListed { index, modified } => {
                let id = self.listed(&resource, index)?;
                let edit = Edit {
                    id: id.clone(),
                    modified,
                    ..Edit::default()
                };
                self.records_mut(&resource)?.edit(&edit, now)?;
                return Ok(json!({ "id": id }));
            }
            Command::Show { id } => return Ok(self.show(&resource, &id)),
            Command::Edit(edit) => self.records_mut(&resource)?.edit(&edit, now)?,
            Command::EditEntry { id } => self.edit_entry(&resource, id, now)?,
            Command::Delete { id } => self.records_mut(&resource)?.delete(&id, now)?,
            Command::ClearRawItems => self.records_mut(&resource)?.raw.clear(),
            Command::RawItem { value } => self.make(resource).0.raw.push(value),
            Command::Seed(seed) => {
                let owner = self.options.owner_login.clone();
                let (records, random) = self.make(resource);
                let ids = records.seed(&seed, now, &owner, random)?;
                return Ok(json!({ "ids": ids }));
            }
            Command::Create(create) => {
                let owner = self.options.owner_login.clone();
                let (records, random) = self.make(resource);
                let id = records.create(&create, now, &owner, random)?;
                return Ok(json!({ "id": id }));
            }
            _ => {
                let message = "resource has no meaning for this command, leave it away";
                return Err(CommandError::Invalid(message.into()));
            }
        }
        Ok(json!({}))
    }

    /// The records of a resource, made now if it is a new collection.
    fn make(&mut self, resource: Resource) -> (&mut Records, &mut Random) {
        let records = self
            .records
            .entry(resource.clone())
            .or_insert_with(|| Records::new(resource));
        (records, &mut self.random)
    }

    fn records_mut(&mut self, resource: &Resource) -> Result<&mut Records, CommandError> {
        self.records
            .get_mut(resource)
            .ok_or_else(|| CommandError::UnknownCollection(resource.clone()))
    }

    /// The header's fields stay; only the knob makes the edit visible at all.
    fn edit_entry(&mut self, resource: &Resource, id: String, now: Now) -> Result<(), CommandError> {
        let bumps = self.knobs.entry_edit_bumps;
        let records = self.records_mut(resource)?;
        if bumps {
            let edit = Edit {
                id,
                ..Edit::default()
            };
            return records.edit(&edit, now);
        }
        if records.by_id.contains_key(&id) {
            Ok(())
        } else {
            Err(CommandError::UnknownRecord(id))
        }
    }

    fn show(&self, resource: &Resource, id: &str) -> Value {
        let style = Style {
            knobs: &self.knobs,
            zone: self.knobs.time_zone(),
            base: self.geolocation.clone(),
            query: "",
            single: false,
        };
        self.records(resource)
            .and_then(|records| records.by_id.get(id)?.visible(id, self.clock.steady()))
            .map_or(Value::Null, |shown| kind::print(resource, &shown, &style))
    }

    fn listed(&self, resource: &Resource, index: usize) -> Result<String, CommandError> {
        let records = self
            .records(resource)
            .ok_or_else(|| CommandError::UnknownCollection(resource.clone()))?;
        let mut shown = records.shown(self.clock.steady());
        listing::order(&mut shown, self.knobs.order, self.options.seed, self.listings);
        let length = shown.len();
        shown
            .get(index)
            .map(|item| item.id.to_owned())
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
        let endpoint = |target: Target| {
            let traffic = self.traffic(target);
            json!({
                "requests": traffic.requests,
                "faultsPending": traffic.faults_pending,
                "triggersPending": traffic.triggers_pending,
            })
        };
        let steady = self.clock.steady();
        let records = |records: &Records| {
            json!({
                "records": records.by_id.len(),
                "listed": records.shown(steady).len(),
                "rawItems": records.raw.len(),
            })
        };
        let reports = self.records.get(&Resource::Reports);
        json!({
            "now": self.now(),
            "reports": reports.map(|reports| reports.by_id.len()),
            "listed": reports.map(|reports| reports.shown(steady).len()),
            "rawItems": reports.map(|reports| reports.raw.len()),
            "resources": self
                .records
                .iter()
                .map(|(resource, all)| (resource.to_string(), records(all)))
                .collect::<Map<_, _>>(),
            "geolocation": self.geolocation,
            "locked": self.access.locked,
            "token": endpoint(Target::Token),
            "authorize": endpoint(Target::Authorize),
            "reportsApi": endpoint(Target::Reports),
            "entriesApi": endpoint(Target::Entries),
            "allocationsApi": endpoint(Target::Allocations),
            "invoicesApi": endpoint(Target::Invoices),
            "requestsApi": endpoint(Target::Requests),
            "listsApi": endpoint(Target::Lists),
            "usersApi": endpoint(Target::Users),
            "hub": endpoint(Target::Hub),
            "receiver": endpoint(Target::Receiver),
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
