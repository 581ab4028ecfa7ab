//! Real files, real events, beneath a root.

use std::fs;

use super::*;

const SOON: Duration = Duration::from_secs(5);

struct Tree {
    dir: tempfile::TempDir,
    woken: mpsc::Receiver<GroupName>,
    watch: Watch,
}

fn tree(paths: &[(&str, &[&str])]) -> Tree {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("etc/systemd")).unwrap();
    fs::write(dir.path().join("etc/systemd/journald.conf"), "[Journal]\n").unwrap();
    fs::create_dir_all(dir.path().join("var/lib")).unwrap();
    let wanted = paths
        .iter()
        .map(|(group, paths)| (group.parse().unwrap(), paths.iter().map(|path| (*path).to_owned()).collect()))
        .collect();
    let (watch, woken) = Watch::new(Arc::new(Root::at(dir.path()).unwrap()), wanted);
    Tree { dir, woken, watch }
}

impl Tree {
    async fn wakes(&mut self) -> Option<String> {
        let woken = tokio::time::timeout(SOON, self.woken.recv()).await.ok()??;
        Some(woken.as_str().to_owned())
    }

    async fn quiet(&mut self) -> bool {
        tokio::time::timeout(GATHER * 3, self.woken.recv()).await.is_err()
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_again_and_again_wakes_each_time() {
    let mut tree = tree(&[("logs", &["/etc/systemd/journald.conf"]), ("usb", &["/etc/modprobe.d"])]);
    for round in 0..3 {
        let new = tree.dir.path().join("etc/systemd/.new");
        fs::write(&new, format!("[Journal]\nMaxRetentionSec={round}day\n")).unwrap();
        fs::rename(&new, tree.dir.path().join("etc/systemd/journald.conf")).unwrap();
        assert_eq!(tree.wakes().await.as_deref(), Some("logs"), "round {round}");
        while !tree.quiet().await {}
    }
    assert_eq!(tree.watch.state().problem, None);
}

#[tokio::test]
async fn a_directory_that_appears_later_is_watched_then() {
    let mut tree = tree(&[("antivirus", &["/var/lib/clamav"])]);
    let definitions = tree.dir.path().join("var/lib/clamav");
    fs::create_dir_all(&definitions).unwrap();
    assert_eq!(tree.wakes().await.as_deref(), Some("antivirus"));
    while !tree.quiet().await {}
    fs::write(definitions.join("daily.cvd"), "x").unwrap();
    assert_eq!(tree.wakes().await.as_deref(), Some("antivirus"));
    while !tree.quiet().await {}
    fs::remove_dir_all(&definitions).unwrap();
    assert_eq!(tree.wakes().await.as_deref(), Some("antivirus"));
    while !tree.quiet().await {}
    fs::create_dir_all(&definitions).unwrap();
    assert_eq!(tree.wakes().await.as_deref(), Some("antivirus"));
}

#[tokio::test]
async fn reading_and_neighbours_wake_nobody() {
    let mut tree = tree(&[("logs", &["/etc/systemd/journald.conf"]), ("antivirus", &["/var/lib/clamav"])]);
    let _text = fs::read(tree.dir.path().join("etc/systemd/journald.conf")).unwrap();
    fs::write(tree.dir.path().join("var/lib/other"), "x").unwrap();
    assert!(tree.quiet().await);
}

#[test]
fn busy_and_silent_directories_of_a_live_system_are_left_alone() {
    let root = Root::live().unwrap();
    assert_eq!(place_of(&root, "/etc/no-such-thing-here"), None);
    assert_eq!(place_of(&root, "/proc/modules"), None);
    assert!(place_of(&root, "/etc/passwd").is_some());
}
