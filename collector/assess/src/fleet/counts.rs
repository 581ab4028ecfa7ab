//! Counters over all hosts, moved one host at a time.

use std::collections::BTreeSet;

use tenken_proto::ident::HostId;

use super::host::Standing;
use super::rules::Rules;
use crate::answer::{Effect, Tally};
use crate::verdict::Outcome;

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Hosts that are heard of and have facts.
    pub(super) observed: u32,
    /// Per control, the hosts of each outcome.
    pub(super) hosts: Vec<[BTreeSet<HostId>; 5]>,
    /// Per item, hosts by what the settling and the capping controls say.
    pub(super) items: Vec<(Tally, Tally)>,
}

impl Counts {
    pub(super) fn new(controls: usize, items: usize) -> Self {
        Self {
            observed: 0,
            hosts: vec![<[BTreeSet<HostId>; 5]>::default(); controls],
            items: vec![<_>::default(); items],
        }
    }

    /// Hosts by outcome of a control.
    pub(super) fn of_control(&self, control: usize) -> [u32; 5] {
        let count = |set: &BTreeSet<HostId>| u32::try_from(set.len()).unwrap_or(u32::MAX);
        self.hosts.get(control).map(|sets| sets.each_ref().map(count)).unwrap_or_default()
    }

    /// One host's verdicts turned; no verdicts: it was or is not there.
    pub(super) fn move_host(&mut self, rules: &Rules, id: HostId, before: &[Standing], after: &[Standing]) {
        let mut items: BTreeSet<usize> = BTreeSet::new();
        for control in 0..rules.controls().len() {
            let (from, to) = (before.get(control), after.get(control));
            let seen = |it: &Standing| (it.outcome, it.remembered_fail());
            if from.map(seen) == to.map(seen) {
                continue;
            }
            items.extend(&rules.items_of[control]);
            from.map(|it| self.hosts[control][slot(it.outcome)].remove(&id));
            to.map(|it| self.hosts[control][slot(it.outcome)].insert(id));
        }
        for item in items {
            let rule = &rules.items[item];
            let (settles, caps) = &mut self.items[item];
            for (effect, tally) in [(Effect::Settles, settles), (Effect::Caps, caps)] {
                if !rule.has(effect) {
                    continue;
                }
                for (standings, by) in [(before, -1), (after, 1)] {
                    if !standings.is_empty() {
                        let (outcome, remembered) = rule.of_host(effect, standings);
                        tally.count(outcome, remembered, by);
                    }
                }
            }
        }
    }
}

/// The place of an outcome in [`Outcome::ALL`].
pub(super) fn slot(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Pass => 0,
        Outcome::Partial => 1,
        Outcome::Fail => 2,
        Outcome::Unknown => 3,
        Outcome::NotApplicable => 4,
    }
}
