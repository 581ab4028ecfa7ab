//! One host with every fact, where it came from, and what each control says.

use std::collections::BTreeMap;

use tenken_assess::fleet::GroupFacts;
use tenken_proto::Timestamp;
use tenken_proto::ident::HostId;

use super::{agents, class, explain, freshness, hosts, lost_reports, verdict};
use crate::api::v1;
use crate::engine::State;

/// The host; none when it is not known or was taken out.
#[must_use]
pub fn host(state: &State, id: HostId, now: Timestamp) -> Option<v1::Host> {
    let detail = state.fleet.host(id)?;
    let summary = &detail.summary;
    let seen = state.presence.of(id);
    let own = || state.registry.agents().filter(|agent| agent.host == Some(id));
    let mut agents: Vec<v1::Agent> = own().map(|agent| agents::agent(state, agent, None, now)).collect();
    agents.sort_by_key(|agent| std::cmp::Reverse(agent.enrolled_at));
    let stale = |group: &GroupFacts| summary.stale.contains(&group.name);
    let info = |group: &GroupFacts| v1::GroupInfo {
        schema_version: group.schema_version,
        observed_at: group.observed_at,
        looked_at: seen.and_then(|seen| seen.groups.get(&group.name)).copied(),
        freshness: freshness(summary.silent, stale(group), true),
    };
    Some(v1::Host {
        as_of: now,
        id,
        name: summary.name.clone(),
        status: hosts::status(state, summary, now),
        class: class(summary.class),
        site: summary.site.clone(),
        expected: summary.expected,
        last_seen: seen.map(|seen| seen.last_seen),
        // Kept is what must be added to the host's clock; shown is how far it is ahead of ours.
        clock_offset_ms: seen.map(|seen| seen.clock_offset_ms.saturating_neg()),
        clock_skewed: seen.is_some_and(crate::engine::Seen::is_skewed),
        lost_reports: lost_reports(own().filter_map(|agent| state.agents.get(&agent.id))),
        agents,
        verdicts: detail.verdicts.iter().map(verdict).collect(),
        facts: detail.groups.iter().map(|it| (it.name.to_string(), explain::group_json(&it.name, it))).collect(),
        groups: detail.groups.iter().map(|it| (it.name.to_string(), info(it))).collect::<BTreeMap<_, _>>(),
    })
}
