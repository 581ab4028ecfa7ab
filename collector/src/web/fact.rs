//! Facts as rows of a table: every field with its state, value, source and time.
//!
//! The JSON is that of API v1 (`tenken_proto::json`); the schema only says how a value is written (a size, a
//! moment, a word). What the schema does not know is shown as it came. Lists show at most [`LIST_MAX`]
//! entries with the number left out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use tenken_assess::derived::schemas;
use tenken_proto::fact::{FieldSchema, GroupSchema, Kind};

use crate::api::v1;
use crate::web::show::{self, Page};

/// Entries of a list that are shown.
pub const LIST_MAX: usize = 200;
/// A list longer than this is folded.
const LIST_OPEN_MAX: usize = 8;

/// A group of facts.
pub struct Group {
    /// Its name in facts and conditions.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// When and how it came.
    pub info: Option<v1::GroupInfo>,
    /// Its fields.
    pub rows: Vec<Row>,
}

/// One field.
pub struct Row {
    /// `group.field`.
    pub id: String,
    /// Its name for people.
    pub label: String,
    /// `known`, `absent`, `unreadable`, `withheld`, or `never` where the host never reported it.
    pub state: String,
    /// What is known, or why it is not.
    pub cell: Cell,
    /// How it was observed.
    pub source: String,
    /// When it was observed.
    pub observed_at: Option<Timestamp>,
}

/// What stands in a cell.
pub enum Cell {
    /// Nothing to say beyond the state.
    Nothing,
    /// A text of a host.
    Text(String),
    /// A word of the schema, which stays whole.
    Word(String),
    /// A short text with the exact one beside it.
    Exact(String, String),
    /// A moment.
    Time(Timestamp),
    /// Why it could not be read: the reason and what helps.
    Reason(String, String),
    /// Plain values.
    Values(Vec<String>),
    /// Records.
    Table(Table),
}

/// Records of a list.
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Cells by record; each with its state.
    pub records: Vec<Vec<(String, Cell)>>,
    /// Records that there are.
    pub total: u64,
    /// Records left out.
    pub omitted: u64,
    /// It is long enough to be folded.
    pub folded: bool,
}

/// The groups of a host in the order of the schemas, unknown groups last.
#[must_use]
pub fn groups(page: &Page, host: &v1::Host) -> Vec<Group> {
    let schemas = schemas();
    let known = schemas.iter().map(|schema| schema.name.to_owned()).filter(|name| host.facts.contains_key(name));
    let other = host.facts.keys().filter(|name| !schemas.iter().any(|schema| schema.name == *name)).cloned();
    let names: Vec<String> = known.chain(other).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let Json::Object(fields) = host.facts.get(&name)? else { return None };
            let schema = schemas.iter().find(|schema| schema.name == name);
            Some(Group {
                title: page.or(&format!("fact-{name}"), &name),
                info: host.groups.get(&name).cloned(),
                rows: rows(page, &name, schema, fields),
                id: name,
            })
        })
        .collect()
}

fn rows(page: &Page, group: &str, schema: Option<&GroupSchema>, fields: &Map<String, Json>) -> Vec<Row> {
    let order = |name: &str| schema.and_then(|it| it.fields.iter().position(|field| field.name == name));
    let mut names: Vec<&String> = fields.keys().collect();
    names.sort_by_key(|name| (order(name).unwrap_or(usize::MAX), name.as_str()));
    names
        .into_iter()
        .map(|name| {
            let field = schema.and_then(|it| it.fields.iter().find(|field| field.name == name));
            row(page, &format!("{group}.{name}"), field, fields.get(name).unwrap_or(&Json::Null))
        })
        .collect()
}

/// The facts that a control reads, by `group.field`.
#[must_use]
pub fn read(page: &Page, facts: &BTreeMap<String, Json>) -> Vec<Row> {
    let schemas = schemas();
    facts
        .iter()
        .map(|(id, json)| {
            let (group, name) = id.split_once('.').unwrap_or((id, ""));
            let field = schemas.iter().find(|it| it.name == group).and_then(|schema| find(schema, name));
            row(page, id, field, json)
        })
        .collect()
}

/// The names of the facts that a control reads.
#[must_use]
pub fn names(page: &Page, ids: &[String]) -> Vec<String> {
    ids.iter().map(|id| label(page, id)).collect()
}

fn find<'a>(schema: &'a GroupSchema, name: &str) -> Option<&'a FieldSchema> {
    schema.fields.iter().find(|field| field.name == name)
}

fn label(page: &Page, id: &str) -> String {
    page.or(&format!("fact-{}", id.replace('.', "-")), id)
}

fn row(page: &Page, id: &str, field: Option<&FieldSchema>, json: &Json) -> Row {
    let text = |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default();
    Row {
        label: label(page, id),
        state: if json.is_null() { "never".into() } else { text("state").to_owned() },
        cell: cell(page, &id.replace('.', "-"), field, json),
        source: page.observed(json, "source"),
        observed_at: text("observed_at").parse().ok(),
        id: id.to_owned(),
    }
}

/// What a field says; `key` names its text.
fn cell(page: &Page, key: &str, field: Option<&FieldSchema>, json: &Json) -> Cell {
    let text = |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default();
    match json.get("value") {
        Some(value) => value_cell(page, key, field, value),
        None if text("state") == "unreadable" => {
            let reason = text("reason");
            Cell::Reason(page.or(&format!("reason-{reason}"), reason), page.observed(json, "detail"))
        }
        None => Cell::Nothing,
    }
}

fn value_cell(page: &Page, key: &str, field: Option<&FieldSchema>, value: &Json) -> Cell {
    let name = field.map_or("", |field| field.name);
    match value {
        Json::Null => Cell::Nothing,
        Json::Bool(true) => Cell::Text(page.t("yes").into_owned()),
        Json::Bool(false) => Cell::Text(page.t("no").into_owned()),
        Json::Number(number) => match number.as_i64() {
            Some(bytes) if name.ends_with("_bytes") && bytes >= 1024 => {
                Cell::Exact(show::bytes(bytes), format!("{bytes} B"))
            }
            _ => Cell::Text(number.to_string()),
        },
        Json::String(text) => match field.map(|field| &field.kind) {
            Some(Kind::Time) => text.parse().map_or_else(|_| Cell::Text(text.clone()), Cell::Time),
            Some(Kind::OneOf(_)) => match page.or(&format!("word-{name}-{text}"), text) {
                word if word == *text => Cell::Word(word),
                word => Cell::Exact(word, text.clone()),
            },
            Some(Kind::Bool | Kind::Number | Kind::Text | Kind::List(_) | Kind::Record(_)) | None => {
                Cell::Text(text.clone())
            }
        },
        Json::Array(items) => list(page, key, field, items),
        Json::Object(record) => list(page, key, field, &[Json::Object(record.clone())]),
    }
}

fn list(page: &Page, key: &str, field: Option<&FieldSchema>, items: &[Json]) -> Cell {
    if items.iter().any(|item| !item.is_object()) {
        let plain = |item: &Json| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
        return Cell::Values(items.iter().take(LIST_MAX).map(plain).collect());
    }
    let inner: &[FieldSchema] = match field.map(|field| &field.kind) {
        Some(Kind::Record(fields)) => fields,
        Some(Kind::List(item)) => match item.as_ref() {
            Kind::Record(fields) => fields,
            Kind::Bool | Kind::Number | Kind::Text | Kind::OneOf(_) | Kind::Time | Kind::List(_) => &[],
        },
        _ => &[],
    };
    let mut columns: Vec<&str> = inner.iter().map(|field| field.name).collect();
    for name in items.iter().filter_map(Json::as_object).flat_map(Map::keys) {
        if !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    columns.retain(|column| items.iter().any(|item| item.get(*column).is_some()));
    let one = |item: &Json| {
        let of = |column: &&str| {
            let field = inner.iter().find(|field| field.name == *column);
            let json = item.get(*column).unwrap_or(&Json::Null);
            let state = json.get("state").and_then(Json::as_str).unwrap_or("never").to_owned();
            (state, cell(page, &format!("{key}-{column}"), field, json))
        };
        columns.iter().map(of).collect()
    };
    let shown = items.len().min(LIST_MAX);
    Cell::Table(Table {
        columns: columns.iter().map(|column| page.or(&format!("fact-{key}-{column}"), column)).collect(),
        records: items.iter().take(shown).map(one).collect(),
        total: items.len() as u64,
        omitted: (items.len() - shown) as u64,
        folded: items.len() > LIST_OPEN_MAX,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::locale::Lang;
    use crate::web::show::Place;

    fn page() -> Page {
        Page::new(Lang::Ja, jiff::tz::TimeZone::UTC, Timestamp::UNIX_EPOCH, Place::Hosts, "/".into())
    }

    fn one(id: &str, json: Json) -> Row {
        read(&page(), &BTreeMap::from([(id.to_owned(), json)])).remove(0)
    }

    #[test]
    fn every_state_says_what_it_is() {
        let row = one(
            "patch.reboot_required",
            json!({"state": "known", "value": true, "source": "/run", "observed_at": "2026-11-21T00:00:00Z"}),
        );
        assert!(matches!(&row.cell, Cell::Text(text) if text == "はい"));
        assert_eq!((row.label.as_str(), row.source.as_str()), ("再起動待ち", "/run"));
        assert!(row.observed_at.is_some());
        let row = one("usb.storage_enforcement", json!({"state": "absent", "source": "/sys/bus/usb"}));
        assert!(matches!(row.cell, Cell::Nothing) && row.state == "absent");
        let row = one(
            "patch.sources",
            json!({"state": "unreadable", "reason": "permission", "detail": "needs adm", "source": "/x"}),
        );
        assert!(matches!(&row.cell, Cell::Reason(why, help) if why == "権限が足りない" && help == "needs adm"));
        let fact = json!({"state": "absent", "source": "installed kernel packages, /boot"});
        assert_eq!(one("patch.newest_installed_kernel", fact).source, "導入済みのカーネルパッケージ, /boot");
        assert_eq!(one("usb.attached_storage", json!({"state": "withheld"})).state, "withheld");
        assert_eq!(one("usb.uas_driver", Json::Null).state, "never");
    }

    #[test]
    fn words_times_and_sizes_are_written_for_people() {
        let row = one("usb.storage_enforcement", json!({"state": "known", "value": "blocked"}));
        assert!(matches!(&row.cell, Cell::Exact(word, code) if word == "使用不可" && code == "blocked"));
        let row = one("host.booted_at", json!({"state": "known", "value": "2026-11-21T00:00:00Z"}));
        assert!(matches!(row.cell, Cell::Time(_)));
        let row = one("host.memory_bytes", json!({"state": "known", "value": 2_147_483_648_u64}));
        assert!(matches!(&row.cell, Cell::Exact(size, _) if size == "2.0 GiB"));
    }

    #[test]
    fn lists_are_tables_with_a_bound() {
        let item = json!({"name": {"state": "known", "value": "bash"}, "security": {"state": "known", "value": false}});
        let row = one("patch.updates", json!({"state": "known", "value": vec![item; LIST_MAX + 3]}));
        let Cell::Table(table) = row.cell else { panic!("no table") };
        assert_eq!(table.columns, ["パッケージ", "セキュリティ更新"]);
        assert_eq!((table.records.len(), table.omitted, table.folded), (LIST_MAX, 3, true));
    }

    #[test]
    fn what_no_schema_knows_is_shown_as_it_came() {
        let row = one("future.thing", json!({"state": "known", "value": "x"}));
        assert!(matches!(&row.cell, Cell::Text(text) if text == "x"));
        assert_eq!(row.label, "future.thing");
        let row = one("future.list", json!({"state": "known", "value": [1, "a"]}));
        assert!(matches!(&row.cell, Cell::Values(values) if values == &["1", "a"]));
    }
}
