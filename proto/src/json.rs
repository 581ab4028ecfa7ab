//! Facts as JSON: the one form in which `tenken-agent once`, API v1 and the pages show them; and the one form in
//! which both programs print a document ([`document`]).
//!
//! Each field is `{"state": "known", "value", "source", "observed_at"}`, `{"state": "absent", "source",
//! "observed_at"}`, `{"state": "unreadable", "reason", "detail", "source", "observed_at"}` or
//! `{"state": "withheld"}`, inside lists too; a source that is not said is the one of the record around it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::observed::Observed;
use crate::value::{Record, Value};
use crate::visible::is_invisible;

/// The record as a JSON object.
#[must_use]
pub fn record(record: &Record, observed_at: Timestamp) -> Json {
    fields(record, observed_at, "")
}

fn fields(record: &Record, observed_at: Timestamp, around: &str) -> Json {
    let mut object = Map::new();
    for (name, observed) in &record.fields {
        object.insert(name.clone(), field(observed, observed_at, around));
    }
    Json::Object(object)
}

fn field(observed: &Observed<Value>, observed_at: Timestamp, around: &str) -> Json {
    let source = if observed.source().is_empty() { around } else { observed.source() };
    match observed {
        Observed::Known { value, .. } => json!({
            "state": "known",
            "value": plain(value, observed_at, source),
            "source": source,
            "observed_at": observed_at.to_string(),
        }),
        Observed::Absent { .. } => json!({
            "state": "absent",
            "source": source,
            "observed_at": observed_at.to_string(),
        }),
        Observed::Unreadable { reason, detail, .. } => json!({
            "state": "unreadable",
            "reason": reason.code(),
            "detail": detail,
            "source": source,
            "observed_at": observed_at.to_string(),
        }),
        Observed::Withheld => json!({ "state": "withheld" }),
    }
}

fn plain(value: &Value, observed_at: Timestamp, source: &str) -> Json {
    match value {
        Value::Bool(it) => json!(it),
        Value::Number(it) => json!(it),
        Value::Text(it) => json!(it),
        Value::Time(it) => json!(it.to_string()),
        Value::List(items) => Json::Array(items.iter().map(|item| plain(item, observed_at, source)).collect()),
        Value::Record(record) => fields(record, observed_at, source),
    }
}

/// Any value as an indented document that ends with a line feed, with no character in it that a terminal would obey:
/// what a host supplied is written as `\uXXXX` where it is invisible.
///
/// # Errors
/// The value has no JSON form; a defect.
pub fn document<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let pretty = serde_json::to_string_pretty(value)?;
    let mut text = String::with_capacity(pretty.len() + 1);
    for c in pretty.chars() {
        // Line feeds are the document's own: inside of strings they are written out already.
        if c == '\n' || !is_invisible(c) {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::Reason;

    #[test]
    fn hostile_names_are_written_out() {
        let name = json!({"name": "a\u{202E}\u{9b}\u{7f}\u{1b}[31m\u{E0041}日"});
        let printed = document(&name).unwrap_or_default();
        assert_eq!(printed, "{\n  \"name\": \"a\\u202e\\u009b\\u007f\\u001b[31m\\udb40\\udc41日\"\n}\n");
        assert_eq!(serde_json::from_str::<Json>(&printed).ok(), Some(name));
    }

    #[test]
    fn every_state_has_its_form_and_lists_inherit_the_source() {
        let mut item = Record::default();
        item.push("name", Observed::seen(Value::Text("bash".into())));
        let mut group = Record::default();
        group.push("updates", Observed::known(Value::List(vec![Value::Record(item)]), "/var/lib/dpkg/status"));
        group.push("source_refreshed_at", Observed::unreadable(Reason::Permission, "needs group adm", "/x"));
        group.push("reboot_required", Observed::absent("/run/reboot-required"));
        group.push("attached", Observed::Withheld);
        let at: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap_or_default();
        assert_eq!(
            record(&group, at),
            json!({
                "updates": {
                    "state": "known",
                    "value": [{"name": {"state": "known", "value": "bash",
                        "source": "/var/lib/dpkg/status", "observed_at": "2026-11-21T00:00:00Z"}}],
                    "source": "/var/lib/dpkg/status",
                    "observed_at": "2026-11-21T00:00:00Z",
                },
                "source_refreshed_at": {"state": "unreadable", "reason": "permission", "detail": "needs group adm",
                    "source": "/x", "observed_at": "2026-11-21T00:00:00Z"},
                "reboot_required": {"state": "absent", "source": "/run/reboot-required",
                    "observed_at": "2026-11-21T00:00:00Z"},
                "attached": {"state": "withheld"},
            })
        );
    }
}
