//! How the collector itself is.

use tenken_proto::Timestamp;

use crate::api::v1;
use crate::engine::{State, StoreHealth};

/// The state of the parts, and what was refused.
#[must_use]
pub fn health(state: &State, now: Timestamp) -> v1::Health {
    let mut parts = vec![store(&state.health.store)];
    let over_used = state.registry.over_used(now).count();
    if over_used > 0 {
        parts.push(v1::HealthPart {
            part: "tokens".to_owned(),
            state: v1::HealthState::Degraded,
            detail: format!("{over_used} used-up tokens were presented again with another key: they may have leaked"),
        });
    }
    v1::Health {
        state: parts.iter().map(|part| part.state).max().unwrap_or(v1::HealthState::Ok),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: state.health.started_at.unwrap_or(now),
        parts,
        connected_agents: state.presence.hosts.values().map(|seen| u64::from(seen.streams)).sum(),
        reports_accepted: state.health.counters.reports,
        refused: refused(state),
    }
}

fn store(of: &StoreHealth) -> v1::HealthPart {
    let (state, detail) = match of {
        StoreHealth::Good => (v1::HealthState::Ok, String::new()),
        StoreHealth::Full { available, low_water } => (
            v1::HealthState::Failed,
            format!(
                "{available} bytes are left on the disk, {low_water} are kept back: free space on it; agents keep their reports"
            ),
        ),
        StoreHealth::Failed { since, error } => (v1::HealthState::Failed, format!("failing since {since}: {error}")),
    };
    v1::HealthPart { part: "store".to_owned(), state, detail }
}

fn refused(state: &State) -> Vec<v1::Refused> {
    let of = |place: &str, reason: &str, count: u64| v1::Refused {
        place: place.to_owned(),
        reason: reason.to_owned(),
        count,
    };
    let identity = state.registry.refusals().iter().map(|(reason, count)| of("identity", reason, *count));
    let reports = state.health.counters.refused.iter().map(|(reason, count)| of("reports", reason, *count));
    identity.chain(reports).filter(|it| it.count > 0).collect()
}
