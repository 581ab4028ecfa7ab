//! Whether the system waits for a restart: a mark that package scripts leave, or a newer kernel than the
//! running one.

use std::cmp::Ordering;

use tenken_proto::observed::{Observed, Reason};
use tenken_proto::phrase;

use crate::probe::patch::apt::files::{self, Trouble};
use crate::probe::patch::apt::status::Status;
use crate::probe::patch::apt::version;
use crate::root::{ReadError, Root};

/// Where package scripts leave the mark.
pub(crate) const MARKS: [&str; 2] = ["/run/reboot-required", "/var/run/reboot-required"];
/// Release of the running kernel.
const RUNNING: &str = "/proc/sys/kernel/osrelease";
const BOOT: &str = "/boot";

/// The newest installed kernel's release, from dpkg; else from `/boot`.
pub(crate) fn newest_kernel(root: &Root, status: Option<&Status>) -> Observed<String> {
    let from_packages = status.into_iter().flat_map(|it| &it.installed).filter_map(|it| kernel_release(&it.name));
    if let Some(newest) = newest(from_packages) {
        return Observed::known(newest.to_owned(), phrase::KERNEL_PACKAGES);
    }
    match files::list(root, BOOT) {
        Ok(names) => {
            let names = names.unwrap_or_default();
            let images = names.iter().filter_map(|name| name.strip_prefix("vmlinuz-"));
            match newest(images) {
                Some(newest) => Observed::known(newest.to_owned(), BOOT),
                None => Observed::absent(format!("{}, {BOOT}", phrase::KERNEL_PACKAGES)),
            }
        }
        Err(trouble) => trouble.observed(BOOT),
    }
}

/// `linux-image-6.1.0-18-amd64` and the like; a meta package names no release.
fn kernel_release(package: &str) -> Option<&str> {
    let release = package.strip_prefix("linux-image-")?;
    let release = release.strip_prefix("unsigned-").unwrap_or(release);
    let is_release = release.starts_with(|c: char| c.is_ascii_digit()) && release.contains('.');
    (is_release && !release.ends_with("-dbg") && !release.ends_with("-unsigned")).then_some(release)
}

fn newest<'a>(releases: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    releases.max_by(|a, b| version::compare(a.as_bytes(), b.as_bytes()))
}

/// By the mark; without one, by the running kernel against the newest of its flavour.
pub(crate) fn required(root: &Root, status: Option<&Status>) -> Observed<bool> {
    for mark in MARKS {
        match files::exists(root, mark) {
            Ok(true) => return Observed::known(true, mark),
            Ok(false) => {}
            Err(Trouble { reason: Reason::OfflineRoot, .. }) => {}
            Err(trouble) => return trouble.observed(mark),
        }
    }
    let running = match root.read_text(RUNNING, 1024) {
        Ok(text) => Some(text.trim().to_owned()),
        Err(ReadError::Missing { .. }) => None,
        Err(error) => return Trouble::of(&error).observed(RUNNING),
    };
    let releases = || status.into_iter().flat_map(|it| &it.installed).filter_map(|it| kernel_release(&it.name));
    if let Some(running) = &running
        && releases().any(|it| it == running)
    {
        let newest = newest(releases().filter(|it| flavour(it) == flavour(running)));
        let newer = newest.is_some_and(|it| version::compare(it.as_bytes(), running.as_bytes()) == Ordering::Greater);
        return Observed::known(newer, format!("{}; {}", phrase::NO_MARK_IN_RUN, phrase::RUNNING_AGAINST_INSTALLED));
    }
    let ran_here = root.is_live() || root.list("/run", 1).is_ok_and(|listing| !listing.names.is_empty());
    if ran_here {
        return Observed::known(false, phrase::NO_MARK_IN_RUN);
    }
    Observed::unreadable(Reason::OfflineRoot, phrase::IMAGE_HAS_NO_RUN, MARKS[0])
}

/// What follows the number of the build: `amd64`, `cloud-amd64`, `generic`.
fn flavour(release: &str) -> &str {
    let letters = |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic());
    let mut at = 0;
    for part in release.split('-') {
        if letters(part) {
            return &release[at..];
        }
        at += part.len() + 1;
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let root = Root::at(dir.path()).unwrap();
        (dir, root)
    }

    fn status(root: &Root) -> Option<Status> {
        crate::probe::patch::apt::status::read(root, "/status").unwrap()
    }

    fn package(name: &str) -> String {
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n")
    }

    #[test]
    fn a_mark_or_a_newer_kernel_asks_for_a_restart() {
        let kernels = ["6.1.0-9-amd64", "6.1.0-18-amd64", "6.1.0-21-cloud-amd64", "amd64", "6.1.0-30-amd64-dbg"];
        let packages: String = kernels.iter().map(|it| package(&format!("linux-image-{it}"))).collect();
        for (running, expected) in [("6.1.0-18-amd64", false), ("6.1.0-9-amd64", true), ("6.1.0-21-cloud-amd64", false)]
        {
            let (_dir, root) = root(&[("status", &packages), ("proc/sys/kernel/osrelease", &format!("{running}\n"))]);
            let status = status(&root);
            assert_eq!(required(&root, status.as_ref()).value(), Some(&expected), "{running}");
            assert_eq!(newest_kernel(&root, status.as_ref()).value().unwrap(), "6.1.0-21-cloud-amd64");
        }
        let (_dir, marked) = root(&[("run/reboot-required", "")]);
        assert_eq!(required(&marked, None).value(), Some(&true));
    }

    #[test]
    fn an_image_without_run_does_not_say_no() {
        let (_dir, image) = root(&[("boot/vmlinuz-6.1.0-9-amd64", "")]);
        assert!(matches!(required(&image, None), Observed::Unreadable { reason: Reason::OfflineRoot, .. }));
        assert_eq!(newest_kernel(&image, None).value().unwrap(), "6.1.0-9-amd64");
        let (_dir, captured) = root(&[("run/utmp", "")]);
        assert_eq!(required(&captured, None).value(), Some(&false));
        assert!(matches!(newest_kernel(&captured, None), Observed::Absent { .. }));
    }
}
