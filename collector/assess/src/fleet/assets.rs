//! The ledger against the hosts: which rows a host bears on, and what each row is worth.

use std::collections::BTreeMap;

use tenken_proto::ident::HostId;

use super::host::{Standing, fold};
use super::rules::Rules;
use crate::ledger::Asset;
use crate::risk::{self, Band, Pairs, Row};
use crate::verdict::Outcome;

/// The rows, their present values, and the rows of each name or id.
#[derive(Debug, Default)]
pub(super) struct Assets {
    pub(super) rows: Vec<Asset>,
    pub(super) values: Vec<Option<(u8, Band)>>,
    by_key: BTreeMap<String, Vec<usize>>,
}

impl Assets {
    pub(super) fn new(rows: Vec<Asset>) -> Self {
        let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, asset) in rows.iter().enumerate() {
            for host in &asset.hosts {
                let of_key = by_key.entry(fold(host)).or_default();
                if of_key.last() != Some(&index) {
                    of_key.push(index);
                }
            }
        }
        let values = vec![None; rows.len()];
        Self { rows, values, by_key }
    }

    /// The rows that name a host of that name or id.
    pub(super) fn naming(&self, name: &str, id: HostId) -> Vec<usize> {
        if self.by_key.is_empty() {
            return Vec::new();
        }
        let mut rows = self.by_key.get(&fold(name)).cloned().unwrap_or_default();
        rows.extend(self.by_key.get(&id.to_string()).into_iter().flatten());
        rows
    }
}

/// Finds the hosts of a ledger's cell.
pub(super) trait Register {
    /// The hosts with that id or, case-folded, that name.
    fn named(&self, folded: &str) -> Vec<HostId>;
    /// What the controls say about a host.
    fn standings(&self, host: HostId) -> &[Standing];
}

/// Computes one row from the present verdicts.
pub(super) fn compute(rules: &Rules, register: &dyn Register, number: usize, asset: &Asset) -> Row {
    let method = rules.method();
    let controls: Vec<usize> = method.map_or_else(Vec::new, |method| {
        let numbered = rules.controls().iter().enumerate();
        numbered.filter(|(_, control)| method.controls.contains(&control.id)).map(|(number, _)| number).collect()
    });
    let mut pairs = Pairs::default();
    let mut known = 0;
    for cell in &asset.hosts {
        let hosts = register.named(&fold(cell));
        known += usize::from(!hosts.is_empty());
        if hosts.is_empty() {
            controls.iter().for_each(|_| pairs.add(Outcome::Unknown));
        }
        for host in hosts {
            let standings = register.standings(host);
            for control in &controls {
                pairs.add(standings.get(*control).map_or(Outcome::Unknown, |standing| standing.outcome));
            }
        }
    }
    risk::row(method, number, asset, &pairs, (known, asset.hosts.len()))
}
