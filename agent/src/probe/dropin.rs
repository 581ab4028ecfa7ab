//! Configuration that is spread over several directories, as systemd, kmod and others do it.
//!
//! Files are taken in the order of their names; of one name, only that of the first directory counts, and
//! one that is no regular file (a link to `/dev/null`) takes the others of its name away.

use std::collections::BTreeMap;

use crate::root::{ReadError, Root};

/// Most files of one directory.
const FILES_MAX: usize = 512;
/// Largest of these files.
const FILE_BYTES_MAX: usize = 256 * 1024;

/// One file, or why it could not be read.
#[derive(Debug)]
pub(super) struct ConfigFile {
    /// Where it is.
    pub(super) path: String,
    /// What it says.
    pub(super) text: Result<String, ReadError>,
}

/// The files with this suffix that count, in order. A directory that is not there holds none.
pub(super) fn read(root: &Root, directories: &[&str], suffix: &str) -> Vec<ConfigFile> {
    let mut files: BTreeMap<String, ConfigFile> = BTreeMap::new();
    for directory in directories {
        let names = match root.list(directory, FILES_MAX) {
            Ok(listing) => listing.names,
            Err(ReadError::Missing { .. }) => continue,
            Err(error) => {
                let path = (*directory).to_owned();
                files.entry(path.clone()).or_insert(ConfigFile { path, text: Err(error) });
                continue;
            }
        };
        for name in names.into_iter().filter(|name| name.ends_with(suffix)) {
            let path = format!("{directory}/{name}");
            files.entry(name).or_insert_with(|| one(root, path));
        }
    }
    files.into_values().collect()
}

/// One file by itself.
pub(super) fn one(root: &Root, path: String) -> ConfigFile {
    let text = match root.read_text(&path, FILE_BYTES_MAX) {
        Err(ReadError::WrongKind { .. } | ReadError::Missing { .. }) => Ok(String::new()),
        other => other,
    };
    ConfigFile { path, text }
}
