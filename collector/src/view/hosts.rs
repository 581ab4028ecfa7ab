//! The hosts in a table: how each stands, when it was last heard, and what each control says.

use jiff::SignedDuration;
use tenken_assess::fleet::{Expected, HostSummary, view::VerdictHead};
use tenken_proto::Timestamp;

use super::{class, freshness, outcome, severity, text};
use crate::api::v1;
use crate::engine::State;

/// Without a word for so long a host is shown as not connected. Display only.
pub const DISCONNECTED_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// All hosts, and the expected machines that never enrolled: the worst first, then by name.
#[must_use]
pub fn hosts(state: &State, now: Timestamp) -> v1::Hosts {
    let controls = state.fleet.packs().controls();
    let mut rows: Vec<v1::HostRow> = state.fleet.hosts().iter().map(|host| row(state, host, now)).collect();
    rows.extend(state.fleet.expected().missing.iter().map(missing));
    rows.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name)).then_with(|| a.id.cmp(&b.id)));
    v1::Hosts {
        as_of: now,
        controls: controls.iter().map(|it| v1::ControlHead { id: it.id.clone(), title: text(&it.title) }).collect(),
        hosts: rows,
        retired: state.fleet.retired().map(retired).collect(),
    }
}

fn row(state: &State, host: &HostSummary, now: Timestamp) -> v1::HostRow {
    v1::HostRow {
        id: Some(host.id),
        name: host.name.clone(),
        status: status(state, host, now),
        class: class(host.class),
        site: host.site.clone(),
        expected: host.expected,
        last_seen: state.presence.of(host.id).map(|seen| seen.last_seen),
        freshness: freshness(host.silent, !host.stale.is_empty(), host.observed_at.is_some()),
        verdicts: host.verdicts.iter().map(|it| (it.control.clone(), cell(host, it))).collect(),
    }
}

fn retired(host: &tenken_assess::fleet::RetiredHost) -> v1::RetiredHost {
    let (name, by, reason) = (host.name.clone(), host.by.clone(), host.reason.clone());
    v1::RetiredHost { id: host.id, name, by, reason, at: host.at }
}

fn cell(host: &HostSummary, head: &VerdictHead) -> v1::VerdictCell {
    v1::VerdictCell {
        verdict: outcome(head.outcome),
        freshness: freshness(host.silent, head.stale, host.observed_at.is_some()),
        valid_until: head.valid_until,
    }
}

fn missing(machine: &Expected) -> v1::HostRow {
    v1::HostRow {
        id: None,
        name: if machine.name.is_empty() { machine.serial.clone().unwrap_or_default() } else { machine.name.clone() },
        status: v1::HostStatus::NotEnrolled,
        class: class(machine.class),
        site: machine.site.clone(),
        expected: true,
        last_seen: None,
        freshness: v1::Freshness::Never,
        verdicts: std::collections::BTreeMap::new(),
    }
}

/// How a host stands to the collector now.
pub(super) fn status(state: &State, host: &HostSummary, now: Timestamp) -> v1::HostStatus {
    let seen = state.presence.of(host.id);
    // Enrolment is heard of too, but a host that never opened a stream was never connected.
    let heard_of = seen.is_some_and(|it| {
        let streamed = !it.agent_version.is_empty() || host.observed_at.is_some();
        it.is_connected() || (streamed && now.duration_since(it.last_seen) <= DISCONNECTED_AFTER)
    });
    let has_agent = state.registry.agents_of(host.id).next().is_some();
    match (has_agent, host.silent, heard_of) {
        (false, _, _) => v1::HostStatus::NoAgent,
        (true, true, _) => v1::HostStatus::Silent,
        (true, false, true) => v1::HostStatus::Connected,
        (true, false, false) => v1::HostStatus::Disconnected,
    }
}

/// Smaller stands higher: what fails, what is silent, what is unknown, what is partial, the rest, the missing.
fn rank(row: &v1::HostRow) -> u8 {
    let worst = row.verdicts.values().map(|cell| severity(cell.verdict)).max().unwrap_or(0);
    match row.status {
        v1::HostStatus::NotEnrolled => 9,
        v1::HostStatus::Silent | v1::HostStatus::NoAgent if worst < 4 => 1,
        v1::HostStatus::Silent | v1::HostStatus::NoAgent | v1::HostStatus::Connected | v1::HostStatus::Disconnected => {
            match worst {
                4 => 0,
                3 => 2,
                2 => 3,
                _ => 4,
            }
        }
    }
}
