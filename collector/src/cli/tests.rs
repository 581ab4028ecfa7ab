//! What commands print, in both languages, from one of everything.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::api::v1::sample;
use crate::args::Lang;
use crate::locale::{Arg, Locale};
use crate::visible::is_invisible;

fn screen(lang: Lang, colour: bool) -> Screen {
    terminal(lang, colour, None)
}

fn terminal(lang: Lang, colour: bool, columns: Option<usize>) -> Screen {
    let voice = Voice::new(Locale::of(lang.into()), "tenken-collector --data-dir /srv/点検");
    Screen::new(voice, colour, columns, TimeZone::get("Asia/Tokyo").unwrap())
}

/// Everything that a command can print about a thing.
fn everything(screen: &Screen) -> Vec<(&'static str, String)> {
    let (answers, overview, list) = (sample::answers(), sample::overview(), sample::checklist());
    vec![
        ("answers", answers::text(screen, &answers, &overview, Some(&list))),
        ("answers_complete", answers::text(screen, &sample::answers_complete(), &overview, Some(&list))),
        ("overview", overview::text(screen, &overview)),
        ("hosts", hosts::text(screen, &sample::hosts())),
        ("host", host::text(screen, &sample::host())),
        ("explain_item", explain::text(screen, &sample::explain_item())),
        ("explain_control", explain::text(screen, &sample::explain_control())),
        ("agents", agents::text(screen, &sample::agents())),
        ("ledger", ledger::text(screen, &sample::ledger())),
        ("risk", risk::text(screen, &sample::risks())),
        ("packs", pack::text(screen, &sample::packs())),
        ("health", health::lines(screen, &sample::health())),
        ("refusal", screen.refusal(&sample::failure().error)),
    ]
}

#[test]
fn text_is_frozen_in_both_languages() {
    for (lang, code) in [(Lang::Ja, "ja"), (Lang::En, "en")] {
        for (name, text) in everything(&screen(lang, false)) {
            insta::assert_snapshot!(format!("{name}_{code}"), text);
        }
    }
}

#[test]
fn nothing_that_a_terminal_obeys_is_printed() {
    for lang in [Lang::Ja, Lang::En] {
        for (name, text) in everything(&screen(lang, false)) {
            let obeyed: Vec<char> = text.chars().filter(|c| *c != '\n' && is_invisible(*c)).collect();
            assert!(obeyed.is_empty(), "{name}: {obeyed:?}");
            assert!(!text.contains("[answer") && !text.contains("[cli-"), "{name}: a text is missing: {text}");
        }
    }
}

#[test]
fn every_text_that_is_used_is_there() {
    for lang in [Lang::Ja, Lang::En] {
        for (name, text) in everything(&screen(lang, false)) {
            let missing: Vec<&str> = text.split('[').skip(1).filter_map(|it| it.split(']').next()).collect();
            let keys: Vec<&&str> =
                missing.iter().filter(|it| it.contains('-') && !it.contains([' ', '/', ':', '–'])).collect();
            assert!(keys.is_empty(), "{name}: {keys:?}");
        }
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let escape = regex::Regex::new("\u{1b}\\[[0-9]+m").unwrap();
    for lang in [Lang::Ja, Lang::En] {
        let plain = everything(&screen(lang, false));
        for ((name, coloured), (_, plain)) in everything(&screen(lang, true)).into_iter().zip(plain) {
            assert_eq!(escape.replace_all(&coloured, ""), plain, "{name}");
        }
    }
}

#[test]
fn the_first_line_of_answers_is_coverage() {
    let first = |lang| {
        let screen = screen(lang, false);
        let text = answers::text(&screen, &sample::answers(), &sample::overview(), None);
        text.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(first(Lang::Ja), "96台中1台を確認。残り95台は未登録です。");
    assert_eq!(first(Lang::En), "1 of 96 hosts observed. The remaining 95 are not enrolled.");
}

#[test]
fn there_is_no_total_while_an_item_is_unanswered() {
    let screen = screen(Lang::En, false);
    let open = answers::totals(&screen, &sample::answers(), None);
    assert!(!open.contains("Total"), "{open}");
    let complete = answers::totals(&screen, &sample::answers_complete(), None);
    assert!(complete.contains('5') && complete.contains('8'), "{complete}");
}

#[test]
fn refusals_end_with_the_documented_codes() {
    for (code, exit) in [
        (ErrorCode::BadRequest, 2),
        (ErrorCode::NotFound, 5),
        (ErrorCode::Refused, 4),
        (ErrorCode::BadInput, 5),
        (ErrorCode::TooLarge, 5),
        (ErrorCode::Unavailable, 1),
        (ErrorCode::Internal, 1),
    ] {
        assert_eq!(exit_of(code).code(), exit, "{code:?}");
    }
}

proptest! {
    #[test]
    fn no_host_name_reaches_the_terminal_as_it_is(name in any::<String>()) {
        let mut hosts = sample::hosts();
        hosts.hosts[0].name.clone_from(&name);
        hosts.hosts[0].site = Some(name);
        let text = hosts::text(&screen(Lang::Ja, false), &hosts);
        prop_assert!(text.chars().all(|c| c == '\n' || !is_invisible(c)));
        // Headings, an empty line and a title above the retired ones, an empty line and the hint at the end.
        prop_assert_eq!(text.lines().count(), 1 + hosts.hosts.len() + 2 + hosts.retired.len() + 2);
    }
}

/// Hosts with names as they are, in every state.
fn fleet() -> v1::Hosts {
    let mut hosts = sample::hosts();
    let cell = hosts.hosts.iter().find_map(|host| host.verdicts.values().next().cloned()).unwrap();
    let words = [
        v1::VerdictWord::Fail,
        v1::VerdictWord::Unknown,
        v1::VerdictWord::Partial,
        v1::VerdictWord::Pass,
        v1::VerdictWord::Pass,
    ];
    let verdicts =
        words.iter().enumerate().map(|(n, word)| (format!("c{n}"), v1::VerdictCell { verdict: *word, ..cell.clone() }));
    let verdicts: std::collections::BTreeMap<_, _> = verdicts.collect();
    let row = |n: u128, name: &str, site: &str, status, freshness| v1::HostRow {
        id: Some(sample::host_id(n)),
        name: name.to_owned(),
        site: Some(site.to_owned()),
        status,
        freshness,
        last_seen: Some(sample::at("2026-11-21T02:59:30Z")),
        verdicts: verdicts.clone(),
        ..hosts.hosts[1].clone()
    };
    hosts.hosts = vec![
        row(1, "keiri-pc-0001.example.co.jp", "本社", v1::HostStatus::Connected, v1::Freshness::Fresh),
        row(2, "経理部ノートPC-02", "大阪支店", v1::HostStatus::Connected, v1::Freshness::Stale),
        v1::HostRow {
            last_seen: Some(sample::at("2026-11-10T00:00:00Z")),
            ..row(3, "sv01", "データセンター", v1::HostStatus::Silent, v1::Freshness::Silent)
        },
        v1::HostRow {
            verdicts: [("c4".to_owned(), v1::VerdictCell { verdict: v1::VerdictWord::Pass, ..cell.clone() })].into(),
            ..row(5, "pc-good", "本社", v1::HostStatus::Connected, v1::Freshness::Fresh)
        },
        row(4, "pc-new", "本社", v1::HostStatus::Connected, v1::Freshness::Never),
        v1::HostRow { id: None, ..hosts.hosts[2].clone() },
    ];
    hosts
}

#[test]
fn hosts_fit_a_terminal() {
    for lang in [Lang::Ja, Lang::En] {
        let code = if lang == Lang::Ja { "ja" } else { "en" };
        for columns in [80, 120] {
            let text = hosts::text(&terminal(lang, false, Some(columns)), &fleet());
            for line in text.lines().take_while(|line| !line.is_empty()) {
                assert!(crate::visible::columns(line) <= columns, "{columns}: {line}");
            }
            insta::assert_snapshot!(format!("hosts_{columns}_{code}"), text);
        }
        // Without a terminal too, ordinary names fit 120 columns, one line each.
        let text = hosts::text(&screen(lang, false), &fleet());
        assert!(text.lines().all(|line| crate::visible::columns(line) <= 120), "{text}");
    }
}

#[test]
fn ids_are_shown_where_a_name_does_not_say_which_host_is_meant() {
    let mut hosts = fleet();
    let id = sample::host_id(1).to_string();
    assert!(!hosts::text(&screen(Lang::En, false), &hosts).contains(&id));
    hosts.hosts[1].name = hosts.hosts[0].name.to_uppercase();
    assert!(hosts::text(&terminal(Lang::En, false, Some(80)), &hosts).contains(&id));
}

#[test]
fn retired_hosts_are_said_beside_every_figure_and_only_when_there_are_any() {
    for (lang, said) in [(Lang::Ja, "ほかに除外済み 1台（集計の対象外）"), (Lang::En, "1 retired, not counted")]
    {
        let screen = screen(lang, false);
        let mut overview = sample::overview();
        let v1::Explanation::Item(mut item) = sample::explain_item() else { panic!("an item") };
        let v1::Explanation::Control(mut control) = sample::explain_control() else { panic!("a control") };
        let mut risks = sample::risks();
        let figures = |overview: &v1::Overview,
                       item: &v1::ItemExplanation,
                       control: &v1::ControlExplanation,
                       risks: &v1::Risks| {
            [
                risk::text(&screen, risks),
                explain::text(&screen, &v1::Explanation::Control(Box::new(control.clone()))),
                overview::text(&screen, overview),
                answers::text(&screen, &sample::answers(), overview, None),
                explain::text(&screen, &v1::Explanation::Item(Box::new(item.clone()))),
            ]
        };
        let once = |text: &String| text.matches(said).count() == 1;
        assert!(figures(&overview, &item, &control, &risks).iter().all(once), "{said}");
        (control.hosts_retired, risks.hosts_retired) = (0, 0);
        overview.coverage.retired = 0;
        item.answer.hosts_retired = Some(0);
        assert!(figures(&overview, &item, &control, &risks).iter().all(|text| !text.contains(said)), "{said}");
    }
    let mut hosts = sample::hosts();
    hosts.hosts.clear();
    assert!(hosts::text(&screen(Lang::Ja, false), &hosts).contains("pc09"), "also when no other host is left");
}

#[test]
fn lost_reports_are_said_where_there_are_any() {
    for (lang, label, said) in [
        (Lang::Ja, "点検データの欠落", "エージェントが破棄 12件、未着 3件"),
        (Lang::En, "Lost reports", "12 dropped before delivery, 3 missing"),
    ] {
        let screen = screen(lang, false);
        let (mut host, mut health) = (sample::host(), sample::health());
        assert!(host::text(&screen, &host).contains(label) && health::lines(&screen, &health).contains(label));
        let timeless = v1::LostReports { dropped: 12, missing: 3, ..v1::LostReports::default() };
        (host.lost_reports, health.lost_reports) = (timeless.clone(), timeless);
        assert!(host::text(&screen, &host).contains(said) && health::lines(&screen, &health).contains(said));
        host.lost_reports = v1::LostReports::default();
        health.lost_reports = v1::LostReports::default();
        assert!(!host::text(&screen, &host).contains(label) && !health::lines(&screen, &health).contains(label));
    }
}

#[test]
fn hints_can_be_run_as_they_stand() {
    for (name, text) in everything(&screen(Lang::Ja, false)) {
        let bare: Vec<&str> = text.lines().filter(|line| line.contains("tenken-collector")).collect();
        let repeated = |line: &&str| line.contains("tenken-collector --data-dir /srv/点検 ");
        assert!(bare.iter().all(repeated), "{name}: {bare:?}");
    }
}

#[test]
fn one_is_singular() {
    let screen = screen(Lang::En, false);
    let rows = |n| screen.with("cli-imported", &[("name", Arg::Text("x")), ("rows", Arg::Number(n))]);
    assert_eq!((rows(1).as_str(), rows(2).as_str()), ("ledger “x” imported, 1 row", "ledger “x” imported, 2 rows"));
    let v1::Explanation::Control(mut control) = sample::explain_control() else { panic!("a control") };
    let mut threshold = control.parameters.remove(0);
    assert_eq!(screen.threshold(&threshold), "3 days");
    threshold.value = 1;
    assert_eq!(screen.threshold(&threshold), "1 day");
    let coverage =
        |n| screen.coverage(&v1::Coverage { observed: n, known: n, expected: Some(n), ..Default::default() });
    assert_eq!(coverage(1), "The one expected host is observed.");
    assert_eq!(coverage(2), "All 2 expected hosts observed.");
}

#[test]
fn a_file_is_named_by_its_name() {
    assert_eq!(name_of(Path::new("/a/b/台帳 2026.csv")), "台帳 2026");
    let _: v1::Imported = v1::Imported { name: String::new(), rows: 0, notes: Vec::new() };
}

proptest! {
    #[test]
    fn a_document_holds_nothing_that_a_terminal_obeys_and_reads_back(text in any::<String>()) {
        let printed = tenken_proto::json::document(&serde_json::json!({ &text: [&text] })).unwrap();
        prop_assert!(printed.chars().all(|c| c == '\n' || !is_invisible(c)));
        let back: serde_json::Value = serde_json::from_str(&printed).unwrap();
        prop_assert_eq!(back, serde_json::json!({ &text: [&text] }));
    }
}
