//! The embedded engine: one file, checksummed, one `fdatasync` for each commit.
//!
//! Commits run one after another on a thread of their own, so that a slow disk never holds up a network task.
//! After an error of the disk the file is closed and opened again before the next commit or read: what a failed
//! `fdatasync` left behind is not trusted. A store is made beside its place and renamed into it: a power cut while
//! it is made leaves nothing that looks like a store.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's errors are open to new kinds; each has a general form here"
)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use ::redb::{
    Builder, CommitError, Database, DatabaseError, Durability, ReadableDatabase as _, ReadableTable as _, StorageError,
    TableDefinition, TableError, TransactionError,
};
use async_trait::async_trait;
use tenken_proto::ident::TenantId;
use tokio::sync::{mpsc, oneshot};

use super::space::SpaceWatch;
use super::{
    Batch, Cause, FORMAT, Fence, PAGE_BYTES_MAX, PAGE_ROWS_MAX, Page, Partition, Space, Store, StoreError, Table, Write,
};

/// Name of the file in the data folder.
pub const FILE_NAME: &str = "store.redb";
/// Name of that file while it is being made.
const NEW_FILE_NAME: &str = "store.redb.new";
/// Commits that wait for the disk. The engine sends the next one after the last is durable, so one is the rule.
const COMMITS_WAITING_MAX: usize = 4;
/// Memory for cached pages by default.
pub const CACHE_BYTES: usize = 64 * 1024 * 1024;

const FORMAT_TABLE: TableDefinition<'static, &str, u32> = TableDefinition::new("tenken");
const FENCES: TableDefinition<'static, &[u8], u64> = TableDefinition::new("fences");

type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;

fn rows(table: Table) -> Rows {
    TableDefinition::new(table.name())
}

/// Opens the database; called again after an error of the disk.
pub(super) type Opener = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

/// What the commit thread is asked to do.
enum Job {
    Commit(Batch, oneshot::Sender<Result<(), StoreError>>),
    Claim(TenantId, Partition, oneshot::Sender<Result<Fence, StoreError>>),
    Open(oneshot::Sender<Result<Arc<Database>, StoreError>>),
    Close(oneshot::Sender<()>),
}

struct Shared {
    path: PathBuf,
    open: Opener,
    space: SpaceWatch,
    database: RwLock<Option<Arc<Database>>>,
}

/// A store in one file.
pub struct RedbStore {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
}

impl std::fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbStore").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl RedbStore {
    /// Makes an empty store in a folder: the file appears whole or not at all.
    ///
    /// # Errors
    /// There is one already, or it cannot be written.
    pub fn create(folder: &Path) -> Result<(), StoreError> {
        let path = folder.join(FILE_NAME);
        if path.exists() {
            return Err(StoreError::Exists { path });
        }
        let beside = folder.join(NEW_FILE_NAME);
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(io("remove an unfinished store", error));
            }
            Ok(()) | Err(_) => {}
        }
        let database = Builder::new().create(&beside).map_err(of_database)?;
        prepare(&database)?;
        drop(database);
        let named = || {
            std::fs::rename(&beside, &path)?;
            std::fs::File::open(folder)?.sync_all()
        };
        named().map_err(|error| io("put the new store into its place", error))
    }

    /// Opens the store of a folder.
    ///
    /// # Errors
    /// Missing, used by another process, newer than this program, corrupt, or not readable.
    pub fn open(folder: &Path, cache_bytes: usize, space: SpaceWatch) -> Result<Self, StoreError> {
        let path = folder.join(FILE_NAME);
        if !path.exists() {
            return Err(StoreError::Missing { path });
        }
        let file = path.clone();
        let opener: Opener = Box::new(move || Builder::new().set_cache_size(cache_bytes).open(&file));
        Self::with_opener(path, opener, space)
    }

    pub(super) fn with_opener(path: PathBuf, open: Opener, space: SpaceWatch) -> Result<Self, StoreError> {
        let shared = Shared { path, open, space, database: RwLock::new(None) };
        shared.reopen()?;
        let shared = Arc::new(shared);
        let (jobs, waiting) = mpsc::channel(COMMITS_WAITING_MAX);
        let worker = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || work(&worker, waiting))
            .map_err(|error| io("start the thread of the store", error))?;
        Ok(Self { shared, jobs })
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = match self.shared.database() {
            Ok(database) => database,
            // An error of the disk closed it. Only the commit thread opens it again: the file takes one opener.
            Err(_) => self.ask(Job::Open).await?,
        };
        tokio::task::spawn_blocking(move || read(&database)).await.map_err(|error| io("read the store", error))?
    }
}

#[async_trait]
impl Store for RedbStore {
    async fn claim(&self, tenant: TenantId, partition: Partition) -> Result<Fence, StoreError> {
        self.ask(|reply| Job::Claim(tenant, partition, reply)).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.ask(|reply| Job::Commit(batch, reply)).await
    }

    async fn get(&self, tenant: TenantId, table: Table, key: Vec<u8>) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(move |database| {
            let transaction = database.begin_read().map_err(of_transaction)?;
            let rows = transaction.open_table(rows(table)).map_err(of_table)?;
            let row = rows.get(full_key(tenant, &key).as_slice()).map_err(of_storage)?;
            Ok(row.map(|value| value.value().to_vec()))
        })
        .await
    }

    async fn scan(&self, tenant: TenantId, table: Table, from: Vec<u8>, limit: usize) -> Result<Page, StoreError> {
        self.read(move |database| scan(database, tenant, table, &from, limit.clamp(1, PAGE_ROWS_MAX))).await
    }

    fn space(&self) -> Space {
        self.shared.space.space()
    }

    async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.jobs.send(Job::Close(reply)).await.is_ok() {
            let _ = done.await;
        }
    }
}

impl Shared {
    fn database(&self) -> Result<Arc<Database>, StoreError> {
        self.database.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StoreError::Closed)
    }

    /// Opens the file and makes sure that it is ours and of a format we know.
    fn reopen(&self) -> Result<Arc<Database>, StoreError> {
        let database = (self.open)().map_err(|error| self.of_open(error))?;
        prepare(&database)?;
        let database = Arc::new(database);
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&database));
        Ok(database)
    }

    fn forget(&self) {
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn of_open(&self, error: DatabaseError) -> StoreError {
        match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: self.path.clone() },
            other => of_database(other),
        }
    }

    /// The open database, opened again if an earlier error closed it.
    fn ready(&self) -> Result<Arc<Database>, StoreError> {
        match self.database() {
            Ok(database) => Ok(database),
            Err(_) => self.reopen(),
        }
    }
}

/// The commit thread: one job after another until the store is dropped or closed.
fn work(shared: &Shared, mut waiting: mpsc::Receiver<Job>) {
    while let Some(job) = waiting.blocking_recv() {
        match job {
            Job::Commit(batch, reply) => {
                let _ = reply.send(guarded(shared, |database| commit(shared, database, batch)));
            }
            Job::Claim(tenant, partition, reply) => {
                let _ = reply.send(guarded(shared, |database| claim(database, tenant, partition)));
            }
            Job::Open(reply) => drop(reply.send(shared.ready())),
            Job::Close(reply) => {
                shared.forget();
                let _ = reply.send(());
                return;
            }
        }
    }
    shared.forget();
}

/// Runs one job; after an error of the disk the file is closed, and opened again by the next job or read.
fn guarded<T>(shared: &Shared, job: impl FnOnce(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
    let database = shared.ready()?;
    let result = job(&database);
    if let Err(StoreError::Io { .. } | StoreError::Corrupt { .. }) = &result {
        shared.forget();
    }
    result
}

pub(super) fn prepare(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(of_transaction)?;
    let found = {
        let mut table = transaction.open_table(FORMAT_TABLE).map_err(of_table)?;
        let found = table.get("format").map_err(of_storage)?.map(|value| value.value());
        if found.is_none() {
            table.insert("format", FORMAT).map_err(of_storage)?;
        }
        found
    };
    match found {
        Some(found) if found > FORMAT => return Err(StoreError::TooNew { found, known: FORMAT }),
        Some(_) => return transaction.abort().map_err(of_storage),
        None => {}
    }
    for table in Table::ALL {
        transaction.open_table(rows(table)).map_err(of_table)?;
    }
    transaction.open_table(FENCES).map_err(of_table)?;
    transaction.commit().map_err(of_commit)
}

fn claim(database: &Database, tenant: TenantId, partition: Partition) -> Result<Fence, StoreError> {
    let transaction = database.begin_write().map_err(of_transaction)?;
    let term = {
        let mut fences = transaction.open_table(FENCES).map_err(of_table)?;
        let key = fence_key(tenant, partition);
        let term = fences.get(key.as_slice()).map_err(of_storage)?.map_or(0, |term| term.value()) + 1;
        fences.insert(key.as_slice(), term).map_err(of_storage)?;
        term
    };
    transaction.commit().map_err(of_commit)?;
    Ok(Fence { partition, term })
}

fn commit(shared: &Shared, database: &Database, batch: Batch) -> Result<(), StoreError> {
    shared.space.check(batch.urgent)?;
    let mut transaction = database.begin_write().map_err(of_transaction)?;
    transaction
        .set_durability(Durability::Immediate)
        .map_err(|error| StoreError::Io { doing: "start a durable commit", source: Box::new(error) })?;
    // What is free is part of each commit: a start after a power cut reads that in place of the whole file.
    transaction.set_quick_repair(true);
    let current = {
        let fences = transaction.open_table(FENCES).map_err(of_table)?;
        let current = fences.get(fence_key(batch.tenant, batch.fence.partition).as_slice()).map_err(of_storage)?;
        current.map_or(0, |term| term.value())
    };
    if current != batch.fence.term {
        transaction.abort().map_err(of_storage)?;
        return Err(StoreError::Fenced { held: batch.fence.term, current });
    }
    let mut writes = batch.writes;
    // Stable: of several writes to one key the last stays last. Sorted inserts touch each page once.
    writes.sort_by(|a, b| a.table.cmp(&b.table).then_with(|| a.key.cmp(&b.key)));
    for same_table in writes.chunk_by(|a, b| a.table == b.table) {
        write_table(&transaction, batch.tenant, same_table)?;
    }
    transaction.commit().map_err(of_commit)
}

fn write_table(transaction: &::redb::WriteTransaction, tenant: TenantId, writes: &[Write]) -> Result<(), StoreError> {
    let Some(first) = writes.first() else { return Ok(()) };
    let mut table = transaction.open_table(rows(first.table)).map_err(of_table)?;
    let mut key = Vec::with_capacity(64);
    for (index, write) in writes.iter().enumerate() {
        if writes.get(index + 1).is_some_and(|next| next.key == write.key) {
            continue;
        }
        key.clear();
        key.extend_from_slice(&tenant.0.to_be_bytes());
        key.extend_from_slice(&write.key);
        match &write.value {
            Some(value) => drop(table.insert(key.as_slice(), value.as_slice()).map_err(of_storage)?),
            None => drop(table.remove(key.as_slice()).map_err(of_storage)?),
        }
    }
    Ok(())
}

fn scan(database: &Database, tenant: TenantId, table: Table, from: &[u8], limit: usize) -> Result<Page, StoreError> {
    let transaction = database.begin_read().map_err(of_transaction)?;
    let table = transaction.open_table(rows(table)).map_err(of_table)?;
    let start = full_key(tenant, from);
    let end = TenantId(tenant.0.saturating_add(1)).0.to_be_bytes();
    let mut page = Page::default();
    let mut bytes = 0;
    for row in table.range(start.as_slice()..end.as_slice()).map_err(of_storage)? {
        let (key, value) = row.map_err(of_storage)?;
        let key = key.value().get(4..).unwrap_or_default().to_vec();
        if page.rows.len() >= limit || bytes >= PAGE_BYTES_MAX {
            page.next = Some(key);
            break;
        }
        let value = value.value().to_vec();
        bytes += key.len() + value.len();
        page.rows.push((key, value));
    }
    Ok(page)
}

fn full_key(tenant: TenantId, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(4 + key.len());
    full.extend_from_slice(&tenant.0.to_be_bytes());
    full.extend_from_slice(key);
    full
}

fn fence_key(tenant: TenantId, partition: Partition) -> [u8; 8] {
    let mut key = [0; 8];
    key[..4].copy_from_slice(&tenant.0.to_be_bytes());
    key[4..].copy_from_slice(&partition.0.to_be_bytes());
    key
}

fn io(doing: &'static str, source: impl Into<Cause>) -> StoreError {
    StoreError::Io { doing, source: source.into() }
}

fn of_storage(error: StorageError) -> StoreError {
    match error {
        StorageError::Corrupted(what) => StoreError::Corrupt { what },
        StorageError::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            io("write to the full disk", error)
        }
        StorageError::Io(error) => io("read or write the store's file", error),
        other => io("use the store", other),
    }
}

fn of_database(error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::Storage(error) => of_storage(error),
        other => io("open the store", other),
    }
}

fn of_transaction(error: TransactionError) -> StoreError {
    match error {
        TransactionError::Storage(error) => of_storage(error),
        other => io("begin a transaction", other),
    }
}

fn of_table(error: TableError) -> StoreError {
    match error {
        TableError::Storage(error) => of_storage(error),
        other => io("open a table of the store", other),
    }
}

fn of_commit(error: CommitError) -> StoreError {
    match error {
        CommitError::Storage(error) => of_storage(error),
        other => io("commit", other),
    }
}
