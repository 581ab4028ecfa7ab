//! Certificate identities and what waits for a person among them.

use tenken_proto::Timestamp;
use tenken_proto::ident::HostId;

use super::host_ref_of;
use crate::api::v1;
use crate::engine::State;
use crate::identity::{Agent, Standing};

/// All agents: those that wait first, then held ones, then by name.
#[must_use]
pub fn agents(state: &State, now: Timestamp) -> v1::Agents {
    let suggestions = state.registry.suggestions();
    let suggested = |id: &tenken_proto::ident::AgentId| suggestions.get(id).copied();
    let mut agents: Vec<v1::Agent> =
        state.registry.agents().map(|it| agent(state, it, suggested(&it.id), now)).collect();
    agents.sort_by(|a, b| {
        rank(a.state).cmp(&rank(b.state)).then_with(|| a.name.cmp(&b.name)).then_with(|| a.id.cmp(&b.id))
    });
    v1::Agents { as_of: now, agents }
}

/// One agent, and the known host that it may be.
#[must_use]
pub fn agent(state: &State, of: &Agent, suggested: Option<HostId>, now: Timestamp) -> v1::Agent {
    let seen = of.host.and_then(|host| state.presence.of(host)).filter(|_| of.may_act().is_ok());
    let reason = match &of.standing {
        Standing::Waiting | Standing::Active => None,
        Standing::OnHold { reason, .. } | Standing::Revoked { reason, .. } | Standing::Retired { reason, .. } => {
            Some(reason.clone()).filter(|it| !it.is_empty())
        }
    };
    let version = seen.map(|seen| seen.agent_version.clone()).filter(|it| !it.is_empty());
    v1::Agent {
        id: of.id,
        state: standing(of, now),
        host: of.host,
        name: of.hints.host_name.clone(),
        site: of.site.clone(),
        enrolled_from: of.peer.map(|peer| peer.to_string()),
        enrolled_at: Some(of.requested_at),
        certificate_until: of.newest().map(|certificate| certificate.not_after),
        last_seen: seen.map(|seen| seen.last_seen),
        connected: seen.is_some_and(crate::engine::Seen::is_connected),
        version: version.or_else(|| Some(of.hints.agent_version.clone()).filter(|it| !it.is_empty())),
        reason,
        suggested_host: suggested.and_then(|id| suggestion(state, id)),
    }
}

fn standing(of: &Agent, now: Timestamp) -> v1::AgentState {
    let ended = of.newest().is_some_and(|certificate| certificate.not_after < now);
    match &of.standing {
        Standing::Waiting => v1::AgentState::Pending,
        Standing::Active if ended => v1::AgentState::Expired,
        Standing::Active => v1::AgentState::Active,
        Standing::OnHold { .. } => v1::AgentState::OnHold,
        Standing::Revoked { .. } => v1::AgentState::Revoked,
        Standing::Retired { .. } => v1::AgentState::Retired,
    }
}

fn suggestion(state: &State, id: HostId) -> Option<v1::HostRef> {
    state.fleet.host(id).map(|host| host_ref_of(&host.summary))
}

fn rank(state: v1::AgentState) -> u8 {
    match state {
        v1::AgentState::Pending => 0,
        v1::AgentState::OnHold => 1,
        v1::AgentState::Expired => 2,
        v1::AgentState::Active => 3,
        v1::AgentState::Revoked | v1::AgentState::Retired => 4,
    }
}
