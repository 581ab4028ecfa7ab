//! Turns trees into packs; every mistake is noted and reading goes on.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tenken_proto::fact::{FieldSchema, Kind};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::value::{Record, Value};

use super::control::{Because, Branch, Case, Control, Edge, Link, Parameter, ParameterKind, TimeRule};
use super::yaml::{Fields, Node, Reader, What};
use crate::answer::{Effect, Word};
use crate::condition::{Condition, Each, Mistake, Moment, Pick, Scope, Ty};
use crate::derived::schemas;
use crate::verdict::Outcome;

const OUTCOMES: [(&str, Outcome); 5] = [
    ("pass", Outcome::Pass),
    ("partial", Outcome::Partial),
    ("fail", Outcome::Fail),
    ("unknown", Outcome::Unknown),
    ("not_applicable", Outcome::NotApplicable),
];

const CONTROL_KEYS: [&str; 15] = [
    "id",
    "title",
    "reads",
    "parameters",
    "applies",
    "unknown",
    "fail",
    "pass",
    "partial",
    "otherwise",
    "time_rules",
    "remedy",
    "links",
    "follows",
    "tests",
];

/// Reads one control.
pub(super) fn control(reader: &mut Reader<'_>, node: &Node) -> Option<Control> {
    let before = reader.problems.len();
    let fields = reader.fields(node, &CONTROL_KEYS)?;
    let id = reader.need(&fields, "id").and_then(|node| reader.id(node));
    let title = reader.need(&fields, "title").and_then(|node| reader.fields(node, &["ja", "en"]));
    let title = title.and_then(|fields| reader.result_text(&fields));
    let parameters = fields.get("parameters").map(|node| parameters(reader, node)).unwrap_or_default();
    let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let scope = Scope { parameters: names.clone(), variables: Vec::new() };
    let applies = fields.get("applies").and_then(|node| condition(reader, node, &Ty::Bool, &scope));
    let unknown = branches(reader, &fields, "unknown", &scope);
    let fail = branches(reader, &fields, "fail", &scope);
    let pass = reader.need(&fields, "pass").and_then(|node| branch(reader, node, &scope));
    let partial = fields.get("partial").and_then(|node| branch(reader, node, &scope));
    let otherwise = reader.need(&fields, "otherwise").and_then(|node| {
        let fields = reader.fields(node, &["code", "ja", "en"])?;
        because(reader, &fields, &scope, false)
    });
    let time_rules = time_rules(reader, &fields, &parameters, &scope);
    let remedy = reader.need(&fields, "remedy").and_then(|node| reader.fields(node, &["ja", "en"]));
    let remedy = remedy.and_then(|fields| reader.result_text(&fields));
    let links = reader.need(&fields, "links").map(|node| links(reader, node)).unwrap_or_default();
    let follows = reader.need(&fields, "follows").and_then(|node| reader.texts(node)).unwrap_or_default();
    let tests = tests(reader, &fields);
    let reads_node = reader.need(&fields, "reads");
    let declared = reads_node.and_then(|node| reader.texts(node)).unwrap_or_default();
    if reader.problems.len() > before {
        return None;
    }
    let mut control = Control {
        id: id?,
        title: title?,
        reads: Vec::new(),
        reads_deep: BTreeSet::new(),
        groups: BTreeSet::new(),
        parameters,
        applies,
        unknown,
        fail,
        pass: pass?,
        partial,
        otherwise: otherwise?,
        time_rules,
        remedy: remedy?,
        links,
        follows,
        tests,
    };
    note_reads(reader, reads_node?, &declared, &mut control);
    Some(control)
}

/// Fills in what the conditions read, and compares it with what the file says.
fn note_reads(reader: &mut Reader<'_>, node: &Node, declared: &[String], control: &mut Control) {
    let mut deep = BTreeSet::new();
    let branches = control.unknown.iter().chain(&control.fail).chain([&control.pass]).chain(&control.partial);
    deep.extend(control.applies.iter().flat_map(|condition| condition.reads().iter().cloned()));
    deep.extend(branches.flat_map(|branch| branch.when.reads().iter().cloned()));
    deep.extend(control.time_rules.iter().flat_map(|rule| rule.moment.reads()));
    let top = |path: &String| path.split("[]").next().unwrap_or_default().to_owned();
    let reads: BTreeSet<String> = deep.iter().map(top).collect();
    control.groups = reads.iter().filter_map(|path| path.split('.').next()).map(str::to_owned).collect();
    control.reads_deep = deep;
    let declared: BTreeSet<String> = declared.iter().cloned().collect();
    let missing: Vec<&str> = reads.difference(&declared).map(String::as_str).collect();
    let idle: Vec<&str> = declared.difference(&reads).map(String::as_str).collect();
    if !missing.is_empty() {
        let problem = format!("the conditions also read {}", missing.join(", "));
        reader.refuse(node, problem, "add it to `reads`");
    }
    if !idle.is_empty() {
        reader.refuse(node, format!("no condition reads {}", idle.join(", ")), "take it out of `reads`");
    }
    control.reads = reads.into_iter().collect();
}

fn condition(reader: &mut Reader<'_>, node: &Node, wanted: &Ty, scope: &Scope<'_>) -> Option<Condition> {
    let source = reader.text(node)?;
    match Condition::compile(&source, wanted, scope) {
        Ok(condition) => Some(condition),
        Err(mistakes) => {
            for Mistake { offset, problem, remedy } in mistakes {
                let near: String = source.chars().skip(offset).take(40).collect();
                let near = near.replace('\n', " ");
                reader.refuse(node, format!("{problem}, at `{near}` (character {})", offset + 1), remedy);
            }
            None
        }
    }
}

fn branches(reader: &mut Reader<'_>, fields: &Fields<'_>, name: &str, scope: &Scope<'_>) -> Vec<Branch> {
    let Some(node) = fields.get(name) else { return Vec::new() };
    let items = reader.list(node).unwrap_or_default();
    items.iter().filter_map(|item| branch(reader, item, scope)).collect()
}

fn branch(reader: &mut Reader<'_>, node: &Node, scope: &Scope<'_>) -> Option<Branch> {
    let fields = reader.fields(node, &["when", "code", "ja", "en"])?;
    let when = reader.need(&fields, "when").and_then(|node| condition(reader, node, &Ty::Bool, scope));
    let because = because(reader, &fields, scope, false);
    Some(Branch { when: when?, because: because? })
}

fn because(reader: &mut Reader<'_>, fields: &Fields<'_>, scope: &Scope<'_>, has_moment: bool) -> Option<Because> {
    let code = reader.need(fields, "code").and_then(|node| reader.id(node));
    let text = reader.result_text(fields)?;
    for name in crate::text::placeholders(&text) {
        let known = match name.split_once('.') {
            Some(("params", parameter)) => scope.parameters.contains(&parameter),
            Some((group, field)) => field_of(group, field).is_some(),
            None => has_moment && name == "at",
        };
        if !known {
            let remedy = "write {group.field}, {params.name}, or {at} in a time rule";
            reader.refuse(fields.node, format!("`{{{name}}}` stands for nothing"), remedy);
        }
    }
    Some(Because { code: code?, text })
}

fn field_of(group: &str, field: &str) -> Option<&'static FieldSchema> {
    let group = schemas().iter().find(|schema| schema.name == group)?;
    group.fields.iter().find(|schema| schema.name == field)
}

fn parameters(reader: &mut Reader<'_>, node: &Node) -> Vec<Parameter> {
    let What::Map(map) = &node.what else {
        reader.refuse(node, "parameters are named fields", "write `name: {value: …}`");
        return Vec::new();
    };
    let mut found = Vec::new();
    for (key, node) in map {
        let Some(fields) = reader.fields(node, &["value", "unit", "ours", "ja", "en"]) else { continue };
        let value = reader.need(&fields, "value");
        let read = value.and_then(|node| match &node.what {
            What::Number(number) if *number >= 0 => Some((ParameterKind::Number, *number, number.to_string())),
            What::Text(text) => {
                ParameterKind::Duration.read(text).map(|ms| (ParameterKind::Duration, ms, text.clone()))
            }
            What::Number(_) | What::Null | What::Bool(_) | What::List(_) | What::Map(_) => None,
        });
        if let (Some(node), None) = (value, &read) {
            reader.refuse(node, "is no threshold", "write a whole number, or a duration such as 90s, 36h, 3d");
        }
        let unit = fields.get("unit").and_then(|node| reader.text(node)).unwrap_or_default();
        let ours = reader.need(&fields, "ours").and_then(|node| reader.boolean(node));
        let source = reader.bilingual_of(&fields);
        if let (Some((kind, number, value)), Some(ours), Some(source)) = (read, ours, source) {
            found.push(Parameter { name: key.name.clone(), value, unit, number, kind, ours, source });
        }
    }
    found
}

const RULE_KEYS: [&str; 14] =
    ["at", "each", "as", "where", "pick", "after", "until", "becomes", "absent", "code", "ja", "en", "from", "without"];

fn time_rules(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    parameters: &[Parameter],
    scope: &Scope<'_>,
) -> Vec<TimeRule> {
    let Some(node) = fields.get("time_rules") else { return Vec::new() };
    let items = reader.list(node).unwrap_or_default();
    let mut rules: Vec<TimeRule> = Vec::new();
    for item in items {
        let Some(mut rule) = time_rule(reader, item, parameters, scope) else { continue };
        if let Some(earlier) = rules.iter().find(|earlier| earlier.moment.same(&rule.moment)) {
            rule.moment = Arc::clone(&earlier.moment);
        }
        rules.push(rule);
    }
    rules
}

fn time_rule(reader: &mut Reader<'_>, node: &Node, parameters: &[Parameter], scope: &Scope<'_>) -> Option<TimeRule> {
    let fields = reader.fields(node, &RULE_KEYS)?;
    let moment = moment(reader, &fields, scope);
    let (edge, parameter) = match (fields.get("after"), fields.get("until"), fields.get("from")) {
        (Some(node), None, None) => (Edge::After, Some(duration_parameter(reader, node, parameters)?)),
        (None, Some(node), None) => (Edge::Until, Some(duration_parameter(reader, node, parameters)?)),
        (None, None, Some(node)) => {
            if reader.text(node)? != "at" {
                reader.refuse(node, "`from` is always `at`", "write `from: at`, or `after: PARAMETER`");
            }
            (Edge::After, None)
        }
        _ => {
            reader.refuse(
                node,
                "one of `after`, `until` and `from` is needed",
                "write `after: PARAMETER` or `from: at`",
            );
            return None;
        }
    };
    let turns = &OUTCOMES[1..4];
    let becomes = reader.need(&fields, "becomes").and_then(|node| reader.word(node, turns));
    let absent_words = [("ignore", None)];
    let absent_words: Vec<(&str, Option<Outcome>)> =
        absent_words.into_iter().chain(turns.iter().map(|(word, it)| (*word, Some(*it)))).collect();
    let absent = reader.need(&fields, "absent").and_then(|node| reader.word(node, &absent_words));
    let because = because(reader, &fields, scope, true);
    let without = fields.get("without").and_then(|node| {
        let fields = reader.fields(node, &["code", "ja", "en"])?;
        self::because(reader, &fields, scope, false)
    });
    let moment = Arc::new(moment?);
    Some(TimeRule { moment, parameter, edge, becomes: becomes?, absent: absent?, because: because?, without })
}

fn duration_parameter(reader: &mut Reader<'_>, node: &Node, parameters: &[Parameter]) -> Option<String> {
    let name = reader.text(node)?;
    let found = parameters.iter().find(|it| it.name == name && it.kind == ParameterKind::Duration);
    if found.is_none() {
        let problem = format!("the control has no parameter `{name}` that is a duration");
        reader.refuse(node, problem, "add it to `parameters` with a value such as 3d");
        return None;
    }
    Some(name)
}

fn moment(reader: &mut Reader<'_>, fields: &Fields<'_>, scope: &Scope<'_>) -> Option<Moment> {
    let at = reader.need(fields, "at")?;
    let Some(each) = fields.get("each") else {
        return condition(reader, at, &Ty::Time, scope).map(Moment::One);
    };
    let path = reader.text(each)?;
    let list =
        path.split_once('.').and_then(|(group, field)| field_of(group, field).map(|schema| (group, field, schema)));
    let Some((group, field, FieldSchema { kind: Kind::List(item), .. })) = list else {
        reader.refuse(each, format!("`{path}` is no list of facts"), "write group.field of a list");
        return None;
    };
    let variable = reader.need(fields, "as").and_then(|node| reader.id(node))?;
    let mut scope = scope.clone();
    scope.variables.push((variable.clone(), format!("{path}[]"), Ty::of(item)));
    let filter = match fields.get("where") {
        Some(node) => Some(condition(reader, node, &Ty::Bool, &scope)?),
        None => None,
    };
    let at = condition(reader, at, &Ty::Time, &scope)?;
    let picks = [("latest", Pick::Latest), ("earliest", Pick::Earliest)];
    let pick = reader.need(fields, "pick").and_then(|node| reader.word(node, &picks))?;
    let list = (group.to_owned(), field.to_owned());
    Some(Moment::Each(Box::new(Each { list, variable, filter, at, pick })))
}

fn links(reader: &mut Reader<'_>, node: &Node) -> Vec<Link> {
    let items = reader.list(node).unwrap_or_default();
    items.iter().filter_map(|item| link(reader, item)).collect()
}

fn link(reader: &mut Reader<'_>, node: &Node) -> Option<Link> {
    let fields = reader.fields(node, &["checklist", "item", "effect", "at_least"])?;
    let checklist = reader.need_text(&fields, "checklist");
    let item = reader.need_text(&fields, "item");
    let effects = [("settles", Effect::Settles), ("caps", Effect::Caps), ("informs", Effect::Informs)];
    let effect = reader.need(&fields, "effect").and_then(|node| reader.word(node, &effects));
    let words = [("partly", Word::Partly), ("not_implemented", Word::NotImplemented)];
    let at_least = fields.get("at_least").and_then(|node| reader.word(node, &words));
    let link = Link { checklist: checklist?, item: item?, effect: effect?, at_least };
    if link.at_least.is_some() && link.effect != Effect::Caps {
        reader.refuse(node, "only a cap has `at_least`", "take it out");
    }
    Some(link)
}

fn tests(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<Case> {
    let Some(node) = reader.need(fields, "tests") else { return Vec::new() };
    let items = reader.list(node).unwrap_or_default();
    items.iter().filter_map(|item| case(reader, item)).collect()
}

fn case(reader: &mut Reader<'_>, node: &Node) -> Option<Case> {
    let fields = reader.fields(node, &["name", "at", "facts", "verdict", "turns"])?;
    let name = reader.need_text(&fields, "name");
    let at = reader.need(&fields, "at").and_then(|node| time(reader, node));
    let facts = reader.need(&fields, "facts").map(|node| facts(reader, node)).unwrap_or_default();
    let verdict = reader.need(&fields, "verdict").and_then(|node| reader.word(node, &OUTCOMES));
    let turns = fields.get("turns").and_then(|node| {
        let fields = reader.fields(node, &["at", "becomes"])?;
        let at = reader.need(&fields, "at").and_then(|node| time(reader, node));
        let becomes = reader.need(&fields, "becomes").and_then(|node| reader.word(node, &OUTCOMES));
        Some((at?, becomes?))
    });
    Some(Case { name: name?, line: node.line, at: at?, facts, verdict: verdict?, turns })
}

fn time(reader: &mut Reader<'_>, node: &Node) -> Option<Timestamp> {
    let text = reader.text(node)?;
    let parsed = text.parse::<Timestamp>().ok();
    if parsed.is_none() {
        reader.refuse(node, format!("`{text}` is no moment"), "write it as 2026-11-21T00:00:00Z");
    }
    parsed
}

fn facts(reader: &mut Reader<'_>, node: &Node) -> Vec<(String, Record)> {
    let What::Map(map) = &node.what else {
        reader.refuse(node, "facts are named fields", "write `group.field: value`");
        return Vec::new();
    };
    let mut groups: Vec<(String, Record)> = Vec::new();
    for (key, node) in map {
        let schema = key.name.split_once('.').and_then(|(group, field)| Some((group, field_of(group, field)?)));
        let Some((group, schema)) = schema else {
            let problem = format!("there is no fact `{}`", key.name);
            reader.refuse_at(key.line, key.column, problem, "write group.field as the fact schemas name it");
            continue;
        };
        let Some(observed) = observed(reader, node, &schema.kind) else { continue };
        match groups.iter_mut().find(|(name, _)| name == group) {
            Some((_, record)) => record.push(schema.name, observed),
            None => {
                let mut record = Record::default();
                record.push(schema.name, observed);
                groups.push((group.to_owned(), record));
            }
        }
    }
    groups
}

const SOURCE: &str = "test";

fn observed(reader: &mut Reader<'_>, node: &Node, kind: &Kind) -> Option<Observed<Value>> {
    if let What::Text(text) = &node.what {
        match text.as_str() {
            "<absent>" => return Some(Observed::absent(SOURCE)),
            "<unreadable>" => return Some(Observed::unreadable(Reason::Permission, "test", SOURCE)),
            "<withheld>" => return Some(Observed::Withheld),
            _ => {}
        }
    }
    value(reader, node, kind).map(|value| Observed::known(value, SOURCE))
}

fn value(reader: &mut Reader<'_>, node: &Node, kind: &Kind) -> Option<Value> {
    match kind {
        Kind::Bool => reader.boolean(node).map(Value::Bool),
        Kind::Number => reader.number(node).map(Value::Number),
        Kind::Text => reader.text(node).map(Value::Text),
        Kind::Time => time(reader, node).map(Value::Time),
        Kind::OneOf(words) => {
            let words: Vec<(&str, &str)> = words.iter().map(|word| (*word, *word)).collect();
            reader.word(node, &words).map(|word| Value::Text(word.to_owned()))
        }
        Kind::List(item) => {
            let items = reader.list(node)?;
            Some(Value::List(items.iter().filter_map(|node| value(reader, node, item)).collect()))
        }
        Kind::Record(schema) => {
            let known: Vec<&str> = schema.iter().map(|field| field.name).collect();
            let fields = reader.fields(node, &known)?;
            let mut record = Record::default();
            for field in schema {
                if let Some(node) = fields.get(field.name) {
                    record.push(field.name, observed(reader, node, &field.kind)?);
                }
            }
            Some(Value::Record(record))
        }
    }
}
