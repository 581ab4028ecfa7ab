//! Unix: permission bits and signals.

use std::io;
use std::path::Path;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Makes a folder that only its owner can enter.
pub(in crate::serve) fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
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
