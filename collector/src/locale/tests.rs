//! The texts: both languages complete, every used key there, no forbidden word, every fact named.

use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::FluentResource;
use regex::Regex;
use tenken_assess::derived::schemas;
use tenken_proto::fact::{FieldSchema, Kind};

use super::*;
use crate::api::v1;

/// Never for results, in any text of ours.
const NEVER_JA: [&str; 6] = ["合格", "安全", "証明書", "達成率", "違反", "準拠"];
const NEVER_EN: [&str; 6] = ["complian", "violation", "certified", "safe", "secure", "passed"];

/// Every key of a language with its text as written.
fn texts(lang: Lang) -> BTreeMap<String, String> {
    let message = Regex::new(r"(?m)^([a-zA-Z][\w-]*) = ((?:.*)(?:\n(?:[ }].*))*)").unwrap();
    let mut texts = BTreeMap::new();
    for (file, source) in lang.sources() {
        for found in message.captures_iter(source) {
            let twice = texts.insert(found[1].to_owned(), found[2].to_owned());
            assert!(twice.is_none(), "{} occurs twice (again in {}/{file})", &found[1], lang.code());
        }
    }
    texts
}

#[test]
fn every_file_parses() {
    for lang in Lang::ALL {
        for (file, source) in lang.sources() {
            let parsed = FluentResource::try_new(source.to_owned());
            assert!(parsed.is_ok(), "{}/{file}: {:?}", lang.code(), parsed.err().map(|(_, errors)| errors));
        }
    }
}

#[test]
fn both_languages_have_the_same_keys_and_arguments() {
    let argument = Regex::new(r"\$(\w+)").unwrap();
    let arguments = |text: &str| argument.captures_iter(text).map(|it| it[1].to_owned()).collect::<BTreeSet<_>>();
    let shape = |lang| texts(lang).into_iter().map(|(key, text)| (key, arguments(&text))).collect::<BTreeMap<_, _>>();
    let (ja, en) = (shape(Lang::Ja), shape(Lang::En));
    let differ: Vec<_> = ja.keys().chain(en.keys()).filter(|key| ja.get(*key) != en.get(*key)).collect();
    assert!(differ.is_empty(), "missing in one language, or with other arguments: {differ:?}");
}

#[test]
fn every_key_that_is_used_exists() {
    let used = Regex::new(
        r#"\b(?:t|n|with|msg|say|told|about|wrong|wrong_kind|Message::new)\(\s*(?:\w+, )*"([a-z]+-[\w-]*)""#,
    )
    .unwrap();
    let texts = texts(Lang::Ja);
    let mut missing = BTreeSet::new();
    for (path, source) in sources() {
        for found in used.captures_iter(&source) {
            if !texts.contains_key(&found[1]) {
                missing.insert(format!("{path}: {}", &found[1]));
            }
        }
    }
    assert!(missing.is_empty(), "used and not there: {missing:?}");
}

#[test]
fn every_word_of_the_api_has_a_text() {
    let mut keys = Vec::new();
    let mut all = |prefix: &str, words: Vec<&'static str>| {
        keys.extend(words.into_iter().map(|word| format!("{prefix}-{word}")));
    };
    all("answer", v1::AnswerWord::ALL.iter().map(|it| it.word()).collect());
    all("basis", v1::Basis::ALL.iter().map(|it| it.word()).collect());
    all("link", v1::LinkKind::ALL.iter().map(|it| it.word()).collect());
    all("verdict", v1::VerdictWord::ALL.iter().map(|it| it.word()).collect());
    all("freshness", v1::Freshness::ALL.iter().map(|it| it.word()).collect());
    all("status", v1::HostStatus::ALL.iter().map(|it| it.word()).collect());
    all("class", v1::HostClass::ALL.iter().map(|it| it.word()).collect());
    all("agent", v1::AgentState::ALL.iter().map(|it| it.word()).collect());
    all("band", v1::RiskBand::ALL.iter().map(|it| it.word()).collect());
    all("health", v1::HealthState::ALL.iter().map(|it| it.word()).collect());
    let locale = Locale::of(Lang::Ja);
    let missing: Vec<_> = keys.iter().filter(|key| !locale.has(key)).collect();
    assert!(missing.is_empty(), "words without a text in locales/*/glossary.ftl: {missing:?}");
}

#[test]
fn every_threshold_is_told_with_its_unit() {
    let packs = tenken_assess::PackSet::built_in().unwrap();
    let mut units: BTreeSet<&str> = ["days", "hours", "minutes", "seconds"].into();
    units.extend(packs.controls().iter().flat_map(|it| &it.parameters).map(|it| it.measure().1));
    for unit in units {
        let (name, source) = ("x".to_owned(), v1::Text::default());
        let of = v1::Parameter { name, value: 14, unit: unit.to_owned(), ours: true, source };
        let [ja, en] = [Lang::Ja, Lang::En].map(|lang| Locale::of(lang).threshold(&of));
        assert!(Locale::of(Lang::Ja).has(&format!("unit-{unit}")), "no text for the unit `{unit}`");
        assert!(ja.starts_with("14") && !ja.contains(unit) && en == format!("14 {unit}"), "{ja} {en}");
    }
}

#[test]
fn every_fact_has_a_name_in_both_languages() {
    fn walk(prefix: &str, fields: &[FieldSchema], keys: &mut BTreeSet<String>) {
        for field in fields {
            let key = format!("{prefix}-{}", field.name);
            kind(&key, field.name, &field.kind, keys);
            keys.insert(key);
        }
    }
    fn kind(key: &str, name: &str, of: &Kind, keys: &mut BTreeSet<String>) {
        match of {
            Kind::List(item) => kind(key, name, item, keys),
            Kind::Record(fields) => walk(key, fields, keys),
            Kind::OneOf(words) => keys.extend(words.iter().map(|word| format!("word-{name}-{word}"))),
            Kind::Bool | Kind::Number | Kind::Text | Kind::Time => {}
        }
    }
    let mut keys = BTreeSet::new();
    for group in schemas() {
        let key = format!("fact-{}", group.name);
        walk(&key, &group.fields, &mut keys);
        keys.insert(key);
    }
    for lang in Lang::ALL {
        let locale = Locale::of(lang);
        let missing: Vec<_> = keys.iter().filter(|key| !locale.has(key)).collect();
        assert!(missing.is_empty(), "add to locales/{}/facts.ftl: {missing:?}", lang.code());
    }
}

#[test]
fn every_phrase_of_an_observation_is_said_in_the_readers_language() {
    let (ja, en) = (Locale::of(Lang::Ja), Locale::of(Lang::En));
    for (key, words) in phrase::ALL {
        assert_eq!(en.t(&format!("phrase-{key}")), *words, "locales/en/facts.ftl differs from proto/src/phrase.rs");
        assert_eq!(en.observed(words), *words);
        let said = ja.observed(words);
        assert!(!said.contains(words) && !said.contains('['), "{said}");
        assert_eq!(said, ja.t(&format!("phrase-{key}")), "another phrase stands within `{words}`");
    }
}

#[test]
fn paths_around_a_phrase_stay_as_they_came() {
    let ja = Locale::of(Lang::Ja);
    let told = |words: &str| ja.observed(words);
    assert_eq!(told("last write of /var/log/syslog"), "最終更新の日時： /var/log/syslog");
    assert_eq!(
        told("`/var/log/btmp` may not be read; needs membership of group `utmp`"),
        "`/var/log/btmp` を読む権限がない。必要なもの： グループへの所属 `utmp`"
    );
    assert_eq!(told("/etc/os-release"), "/etc/os-release");
    assert_eq!(told(""), "");
}

#[test]
fn a_fact_that_brings_both_languages_is_told_in_the_readers() {
    let fact = serde_json::json!({"source": "life-cycle packs", "detail": "x", "detail_text": {"ja": "版なし", "en": "no version"}});
    let told = |lang| ["source", "detail", "other"].map(|name| Locale::of(lang).of_fact(&fact, name));
    assert_eq!(told(Lang::Ja), ["サポート期限のパック", "版なし", ""]);
    assert_eq!(told(Lang::En), ["life-cycle packs", "no version", ""]);
}

#[test]
fn words_that_a_result_is_never_called_do_not_occur() {
    let mut found = Vec::new();
    for (key, text) in texts(Lang::Ja) {
        found.extend(NEVER_JA.iter().filter(|word| text.contains(**word)).map(|word| format!("ja {key}: {word}")));
    }
    for (key, text) in texts(Lang::En) {
        let text = text.to_ascii_lowercase();
        found.extend(NEVER_EN.iter().filter(|word| text.contains(**word)).map(|word| format!("en {key}: {word}")));
    }
    for (path, source) in sources().into_iter().filter(|(path, _)| path.ends_with(".html")) {
        found.extend(NEVER_JA.iter().filter(|word| source.contains(**word)).map(|word| format!("{path}: {word}")));
    }
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn commands_are_named_as_their_reader_calls_them() {
    let command = Regex::new(r"tenken-collector [a-z-]").unwrap();
    for lang in Lang::ALL {
        let bare: Vec<String> = texts(lang)
            .into_iter()
            .filter(|(key, text)| key != "read-only" && command.is_match(text))
            .map(|(key, _)| key)
            .collect();
        assert!(bare.is_empty(), "write {{ $collector }} in {}: {bare:?}", lang.code());
    }
    let told = |collector: &str| Message::new("problem-no_host").remedy(Locale::of(Lang::En), collector).unwrap();
    assert!(told("tenken-collector --data-dir /srv/x").starts_with("tenken-collector --data-dir /srv/x hosts"));
    assert!(Locale::of(Lang::Ja).t("coverage-first-step").contains("tenken-collector token create"), "the default");
}

#[test]
fn templates_hold_no_text_of_their_own() {
    let japanese = Regex::new(r"[\u{3040}-\u{30FF}\u{4E00}-\u{9FFF}]").unwrap();
    let found: Vec<_> = sources()
        .into_iter()
        .filter(|(path, source)| path.ends_with(".html") && japanese.is_match(source))
        .map(|(path, _)| path)
        .collect();
    assert!(found.is_empty(), "texts belong into locales/: {found:?}");
}

#[test]
fn counts_choose_singular_and_plural() {
    let en = Locale::of(Lang::En);
    assert_eq!(en.n("overview-worst-hosts", 1), "1 host");
    assert_eq!(en.n("overview-worst-hosts", 2), "2 hosts");
    assert_eq!(Locale::of(Lang::Ja).n("overview-worst-hosts", 1), "1台");
}

#[test]
fn a_missing_text_names_its_key() {
    assert_eq!(Locale::of(Lang::Ja).t("no-such-key"), "[no-such-key]");
}

#[test]
fn browsers_get_the_language_they_prefer() {
    for (header, lang) in [
        ("", Lang::Ja),
        ("*", Lang::Ja),
        ("ja", Lang::Ja),
        ("en-GB,en;q=0.9,ja;q=0.8", Lang::En),
        ("ja-JP,ja;q=0.9,en;q=0.8", Lang::Ja),
        ("en;q=0.3, ja;q=0.7", Lang::Ja),
        ("de-DE,de;q=0.9", Lang::En),
        ("de, ja;q=0.1", Lang::Ja),
        ("ja;q=0, en;q=0.1", Lang::En),
        ("en;q=1.0", Lang::En),
        (";;;,,,q=", Lang::Ja),
    ] {
        assert_eq!(Lang::of_accept(header), lang, "{header}");
    }
}

/// Templates and the sources that use texts.
fn sources() -> Vec<(String, String)> {
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![top.join("templates"), top.join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let is = |extension| path.extension().is_some_and(|it| it == extension);
            if path.is_dir() {
                folders.push(path);
            } else if (is("html") || is("rs")) && !path.ends_with("locale/tests.rs") {
                files.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}
