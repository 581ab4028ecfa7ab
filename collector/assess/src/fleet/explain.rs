//! The chain from an answer down to the facts: answer, links, verdicts, facts, thresholds, remedy.

use tenken_proto::ident::HostId;

use super::Fleet;
use super::compose;
use super::view::{ControlExplanation, ExplainError, Explanation, HostVerdict};
use crate::answer::Effect;

/// Most verdicts of one control that an explanation lists.
pub(super) const VERDICTS_SHOWN_MAX: usize = 50;

impl Fleet {
    /// Why an item or a control says what it says, down to the facts. Without a checklist a control of that id
    /// comes first, then the first checklist that has such an item.
    ///
    /// # Errors
    /// When nothing has that name.
    pub fn explain(
        &self,
        subject: &str,
        checklist: Option<&str>,
        host: Option<HostId>,
    ) -> Result<Explanation, ExplainError> {
        if let Some(host) = host
            && !self.hosts.contains_key(&host)
        {
            return Err(ExplainError::NoHost(host));
        }
        if let Some(id) = checklist
            && self.packs().checklist(id).is_none()
        {
            return Err(ExplainError::NoChecklist(id.to_owned()));
        }
        if let Some(number) = checklist.and_then(|checklist| self.rules.number(checklist, subject)) {
            return Ok(self.explain_item(number, host));
        }
        if let Some(control) = self.rules.controls().iter().position(|control| control.id == subject) {
            return Ok(Explanation {
                answer: None,
                checklist: None,
                controls: vec![self.explain_control(control, None, host)],
                pack_hash: self.packs().hash(),
            });
        }
        let lists = self.packs().checklists().iter().filter(|_| checklist.is_none());
        let found = lists.filter_map(|list| self.rules.number(&list.id, subject)).next();
        found.map(|number| self.explain_item(number, host)).ok_or_else(|| ExplainError::NoSubject(subject.to_owned()))
    }

    fn explain_item(&self, number: usize, host: Option<HostId>) -> Explanation {
        let item = &self.rules.items[number];
        let links = item.links.iter();
        Explanation {
            answer: Some(compose::answer(&self.rules, item, self.whole(), &self.behind(number))),
            checklist: Some(self.rules.checklist(item).id.clone()),
            controls: links.map(|link| self.explain_control(link.control, Some(link.effect), host)).collect(),
            pack_hash: self.packs().hash(),
        }
    }

    fn explain_control(&self, number: usize, effect: Option<Effect>, host: Option<HostId>) -> ControlExplanation {
        let control = &self.rules.controls()[number];
        let of_outcome = |slot: usize| self.counts.hosts[number][slot].iter().copied();
        // What is to be done comes first: fail, unknown, partial, then pass and not applicable.
        let in_order = [2, 3, 1, 0, 4].into_iter().flat_map(of_outcome);
        let all: usize = self.counts.hosts[number].iter().map(std::collections::BTreeSet::len).sum();
        let shown: Vec<HostId> = match host {
            Some(host) => vec![host],
            None => in_order.take(VERDICTS_SHOWN_MAX).collect(),
        };
        let verdict = |id: HostId| {
            let host_name = self.hosts.get(&id)?.name.clone();
            Some(HostVerdict { host: id, host_name, verdict: self.verdict(id, number)? })
        };
        let omitted = if host.is_some() { 0 } else { all - shown.len() };
        let set = control.values(&self.rules.settings.parameters);
        let parameters = control.parameters.iter().zip(set).map(|(parameter, (_, value))| parameter.with(value));
        ControlExplanation {
            control: control.id.clone(),
            title: control.title.clone(),
            effect,
            applies: control.applies.as_ref().map_or_else(|| "true".to_owned(), |it| it.source().to_owned()),
            condition: control.pass.when.source().to_owned(),
            parameters: parameters.collect(),
            hosts: self.counts.of_control(number),
            hosts_missing: self.expectation.missing,
            verdicts: shown.into_iter().filter_map(verdict).collect(),
            verdicts_omitted: u32::try_from(omitted).unwrap_or(u32::MAX),
            remedy: compose::remedies_of(control, &self.counts.of_control(number))
                .next()
                .unwrap_or(control.remedy.clone()),
            follows: control.follows.clone(),
        }
    }
}
