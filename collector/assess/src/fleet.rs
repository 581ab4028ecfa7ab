//! All hosts, verdicts, answers and risks of one organisation, kept current change by change.

pub mod change;
pub mod moves;
pub mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tenken_proto::fact::GroupName;
use tenken_proto::ident::HostId;

use crate::answer::{Answers, Coverage, Score, Word};
use crate::declare::{Declaration, DeclareError, EVIDENCE_BYTES_MAX};
use crate::ledger::{Asset, Origin};
use crate::pack::PackSet;
use crate::risk;

pub use change::{Change, Expected, GroupFacts, HostClass, PackFile, Settings, Transition};
pub use moves::{AnswerMove, Moves, RiskMove, Standing, VerdictMove, Why};
pub use view::{
    Checkpoint, ExpectedView, ExplainError, Explanation, HostDetail, HostSummary, Picture, RetiredHost, VerdictHead,
};

/// One organisation.
#[derive(Debug)]
pub struct Fleet {
    packs: Arc<PackSet>,
    settings: Settings,
    now: Timestamp,
    hosts: BTreeMap<HostId, Host>,
    expected: Vec<Expected>,
    declarations: BTreeMap<(String, String), Declaration>,
    ledger: Vec<Asset>,
    ledger_origin: Option<Origin>,
    retired: BTreeMap<HostId, RetiredHost>,
}

#[derive(Debug, Default)]
struct Host {
    name: String,
    site: Option<String>,
    groups: BTreeMap<GroupName, GroupFacts>,
    silent: bool,
    revoked: bool,
}

impl Fleet {
    /// Nothing has happened.
    #[must_use]
    pub fn new(packs: Arc<PackSet>, settings: Settings) -> Self {
        Self {
            packs,
            settings,
            now: Timestamp::UNIX_EPOCH,
            hosts: BTreeMap::new(),
            expected: Vec::new(),
            declarations: BTreeMap::new(),
            ledger: Vec::new(),
            ledger_origin: None,
            retired: BTreeMap::new(),
        }
    }

    /// Applies one change at a time; deadlines that passed before it are worked off first.
    pub fn apply(&mut self, at: Timestamp, change: Change) -> Moves {
        let moves = self.advance(at);
        match change {
            Change::Enrolled { host, host_name, site } => {
                let entry = self.hosts.entry(host).or_default();
                entry.name = host_name;
                entry.site = site.or(entry.site.take());
                entry.revoked = false;
                self.retired.remove(&host);
            }
            Change::Facts { host, groups } => {
                let entry = self.hosts.entry(host).or_default();
                for group in groups {
                    entry.groups.insert(group.name.clone(), group);
                }
            }
            Change::Transition { host, transition } => {
                if let Some(entry) = self.hosts.get_mut(&host) {
                    match transition {
                        Transition::HostSilent => entry.silent = true,
                        Transition::HostBack => entry.silent = false,
                        Transition::GroupStale(_) | Transition::GroupFresh(_) => {}
                    }
                }
            }
            Change::Revoked { host } => {
                if let Some(entry) = self.hosts.get_mut(&host) {
                    entry.revoked = true;
                }
            }
            Change::Retired { host, by, reason } => {
                if let Some(gone) = self.hosts.remove(&host) {
                    let at = self.now;
                    self.retired.insert(host, RetiredHost { id: host, name: gone.name, by, reason, at });
                }
            }
            Change::Expected { machines } => self.expected = machines,
            Change::Declared { checklist, item, answer, by, principal, evidence, until } => {
                let key = (checklist.clone(), item.clone());
                let at = self.now;
                self.declarations
                    .insert(key, Declaration { checklist, item, answer, by, principal, evidence, until, at });
            }
            Change::Withdrawn { checklist, item, .. } => {
                self.declarations.remove(&(checklist, item));
            }
            Change::Ledger { name, by, rows } => {
                self.ledger = rows;
                self.ledger_origin = Some(Origin { name, by, at: self.now });
            }
            Change::Settings(settings) => self.settings = settings,
            Change::Packs { files } => {
                if let Ok(packs) = PackSet::load(files) {
                    self.packs = Arc::new(packs);
                }
            }
        }
        moves
    }

    /// Works off every deadline up to then, in order.
    pub fn advance(&mut self, now: Timestamp) -> Moves {
        self.now = self.now.max(now);
        Moves { at: self.now, pack: self.packs.hash(), verdicts: Vec::new(), answers: Vec::new(), risks: Vec::new() }
    }

    /// The next moment at which something turns by time alone.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.declarations.values().filter_map(|declaration| declaration.until).filter(|at| *at > self.now).min()
    }

    /// The engine's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The packs that judge.
    #[must_use]
    pub fn packs(&self) -> &Arc<PackSet> {
        &self.packs
    }

    /// The limits of judgement.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All hosts, by id.
    #[must_use]
    pub fn hosts(&self) -> Vec<HostSummary> {
        self.hosts.keys().filter_map(|id| self.summary(*id)).collect()
    }

    fn summary(&self, id: HostId) -> Option<HostSummary> {
        let host = self.hosts.get(&id)?;
        Some(HostSummary {
            id,
            name: host.name.clone(),
            site: host.site.clone(),
            class: self.class_of(id),
            expected: self.expected.iter().any(|machine| machine.name.eq_ignore_ascii_case(&host.name)),
            silent: host.silent,
            revoked: host.revoked,
            stale: Vec::new(),
            observed_at: host.groups.values().map(|group| group.observed_at).max(),
            outcomes: [0; 5],
            serial: None,
            verdicts: Vec::new(),
        })
    }

    /// One host with its facts and verdicts.
    #[must_use]
    pub fn host(&self, id: HostId) -> Option<HostDetail> {
        let host = self.hosts.get(&id)?;
        Some(HostDetail {
            summary: self.summary(id)?,
            groups: host.groups.values().cloned().collect(),
            verdicts: Vec::new(),
        })
    }

    /// Hosts with that id, or with that name, case-folded.
    #[must_use]
    pub fn find_hosts(&self, name_or_id: &str) -> Vec<HostId> {
        if let Ok(id) = name_or_id.parse::<HostId>()
            && self.hosts.contains_key(&id)
        {
            return vec![id];
        }
        let named = |host: &Host| host.name.to_lowercase() == name_or_id.to_lowercase();
        self.hosts.iter().filter(|(_, host)| named(host)).map(|(id, _)| *id).collect()
    }

    /// PC or server, from the list of expected machines; PC when it is not there.
    #[must_use]
    pub fn class_of(&self, id: HostId) -> HostClass {
        let name = self.hosts.get(&id).map(|host| host.name.to_lowercase());
        let found = self.expected.iter().find(|machine| Some(machine.name.to_lowercase()) == name);
        found.map(|machine| machine.class).unwrap_or_default()
    }

    /// The answers of a checklist; none when there is no such checklist.
    #[must_use]
    pub fn answers(&self, checklist: &str) -> Option<Answers> {
        let checklist = self.packs.checklist(checklist)?;
        Some(Answers {
            checklist: checklist.id.clone(),
            edition: checklist.edition.clone(),
            title: checklist.title.clone(),
            pack_hash: self.packs.hash(),
            answered: 0,
            items_total: u32::try_from(checklist.items.len()).unwrap_or(u32::MAX),
            score: None,
            items: Vec::new(),
            coverage: self.coverage(),
        })
    }

    /// The score of a checklist; none when it has none.
    #[must_use]
    pub fn score(&self, checklist: &str) -> Option<Score> {
        self.answers(checklist)?.score
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &[Asset] {
        &self.ledger
    }

    /// Where the ledger came from; none before the first import.
    #[must_use]
    pub fn ledger_origin(&self) -> Option<&Origin> {
        self.ledger_origin.as_ref()
    }

    /// Hosts that a person took out, by id. One that enrols again is no longer among them.
    pub fn retired(&self) -> impl Iterator<Item = &RetiredHost> {
        self.retired.values()
    }

    /// What people said, by checklist and item, ended declarations included.
    pub fn declarations(&self) -> impl Iterator<Item = &Declaration> {
        self.declarations.values()
    }

    /// The risk of each row of the ledger.
    #[must_use]
    pub fn risks(&self) -> Vec<risk::Row> {
        Vec::new()
    }

    /// The machines that should exist, those without a host, and names that stand there twice.
    #[must_use]
    pub fn expected(&self) -> ExpectedView {
        ExpectedView { machines: self.expected.clone(), missing: Vec::new(), duplicates: Vec::new() }
    }

    /// Hosts observed, known, expected.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let observed =
            self.hosts.values().filter(|host| !host.silent && !host.revoked && !host.groups.is_empty()).count();
        Coverage {
            met: 0,
            observed: count(observed),
            known: count(self.hosts.len()),
            expected: count(self.hosts.len().max(self.expected.len())),
        }
    }

    /// Why an item or a control says what it says, down to the facts.
    ///
    /// # Errors
    /// When nothing has that name.
    pub fn explain(
        &self,
        subject: &str,
        _checklist: Option<&str>,
        _host: Option<HostId>,
    ) -> Result<Explanation, ExplainError> {
        Err(ExplainError::NoSubject(subject.to_owned()))
    }

    /// Whether a declaration can be accepted now.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    #[expect(clippy::too_many_arguments, reason = "the fields of one declaration")]
    pub fn check_declaration(
        &self,
        at: Timestamp,
        checklist: &str,
        item: &str,
        answer: Word,
        by: &str,
        evidence: Option<&str>,
        until: Option<Timestamp>,
    ) -> Result<(), DeclareError> {
        let list = self.packs.checklist(checklist).ok_or_else(|| DeclareError::NoChecklist(checklist.to_owned()))?;
        if !list.items.iter().any(|candidate| candidate.id == item) {
            return Err(DeclareError::NoItem { checklist: checklist.to_owned(), item: item.to_owned() });
        }
        if answer == Word::Unanswered {
            return Err(DeclareError::Unanswered);
        }
        if answer == Word::NotApplicable && !list.allows_not_applicable {
            return Err(DeclareError::NotApplicableRefused(checklist.to_owned()));
        }
        if by.trim().is_empty() {
            return Err(DeclareError::Nobody);
        }
        if let Some(until) = until
            && until <= at
        {
            return Err(DeclareError::EndsBeforeItBegins { until, at });
        }
        match evidence.map_or(0, str::len) {
            bytes if bytes > EVIDENCE_BYTES_MAX => Err(DeclareError::EvidenceTooLong { bytes }),
            _ => Ok(()),
        }
    }

    /// Everything that a person can see, comparable.
    #[must_use]
    pub fn picture(&self) -> Picture {
        Picture {
            hosts: self.hosts.keys().filter_map(|id| self.host(*id)).collect(),
            answers: self.packs.checklists().iter().filter_map(|list| self.answers(&list.id)).collect(),
            risks: self.risks(),
            next_deadline: self.next_deadline(),
        }
    }
}
