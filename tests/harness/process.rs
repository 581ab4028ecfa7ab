//! What the kernel accounts to a process: time, memory, threads.

use std::time::Duration;

/// The kernel's clock tick for `/proc/PID/stat`: 100 a second on Linux.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of a running process, all threads, user and system.
pub fn cpu(pid: u32) -> Duration {
    let fields = stat(&format!("/proc/{pid}/stat"));
    TICK * (fields[11] + fields[12])
}

/// Processor time of the children that this process has waited for.
pub fn children_cpu() -> Duration {
    let fields = stat("/proc/self/stat");
    TICK * (fields[13] + fields[14])
}

/// Fields of a stat file after the name, as numbers.
fn stat(path: &str) -> Vec<u32> {
    let text = std::fs::read_to_string(path).expect("the process runs");
    let (_, rest) = text.rsplit_once(") ").expect("a stat line");
    rest.split(' ').map(|field| field.parse().unwrap_or(0)).collect()
}

/// Memory of a process in KiB.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub rss: u64,
    pub anonymous: u64,
    pub threads: u64,
}

pub fn memory(pid: u32) -> Memory {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("the process runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let of = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|it| it.parse().ok()).unwrap_or(0)
    };
    Memory { rss: of(&rollup, "Rss:"), anonymous: of(&rollup, "Anonymous:"), threads: of(&status, "Threads:") }
}

/// Files, sockets and the like that a process has open.
pub fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs").count()
}

/// A quantile of some durations.
pub fn quantile(sorted: &[Duration], share: f64) -> Duration {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let at = ((sorted.len().saturating_sub(1)) as f64 * share).round() as usize;
    sorted[at]
}
