//! `explain`: why an item or a control stands as it does, down to the facts of each host.

use super::screen::{Screen, Tone};
use super::{Console, Failure, fact, host};
use crate::api::v1;
use crate::args::Output;
use crate::visible::visible;

pub(super) async fn run(
    console: &Console,
    subject: &str,
    checklist: &str,
    host: Option<&str>,
    output: Output,
) -> Result<String, Failure> {
    let mut asked = vec![("subject", subject), ("checklist", checklist)];
    asked.extend(host.map(|host| ("host", host)));
    let explanation: v1::Explanation =
        console.client.get("/api/v1/explain", &asked).await.map_err(|error| console.failure(error))?;
    console.shown(output, &explanation, |screen| text(screen, &explanation))
}

pub(super) fn text(screen: &Screen, explanation: &v1::Explanation) -> String {
    match explanation {
        v1::Explanation::Item(item) => of_item(screen, item),
        v1::Explanation::Control(control) => of_control(screen, control, None),
    }
}

fn of_item(screen: &Screen, of: &v1::ItemExplanation) -> String {
    let (word, tone) = screen.answer(of.answer.answer);
    let head = format!("{} {} {}", visible(&of.checklist), visible(&of.item.id), screen.text(&of.item.title));
    let mut out = format!("{}\n", screen.toned(Tone::Bold, &head));
    let basis = screen.word(&format!("basis-{}", of.answer.basis));
    let word = screen.toned(tone, &word);
    out += &format!("  {}: {word}{}\n", screen.t("answer"), screen.say("cli-in-brackets", &[("text", basis.as_str())]));
    if let (Some(met), Some(observed), Some(all)) =
        (of.answer.hosts_met, of.answer.hosts_observed, of.answer.hosts_expected.or(of.answer.hosts_known))
    {
        let counts =
            [("met", met), ("observed", observed), ("all", all)].map(|(name, n)| (name, crate::locale::Arg::Number(n)));
        out += &format!("  {}\n", screen.with("checklist-hosts-of", &counts));
        out += &screen.retired(of.answer.hosts_retired.unwrap_or(0));
    }
    if let Some(difference) = &of.answer.contradiction {
        out +=
            &format!("  {}: {}\n", screen.t("contradiction"), screen.toned(Tone::Warn, &screen.text(&difference.text)));
    }
    for evidence in &of.answer.evidence {
        if let v1::Evidence::Declaration(said) = evidence {
            out += &declaration(screen, said);
        }
    }
    if of.controls.is_empty() {
        out += &format!("  {}\n", screen.t("item-no-controls"));
    }
    for control in &of.controls {
        let link = of.item.links.iter().find(|link| link.control == control.control);
        out.push('\n');
        out += &of_control(screen, control, link);
    }
    out
}

fn declaration(screen: &Screen, said: &v1::Declaration) -> String {
    let (word, _) = screen.answer(said.answer);
    let until = said.until.map_or_else(|| screen.t("checklist-until-none"), |at| screen.moment(at));
    let mut out = format!("  {}: {word}\n", screen.t("declaration"));
    let mut line = |key: &str, value: String| out += &format!("     {}: {value}\n", screen.t(key));
    line("item-declared-by", visible(&said.by));
    line("item-declared-principal", visible(&said.principal));
    line("item-declared-at", screen.moment(said.declared_at));
    line("item-declared-until", until);
    line("item-declared-evidence", said.evidence.as_deref().map_or_else(|| "–".to_owned(), visible));
    if said.ended {
        out += &format!("     {}\n", screen.toned(Tone::Warn, &screen.t("item-declared-ended")));
    }
    out
}

fn of_control(screen: &Screen, of: &v1::ControlExplanation, link: Option<&v1::Link>) -> String {
    let head = format!("{} ({})", screen.text(&of.title), visible(&of.control));
    let mut out = screen.toned(Tone::Bold, &head);
    if let Some(link) = link {
        let kind = screen.word(&format!("link-{}", link.link));
        out += &screen.say("cli-in-brackets", &[("text", kind.as_str())]);
    }
    out.push('\n');
    let tally = tally(screen, &of.tally, of.hosts_not_enrolled);
    out += &format!("  {}: {tally}\n", screen.t("item-control-tally"));
    // Beneath an item they stand beside the figures of the item.
    if link.is_none() {
        out += &screen.retired(of.hosts_retired);
    }
    let mut line = |key: &str, value: String| out += &format!("  {}: {value}\n", screen.t(key));
    line("cli-condition", visible(&of.condition));
    for parameter in &of.parameters {
        let value = format!("{} = {}", visible(&parameter.name), visible(&screen.threshold(parameter)));
        let ours = if parameter.ours { screen.t("cli-ours") } else { String::new() };
        let source = screen.text(&parameter.source);
        // A source may be a whole sentence; within the brackets it is not the end.
        let source = source.trim_end_matches(['。', '.']);
        line("item-control-parameters", format!("{value}  [{source}{ours}]"));
    }
    for host in &of.hosts {
        out += &of_host(screen, host);
    }
    if of.hosts_omitted > 0 {
        out += &format!("  {}\n", screen.n("more-omitted", of.hosts_omitted));
    }
    out
}

fn tally(screen: &Screen, tally: &v1::Tally, not_enrolled: u64) -> String {
    let cells = [
        (v1::VerdictWord::Pass, tally.pass),
        (v1::VerdictWord::Partial, tally.partial),
        (v1::VerdictWord::Fail, tally.fail),
        (v1::VerdictWord::Unknown, tally.unknown),
        (v1::VerdictWord::NotApplicable, tally.not_applicable),
    ];
    let mut cells: Vec<String> = cells
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(word, n)| format!("{} {n}", screen.word(&format!("verdict-{word}"))))
        .collect();
    if not_enrolled > 0 {
        cells.push(format!("{} {not_enrolled}", screen.word("status-not_enrolled")));
    }
    if cells.is_empty() { "–".to_owned() } else { cells.join("  ") }
}

fn of_host(screen: &Screen, of: &v1::HostExplanation) -> String {
    let mut out = format!("  {}\n", screen.toned(Tone::Bold, &visible(&of.verdict.name)));
    for line in host::of_control(screen, &of.verdict.verdict).lines() {
        out += &format!("  {line}\n");
    }
    for (path, observed) in &of.facts {
        let (group, field) = path.split_once('.').unwrap_or((path, ""));
        let title = screen.or(&format!("fact-{group}-{field}"), path);
        out += &format!("       {title}: {}\n", fact::stated(screen, field, observed));
    }
    out
}
