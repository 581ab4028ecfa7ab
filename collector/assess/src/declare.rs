//! What people say about an item: who, when, on what evidence, until when.
//!
//! A declaration that has ended is no declaration: its item is unanswered again, or measured.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::answer::Word;

/// Longest evidence text of a declaration, in bytes.
pub const EVIDENCE_BYTES_MAX: usize = 4_096;

/// One statement of one person about one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// The checklist's id.
    pub checklist: String,
    /// The item's id.
    pub item: String,
    /// What is said; never *unanswered*.
    pub answer: Word,
    /// Who says it.
    pub by: String,
    /// Which account entered it.
    #[serde(default)]
    pub principal: String,
    /// On what evidence.
    pub evidence: Option<String>,
    /// The first moment at which it no longer holds; open when none.
    pub until: Option<Timestamp>,
    /// When it was said: the engine's time.
    pub at: Timestamp,
}

impl Declaration {
    /// It holds at that time.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// A declaration that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeclareError {
    /// No such checklist.
    #[error("there is no checklist `{0}`; `pack list` names them")]
    NoChecklist(String),
    /// No such item.
    #[error("checklist `{checklist}` has no item `{item}`")]
    NoItem {
        /// The checklist.
        checklist: String,
        /// The item.
        item: String,
    },
    /// The edition has no such answer.
    #[error("checklist `{0}` has no answer `not_applicable`; its edition does not allow it")]
    NotApplicableRefused(String),
    /// *Unanswered* is what nobody said.
    #[error("`unanswered` cannot be declared; withdraw the declaration")]
    Unanswered,
    /// Nobody said it.
    #[error("a declaration needs the name of the person who makes it")]
    Nobody,
    /// The end lies before the beginning.
    #[error("the declaration ends at {until}, which is not after {at}")]
    EndsBeforeItBegins {
        /// Its end.
        until: Timestamp,
        /// Now.
        at: Timestamp,
    },
    /// The text is too long.
    #[error("the evidence has {bytes} bytes, allowed {EVIDENCE_BYTES_MAX}")]
    EvidenceTooLong {
        /// Its length.
        bytes: usize,
    },
}
