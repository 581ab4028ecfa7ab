//! The decision on an enrolment: a token and a key in, an identity or a place in the waiting list out.
//!
//! Idempotent by key: whoever lost the answer asks again and gets the same certificate, even after the token's time;
//! whoever asks again with another good token spends a use of it and stays the entry that it was. A certificate is
//! bound to a known host only with proof of that host's older key.

use std::net::IpAddr;

use tenken_proto::Timestamp;
use tenken_proto::ident::{AgentId, Digest, HostId};

use super::registry::WAITING_MAX;
use super::{Agent, Certificate, Decision, Event, Hints, Proven, Refusal, Registry, Standing, Token, What};
use crate::ingest::peer::PeerIdentity;

/// Signs a certificate for an agent. The key is the one of the request at hand.
pub trait Issue {
    /// A certificate for this agent, valid from about `now`.
    ///
    /// # Errors
    /// The authority cannot sign.
    fn issue(&self, agent: AgentId, now: Timestamp) -> Result<Certificate, Refusal>;
}

/// An enrolment as it comes out of the wire.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// SHA-256 of the token's secret.
    pub token: Digest,
    /// SHA-256 of the public key whose possession was proven.
    pub key: Digest,
    /// What the machine says about itself.
    pub hints: Hints,
    /// Where it asks from.
    pub peer: IpAddr,
    /// An older certificate that it showed and holds the key of.
    pub proof: Option<PeerIdentity>,
    /// Random ids, used if a new agent comes into being.
    pub fresh: Fresh,
}

/// Random ids for what may come into being.
#[derive(Debug, Clone, Copy)]
pub struct Fresh {
    /// For a new agent.
    pub agent: AgentId,
    /// For a new host.
    pub host: HostId,
}

/// A certificate on its way to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Its bytes.
    pub der: Vec<u8>,
    /// Id of the intermediate that signed it.
    pub issuer: String,
}

impl Leaf {
    pub(super) fn of(certificate: &Certificate) -> Option<Self> {
        let der = certificate.der.clone()?;
        Some(Self { der, issuer: certificate.issuer.clone() })
    }

    pub(super) fn new(certificate: &Certificate) -> Result<Self, Refusal> {
        Self::of(certificate).ok_or_else(|| Refusal::Authority("it gave no certificate".to_owned()))
    }
}

/// What the machine is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enrolled {
    /// Here is the certificate.
    Issued {
        /// The identity.
        agent: AgentId,
        /// Its certificate.
        leaf: Leaf,
    },
    /// A person has to approve.
    Pending {
        /// The identity that waits.
        agent: AgentId,
        /// Since when.
        since: Timestamp,
    },
}

impl Registry {
    /// Decides on an enrolment.
    ///
    /// # Errors
    /// The token, the network or the key does not allow it.
    pub fn decide_enrol(
        &self,
        request: &Enrolment,
        issue: &dyn Issue,
        now: Timestamp,
    ) -> Result<Decision<Enrolled>, Refusal> {
        let token = self.tokens.get(&request.token).ok_or(Refusal::TokenUnknown)?;
        if token.withdrawn_by.is_some() {
            return Err(Refusal::TokenWithdrawn);
        }
        may_use_from(token, request.peer)?;
        let holder = self.keys.get(&request.key).and_then(|id| self.agents.get(id));
        if let Some(holder) = holder.filter(|holder| holder.token == request.token) {
            return again(holder, request, issue, now);
        }
        has_a_use_left(token, now)?;
        if let Some(holder) = holder {
            return self.again_with(token, holder, request, issue, now);
        }
        if !token.auto_approve && self.waiting() >= WAITING_MAX {
            return Err(Refusal::WaitingListFull { max: WAITING_MAX });
        }
        self.first(token, request, issue, now)
    }

    fn first(
        &self,
        token: &Token,
        request: &Enrolment,
        issue: &dyn Issue,
        now: Timestamp,
    ) -> Result<Decision<Enrolled>, Refusal> {
        let agent = request.fresh.agent;
        let proven = request.proof.as_ref().and_then(|proof| self.proven(proof, now));
        let event = |what| Event { at: now, peer: Some(request.peer), what };
        let requested = What::Requested {
            agent,
            token: token.hash,
            key: request.key,
            hints: request.hints.clone().cleaned(),
            proven,
        };
        let mut events = vec![event(requested)];
        if !token.auto_approve {
            return Ok(Decision { events, reply: Enrolled::Pending { agent, since: now } });
        }
        let host = proven.map_or(request.fresh.host, |proven| proven.host);
        let certificate = issue.issue(agent, now)?;
        let reply = Enrolled::Issued { agent, leaf: Leaf::new(&certificate)? };
        events.push(event(What::Approved { agent, host, by: "token".to_owned() }));
        events.push(event(What::Issued { agent, certificate }));
        Ok(Decision { events, reply })
    }

    /// The key of an entry, with another token: the entry is kept, or a machine that waits would be there twice.
    fn again_with(
        &self,
        token: &Token,
        holder: &Agent,
        request: &Enrolment,
        issue: &dyn Issue,
        now: Timestamp,
    ) -> Result<Decision<Enrolled>, Refusal> {
        let event = |what| Event { at: now, peer: Some(request.peer), what };
        let proven = request.proof.as_ref().and_then(|proof| self.proven(proof, now));
        let mut events = vec![event(What::AskedAgain {
            agent: holder.id,
            from: holder.token,
            token: token.hash,
            hints: request.hints.clone().cleaned(),
            proven,
        })];
        if holder.standing == Standing::Waiting && token.auto_approve {
            let host = proven.or(holder.proven).map_or(request.fresh.host, |proven| proven.host);
            let certificate = issue.issue(holder.id, now)?;
            let reply = Enrolled::Issued { agent: holder.id, leaf: Leaf::new(&certificate)? };
            events.push(event(What::Approved { agent: holder.id, host, by: "token".to_owned() }));
            events.push(event(What::Issued { agent: holder.id, certificate }));
            return Ok(Decision { events, reply });
        }
        let decided = again(holder, request, issue, now)?;
        events.extend(decided.events);
        Ok(Decision { events, reply: decided.reply })
    }

    /// The host of an older certificate whose key was proven in the handshake. An ended, superseded, revoked or held
    /// one proves nothing: an ended certificate may be renewed, and nothing else.
    fn proven(&self, proof: &PeerIdentity, now: Timestamp) -> Option<Proven> {
        let host = self.admits(proof, now).ok()?;
        Some(Proven { agent: proof.agent, host })
    }
}

fn has_a_use_left(token: &Token, now: Timestamp) -> Result<(), Refusal> {
    if now >= token.expires_at {
        return Err(Refusal::TokenExpired { at: token.expires_at });
    }
    if token.used >= token.uses {
        return Err(Refusal::TokenUsedUp { uses: token.uses });
    }
    Ok(())
}

fn may_use_from(token: &Token, peer: IpAddr) -> Result<(), Refusal> {
    let peer = peer.to_canonical();
    if token.networks.is_empty() || token.networks.iter().any(|network| network.contains(&peer)) {
        return Ok(());
    }
    let allowed = token.networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Err(Refusal::TokenNetwork { peer, allowed })
}

/// The same key again: the same identity, and the same certificate until it was used.
fn again(
    holder: &Agent,
    request: &Enrolment,
    issue: &dyn Issue,
    now: Timestamp,
) -> Result<Decision<Enrolled>, Refusal> {
    if holder.first_key != request.key {
        return Err(Refusal::KeyInUse);
    }
    let agent = holder.id;
    if holder.standing == Standing::Waiting {
        return Ok(Decision { events: Vec::new(), reply: Enrolled::Pending { agent, since: holder.requested_at } });
    }
    holder.may_act()?;
    let staged = holder.certificates.iter().find(|c| c.key == request.key && now < c.not_after);
    if let Some(leaf) = staged.and_then(Leaf::of) {
        return Ok(Decision { events: Vec::new(), reply: Enrolled::Issued { agent, leaf } });
    }
    if holder.certificates.iter().any(|certificate| certificate.key != request.key) {
        return Err(Refusal::KeyInUse);
    }
    let certificate = issue.issue(agent, now)?;
    let reply = Enrolled::Issued { agent, leaf: Leaf::new(&certificate)? };
    let event = Event { at: now, peer: Some(request.peer), what: What::Issued { agent, certificate } };
    Ok(Decision { events: vec![event], reply })
}
