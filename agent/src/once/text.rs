//! Facts for people: one block per group, one line per field, everything from the host escaped.

use tenken_proto::observed::Observed;
use tenken_proto::value::{Record, Value};

use crate::probe::Observation;
use crate::screen::escape;

/// Most items of one list that are shown; JSON has them all.
const ITEMS_SHOWN_MAX: usize = 20;

/// All groups.
pub(super) fn render(seen: &[Observation], colours: bool) -> String {
    let mut out = String::new();
    for observation in seen {
        let mut lines = Vec::new();
        lines_of(&observation.record, 1, &mut lines);
        let width = lines.iter().map(|line| line.name.chars().count() + 2 * line.depth).max().unwrap_or(0);
        out.push_str(&paint(observation.name.as_str(), Style::Heading, colours));
        out.push_str(&format!("  observed {}\n", observation.observed_at));
        for line in lines {
            let indent = "  ".repeat(line.depth);
            let pad = " ".repeat(width.saturating_sub(line.name.chars().count() + indent.len()));
            let text = paint(&line.text, line.style, colours);
            let source = if line.source.is_empty() { String::new() } else { format!("  [{}]", line.source) };
            out.push_str(&format!("{indent}{}{pad}  {text}{}\n", line.name, paint(&source, Style::Quiet, colours)));
        }
        out.push('\n');
    }
    out
}

#[derive(Clone, Copy)]
enum Style {
    Heading,
    Plain,
    Quiet,
    Warning,
}

fn paint(text: &str, style: Style, colours: bool) -> String {
    let code = match style {
        Style::Heading => "1",
        Style::Quiet => "2",
        Style::Warning => "33",
        Style::Plain => "",
    };
    if colours && !code.is_empty() && !text.is_empty() {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

struct Line {
    depth: usize,
    name: String,
    text: String,
    style: Style,
    source: String,
}

fn lines_of(record: &Record, depth: usize, lines: &mut Vec<Line>) {
    for (name, observed) in &record.fields {
        let (text, style) = said(observed);
        let source = escape(observed.source());
        lines.push(Line { depth, name: escape(name), text, style, source });
        if let Some(Value::List(items)) = observed.value() {
            items_of(items, depth + 1, lines);
        }
    }
}

fn items_of(items: &[Value], depth: usize, lines: &mut Vec<Line>) {
    let nameless = |text: String, style| Line { depth, name: "-".to_owned(), text, style, source: String::new() };
    for item in items.iter().take(ITEMS_SHOWN_MAX) {
        match item {
            Value::Record(record)
                if record.fields.iter().all(|(_, field)| is_short(field)) && record.fields.len() <= 6 =>
            {
                let parts = record.fields.iter().map(|(name, field)| format!("{} {}", escape(name), said(field).0));
                lines.push(nameless(parts.collect::<Vec<_>>().join(", "), Style::Plain));
            }
            Value::Record(record) => {
                lines.push(nameless(String::new(), Style::Plain));
                lines_of(record, depth + 1, lines);
            }
            Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Time(_) | Value::List(_) => {
                lines.push(nameless(plain(item), Style::Plain));
            }
        }
    }
    if items.len() > ITEMS_SHOWN_MAX {
        let more = format!("{} more; --format json shows all", items.len() - ITEMS_SHOWN_MAX);
        lines.push(nameless(more, Style::Quiet));
    }
}

fn is_short(field: &Observed<Value>) -> bool {
    !matches!(field, Observed::Unreadable { .. } | Observed::Known { value: Value::List(_) | Value::Record(_), .. })
}

fn said(observed: &Observed<Value>) -> (String, Style) {
    match observed {
        Observed::Known { value, .. } => (plain(value), Style::Plain),
        Observed::Absent { .. } => ("none (looked, not there)".to_owned(), Style::Quiet),
        Observed::Unreadable { reason, detail, .. } => {
            (format!("unreadable ({}): {}", escape(reason.code()), escape(detail)), Style::Warning)
        }
        Observed::Withheld => ("withheld".to_owned(), Style::Quiet),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => escape(text),
        Value::Time(time) => time.to_string(),
        Value::List(items) if items.is_empty() => "empty list".to_owned(),
        Value::List(items) => items.len().to_string(),
        Value::Record(_) => String::new(),
    }
}
