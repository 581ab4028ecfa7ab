//! What differs between systems when serving: who may enter the data folder, and how one asks to stop.

#[cfg(unix)]
#[path = "system/unix.rs"]
mod imp;
#[cfg(windows)]
#[path = "system/windows.rs"]
mod imp;

pub(super) use imp::{StopSignal, close, is_open, make_files_private, make_private};
