//! What a person sees first: how much is seen, what is worst, what turns when, what waits.

use std::collections::BTreeMap;

use tenken_assess::fleet::{Expected, HostSummary};
use tenken_proto::Timestamp;

use super::{agents, answers, basis, health, host_ref_of, ledger, outcome, retired, severity, text};
use crate::api::v1;
use crate::engine::State;

/// Most moments shown at which something turns.
pub const TURNING_SHOWN_MAX: usize = 20;

/// The overview.
#[must_use]
pub fn overview(state: &State, now: Timestamp) -> v1::Overview {
    let hosts = state.fleet.hosts();
    let risks = state.fleet.ledger_origin().map(|_| ledger::risks(state).bands);
    v1::Overview {
        as_of: now,
        pack_hash: state.fleet.packs().hash().to_string(),
        coverage: coverage(state, &hosts),
        checklists: answers::summaries(state),
        risks,
        worst: worst(state, &hosts),
        turning: turning(state, &hosts, now),
        attention: attention(state, &hosts, now),
        health: health::health(state, now),
    }
}

fn coverage(state: &State, hosts: &[HostSummary]) -> v1::Coverage {
    let counts = state.fleet.coverage();
    let list = state.fleet.expected();
    let count = |of: fn(&HostSummary) -> bool| hosts.iter().filter(|host| of(host)).count() as u64;
    v1::Coverage {
        observed: u64::from(counts.observed),
        known: u64::from(counts.known),
        expected: (!list.machines.is_empty()).then_some(u64::from(counts.expected)),
        not_enrolled: list.missing.len() as u64,
        silent: count(|host| host.silent),
        stale: count(|host| !host.stale.is_empty()),
        retired: retired(state),
    }
}

/// Controls that any host does not meet, the worst and widest first.
fn worst(state: &State, hosts: &[HostSummary]) -> Vec<v1::Worst> {
    let mut found: Vec<v1::Worst> = Vec::new();
    for control in state.fleet.packs().controls() {
        let of =
            |host: &HostSummary| host.verdicts.iter().find(|it| it.control == control.id).map(|it| outcome(it.outcome));
        let Some(verdict) = hosts.iter().filter_map(of).max_by_key(|word| severity(*word)) else { continue };
        if severity(verdict) < severity(v1::VerdictWord::Partial) {
            continue;
        }
        let concerned: Vec<&HostSummary> = hosts.iter().filter(|host| of(host) == Some(verdict)).collect();
        found.push(v1::Worst {
            control: control.id.clone(),
            title: text(&control.title),
            verdict,
            hosts_total: concerned.len() as u64,
            hosts: concerned.iter().take(v1::HOSTS_SHOWN_MAX).map(|host| host_ref_of(host)).collect(),
            reason: concerned.first().and_then(|host| reason(state, host, &control.id)),
            remedy: match verdict {
                v1::VerdictWord::Unknown => text(&tenken_assess::verdict::make_observable()),
                v1::VerdictWord::Pass
                | v1::VerdictWord::Partial
                | v1::VerdictWord::Fail
                | v1::VerdictWord::NotApplicable => text(&control.remedy),
            },
        });
    }
    found.sort_by(|a, b| {
        severity(b.verdict)
            .cmp(&severity(a.verdict))
            .then(b.hosts_total.cmp(&a.hosts_total))
            .then(a.control.cmp(&b.control))
    });
    found
}

fn reason(state: &State, host: &HostSummary, control: &str) -> Option<v1::Text> {
    let detail = state.fleet.host(host.id)?;
    let verdict = detail.verdicts.iter().find(|it| it.control == control)?;
    verdict.reasons.first().map(|reason| text(&reason.text))
}

fn turning(state: &State, hosts: &[HostSummary], now: Timestamp) -> Vec<v1::Turning> {
    let packs = state.fleet.packs();
    let mut turning: Vec<v1::Turning> = Vec::new();
    for host in hosts {
        for head in &host.verdicts {
            let (Some(at), Some(becomes)) = (head.valid_until, head.becomes) else { continue };
            if at <= now || becomes == head.outcome {
                continue;
            }
            let title = packs.control(&head.control).map(|it| text(&it.title)).unwrap_or_default();
            let (from, becomes) = (outcome(head.outcome), outcome(becomes));
            let what = v1::TurningWhat::Verdict {
                host: host_ref_of(host),
                control: head.control.clone(),
                title,
                from,
                becomes,
            };
            turning.push(v1::Turning { at, what });
        }
    }
    let ends = state.fleet.declarations().filter_map(|said| said.until.filter(|at| *at > now).map(|at| (at, said)));
    for (at, said) in ends {
        let item = packs.checklist(&said.checklist).and_then(|list| list.items.iter().find(|it| it.id == said.item));
        let answers = state.fleet.answers(&said.checklist);
        let answer = answers.as_ref().and_then(|it| it.items.iter().find(|it| it.id == said.item));
        let what = v1::TurningWhat::Declaration {
            checklist: said.checklist.clone(),
            item: said.item.clone(),
            title: item.map(|it| text(&it.title)).unwrap_or_default(),
            basis: answer.map_or(v1::Basis::Declared, |it| basis(it.basis)),
        };
        turning.push(v1::Turning { at, what });
    }
    turning.sort_by_key(|turning| turning.at);
    turning.truncate(TURNING_SHOWN_MAX);
    turning
}

fn attention(state: &State, hosts: &[HostSummary], now: Timestamp) -> v1::Attention {
    let agents = agents::agents(state, now).agents;
    let in_state = |wanted| {
        let of = agents.iter().filter(move |agent| agent.state == wanted);
        named(of.map(|agent| v1::AgentRef { agent: agent.id, name: agent.name.clone() }))
    };
    let skewed = |host: &&HostSummary| state.presence.of(host.id).is_some_and(crate::engine::Seen::is_skewed);
    v1::Attention {
        silent: named(hosts.iter().filter(|host| host.silent).map(host_ref_of)),
        pending: in_state(v1::AgentState::Pending),
        on_hold: in_state(v1::AgentState::OnHold),
        duplicates: named(duplicates(hosts).into_iter()),
        skewed: named(hosts.iter().filter(skewed).map(host_ref_of)),
        not_enrolled: named(state.fleet.expected().missing.iter().map(expected_ref)),
    }
}

fn expected_ref(machine: &Expected) -> v1::HostRef {
    let name = if machine.name.is_empty() { machine.serial.as_ref() } else { Some(&machine.name) };
    v1::HostRef { host: None, name: name.cloned().unwrap_or_default() }
}

/// The first of them and how many there are.
fn named<T>(all: impl Iterator<Item = T>) -> v1::Named<T> {
    let mut first = Vec::new();
    let mut total = 0;
    for one in all {
        total += 1;
        if first.len() < v1::HOSTS_SHOWN_MAX {
            first.push(one);
        }
    }
    v1::Named { total, first }
}

/// Hosts that share a name or a serial number.
fn duplicates(hosts: &[HostSummary]) -> Vec<v1::Duplicate> {
    let mut shared: BTreeMap<(&str, String), Vec<v1::HostRef>> = BTreeMap::new();
    for host in hosts {
        let serial = host.serial.clone().unwrap_or_default();
        for (by, value) in [("host_name", host.name.to_lowercase()), ("serial_number", serial)] {
            if !value.is_empty() {
                shared.entry((by, value)).or_default().push(host_ref_of(host));
            }
        }
    }
    let several = shared.into_iter().filter(|(_, hosts)| hosts.len() > 1);
    several.map(|((by, value), hosts)| v1::Duplicate { by: by.to_owned(), value, hosts }).collect()
}
