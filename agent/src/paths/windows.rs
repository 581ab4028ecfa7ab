//! Windows: below the folder for all users' program data.

pub(super) const CONFIG_FILE: &str = r"C:\ProgramData\Tenken\agent.toml";
pub(super) const DATA_DIR: &str = r"C:\ProgramData\Tenken\Agent";
