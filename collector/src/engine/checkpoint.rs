//! The stored state: what a start reads in place of the whole journal.
//!
//! A checkpoint is written in the same commit as the entries it follows. Rows of hosts and agents are written only
//! when they changed since the last one; facts are not written again, a row says which entry holds them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tenken_assess::Fleet;
use tenken_assess::fleet::{Checkpoint, GroupFacts, HostMemory, Moves};
use tenken_proto::convert::decode_body;
use tenken_proto::fact::GroupName;
use tenken_proto::ident::{AgentId, Digest, HostId};
use uuid::Uuid;

use super::marks::AgentMarks;
use super::state::{HeldGroup, HostGroups, State};
use super::{Setup, StartError};
use crate::identity::{Registry, What};
use crate::journal::{self, Chain, EntryNumber, Event, Signed};
use crate::store::{PAGE_ROWS_MAX, Partition, Table, Write};

/// Key of the checkpoint's head.
const HEAD: &[u8] = b"checkpoint";
/// Entries between two checkpoints; with more hosts and agents rarer, because a checkpoint costs more.
const ENTRIES_MIN: u64 = 2_000;
const ENTRIES_PER_ROW: u64 = 2;

/// What changed since the last checkpoint.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    pub(super) hosts: BTreeSet<HostId>,
    pub(super) agents: BTreeSet<AgentId>,
    pub(super) entries: u64,
}

impl Dirty {
    pub(super) fn note_moves(&mut self, moves: &Moves) {
        self.hosts.extend(moves.verdicts.iter().map(|moved| moved.host));
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "an event that is not named touches no host, a change every one"
    )]
    pub(super) fn note_event(&mut self, state: &State, event: &Event) {
        use tenken_assess::Change;
        match event {
            Event::Identity(event) => {
                let agent = match &event.what {
                    What::Bound { agent, from, .. } => {
                        self.hosts.insert(*from);
                        agent
                    }
                    What::Approved { agent, .. } | What::Revoked { agent, .. } | What::Retired { agent, .. } => agent,
                    _ => return,
                };
                self.hosts.extend(state.registry.agent(*agent).and_then(|agent| agent.host));
            }
            Event::Transition(change) | Event::Change(change) => match change {
                Change::Transition { host, .. }
                | Change::Revoked { host }
                | Change::Retired { host, .. }
                | Change::Facts { host, .. }
                | Change::Enrolled { host, .. } => drop(self.hosts.insert(*host)),
                // Whatever else changes may touch every host.
                _ => self.hosts.extend(state.fleet.hosts().into_iter().map(|host| host.id)),
            },
            Event::Report(_) | Event::Moved(_) => {}
        }
    }

    pub(super) fn is_due(&self, state: &State) -> bool {
        let rows = u64::try_from(state.groups.len() + state.agents.len()).unwrap_or(u64::MAX);
        self.entries >= ENTRIES_MIN.max(rows.saturating_mul(ENTRIES_PER_ROW))
    }
}

/// The head of a checkpoint.
#[derive(Serialize, Deserialize)]
struct Head {
    number: EntryNumber,
    /// The packs that were part of the program then: others may be now.
    built_in: Digest,
    fleet: Checkpoint,
    registry: Registry,
    silent: BTreeSet<HostId>,
    stale: BTreeSet<(HostId, GroupName)>,
}

/// What is kept of one host.
#[derive(Serialize, Deserialize)]
struct HostRow {
    memory: Option<HostMemory>,
    held: BTreeMap<GroupName, HeldGroup>,
}

/// The rows of a checkpoint of the state as it stands after an entry.
///
/// # Errors
/// Something has no JSON form; a defect.
pub(super) fn rows(
    setup: &Setup,
    state: &State,
    number: EntryNumber,
    dirty: &Dirty,
) -> Result<Vec<Write>, serde_json::Error> {
    let mut rows = Vec::with_capacity(dirty.hosts.len() + dirty.agents.len() + 1);
    for host in &dirty.hosts {
        let memory = state.fleet.host_memory(*host).map(|memory| HostMemory { groups: Vec::new(), ..memory });
        let held = state.groups.get(host).map(|groups| groups.held.clone()).unwrap_or_default();
        let gone = memory.is_none() && held.is_empty();
        let value = if gone { None } else { Some(serde_json::to_vec(&HostRow { memory, held })?) };
        rows.push(Write { table: Table::Hosts, key: host.0.as_bytes().to_vec(), value });
    }
    for agent in &dirty.agents {
        if let Some(marks) = state.agents.get(agent) {
            let value = Some(serde_json::to_vec(marks)?);
            rows.push(Write { table: Table::Agents, key: agent.0.as_bytes().to_vec(), value });
        }
    }
    let head = Head {
        number,
        built_in: setup.packs.hash(),
        fleet: state.fleet.checkpoint_without_hosts(),
        registry: state.registry.clone(),
        silent: state.silent.clone(),
        stale: state.stale.clone(),
    };
    rows.push(Write { table: Table::Meta, key: HEAD.to_vec(), value: Some(serde_json::to_vec(&head)?) });
    Ok(rows)
}

/// The state as it was kept last, and the chain's end there; none: no checkpoint was ever written.
///
/// # Errors
/// The store failed, or what is kept cannot be read.
pub(super) async fn restore(setup: &Setup, state: &mut State) -> Result<Option<Chain>, StartError> {
    let Some(head) = setup.store.get(setup.tenant, Table::Meta, HEAD.to_vec()).await? else { return Ok(None) };
    let head: Head = serde_json::from_slice(&head).map_err(|error| unreadable("checkpoint", &error))?;
    let mut fleet = head.fleet;
    if tenken_assess::PackSet::hash_of_files(&fleet.packs) == head.built_in {
        fleet.packs = setup.packs.files().to_vec();
    }
    for (key, value) in table(setup, Table::Agents).await? {
        let marks: AgentMarks = serde_json::from_slice(&value).map_err(|error| unreadable("agent", &error))?;
        state.agents.insert(AgentId(id(&key)?), marks);
    }
    for (key, value) in table(setup, Table::Hosts).await? {
        let row: HostRow = serde_json::from_slice(&value).map_err(|error| unreadable("host", &error))?;
        if let Some(memory) = row.memory {
            let groups = facts(setup, &row.held).await?;
            fleet.hosts.push(HostMemory { groups, ..memory });
        }
        if !row.held.is_empty() {
            state.groups.insert(HostId(id(&key)?), HostGroups { held: row.held });
        }
    }
    state.fleet = Fleet::restore(fleet)
        .map_err(|problems| StartError::Stored { what: "packs", problem: problems.to_string() })?;
    (state.registry, state.silent, state.stale) = (head.registry, head.silent, head.stale);
    let entry = journal::get(&*setup.store, setup.tenant, Partition::WHOLE, head.number).await?;
    let entry = entry.ok_or_else(|| missing(head.number))?;
    Ok(Some(journal::chain_at(setup.tenant, Partition::WHOLE, &entry)))
}

/// The facts of one host, from the entries that hold them.
async fn facts(setup: &Setup, held: &BTreeMap<GroupName, HeldGroup>) -> Result<Vec<GroupFacts>, StartError> {
    let mut reports = BTreeMap::new();
    let mut groups = Vec::with_capacity(held.len());
    for (name, group) in held {
        let kept = match reports.entry(group.entry) {
            Entry::Occupied(kept) => kept.into_mut(),
            Entry::Vacant(place) => place.insert(report(setup, group.entry).await?),
        };
        let found = kept.iter().find(|found| found.name == *name);
        let Some(found) = found else { return Err(missing(group.entry)) };
        let record = decode_body(&found.body)
            .map_err(|error| StartError::Entry { number: group.entry, problem: error.to_string() })?;
        groups.push(GroupFacts {
            name: name.clone(),
            schema_version: found.schema_version,
            record,
            observed_at: group.observed_at,
        });
    }
    Ok(groups)
}

async fn report(setup: &Setup, number: EntryNumber) -> Result<Vec<tenken_proto::report::Group>, StartError> {
    let entry = journal::get(&*setup.store, setup.tenant, Partition::WHOLE, number).await?;
    let Some((kind, (_, payload))) = entry.and_then(|entry| Some((entry.kind, entry.payload?))) else {
        return Err(missing(number));
    };
    let signed =
        Signed::decode(kind, &payload).map_err(|error| StartError::Entry { number, problem: error.to_string() })?;
    match signed.event {
        Event::Report(report) => Ok(report.groups),
        Event::Transition(_) | Event::Identity(_) | Event::Change(_) | Event::Moved(_) => Err(missing(number)),
    }
}

async fn table(setup: &Setup, table: Table) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StartError> {
    let (mut rows, mut from) = (Vec::new(), Some(Vec::new()));
    while let Some(key) = from {
        let page = setup.store.scan(setup.tenant, table, key, PAGE_ROWS_MAX).await?;
        rows.extend(page.rows);
        from = page.next;
    }
    Ok(rows)
}

fn id(key: &[u8]) -> Result<Uuid, StartError> {
    Uuid::from_slice(key).map_err(|error| StartError::Stored { what: "key", problem: error.to_string() })
}

fn unreadable(what: &'static str, error: &serde_json::Error) -> StartError {
    StartError::Stored { what, problem: error.to_string() }
}

fn missing(number: EntryNumber) -> StartError {
    StartError::Entry { number, problem: "the stored state points to facts that it does not hold".to_owned() }
}
