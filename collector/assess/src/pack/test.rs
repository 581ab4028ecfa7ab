//! `pack test`: every control says what its cases say, and nothing that cannot be read becomes *pass*.

use jiff::Timestamp;
use serde::Serialize;
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::value::{Record, Value};

use super::PackSet;
use super::control::{Case, Control};
use crate::condition::Facts;
use crate::verdict::{Judged, Outcome, judge};

/// The result of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseResult {
    /// The control.
    pub control: String,
    /// The case.
    pub case: String,
    /// Its line in the control's file.
    pub line: u64,
    /// What differs; empty when all is as it should be.
    pub failures: Vec<String>,
}

/// Runs all cases of all controls.
#[must_use]
pub fn run(packs: &PackSet) -> Vec<CaseResult> {
    let of_control = |control: &Control| -> Vec<CaseResult> {
        let mut results: Vec<CaseResult> = control.tests.iter().map(|case| run_case(control, case)).collect();
        results.extend(lacks(control));
        results
    };
    packs.controls().iter().flat_map(of_control).collect()
}

fn run_case(control: &Control, case: &Case) -> CaseResult {
    let mut failures = Vec::new();
    let judged = judged(control, &case.facts, case.at);
    if judged.outcome != case.verdict {
        failures.push(format!("says {}, expected {}", judged.outcome.code(), case.verdict.code()));
    }
    if let Some((at, becomes)) = case.turns
        && (judged.valid_until, judged.becomes) != (Some(at), Some(becomes))
    {
        let until = judged.valid_until.map_or("never".to_owned(), |at| at.to_string());
        let then = judged.becomes.map_or("nothing", Outcome::code);
        failures.push(format!("turns {until} into {then}, expected {at} into {}", becomes.code()));
    }
    let mut all = case.facts.clone();
    for path in &control.reads_deep {
        let mut one = case.facts.clone();
        blind(&mut one, path);
        blind(&mut all, path);
        if judged.outcome != Outcome::Pass && self::judged(control, &one, case.at).outcome == Outcome::Pass {
            failures.push(format!("becomes pass when {path} cannot be read"));
        }
    }
    if self::judged(control, &all, case.at).outcome == Outcome::Pass {
        failures.push("is pass although nothing can be read".to_owned());
    }
    CaseResult { control: control.id.clone(), case: case.name.clone(), line: case.line, failures }
}

/// Each control shows what it calls pass, what it calls fail, and what it does not know.
fn lacks(control: &Control) -> Option<CaseResult> {
    let shown = |outcome| control.tests.iter().any(|case| case.verdict == outcome);
    let mut wanted = vec![Outcome::Pass, Outcome::Fail, Outcome::Unknown];
    wanted.extend(control.applies.is_some().then_some(Outcome::NotApplicable));
    wanted.extend(control.partial.is_some().then_some(Outcome::Partial));
    let failures: Vec<String> = wanted
        .into_iter()
        .filter(|outcome| !shown(*outcome))
        .map(|outcome| format!("no case shows {}", outcome.code()))
        .collect();
    if failures.is_empty() {
        return None;
    }
    Some(CaseResult { control: control.id.clone(), case: "the set of cases".to_owned(), line: 0, failures })
}

struct CaseFacts<'c>(&'c [(String, Record)]);

impl Facts for CaseFacts<'_> {
    fn group(&self, name: &str) -> Option<&Record> {
        self.0.iter().find(|(group, _)| group == name).map(|(_, record)| record)
    }
}

fn judged(control: &Control, facts: &[(String, Record)], at: Timestamp) -> Judged {
    judge(control, &CaseFacts(facts), &control.values(&[]), at)
}

/// Turns the fact at `group.field` or `group.field[].part` into one that cannot be read.
fn blind(facts: &mut [(String, Record)], path: &str) {
    let Some((group, rest)) = path.split_once('.') else { return };
    for (name, record) in facts {
        if name == group {
            blind_record(record, rest);
        }
    }
}

fn blind_record(record: &mut Record, path: &str) {
    let (field, below) = match path.split_once("[].") {
        Some((field, below)) => (field, Some(below)),
        None => (path.trim_end_matches("[]"), None),
    };
    for (name, observed) in &mut record.fields {
        if name != field {
            continue;
        }
        match (below, &mut *observed) {
            (Some(below), Observed::Known { value: Value::List(items), .. }) => {
                for item in items {
                    if let Value::Record(record) = item {
                        blind_record(record, below);
                    }
                }
            }
            _ => *observed = Observed::unreadable(Reason::Permission, "turned by the test", "test"),
        }
    }
}
