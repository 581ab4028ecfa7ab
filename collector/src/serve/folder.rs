//! The data folder: made by `init`, looked over by `check`, locked by `serve`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tenken_proto::Timestamp;

use super::{ADDRESSES, Addresses};
use crate::config::{Config, FILE_NAME};
use crate::exit::{Exit, Failure};
use crate::identity::ca::{Authority, CaError, TrustDomain};
use crate::locale::Message;
use crate::store::redb::RedbStore;
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
        if !folder.is_dir() {
            return Err(about(folder, "start-no_folder"));
        }
        let path = folder.join(LOCK);
        let failed = |error: io::Error| about(&path, "start-lock").because(error);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_path_buf(), _file: file }),
            Err(TryLockError::WouldBlock) => Err(about(folder, "start-locked")),
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
pub fn init(config: &Config, names: &[String], now: Timestamp, voice: &Voice) -> Result<(), Failure> {
    let folder = &config.data_dir;
    let failed = |error: io::Error| about(folder, "start-make_folder").because(error);
    super::system::make_private(folder).map_err(failed)?;
    let domain = trust_domain(config)?;
    let _lock = Lock::take(folder)?;
    Authority::init(folder, &domain, now).map_err(|error| authority_failure(folder, error))?;
    RedbStore::create(folder).map_err(|error| super::store_failure(folder, error))?;
    write_config(folder, names).map_err(failed)?;
    say(&format!("{}\n  {}", told(voice, folder, "start-made"), told(voice, folder, "start-made_next")))
}

/// Looks over the data folder without running anything in it.
///
/// # Errors
/// The first thing that would keep `serve` from starting.
pub fn check(config: &Config, voice: &Voice) -> Result<(), Failure> {
    let _lock = Lock::take(&config.data_dir)?;
    trust_domain(config)?;
    Authority::open(&config.data_dir).map_err(|error| authority_failure(&config.data_dir, error))?;
    let space = super::open_store(config)?.space();
    if let (Some(available), true) = (space.available, space.is_low()) {
        let message = Message::new("start-low_space").mention("available", available).mention("kept", space.low_water);
        say(&voice.tell(&message))?;
    }
    say(&told(voice, &config.data_dir, "start-checked"))
}

/// A failure that concerns a file or folder.
fn about(path: &Path, key: &'static str) -> Failure {
    Failure::new(Exit::Failed, Message::new(key).mention("path", path.display()))
}

/// A text that names a folder.
fn told(voice: &Voice, folder: &Path, key: &'static str) -> String {
    voice.tell(&Message::new(key).mention("path", folder.display()))
}

/// Prints what was done; a closed pipe is no failure.
fn say(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, Message::new("cli-output")).because(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn trust_domain(config: &Config) -> Result<TrustDomain, Failure> {
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
