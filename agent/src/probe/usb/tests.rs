//! From files to the meaning, beneath prepared roots.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::*;

struct Tree(tempfile::TempDir);

/// A root as a running Debian shows it: modules installed, nothing loaded, a bus with one hub.
fn running() -> Tree {
    let tree = Tree(tempfile::tempdir().unwrap());
    tree.put("proc/sys/kernel/osrelease", "6.1.0-1-amd64\n");
    tree.put("proc/modules", "ext4 1 1 - Live 0x0\n");
    tree.put("proc/1/comm", "systemd\n");
    tree.put("lib/modules/6.1.0-1-amd64/modules.builtin", "kernel/drivers/usb/core/usbcore.ko\n");
    tree.put(
        "lib/modules/6.1.0-1-amd64/modules.dep",
        "kernel/drivers/usb/storage/usb-storage.ko: kernel/drivers/scsi/scsi_mod.ko\n\
         kernel/drivers/usb/storage/uas.ko: kernel/drivers/usb/storage/usb-storage.ko\n",
    );
    tree.put("sys/bus/usb/drivers/hub/bind", "");
    tree.put("sys/bus/usb/devices/usb1/authorized_default", "1\n");
    tree
}

impl Tree {
    fn put(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn see(&self) -> Usb {
        let root = Arc::new(Root::at(self.0.path()).unwrap());
        imp::read(&Context::new(root, Timestamp::UNIX_EPOCH, true, Duration::from_secs(60)))
    }

    fn enforcement(&self) -> String {
        word(&self.see().storage_enforcement, |it| it.word().to_owned())
    }
}

fn word<T>(observed: &Observed<T>, text: impl Fn(&T) -> String) -> String {
    match observed {
        Observed::Known { value, .. } => text(value),
        Observed::Absent { .. } => "absent".to_owned(),
        Observed::Unreadable { reason, .. } => reason.code().to_owned(),
        Observed::Withheld => "withheld".to_owned(),
    }
}

#[test]
fn a_usual_system_is_free() {
    let tree = running();
    assert_eq!(tree.enforcement(), "free");
    assert_eq!(tree.see().usb_storage_driver.value(), Some(&DriverState::Available));
    assert!(matches!(tree.see().usbguard_running, Observed::Absent { .. }));
}

#[test]
fn a_stub_for_usb_storage_also_keeps_uas_away() {
    let tree = running();
    tree.put("etc/modprobe.d/usb.conf", "install usb-storage /bin/false\n");
    assert_eq!(tree.enforcement(), "blocked");
    assert_eq!(tree.see().uas_driver.value(), Some(&DriverState::Prevented));
}

#[test]
fn a_blacklist_of_one_driver_leaves_the_other() {
    let tree = running();
    tree.put("etc/modprobe.d/usb.conf", "blacklist usb-storage\n");
    assert_eq!(tree.enforcement(), "free");
    tree.put("etc/modprobe.d/uas.conf", "blacklist uas\n");
    assert_eq!(tree.enforcement(), "blocked");
}

#[test]
fn a_loaded_or_built_in_driver_is_free_whatever_the_rules_say() {
    let tree = running();
    tree.put("etc/modprobe.d/usb.conf", "install usb-storage /bin/false\ninstall uas /bin/false\n");
    tree.put("proc/modules", "usb_storage 1 0 - Live 0x0\n");
    assert_eq!(tree.enforcement(), "free");
    tree.put("proc/modules", "");
    tree.put("lib/modules/6.1.0-1-amd64/modules.builtin", "kernel/drivers/usb/storage/usb-storage.ko\n");
    assert_eq!(tree.enforcement(), "free");
    assert_eq!(tree.see().usb_storage_driver.value(), Some(&DriverState::BuiltIn));
}

#[test]
fn a_file_in_etc_takes_the_place_of_the_vendors_file() {
    let tree = running();
    tree.put("usr/lib/modprobe.d/usb.conf", "install usb-storage /bin/false\n");
    assert_eq!(tree.enforcement(), "blocked");
    tree.put("etc/modprobe.d/usb.conf", "# allowed here\n");
    assert_eq!(tree.enforcement(), "free");
}

#[test]
fn usbguard_counts_when_it_runs_and_blocks_by_default() {
    let tree = running();
    tree.put("usr/sbin/usbguard-daemon", "");
    tree.put("etc/usbguard/usbguard-daemon.conf", "ImplicitPolicyTarget=block\n");
    assert_eq!(tree.enforcement(), "free");
    tree.put("proc/77/comm", "usbguard-daemon\n");
    assert_eq!(tree.enforcement(), "allow_list");
    for general in ["allow", "allow id *:*", "allow with-interface 08:*:*"] {
        tree.put("etc/usbguard/rules.conf", &format!("allow id 1d6b:0002\n{general}\n"));
        assert_eq!(tree.enforcement(), "free", "{general}");
    }
    tree.put("etc/usbguard/rules.conf", "allow id 1d6b:0002\n");
    tree.put("etc/usbguard/usbguard-daemon.conf", "ImplicitPolicyTarget=allow\n");
    assert_eq!(tree.enforcement(), "free");
}

#[test]
fn hubs_that_authorise_nothing_are_an_allow_list() {
    let tree = running();
    tree.put("sys/bus/usb/devices/usb1/authorized_default", "0\n");
    assert_eq!(tree.enforcement(), "allow_list");
}

#[test]
fn a_mounted_image_says_nothing_of_a_running_kernel() {
    let tree = Tree(tempfile::tempdir().unwrap());
    tree.put("etc/modprobe.d/usb.conf", "install usb-storage /bin/false\n");
    let usb = tree.see();
    assert_eq!(word(&usb.storage_enforcement, |_| String::new()), "offline_root");
    assert_eq!(word(&usb.usb_storage_driver, |_| String::new()), "offline_root");
}

#[test]
fn a_live_kernel_whose_modules_cannot_be_looked_at_may_load_the_driver() {
    let missing = |path: &str| ReadError::Missing { path: path.to_owned(), offline: false };
    let raw = || Raw {
        live: true,
        modules: Ok("ext4 1 1 - Live 0x0\n".to_owned()),
        builtin: Err(missing("/lib/modules/6.1.0-1-amd64/modules.builtin")),
        dep: Err(missing("/lib/modules/6.1.0-1-amd64/modules.dep")),
        modprobe: Vec::new(),
        cmdline: Ok(String::new()),
        modules_disabled: Ok("0\n".to_owned()),
        bus: Ok(()),
        drivers: Ok(vec!["hub".to_owned()]),
        authorized_default: Ok(vec!["1\n".to_owned()]),
        usbguard: UsbGuard {
            installed: false,
            running: Ok(false),
            conf: Err(missing(USBGUARD_CONF)),
            rules: Vec::new(),
        },
        attached: Observed::Withheld,
    };
    let usb = meaning(raw());
    assert_eq!(word(&usb.usb_storage_driver, |it| it.word().to_owned()), "depends_on");
    assert_eq!(word(&usb.storage_enforcement, |it| it.word().to_owned()), "depends_on");
    let switched_off = meaning(Raw { modules_disabled: Ok("1\n".to_owned()), ..raw() });
    assert_eq!(word(&switched_off.storage_enforcement, |it| it.word().to_owned()), "blocked");
}

#[test]
fn blocked_can_be_said_without_the_bus() {
    let tree = running();
    fs::remove_dir_all(tree.0.path().join("sys")).unwrap();
    tree.put("etc/modprobe.d/usb.conf", "install usb-storage /bin/false\n");
    assert_eq!(tree.enforcement(), "blocked");
    tree.put("etc/modprobe.d/usb.conf", "");
    assert_eq!(tree.enforcement(), "offline_root");
}

#[test]
fn attached_storage_is_listed_once_for_each_device() {
    let tree = running();
    for interface in ["1-2:1.0", "1-2:1.1"] {
        tree.put(&format!("sys/bus/usb/devices/{interface}/bInterfaceClass"), "08\n");
    }
    tree.put("sys/bus/usb/devices/1-2/idVendor", "0781\n");
    tree.put("sys/bus/usb/devices/1-2/idProduct", "5581\n");
    let usb = tree.see();
    let devices = usb.attached_storage.value().unwrap();
    assert_eq!(devices.len(), 1);
    assert_eq!(devices[0].vendor_id.value().map(String::as_str), Some("0781"));
}
