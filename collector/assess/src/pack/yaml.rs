//! YAML as a tree that knows its places. The one module that names the YAML crate.
//!
//! A file is at most [`FILE_BYTES_MAX`] long; anchors, aliases and merge keys are refused: a pack is read by
//! people who should see what it says.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::Problem;
use crate::text::Text;

/// Longest pack file, in bytes.
pub(super) const FILE_BYTES_MAX: usize = 256 * 1024;
/// Deepest nesting of a pack file.
const DEPTH_MAX: usize = 12;
/// Most nodes of a pack file.
const NODES_MAX: usize = 50_000;

/// A node and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) what: What,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

impl What {
    fn name(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "named fields",
        }
    }
}

/// A field's name and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) line: u64,
    pub(crate) column: u64,
}

struct Raw(What);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a whole number, true or false, a list or named fields")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw(What::Null))
    }

    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw(What::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, it: bool) -> Result<Raw, E> {
        Ok(Raw(What::Bool(it)))
    }

    fn visit_i64<E: de::Error>(self, it: i64) -> Result<Raw, E> {
        Ok(Raw(What::Number(it)))
    }

    fn visit_u64<E: de::Error>(self, it: u64) -> Result<Raw, E> {
        i64::try_from(it).map(|it| Raw(What::Number(it))).map_err(|_| E::custom("the number is too large"))
    }

    fn visit_f64<E: de::Error>(self, it: f64) -> Result<Raw, E> {
        Err(E::custom(format!("{it} has a fraction; write a whole number, or quote it when it is a text")))
    }

    fn visit_str<E: de::Error>(self, it: &str) -> Result<Raw, E> {
        Ok(Raw(What::Text(it.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Raw>>()? {
            list.push(node(item));
        }
        Ok(Raw(What::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            let value = entries.next_value::<Spanned<Raw>>()?;
            let key = Key { line: key.referenced.line(), column: key.referenced.column(), name: key.value };
            map.push((key, node(value)));
        }
        Ok(Raw(What::Map(map)))
    }
}

fn node(spanned: Spanned<Raw>) -> Node {
    Node { line: spanned.referenced.line(), column: spanned.referenced.column(), what: spanned.value.0 }
}

/// Reads one file; a file that is no YAML is one problem.
pub(super) fn parse(file: &str, text: &str) -> Result<Node, Problem> {
    if text.len() > FILE_BYTES_MAX {
        return Err(Problem {
            file: file.to_owned(),
            line: 0,
            column: 0,
            problem: format!("the file has {} bytes, allowed {FILE_BYTES_MAX}", text.len()),
            remedy: "split it".to_owned(),
        });
    }
    serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options()).map(node).map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        Problem {
            file: file.to_owned(),
            line,
            column,
            problem: first_line(&error.to_string()),
            remedy: "correct the YAML at that place".to_owned(),
        }
    })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_aliases: 0,
            max_anchors: 0,
            max_merge_keys: 0,
            max_documents: 1,
        },
    }
}

/// Collects problems while nodes are turned into packs.
pub(super) struct Reader<'a> {
    pub(super) file: &'a str,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    /// Notes a mistake at a node.
    pub(super) fn refuse(&mut self, node: &Node, problem: impl Into<String>, remedy: impl Into<String>) {
        self.refuse_at(node.line, node.column, problem, remedy);
    }

    /// Notes a mistake at a place.
    pub(super) fn refuse_at(&mut self, line: u64, column: u64, problem: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(Problem {
            file: self.file.to_owned(),
            line,
            column,
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }

    fn wrong_kind(&mut self, node: &Node, wanted: &str) {
        self.refuse(node, format!("{} stands where {wanted} is needed", node.what.name()), format!("write {wanted}"));
    }

    /// Named fields, of these and no others.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, known: &[&str]) -> Option<Fields<'n>> {
        let What::Map(map) = &node.what else {
            self.wrong_kind(node, "named fields");
            return None;
        };
        for (key, _) in map {
            if !known.contains(&key.name.as_str()) {
                let remedy = match nearest(&key.name, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known here: {}", known.join(", ")),
                };
                self.refuse_at(key.line, key.column, format!("unknown key `{}`", key.name), remedy);
            }
        }
        Some(Fields { node, map })
    }

    /// A field that must be there.
    pub(super) fn need<'n>(&mut self, fields: &Fields<'n>, name: &str) -> Option<&'n Node> {
        let found = fields.get(name);
        if found.is_none() {
            self.refuse(fields.node, format!("`{name}` is missing"), format!("add `{name}:`"));
        }
        found
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, node: &Node) -> Option<String> {
        match &node.what {
            What::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            What::Number(_) | What::Bool(_) => {
                self.refuse(node, format!("{} stands where a text is needed", node.what.name()), "put it in quotes");
                None
            }
            What::Text(_) | What::Null | What::List(_) | What::Map(_) => {
                self.wrong_kind(node, "a text");
                None
            }
        }
    }

    /// A text field that must be there.
    pub(super) fn need_text(&mut self, fields: &Fields<'_>, name: &str) -> Option<String> {
        let node = self.need(fields, name)?;
        self.text(node)
    }

    /// An id: lower-case letters, digits, `.`, `_` and `-`, starting with a letter or digit.
    pub(super) fn id(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let named = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'.' | b'_' | b'-');
        let first = text.bytes().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if first && text.len() <= 64 && text.bytes().all(named) {
            return Some(text);
        }
        self.refuse(node, format!("`{text}` is no id"), "use 1 to 64 of a-z, 0-9, `.`, `_` and `-`");
        None
    }

    /// A whole number.
    pub(super) fn number(&mut self, node: &Node) -> Option<i64> {
        if let What::Number(number) = &node.what {
            return Some(*number);
        }
        self.wrong_kind(node, "a whole number");
        None
    }

    /// True or false.
    pub(super) fn boolean(&mut self, node: &Node) -> Option<bool> {
        if let What::Bool(it) = &node.what {
            return Some(*it);
        }
        self.wrong_kind(node, "true or false");
        None
    }

    /// A list.
    pub(super) fn list<'n>(&mut self, node: &'n Node) -> Option<&'n [Node]> {
        if let What::List(items) = &node.what {
            return Some(items);
        }
        self.wrong_kind(node, "a list");
        None
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, node: &Node) -> Option<Vec<String>> {
        let items = self.list(node)?;
        Some(items.iter().filter_map(|item| self.text(item)).collect())
    }

    /// The same in both languages: `{ja, en}`.
    pub(super) fn bilingual(&mut self, node: &Node) -> Option<Text> {
        let fields = self.fields(node, &["ja", "en"])?;
        self.bilingual_of(&fields)
    }

    /// `ja` and `en` among other fields.
    pub(super) fn bilingual_of(&mut self, fields: &Fields<'_>) -> Option<Text> {
        let ja = self.need_text(fields, "ja");
        let en = self.need_text(fields, "en");
        Some(Text { ja: ja?, en: en? })
    }

    /// Both languages of something that is said about a result.
    pub(super) fn result_text(&mut self, fields: &Fields<'_>) -> Option<Text> {
        let text = self.bilingual_of(fields)?;
        for word in FORBIDDEN {
            if text.ja.contains(word) {
                self.refuse(fields.node, format!("`{word}` promises more than was observed"), "say what was observed");
            }
        }
        Some(text)
    }

    /// One of these words.
    pub(super) fn word<T: Copy>(&mut self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, it)| *it);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.refuse(node, format!("`{text}` is not known here"), format!("write one of {}", known.join(", ")));
        }
        found
    }
}

/// Words that nothing said about a result may use.
const FORBIDDEN: [&str; 5] = ["合格", "安全", "証明書", "達成率", "違反"];

/// Named fields of a node.
pub(super) struct Fields<'n> {
    pub(super) node: &'n Node,
    map: &'n [(Key, Node)],
}

impl<'n> Fields<'n> {
    /// The field of that name.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.map.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }
}

/// The word that is at most two letters away.
pub(crate) fn nearest<'w>(word: &str, known: &[&'w str]) -> Option<&'w str> {
    let near = known.iter().map(|candidate| (distance(word, candidate), *candidate)).min()?;
    (near.0 <= 2).then_some(near.1)
}

/// Letters to insert, delete or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
