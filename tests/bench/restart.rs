//! Start after a power cut: the collector is loaded, killed with `kill -9`, and started again; beside reading its
//! store from the disk's cache once, which is the least that a start which looks at all of it can take.

use std::io::Read as _;
use std::time::{Duration, Instant};

use harness::client::roots;

use crate::ingest::{load, preload, scene};

/// Hosts whose reports fill the store.
const HOSTS: usize = 500;

/// SECONDS to load before each of three kills; 20 unless told.
pub(crate) fn run(args: &[&str]) {
    let seconds: u64 = args.first().and_then(|it| it.parse().ok()).unwrap_or(20);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut collector = scene(HOSTS);
    let roots = roots(&collector.data_dir());
    let identities = runtime.block_on(preload(&collector, &roots, HOSTS));
    for _ in 0..3 {
        let report = collector.addresses().report;
        let load = load(report, &roots, &identities, collector.pid(), Duration::from_secs(seconds));
        let load = runtime.block_on(load);
        collector.kill_9();
        let (bytes, read) = read_once(&collector.data_dir().join("store.redb"));
        let began = Instant::now();
        collector.serve();
        let started = began.elapsed();
        let mib = bytes / (1024 * 1024);
        println!("{:.0} reports/s, then kill -9; store {mib} MiB: listens again after {started:.1?}", load.per_second);
        println!(
            "ratio start / reading the store once ({read:.1?}): {:.2}",
            started.as_secs_f64() / read.as_secs_f64()
        );
    }
}

fn read_once(path: &std::path::Path) -> (u64, Duration) {
    let began = Instant::now();
    let (mut file, mut buffer, mut bytes) = (std::fs::File::open(path).expect("a store"), vec![0; 1 << 20], 0);
    loop {
        match file.read(&mut buffer).expect("reads") {
            0 => return (bytes, began.elapsed()),
            read => bytes += read as u64,
        }
    }
}
