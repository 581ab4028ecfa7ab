//! Patch level: what the archives offer that this host has not installed (R-001, R-005, P-040, P-041).
//!
//! The counts say what they say even when the lists are old; the control turns *unknown* by
//! `source_refreshed_at`.

use jiff::Timestamp;

use super::{fact_group, fact_record, words};

words! {
    /// What happens without a person.
    pub enum AutomaticUpdates {
        /// Upgrades are installed.
        Install = "install",
        /// Upgrades are fetched, not installed.
        Download = "download",
        /// Lists are refreshed only.
        RefreshOnly = "refresh_only",
        /// Nothing.
        Off = "off",
    }
}

fact_record! {
    /// An installed package for which a newer version is to be installed.
    pub struct Update {
        /// Package name.
        name: String,
        /// Package architecture.
        architecture: String,
        /// Installed version.
        installed: String,
        /// Version to be installed.
        candidate: String,
        /// Offered by a security archive.
        security: bool,
    }
}

fact_record! {
    /// An archive from which the host takes packages.
    pub struct UpdateSource {
        /// Where it is, without credentials.
        location: String,
        /// Suite or codename.
        suite: String,
        /// Origin that the archive names.
        origin: String,
        /// It is a security archive, by its origin or label.
        security: bool,
        /// The archive's own date.
        refreshed_at: Timestamp,
        /// Until when the archive says that it is current.
        valid_until: Timestamp,
    }
}

fact_group! {
    /// Which updates are pending, and how fresh that knowledge is.
    pub struct Patch = "patch" version 1 {
        /// Updates that an upgrade would install; held packages are not among them.
        pending_updates: u64,
        /// Those of them that a security archive offers.
        pending_security_updates: u64,
        /// Security updates that do not arrive because the package is held.
        held_security_updates: u64,
        /// The pending updates, by name; at most 1,000.
        updates: Vec<Update>,
        /// Updates of held packages, by name; at most 1,000.
        held_updates: Vec<Update>,
        /// Pending and held updates left out of the two lists.
        updates_omitted: u64,
        /// The security archive's own date: how old the knowledge is. The oldest of several.
        source_refreshed_at: Timestamp,
        /// Until when the security archive says that it is current. The earliest of several.
        source_valid_until: Timestamp,
        /// The archives.
        sources: Vec<UpdateSource>,
        /// The system waits for a restart.
        reboot_required: bool,
        /// Newest installed kernel release; differs from the running one until a restart.
        newest_installed_kernel: String,
        /// When packages were last installed or upgraded.
        last_upgrade_at: Timestamp,
        /// What happens without a person.
        automatic_updates: AutomaticUpdates,
    }
}
