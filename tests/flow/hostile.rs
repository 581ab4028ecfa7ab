//! Failures that are driven for real, against the running programs: floods of HTTP/2, no more file descriptors,
//! full disks, wrong clocks.
//!
//! Beside each stands a good agent: what it reports meanwhile is acknowledged in its usual time.

mod clocks;
mod descriptors;
mod disks;

mod floods;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use harness::client::{Identity, Stream, connect, enrol, roots, tls};
use harness::{Collector, process};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tenken_proto::convert::encode_group;
use tenken_proto::fact::antivirus::Antivirus;
use tenken_proto::ident::{Epoch, Sequence};
use tenken_proto::observed::Observed;
use tenken_proto::report::Group;
use tokio::runtime::Runtime;

/// A good agent's report is acknowledged within this time, whatever others do. Alone it takes some milliseconds.
const ACK_WITHIN: Duration = Duration::from_secs(2);
/// Memory that the collector may take more while it is attacked.
const GROWTH_KIB_MAX: u64 = 32 * 1024;
/// Where attackers come from: the limit per address is theirs alone.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn enrolled(runtime: &Runtime, collector: &Collector, name: &str) -> Identity {
    let token = collector.token(&["--auto-approve"]);
    let roots = roots(&collector.data_dir());
    runtime.block_on(enrol(collector.addresses().enrol, &roots, &token, name)).unwrap()
}

async fn open(collector: &Collector, identity: &Identity, epoch: Epoch) -> anyhow::Result<Stream> {
    let config = tls(&roots(&collector.data_dir()), Some(identity));
    Stream::open(connect(collector.addresses().report, config).await?, epoch).await
}

/// A group whose content is that of no other number.
fn group(number: u64) -> Group {
    let antivirus = Antivirus { products: Observed::known(Vec::new(), format!("report {number}")) };
    encode_group(antivirus, Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_750_000_000))
}

/// How often the collector refused something for that reason.
fn refused(collector: &Collector, reason: &str) -> u64 {
    let health = collector.json(&["health"]);
    let counts = health["refused"].as_array().cloned().unwrap_or_default();
    counts.iter().filter(|it| it["reason"] == reason).filter_map(|it| it["count"].as_u64()).sum()
}

/// One part of the collector's health.
fn part(collector: &Collector, name: &str) -> Value {
    let health = collector.json(&["health"]);
    let parts = health["parts"].as_array().cloned().unwrap_or_default();
    parts.into_iter().find(|part| part["part"] == name).unwrap_or_default()
}

/// Reports without pause on a stream of its own and keeps account of the time that each ack took.
struct GoodAgent {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

impl GoodAgent {
    fn start(collector: &Collector) -> Self {
        let own = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let identity = enrolled(&own, collector, "good");
        let mut stream = own.block_on(open(collector, &identity, Epoch(1))).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut took = Vec::new();
            while !told.load(Ordering::Relaxed) {
                let began = Instant::now();
                own.block_on(report(&mut stream)).unwrap();
                took.push(began.elapsed());
                std::thread::sleep(Duration::from_millis(20));
            }
            took
        });
        Self { stop, thread }
    }

    /// Ends it; every report was acknowledged in time.
    fn was_served(self, meanwhile: &str) {
        self.stop.store(true, Ordering::Relaxed);
        let mut took = self.thread.join().unwrap();
        took.sort_unstable();
        let worst = took.last().copied().unwrap_or_default();
        let median = process::quantile(&took, 0.5);
        eprintln!("{meanwhile}: {} reports of a good agent, acks p50 {median:?}, worst {worst:?}", took.len());
        assert!(took.len() >= 10, "{meanwhile}: only {} reports", took.len());
        assert!(worst <= ACK_WITHIN, "{meanwhile}: an ack took {worst:?}");
    }
}

/// Sends the next report and waits for its ack.
async fn report(stream: &mut Stream) -> anyhow::Result<()> {
    stream.send(vec![group(stream.sequence.next().0)]).await?;
    acked(stream, stream.sequence).await
}

/// Waits until everything up to that number is acknowledged.
async fn acked(stream: &mut Stream, sequence: Sequence) -> anyhow::Result<()> {
    let acked = async {
        while stream.acked().await? < sequence {}
        anyhow::Ok(())
    };
    tokio::time::timeout(harness::PATIENCE, acked).await?
}

/// Watches the memory of a process while something happens.
struct MemoryWatch {
    before_kib: u64,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl MemoryWatch {
    fn of(pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let before_kib = process::memory(pid).rss;
        let thread = std::thread::spawn(move || {
            let mut most = 0;
            while !told.load(Ordering::Relaxed) {
                most = most.max(process::memory(pid).rss);
                std::thread::sleep(Duration::from_millis(20));
            }
            most
        });
        Self { before_kib, stop, thread }
    }

    /// Ends it; memory stayed within the bound.
    fn stayed_bounded(self, meanwhile: &str) {
        self.stop.store(true, Ordering::Relaxed);
        let growth = self.thread.join().unwrap().saturating_sub(self.before_kib);
        eprintln!("{meanwhile}: {growth} KiB more than {} KiB", self.before_kib);
        assert!(growth <= GROWTH_KIB_MAX, "{meanwhile}: {growth} KiB more than before");
    }
}
