//! Windows: no probe reads files beneath a root yet; every call says that it is unsupported.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::{Listing, Space, Stat};

#[derive(Debug)]
pub(super) struct Dir;

impl Dir {
    #[expect(clippy::unnecessary_wraps, reason = "it can fail where files are read")]
    pub(super) fn open(_: &Path) -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) fn file(&self, _: &str) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn list(&self, _: &str, _: usize) -> io::Result<Listing> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn stat(&self, _: &str) -> io::Result<Stat> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn read_link(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn locate(&self, _: &str) -> io::Result<PathBuf> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn space(&self, _: &str) -> io::Result<Space> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

pub(super) fn is_special(_: &io::Error) -> bool {
    false
}
