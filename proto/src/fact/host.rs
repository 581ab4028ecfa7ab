//! What machine this is. Feeds coverage, operating-system support and the inventory.

use jiff::Timestamp;

use super::{fact_group, fact_record, words};

words! {
    /// The family that decides which probes apply.
    pub enum OsFamily {
        /// Linux.
        Linux = "linux",
        /// Windows.
        Windows = "windows",
        /// macOS.
        Macos = "macos",
    }
}

fact_record! {
    /// A mounted file system on a disk.
    pub struct FileSystem {
        /// Where it is mounted.
        mount_point: String,
        /// Its type, such as ext4.
        kind: String,
        /// Size in bytes.
        size_bytes: u64,
        /// Space left for ordinary users, in bytes.
        available_bytes: u64 [hysteresis 10],
    }
}

fact_group! {
    /// Which machine this is and what it runs.
    pub struct Host = "host" version 1 {
        /// Host name without domain.
        host_name: String,
        /// Family of the operating system.
        os_family: OsFamily,
        /// Identifier of the system, as `ID` of os-release.
        os_id: String,
        /// Version of the system, as `VERSION_ID` of os-release.
        os_version_id: String,
        /// Name of the system for people.
        os_name: String,
        /// Release of the running kernel.
        kernel_release: String,
        /// Processor architecture, as the kernel names it.
        architecture: String,
        /// When the system was started.
        booted_at: Timestamp,
        /// Serial number that the maker gave the machine.
        serial_number: String,
        /// Maker of the machine.
        hardware_vendor: String,
        /// Model of the machine.
        hardware_model: String,
        /// Processor model.
        cpu_model: String,
        /// Number of logical processors.
        cpu_count: u64,
        /// Memory in bytes.
        memory_bytes: u64,
        /// File systems on disks.
        file_systems: Vec<FileSystem>,
        /// Number of installed packages.
        packages_installed: u64,
    }
}
