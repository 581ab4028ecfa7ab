//! What commands print, in both languages, from one of everything.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::api::v1::{self, sample};
use crate::visible::is_invisible;

fn screen(lang: Lang, colour: bool) -> Screen {
    Screen::new(Locale::of(lang.into()), colour, TimeZone::get("Asia/Tokyo").unwrap())
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
        prop_assert_eq!(text.lines().count(), 1 + hosts.hosts.len() + hosts.retired.len());
    }
}

#[test]
fn a_file_is_named_by_its_name() {
    assert_eq!(name_of(Path::new("/a/b/台帳 2026.csv")), "台帳 2026");
    let _: v1::Imported = v1::Imported { name: String::new(), rows: 0, notes: Vec::new() };
}
