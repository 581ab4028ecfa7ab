//! Linux: dpkg and apt.

use jiff::Timestamp;
use tenken_proto::fact::patch::Patch;
use tenken_proto::observed::Reason;

use super::{apt, unreadable};
use crate::root::Root;

pub(super) const WATCHED: &[&str] = apt::WATCHED;

pub(super) fn observe(root: &Root, _now: Timestamp) -> Patch {
    apt::observe(root).unwrap_or_else(|| {
        let detail = "only systems with dpkg and apt are read, and dpkg's status is not there";
        unreadable(&Reason::Unsupported, detail, "/var/lib/dpkg/status")
    })
}
