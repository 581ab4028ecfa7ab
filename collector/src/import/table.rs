//! Text of a CSV file → the columns that are known and the cells of each row, with their lines.
//!
//! Headings are found among the first [`HEADING_LINES_MAX`] lines, may stand in two lines as spreadsheets
//! print grouped headings, and are compared after [`normal`]. A cell that a spreadsheet would run as a formula
//! refuses the file, and so do control characters.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization as _;

use super::{CELL_BYTES_MAX, Finding, ROWS_MAX, quoted};

/// Headings stand within the first of this many rows; a title may stand above them.
const HEADING_LINES_MAX: usize = 10;
/// Most columns of a file.
const COLUMNS_MAX: usize = 256;

/// A column that an import knows.
#[derive(Debug, Clone, Copy)]
pub struct Column<K> {
    /// Which.
    pub key: K,
    /// Its heading as our texts name it.
    pub heading: &'static str,
    /// Every spelling that is understood, as [`normal`] leaves it.
    pub spellings: &'static [&'static str],
    /// A file without it is refused.
    pub required: bool,
}

/// One row below the headings.
#[derive(Debug, Clone)]
pub struct Row<K> {
    /// Its line in the file.
    pub line: u64,
    cells: BTreeMap<K, String>,
}

impl<K: Ord> Row<K> {
    /// The cell, trimmed; empty when the column is not there.
    pub fn cell(&self, key: K) -> &str {
        self.cells.get(&key).map_or("", String::as_str)
    }
}

/// The rows and what was noticed on the way.
#[derive(Debug, Clone)]
pub struct Table<K> {
    /// Columns that the file has.
    pub present: BTreeSet<K>,
    /// Rows that are not empty.
    pub rows: Vec<Row<K>>,
    /// Mistakes so far; a table with mistakes is still read on, so that all are found.
    pub mistakes: Vec<Finding>,
    /// Headings that mean nothing here, with their line.
    pub ignored: Vec<(u64, String)>,
}

/// Reads a table.
///
/// # Errors
/// When its headings are not all there, or there are too many rows: then nothing below makes sense.
pub fn read<K: Copy + Ord>(text: &str, columns: &[Column<K>]) -> Result<Table<K>, Vec<Finding>> {
    let records = records(text)?;
    let headings = headings(&records, columns)?;
    let body = records.get(headings.next..).unwrap_or_default();
    let filled = body.iter().filter(|(_, cells)| cells.iter().any(|cell| !cell.trim().is_empty()));
    let rows_total = filled.clone().count();
    if rows_total > ROWS_MAX {
        return Err(vec![Finding::file("too_many_rows").mention("rows", rows_total).mention("max", ROWS_MAX)]);
    }
    if rows_total == 0 {
        return Err(vec![Finding::file("no_rows")]);
    }
    let mut table = Table {
        present: headings.places.values().copied().collect(),
        rows: Vec::with_capacity(rows_total),
        mistakes: Vec::new(),
        ignored: headings.ignored,
    };
    for (line, cells) in filled {
        let row = row(*line, cells, &headings.places, columns, &mut table.mistakes);
        table.rows.push(row);
    }
    Ok(table)
}

type Record = (u64, Vec<String>);

fn records(text: &str) -> Result<Vec<Record>, Vec<Finding>> {
    if let Some(line) = left_open(text) {
        return Err(vec![Finding::line(line, "unreadable")]);
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(1, csv::Position::line);
            vec![Finding::line(line, "unreadable")]
        })?;
        let line = record.position().map_or(1, csv::Position::line);
        if record.len() > COLUMNS_MAX {
            return Err(vec![Finding::line(line, "too_many_columns").mention("max", COLUMNS_MAX)]);
        }
        records.push((line, record.iter().map(str::to_owned).collect()));
    }
    Ok(records)
}

/// The line of a quotation mark that opens a cell and is never closed: it would swallow every row below it.
fn left_open(text: &str) -> Option<u64> {
    let (mut line, mut at_cell_start, mut opened) = (1_u64, true, None);
    for c in text.chars() {
        match (c, opened) {
            ('"', Some(_)) => opened = None,
            // Within a quoted cell a doubled mark closes and opens again; elsewhere only the first of a cell opens.
            ('"', None) if at_cell_start => opened = Some(line),
            _ => {}
        }
        at_cell_start = matches!(c, ',' | '\n' | '\r') || (c == '"' && opened.is_none());
        line += u64::from(c == '\n');
    }
    opened
}

struct Headings<K> {
    places: BTreeMap<usize, K>,
    next: usize,
    ignored: Vec<(u64, String)>,
}

fn headings<K: Copy + Ord>(records: &[Record], columns: &[Column<K>]) -> Result<Headings<K>, Vec<Finding>> {
    let head = records.iter().take(HEADING_LINES_MAX);
    let found: Vec<BTreeMap<usize, K>> = head.map(|(_, cells)| recognised(cells, columns)).collect();
    let best = (0..found.len()).rev().max_by_key(|index| found.get(*index).map_or(0, BTreeMap::len)).unwrap_or(0);
    let mut places = found.get(best).cloned().unwrap_or_default();
    let mut next = best + 1;
    // Grouped headings: the group above, its members below. A row below belongs to them when all it holds is headings.
    let members = |index: usize| {
        let cells = records.get(index).map(|(_, cells)| cells.as_slice()).unwrap_or_default();
        cells.iter().filter(|cell| !cell.trim().is_empty()).count()
    };
    for index in [best.wrapping_sub(1), best.wrapping_add(1)] {
        let Some(other) = found.get(index).filter(|other| !other.is_empty()) else { continue };
        if index > best && other.len() < members(index) {
            continue;
        }
        for (place, key) in other {
            if places.values().all(|known| known != key) {
                places.entry(*place).or_insert(*key);
            }
        }
        next = next.max(index.saturating_add(1));
    }
    let line = records.get(best).map_or(1, |(line, _)| *line);
    let cells = records.get(best).map(|(_, cells)| cells.as_slice()).unwrap_or_default();
    let ignored: Vec<(u64, String)> = cells
        .iter()
        .enumerate()
        .filter(|(place, cell)| !places.contains_key(place) && !cell.trim().is_empty())
        .map(|(_, cell)| (line, quoted(cell.trim())))
        .collect();
    let mut mistakes = repeated(line, cells, columns);
    mistakes.extend(missing(line, &places, columns, &ignored, cells));
    if mistakes.is_empty() { Ok(Headings { places, next, ignored }) } else { Err(mistakes) }
}

fn recognised<K: Copy>(cells: &[String], columns: &[Column<K>]) -> BTreeMap<usize, K> {
    let of = |cell: &String| column(cell, columns).map(|column| column.key);
    cells.iter().enumerate().filter_map(|(place, cell)| of(cell).map(|key| (place, key))).collect()
}

fn column<'a, K>(cell: &str, columns: &'a [Column<K>]) -> Option<&'a Column<K>> {
    let whole = normal(cell);
    let short = normal(&without_brackets(cell));
    let known = |text: &str| columns.iter().find(|column| column.spellings.contains(&text));
    known(&whole).or_else(|| known(&short))
}

fn repeated<K: Copy + Ord>(line: u64, cells: &[String], columns: &[Column<K>]) -> Vec<Finding> {
    let mut seen: BTreeSet<K> = BTreeSet::new();
    let found = cells.iter().filter_map(|cell| column(cell, columns));
    found.filter(|it| !seen.insert(it.key)).map(|it| Finding::cell(line, it.heading, "heading_twice")).collect()
}

fn missing<K: Copy + Ord>(
    line: u64,
    places: &BTreeMap<usize, K>,
    columns: &[Column<K>],
    ignored: &[(u64, String)],
    cells: &[String],
) -> Vec<Finding> {
    let lacks = |column: &&Column<K>| column.required && places.values().all(|key| *key != column.key);
    let absent: Vec<&Column<K>> = columns.iter().filter(lacks).collect();
    if !absent.is_empty() && cells.len() == 1 && cells.iter().any(|cell| cell.contains(['\t', ';'])) {
        return vec![Finding::line(line, "separator")];
    }
    let near = |column: &Column<K>| {
        let wanted = normal(column.heading);
        ignored.iter().map(|(_, cell)| cell).find(|cell| strsim::normalized_levenshtein(&wanted, &normal(cell)) >= 0.5)
    };
    let finding = |column: &Column<K>| match near(column) {
        Some(cell) => Finding::cell(line, column.heading, "heading_near").mention("found", cell),
        None => Finding::cell(line, column.heading, "heading_missing").mention("heading", column.heading),
    };
    absent.into_iter().map(finding).collect()
}

fn row<K: Copy + Ord>(
    line: u64,
    cells: &[String],
    places: &BTreeMap<usize, K>,
    columns: &[Column<K>],
    mistakes: &mut Vec<Finding>,
) -> Row<K> {
    let mut row = Row { line, cells: BTreeMap::new() };
    for (place, cell) in cells.iter().enumerate() {
        let key = places.get(&place);
        let heading = key.and_then(|key| columns.iter().find(|column| column.key == *key)).map(|it| it.heading);
        let name = heading.map_or_else(|| format!("{}", place + 1), str::to_owned);
        if let Some(finding) = hostile(line, &name, cell) {
            mistakes.push(finding);
            continue;
        }
        if let Some(key) = key {
            row.cells.insert(*key, one_line(cell));
        }
    }
    row
}

/// What no cell may hold, whatever its column.
fn hostile(line: u64, column: &str, cell: &str) -> Option<Finding> {
    if cell.len() > CELL_BYTES_MAX {
        return Some(
            Finding::cell(line, column, "cell_long").mention("bytes", cell.len()).mention("max", CELL_BYTES_MAX),
        );
    }
    if is_formula(cell) {
        return Some(Finding::cell(line, column, "formula").mention("cell", quoted(cell)));
    }
    let control = cell.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))?;
    Some(Finding::cell(line, column, "control").mention("code", format!("U+{:04X}", u32::from(control))))
}

/// A spreadsheet would run it: it begins with `=`, `+`, `-`, `@`, their full-width forms, a tab or a return.
/// Dashes alone stand for an empty cell in many ledgers and run nothing.
#[must_use]
pub fn is_formula(cell: &str) -> bool {
    if cell.starts_with(['\t', '\r']) {
        return true;
    }
    let starts = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '−', '﹣', '﹢', '﹦', '﹫'];
    let shown = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\u{200b}');
    shown.starts_with(starts) && !shown.trim_end().chars().all(|c| matches!(c, '-' | '－' | '−' | '﹣'))
}

fn one_line(cell: &str) -> String {
    cell.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A heading as it is compared: compatibility forms unified, without white space, punctuation, a leading
/// number and capitals. `⑧ 評価値` and `評価値` are the same.
#[must_use]
pub fn normal(heading: &str) -> String {
    let unified: String = heading.nfkc().collect();
    let kept: String =
        unified.chars().filter(|c| c.is_alphanumeric() || *c == 'ー').flat_map(char::to_lowercase).collect();
    let bare = kept.trim_start_matches(|c: char| c.is_ascii_digit());
    bare.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()
}

fn without_brackets(heading: &str) -> String {
    let unified: String = heading.nfkc().collect();
    let mut depth = 0_usize;
    let mut kept = String::new();
    for c in unified.chars() {
        match c {
            '(' | '[' | '〔' | '【' | '<' => depth += 1,
            ')' | ']' | '〕' | '】' | '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    kept
}

/// Full-width digits, letters and signs as their plain forms, without white space around.
#[must_use]
pub fn plain(cell: &str) -> String {
    cell.nfkc().collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_compared_by_what_they_say() {
        for heading in [
            "脅威の発生頻度",
            "⑪脅威の発生頻度",
            "⑪ 脅威の 発生頻度",
            "(11) 脅威の発生頻度",
            "脅威の\n発生頻度",
            "脅威の発生頻度⑪",
        ] {
            assert_eq!(normal(heading), "脅威の発生頻度", "{heading}");
        }
        assert_eq!(normal("Threat Frequency"), "threatfrequency");
        assert_eq!(normal("ﾏｲﾅﾝﾊﾞｰ"), "マイナンバー");
        assert_eq!(normal(&without_brackets("機密性（必須）")), "機密性");
    }

    #[test]
    fn formulas_are_seen_in_all_their_forms() {
        for cell in
            ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "＝cmd", "＋1", "－1", "＠x", " =1", "\u{200b}=1", "−1"]
        {
            assert!(is_formula(cell), "{cell:?}");
        }
        for cell in ["", "ー", "1-2", "a=b", "山田@本社", "#REF", "-", " － ", "--"] {
            assert!(!is_formula(cell), "{cell:?}");
        }
    }

    const COLUMNS: [Column<u8>; 3] = [
        Column { key: 0, heading: "名称", spellings: &["名称", "name"], required: true },
        Column { key: 1, heading: "機密性", spellings: &["機密性"], required: true },
        Column { key: 2, heading: "備考", spellings: &["備考"], required: false },
    ];

    #[test]
    fn a_title_above_and_grouped_headings_are_understood() {
        let table = read("情報資産管理台帳,,\n名称,評価値,備考\n,機密性,\n,,\nA,1,x\n", &COLUMNS).expect("reads");
        assert_eq!((table.rows[0].line, table.rows[0].cell(1)), (5, "1"));
        assert_eq!(table.rows.len(), 1);
    }

    #[test]
    fn missing_headings_are_named_with_what_looks_like_them() {
        let mistakes = read("名称,機密度\nA,1\n", &COLUMNS).expect_err("refused");
        assert_eq!(mistakes.len(), 1);
        assert_eq!((mistakes[0].kind, mistakes[0].column.as_str()), ("heading_near", "機密性"));
        let mistakes = read("x\ny\n", &COLUMNS).expect_err("refused");
        assert_eq!(mistakes.iter().map(|it| it.kind).collect::<Vec<_>>(), ["heading_missing", "heading_missing"]);
        assert_eq!(read("名称\t機密性\nA\t1\n", &COLUMNS).expect_err("refused")[0].kind, "separator");
        assert_eq!(read("名称,機密性,名称\nA,1,B\n", &COLUMNS).expect_err("refused")[0].kind, "heading_twice");
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_refuses_the_file() {
        let mistakes = read("名称,機密性,備考\nA,1,x\nB,1,\"y\nC,1,z\n", &COLUMNS).expect_err("refused");
        assert_eq!((mistakes[0].kind, mistakes[0].line), ("unreadable", Some(3)));
        let table =
            read("名称,機密性,備考\n\"A \"\"x\"\", 5\"\"\",1,\"two\nlines\"\nB 3\",1,\n", &COLUMNS).expect("reads");
        assert_eq!((table.rows.len(), table.rows[0].cell(0), table.rows[0].cell(2)), (2, "A \"x\", 5\"", "two lines"));
    }

    #[test]
    fn rows_are_counted_before_anything_is_taken() {
        let mut text = "名称,機密性\n".to_owned();
        text.push_str(&"A,1\n".repeat(ROWS_MAX));
        assert!(read(&text, &COLUMNS).is_ok());
        text.push_str("A,1\n");
        assert_eq!(read(&text, &COLUMNS).expect_err("refused")[0].kind, "too_many_rows");
        assert_eq!(read("名称,機密性\n,,\n", &COLUMNS).expect_err("refused")[0].kind, "no_rows");
    }
}
