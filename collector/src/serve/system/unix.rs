//! Unix: permission bits and signals.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::Mode;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Permission bits that let others in.
const OTHERS: u32 = 0o077;

/// From now on files are made for their owner only.
pub(in crate::serve) fn make_files_private() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Makes a folder that only its owner can enter; one that is there is closed to others.
pub(in crate::serve) fn make_private(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    close(folder)
}

/// Takes the rights of others away; what is not ours to close must be closed already.
pub(in crate::serve) fn close(path: &Path) -> io::Result<()> {
    let there = std::fs::metadata(path)?;
    let mode = there.mode() & 0o7777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    if there.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("mode {mode:o}, owned by user {}", there.uid()),
        ));
    }
    std::fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS))
}

/// Whether others than its owner have a right to it.
pub(in crate::serve) fn is_open(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|there| there.mode() & OTHERS != 0)
}

/// Ctrl-C or SIGTERM.
#[derive(Debug)]
pub(in crate::serve) struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignal {
    /// Listens from now on: what comes before it is waited for is not lost.
    pub(in crate::serve) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for one of them.
    pub(in crate::serve) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
