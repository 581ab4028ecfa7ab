//! Names of the running processes, as `/proc` beneath the root shows them.
//!
//! A name is what the kernel keeps for a process (at most 15 bytes), not proof against someone who may run
//! programs as root; a pid file is not even that, so none is read.

use std::collections::BTreeSet;

use tenken_proto::phrase;

use super::Context;
use crate::root::ReadError;

/// Most processes that are looked at; the rest counts as unseen, and nothing is said to be not running.
const PROCESSES_MAX: usize = 65_536;
/// The kernel keeps 15 bytes and ends them with a newline.
const NAME_BYTES_MAX: usize = 64;
/// Longest name that the kernel keeps.
const KERNEL_NAME_BYTES: usize = 15;
/// Where the names are.
pub(super) const SOURCE: &str = "/proc/*/comm";

/// Names of running processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Processes {
    names: BTreeSet<String>,
}

impl Processes {
    /// Reads all names.
    pub(super) fn read(context: &Context) -> Result<Self, ReadError> {
        let root = &context.root;
        let listing = root.list("/proc", PROCESSES_MAX)?;
        let ids: Vec<&String> =
            listing.names.iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).collect();
        if ids.is_empty() {
            return Err(ReadError::Missing { path: SOURCE.to_owned(), offline: !root.is_live() });
        }
        // With `hidepid` the processes of others cannot be seen, and "not running" could not be said.
        if root.is_live()
            && let Err(error) = root.read_head("/proc/1/comm", NAME_BYTES_MAX)
        {
            let grant = phrase::ROOT_OR_PROC_GROUP;
            return Err(match error {
                ReadError::Missing { path, .. } | ReadError::Permission { path, .. } => {
                    ReadError::Permission { path, grant: grant.to_owned() }
                }
                error @ (ReadError::TooLarge { .. } | ReadError::WrongKind { .. } | ReadError::Io { .. }) => error,
            });
        }
        let mut names = BTreeSet::new();
        for id in ids {
            // A process may have ended since it was listed.
            if let Ok(name) = root.read_head(&format!("/proc/{id}/comm"), NAME_BYTES_MAX) {
                names.insert(String::from_utf8_lossy(name.trim_ascii_end()).into_owned());
            }
        }
        Ok(Self { names })
    }

    /// A process of that name is running.
    pub(super) fn has(&self, name: &str) -> bool {
        let kept = name.get(..KERNEL_NAME_BYTES).unwrap_or(name);
        self.names.contains(kept)
    }
}
