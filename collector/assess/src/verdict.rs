//! One control on one host: what the facts say, why, and until when.
//!
//! *Unknown* is never fine: a fact that could not be read, a silent host and old facts all end there, and
//! the last outcome that was known stays beside it, because a failing host that falls silent still fails.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tenken_proto::observed::Observed;
use tenken_proto::value::Value;

use crate::condition::{Facts, Moment, Truth, When};
use crate::pack::control::{Because, Control, Edge, TimeRule};
use crate::text::{Language, Text, fill};

/// What a control says about a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 適合.
    Pass,
    /// 一部適合.
    Partial,
    /// 要対応.
    Fail,
    /// 確認できず.
    Unknown,
    /// 対象外.
    NotApplicable,
}

impl Outcome {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Pass, Self::Partial, Self::Fail, Self::Unknown, Self::NotApplicable];

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Partial => "partial",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not_applicable",
        }
    }

    /// For a person.
    #[must_use]
    pub fn text(self) -> Text {
        match self {
            Self::Pass => Text::new("適合", "pass"),
            Self::Partial => Text::new("一部適合", "partial"),
            Self::Fail => Text::new("要対応", "action needed"),
            Self::Unknown => Text::new("確認できず", "unknown"),
            Self::NotApplicable => Text::new("対象外", "not applicable"),
        }
    }
}

/// Why the outcome is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable code, such as `definitions_old`, `unreadable`, `silent`.
    pub code: String,
    /// For a person, with the values in it.
    pub text: Text,
}

/// A fact as it went into a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactUsed {
    /// `group.field`.
    pub path: String,
    /// `known`, `absent`, `unreadable`, `withheld` or `not_reported`.
    pub state: String,
    /// In English; a moment as RFC 3339, and of what is unreadable the detail. A value of the host, so hostile until
    /// it is escaped.
    pub value: String,
    /// How it was observed.
    pub source: String,
    /// When; none for what was never reported.
    pub observed_at: Option<Timestamp>,
}

/// A verdict as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The control's id.
    pub control: String,
    /// The control's title.
    pub title: Text,
    /// What it says.
    pub outcome: Outcome,
    /// 情報が古い: the facts it reads were not observed again for too long.
    pub stale: bool,
    /// 応答なし: the host has not been heard of for too long, or its connection was revoked.
    pub silent: bool,
    /// 例外承認中 until then.
    pub waived_until: Option<Timestamp>,
    /// Why.
    pub reasons: Vec<Reason>,
    /// On which facts.
    pub facts: Vec<FactUsed>,
    /// Since when the outcome is this.
    pub since: Timestamp,
    /// The moment at which it turns by itself.
    pub valid_until: Option<Timestamp>,
    /// What it turns into then.
    pub becomes: Option<Outcome>,
    /// The last outcome that was not *unknown*, when this one is.
    pub last_known: Option<Outcome>,
    /// What to do; empty while there is nothing to do.
    pub remedy: Option<Text>,
}

/// What to do about hosts of which nothing is known: the remedy of a control is for what was seen to be amiss.
#[must_use]
pub fn make_observable() -> Text {
    Text::new(
        "確認できるようにしてください。確認できない理由（読み取りの権限、動いていないエージェント、収集しない設定など）は機器ごとに示しています。",
        "Make it observable: each host says what stands in the way (a right to read, an agent that does not run, a group that is withheld).",
    )
}

/// What one control says about one host at one time, as small as it can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// The outcome.
    pub outcome: Outcome,
    /// The first moment at which facts that stay the same give another outcome.
    pub valid_until: Option<Timestamp>,
    /// The outcome from then on.
    pub becomes: Option<Outcome>,
}

/// What the conditions say, without time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Base {
    outcome: Outcome,
    /// A `fail` branch holds: no time rule softens it.
    certain: bool,
    ground: Ground,
}

/// Which part of a control decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ground {
    NotApplicable,
    Undecided,
    Unknown(usize),
    Fail(usize),
    Pass,
    Partial,
    Otherwise,
}

/// What one time rule says at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Force {
    Holds,
    Rests,
    Undecided,
}

/// A time rule with its moment looked up.
#[derive(Debug, Clone, Copy)]
struct Timed<'c> {
    rule: &'c TimeRule,
    when: When,
    /// The moment with its parameter added.
    breaks_at: Option<Timestamp>,
}

impl Timed<'_> {
    /// Why the rule holds.
    fn because(&self) -> &Because {
        match (&self.rule.without, self.when) {
            (Some(without), When::Absent) => without,
            _ => &self.rule.because,
        }
    }

    fn at(&self, now: Timestamp) -> Force {
        let Some(breaks_at) = self.breaks_at else {
            return match self.when {
                When::Absent if self.rule.absent.is_some() => Force::Holds,
                When::Unknown => Force::Undecided,
                When::Absent | When::NoItem | When::At(_) | When::AtLeast(_) | When::AtMost(_) => Force::Rests,
            };
        };
        let passed = now >= breaks_at;
        match (self.rule.edge, self.when, passed) {
            (_, When::AtLeast(_), true) | (_, When::AtMost(_), false) => Force::Undecided,
            (Edge::After, _, passed) => {
                if passed {
                    Force::Holds
                } else {
                    Force::Rests
                }
            }
            (Edge::Until, _, passed) => {
                if passed {
                    Force::Rests
                } else {
                    Force::Holds
                }
            }
        }
    }

    fn becomes(&self) -> Outcome {
        match self.when {
            When::Absent => self.rule.absent.unwrap_or(self.rule.becomes),
            When::At(_) | When::AtLeast(_) | When::AtMost(_) | When::NoItem | When::Unknown => self.rule.becomes,
        }
    }
}

/// Judges one control on the facts of one host.
pub fn judge(control: &Control, facts: &dyn Facts, parameters: &[(String, i64)], now: Timestamp) -> Judged {
    let base = base(control, facts, parameters);
    if base.outcome == Outcome::NotApplicable {
        return Judged { outcome: base.outcome, valid_until: None, becomes: None };
    }
    let timed = timed(control, facts, parameters);
    let outcome = outcome_at(base, &timed, now);
    let mut breaks: Vec<Timestamp> = timed.iter().filter_map(|it| it.breaks_at).filter(|at| *at > now).collect();
    breaks.sort_unstable();
    let turn = breaks.into_iter().map(|at| (at, outcome_at(base, &timed, at))).find(|(_, then)| *then != outcome);
    Judged { outcome, valid_until: turn.map(|(at, _)| at), becomes: turn.map(|(_, then)| then) }
}

fn base(control: &Control, facts: &dyn Facts, parameters: &[(String, i64)]) -> Base {
    let said = |outcome, ground| Base { outcome, certain: false, ground };
    match control.applies.as_ref().map_or(Truth::Yes, |it| it.holds(facts, parameters)) {
        Truth::Yes => {}
        Truth::No => return said(Outcome::NotApplicable, Ground::NotApplicable),
        Truth::Unknown => return said(Outcome::Unknown, Ground::Undecided),
    }
    let mut undecided = false;
    for (index, branch) in control.fail.iter().enumerate() {
        match branch.when.holds(facts, parameters) {
            Truth::Yes => return Base { outcome: Outcome::Fail, certain: true, ground: Ground::Fail(index) },
            Truth::No => {}
            Truth::Unknown => undecided = true,
        }
    }
    for (index, branch) in control.unknown.iter().enumerate() {
        match branch.when.holds(facts, parameters) {
            Truth::Yes => return said(Outcome::Unknown, Ground::Unknown(index)),
            Truth::No => {}
            Truth::Unknown => undecided = true,
        }
    }
    if undecided {
        return said(Outcome::Unknown, Ground::Undecided);
    }
    match control.pass.when.holds(facts, parameters) {
        Truth::Yes => return said(Outcome::Pass, Ground::Pass),
        Truth::No => {}
        Truth::Unknown => return said(Outcome::Unknown, Ground::Undecided),
    }
    match control.partial.as_ref().map_or(Truth::No, |partial| partial.when.holds(facts, parameters)) {
        Truth::Yes => said(Outcome::Partial, Ground::Partial),
        Truth::No => said(Outcome::Fail, Ground::Otherwise),
        Truth::Unknown => said(Outcome::Unknown, Ground::Undecided),
    }
}

fn timed<'c>(control: &'c Control, facts: &dyn Facts, parameters: &[(String, i64)]) -> Vec<Timed<'c>> {
    let mut looked_up: Vec<(*const Moment, When)> = Vec::new();
    let look = |rule: &'c TimeRule| {
        let moment = Arc::as_ptr(&rule.moment);
        let when = match looked_up.iter().find(|(earlier, _)| *earlier == moment) {
            Some((_, when)) => *when,
            None => {
                let when = rule.moment.when(facts, parameters);
                looked_up.push((moment, when));
                when
            }
        };
        let breaks_at = match when {
            When::At(at) | When::AtLeast(at) | When::AtMost(at) => Some(rule.breaks_at(at, parameters)),
            When::Absent | When::NoItem | When::Unknown => None,
        };
        Timed { rule, when, breaks_at }
    };
    control.time_rules.iter().map(look).collect()
}

/// The conditions and the time rules together.
///
/// A rule that says *too early* replaces all but a certain failure. A rule that says *unknown* replaces
/// everything. Of all others the worst counts, where what could not be read is worse than *partial*.
fn outcome_at(base: Base, timed: &[Timed<'_>], now: Timestamp) -> Outcome {
    let mut outcome = base.outcome;
    for it in timed.iter().filter(|it| it.rule.edge == Edge::Until && !base.certain) {
        match it.at(now) {
            Force::Holds => outcome = it.becomes(),
            Force::Undecided => outcome = worse(outcome, Outcome::Unknown),
            Force::Rests => {}
        }
    }
    let mut blind = false;
    for it in timed.iter().filter(|it| it.rule.edge == Edge::After) {
        match (it.at(now), it.becomes()) {
            (Force::Rests, _) => {}
            (Force::Holds | Force::Undecided, Outcome::Unknown) => blind = true,
            (Force::Holds, becomes) => outcome = worse(outcome, becomes),
            (Force::Undecided, _) => outcome = worse(outcome, Outcome::Unknown),
        }
    }
    if blind { Outcome::Unknown } else { outcome }
}

fn worse(a: Outcome, b: Outcome) -> Outcome {
    let rank = |outcome| match outcome {
        Outcome::NotApplicable => 0,
        Outcome::Pass => 1,
        Outcome::Partial => 2,
        Outcome::Unknown => 3,
        Outcome::Fail => 4,
    };
    if rank(a) >= rank(b) { a } else { b }
}

/// Why a control says what it says, in words, for the outcome that [`judge`] gives.
pub fn reasons(control: &Control, facts: &dyn Facts, parameters: &[(String, i64)], now: Timestamp) -> Vec<Reason> {
    let base = base(control, facts, parameters);
    let timed = timed(control, facts, parameters);
    let outcome = outcome_at(base, &timed, now);
    let mut found = Vec::new();
    let told = |because: &Because, at: Option<Timestamp>| reason(control, because, facts, parameters, at);
    for it in &timed {
        let moment = match it.when {
            When::At(at) | When::AtLeast(at) | When::AtMost(at) => Some(at),
            When::Absent | When::NoItem | When::Unknown => None,
        };
        match it.at(now) {
            Force::Holds if it.becomes() == outcome => found.push(told(it.because(), moment)),
            Force::Undecided if outcome == Outcome::Unknown => found.extend(missing(control, facts)),
            Force::Holds | Force::Undecided | Force::Rests => {}
        }
    }
    if base.outcome == outcome || found.is_empty() {
        match base.ground {
            Ground::NotApplicable => found.push(not_applicable()),
            Ground::Undecided => found.extend(missing(control, facts)),
            Ground::Unknown(index) => found.extend(control.unknown.get(index).map(|it| told(&it.because, None))),
            Ground::Fail(index) => found.extend(control.fail.get(index).map(|it| told(&it.because, None))),
            Ground::Pass => found.push(told(&control.pass.because, None)),
            Ground::Partial => found.extend(control.partial.as_ref().map(|it| told(&it.because, None))),
            Ground::Otherwise => found.push(told(&control.otherwise, None)),
        }
    }
    let mut told: Vec<Reason> = Vec::new();
    for reason in found {
        if !told.contains(&reason) {
            told.push(reason);
        }
    }
    told
}

fn not_applicable() -> Reason {
    Reason {
        code: "not_applicable".to_owned(),
        text: Text::new("この機器には当てはまらない。", "Does not apply to this machine."),
    }
}

/// The facts that could not be read, each with the reason that the agent gave.
fn missing(control: &Control, facts: &dyn Facts) -> Vec<Reason> {
    let mut found = Vec::new();
    for path in &control.reads {
        let Some((group, field)) = path.split_once('.') else { continue };
        let (code, ja, en) = match facts.group(group).and_then(|record| record.get(field)) {
            None => (
                "not_reported".to_owned(),
                format!("{path} がまだ届いていない。"),
                format!("{path} was not reported yet."),
            ),
            Some(Observed::Withheld) => (
                "withheld".to_owned(),
                format!("{path} は収集しない設定になっている。"),
                format!("{path} is not collected by setting."),
            ),
            Some(Observed::Unreadable { reason, detail, .. }) => (
                format!("unreadable_{}", reason.code()),
                format!("{path} を読み取れない（{}：{detail}）。", reason.code()),
                format!("{path} cannot be read ({}: {detail}).", reason.code()),
            ),
            Some(Observed::Known { value, .. }) if has_gap(value) => (
                "unreadable_part".to_owned(),
                format!("{path} の一部を読み取れない。"),
                format!("{path} can be read in part only."),
            ),
            Some(Observed::Known { .. } | Observed::Absent { .. }) => continue,
        };
        found.push(Reason { code, text: Text { ja, en } });
    }
    if found.is_empty() {
        let text = Text::new("観測事実から判定できない。", "The facts do not decide it.");
        found.push(Reason { code: "undecided".to_owned(), text });
    }
    found
}

fn has_gap(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().any(has_gap),
        Value::Record(record) => record.fields.iter().any(|(_, observed)| match observed {
            Observed::Unreadable { .. } | Observed::Withheld => true,
            Observed::Known { value, .. } => has_gap(value),
            Observed::Absent { .. } => false,
        }),
        Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Time(_) => false,
    }
}

fn reason(
    control: &Control,
    because: &Because,
    facts: &dyn Facts,
    parameters: &[(String, i64)],
    at: Option<Timestamp>,
) -> Reason {
    let side = |template: &str, language| {
        fill(template, &mut |name| match name.split_once('.') {
            Some(("params", parameter)) => {
                let set = parameters.iter().find(|(name, _)| name == parameter);
                let found = control.parameters.iter().find(|it| it.name == parameter).zip(set);
                found.map(|(it, (_, number))| it.with(*number).told(language)).unwrap_or_default()
            }
            Some((group, field)) => shown(facts.group(group).and_then(|record| record.get(field)), language),
            None => at.map_or_else(|| none(language), moment),
        })
    };
    Reason {
        code: because.code.clone(),
        text: Text { ja: side(&because.text.ja, Language::Ja), en: side(&because.text.en, Language::En) },
    }
}

fn none(language: Language) -> String {
    match language {
        Language::Ja => "なし".to_owned(),
        Language::En => "none".to_owned(),
    }
}

/// A moment for a person, to the minute.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Longest value that is shown in a reason or beside a verdict, in characters.
const SHOWN_CHARS_MAX: usize = 200;

/// A fact's value for a person.
fn shown(observed: Option<&Observed<Value>>, language: Language) -> String {
    match (observed, language) {
        (Some(Observed::Known { value, .. }), _) => plain(value),
        (Some(Observed::Absent { .. }), language) => none(language),
        (Some(Observed::Unreadable { reason, .. }), Language::Ja) => format!("読み取れず（{}）", reason.code()),
        (Some(Observed::Unreadable { reason, .. }), Language::En) => format!("unreadable ({})", reason.code()),
        (Some(Observed::Withheld), Language::Ja) => "収集しない設定".to_owned(),
        (Some(Observed::Withheld), Language::En) => "withheld".to_owned(),
        (None, Language::Ja) => "未着".to_owned(),
        (None, Language::En) => "not reported".to_owned(),
    }
}

fn plain(value: &Value) -> String {
    let text = match value {
        Value::Bool(it) => it.to_string(),
        Value::Number(it) => it.to_string(),
        Value::Text(it) => it.clone(),
        Value::Time(it) => moment(*it),
        Value::List(items) => {
            let texts: Vec<String> = items.iter().take(8).map(plain).collect();
            format!("[{}] {}", items.len(), texts.join("; "))
        }
        Value::Record(record) => {
            let named = |(name, observed): &(String, Observed<Value>)| {
                format!("{name}={}", shown(Some(observed), Language::En))
            };
            record.fields.iter().map(named).collect::<Vec<String>>().join(", ")
        }
    };
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text;
    }
    text.chars().take(SHOWN_CHARS_MAX - 1).chain(['…']).collect()
}

/// The facts that a control reads, as they stand.
pub fn facts_used(
    control: &Control,
    facts: &dyn Facts,
    observed_at: &dyn Fn(&str) -> Option<Timestamp>,
) -> Vec<FactUsed> {
    let used = |path: &String| {
        let (group, field) = path.split_once('.')?;
        let observed = facts.group(group).and_then(|record| record.get(field));
        let state = match observed {
            Some(Observed::Known { .. }) => "known",
            Some(Observed::Absent { .. }) => "absent",
            Some(Observed::Unreadable { .. }) => "unreadable",
            Some(Observed::Withheld) => "withheld",
            None => "not_reported",
        };
        Some(FactUsed {
            path: path.clone(),
            state: state.to_owned(),
            value: match observed {
                Some(Observed::Known { value: Value::Time(at), .. }) => at.to_string(),
                Some(Observed::Unreadable { detail, .. }) => detail.clone(),
                Some(Observed::Known { .. } | Observed::Absent { .. } | Observed::Withheld) | None => {
                    shown(observed, Language::En)
                }
            },
            source: observed.map(|it| it.source().to_owned()).unwrap_or_default(),
            observed_at: observed_at(group),
        })
    };
    control.reads.iter().filter_map(used).collect()
}
