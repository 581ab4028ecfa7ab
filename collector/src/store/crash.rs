//! A disk in memory that loses its power: after a chosen operation nothing is written any more, and what was not
//! synced is lost, kept, torn or reordered. The store on it must give back everything that it acknowledged.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use ::redb::{Builder, StorageBackend};
use jiff::Timestamp;
use tenken_proto::ident::TenantId;

use super::contract::{batch, put};
use super::redb::RedbStore;
use super::space::SpaceWatch;
use super::*;
use crate::journal::{self, Chain, Kind, Sealed};

const TENANT: TenantId = TenantId(1);
/// Batches of the workload: enough for well over 200 operations of the disk.
const BATCHES: u32 = 24;

/// What the power cut does to writes that were not synced.
#[derive(Debug, Clone, Copy)]
enum Loss {
    /// All of them are gone.
    All,
    /// None is gone: the disk was quick.
    None,
    /// All arrived, of the last one only the first 512 bytes.
    Torn,
    /// Some arrived, in no order.
    Some(u64),
}

#[derive(Debug, Default)]
struct Disk {
    synced: Vec<u8>,
    written: Vec<u8>,
    unsynced: Vec<Op>,
    operations: u64,
    crash_after: Option<u64>,
}

#[derive(Debug, Clone)]
enum Op {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

impl Op {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::SetLen(len) => image.resize(usize::try_from(*len).unwrap(), 0),
            Self::Write(offset, data) => {
                let start = usize::try_from(*offset).unwrap();
                if image.len() < start + data.len() {
                    image.resize(start + data.len(), 0);
                }
                image[start..start + data.len()].copy_from_slice(data);
            }
        }
    }
}

impl Disk {
    /// Counts an operation; after the last one the power is gone.
    fn operate(&mut self) -> io::Result<()> {
        if self.crash_after.is_some_and(|last| self.operations >= last) {
            return Err(io::Error::other("the power is gone"));
        }
        self.operations += 1;
        Ok(())
    }

    fn change(&mut self, op: Op) -> io::Result<()> {
        self.operate()?;
        op.apply(&mut self.written);
        self.unsynced.push(op);
        Ok(())
    }

    /// What is found on the disk when the power is back.
    fn after(&self, loss: Loss) -> Vec<u8> {
        let mut image = self.synced.clone();
        let last = self.unsynced.len().saturating_sub(1);
        for (index, op) in self.unsynced.iter().enumerate() {
            match loss {
                Loss::All => {}
                Loss::None => op.apply(&mut image),
                Loss::Torn if index == last => match op {
                    Op::Write(offset, data) => {
                        Op::Write(*offset, data[..data.len().min(512)].to_vec()).apply(&mut image);
                    }
                    Op::SetLen(_) => {}
                },
                Loss::Torn => op.apply(&mut image),
                Loss::Some(seed) => {
                    // A length that was set is metadata of the whole file; writes beyond it would not be on the disk.
                    let kept = mixed(seed ^ index as u64).is_multiple_of(2);
                    if kept || matches!(op, Op::SetLen(_)) {
                        op.apply(&mut image);
                    }
                }
            }
        }
        image
    }
}

/// SplitMix64: the same seed gives the same subset.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[derive(Debug, Clone)]
struct Backend(Arc<Mutex<Disk>>);

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().written.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let disk = self.0.lock().unwrap();
        let start = usize::try_from(offset).unwrap();
        let found = disk.written.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().change(Op::SetLen(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        disk.operate()?;
        disk.synced = disk.written.clone();
        disk.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().change(Op::Write(offset, data.to_vec()))
    }
}

fn disk_of(image: Vec<u8>, crash_after: Option<u64>) -> Arc<Mutex<Disk>> {
    Arc::new(Mutex::new(Disk { synced: image.clone(), written: image, crash_after, ..Disk::default() }))
}

fn open(disk: &Arc<Mutex<Disk>>) -> Result<RedbStore, StoreError> {
    let backend = Backend(Arc::clone(disk));
    let space = SpaceWatch::given(Arc::new(AtomicU64::new(u64::MAX)), 0);
    RedbStore::with_opener(
        "in memory".into(),
        Box::new(move || Builder::new().set_cache_size(1 << 20).create_with_backend(backend.clone())),
        space,
    )
}

/// Commits batches (a journal entry, a row of its own, a row that all share) until the power is gone; tells how
/// many were acknowledged.
async fn work(store: &RedbStore) -> u32 {
    let Ok(fence) = store.claim(TENANT, Partition::WHOLE).await else { return 0 };
    let mut chain = Chain::empty(TENANT, Partition::WHOLE);
    for n in 1..=BATCHES {
        let sealed = Sealed::new(Kind::Change, payload(n)).unwrap();
        let (_, entry) = chain.append(Timestamp::UNIX_EPOCH, sealed);
        let own = put(Table::Hosts, &n.to_be_bytes(), &payload(n));
        let shared = put(Table::Agents, b"last", &n.to_be_bytes());
        if store.commit(batch(fence, vec![entry, own, shared])).await.is_err() {
            return n - 1;
        }
    }
    BATCHES
}

fn payload(n: u32) -> Vec<u8> {
    let len = usize::try_from(mixed(u64::from(n)) % 6_000).unwrap();
    vec![u8::try_from(n).unwrap(); len]
}

/// Everything acknowledged is there; at most the one batch under way is there too, and then whole; and the store
/// works on.
async fn check(image: Vec<u8>, acknowledged: u32, place: &str) {
    let disk = disk_of(image, None);
    let store = open(&disk).unwrap_or_else(|error| panic!("{place}: it does not open: {error:?}"));
    let verified = journal::verify(&store, TENANT, Partition::WHOLE).await.unwrap_or_else(|e| panic!("{place}: {e:?}"));
    let kept = u32::try_from(verified.entries).unwrap();
    assert!(kept == acknowledged || kept == acknowledged + 1, "{place}: {acknowledged} acknowledged, {kept} kept");
    for n in 1..=kept {
        let row = store.get(TENANT, Table::Hosts, n.to_be_bytes().to_vec()).await.unwrap();
        assert_eq!(row, Some(payload(n)), "{place}: row {n}");
    }
    let beyond = store.get(TENANT, Table::Hosts, (kept + 1).to_be_bytes().to_vec()).await.unwrap();
    assert_eq!(beyond, None, "{place}: half of a batch");
    let shared = store.get(TENANT, Table::Agents, b"last".to_vec()).await.unwrap();
    assert_eq!(shared, (kept > 0).then(|| kept.to_be_bytes().to_vec()), "{place}: state and journal differ");
    let fence = store.claim(TENANT, Partition::WHOLE).await.unwrap();
    store.commit(batch(fence, vec![put(Table::Meta, b"after", b"x")])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_after_any_operation_loses_nothing_that_was_acknowledged() {
    // A store is made beside its place and renamed into it, so a made one is what every run starts with.
    let made = disk_of(Vec::new(), None);
    drop(open(&made).unwrap());
    let made = made.lock().unwrap().synced.clone();
    let whole = disk_of(made.clone(), None);
    assert_eq!(work(&open(&whole).unwrap()).await, BATCHES);
    let operations = whole.lock().unwrap().operations;
    assert!(operations >= 200, "only {operations} operations: add batches");
    for after in 0..operations {
        let disk = disk_of(made.clone(), Some(after));
        let acknowledged = match open(&disk) {
            Ok(store) => work(&store).await,
            Err(_) => 0,
        };
        let losses = [Loss::All, Loss::None, Loss::Torn, Loss::Some(after)];
        for loss in losses {
            let image = disk.lock().unwrap().after(loss);
            check(image, acknowledged, &format!("crash after operation {after}, loss {loss:?}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_whose_disk_failed_once_is_read_and_written_again_without_a_restart() {
    let disk = disk_of(Vec::new(), None);
    let store = open(&disk).unwrap();
    let fence = store.claim(TENANT, Partition::WHOLE).await.unwrap();
    let row = |key: &[u8]| batch(fence, vec![put(Table::Hosts, key, b"x")]);
    store.commit(row(b"kept")).await.unwrap();
    let fails_after = |operations: Option<u64>| {
        let mut disk = disk.lock().unwrap();
        disk.crash_after = operations.map(|more| disk.operations + more);
    };
    fails_after(Some(1));
    store.commit(row(b"failed")).await.unwrap_err();
    assert!(store.get(TENANT, Table::Hosts, b"kept".to_vec()).await.is_err(), "the disk fails still");
    fails_after(None);
    let kept = store.scan(TENANT, Table::Hosts, Vec::new(), 10).await.unwrap();
    assert_eq!(kept.rows, [(b"kept".to_vec(), b"x".to_vec())]);
    store.commit(row(b"later")).await.unwrap();
}
