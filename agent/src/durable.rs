//! Small files that are replaced as a whole, readable by their owner only, and there after a power cut.
//!
//! A reader sees the old content or the new, never half of either: a new file beside, synced, renamed over the
//! old one, the folder synced. Used for identity, policy and status.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

#[cfg_attr(windows, path = "durable/windows.rs")]
#[cfg_attr(not(windows), path = "durable/unix.rs")]
mod imp;

/// Replaces the file, durably.
///
/// # Errors
/// Of the file system. The old content is then still there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_beside(path, bytes, true)?;
    imp::sync_folder(folder_of(path))
}

/// Replaces the file so that no reader sees half of it; after a power cut it may be the old one.
///
/// # Errors
/// Of the file system. The old content is then still there.
pub fn replace_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_beside(path, bytes, false)
}

/// Renames within a folder, durably.
///
/// # Errors
/// Of the file system.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    imp::sync_folder(folder_of(to))
}

/// The whole file; none when it is not there.
///
/// # Errors
/// Of the file system, and when it is larger than `bytes_max`.
pub fn read(path: &Path, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("larger than {bytes_max} bytes")));
    }
    Ok(Some(bytes))
}

/// Removes the file; it is fine when it is not there.
///
/// # Errors
/// Of the file system.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Bytes that are left for this account on the disk of a folder; none: the system does not say.
#[must_use]
pub fn room(folder: &Path) -> Option<u64> {
    imp::room(folder)
}

/// Makes the folder and those above it; the last one for its owner only.
///
/// # Errors
/// Of the file system.
pub fn folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    match imp::create_folder(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn write_beside(path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    let beside = beside(path);
    remove(&beside)?;
    let mut file = imp::create_file(&beside)?;
    file.write_all(bytes)?;
    if sync {
        file.sync_all()?;
    }
    drop(file);
    fs::rename(&beside, path)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_whole_and_for_the_owner_only() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("deep/file");
        folder(path.parent().expect("parent")).expect("folder");
        assert_eq!(read(&path, 10).expect("read"), None);
        replace(&path, b"old").expect("write");
        fs::write(beside(&path), b"left by a crash").expect("write");
        replace(&path, b"new").expect("replace");
        assert_eq!(read(&path, 10).expect("read").as_deref(), Some(b"new".as_slice()));
        assert!(!beside(&path).exists());
        assert_eq!(read(&path, 2).expect_err("too large").kind(), io::ErrorKind::InvalidData);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).expect("stat").permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(path.parent().expect("parent")), 0o700);
        }
    }
}
