//! Rules of what people read: names at the top, paths in READMEs, words that are never used, what must not leak.

use regex::Regex;

use super::{none, text, top, tracked};

/// What may stand at the top, hidden files aside.
const TOP: [&str; 9] =
    ["Cargo.toml", "Cargo.lock", "agent", "collector", "proto", "deploy", "tests", "README.md", "LICENSE"];

#[test]
fn the_top_holds_only_its_names() {
    let findings = tracked().into_iter().filter(|path| {
        let first = path.split('/').next().unwrap_or_default();
        !first.starts_with('.') && !TOP.contains(&first) && !first.starts_with("LICENSE")
    });
    none("names at the top that do not belong there", findings.collect());
}

#[test]
fn every_path_that_a_readme_names_exists() {
    let named =
        Regex::new(r"`([A-Za-z0-9_.\-]+(?:/[A-Za-z0-9_.\-]+)+/?)`|\]\(([A-Za-z0-9_.\-/]+)\)").expect("a pattern");
    let mut findings = Vec::new();
    for path in tracked().into_iter().filter(|path| path.ends_with("README.md")) {
        let beside = top().join(&path).parent().map(std::path::Path::to_path_buf).unwrap_or_default();
        let source = text(&path).unwrap_or_default();
        for found in named.captures_iter(&source) {
            let name = found.get(1).or_else(|| found.get(2)).map(|it| it.as_str()).unwrap_or_default();
            let ours = ["agent", "collector", "proto", "deploy", "tests", "src", "packs"]
                .contains(&name.split('/').next().unwrap_or_default());
            if ours && !top().join(name).exists() && !beside.join(name).exists() {
                findings.push(format!("{path}: {name}"));
            }
        }
    }
    none("paths in READMEs that do not exist", findings);
}

#[test]
fn words_that_promise_too_much_are_never_shown() {
    let forbidden = ["合格", "安全です", "安全な状態", "証明書の失効", "達成率", "違反"];
    let shown = |path: &str| {
        path.starts_with("collector/locales/")
            || path.starts_with("collector/templates/")
            || path.starts_with("collector/assess/packs/")
    };
    let mut findings = Vec::new();
    for path in tracked().into_iter().filter(|path| shown(path)) {
        let source = text(&path).unwrap_or_default();
        for word in forbidden {
            if source.contains(word) {
                findings.push(format!("{path}: {word}"));
            }
        }
    }
    none("forbidden words in what people see", findings);
}

#[test]
fn nothing_names_the_machine_it_was_built_on() {
    let leak =
        Regex::new(r"(^|[^A-Za-z0-9_.])/(work|farm)/[A-Za-z.]|https?://(index|static|registry|deb|security|files)\.")
            .expect("a pattern");
    let mut findings = Vec::new();
    for path in tracked().into_iter().filter(|path| !path.ends_with("Cargo.lock") && path != "tests/tidy/documents.rs")
    {
        for (number, line) in text(&path).unwrap_or_default().lines().enumerate() {
            if leak.is_match(line) {
                findings.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none("machine paths or registry hosts", findings);
}

#[test]
fn shell_scripts_parse() {
    let mut findings = Vec::new();
    for path in tracked() {
        if text(&path).is_some_and(|it| it.starts_with("#!/usr/bin/env bash")) {
            let checked = std::process::Command::new("bash").arg("-n").arg(top().join(&path)).output();
            if !checked.is_ok_and(|it| it.status.success()) {
                findings.push(path);
            }
        }
    }
    none("shell scripts that do not parse", findings);
}
