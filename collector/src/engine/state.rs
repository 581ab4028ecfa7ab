//! What the engine knows, in memory: the judged fleet, the identities, and what was received of whom.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tenken_assess::Fleet;
use tenken_proto::fact::GroupName;
use tenken_proto::ident::{AgentId, Digest, Epoch, HostId, Sequence};
use tenken_proto::report::{RefusalReason, total_digest};

use super::marks::AgentMarks;
use super::presence::Presence;
use crate::identity::Registry;
use crate::journal::EntryNumber;

/// Everything that is read. Short reads only: the writer waits meanwhile.
#[derive(Debug)]
pub struct State {
    /// Hosts, verdicts, answers, risks.
    pub fleet: Fleet,
    /// Tokens, agents, certificates.
    pub registry: Registry,
    /// What was received of each agent.
    pub agents: BTreeMap<AgentId, AgentMarks>,
    /// Which groups are held of each host.
    pub groups: BTreeMap<HostId, HostGroups>,
    /// Hosts that are silent.
    pub silent: BTreeSet<HostId>,
    /// Groups that are stale.
    pub stale: BTreeSet<(HostId, GroupName)>,
    /// When each host was last heard of. Not replayed.
    pub presence: Presence,
    /// How the engine itself is. Not replayed.
    pub health: Health,
}

/// The groups held of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostGroups {
    /// By name.
    pub held: BTreeMap<GroupName, HeldGroup>,
}

/// Where a held group came from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HeldGroup {
    /// Digest of its body.
    pub digest: Digest,
    /// The entry that holds the body.
    pub entry: EntryNumber,
    /// The run in which it was observed.
    pub epoch: Epoch,
    /// The report in that run.
    pub sequence: Sequence,
    /// When the probe looked, corrected.
    pub observed_at: Timestamp,
}

impl HostGroups {
    /// The digest that the agent's heartbeat carries when both sides agree; none: nothing is held.
    #[must_use]
    pub fn total(&self) -> Option<Digest> {
        if self.held.is_empty() {
            return None;
        }
        Some(total_digest(self.held.iter().map(|(name, group)| (name, group.digest))))
    }

    /// Groups that would be held with these.
    #[must_use]
    pub fn count_with<'a>(&self, names: impl IntoIterator<Item = &'a GroupName>) -> usize {
        self.held.len() + names.into_iter().filter(|name| !self.held.contains_key(*name)).count()
    }

    /// A newcomer replaces what is held: later in the same run, from the run that lives now, or observed later.
    #[must_use]
    pub fn replaced_by(&self, name: &GroupName, newcomer: &HeldGroup, live: bool) -> bool {
        let Some(held) = self.held.get(name) else { return true };
        if held.epoch == newcomer.epoch {
            newcomer.sequence > held.sequence
        } else {
            live || newcomer.observed_at > held.observed_at
        }
    }
}

impl Counters {
    /// Counts refusals.
    pub(super) fn refuse(&mut self, reason: RefusalReason, times: u64) {
        let count = self.refused.entry(reason.code()).or_default();
        *count = count.saturating_add(times);
    }
}

/// How the engine is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// The store.
    pub store: StoreHealth,
    /// What was counted since the start.
    pub counters: Counters,
    /// When the engine started.
    pub started_at: Option<Timestamp>,
    /// The last durable entry.
    pub last_entry: EntryNumber,
}

/// How the store is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StoreHealth {
    /// It takes everything.
    #[default]
    Good,
    /// Space is low: reports are refused, people's decisions and identities are still taken.
    Full {
        /// Bytes left.
        available: u64,
        /// Bytes kept back.
        low_water: u64,
    },
    /// The last commit failed; the state is being rebuilt.
    Failed {
        /// Since when.
        since: Timestamp,
        /// Why.
        error: String,
    },
}

/// Counted since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Reports taken.
    pub reports: u64,
    /// Reports that were kept before.
    pub repeats: u64,
    /// Reports that came after a later one.
    pub late: u64,
    /// Reports that never came.
    pub skipped: u64,
    /// Same key, other content.
    pub forks: u64,
    /// Reports refused, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Commits.
    pub commits: u64,
    /// Commits that failed.
    pub commits_failed: u64,
    /// Entries made durable.
    pub entries: u64,
}
