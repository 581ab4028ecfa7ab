//! When each host was last heard of. Outside the replayed state: only the transitions that follow from it are
//! journalled. Kept coarsely in the store, so that a restart does not forget a week of silence.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenken_proto::fact::GroupName;
use tenken_proto::ident::HostId;

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
    /// The policy that it was told last.
    #[serde(skip)]
    pub policy_revision: u64,
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
            policy_revision: 0,
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
