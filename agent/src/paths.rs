//! Where the agent keeps its things, per system.

use std::path::PathBuf;

#[cfg_attr(target_os = "windows", path = "paths/windows.rs")]
#[cfg_attr(target_os = "macos", path = "paths/macos.rs")]
#[cfg_attr(not(any(target_os = "windows", target_os = "macos")), path = "paths/linux.rs")]
mod imp;

/// The configuration file that is read when none is named; it need not exist.
#[must_use]
pub fn config_file() -> PathBuf {
    PathBuf::from(imp::CONFIG_FILE)
}

/// The folder for identity and spool when none is named.
#[must_use]
pub fn data_dir() -> PathBuf {
    PathBuf::from(imp::DATA_DIR)
}
