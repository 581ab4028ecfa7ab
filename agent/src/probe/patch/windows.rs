//! Windows: not read yet.

use jiff::Timestamp;
use tenken_proto::fact::patch::Patch;
use tenken_proto::observed::Reason;

use super::unreadable;
use crate::root::Root;

pub(super) const WATCHED: &[&str] = &[];

pub(super) fn observe(_root: &Root, _now: Timestamp) -> Patch {
    unreadable(&Reason::Unsupported, "updates of Windows are not read yet", "")
}
