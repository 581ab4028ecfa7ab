//! When each host was last heard of. Outside the replayed state: only the transitions that follow from it are
//! journalled. Kept coarsely in the store, so that a restart does not forget a week of silence.

use std::collections::BTreeMap;
use std::ops::Bound;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenken_proto::fact::GroupName;
use tenken_proto::ident::{Digest, HostId};

use crate::store::{Table, Write};

/// Clock skew above this is marked.
const SKEW_MARKED_MS: u64 = 5 * 60 * 1_000;

/// Every host that was heard of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presence {
    /// By host.
    pub hosts: BTreeMap<HostId, Seen>,
    /// When this collector started: nobody is silent at once.
    pub started_at: Option<Timestamp>,
    /// Where the next rows to keep begin.
    next_kept: Option<HostId>,
}

/// Rows to keep, and what is kept with them.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) writes: Vec<Write>,
    pub(super) kept: Vec<(HostId, Timestamp)>,
}

/// What is known of one host's presence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When it was last heard of, by our clock.
    pub last_seen: Timestamp,
    /// Streams that are open now.
    #[serde(skip)]
    pub streams: u32,
    /// When the latest stream was opened.
    #[serde(skip)]
    pub connected_at: Option<Timestamp>,
    /// What has to be added to its clock to get ours.
    pub clock_offset_ms: i64,
    /// When each group was last looked at, by our clock.
    pub groups: BTreeMap<GroupName, Timestamp>,
    /// Version of its agent, as Hello said.
    #[serde(default)]
    pub agent_version: String,
    /// The last time that was kept in the store.
    #[serde(skip)]
    pub(super) kept: Option<Timestamp>,
}

/// A group that its agent looked at again and found unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Which.
    pub group: GroupName,
    /// When, by the agent's clock.
    pub at: Timestamp,
    /// Digest of the content that it found; none: an agent that does not say.
    pub digest: Option<Digest>,
}

impl Seen {
    /// Its clock is off by more than is tolerable.
    #[must_use]
    pub fn is_skewed(&self) -> bool {
        self.clock_offset_ms.unsigned_abs() > SKEW_MARKED_MS
    }

    /// A stream is open.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.streams > 0
    }
}

impl Presence {
    /// What is known of a host.
    #[must_use]
    pub fn of(&self, host: HostId) -> Option<&Seen> {
        self.hosts.get(&host)
    }

    /// The rows to keep of hosts that were heard of since they were last kept, at most so many; the rest comes
    /// with the next calls, which go on where this one ended. They count as kept by [`Presence::note_kept`].
    pub(super) fn rows_to_keep(&mut self, rows_max: usize) -> Rows {
        let from = self.next_kept.map_or(Bound::Unbounded, Bound::Included);
        let rest = self.next_kept.map(|next| self.hosts.range(..next));
        let mut due = self.hosts.range((from, Bound::Unbounded)).chain(rest.into_iter().flatten());
        let mut rows = Rows::default();
        let next = due.find_map(|(host, seen)| {
            if seen.kept.is_some_and(|kept| kept >= seen.last_seen) {
                return None;
            }
            if rows.writes.len() >= rows_max {
                return Some(*host);
            }
            // A row that has no JSON form is not kept; nothing but a later silence depends on it.
            if let Ok(value) = serde_json::to_vec(seen) {
                let key = host.0.as_bytes().to_vec();
                rows.writes.push(Write { table: Table::Presence, key, value: Some(value) });
                rows.kept.push((*host, seen.last_seen));
            }
            None
        });
        self.next_kept = next;
        rows
    }

    /// The rows are durable.
    pub(super) fn note_kept(&mut self, kept: &[(HostId, Timestamp)]) {
        for (host, at) in kept {
            if let Some(seen) = self.hosts.get_mut(host) {
                seen.kept = Some(*at);
            }
        }
    }

    /// Takes in the hosts of which nothing is kept: heard of at this time at the latest, so that their silence counts
    /// from then on.
    pub(super) fn complete(&mut self, hosts: impl IntoIterator<Item = HostId>, at: Timestamp) {
        for host in hosts {
            self.hosts.entry(host).or_insert_with(|| Seen::at(at));
        }
    }

    /// Takes a kept row back in, of the groups that are held; what the journal knows of later times stays.
    pub(super) fn restore(&mut self, host: HostId, value: &[u8], is_held: impl Fn(&GroupName) -> bool) {
        let Ok(mut kept) = serde_json::from_slice::<Seen>(value) else { return };
        kept.groups.retain(|group, _| is_held(group));
        match self.hosts.get_mut(&host) {
            Some(seen) if seen.last_seen >= kept.last_seen => {}
            Some(_) | None => drop(self.hosts.insert(host, Seen { kept: Some(kept.last_seen), ..kept })),
        }
    }

    /// The host was heard of now.
    pub fn heard(&mut self, host: HostId, now: Timestamp) -> &mut Seen {
        let seen = self.hosts.entry(host).or_insert_with(|| Seen::at(now));
        seen.last_seen = seen.last_seen.max(now);
        seen
    }
}

impl Seen {
    /// Heard of at that time, and nothing more.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self {
            last_seen: now,
            streams: 0,
            connected_at: None,
            clock_offset_ms: 0,
            groups: BTreeMap::new(),
            agent_version: String::new(),
            kept: None,
        }
    }

    /// A group was looked at, by the agent's clock; counted by the more cautious of its corrected time and ours.
    pub fn looked(&mut self, group: GroupName, observed_at: Timestamp, now: Timestamp) {
        self.looked_at(group, cautious(observed_at, self.clock_offset_ms, now));
    }

    /// A group was looked at, by our clock.
    pub fn looked_at(&mut self, group: GroupName, at: Timestamp) {
        let kept = self.groups.entry(group).or_insert(at);
        *kept = (*kept).max(at);
    }
}

/// The more cautious of a corrected time of observation and the arrival.
#[must_use]
pub(super) fn cautious(observed_at: Timestamp, clock_offset_ms: i64, received_at: Timestamp) -> Timestamp {
    let ms = observed_at.as_millisecond().saturating_add(clock_offset_ms);
    Timestamp::from_millisecond(ms).unwrap_or(received_at).min(received_at)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn host(n: u128) -> HostId {
        HostId(Uuid::from_u128(n))
    }

    #[test]
    fn every_host_gets_its_turn_although_the_first_are_always_heard_of() {
        let mut presence = Presence::default();
        let mut turns = BTreeMap::<HostId, usize>::new();
        for round in 0..5 {
            for n in 0..10 {
                presence.heard(host(n), at(round));
            }
            let rows = presence.rows_to_keep(4);
            assert_eq!(rows.writes.len(), 4);
            presence.note_kept(&rows.kept);
            rows.kept.iter().for_each(|(host, _)| *turns.entry(*host).or_default() += 1);
        }
        assert_eq!(turns.into_values().collect::<Vec<_>>(), [2; 10]);
    }

    #[test]
    fn a_row_counts_as_kept_only_when_it_is_durable() {
        let mut presence = Presence::default();
        presence.heard(host(1), at(0));
        let rows = presence.rows_to_keep(4);
        assert_eq!(rows.kept, [(host(1), at(0))]);
        assert_eq!(presence.rows_to_keep(4).kept, rows.kept, "the commit failed: again");
        presence.heard(host(1), at(1));
        presence.note_kept(&rows.kept);
        assert_eq!(presence.rows_to_keep(4).kept, [(host(1), at(1))], "what came meanwhile is not kept yet");
        presence.note_kept(&[(host(1), at(1))]);
        assert!(presence.rows_to_keep(4).writes.is_empty());
    }
}
