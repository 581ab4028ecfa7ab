//! `hosts`: how every host stands, and how many controls say what; `hosts retire`.

use std::collections::BTreeMap;

use super::screen::{Screen, Tone};
use super::table::{Cell, Table};
use super::{Console, Failure};
use crate::api::v1;
use crate::args::{HostsCommand, Output};
use crate::visible::visible;

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
    let mut out = if hosts.hosts.is_empty() {
        format!("{}\n{}\n", screen.t("hosts-none"), screen.t("coverage-first-step"))
    } else {
        table(screen, hosts).render(screen)
    };
    if !hosts.retired.is_empty() {
        out += &screen.heading(&screen.t("hosts-retired"));
    }
    for host in &hosts.retired {
        let (name, at) = (visible(&host.name), screen.moment(host.at));
        let said = screen.say("host-retired", &[("by", host.by.as_str()), ("reason", host.reason.as_str())]);
        out += &format!("  {name}  {at}  {said}\n");
    }
    if !hosts.hosts.is_empty() {
        out += &format!("\n{}\n", screen.t("cli-hosts-hint"));
    }
    out
}

fn table(screen: &Screen, all: &v1::Hosts) -> Table {
    let hosts = &all.hosts;
    // A name says which host is meant, unless several have it.
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for host in hosts {
        *named.entry(host.name.to_lowercase()).or_default() += 1;
    }
    let with_ids = named.values().any(|hosts| *hosts > 1);
    let mut table = Table::default()
        .left(screen.t("hosts-name"))
        .left(screen.t("agents-state"))
        .left(screen.t("hosts-class"))
        .left(screen.t("hosts-site"))
        .left(screen.t("hosts-last-seen"))
        .left(screen.t("cli-verdicts"));
    if with_ids {
        table = table.left("ID");
    }
    for host in hosts {
        let mut cells = vec![
            Cell::new(&host.name),
            state(screen, host),
            screen.t(&format!("class-{}", host.class)).into(),
            host.site.as_deref().unwrap_or("–").into(),
            host.last_seen.map_or_else(|| "–".into(), |at| Cell::whole(screen.ago(at, all.as_of))),
            verdicts(screen, host),
        ];
        if with_ids {
            cells.push(Cell::whole(host.id.map(|id| id.to_string()).unwrap_or_default()));
        }
        table.row(cells);
    }
    table
}

/// How it stands to the collector; where it is heard of, whether its facts can be relied on.
fn state(screen: &Screen, host: &v1::HostRow) -> Cell {
    let status = || Cell::new(screen.t(&format!("status-{}", host.status)));
    let freshness = || Cell::new(screen.t(&format!("freshness-{}", host.freshness))).tone(Tone::Warn);
    match host.status {
        v1::HostStatus::Silent | v1::HostStatus::NotEnrolled | v1::HostStatus::NoAgent => status().tone(Tone::Warn),
        v1::HostStatus::Connected | v1::HostStatus::Disconnected => match host.freshness {
            v1::Freshness::Stale | v1::Freshness::Never | v1::Freshness::Silent => freshness(),
            v1::Freshness::Fresh if host.status == v1::HostStatus::Connected => status().tone(Tone::Good),
            v1::Freshness::Fresh => status().tone(Tone::Dim),
        },
    }
}

/// How many controls want something done, the worst first; how many pass where none does.
fn verdicts(screen: &Screen, host: &v1::HostRow) -> Cell {
    let said = |words: &[v1::VerdictWord]| -> Vec<(String, Tone)> {
        let count = |word| host.verdicts.values().filter(|cell| cell.verdict == word).count();
        let counts = words.iter().map(|word| (*word, count(*word))).filter(|(_, n)| *n > 0);
        let told = counts.map(|(word, n)| (screen.verdict(word, v1::Freshness::Fresh), n));
        told.map(|((word, tone), n)| (format!("{word} {n}"), tone)).collect()
    };
    let open = said(&[v1::VerdictWord::Fail, v1::VerdictWord::Unknown, v1::VerdictWord::Partial]);
    let said = if open.is_empty() { said(&[v1::VerdictWord::Pass]) } else { open };
    match said.first() {
        None => "–".into(),
        Some((_, tone)) => {
            let parts: Vec<String> = said.iter().map(|(part, _)| part.clone()).collect();
            Cell::list(&parts, &screen.t("cli-comma")).tone(*tone)
        }
    }
}
