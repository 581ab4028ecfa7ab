//! `[parameters]`: thresholds of controls that the organisation sets otherwise, as `"CONTROL.PARAMETER" = value`.
//!
//! The packs say which there are and of what kind; they are read only when something is set.

use strsim::jaro_winkler;
use tenken_assess::PackSet;
use tenken_assess::fleet::ParameterSetting;
use toml::{Table, Value};

use super::Mistake;
use super::read::{SIMILAR_MIN, wrong_kind};
use crate::locale::Message;

/// The section's name.
pub(super) const SECTION: &str = "parameters";

/// The settings in the order of their names, and every mistake.
pub(super) fn read(section: &Table) -> (Vec<ParameterSetting>, Vec<Mistake>) {
    if section.is_empty() {
        return (Vec::new(), Vec::new());
    }
    match PackSet::built_in() {
        Ok(packs) => read_with(&packs, section),
        Err(problems) => {
            let problem = Message::new("start-packs").mention("detail", problems);
            (Vec::new(), vec![Mistake { place: SECTION.to_owned(), problem }])
        }
    }
}

fn read_with(packs: &PackSet, section: &Table) -> (Vec<ParameterSetting>, Vec<Mistake>) {
    let (mut settings, mut mistakes) = (Vec::new(), Vec::new());
    for (name, value) in section {
        match one(packs, name, value) {
            Ok(setting) => settings.push(setting),
            Err(problem) => mistakes.push(Mistake { place: format!("{SECTION}.\"{name}\""), problem }),
        }
    }
    settings.sort_by(|a, b| (&a.control, &a.parameter).cmp(&(&b.control, &b.parameter)));
    (settings, mistakes)
}

fn one(packs: &PackSet, name: &str, value: &Value) -> Result<ParameterSetting, Message> {
    let value = match value {
        Value::Integer(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Table(_) => return Err(Message::new("config-parameter_quotes")),
        Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) => {
            return Err(wrong_kind("config-parameter_kind", value));
        }
    };
    let known: Vec<String> = packs
        .controls()
        .iter()
        .flat_map(|control| control.parameters.iter().map(|it| format!("{}.{}", control.id, it.name)))
        .collect();
    let Some((control, parameter)) = name.rsplit_once('.').filter(|_| known.iter().any(|it| it == name)) else {
        return Err(unknown(&known, name));
    };
    let setting = ParameterSetting { control: control.to_owned(), parameter: parameter.to_owned(), value };
    if packs.check_parameters(std::slice::from_ref(&setting)).is_empty() {
        return Ok(setting);
    }
    let of = packs.control(control).and_then(|it| it.parameters.iter().find(|known| known.name == parameter));
    let like = of.map(|it| it.value.clone()).unwrap_or_default();
    Err(Message::new("config-parameter_value")
        .mention("value", &setting.value)
        .mention("parameter", parameter)
        .mention("like", like))
}

fn unknown(known: &[String], name: &str) -> Message {
    let scored = known.iter().map(|it| (jaro_winkler(it, name), it)).filter(|(score, _)| *score >= SIMILAR_MIN);
    match scored.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((_, similar)) => Message::new("config-parameter_near").mention("near", similar),
        None => Message::new("config-parameter_unknown").mention("known", known.join(", ")),
    }
}
