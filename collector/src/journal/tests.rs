//! The chain holds, can be pruned, and names where it was tampered with.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use tenken_proto::ident::{Digest, Epoch, HostId, Sequence};
use uuid::Uuid;

use super::*;
use crate::store::redb::RedbStore;
use crate::store::space::SpaceWatch;
use crate::store::{Batch, Fence};

const TENANT: TenantId = TenantId(1);
const PARTITION: Partition = Partition::WHOLE;

struct Fixture {
    _dir: tempfile::TempDir,
    store: RedbStore,
    fence: Fence,
    chain: Chain,
}

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let space = SpaceWatch::given(Arc::new(AtomicU64::new(u64::MAX)), 0);
        let store = crate::store::contract::fresh(dir.path(), space);
        let fence = store.claim(TENANT, PARTITION).await.unwrap();
        Self { _dir: dir, store, fence, chain: Chain::empty(TENANT, PARTITION) }
    }

    async fn write(&self, write: Write) {
        let batch = Batch { tenant: TENANT, fence: self.fence, urgent: false, writes: vec![write] };
        self.store.commit(batch).await.unwrap();
    }

    async fn append(&mut self, payload: &[u8]) {
        let sealed = Sealed::new(Kind::Change, payload.to_vec()).unwrap();
        let (_, write) = self.chain.append(Timestamp::UNIX_EPOCH, sealed);
        self.write(write).await;
    }

    async fn entry(&self, number: u64) -> Entry {
        get(&self.store, TENANT, PARTITION, EntryNumber(number)).await.unwrap().unwrap()
    }

    async fn rewrite(&self, entry: &Entry) {
        self.write(Write { table: Table::Journal, key: key(PARTITION, entry.number), value: Some(encode(entry)) })
            .await;
    }

    async fn verify(&self) -> Result<Verified, Break> {
        match verify(&self.store, TENANT, PARTITION).await {
            Ok(verified) => Ok(verified),
            Err(JournalError::Broken(broken)) => Err(broken),
            Err(JournalError::Store(error)) => panic!("{error}"),
        }
    }
}

async fn ten() -> Fixture {
    let mut fixture = Fixture::new().await;
    for n in 0..10 {
        fixture.append(&[n; 40]).await;
    }
    fixture
}

#[tokio::test]
async fn an_untouched_journal_verifies_and_ends_where_the_writer_is() {
    let fixture = ten().await;
    let verified = fixture.verify().await.unwrap();
    assert_eq!(verified, Verified { entries: 10, pruned: 0, head: fixture.chain.link() });
}

#[tokio::test]
async fn pruned_payloads_do_not_break_the_chain() {
    let fixture = ten().await;
    for number in [1, 5, 10] {
        let entry = fixture.entry(number).await;
        fixture.write(pruned(PARTITION, &entry)).await;
    }
    assert_eq!(fixture.verify().await.unwrap().pruned, 3);
    assert_eq!(fixture.entry(5).await.payload, None);
}

#[tokio::test]
async fn the_first_entry_that_was_tampered_with_is_named() {
    type Tamper = (&'static str, fn(&mut Entry));
    let tamper: [Tamper; 5] = [
        ("the payload does not match", |entry| entry.payload.as_mut().unwrap().1[3] ^= 1),
        ("the payload does not match", |entry| entry.payload.as_mut().unwrap().0[0] ^= 1),
        ("the link does not follow", |entry| entry.kind += 1),
        ("the link does not follow", |entry| entry.at = Timestamp::from_second(1).unwrap()),
        ("the link does not follow", |entry| entry.link = Digest([0; 32])),
    ];
    for (what, change) in tamper {
        let fixture = ten().await;
        let mut entry = fixture.entry(4).await;
        change(&mut entry);
        fixture.rewrite(&entry).await;
        let broken = fixture.verify().await.unwrap_err();
        assert_eq!(broken.at, EntryNumber(4), "{what}");
        assert!(broken.what.starts_with(what), "{broken}");
    }
}

#[tokio::test]
async fn a_payload_swapped_for_another_with_its_own_hash_breaks_the_chain() {
    let fixture = ten().await;
    let mut entry = fixture.entry(4).await;
    let forged = Sealed::new(Kind::Change, b"forged".to_vec()).unwrap();
    entry.hash = forged.hash;
    entry.payload = Some((forged.salt, forged.payload));
    fixture.rewrite(&entry).await;
    assert_eq!(fixture.verify().await.unwrap_err().at, EntryNumber(4));
}

#[tokio::test]
async fn a_missing_entry_is_named() {
    let fixture = ten().await;
    fixture.write(Write { table: Table::Journal, key: key(PARTITION, EntryNumber(7)), value: None }).await;
    assert_eq!(fixture.verify().await.unwrap_err().at, EntryNumber(7));
}

#[tokio::test]
async fn a_row_that_is_no_entry_is_named() {
    for row in [&b""[..], b"\x01", &[9; 200]] {
        let fixture = ten().await;
        let number = EntryNumber(3);
        fixture.write(Write { table: Table::Journal, key: key(PARTITION, number), value: Some(row.to_vec()) }).await;
        assert_eq!(fixture.verify().await.unwrap_err().at, number);
    }
}

#[test]
fn the_same_payload_has_another_hash_each_time() {
    let seal = || Sealed::new(Kind::Report, b"host PC-0042".to_vec()).unwrap();
    assert_ne!(seal().hash, seal().hash);
}

#[test]
fn a_report_reads_back_as_it_was_written() {
    let report = ReportEvent {
        agent: tenken_proto::ident::AgentId(Uuid::from_u128(1)),
        host: HostId(Uuid::from_u128(2)),
        received_at: Timestamp::from_millisecond(1_700_000_000_123).unwrap(),
        clock_offset_ms: -42,
        live: true,
        epoch: Epoch(u64::MAX),
        sequence: Sequence(3),
        groups: vec![ReportGroup {
            name: "patch".parse().unwrap(),
            schema_version: 1,
            body: vec![1, 2, 3],
            observed_at: Timestamp::from_millisecond(1_700_000_000_000).unwrap(),
        }],
        dropped: Some(tenken_proto::report::Dropped {
            count: 4,
            first: Timestamp::UNIX_EPOCH,
            last: Timestamp::from_millisecond(5).unwrap(),
            reason: "spool full".to_owned(),
        }),
    };
    let signed = Signed { by: Principal::Agent { agent: report.agent }, event: Event::Report(report) };
    let payload = signed.encode().unwrap();
    assert_eq!(Signed::decode(Kind::Report.code(), &payload).unwrap(), signed);
    assert!(Signed::decode(Kind::Report.code(), &payload[1..]).is_err());
    assert!(Signed::decode(99, &payload).is_err());
}
