//! Patch level: what an upgrade would install, how fresh that knowledge is, whether a restart is due.
//!
//! Systems with dpkg and apt are read natively, from their own files and without running a program
//! ([`apt`]). Elsewhere every field is unreadable (unsupported). Nothing here claims zero updates without
//! having seen the archives' lists.

use jiff::Timestamp;
use tenken_proto::fact::patch::Patch;
use tenken_proto::fact::{FactGroup as _, GroupSchema};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::value::Record;

use super::{Context, Probe};
use crate::root::Root;

mod apt;
#[cfg_attr(target_os = "windows", path = "patch/windows.rs")]
#[cfg_attr(target_os = "macos", path = "patch/macos.rs")]
#[cfg_attr(not(any(target_os = "windows", target_os = "macos")), path = "patch/linux.rs")]
mod imp;

/// Fills the group `patch`.
#[derive(Debug)]
pub struct PatchProbe;

impl Probe for PatchProbe {
    fn schema(&self) -> GroupSchema {
        Patch::schema()
    }

    fn watched(&self, _: &Root) -> Vec<String> {
        imp::WATCHED.iter().map(|path| (*path).to_owned()).collect()
    }

    fn observe(&self, context: &Context) -> Record {
        observe(&context.root, context.now).into_record()
    }
}

/// Looks once.
#[must_use]
pub fn observe(root: &Root, now: Timestamp) -> Patch {
    imp::observe(root, now)
}

/// Order of two Debian version numbers, for tests against dpkg.
#[doc(hidden)]
#[must_use]
pub fn compare_versions(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    apt::version::compare(a, b)
}

/// Every field unreadable for the same reason.
fn unreadable(reason: &Reason, detail: &str, source: &str) -> Patch {
    macro_rules! all {
        ($($field:ident),+ $(,)?) => {
            Patch { $($field: Observed::unreadable(reason.clone(), detail, source)),+ }
        };
    }
    all! {
        pending_updates, pending_security_updates, held_security_updates, updates, held_updates, updates_omitted,
        source_refreshed_at, source_valid_until, sources, reboot_required, newest_installed_kernel, last_upgrade_at,
        automatic_updates,
    }
}

#[cfg(test)]
mod tests;
