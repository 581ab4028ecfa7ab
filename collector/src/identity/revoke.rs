//! What a person decides about an identity: approve, bind, release, revoke, retire; and the hold that a
//! suspected clone is put on.
//!
//! *Revoke*: may never return. *Retire*: ended in good order. Both put every certificate of the identity on the
//! revocation list. *Hold* refuses reports and renewals, but the certificate stays good, so that a release is enough.

use tenken_proto::Timestamp;
use tenken_proto::ident::{AgentId, HostId};

use super::{Agent, Decision, Event, Refusal, Registry, Standing, What, clean};

/// A person's word on an agent that waits, is held, or should speak for another host.
#[derive(Debug, Clone)]
pub struct Approval {
    /// Which identity.
    pub agent: AgentId,
    /// `--host`: the known host that this is.
    pub host: Option<HostId>,
    /// Used where a new host comes into being.
    pub fresh_host: HostId,
    /// Who says so.
    pub by: String,
}

impl Registry {
    /// Approves a waiting agent, releases a held one, or binds an active one to another host.
    ///
    /// # Errors
    /// The identity has ended, the host is not known, or nothing would change.
    pub fn decide_approve(&self, approval: &Approval, now: Timestamp) -> Result<Decision<HostId>, Refusal> {
        let agent = self.agents.get(&approval.agent).ok_or(Refusal::AgentUnknown(approval.agent))?;
        if let Some(host) = approval.host {
            self.known_host(host)?;
        }
        let by = clean(&approval.by);
        let mut whats = Vec::new();
        let host = match &agent.standing {
            Standing::Waiting => {
                let proven = agent.proven.map(|proven| proven.host);
                let host = approval.host.or(proven).unwrap_or(approval.fresh_host);
                whats.push(What::Approved { agent: agent.id, host, by: by.clone() });
                host
            }
            Standing::OnHold { .. } => {
                whats.push(What::Released { agent: agent.id, by: by.clone() });
                bind(agent, approval.host, &by, &mut whats)
            }
            Standing::Active => bind(agent, approval.host, &by, &mut whats),
            Standing::Revoked { .. } => return Err(Refusal::Revoked(agent.id)),
            Standing::Retired { .. } => return Err(Refusal::Retired(agent.id)),
        };
        if approval.host.is_some() {
            self.replace_others(agent.id, host, &by, &mut whats);
        }
        if whats.is_empty() {
            let state = "it is approved already; name --host to bind it to another host".to_owned();
            return Err(Refusal::NothingToDo { agent: agent.id, state });
        }
        let events = whats.into_iter().map(|what| Event { at: now, peer: None, what }).collect();
        Ok(Decision { events, reply: host })
    }

    /// Puts a suspected clone on hold; nothing happens where it is on hold already.
    ///
    /// # Errors
    /// The identity is not known or has ended.
    pub fn decide_hold(&self, agent: AgentId, reason: &str, now: Timestamp) -> Result<Decision<()>, Refusal> {
        let agent = self.agents.get(&agent).ok_or(Refusal::AgentUnknown(agent))?;
        let events = match agent.standing {
            Standing::OnHold { .. } => Vec::new(),
            Standing::Active => {
                let what = What::OnHold { agent: agent.id, reason: clean(reason) };
                vec![Event { at: now, peer: None, what }]
            }
            Standing::Waiting | Standing::Revoked { .. } | Standing::Retired { .. } => {
                return Err(agent.may_act().err().unwrap_or(Refusal::AgentUnknown(agent.id)));
            }
        };
        Ok(Decision { events, reply: () })
    }

    /// Cuts an identity off for ever. A waiting one is turned away by this.
    ///
    /// # Errors
    /// The identity is not known or was revoked before.
    pub fn decide_revoke(
        &self,
        agent: AgentId,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<Decision<()>, Refusal> {
        let agent = self.agents.get(&agent).ok_or(Refusal::AgentUnknown(agent))?;
        if let Standing::Revoked { at, .. } = agent.standing {
            return Err(Refusal::NothingToDo { agent: agent.id, state: format!("it was revoked at {at}") });
        }
        let what = What::Revoked { agent: agent.id, by: clean(by), reason: clean(reason) };
        Ok(Decision { events: vec![Event { at: now, peer: None, what }], reply: () })
    }

    /// Ends the identities of a host that a person retires. The host may have none.
    #[must_use]
    pub fn decide_retire_host(&self, host: HostId, by: &str, reason: &str, now: Timestamp) -> Decision<()> {
        let retire = |agent: &Agent| What::Retired { agent: agent.id, by: clean(by), reason: clean(reason) };
        let events =
            self.agents_of(host).map(|agent| Event { at: now, peer: None, what: retire(agent) }).collect::<Vec<_>>();
        Decision { events, reply: () }
    }

    fn known_host(&self, host: HostId) -> Result<(), Refusal> {
        if self.agents.values().any(|agent| agent.host == Some(host)) {
            return Ok(());
        }
        Err(Refusal::HostUnknown(host))
    }

    /// One host, one voice: who spoke for the host before is retired.
    fn replace_others(&self, agent: AgentId, host: HostId, by: &str, whats: &mut Vec<What>) {
        for other in self.agents_of(host).filter(|other| other.id != agent) {
            let reason = format!("replaced by {agent}");
            whats.push(What::Retired { agent: other.id, by: by.to_owned(), reason });
        }
    }
}

/// Moves an approved agent to the host that a person named.
fn bind(agent: &Agent, wanted: Option<HostId>, by: &str, whats: &mut Vec<What>) -> HostId {
    let current = agent.host.unwrap_or(HostId(uuid::Uuid::nil()));
    match wanted {
        Some(host) if host != current => {
            whats.push(What::Bound { agent: agent.id, from: current, host, by: by.to_owned() });
            host
        }
        Some(_) | None => current,
    }
}
