//! `hosts`: every host with what each control says; `hosts retire`.

use super::screen::{Screen, Tone};
use super::table::{Cell, Table};
use super::{Console, Failure};
use crate::api::v1;
use crate::args::{HostsCommand, Output};

pub(super) async fn run(console: &Console, command: Option<HostsCommand>, output: Output) -> Result<String, Failure> {
    match command {
        None => {
            let hosts: v1::Hosts =
                console.client.get("/api/v1/hosts", &[]).await.map_err(|error| console.failure(error))?;
            console.shown(output, &hosts, |screen| text(screen, &hosts))
        }
        Some(HostsCommand::Retire { id, by, reason, output }) => {
            let request = v1::Retire { host: id, by, reason };
            let retired: v1::RetiredHost =
                console.client.post("/api/v1/hosts/retire", &request).await.map_err(|error| console.failure(error))?;
            console.shown(output, &retired, |screen| {
                screen.say("cli-retired", &[("name", retired.name.as_str()), ("by", retired.by.as_str())]) + "\n"
            })
        }
    }
}

pub(super) fn text(screen: &Screen, hosts: &v1::Hosts) -> String {
    if hosts.hosts.is_empty() {
        return format!("{}\n{}\n", screen.t("hosts-none"), screen.t("coverage-first-step"));
    }
    let mut table = Table::default()
        .left(screen.t("hosts-name"))
        .left(screen.t("hosts-status"))
        .left(screen.t("hosts-class"))
        .left(screen.t("hosts-site"))
        .left(screen.t("hosts-last-seen"));
    for control in &hosts.controls {
        table = table.left(screen.text(&control.title));
    }
    table = table.left("ID");
    for host in &hosts.hosts {
        table.row(row(screen, hosts, host));
    }
    let mut out = table.render(screen.colour);
    for host in &hosts.retired {
        let parts = [("by", host.by.as_str()), ("reason", host.reason.as_str())];
        out += &format!("{}  {}\n", crate::visible::visible(&host.name), screen.say("host-retired", &parts));
    }
    out
}

fn row(screen: &Screen, hosts: &v1::Hosts, host: &v1::HostRow) -> Vec<Cell> {
    let status = Cell::new(screen.t(&format!("status-{}", host.status)));
    let mut cells = vec![
        Cell::new(&host.name),
        match host.status {
            v1::HostStatus::Connected => status.tone(Tone::Good),
            v1::HostStatus::Disconnected => status.tone(Tone::Dim),
            v1::HostStatus::Silent | v1::HostStatus::NotEnrolled | v1::HostStatus::NoAgent => status.tone(Tone::Warn),
        },
        screen.t(&format!("class-{}", host.class)).into(),
        host.site.as_deref().unwrap_or("–").into(),
        screen.moment_or_dash(host.last_seen).into(),
    ];
    for control in &hosts.controls {
        cells.push(match host.verdicts.get(&control.id) {
            Some(cell) => {
                let (word, tone) = screen.verdict(cell.verdict, cell.freshness);
                Cell::new(word).tone(tone)
            }
            None => "–".into(),
        });
    }
    cells.push(Cell::whole(host.id.map(|id| id.to_string()).unwrap_or_default()));
    cells
}
