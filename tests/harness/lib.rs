//! Builders for flows through the built programs: a collector on free ports, agents beneath prepared roots.
//!
//! Everything lies in a temporary folder and ends with the test. The programs are the ones that
//! `cargo build --workspace` made beside the test; nothing here stands in for them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a harness fails its test"
)]
#![expect(missing_docs, reason = "names of a test harness say what they do")]

pub mod agent;
pub mod client;
pub mod collector;
pub mod disk;
pub mod frames;
pub mod journal;
pub mod process;
pub mod root;

use std::path::PathBuf;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

pub use agent::{Agent, AgentBuilder};
pub use collector::{Collector, CollectorBuilder, collector};
pub use disk::Disk;
pub use root::Root;

/// The built program of that name, beside the running test.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("target/<profile>");
    let path = folder.join(name);
    assert!(path.is_file(), "{} is missing: run `cargo build --workspace` first", path.display());
    path
}

/// A command that runs a built program behind some words, such as those that send it onto a disk.
fn behind(words: &[String], name: &str) -> Command {
    match words {
        [] => Command::new(program(name)),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program(name));
            command
        }
    }
}

/// An address of this machine that nobody listens on, for a collector that keeps it over restarts. It lies below the
/// ports that the system gives to connections: one of those could take it while the collector is down.
pub fn free_port() -> String {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let lowest = range.split_whitespace().next().and_then(|it| it.parse().ok()).unwrap_or(32_768_u16);
    assert!(lowest > 10_000, "the system gives ports from {lowest} on to connections: too few are left below");
    let listener = (0..100).find_map(|_| {
        let port = rand::random_range(lowest / 2..lowest);
        std::net::TcpListener::bind(("127.0.0.1", port)).ok()
    });
    listener.expect("a free port").local_addr().unwrap().to_string()
}

/// Longest patience of a flow; a condition that takes longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until the condition gives a value; fails with what was awaited and the last state seen.
pub fn eventually<T>(awaited: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    within(PATIENCE, awaited, &mut look).0
}

/// As [`eventually`], with its own patience; also gives the time that it took.
pub fn within<T>(patience: Duration, awaited: &str, mut look: impl FnMut() -> Result<T, String>) -> (T, Duration) {
    let began = Instant::now();
    loop {
        match look() {
            Ok(value) => return (value, began.elapsed()),
            Err(state) => {
                assert!(began.elapsed() < patience, "not within {patience:?}: {awaited}; last seen: {state}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// What a program printed, for a failure's text.
pub fn told(output: &Output) -> String {
    format!(
        "{}\nstdout: {}\nstderr: {}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Ends a child by SIGTERM and waits; kills it when it takes longer than the patience.
pub fn terminate(child: &mut Child) -> Option<std::process::ExitStatus> {
    signal(child, "TERM");
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// Sends a signal by name.
pub fn signal(child: &Child, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
}
