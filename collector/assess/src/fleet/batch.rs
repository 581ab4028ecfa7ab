//! The plain form: every verdict of every host after every change and at every deadline, nothing remembered
//! but facts, first sights and last known outcomes. Slow, short, and what the incremental form must equal.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tenken_proto::ident::HostId;

use super::assets::{self, Register};
use super::change::{Change, Settings, Transition};
use super::compose::{self, Behind, Whole};
use super::counts::slot;
use super::expect::Expectation;
use super::host::{Host, Standing, fold};
use super::read::{detail, known};
use super::rules::Rules;
use super::view::Picture;
use crate::answer::{Coverage, Effect, Tally};
use crate::declare::Declaration;
use crate::ledger::Asset;
use crate::pack::PackSet;

struct Plain {
    rules: Rules,
    now: Timestamp,
    hosts: BTreeMap<HostId, Host>,
    expectation: Expectation,
    declarations: BTreeMap<(String, String), Declaration>,
    ledger: Vec<Asset>,
}

/// What a fleet shows at a time, from its whole history.
#[must_use]
pub fn batch(packs: Arc<PackSet>, settings: Settings, history: &[(Timestamp, Change)], now: Timestamp) -> Picture {
    let mut plain = Plain {
        rules: Rules::new(packs, settings),
        now: Timestamp::UNIX_EPOCH,
        hosts: BTreeMap::new(),
        expectation: Expectation::default(),
        declarations: BTreeMap::new(),
        ledger: Vec::new(),
    };
    for (at, change) in history {
        plain.run_to(*at);
        plain.take(change.clone());
        plain.judge();
    }
    plain.run_to(now);
    plain.picture()
}

impl Plain {
    fn run_to(&mut self, to: Timestamp) {
        while let Some(at) = self.next_verdict().filter(|at| *at <= to) {
            self.now = at;
            self.judge();
        }
        self.now = self.now.max(to);
    }

    fn next_verdict(&self) -> Option<Timestamp> {
        self.hosts.values().flat_map(|host| &host.standings).filter_map(|standing| standing.valid_until).min()
    }

    fn judge(&mut self) {
        for host in self.hosts.values_mut() {
            let before = std::mem::take(&mut host.standings);
            for (number, control) in self.rules.controls().iter().enumerate() {
                let standing = host.judged(control, &self.rules.parameters[number], before.get(number), self.now);
                host.standings.push(standing);
            }
        }
    }

    fn host(&mut self, id: HostId) -> &mut Host {
        let lifecycles = self.rules.packs.lifecycles();
        self.hosts.entry(id).or_insert_with(|| {
            let mut host = Host::default();
            host.derive(lifecycles);
            host
        })
    }

    fn take(&mut self, change: Change) {
        let now = self.now;
        match change {
            Change::Enrolled { host, host_name, site } => {
                let host = self.host(host);
                if !host.name_is_observed() {
                    host.name = host_name;
                }
                host.site = site.or(host.site.take());
                host.revoked = false;
            }
            Change::Facts { host, groups } => {
                let packs = Arc::clone(&self.rules.packs);
                self.host(host).take(groups, packs.lifecycles(), now);
            }
            Change::Transition { host, transition } => {
                let Some(host) = self.hosts.get_mut(&host) else { return };
                match transition {
                    Transition::HostSilent => host.silent = true,
                    Transition::HostBack => host.silent = false,
                    Transition::GroupStale(group) => {
                        host.stale.insert(group);
                    }
                    Transition::GroupFresh(group) => {
                        host.stale.remove(&group);
                    }
                }
            }
            Change::Revoked { host } => {
                if let Some(host) = self.hosts.get_mut(&host) {
                    host.revoked = true;
                }
            }
            Change::Retired { host, .. } => {
                self.hosts.remove(&host);
            }
            Change::Expected { machines } => self.expectation = Expectation::new(machines),
            Change::Declared { checklist, item, answer, by, principal, evidence, until } => {
                let key = (checklist.clone(), item.clone());
                let said = Declaration { checklist, item, answer, by, principal, evidence, until, at: now };
                self.declarations.insert(key, said);
            }
            Change::Withdrawn { checklist, item, .. } => {
                self.declarations.remove(&(checklist, item));
            }
            Change::Ledger { rows, .. } => self.ledger = rows,
            Change::Settings(settings) => self.new_rules(Rules::new(Arc::clone(&self.rules.packs), settings)),
            Change::Packs { files } => {
                if let Ok(packs) = PackSet::load(files) {
                    self.new_rules(Rules::new(Arc::new(packs), self.rules.settings.clone()));
                }
            }
        }
    }

    /// Standings follow their controls by name.
    fn new_rules(&mut self, rules: Rules) {
        let old = std::mem::replace(&mut self.rules, rules);
        for host in self.hosts.values_mut() {
            let ids = old.controls().iter().map(|control| control.id.as_str());
            let before: BTreeMap<&str, Standing> = ids.zip(std::mem::take(&mut host.standings)).collect();
            host.derive(self.rules.packs.lifecycles());
            for (number, control) in self.rules.controls().iter().enumerate() {
                let from = before.get(control.id.as_str());
                let standing = host.judged(control, &self.rules.parameters[number], from, self.now);
                host.standings.push(standing);
            }
        }
    }

    fn picture(mut self) -> Picture {
        self.expectation = Expectation::new(std::mem::take(&mut self.expectation.machines));
        for host in self.hosts.values() {
            let entry = self.expectation.entry(&host.name, host.serial().as_deref());
            self.expectation.matched(entry);
        }
        let (rules, now) = (&self.rules, self.now);
        let hosts = self.hosts.iter().map(|(id, host)| detail(rules, &self.expectation, *id, host, now)).collect();
        let observed = self.hosts.values().filter(|host| host.is_observed()).count();
        let missing = self.expectation.missing;
        let coverage = Coverage {
            met: 0,
            observed: known(observed),
            known: known(self.hosts.len()),
            expected: known(self.hosts.len()) + missing,
        };
        let whole = Whole { known: known(self.hosts.len()), missing, coverage };
        let lists = rules.packs.checklists().iter();
        let answers =
            lists.filter_map(|list| compose::answers(rules, &list.id, whole, &|item| self.behind(item))).collect();
        let numbered = self.ledger.iter().enumerate();
        let risks = numbered.map(|(index, asset)| assets::compute(rules, &self, index + 1, asset)).collect();
        let ends = self.declarations.values().filter(|said| rules.number(&said.checklist, &said.item).is_some());
        let ends = ends.filter_map(|said| said.until).filter(|until| *until > now);
        Picture { hosts, answers, risks, next_deadline: ends.chain(self.next_verdict()).min() }
    }

    fn behind(&self, number: usize) -> Behind<'_> {
        let item = &self.rules.items[number];
        let key = (self.rules.checklist(item).id.clone(), self.rules.item(item).id.clone());
        let controls = item.links.iter().map(|link| {
            let mut hosts = [0; 5];
            let mut first: Option<Timestamp> = None;
            for standing in self.hosts.values().filter_map(|host| host.standings.get(link.control)) {
                hosts[slot(standing.outcome)] += 1;
                first = [first, standing.valid_until].into_iter().flatten().min();
            }
            (hosts, first)
        });
        Behind {
            settles: self.tally(number, Effect::Settles),
            caps: self.tally(number, Effect::Caps),
            declaration: self.declarations.get(&key).filter(|said| said.holds_at(self.now)),
            controls: controls.collect(),
        }
    }

    fn tally(&self, number: usize, effect: Effect) -> Tally {
        let mut tally = Tally::default();
        let item = &self.rules.items[number];
        if item.has(effect) {
            for host in self.hosts.values() {
                let (outcome, remembered) = item.of_host(effect, &host.standings);
                tally.count(outcome, remembered, 1);
            }
        }
        tally
    }
}

impl Register for Plain {
    fn named(&self, folded: &str) -> Vec<HostId> {
        let by_id = self.hosts.keys().find(|id| id.to_string() == folded);
        let by_name = self.hosts.iter().filter(|(_, host)| fold(&host.name) == folded).map(|(id, _)| *id);
        by_id.map_or_else(|| by_name.collect(), |id| vec![*id])
    }

    fn standings(&self, host: HostId) -> &[Standing] {
        self.hosts.get(&host).map_or(&[], |host| host.standings.as_slice())
    }
}
