//! Hosts, one host, and agents.

use askama::Template;
use serde::Deserialize;

use super::{Drawn, Paging, Range, VERSION, part};
use crate::api::v1::{self, AgentState, ControlHead, Freshness, HostRow, HostStatus, VerdictWord};
use crate::locale::Lang;
use crate::web::Web;
use crate::web::fact::{self, Cell, Group};
use crate::web::show::{Page, Place};

/// Longest text by which the list of hosts is narrowed.
const QUERY_MAX: usize = 64;
/// Hosts taken out of the count that are listed beneath the others.
const RETIRED_MAX: usize = 50;

/// Which hosts are asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct HostsQuery {
    #[serde(deserialize_with = "filter")]
    show: Filter,
    q: String,
    page: String,
}

/// Which hosts are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Filter {
    #[default]
    All,
    Attention,
    Silent,
    NotEnrolled,
}

impl Filter {
    const ALL: [(Self, &'static str); 4] = [
        (Self::All, "hosts-filter-all"),
        (Self::Attention, "hosts-filter-attention"),
        (Self::Silent, "hosts-filter-silent"),
        (Self::NotEnrolled, "hosts-filter-not_enrolled"),
    ];

    fn code(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Attention => "attention",
            Self::Silent => "silent",
            Self::NotEnrolled => "not_enrolled",
        }
    }

    fn takes(self, host: &HostRow) -> bool {
        let open = |word: VerdictWord| match word {
            VerdictWord::Fail | VerdictWord::Unknown => true,
            VerdictWord::Pass | VerdictWord::Partial | VerdictWord::NotApplicable => false,
        };
        match self {
            Self::All => true,
            Self::Attention => host.verdicts.values().any(|cell| open(cell.verdict)),
            Self::Silent => host.status == HostStatus::Silent,
            Self::NotEnrolled => host.status == HostStatus::NotEnrolled,
        }
    }
}

/// What is no filter is none.
fn filter<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Filter, D::Error> {
    let code = String::deserialize(from)?;
    Ok(Filter::ALL.iter().map(|(filter, _)| *filter).find(|filter| filter.code() == code).unwrap_or_default())
}

impl HostsQuery {
    fn takes(&self, host: &HostRow) -> bool {
        self.show.takes(host) && (self.q.is_empty() || host.name.to_lowercase().contains(&self.q.to_lowercase()))
    }

    fn address(&self, p: &Page, page: &usize) -> String {
        format!("/hosts?show={}&q={}&page={page}", self.show.code(), p.seg(&self.q))
    }
}

#[derive(Template)]
#[template(path = "hosts.html")]
struct Hosts<'a> {
    p: &'a Page,
    query: HostsQuery,
    controls: &'a [ControlHead],
    hosts: &'a [&'a HostRow],
    range: Range,
    all: usize,
    retired: &'a [v1::RetiredHost],
}

pub(super) fn hosts(web: &Web, page: &Page, mut query: HostsQuery) -> Result<String, askama::Error> {
    query.q = query.q.trim().chars().take(QUERY_MAX).collect();
    let all = web.inner.setup.views.hosts();
    let wanted: Vec<&HostRow> = all.hosts.iter().filter(|host| query.takes(host)).collect();
    let (hosts, range) = part(&wanted, &query.page);
    let retired = all.retired.get(..RETIRED_MAX).unwrap_or(&all.retired);
    Hosts { p: page, controls: &all.controls, hosts, range, all: all.hosts.len(), retired, query }.render()
}

#[derive(Template)]
#[template(path = "host.html")]
struct Host<'a> {
    p: &'a Page,
    h: &'a v1::Host,
    groups: Vec<Group>,
}

pub(super) fn host(web: &Web, page: &Page, id: &str) -> Drawn {
    let host = web.inner.setup.views.host(id.parse().ok()?)?;
    Some(Host { p: page, groups: fact::groups(page, &host), h: &host }.render())
}

#[derive(Template)]
#[template(path = "agents.html")]
struct Agents<'a> {
    p: &'a Page,
    agents: &'a [v1::Agent],
    range: Range,
}

pub(super) fn agents(web: &Web, page: &Page, query: &Paging) -> Result<String, askama::Error> {
    let all = web.inner.setup.views.agents();
    let (agents, range) = part(&all.agents, &query.page);
    Agents { p: page, agents, range }.render()
}
