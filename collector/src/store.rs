//! The store: what is durable, behind one narrow trait with owned values.
//!
//! Invariants:
//! - [`TenantId`] is an argument of every call and the first part of every key.
//! - One [`Batch`] becomes durable whole or not at all; [`Store::commit`] returns after the disk has it.
//! - A batch carries the [`Fence`] of its writer; a writer that was replaced is refused.
//! - No type of an engine leaves its file. A store written by a newer format is refused, not guessed.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use tenken_proto::ident::TenantId;

#[cfg(test)]
pub(crate) mod contract;
#[cfg(test)]
mod crash;
pub mod redb;
pub mod space;

/// The format that this program writes and the newest that it reads.
pub const FORMAT: u32 = 1;
/// Most rows of one page of a scan.
pub const PAGE_ROWS_MAX: usize = 4_096;
/// Most bytes of one page of a scan, rows beyond it are on the next page.
pub const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is kept, one ordered table of keys and values each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Hash-chained entries: partition, sequence → header, link, salted payload.
    Journal,
    /// Agent → high-water marks of its epochs.
    Agents,
    /// Host → where in the journal its latest fact groups are, and what is remembered beside them.
    Hosts,
    /// Host → when it was last heard of. Outside the replayed state.
    Presence,
    /// Named values: head of the chain, checkpoints.
    Meta,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Journal, Self::Agents, Self::Hosts, Self::Presence, Self::Meta];

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Agents => "agents",
            Self::Hosts => "hosts",
            Self::Presence => "presence",
            Self::Meta => "meta",
        }
    }
}

/// A share of a tenant's data that has one writer at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partition(pub u32);

impl Partition {
    /// The one partition of a collector that shares its work with no other.
    pub const WHOLE: Self = Self(0);
}

/// The right to write to a partition, until somebody else claims it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// Of which partition.
    pub partition: Partition,
    /// Rises with each claim.
    pub term: u64,
}

/// One row to set or to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Where.
    pub table: Table,
    /// The key without the tenant.
    pub key: Vec<u8>,
    /// None removes the row.
    pub value: Option<Vec<u8>>,
}

/// Rows that become durable together.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Whose rows.
    pub tenant: TenantId,
    /// The writer's right.
    pub fence: Fence,
    /// May use the space that is kept back, so that a full disk does not stop a revocation.
    pub urgent: bool,
    /// The rows; of several writes to one key the last counts.
    pub writes: Vec<Write>,
}

/// Part of a scan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Keys (without the tenant) and values in ascending order of keys.
    pub rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where to go on; none: that was all.
    pub next: Option<Vec<u8>>,
}

/// Room on the store's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes left for this program; none: the engine cannot say.
    pub available: Option<u64>,
    /// Below this, batches that are not urgent are refused.
    pub low_water: u64,
}

impl Space {
    /// Whether ordinary batches are refused.
    #[must_use]
    pub fn is_low(&self) -> bool {
        self.available.is_some_and(|available| available < self.low_water)
    }
}

/// A cause from beneath the store, of whatever engine.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written: the disk is full or nearly so.
    #[error("the store's disk is nearly full: {available} bytes left, {low_water} are kept back")]
    Full {
        /// Bytes left.
        available: u64,
        /// Bytes kept back.
        low_water: u64,
    },
    /// What is stored contradicts itself.
    #[error("the store is corrupt: {what}")]
    Corrupt {
        /// What was found.
        what: String,
    },
    /// The disk or the connection failed.
    #[error("failed to {doing}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Cause,
    },
    /// Another collector has claimed the partition.
    #[error("another collector writes to this partition: our term is {held}, the current one {current}")]
    Fenced {
        /// The batch's term.
        held: u64,
        /// The term of the latest claim.
        current: u64,
    },
    /// Written by a newer version of this program.
    #[error("the store has format {found}; this program reads up to {known}. Run the newer version")]
    TooNew {
        /// The store's format.
        found: u32,
        /// The newest one known here.
        known: u32,
    },
    /// Another process has it open.
    #[error("the store `{path}` is in use by another process")]
    InUse {
        /// Its file.
        path: PathBuf,
    },
    /// There is no store.
    #[error("there is no store at `{path}`")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is a store already.
    #[error("there is a store already at `{path}`; it is never overwritten")]
    Exists {
        /// Where it is.
        path: PathBuf,
    },
    /// The store was shut down.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Passes by itself when space is freed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Io { source, .. } => source.downcast_ref::<std::io::Error>().is_some_and(is_no_room),
            Self::Corrupt { .. }
            | Self::Fenced { .. }
            | Self::TooNew { .. }
            | Self::InUse { .. }
            | Self::Missing { .. }
            | Self::Exists { .. }
            | Self::Closed => false,
        }
    }

    /// Trying the same again may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Full { .. } | Self::Io { .. } | Self::InUse { .. } => true,
            Self::Corrupt { .. }
            | Self::Fenced { .. }
            | Self::TooNew { .. }
            | Self::Missing { .. }
            | Self::Exists { .. }
            | Self::Closed => false,
        }
    }
}

/// The disk, or this account's share of it, is full.
fn is_no_room(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

/// Durable, ordered tables. Every engine passes the same contract suite (`store/contract.rs`).
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Becomes the only writer of a partition; earlier fences are refused from now on.
    async fn claim(&self, tenant: TenantId, partition: Partition) -> Result<Fence, StoreError>;

    /// Makes all rows durable, or none. Returns after the disk has them.
    async fn commit(&self, batch: Batch) -> Result<(), StoreError>;

    /// One row.
    async fn get(&self, tenant: TenantId, table: Table, key: Vec<u8>) -> Result<Option<Vec<u8>>, StoreError>;

    /// Rows from a key on (inclusive), at most `limit` and never more than [`PAGE_ROWS_MAX`].
    async fn scan(&self, tenant: TenantId, table: Table, from: Vec<u8>, limit: usize) -> Result<Page, StoreError>;

    /// Room on the disk, now.
    fn space(&self) -> Space;

    /// Lets everything under way end and gives the files back.
    async fn close(&self);
}
