//! Linux: the files that say which machine it is, and the live inventory where the root is live.

use tenken_proto::fact::host::Host;

use super::{PROGRAM, Raw, Source, live, of_files};
use crate::probe::Context;
use crate::probe::packages::{DPKG_STATUS, Packages};
use crate::root::Root;

pub(super) const WATCHED: &[&str] = &["/etc/hostname", "/etc/os-release", "/usr/lib/os-release", DPKG_STATUS];

/// Small files of the kernel and of `/etc`.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

pub(super) fn read(context: &Context) -> Host {
    let root = &context.root;
    let host = of_files(&raw(root));
    if root.is_live() { live::complete(host) } else { host }
}

fn raw(root: &Root) -> Raw {
    let text = |path: &'static str| Source { path, text: root.read_text(path, TEXT_BYTES_MAX) };
    let first_of = |first: &'static str, second: &'static str| match text(first) {
        source if source.text.is_ok() => source,
        _ => text(second),
    };
    Raw {
        host_name: first_of("/proc/sys/kernel/hostname", "/etc/hostname"),
        os_release: first_of("/etc/os-release", "/usr/lib/os-release"),
        kernel_release: text("/proc/sys/kernel/osrelease"),
        stat: text("/proc/stat"),
        serial_number: text("/sys/class/dmi/id/product_serial"),
        hardware_vendor: text("/sys/class/dmi/id/sys_vendor"),
        hardware_model: text("/sys/class/dmi/id/product_name"),
        cpuinfo: text("/proc/cpuinfo"),
        meminfo: text("/proc/meminfo"),
        program: root.read_head(PROGRAM, 64),
        packages: Packages::read(root).map(|packages| packages.installed_count()),
    }
}
