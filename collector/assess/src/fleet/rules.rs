//! The packs as the fleet uses them: which control reads which group, and which items it speaks to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::change::Settings;
use super::host::Standing;
use crate::answer::{Basis, Effect, Word};
use crate::pack::{Checklist, Control, Item, Method, PackSet};
use crate::verdict::Outcome;

/// Packs and settings together.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) packs: Arc<PackSet>,
    pub(super) settings: Settings,
    /// Parameters of each control.
    pub(super) parameters: Vec<Vec<(String, i64)>>,
    /// Controls that read a group.
    readers: BTreeMap<String, Vec<usize>>,
    /// All items of all checklists.
    pub(super) items: Vec<ItemRule>,
    numbers: BTreeMap<(String, String), usize>,
    /// Items to which a control speaks.
    pub(super) items_of: Vec<Vec<usize>>,
}

/// An item and the controls that speak to it.
#[derive(Debug)]
pub(super) struct ItemRule {
    pub(super) checklist: usize,
    pub(super) item: usize,
    pub(super) links: Vec<ItemLink>,
}

/// A control that speaks to an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct ItemLink {
    pub(super) control: usize,
    pub(super) effect: Effect,
    pub(super) at_least: Option<Word>,
}

impl Rules {
    pub(super) fn new(packs: Arc<PackSet>, settings: Settings) -> Self {
        let parameters = packs.controls().iter().map(|control| control.values(&settings.parameters)).collect();
        let mut readers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, control) in packs.controls().iter().enumerate() {
            for group in &control.groups {
                readers.entry(group.clone()).or_default().push(number);
            }
        }
        let mut items = Vec::new();
        let mut numbers = BTreeMap::new();
        for (checklist, list) in packs.checklists().iter().enumerate() {
            for (item, entry) in list.items.iter().enumerate() {
                numbers.insert((list.id.clone(), entry.id.clone()), items.len());
                items.push(ItemRule { checklist, item, links: Vec::new() });
            }
        }
        let mut items_of = vec![Vec::new(); packs.controls().len()];
        for (number, control) in packs.controls().iter().enumerate() {
            for link in &control.links {
                let Some(item) = numbers.get(&(link.checklist.clone(), link.item.clone())) else { continue };
                items[*item].links.push(ItemLink { control: number, effect: link.effect, at_least: link.at_least });
                items_of[number].push(*item);
            }
        }
        Self { packs, settings, parameters, readers, items, numbers, items_of }
    }

    pub(super) fn controls(&self) -> &[Control] {
        self.packs.controls()
    }

    pub(super) fn checklist(&self, item: &ItemRule) -> &Checklist {
        &self.packs.checklists()[item.checklist]
    }

    pub(super) fn item(&self, item: &ItemRule) -> &Item {
        &self.checklist(item).items[item.item]
    }

    pub(super) fn number(&self, checklist: &str, item: &str) -> Option<usize> {
        self.numbers.get(&(checklist.to_owned(), item.to_owned())).copied()
    }

    /// The numbers of the controls that read one of the groups, each once, in order.
    pub(super) fn readers(&self, groups: &[String]) -> Vec<usize> {
        let mut found: Vec<usize> =
            groups.iter().filter_map(|group| self.readers.get(group)).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The method that computes risk.
    pub(super) fn method(&self) -> Option<&Method> {
        self.packs.methods().first()
    }
}

impl ItemRule {
    pub(super) fn has(&self, effect: Effect) -> bool {
        self.links.iter().any(|link| link.effect == effect)
    }

    /// What the linked controls of that effect say about a host together: the worst, and whether an unknown
    /// one failed when it was last known.
    pub(super) fn of_host(&self, effect: Effect, standings: &[Standing]) -> (Outcome, bool) {
        let (mut worst, mut remembered) = (Outcome::NotApplicable, false);
        for link in self.links.iter().filter(|link| link.effect == effect) {
            let Some(standing) = standings.get(link.control) else { continue };
            remembered |= standing.remembered_fail();
            if rank(standing.outcome) > rank(worst) {
                worst = standing.outcome;
            }
        }
        (worst, remembered)
    }
}

fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::NotApplicable => 0,
        Outcome::Pass => 1,
        Outcome::Partial => 2,
        Outcome::Unknown => 3,
        Outcome::Fail => 4,
    }
}

impl Rules {
    /// The answers by name, for when the numbers change.
    pub(super) fn named_words(&self, words: &[(Word, Basis)]) -> BTreeMap<(String, String), (Word, Basis)> {
        let name = |item: &ItemRule| (self.checklist(item).id.clone(), self.item(item).id.clone());
        self.items.iter().map(name).zip(words.iter().copied()).collect()
    }

    /// The answers by number; a new item is unanswered.
    pub(super) fn words_from(&self, named: &BTreeMap<(String, String), (Word, Basis)>) -> Vec<(Word, Basis)> {
        let word = |item: &ItemRule| {
            let name = (self.checklist(item).id.clone(), self.item(item).id.clone());
            named.get(&name).copied().unwrap_or((Word::Unanswered, Basis::Unanswered))
        };
        self.items.iter().map(word).collect()
    }
}
