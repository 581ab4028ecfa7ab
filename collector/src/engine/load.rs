//! The state at start: what is stored, read back; what came after it, replayed.

use tenken_assess::Fleet;
use tenken_assess::fleet::Settings;
use tenken_proto::ident::HostId;

use super::apply::{ReportFacts, content_digest};
use super::checkpoint::{self, Dirty};
use super::state::{Health, State};
use super::{Presence, Setup, StartError};
use crate::identity::Registry;
use crate::journal::{self, Chain, Entry, EntryNumber, Event, Kind, Signed};
use crate::store::{Partition, Table};

/// Entries read at once.
const PAGE_ENTRIES: usize = 1_024;

/// What the engine starts with.
pub(super) struct Loaded {
    pub(super) state: State,
    pub(super) chain: Chain,
    pub(super) dirty: Dirty,
}

/// Builds the state from the store: the journal, and beside it when each host was last heard of.
pub(super) async fn load(setup: &Setup) -> Result<Loaded, StartError> {
    let mut loaded = Loaded::empty(setup);
    if let Some(chain) = checkpoint::restore(setup, &mut loaded.state).await? {
        loaded.chain = chain;
    }
    loaded.follow(setup).await?;
    let mut from = Some(Vec::new());
    while let Some(key) = from {
        let page = setup.store.scan(setup.tenant, Table::Presence, key, PAGE_ENTRIES).await?;
        for (key, value) in page.rows {
            loaded.state.restore_presence(&key, &value);
        }
        from = page.next;
    }
    let state = &mut loaded.state;
    let hosts: Vec<HostId> = state.fleet.hosts().into_iter().map(|host| host.id).collect();
    state.presence.complete(hosts, state.fleet.now());
    let now = setup.clock.now();
    loaded.state.health.started_at = Some(now);
    loaded.state.health.last_entry = loaded.chain.last();
    loaded.state.presence.started_at = Some(now);
    Ok(loaded)
}

/// Builds the state from the journal alone.
#[cfg(test)]
pub(super) async fn replay(setup: &Setup) -> Result<Loaded, StartError> {
    let mut loaded = Loaded::empty(setup);
    loaded.follow(setup).await?;
    Ok(loaded)
}

impl Loaded {
    fn empty(setup: &Setup) -> Self {
        Self {
            state: State {
                fleet: Fleet::new(setup.packs.clone(), Settings::default()),
                registry: Registry::default(),
                agents: Default::default(),
                groups: Default::default(),
                silent: Default::default(),
                stale: Default::default(),
                presence: Presence::default(),
                health: Health::default(),
            },
            chain: Chain::empty(setup.tenant, Partition::WHOLE),
            dirty: Dirty::default(),
        }
    }

    /// Replays every entry after the chain's end.
    async fn follow(&mut self, setup: &Setup) -> Result<(), StartError> {
        let mut next = Some(EntryNumber(self.chain.last().0 + 1));
        while let Some(from) = next {
            let (entries, following) =
                journal::page(&*setup.store, setup.tenant, Partition::WHOLE, from, PAGE_ENTRIES).await?;
            for entry in entries {
                self.replay(setup, entry)?;
            }
            next = following;
        }
        Ok(())
    }

    fn replay(&mut self, setup: &Setup, entry: Entry) -> Result<(), StartError> {
        let broken = |problem: String| StartError::Entry { number: entry.number, problem };
        if entry.number != EntryNumber(self.chain.last().0 + 1) {
            return Err(broken(format!("it follows entry {}", self.chain.last())));
        }
        self.chain = journal::chain_at(setup.tenant, Partition::WHOLE, &entry);
        self.dirty.entries += 1;
        if entry.kind == Kind::Moved.code() {
            return Ok(());
        }
        let Some((_, payload)) = &entry.payload else { return Ok(()) };
        let signed = Signed::decode(entry.kind, payload).map_err(|error| broken(error.to_string()))?;
        match signed.event {
            Event::Report(report) => {
                let facts = ReportFacts::of(&report).map_err(|error| broken(error.to_string()))?;
                let content = content_digest(&facts, report.dropped.as_ref());
                self.dirty.hosts.insert(report.host);
                self.dirty.agents.insert(report.agent);
                let moves = self.state.apply_report(entry.at, entry.number, facts, content);
                moves.iter().for_each(|moves| self.dirty.note_moves(moves));
            }
            event @ (Event::Transition(_) | Event::Identity(_) | Event::Change(_) | Event::Moved(_)) => {
                let moves = self.state.apply_event(entry.at, &event);
                moves.iter().for_each(|moves| self.dirty.note_moves(moves));
                self.dirty.note_event(&self.state, &event);
            }
        }
        Ok(())
    }
}
