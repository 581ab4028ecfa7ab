//! What the system enforces for USB storage (R-020, R-021, P-052), not what a rule says.

use super::{fact_group, fact_record, words};

words! {
    /// What is technically enforced.
    pub enum StorageEnforcement {
        /// Any storage device can be used.
        Free = "free",
        /// Only listed devices can be used.
        AllowList = "allow_list",
        /// No storage device can be used.
        Blocked = "blocked",
    }
}

words! {
    /// How a kernel driver stands.
    pub enum DriverState {
        /// Loaded now.
        Loaded = "loaded",
        /// Loads when a device is attached.
        Available = "available",
        /// Installed, and configuration keeps it from loading.
        Prevented = "prevented",
        /// Part of the kernel itself.
        BuiltIn = "built_in",
        /// Not there for the running kernel.
        Missing = "missing",
    }
}

fact_record! {
    /// A USB storage device that is attached now.
    pub struct StorageDevice {
        /// Vendor id, four hexadecimal digits.
        vendor_id: String,
        /// Product id, four hexadecimal digits.
        product_id: String,
        /// Product name as the device says.
        product_name: String,
    }
}

fact_group! {
    /// Whether USB storage can be used on this machine.
    pub struct Usb = "usb" version 1 {
        /// What is technically enforced; absent where the live kernel has no USB bus.
        storage_enforcement: StorageEnforcement,
        /// The usb-storage driver.
        usb_storage_driver: DriverState,
        /// The uas driver.
        uas_driver: DriverState,
        /// USBGuard is running.
        usbguard_running: bool,
        /// USBGuard's treatment of devices that no rule names.
        usbguard_implicit_policy: String,
        /// Storage devices attached now.
        attached_storage: Vec<StorageDevice> {personal},
    }
}
