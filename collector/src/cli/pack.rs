//! `pack list`: the packs that the running collector uses; `pack test`: the tests inside packs, without one.

use super::screen::Screen;
use super::table::{Cell, Table};
use super::{Console, Failure};
use crate::api::v1;
use crate::args::PackCommand;
use crate::exit::Exit;

pub(super) async fn run(console: &Console, command: PackCommand) -> Result<String, Failure> {
    match command {
        PackCommand::List { output } => {
            let packs: v1::Packs =
                console.client.get("/api/v1/packs", &[]).await.map_err(|error| console.failure(error))?;
            console.shown(output, &packs, |screen| text(screen, &packs))
        }
        PackCommand::Test { .. } => Err(Failure::new(Exit::Failed, "pack test is not there yet")),
    }
}

pub(super) fn text(screen: &Screen, packs: &v1::Packs) -> String {
    let mut out = format!("{}: {}\n\n", screen.t("pack-hash"), packs.pack_hash);
    let mut table = Table::default()
        .left("ID")
        .left(screen.t("checklists"))
        .left(screen.t("controls"))
        .left(screen.t("cli-methods"))
        .left("SHA-256");
    for pack in &packs.packs {
        table.row(vec![
            Cell::new(&pack.id),
            Cell::whole(pack.checklists.join(" ")),
            Cell::whole(pack.controls.join(" ")),
            Cell::whole(pack.methods.iter().chain(&pack.lifecycles).cloned().collect::<Vec<_>>().join(" ")),
            Cell::new(pack.hash.chars().take(12).collect::<String>()),
        ]);
    }
    out += &table.render(screen.colour);
    out
}
