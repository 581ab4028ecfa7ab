//! What an entry says. Reports are protobuf (many, and their bodies stay as they came); the rest is JSON.

use std::fmt;

use jiff::Timestamp;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use tenken_assess::Change;
use tenken_assess::fleet::Moves;
use tenken_proto::fact::GroupName;
use tenken_proto::ident::{AgentId, Epoch, HostId, Sequence};
use tenken_proto::report::{Dropped, Group};
use uuid::Uuid;

use crate::identity;

/// Who caused an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Principal {
    /// The collector itself: time passed.
    Collector,
    /// An agent, by its certificate.
    Agent {
        /// Which one.
        agent: AgentId,
    },
    /// Somebody on the collector's machine, through the control socket.
    Operator {
        /// The user id that the kernel vouches for.
        uid: u32,
        /// The name that was given with `--by`; a claim.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
}

/// An event and who caused it.
#[derive(Debug, Clone, PartialEq)]
pub struct Signed {
    /// Who.
    pub by: Principal,
    /// What.
    pub event: Event,
}

/// Everything that can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An agent reported changed groups.
    Report(ReportEvent),
    /// A host fell silent or came back, a group went stale or was looked at again: [`Change::Transition`].
    Transition(Change),
    /// Tokens, agents, certificates.
    Identity(identity::Event),
    /// What people enter: declarations, expected machines, ledgers, settings, packs, retirement.
    Change(Change),
    /// What turned because of the entries before it. Derived: a replay does not read it.
    Moved(Vec<Moves>),
}

/// A report as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportEvent {
    /// The identity, by its certificate.
    pub agent: AgentId,
    /// The host it spoke for.
    pub host: HostId,
    /// When it arrived.
    pub received_at: Timestamp,
    /// What has to be added to the agent's clock to get ours.
    pub clock_offset_ms: i64,
    /// Made in the run that sent it, not taken from the spool of an earlier one.
    pub live: bool,
    /// The run in which it was made.
    pub epoch: Epoch,
    /// Its number in that run.
    pub sequence: Sequence,
    /// The changed groups.
    pub groups: Vec<ReportGroup>,
    /// What was lost before it.
    pub dropped: Option<Dropped>,
}

/// A group of a kept report.
pub type ReportGroup = Group;

/// What an entry is about; the code is part of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`Event::Report`].
    Report,
    /// [`Event::Transition`].
    Transition,
    /// [`Event::Identity`].
    Identity,
    /// [`Event::Change`].
    Change,
    /// [`Event::Moved`].
    Moved,
}

impl Kind {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Report => 1,
            Self::Transition => 2,
            Self::Identity => 3,
            Self::Change => 4,
            Self::Moved => 5,
        }
    }

    /// The kind of a code.
    #[must_use]
    pub fn of(code: u8) -> Option<Self> {
        [Self::Report, Self::Transition, Self::Identity, Self::Change, Self::Moved]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}

/// A payload that does not say what its kind promises.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event: {0}")]
pub struct NotAnEvent(pub String);

fn not(error: impl fmt::Display) -> NotAnEvent {
    NotAnEvent(error.to_string())
}

/// The JSON form.
#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    by: Principal,
    event: T,
}

impl Signed {
    /// What the event is about.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match &self.event {
            Event::Report(_) => Kind::Report,
            Event::Transition(_) => Kind::Transition,
            Event::Identity(_) => Kind::Identity,
            Event::Change(_) => Kind::Change,
            Event::Moved(_) => Kind::Moved,
        }
    }

    /// The payload of the entry.
    ///
    /// # Errors
    /// The event has no JSON form; a defect.
    pub fn encode(&self) -> Result<Vec<u8>, NotAnEvent> {
        fn json<T: Serialize>(by: &Principal, event: &T) -> Result<Vec<u8>, NotAnEvent> {
            serde_json::to_vec(&Envelope { by: by.clone(), event }).map_err(not)
        }
        match &self.event {
            Event::Report(report) => Ok(StoredReport::from(report).encode_to_vec()),
            Event::Transition(event) => json(&self.by, event),
            Event::Identity(event) => json(&self.by, event),
            Event::Change(event) => json(&self.by, event),
            Event::Moved(event) => json(&self.by, event),
        }
    }

    /// Reads a payload back.
    ///
    /// # Errors
    /// The payload is not of its kind.
    pub fn decode(kind: u8, payload: &[u8]) -> Result<Self, NotAnEvent> {
        fn json<T: serde::de::DeserializeOwned>(
            payload: &[u8],
            event: impl FnOnce(T) -> Event,
        ) -> Result<Signed, NotAnEvent> {
            let envelope: Envelope<T> = serde_json::from_slice(payload).map_err(not)?;
            Ok(Signed { by: envelope.by, event: event(envelope.event) })
        }
        match Kind::of(kind).ok_or_else(|| NotAnEvent(format!("kind {kind} is not known")))? {
            Kind::Report => {
                let report = ReportEvent::try_from(StoredReport::decode(payload).map_err(not)?)?;
                Ok(Self { by: Principal::Agent { agent: report.agent }, event: Event::Report(report) })
            }
            Kind::Transition => json(payload, Event::Transition),
            Kind::Identity => json(payload, Event::Identity),
            Kind::Change => json(payload, Event::Change),
            Kind::Moved => json(payload, Event::Moved),
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct StoredReport {
    #[prost(bytes = "vec", tag = "1")]
    agent: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    host: Vec<u8>,
    #[prost(sint64, tag = "3")]
    received_ms: i64,
    #[prost(sint64, tag = "4")]
    clock_offset_ms: i64,
    #[prost(bool, tag = "5")]
    live: bool,
    #[prost(fixed64, tag = "6")]
    epoch: u64,
    #[prost(uint64, tag = "7")]
    sequence: u64,
    #[prost(message, repeated, tag = "8")]
    group: Vec<StoredGroup>,
    #[prost(message, optional, tag = "9")]
    dropped: Option<StoredDropped>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StoredGroup {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint32, tag = "2")]
    schema_version: u32,
    #[prost(bytes = "vec", tag = "3")]
    body: Vec<u8>,
    #[prost(sint64, tag = "4")]
    observed_ms: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StoredDropped {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(sint64, tag = "2")]
    first_ms: i64,
    #[prost(sint64, tag = "3")]
    last_ms: i64,
    #[prost(string, tag = "4")]
    reason: String,
}

impl From<&ReportEvent> for StoredReport {
    fn from(report: &ReportEvent) -> Self {
        Self {
            agent: report.agent.0.as_bytes().to_vec(),
            host: report.host.0.as_bytes().to_vec(),
            received_ms: report.received_at.as_millisecond(),
            clock_offset_ms: report.clock_offset_ms,
            live: report.live,
            epoch: report.epoch.0,
            sequence: report.sequence.0,
            group: report.groups.iter().map(StoredGroup::from).collect(),
            dropped: report.dropped.as_ref().map(|dropped| StoredDropped {
                count: dropped.count,
                first_ms: dropped.first.as_millisecond(),
                last_ms: dropped.last.as_millisecond(),
                reason: dropped.reason.clone(),
            }),
        }
    }
}

impl From<&ReportGroup> for StoredGroup {
    fn from(group: &ReportGroup) -> Self {
        Self {
            name: group.name.as_str().to_owned(),
            schema_version: group.schema_version,
            body: group.body.clone(),
            observed_ms: group.observed_at.as_millisecond(),
        }
    }
}

impl TryFrom<StoredReport> for ReportEvent {
    type Error = NotAnEvent;
    fn try_from(stored: StoredReport) -> Result<Self, NotAnEvent> {
        Ok(Self {
            agent: AgentId(Uuid::from_slice(&stored.agent).map_err(not)?),
            host: HostId(Uuid::from_slice(&stored.host).map_err(not)?),
            received_at: Timestamp::from_millisecond(stored.received_ms).map_err(not)?,
            clock_offset_ms: stored.clock_offset_ms,
            live: stored.live,
            epoch: Epoch(stored.epoch),
            sequence: Sequence(stored.sequence),
            groups: stored.group.into_iter().map(ReportGroup::try_from).collect::<Result<_, _>>()?,
            dropped: match stored.dropped {
                None => None,
                Some(dropped) => Some(Dropped {
                    count: dropped.count,
                    first: Timestamp::from_millisecond(dropped.first_ms).map_err(not)?,
                    last: Timestamp::from_millisecond(dropped.last_ms).map_err(not)?,
                    reason: dropped.reason,
                }),
            },
        })
    }
}

impl TryFrom<StoredGroup> for ReportGroup {
    type Error = NotAnEvent;
    fn try_from(stored: StoredGroup) -> Result<Self, NotAnEvent> {
        Ok(Self {
            name: stored.name.parse::<GroupName>().map_err(not)?,
            schema_version: stored.schema_version,
            body: stored.body,
            observed_at: Timestamp::from_millisecond(stored.observed_ms).map_err(not)?,
        })
    }
}
