//! What an event does to the state: one path for live requests and for the replay. Total and without IO.

use jiff::Timestamp;
use tenken_assess::Change;
use tenken_assess::fleet::{GroupFacts, Moves, Transition};
use tenken_proto::convert::{Malformed, decode_body};
use tenken_proto::fact::GroupName;
use tenken_proto::ident::{AgentId, Digest, Epoch, HostId, Sequence};
use tenken_proto::report::{Dropped, GROUPS_MAX, Report};
use tenken_proto::value::Record;

use super::marks::Lost;
use super::presence::{Looked, cautious};
use super::state::{HeldGroup, HostGroups, State};
use crate::identity::{self, What};
use crate::journal::{EntryNumber, Event, Kind, NoRandom, NotAnEvent, Principal, ReportEvent, Sealed, Signed};

/// Where a report came from.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The identity, by its certificate.
    pub agent: AgentId,
    /// The host it speaks for.
    pub host: HostId,
    /// When it arrived.
    pub received_at: Timestamp,
    /// What has to be added to the agent's clock to get ours.
    pub clock_offset_ms: i64,
    /// Made in the run that sent it.
    pub live: bool,
}

/// A report that was checked, decoded, digested and sealed, all outside of the writer.
#[derive(Debug)]
pub struct AdmitRequest {
    pub(super) facts: ReportFacts,
    pub(super) content: Digest,
    pub(super) sealed: Sealed,
}

/// What of a report changes the state.
#[derive(Debug)]
pub(super) struct ReportFacts {
    pub(super) agent: AgentId,
    pub(super) host: HostId,
    pub(super) received_at: Timestamp,
    pub(super) clock_offset_ms: i64,
    pub(super) live: bool,
    pub(super) epoch: Epoch,
    pub(super) sequence: Sequence,
    pub(super) groups: Vec<DecodedGroup>,
    pub(super) lost: Option<Lost>,
}

#[derive(Debug)]
pub(super) struct DecodedGroup {
    name: GroupName,
    schema_version: u32,
    digest: Digest,
    record: Record,
    observed_at: Timestamp,
}

/// Why a report cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It is not what the protocol says.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// No random numbers for its salt.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    /// It cannot be written down.
    #[error(transparent)]
    Event(#[from] NotAnEvent),
}

impl AdmitRequest {
    /// Checks, decodes, digests and seals a report.
    ///
    /// # Errors
    /// A body breaks the protocol, or the system gave no random numbers.
    pub fn prepare(origin: Origin, report: Report) -> Result<Self, PrepareError> {
        let event = ReportEvent {
            agent: origin.agent,
            host: origin.host,
            received_at: origin.received_at,
            clock_offset_ms: origin.clock_offset_ms,
            live: origin.live,
            epoch: report.epoch,
            sequence: report.sequence,
            groups: report.groups,
            dropped: report.dropped,
        };
        let facts = ReportFacts::of(&event)?;
        let content = content_digest(&facts, event.dropped.as_ref());
        let signed = Signed { by: Principal::Agent { agent: origin.agent }, event: Event::Report(event) };
        let sealed = Sealed::new(Kind::Report, signed.encode()?)?;
        Ok(Self { facts, content, sealed })
    }
}

impl ReportFacts {
    pub(super) fn of(event: &ReportEvent) -> Result<Self, Malformed> {
        let mut groups = Vec::with_capacity(event.groups.len());
        for group in &event.groups {
            groups.push(DecodedGroup {
                name: group.name.clone(),
                schema_version: group.schema_version,
                digest: group.digest(),
                record: decode_body(&group.body)?,
                observed_at: cautious(group.observed_at, event.clock_offset_ms, event.received_at),
            });
        }
        Ok(Self {
            agent: event.agent,
            host: event.host,
            received_at: event.received_at,
            clock_offset_ms: event.clock_offset_ms,
            live: event.live,
            epoch: event.epoch,
            sequence: event.sequence,
            groups,
            lost: event.dropped.as_ref().map(|dropped| lost(event, dropped)),
        })
    }
}

/// What was dropped, its times by our clock. An agent that knows no time says 1970.
fn lost(event: &ReportEvent, dropped: &Dropped) -> Lost {
    let time =
        |at: Timestamp| (at > Timestamp::UNIX_EPOCH).then(|| cautious(at, event.clock_offset_ms, event.received_at));
    Lost { count: dropped.count, first: time(dropped.first), last: time(dropped.last) }
}

/// What two reports of one key must share to be the same: their groups and what was dropped, not when they came.
pub(super) fn content_digest(facts: &ReportFacts, dropped: Option<&Dropped>) -> Digest {
    let mut bytes = Vec::with_capacity(64 * (facts.groups.len() + 1));
    for group in &facts.groups {
        bytes.extend_from_slice(group.name.as_str().as_bytes());
        bytes.extend_from_slice(&group.schema_version.to_be_bytes());
        bytes.extend_from_slice(&group.digest.0);
    }
    if let Some(dropped) = dropped {
        bytes.extend_from_slice(&dropped.count.to_be_bytes());
        bytes.extend_from_slice(&dropped.first.as_millisecond().to_be_bytes());
    }
    Digest::of(&bytes)
}

impl State {
    /// Takes a report's facts in. Decided before that it is new or late.
    pub(super) fn apply_report(
        &mut self,
        at: Timestamp,
        number: EntryNumber,
        facts: ReportFacts,
        content: Digest,
    ) -> Option<Moves> {
        let marks = self.agents.entry(facts.agent).or_default();
        marks.note(facts.received_at, facts.epoch, facts.sequence, content);
        if let Some(lost) = facts.lost {
            marks.note_lost(lost);
        }
        let seen = self.presence.heard(facts.host, facts.received_at);
        seen.clock_offset_ms = facts.clock_offset_ms;
        if facts.groups.is_empty() {
            return None;
        }
        let held = self.groups.entry(facts.host).or_default();
        let mut changed = Vec::with_capacity(facts.groups.len());
        for group in facts.groups {
            let newcomer = HeldGroup {
                digest: group.digest,
                entry: number,
                epoch: facts.epoch,
                sequence: facts.sequence,
                observed_at: group.observed_at,
            };
            if !held.replaced_by(&group.name, &newcomer, facts.live) {
                continue;
            }
            held.held.insert(group.name.clone(), newcomer);
            seen.looked_at(group.name.clone(), group.observed_at);
            changed.push(GroupFacts {
                name: group.name,
                schema_version: group.schema_version,
                record: group.record,
                observed_at: group.observed_at,
            });
        }
        if changed.is_empty() {
            return None;
        }
        Some(self.fleet.apply(at, Change::Facts { host: facts.host, groups: changed }))
    }

    /// Whether a report leaves its host within [`GROUPS_MAX`].
    ///
    /// # Errors
    /// What a person is told.
    pub(super) fn has_room_for(&self, facts: &ReportFacts) -> Result<(), String> {
        let names = facts.groups.iter().map(|group| &group.name);
        let count = self.groups.get(&facts.host).map_or(facts.groups.len(), |held| held.count_with(names));
        if count > GROUPS_MAX {
            return Err(format!("the host would have {count} groups, allowed {GROUPS_MAX}"));
        }
        Ok(())
    }

    /// Takes a heartbeat in. A look counts only where its content is the one that is held: one at anything else,
    /// such as what was refused, does not make what is shown here any fresher.
    pub(super) fn beat(
        &mut self,
        host: HostId,
        clock_offset_ms: i64,
        total: Option<Digest>,
        looked: Vec<Looked>,
        now: Timestamp,
    ) {
        let groups = self.groups.get(&host);
        let agreed = || total.is_some() && total == groups.and_then(HostGroups::total);
        let seen = self.presence.heard(host, now);
        seen.clock_offset_ms = clock_offset_ms;
        for look in looked {
            let held = groups.and_then(|groups| groups.held.get(&look.group));
            if held.is_some_and(|held| look.digest.map_or_else(agreed, |digest| digest == held.digest)) {
                seen.looked(look.group, look.at, now);
            }
        }
    }

    /// Takes any other event in.
    pub(super) fn apply_event(&mut self, at: Timestamp, event: &Event) -> Vec<Moves> {
        match event {
            Event::Identity(event) => self.apply_identity(at, event),
            Event::Transition(change) | Event::Change(change) => {
                self.note_transition(change);
                vec![self.fleet.apply(at, change.clone())]
            }
            Event::Report(_) | Event::Moved(_) => Vec::new(),
        }
    }

    /// Takes a kept row of presence back in, of a host that is still in the fleet.
    pub(super) fn restore_presence(&mut self, key: &[u8], value: &[u8]) {
        let Ok(host) = uuid::Uuid::from_slice(key).map(HostId) else { return };
        if !self.fleet.find_hosts(&host.to_string()).is_empty() {
            let held = self.groups.get(&host);
            self.presence.restore(host, value, |group| held.is_some_and(|groups| groups.held.contains_key(group)));
        }
    }

    fn note_transition(&mut self, change: &Change) {
        if let Change::Retired { host, .. } = change {
            self.presence.hosts.remove(host);
            self.groups.remove(host);
            self.silent.remove(host);
            self.stale.retain(|(stale, _)| stale != host);
        }
        let Change::Transition { host, transition } = change else { return };
        match transition {
            Transition::HostSilent => drop(self.silent.insert(*host)),
            Transition::HostBack => drop(self.silent.remove(host)),
            Transition::GroupStale(group) => drop(self.stale.insert((*host, group.clone()))),
            Transition::GroupFresh(group) => drop(self.stale.remove(&(*host, group.clone()))),
        }
    }

    /// An identity event, and what it means for the fleet: a host becomes known, or loses its last connection.
    fn apply_identity(&mut self, at: Timestamp, event: &identity::Event) -> Vec<Moves> {
        self.registry.apply(event);
        let agent_of = |agent: &AgentId| self.registry.agent(*agent);
        let mut changes = Vec::new();
        match &event.what {
            What::Approved { agent, host, .. } => {
                if let Some(agent) = agent_of(agent) {
                    changes.push(enrolled(*host, agent));
                }
                // A machine that enrols and never reports falls silent too.
                self.presence.heard(*host, at);
            }
            What::Bound { agent, from, host, .. } => {
                if let Some(agent) = agent_of(agent) {
                    changes.push(enrolled(*host, agent));
                }
                changes.extend(self.lost(*from));
            }
            What::Revoked { agent, .. } | What::Retired { agent, .. } => {
                changes.extend(agent_of(agent).and_then(|agent| agent.host).and_then(|host| self.lost(host)));
            }
            What::TokenCreated { .. }
            | What::TokenRevoked { .. }
            | What::TokenOverUsed { .. }
            | What::Requested { .. }
            | What::AskedAgain { .. }
            | What::Issued { .. }
            | What::Activated { .. }
            | What::OnHold { .. }
            | What::Released { .. }
            | What::Refused { .. }
            | What::RefusalsDropped { .. } => {}
        }
        changes.into_iter().map(|change| self.fleet.apply(at, change)).collect()
    }

    /// The host's last connection has ended.
    fn lost(&self, host: HostId) -> Option<Change> {
        self.registry.agents_of(host).next().is_none().then_some(Change::Revoked { host })
    }
}

fn enrolled(host: HostId, agent: &identity::Agent) -> Change {
    Change::Enrolled { host, host_name: agent.hints.host_name.clone(), site: agent.site.clone() }
}
