//! The captured system, and what happens to each field when one piece of it breaks.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const SECURITY: &str = "var/lib/apt/lists/mirror.example_debian-security_dists_bookworm-security";

fn captured() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/linux/debian-12-apt")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// The captured system after one change.
fn changed(change: impl FnOnce(&Path)) -> Patch {
    let dir = tempfile::tempdir().unwrap();
    copy(&captured(), dir.path());
    change(dir.path());
    observe(&Root::at(dir.path()).unwrap(), NOW)
}

fn reason<T>(observed: &Observed<T>) -> Option<&Reason> {
    match observed {
        Observed::Unreadable { reason, .. } => Some(reason),
        Observed::Known { .. } | Observed::Absent { .. } | Observed::Withheld => None,
    }
}

#[test]
fn the_captured_system_is_read() {
    let patch = observe(&Root::at(&captured()).unwrap(), NOW);
    let text = |it: &Observed<String>| it.value().unwrap().clone();
    let updates = patch.updates.value().unwrap().iter();
    let updates: Vec<String> = updates
        .map(|it| {
            format!(
                "{} {}{}",
                text(&it.name),
                text(&it.candidate),
                if it.security.value() == Some(&true) { " !" } else { "" }
            )
        })
        .collect();
    let expected = [
        "apt 2.6.2 !",
        "base-files 12.4+deb12u15",
        "bash 5.2.15-2+b13",
        "dpkg 1.21.23",
        "libgcrypt20 1.10.1-3+deb12u1 !",
        "libpng16-16 1.6.39-2+deb12u6 !",
        "libssl3 3.0.22-1~deb12u2 !",
        "openssl 3.0.22-1~deb12u2 !",
        "python3-jwt 2.6.0-1+deb12u1 !",
        "tzdata 2026f-0+deb12u1 !",
    ];
    assert_eq!(updates, expected);
    assert_eq!(patch.pending_updates.value(), Some(&10));
    assert_eq!(patch.pending_security_updates.value(), Some(&7));
    assert_eq!(patch.held_security_updates.value(), Some(&0));
    assert_eq!(patch.source_refreshed_at.value(), Some(&"2026-11-18T22:17:41Z".parse().unwrap()));
    assert_eq!(patch.source_valid_until.value(), Some(&"2026-11-25T22:17:41Z".parse().unwrap()));
    assert_eq!(patch.last_upgrade_at.value(), Some(&"2026-09-22T04:51:29Z".parse().unwrap()));
    assert_eq!(patch.sources.value().unwrap().len(), 3);
    assert_eq!(reason(&patch.reboot_required), Some(&Reason::OfflineRoot));
    assert!(matches!(patch.newest_installed_kernel, Observed::Absent { .. }));
}

#[test]
fn a_held_package_moves_to_the_held_ones() {
    let patch = changed(|root| {
        let path = root.join("var/lib/dpkg/status");
        let text = fs::read_to_string(&path).unwrap();
        let (before, after) = text.split_once("Package: openssl\nStatus: install ").unwrap();
        fs::write(&path, format!("{before}Package: openssl\nStatus: hold {after}")).unwrap();
    });
    assert_eq!(patch.pending_updates.value(), Some(&9));
    assert_eq!(patch.held_security_updates.value(), Some(&1));
    assert_eq!(patch.held_updates.value().map(Vec::len), Some(1));
}

#[test]
fn a_security_archive_that_was_never_fetched_leaves_no_security_number() {
    let patch = changed(|root| {
        fs::remove_file(root.join(format!("{SECURITY}_InRelease"))).unwrap();
        fs::remove_file(root.join(format!("{SECURITY}_main_binary-amd64_Packages.lz4"))).unwrap();
    });
    assert!(patch.pending_updates.value().is_some(), "as apt counts");
    assert_eq!(reason(&patch.pending_security_updates), Some(&Reason::DependsOn));
    assert_eq!(reason(&patch.held_security_updates), Some(&Reason::DependsOn));
    assert_eq!(reason(&patch.source_refreshed_at), Some(&Reason::DependsOn));
}

#[test]
fn a_damaged_list_leaves_no_number_and_the_rest() {
    let patch = changed(|root| {
        fs::write(root.join(format!("{SECURITY}_main_binary-amd64_Packages.lz4")), b"damaged").unwrap();
    });
    assert_eq!(reason(&patch.pending_updates), Some(&Reason::Malformed));
    assert_eq!(reason(&patch.updates), Some(&Reason::Malformed));
    assert!(patch.source_refreshed_at.value().is_some());
    assert!(patch.sources.value().is_some() && patch.last_upgrade_at.value().is_some());
    assert!(patch.automatic_updates.value().is_some());
}

#[test]
fn broken_configuration_leaves_what_does_not_depend_on_it() {
    let patch = changed(|root| fs::write(root.join("etc/apt/apt.conf"), "APT::x \"y\"").unwrap());
    for reason in [reason(&patch.pending_updates), reason(&patch.automatic_updates), reason(&patch.source_refreshed_at)]
    {
        assert_eq!(reason, Some(&Reason::Malformed));
    }
    assert!(patch.last_upgrade_at.value().is_some());
}

#[test]
fn without_dpkg_everything_is_unsupported() {
    let patch = changed(|root| fs::remove_file(root.join("var/lib/dpkg/status")).unwrap());
    for (name, field) in patch.into_record().fields {
        assert_eq!(reason(&field), Some(&Reason::Unsupported), "{name}");
    }
}

#[test]
fn a_system_without_sources_does_not_say_zero() {
    let patch = changed(|root| fs::remove_file(root.join("etc/apt/sources.list.d/debian.sources")).unwrap());
    assert_eq!(reason(&patch.pending_updates), Some(&Reason::DependsOn));
    assert!(matches!(patch.source_refreshed_at, Observed::Absent { .. }));
}

#[test]
fn many_updates_fit_into_a_report() {
    let patch = changed(|root| {
        let (mut status, mut list) = (fs::read_to_string(root.join("var/lib/dpkg/status")).unwrap(), String::new());
        for index in 0..6_000 {
            let name = format!("a-package-with-a-rather-long-name-{index:05}");
            let held = if index % 2 == 0 { "hold" } else { "install" };
            status +=
                &format!("Package: {name}\nStatus: {held} ok installed\nVersion: 1.0.0-1\nArchitecture: amd64\n\n");
            list += &format!("Package: {name}\nVersion: 1.0.0-2\nArchitecture: amd64\n\n");
        }
        fs::write(root.join("var/lib/dpkg/status"), status).unwrap();
        let name = "var/lib/apt/lists/mirror.example_debian_dists_bookworm_main_binary-amd64_Packages";
        fs::remove_file(root.join(format!("{name}.lz4"))).unwrap();
        fs::write(root.join(name), list).unwrap();
    });
    let listed = patch.updates.value().unwrap().len() + patch.held_updates.value().unwrap().len();
    let pending = *patch.pending_updates.value().unwrap();
    assert_eq!(patch.updates_omitted.value(), Some(&(pending + 3_000 - listed as u64)));
    assert!(pending >= 3_000 && listed > 500, "{pending} {listed}");
    let body = tenken_proto::convert::encode_body(&patch.into_record());
    assert!(body.len() <= tenken_proto::report::BODY_BYTES_MAX, "{}", body.len());
}
