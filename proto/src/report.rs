//! A report: the groups that changed, under a key that makes sending twice harmless.
//!
//! The key is (agent, epoch, sequence). The agent's identity is never in it: it comes from the certificate.

use std::fmt;

use jiff::Timestamp;

use crate::fact::GroupName;
use crate::ident::{Digest, Epoch, Sequence};

/// Largest message on the wire, both ways.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// Largest body of one group.
pub const BODY_BYTES_MAX: usize = 192 * 1024;
/// Most groups of one report, and of one host.
pub const GROUPS_MAX: usize = 32;
/// Name of the metadata in which a status carries the code of a refusal, for programs.
pub const REASON_METADATA: &str = "tenken-reason";
/// The wire version that this program speaks.
pub const WIRE_VERSION: u32 = 1;

/// One fact group as it travels and is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Which group.
    pub name: GroupName,
    /// Its schema's version when it was written.
    pub schema_version: u32,
    /// Canonical bytes of its record, without times of observation.
    pub body: Vec<u8>,
    /// When the probe looked, by the agent's clock.
    pub observed_at: Timestamp,
}

impl Group {
    /// SHA-256 of the body.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.body)
    }
}

/// Reports that were lost before delivery: a visible gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// How many.
    pub count: u64,
    /// Time of the first of them.
    pub first: Timestamp,
    /// Time of the last of them.
    pub last: Timestamp,
    /// Why, for a person.
    pub reason: String,
}

/// What one agent sends when facts changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The run of the agent in which the report was made.
    pub epoch: Epoch,
    /// Its number in that run.
    pub sequence: Sequence,
    /// The changed groups; at least one, or a drop count.
    pub groups: Vec<Group>,
    /// What was lost before this report.
    pub dropped: Option<Dropped>,
}

/// The digest that heartbeats carry: SHA-256 over the sorted (name, digest) pairs.
///
/// Each pair contributes the name's length as one byte, the name and the 32 bytes of the digest.
#[must_use]
pub fn total_digest<'a>(groups: impl IntoIterator<Item = (&'a GroupName, Digest)>) -> Digest {
    let mut pairs: Vec<(&GroupName, Digest)> = groups.into_iter().collect();
    pairs.sort();
    let mut bytes = Vec::new();
    for (name, digest) in pairs {
        bytes.push(u8::try_from(name.as_str().len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(&digest.0);
    }
    Digest::of(&bytes)
}

/// Why the collector refused a message. The code travels; [`RefusalReason::is_permanent`] says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalReason {
    /// The message does not parse or breaks a limit.
    Malformed,
    /// The same key came with other content: a fork.
    Forked,
    /// The first message was not Hello, or Hello came twice.
    NoHello,
    /// The wire version is not spoken here.
    WireVersion,
    /// The agent is on hold: a person decides.
    OnHold,
    /// The store cannot take anything now (disk full).
    StoreFull,
    /// Too much at once; later.
    Busy,
    /// More than one identity may send in the time.
    RateLimited,
}

impl RefusalReason {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Malformed,
        Self::Forked,
        Self::NoHello,
        Self::WireVersion,
        Self::OnHold,
        Self::StoreFull,
        Self::Busy,
        Self::RateLimited,
    ];

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Forked => "forked",
            Self::NoHello => "no_hello",
            Self::WireVersion => "wire_version",
            Self::OnHold => "on_hold",
            Self::StoreFull => "store_full",
            Self::Busy => "busy",
            Self::RateLimited => "rate_limited",
        }
    }

    /// Sending the same again can never succeed.
    #[must_use]
    pub fn is_permanent(self) -> bool {
        match self {
            Self::Malformed | Self::Forked | Self::NoHello | Self::WireVersion => true,
            Self::OnHold | Self::StoreFull | Self::Busy | Self::RateLimited => false,
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
