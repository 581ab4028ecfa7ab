//! The running machine's inventory, by the system's own interfaces, on every system.

use tenken_proto::fact::host::{FileSystem, Host};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::phrase;

/// Most file systems that are listed.
const FILE_SYSTEMS_MAX: usize = 64;

/// The inventory of the running machine over what its files say.
pub(super) fn complete(mut host: Host) -> Host {
    if let Ok(system) = sysinfo::System::new_with_specifics(
        sysinfo::RefreshKind::nothing()
            .with_memory(sysinfo::MemoryRefreshKind::nothing().with_ram())
            .with_cpu(sysinfo::CpuRefreshKind::nothing()),
    ) {
        hardware(&mut host, &system);
    }
    let architecture = sysinfo::System::cpu_arch();
    if !architecture.is_empty() {
        host.architecture = Observed::known(architecture, phrase::SYSTEM_INTERFACE);
    }
    host.file_systems = file_systems();
    host
}

fn hardware(host: &mut Host, system: &sysinfo::System) {
    let cpus = system.cpus();
    if let Some(brand) = cpus.first().map(|cpu| cpu.brand().trim()).filter(|brand| !brand.is_empty()) {
        host.cpu_model = Observed::known(brand.to_owned(), phrase::SYSTEM_INTERFACE);
    }
    if !cpus.is_empty() {
        host.cpu_count = Observed::known(u64::try_from(cpus.len()).unwrap_or(u64::MAX), phrase::SYSTEM_INTERFACE);
    }
    if system.total_memory() > 0 {
        host.memory_bytes = Observed::known(system.total_memory(), phrase::SYSTEM_INTERFACE);
    }
}

/// File systems on disks, each device once, at its shortest mount point.
fn file_systems() -> Observed<Vec<FileSystem>> {
    let kind = sysinfo::DiskRefreshKind::nothing().with_storage();
    let disks = match sysinfo::Disks::new_with_refreshed_list_specifics(kind) {
        Ok(disks) => disks,
        Err(error) => return Observed::unreadable(Reason::Io, error.to_string(), phrase::SYSTEM_INTERFACE),
    };
    let mut seen: Vec<(String, String, FileSystem)> = Vec::new();
    for disk in disks.iter() {
        let device = disk.name().to_string_lossy().into_owned();
        let mount_point = disk.mount_point().to_string_lossy().into_owned();
        let file_system = FileSystem {
            mount_point: Observed::seen(mount_point.clone()),
            kind: Observed::seen(disk.file_system().to_string_lossy().into_owned()),
            size_bytes: Observed::seen(disk.total_space()),
            available_bytes: Observed::seen(disk.available_space()),
        };
        match seen.iter_mut().find(|(known, _, _)| *known == device) {
            Some(entry) if (mount_point.len(), &mount_point) < (entry.1.len(), &entry.1) => {
                *entry = (device, mount_point, file_system);
            }
            Some(_) => {}
            None => seen.push((device, mount_point, file_system)),
        }
    }
    seen.sort_by(|a, b| a.1.cmp(&b.1));
    let listed = seen.into_iter().take(FILE_SYSTEMS_MAX).map(|(_, _, file_system)| file_system).collect();
    Observed::known(listed, phrase::SYSTEM_INTERFACE)
}
