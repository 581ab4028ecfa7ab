//! The untyped form of facts: what is encoded, hashed, stored, judged and shown.
//!
//! Typed fact structs (`fact/*.rs`) turn into a [`Record`] on the agent; the collector keeps the record
//! even when its schema is newer than itself, and conditions read it by name. A record's fields stand in the
//! order of its schema, so equal facts give equal bytes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observed::Observed;

/// Deepest nesting of records and lists in one group.
pub const DEPTH_MAX: usize = 6;
/// Most items of one list; a probe that finds more keeps the first and says so in a field beside it.
pub const LIST_ITEMS_MAX: usize = 2_000;
/// Most fields of one record.
pub const RECORD_FIELDS_MAX: usize = 64;
/// Longest text, name, source or detail, in bytes; longer ones are cut at a character.
pub const TEXT_BYTES_MAX: usize = 1_024;

/// A value of some kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A count, a size; the unit is part of the field's name.
    Number(i64),
    /// Text from the host: hostile until it is escaped for where it goes.
    Text(String),
    /// A moment.
    Time(Timestamp),
    /// Several values.
    List(Vec<Value>),
    /// Named observations.
    Record(Record),
}

/// Named observations in schema order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Record {
    /// Each name at most once.
    pub fields: Vec<(String, Observed<Value>)>,
}

impl Record {
    /// The field of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Observed<Value>> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, observed)| observed)
    }

    /// The field's value, when it is known.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.get(name).and_then(Observed::value)
    }

    /// Adds a field at the end.
    pub fn push(&mut self, name: impl Into<String>, observed: Observed<Value>) {
        self.fields.push((name.into(), observed));
    }
}

/// Cuts text to at most [`TEXT_BYTES_MAX`] bytes, at a character, marking the cut with `…`.
#[must_use]
pub fn bounded_text(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        let mut end = TEXT_BYTES_MAX - '…'.len_utf8();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}
