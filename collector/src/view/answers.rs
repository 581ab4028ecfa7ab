//! Checklists and their answers.

use std::collections::BTreeMap;

use tenken_assess::answer::{Answer, Answers, Contradiction, Coverage, Evidence, Score};
use tenken_assess::declare::Declaration;
use tenken_assess::pack;
use tenken_proto::Timestamp;

use super::{answer_word, basis, explain, link, retired, tally, text};
use crate::api::v1;
use crate::engine::State;

/// The answers to a checklist; none when there is no such checklist.
#[must_use]
pub fn answers(state: &State, checklist: &str, now: Timestamp) -> Option<v1::Answers> {
    let answers = state.fleet.answers(checklist)?;
    let mut hosts = BTreeMap::new();
    let items = answers.items.iter().map(|item| answer(state, &answers.checklist, item, &mut hosts, now)).collect();
    Some(v1::Answers {
        checklist: answers.checklist.clone(),
        edition: answers.edition.clone(),
        pack_hash: answers.pack_hash.to_string(),
        answered: u64::from(answers.answered),
        items_total: u64::from(answers.items_total),
        score: answers.score.as_ref().map(score),
        items,
    })
}

/// Every checklist as its pack describes it.
#[must_use]
pub fn checklists(state: &State) -> Vec<v1::Checklist> {
    let packs = state.fleet.packs();
    packs.checklists().iter().map(|list| checklist(list, packs.controls())).collect()
}

/// Every checklist in short.
#[must_use]
pub fn summaries(state: &State) -> Vec<v1::ChecklistSummary> {
    let packs = state.fleet.packs();
    packs
        .checklists()
        .iter()
        .filter_map(|list| state.fleet.answers(&list.id))
        .map(|answers| summary(&answers))
        .collect()
}

pub(super) fn score(score: &Score) -> v1::Score {
    v1::Score {
        measured: score.measured,
        declared: score.declared,
        unknown_points: score.unknown_points,
        total: score.total,
        max: score.max,
    }
}

/// Controls that were explained already, so that one that bears on several items is looked at once.
pub(super) type Explained = BTreeMap<String, (Vec<v1::HostVerdict>, u64)>;

pub(super) fn answer(
    state: &State,
    checklist: &str,
    answer: &Answer,
    explained: &mut Explained,
    now: Timestamp,
) -> v1::Answer {
    let counts = answer.coverage;
    let count = |of: fn(&Coverage) -> u32| counts.as_ref().map(|coverage| u64::from(of(coverage)));
    let mut evidence: Vec<v1::Evidence> =
        answer.evidence.iter().map(|it| v1::Evidence::Control(control(state, it, explained))).collect();
    let said = state.fleet.declarations().find(|said| said.checklist == checklist && said.item == answer.id);
    evidence.extend(said.map(|said| v1::Evidence::Declaration(declaration(said, now))));
    v1::Answer {
        id: answer.id.clone(),
        answer: answer_word(answer.answer),
        basis: basis(answer.basis),
        points: answer.points,
        hosts_met: count(|it| it.met),
        hosts_observed: count(|it| it.observed),
        hosts_known: count(|it| it.known),
        hosts_expected: count(|it| it.expected),
        hosts_retired: counts.map(|_| retired(state)),
        valid_until: answer.valid_until,
        contradiction: answer.contradiction.as_ref().map(contradiction),
        evidence,
    }
}

fn contradiction(it: &Contradiction) -> v1::Contradiction {
    v1::Contradiction { declared: answer_word(it.declared), measured: answer_word(it.measured), text: text(&it.text) }
}

fn control(state: &State, evidence: &Evidence, explained: &mut Explained) -> v1::ControlEvidence {
    let (hosts, hosts_omitted) = explained
        .entry(evidence.control.clone())
        .or_insert_with(|| explain::hosts_of(state, &evidence.control))
        .clone();
    v1::ControlEvidence {
        control: evidence.control.clone(),
        title: text(&evidence.title),
        link: link(evidence.effect),
        tally: tally(evidence.hosts),
        hosts,
        hosts_omitted,
    }
}

fn declaration(said: &Declaration, now: Timestamp) -> v1::Declaration {
    v1::Declaration {
        answer: answer_word(said.answer),
        by: said.by.clone(),
        principal: said.principal.clone(),
        declared_at: said.at,
        until: said.until,
        evidence: said.evidence.clone(),
        ended: !said.holds_at(now),
    }
}

fn checklist(list: &pack::Checklist, controls: &[pack::Control]) -> v1::Checklist {
    let scoring = list.scoring.as_ref();
    let weights = scoring.map(|it| it.points.iter().map(|(word, points)| (word.code().to_owned(), *points)).collect());
    let bands =
        scoring.map(|it| it.bands.iter().map(|band| v1::Band { from: band.from, title: text(&band.title) }).collect());
    v1::Checklist {
        id: list.id.clone(),
        edition: list.edition.clone(),
        title: text(&list.title),
        publisher: text(&list.publisher),
        weights: weights.unwrap_or_default(),
        bands: bands.unwrap_or_default(),
        items: list.items.iter().map(|it| item(list, it, controls)).collect(),
    }
}

pub(super) fn item(list: &pack::Checklist, item: &pack::Item, controls: &[pack::Control]) -> v1::Item {
    let part = list.parts.iter().find(|part| part.id == item.part).map(|part| text(&part.title));
    let bearing = |control: &pack::Control| {
        let here = |it: &&pack::Link| it.checklist == list.id && it.item == item.id;
        control.links.iter().find(here).map(|it| v1::Link {
            control: control.id.clone(),
            link: link(it.effect),
            at_most: at_most(it.effect),
        })
    };
    v1::Item {
        id: item.id.clone(),
        part,
        title: text(&item.title),
        links: controls.iter().filter_map(bearing).collect(),
    }
}

/// What a control that is not met leaves possible.
fn at_most(effect: tenken_assess::answer::Effect) -> Option<v1::AnswerWord> {
    use tenken_assess::answer::Effect;
    match effect {
        Effect::Caps => Some(v1::AnswerWord::Partly),
        Effect::Settles | Effect::Informs => None,
    }
}

fn summary(answers: &Answers) -> v1::ChecklistSummary {
    let mut by = v1::AnswerTally::default();
    for item in &answers.items {
        let cell = match answer_word(item.answer) {
            v1::AnswerWord::Implemented => &mut by.implemented,
            v1::AnswerWord::Partly => &mut by.partly,
            v1::AnswerWord::NotImplemented => &mut by.not_implemented,
            v1::AnswerWord::Unknown => &mut by.unknown,
            v1::AnswerWord::NotApplicable => &mut by.not_applicable,
            v1::AnswerWord::Unanswered => &mut by.unanswered,
        };
        *cell += 1;
        match basis(item.basis) {
            v1::Basis::Measured | v1::Basis::Both => by.measured += 1,
            v1::Basis::Declared => by.declared += 1,
            v1::Basis::Unanswered => {}
        }
    }
    v1::ChecklistSummary {
        checklist: answers.checklist.clone(),
        edition: answers.edition.clone(),
        title: text(&answers.title),
        answered: u64::from(answers.answered),
        items_total: u64::from(answers.items_total),
        answers: by,
        score: answers.score.as_ref().map(score),
        band: answers.score.as_ref().and_then(|score| score.band.as_ref()).map(text),
        contradictions: answers.items.iter().filter(|item| item.contradiction.is_some()).count() as u64,
    }
}
