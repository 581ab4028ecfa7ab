//! Bounded disk queue between report and uplink, for what cannot be delivered now.
//!
//! It is open only while something lies in it: an open sled costs some MiB and eight threads. Closing it ends its
//! flusher; its pool of seven waiting threads, once started, stays until the process ends (about 0.6 MiB and
//! seven wake-ups a second), which is a reason more not to open it without need. Reports keep the
//! (epoch, sequence) they were made with; one is removed only by its ack, or because a bound was reached. The
//! bounds are bytes on disk and age; when one is reached the oldest reports go, but the last value of each group
//! stays, in a report with a number of its own (the old number may have reached the collector with the old
//! content). What went is counted and told. A spool that does not open is set aside, counted and told; it never
//! stops the agent. sled does not sync and gives no space back: a drained or compacted spool is a new one.
//!
//! sled (0.34.7) does not bear a full disk: after a write that failed a later flush may wait for ever. So it is asked
//! for nothing while the disk has less than [`ROOM_BYTES_MIN`], and after a write that failed nevertheless it is only
//! read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use prost::Message as _;
use tenken_proto::ident::{Epoch, Sequence};
use tenken_proto::wire;

use crate::durable;

mod lost;

pub use lost::{LastValues, Lost};

/// sled's page cache.
const CACHE_BYTES: u64 = 256 * 1024;
/// sled's unit of disk space.
const SEGMENT_BYTES: usize = 64 * 1024;
/// How often, and after which wait, a locked spool is tried again: at most a second.
const LOCK_TRIES: u32 = 50;
/// See [`LOCK_TRIES`].
const LOCK_WAIT: std::time::Duration = std::time::Duration::from_millis(20);
/// Most reports in the spool, so that its index stays small.
pub const SPOOL_REPORTS_MAX: usize = 20_000;
/// Room on the disk below which nothing is written: reports wait in memory.
pub const ROOM_BYTES_MIN: u64 = 2 * 1024 * 1024;
/// What is left after the bound of bytes was reached, as a part of it.
const LEFT_AFTER_COMPACTION: u64 = 4;

/// What goes wrong with the disk queue.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file system: full, read-only, no permission.
    #[error("failed to {action} the spool `{path}`")]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// sled.
    #[error("failed to {action} the spool `{path}`")]
    Sled {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: sled::Error,
    },
    /// It was there and is of no use.
    #[error("the spool `{path}` is damaged: {problem}")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl SpoolError {
    /// Only a new spool helps.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::File { .. } => false,
            Self::Sled { source, .. } => match source {
                sled::Error::CollectionNotFound(_)
                | sled::Error::Unsupported(_)
                | sled::Error::ReportableBug(_)
                | sled::Error::Corruption { .. } => true,
                sled::Error::Io(_) => false,
            },
        }
    }
}

/// The bounds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes on disk.
    pub bytes_max: u64,
    /// Age of the oldest report.
    pub age_max: std::time::Duration,
}

/// Which report.
pub type Key = (Epoch, Sequence);

/// Where in the queue.
pub type Position = u64;

/// An open spool.
pub struct Spool {
    home: PathBuf,
    folder: PathBuf,
    db: sled::Db,
    index: BTreeMap<Position, Item>,
    limits: Limits,
    /// A write has failed: sled is only read from now on.
    is_stuck: bool,
    /// Bytes that are left on the disk of a folder.
    room: fn(&Path) -> Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    key: Key,
    bytes: u64,
    at: Timestamp,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("folder", &self.folder).field("reports", &self.len()).finish_non_exhaustive()
    }
}

impl Spool {
    /// Something lies on disk from an earlier run.
    #[must_use]
    pub fn is_there(data_dir: &Path) -> bool {
        marker(&home(data_dir)).exists()
    }

    /// Opens what is there, or a new one.
    ///
    /// # Errors
    /// [`SpoolError`]; ask [`SpoolError::is_damage`].
    pub fn open(data_dir: &Path, limits: Limits, now: Timestamp) -> Result<Self, SpoolError> {
        let home = home(data_dir);
        durable::folder(&home).map_err(at("make", &home))?;
        let name = durable::read(&marker(&home), 64).map_err(at("read", &home))?;
        let folder = match name.map(|name| String::from_utf8_lossy(&name).into_owned()) {
            Some(name) if is_folder_name(&name) => home.join(name),
            Some(_) => return Err(damaged(&home, "its marker names no folder")),
            None => begin(&home, now)?,
        };
        let (db, index) = (open_sled(&folder)?, BTreeMap::new());
        let mut spool = Self { db, home, folder, index, limits, is_stuck: false, room: durable::room };
        spool.sweep();
        spool.read_index()?;
        Ok(spool)
    }

    /// Puts a spool that cannot be opened under another name, where the next one that is set aside replaces it.
    ///
    /// # Errors
    /// [`SpoolError::File`].
    pub fn set_aside(data_dir: &Path) -> Result<PathBuf, SpoolError> {
        let home = home(data_dir);
        let aside = data_dir.join("spool.set-aside");
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(at("remove", &aside))?;
        }
        fs::rename(&home, &aside).map_err(at("rename", &home))?;
        Ok(aside)
    }

    /// Reports in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Bytes of the reports in it; the disk holds more.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.index.values().map(|item| item.bytes).sum()
    }

    /// Appends.
    ///
    /// # Errors
    /// [`SpoolError`]; the report is then not in it.
    pub fn push(&mut self, report: &wire::Report) -> Result<(), SpoolError> {
        self.ready(report.encoded_len())?;
        let position = self.insert(report)?;
        let flushed = self.flush();
        if flushed.is_err() {
            self.index.remove(&position);
        }
        flushed
    }

    /// Where the first report lies that is not among these.
    #[must_use]
    pub fn first_but(&self, keys: &BTreeSet<Key>) -> Option<Position> {
        self.index.iter().find(|(_, item)| !keys.contains(&item.key)).map(|(position, _)| *position)
    }

    /// Where the report with this key lies.
    #[must_use]
    pub fn find(&self, key: Key) -> Option<Position> {
        self.index.iter().find(|(_, item)| item.key == key).map(|(position, _)| *position)
    }

    /// The report that lies there.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn read(&self, position: Position) -> Result<wire::Report, SpoolError> {
        let value = self.db.get(position.to_be_bytes()).map_err(self.sled("read"))?;
        let value = value.ok_or_else(|| damaged(&self.folder, "a report has gone from it"))?;
        wire::Report::decode(value.as_ref()).map_err(|error| damaged(&self.folder, &error.to_string()))
    }

    /// Removes the reports with these keys; says how many there were.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn acked(&mut self, keys: &BTreeSet<Key>) -> Result<usize, SpoolError> {
        let is_acked = |item: &Item| keys.contains(&item.key);
        let gone: Vec<Position> =
            self.index.iter().filter(|(_, item)| is_acked(item)).map(|(position, _)| *position).collect();
        for position in &gone {
            self.remove(*position)?;
        }
        Ok(gone.len())
    }

    /// Takes one report out.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn take(&mut self, position: Position) -> Result<wire::Report, SpoolError> {
        let report = self.read(position)?;
        self.remove(position)?;
        Ok(report)
    }

    /// Keeps the bounds. `number` gives a report its number; what was lost is said.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn keep_bounds(
        &mut self,
        now: Timestamp,
        number: impl FnMut(Vec<wire::Group>) -> wire::Report,
    ) -> Result<Option<Lost>, SpoolError> {
        if self.ready(usize::try_from(self.bytes()).unwrap_or(usize::MAX)).is_err() {
            return Ok(None);
        }
        let on_disk = self.db.size_on_disk().map_err(self.sled("measure"))?;
        if on_disk > self.limits.bytes_max || self.index.len() > SPOOL_REPORTS_MAX {
            let oldest = self.oldest_beyond(self.limits.bytes_max / LEFT_AFTER_COMPACTION);
            let lost = self.compact(oldest, number)?;
            self.rewrite(now)?;
            return Ok(lost);
        }
        let cutoff = now.checked_sub(self.limits.age_max).unwrap_or(Timestamp::MIN);
        let oldest = self.index.values().take_while(|item| item.at < cutoff).count();
        if oldest == 0 {
            return Ok(None);
        }
        self.compact(oldest, number)
    }

    /// Closes it; what is drained is removed from disk.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn close(mut self) -> Result<(), SpoolError> {
        if !self.index.is_empty() {
            return if self.is_stuck { Ok(()) } else { self.flush() };
        }
        drop(self.db);
        fs::remove_dir_all(&self.home).map_err(at("remove", &self.home))
    }

    /// How many of the oldest have to go so that at most `left` bytes and half the reports stay.
    fn oldest_beyond(&self, left: u64) -> usize {
        let mut bytes = 0;
        let keep = self.index.values().rev().take(SPOOL_REPORTS_MAX / 2).take_while(|item| {
            bytes += item.bytes;
            bytes <= left
        });
        self.index.len() - keep.count()
    }

    /// Replaces the oldest reports by the last values in them that no newer report has.
    fn compact(
        &mut self,
        oldest: usize,
        mut number: impl FnMut(Vec<wire::Group>) -> wire::Report,
    ) -> Result<Option<Lost>, SpoolError> {
        let gone: Vec<Position> = self.index.keys().take(oldest).copied().collect();
        let mut values = LastValues::default();
        for (nth, position) in self.index.keys().enumerate() {
            let report = self.read(*position)?;
            if nth < oldest { values.take(report) } else { values.superseded_by(&report) }
        }
        let (values, lost) = values.finish();
        for groups in values {
            self.insert(&number(groups))?;
        }
        for position in gone {
            self.remove(position)?;
        }
        self.flush()?;
        Ok(lost)
    }

    /// Moves everything to a new folder and removes the old one, which gives the space back.
    fn rewrite(&mut self, now: Timestamp) -> Result<(), SpoolError> {
        let folder = fresh_folder(&self.home, now);
        let db = open_sled(&folder)?;
        if let Err(error) = self.copy_to(&db) {
            std::mem::forget(db);
            return Err(error);
        }
        mark(&self.home, &folder)?;
        let old = std::mem::replace(&mut self.folder, folder);
        drop(std::mem::replace(&mut self.db, db));
        // A leftover is swept at the next opening.
        let _ = fs::remove_dir_all(old);
        Ok(())
    }

    fn copy_to(&self, db: &sled::Db) -> Result<(), SpoolError> {
        for entry in self.db.iter() {
            let (key, value) = entry.map_err(self.sled("read"))?;
            db.insert(key, value).map_err(self.sled("write"))?;
        }
        db.flush().map(drop).map_err(self.sled("write"))
    }

    /// Whether sled may be asked to write so many bytes.
    fn ready(&self, bytes: usize) -> Result<(), SpoolError> {
        if self.is_stuck {
            let problem = "an earlier write to it failed; a new one is made when this one is delivered";
            return Err(at("write", &self.folder)(io::Error::other(problem)));
        }
        has_room((self.room)(&self.home), bytes).map_err(at("write", &self.folder))
    }

    /// After a write that failed: sled is read, and neither flushed nor closed, since both may wait for ever.
    fn stuck(&mut self) {
        self.is_stuck = true;
        std::mem::forget(self.db.clone());
    }

    fn written<T>(&mut self, result: Result<T, sled::Error>) -> Result<T, SpoolError> {
        result.map_err(|error| {
            self.stuck();
            self.sled("write")(error)
        })
    }

    fn insert(&mut self, report: &wire::Report) -> Result<Position, SpoolError> {
        let position = self.index.last_key_value().map_or(0, |(last, _)| last + 1);
        let bytes = report.encode_to_vec();
        let item = item(report, bytes.len());
        let inserted = self.db.insert(position.to_be_bytes(), bytes);
        self.written(inserted)?;
        self.index.insert(position, item);
        Ok(position)
    }

    fn remove(&mut self, position: Position) -> Result<(), SpoolError> {
        self.index.remove(&position);
        if self.ready(0).is_err() {
            // It stays in sled, and is sent again if the agent starts anew before the rest is delivered.
            return Ok(());
        }
        let removed = self.db.remove(position.to_be_bytes());
        self.written(removed).map(drop)
    }

    fn read_index(&mut self) -> Result<(), SpoolError> {
        let mut index = BTreeMap::new();
        for entry in self.db.iter() {
            let (key, value) = entry.map_err(self.sled("read"))?;
            let position = key.as_ref().try_into().map_err(|_| damaged(&self.folder, "a key has another length"))?;
            let report = wire::Report::decode(value.as_ref())
                .map_err(|error| damaged(&self.folder, &format!("a report does not parse: {error}")))?;
            index.insert(u64::from_be_bytes(position), item(&report, value.len()));
        }
        self.index = index;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SpoolError> {
        let flushed = self.db.flush();
        self.written(flushed).map(drop)
    }

    /// Removes folders that no marker names: left by a crash.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.home) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            if path != self.folder && path.is_dir() {
                let _ = fs::remove_dir_all(path);
            }
        }
    }

    fn sled(&self, action: &'static str) -> impl Fn(sled::Error) -> SpoolError + use<> {
        let path = self.folder.clone();
        move |source| SpoolError::Sled { action, path: path.clone(), source }
    }
}

fn home(data_dir: &Path) -> PathBuf {
    data_dir.join("spool")
}

fn marker(home: &Path) -> PathBuf {
    home.join("current")
}

/// A name that no spool of this process has used: a closed sled may still be at work in its old folder.
fn fresh_folder(home: &Path, now: Timestamp) -> PathBuf {
    let mut number = now.as_millisecond().max(1);
    loop {
        let folder = home.join(format!("s{number}"));
        if !folder.exists() {
            return folder;
        }
        number += 1;
    }
}

fn begin(home: &Path, now: Timestamp) -> Result<PathBuf, SpoolError> {
    has_room(durable::room(home), 0).map_err(at("make", home))?;
    let folder = fresh_folder(home, now);
    mark(home, &folder)?;
    Ok(folder)
}

fn mark(home: &Path, folder: &Path) -> Result<(), SpoolError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    durable::replace(&marker(home), name.as_bytes()).map_err(at("write", home))
}

/// Whether so many bytes fit: sled may write them twice.
fn has_room(room: Option<u64>, bytes: usize) -> io::Result<()> {
    let needed = ROOM_BYTES_MIN.saturating_add((bytes as u64).saturating_mul(2));
    match room {
        Some(room) if room < needed => Err(io::ErrorKind::StorageFull.into()),
        Some(_) | None => Ok(()),
    }
}

fn is_folder_name(name: &str) -> bool {
    name.strip_prefix('s').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()))
}

/// sled has been seen to panic on what it does not understand.
fn open_sled(folder: &Path) -> Result<sled::Db, SpoolError> {
    let config = sled::Config::new()
        .path(folder)
        .cache_capacity(CACHE_BYTES)
        .segment_size(SEGMENT_BYTES)
        .mode(sled::Mode::LowSpace)
        .flush_every_ms(Some(5_000));
    // A database that this process has just closed holds its file's lock until sled's own threads let it go.
    let patient = || {
        let mut opened = config.open();
        for _ in 0..LOCK_TRIES {
            let Err(sled::Error::Io(_)) = opened else { break };
            std::thread::sleep(LOCK_WAIT);
            opened = config.open();
        }
        opened
    };
    match catch_unwind(AssertUnwindSafe(patient)) {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(source)) => Err(SpoolError::Sled { action: "open", path: folder.to_owned(), source }),
        Err(_) => Err(damaged(folder, "opening it failed")),
    }
}

fn item(report: &wire::Report, bytes: usize) -> Item {
    let earliest = report.group.iter().map(|group| group.observed_unix_ms).min();
    let at = earliest.or_else(|| report.dropped.as_ref().map(|dropped| dropped.last_unix_ms)).unwrap_or(0);
    Item {
        key: (Epoch(report.epoch), Sequence(report.sequence)),
        bytes: bytes as u64,
        at: Timestamp::from_millisecond(at).unwrap_or(Timestamp::MIN),
    }
}

fn at<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> SpoolError + 'a {
    move |source| SpoolError::File { action, path: path.to_owned(), source }
}

fn damaged(path: &Path, problem: &str) -> SpoolError {
    SpoolError::Damaged { path: path.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests;
