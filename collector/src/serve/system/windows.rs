//! Windows: a folder inherits who may enter from its parent; Ctrl-C stops.

use std::io;
use std::path::Path;

/// Makes a folder; its access list is its parent's.
pub(in crate::serve) fn make_private(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}

/// Ctrl-C.
pub(in crate::serve) async fn stop_signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
