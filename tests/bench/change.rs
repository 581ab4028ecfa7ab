//! From a changed file beneath a prepared root to the changed answer at the collector's API, beside the two
//! physical steps on its way: one durable write of the store's page size and the agent's debounce.

use std::io::Write as _;
use std::time::{Duration, Instant};

use harness::{Root, collector, eventually, within};
use jiff::Timestamp;

use harness::process::quantile;

const CHANGES: usize = 40;

#[expect(clippy::disallowed_methods, reason = "prepared facts are dated from the real clock that the programs read")]
pub(crate) fn run(_: &[&str]) {
    let root = Root::debian_12("pc-001", Timestamp::now());
    let collector = collector().start();
    let _agent = collector.agent().root(root.path()).run();
    eventually("all is fine", || answered(&collector, "implemented"));
    let (mut took, mut asking) = (Vec::new(), Vec::new());
    for round in 0..CHANGES {
        let awaited = if round % 2 == 0 {
            root.free_usb_storage();
            "not_implemented"
        } else {
            root.block_usb_storage();
            "implemented"
        };
        took.push(within(Duration::from_secs(10), awaited, || answered(&collector, awaited)).1);
        let began = Instant::now();
        let _ = answered(&collector, awaited);
        asking.push(began.elapsed());
    }
    took.sort_unstable();
    asking.sort_unstable();
    let mut sync = durable_writes();
    sync.sort_unstable();
    let (p50, p99) = (quantile(&took, 0.5), quantile(&took, 0.99));
    println!("change → answer:     p50 {p50:.0?}, p99 {p99:.0?} over {CHANGES} changes");
    println!("asking once (a command on the socket, part of the above): p50 {:.0?}", quantile(&asking, 0.5));
    println!("one durable write:   p50 {:.0?}", quantile(&sync, 0.5));
    println!("ratio change / durable write: {:.1}", p50.as_secs_f64() / quantile(&sync, 0.5).as_secs_f64());
}

fn answered(collector: &harness::Collector, answer: &str) -> Result<(), String> {
    let item = collector.item("tenken-base", "usb");
    if item["answer"] == answer { Ok(()) } else { Err(item["answer"].to_string()) }
}

fn durable_writes() -> Vec<Duration> {
    let mut file = tempfile::tempfile().unwrap();
    let write = |_| {
        let began = Instant::now();
        file.write_all(&[0; 4096]).unwrap();
        file.sync_data().unwrap();
        began.elapsed()
    };
    (0..50).map(write).collect()
}
