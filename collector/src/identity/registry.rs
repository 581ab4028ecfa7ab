//! The registry: every token and every agent, as the journalled events made them.
//!
//! Pure: `decide_*` read it and yield events, [`Registry::apply`] is the only change. The engine journals the
//! events of a decision before it applies them, and decides one at a time, so no use of a token is spent twice.
//!
//! Invariants: a token is never used more often than it allows, and what is spent stays spent; a key belongs to one agent; an agent has at most
//! one certificate in use and one staged; applying the journalled events again gives the same registry.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenken_proto::Timestamp;
use tenken_proto::ident::{AgentId, Digest, HostId};

use super::{Event, Hints, Proven, Refusal, Serial, Token, What};
use crate::ingest::peer::PeerIdentity;

/// Machines that may wait for approval at one time.
pub const WAITING_MAX: usize = 10_000;
/// Tokens that are kept; the oldest that have ended leave first.
pub const TOKENS_MAX: usize = 10_000;

/// Entries of the revocation list are forgotten so long after their certificate's end. Their agents never are.
pub const REVOKED_KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(400 * 24);

/// The events that carry out a decision, and what the caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<T> {
    /// To be journalled, then applied, in this order. Empty: nothing changes.
    pub events: Vec<Event>,
    /// What the caller is told.
    pub reply: T,
}

/// Every token and every agent of one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    pub(super) tokens: BTreeMap<Digest, Token>,
    pub(super) agents: BTreeMap<AgentId, Agent>,
    /// Which agent holds a key: its first one, and those of its certificates.
    pub(super) keys: BTreeMap<Digest, AgentId>,
    /// Certificates that may not be used before their time is over.
    pub(super) revoked: BTreeMap<Serial, RevokedCertificate>,
    /// Refusals by reason, since the beginning.
    pub(super) refusals: BTreeMap<String, u64>,
}

/// One certificate identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Its id, as in its certificates.
    pub id: AgentId,
    /// The host it speaks for; none before approval.
    pub host: Option<HostId>,
    /// What may be done with it.
    pub standing: Standing,
    /// The token it came with.
    pub token: Digest,
    /// The site of that token.
    pub site: Option<String>,
    /// SHA-256 of its first public key.
    pub first_key: Digest,
    /// What the machine said about itself.
    pub hints: Hints,
    /// Where it asked from.
    pub peer: Option<std::net::IpAddr>,
    /// When it asked.
    pub requested_at: Timestamp,
    /// The older identity whose key was proven, until the first use of the new certificate.
    pub proven: Option<Proven>,
    /// The certificate in use and the staged one; oldest first.
    pub certificates: Vec<Certificate>,
}

/// What may be done with an identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// A person has to approve it.
    Waiting,
    /// It may report and renew.
    Active,
    /// Suspected clone.
    OnHold {
        /// Since when.
        since: Timestamp,
        /// What was seen.
        reason: String,
    },
    /// Cut off for ever.
    Revoked {
        /// When.
        at: Timestamp,
        /// Who did it.
        by: String,
        /// Why.
        reason: String,
    },
    /// Ended in good order.
    Retired {
        /// When.
        at: Timestamp,
        /// Who did it.
        by: String,
        /// Why.
        reason: String,
    },
}

impl Standing {
    /// The word for lists and counters.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::OnHold { .. } => "on_hold",
            Self::Revoked { .. } => "revoked",
            Self::Retired { .. } => "retired",
        }
    }
}

/// A certificate as the registry keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Its serial number.
    pub serial: Serial,
    /// SHA-256 of its public key.
    pub key: Digest,
    /// Id of the intermediate that signed it.
    pub issuer: String,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// From when it counts.
    pub not_before: Timestamp,
    /// Until when it counts.
    pub not_after: Timestamp,
    /// Its bytes, until its first use shows that the agent has them.
    #[serde(default, with = "base64_option", skip_serializing_if = "Option::is_none")]
    pub der: Option<Vec<u8>>,
    /// When it was used for the first time; none: staged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_used: Option<Timestamp>,
}

/// An entry of the revocation list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedCertificate {
    /// Id of the intermediate that signed the certificate.
    pub issuer: String,
    /// When it was revoked.
    pub at: Timestamp,
    /// When the certificate itself ends.
    pub not_after: Timestamp,
    /// Revoked for suspicion (true) or ended in good order (false).
    pub revoked: bool,
}

/// Reads and writes bytes as base64 text.
mod base64_option {
    use data_encoding::BASE64;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => serializer.serialize_str(&BASE64.encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| BASE64.decode(text.as_bytes()).map_err(serde::de::Error::custom))
            .transpose()
    }
}

impl Registry {
    /// An agent by its id.
    #[must_use]
    pub fn agent(&self, id: AgentId) -> Option<&Agent> {
        self.agents.get(&id)
    }

    /// Every agent, ordered by id.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.agents.values()
    }

    /// Every token, ordered by hash.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.values()
    }

    /// The agents that speak for a host and have not ended.
    pub fn agents_of(&self, host: HostId) -> impl Iterator<Item = &Agent> {
        self.agents.values().filter(move |agent| agent.host == Some(host) && agent.has_not_ended())
    }

    /// How many machines wait for approval.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.agents.values().filter(|agent| agent.standing == Standing::Waiting).count()
    }

    /// Refusals by reason, since the beginning.
    #[must_use]
    pub fn refusals(&self) -> &BTreeMap<String, u64> {
        &self.refusals
    }

    /// What the revocation list has to name: certificates that could still be shown at `now`,
    /// the grace for renewal included.
    pub fn revoked(
        &self,
        now: Timestamp,
        grace: jiff::SignedDuration,
    ) -> impl Iterator<Item = (Serial, &RevokedCertificate)> {
        self.revoked.iter().filter(move |(_, entry)| now.duration_since(entry.not_after) <= grace).map(|(s, e)| (*s, e))
    }

    /// Whether a peer may report, and for which host. Asked when a stream opens and while it lives.
    ///
    /// # Errors
    /// Everything that ends an identity or makes it wait.
    pub fn admits(&self, peer: &PeerIdentity, now: Timestamp) -> Result<HostId, Refusal> {
        let agent = self.standing_of(peer)?;
        if !agent.certificates.iter().any(|certificate| certificate.serial == peer.serial) {
            return Err(Refusal::Superseded(peer.serial));
        }
        if now > peer.not_after {
            return Err(Refusal::Expired { serial: peer.serial, at: peer.not_after });
        }
        agent.host.ok_or(Refusal::Waiting(agent.id))
    }

    /// Whether a certificate was used before.
    #[must_use]
    pub fn is_used(&self, peer: &PeerIdentity) -> bool {
        let certificates = self.agents.get(&peer.agent).map(|agent| agent.certificates.as_slice()).unwrap_or_default();
        certificates.iter().any(|certificate| certificate.serial == peer.serial && certificate.first_used.is_some())
    }

    /// For each agent the host of another agent that gave the same host name or serial number, if there is one:
    /// perhaps it is the same machine. Only a person can say so.
    #[must_use]
    pub fn suggestions(&self) -> BTreeMap<AgentId, HostId> {
        let mut known: BTreeMap<(bool, String), BTreeMap<HostId, Timestamp>> = BTreeMap::new();
        for agent in self.agents.values() {
            for (trait_, host) in agent.traits().zip(std::iter::repeat(agent.host)) {
                if let Some(host) = host {
                    known.entry(trait_).or_default().insert(host, agent.requested_at);
                }
            }
        }
        let suggested = self.agents.values().filter(|agent| agent.has_not_ended()).filter_map(|agent| {
            let mut hosts = agent.traits().filter_map(|trait_| known.get(&trait_)).flatten();
            let earlier = |(host, at): &(&HostId, &Timestamp)| Some(**host) != agent.host && **at <= agent.requested_at;
            hosts.find(earlier).map(|(host, _)| (agent.id, *host))
        });
        suggested.collect()
    }

    /// The agent behind a certificate, if it may act.
    pub(super) fn standing_of(&self, peer: &PeerIdentity) -> Result<&Agent, Refusal> {
        let agent = self.agents.get(&peer.agent).ok_or(Refusal::AgentUnknown(peer.agent))?;
        agent.may_act()?;
        Ok(agent)
    }

    /// Carries out what was decided. Total: an event about something unknown changes nothing.
    pub fn apply(&mut self, event: &Event) {
        match &event.what {
            What::TokenCreated { token } => self.keep_token(token, event.at),
            What::TokenRevoked { token, by } => {
                self.with_token(token, |token| token.withdrawn_by = Some(by.clone()));
            }
            What::TokenOverUsed { token, .. } => {
                self.with_token(token, |token| {
                    token.over_uses = token.over_uses.saturating_add(1);
                    token.over_used_at = Some(event.at);
                });
            }
            What::Requested { agent, token, key, hints, proven } => {
                self.add_agent(event, *agent, token, *key, hints, *proven);
            }
            What::AskedAgain { agent, token, hints, proven, .. } => {
                self.move_agent(event, *agent, token, hints, *proven);
            }
            What::Approved { agent, host, .. } => self.with_agent(*agent, |agent| {
                agent.host = Some(*host);
                agent.standing = Standing::Active;
            }),
            What::Issued { agent, certificate } => self.stage(*agent, certificate),
            What::Activated { agent, serial } => self.activate(*agent, *serial, event.at),
            What::Bound { agent, host, .. } => self.with_agent(*agent, |agent| agent.host = Some(*host)),
            What::OnHold { agent, reason } => {
                let standing = Standing::OnHold { since: event.at, reason: reason.clone() };
                self.with_agent(*agent, |agent| agent.standing = standing);
            }
            What::Released { agent, .. } => self.with_agent(*agent, |agent| agent.standing = Standing::Active),
            What::Revoked { agent, by, reason } => {
                let standing = Standing::Revoked { at: event.at, by: by.clone(), reason: reason.clone() };
                self.end(*agent, standing, event.at, true);
            }
            What::Retired { agent, by, reason } => {
                let standing = Standing::Retired { at: event.at, by: by.clone(), reason: reason.clone() };
                self.end(*agent, standing, event.at, false);
            }
            What::Refused { reason, .. } => self.count_refusals(reason, 1),
            What::RefusalsDropped { count } => self.count_refusals("not_journalled", *count),
        }
    }

    fn with_agent(&mut self, id: AgentId, change: impl FnOnce(&mut Agent)) {
        if let Some(agent) = self.agents.get_mut(&id) {
            change(agent);
        }
    }

    fn with_token(&mut self, hash: &Digest, change: impl FnOnce(&mut Token)) {
        if let Some(token) = self.tokens.get_mut(hash) {
            change(token);
        }
    }

    fn keep_token(&mut self, token: &Token, now: Timestamp) {
        if self.tokens.len() >= TOKENS_MAX {
            let oldest = self.tokens.values().filter(|t| t.expires_at < now).min_by_key(|t| t.expires_at);
            if let Some(hash) = oldest.map(|token| token.hash) {
                self.tokens.remove(&hash);
            }
        }
        self.tokens.insert(token.hash, token.clone());
    }

    fn add_agent(
        &mut self,
        event: &Event,
        id: AgentId,
        token: &Digest,
        key: Digest,
        hints: &Hints,
        proven: Option<Proven>,
    ) {
        let mut site = None;
        self.with_token(token, |token| {
            token.used = token.used.saturating_add(1);
            site.clone_from(&token.site);
        });
        self.keys.insert(key, id);
        let agent = Agent {
            id,
            host: None,
            standing: Standing::Waiting,
            token: *token,
            site,
            first_key: key,
            hints: hints.clone(),
            peer: event.peer,
            requested_at: event.at,
            proven,
            certificates: Vec::new(),
        };
        self.agents.insert(id, agent);
    }

    /// A machine asked again with another token. Until approval the entry follows what it says now; the place in the
    /// list stays.
    fn move_agent(&mut self, event: &Event, id: AgentId, token: &Digest, hints: &Hints, proven: Option<Proven>) {
        if !self.agents.contains_key(&id) {
            return;
        }
        let mut site = None;
        self.with_token(token, |token| {
            token.used = token.used.saturating_add(1);
            site.clone_from(&token.site);
        });
        self.with_agent(id, |agent| {
            agent.token = *token;
            agent.peer = event.peer;
            if agent.standing == Standing::Waiting {
                agent.site = site;
                agent.hints.clone_from(hints);
                agent.proven = proven.or(agent.proven);
            }
        });
    }

    /// A new certificate takes the place of one that was staged and never used.
    fn stage(&mut self, id: AgentId, certificate: &Certificate) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let first_key = agent.first_key;
        agent.certificates.retain(|old| {
            let keep = old.first_used.is_some();
            if !keep && old.key != first_key && old.key != certificate.key {
                self.keys.remove(&old.key);
            }
            keep
        });
        agent.certificates.push(certificate.clone());
        self.keys.insert(certificate.key, id);
    }

    fn activate(&mut self, id: AgentId, serial: Serial, at: Timestamp) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if !agent.certificates.iter().any(|certificate| certificate.serial == serial) {
            return;
        }
        let first_key = agent.first_key;
        agent.certificates.retain_mut(|certificate| {
            if certificate.serial == serial {
                certificate.first_used.get_or_insert(at);
                certificate.der = None;
                return true;
            }
            if certificate.key != first_key {
                self.keys.remove(&certificate.key);
            }
            false
        });
        self.keys.extend(agent.certificates.iter().map(|certificate| (certificate.key, id)));
        agent.proven = None;
    }

    fn end(&mut self, id: AgentId, standing: Standing, at: Timestamp, revoked: bool) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.standing = standing;
        self.revoked.retain(|_, entry| at.duration_since(entry.not_after) <= REVOKED_KEPT);
        for certificate in &mut agent.certificates {
            certificate.der = None;
            let entry = RevokedCertificate {
                issuer: certificate.issuer.clone(),
                at,
                not_after: certificate.not_after,
                revoked,
            };
            self.revoked.insert(certificate.serial, entry);
        }
    }

    fn count_refusals(&mut self, reason: &str, count: u64) {
        let counter = self.refusals.entry(reason.to_owned()).or_default();
        *counter = counter.saturating_add(count);
    }
}

impl Agent {
    /// What it says of itself that tells machines apart: serial number first, then name, case-folded.
    fn traits(&self) -> impl Iterator<Item = (bool, String)> + use<> {
        let told = [(false, self.hints.serial_number.to_lowercase()), (true, self.hints.host_name.to_lowercase())];
        told.into_iter().filter(|(_, text)| !text.is_empty())
    }

    /// The certificate that was issued last.
    #[must_use]
    pub fn newest(&self) -> Option<&Certificate> {
        self.certificates.last()
    }

    /// False once it was revoked or retired.
    #[must_use]
    pub fn has_not_ended(&self) -> bool {
        match self.standing {
            Standing::Waiting | Standing::Active | Standing::OnHold { .. } => true,
            Standing::Revoked { .. } | Standing::Retired { .. } => false,
        }
    }

    /// Whether it may report and renew.
    ///
    /// # Errors
    /// The standing that forbids it.
    pub fn may_act(&self) -> Result<(), Refusal> {
        match &self.standing {
            Standing::Active => Ok(()),
            Standing::Waiting => Err(Refusal::Waiting(self.id)),
            Standing::OnHold { reason, .. } => Err(Refusal::OnHold { agent: self.id, reason: reason.clone() }),
            Standing::Revoked { .. } => Err(Refusal::Revoked(self.id)),
            Standing::Retired { .. } => Err(Refusal::Retired(self.id)),
        }
    }
}
