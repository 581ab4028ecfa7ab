//! The data folder: made by `init`, locked and kept private by `serve`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tenken_proto::Timestamp;

use super::{ADDRESSES, Addresses, system};
use crate::config::{Config, FILE_NAME};
use crate::exit::{Exit, Failure};
use crate::identity::ca::{Authority, CaError, TrustDomain};
use crate::locale::Message;
use crate::store::redb::{FILE_NAME as STORE_FILE, RedbStore};
use crate::voice::Voice;

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
        Self::take_free(folder)?.ok_or_else(|| about(folder, "start-locked"))
    }

    /// None: another collector has it.
    pub(super) fn take_free(folder: &Path) -> Result<Option<Self>, Failure> {
        if !folder.is_dir() {
            return Err(about(folder, "start-no_folder"));
        }
        let path = folder.join(LOCK);
        let failed = |error: io::Error| about(&path, "start-lock").because(error);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { folder: folder.to_path_buf(), _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Makes the data folder: authority with its keys, and a configuration file if there is none. Says by which names
/// agents reach the collector; `other_file`: the configuration is read from a file elsewhere.
///
/// # Errors
/// It exists already, cannot be written, or belongs to another account that leaves it open.
pub fn init(config: &Config, names: &[String], other_file: bool, now: Timestamp, voice: &Voice) -> Result<(), Failure> {
    let folder = &config.data_dir;
    let failed = |error: io::Error| about(folder, "start-make_folder").because(error);
    make_private(folder)?;
    let domain = trust_domain(config)?;
    let _lock = Lock::take(folder)?;
    Authority::init(folder, &domain, now).map_err(|error| authority_failure(folder, error))?;
    RedbStore::create(folder).map_err(|error| super::store_failure(folder, error))?;
    let written = write_config(folder, names).map_err(failed)?;
    let taken = if written && !other_file { names } else { &config.listen.names };
    say(&format!("{}\n  {}", told(voice, folder, "start-made"), told(voice, folder, "start-made_next")))?;
    say(&names_told(names, taken, voice))
}

/// By which names agents reach the collector, and what to do when it should be others.
fn names_told(given: &[String], taken: &[String], voice: &Voice) -> String {
    let covered = if taken.is_empty() { own_names() } else { taken.to_vec() };
    let key = match (given.iter().all(|name| taken.contains(name)), taken.is_empty()) {
        (false, _) => "start-names_left_out",
        (true, true) => "start-names_default",
        (true, false) => "start-names",
    };
    let message = Message::new(key).mention("names", covered.join(", ")).mention("given", given.join(", "));
    voice.tell(&message)
}

/// Makes the folder if need be, and lets nobody else enter it.
///
/// # Errors
/// It cannot be made, or another account leaves it open.
pub(super) fn make_private(folder: &Path) -> Result<(), Failure> {
    system::make_files_private();
    let failed = |error: io::Error| {
        let key = if error.kind() == io::ErrorKind::PermissionDenied && folder.is_dir() {
            "start-open_folder"
        } else {
            "start-make_folder"
        };
        about(folder, key).because(error)
    };
    system::make_private(folder).map_err(failed)?;
    for path in files(folder) {
        system::close(&path).map_err(|error| about(&path, "start-open_folder").because(error))?;
    }
    Ok(())
}

/// What of the folder others may enter or read.
///
/// # Errors
/// The first of it.
pub(super) fn check_private(folder: &Path) -> Result<(), Failure> {
    let open = std::iter::once(folder.to_path_buf()).chain(files(folder)).find(|path| system::is_open(path));
    open.map_or(Ok(()), |path| Err(about(&path, "start-readable")))
}

/// The files that hold data and are there.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let all = [STORE_FILE, LOCK, ADDRESSES].map(|name| folder.join(name));
    all.into_iter().filter(|path| path.exists())
}

/// A failure that concerns a file or folder.
pub(super) fn about(path: &Path, key: &'static str) -> Failure {
    Failure::new(Exit::Failed, Message::new(key).mention("path", path.display()))
}

/// A text that names a folder.
fn told(voice: &Voice, folder: &Path, key: &'static str) -> String {
    voice.tell(&Message::new(key).mention("path", folder.display()))
}

/// Prints what was done; a closed pipe is no failure.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, Message::new("cli-output")).because(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

pub(super) fn trust_domain(config: &Config) -> Result<TrustDomain, Failure> {
    config.ca.trust_domain.parse::<TrustDomain>().map_err(|error| {
        let message = Message::new("start-trust_domain").mention("value", &config.ca.trust_domain);
        Failure::new(Exit::Usage, message).because(error)
    })
}

pub(super) fn authority_failure(folder: &Path, error: CaError) -> Failure {
    if matches!(error, CaError::Exists(_)) {
        about(folder, "start-authority_exists")
    } else if !folder.join("ca").exists() {
        about(folder, "start-authority_missing")
    } else {
        about(folder, "start-authority").because(error)
    }
}

/// Names and addresses by which agents reach this collector.
pub(super) fn names(config: &Config) -> Vec<String> {
    if !config.listen.names.is_empty() {
        return config.listen.names.clone();
    }
    own_names()
}

/// Names of this machine where none are set.
fn own_names() -> Vec<String> {
    let system = rustix::system::uname();
    let host = system.nodename().to_str().unwrap_or("localhost").to_owned();
    let mut names = vec![host, "localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.dedup();
    names
}

pub(super) fn write_addresses(folder: &Path, addresses: &Addresses) -> Result<(), Failure> {
    let path = folder.join(ADDRESSES);
    let failed = |error: io::Error| about(&path, "start-write").because(error);
    let text = serde_json::to_vec(addresses).map_err(|error| failed(error.into()))?;
    let beside = folder.join(format!("{ADDRESSES}.new"));
    std::fs::write(&beside, text).map_err(failed)?;
    std::fs::rename(&beside, &path).map_err(failed)
}

/// Whether there was none before.
fn write_config(folder: &Path, names: &[String]) -> io::Result<bool> {
    let quoted: Vec<String> = names.iter().map(|name| format!("{:?}", name)).collect();
    let text = format!(
        "# tenken-collector: every key may be left out; deploy/collector.example.toml shows them all.\n\
         [listen]\n# Names and addresses by which agents reach this collector.\nnames = [{}]\n",
        quoted.join(", ")
    );
    match OpenOptions::new().write(true).create_new(true).open(folder.join(FILE_NAME)) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}
