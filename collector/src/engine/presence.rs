//! When each host was last heard of. Outside the replayed state: only the transitions that follow from it are
//! journalled. Kept coarsely in the store, so that a restart does not forget a week of silence.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenken_proto::fact::GroupName;
use tenken_proto::ident::{Digest, HostId};

use crate::store::{Table, Write};

/// Clock skew above this is marked.
const SKEW_MARKED_MS: i64 = 5 * 60 * 1_000;

/// Every host that was heard of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presence {
    /// By host.
    pub hosts: BTreeMap<HostId, Seen>,
    /// When this collector started: nobody is silent at once.
    pub started_at: Option<Timestamp>,
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
        self.clock_offset_ms.abs() > SKEW_MARKED_MS
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
    /// with the next call.
    pub(super) fn rows_to_keep(&mut self, rows_max: usize) -> Vec<Write> {
        let mut rows = Vec::new();
        for (host, seen) in &mut self.hosts {
            if rows.len() >= rows_max {
                break;
            }
            if seen.kept.is_some_and(|kept| kept >= seen.last_seen) {
                continue;
            }
            // A row that has no JSON form is not kept; nothing but a later silence depends on it.
            if let Ok(value) = serde_json::to_vec(seen) {
                rows.push(Write { table: Table::Presence, key: host.0.as_bytes().to_vec(), value: Some(value) });
            }
            seen.kept = Some(seen.last_seen);
        }
        rows
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
