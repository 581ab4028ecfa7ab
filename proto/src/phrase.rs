//! What an observation says in words where no path says it: how it was observed, and why it was not.
//!
//! The words travel in English, between and around paths (`last write of /var/log/syslog`, `/proc/modules (kernel
//! without modules), /sys/bus/usb/drivers`). The list is closed, so that a reader's language can have each of them;
//! the collector's texts name them by their keys (`phrase-KEY`).

macro_rules! phrases {
    ($($name:ident = $key:literal, $text:literal;)+) => {
        $(
            #[doc = concat!("“", $text, "”")]
            pub const $name: &str = $text;
        )+

        /// Every phrase: its key and its words.
        pub const ALL: &[(&str, &str)] = &[$(($key, $text)),+];
    };
}

phrases! {
    // How something was observed.
    SYSTEM_INTERFACE = "system-interface", "the system's own interface";
    ELF_HEADER = "elf-header", "(ELF header)";
    APT_CONFIGURATION = "apt-configuration", "apt configuration";
    APT_SOURCES = "apt-sources", "apt sources, release files";
    DPKG_AND_LISTS = "dpkg-and-lists", "dpkg status, apt lists";
    SECURITY_RELEASE_FILES = "security-release-files", "release files of the security archives";
    KERNEL_PACKAGES = "kernel-packages", "installed kernel packages";
    RUNNING_AGAINST_INSTALLED = "running-against-installed", "running against installed kernel";
    NO_MARK_IN_RUN = "no-mark-in-run", "no mark in /run";
    MODULES_BUILTIN = "modules-builtin", "modules.builtin of the running kernel";
    MODULES_DEP = "modules-dep", "modules.dep of the running kernel";
    WITHOUT_MODULES = "without-modules", "(kernel without modules)";
    IS_NOT_THERE = "is-not-there", "is not there";
    USBGUARD_POLICY = "usbguard-policy", "usbguard-daemon and its policy";
    USBGUARD_DEFAULT_POLICY = "usbguard-default-policy", "usbguard-daemon and its default policy";
    NO_FRESHCLAM = "no-freshclam", "no freshclam process, unit, timer or cron entry";
    NEEDS_NO_LICENCE = "needs-no-licence", "needs no licence";
    JOURNALD_DEFAULT = "journald-default", "journald's default";
    JOURNAL_IN_MEMORY = "journal-in-memory", "the journal is kept in memory until the next start";
    LAST_WRITE = "last-write", "last write of";
    COMPUTED_RETENTION = "computed-retention", "computed from size, span, limits and disk space";
    COLLECTOR_JOURNAL = "collector-journal", "the collector's journal";
    LIFECYCLE_PACKS = "lifecycle-packs", "life-cycle packs";
    // Why it was not.
    UNSUPPORTED_SYSTEM = "unsupported-system", "not supported on this system";
    NOT_A_PACKAGE = "not-a-package", "not installed as a package";
    NOT_READ_FOR_PRODUCT = "not-read-for-product", "not read for this product";
    NOT_THE_EXPECTED_VALUE = "not-the-expected-value", "does not hold the expected value";
    TIME_WAS_OVER = "time-was-over", "the probe's time was over";
    NEEDS_BOTH_DRIVERS = "needs-both-drivers", "needs the state of both drivers";
    NEEDS_UPDATES = "needs-updates", "needs patch.updates and patch.held_updates";
    MAY_NOT_BE_READ = "may-not-be-read", "may not be read; needs";
    GROUP_MEMBERSHIP = "group-membership", "membership of group";
    ROOT_OR_CAPABILITY = "root-or-capability", "root, or the capability CAP_DAC_READ_SEARCH";
    ROOT_OR_PROC_GROUP = "root-or-proc-group",
        "root, or membership of the group that may see all processes (mount option gid of /proc)";
    SEARCH_PERMISSION = "search-permission", "search permission on the directories above";
    LARGER_THAN = "larger-than", "is larger than";
    FAILED_TO_READ = "failed-to-read", "failed to read";
    NO_PACKAGE_SOURCE = "no-package-source", "no source of packages is configured in";
    NEEDS_DAY_OF_RECORDS = "needs-day-of-records", "needs a day of records";
    NEEDS_CONFIGURED_DAYS = "needs-configured-days", "needs configured_days";
    NEEDS_CONFIGURED_BYTES = "needs-configured-bytes", "needs configured_bytes";
    NEEDS_DISK_AVAILABLE = "needs-disk-available", "needs disk_available_bytes";
    NEEDS_SIZE = "needs-size", "needs size_bytes";
    MOUNTS_OF_RUNNING = "mounts-of-running", "mounted file systems are those of a running system";
    IMAGE_HAS_NO_RUN = "image-has-no-run", "an image that is not running has no /run; the mark of a needed restart would be there";
    NO_PACKAGE_LIST = "no-package-list", "no package list of";
    UPDATE_FETCHES_IT = "update-fetches-it", "is there; `apt-get update` fetches it";
    NO_LOGON_RECORDS = "no-logon-records", "no log-on records of the known form";
    NO_TIME_ON_LINES = "no-time-on-lines", "no line with a known form of time";
    COMPRESSED_AS = "compressed-as", "compressed as";
    WHICH_IS_NOT_READ = "which-is-not-read", ", which is not read";
    NO_KNOWN_PROGRAM = "no-known-program", "no ELF program of a known machine";
    NOT_A_JOURNAL_FILE = "not-a-journal-file", "does not begin like a journal file";
    ENDS_IN_HEADER = "ends-in-header", "ends within its header";
    NO_HEADER_TIMES = "no-header-times", "has no readable times in its header";
    SHORTER_THAN_CLAMAV_HEADER = "shorter-than-clamav-header", "is shorter than a ClamAV header";
    NOT_A_CLAMAV_HEADER = "not-a-clamav-header", "does not begin with `ClamAV-VDB:`";
    NO_VERSION_NUMBER = "no-version-number", "has no version number";
    NO_BUILD_TIME = "no-build-time", "has no readable time of its build";
    OLDER_AGENT = "older-agent", "not reported by this version of the agent";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ALL;

    #[test]
    fn keys_and_words_are_unique_and_keys_fit_a_text_file() {
        let keys: BTreeSet<&str> = ALL.iter().map(|(key, _)| *key).collect();
        let words: BTreeSet<&str> = ALL.iter().map(|(_, words)| *words).collect();
        assert_eq!((keys.len(), words.len()), (ALL.len(), ALL.len()));
        for key in keys {
            assert!(key.bytes().all(|c| c.is_ascii_lowercase() || c == b'-'), "{key}");
        }
    }
}
