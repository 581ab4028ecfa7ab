//! The root beneath which every probe reads: the live system, a mounted image, or a captured tree.
//!
//! Paths are those of the observed system (`/etc/os-release`) and are resolved beneath the root: an absolute
//! symbolic link inside an image stays inside it, and nothing falls back to the live system. Only regular
//! files are opened, without blocking and up to a limit that the caller names; a FIFO or device is refused.

use std::error::Error as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::phrase;

#[cfg_attr(target_os = "windows", path = "root/windows.rs")]
#[cfg_attr(target_os = "macos", path = "root/macos.rs")]
#[cfg_attr(not(any(target_os = "windows", target_os = "macos")), path = "root/linux.rs")]
mod imp;

/// Largest `/etc/group` that is looked through for the name of a grant.
const GROUP_FILE_BYTES_MAX: usize = 1024 * 1024;

/// Where probes read.
#[derive(Debug)]
pub struct Root {
    dir: imp::Dir,
    path: PathBuf,
    live: bool,
}

/// What is known of a file without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// Size in bytes.
    pub len: u64,
    /// When its content was last changed.
    pub modified: Timestamp,
    /// The owner's user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

/// Kinds of files as far as they matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link (only where it was asked not to follow).
    Link,
    /// Device, FIFO or socket.
    Other,
}

/// The names in a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Names in order, at most as many as were asked for.
    pub names: Vec<String>,
    /// Names left out: beyond the limit, or not UTF-8.
    pub omitted: usize,
}

/// Space of the file system that holds a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Its size in bytes.
    pub size: u64,
    /// Bytes left for ordinary users.
    pub available: u64,
}

/// A directory that cannot serve as a root.
#[derive(Debug, thiserror::Error)]
#[error("cannot observe beneath `{}`", path.display())]
pub struct RootError {
    path: PathBuf,
    source: io::Error,
}

impl RootError {
    /// What a person can do.
    #[must_use]
    pub fn remedy(&self) -> String {
        let kind = self.source.kind();
        let remedy = if kind == io::ErrorKind::NotFound {
            "give an existing directory: a mounted image or a captured tree, such as --root /mnt/image"
        } else if kind == io::ErrorKind::NotADirectory {
            "give a directory; an image file has to be mounted first (mount -o ro,loop IMAGE /mnt)"
        } else if kind == io::ErrorKind::PermissionDenied {
            "run as a user who may read that directory"
        } else {
            "check the directory and give it again with --root"
        };
        remedy.to_owned()
    }
}

/// Why something could not be read. The path is that of the observed system.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not there.
    #[error("`{path}` {}", phrase::IS_NOT_THERE)]
    Missing {
        /// What was to be read.
        path: String,
        /// It is something that only a running system has, and the root is not one.
        offline: bool,
    },
    /// The agent lacks a right.
    #[error("`{path}` {} {grant}", phrase::MAY_NOT_BE_READ)]
    Permission {
        /// What was to be read.
        path: String,
        /// The exact right that is missing.
        grant: String,
    },
    /// It is larger than the limit.
    #[error("`{path}` {} {limit} bytes", phrase::LARGER_THAN)]
    TooLarge {
        /// What was to be read.
        path: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// A directory, device, FIFO or socket where a file was expected, or the reverse.
    #[error("`{path}` is not {expected}")]
    WrongKind {
        /// What was to be read.
        path: String,
        /// What was expected there.
        expected: &'static str,
    },
    /// The system reported an error.
    #[error("{} `{path}`", phrase::FAILED_TO_READ)]
    Io {
        /// What was to be read.
        path: String,
        /// The system's error.
        source: io::Error,
    },
}

impl ReadError {
    /// The path that was to be read.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Missing { path, .. }
            | Self::Permission { path, .. }
            | Self::TooLarge { path, .. }
            | Self::WrongKind { path, .. }
            | Self::Io { path, .. } => path,
        }
    }

    /// It is not there, and a root that could hold it was looked at.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Missing { offline: false, .. })
    }

    /// The reason as facts carry it. Something missing counts here as a source that the fact depends on.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Missing { offline: true, .. } => Reason::OfflineRoot,
            Self::Missing { offline: false, .. } => Reason::DependsOn,
            Self::Permission { .. } => Reason::Permission,
            Self::TooLarge { .. } => Reason::TooLarge,
            Self::WrongKind { .. } => Reason::Malformed,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::Unsupported => Reason::Unsupported,
            Self::Io { .. } => Reason::Io,
        }
    }

    /// The fact for a source whose absence says nothing: unreadable in every case.
    #[must_use]
    pub fn unreadable<T>(&self) -> Observed<T> {
        let detail = match self.source() {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        };
        Observed::unreadable(self.reason(), detail, self.path())
    }

    /// The fact for a source whose absence is the answer: absent when it was looked for and is not there.
    #[must_use]
    pub fn absent_or_unreadable<T>(&self) -> Observed<T> {
        if self.is_absence() { Observed::absent(self.path()) } else { self.unreadable() }
    }
}

impl Root {
    /// The running system.
    ///
    /// # Errors
    /// [`RootError`] where `/` cannot be opened.
    pub fn live() -> Result<Self, RootError> {
        Self::open_root(Path::new("/"), true)
    }

    /// A mounted image or a captured tree.
    ///
    /// # Errors
    /// [`RootError`] when the path is no directory that can be opened.
    pub fn at(dir: &Path) -> Result<Self, RootError> {
        Self::open_root(dir, false)
    }

    fn open_root(path: &Path, live: bool) -> Result<Self, RootError> {
        match imp::Dir::open(path) {
            Ok(dir) => Ok(Self { dir, path: path.to_owned(), live }),
            Err(source) => Err(RootError { path: path.to_owned(), source }),
        }
    }

    /// The running system, and not an image.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// The directory itself, as this system names it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where something of the observed system lies on this system, links resolved beneath the root; for
    /// watching only, reading goes through the other functions. None where nothing is at the path.
    #[must_use]
    pub fn locate(&self, path: &str) -> Option<PathBuf> {
        self.dir.locate(path).ok()
    }

    /// Opens a regular file.
    ///
    /// # Errors
    /// [`ReadError`]: missing, forbidden, no regular file, or an error of the system.
    pub fn open(&self, path: &str) -> Result<File, ReadError> {
        let stat = self.stat(path)?;
        if stat.kind != FileKind::Regular {
            return Err(ReadError::WrongKind { path: path.to_owned(), expected: "a regular file" });
        }
        self.dir.file(path).map_err(|error| self.error(path, error))
    }

    /// The whole content of a regular file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`ReadError`]: as [`Self::open`], or larger than the limit.
    pub fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, ReadError> {
        let bytes = self.read_head(path, limit.saturating_add(1))?;
        if bytes.len() > limit {
            return Err(ReadError::TooLarge { path: path.to_owned(), limit });
        }
        Ok(bytes)
    }

    /// At most the first `limit` bytes of a regular file.
    ///
    /// # Errors
    /// [`ReadError`]: as [`Self::open`].
    pub fn read_head(&self, path: &str, limit: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        self.open(path)?
            .take(u64::try_from(limit).unwrap_or(u64::MAX))
            .read_to_end(&mut bytes)
            .map_err(|error| self.error(path, error))?;
        Ok(bytes)
    }

    /// The whole content as text; bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// [`ReadError`]: as [`Self::read`].
    pub fn read_text(&self, path: &str, limit: usize) -> Result<String, ReadError> {
        self.read(path, limit).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The names in a directory, in order, without `.` and `..`.
    ///
    /// # Errors
    /// [`ReadError`]: missing, forbidden, no directory, or an error of the system.
    pub fn list(&self, path: &str, limit: usize) -> Result<Listing, ReadError> {
        let stat = self.stat(path)?;
        if stat.kind != FileKind::Directory {
            return Err(ReadError::WrongKind { path: path.to_owned(), expected: "a directory" });
        }
        self.dir.list(path, limit).map_err(|error| self.error(path, error))
    }

    /// What is at the path, links followed.
    ///
    /// # Errors
    /// [`ReadError`]: missing, forbidden, or an error of the system.
    pub fn stat(&self, path: &str) -> Result<Stat, ReadError> {
        self.dir.stat(path).map_err(|error| self.error(path, error))
    }

    /// Something is at the path. What may not be looked at counts as not there.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.dir.stat(path).is_ok()
    }

    /// Where a symbolic link points, as it is written in it.
    ///
    /// # Errors
    /// [`ReadError`]: missing, forbidden, no link, or an error of the system.
    pub fn read_link(&self, path: &str) -> Result<String, ReadError> {
        self.dir.read_link(path).map_err(|error| self.error(path, error))
    }

    /// Space of the file system beneath the root that holds the path; for a mounted image, the image's own.
    ///
    /// # Errors
    /// [`ReadError`]: missing, forbidden, or an error of the system.
    pub fn space(&self, path: &str) -> Result<Space, ReadError> {
        self.dir.space(path).map_err(|error| self.error(path, error))
    }

    fn error(&self, path: &str, error: io::Error) -> ReadError {
        let path = path.to_owned();
        if imp::is_gone(&error) {
            let offline = !self.live && is_volatile(&path);
            return ReadError::Missing { path, offline };
        }
        if error.kind() == io::ErrorKind::PermissionDenied {
            ReadError::Permission { grant: self.grant(&path), path }
        } else if imp::is_special(&error) {
            ReadError::WrongKind { path, expected: "a regular file" }
        } else {
            ReadError::Io { path, source: error }
        }
    }

    /// The right that would let the agent read this.
    fn grant(&self, path: &str) -> String {
        let Ok(stat) = self.dir.stat(path) else {
            return format!("{} `{path}`", phrase::SEARCH_PERMISSION);
        };
        if stat.mode & 0o040 != 0
            && stat.gid != 0
            && let Some(group) = self.group_name(stat.gid)
        {
            return format!("{} `{group}`", phrase::GROUP_MEMBERSHIP);
        }
        phrase::ROOT_OR_CAPABILITY.to_owned()
    }

    fn group_name(&self, gid: u32) -> Option<String> {
        let text = self.read_text("/etc/group", GROUP_FILE_BYTES_MAX).ok()?;
        text.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let id: u32 = fields.nth(1)?.parse().ok()?;
            (id == gid).then(|| name.to_owned())
        })
    }
}

/// Lies in a directory that only a running system fills.
fn is_volatile(path: &str) -> bool {
    ["/proc", "/sys", "/run", "/dev"]
        .iter()
        .any(|top| path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

#[cfg(test)]
mod tests;
