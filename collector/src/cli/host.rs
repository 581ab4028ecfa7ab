//! `host`: one host with every fact, where it came from, and what each control says.

use super::screen::{Screen, Tone};
use super::{Console, Failure, fact};
use crate::api::v1;
use crate::args::Output;
use crate::control::client::encoded;
use crate::visible::visible;

pub(super) async fn run(console: &Console, host: &str, output: Output) -> Result<String, Failure> {
    let path = format!("/api/v1/hosts/{}", encoded(host));
    let host: v1::Host = console.client.get(&path, &[]).await.map_err(|error| console.failure(error))?;
    console.shown(output, &host, |screen| text(screen, &host))
}

pub(super) fn text(screen: &Screen, host: &v1::Host) -> String {
    let mut out = format!("{}\n", screen.toned(Tone::Bold, &visible(&host.name)));
    let mut line = |key: &str, value: String| out += &format!("  {}: {value}\n", screen.t(key));
    line("host-id", host.id.to_string());
    line("hosts-status", screen.t(&format!("status-{}", host.status)));
    line("hosts-class", screen.t(&format!("class-{}", host.class)));
    line("hosts-site", host.site.as_deref().map_or_else(|| "–".to_owned(), visible));
    line("host-expected", screen.t(if host.expected { "yes" } else { "no" }));
    line("hosts-last-seen", screen.moment_or_dash(host.last_seen));
    if let Some(offset) = host.clock_offset_ms {
        line("host-clock", clock(screen, offset, host.clock_skewed));
    }
    if let Some(lost) = screen.lost_reports(&host.lost_reports) {
        line("lost-reports", lost);
    }
    out += &screen.heading(&screen.t("host-verdicts"));
    for verdict in &host.verdicts {
        out += &of_control(screen, verdict);
    }
    out += &screen.heading(&screen.t("host-agents"));
    if host.agents.is_empty() {
        out += &format!("  {}\n", screen.t("host-agents-none"));
    }
    for agent in &host.agents {
        let state = screen.t(&format!("agent-{}", agent.state));
        let until = screen.moment_or_dash(agent.certificate_until);
        out += &format!("  {}  {state}  {}: {until}\n", agent.id, screen.t("agents-until"));
    }
    if host.facts.is_empty() {
        out += &screen.heading(&screen.t("host-facts"));
        out += &format!("  {}\n", screen.t("host-facts-none"));
    }
    for (name, fields) in fact::groups(&host.facts) {
        out += &screen.heading(&screen.or(&format!("fact-{name}"), name));
        out += &fact::group(screen, name, fields);
    }
    out
}

fn clock(screen: &Screen, offset_ms: i64, skewed: bool) -> String {
    let seconds = (offset_ms.unsigned_abs() / 1_000).to_string();
    let said = match offset_ms {
        -999..=999 => screen.t("host-clock-good"),
        1_000.. => screen.say("host-clock-ahead", &[("s", seconds.as_str())]),
        _ => screen.say("host-clock-behind", &[("s", seconds.as_str())]),
    };
    if skewed { format!("{said} {}", screen.toned(Tone::Warn, &screen.t("host-clock-skewed"))) } else { said }
}

/// A verdict with its reasons, its end and what helps.
pub(super) fn of_control(screen: &Screen, verdict: &v1::Verdict) -> String {
    let (word, tone) = screen.verdict(verdict.verdict, verdict.freshness);
    let mut out = format!("  {} {}", screen.toned(tone, &word), screen.text(&verdict.title));
    out += &format!(" ({})\n", visible(&verdict.control));
    for reason in &verdict.reasons {
        out += &format!("     {}\n", screen.text(reason));
    }
    if let (Some(at), Some(becomes)) = (verdict.valid_until, verdict.becomes) {
        let (becomes, _) = screen.verdict(becomes, v1::Freshness::Fresh);
        let at = screen.moment(at);
        out +=
            &format!("     {}\n", screen.say("verdict-turns", &[("time", at.as_str()), ("becomes", becomes.as_str())]));
    }
    if let Some(remedy) = &verdict.remedy {
        out += &format!("     → {}\n", screen.text(remedy));
    }
    out
}
