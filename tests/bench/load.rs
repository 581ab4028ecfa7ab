//! What the load generator sends.

use jiff::Timestamp;
use tenken_proto::convert::encode_group;
use tenken_proto::fact::host::{Host, OsFamily};
use tenken_proto::fact::patch::{Patch, Update};
use tenken_proto::fact::usb::{DriverState, StorageEnforcement, Usb};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::report::Group;

/// Reports in flight on one connection.
pub(crate) const WINDOW: usize = 16;

fn unsupported<T>() -> Observed<T> {
    Observed::unreadable(Reason::Unsupported, "", "")
}

pub(crate) fn host_group(name: &str, at: Timestamp) -> Group {
    encode_group(host(name), at)
}

pub(crate) fn host(name: &str) -> Host {
    Host {
        host_name: Observed::known(name.to_owned(), "/etc/hostname"),
        os_family: Observed::seen(OsFamily::Linux),
        os_id: Observed::known("debian".to_owned(), "/etc/os-release"),
        os_version_id: Observed::known("12".to_owned(), "/etc/os-release"),
        os_name: Observed::known("Debian GNU/Linux 12 (bookworm)".to_owned(), "/etc/os-release"),
        kernel_release: Observed::known("6.1.0-28-amd64".to_owned(), "/proc"),
        architecture: Observed::seen("x86_64".to_owned()),
        booted_at: unsupported(),
        serial_number: unsupported(),
        hardware_vendor: unsupported(),
        hardware_model: unsupported(),
        cpu_model: unsupported(),
        cpu_count: Observed::seen(4),
        memory_bytes: Observed::seen(8 << 30),
        file_systems: unsupported(),
        packages_installed: Observed::seen(1_900),
    }
}

/// Two groups of together at least 2 KiB; odd and even rounds differ in a verdict of each.
pub(crate) fn changed_groups(round: u64, at: Timestamp) -> Vec<Group> {
    let (patch, usb) = changed(round, at);
    let groups = vec![encode_group(patch, at), encode_group(usb, at)];
    debug_assert!(groups.iter().map(|group| group.body.len()).sum::<usize>() >= 2048);
    groups
}

pub(crate) fn changed(round: u64, at: Timestamp) -> (Patch, Usb) {
    let bad = round % 2 == 1;
    let update = |n: u64| Update {
        name: Observed::seen(format!("library-with-a-name-{n}")),
        architecture: Observed::seen("amd64".to_owned()),
        installed: Observed::seen(format!("5.2.{n}-2+b2")),
        candidate: Observed::seen(format!("5.2.{n}-2+deb12u{round}")),
        security: Observed::seen(bad),
    };
    let updates: Vec<Update> = (0..16).map(update).collect();
    let patch = Patch {
        pending_updates: Observed::known(16, "/var/lib/dpkg/status, /var/lib/apt/lists"),
        pending_security_updates: Observed::seen(if bad { 16 } else { 0 }),
        held_security_updates: Observed::seen(0),
        updates: Observed::known(updates, "/var/lib/dpkg/status, /var/lib/apt/lists"),
        held_updates: Observed::seen(Vec::new()),
        updates_omitted: Observed::seen(0),
        source_refreshed_at: Observed::seen(at),
        source_valid_until: Observed::absent(""),
        sources: Observed::seen(Vec::new()),
        reboot_required: Observed::seen(false),
        newest_installed_kernel: Observed::seen("6.1.0-28-amd64".to_owned()),
        last_upgrade_at: unsupported(),
        automatic_updates: unsupported(),
    };
    let usb = Usb {
        storage_enforcement: Observed::seen(if bad { StorageEnforcement::Free } else { StorageEnforcement::Blocked }),
        usb_storage_driver: Observed::seen(if bad { DriverState::Available } else { DriverState::Prevented }),
        uas_driver: Observed::seen(DriverState::Prevented),
        usbguard_running: Observed::seen(false),
        usbguard_implicit_policy: Observed::absent(""),
        attached_storage: Observed::Withheld,
    };
    (patch, usb)
}
