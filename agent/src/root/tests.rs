//! What stays beneath a root, and what is refused.

use std::os::unix::fs::symlink;

use super::*;

fn tree() -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("etc/deep")).unwrap();
    std::fs::create_dir_all(dir.path().join("usr/lib")).unwrap();
    std::fs::write(dir.path().join("usr/lib/os-release"), "ID=inside\n").unwrap();
    let root = Root::at(dir.path()).unwrap();
    (dir, root)
}

#[test]
fn links_of_every_form_stay_beneath_the_root() {
    let (dir, root) = tree();
    symlink("/usr/lib/os-release", dir.path().join("etc/os-release")).unwrap();
    symlink("../../../../../../usr/lib/os-release", dir.path().join("etc/deep/up")).unwrap();
    symlink("/etc/passwd", dir.path().join("etc/outside")).unwrap();
    for path in ["/etc/os-release", "/etc/deep/up"] {
        assert_eq!(root.read(path, 100).unwrap(), b"ID=inside\n", "{path}");
        let mut walked = String::new();
        imp::walk_for_test(&root.dir, path).unwrap().read_to_string(&mut walked).unwrap();
        assert_eq!(walked, "ID=inside\n", "{path}");
    }
    assert!(root.read("/etc/outside", 100).unwrap_err().is_absence());
    assert!(imp::walk_for_test(&root.dir, "/etc/outside").is_err());
    assert_eq!(root.read_link("/etc/os-release").unwrap(), "/usr/lib/os-release");
}

#[test]
fn loops_directories_and_large_files_are_refused() {
    let (dir, root) = tree();
    symlink("loop", dir.path().join("etc/loop")).unwrap();
    assert!(matches!(root.read("/etc/loop", 10).unwrap_err(), ReadError::Io { .. }));
    assert!(imp::walk_for_test(&root.dir, "/etc/loop").is_err());
    assert!(matches!(root.read("/etc/deep", 10).unwrap_err(), ReadError::WrongKind { .. }));
    assert!(matches!(root.read("/usr/lib/os-release", 3).unwrap_err(), ReadError::TooLarge { limit: 3, .. }));
    assert_eq!(root.read_head("/usr/lib/os-release", 3).unwrap(), b"ID=");
    assert!(matches!(root.list("/usr/lib/os-release", 3).unwrap_err(), ReadError::WrongKind { .. }));
}

#[test]
fn a_fifo_does_not_hang() {
    let (dir, root) = tree();
    let fifo = dir.path().join("etc/fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
    assert!(matches!(root.read("/etc/fifo", 10).unwrap_err(), ReadError::WrongKind { .. }));
}

#[test]
fn what_only_a_running_system_has_is_not_absent_in_an_image() {
    let (_dir, root) = tree();
    assert_eq!(root.read("/proc/modules", 10).unwrap_err().reason(), Reason::OfflineRoot);
    assert_eq!(root.read("/etc/nothing", 10).unwrap_err().reason(), Reason::DependsOn);
    assert!(matches!(
        root.read("/etc/nothing", 10).unwrap_err().absent_or_unreadable::<u64>(),
        Observed::Absent { .. }
    ));
    assert!(!is_volatile("/system"));
}

#[test]
fn a_missing_root_says_what_to_do() {
    let error = Root::at(Path::new("/nowhere/at/all")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all"));
    assert!(error.remedy().contains("--root"));
}
