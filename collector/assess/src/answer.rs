//! One item of a checklist over all hosts: measured, declared, or unanswered.
//!
//! Facts *settle* an item (the measured answer stands), *cap* it (a declaration can be lowered, never lifted)
//! or *inform* it (evidence only). No answer is better than its coverage allows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::declare::Declaration;
use crate::pack::Scoring;
use crate::text::Text;
use crate::verdict::Outcome;

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// 実施している.
    Implemented,
    /// 一部実施している.
    Partly,
    /// 実施していない.
    NotImplemented,
    /// わからない.
    Unknown,
    /// 非該当, only where the edition has it.
    NotApplicable,
    /// 未回答: nobody said anything and nothing is measured.
    Unanswered,
}

impl Word {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Implemented, Self::Partly, Self::NotImplemented, Self::Unknown, Self::NotApplicable, Self::Unanswered];

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Implemented => "implemented",
            Self::Partly => "partly",
            Self::NotImplemented => "not_implemented",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not_applicable",
            Self::Unanswered => "unanswered",
        }
    }

    /// The answer with that code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.code() == code)
    }

    /// For a person.
    #[must_use]
    pub fn text(self) -> Text {
        match self {
            Self::Implemented => Text::new("実施している", "implemented"),
            Self::Partly => Text::new("一部実施している", "partly implemented"),
            Self::NotImplemented => Text::new("実施していない", "not implemented"),
            Self::Unknown => Text::new("わからない", "unknown"),
            Self::NotApplicable => Text::new("非該当", "not applicable"),
            Self::Unanswered => Text::new("未回答", "unanswered"),
        }
    }
}

/// On what an answer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// 実測.
    Measured,
    /// 申告.
    Declared,
    /// 実測＋申告.
    Both,
    /// 未回答.
    Unanswered,
}

impl Basis {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Declared => "declared",
            Self::Both => "both",
            Self::Unanswered => "unanswered",
        }
    }

    /// For a person.
    #[must_use]
    pub fn text(self) -> Text {
        match self {
            Self::Measured => Text::new("実測", "measured"),
            Self::Declared => Text::new("申告", "declared"),
            Self::Both => Text::new("実測＋申告", "measured and declared"),
            Self::Unanswered => Text::new("未回答", "unanswered"),
        }
    }
}

/// What a control does to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The measured answer stands.
    Settles,
    /// The declared answer can be lowered.
    Caps,
    /// Evidence only.
    Informs,
}

/// How many hosts of the scope an item or control speaks about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Hosts that meet it.
    pub met: u32,
    /// Hosts with fresh facts that decide it.
    pub observed: u32,
    /// Hosts that are known and to which it applies.
    pub known: u32,
    /// Hosts that should exist: expected or known, and to which it applies.
    pub expected: u32,
}

/// One control's contribution to an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The control's id.
    pub control: String,
    /// Its title.
    pub title: Text,
    /// What it does to the item.
    pub effect: Effect,
    /// Hosts by outcome: pass, partial, fail, unknown, not applicable.
    pub hosts: [u32; 5],
    /// The counts in words.
    pub text: Text,
}

/// Declared and measured disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// What was declared.
    pub declared: Word,
    /// What the facts say, or the most that they allow.
    pub measured: Word,
    /// In words.
    pub text: Text,
}

/// The answer of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The item's id.
    pub id: String,
    /// The part of the checklist it stands in.
    pub part: String,
    /// Its title, in our words.
    pub title: Text,
    /// The answer.
    pub answer: Word,
    /// On what it stands.
    pub basis: Basis,
    /// Its points; none where the checklist has no score or the item does not count.
    pub points: Option<i64>,
    /// Counts of hosts; none where the item is only declared.
    pub coverage: Option<Coverage>,
    /// The first moment at which it can change by itself.
    pub valid_until: Option<Timestamp>,
    /// Declared and measured disagree.
    pub contradiction: Option<Contradiction>,
    /// The controls behind it.
    pub evidence: Vec<Evidence>,
    /// What the facts alone say: settled items only.
    pub measured: Option<Word>,
    /// The most that the facts allow: capped items only.
    pub cap: Option<Word>,
    /// The declaration that holds now.
    pub declaration: Option<Declaration>,
    /// What to do next, for each control that is not met.
    pub remedies: Vec<Text>,
}

/// The sum of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Points of answers that are measured, or measured and declared.
    pub measured: i64,
    /// Points of answers that are declared only.
    pub declared: i64,
    /// Points of *unknown* answers.
    pub unknown_points: i64,
    /// Their sum; none while an item is unanswered.
    pub total: Option<i64>,
    /// The most that can be reached: items that are not applicable lower it.
    pub max: i64,
    /// What the publisher calls a total like this.
    pub band: Option<Text>,
}

/// All answers of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// The checklist's id.
    pub checklist: String,
    /// Its edition.
    pub edition: String,
    /// Its title.
    pub title: Text,
    /// Hash of the packs that judged.
    pub pack_hash: tenken_proto::ident::Digest,
    /// Items that have an answer.
    pub answered: u32,
    /// All items.
    pub items_total: u32,
    /// None where the checklist has no score.
    pub score: Option<Score>,
    /// The items in order.
    pub items: Vec<Answer>,
    /// Hosts in scope: observed (fresh), known, expected or known.
    pub coverage: Coverage,
}

/// What the counts of hosts say about a settled item; none when there is nothing to measure it on.
///
/// `remembered_fail` are hosts that are unknown and failed when they were last known: they count as failing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// All settling controls pass.
    pub pass: u32,
    /// None fails, none is unknown, one is partial.
    pub partial: u32,
    /// One fails.
    pub fail: u32,
    /// Unknown, and failed when last known.
    pub remembered_fail: u32,
    /// Unknown otherwise; expected hosts without an agent are here.
    pub unknown: u32,
    /// None applies.
    pub not_applicable: u32,
}

impl Tally {
    /// Hosts in scope to which the item applies.
    #[must_use]
    pub fn in_scope(&self) -> u32 {
        self.pass + self.partial + self.fail + self.remembered_fail + self.unknown
    }

    /// Hosts with fresh facts that decide.
    #[must_use]
    pub fn observed(&self) -> u32 {
        self.pass + self.partial + self.fail
    }

    /// Hosts that count towards the coverage that an answer needs: one that failed and then fell silent
    /// still fails, so its silence takes nothing away.
    fn decided(&self) -> u32 {
        self.observed() + self.remembered_fail
    }

    /// The measured answer of a settled item. None: no host to which it applies.
    #[must_use]
    pub fn settled(&self, coverage_percent_min: u32) -> Option<Word> {
        let scope = self.in_scope();
        if scope == 0 {
            return None;
        }
        if self.pass == scope {
            return Some(Word::Implemented);
        }
        if u64::from(self.decided()) * 100 < u64::from(scope) * u64::from(coverage_percent_min) {
            return Some(Word::Unknown);
        }
        if self.pass + self.partial == 0 {
            return Some(Word::NotImplemented);
        }
        Some(Word::Partly)
    }

    /// The most that a capped item can be. None: no cap.
    #[must_use]
    pub fn cap(&self) -> Option<Word> {
        let scope = self.in_scope();
        let fail = self.fail + self.remembered_fail;
        if scope > 0 && fail == scope {
            return Some(Word::NotImplemented);
        }
        (fail + self.unknown + self.partial > 0).then_some(Word::Partly)
    }

    /// Counts one more host, or one less.
    pub fn count(&mut self, outcome: Outcome, remembered_fail: bool, by: i32) {
        let cell = match (outcome, remembered_fail) {
            (Outcome::Pass, _) => &mut self.pass,
            (Outcome::Partial, _) => &mut self.partial,
            (Outcome::Fail, _) => &mut self.fail,
            (Outcome::Unknown, true) => &mut self.remembered_fail,
            (Outcome::Unknown, false) => &mut self.unknown,
            (Outcome::NotApplicable, _) => &mut self.not_applicable,
        };
        *cell = cell.saturating_add_signed(by);
    }
}

/// Everything that decides an item's answer.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// Hosts by what the settling controls say; none when no control settles the item.
    pub settles: Option<Tally>,
    /// Hosts by what the capping controls say; none when no control caps the item.
    pub caps: Option<Tally>,
    /// A cap never goes below this.
    pub cap_at_least: Option<Word>,
    /// Hosts that are known at all.
    pub hosts_known: u32,
    /// Expected machines without a host: each is one more that is unknown.
    pub hosts_missing: u32,
    /// The declaration that holds now.
    pub declaration: Option<&'a Declaration>,
    /// The edition has *not applicable*.
    pub allows_not_applicable: bool,
    /// See [`crate::fleet::Settings`].
    pub coverage_percent_min: u32,
}

/// An answer without its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Core {
    /// The answer.
    pub word: Word,
    /// On what it stands.
    pub basis: Basis,
    /// What the facts alone say of a settled item.
    pub measured: Option<Word>,
    /// The most that the facts allow of a capped item.
    pub cap: Option<Word>,
    /// What was declared and what the facts say, when they disagree.
    pub contradiction: Option<(Word, Word)>,
    /// The counts behind a measured answer.
    pub coverage: Option<Coverage>,
}

impl Core {
    /// Decides.
    #[must_use]
    pub fn decide(ground: &Ground<'_>) -> Self {
        let declared = ground.declaration.map(|declaration| declaration.answer);
        let enrolled = ground.hosts_known > 0;
        let settles = ground.settles.filter(|_| enrolled).map(|tally| ground.with_missing(tally));
        let caps = ground.caps.filter(|_| enrolled).map(|tally| ground.with_missing(tally));
        let measured = settles.as_ref().and_then(|tally| ground.measured(tally));
        let cap = caps.as_ref().and_then(Tally::cap).map(|cap| match ground.cap_at_least {
            Some(floor) => cap.min(floor),
            None => cap,
        });
        let coverage = |tally: &Option<Tally>| tally.as_ref().map(|tally| ground.coverage(tally));
        match (measured, declared) {
            (Some(measured), declared) => {
                let word = cap.map_or(measured, |cap| lower(measured, cap));
                let agrees = declared == Some(word);
                Self {
                    word,
                    basis: if agrees { Basis::Both } else { Basis::Measured },
                    measured: Some(word),
                    cap,
                    contradiction: declared.filter(|_| !agrees).map(|declared| (declared, word)),
                    coverage: coverage(&settles),
                }
            }
            (None, Some(declared)) => {
                let word = cap.map_or(declared, |cap| lower(declared, cap));
                let lowered = word != declared;
                Self {
                    word,
                    basis: if lowered { Basis::Both } else { Basis::Declared },
                    measured: None,
                    cap,
                    contradiction: lowered.then_some((declared, word)),
                    coverage: coverage(&caps).filter(|_| lowered),
                }
            }
            (None, None) => Self {
                word: Word::Unanswered,
                basis: Basis::Unanswered,
                measured: None,
                cap,
                contradiction: None,
                coverage: None,
            },
        }
    }
}

/// The lower of an answer and a cap; only answers with a degree can be lowered.
fn lower(word: Word, cap: Word) -> Word {
    match word {
        Word::Implemented | Word::Partly | Word::NotImplemented => word.max(cap),
        Word::Unknown | Word::NotApplicable | Word::Unanswered => word,
    }
}

impl Ground<'_> {
    fn with_missing(&self, mut tally: Tally) -> Tally {
        tally.unknown += self.hosts_missing;
        tally
    }

    fn measured(&self, tally: &Tally) -> Option<Word> {
        let nothing_applies = tally.not_applicable > 0 && self.allows_not_applicable;
        tally.settled(self.coverage_percent_min).or_else(|| nothing_applies.then_some(Word::NotApplicable))
    }

    fn coverage(&self, tally: &Tally) -> Coverage {
        Coverage {
            met: tally.pass,
            observed: tally.observed(),
            known: tally.in_scope() - self.hosts_missing,
            expected: tally.in_scope(),
        }
    }
}

/// The sum of a checklist's answers; the scoring says what each is worth.
#[must_use]
pub fn score(scoring: &Scoring, answers: &[(Word, Basis)]) -> Score {
    let full = scoring.points.get(&Word::Implemented).copied().unwrap_or_default();
    let mut score = Score { measured: 0, declared: 0, unknown_points: 0, total: None, max: 0, band: None };
    let mut unanswered = false;
    for (word, basis) in answers {
        let points = points(scoring, *word).unwrap_or_default();
        match (word, basis) {
            (Word::Unanswered, _) => unanswered = true,
            (Word::NotApplicable, _) => continue,
            (Word::Unknown, _) => score.unknown_points += points,
            (_, Basis::Measured | Basis::Both) => score.measured += points,
            (_, Basis::Declared | Basis::Unanswered) => score.declared += points,
        }
        score.max += full;
    }
    if !unanswered {
        let total = score.measured + score.declared + score.unknown_points;
        score.total = Some(total);
        let band = scoring.bands.iter().find(|band| band.from.is_none_or(|from| total >= from));
        score.band = band.map(|band| band.title.clone());
    }
    score
}

/// What an answer is worth; none where it does not count.
#[must_use]
pub fn points(scoring: &Scoring, word: Word) -> Option<i64> {
    scoring.points.get(&word).copied()
}
