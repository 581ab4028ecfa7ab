//! What we depend on: licences, bans, minimum versions, the purity of the judging crate.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use super::{none, text, top, tracked};

/// Licences under which a dependency may be used. A crate under several needs one of them.
const LICENCES: [&str; 10] =
    ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "Unicode-3.0", "CC0-1.0", "0BSD", "BSL-1.0"];

/// Crates that must not be in the tree, and why.
const BANNED: [(&str, &str); 11] = [
    ("openssl-sys", "one TLS library: rustls with ring"),
    ("native-tls", "one TLS library: rustls with ring"),
    ("aws-lc-sys", "needs cmake and a second crypto provider; ring needs a C compiler only"),
    ("serde_yaml", "archived"),
    ("serde_yml", "unsound, RUSTSEC-2025-0068"),
    ("rustls-pemfile", "archived, RUSTSEC-2025-0134; rustls-pki-types reads PEM"),
    ("cel-interpreter", "the old name of `cel`"),
    ("atty", "std::io::IsTerminal"),
    ("chrono", "one time library: jiff"),
    ("reqwest", "nothing here speaks to the internet"),
    ("git2", "nothing here needs it"),
];

/// Lowest versions that are free of a known hole (RustSec, as of 2026-08).
const MINIMUM: [(&str, &str, &str); 9] = [
    ("h2", "0.4.16", "RUSTSEC-2026-0258"),
    ("rustls", "0.23.18", "RUSTSEC-2024-0336, -0399"),
    ("rustls-webpki", "0.103.13", "RUSTSEC-2026-0049, -0098, -0099, -0104"),
    ("bytes", "1.11.1", "RUSTSEC-2026-0007"),
    ("time", "0.3.47", "RUSTSEC-2026-0009"),
    ("regex", "1.5.5", "RUSTSEC-2022-0013"),
    ("tokio", "1.43.1", "RUSTSEC-2025-0023"),
    ("prost", "0.6.1", "RUSTSEC-2020-0002"),
    ("redb", "4.4.0", "a crash during growth left the file unopenable"),
];

/// Unmaintained crates that come with one we chose, each with who brings it and why that is accepted.
const ACCEPTED_UNMAINTAINED: [(&str, &[&str], &str); 2] = [
    ("fxhash", &["sled"], "RUSTSEC-2025-0057, unmaintained; the spool holds what can be observed again"),
    ("instant", &["parking_lot", "parking_lot_core"], "RUSTSEC-2024-0384, unmaintained; by way of sled"),
];

/// All that the judging crate may name: expressions, YAML, time, hashing and plain data. No clock, file, task or store.
const ASSESS_ALLOWED: [&str; 9] =
    ["cel", "data-encoding", "jiff", "serde", "serde-saphyr", "serde_json", "sha2", "tenken-proto", "thiserror"];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(top().join("Cargo.toml"))
        // Not offline: the tree names crates of other systems, which a build for this one never downloads.
        .other_options(["--locked".to_owned()])
        .exec()
        .expect("cargo metadata reads the manifests of the locked dependencies")
}

#[test]
fn every_licence_is_allowed() {
    let allowed = |name: &str| LICENCES.contains(&name);
    let mut findings = Vec::new();
    for package in metadata().packages {
        let licence = package.license.clone().unwrap_or_default();
        let parsed = spdx::Expression::parse_mode(&licence, spdx::ParseMode::LAX);
        let fits = parsed.is_ok_and(|it| {
            it.evaluate(|need| need.license.id().is_some_and(|id| allowed(id.name)) || need.license.id().is_none())
        });
        if !fits {
            findings.push(format!("{} {}: {licence:?}", package.name, package.version));
        }
    }
    none("dependencies under licences that are not on the list", findings);
}

#[test]
fn no_banned_crate_is_in_the_tree() {
    let present = in_use(&metadata());
    let findings = BANNED.iter().filter(|(name, _)| present.contains_key(*name));
    none("banned crates", findings.map(|(name, why)| format!("{name}: {why}")).collect());
}

#[test]
fn no_version_has_a_known_hole() {
    let present = in_use(&metadata());
    let mut findings = Vec::new();
    for (name, lowest, advisory) in MINIMUM {
        let lowest: semver::Version = lowest.parse().expect("the table holds versions");
        for version in present.get(name).into_iter().flatten() {
            if *version < lowest {
                findings.push(format!("{name} {version} is older than {lowest}: {advisory}"));
            }
        }
    }
    none("versions with known holes", findings);
}

#[test]
fn unmaintained_crates_come_only_the_accepted_way() {
    let metadata = metadata();
    let mut findings = Vec::new();
    for (name, brought_by, why) in ACCEPTED_UNMAINTAINED {
        for package in &metadata.packages {
            let needs = package.dependencies.iter().any(|it| it.name == name && it.kind == DependencyKind::Normal);
            if needs
                && !brought_by.contains(&package.name.as_str())
                && in_use(&metadata).contains_key(package.name.as_str())
            {
                findings.push(format!("{} brings {name}; accepted only with {brought_by:?}: {why}", package.name));
            }
        }
    }
    none("unmaintained crates", findings);
}

#[test]
fn the_judging_crate_is_pure() {
    let metadata = metadata();
    let assess = metadata.packages.iter().find(|it| it.name.as_str() == "tenken-assess").expect("tenken-assess");
    let normal = assess.dependencies.iter().filter(|it| it.kind == DependencyKind::Normal);
    let mut findings: Vec<String> = normal
        .filter(|it| !ASSESS_ALLOWED.contains(&it.name.as_str()))
        .map(|it| format!("tenken-assess depends on {}", it.name))
        .collect();
    let wire = assess.dependencies.iter().find(|it| it.name == "tenken-proto");
    if wire.is_none_or(|it| it.uses_default_features || !it.features.is_empty()) {
        findings.push("tenken-assess uses tenken-proto with its wire".to_owned());
    }
    none("tenken-assess may depend on the listed crates only", findings);
}

#[test]
fn every_declared_dependency_is_used() {
    let metadata = metadata();
    let mut findings = Vec::new();
    for package in metadata.workspace_packages() {
        let folder =
            package.manifest_path.parent().and_then(|it| it.strip_prefix(top()).ok()).map(|it| format!("{it}/"));
        let folder = folder.expect("packages lie below the top");
        let deeper = |path: &str| {
            let mut others = metadata.workspace_packages().into_iter().filter(|it| it.id != package.id);
            others.any(|it| {
                let other = it.manifest_path.parent().and_then(|it| it.strip_prefix(top()).ok());
                other.is_some_and(|it| it.as_str().starts_with(&folder) && path.starts_with(&format!("{it}/")))
            })
        };
        let own = tracked().into_iter().filter(|it| it.ends_with(".rs") && it.starts_with(&folder) && !deeper(it));
        let sources: String = own.filter_map(|path| text(&path)).collect();
        for dependency in &package.dependencies {
            let found = metadata.packages.iter().find(|it| it.name.as_str() == dependency.name);
            let library = found.and_then(|it| it.targets.iter().find(|it| it.is_lib() || it.is_proc_macro()));
            let name = library.map_or(dependency.name.as_str(), |it| it.name.as_str()).replace('-', "_");
            if !sources.contains(&format!("{name}::")) && !sources.contains(&format!("use {name}")) {
                findings.push(format!("{} declares {} and never names it", package.name, dependency.name));
            }
        }
    }
    none("dependencies that nothing uses", findings);
}

#[test]
fn every_package_inherits_the_lints() {
    let metadata = metadata();
    let findings = metadata.workspace_packages().into_iter().filter_map(|package| {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap_or_default();
        (!manifest.contains("[lints]\nworkspace = true")).then(|| package.name.to_string())
    });
    none("packages without `[lints] workspace = true`", findings.collect());
}

#[test]
fn the_minimum_rust_version_holds_for_every_dependency() {
    let metadata = metadata();
    let ours: semver::Version = "1.95.0".parse().expect("a version");
    let findings = metadata.packages.iter().filter(|it| it.rust_version.as_ref().is_some_and(|needs| *needs > ours));
    none(
        "dependencies that need a newer Rust than 1.95",
        findings.map(|it| format!("{} {}", it.name, it.version)).collect(),
    );
}

/// Versions of every package that is compiled on some system for the two programs, by name.
fn in_use(metadata: &Metadata) -> BTreeMap<String, Vec<semver::Version>> {
    let resolve = metadata.resolve.as_ref().expect("a resolved tree");
    let mut seen: BTreeSet<&PackageId> = BTreeSet::new();
    let mut open: Vec<&PackageId> = metadata.workspace_members.iter().collect();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let Some(node) = resolve.nodes.iter().find(|node| node.id == *id) else { continue };
        for dependency in &node.deps {
            if dependency.dep_kinds.iter().any(|it| it.kind != DependencyKind::Development) {
                open.push(&dependency.pkg);
            }
        }
    }
    let mut versions: BTreeMap<String, Vec<semver::Version>> = BTreeMap::new();
    for package in metadata.packages.iter().filter(|it| seen.contains(&it.id)) {
        versions.entry(package.name.to_string()).or_default().push(package.version.clone());
    }
    versions
}
