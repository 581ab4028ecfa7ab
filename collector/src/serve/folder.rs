//! The data folder: made by `init`, looked over by `check`, locked by `serve`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tenken_proto::Timestamp;

use super::{ADDRESSES, Addresses};
use crate::config::{Config, FILE_NAME};
use crate::exit::{Exit, Failure};
use crate::identity::ca::{Authority, CaError, TrustDomain};
use crate::store::redb::RedbStore;

/// Held by a running collector.
const LOCK: &str = "collector.lock";

/// The right to use a data folder, until it is dropped or the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    folder: PathBuf,
    _file: File,
}

impl Lock {
    pub(super) fn take(folder: &Path) -> Result<Self, Failure> {
        if !folder.is_dir() {
            return Err(Failure::new(Exit::Failed, format!("there is no data folder `{}`", folder.display()))
                .remedy("make it with `tenken-collector init`"));
        }
        let path = folder.join(LOCK);
        let failed = |error: io::Error| {
            Failure::new(Exit::Failed, format!("failed to lock `{}`", path.display())).because(error)
        };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_path_buf(), _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::new(Exit::Failed, format!("another collector runs in `{}`", folder.display()))
                    .remedy("stop it, or name another --data-dir"))
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Makes the data folder: authority with its keys, and a configuration file if there is none.
///
/// # Errors
/// It exists already, or cannot be written.
pub fn init(config: &Config, names: &[String], now: Timestamp) -> Result<(), Failure> {
    let folder = &config.data_dir;
    let failed = |error: io::Error| {
        Failure::new(Exit::Failed, format!("failed to make the data folder `{}`", folder.display())).because(error)
    };
    super::system::make_private(folder).map_err(failed)?;
    let domain = trust_domain(config)?;
    let _lock = Lock::take(folder)?;
    Authority::init(folder, &domain, now).map_err(|error| authority_failure(folder, error))?;
    RedbStore::create(folder).map_err(|error| super::store_failure(folder, error))?;
    write_config(folder, names).map_err(failed)?;
    say(&format!(
        "the collector is made in `{}`; back up its folder `ca`, which holds the keys\n  start it with: tenken-collector --data-dir {} serve",
        folder.display(),
        folder.display()
    ))
}

/// Looks over the data folder without running anything in it.
///
/// # Errors
/// The first thing that would keep `serve` from starting.
pub fn check(config: &Config) -> Result<(), Failure> {
    let _lock = Lock::take(&config.data_dir)?;
    trust_domain(config)?;
    Authority::open(&config.data_dir).map_err(|error| authority_failure(&config.data_dir, error))?;
    drop(super::open_store(config)?);
    say(&format!("ok: the configuration and the data folder `{}` are fit to serve", config.data_dir.display()))
}

/// Prints what was done; a closed pipe is no failure.
fn say(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, "failed to write the output").because(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn trust_domain(config: &Config) -> Result<TrustDomain, Failure> {
    config.ca.trust_domain.parse::<TrustDomain>().map_err(|error| {
        Failure::new(Exit::Usage, format!("ca.trust_domain: `{}`", config.ca.trust_domain)).because(error)
    })
}

pub(super) fn authority_failure(folder: &Path, error: CaError) -> Failure {
    let remedy = if matches!(error, CaError::Exists(_)) {
        "it was made before; `tenken-collector serve` runs it"
    } else if !folder.join("ca").exists() {
        "make it with `tenken-collector init`"
    } else {
        "see the cause"
    };
    Failure::new(Exit::Failed, format!("the certificate authority in `{}`", folder.display()))
        .remedy(remedy)
        .because(error)
}

/// Names and addresses by which agents reach this collector.
pub(super) fn names(config: &Config) -> Vec<String> {
    if !config.listen.names.is_empty() {
        return config.listen.names.clone();
    }
    let system = rustix::system::uname();
    let host = system.nodename().to_str().unwrap_or("localhost").to_owned();
    let mut names = vec![host, "localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.dedup();
    names
}

pub(super) fn write_addresses(folder: &Path, addresses: &Addresses) -> Result<(), Failure> {
    let path = folder.join(ADDRESSES);
    let failed =
        |error: io::Error| Failure::new(Exit::Failed, format!("failed to write `{}`", path.display())).because(error);
    let text = serde_json::to_vec(addresses).map_err(|error| failed(error.into()))?;
    let beside = folder.join(format!("{ADDRESSES}.new"));
    std::fs::write(&beside, text).map_err(failed)?;
    std::fs::rename(&beside, &path).map_err(failed)
}

fn write_config(folder: &Path, names: &[String]) -> io::Result<()> {
    let quoted: Vec<String> = names.iter().map(|name| format!("{:?}", name)).collect();
    let text = format!(
        "# tenken-collector: every key may be left out; deploy/collector.example.toml shows them all.\n\
         [listen]\n# Names and addresses by which agents reach this collector.\nnames = [{}]\n",
        quoted.join(", ")
    );
    match OpenOptions::new().write(true).create_new(true).open(folder.join(FILE_NAME)) {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
