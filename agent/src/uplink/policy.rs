//! The collector's settings, kept so that they hold from the start of the next run.

use std::path::{Path, PathBuf};

use prost::Message as _;
use tenken_proto::wire;

use crate::durable;
use crate::halves::{Policy, wire_policy};
use crate::transport::chain::chain;

/// Largest file that is read.
const FILE_BYTES_MAX: usize = 16 * 1024;

/// What was kept; without it, no wishes.
pub(super) fn load(data_dir: &Path) -> Policy {
    let path = path(data_dir);
    let kept = match durable::read(&path, FILE_BYTES_MAX) {
        Ok(None) => return Policy::default(),
        Ok(Some(bytes)) => wire::Policy::decode(bytes.as_slice())
            .map_err(|error| error.to_string())
            .and_then(|policy| Policy::from_wire(&policy).map_err(|error| error.to_string())),
        Err(error) => Err(error.to_string()),
    };
    kept.unwrap_or_else(|problem| {
        tracing::warn!(path = %path.display(), problem, "Kept policy cannot be read; it will come again");
        Policy::default()
    })
}

/// Keeps it. A failure means that it comes again at the next connection.
pub(super) fn keep(data_dir: &Path, policy: &Policy) {
    let path = path(data_dir);
    if let Err(error) = durable::replace(&path, &wire_policy(policy).encode_to_vec()) {
        tracing::warn!(path = %path.display(), error = %chain(&error), "Failed to keep the policy");
    }
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("policy.bin")
}
