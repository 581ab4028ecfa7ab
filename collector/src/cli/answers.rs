//! `answers`: every item of a checklist with its answer, what it rests on, how many hosts, and until when.

use super::screen::{Screen, Tone};
use super::table::{Cell, Table};
use super::{Console, Failure};
use crate::api::v1;
use crate::args::Output;
use crate::locale::Arg;

pub(super) async fn run(console: &Console, checklist: &str, output: Output) -> Result<String, Failure> {
    let asked = [("checklist", checklist)];
    let answers: v1::Answers =
        console.client.get("/api/v1/answers", &asked).await.map_err(|error| console.failure(error))?;
    if output.format == crate::args::Format::Json {
        return console.shown(output, &answers, |_| String::new());
    }
    let overview: v1::Overview =
        console.client.get("/api/v1/overview", &[]).await.map_err(|error| console.failure(error))?;
    let lists: Vec<v1::Checklist> =
        console.client.get("/api/v1/checklists", &[]).await.map_err(|error| console.failure(error))?;
    Ok(text(&console.screen, &answers, &overview, lists.iter().find(|list| list.id == answers.checklist)))
}

pub(super) fn text(
    screen: &Screen,
    answers: &v1::Answers,
    overview: &v1::Overview,
    list: Option<&v1::Checklist>,
) -> String {
    let mut out = screen.coverage(&overview.coverage) + "\n";
    out += &screen.retired(overview.coverage.retired);
    let title = list.map_or_else(|| answers.checklist.clone(), |list| screen.text(&list.title));
    let edition = screen.say("cli-edition", &[("edition", answers.edition.as_str())]);
    out += &screen.heading(&(title + &edition));
    let summary = overview.checklists.iter().find(|it| it.checklist == answers.checklist);
    out += &totals(screen, answers, summary);
    out.push('\n');
    out += &items(screen, answers, list).render(screen);
    out += &differences(screen, answers, list);
    out += &remedies(screen, answers, list);
    out
}

/// How many are answered, on what, and what that makes in points.
pub(super) fn totals(screen: &Screen, answers: &v1::Answers, summary: Option<&v1::ChecklistSummary>) -> String {
    let answered = [("total", Arg::Number(answers.items_total)), ("answered", Arg::Number(answers.answered))];
    let mut out = screen.with("overview-answered", &answered);
    if let Some(by) = summary.map(|it| &it.answers) {
        let parts = [("measured", Arg::Number(by.measured)), ("declared", Arg::Number(by.declared))];
        out += &screen.say("cli-in-brackets", &[("text", screen.with("overview-basis-parts", &parts).as_str())]);
    }
    out.push('\n');
    let Some(score) = &answers.score else { return out };
    let points = |key, parts: [(&'static str, i64); 3]| {
        let parts = parts.map(|(name, number)| (name, number.to_string()));
        let parts: Vec<(&'static str, &str)> = parts.iter().map(|(name, text)| (*name, text.as_str())).collect();
        screen.say(key, &parts)
    };
    let parts = [("measured", score.measured), ("declared", score.declared), ("unknown", score.unknown_points)];
    out += &points("overview-score-parts", parts);
    out.push('\n');
    match score.total {
        None => out += &screen.t("overview-no-total"),
        Some(total) => {
            out += &points("overview-score-total", [("total", total), ("max", score.max), ("n", 0)]);
            if let Some(band) = summary.and_then(|it| it.band.as_ref()) {
                out += &screen.say("cli-in-brackets", &[("text", screen.text(band).as_str())]);
            }
        }
    }
    out.push('\n');
    out
}

fn items(screen: &Screen, answers: &v1::Answers, list: Option<&v1::Checklist>) -> Table {
    let mut table = Table::default()
        .right(screen.t("checklist-no"))
        .left(screen.t("item"))
        .left(screen.t("answer"))
        .left(screen.t("basis"))
        .right(screen.t("cli-hosts-met"))
        .left(screen.t("checklist-until"));
    for item in &answers.items {
        let (word, tone) = screen.answer(item.answer);
        let hosts = match (item.hosts_met, item.hosts_observed, item.hosts_expected.or(item.hosts_known)) {
            (Some(met), Some(observed), Some(all)) => format!("{met}/{observed}/{all}"),
            _ => "–".to_owned(),
        };
        let until = item.valid_until.map_or_else(|| "–".to_owned(), |at| screen.moment(at));
        table.row(vec![
            Cell::whole(&item.id),
            title(screen, list, &item.id).into(),
            Cell::new(word).tone(tone),
            screen.word(&format!("basis-{}", item.basis)).into(),
            hosts.into(),
            until.into(),
        ]);
    }
    table
}

fn title(screen: &Screen, list: Option<&v1::Checklist>, item: &str) -> String {
    let found = list.and_then(|list| list.items.iter().find(|it| it.id == item));
    found.map(|it| screen.text(&it.title)).unwrap_or_default()
}

/// Where what was declared and what was measured disagree.
fn differences(screen: &Screen, answers: &v1::Answers, list: Option<&v1::Checklist>) -> String {
    let mut out = String::new();
    for item in &answers.items {
        if let Some(difference) = &item.contradiction {
            let line = format!("  {} {}: {}\n", item.id, title(screen, list, &item.id), screen.text(&difference.text));
            out += &screen.toned(Tone::Warn, &line);
        }
    }
    if out.is_empty() { out } else { screen.heading(&screen.t("contradiction")) + &out }
}

/// What is not met, on which hosts, why, and the next step. Each control once.
fn remedies(screen: &Screen, answers: &v1::Answers, list: Option<&v1::Checklist>) -> String {
    let mut out = String::new();
    for item in answers.items.iter().filter(|item| item.answer != v1::AnswerWord::Implemented) {
        for evidence in &item.evidence {
            let v1::Evidence::Control(control) = evidence else { continue };
            let Some(worst) = control.hosts.iter().find(|host| host.verdict.remedy.is_some()) else { continue };
            let (word, _) = screen.verdict(worst.verdict.verdict, worst.verdict.freshness);
            out += &format!("  {} {} — {}\n", item.id, title(screen, list, &item.id), screen.text(&control.title));
            let reasons: Vec<String> = worst.verdict.reasons.iter().map(|it| screen.text(it)).collect();
            out += &format!("     {}: {word} — {}\n", crate::visible::visible(&worst.name), reasons.join(" "));
            if let Some(remedy) = &worst.verdict.remedy {
                out += &format!("     → {}\n", screen.text(remedy));
            }
        }
    }
    if out.is_empty() { out } else { screen.heading(&screen.t("cli-next-steps")) + &out }
}
