//! An idle agent on this machine: connected, all probes and watches active. Beside it a peer process with the
//! same TLS, gRPC and runtime and nothing else.

use std::time::{Duration, Instant};

use harness::{collector, eventually};

use harness::process::{cpu, memory};

/// Minutes to watch; 10 unless told.
pub(crate) fn run(args: &[&str]) {
    let minutes: f64 = args.first().and_then(|it| it.parse().ok()).unwrap_or(10.0);
    let collector = collector().start();
    let agent = collector.agent().run();
    eventually("the host is observed", || match collector.item("tenken-base", "patch") {
        item if item["hosts_observed"] == 1 => Ok(()),
        item => Err(item.to_string()),
    });
    std::thread::sleep(Duration::from_secs(5));
    let pid = agent.pid();
    let (began, cpu_before) = (Instant::now(), cpu(pid));
    std::thread::sleep(Duration::from_secs_f64(minutes * 60.0));
    let spent = cpu(pid) - cpu_before;
    let memory = memory(pid);
    let hour = spent.as_secs_f64() / began.elapsed().as_secs_f64() * 3600.0;
    println!(
        "idle agent after {minutes} min: RSS {:.1} MiB, anonymous {:.1} MiB, {} threads, {:.2} s CPU = {hour:.2} s an hour",
        memory.rss as f64 / 1024.0,
        memory.anonymous as f64 / 1024.0,
        memory.threads,
        spent.as_secs_f64()
    );
}
