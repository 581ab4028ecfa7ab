//! How much room the store's disk has, and how much of it is kept back.
//!
//! Ordinary batches are refused below the low-water mark, before the disk is full; urgent ones (identity,
//! people's decisions) may go on down to [`FLOOR_BYTES`], or to half of a mark that is lower than twice that.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Space, StoreError};

/// Kept back by default, when that is less than [`LOW_WATER_PERCENT`] of the disk.
pub const LOW_WATER_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Share of the disk that is kept back by default, when that is less than [`LOW_WATER_BYTES`].
pub const LOW_WATER_PERCENT: u64 = 5;
/// Below this even urgent batches are refused, on a disk of usual size.
pub const FLOOR_BYTES: u64 = 16 * 1024 * 1024;

/// How the room is found out.
#[derive(Clone)]
enum Source {
    /// From the file system that holds this folder.
    FileSystem(PathBuf),
    /// A number that a test sets.
    Given(Arc<AtomicU64>),
}

/// Watches the room on a disk.
#[derive(Clone)]
pub struct SpaceWatch {
    source: Source,
    low_water: Option<u64>,
}

impl fmt::Debug for SpaceWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpaceWatch").field("low_water", &self.low_water).finish_non_exhaustive()
    }
}

/// Size of the disk that holds a folder, in bytes; none: the system does not say.
#[must_use]
pub fn disk_bytes(folder: &Path) -> Option<u64> {
    rustix::fs::statvfs(folder).ok().map(|stat| stat.f_blocks.saturating_mul(stat.f_frsize))
}

impl SpaceWatch {
    /// Watches the file system of a folder. Without a mark the smaller of [`LOW_WATER_BYTES`] and
    /// [`LOW_WATER_PERCENT`] is kept back.
    #[must_use]
    pub fn of(folder: PathBuf, low_water: Option<u64>) -> Self {
        Self { source: Source::FileSystem(folder), low_water }
    }

    /// A watch over a number that the caller sets.
    #[must_use]
    pub fn given(available: Arc<AtomicU64>, low_water: u64) -> Self {
        Self { source: Source::Given(available), low_water: Some(low_water) }
    }

    /// The room, now.
    #[must_use]
    pub fn space(&self) -> Space {
        match &self.source {
            Source::Given(available) => Space {
                available: Some(available.load(Ordering::SeqCst)),
                low_water: self.low_water.unwrap_or(LOW_WATER_BYTES),
            },
            Source::FileSystem(folder) => match rustix::fs::statvfs(folder) {
                Ok(stat) => Space {
                    available: Some(stat.f_bavail.saturating_mul(stat.f_frsize)),
                    low_water: self.low_water.unwrap_or_else(|| {
                        let share = stat.f_blocks.saturating_mul(stat.f_frsize) / 100 * LOW_WATER_PERCENT;
                        share.min(LOW_WATER_BYTES)
                    }),
                },
                Err(_) => Space { available: None, low_water: self.low_water.unwrap_or(LOW_WATER_BYTES) },
            },
        }
    }

    /// Refuses what must not be written now.
    ///
    /// # Errors
    /// [`StoreError::Full`] below the mark that counts for the batch.
    pub fn check(&self, urgent: bool) -> Result<(), StoreError> {
        let space = self.space();
        let mark = if urgent { FLOOR_BYTES.min(space.low_water / 2) } else { space.low_water };
        match space.available {
            Some(available) if available < mark => Err(StoreError::Full { available, low_water: space.low_water }),
            Some(_) | None => Ok(()),
        }
    }
}
