//! The state as a person sees it: the types of [`api::v1`](crate::api::v1), filled. No score is computed here;
//! every number is read from the assessment, so that two views never differ on it.
//!
//! Each function takes the state under its lock and returns owned values: short, in memory, without IO.

pub mod agents;
pub mod answers;
pub mod explain;
pub mod health;
pub mod host;
pub mod hosts;
pub mod ledger;
pub mod overview;
pub mod packs;

use tenken_assess::answer::{Basis, Effect, Word};
use tenken_assess::fleet::{HostClass, HostSummary};
use tenken_assess::verdict::{Outcome, Verdict};
use tenken_proto::ident::HostId;

use crate::api::v1;
use crate::engine::{AgentMarks, State};
use crate::locale::{Arg, Lang, Locale};

/// A text of a pack.
pub(crate) fn text(text: &tenken_assess::Text) -> v1::Text {
    v1::Text { ja: text.ja.clone(), en: text.en.clone() }
}

/// A text of ours, in both languages.
pub(crate) fn both(key: &str, arguments: &[(&'static str, Arg<'_>)]) -> v1::Text {
    let said = |lang| Locale::of(lang).with(key, arguments);
    v1::Text { ja: said(Lang::Ja), en: said(Lang::En) }
}

pub(crate) fn answer_word(word: Word) -> v1::AnswerWord {
    match word {
        Word::Implemented => v1::AnswerWord::Implemented,
        Word::Partly => v1::AnswerWord::Partly,
        Word::NotImplemented => v1::AnswerWord::NotImplemented,
        Word::Unknown => v1::AnswerWord::Unknown,
        Word::NotApplicable => v1::AnswerWord::NotApplicable,
        Word::Unanswered => v1::AnswerWord::Unanswered,
    }
}

/// The word as the assessment knows it.
pub(crate) fn assessed_word(word: v1::AnswerWord) -> Word {
    match word {
        v1::AnswerWord::Implemented => Word::Implemented,
        v1::AnswerWord::Partly => Word::Partly,
        v1::AnswerWord::NotImplemented => Word::NotImplemented,
        v1::AnswerWord::Unknown => Word::Unknown,
        v1::AnswerWord::NotApplicable => Word::NotApplicable,
        v1::AnswerWord::Unanswered => Word::Unanswered,
    }
}

pub(crate) fn basis(basis: Basis) -> v1::Basis {
    match basis {
        Basis::Measured => v1::Basis::Measured,
        Basis::Declared => v1::Basis::Declared,
        Basis::Both => v1::Basis::Both,
        Basis::Unanswered => v1::Basis::Unanswered,
    }
}

pub(crate) fn link(effect: Effect) -> v1::LinkKind {
    match effect {
        Effect::Settles => v1::LinkKind::Settles,
        Effect::Caps => v1::LinkKind::Caps,
        Effect::Informs => v1::LinkKind::Informs,
    }
}

pub(crate) fn outcome(outcome: Outcome) -> v1::VerdictWord {
    match outcome {
        Outcome::Pass => v1::VerdictWord::Pass,
        Outcome::Partial => v1::VerdictWord::Partial,
        Outcome::Fail => v1::VerdictWord::Fail,
        Outcome::Unknown => v1::VerdictWord::Unknown,
        Outcome::NotApplicable => v1::VerdictWord::NotApplicable,
    }
}

pub(crate) fn class(class: HostClass) -> v1::HostClass {
    match class {
        HostClass::Pc => v1::HostClass::Pc,
        HostClass::Server => v1::HostClass::Server,
    }
}

/// Counts by outcome, in the order of [`Outcome::ALL`].
pub(crate) fn tally(hosts: [u32; 5]) -> v1::Tally {
    let [pass, partial, fail, unknown, not_applicable] = hosts.map(u64::from);
    v1::Tally { pass, partial, fail, unknown, not_applicable }
}

/// Hosts that a person took out of the count.
pub(crate) fn retired(state: &State) -> u64 {
    state.fleet.retired().count() as u64
}

/// What did not arrive of all those agents together.
pub(crate) fn lost_reports<'a>(agents: impl Iterator<Item = &'a AgentMarks>) -> v1::LostReports {
    agents.fold(v1::LostReports::default(), |lost, marks| v1::LostReports {
        dropped: lost.dropped.saturating_add(marks.dropped),
        dropped_first: lost.dropped_first.into_iter().chain(marks.dropped_first).min(),
        dropped_last: lost.dropped_last.into_iter().chain(marks.dropped_last).max(),
        missing: lost.missing.saturating_add(marks.missing),
        missing_since: lost.missing_since.into_iter().chain(marks.missing_since).min(),
    })
}

pub(crate) fn freshness(silent: bool, stale: bool, observed: bool) -> v1::Freshness {
    match (silent, stale, observed) {
        (true, _, _) => v1::Freshness::Silent,
        (false, true, _) => v1::Freshness::Stale,
        (false, false, false) => v1::Freshness::Never,
        (false, false, true) => v1::Freshness::Fresh,
    }
}

pub(crate) fn verdict(verdict: &Verdict) -> v1::Verdict {
    // The oldest of the facts: a verdict is as old as what it rests on.
    let observed_at = verdict.facts.iter().filter_map(|fact| fact.observed_at).min();
    v1::Verdict {
        control: verdict.control.clone(),
        title: text(&verdict.title),
        verdict: outcome(verdict.outcome),
        freshness: freshness(verdict.silent, verdict.stale, observed_at.is_some()),
        reasons: verdict.reasons.iter().map(|reason| text(&reason.text)).collect(),
        remedy: verdict.remedy.as_ref().map(text),
        observed_at,
        valid_until: verdict.valid_until,
        becomes: verdict.becomes.map(outcome),
    }
}

pub(crate) fn host_ref(id: HostId, name: &str) -> v1::HostRef {
    v1::HostRef { host: Some(id), name: name.to_owned() }
}

pub(crate) fn host_ref_of(summary: &HostSummary) -> v1::HostRef {
    host_ref(summary.id, &summary.name)
}

/// How far a verdict is from fine: the largest is the worst.
pub(crate) fn severity(word: v1::VerdictWord) -> u8 {
    match word {
        v1::VerdictWord::Fail => 4,
        v1::VerdictWord::Unknown => 3,
        v1::VerdictWord::Partial => 2,
        v1::VerdictWord::Pass => 1,
        v1::VerdictWord::NotApplicable => 0,
    }
}

#[cfg(test)]
pub(crate) mod tests;
