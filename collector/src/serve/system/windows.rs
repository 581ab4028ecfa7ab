//! Windows: a folder inherits who may enter from its parent; Ctrl-C stops.

use std::io;
use std::path::Path;

use tokio::signal::windows::{CtrlC, ctrl_c};

/// Files inherit who may read them from their folder.
pub(in crate::serve) fn make_files_private() {}

/// Who may read it is its folder's list.
pub(in crate::serve) fn close(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// The access list is not looked at.
pub(in crate::serve) fn is_open(_path: &Path) -> bool {
    false
}

/// Makes a folder; its access list is its parent's.
pub(in crate::serve) fn make_private(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}

/// Ctrl-C.
#[derive(Debug)]
pub(in crate::serve) struct StopSignal {
    interrupt: CtrlC,
}

impl StopSignal {
    /// Listens from now on: what comes before it is waited for is not lost.
    pub(in crate::serve) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: ctrl_c()? })
    }

    /// Waits for it.
    pub(in crate::serve) async fn asked(&mut self) {
        self.interrupt.recv().await;
    }
}
