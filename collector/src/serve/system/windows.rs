//! Windows: a folder inherits who may enter from its parent; Ctrl-C stops.

use std::io;
use std::path::Path;

use tokio::signal::windows::{CtrlC, ctrl_c};

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
