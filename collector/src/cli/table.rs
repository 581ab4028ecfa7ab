//! Aligned columns: widths as a terminal counts them, two spaces between, colour outside of the width.
//!
//! On a terminal a table that is too wide gives way where it can: its widest columns first, their cells in
//! several lines. Ids and numbers are never broken. (comfy-table was looked at: it counts colour codes as width
//! unless two more crates are built in, and breaks ids like any other cell.)

use super::screen::{Screen, Tone};
use crate::visible::{clipped, columns, visible};

/// Widest cell; longer ones are cut and marked. Whole texts stand below tables, not in them.
const CELL_COLUMNS_MAX: usize = 56;
/// Narrowest column that still can be read.
const COLUMN_MIN: usize = 8;
/// Between two columns.
const GAP: &str = "  ";

/// A cell: made visible, bounded, perhaps coloured.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    text: String,
    tone: Option<Tone>,
    /// Stands on one line, however narrow the terminal is.
    whole: bool,
    /// What stays together when it is broken; empty: as the text itself says.
    parts: Vec<String>,
}

impl Cell {
    pub(super) fn new(text: impl AsRef<str>) -> Self {
        Self { text: clipped(&visible(text.as_ref()), CELL_COLUMNS_MAX), ..Self::default() }
    }

    /// A cell that is never cut nor broken: an id that is to be copied.
    pub(super) fn whole(text: impl AsRef<str>) -> Self {
        Self { whole: true, ..Self::long(text) }
    }

    /// A cell that is never cut: sentences, lists.
    pub(super) fn long(text: impl AsRef<str>) -> Self {
        Self { text: visible(text.as_ref()), ..Self::default() }
    }

    /// A cell with several things: lines end between them.
    pub(super) fn list(things: &[String], separator: &str) -> Self {
        let last = things.len().saturating_sub(1);
        let ended = |(at, thing): (usize, &String)| visible(thing) + if at < last { separator } else { "" };
        let parts: Vec<String> = things.iter().enumerate().map(ended).collect();
        Self { text: parts.concat(), parts, ..Self::default() }
    }

    fn broken(&self, width: usize) -> Vec<String> {
        if self.parts.is_empty() { broken(&self.text, width) } else { filled(&self.text, &self.parts, width) }
    }

    pub(super) fn tone(mut self, tone: Tone) -> Self {
        self.tone = Some(tone);
        self
    }

    fn painted(&self, text: &str, colour: bool) -> String {
        match self.tone {
            Some(tone) if colour && !text.is_empty() => tone.around(text),
            Some(_) | None => text.to_owned(),
        }
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
    pub(super) fn render(&self, screen: &Screen) -> String {
        self.lines(screen.colour, screen.columns)
    }

    fn lines(&self, colour: bool, columns_max: Option<usize>) -> String {
        let heads: Vec<Cell> = self.headings.iter().map(|(cell, _)| cell.clone().tone(Tone::Dim)).collect();
        let natural: Vec<usize> =
            (0..self.headings.len()).map(|index| self.widest(index, |cell| columns(&cell.text))).collect();
        let widths = match columns_max {
            Some(columns_max) => self.fitted(&natural, columns_max),
            None => natural,
        };
        let rows = std::iter::once(&heads).chain(&self.rows);
        rows.map(|row| self.row_lines(row, &widths, colour)).collect()
    }

    /// The largest of what its cells, the heading included, need.
    fn widest(&self, index: usize, need: impl Fn(&Cell) -> usize) -> usize {
        let heading = self.headings.get(index).map(|(cell, _)| cell);
        let cells = self.rows.iter().filter_map(|row| row.get(index));
        heading.into_iter().chain(cells).map(need).max().unwrap_or(0)
    }

    /// Widths that fit, if they can: no column is wider than a common bound, the largest that fits.
    fn fitted(&self, natural: &[usize], columns_max: usize) -> Vec<usize> {
        let least: Vec<usize> = natural
            .iter()
            .enumerate()
            .map(|(index, natural)| {
                let number = self.headings.get(index).is_some_and(|(_, right)| *right);
                let unbroken = self.widest(index, |cell| if cell.whole { columns(&cell.text) } else { 0 });
                if number { *natural } else { unbroken.max(COLUMN_MIN).min(*natural) }
            })
            .collect();
        let bounded = |bound: usize| -> Vec<usize> {
            natural.iter().zip(&least).map(|(natural, least)| (*natural).min(bound).max(*least)).collect()
        };
        let gaps = GAP.len() * natural.len().saturating_sub(1);
        let widest = natural.iter().copied().max().unwrap_or(0);
        let fits = |widths: &[usize]| widths.iter().sum::<usize>() + gaps <= columns_max;
        (COLUMN_MIN..=widest).rev().map(bounded).find(|widths| fits(widths)).unwrap_or_else(|| bounded(COLUMN_MIN))
    }

    fn row_lines(&self, row: &[Cell], widths: &[usize], colour: bool) -> String {
        let empty = Cell::default();
        let cells: Vec<(&Cell, Vec<String>)> = widths
            .iter()
            .enumerate()
            .map(|(index, width)| row.get(index).map_or((&empty, Vec::new()), |cell| (cell, cell.broken(*width))))
            .collect();
        let height = cells.iter().map(|(_, lines)| lines.len()).max().unwrap_or(0).max(1);
        let mut out = String::new();
        for at in 0..height {
            let mut line = String::new();
            for (index, ((cell, lines), (width, (_, right)))) in
                cells.iter().zip(widths.iter().zip(&self.headings)).enumerate()
            {
                let text = lines.get(at).map_or("", String::as_str);
                let pad = " ".repeat(width.saturating_sub(columns(text)));
                let text = cell.painted(text, colour);
                line.push_str(if index > 0 { GAP } else { "" });
                line.push_str(&if *right { pad + &text } else { text + &pad });
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// The text in lines of so many columns: broken at spaces and between full-width characters where that is
/// possible, else anywhere. No line begins with a closing mark.
fn broken(text: &str, width: usize) -> Vec<String> {
    filled(text, &pieces(text), width)
}

/// The text in lines of so many columns, as many of its pieces on each as fit.
fn filled(text: &str, pieces: &[String], width: usize) -> Vec<String> {
    if columns(text) <= width {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for piece in pieces {
        for part in cut(piece, width) {
            let fits = lines.last().is_some_and(|line| columns(line) + columns(part.trim_end()) <= width);
            match lines.last_mut() {
                Some(line) if fits => line.push_str(part),
                Some(_) | None => lines.push(part.to_owned()),
            }
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// What stays together: words with the spaces after them, and full-width characters one by one.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut open = false;
    for c in text.chars() {
        let closing = " 、。，．）」』】・：；)]}⟩,.;:…".contains(c);
        let wide = columns(c.encode_utf8(&mut [0; 4])) > 1;
        match pieces.last_mut() {
            Some(piece) if closing || (open && !wide) => piece.push(c),
            Some(_) | None => pieces.push(c.to_string()),
        }
        open = !wide && c != ' ' || "（「『【".contains(c);
    }
    pieces
}

/// A piece that is wider than a whole line, in parts that are not.
fn cut(piece: &str, width: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = piece;
    while columns(rest.trim_end()) > width {
        let at = rest.char_indices().map(|(at, _)| at).skip(1).take_while(|at| columns(&rest[..*at]) <= width).last();
        // A character wider than the line stands alone.
        let at = at.unwrap_or_else(|| rest.chars().next().map_or(rest.len(), char::len_utf8));
        if at >= rest.len() {
            break;
        }
        parts.push(&rest[..at]);
        rest = &rest[at..];
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn columns_align_with_full_width_characters_and_colours() {
        let mut table = Table::default().left("名称").right("数").left("x");
        table.row(vec!["経理部".into(), "5".into(), Cell::new("a").tone(Tone::Bad)]);
        table.row(vec!["a\u{1b}b".into(), "10".into(), "b".into()]);
        let plain = table.lines(false, None);
        assert_eq!(plain, "名称        数  x\n経理部       5  a\na⟨U+001B⟩b  10  b\n");
        let coloured =
            table.lines(true, None).replace("\u{1b}[2m", "").replace("\u{1b}[31m", "").replace("\u{1b}[0m", "");
        assert_eq!(coloured, plain);
    }

    #[test]
    fn a_narrow_terminal_breaks_the_widest_columns_and_no_id() {
        let id = "0190f3a1-0000-7000-8000-000000000002";
        let mut table = Table::default().left("名称").right("数").left("理由").left("ID");
        table.row(vec!["経理".into(), "10".into(), "機器の判定から（要対応）、申告より悪い".into(), Cell::whole(id)]);
        insta::assert_snapshot!(table.lines(false, Some(64)), @"
        名称  数  理由              ID
        経理  10  機器の判定から（  0190f3a1-0000-7000-8000-000000000002
                  要対応）、申告よ
                  り悪い
        ");
        assert_eq!(table.lines(false, Some(200)), table.lines(false, None));
    }

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(broken("pass 2, fail 1, unknown 12", 12), ["pass 2, fail", "1, unknown", "12"]);
        assert_eq!(broken("適合 2、要対応 1", 9), ["適合 2、", "要対応 1"]);
        assert_eq!(broken("averyveryverylongname", 8), ["averyver", "yverylon", "gname"]);
    }

    proptest! {
        #[test]
        fn broken_lines_fit_and_lose_nothing_but_spaces(text in "[a-c 、（）経理]{0,60}", width in 2_usize..20) {
            let lines = broken(&text, width);
            let bare = |text: &str| text.replace(' ', "");
            prop_assert_eq!(bare(&lines.concat()), bare(&text));
            if columns(&text) > width {
                prop_assert!(lines.iter().all(|line| columns(line) <= width), "{:?}", lines);
            }
        }
    }
}
