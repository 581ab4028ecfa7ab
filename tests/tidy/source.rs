//! Rules of the source: where systems, engines and the wire may be named, what is read how, what is documented.

use regex::Regex;

use super::{none, text, tracked};

/// Rust files of the programs: not tests, not generated.
fn sources() -> Vec<(String, String)> {
    let ours = |path: &str| {
        path.ends_with(".rs")
            && (path.starts_with("agent/") || path.starts_with("collector/") || path.starts_with("proto/"))
            && path.contains("src/")
            && path != "proto/src/wire.rs"
    };
    tracked().into_iter().filter(|path| ours(path)).filter_map(|path| text(&path).map(|it| (path, it))).collect()
}

/// The part of a file that is not its trailing test module.
fn without_tests(source: &str) -> &str {
    source.find("#[cfg(test)]").map_or(source, |at| &source[..at])
}

/// Files of `src/` that are compiled for tests only.
fn is_test(path: &str) -> bool {
    let named = ["/tests.rs", "/contract.rs", "/crash.rs", "/sample.rs"];
    named.iter().any(|name| path.ends_with(name)) || path.contains("/tests/")
}

/// Lines of the sources that match, outside comments, where the path is not excused.
fn lines_matching(pattern: &str, excused: impl Fn(&str) -> bool) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("a pattern");
    let mut findings = Vec::new();
    for (path, source) in sources() {
        if excused(&path) || is_test(&path) {
            continue;
        }
        for (number, line) in without_tests(&source).lines().enumerate() {
            if pattern.is_match(line) && !line.trim_start().starts_with("//") {
                findings.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    findings
}

#[test]
fn every_module_says_what_it_is_for() {
    let findings = sources().into_iter().chain(
        tracked()
            .into_iter()
            .filter(|path| path.starts_with("tests/") && path.ends_with(".rs"))
            .filter_map(|path| text(&path).map(|it| (path, it))),
    );
    let short =
        |source: &str| source.lines().take_while(|line| line.starts_with("//!")).map(str::len).sum::<usize>() < 24;
    none(
        "modules without a doc",
        findings
            .filter(|(path, source)| !path.ends_with("/tests.rs") && !path.contains("/tests/") && short(source))
            .map(|(path, _)| path)
            .collect(),
    );
}

#[test]
fn no_module_is_a_mod_rs() {
    none("mod.rs files", tracked().into_iter().filter(|path| path.ends_with("/mod.rs")).collect());
}

#[test]
fn systems_are_named_only_in_their_files() {
    // The file that mounts linux.rs, windows.rs and macos.rs may say which is which, and nothing else.
    let mounts =
        Regex::new(r"(?s)cfg\((?:target_os|unix|windows)[^\n]*\n(\s*#\[path[^\n]*\n)?\s*(pub(\(\w+\))? )?mod ")
            .expect("a pattern");
    let names = Regex::new(r"cfg!?\((not\(|any\(|all\()*(target_os|windows|unix)").expect("a pattern");
    let mut findings = Vec::new();
    for (path, source) in sources() {
        let file = path.rsplit('/').next().unwrap_or_default();
        if ["linux.rs", "windows.rs", "macos.rs", "unix.rs"].contains(&file) {
            continue;
        }
        let named = names.find_iter(without_tests(&source)).count();
        let mounted = mounts.find_iter(without_tests(&source)).count();
        if named > mounted {
            findings.push(format!("{path}: {named} named, {mounted} of them mount a system's file"));
        }
    }
    none("systems named outside their files", findings);
}

#[test]
fn only_the_store_names_its_engine_and_only_the_spool_names_sled() {
    let redb = lines_matching(r"(^|[^:])\bredb::", |path| path.starts_with("collector/src/store/"));
    none("redb outside collector/src/store/", redb);
    let sled = lines_matching(r"\bsled::", |path| path.starts_with("agent/src/spool"));
    none("sled outside agent/src/spool", sled);
}

#[test]
fn only_the_doors_name_tonic() {
    let doors = [
        "collector/src/accept",
        "proto/src/codec.rs",
        "collector/src/ingest",
        "collector/src/identity",
        "agent/src/transport",
        "agent/src/uplink",
        "agent/src/identity",
        "agent/sim/",
    ];
    let found = lines_matching(r"\btonic::", |path| doors.iter().any(|door| path.starts_with(door)));
    none("tonic outside the codec, accept, ingest, identity, transport and uplink", found);
}

#[test]
fn files_are_read_within_a_limit_and_no_program_is_started() {
    // Owner-only files that we wrote ourselves are read by the named helpers in these files.
    let helpers = ["agent/src/root", "collector/src/files.rs"];
    let found = lines_matching(r"\bfs::read(_to_string)?\(", |path| helpers.iter().any(|it| path.starts_with(it)));
    none("unbounded reads", found);
    let started = lines_matching(r"process::Command|\bCommand::new\(", |path| {
        path.ends_with("args.rs") || path.starts_with("agent/sim/")
    });
    none("other programs started", started);
}

#[test]
fn queues_have_bounds() {
    none("unbounded queues", lines_matching(r"unbounded(_channel)?(::<[^>]*>)?\(", |_| false));
}

#[test]
fn the_clock_is_read_in_one_place() {
    let clocks = ["agent/src/clock.rs", "collector/src/clock.rs"];
    let found = lines_matching(r"(SystemTime|Timestamp|Zoned)::now\(", |path| clocks.contains(&path));
    none("wall clock outside clock.rs", found);
}

#[test]
fn unsafe_is_forbidden_everywhere() {
    none("unsafe code", lines_matching(r"\bunsafe\s*(\{|fn|impl)", |_| false));
}

#[test]
fn exceptions_from_lints_give_a_reason() {
    let missing = Regex::new(r"#!?\[(allow|expect)\([^\]]*\)\]").expect("a pattern");
    let mut findings = Vec::new();
    for (path, source) in sources() {
        for found in missing.find_iter(&source) {
            if !found.as_str().contains("reason") {
                findings.push(format!("{path}: {}", found.as_str()));
            }
        }
    }
    none("lint exceptions without a reason", findings);
}

#[test]
fn every_system_file_has_its_siblings() {
    let files = tracked();
    let mut findings = Vec::new();
    for path in files.iter().filter(|path| path.starts_with("agent/src/probe/") && path.ends_with("/linux.rs")) {
        for other in ["windows.rs", "macos.rs"] {
            let sibling = path.replace("linux.rs", other);
            if !files.contains(&sibling) {
                findings.push(sibling);
            }
        }
    }
    none("system files that are missing", findings);
}

#[test]
fn no_test_is_set_aside() {
    let mark = ["#[", "ignore"].concat();
    let rust =
        tracked().into_iter().filter(|path| path.ends_with(".rs")).filter_map(|path| text(&path).map(|it| (path, it)));
    let set_aside = rust.flat_map(|(path, source)| {
        let lines = source.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with(&mark));
        lines.map(|(number, _)| format!("{path}:{}", number + 1)).collect::<Vec<_>>()
    });
    none("a measurement is a bench (tests/bench), a tool is an example; every test runs", set_aside.collect());
}

#[test]
fn observations_say_words_from_the_shared_list() {
    let literal = r#"Observed::(known|absent|unreadable)\([^"]*"[^"/]*[a-z] [a-z][^"]*""#;
    let findings = lines_matching(literal, |path| !path.starts_with("agent/src/probe"));
    none(
        "add the words to proto/src/phrase.rs and to locales/*/facts.ftl, so that they are said in both languages",
        findings,
    );
}
