//! The meaning of each file.

use std::sync::Arc;
use std::time::Duration;

use super::*;

#[test]
fn os_release_quoting_is_undone() {
    let text = "NAME='A \\b'\nID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian \\\"x\\\" \\$1\"\n";
    assert_eq!(os_release_value(text, "ID").as_deref(), Some("debian"));
    assert_eq!(os_release_value(text, "VERSION_ID").as_deref(), Some("12"));
    assert_eq!(os_release_value(text, "PRETTY_NAME").as_deref(), Some("Debian \"x\" $1"));
    assert_eq!(os_release_value(text, "NAME").as_deref(), Some("A \\b"));
    assert_eq!(os_release_value(text, "BUILD_ID"), None);
    assert_eq!(os_release_value("ID=\"", "ID").as_deref(), Some("\""));
}

#[test]
fn host_names_lose_comments_and_domain() {
    assert_eq!(host_name("# c\n\npc-7.example.jp\n").as_deref(), Some("pc-7"));
    assert_eq!(host_name(""), None);
}

#[test]
fn firmware_fillers_are_nothing() {
    assert_eq!(firmware_text("To Be Filled By O.E.M.\n"), None);
    assert_eq!(firmware_text("PF3ABC12\n").as_deref(), Some("PF3ABC12"));
}

#[test]
fn kernel_files() {
    assert_eq!(boot_time("cpu 1\nbtime 1700000000\n").map(|t| t.as_second()), Some(1_700_000_000));
    assert_eq!(memory_bytes("MemTotal:       16000 kB\n"), Some(16_384_000));
    assert_eq!(cpu_count("processor\t: 0\nmodel name\t: X\nprocessor\t: 1\n"), Some(2));
}

#[test]
fn elf_headers_name_the_machine() {
    let mut head = b"\x7fELF\x02\x01".to_vec();
    head.resize(20, 0);
    head[18] = 62;
    assert_eq!(elf_machine(&head), Some("x86_64"));
    assert_eq!(elf_machine(b"#!/bin/sh"), None);
}

#[test]
fn the_family_is_known_only_where_a_file_of_the_tree_says_it() {
    let family = |file: Option<&str>| {
        let tree = tempfile::tempdir().unwrap();
        if let Some(file) = file {
            let path = tree.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "ID=debian\n").unwrap();
        }
        let root = Arc::new(Root::at(tree.path()).unwrap());
        imp::read(&Context::new(root, Timestamp::UNIX_EPOCH, false, Duration::from_secs(60))).os_family
    };
    for file in ["etc/os-release", "usr/lib/os-release", "proc/sys/kernel/osrelease", "var/lib/dpkg/status"] {
        assert_eq!(family(Some(file)), Observed::known(OsFamily::Linux, format!("/{file}")));
    }
    let empty = family(None);
    assert!(matches!(&empty, Observed::Unreadable { reason: Reason::DependsOn, .. }), "{empty:?}");
}
