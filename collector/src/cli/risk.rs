//! `risk`: the risk of each row of the ledger and why it is what it is.

use super::screen::{Screen, Tone};
use super::table::{Cell, Table};
use super::{Console, Failure};
use crate::api::v1;
use crate::args::Output;
use crate::visible::visible;

pub(super) async fn run(console: &Console, output: Output) -> Result<String, Failure> {
    let risks: v1::Risks = console.client.get("/api/v1/risk", &[]).await.map_err(|error| console.failure(error))?;
    console.shown(output, &risks, |screen| text(screen, &risks))
}

pub(super) fn text(screen: &Screen, risks: &v1::Risks) -> String {
    let Some(name) = &risks.ledger else {
        return format!("{}\n{}\n", screen.t("risks-none"), screen.t("risks-none-hint"));
    };
    let method = risks.method.as_str();
    let mut out =
        format!("{}: {}  {}: {}\n", screen.t("risks-ledger"), visible(name), screen.t("risks-method"), visible(method));
    let cells = [
        ("band-high", risks.bands.high),
        ("band-medium", risks.bands.medium),
        ("band-low", risks.bands.low),
        ("band-unrated", risks.bands.unrated),
    ];
    let cells: Vec<String> = cells.iter().map(|(key, n)| format!("{} {n}", screen.t(key))).collect();
    out += &format!("{}\n", cells.join("  "));
    out += &screen.retired(risks.hosts_retired);
    out.push('\n');
    out += &table(screen, risks).render(screen);
    out
}

fn table(screen: &Screen, risks: &v1::Risks) -> Table {
    let number = |it: Option<u8>| it.map_or_else(|| "–".to_owned(), |it| it.to_string());
    let mut table = Table::default()
        .right(screen.t("risks-row"))
        .left(screen.t("risks-asset"))
        .left(screen.t("risks-medium"))
        .right(screen.t("importance"))
        .right(screen.t("threat"))
        .right(screen.t("vulnerability"))
        .right(screen.t("likelihood"))
        .right(screen.t("risk-value"))
        .left(screen.t("band"))
        .left(screen.t("risks-why"));
    for row in &risks.rows {
        let band = match row.band {
            Some(v1::RiskBand::High) => Cell::new(screen.t("band-high")).tone(Tone::Bad),
            Some(v1::RiskBand::Medium) => Cell::new(screen.t("band-medium")).tone(Tone::Warn),
            Some(v1::RiskBand::Low) => Cell::new(screen.t("band-low")).tone(Tone::Good),
            None => Cell::new(screen.t("band-unrated")).tone(Tone::Dim),
        };
        let reasons: Vec<String> = row.reasons.iter().map(|it| screen.text(it)).collect();
        table.row(vec![
            row.row.to_string().into(),
            Cell::new(&row.asset),
            super::ledger::medium(screen, &row.medium),
            row.importance.to_string().into(),
            row.threat.to_string().into(),
            number(row.vulnerability).into(),
            number(row.likelihood).into(),
            number(row.risk).into(),
            band,
            Cell::long(reasons.join(" ")),
        ]);
    }
    table
}
