//! `once` on this machine, beside the time that the lists alone take to be decompressed by `lz4`.

use std::process::{Command, Stdio};
use std::time::Instant;

use harness::process::children_cpu;

const RUNS: u32 = 20;

pub(crate) fn run(_: &[&str]) {
    let agent = harness::program("tenken-agent");
    let (wall, cpu) = measure(|| {
        Command::new(&agent)
            .args(["once", "--format", "json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
    });
    println!("once:                        wall {:.0} ms, cpu {:.0} ms (mean of {RUNS})", wall * 1e3, cpu * 1e3);
    let lists: Vec<_> = std::fs::read_dir("/var/lib/apt/lists")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with("_Packages.lz4"))
        .collect();
    if lists.is_empty() {
        println!("no lz4 lists here: no peer");
        return;
    }
    let (_, peer) = measure(|| {
        for list in &lists {
            Command::new("lz4").arg("-dcq").arg(list).stdout(Stdio::null()).status().unwrap();
        }
    });
    println!("lz4 -dc of {} lists alone:    cpu {:.0} ms", lists.len(), peer * 1e3);
    println!("ratio once / lists alone:    {:.2}", cpu / peer.max(1e-3));
}

/// Seconds of wall and processor time per run.
fn measure(mut work: impl FnMut()) -> (f64, f64) {
    work();
    let (began, cpu) = (Instant::now(), children_cpu());
    for _ in 0..RUNS {
        work();
    }
    (began.elapsed().as_secs_f64() / f64::from(RUNS), (children_cpu() - cpu).as_secs_f64() / f64::from(RUNS))
}
