//! The authority's files: owner-only, written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Largest file of the folder that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What failed on which file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Reading or writing.
    #[error("failed to {what} `{path}`")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A key that others may read.
    #[error("`{path}` can be read by others (mode {mode:o}): chmod 600 it, and ask who may have read it")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// More than any file of ours holds.
    #[error("`{path}` is larger than {FILE_BYTES_MAX} bytes: restore it from the backup")]
    Large {
        /// Which file.
        path: PathBuf,
    },
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError::Io { what, path: path.to_path_buf(), source }
}

/// A new owner-only folder beside the place where the authority will be.
pub(super) fn staging(data_dir: &Path) -> Result<PathBuf, FileError> {
    let path = data_dir.join(format!("ca.new-{}", std::process::id()));
    if path.exists() {
        fs::remove_dir_all(&path).map_err(failed("remove", &path))?;
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(failed("create", &path))?;
    Ok(path)
}

/// Gives the finished folder its name.
pub(super) fn publish(staging: &Path, dir: &Path) -> Result<(), FileError> {
    sync_dir(staging)?;
    fs::rename(staging, dir).map_err(failed("create", dir))?;
    sync_dir(dir.parent().unwrap_or(dir))
}

/// Replaces a file: temporary file, sync, rename, sync of the folder.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let temporary = path.with_extension("tmp");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(failed("write", &temporary))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed("write", &temporary))?;
    fs::rename(&temporary, path).map_err(failed("replace", path))?;
    sync_dir(path.parent().unwrap_or(path))
}

fn sync_dir(dir: &Path) -> Result<(), FileError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", dir))
}

/// Reads a file of bounded size.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let file = File::open(path).map_err(failed("read", path))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::Large { path: path.to_path_buf() });
    }
    Ok(bytes)
}

/// Reads a key, unless others can read it too.
pub(super) fn read_secret(path: &Path) -> Result<Vec<u8>, FileError> {
    let mode = fs::metadata(path).map_err(failed("read", path))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(FileError::Open { path: path.to_path_buf(), mode });
    }
    read(path)
}

/// Certificates as PEM.
pub(super) fn certificates(ders: &[&CertificateDer<'_>]) -> Vec<u8> {
    let mut pem = String::new();
    for der in ders {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        let text = data_encoding::BASE64.encode(der);
        for line in text.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem.into_bytes()
}

/// The first certificate of a PEM file.
pub(super) fn first_certificate(pem: &[u8]) -> Option<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).next()?.ok()
}

/// The certificates and the key of a PEM file.
pub(super) fn chain_and_key(pem: &[u8]) -> Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok()?;
    let key = PrivateKeyDer::from_pem_slice(pem).ok()?;
    (!chain.is_empty()).then_some((chain, key))
}
