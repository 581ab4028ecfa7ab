//! Files on Windows: the data folder's access list, set at installation, is inherited by what is in it.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

pub(super) fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir(path)
}

/// Not asked: that takes a system call without a safe wrapper here.
pub(super) fn room(_: &Path) -> Option<u64> {
    None
}

/// NTFS journals the rename itself; a folder cannot be synced.
#[expect(clippy::unnecessary_wraps, reason = "fails on Unix")]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
