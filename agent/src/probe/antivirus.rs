//! Which malware protection is here, whether it runs, and how old its definitions are.
//!
//! ClamAV is read in full, from the headers of its definition files. Of other products it is said that they
//! are here and whether they run; what cannot be read from their files is unreadable, never guessed.

use jiff::Timestamp;
use tenken_proto::fact::antivirus::{Antivirus, DefinitionUpdates, Product};
use tenken_proto::fact::{FactGroup as _, GroupSchema};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::phrase;
use tenken_proto::value::Record;

use super::processes::{self, Processes};
use super::{Context, Probe};
use crate::root::{ReadError, Root};

mod cvd;
#[cfg_attr(target_os = "windows", path = "antivirus/windows.rs")]
#[cfg_attr(target_os = "macos", path = "antivirus/macos.rs")]
#[cfg_attr(not(any(target_os = "windows", target_os = "macos")), path = "antivirus/linux.rs")]
mod imp;

/// Fills the group `antivirus`.
#[derive(Debug)]
pub struct AntivirusProbe;

impl Probe for AntivirusProbe {
    fn schema(&self) -> GroupSchema {
        Antivirus::schema()
    }

    fn watched(&self, root: &Root) -> Vec<String> {
        imp::watched(root)
    }

    fn observe(&self, context: &Context) -> Record {
        imp::read(context).into_record()
    }
}

/// What the system shows.
#[derive(Debug)]
struct Raw {
    clamav: Option<ClamAv>,
    others: Vec<&'static Other>,
    processes: Result<Processes, ReadError>,
    looked: String,
    /// Where it could not be looked, so that finding nothing does not mean that nothing is here.
    unlooked: Option<ReadError>,
}

/// What there is of ClamAV.
#[derive(Debug)]
struct ClamAv {
    engine: Option<String>,
    directory: String,
    definitions: Result<Vec<DefinitionFile>, ReadError>,
    /// A unit, timer or cron entry that fetches definitions.
    updater: Option<String>,
}

/// One definition file: its head and when it arrived.
#[derive(Debug)]
struct DefinitionFile {
    path: String,
    arrived_at: Timestamp,
    head: Result<Vec<u8>, ReadError>,
}

/// A product of which only presence and running are read.
#[derive(Debug, PartialEq, Eq)]
struct Other {
    name: &'static str,
    /// One of these is there where it is installed.
    places: &'static [&'static str],
    /// One of these runs where it is at work.
    processes: &'static [&'static str],
}

/// Products for Linux that say by their folder that they are here.
const OTHERS: [Other; 9] = [
    Other { name: "Microsoft Defender for Endpoint", places: &["/opt/microsoft/mdatp"], processes: &["wdavdaemon"] },
    Other {
        name: "ESET Endpoint Antivirus for Linux",
        places: &["/opt/eset/eea", "/opt/eset/efs"],
        processes: &["oaeventd", "scand"],
    },
    Other { name: "ESET File Security for Linux", places: &["/opt/eset/esets"], processes: &["esets_daemon"] },
    Other {
        name: "Sophos Protection for Linux",
        places: &["/opt/sophos-spl", "/opt/sophos-av"],
        processes: &["sophos_threat_detector", "savd"],
    },
    Other {
        name: "Trend Micro Deep Security Agent",
        places: &["/opt/ds_agent/ds_agent"],
        processes: &["ds_agent", "ds_am"],
    },
    Other { name: "CrowdStrike Falcon Sensor", places: &["/opt/CrowdStrike"], processes: &["falcon-sensor"] },
    Other { name: "SentinelOne Agent", places: &["/opt/sentinelone"], processes: &["s1-agent"] },
    Other { name: "Kaspersky Endpoint Security for Linux", places: &["/opt/kaspersky/kesl"], processes: &["kesl"] },
    Other {
        name: "Symantec Endpoint Protection for Linux",
        places: &["/opt/Symantec/symantec_antivirus"],
        processes: &["rtvscand"],
    },
];

/// The group as the system shows it.
fn meaning(raw: &Raw) -> Antivirus {
    let clamav = raw.clamav.iter().map(|clamav| clamav_product(clamav, &raw.processes));
    let others = raw.others.iter().map(|other| other_product(other, &raw.processes));
    let products: Vec<Product> = clamav.chain(others).collect();
    let products = match &raw.unlooked {
        Some(error) if products.is_empty() => error.unreadable(),
        Some(_) | None => Observed::known(products, raw.looked.clone()),
    };
    Antivirus { products }
}

fn clamav_product(clamav: &ClamAv, processes: &Result<Processes, ReadError>) -> Product {
    let (definitions_version, definitions_published_at) = match newest_databases(clamav) {
        Ok(databases) => databases,
        Err(error) => (error.absent_or_unreadable(), error.absent_or_unreadable()),
    };
    let arrived = clamav.definitions.as_ref().map(|files| files.iter().map(|file| file.arrived_at).max());
    Product {
        name: Observed::seen("ClamAV".to_owned()),
        engine_version: match &clamav.engine {
            Some(version) => Observed::known(version.clone(), super::packages::DPKG_STATUS),
            None => Observed::unreadable(Reason::Unsupported, phrase::NOT_A_PACKAGE, ""),
        },
        running: running(processes, &["clamd"]),
        realtime: match processes {
            Ok(processes) => Observed::known(processes.has("clamonacc") && processes.has("clamd"), processes::SOURCE),
            Err(error) => error.unreadable(),
        },
        definitions_version,
        definitions_published_at,
        definitions_updated_at: match arrived {
            Ok(Some(at)) => Observed::known(at, clamav.directory.clone()),
            Ok(None) => Observed::absent(clamav.directory.clone()),
            Err(error) => error.absent_or_unreadable(),
        },
        definition_updates: definition_updates(clamav, processes),
        licence_expires_at: Observed::absent(phrase::NEEDS_NO_LICENCE),
    }
}

type Versions = (Observed<String>, Observed<Timestamp>);

/// The versions of the official databases, and when the publisher made the daily one: what is new comes with
/// that one, so no other stands in for it.
fn newest_databases(clamav: &ClamAv) -> Result<Versions, &ReadError> {
    let files = clamav.definitions.as_ref()?;
    let mut named: Vec<String> = Vec::new();
    let mut published: Option<Observed<Timestamp>> = None;
    for database in ["daily", "main", "bytecode"] {
        let mut best: Option<(cvd::Header, &str)> = None;
        let mut broken: Option<Observed<Timestamp>> = None;
        for file in files.iter().filter(|file| is_database(&file.path, database)) {
            match file.head.as_ref().map(|head| cvd::header(head)) {
                Ok(Ok(header)) if best.as_ref().is_none_or(|(best, _)| header.version > best.version) => {
                    best = Some((header, &file.path));
                }
                Ok(Ok(_)) => {}
                Ok(Err(why)) => broken = Some(Observed::unreadable(Reason::Malformed, why, file.path.clone())),
                Err(error) => broken = Some(error.unreadable()),
            }
        }
        let told = match best {
            Some((header, path)) => {
                named.push(format!("{database} {}", header.version));
                Some(Observed::known(header.built_at, path))
            }
            None => broken,
        };
        if database == "daily" {
            published = told;
        }
    }
    let directory = clamav.directory.clone();
    let published = published.unwrap_or_else(|| Observed::absent(directory.clone()));
    if named.is_empty() {
        let version = match &published {
            Observed::Unreadable { reason, detail, source } => {
                Observed::unreadable(reason.clone(), detail.clone(), source.clone())
            }
            Observed::Known { .. } | Observed::Absent { .. } | Observed::Withheld => Observed::absent(directory),
        };
        return Ok((version, published));
    }
    Ok((Observed::known(named.join(", "), directory), published))
}

fn is_database(path: &str, database: &str) -> bool {
    path.rsplit('/').next().and_then(|file| file.split_once('.')).is_some_and(|(stem, _)| stem == database)
}

fn definition_updates(clamav: &ClamAv, processes: &Result<Processes, ReadError>) -> Observed<DefinitionUpdates> {
    match (processes, &clamav.updater) {
        (Ok(processes), _) if processes.has("freshclam") => {
            Observed::known(DefinitionUpdates::Automatic, processes::SOURCE)
        }
        (_, Some(entry)) => Observed::known(DefinitionUpdates::Automatic, entry.clone()),
        (Ok(_), None) => Observed::known(DefinitionUpdates::Manual, phrase::NO_FRESHCLAM),
        (Err(error), None) => error.unreadable(),
    }
}

fn other_product(other: &Other, processes: &Result<Processes, ReadError>) -> Product {
    fn unsupported<T>() -> Observed<T> {
        Observed::unreadable(Reason::Unsupported, phrase::NOT_READ_FOR_PRODUCT, "")
    }
    Product {
        name: Observed::seen(other.name.to_owned()),
        engine_version: unsupported(),
        running: running(processes, other.processes),
        realtime: unsupported(),
        definitions_version: unsupported(),
        definitions_published_at: unsupported(),
        definitions_updated_at: unsupported(),
        definition_updates: unsupported(),
        licence_expires_at: unsupported(),
    }
}

fn running(processes: &Result<Processes, ReadError>, names: &[&str]) -> Observed<bool> {
    match processes {
        Ok(processes) => Observed::known(names.iter().any(|name| processes.has(name)), processes::SOURCE),
        Err(error) => error.unreadable(),
    }
}

#[cfg(test)]
mod tests;
