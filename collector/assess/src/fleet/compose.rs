//! Puts an answer into words: the same for the incremental and the plain form.

use jiff::Timestamp;

use super::rules::{ItemRule, Rules};
use crate::answer::{
    Answer, Answers, Basis, Contradiction, Core, Coverage, Evidence, Ground, Tally, Word, points, score,
};
use crate::declare::Declaration;
use crate::pack::Control;
use crate::text::Text;
use crate::verdict::{Outcome, make_observable};

use crate::answer::Effect;

/// What stands behind an item.
pub(super) struct Behind<'a> {
    pub(super) settles: Tally,
    pub(super) caps: Tally,
    pub(super) declaration: Option<&'a Declaration>,
    /// Hosts by outcome, and the first deadline, of each linked control.
    pub(super) controls: Vec<([u32; 5], Option<Timestamp>)>,
}

/// What is known of the hosts as a whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    pub(super) known: u32,
    pub(super) missing: u32,
    pub(super) coverage: Coverage,
}

/// Decides an item.
pub(super) fn core(
    rules: &Rules,
    item: &ItemRule,
    whole: (u32, u32),
    tallies: (Tally, Tally),
    declaration: Option<&Declaration>,
) -> Core {
    let floors = item.links.iter().filter(|link| link.effect == Effect::Caps).map(|link| link.at_least);
    Core::decide(&Ground {
        settles: item.has(Effect::Settles).then_some(tallies.0),
        caps: item.has(Effect::Caps).then_some(tallies.1),
        // The strictest of several floors: none is below every other.
        cap_at_least: floors.reduce(|a, b| Some(a?.max(b?))).flatten(),
        hosts_known: whole.0,
        hosts_missing: whole.1,
        declaration,
        allows_not_applicable: rules.checklist(item).allows_not_applicable,
        coverage_percent_min: rules.settings.coverage_percent_min,
    })
}

/// All answers of a checklist.
pub(super) fn answers<'a>(
    rules: &Rules,
    checklist: &str,
    whole: Whole,
    behind: &dyn Fn(usize) -> Behind<'a>,
) -> Option<Answers> {
    let list = rules.packs.checklist(checklist)?;
    let numbered = rules.items.iter().enumerate();
    let of_list = numbered.filter(|(_, item)| rules.checklist(item).id == checklist);
    let items: Vec<Answer> = of_list.map(|(number, item)| answer(rules, item, whole, &behind(number))).collect();
    let words: Vec<(Word, Basis)> = items.iter().map(|item| (item.answer, item.basis)).collect();
    let answered = words.iter().filter(|(word, _)| *word != Word::Unanswered).count();
    Some(Answers {
        checklist: list.id.clone(),
        edition: list.edition.clone(),
        title: list.title.clone(),
        pack_hash: rules.packs.hash(),
        answered: u32::try_from(answered).unwrap_or(u32::MAX),
        items_total: u32::try_from(items.len()).unwrap_or(u32::MAX),
        score: list.scoring.as_ref().map(|scoring| score(scoring, &words)),
        items,
        coverage: whole.coverage,
    })
}

/// One answer.
pub(super) fn answer(rules: &Rules, item: &ItemRule, whole: Whole, behind: &Behind<'_>) -> Answer {
    let known = (whole.known, whole.missing);
    let core = core(rules, item, known, (behind.settles, behind.caps), behind.declaration);
    let entry = rules.item(item);
    let mut evidence = Vec::new();
    let mut remedies = Vec::new();
    let mut valid_until = behind.declaration.and_then(|declaration| declaration.until);
    for (link, (hosts, deadline)) in item.links.iter().zip(&behind.controls) {
        let control = &rules.controls()[link.control];
        let text = counted(hosts, whole.missing);
        if whole.known > 0 {
            evidence.push(Evidence {
                control: control.id.clone(),
                title: control.title.clone(),
                effect: link.effect,
                hosts: *hosts,
                text,
            });
        }
        remedies.extend(remedies_of(control, hosts).filter(|remedy| !remedies.contains(remedy)).collect::<Vec<_>>());
        if link.effect != Effect::Informs {
            valid_until = [valid_until, *deadline].into_iter().flatten().min();
        }
    }
    let scoring = rules.checklist(item).scoring.as_ref();
    Answer {
        id: entry.id.clone(),
        part: entry.part.clone(),
        title: entry.title.clone(),
        answer: core.word,
        basis: core.basis,
        points: scoring.and_then(|scoring| points(scoring, core.word)),
        coverage: core.coverage,
        valid_until,
        contradiction: core.contradiction.map(contradiction),
        evidence,
        measured: core.measured,
        cap: core.cap,
        declaration: behind.declaration.cloned(),
        remedies,
    }
}

/// What helps, by the hosts of each outcome: the control's own remedy where something was seen to be amiss, and
/// what makes the rest observable.
pub(super) fn remedies_of(control: &Control, hosts: &[u32; 5]) -> impl Iterator<Item = Text> {
    let [_, partial, fail, unknown, _] = *hosts;
    let amiss = (partial + fail > 0).then(|| control.remedy.clone());
    amiss.into_iter().chain((unknown > 0).then(make_observable))
}

fn contradiction((declared, measured): (Word, Word)) -> Contradiction {
    let text = Text::new(
        format!("申告は「{}」、実測は「{}」。", declared.text().ja, measured.text().ja),
        format!("Declared as {}, measured as {}.", declared.text().en, measured.text().en),
    );
    Contradiction { declared, measured, text }
}

fn counted(hosts: &[u32; 5], missing: u32) -> Text {
    let mut ja = Vec::new();
    let mut en = Vec::new();
    for (outcome, count) in Outcome::ALL.iter().zip(hosts) {
        if *count > 0 {
            ja.push(format!("{} {count}台", outcome.text().ja));
            en.push(format!("{count} {}", outcome.text().en));
        }
    }
    if missing > 0 {
        ja.push(format!("未登録 {missing}台"));
        en.push(format!("{missing} not enrolled"));
    }
    Text { ja: ja.join("、"), en: en.join(", ") }
}
