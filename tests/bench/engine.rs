//! The collector's engine alone, without TLS and gRPC: reports of at least 2 KiB and two groups admitted, journalled
//! durably and judged over a redb store of its own; beside the store alone taking the same bytes in as many commits.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tenken_assess::PackSet;
use tenken_collector::clock::Clock;
use tenken_collector::config::Config;
use tenken_collector::engine::{AdmitRequest, Admitted, Engine, Origin, Setup};
use tenken_collector::identity::{self, Hints, What};
use tenken_collector::journal::{Event, Principal};
use tenken_collector::store::redb::RedbStore;
use tenken_collector::store::space::SpaceWatch;
use tenken_collector::store::{Batch, Partition, Store, Table, Write};
use tenken_proto::ident::{AgentId, Digest, Epoch, HostId, Sequence, TenantId};
use tenken_proto::report::Report;
use uuid::Uuid;

use crate::load::{changed_groups, host_group};

const HOSTS: usize = 1_000;
const REPORTS: usize = 20;
const CACHE_BYTES: usize = 64 << 20;

pub(crate) fn run(_: &[&str]) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let engine = runtime.block_on(engine());
    let store = runtime.block_on(store(engine.commits));
    println!("engine:      {:.0} reports/s in {} commits", per_second(engine.took), engine.commits);
    println!("store alone: {:.0} reports/s, the same bytes in as many commits", per_second(store));
    println!("stop and start with {HOSTS} hosts: {:.0?}", engine.restart);
    println!("ratio engine / store: {:.3} of its reports a second", per_second(engine.took) / per_second(store));
}

#[expect(clippy::cast_precision_loss, reason = "a count of reports")]
fn per_second(took: Duration) -> f64 {
    (HOSTS * REPORTS) as f64 / took.as_secs_f64()
}

struct Measured {
    took: Duration,
    commits: u64,
    restart: Duration,
}

async fn engine() -> Measured {
    let dir = tempfile::tempdir().unwrap();
    RedbStore::create(dir.path()).unwrap();
    let at: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
    let clock = Clock::manual(at);
    let open = async || {
        let store = opened(dir.path());
        let time = Config::parse(Path::new("x"), "").unwrap().time;
        let packs = Arc::new(PackSet::built_in().unwrap());
        let setup = Setup { tenant: TenantId::DEFAULT, store: store.clone(), clock: clock.clone(), packs, time };
        let (engine, running) = Engine::start(setup).await.unwrap();
        (store, engine, running)
    };
    let (kept, engine, running) = open().await;
    for n in 0..HOSTS {
        engine.record(Principal::Collector, enrolled(n, at)).await.unwrap();
    }
    take(&engine, (0..HOSTS).map(|n| prepared(n, 0, at)).collect()).await;
    let requests = (1..=REPORTS).flat_map(|round| (0..HOSTS).map(move |n| prepared(n, round, at))).collect();
    let before = engine.read(|state| state.health.counters.commits);
    let took = take(&engine, requests).await;
    let commits = engine.read(|state| state.health.counters.commits) - before;
    let began = Instant::now();
    running.stop().await;
    kept.close().await;
    drop((kept, engine));
    let (kept, _, running) = open().await;
    let restart = began.elapsed();
    running.stop().await;
    kept.close().await;
    Measured { took, commits, restart }
}

/// Until the last of them is acknowledged.
async fn take(engine: &Engine, requests: Vec<AdmitRequest>) -> Duration {
    let began = Instant::now();
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        answers.push(engine.enqueue(request).await);
    }
    for answer in answers {
        assert_eq!(answer.await.unwrap(), Admitted::Acked { duplicate: false });
    }
    began.elapsed()
}

/// The store alone: what the reports hold, in that many commits.
async fn store(commits: u64) -> Duration {
    let dir = tempfile::tempdir().unwrap();
    RedbStore::create(dir.path()).unwrap();
    let store = opened(dir.path());
    let fence = store.claim(TenantId::DEFAULT, Partition::WHOLE).await.unwrap();
    let bodies: Vec<u8> = changed_groups(1, Timestamp::UNIX_EPOCH).into_iter().flat_map(|group| group.body).collect();
    let reports = HOSTS * REPORTS;
    let each = reports.div_ceil(usize::try_from(commits.max(1)).unwrap());
    let began = Instant::now();
    for first in (0..reports).step_by(each) {
        let write = |n: usize| Write {
            table: Table::Journal,
            key: u64::try_from(n).unwrap().to_be_bytes().to_vec(),
            value: Some(bodies.clone()),
        };
        let writes = (first..reports.min(first + each)).map(write).collect();
        store.commit(Batch { tenant: TenantId::DEFAULT, fence, urgent: false, writes }).await.unwrap();
    }
    let took = began.elapsed();
    store.close().await;
    took
}

fn opened(folder: &Path) -> Arc<dyn Store> {
    let space = SpaceWatch::of(folder.to_owned(), None);
    Arc::new(RedbStore::open(folder, CACHE_BYTES, space).unwrap())
}

fn ids(n: usize) -> (AgentId, HostId) {
    let n = u128::try_from(n).unwrap() + 1;
    (AgentId(Uuid::from_u128(n)), HostId(Uuid::from_u128(n << 64)))
}

/// A machine asked for a certificate and was let in.
fn enrolled(n: usize, at: Timestamp) -> Vec<Event> {
    let (agent, host) = ids(n);
    let hints = Hints { host_name: format!("pc-{n:05}"), ..Hints::default() };
    let key = Digest::of(agent.0.as_bytes());
    let requested = What::Requested { agent, token: Digest([0; 32]), key, hints, proven: None };
    let approved = What::Approved { agent, host, by: "bench".to_owned() };
    [requested, approved].map(|what| Event::Identity(identity::Event { at, peer: None, what })).into()
}

fn prepared(n: usize, round: usize, at: Timestamp) -> AdmitRequest {
    let (agent, host) = ids(n);
    let round = u64::try_from(round).unwrap();
    let mut groups = changed_groups(round, at);
    if round == 0 {
        groups.push(host_group(&format!("pc-{n:05}"), at));
    }
    let origin = Origin { agent, host, received_at: at, clock_offset_ms: 0, live: true };
    let report = Report { epoch: Epoch(7), sequence: Sequence(round + 1), groups, dropped: None };
    AdmitRequest::prepare(origin, report).unwrap()
}
