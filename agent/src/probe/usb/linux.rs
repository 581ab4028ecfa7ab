//! Linux: kernel, module lists, modprobe and USBGuard files, as they are.

use tenken_proto::fact::usb::{StorageDevice, Usb};
use tenken_proto::observed::Observed;

use super::{BUS, DRIVERS, HUBS, MODULES, Raw, USBGUARD, USBGUARD_CONF, UsbGuard, meaning};
use crate::probe::processes::Processes;
use crate::probe::{Context, dropin};
use crate::root::{ReadError, Root};

/// modprobe's directories; of files of one name the first counts.
const MODPROBE: [&str; 5] =
    ["/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"];
/// USBGuard's rules.
const RULES: &str = "/etc/usbguard/rules.conf";
const RULES_D: &str = "/etc/usbguard/rules.d";
const DEVICES: &str = "/sys/bus/usb/devices";
/// Small files of the kernel.
const TEXT_BYTES_MAX: usize = 1024 * 1024;
/// `modules.dep` of a distribution's kernel is below one MiB.
const DEP_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most names in a directory of the bus.
const NAMES_MAX: usize = 4_096;
/// USB's class of mass storage.
const CLASS_STORAGE: &[u8] = b"08";

pub(super) fn watched(root: &Root) -> Vec<String> {
    let fixed = MODPROBE.iter().copied().chain(["/etc/usbguard", RULES_D, USBGUARD]);
    let kernel = [MODULES, "/proc", "/proc/cmdline", "/proc/sys/kernel/modules_disabled", "/sys/bus", BUS, DRIVERS];
    let release = release(root).ok().map(|release| format!("/lib/modules/{release}"));
    fixed.chain(kernel).map(str::to_owned).chain(release).collect()
}

pub(super) fn read(context: &Context) -> Usb {
    let root = &context.root;
    let of_kernel = |file: &str| {
        let release = release(root)?;
        root.read_text(&format!("/lib/modules/{release}/{file}"), DEP_BYTES_MAX)
    };
    meaning(Raw {
        live: root.is_live(),
        modules: root.read_text(MODULES, TEXT_BYTES_MAX),
        builtin: of_kernel("modules.builtin"),
        dep: of_kernel("modules.dep"),
        modprobe: dropin::read(root, &MODPROBE, ".conf"),
        cmdline: root.read_text("/proc/cmdline", TEXT_BYTES_MAX),
        modules_disabled: root.read_text("/proc/sys/kernel/modules_disabled", TEXT_BYTES_MAX),
        bus: root.stat(BUS).map(|_| ()),
        drivers: root.list(DRIVERS, NAMES_MAX).map(|listing| listing.names),
        authorized_default: authorized_default(root),
        usbguard: usbguard(context),
        attached: if context.personal { attached(root) } else { Observed::Withheld },
    })
}

fn release(root: &Root) -> Result<String, ReadError> {
    let text = root.read_text("/proc/sys/kernel/osrelease", TEXT_BYTES_MAX)?;
    let name = text.trim();
    if name.is_empty() || name.contains('/') || name == ".." {
        return Err(ReadError::WrongKind { path: "/proc/sys/kernel/osrelease".to_owned(), expected: "a release" });
    }
    Ok(name.to_owned())
}

fn authorized_default(root: &Root) -> Result<Vec<String>, ReadError> {
    let names = root.list(DEVICES, NAMES_MAX)?.names;
    let hubs = names.iter().filter(|name| name.starts_with("usb"));
    hubs.map(|hub| root.read_text(&format!("{DEVICES}/{hub}/authorized_default"), TEXT_BYTES_MAX)).collect()
}

fn usbguard(context: &Context) -> UsbGuard {
    let root = &context.root;
    let mut rules = vec![dropin::one(root, RULES.to_owned())];
    rules.extend(dropin::read(root, &[RULES_D], ".conf"));
    UsbGuard {
        installed: root.exists(USBGUARD),
        running: Processes::read(context).map(|processes| processes.has("usbguard-daemon")),
        conf: root.read_text(USBGUARD_CONF, TEXT_BYTES_MAX),
        rules,
    }
}

fn attached(root: &Root) -> Observed<Vec<StorageDevice>> {
    let names = match root.list(DEVICES, NAMES_MAX) {
        Ok(listing) => listing.names,
        Err(error) => return error.absent_or_unreadable(),
    };
    let text = |device: &str, file: &str| match root.read_text(&format!("{DEVICES}/{device}/{file}"), TEXT_BYTES_MAX) {
        Ok(text) => Observed::seen(text.trim().to_owned()),
        Err(error) => error.absent_or_unreadable(),
    };
    let mut devices: Vec<&str> = names
        .iter()
        .filter(|name| {
            let class = root.read(&format!("{DEVICES}/{name}/bInterfaceClass"), TEXT_BYTES_MAX);
            class.is_ok_and(|class| class.trim_ascii() == CLASS_STORAGE)
        })
        .filter_map(|interface| interface.split(':').next())
        .collect();
    devices.dedup();
    let seen = devices.into_iter().map(|device| StorageDevice {
        vendor_id: text(device, "idVendor"),
        product_id: text(device, "idProduct"),
        product_name: text(device, "product"),
    });
    Observed::known(seen.collect(), HUBS.rsplit_once("/usb*").map_or(HUBS, |(devices, _)| devices))
}
