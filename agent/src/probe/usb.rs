//! Whether USB storage can be used: what the kernel and its configuration enforce, not what a rule says.
//!
//! A driver that is not loaded and cannot come by itself does not serve a device. What keeps it away: a stub
//! (`install usb-storage /bin/false`), also of a module that it needs; a blacklist, which takes the automatic
//! loading away; the kernel's own `module_blacklist=`; modules switched off altogether; its absence.

use tenken_proto::fact::usb::{DriverState, StorageDevice, StorageEnforcement, Usb};
use tenken_proto::fact::{FactGroup as _, GroupSchema};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::phrase;
use tenken_proto::value::Record;

use super::dropin::ConfigFile;
use super::{Context, Probe};
use crate::root::{ReadError, Root};

#[cfg_attr(target_os = "windows", path = "usb/windows.rs")]
#[cfg_attr(target_os = "macos", path = "usb/macos.rs")]
#[cfg_attr(not(any(target_os = "windows", target_os = "macos")), path = "usb/linux.rs")]
mod imp;
mod modprobe;
mod usbguard;

use modprobe::{Rules, module_name};

/// Fills the group `usb`.
#[derive(Debug)]
pub struct UsbProbe;

impl Probe for UsbProbe {
    fn schema(&self) -> GroupSchema {
        Usb::schema()
    }

    fn watched(&self, root: &Root) -> Vec<String> {
        imp::watched(root)
    }

    fn observe(&self, context: &Context) -> Record {
        imp::read(context).into_record()
    }
}

const MODULES: &str = "/proc/modules";
const BUS: &str = "/sys/bus/usb";
const DRIVERS: &str = "/sys/bus/usb/drivers";
const HUBS: &str = "/sys/bus/usb/devices/usb*/authorized_default";
const USBGUARD: &str = "/usr/sbin/usbguard-daemon";
const USBGUARD_CONF: &str = "/etc/usbguard/usbguard-daemon.conf";

/// What the system shows of USB storage.
#[derive(Debug)]
struct Raw {
    live: bool,
    /// `/proc/modules`.
    modules: Result<String, ReadError>,
    /// `modules.builtin` and `modules.dep` of the running kernel.
    builtin: Result<String, ReadError>,
    dep: Result<String, ReadError>,
    modprobe: Vec<ConfigFile>,
    cmdline: Result<String, ReadError>,
    modules_disabled: Result<String, ReadError>,
    /// The USB bus is there.
    bus: Result<(), ReadError>,
    /// Names of the drivers that are registered with the bus.
    drivers: Result<Vec<String>, ReadError>,
    /// What each root hub does with a new device.
    authorized_default: Result<Vec<String>, ReadError>,
    usbguard: UsbGuard,
    attached: Observed<Vec<StorageDevice>>,
}

/// What there is of USBGuard.
#[derive(Debug)]
struct UsbGuard {
    installed: bool,
    running: Result<bool, ReadError>,
    conf: Result<String, ReadError>,
    rules: Vec<ConfigFile>,
}

/// The group as the system shows it.
fn meaning(raw: Raw) -> Usb {
    let rules = Rules::of(&raw.modprobe, raw.cmdline.as_deref().unwrap_or_default());
    let usb_storage_driver = driver("usb-storage", &raw, &rules);
    let uas_driver = driver("uas", &raw, &rules);
    let usbguard_running = usbguard_running(&raw.usbguard);
    let usbguard_implicit_policy = usbguard_policy(&raw.usbguard);
    let storage_enforcement = enforcement(
        &raw,
        [&usb_storage_driver, &uas_driver],
        &guard(&raw.usbguard, &usbguard_running, &usbguard_implicit_policy),
    );
    Usb {
        storage_enforcement,
        usb_storage_driver,
        uas_driver,
        usbguard_running,
        usbguard_implicit_policy,
        attached_storage: raw.attached,
    }
}

fn driver(name: &str, raw: &Raw, rules: &Rules) -> Observed<DriverState> {
    let registered = raw.drivers.as_ref().map(|drivers| drivers.iter().any(|driver| driver == name));
    match &raw.modules {
        Ok(modules) if modules.lines().filter_map(|line| line.split(' ').next()).any(|m| m == module_name(name)) => {
            return Observed::known(DriverState::Loaded, MODULES);
        }
        Ok(_) => {}
        // A live kernel without that file has no loadable modules.
        Err(error) if raw.live && error.is_absence() => {
            let state = if matches!(registered, Ok(true)) { DriverState::BuiltIn } else { DriverState::Missing };
            return Observed::known(state, format!("{MODULES} {}, {DRIVERS}", phrase::WITHOUT_MODULES));
        }
        Err(error) => return error.unreadable(),
    }
    let listed = raw.builtin.as_ref().map(|text| modprobe::lists_module(text, name));
    if matches!(listed, Ok(true)) {
        return Observed::known(DriverState::BuiltIn, phrase::MODULES_BUILTIN);
    }
    if matches!(registered, Ok(true)) {
        return Observed::known(DriverState::BuiltIn, DRIVERS);
    }
    if let (Err(error), Err(_)) = (&listed, &registered) {
        return error.unreadable();
    }
    not_loaded(name, raw, rules)
}

/// A driver that is neither loaded nor built in: whether it would come when a device is attached.
fn not_loaded(name: &str, raw: &Raw, rules: &Rules) -> Observed<DriverState> {
    let prevented = |source: String| Observed::known(DriverState::Prevented, source);
    if raw.modules_disabled.as_ref().is_ok_and(|text| text.trim() == "1") {
        return prevented("/proc/sys/kernel/modules_disabled".to_owned());
    }
    if let Some(source) = rules.prevents(name) {
        return prevented(source);
    }
    let needs = raw.dep.as_ref().map(|text| modprobe::dependencies(text, name));
    match needs {
        Ok(None) => Observed::known(DriverState::Missing, phrase::MODULES_DEP),
        Ok(Some(needs)) => match needs.iter().find_map(|needed| rules.stub(needed)) {
            Some(source) => prevented(source),
            None => match rules.unread() {
                Some(error) => error.unreadable(),
                None => Observed::known(DriverState::Available, format!("{}, modprobe.d", phrase::MODULES_DEP)),
            },
        },
        // Without the list nothing is known of what the kernel could load: a container sees its own files only.
        Err(error) => error.unreadable(),
    }
}

fn usbguard_running(guard: &UsbGuard) -> Observed<bool> {
    match &guard.running {
        Ok(running) if *running || guard.installed => Observed::known(*running, super::processes::SOURCE),
        Ok(_) => Observed::absent(USBGUARD),
        Err(_) if !guard.installed => Observed::absent(USBGUARD),
        Err(error) => error.unreadable(),
    }
}

/// USBGuard's own default where its configuration names nothing.
const USBGUARD_DEFAULT: &str = "block";

fn usbguard_policy(guard: &UsbGuard) -> Observed<String> {
    match &guard.conf {
        Ok(text) => {
            let mut said = text.lines().filter_map(|line| line.trim().strip_prefix("ImplicitPolicyTarget="));
            let target = said.next_back().map_or(USBGUARD_DEFAULT, str::trim);
            Observed::known(target.to_lowercase(), USBGUARD_CONF)
        }
        Err(error) if guard.installed => error.absent_or_unreadable(),
        Err(_) => Observed::absent(USBGUARD_CONF),
    }
}

/// Whether USBGuard lets only listed devices in.
fn guard(guard: &UsbGuard, running: &Observed<bool>, policy: &Observed<String>) -> Observed<bool> {
    match running {
        Observed::Known { value: true, .. } => {}
        Observed::Known { value: false, source } | Observed::Absent { source } => {
            return Observed::known(false, source.clone());
        }
        Observed::Unreadable { reason, detail, source } => {
            return Observed::unreadable(reason.clone(), detail.clone(), source.clone());
        }
        Observed::Withheld => return Observed::Withheld,
    }
    for file in &guard.rules {
        match &file.text {
            Ok(text) if text.lines().any(usbguard::allows_any_storage) => {
                return Observed::known(false, file.path.clone());
            }
            Ok(_) => {}
            Err(error) => return error.unreadable(),
        }
    }
    match policy {
        Observed::Known { value, .. } => {
            Observed::known(matches!(value.as_str(), "block" | "reject"), phrase::USBGUARD_POLICY)
        }
        Observed::Absent { .. } => Observed::known(true, phrase::USBGUARD_DEFAULT_POLICY),
        Observed::Unreadable { reason, detail, source } => {
            Observed::unreadable(reason.clone(), detail.clone(), source.clone())
        }
        Observed::Withheld => Observed::Withheld,
    }
}

fn enforcement(
    raw: &Raw,
    drivers: [&Observed<DriverState>; 2],
    guard: &Observed<bool>,
) -> Observed<StorageEnforcement> {
    if let Err(error) = &raw.bus
        && error.is_absence()
        && raw.live
    {
        return Observed::absent(BUS);
    }
    let usable = |state: &DriverState| match state {
        DriverState::Loaded | DriverState::Available | DriverState::BuiltIn => true,
        DriverState::Prevented | DriverState::Missing => false,
    };
    if drivers.iter().all(|driver| driver.value().is_some_and(|state| !usable(state))) {
        let [first, second] = drivers.map(Observed::source);
        let source = if first == second { first.to_owned() } else { format!("{first}; {second}") };
        return Observed::known(StorageEnforcement::Blocked, source);
    }
    if let Observed::Known { value: true, source } = guard {
        return Observed::known(StorageEnforcement::AllowList, source.clone());
    }
    if raw.authorized_default.as_ref().is_ok_and(|hubs| refuses_new_devices(hubs)) {
        return Observed::known(StorageEnforcement::AllowList, HUBS);
    }
    // A driver that could be seen serves devices, whatever the other one does.
    let free = drivers.iter().find(|driver| driver.value().is_some_and(usable));
    match (&raw.bus, guard, free) {
        (Err(error), _, _) => error.unreadable(),
        (Ok(()), Observed::Known { .. }, Some(driver)) => Observed::known(StorageEnforcement::Free, driver.source()),
        (Ok(()), Observed::Unreadable { reason, detail, source }, _) => {
            Observed::unreadable(reason.clone(), detail.clone(), source.clone())
        }
        (Ok(()), _, _) => unreadable_driver(drivers),
    }
}

fn unreadable_driver(drivers: [&Observed<DriverState>; 2]) -> Observed<StorageEnforcement> {
    for driver in drivers {
        if let Observed::Unreadable { reason, detail, source } = driver {
            return Observed::unreadable(reason.clone(), detail.clone(), source.clone());
        }
    }
    Observed::unreadable(Reason::DependsOn, phrase::NEEDS_BOTH_DRIVERS, MODULES)
}

/// Every root hub leaves new outside devices unauthorised.
fn refuses_new_devices(hubs: &[String]) -> bool {
    !hubs.is_empty() && hubs.iter().all(|hub| matches!(hub.trim(), "0" | "2"))
}

#[cfg(test)]
mod tests;
