//! What every engine of the store must do, as one suite over the trait. A new engine passes it unchanged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tenken_proto::ident::TenantId;

use super::redb::RedbStore;
use super::space::SpaceWatch;
use super::*;

const TENANT: TenantId = TenantId(1);
const OTHER: TenantId = TenantId(2);

pub(super) fn put(table: Table, key: &[u8], value: &[u8]) -> Write {
    Write { table, key: key.to_vec(), value: Some(value.to_vec()) }
}

fn remove(table: Table, key: &[u8]) -> Write {
    Write { table, key: key.to_vec(), value: None }
}

pub(super) fn batch(fence: Fence, writes: Vec<Write>) -> Batch {
    Batch { tenant: TENANT, fence, urgent: false, writes }
}

async fn get(store: &dyn Store, tenant: TenantId, key: &[u8]) -> Option<Vec<u8>> {
    store.get(tenant, Table::Hosts, key.to_vec()).await.unwrap()
}

/// The suite, over a fresh and empty store.
async fn suite(store: Arc<dyn Store>) {
    what_is_committed_is_read(&*store).await;
    tenants_do_not_see_each_other(&*store).await;
    pages_cover_everything_once(&*store).await;
    a_replaced_writer_is_refused(&*store).await;
    a_batch_is_whole_or_not_there(&*store).await;
}

async fn what_is_committed_is_read(store: &dyn Store) {
    let fence = store.claim(TENANT, Partition::WHOLE).await.unwrap();
    let writes = vec![
        put(Table::Hosts, b"b", b"first"),
        put(Table::Hosts, b"a", b""),
        put(Table::Hosts, b"b", b"last"),
        put(Table::Agents, b"b", b"other table"),
    ];
    store.commit(batch(fence, writes)).await.unwrap();
    assert_eq!(get(store, TENANT, b"b").await.as_deref(), Some(&b"last"[..]), "the last write to a key counts");
    assert_eq!(get(store, TENANT, b"a").await.as_deref(), Some(&b""[..]), "an empty value is a value");
    assert_eq!(get(store, TENANT, b"c").await, None);
    let writes = vec![put(Table::Hosts, b"c", b"x"), remove(Table::Hosts, b"c"), remove(Table::Hosts, b"never there")];
    store.commit(batch(fence, writes)).await.unwrap();
    assert_eq!(get(store, TENANT, b"c").await, None, "the last write to a key counts, a removal too");
    store.commit(batch(fence, vec![remove(Table::Hosts, b"a"), remove(Table::Hosts, b"b")])).await.unwrap();
    assert_eq!(store.scan(TENANT, Table::Hosts, Vec::new(), 10).await.unwrap(), Page::default());
}

async fn tenants_do_not_see_each_other(store: &dyn Store) {
    let fence = store.claim(OTHER, Partition::WHOLE).await.unwrap();
    let theirs = Batch { tenant: OTHER, fence, urgent: false, writes: vec![put(Table::Hosts, b"k", b"theirs")] };
    store.commit(theirs).await.unwrap();
    assert_eq!(get(store, TENANT, b"k").await, None);
    assert_eq!(store.scan(TENANT, Table::Hosts, Vec::new(), 10).await.unwrap().rows.len(), 0);
    assert_eq!(get(store, OTHER, b"k").await.as_deref(), Some(&b"theirs"[..]));
}

async fn pages_cover_everything_once(store: &dyn Store) {
    let fence = store.claim(TENANT, Partition::WHOLE).await.unwrap();
    let rows: Vec<(Vec<u8>, Vec<u8>)> =
        (0..1_000_u32).map(|n| (n.to_be_bytes().to_vec(), vec![7; n as usize % 50])).collect();
    let writes = rows.iter().rev().map(|(key, value)| put(Table::Journal, key, value)).collect();
    store.commit(batch(fence, writes)).await.unwrap();
    for limit in [1, 7, 999, 1_000, 1_001, usize::MAX] {
        let (mut seen, mut from) = (Vec::new(), Some(Vec::new()));
        while let Some(key) = from {
            let page = store.scan(TENANT, Table::Journal, key, limit).await.unwrap();
            assert!(page.rows.len() <= limit.min(PAGE_ROWS_MAX));
            seen.extend(page.rows);
            from = page.next;
        }
        assert_eq!(seen, rows, "pages of {limit}");
    }
    let from = 990_u32.to_be_bytes().to_vec();
    assert_eq!(store.scan(TENANT, Table::Journal, from, 100).await.unwrap().rows, rows[990..], "from is inclusive");
}

async fn a_replaced_writer_is_refused(store: &dyn Store) {
    let old = store.claim(TENANT, Partition(7)).await.unwrap();
    let elsewhere = store.claim(TENANT, Partition(8)).await.unwrap();
    let new = store.claim(TENANT, Partition(7)).await.unwrap();
    assert!(new.term > old.term);
    let refused = store.commit(batch(old, vec![put(Table::Hosts, b"fenced", b"1")])).await.unwrap_err();
    assert!(matches!(refused, StoreError::Fenced { held, current } if held == old.term && current == new.term));
    assert_eq!(get(store, TENANT, b"fenced").await, None);
    store.commit(batch(new, vec![put(Table::Hosts, b"fenced", b"2")])).await.unwrap();
    store.commit(batch(elsewhere, vec![put(Table::Hosts, b"fenced", b"3")])).await.unwrap();
}

async fn a_batch_is_whole_or_not_there(store: &dyn Store) {
    let fence = store.claim(TENANT, Partition::WHOLE).await.unwrap();
    for n in 0..20_u8 {
        let writes = Table::ALL.into_iter().map(|table| put(table, b"\xff together", &[n])).collect();
        store.commit(batch(fence, writes)).await.unwrap();
        for table in Table::ALL {
            assert_eq!(store.get(TENANT, table, b"\xff together".to_vec()).await.unwrap(), Some(vec![n]));
        }
    }
}

fn plenty() -> (Arc<AtomicU64>, SpaceWatch) {
    let available = Arc::new(AtomicU64::new(u64::MAX));
    (Arc::clone(&available), SpaceWatch::given(available, 1 << 30))
}

/// A fresh store in a folder.
pub(crate) fn fresh(dir: &std::path::Path, space: SpaceWatch) -> RedbStore {
    RedbStore::create(dir).unwrap();
    RedbStore::open(dir, 1 << 20, space).unwrap()
}

#[tokio::test]
async fn redb_on_disk_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    suite(Arc::new(fresh(dir.path(), plenty().1))).await;
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart_and_one_process_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = fresh(dir.path(), plenty().1);
    assert!(matches!(RedbStore::create(dir.path()), Err(StoreError::Exists { .. })));
    let fence = store.claim(TENANT, Partition::WHOLE).await.unwrap();
    store.commit(batch(fence, vec![put(Table::Hosts, b"k", b"v")])).await.unwrap();
    let second = RedbStore::open(dir.path(), 1 << 20, plenty().1).unwrap_err();
    assert!(matches!(second, StoreError::InUse { .. }), "{second:?}");
    store.close().await;
    assert!(matches!(store.commit(batch(fence, Vec::new())).await, Err(StoreError::Closed)));
    let store = RedbStore::open(dir.path(), 1 << 20, plenty().1).unwrap();
    assert_eq!(get(&store, TENANT, b"k").await.as_deref(), Some(&b"v"[..]));
    assert!(store.claim(TENANT, Partition::WHOLE).await.unwrap().term > fence.term, "terms outlive a restart");
}

#[tokio::test]
async fn a_store_of_a_newer_format_is_refused_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(redb::FILE_NAME);
    {
        let database = ::redb::Database::create(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let table = ::redb::TableDefinition::<&str, u32>::new("tenken");
        transaction.open_table(table).unwrap().insert("format", FORMAT + 1).unwrap();
        transaction.commit().unwrap();
    }
    let error = RedbStore::open(dir.path(), 1 << 20, plenty().1).unwrap_err();
    assert!(matches!(error, StoreError::TooNew { found, known } if found == FORMAT + 1 && known == FORMAT));
    assert!(error.to_string().contains("Run the newer version"), "{error}");
}

#[tokio::test]
async fn a_store_that_is_gone_is_not_made_again_in_silence() {
    let dir = tempfile::tempdir().unwrap();
    let error = RedbStore::open(dir.path(), 1 << 20, plenty().1).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_store_that_was_not_finished_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("store.redb.new"), b"half of a store").unwrap();
    fresh(dir.path(), plenty().1);
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(redb::FILE_NAME);
    std::fs::write(&path, b"not a store at all, but somebody's letter").unwrap();
    RedbStore::open(dir.path(), 1 << 20, plenty().1).unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), b"not a store at all, but somebody's letter");
}

#[tokio::test]
async fn below_the_low_water_mark_only_what_is_urgent_is_taken_and_space_heals_it() {
    let dir = tempfile::tempdir().unwrap();
    let (available, watch) = plenty();
    let store = fresh(dir.path(), watch);
    let fence = store.claim(TENANT, Partition::WHOLE).await.unwrap();
    let ordinary = || batch(fence, vec![put(Table::Hosts, b"k", b"v")]);
    available.store((1 << 30) - 1, Ordering::SeqCst);
    assert!(store.space().is_low());
    assert!(store.commit(ordinary()).await.unwrap_err().is_full());
    assert_eq!(get(&store, TENANT, b"k").await, None);
    store.commit(Batch { urgent: true, ..ordinary() }).await.unwrap();
    available.store(space::FLOOR_BYTES - 1, Ordering::SeqCst);
    assert!(store.commit(Batch { urgent: true, ..ordinary() }).await.unwrap_err().is_full());
    available.store(1 << 30, Ordering::SeqCst);
    store.commit(ordinary()).await.unwrap();
}
