//! How the collector itself is.

use tenken_proto::Timestamp;

use super::lost_reports;
use crate::api::v1;
use crate::engine::{State, StoreHealth};
use crate::identity::desk::IdentityHealth;

/// The state of the parts, and what was refused.
#[must_use]
pub fn health(state: &State, now: Timestamp) -> v1::Health {
    let parts = vec![store(&state.health.store)];
    v1::Health {
        state: parts.iter().map(|part| part.state).max().unwrap_or(v1::HealthState::Ok),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: state.health.started_at.unwrap_or(now),
        parts,
        connected_agents: state.presence.hosts.values().map(|seen| u64::from(seen.streams)).sum(),
        reports_accepted: state.health.counters.reports,
        lost_reports: lost_reports(state.agents.values()),
        refused: refused(state),
    }
}

/// Adds what is known of identities and listeners outside of the state.
pub fn add_identities(health: &mut v1::Health, identities: &IdentityHealth, now: Timestamp) {
    let ended = |at: Timestamp, part: &str, what: &str| {
        let (state, detail) = if at <= now {
            (v1::HealthState::Failed, format!("{what} ended at {at}; see the log of the collector"))
        } else {
            (v1::HealthState::Ok, String::new())
        };
        v1::HealthPart { part: part.to_owned(), state, detail }
    };
    health.parts.push(ended(identities.server_not_after, "listener", "the collector's own certificate"));
    health.parts.push(ended(identities.crls_until, "crl", "the revocation list"));
    let leaked = &identities.over_used_tokens;
    if !leaked.is_empty() {
        health.parts.push(v1::HealthPart {
            part: "tokens".to_owned(),
            state: v1::HealthState::Degraded,
            detail: format!(
                "used-up tokens were presented again with another key and may have leaked: {}",
                leaked.join(" ")
            ),
        });
    }
    health.state = health.parts.iter().map(|part| part.state).max().unwrap_or(v1::HealthState::Ok);
    let refused = identities.refusals.iter().filter(|(_, count)| *count > 0);
    let named = |(reason, count): &(&'static str, u64)| v1::Refused {
        place: "identity".to_owned(),
        reason: (*reason).to_owned(),
        count: *count,
    };
    health.refused.extend(refused.map(named));
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
    let reports = state.health.counters.refused.iter().map(|(reason, count)| of("reports", reason, *count));
    reports.filter(|it| it.count > 0).collect()
}
