//! Wakes the probes whose files changed. A wake carries no data: the probe looks for itself.
//!
//! An existing file is watched itself, a directory with what it contains, and for something that is not
//! there yet its nearest existing directory. Changes are collected for [`GATHER`] and then the watches are
//! set anew before the wake, so that a file that was replaced in between is seen by the probe's look.
//! Whatever cannot be watched (a limit of the system, more than [`WATCHES_MAX`] places) is said in
//! [`Watch::state`] and left to the schedule.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tenken_proto::fact::GroupName;
use tokio::sync::{Notify, mpsc};

use crate::root::Root;

/// How long changes are collected before a wake.
pub const GATHER: Duration = Duration::from_millis(200);
/// Most files and directories that are watched.
pub const WATCHES_MAX: usize = 256;
/// Wakes that wait to be taken; there is at most one for each group, so a full queue loses nothing.
const WAKES_MAX: usize = tenken_proto::report::GROUPS_MAX;
/// Directories of a live system in which files are opened so often that watching them costs more than it
/// tells. What appears in them is found by the schedule, and installations by the list of packages.
const BUSY: [&str; 7] = ["/", "/etc", "/run", "/tmp", "/var/log", "/var/run", "/dev"];
/// Trees of a live kernel, which tell of no changes.
const SILENT: [&str; 2] = ["/proc", "/sys"];

/// What is being watched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchState {
    /// Files and directories that are watched.
    pub watches: usize,
    /// What could not be watched, for a person; the schedule looks there.
    pub problem: Option<String>,
}

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    places: BTreeMap<PathBuf, BTreeSet<Interest>>,
    pending: BTreeSet<usize>,
    state: WatchState,
}

/// Who wants to know of changes at a place: a group by its number, of one name there or of all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Interest {
    group: usize,
    name: Option<String>,
}

type Wanted = Vec<(GroupName, Vec<String>)>;

impl Watch {
    /// Watches these paths of the observed system; must be called within a tokio runtime.
    #[must_use]
    pub fn new(root: Arc<Root>, wanted: Wanted) -> (Self, mpsc::Receiver<GroupName>) {
        let shared = Arc::new(Shared::default());
        let (wakes, woken) = mpsc::channel(WAKES_MAX);
        let watcher = watcher(&shared);
        let mut armed = Armed { root, wanted, shared: Arc::clone(&shared), watcher };
        armed.arm();
        let task = tokio::spawn(armed.serve(wakes));
        (Self { shared, task }, woken)
    }

    /// How far watching reaches.
    #[must_use]
    pub fn state(&self) -> WatchState {
        self.shared.lock(|inner| inner.state.clone())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn lock<T>(&self, with: impl FnOnce(&mut Inner) -> T) -> T {
        with(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Called on the watcher's thread.
    fn heard(&self, event: notify::Result<Event>) {
        let woke = self.lock(|inner| match event {
            Ok(event) if event.need_rescan() => inner.wake_all(),
            Ok(event) if !is_change(&event.kind) => false,
            Ok(event) => event.paths.iter().filter(|path| inner.wake(path)).count() > 0,
            Err(error) => {
                inner.state.problem = Some(format!("watching failed: {error}"));
                inner.wake_all()
            }
        });
        if woke {
            self.changed.notify_one();
        }
    }
}

impl Inner {
    fn wake_all(&mut self) -> bool {
        self.pending.extend(self.places.values().flatten().map(|interest| interest.group));
        !self.pending.is_empty()
    }

    fn wake(&mut self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str());
        let here = self.places.get(path).into_iter().flatten().map(|interest| interest.group);
        let above = path.parent().and_then(|parent| self.places.get(parent)).into_iter().flatten();
        let inside = above.filter(|interest| interest.name.is_none() || interest.name.as_deref() == name);
        let groups: BTreeSet<usize> = here.chain(inside.map(|interest| interest.group)).collect();
        self.pending.extend(&groups);
        !groups.is_empty()
    }
}

/// Something that may have changed what a probe would see; reading is not.
fn is_change(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    }
}

fn watcher(shared: &Arc<Shared>) -> Option<RecommendedWatcher> {
    let hears = Arc::clone(shared);
    match RecommendedWatcher::new(move |event| hears.heard(event), Config::default()) {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            shared.lock(|inner| inner.state.problem = Some(format!("changes cannot be watched: {error}")));
            tracing::warn!(%error, "Changes of files cannot be watched; the schedule finds them");
            None
        }
    }
}

/// The watcher with what it is to watch.
struct Armed {
    root: Arc<Root>,
    wanted: Wanted,
    shared: Arc<Shared>,
    watcher: Option<RecommendedWatcher>,
}

impl Armed {
    async fn serve(mut self, wakes: mpsc::Sender<GroupName>) {
        loop {
            self.shared.changed.notified().await;
            tokio::time::sleep(GATHER).await;
            self.arm();
            let pending = self.shared.lock(|inner| std::mem::take(&mut inner.pending));
            for group in pending {
                let Some((name, _)) = self.wanted.get(group) else { continue };
                if wakes.send(name.clone()).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Sets the watches as the files lie at present.
    fn arm(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let mut wanted = places(&self.root, &self.wanted);
        let left_out = wanted.len().saturating_sub(WATCHES_MAX);
        while wanted.len() > WATCHES_MAX {
            wanted.pop_last();
        }
        let before = self.shared.lock(|inner| std::mem::replace(&mut inner.places, wanted.clone()));
        let mut problem = (left_out > 0).then(|| format!("{left_out} places beyond the limit of {WATCHES_MAX}"));
        for path in before.keys() {
            // A file may have been replaced by another one of the same name.
            if !wanted.contains_key(path) || !path.is_dir() {
                let _gone = watcher.unwatch(path);
            }
        }
        for path in wanted.keys() {
            if before.contains_key(path) && path.is_dir() {
                continue;
            }
            if let Err(error) = watcher.watch(path, RecursiveMode::NonRecursive) {
                problem = Some(format!("`{}` cannot be watched: {error}", path.display()));
            }
        }
        self.shared.lock(|inner| {
            if problem.is_some() && inner.state.problem != problem {
                tracing::warn!(problem, "Not everything can be watched; the schedule looks there");
            }
            inner.state = WatchState { watches: wanted.len(), problem };
        });
    }
}

fn places(root: &Root, wanted: &Wanted) -> BTreeMap<PathBuf, BTreeSet<Interest>> {
    let mut places: BTreeMap<PathBuf, BTreeSet<Interest>> = BTreeMap::new();
    for (group, (_, paths)) in wanted.iter().enumerate() {
        for path in paths {
            if let Some((place, name)) = place_of(root, path) {
                places.entry(place).or_default().insert(Interest { group, name });
            }
        }
    }
    places
}

/// Where to watch for a path: itself, or the nearest directory in which it would begin to appear.
fn place_of(root: &Root, path: &str) -> Option<(PathBuf, Option<String>)> {
    if root.is_live() && SILENT.iter().any(|tree| path.starts_with(tree)) {
        return None;
    }
    if let Some(place) = root.locate(path) {
        return Some((place, None));
    }
    let mut here = path;
    while let Some((above, name)) = here.trim_end_matches('/').rsplit_once('/') {
        let above = if above.is_empty() { "/" } else { above };
        if root.is_live() && BUSY.contains(&above) {
            return None;
        }
        if let Some(place) = root.locate(above) {
            return Some((place, Some(name.to_owned())));
        }
        here = above;
    }
    None
}

#[cfg(test)]
mod tests;
