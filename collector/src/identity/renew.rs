//! The decision on a renewal: a certificate and a new key in, a new certificate out.
//!
//! Two-phase: the certificate in use stays good until the new one is used for the first time, so a lost answer
//! locks nobody out. Idempotent by (agent, new key). A certificate that has ended may be renewed, and nothing
//! else, for the grace; one that was replaced may not.

use std::net::IpAddr;

use jiff::SignedDuration;
use tenken_proto::Timestamp;
use tenken_proto::ident::{AgentId, Digest};

use super::enroll::{Issue, Leaf};
use super::{Certificate, Decision, Event, Refusal, Registry, What};
use crate::ingest::peer::PeerIdentity;

/// How long after its end a certificate can be renewed when nothing is set.
pub const GRACE_DEFAULT: SignedDuration = SignedDuration::from_hours(180 * 24);
/// A staged certificate is replaced by one for yet another key at most this often; shorter for short lives.
pub const SPACING_MAX: SignedDuration = SignedDuration::from_secs(60);

/// A renewal as it comes out of the wire and the handshake.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// The certificate that was shown, possibly ended.
    pub identity: PeerIdentity,
    /// SHA-256 of the new public key whose possession was proven.
    pub key: Digest,
    /// Where it asks from.
    pub peer: IpAddr,
    /// The setting.
    pub grace: SignedDuration,
}

/// The renewed certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// The identity, copied from the certificate that was shown.
    pub agent: AgentId,
    /// The new certificate.
    pub leaf: Leaf,
}

impl Registry {
    /// Decides on a renewal.
    ///
    /// # Errors
    /// The identity may not act, the certificate is not the newest, or the grace is over.
    pub fn decide_renew(
        &self,
        request: &Renewal,
        issue: &dyn Issue,
        now: Timestamp,
    ) -> Result<Decision<Renewed>, Refusal> {
        let identity = &request.identity;
        let agent = self.standing_of(identity)?;
        if !agent.certificates.iter().any(|certificate| certificate.serial == identity.serial) {
            return Err(Refusal::Superseded(identity.serial));
        }
        within_grace(identity.not_after, request.grace, now)?;
        if self.keys.get(&request.key).is_some_and(|holder| *holder != agent.id) {
            return Err(Refusal::KeyInUse);
        }
        if request.key == identity.spki || request.key == agent.first_key {
            return Err(Refusal::KeyReused);
        }
        if let Some(staged) = agent.certificates.iter().find(|c| c.first_used.is_none() && c.serial != identity.serial)
        {
            let same = staged.key == request.key && now < staged.not_after;
            if let Some(leaf) = Leaf::of(staged).filter(|_| same) {
                return Ok(Decision { events: Vec::new(), reply: Renewed { agent: agent.id, leaf } });
            }
            not_too_often(staged, now)?;
        }
        let certificate = issue.issue(agent.id, now)?;
        let reply = Renewed { agent: agent.id, leaf: Leaf::new(&certificate)? };
        let event = Event { at: now, peer: Some(request.peer), what: What::Issued { agent: agent.id, certificate } };
        let mut events = self.first_use(identity, Some(request.peer), now);
        events.push(event);
        Ok(Decision { events, reply })
    }

    /// What the first use of a certificate changes; nothing on later uses.
    ///
    /// # Errors
    /// The identity may not act, or the certificate was replaced.
    pub fn decide_first_use(
        &self,
        identity: &PeerIdentity,
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Decision<()>, Refusal> {
        self.admits(identity, now)?;
        Ok(Decision { events: self.first_use(identity, peer, now), reply: () })
    }

    fn first_use(&self, identity: &PeerIdentity, peer: Option<IpAddr>, now: Timestamp) -> Vec<Event> {
        let Some(agent) = self.agents.get(&identity.agent) else { return Vec::new() };
        let unused = |c: &&Certificate| c.serial == identity.serial && c.first_used.is_none();
        if agent.certificates.iter().find(unused).is_none() {
            return Vec::new();
        }
        let event = |what| Event { at: now, peer, what };
        let mut events = vec![event(What::Activated { agent: agent.id, serial: identity.serial })];
        let replaced = agent.proven.and_then(|proven| self.agents.get(&proven.agent));
        if let Some(replaced) = replaced.filter(|replaced| replaced.has_not_ended()) {
            events.push(event(What::Retired {
                agent: replaced.id,
                by: "enrolment".to_owned(),
                reason: format!("replaced by {}", agent.id),
            }));
        }
        events
    }
}

fn within_grace(not_after: Timestamp, grace: SignedDuration, now: Timestamp) -> Result<(), Refusal> {
    if now <= not_after || now.duration_since(not_after) <= grace {
        return Ok(());
    }
    Err(Refusal::GraceOver { at: not_after, grace_days: grace.as_hours() / 24 })
}

fn not_too_often(staged: &Certificate, now: Timestamp) -> Result<(), Refusal> {
    let life = staged.not_after.duration_since(staged.not_before);
    let spacing = SPACING_MAX.min(life / 1000);
    let since = now.duration_since(staged.issued_at);
    if since >= spacing {
        return Ok(());
    }
    let wait = (spacing - since.max(SignedDuration::ZERO)).as_secs().saturating_add(1);
    Err(Refusal::TooOften { retry_after_s: u32::try_from(wait).unwrap_or(60) })
}
