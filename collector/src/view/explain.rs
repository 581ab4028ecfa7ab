//! Why an item or a control stands as it does, down to the facts.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tenken_assess::derived::{LIFECYCLE, lifecycle_source};
use tenken_assess::fleet::{ExplainError, GroupFacts, HostDetail, view};
use tenken_assess::verdict::FactUsed;
use tenken_proto::Timestamp;
use tenken_proto::fact::{GroupName, with_derived};
use tenken_proto::ident::HostId;

use super::{answers, link, retired, tally, text, verdict};
use crate::api::v1;
use crate::engine::State;

/// The chain from an item or a control down to the facts of hosts, or of one host.
///
/// # Errors
/// Nothing has that name.
pub fn explain(
    state: &State,
    subject: &str,
    checklist: &str,
    host: Option<HostId>,
    now: Timestamp,
) -> Result<v1::Explanation, ExplainError> {
    let packs = state.fleet.packs();
    let found = state.fleet.explain(subject, Some(checklist), host)?;
    let mut controls: Vec<v1::ControlExplanation> = found.controls.iter().map(|it| control(state, it)).collect();
    let list = packs.checklist(checklist);
    let item = list.and_then(|list| list.items.iter().find(|item| item.id == subject).map(|item| (list, item)));
    match (&found.answer, item) {
        (Some(answer), Some((list, item))) => Ok(v1::Explanation::Item(Box::new(v1::ItemExplanation {
            checklist: list.id.clone(),
            edition: list.edition.clone(),
            pack_hash: found.pack_hash.to_string(),
            item: answers::item(list, item, packs.controls()),
            answer: answers::answer(state, &list.id, answer, &mut BTreeMap::new(), now),
            controls,
        }))),
        _ => match controls.pop() {
            Some(control) => Ok(v1::Explanation::Control(Box::new(control))),
            None => Err(ExplainError::NoSubject(subject.to_owned())),
        },
    }
}

/// The worst hosts of a control and how many more there are.
pub(super) fn hosts_of(state: &State, control: &str) -> (Vec<v1::HostVerdict>, u64) {
    let Ok(found) = state.fleet.explain(control, None, None) else { return (Vec::new(), 0) };
    let Some(control) = found.controls.into_iter().find(|it| it.control == control) else { return (Vec::new(), 0) };
    let shown: Vec<v1::HostVerdict> = control.verdicts.iter().take(v1::HOSTS_SHOWN_MAX).map(host_verdict).collect();
    let omitted = control.verdicts.len().saturating_sub(shown.len()) as u64 + u64::from(control.verdicts_omitted);
    (shown, omitted)
}

fn host_verdict(of: &view::HostVerdict) -> v1::HostVerdict {
    v1::HostVerdict { host: Some(of.host), name: of.host_name.clone(), verdict: verdict(&of.verdict) }
}

fn control(state: &State, of: &view::ControlExplanation) -> v1::ControlExplanation {
    let packs = state.fleet.packs();
    let described = packs.control(&of.control);
    let reads = described.map(|it| it.reads.clone()).unwrap_or_default();
    let used = described.map(|it| it.links.as_slice()).unwrap_or_default();
    let shown = of.verdicts.iter().take(v1::HOSTS_SHOWN_MAX);
    let hosts: Vec<v1::HostExplanation> = shown
        .map(|it| {
            let detail = state.fleet.host(it.host);
            let facts = reads
                .iter()
                .map(|path| (path.clone(), fact(state, detail.as_ref(), path, &it.verdict.facts)))
                .collect();
            v1::HostExplanation { verdict: host_verdict(it), facts }
        })
        .collect();
    let omitted = of.verdicts.len().saturating_sub(hosts.len()) as u64 + u64::from(of.verdicts_omitted);
    v1::ControlExplanation {
        control: of.control.clone(),
        pack_hash: packs.hash().to_string(),
        title: text(&of.title),
        applies: of.applies.clone(),
        condition: of.condition.clone(),
        reads,
        parameters: of.parameters.iter().map(parameter).collect(),
        remedy: text(&of.remedy),
        used_by: used
            .iter()
            .map(|it| v1::ItemRef { checklist: it.checklist.clone(), item: it.item.clone(), link: link(it.effect) })
            .collect(),
        tally: tally(of.hosts),
        hosts,
        hosts_omitted: omitted,
        hosts_not_enrolled: u64::from(of.hosts_missing),
        hosts_retired: retired(state),
    }
}

fn parameter(of: &tenken_assess::pack::Parameter) -> v1::Parameter {
    let (value, unit) = of.measure();
    v1::Parameter { name: of.name.clone(), value, unit: unit.to_owned(), ours: of.ours, source: text(&of.source) }
}

/// One fact by `group.field`, or a whole group by its name; null where it was never reported.
///
/// What the collector itself worked out lies in no group of the host: it is told as the verdict used it.
fn fact(state: &State, host: Option<&HostDetail>, path: &str, used: &[FactUsed]) -> Json {
    let (group, field) = path.split_once('.').unwrap_or((path, ""));
    let of_group = |name: &str| host.and_then(|host| host.groups.iter().find(|it| it.name.as_str() == name));
    let Some(found) = of_group(group) else {
        let mut told = used.iter().find(|it| it.path == path).map_or(Json::Null, worked_out);
        if group == LIFECYCLE {
            in_both_languages(&mut told, state, of_group("host"));
        }
        return told;
    };
    let all = group_json(&found.name, found);
    if field.is_empty() { all } else { all.get(field).cloned().unwrap_or(Json::Null) }
}

/// The dates of a system come from a pack, which says in both languages where it has them.
fn in_both_languages(fact: &mut Json, state: &State, host: Option<&GroupFacts>) {
    let said = lifecycle_source(state.fleet.packs().lifecycles(), host.map(|group| &group.record));
    let (name, said) = match said {
        Ok(source) => ("source_text", source),
        Err(detail) => ("detail_text", detail),
    };
    if let Json::Object(fields) = fact {
        fields.insert(name.to_owned(), json!(text(&said)));
    }
}

fn worked_out(fact: &FactUsed) -> Json {
    let observed_at = fact.observed_at.map(|at| at.to_string());
    match fact.state.as_str() {
        "known" => json!({"state": "known", "value": fact.value, "source": fact.source, "observed_at": observed_at}),
        "absent" => json!({"state": "absent", "source": fact.source, "observed_at": observed_at}),
        "unreadable" => json!({"state": "unreadable", "reason": "depends_on", "detail": fact.value,
            "source": fact.source, "observed_at": observed_at}),
        "withheld" => json!({"state": "withheld"}),
        _ => Json::Null,
    }
}

/// The fields of a group with what is derived from them, as `once --format json` prints them.
pub(super) fn group_json(name: &GroupName, group: &GroupFacts) -> Json {
    tenken_proto::json::record(&with_derived(name, group.record.clone()), group.observed_at)
}
