//! Aligned columns: widths as a terminal counts them, two spaces between, colour outside of the width.

use super::screen::Tone;
use crate::visible::{clipped, columns, visible};

/// Widest cell; longer ones are cut and marked. Whole texts stand below tables, not in them.
const CELL_COLUMNS_MAX: usize = 56;

/// A cell: made visible, bounded, perhaps coloured.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    text: String,
    tone: Option<Tone>,
}

impl Cell {
    pub(super) fn new(text: impl AsRef<str>) -> Self {
        Self { text: clipped(&visible(text.as_ref()), CELL_COLUMNS_MAX), tone: None }
    }

    /// A cell that is never cut: an id that is to be copied.
    pub(super) fn whole(text: impl AsRef<str>) -> Self {
        Self { text: visible(text.as_ref()), tone: None }
    }

    pub(super) fn tone(mut self, tone: Tone) -> Self {
        self.tone = Some(tone);
        self
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

/// Rows under headings.
#[derive(Debug, Default)]
pub(super) struct Table {
    headings: Vec<(Cell, bool)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Adds a column.
    pub(super) fn left(mut self, heading: impl Into<Cell>) -> Self {
        self.headings.push((heading.into(), false));
        self
    }

    /// Adds a column of numbers.
    pub(super) fn right(mut self, heading: impl Into<Cell>) -> Self {
        self.headings.push((heading.into(), true));
        self
    }

    /// Adds a row; missing cells are empty.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The lines, each ending with a line feed.
    pub(super) fn render(&self, colour: bool) -> String {
        let heads: Vec<Cell> = self.headings.iter().map(|(cell, _)| cell.clone().tone(Tone::Dim)).collect();
        let width = |index: usize| {
            let all = std::iter::once(&heads).chain(&self.rows).filter_map(|row| row.get(index));
            all.map(|cell| columns(&cell.text)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        let mut out = String::new();
        for row in std::iter::once(&heads).chain(&self.rows) {
            out.push_str(self.line(row, &widths, colour).trim_end());
            out.push('\n');
        }
        out
    }

    fn line(&self, row: &[Cell], widths: &[usize], colour: bool) -> String {
        let empty = Cell::default();
        let mut line = String::new();
        for (index, (width, (_, right))) in widths.iter().zip(&self.headings).enumerate() {
            let cell = row.get(index).unwrap_or(&empty);
            let pad = " ".repeat(width.saturating_sub(columns(&cell.text)));
            let text = match cell.tone {
                Some(tone) if colour => tone.around(&cell.text),
                Some(_) | None => cell.text.clone(),
            };
            if index > 0 {
                line.push_str("  ");
            }
            if *right {
                line.push_str(&pad);
                line.push_str(&text);
            } else {
                line.push_str(&text);
                line.push_str(&pad);
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_with_full_width_characters_and_colours() {
        let mut table = Table::default().left("名称").right("数").left("x");
        table.row(vec!["経理部".into(), "5".into(), Cell::new("a").tone(Tone::Bad)]);
        table.row(vec!["a\u{1b}b".into(), "10".into(), "b".into()]);
        let plain = table.render(false);
        assert_eq!(plain, "名称        数  x\n経理部       5  a\na⟨U+001B⟩b  10  b\n");
        let coloured = table.render(true).replace("\u{1b}[2m", "").replace("\u{1b}[31m", "").replace("\u{1b}[0m", "");
        assert_eq!(coloured, plain);
    }
}
