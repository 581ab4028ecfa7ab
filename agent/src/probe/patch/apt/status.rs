//! dpkg's status file: what is installed.
//!
//! Installed is every package that dpkg does not call `not-installed` or `config-files`: also one that is
//! half installed, unpacked or waits for triggers has its files on the disk, and apt upgrades it.

use std::collections::BTreeMap;

use tenken_proto::observed::Reason;

use crate::probe::patch::apt::build::Build;
use crate::probe::patch::apt::files::{self, Trouble};
use crate::probe::patch::apt::stanza::{self, ScanError};
use crate::root::Root;

/// Largest status file; that of a desktop with 5,000 packages has about 6 MiB.
const STATUS_BYTES_MAX: u64 = 256 << 20;
/// Most installed packages.
const INSTALLED_MAX: usize = 200_000;

/// What is installed, by name, then architecture.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status {
    /// Each name and architecture once.
    pub(crate) installed: Vec<Installed>,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    /// Name.
    pub(crate) name: String,
    /// What is on the disk.
    pub(crate) build: Build,
    /// A person keeps it at this version.
    pub(crate) held: bool,
}

/// Reads the file; none when there is none, as on systems without dpkg.
pub(crate) fn read(root: &Root, path: &str) -> Result<Option<Status>, Trouble> {
    let Some(file) = files::open(root, path)? else { return Ok(None) };
    let mut packages = BTreeMap::new();
    let mut broken = None;
    let scanned = stanza::scan(file, STATUS_BYTES_MAX, |stanza| {
        if broken.is_some() {
            return;
        }
        match installed(stanza) {
            Ok(Some(package)) => {
                packages.insert((package.name.clone(), package.build.architecture.clone()), package);
                if packages.len() > INSTALLED_MAX {
                    broken = Some(format!("more than {INSTALLED_MAX} packages"));
                }
            }
            Ok(None) => {}
            Err(what) => broken = Some(what),
        }
    });
    match (scanned, broken) {
        (Ok(()), None) if packages.is_empty() => Err(Trouble::malformed(format!("{path}: names no installed package"))),
        (Ok(()), None) => Ok(Some(Status { installed: packages.into_values().collect() })),
        (_, Some(what)) => Err(Trouble::malformed(format!("{path}: {what}"))),
        (Err(error), None) => Err(trouble(path, &error)),
    }
}

/// What a broken stream means.
pub(crate) fn trouble(path: &str, error: &ScanError) -> Trouble {
    match error {
        ScanError::Io(error) if error.raw_os_error().is_some() => Trouble::new(Reason::Io, format!("{path}: {error}")),
        ScanError::Io(error) => Trouble::malformed(format!("{path}: {error}")),
        ScanError::TooLong => {
            Trouble::malformed(format!("{path}: a stanza is longer than {} bytes", stanza::STANZA_BYTES_MAX))
        }
        ScanError::TooLarge => Trouble::new(Reason::TooLarge, format!("{path}: larger than its limit")),
    }
}

/// The package of a stanza, when it is installed.
fn installed(stanza: &[u8]) -> Result<Option<Installed>, String> {
    let Some(name) = stanza::field(stanza, "Package").map(stanza::text).filter(|name| !name.is_empty()) else {
        return Err("a stanza without Package".to_owned());
    };
    let Some(status) = stanza::field(stanza, "Status").map(stanza::text) else { return Ok(None) };
    let words: Vec<&str> = status.split_ascii_whitespace().collect();
    let [want, _, state] = words[..] else { return Err(format!("{name}: malformed Status")) };
    if !known(want, &["unknown", "install", "hold", "deinstall", "purge"]) || !known(state, &STATES) {
        return Err(format!("{name}: unknown Status"));
    }
    if known(state, &STATES[..2]) {
        return Ok(None);
    }
    let held = want.eq_ignore_ascii_case("hold");
    Ok(Build::read(stanza).map(|build| Installed { name, build, held }))
}

/// States that dpkg knows; in the first two nothing is installed.
const STATES: [&str; 8] = [
    "not-installed",
    "config-files",
    "half-installed",
    "unpacked",
    "half-configured",
    "triggers-awaited",
    "triggers-pending",
    "installed",
];

fn known(word: &str, words: &[&str]) -> bool {
    words.iter().any(|it| word.eq_ignore_ascii_case(it))
}

impl Status {
    /// Whether a package of that name is installed.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.installed.binary_search_by(|it| it.name.as_str().cmp(name)).is_ok()
    }

    /// The architecture of dpkg itself; else the one of most packages.
    pub(crate) fn native_architecture(&self) -> Option<String> {
        let dpkg = self.installed.iter().find(|it| it.name == "dpkg" && it.build.architecture != "all");
        if let Some(dpkg) = dpkg {
            return Some(dpkg.build.architecture.clone());
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for package in self.installed.iter().filter(|it| it.build.architecture != "all") {
            *counts.entry(&package.build.architecture).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count).map(|(architecture, _)| architecture.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Status, Trouble> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("status"), text).unwrap();
        read(&Root::at(dir.path()).unwrap(), "/status").map(Option::unwrap)
    }

    #[test]
    fn removed_packages_are_not_installed() {
        let mut text = String::new();
        for (index, state) in STATES.iter().enumerate() {
            text += &format!("Package: p{index}\nStatus: install ok {state}\nArchitecture: amd64\nVersion: 1\n\n");
        }
        text +=
            "Package: h\nStatus: hold ok installed\nArchitecture: all\nVersion: 1\n\nPackage: available\nVersion: 1\n";
        let status = parsed(&text).unwrap();
        let names: Vec<&str> = status.installed.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["h", "p2", "p3", "p4", "p5", "p6", "p7"]);
        assert!(status.installed[0].held && !status.installed[1].held);
        assert!(status.has("p7") && !status.has("p1"));
        assert_eq!(status.native_architecture().as_deref(), Some("amd64"));
    }

    #[test]
    fn a_broken_file_is_not_an_empty_one() {
        for text in
            ["", "junk", "Version: 1\n", "Package: a\nStatus: install ok\n", "Package: a\nStatus: x ok installed\n"]
        {
            assert_eq!(parsed(text).unwrap_err().reason, Reason::Malformed, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, text in "(Package: a\nStatus: install ok installed\n)?[PackgeVrsion: \n0-9(]{0,60}") {
            for stanza in [&bytes[..], text.as_bytes()] {
                let _ = installed(stanza);
                let _ = Build::read(stanza);
                let _ = stanza::by_hand(stanza);
            }
        }
    }
}
