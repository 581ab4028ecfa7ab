//! Files that people bring: bytes in, checked rows or every mistake out. Nothing is stored here.
//!
//! - [`encoding`]: bytes → text (UTF-8 with or without mark, Shift_JIS).
//! - [`table`]: text → headings and cells, with their lines.
//! - [`ledger`], [`expected`]: cells → typed rows.
//!
//! A file is taken whole or not at all; all mistakes are found in one pass, each with line, column and
//! remedy. A file has at most [`FILE_BYTES_MAX`] bytes and [`ROWS_MAX`] rows.

pub mod encoding;
pub mod expected;
pub mod ledger;
pub mod table;

use crate::api::v1::{MISTAKES_MAX, Mistake};
use crate::locale::{Arg, Locale};

/// Largest file: 10,000 rows of generous text.
pub const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most rows, headings not counted; more are refused whole.
pub const ROWS_MAX: usize = 10_000;
/// Longest cell, in bytes.
pub const CELL_BYTES_MAX: usize = 1_024;

/// One mistake as found, in no language yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Line in the file, from 1; none: the whole file.
    pub line: Option<u64>,
    /// Heading of the column; empty: the line.
    pub column: String,
    /// What kind, the end of the text's key `import-…`.
    pub kind: &'static str,
    /// What the text mentions.
    pub arguments: Vec<(&'static str, String)>,
}

impl Finding {
    /// About the whole file.
    pub(crate) fn file(kind: &'static str) -> Self {
        Self { line: None, column: String::new(), kind, arguments: Vec::new() }
    }

    /// About a line.
    pub(crate) fn line(line: u64, kind: &'static str) -> Self {
        Self { line: Some(line), ..Self::file(kind) }
    }

    /// About a cell.
    pub(crate) fn cell(line: u64, column: &str, kind: &'static str) -> Self {
        Self { line: Some(line), column: column.to_owned(), ..Self::file(kind) }
    }

    /// With something that the text mentions.
    pub(crate) fn mention(mut self, name: &'static str, value: impl ToString) -> Self {
        self.arguments.push((name, value.to_string()));
        self
    }

    /// For a person.
    #[must_use]
    pub fn told(&self, locale: &Locale) -> Mistake {
        let arguments: Vec<(&'static str, Arg<'_>)> =
            self.arguments.iter().map(|(name, value)| (*name, Arg::Text(value.as_str()))).collect();
        Mistake {
            line: self.line,
            column: self.column.clone(),
            message: locale.with(&format!("import-{}", self.kind), &arguments),
            remedy: locale.with(&format!("import-{}-remedy", self.kind), &arguments),
        }
    }
}

/// Everything that is wrong with a file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} mistakes in the file", .findings.len())]
pub struct Rejected {
    /// At least one.
    pub findings: Vec<Finding>,
}

impl Rejected {
    /// All of them, sorted by line.
    pub(crate) fn of(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| finding.line);
        Self { findings }
    }

    /// The first [`MISTAKES_MAX`] for a person, and how many more there are.
    #[must_use]
    pub fn told(&self, locale: &Locale) -> (Vec<Mistake>, u64) {
        let shown = self.findings.iter().take(MISTAKES_MAX).map(|finding| finding.told(locale)).collect();
        (shown, self.findings.len().saturating_sub(MISTAKES_MAX) as u64)
    }
}

/// A cell as it can be quoted in a message: short, and without anything that moves a cursor.
pub(crate) fn quoted(cell: &str) -> String {
    let mut shown: String = cell.chars().take(40).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if cell.chars().count() > 40 {
        shown.push('…');
    }
    shown
}
