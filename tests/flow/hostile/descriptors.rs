//! No more file descriptors: the collector says so, does not spin, serves whom it has, and serves all again.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::Duration;

use harness::frames::tcp;
use harness::{collector, eventually, process, within};

use super::{GoodAgent, MemoryWatch, enrolled, runtime};

/// What the collector may have open; alone it has about half of it.
const FILES_MAX: u32 = 64;
/// Each address may hold 20: so many addresses are more than enough.
const ADDRESSES: u8 = 4;
const EACH: usize = 18;
/// How long it is looked at.
const LOOK: Duration = Duration::from_secs(3);
/// Processor time in that time; the good agent's reports alone take some of it.
const CPU_MAX: Duration = Duration::from_millis(1_200);
/// Lines about it in that time and before, of both listeners and the control socket.
const LINES_MAX: usize = 12;

#[test]
fn without_descriptors_it_says_so_and_does_not_spin_and_comes_back() {
    let collector = collector().set("limits", "reports_burst", 100_000).files_max(FILES_MAX).start();
    let runtime = runtime();
    let good = GoodAgent::start(&collector);
    let memory = MemoryWatch::of(collector.pid());
    let alone = process::open_files(collector.pid());
    let held = runtime.block_on(async {
        let mut held = Vec::new();
        for address in 2..2 + ADDRESSES {
            for _ in 0..EACH {
                held.push(tcp(Ipv4Addr::new(127, 0, 0, address), collector.addresses().enrol).await.unwrap());
            }
        }
        held
    });
    eventually("accepting fails, and the log says why", || {
        let log = collector.log();
        if log.contains("Too many open files") { Ok(()) } else { Err(log) }
    });
    // A person asks meanwhile; the answer comes when there is a descriptor for it.
    let mut asked = collector.command(&["health"]).stdout(Stdio::null()).spawn().unwrap();
    let before = process::cpu(collector.pid());
    std::thread::sleep(LOOK);
    let (open, spent) = (process::open_files(collector.pid()), process::cpu(collector.pid()) - before);
    let lines = collector.log().matches("Too many open files").count();
    eprintln!("{open} of {FILES_MAX} open ({alone} alone): {spent:?} of processor time in {LOOK:?}, {lines} lines");
    assert!(open + 2 >= usize::try_from(FILES_MAX).unwrap(), "it is still exhausted: {open}");
    assert!(spent <= CPU_MAX, "it spins: {spent:?} in {LOOK:?}");
    assert!(lines <= LINES_MAX, "{lines} lines");
    drop(held);
    let (status, took) = within(harness::PATIENCE, "the person is answered", || match asked.try_wait().unwrap() {
        Some(status) => Ok(status),
        None => Err("not yet".to_owned()),
    });
    assert!(status.success(), "{status} after {took:?}");
    let identity = enrolled(&runtime, &collector, "afterwards");
    runtime.block_on(super::open(&collector, &identity, tenken_proto::ident::Epoch(1))).unwrap();
    memory.stayed_bounded("no descriptors");
    good.was_served("no descriptors");
}
