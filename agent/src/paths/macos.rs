//! macOS: below the folder for all users' application data.

pub(super) const CONFIG_FILE: &str = "/Library/Application Support/Tenken/agent.toml";
pub(super) const DATA_DIR: &str = "/Library/Application Support/Tenken/Agent";
