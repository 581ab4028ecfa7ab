//! The risks: rows of the ledger, and how they spread over importance and likelihood.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;

use super::VERSION;
use crate::api::v1::{self, RiskBand};
use crate::locale::Lang;
use crate::web::Web;
use crate::web::show::{Page, Place};

#[derive(Template)]
#[template(path = "risks.html")]
struct Risks<'a> {
    p: &'a Page,
    r: &'a v1::Risks,
    map: Map,
    retired: Option<String>,
}

/// How many rows stand where; bands are those of the rows, none is computed here.
struct Map {
    columns: Vec<u8>,
    lines: Vec<Line>,
}

struct Line {
    importance: u8,
    cells: Vec<MapCell>,
}

#[derive(Default, Clone)]
struct MapCell {
    rows: u64,
    band: Option<RiskBand>,
}

pub(super) fn draw(web: &Web, page: &Page) -> Result<String, askama::Error> {
    let risks = web.inner.setup.views.risks();
    let retired = page.retired(&Some(risks.hosts_retired));
    Risks { p: page, map: map(&risks.rows), retired, r: &risks }.render()
}

/// Levels that the map always shows, so that it keeps its form: those of the method's tables.
const LEVELS: [u8; 3] = [1, 2, 3];

fn map(rows: &[v1::RiskRow]) -> Map {
    let mut cells: BTreeMap<(u8, u8), MapCell> = BTreeMap::new();
    for row in rows {
        if let Some(likelihood) = row.likelihood {
            let cell = cells.entry((row.importance, likelihood)).or_default();
            cell.rows += 1;
            cell.band = row.band;
        }
    }
    let columns: BTreeSet<u8> = LEVELS.into_iter().chain(cells.keys().map(|(_, likelihood)| *likelihood)).collect();
    let lines: BTreeSet<u8> = LEVELS.into_iter().chain(cells.keys().map(|(importance, _)| *importance)).collect();
    let line = |importance: &u8| Line {
        importance: *importance,
        cells: columns
            .iter()
            .map(|likelihood| cells.get(&(*importance, *likelihood)).cloned().unwrap_or_default())
            .collect(),
    };
    Map { lines: lines.iter().rev().map(line).collect(), columns: columns.iter().copied().collect() }
}
