use super::*;
use crate::text::Language;

fn built_in() -> PackSet {
    PackSet::built_in().unwrap_or_else(|problems| panic!("{problems}"))
}

fn file(name: &str, text: &str) -> PackFile {
    PackFile { name: name.to_owned(), text: text.to_owned() }
}

/// The built-in packs with one file changed.
fn changed(name: &str, from: &str, to: &str) -> Vec<PackFile> {
    let mut files = built_in().files().to_vec();
    let found = files.iter_mut().find(|file| file.name.ends_with(name)).unwrap();
    assert!(found.text.contains(from), "{name} has no `{from}`");
    found.text = found.text.replacen(from, to, 1);
    files
}

fn problems(files: Vec<PackFile>) -> Vec<Problem> {
    PackSet::load(files).unwrap_err().0
}

#[test]
fn the_built_in_packs_are_free_of_mistakes_and_pass_their_cases() {
    let packs = built_in();
    let results = test::run(&packs);
    let failed: Vec<_> = results.iter().filter(|result| !result.failures.is_empty()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let cases: usize = packs.controls().iter().map(|control| control.tests.len()).sum();
    assert_eq!(results.len(), cases);
    assert_eq!(packs.checklist("ipa-self-3").map(|list| list.items.len()), Some(25));
}

#[test]
fn every_file_of_the_folder_is_built_in() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("packs");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                found.push(path.strip_prefix(&root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    let listed: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, listed);
}

#[test]
fn a_control_stands_in_the_file_of_its_name() {
    for (name, text) in BUILT_IN {
        if let Some(id) = name.split("/controls/").nth(1).and_then(|name| name.strip_suffix(".yaml")) {
            assert!(text.contains(&format!("\nid: {id}\n")) || text.starts_with(&format!("id: {id}\n")), "{name}");
        }
    }
}

#[test]
fn the_hash_follows_every_byte_and_not_the_order() {
    let packs = built_in();
    let mut files = packs.files().to_vec();
    files.reverse();
    assert_eq!(PackSet::load(files).unwrap().hash(), packs.hash());
    let other = PackSet::load(changed("usb.storage_enforced.yaml", "P-051", "P-053")).unwrap();
    assert_ne!(other.hash(), packs.hash());
}

#[test]
fn all_mistakes_are_named_at_once_with_their_places() {
    let mut files = changed("usb.storage_enforced.yaml", "'blocked'", "'blokced'");
    let other = files.iter_mut().find(|file| file.name.ends_with("os.supported.yaml")).unwrap();
    other.text = other.text.replacen("remedy:", "remedi:", 1);
    files.push(file("base/controls/broken.yaml", "id: [\n"));
    files.push(file("base/notes/x.yaml", "id: x\n"));
    let told = problems(files);
    let of = |name: &str| told.iter().filter(|it| it.file.ends_with(name)).collect::<Vec<_>>();
    let usb = of("usb.storage_enforced.yaml");
    assert_eq!(usb.len(), 1, "{told:#?}");
    assert_eq!((usb[0].line, usb[0].column), (9, 9));
    assert!(usb[0].problem.contains("blokced") && usb[0].remedy.contains("'blocked'"), "{usb:?}");
    let os = of("os.supported.yaml");
    assert!(os.iter().any(|it| it.remedy == "did you mean `remedy`?" && it.line == 24), "{os:#?}");
    assert!(os.iter().any(|it| it.problem == "`remedy` is missing"), "{os:#?}");
    assert_eq!(of("broken.yaml").len(), 1);
    assert!(of("x.yaml")[0].problem.contains("does not say"), "{told:#?}");
}

#[test]
fn single_mistakes() {
    let cases = [
        ("os.supported.yaml", "from: at", "after: soon", "no parameter `soon`"),
        ("os.supported.yaml", "becomes: fail", "becomes: pass", "`pass` is not known here"),
        ("os.supported.yaml", "{at}", "{when}", "`{when}` stands for nothing"),
        ("os.supported.yaml", "このOSのサポートは", "安全ではない。", "promises more than was observed"),
        ("os.supported.yaml", "reads: [lifecycle.support_ends_at]", "reads: []", "also read lifecycle.support_ends_at"),
        ("os.supported.yaml", "item: \"1\"", "item: 1", "put it in quotes"),
        ("os.supported.yaml", "item: \"1\"", "item: \"99\"", "has no item `99`"),
        ("os.supported.yaml", "checklist: tenken-base", "checklist: other", "no checklist `other`"),
        ("os.supported.yaml", "2028-07-01T00:00:00Z}", "tomorrow}", "is no moment"),
        ("os.supported.yaml", "lifecycle.support_ends_at: 2028", "lifecycle.ends: 2028", "no fact `lifecycle.ends`"),
        ("os.supported.yaml", "id: os.supported", "id: OS", "is no id"),
        ("os.supported.yaml", "id: os.supported", "id: usb.storage_enforced", "is also in"),
        ("av.definitions_fresh.yaml", "value: 3d", "value: 3w", "is no threshold"),
        ("av.definitions_fresh.yaml", "each: antivirus.products", "each: antivirus.product", "is no list of facts"),
        ("av.definitions_fresh.yaml", "ours: true", "ours: 1", "true or false is needed"),
        ("tool-a-v2.yaml", "threat_1: [1, 1, 1]", "threat_1: [1, 1]", "three levels"),
        ("tool-a-v2.yaml", "- os.supported", "- os.suported", "no control `os.suported`"),
        ("ipa-self-3.yaml", "from: 70", "from: 170", "do not fall"),
        ("ipa-self-3.yaml", "id: \"2\"", "id: \"1\"", "stands there twice"),
        ("ipa-self-3.yaml", "implemented: 4", "implemented: 4.5", "fraction"),
        ("debian.yaml", "2022-09-10", "2022-09-31", "is no day"),
        ("debian.yaml", "os_id: debian", "os_id: &a debian", ""),
        ("debian.yaml", "https://salsa", "http://salsa", "is no address"),
        ("debian.yaml", "address: https", "page: https", "unknown key `page`"),
        ("ubuntu.yaml", "recalled: true", "recalled: 1", "true or false is needed"),
    ];
    for (name, from, to, wanted) in cases {
        let told = problems(changed(name, from, to));
        assert!(told.iter().any(|it| it.problem.contains(wanted) || it.remedy.contains(wanted)), "{to}: {told:#?}");
    }
    let huge = format!("id: x # {}\n", "x".repeat(300_000));
    assert!(problems(vec![file("a/controls/x.yaml", &huge)])[0].problem.contains("allowed"));
    let deep = format!("id: {}{}\n", "[".repeat(60), "]".repeat(60));
    assert_eq!(problems(vec![file("a/controls/x.yaml", &deep)]).len(), 1);
    assert_eq!(problems(vec![file("a/controls/x.yaml", "id: x\nid: y\n")]).len(), 1);
}

#[test]
fn texts_that_people_read_name_publications_and_not_ids_of_requirements() {
    let packs = built_in();
    for control in packs.controls() {
        let sources = control.parameters.iter().map(|parameter| &parameter.source);
        for text in sources.chain([&control.title, &control.remedy]) {
            let shown = format!("{} {}", text.ja, text.en);
            assert!(control.follows.iter().all(|id| !shown.contains(id.as_str())), "{}: {shown}", control.id);
            assert!(!shown.contains("R-0") && !shown.contains("P-0"), "{}: {shown}", control.id);
        }
    }
}

/// The publishers' release data, `distro-info-data` 0.68: the last day with support, by system and version.
const RELEASE_DATA: [(&str, &str, &str, Option<&str>); 9] = [
    ("debian", "10", "2022-09-10", Some("2024-06-30")),
    ("debian", "11", "2024-08-14", Some("2026-08-31")),
    ("debian", "12", "2026-07-11", Some("2028-06-30")),
    ("debian", "13", "2028-08-09", Some("2030-06-30")),
    ("ubuntu", "18.04", "2023-05-31", None),
    ("ubuntu", "20.04", "2025-05-29", None),
    ("ubuntu", "22.04", "2027-06-01", None),
    ("ubuntu", "24.04", "2029-05-31", None),
    ("ubuntu", "26.04", "2031-05-29", None),
];

#[test]
fn dates_of_support_are_those_of_the_publishers_or_marked() {
    use jiff::ToSpan as _;
    let after = |day: &str| {
        let next = day.parse::<jiff::civil::Date>().unwrap().checked_add(1.day()).unwrap();
        next.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
    };
    let packs = built_in();
    let mut releases = Vec::new();
    for lifecycle in packs.lifecycles() {
        assert!(lifecycle.source.address.is_some(), "{} names no page", lifecycle.os_id);
        releases.extend(lifecycle.releases.iter().map(|release| (lifecycle.os_id.as_str(), release)));
    }
    assert_eq!(releases.len(), RELEASE_DATA.len());
    for ((os, release), (of, version, security, long_term)) in releases.into_iter().zip(RELEASE_DATA) {
        assert_eq!((os, release.version.as_str()), (of, version));
        assert_eq!(release.long_term_support_ends_at, long_term.map(after), "{of} {version}");
        if release.recalled {
            assert!(release.source.is_some(), "{of} {version}: who says otherwise?");
            assert!(release.security_support_ends_at < Some(after(security)), "{of} {version}: the earlier counts");
        } else {
            assert_eq!(release.security_support_ends_at, Some(after(security)), "{of} {version}");
        }
    }
}

#[test]
fn pack_test_finds_a_control_that_believes_what_it_cannot_read() {
    // `all` over a list says yes about an empty one; the reversed condition passes where it must not know.
    let files = changed("usb.storage_enforced.yaml", "applies: usb.storage_enforcement != null\n", "");
    let results = test::run(&PackSet::load(files).unwrap());
    let failed: Vec<_> = results.iter().filter(|result| !result.failures.is_empty()).collect();
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert_eq!((failed[0].case.as_str(), failed[0].line), ("no USB bus", 35));
    assert!(failed[0].failures[0].contains("says fail, expected not_applicable"));
    let files = changed(
        "usb.storage_enforced.yaml",
        "verdict: unknown\n  - name: not collected",
        "verdict: fail\n  - name: not collected",
    );
    assert_eq!(test::run(&PackSet::load(files).unwrap()).iter().filter(|it| !it.failures.is_empty()).count(), 1);
}

#[test]
fn parameters_that_an_organisation_sets_are_checked() {
    let set = |control: &str, parameter: &str, value: &str| ParameterSetting {
        control: control.to_owned(),
        parameter: parameter.to_owned(),
        value: value.to_owned(),
    };
    let wrong = built_in().check_parameters(&[
        set("av.definitions_fresh", "fresh_for", "90s"),
        set("log.retention_sufficient", "target_days", "180"),
        set("av.definitions", "fresh_for", "90s"),
        set("av.definitions_fresh", "fresh", "90s"),
        set("av.definitions_fresh", "fresh_for", "soon"),
        set("log.retention_sufficient", "target_days", "3d"),
    ]);
    assert_eq!(wrong.len(), 4, "{wrong:?}");
    assert!(wrong[2].ends_with("write it like 3d"), "{wrong:?}");
}

#[test]
fn durations_are_written_as_people_write_them() {
    let packs = built_in();
    let fresh = packs.control("av.definitions_fresh").unwrap();
    let parameter = fresh.parameters.iter().find(|it| it.name == "fresh_for").unwrap();
    let told = |ms| [Language::Ja, Language::En].map(|language| parameter.with(ms).told(language));
    assert_eq!(told(3 * 86_400_000), ["3日", "3 days"]);
    assert_eq!(told(3_600_000), ["1時間", "1 hour"]);
    assert_eq!(told(90_000), ["90秒", "90 seconds"]);
}
