//! The patch probe against apt itself: on named systems, on random ones, and on the machine the test runs on,
//! the probe's updates must be those of `apt-get -s dist-upgrade`, and where apt refuses to work the probe
//! must say nothing.
//!
//! Packages have no dependencies, so that apt's resolver has no choice. `TENKEN_TIER=full` runs 1,000
//! random systems; a failing one is named by its seed: `TENKEN_SEED=N cargo test -p tenken-tests --test apt`.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod random;
mod scenarios;
mod world;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use tenken_agent::probe::patch::{compare_versions, observe};
use tenken_agent::root::Root;
use tenken_proto::Timestamp;
use tenken_proto::observed::{Observed, Reason};
use world::World;

/// Random systems in the gate tier.
const SEEDS_GATE: u64 = 30;
/// Random systems in the full tier.
const SEEDS_FULL: u64 = 1_000;

/// One update as both sides name it: name, architecture, installed, candidate, security.
type Update = (String, String, Version, Version, bool);

/// apt shows one text for all that it takes for the same version (`1.0` and `0:1.0`), not always the same one.
#[derive(Debug, Clone)]
struct Version(String);

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        compare_versions(self.0.as_bytes(), other.0.as_bytes()).is_eq()
    }
}

#[test]
fn named_systems_agree_with_apt() {
    let scenarios = scenarios::all();
    assert!(scenarios.len() >= 20);
    for (name, world, expected) in scenarios {
        let found = agree(name, &world);
        let shown: Vec<String> = found.iter().flatten().map(|it| format!("{} {}", it.0, it.3.0)).collect();
        let shown = if found.is_some() { shown.join(", ") } else { "refused".to_owned() };
        assert_eq!(shown, expected, "{name}: both agree, and not on what the scenario is about");
    }
}

#[test]
fn random_systems_agree_with_apt() {
    let seeds = match std::env::var("TENKEN_SEED").ok().and_then(|it| it.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None if std::env::var("TENKEN_TIER").is_ok_and(|tier| tier != "gate") => 0..SEEDS_FULL,
        None => 0..SEEDS_GATE,
    };
    let (mut refused, mut updates) = (0, 0);
    for seed in seeds.clone() {
        match agree(&format!("TENKEN_SEED={seed}"), &random::world(seed)) {
            Some(found) => updates += found.len(),
            None => refused += 1,
        }
    }
    println!("{} random systems agree: {updates} updates, {refused} that apt refuses", seeds.end - seeds.start);
}

#[test]
fn this_system_agrees_with_apt() {
    let Some(expected) = upgrades(Command::new("apt-get")) else {
        println!("apt-get does not work here; nothing to compare");
        return;
    };
    let patch = observe(&Root::live().unwrap(), Timestamp::UNIX_EPOCH);
    match patch.pending_updates {
        Observed::Known { .. } => {
            let kept = kept_back();
            let mut found = found(Path::new("/")).unwrap();
            found.retain(|it| !kept.contains(&it.0));
            assert_eq!(found, expected);
        }
        Observed::Unreadable { reason: Reason::DependsOn, detail, .. } => {
            assert!(expected.is_empty(), "{detail}");
            println!("{detail}");
        }
        other @ (Observed::Absent { .. } | Observed::Unreadable { .. } | Observed::Withheld) => panic!("{other:?}"),
    }
}

#[test]
fn versions_are_ordered_as_dpkg_orders_them() {
    let versions = random::VERSIONS;
    for (index, a) in versions.iter().enumerate() {
        let b = versions[(index * 7 + 3) % versions.len()];
        for b in [b, versions[(index + 1) % versions.len()], a] {
            let mut command = Command::new("dpkg");
            let holds = |operator: &str, command: &mut Command| {
                command.args(["--compare-versions", a, operator, b]).status().unwrap().success()
            };
            let expected = match (holds("lt", &mut command), holds("gt", &mut Command::new("dpkg"))) {
                (true, _) => std::cmp::Ordering::Less,
                (_, true) => std::cmp::Ordering::Greater,
                _ => std::cmp::Ordering::Equal,
            };
            assert_eq!(compare_versions(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
        }
    }
}

#[test]
fn deleted_lists_are_no_zero() {
    let (_, world, _) = scenarios::all().remove(0);
    let dir = tempfile::tempdir().unwrap();
    world.write(dir.path());
    let lists = dir.path().join("var/lib/apt/lists");
    std::fs::remove_dir_all(&lists).unwrap();
    for step in ["no folder of lists", "an empty one"] {
        let patch = observe(&Root::at(dir.path()).unwrap(), Timestamp::UNIX_EPOCH);
        let Observed::Unreadable { reason, detail, .. } = &patch.pending_updates else { panic!("{step}") };
        assert_eq!(*reason, Reason::DependsOn);
        assert!(detail.contains("apt-get update"), "{detail}");
        assert!(patch.pending_security_updates.value().is_none());
        std::fs::create_dir_all(&lists).unwrap();
    }
}

/// Runs both; what they agree on, none when both refuse.
fn agree(name: &str, world: &World) -> Option<Vec<Update>> {
    let dir = tempfile::tempdir().unwrap();
    world.write(dir.path());
    let config = dir.path().join("oracle.conf");
    std::fs::write(&config, oracle_config(dir.path(), world.foreign)).unwrap();
    let mut apt = Command::new("apt-get");
    apt.env("APT_CONFIG", &config);
    let expected = upgrades(apt);
    let found = found(dir.path());
    if found != expected {
        let kept = dir.keep();
        let only = |these: &Option<Vec<Update>>, those: &Option<Vec<Update>>| match (these, those) {
            (Some(these), Some(those)) => {
                format!("{:?}", these.iter().filter(|it| !those.contains(it)).collect::<Vec<_>>())
            }
            (Some(these), None) => format!("{} updates", these.len()),
            (None, _) => "nothing, it refuses".to_owned(),
        };
        let (apt, probe) = (only(&expected, &found), only(&found, &expected));
        panic!("{name}: only apt says {apt}\nonly the probe says {probe}\nsystem kept in {}", kept.display());
    }
    found
}

/// Makes apt work beneath the root, alone.
fn oracle_config(root: &Path, foreign: bool) -> String {
    let foreign = if foreign { "\"i386\";" } else { "" };
    let root = root.display();
    format!(
        "Dir \"{root}/\";\nDir::State::status \"{root}/var/lib/dpkg/status\";\nDebug::NoLocking \"1\";\n\
         APT::Architecture \"amd64\";\nAPT::Architectures {{ \"amd64\"; {foreign} }};\nDir::Cache::pkgcache \"\";\n\
         Dir::Cache::srcpkgcache \"\";\nAPT::Sandbox::User \"root\";\nAPT::Get::AutomaticRemove \"0\";\n",
    )
}

/// The `Inst NAME [old] (new …)` lines; none when apt fails.
fn upgrades(mut apt: Command) -> Option<Vec<Update>> {
    let output = apt.args(["-s", "dist-upgrade"]).env("LC_ALL", "C").output().ok()?;
    if !output.status.success() {
        print!("{}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let line = regex::Regex::new(r"^Inst (\S+) \[([^\]]+)\] \((\S+) (.*)\[(\S+)\]\)").unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut updates: Vec<Update> = text.lines().filter_map(|it| line.captures(it)).map(|it| update(&it)).collect();
    updates.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    Some(updates)
}

fn update(line: &regex::Captures<'_>) -> Update {
    let (name, architecture) = line[1].split_once(':').unwrap_or((&line[1], "amd64"));
    let security = line[4].to_lowercase().contains("security");
    (name.to_owned(), architecture.to_owned(), Version(line[2].to_owned()), Version(line[3].to_owned()), security)
}

/// Packages that apt keeps back for their dependencies, which the probe does not follow.
fn kept_back() -> BTreeSet<String> {
    let output = Command::new("apt-get").args(["-s", "dist-upgrade"]).env("LC_ALL", "C").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines = text.lines().skip_while(|line| !line.starts_with("The following packages have been kept back"));
    lines.next();
    let names = lines.take_while(|line| line.starts_with(' ')).flat_map(str::split_whitespace);
    names.map(|name| name.split(':').next().unwrap_or(name).to_owned()).collect()
}

/// What the probe says; none when it cannot say.
fn found(root: &Path) -> Option<Vec<Update>> {
    let patch = observe(&Root::at(root).unwrap(), Timestamp::UNIX_EPOCH);
    let text = |it: &Observed<String>| it.value().unwrap().clone();
    let updates = patch.updates.value()?;
    assert_eq!(patch.pending_updates.value(), Some(&(updates.len() as u64)));
    let security = updates.iter().filter(|it| it.security.value() == Some(&true)).count() as u64;
    if let Some(counted) = patch.pending_security_updates.value() {
        assert_eq!(*counted, security);
    }
    let update = |it: &tenken_proto::fact::patch::Update| {
        let architecture = text(&it.architecture).replace("all", "amd64");
        let (installed, candidate) = (Version(text(&it.installed)), Version(text(&it.candidate)));
        (text(&it.name), architecture, installed, candidate, *it.security.value().unwrap())
    };
    let mut updates: Vec<Update> = updates.iter().map(update).collect();
    updates.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    Some(updates)
}
