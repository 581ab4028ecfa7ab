//! What is read from a fleet. Nothing here changes it.

use std::sync::Arc;

use jiff::Timestamp;
use tenken_proto::ident::HostId;

use super::change::{HostClass, Settings};
use super::compose::{self, Behind, Whole};
use super::counts::slot;
use super::host::{Host, fold};
use super::view::{ExpectedView, HostDetail, HostSummary, Picture, RetiredHost, VerdictHead};
use super::{Fleet, Register as _, assets};
use crate::answer::{Answers, Core, Coverage, Score, Word};
use crate::declare::{Declaration, DeclareError, EVIDENCE_BYTES_MAX};
use crate::ledger::{Asset, Origin};
use crate::pack::PackSet;
use crate::risk;
use crate::text::Text;
use crate::verdict::{Outcome, Reason, Verdict, facts_used, make_observable, reasons};

use super::expect::Expectation;
use super::rules::Rules;

impl Fleet {
    /// The engine's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The packs that judge.
    #[must_use]
    pub fn packs(&self) -> &Arc<PackSet> {
        &self.rules.packs
    }

    /// The limits of judgement.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.rules.settings
    }

    /// All hosts, by id.
    #[must_use]
    pub fn hosts(&self) -> Vec<HostSummary> {
        self.hosts.iter().map(|(id, host)| summary(&self.rules, &self.expectation, *id, host)).collect()
    }

    /// One host with its facts and verdicts.
    #[must_use]
    pub fn host(&self, id: HostId) -> Option<HostDetail> {
        self.hosts.get(&id).map(|host| detail(&self.rules, &self.expectation, id, host, self.now))
    }

    /// One host's verdict of one control.
    pub(super) fn verdict(&self, id: HostId, control: usize) -> Option<Verdict> {
        self.hosts.get(&id).and_then(|host| verdict(&self.rules, host, control, self.now))
    }

    /// Hosts with that id, or with that name, case-folded.
    #[must_use]
    pub fn find_hosts(&self, name_or_id: &str) -> Vec<HostId> {
        self.named(&fold(name_or_id))
    }

    /// PC or server, from the list of expected machines; PC when it is not there.
    #[must_use]
    pub fn class_of(&self, id: HostId) -> HostClass {
        let class = |host: &Host| self.expectation.class(&host.name, host.serial().as_deref());
        self.hosts.get(&id).map(class).unwrap_or_default()
    }

    /// The answers of a checklist; none when there is no such checklist.
    #[must_use]
    pub fn answers(&self, checklist: &str) -> Option<Answers> {
        compose::answers(&self.rules, checklist, self.whole(), &|item| self.behind(item))
    }

    /// The score of a checklist; none when it has none.
    #[must_use]
    pub fn score(&self, checklist: &str) -> Option<Score> {
        self.answers(checklist)?.score
    }

    pub(super) fn whole(&self) -> Whole {
        Whole { known: known(self.hosts.len()), missing: self.expectation.missing, coverage: self.coverage() }
    }

    pub(super) fn behind(&self, item: usize) -> Behind<'_> {
        let (settles, caps) = self.counts.items[item];
        let links = self.rules.items[item].links.iter();
        let of = |control| (self.counts.of_control(control), self.deadlines.first_of(control));
        Behind {
            settles,
            caps,
            declaration: self.declaration(item),
            controls: links.map(|link| of(link.control)).collect(),
        }
    }

    /// What the facts and the declaration make of an item.
    pub(super) fn core(&self, item: usize) -> Core {
        let whole = (known(self.hosts.len()), self.expectation.missing);
        compose::core(&self.rules, &self.rules.items[item], whole, self.counts.items[item], self.declaration(item))
    }

    fn declaration(&self, item: usize) -> Option<&Declaration> {
        let rule = &self.rules.items[item];
        if self.declarations.is_empty() {
            return None;
        }
        let key = (self.rules.checklist(rule).id.clone(), self.rules.item(rule).id.clone());
        self.declarations.get(&key).filter(|said| said.holds_at(self.now))
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &[Asset] {
        &self.assets.rows
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
        let numbered = self.assets.rows.iter().enumerate();
        numbered.map(|(index, asset)| assets::compute(&self.rules, self, index + 1, asset)).collect()
    }

    /// The machines that should exist, those without a host, and names that stand there twice.
    #[must_use]
    pub fn expected(&self) -> ExpectedView {
        ExpectedView {
            machines: self.expectation.machines.clone(),
            missing: self.expectation.missing_machines(),
            duplicates: self.expectation.duplicates.clone(),
        }
    }

    /// Hosts that are heard of and have facts; that are known; that are expected or known.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let known = known(self.hosts.len());
        Coverage {
            met: 0,
            observed: self.counts.observed,
            known,
            expected: known.saturating_add(self.expectation.missing),
        }
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
        let list =
            self.rules.packs.checklist(checklist).ok_or_else(|| DeclareError::NoChecklist(checklist.to_owned()))?;
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
            answers: self.packs().checklists().iter().filter_map(|list| self.answers(&list.id)).collect(),
            risks: self.risks(),
            next_deadline: self.next_deadline(),
        }
    }
}

pub(super) fn known(hosts: usize) -> u32 {
    u32::try_from(hosts).unwrap_or(u32::MAX)
}

/// One line about a host.
pub(super) fn summary(rules: &Rules, expectation: &Expectation, id: HostId, host: &Host) -> HostSummary {
    let serial = host.serial();
    let entry = expectation.entry(&host.name, serial.as_deref());
    let mut outcomes = [0; 5];
    for standing in &host.standings {
        outcomes[slot(standing.outcome)] += 1;
    }
    let head = |(control, standing): (&crate::pack::Control, &super::host::Standing)| VerdictHead {
        control: control.id.clone(),
        outcome: standing.outcome,
        stale: standing.stale,
        valid_until: standing.valid_until,
        becomes: standing.becomes,
    };
    HostSummary {
        id,
        name: host.name.clone(),
        site: host.site.clone().or_else(|| expectation.site(entry)),
        class: expectation.class(&host.name, serial.as_deref()),
        expected: entry.is_some(),
        silent: host.silent,
        revoked: host.revoked,
        stale: host.stale.iter().cloned().collect(),
        observed_at: host.groups.iter().map(|group| group.observed_at).max(),
        outcomes,
        serial: host.serial_as_given(),
        verdicts: rules.controls().iter().zip(&host.standings).map(head).collect(),
    }
}

/// A host with its facts and verdicts.
pub(super) fn detail(rules: &Rules, expectation: &Expectation, id: HostId, host: &Host, now: Timestamp) -> HostDetail {
    let order = |facts: &super::GroupFacts| {
        let known = crate::derived::schemas().iter().position(|schema| schema.name == facts.name.as_str());
        (known.unwrap_or(usize::MAX), facts.name.clone())
    };
    let mut groups = host.groups.clone();
    groups.sort_by_key(order);
    let verdicts = (0..rules.controls().len()).filter_map(|control| verdict(rules, host, control, now)).collect();
    HostDetail { summary: summary(rules, expectation, id, host), groups, verdicts }
}

/// A verdict in words.
fn verdict(rules: &Rules, host: &Host, number: usize, now: Timestamp) -> Option<Verdict> {
    let control = rules.controls().get(number)?;
    let standing = host.standings.get(number)?;
    let reasons = match (standing.silent, standing.stale) {
        (false, false) => reasons(control, host, &rules.parameters[number], now),
        (silent, _) => vec![absence(host, silent)],
    };
    Some(Verdict {
        control: control.id.clone(),
        title: control.title.clone(),
        outcome: standing.outcome,
        stale: standing.stale,
        silent: standing.silent,
        waived_until: None,
        reasons,
        facts: facts_used(control, host, &|group| host.observed_at(group)),
        since: standing.since,
        valid_until: standing.valid_until,
        becomes: standing.becomes,
        last_known: standing.last_known.filter(|_| standing.outcome == Outcome::Unknown),
        remedy: match standing.outcome {
            Outcome::Partial | Outcome::Fail => Some(control.remedy.clone()),
            Outcome::Unknown => Some(make_observable()),
            Outcome::Pass | Outcome::NotApplicable => None,
        },
    })
}

/// Why a host's facts do not count now.
fn absence(host: &Host, silent: bool) -> Reason {
    let (code, ja, en) = match (host.revoked, silent) {
        (true, _) => ("revoked", "接続を失効した機器。", "The connection of this machine was revoked."),
        (false, true) => ("silent", "応答がない。", "The machine has not been heard of for too long."),
        (false, false) => ("stale", "情報が古い。", "The facts were not observed again for too long."),
    };
    Reason { code: code.to_owned(), text: Text::new(ja, en) }
}
