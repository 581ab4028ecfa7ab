//! Facts as lines: name, value or state, where it was seen and when.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use tenken_proto::fact::schemas;

use super::screen::{Screen, Tone};
use crate::visible::clipped;

/// Most entries of a list that are shown; how many more there are is said.
const LIST_SHOWN_MAX: usize = 10;
/// Longest value on a line.
const VALUE_COLUMNS_MAX: usize = 100;

/// All fields of a group, one on a line, the entries of lists below.
pub(super) fn group(screen: &Screen, name: &str, fields: &Json) -> String {
    let mut out = String::new();
    let Some(fields) = fields.as_object() else { return out };
    let schema = schemas().into_iter().find(|group| group.name == name);
    let order: Vec<&str> = schema.iter().flat_map(|group| group.fields.iter().map(|field| field.name)).collect();
    for (field, observed) in in_order(fields, &order) {
        let title = screen.or(&format!("fact-{name}-{field}"), field);
        out += &format!("  {title}: {}\n", stated(screen, field, observed));
        if let Some(Json::Array(items)) = observed.get("value") {
            out += &entries(screen, &format!("fact-{name}-{field}"), items);
        }
    }
    out
}

/// The groups in the order in which they are shown, those of a newer agent last.
pub(super) fn groups(facts: &BTreeMap<String, Json>) -> Vec<(&String, &Json)> {
    let order: Vec<&str> = schemas().into_iter().map(|group| group.name).collect();
    let mut groups: Vec<(&String, &Json)> = facts.iter().collect();
    groups.sort_by_key(|(name, _)| place(name, &order));
    groups
}

fn in_order<'a>(fields: &'a Map<String, Json>, order: &[&str]) -> Vec<(&'a String, &'a Json)> {
    let mut fields: Vec<(&String, &Json)> = fields.iter().collect();
    fields.sort_by_key(|(name, _)| place(name, order));
    fields
}

fn place(name: &str, order: &[&str]) -> usize {
    order.iter().position(|it| *it == name).unwrap_or(order.len())
}

/// One field: its value or its state, with source and time.
pub(super) fn stated(screen: &Screen, field: &str, observed: &Json) -> String {
    let text = |key: &str| observed.get(key).and_then(Json::as_str).unwrap_or_default();
    let word = screen.t(&format!("state-{}", text("state")));
    let said = match text("state") {
        "known" => observed.get("value").map(|it| value(screen, field, it)).unwrap_or_default(),
        "unreadable" => {
            let reason = screen.or(&format!("reason-{}", text("reason")), text("reason"));
            let detail = screen.observed(observed, "detail");
            let why = if detail.is_empty() { reason } else { format!("{reason}: {detail}") };
            screen.toned(Tone::Warn, &format!("{word}{}", screen.say("cli-in-brackets", &[("text", why.as_str())])))
        }
        "absent" | "withheld" => word,
        _ => screen.t("fact-never-reported"),
    };
    let at = text("observed_at").parse().map(|at| screen.moment(at)).unwrap_or_default();
    let source = screen.observed(observed, "source");
    let whence: Vec<String> = [source, at].into_iter().filter(|it| !it.is_empty()).collect();
    if whence.is_empty() {
        return said;
    }
    said + &screen.toned(Tone::Dim, &format!("  [{}]", whence.join(", ")))
}

fn value(screen: &Screen, field: &str, value: &Json) -> String {
    match value {
        Json::Bool(it) => screen.t(if *it { "yes" } else { "no" }),
        Json::Number(it) => it.to_string(),
        Json::String(it) => match it.parse::<jiff::Timestamp>() {
            Ok(at) if it.ends_with('Z') => screen.moment(at),
            Ok(_) | Err(_) => clipped(&screen.or(&format!("word-{field}-{it}"), it), VALUE_COLUMNS_MAX),
        },
        Json::Array(items) if items.is_empty() => screen.t("fact-list-empty"),
        Json::Array(items) => screen.n("fact-list-count", items.len() as u64),
        Json::Object(_) | Json::Null => String::new(),
    }
}

fn entries(screen: &Screen, prefix: &str, items: &[Json]) -> String {
    let mut out = String::new();
    for item in items.iter().take(LIST_SHOWN_MAX) {
        let line = match item.as_object() {
            Some(fields) => {
                let known = fields.iter().filter_map(|(field, it)| part(screen, prefix, field, it));
                known.collect::<Vec<_>>().join("  ")
            }
            None => value(screen, "", item),
        };
        out += &format!("    - {line}\n");
    }
    if items.len() > LIST_SHOWN_MAX {
        out += &format!("    {}\n", screen.n("more-omitted", (items.len() - LIST_SHOWN_MAX) as u64));
    }
    out
}

/// A field of an entry, as short as it can be said.
fn part(screen: &Screen, prefix: &str, field: &str, observed: &Json) -> Option<String> {
    let state = observed.get("state").and_then(Json::as_str)?;
    let title = screen.or(&format!("{prefix}-{field}"), field);
    let said = match (state, observed.get("value")) {
        ("known", Some(it)) => value(screen, field, it),
        _ => screen.t(&format!("state-{state}")),
    };
    Some(format!("{title}: {said}"))
}
