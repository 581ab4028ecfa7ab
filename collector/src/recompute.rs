//! What time alone does: hosts fall silent and come back, groups grow stale and fresh again. Decided here from
//! [`Presence`](crate::engine::Presence), journalled by the engine as transitions, judged by the assessment.
//!
//! A reconciler: it looks at everything, takes no hint, and what it missed it finds at the next look.

use jiff::{SignedDuration, Timestamp};
use tenken_assess::fleet::{HostClass, Transition};
use tenken_proto::ident::HostId;

use crate::config::Time;
use crate::engine::State;

/// A look is taken at least this many times within the shortest limit.
const LOOKS_PER_LIMIT: i64 = 20;

/// What has turned by now, and after how many milliseconds to look again.
#[must_use]
pub fn transitions(state: &State, time: &Time, now: Timestamp) -> (Vec<(HostId, Transition)>, i64) {
    let mut turned = Vec::new();
    let settled = is_settled(state, time, now);
    for (host, seen) in &state.presence.hosts {
        let limit = match state.fleet.class_of(*host) {
            HostClass::Pc => time.silent_after_pc,
            HostClass::Server => time.silent_after_server,
        };
        let silent = now.duration_since(seen.last_seen) > limit;
        match (state.silent.contains(host), silent) {
            (false, true) if settled => turned.push((*host, Transition::HostSilent)),
            (true, false) => turned.push((*host, Transition::HostBack)),
            (false, true | false) | (true, true) => {}
        }
        if !seen.is_connected() {
            continue;
        }
        for (group, looked) in &seen.groups {
            let held = state.groups.get(host).is_some_and(|groups| groups.held.contains_key(group));
            let old = now.duration_since(*looked) > time.group_stale_after;
            match (state.stale.contains(&(*host, group.clone())), old) {
                (false, true) if held && settled => turned.push((*host, Transition::GroupStale(group.clone()))),
                (true, false) => turned.push((*host, Transition::GroupFresh(group.clone()))),
                (false, true | false) | (true, true) => {}
            }
        }
    }
    let shortest = time.silent_after_pc.min(time.silent_after_server).min(time.group_stale_after);
    (turned, i64::try_from(shortest.as_millis()).unwrap_or(i64::MAX) / LOOKS_PER_LIMIT)
}

/// After a start nobody turns silent before everybody had time to connect.
fn is_settled(state: &State, time: &Time, now: Timestamp) -> bool {
    let grace: SignedDuration = time.heartbeat_interval.saturating_add(time.startup_grace);
    state.presence.started_at.is_none_or(|started| now.duration_since(started) >= grace)
}
