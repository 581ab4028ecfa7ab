//! `ledger import`, `ledger list`: the information assets.

use super::screen::{Screen, Tone};
use super::table::{Cell, Table};
use super::{Console, Failure, name_of};
use crate::api::v1;
use crate::args::LedgerCommand;
use crate::locale::Arg;
use crate::visible::visible;

pub(super) async fn run(console: &Console, command: LedgerCommand) -> Result<String, Failure> {
    match command {
        LedgerCommand::Import { file, name, output } => {
            let name = name.unwrap_or_else(|| name_of(&file));
            let imported = console.import(&file, "/api/v1/ledger", &name).await?;
            console.shown(output, &imported, |screen| {
                let name = visible(&imported.name);
                let said = [("name", Arg::Text(&name)), ("rows", Arg::Number(imported.rows))];
                let mut out = screen.with("cli-imported", &said) + "\n";
                for note in &imported.notes {
                    out += &format!("  {}\n", screen.mistake(note));
                }
                out
            })
        }
        LedgerCommand::List { output } => {
            let ledger: v1::Ledger =
                console.client.get("/api/v1/ledger", &[]).await.map_err(|error| console.failure(error))?;
            console.shown(output, &ledger, |screen| text(screen, &ledger))
        }
    }
}

/// Where the asset is, or that the ledger does not say.
pub(super) fn medium(screen: &Screen, medium: &str) -> Cell {
    if medium.is_empty() { Cell::new(screen.t("ledger-not-given")).tone(Tone::Dim) } else { Cell::new(medium) }
}

pub(super) fn text(screen: &Screen, ledger: &v1::Ledger) -> String {
    let Some(name) = &ledger.name else {
        return format!("{}\n{}\n", screen.t("risks-none"), screen.t("risks-none-hint"));
    };
    let at = screen.moment_or_dash(ledger.imported_at);
    let by = ledger.imported_by.as_deref().unwrap_or_default();
    let mut out = screen.say("cli-ledger", &[("name", name.as_str()), ("at", at.as_str()), ("by", by)]) + "\n\n";
    let mut table = Table::default()
        .right(screen.t("risks-row"))
        .left(screen.t("cli-business"))
        .left(screen.t("risks-asset"))
        .left(screen.t("risks-medium"))
        .left(screen.t("cli-cia"))
        .right(screen.t("threat"))
        .right(screen.t("vulnerability"))
        .left(screen.t("risks-hosts"))
        .left(screen.t("cli-note"));
    for row in &ledger.rows {
        table.row(vec![
            row.row.to_string().into(),
            Cell::new(&row.business),
            Cell::new(&row.asset),
            medium(screen, &row.medium),
            format!("{}/{}/{}", row.confidentiality, row.integrity, row.availability).into(),
            row.threat.to_string().into(),
            row.declared_vulnerability.map_or_else(|| "–".to_owned(), |it| it.to_string()).into(),
            Cell::list(&row.hosts, ", "),
            Cell::long(&row.note),
        ]);
    }
    out += &table.render(screen);
    out
}
