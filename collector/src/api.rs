//! API version 1: one set of types and one set of acts for programs, the command line and the pages.
//!
//! Views (`view/*`) fill the types of [`v1`]; the control socket sends them as JSON, the commands print them
//! as text or as the same JSON, and the pages render nothing else. So two ways of looking never differ on a
//! number. What changes something is in `act`; it names its principal and is durable when it returns.

use jiff::tz::TimeZone;
use tenken_proto::Timestamp;
use tenken_proto::ident::HostId;

use crate::engine::{Engine, State};
use crate::identity::desk::Desk;
use crate::view;
use crate::web::Links;
use crate::web::session::LINK_TTL_S;

pub mod act;
pub mod problem;
mod spoken;
pub mod v1;

pub use act::Caller;
pub use problem::Problem;
pub use spoken::{NotSpoken, TEXT_CHARS_MAX, spoken};

/// Everything that can be asked of a running collector; cheap to clone.
#[derive(Clone)]
pub struct Api {
    engine: Engine,
    desk: Desk,
    zone: TimeZone,
    enrol: String,
    links: Option<Links>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("enrol", &self.enrol).finish_non_exhaustive()
    }
}

impl Api {
    /// Joins the parts. `enrol` is the address at which agents are told to enrol, as HOST:PORT.
    #[must_use]
    pub fn new(engine: Engine, desk: Desk, zone: TimeZone, enrol: String) -> Self {
        Self { engine, desk, zone, enrol, links: None }
    }

    /// With the links that open the pages.
    #[must_use]
    pub fn with_links(mut self, links: Option<Links>) -> Self {
        self.links = links;
        self
    }

    /// A new link that opens the pages once.
    ///
    /// # Errors
    /// The pages are switched off, or the system gave no random bytes.
    pub fn page_link(&self) -> Result<v1::PageLink, Problem> {
        let links = self.links.as_ref().ok_or(Problem::NoPages)?;
        let link = links.new_link().map_err(|_| Problem::NoRandomness)?;
        Ok(v1::PageLink { link, ttl_s: LINK_TTL_S.unsigned_abs() })
    }

    /// The engine behind it.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The organisation's time zone: days end by it.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// What a person sees first.
    #[must_use]
    pub fn overview(&self) -> v1::Overview {
        let identities = self.desk.health();
        let mut overview = self.read(view::overview::overview);
        view::health::add_identities(&mut overview.health, &identities, self.now());
        overview
    }

    /// How the collector itself is.
    #[must_use]
    pub fn health(&self) -> v1::Health {
        let identities = self.desk.health();
        let mut health = self.read(view::health::health);
        view::health::add_identities(&mut health, &identities, self.now());
        health
    }

    /// The hosts.
    #[must_use]
    pub fn hosts(&self) -> v1::Hosts {
        self.read(view::hosts::hosts)
    }

    /// One host by its id; none when it is not known.
    #[must_use]
    pub fn host(&self, id: HostId) -> Option<v1::Host> {
        self.read(|state, now| view::host::host(state, id, now))
    }

    /// One host by its id or its name.
    ///
    /// # Errors
    /// There is none, or there are several of that name.
    pub fn host_named(&self, name: &str) -> Result<v1::Host, Problem> {
        let id = self.find_host(name)?;
        self.host(id).ok_or_else(|| Problem::NoHost(name.to_owned()))
    }

    /// Certificate identities.
    #[must_use]
    pub fn agents(&self) -> v1::Agents {
        self.read(view::agents::agents)
    }

    /// The checklists as their packs describe them.
    #[must_use]
    pub fn checklists(&self) -> Vec<v1::Checklist> {
        self.read(|state, _| view::answers::checklists(state))
    }

    /// The answers to a checklist.
    ///
    /// # Errors
    /// There is no such checklist.
    pub fn answers(&self, checklist: &str) -> Result<v1::Answers, Problem> {
        self.read(|state, now| view::answers::answers(state, checklist, now))
            .ok_or_else(|| Problem::NoChecklist(checklist.to_owned()))
    }

    /// Why an item or a control stands as it does, over all hosts or for one (by id or name).
    ///
    /// # Errors
    /// Nothing has that name.
    pub fn explain(&self, subject: &str, checklist: &str, host: Option<&str>) -> Result<v1::Explanation, Problem> {
        let host = host.map(|name| self.find_host(name)).transpose()?;
        Ok(self.read(|state, now| view::explain::explain(state, subject, checklist, host, now))?)
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> v1::Ledger {
        self.read(|state, _| view::ledger::ledger(state))
    }

    /// The risks.
    #[must_use]
    pub fn risks(&self) -> v1::Risks {
        self.read(|state, _| view::ledger::risks(state))
    }

    /// The packs in use.
    #[must_use]
    pub fn packs(&self) -> v1::Packs {
        self.read(|state, _| view::packs::packs(state))
    }

    fn find_host(&self, name: &str) -> Result<HostId, Problem> {
        let found = self.engine.read(|state| state.fleet.find_hosts(name));
        match found.as_slice() {
            [id] => Ok(*id),
            [] => Err(Problem::NoHost(name.to_owned())),
            several => Err(Problem::SeveralHosts { name: name.to_owned(), ids: several.to_vec() }),
        }
    }

    fn read<T>(&self, view: impl FnOnce(&State, Timestamp) -> T) -> T {
        let now = self.now();
        self.engine.read(|state| view(state, now))
    }

    fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }
}
