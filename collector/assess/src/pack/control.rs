//! A control as its file says it: conditions, thresholds, time rules, texts, links and test cases.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tenken_proto::value::Record;

use crate::answer::{Effect, Word};
use crate::condition::{Condition, Moment};
use crate::text::{Language, Text};
use crate::verdict::Outcome;

/// A control: a statement that the facts of one host can meet or not.
#[derive(Debug)]
pub struct Control {
    /// Its id, such as `os.supported`.
    pub id: String,
    /// Its title.
    pub title: Text,
    /// The facts that it reads, as `group.field`, sorted.
    pub reads: Vec<String>,
    /// The same, down to the parts of list items: `group.field[].part`.
    pub reads_deep: BTreeSet<String>,
    /// The groups of those facts.
    pub groups: BTreeSet<String>,
    /// Its thresholds.
    pub parameters: Vec<Parameter>,
    /// When it applies; always, when there is no condition.
    pub applies: Option<Condition>,
    /// What makes it unknown although all facts can be read.
    pub unknown: Vec<Branch>,
    /// What fails it for certain.
    pub fail: Vec<Branch>,
    /// What meets it.
    pub pass: Branch,
    /// What meets it in part.
    pub partial: Option<Branch>,
    /// Why it fails when nothing above holds.
    pub otherwise: Because,
    /// What time does to it.
    pub time_rules: Vec<TimeRule>,
    /// What to do when it is not met.
    pub remedy: Text,
    /// The items it speaks to.
    pub links: Vec<Link>,
    /// Requirement ids that it follows.
    pub follows: Vec<String>,
    /// What it must say about given facts.
    pub tests: Vec<Case>,
}

impl Control {
    /// The parameters as conditions see them, with what an organisation set otherwise.
    #[must_use]
    pub fn values(&self, set_otherwise: &[crate::fleet::change::ParameterSetting]) -> Vec<(String, i64)> {
        let value = |parameter: &Parameter| {
            let other = set_otherwise.iter().rev().find(|it| it.control == self.id && it.parameter == parameter.name);
            other.and_then(|it| parameter.kind.read(&it.value)).unwrap_or(parameter.number)
        };
        self.parameters.iter().map(|parameter| (parameter.name.clone(), value(parameter))).collect()
    }
}

/// A condition and what it means for a person.
#[derive(Debug)]
pub struct Branch {
    /// When it holds.
    pub when: Condition,
    /// Why the outcome is what it is.
    pub because: Because,
}

/// A reason: a stable code and a text with `{group.field}` and `{params.name}` in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Because {
    /// Stable code.
    pub code: String,
    /// For a person.
    pub text: Text,
}

/// On which side of its moment a time rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// From the moment on.
    After,
    /// Until the moment: too early to judge.
    Until,
}

/// What time does to an outcome.
#[derive(Debug)]
pub struct TimeRule {
    /// The moment that facts name; rules about the same moment share it.
    pub moment: Arc<Moment>,
    /// The parameter that is added to it; none adds nothing.
    pub parameter: Option<String>,
    /// From then on, or until then.
    pub edge: Edge,
    /// What the outcome is at best.
    pub becomes: Outcome,
    /// What it is at best when the facts say that there is no such moment; none: the rule is silent.
    pub absent: Option<Outcome>,
    /// Why; `{at}` is the moment itself.
    pub because: Because,
    /// Why, when the facts say that there is no such moment; none: the same words.
    pub without: Option<Because>,
}

impl TimeRule {
    /// The moment with its parameter added.
    #[must_use]
    pub fn breaks_at(&self, moment: Timestamp, parameters: &[(String, i64)]) -> Timestamp {
        let add = self.parameter.as_ref().and_then(|name| parameters.iter().find(|(it, _)| it == name));
        let add = SignedDuration::from_millis(add.map_or(0, |(_, ms)| *ms));
        moment.checked_add(add).unwrap_or(Timestamp::MAX)
    }
}

/// A threshold of a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Its name in conditions: `params.NAME`.
    pub name: String,
    /// As it is written: `3d`, `365`.
    pub value: String,
    /// Of what a plain number counts, such as `days`; empty for durations.
    pub unit: String,
    /// As conditions see it: a number, or milliseconds.
    #[serde(skip)]
    pub number: i64,
    /// Number or duration.
    #[serde(skip)]
    pub kind: ParameterKind,
    /// It is our default and no publisher's number.
    pub ours: bool,
    /// Who says so, or why we chose it.
    pub source: Text,
}

impl Parameter {
    /// A number and of what: `(3, "days")`.
    #[must_use]
    pub fn measure(&self) -> (i64, &str) {
        match self.kind {
            ParameterKind::Number => (self.number, &self.unit),
            ParameterKind::Duration => duration(self.number),
        }
    }

    /// A number and of what, as a person writes it: 「3日」, "3 days".
    #[must_use]
    pub fn told(&self, language: Language) -> String {
        let (count, unit) = self.measure();
        let unit_ja = match (self.kind, unit) {
            (ParameterKind::Number, _) => return count.to_string(),
            (ParameterKind::Duration, "days") => "日",
            (ParameterKind::Duration, "hours") => "時間",
            (ParameterKind::Duration, "minutes") => "分",
            (ParameterKind::Duration, _) => "秒",
        };
        match language {
            Language::Ja => format!("{count}{unit_ja}"),
            Language::En if count == 1 => format!("1 {}", unit.trim_end_matches('s')),
            Language::En => format!("{count} {unit}"),
        }
    }

    /// The same with the value that an organisation set.
    #[must_use]
    pub fn with(&self, number: i64) -> Self {
        if number == self.number {
            return self.clone();
        }
        let value = match self.kind {
            ParameterKind::Number => number.to_string(),
            ParameterKind::Duration => duration_text(number),
        };
        let source = Text::new("組織の設定による。", "Set by the organisation.");
        Self { name: self.name.clone(), value, unit: self.unit.clone(), number, kind: self.kind, ours: false, source }
    }
}

/// Milliseconds as packs write a duration.
fn duration_text(ms: i64) -> String {
    let (count, unit) = duration(ms);
    format!("{count}{}", unit.chars().next().unwrap_or('s'))
}

/// Milliseconds in the largest unit that they fill.
fn duration(ms: i64) -> (i64, &'static str) {
    let seconds = ms / 1_000;
    let units = [(86_400, "days"), (3_600, "hours"), (60, "minutes")];
    let fit = units.into_iter().find(|(unit, _)| seconds > 0 && seconds % unit == 0);
    let (unit, name) = fit.unwrap_or((1, "seconds"));
    (seconds / unit, name)
}

/// What a parameter's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// A plain number.
    Number,
    /// A duration, in milliseconds to conditions.
    Duration,
}

impl ParameterKind {
    /// Reads `365`, `90s`, `5m`, `36h` or `3d`; none when it is of the other kind or negative.
    #[must_use]
    pub fn read(self, text: &str) -> Option<i64> {
        match self {
            Self::Number => text.parse::<i64>().ok().filter(|number| *number >= 0),
            Self::Duration => {
                let split = text.find(|c: char| !c.is_ascii_digit())?;
                let (number, unit) = text.split_at(split);
                let seconds: i64 = match unit {
                    "s" => 1,
                    "m" => 60,
                    "h" => 3_600,
                    "d" => 86_400,
                    _ => return None,
                };
                number.parse::<i64>().ok()?.checked_mul(seconds)?.checked_mul(1_000)
            }
        }
    }
}

/// What a control does to an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The checklist's id.
    pub checklist: String,
    /// The item's id.
    pub item: String,
    /// What it does.
    pub effect: Effect,
    /// A cap never goes below this answer.
    pub at_least: Option<Word>,
}

/// A test of a control: facts, and what it must say.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Line in the file.
    pub line: u64,
    /// The time of judgement and of observation.
    pub at: Timestamp,
    /// Groups and their records.
    pub facts: Vec<(String, Record)>,
    /// What it must say.
    pub verdict: Outcome,
    /// When it must turn by itself, and into what.
    pub turns: Option<(Timestamp, Outcome)>,
}
