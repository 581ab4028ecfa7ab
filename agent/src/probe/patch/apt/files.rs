//! The files that apt and dpkg leave: bounded reads beneath the root, and apt's rule for which files of a
//! configuration folder count.

use std::error::Error as _;
use std::fs::File;

use tenken_proto::observed::{Observed, Reason};

use crate::root::{FileKind, ReadError, Root};

/// Largest hand-written file (sources, preferences, configuration).
pub(crate) const CONFIG_BYTES_MAX: usize = 1 << 20;
/// Most names of one folder; more is refused rather than half read.
const NAMES_MAX: usize = 20_000;
/// Most files of one configuration folder.
const CONFIG_FILES_MAX: usize = 1_000;

/// Why something could not be said, to be put into each field that depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// The code.
    pub(crate) reason: Reason,
    /// What was tried on what, for a person.
    pub(crate) detail: String,
}

impl Trouble {
    /// With this code and text.
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// A file that does not parse.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Reason::Malformed, detail)
    }

    /// What reading said.
    pub(crate) fn of(error: &ReadError) -> Self {
        let detail = match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        Self::new(error.reason(), detail)
    }

    /// As the state of a field.
    pub(crate) fn observed<T>(&self, source: &str) -> Observed<T> {
        Observed::unreadable(self.reason.clone(), self.detail.clone(), source)
    }
}

/// The whole file; none when it is not there.
pub(crate) fn read(root: &Root, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Trouble> {
    found(root.read(path, limit))
}

/// The file opened; none when it is not there.
pub(crate) fn open(root: &Root, path: &str) -> Result<Option<File>, Trouble> {
    found(root.open(path))
}

/// Names in a folder, sorted; none when it is not there.
pub(crate) fn list(root: &Root, path: &str) -> Result<Option<Vec<String>>, Trouble> {
    let Some(listing) = found(root.list(path, NAMES_MAX))? else { return Ok(None) };
    if listing.names.len() == NAMES_MAX {
        return Err(Trouble::new(Reason::TooLarge, format!("{path}: more than {NAMES_MAX} files")));
    }
    Ok(Some(listing.names))
}

/// Whether something is there.
pub(crate) fn exists(root: &Root, path: &str) -> Result<bool, Trouble> {
    found(root.stat(path)).map(|stat| stat.is_some())
}

fn found<T>(result: Result<T, ReadError>) -> Result<Option<T>, Trouble> {
    match result {
        Ok(it) => Ok(Some(it)),
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(Trouble::of(&error)),
    }
}

/// The files of a configuration folder that apt reads, in its order, with their contents: regular files
/// whose name has one of these extensions (`""`: none) and no character besides letters, digits and `._-:`.
pub(crate) fn parts(root: &Root, dir: &str, extensions: &[&str]) -> Result<Vec<(String, Vec<u8>)>, Trouble> {
    let names = list(root, dir)?.unwrap_or_default();
    let mut files = vec![];
    for name in names.iter().filter(|name| counts(name, extensions)) {
        if files.len() == CONFIG_FILES_MAX {
            return Err(Trouble::new(Reason::TooLarge, format!("{dir}: more than {CONFIG_FILES_MAX} files")));
        }
        let path = format!("{}/{name}", dir.trim_end_matches('/'));
        if let Some(bytes) = regular(root, &path)? {
            files.push((path, bytes));
        }
    }
    Ok(files)
}

/// The contents of a regular file; none when it is missing or something else.
pub(crate) fn regular(root: &Root, path: &str) -> Result<Option<Vec<u8>>, Trouble> {
    match found(root.stat(path))? {
        Some(stat) if stat.kind == FileKind::Regular => read(root, path, CONFIG_BYTES_MAX),
        Some(_) | None => Ok(None),
    }
}

fn counts(name: &str, extensions: &[&str]) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let usual = |c: u8| c.is_ascii_alphanumeric() || b"_-:.".contains(&c);
    !name.starts_with('.') && !name.ends_with('.') && name.bytes().all(usual) && extensions.contains(&extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_apt_reads_count() {
        let conf = |name| counts(name, &["conf", ""]);
        assert!(conf("50unattended-upgrades") && conf("10a.conf") && conf("a:b_c-d.x.conf"));
        assert!(!conf("10a.conf.bak") && !conf(".hidden") && !conf("a b") && !conf("a~") && !conf("a.conf.dpkg-old"));
        let source = |name| counts(name, &["list", "sources"]);
        assert!(source("debian.sources") && source("x.list"));
        assert!(!source("debian") && !source("x.list.save"));
    }
}
