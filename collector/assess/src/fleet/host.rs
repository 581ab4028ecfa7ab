//! One host: its facts, what is remembered of it, and what its controls say.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tenken_proto::fact::{GroupName, with_derived};
use tenken_proto::value::{Record, Value};

use super::change::GroupFacts;
use crate::condition::Facts;
use crate::derived::{self, FirstSeen, HISTORY, LIFECYCLE};
use crate::pack::{Control, Lifecycle};
use crate::verdict::{Outcome, judge};

/// One host.
#[derive(Debug, Clone, Default)]
pub(super) struct Host {
    /// The name that enrolment or the facts gave.
    pub(super) name: String,
    pub(super) site: Option<String>,
    /// Sorted by name; derived fields included.
    pub(super) groups: Vec<GroupFacts>,
    pub(super) first_seen: FirstSeen,
    pub(super) history: Record,
    pub(super) lifecycle: Record,
    pub(super) silent: bool,
    pub(super) revoked: bool,
    pub(super) stale: BTreeSet<GroupName>,
    /// One per control, in the order of the packs.
    pub(super) standings: Vec<Standing>,
}

/// What one control says about a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) outcome: Outcome,
    pub(super) stale: bool,
    pub(super) silent: bool,
    pub(super) since: Timestamp,
    pub(super) valid_until: Option<Timestamp>,
    pub(super) becomes: Option<Outcome>,
    /// The last outcome that was not *unknown*.
    pub(super) last_known: Option<Outcome>,
}

impl Standing {
    /// Unknown now, and failed when it was last known.
    pub(super) fn remembered_fail(&self) -> bool {
        self.outcome == Outcome::Unknown && self.last_known == Some(Outcome::Fail)
    }

    /// What a person sees of it.
    pub(super) fn shown(&self) -> super::moves::Standing {
        super::moves::Standing { outcome: self.outcome, stale: self.stale, silent: self.silent }
    }

    /// What a person sees of it is the same.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        self.shown() == other.shown()
    }
}

impl Facts for Host {
    fn group(&self, name: &str) -> Option<&Record> {
        match name {
            HISTORY => Some(&self.history),
            LIFECYCLE => Some(&self.lifecycle),
            _ => self.facts(name).map(|facts| &facts.record),
        }
    }
}

impl Host {
    /// The group as it came.
    pub(super) fn facts(&self, name: &str) -> Option<&GroupFacts> {
        self.groups.iter().find(|facts| facts.name.as_str() == name)
    }

    /// Takes in changed groups.
    pub(super) fn take(&mut self, groups: Vec<GroupFacts>, lifecycles: &[Lifecycle], at: Timestamp) {
        let (mut patch, mut host) = (false, false);
        for mut facts in groups {
            facts.record = with_derived(&facts.name, facts.record);
            match facts.name.as_str() {
                "patch" => {
                    self.first_seen.update(&facts.record, at);
                    patch = true;
                }
                "host" => {
                    if let Some(Value::Text(name)) = facts.record.value("host_name") {
                        self.name.clone_from(name);
                    }
                    host = true;
                }
                _ => {}
            }
            match self.groups.binary_search_by(|known| known.name.cmp(&facts.name)) {
                Ok(index) => self.groups[index] = facts,
                Err(index) => self.groups.insert(index, facts),
            }
        }
        if patch {
            self.derive_history();
        }
        if host {
            self.derive_lifecycle(lifecycles);
        }
    }

    /// It is heard of and has facts.
    pub(super) fn is_observed(&self) -> bool {
        !self.silent && !self.revoked && !self.groups.is_empty()
    }

    /// Computes the derived groups anew.
    pub(super) fn derive(&mut self, lifecycles: &[Lifecycle]) {
        self.derive_history();
        self.derive_lifecycle(lifecycles);
    }

    fn derive_history(&mut self) {
        let patch_known = self.facts("patch").is_some_and(|facts| derived::updates_known(&facts.record));
        self.history = self.first_seen.record(patch_known);
    }

    fn derive_lifecycle(&mut self, lifecycles: &[Lifecycle]) {
        self.lifecycle = derived::lifecycle(lifecycles, self.facts("host").map(|facts| &facts.record));
    }

    /// The serial number as its maker gave it.
    pub(super) fn serial_as_given(&self) -> Option<String> {
        match self.facts("host")?.record.value("serial_number") {
            Some(Value::Text(serial)) if !serial.trim().is_empty() => Some(serial.clone()),
            _ => None,
        }
    }

    /// The serial number, case-folded.
    pub(super) fn serial(&self) -> Option<String> {
        self.serial_as_given().map(|serial| fold(&serial))
    }

    /// The name without a fact, when enrolment gave one.
    pub(super) fn name_is_observed(&self) -> bool {
        self.facts("host").is_some_and(|facts| matches!(facts.record.value("host_name"), Some(Value::Text(_))))
    }

    /// When a group that conditions name was observed.
    pub(super) fn observed_at(&self, group: &str) -> Option<Timestamp> {
        self.facts(source_of(group)).map(|facts| facts.observed_at)
    }

    /// What a control says, with the host's presence.
    pub(super) fn judged(
        &self,
        control: &Control,
        parameters: &[(String, i64)],
        before: Option<&Standing>,
        now: Timestamp,
    ) -> Standing {
        let silent = self.silent || self.revoked;
        let stale = control.groups.iter().any(|group| {
            let source = source_of(group);
            self.stale.iter().any(|stale| stale.as_str() == source)
        });
        let mut standing = Standing {
            outcome: Outcome::Unknown,
            stale,
            silent,
            since: now,
            valid_until: None,
            becomes: None,
            last_known: before.and_then(|before| before.last_known),
        };
        if !silent && !stale {
            let judged = judge(control, self, parameters, now);
            standing.outcome = judged.outcome;
            standing.valid_until = judged.valid_until;
            standing.becomes = judged.becomes;
        }
        if standing.outcome != Outcome::Unknown {
            standing.last_known = Some(standing.outcome);
        }
        if let Some(before) = before.filter(|before| before.looks_like(&standing)) {
            standing.since = before.since;
        }
        standing
    }
}

/// The group that an agent observes for a group that conditions name.
fn source_of(group: &str) -> &str {
    match group {
        HISTORY => "patch",
        LIFECYCLE => "host",
        _ => group,
    }
}

/// Case-folded, for comparing names.
pub(super) fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The names under which conditions see a group and what is derived from it.
pub(super) fn seen_as(group: &str) -> Vec<String> {
    let derived = match group {
        "patch" => Some(HISTORY),
        "host" => Some(LIFECYCLE),
        _ => None,
    };
    [Some(group), derived].into_iter().flatten().map(str::to_owned).collect()
}
