//! Which machine this is: names, system, kernel, hardware, file systems.
//!
//! On the live system the inventory comes from the system's own interfaces; beneath another root everything
//! comes from files there. Both give a [`Raw`], and the meaning is here.

use jiff::Timestamp;
use tenken_proto::fact::host::{Host, OsFamily};
use tenken_proto::fact::{FactGroup as _, GroupSchema};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::phrase;
use tenken_proto::value::Record;

use super::packages::DPKG_STATUS;
use super::{Context, Probe};
use crate::root::{ReadError, Root};

#[cfg_attr(target_os = "windows", path = "host/windows.rs")]
#[cfg_attr(target_os = "macos", path = "host/macos.rs")]
#[cfg_attr(not(any(target_os = "windows", target_os = "macos")), path = "host/linux.rs")]
mod imp;
mod live;

/// Fills the group `host`.
#[derive(Debug)]
pub struct HostProbe;

impl Probe for HostProbe {
    fn schema(&self) -> GroupSchema {
        Host::schema()
    }

    fn watched(&self, _: &Root) -> Vec<String> {
        imp::WATCHED.iter().map(|path| (*path).to_owned()).collect()
    }

    fn observe(&self, context: &Context) -> Record {
        imp::read(context).into_record()
    }
}

/// A file and what reading it gave.
struct Source {
    path: &'static str,
    text: Result<String, ReadError>,
}

impl Source {
    /// The value that the text holds; a text without it is malformed.
    fn value<T>(&self, parse: impl Fn(&str) -> Option<T>) -> Observed<T> {
        match &self.text {
            Ok(text) => match parse(text) {
                Some(value) => Observed::known(value, self.path),
                None => Observed::unreadable(Reason::Malformed, phrase::NOT_THE_EXPECTED_VALUE, self.path),
            },
            Err(error) => error.unreadable(),
        }
    }

    /// The value that the text may hold.
    fn value_if_there<T>(&self, parse: impl Fn(&str) -> Option<T>) -> Observed<T> {
        match &self.text {
            Ok(text) => match parse(text) {
                Some(value) => Observed::known(value, self.path),
                None => Observed::absent(self.path),
            },
            Err(error) => error.absent_or_unreadable(),
        }
    }
}

/// Files that say which machine it is.
struct Raw {
    host_name: Source,
    os_release: Source,
    kernel_release: Source,
    stat: Source,
    serial_number: Source,
    hardware_vendor: Source,
    hardware_model: Source,
    cpuinfo: Source,
    meminfo: Source,
    /// The head of a program of the system.
    program: Result<Vec<u8>, ReadError>,
    /// How many packages are installed.
    packages: Result<u64, ReadError>,
}

const PROGRAM: &str = "/bin/sh";

/// The group as the files say it.
fn of_files(raw: &Raw) -> Host {
    Host {
        host_name: raw.host_name.value(host_name),
        os_family: os_family(raw),
        os_id: raw.os_release.value(|text| os_release_value(text, "ID")),
        os_version_id: raw.os_release.value_if_there(|text| os_release_value(text, "VERSION_ID")),
        os_name: raw.os_release.value_if_there(|text| os_release_value(text, "PRETTY_NAME")),
        kernel_release: raw.kernel_release.value(first_line),
        architecture: match &raw.program {
            Ok(head) => match elf_machine(head) {
                Some(machine) => Observed::known(machine.to_owned(), format!("{PROGRAM} {}", phrase::ELF_HEADER)),
                None => Observed::unreadable(Reason::Malformed, phrase::NO_KNOWN_PROGRAM, PROGRAM),
            },
            Err(error) => error.unreadable(),
        },
        booted_at: raw.stat.value(boot_time),
        serial_number: raw.serial_number.value_if_there(firmware_text),
        hardware_vendor: raw.hardware_vendor.value_if_there(firmware_text),
        hardware_model: raw.hardware_model.value_if_there(firmware_text),
        cpu_model: raw.cpuinfo.value_if_there(|text| colon_value(text, "model name")),
        cpu_count: raw.cpuinfo.value(cpu_count),
        memory_bytes: raw.meminfo.value(memory_bytes),
        file_systems: Observed::unreadable(Reason::OfflineRoot, phrase::MOUNTS_OF_RUNNING, "/proc/mounts"),
        packages_installed: match &raw.packages {
            Ok(count) => Observed::known(*count, DPKG_STATUS),
            Err(error) => error.absent_or_unreadable(),
        },
    }
}

/// Linux where a file that only such a system has was read; the agent's own system says nothing of a tree.
fn os_family(raw: &Raw) -> Observed<OsFamily> {
    match [&raw.os_release, &raw.kernel_release].into_iter().find(|source| source.text.is_ok()) {
        None if raw.packages.is_ok() => Observed::known(OsFamily::Linux, DPKG_STATUS),
        read => read.unwrap_or(&raw.os_release).value(|_| Some(OsFamily::Linux)),
    }
}

/// The first label of the first line that is no comment.
fn host_name(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let label = line.split('.').next()?;
    (!label.is_empty()).then(|| label.to_owned())
}

/// A value of an os-release file, with its shell quoting undone.
fn os_release_value(text: &str, key: &str) -> Option<String> {
    let line = text.lines().rev().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
    let value = unquoted(line);
    (!value.is_empty()).then_some(value)
}

fn unquoted(text: &str) -> String {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let inner = match quote {
        Some(quote) => text.get(1..).and_then(|rest| rest.strip_suffix(quote)).unwrap_or(text),
        None => text,
    };
    if quote == Some('\'') {
        return inner.to_owned();
    }
    let mut value = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c == '\\' { value.extend(chars.next()) } else { value.push(c) }
    }
    value
}

fn first_line(text: &str) -> Option<String> {
    text.lines().next().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
}

/// What the firmware says, without the words with which makers say nothing.
fn firmware_text(text: &str) -> Option<String> {
    const NOTHING: [&str; 9] = [
        "to be filled by o.e.m.",
        "default string",
        "not specified",
        "not applicable",
        "none",
        "n/a",
        "system serial number",
        "system manufacturer",
        "system product name",
    ];
    first_line(text).filter(|line| !NOTHING.contains(&line.to_lowercase().as_str()))
}

fn boot_time(text: &str) -> Option<Timestamp> {
    let seconds = text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Timestamp::from_second(seconds).ok()
}

fn colon_value(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key && !value.trim().is_empty()).then(|| value.trim().to_owned())
    })
}

fn cpu_count(text: &str) -> Option<u64> {
    let count = text.lines().filter(|line| line.split_once(':').is_some_and(|(name, _)| name.trim() == "processor"));
    u64::try_from(count.count()).ok().filter(|count| *count > 0)
}

fn memory_bytes(text: &str) -> Option<u64> {
    let kib: u64 = colon_value(text, "MemTotal")?.strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The machine that an ELF program is made for, in the kernel's words.
fn elf_machine(head: &[u8]) -> Option<&'static str> {
    if head.get(..4)? != b"\x7fELF" {
        return None;
    }
    let little = *head.get(5)? == 1;
    let bytes: [u8; 2] = head.get(18..20)?.try_into().ok()?;
    let machine = if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
    Some(match machine {
        3 => "i686",
        8 => "mips",
        20 => "ppc",
        21 if little => "ppc64le",
        21 => "ppc64",
        22 => "s390x",
        40 => "armv7l",
        62 => "x86_64",
        183 => "aarch64",
        243 => "riscv64",
        258 => "loongarch64",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
