//! Linux: `openat2` with the root as the top of resolution; a walk of our own where the kernel lacks it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::{FileKind, Listing, Space, Stat};

/// Most symbolic links on the way to one file, as the kernel's own limit.
const LINKS_MAX: usize = 40;

#[derive(Debug)]
pub(super) struct Dir(OwnedFd);

impl Dir {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?))
    }

    pub(super) fn file(&self, path: &str) -> io::Result<File> {
        let file = File::from(self.resolve(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(Errno::NXIO.into()) }
    }

    pub(super) fn list(&self, path: &str, limit: usize) -> io::Result<Listing> {
        let fd = self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut listing = Listing::default();
        for entry in rustix::fs::Dir::new(fd)? {
            let entry = entry?;
            match entry.file_name().to_str() {
                Ok("." | "..") => {}
                Ok(name) if listing.names.len() < limit => listing.names.push(name.to_owned()),
                Ok(_) | Err(_) => listing.omitted += 1,
            }
        }
        listing.names.sort();
        Ok(listing)
    }

    pub(super) fn stat(&self, path: &str) -> io::Result<Stat> {
        let fd = self.resolve(path, OFlags::PATH)?;
        let stat = rustix::fs::fstat(&fd)?;
        Ok(Stat {
            kind: match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => FileKind::Regular,
                FileType::Directory => FileKind::Directory,
                FileType::Symlink => FileKind::Link,
                FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Unknown => FileKind::Other,
            },
            len: u64::try_from(stat.st_size).unwrap_or(0),
            modified: Timestamp::new(stat.st_mtime, 0).unwrap_or_default(),
            uid: stat.st_uid,
            gid: stat.st_gid,
            mode: stat.st_mode & 0o7777,
        })
    }

    pub(super) fn read_link(&self, path: &str) -> io::Result<String> {
        let fd = self.resolve(path, OFlags::PATH | OFlags::NOFOLLOW)?;
        let target = rustix::fs::readlinkat(&fd, "", Vec::new())?;
        Ok(target.to_string_lossy().into_owned())
    }

    pub(super) fn space(&self, path: &str) -> io::Result<Space> {
        let fd = self.resolve(path, OFlags::PATH)?;
        let space = rustix::fs::fstatvfs(&fd)?;
        Ok(Space {
            size: space.f_blocks.saturating_mul(space.f_frsize),
            available: space.f_bavail.saturating_mul(space.f_frsize),
        })
    }

    pub(super) fn locate(&self, path: &str) -> io::Result<PathBuf> {
        let fd = self.resolve(path, OFlags::PATH)?;
        std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))
    }

    fn resolve(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        let beneath = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(&self.0, path, flags, Mode::empty(), beneath) {
            Err(Errno::NOSYS | Errno::PERM) => Ok(walk(self.0.as_fd(), path, flags)?),
            // The tree changed while it was resolved.
            Err(Errno::AGAIN) => Ok(rustix::fs::openat2(&self.0, path, flags, Mode::empty(), beneath)?),
            other => Ok(other?),
        }
    }
}

/// Resolves one name after the other; a link is read and resolved beneath the same root.
fn walk(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let step = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut ahead: Vec<String> = names(path);
    let mut above: Vec<OwnedFd> = Vec::new();
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            above.pop();
            continue;
        }
        let here = above.last().map_or(root, |fd| fd.as_fd());
        let last = ahead.is_empty();
        let fd = rustix::fs::openat(here, &name, step, Mode::empty())?;
        let link = FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) == FileType::Symlink;
        if link && !(last && flags.contains(OFlags::NOFOLLOW)) {
            links += 1;
            if links > LINKS_MAX {
                return Err(Errno::LOOP);
            }
            let target = rustix::fs::readlinkat(&fd, "", Vec::new())?.to_string_lossy().into_owned();
            if target.starts_with('/') {
                above.clear();
            }
            ahead.extend(names(&target));
        } else if last {
            return rustix::fs::openat(here, &name, flags | OFlags::NOFOLLOW, Mode::empty());
        } else {
            above.push(fd);
        }
    }
    rustix::fs::openat(above.last().map_or(root, |fd| fd.as_fd()), ".", flags, Mode::empty())
}

/// The names of a path, the first one last.
fn names(path: &str) -> Vec<String> {
    path.split('/').filter(|name| !name.is_empty() && *name != ".").rev().map(str::to_owned).collect()
}

pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::NOTDIR | Errno::SRCH))
}

pub(super) fn is_special(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NXIO | Errno::ISDIR | Errno::NODEV))
}

#[cfg(test)]
pub(super) fn walk_for_test(dir: &Dir, path: &str) -> io::Result<File> {
    Ok(File::from(walk(dir.0.as_fd(), path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC)?))
}
