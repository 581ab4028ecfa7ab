//! The journal of a stopped collector, read through the collector's own library.

use std::collections::BTreeMap;
use std::path::Path;

use tenken_collector::identity::What;
use tenken_collector::journal::{EntryNumber, page, verify};
use tenken_collector::journal::{Event, Signed};
use tenken_collector::store::Partition;
use tenken_collector::store::redb::RedbStore;
use tenken_collector::store::space::SpaceWatch;
use tenken_proto::ident::{Digest, Epoch, Sequence, TenantId};

/// Bytes of the store's cache while reading.
const CACHE_BYTES: usize = 16 * 1024 * 1024;
/// Entries read at once.
const PAGE_ROWS: usize = 1_000;

/// Every kept report by its key, with the digest of its first group, after the chain was verified.
pub fn reports(data_dir: &Path) -> BTreeMap<(Epoch, Sequence), Vec<Digest>> {
    let mut kept: BTreeMap<(Epoch, Sequence), Vec<Digest>> = BTreeMap::new();
    for event in events(data_dir) {
        if let Event::Report(report) = event {
            let digest = report.groups.first().map_or(Digest([0; 32]), tenken_proto::report::Group::digest);
            kept.entry((report.epoch, report.sequence)).or_default().push(digest);
        }
    }
    kept
}

/// What happened to identities, in order, after the chain was verified.
pub fn identities(data_dir: &Path) -> Vec<What> {
    let events = events(data_dir).into_iter();
    events.filter_map(|event| if let Event::Identity(event) = event { Some(event.what) } else { None }).collect()
}

fn events(data_dir: &Path) -> Vec<Event> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = RedbStore::open(data_dir, CACHE_BYTES, SpaceWatch::of(data_dir.to_path_buf(), Some(0))).unwrap();
    runtime.block_on(async {
        verify(&store, TenantId::DEFAULT, Partition::WHOLE).await.expect("the chain holds");
        let mut events = Vec::new();
        let mut next = Some(EntryNumber(1));
        while let Some(from) = next {
            let (entries, following) =
                page(&store, TenantId::DEFAULT, Partition::WHOLE, from, PAGE_ROWS).await.unwrap();
            for entry in entries {
                let (_, payload) = entry.payload.expect("nothing was pruned");
                events.push(Signed::decode(entry.kind, &payload).unwrap().event);
            }
            next = following;
        }
        events
    })
}
