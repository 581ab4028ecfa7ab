//! `overview`: how much is seen, what is worst, what turns when, what waits for a person, how the collector is.

use super::screen::Screen;
use super::{Console, Failure, health};
use crate::api::v1;
use crate::args::Output;
use crate::locale::Arg;
use crate::visible::visible;

pub(super) async fn run(console: &Console, output: Output) -> Result<String, Failure> {
    let overview: v1::Overview =
        console.client.get("/api/v1/overview", &[]).await.map_err(|error| console.failure(error))?;
    console.shown(output, &overview, |screen| text(screen, &overview))
}

pub(super) fn text(screen: &Screen, overview: &v1::Overview) -> String {
    let mut out = screen.coverage(&overview.coverage) + "\n";
    for (key, n) in [
        ("coverage-silent", overview.coverage.silent),
        ("coverage-stale", overview.coverage.stale),
        ("coverage-retired", overview.coverage.retired),
    ] {
        if n > 0 {
            out += &format!("  {}\n", screen.n(key, n));
        }
    }
    out += &checklists(screen, &overview.checklists);
    out += &risks(screen, overview.risks.as_ref());
    out += &worst(screen, &overview.worst, overview.coverage.observed);
    out += &turning(screen, &overview.turning);
    out += &attention(screen, &overview.attention);
    out += &screen.heading(&screen.t("overview-health"));
    out += &health::lines(screen, &overview.health);
    out
}

fn checklists(screen: &Screen, lists: &[v1::ChecklistSummary]) -> String {
    let mut out = screen.heading(&screen.t("overview-checklists"));
    for list in lists {
        let counts = [("total", Arg::Number(list.items_total)), ("answered", Arg::Number(list.answered))];
        out += &format!("  {}: {}", screen.text(&list.title), screen.with("overview-answered", &counts));
        let parts =
            [("measured", Arg::Number(list.answers.measured)), ("declared", Arg::Number(list.answers.declared))];
        out += &screen.say("cli-in-brackets", &[("text", screen.with("overview-basis-parts", &parts).as_str())]);
        if list.contradictions > 0 {
            out += &format!(" {}", screen.n("overview-contradictions", list.contradictions));
        }
        out.push('\n');
    }
    out
}

fn risks(screen: &Screen, tally: Option<&v1::RiskTally>) -> String {
    let Some(tally) = tally else { return String::new() };
    let cells = [
        ("band-high", tally.high),
        ("band-medium", tally.medium),
        ("band-low", tally.low),
        ("band-unrated", tally.unrated),
    ];
    let cells: Vec<String> = cells.iter().map(|(key, n)| format!("{} {n}", screen.t(key))).collect();
    screen.heading(&screen.t("overview-risks")) + &format!("  {}\n", cells.join("  "))
}

/// What to do first; with nothing to do, for how many hosts that holds.
fn worst(screen: &Screen, worst: &[v1::Worst], observed: u64) -> String {
    let mut out = screen.heading(&screen.t("overview-worst"));
    if worst.is_empty() {
        let none = match observed {
            0 => screen.t("overview-worst-nothing-observed"),
            n => screen.n("overview-worst-none", n),
        };
        return out + &format!("  {none}\n");
    }
    for it in worst {
        let (word, tone) = screen.verdict(it.verdict, v1::Freshness::Fresh);
        let names = names(&it.hosts, it.hosts_total);
        let hosts = screen.n("overview-worst-hosts", it.hosts_total);
        out += &format!("  {} {} — {hosts}: {names}\n", screen.toned(tone, &word), screen.text(&it.title));
        if let Some(reason) = &it.reason {
            out += &format!("     {}\n", screen.text(reason));
        }
        out += &format!("     → {}\n", screen.text(&it.remedy));
    }
    out
}

/// Some names, and a mark when there are more.
fn names(hosts: &[v1::HostRef], total: u64) -> String {
    let mut names: Vec<String> = hosts.iter().take(5).map(|host| visible(&host.name)).collect();
    if (names.len() as u64) < total {
        names.push("…".to_owned());
    }
    names.join(", ")
}

fn turning(screen: &Screen, turning: &[v1::Turning]) -> String {
    let mut out = screen.heading(&screen.t("overview-turning"));
    if turning.is_empty() {
        return out + &format!("  {}\n", screen.t("overview-turning-none"));
    }
    for it in turning {
        let at = screen.moment(it.at);
        out += &match &it.what {
            v1::TurningWhat::Verdict { host, title, from, becomes, .. } => {
                let (from, _) = screen.verdict(*from, v1::Freshness::Fresh);
                let (becomes, _) = screen.verdict(*becomes, v1::Freshness::Fresh);
                let what =
                    screen.say("overview-turning-verdict", &[("from", from.as_str()), ("becomes", becomes.as_str())]);
                format!("  {at}  {} — {}: {what}\n", visible(&host.name), screen.text(title))
            }
            v1::TurningWhat::Declaration { item, title, .. } => {
                format!(
                    "  {at}  {} {}: {}\n",
                    visible(item),
                    screen.text(title),
                    screen.t("overview-turning-declaration")
                )
            }
        };
    }
    out
}

fn attention(screen: &Screen, attention: &v1::Attention) -> String {
    let hosts = |of: &v1::Named<v1::HostRef>| (of.total, names(&of.first, of.total));
    let agents = |of: &v1::Named<v1::AgentRef>| {
        let shown: Vec<String> = of.first.iter().map(|it| format!("{} ({})", visible(&it.name), it.agent)).collect();
        (of.total, shown.join(", "))
    };
    let shared: Vec<String> = attention
        .duplicates
        .first
        .iter()
        .map(|it| screen.say(&format!("duplicate-{}", it.by), &[("value", it.value.as_str())]))
        .collect();
    let all = [
        ("attention-pending", agents(&attention.pending)),
        ("attention-on_hold", agents(&attention.on_hold)),
        ("attention-silent", hosts(&attention.silent)),
        ("attention-duplicates", (attention.duplicates.total, shared.join(", "))),
        ("attention-skewed", hosts(&attention.skewed)),
        ("attention-not_enrolled", hosts(&attention.not_enrolled)),
    ];
    let mut out = screen.heading(&screen.t("overview-attention"));
    let mut any = false;
    for (key, (total, who)) in all {
        if total > 0 {
            any = true;
            out += &format!("  {} {}: {who}\n", screen.t(key), screen.n("attention-count", total));
        }
    }
    if any { out } else { out + &format!("  {}\n", screen.t("overview-attention-none")) }
}
