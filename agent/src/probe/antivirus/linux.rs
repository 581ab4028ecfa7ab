//! Linux: definition files, package records, units and process names, as they are.

use tenken_proto::fact::antivirus::Antivirus;

use super::{ClamAv, DefinitionFile, OTHERS, Other, Raw, cvd, meaning};
use crate::probe::Context;
use crate::probe::packages::{DPKG_STATUS, Packages};
use crate::probe::processes::Processes;
use crate::root::{ReadError, Root};

/// Where definitions lie when no configuration says otherwise.
const DEFINITIONS: &str = "/var/lib/clamav";
/// Configurations that name the folder, the scanner's own first.
const CONFIGS: [&str; 4] =
    ["/etc/clamav/clamd.conf", "/etc/clamav/freshclam.conf", "/etc/clamd.d/scan.conf", "/etc/freshclam.conf"];
const PROGRAMS: [&str; 4] = ["/usr/sbin/clamd", "/usr/bin/clamscan", "/usr/bin/clamdscan", "/usr/local/sbin/clamd"];
/// Folders in which products show where there is no dpkg.
const FOLDERS: [&str; 3] = ["/opt", "/usr/sbin", DEFINITIONS];
const PACKAGES: [&str; 3] = ["clamav-daemon", "clamav", "clamav-base"];
/// What fetches definitions when it is enabled.
const UPDATERS: [&str; 5] = [
    "/etc/systemd/system/multi-user.target.wants/clamav-freshclam.service",
    "/etc/systemd/system/timers.target.wants/clamav-freshclam-once.timer",
    "/etc/systemd/system/timers.target.wants/clamav-freshclam.timer",
    "/etc/cron.d/clamav-freshclam",
    "/etc/cron.d/clamav-update",
];
/// Directories of cron in which a script may fetch definitions.
const CRON: [&str; 4] = ["/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly"];
/// A configuration file, a cron script.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// Most names in a folder of definitions or of cron.
const NAMES_MAX: usize = 1_024;

pub(super) fn watched(root: &Root) -> Vec<String> {
    let definitions = directory(root);
    let fixed =
        ["/etc/clamav", "/usr/sbin", "/opt", "/proc", "/etc/systemd/system/multi-user.target.wants", DPKG_STATUS];
    fixed.into_iter().map(str::to_owned).chain([definitions]).collect()
}

pub(super) fn read(context: &Context) -> Antivirus {
    let root = &context.root;
    let packages = Packages::read(root);
    meaning(&Raw {
        clamav: clamav(root, &packages),
        others: OTHERS.iter().filter(|other| is_here(root, other)).collect(),
        processes: Processes::read(context),
        looked: format!("{DPKG_STATUS}, {DEFINITIONS}, /opt"),
        unlooked: unlooked(root, packages),
    })
}

fn is_here(root: &Root, other: &Other) -> bool {
    other.places.iter().any(|place| root.exists(place))
}

/// What keeps "no product" from being said: something that is there and may not be looked at, or none of the
/// places in which products show. A system without dpkg is looked at by its folders.
fn unlooked(root: &Root, packages: Result<Packages, ReadError>) -> Option<ReadError> {
    let places = OTHERS.iter().flat_map(|other| other.places).chain(&PROGRAMS).copied().chain([DEFINITIONS]);
    let hidden = places.filter_map(|place| root.stat(place).err()).find(|error| !error.is_absence());
    match packages {
        Ok(_) => hidden,
        Err(error) if !error.is_absence() => Some(error),
        Err(error) => hidden.or_else(|| (!FOLDERS.iter().any(|folder| root.exists(folder))).then_some(error)),
    }
}

fn clamav(root: &Root, packages: &Result<Packages, ReadError>) -> Option<ClamAv> {
    let version = |name: &str| packages.as_ref().ok().and_then(|packages| packages.version(name));
    let directory = directory(root);
    let definitions = definitions(root, &directory);
    let has_files = definitions.as_ref().is_ok_and(|files| !files.is_empty());
    let package = PACKAGES.iter().find_map(|name| version(name));
    if package.is_none() && !has_files && !PROGRAMS.iter().any(|program| root.exists(program)) {
        return None;
    }
    Some(ClamAv { engine: package, directory, definitions, updater: updater(root) })
}

/// The folder that ClamAV's configuration names.
fn directory(root: &Root) -> String {
    let named = CONFIGS.iter().find_map(|config| {
        let text = root.read_text(config, TEXT_BYTES_MAX).ok()?;
        text.lines().find_map(|line| {
            let (key, value) = line.trim().split_once(char::is_whitespace)?;
            let value = value.trim().trim_matches('"');
            (key == "DatabaseDirectory" && value.starts_with('/')).then(|| value.trim_end_matches('/').to_owned())
        })
    });
    named.unwrap_or_else(|| DEFINITIONS.to_owned())
}

fn definitions(root: &Root, directory: &str) -> Result<Vec<DefinitionFile>, ReadError> {
    let listing = root.list(directory, NAMES_MAX)?;
    let named = |name: &String| {
        let parts = name.split_once('.');
        parts.is_some_and(|(stem, end)| {
            matches!(stem, "daily" | "main" | "bytecode") && matches!(end, "cvd" | "cld" | "cud")
        })
    };
    let mut files = Vec::new();
    for name in listing.names.iter().filter(|name| named(name)) {
        let path = format!("{directory}/{name}");
        match root.stat(&path) {
            Ok(stat) => {
                let head = root.read_head(&path, cvd::HEADER_BYTES);
                files.push(DefinitionFile { path, arrived_at: stat.modified, head });
            }
            // Replaced while it was looked at; what replaces it is another name in the listing or wakes again.
            Err(ReadError::Missing { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}

fn updater(root: &Root) -> Option<String> {
    let enabled = UPDATERS.iter().find(|entry| root.exists(entry) || root.read_link(entry).is_ok());
    if let Some(entry) = enabled {
        return Some((*entry).to_owned());
    }
    CRON.iter().find_map(|directory| {
        let names = root.list(directory, NAMES_MAX).ok()?.names;
        names.into_iter().map(|name| format!("{directory}/{name}")).find(|path| {
            root.read(path, TEXT_BYTES_MAX).is_ok_and(|text| memchr::memmem::find(&text, b"freshclam").is_some())
        })
    })
}
