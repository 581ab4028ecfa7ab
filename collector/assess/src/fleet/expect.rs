//! The machines that should exist, matched with the hosts: by case-folded name, then by serial number.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Expected, HostClass};
use super::host::fold;

/// The list and its matches.
#[derive(Debug, Default)]
pub(super) struct Expectation {
    pub(super) machines: Vec<Expected>,
    by_name: BTreeMap<String, usize>,
    by_serial: BTreeMap<String, usize>,
    pub(super) duplicates: Vec<String>,
    /// Hosts that match an entry.
    matches: Vec<u32>,
    /// Entries that no host matches; the second entry of a name is not counted.
    pub(super) missing: u32,
}

impl Expectation {
    /// A new list; nothing matches yet.
    pub(super) fn new(machines: Vec<Expected>) -> Self {
        let mut by_name = BTreeMap::new();
        let mut by_serial = BTreeMap::new();
        let mut duplicates = BTreeSet::new();
        for (index, machine) in machines.iter().enumerate() {
            let name = fold(&machine.name);
            if by_name.contains_key(&name) {
                duplicates.insert(name);
                continue;
            }
            by_name.insert(name, index);
            if let Some(serial) = &machine.serial {
                by_serial.entry(fold(serial)).or_insert(index);
            }
        }
        let missing = u32::try_from(by_name.len()).unwrap_or(u32::MAX);
        let matches = vec![0; machines.len()];
        Self { machines, by_name, by_serial, duplicates: duplicates.into_iter().collect(), matches, missing }
    }

    /// The entry of a host.
    pub(super) fn entry(&self, name: &str, serial: Option<&str>) -> Option<usize> {
        let by_serial = || serial.and_then(|serial| self.by_serial.get(serial));
        self.by_name.get(&fold(name)).or_else(by_serial).copied()
    }

    pub(super) fn class(&self, name: &str, serial: Option<&str>) -> HostClass {
        self.entry(name, serial).and_then(|entry| self.machines.get(entry)).map(|it| it.class).unwrap_or_default()
    }

    /// The site of an entry.
    pub(super) fn site(&self, entry: Option<usize>) -> Option<String> {
        self.machines.get(entry?)?.site.clone()
    }

    /// One more host matches the entry.
    pub(super) fn matched(&mut self, entry: Option<usize>) {
        if let Some(count) = entry.and_then(|entry| self.matches.get_mut(entry)) {
            *count += 1;
            self.missing -= u32::from(*count == 1);
        }
    }

    /// One host less matches it.
    pub(super) fn unmatched(&mut self, entry: Option<usize>) {
        if let Some(count) = entry.and_then(|entry| self.matches.get_mut(entry)) {
            *count -= 1;
            self.missing += u32::from(*count == 0);
        }
    }

    /// The entries that no host matches.
    pub(super) fn missing_machines(&self) -> Vec<Expected> {
        let missing = |index: &&usize| self.matches.get(**index) == Some(&0);
        let mut indexes: Vec<usize> = self.by_name.values().filter(missing).copied().collect();
        indexes.sort_unstable();
        indexes.into_iter().filter_map(|index| self.machines.get(index).cloned()).collect()
    }
}
