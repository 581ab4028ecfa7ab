//! Linux: as the Filesystem Hierarchy Standard places them.

pub(super) const CONFIG_FILE: &str = "/etc/tenken/agent.toml";
pub(super) const DATA_DIR: &str = "/var/lib/tenken-agent";
