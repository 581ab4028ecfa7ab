//! Turns trees into checklists, methods and life cycles.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use super::yaml::{Fields, Node, Reader, What};
use super::{Checklist, Item, Lifecycle, Method, Part, Release, ScoreBand, Scoring, Source};
use crate::answer::Word;
use crate::likelihood::{Level, Table};

/// Most items of a checklist.
const ITEMS_MAX: usize = 2_000;

const WORDS: [(&str, Word); 4] = [
    ("implemented", Word::Implemented),
    ("partly", Word::Partly),
    ("not_implemented", Word::NotImplemented),
    ("unknown", Word::Unknown),
];

/// Reads one checklist.
pub(super) fn checklist(reader: &mut Reader<'_>, node: &Node) -> Option<Checklist> {
    let known = ["id", "edition", "title", "publisher", "allows_not_applicable", "scoring", "parts", "items"];
    let fields = reader.fields(node, &known)?;
    let id = reader.need(&fields, "id").and_then(|node| reader.id(node));
    let edition = reader.need_text(&fields, "edition");
    let title = reader.need(&fields, "title").and_then(|node| reader.bilingual(node));
    let publisher = reader.need(&fields, "publisher").and_then(|node| reader.bilingual(node));
    let allows = reader.need(&fields, "allows_not_applicable").and_then(|node| reader.boolean(node));
    let scoring = match fields.get("scoring") {
        Some(node) => Some(scoring(reader, node)?),
        None => None,
    };
    let parts = parts(reader, &fields);
    let items = items(reader, &fields, &parts);
    Some(Checklist {
        id: id?,
        edition: edition?,
        title: title?,
        publisher: publisher?,
        allows_not_applicable: allows?,
        scoring,
        parts,
        items,
    })
}

fn parts(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<Part> {
    let Some(node) = reader.need(fields, "parts") else { return Vec::new() };
    let items = reader.list(node).unwrap_or_default();
    let part = |node| {
        let fields = reader.fields(node, &["id", "ja", "en"])?;
        let id = reader.need_text(&fields, "id");
        let title = reader.bilingual_of(&fields);
        Some(Part { id: id?, title: title? })
    };
    items.iter().filter_map(part).collect()
}

fn items(reader: &mut Reader<'_>, fields: &Fields<'_>, parts: &[Part]) -> Vec<Item> {
    let Some(node) = reader.need(fields, "items") else { return Vec::new() };
    let nodes = reader.list(node).unwrap_or_default();
    if nodes.is_empty() || nodes.len() > ITEMS_MAX {
        reader.refuse(node, format!("a checklist has 1 to {ITEMS_MAX} items"), "list its items");
    }
    let mut seen = BTreeSet::new();
    let mut items = Vec::new();
    for node in nodes.iter().take(ITEMS_MAX) {
        let Some(fields) = reader.fields(node, &["id", "part", "ja", "en"]) else { continue };
        let id = reader.need_text(&fields, "id");
        let part = reader.need_text(&fields, "part");
        let title = reader.bilingual_of(&fields);
        let (Some(id), Some(part), Some(title)) = (id, part, title) else { continue };
        if !parts.iter().any(|it| it.id == part) {
            reader.refuse(node, format!("there is no part `{part}`"), "add it to `parts`");
        }
        if !seen.insert(id.clone()) {
            reader.refuse(node, format!("item `{id}` stands there twice"), "give each item an id of its own");
        }
        items.push(Item { id, part, title });
    }
    items
}

fn scoring(reader: &mut Reader<'_>, node: &Node) -> Option<Scoring> {
    let fields = reader.fields(node, &["points", "bands"])?;
    let mut points = BTreeMap::new();
    if let Some(node) = reader.need(&fields, "points") {
        let names: Vec<&str> = WORDS.iter().map(|(name, _)| *name).collect();
        if let Some(fields) = reader.fields(node, &names) {
            for (name, word) in WORDS {
                if let Some(number) = reader.need(&fields, name).and_then(|node| reader.number(node)) {
                    points.insert(word, number);
                }
            }
        }
    }
    let bands = reader.need(&fields, "bands").and_then(|node| reader.list(node)).unwrap_or_default();
    let mut read = Vec::new();
    for node in bands {
        let Some(fields) = reader.fields(node, &["from", "ja", "en"]) else { continue };
        let from = fields.get("from").and_then(|node| reader.number(node));
        if let Some(title) = reader.bilingual_of(&fields) {
            read.push(ScoreBand { from, title });
        }
    }
    let falling = read.windows(2).all(|pair| match (pair[0].from, pair[1].from) {
        (Some(upper), Some(lower)) => upper > lower,
        (Some(_), None) => true,
        (None, _) => false,
    });
    if !falling || read.last().is_none_or(|band| band.from.is_some()) {
        reader.refuse(
            node,
            "the bands do not fall to an open end",
            "list them from the highest; the last has no `from`",
        );
    }
    Some(Scoring { points, bands: read })
}

/// Reads one method.
pub(super) fn method(reader: &mut Reader<'_>, node: &Node) -> Option<Method> {
    let known = ["id", "title", "publisher", "importance_max", "likelihood", "bands", "controls"];
    let fields = reader.fields(node, &known)?;
    let id = reader.need(&fields, "id").and_then(|node| reader.id(node));
    let title = reader.need(&fields, "title").and_then(|node| reader.bilingual(node));
    let publisher = reader.need(&fields, "publisher").and_then(|node| reader.bilingual(node));
    let importance = reader.need(&fields, "importance_max").and_then(|node| small(reader, node));
    let table = reader.need(&fields, "likelihood").and_then(|node| table(reader, node));
    let bands = reader.need(&fields, "bands").and_then(|node| {
        let fields = reader.fields(node, &["small_max", "medium_max"])?;
        let small_max = reader.need(&fields, "small_max").and_then(|node| small(reader, node));
        let medium_max = reader.need(&fields, "medium_max").and_then(|node| small(reader, node));
        Some((small_max?, medium_max?))
    });
    let controls = reader.need(&fields, "controls").and_then(|node| reader.texts(node));
    let (small_max, medium_max) = bands?;
    Some(Method {
        id: id?,
        title: title?,
        publisher: publisher?,
        importance_max: importance?,
        likelihood: table?,
        small_max,
        medium_max,
        controls: controls?,
    })
}

fn small(reader: &mut Reader<'_>, node: &Node) -> Option<u8> {
    let number = reader.number(node)?;
    let small = u8::try_from(number).ok().filter(|number| *number <= 9);
    if small.is_none() {
        reader.refuse(node, format!("{number} is not between 0 and 9"), "write a number from 0 to 9");
    }
    small
}

/// `threat_1: [by vulnerability 1, 2, 3]` and so on.
fn table(reader: &mut Reader<'_>, node: &Node) -> Option<Table> {
    let fields = reader.fields(node, &["threat_1", "threat_2", "threat_3"])?;
    let mut rows = Vec::new();
    for name in ["threat_1", "threat_2", "threat_3"] {
        let node = reader.need(&fields, name)?;
        let cells: Vec<Level> = reader.list(node)?.iter().filter_map(level).collect();
        match <[Level; 3]>::try_from(cells) {
            Ok(row) => rows.push(row),
            Err(_) => {
                reader.refuse(node, "a row has three levels", "write [by vulnerability 1, 2, 3], each from 1 to 3");
                return None;
            }
        }
    }
    <[[Level; 3]; 3]>::try_from(rows).ok().map(Table)
}

fn level(node: &Node) -> Option<Level> {
    let What::Number(number) = &node.what else { return None };
    u8::try_from(*number).ok().and_then(|number| Level::try_from(number).ok())
}

/// Reads the life cycle of one system.
pub(super) fn lifecycle(reader: &mut Reader<'_>, node: &Node) -> Option<Lifecycle> {
    let fields = reader.fields(node, &["os_id", "source", "releases"])?;
    let os_id = reader.need(&fields, "os_id").and_then(|node| reader.id(node));
    let source = reader.need(&fields, "source").and_then(|node| source(reader, node));
    let nodes = reader.need(&fields, "releases").and_then(|node| reader.list(node)).unwrap_or_default();
    let releases = nodes.iter().filter_map(|node| release(reader, node)).collect();
    Some(Lifecycle { os_id: os_id?, source: source?, releases })
}

fn release(reader: &mut Reader<'_>, node: &Node) -> Option<Release> {
    let known = ["version", "name", "security_support_until", "long_term_support_until", "recalled", "source"];
    let fields = reader.fields(node, &known)?;
    let version = reader.need_text(&fields, "version");
    let name = reader.need_text(&fields, "name");
    let security = fields.get("security_support_until").and_then(|node| end_of(reader, node));
    let long_term = fields.get("long_term_support_until").and_then(|node| end_of(reader, node));
    let recalled = match fields.get("recalled") {
        Some(node) => reader.boolean(node),
        None => Some(false),
    };
    let source = match fields.get("source") {
        Some(node) => Some(source(reader, node)?),
        None => None,
    };
    if security.is_none() && long_term.is_none() {
        reader.refuse(node, "the release has no date", "write `security_support_until: 2026-06-10`");
    }
    Some(Release {
        version: version?,
        name: name?,
        security_support_ends_at: security,
        long_term_support_ends_at: long_term,
        recalled: recalled?,
        source,
    })
}

/// `{ja, en, address}`: the title of what was read, and where it stands.
fn source(reader: &mut Reader<'_>, node: &Node) -> Option<Source> {
    let fields = reader.fields(node, &["ja", "en", "address"])?;
    let title = reader.bilingual_of(&fields);
    let address = match fields.get("address") {
        Some(node) => Some(address(reader, node)?),
        None => None,
    };
    Some(Source { title: title?, address })
}

fn address(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.text(node)?;
    let named = |c: u8| c.is_ascii_graphic() && !matches!(c, b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\');
    if text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(named)) {
        return Some(text);
    }
    reader.refuse(node, format!("`{text}` is no address"), "write https:// and the address of the publisher's page");
    None
}

/// The first moment (UTC) after a day `2026-06-10` or a month `2029-04`.
fn end_of(reader: &mut Reader<'_>, node: &Node) -> Option<Timestamp> {
    let text = reader.text(node)?;
    let day = text.parse::<Date>().ok().and_then(|day| day.checked_add(1.day()).ok());
    let month = || format!("{text}-01").parse::<Date>().ok().and_then(|day| day.checked_add(1.month()).ok());
    let first = if text.len() == 7 { month() } else { day };
    let end = first.and_then(|day| day.at(0, 0, 0, 0).in_tz("UTC").ok()).map(|zoned| zoned.timestamp());
    if end.is_none() {
        reader.refuse(
            node,
            format!("`{text}` is no day and no month"),
            "write 2026-06-10, or 2029-04 for a whole month",
        );
    }
    end
}
