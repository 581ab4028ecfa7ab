//! All hosts, verdicts, answers and risks of one organisation, kept current change by change.
//!
//! [`Fleet::apply`] re-judges only the controls that read what changed, on that host only, moves only the
//! answers and risks above them by counters, and says what turned. [`Fleet::advance`] does the same for time.
//! [`batch()`] computes the same from nothing, plainly; a property test holds the two equal.
//!
//! Invariants: time never goes back; the cost of one change does not depend on the number of hosts; what is
//! remembered of a host (first sights, last known outcomes) is part of [`Checkpoint`].

mod assets;
mod batch;
pub mod change;
mod compose;
mod counts;
mod expect;
mod explain;
mod host;
mod memory;
pub mod moves;
mod read;
mod rules;
pub mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tenken_proto::ident::HostId;

use crate::answer::{Basis, Word};
use crate::deadline::{Deadlines, Due};
use crate::declare::Declaration;
use crate::ledger::{Asset, Origin};
use crate::pack::PackSet;

use assets::{Assets, Register};
use counts::Counts;
use expect::Expectation;
use host::{Host, Standing as HostStanding, fold};
use rules::Rules;

pub use batch::batch;
pub use change::{Change, Expected, GroupFacts, HostClass, PackFile, ParameterSetting, Settings, Transition};
pub use moves::{AnswerMove, Moves, RiskMove, Standing, VerdictMove, Why};
pub use view::{
    Checkpoint, ExpectedView, ExplainError, Explanation, HostDetail, HostMemory, HostSummary, Picture, RetiredHost,
    VerdictHead,
};

/// One organisation.
#[derive(Debug)]
pub struct Fleet {
    rules: Rules,
    now: Timestamp,
    hosts: BTreeMap<HostId, Host>,
    /// Hosts by case-folded name.
    names: BTreeMap<String, BTreeSet<HostId>>,
    expectation: Expectation,
    /// By checklist and item.
    declarations: BTreeMap<(String, String), Declaration>,
    assets: Assets,
    ledger_origin: Option<Origin>,
    retired: BTreeMap<HostId, RetiredHost>,
    counts: Counts,
    /// The present answer of each item.
    words: Vec<(Word, Basis)>,
    deadlines: Deadlines,
}

/// What one step touched, until the answers and risks above it are settled.
#[derive(Debug, Default)]
struct Touched {
    verdicts: Vec<VerdictMove>,
    items: BTreeSet<usize>,
    assets: BTreeSet<usize>,
}

impl Fleet {
    /// Nothing has happened.
    #[must_use]
    pub fn new(packs: Arc<PackSet>, settings: Settings) -> Self {
        let rules = Rules::new(packs, settings);
        let mut fleet = Self {
            counts: Counts::new(rules.controls().len(), rules.items.len()),
            words: vec![(Word::Unanswered, Basis::Unanswered); rules.items.len()],
            deadlines: Deadlines::new(rules.controls().len()),
            rules,
            now: Timestamp::UNIX_EPOCH,
            hosts: BTreeMap::new(),
            names: BTreeMap::new(),
            expectation: Expectation::default(),
            declarations: BTreeMap::new(),
            assets: Assets::default(),
            ledger_origin: None,
            retired: BTreeMap::new(),
        };
        fleet.rebuild();
        fleet
    }

    /// Applies one change; what was due before it is worked off first.
    pub fn apply(&mut self, at: Timestamp, change: Change) -> Moves {
        let mut moves = self.advance(at);
        let (touched, why) = self.take(change);
        self.settle(touched, why, &mut moves);
        moves
    }

    /// Works off everything that is due up to then, in order.
    pub fn advance(&mut self, now: Timestamp) -> Moves {
        let mut moves = self.no_moves();
        while let Some((at, due)) = self.deadlines.first().filter(|(at, _)| *at <= now) {
            self.now = self.now.max(at);
            let mut touched = Touched::default();
            match due {
                Due::Verdict(control, host) => self.rejudge(host, &[control], &Why::Time, &mut touched),
                Due::Declaration(item) => {
                    self.deadlines.set_declaration(item, Some(at), None);
                    touched.items.insert(item);
                }
            }
            self.settle(touched, Why::Time, &mut moves);
        }
        self.now = self.now.max(now);
        moves.at = self.now;
        moves
    }

    /// The next moment at which something turns by time alone.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, _)| at)
    }

    fn no_moves(&self) -> Moves {
        Moves {
            at: self.now,
            pack: self.rules.packs.hash(),
            verdicts: Vec::new(),
            answers: Vec::new(),
            risks: Vec::new(),
        }
    }

    fn take(&mut self, change: Change) -> (Touched, Why) {
        let mut touched = Touched::default();
        let why = match change {
            Change::Enrolled { host, host_name, site } => self.enrolled(host, host_name, site, &mut touched),
            Change::Facts { host, groups } => self.facts(host, groups, &mut touched),
            Change::Transition { host, transition } => self.transition(host, transition, &mut touched),
            Change::Revoked { host } => {
                let why = Why::Revoked(host);
                if self.hosts.contains_key(&host) {
                    self.change_host(host, None, &why, &mut touched, |host, _| host.revoked = true);
                }
                why
            }
            Change::Retired { host, by, reason } => self.retire(host, by, reason, &mut touched),
            Change::Expected { machines } => {
                self.expectation = Expectation::new(machines);
                for host in self.hosts.values() {
                    let entry = self.expectation.entry(&host.name, host.serial().as_deref());
                    self.expectation.matched(entry);
                }
                touched.items.extend(self.linked_items());
                Why::Expected
            }
            Change::Declared { checklist, item, answer, by, principal, evidence, until } => {
                let at = self.now;
                let said = Declaration { checklist, item, answer, by, principal, evidence, until, at };
                self.declared(said, &mut touched);
                Why::Declaration
            }
            Change::Withdrawn { checklist, item, .. } => {
                let number = self.rules.number(&checklist, &item);
                if let Some(before) = self.declarations.remove(&(checklist, item))
                    && let Some(number) = number
                {
                    self.deadlines.set_declaration(number, before.until, None);
                    touched.items.insert(number);
                }
                Why::Declaration
            }
            Change::Ledger { name, by, rows } => {
                self.ledger_origin = Some(Origin { name, by, at: self.now });
                self.new_ledger(rows, &mut touched);
                Why::Ledger
            }
            Change::Settings(settings) => {
                let packs = Arc::clone(&self.rules.packs);
                self.new_rules(Rules::new(packs, settings), &Why::Settings, &mut touched);
                Why::Settings
            }
            Change::Packs { files } => {
                // The caller loaded them before it wrote the change down; what does not load changes nothing.
                if let Ok(packs) = PackSet::load(files) {
                    let settings = self.rules.settings.clone();
                    self.new_rules(Rules::new(Arc::new(packs), settings), &Why::Packs, &mut touched);
                }
                Why::Packs
            }
        };
        (touched, why)
    }

    fn enrolled(&mut self, id: HostId, name: String, site: Option<String>, touched: &mut Touched) -> Why {
        let why = Why::Enrolled(id);
        self.retired.remove(&id);
        self.change_host(id, None, &why, touched, |host, _| {
            if !host.name_is_observed() {
                host.name = name;
            }
            host.site = site.or(host.site.take());
            host.revoked = false;
        });
        why
    }

    fn facts(&mut self, id: HostId, groups: Vec<GroupFacts>, touched: &mut Touched) -> Why {
        let names = groups.iter().map(|facts| facts.name.clone()).collect();
        let why = Why::Facts { host: id, groups: names };
        let read: Vec<String> = groups.iter().flat_map(|facts| host::seen_as(facts.name.as_str())).collect();
        let known = self.hosts.contains_key(&id);
        let controls = known.then(|| self.rules.readers(&read));
        let now = self.now;
        self.retired.remove(&id);
        self.change_host(id, controls, &why, touched, |host, packs| host.take(groups, packs.lifecycles(), now));
        why
    }

    fn transition(&mut self, id: HostId, transition: Transition, touched: &mut Touched) -> Why {
        let why = Why::Presence(id);
        if self.hosts.contains_key(&id) {
            let controls = match &transition {
                Transition::HostSilent | Transition::HostBack => None,
                Transition::GroupStale(group) | Transition::GroupFresh(group) => {
                    Some(self.rules.readers(&host::seen_as(group.as_str())))
                }
            };
            self.change_host(id, controls, &why, touched, |host, _| match transition {
                Transition::HostSilent => host.silent = true,
                Transition::HostBack => host.silent = false,
                Transition::GroupStale(group) => {
                    host.stale.insert(group);
                }
                Transition::GroupFresh(group) => {
                    host.stale.remove(&group);
                }
            });
        }
        why
    }

    fn retire(&mut self, id: HostId, by: String, reason: String, touched: &mut Touched) -> Why {
        let why = Why::Retired(id);
        let Some(host) = self.hosts.get(&id) else { return why };
        let name = host.name.clone();
        let before = host.standings.clone();
        self.unlist(id, touched);
        for (control, standing) in before.iter().enumerate() {
            self.deadlines.set_verdict(control, id, standing.valid_until, None);
            touched.verdicts.push(VerdictMove {
                host: id,
                control: self.rules.controls()[control].id.clone(),
                from: Some(standing.shown()),
                to: None,
                why: why.clone(),
                at: self.now,
            });
        }
        self.counts.move_host(&self.rules, id, &before, &[]);
        self.hosts.remove(&id);
        self.retired.insert(id, RetiredHost { id, name, by, reason, at: self.now });
        touched.items.extend(self.linked_items());
        why
    }

    fn declared(&mut self, said: Declaration, touched: &mut Touched) {
        let key = (said.checklist.clone(), said.item.clone());
        let until = said.until.filter(|until| *until > self.now);
        let before = self.declarations.insert(key.clone(), said);
        if let Some(number) = self.rules.number(&key.0, &key.1) {
            self.deadlines.set_declaration(number, before.and_then(|before| before.until), until);
            touched.items.insert(number);
        }
    }

    fn new_ledger(&mut self, rows: Vec<Asset>, touched: &mut Touched) {
        let before = std::mem::replace(&mut self.assets, Assets::new(rows));
        let kept = |(index, asset): (usize, &Asset)| {
            let same = before.rows.get(index).is_some_and(|it| it.name == asset.name && it.medium == asset.medium);
            if same { before.values.get(index).copied().flatten() } else { None }
        };
        self.assets.values = self.assets.rows.iter().enumerate().map(kept).collect();
        touched.assets.extend(0..self.assets.rows.len());
    }

    /// Other packs or settings: everything is judged anew; what is remembered stays.
    fn new_rules(&mut self, rules: Rules, why: &Why, touched: &mut Touched) {
        let old = std::mem::replace(&mut self.rules, rules);
        let words = old.named_words(&self.words);
        self.words = self.rules.words_from(&words);
        let at = self.now;
        for (id, host) in &mut self.hosts {
            let ids = old.controls().iter().map(|control| control.id.as_str());
            let mut before: BTreeMap<&str, HostStanding> = ids.zip(std::mem::take(&mut host.standings)).collect();
            host.derive(self.rules.packs.lifecycles());
            let mut turned = |control: &str, from: Option<Standing>, to: Option<Standing>| {
                if from != to {
                    let (why, control) = (why.clone(), control.to_owned());
                    touched.verdicts.push(VerdictMove { host: *id, control, from, to, why, at });
                }
            };
            for (number, control) in self.rules.controls().iter().enumerate() {
                let from = before.remove(control.id.as_str());
                let to = host.judged(control, &self.rules.parameters[number], from.as_ref(), at);
                turned(&control.id, from.map(|it| it.shown()), Some(to.shown()));
                host.standings.push(to);
            }
            for (control, from) in before {
                turned(control, Some(from.shown()), None);
            }
        }
        self.rebuild();
        touched.items.extend(0..self.rules.items.len());
        touched.assets.extend(0..self.assets.rows.len());
    }

    /// Changes one host and judges the named controls anew; all of them when none are named.
    fn change_host<T>(
        &mut self,
        id: HostId,
        controls: Option<Vec<usize>>,
        why: &Why,
        touched: &mut Touched,
        change: impl FnOnce(&mut Host, &PackSet) -> T,
    ) {
        let is_new = !self.hosts.contains_key(&id);
        let host = self.hosts.entry(id).or_default();
        let before = (host.name.clone(), host.serial(), host.is_observed());
        if is_new {
            host.derive(self.rules.packs.lifecycles());
        }
        change(host, &self.rules.packs);
        let after = (host.name.clone(), host.serial(), host.is_observed());
        self.counts.observed = self.counts.observed + u32::from(after.2) - u32::from(before.2);
        if is_new || (&before.0, &before.1) != (&after.0, &after.1) {
            self.relist(id, is_new, (&before.0, before.1.as_deref()), (&after.0, after.1.as_deref()), touched);
        }
        let controls = controls.unwrap_or_else(|| (0..self.rules.controls().len()).collect());
        self.rejudge(id, &controls, why, touched);
    }

    /// A host came, or its name or serial number changed.
    fn relist(
        &mut self,
        id: HostId,
        is_new: bool,
        before: (&str, Option<&str>),
        after: (&str, Option<&str>),
        touched: &mut Touched,
    ) {
        let missing = self.expectation.missing;
        if !is_new {
            self.unname(id, before.0);
            let entry = self.expectation.entry(before.0, before.1);
            self.expectation.unmatched(entry);
            touched.assets.extend(self.assets.naming(before.0, id));
        }
        self.names.entry(fold(after.0)).or_default().insert(id);
        let entry = self.expectation.entry(after.0, after.1);
        self.expectation.matched(entry);
        touched.assets.extend(self.assets.naming(after.0, id));
        if is_new || missing != self.expectation.missing {
            touched.items.extend(self.linked_items());
        }
    }

    fn unname(&mut self, id: HostId, name: &str) {
        let folded = fold(name);
        if let Some(ids) = self.names.get_mut(&folded) {
            ids.remove(&id);
            if ids.is_empty() {
                self.names.remove(&folded);
            }
        }
    }

    /// A host leaves.
    fn unlist(&mut self, id: HostId, touched: &mut Touched) {
        let Some(host) = self.hosts.get(&id) else { return };
        let (name, serial) = (host.name.clone(), host.serial());
        self.counts.observed -= u32::from(host.is_observed());
        self.unname(id, &name);
        let entry = self.expectation.entry(&name, serial.as_deref());
        self.expectation.unmatched(entry);
        touched.assets.extend(self.assets.naming(&name, id));
    }

    /// Judges controls of one host anew and moves the counters above them.
    fn rejudge(&mut self, id: HostId, controls: &[usize], why: &Why, touched: &mut Touched) {
        let Some(host) = self.hosts.get_mut(&id) else { return };
        let before = host.standings.clone();
        let mut after = before.clone();
        for (number, control) in self.rules.controls().iter().enumerate() {
            let old = before.get(number);
            if old.is_some() && !controls.contains(&number) {
                continue;
            }
            let standing = host.judged(control, &self.rules.parameters[number], old, self.now);
            self.deadlines.set_verdict(number, id, old.and_then(|old| old.valid_until), standing.valid_until);
            if old.is_none_or(|old| !old.looks_like(&standing)) {
                touched.verdicts.push(VerdictMove {
                    host: id,
                    control: control.id.clone(),
                    from: old.map(HostStanding::shown),
                    to: Some(standing.shown()),
                    why: why.clone(),
                    at: self.now,
                });
            }
            if old.is_none_or(|old| old.outcome != standing.outcome || old.last_known != standing.last_known) {
                touched.items.extend(&self.rules.items_of[number]);
            }
            match after.get_mut(number) {
                Some(slot) => *slot = standing,
                None => after.push(standing),
            }
        }
        let turned = before.len() != after.len() || before.iter().zip(&after).any(|(a, b)| a.outcome != b.outcome);
        if turned {
            touched.assets.extend(self.assets.naming(&host.name, id));
        }
        self.counts.move_host(&self.rules, id, &before, &after);
        host.standings = after;
    }

    /// Decides the touched answers and risks, and notes what turned.
    fn settle(&mut self, touched: Touched, why: Why, moves: &mut Moves) {
        let at = self.now;
        moves.at = at;
        moves.pack = self.rules.packs.hash();
        moves.verdicts.extend(touched.verdicts);
        for number in touched.items {
            let core = self.core(number);
            let (from, to) = (self.words[number], (core.word, core.basis));
            if from != to {
                self.words[number] = to;
                let item = &self.rules.items[number];
                moves.answers.push(AnswerMove {
                    checklist: self.rules.checklist(item).id.clone(),
                    item: self.rules.item(item).id.clone(),
                    from: Some(from),
                    to: Some(to),
                    why: why.clone(),
                    at,
                });
            }
        }
        for index in touched.assets {
            let Some(asset) = self.assets.rows.get(index) else { continue };
            let row = assets::compute(&self.rules, self, index + 1, asset);
            let (from, to) = (self.assets.values[index], row.risk.zip(row.band));
            if from != to {
                let asset = asset.name.clone();
                self.assets.values[index] = to;
                moves.risks.push(RiskMove { row: index + 1, asset, from, to, why: why.clone(), at });
            }
        }
    }

    /// The items to which a control speaks.
    fn linked_items(&self) -> Vec<usize> {
        let numbered = self.rules.items.iter().enumerate();
        numbered.filter(|(_, item)| !item.links.is_empty()).map(|(number, _)| number).collect()
    }

    /// Counters, names, matches and deadlines from the hosts as they stand.
    fn rebuild(&mut self) {
        self.counts = Counts::new(self.rules.controls().len(), self.rules.items.len());
        self.deadlines = Deadlines::new(self.rules.controls().len());
        self.names.clear();
        self.expectation = Expectation::new(std::mem::take(&mut self.expectation.machines));
        for (id, host) in &self.hosts {
            self.counts.observed += u32::from(host.is_observed());
            self.counts.move_host(&self.rules, *id, &[], &host.standings);
            self.names.entry(fold(&host.name)).or_default().insert(*id);
            let entry = self.expectation.entry(&host.name, host.serial().as_deref());
            self.expectation.matched(entry);
            for (control, standing) in host.standings.iter().enumerate() {
                self.deadlines.set_verdict(control, *id, None, standing.valid_until);
            }
        }
        for ((checklist, item), said) in &self.declarations {
            if let Some(number) = self.rules.number(checklist, item) {
                self.deadlines.set_declaration(number, None, said.until.filter(|until| *until > self.now));
            }
        }
    }
}

impl Register for Fleet {
    fn named(&self, folded: &str) -> Vec<HostId> {
        if let Ok(id) = folded.parse::<HostId>()
            && self.hosts.contains_key(&id)
        {
            return vec![id];
        }
        self.names.get(folded).into_iter().flatten().copied().collect()
    }

    fn standings(&self, host: HostId) -> &[HostStanding] {
        self.hosts.get(&host).map_or(&[], |host| host.standings.as_slice())
    }
}

#[cfg(test)]
mod tests;
