//! No ack leaves before its commit is on the disk: read from the system calls of a running collector.
//!
//! One client sends a report and waits for its ack, again and again, so that reports cannot share a commit.
//! Between two acks there must then be an `fdatasync` or `fsync` of the store that returned. A store that
//! only hands its pages to the kernel passes every `kill -9`; it fails here.

use std::process::{Command, Stdio};
use std::time::Duration;

use harness::client::{Stream, connect, enrol, roots, tls};
use harness::collector;
use jiff::{SignedDuration, Timestamp};
use tenken_proto::convert::encode_group;
use tenken_proto::fact::antivirus::Antivirus;
use tenken_proto::ident::Epoch;
use tenken_proto::observed::Observed;

/// Reports sent one after another.
const REPORTS: usize = 100;

#[test]
fn no_ack_precedes_its_sync() {
    let collector = collector().set("limits", "reports_burst", 1_000).start();
    let roots = roots(&collector.data_dir());
    let token = collector.token(&["--auto-approve"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (enrol_at, report_at) = (collector.addresses().enrol, collector.addresses().report);
    let mut stream = runtime.block_on(async {
        let identity = enrol(enrol_at, &roots, &token, "oracle").await.unwrap();
        Stream::open(connect(report_at, tls(&roots, Some(&identity))).await.unwrap(), Epoch(7)).await.unwrap()
    });

    let trace = collector.path().join("strace");
    let mut strace = Command::new("strace")
        .args(["-f", "-y", "-ttt", "-T", "-e", "trace=fdatasync,fsync", "-e", "signal=none", "-o"])
        .arg(&trace)
        .args(["-p", &collector.pid().to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace is installed (tests/run installs it)");
    std::thread::sleep(Duration::from_millis(800));
    let mut acks = Vec::new();
    runtime.block_on(async {
        for n in 0..REPORTS {
            let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_900_000_000);
            let antivirus = Antivirus { products: Observed::known(Vec::new(), format!("report {n}")) };
            let sent = unix_time();
            stream.send(vec![encode_group(antivirus, at)]).await.unwrap();
            while stream.acked().await.unwrap() < stream.sequence {}
            acks.push((sent, unix_time()));
        }
    });
    harness::signal(&strace, "INT");
    let _ = strace.wait();

    let synced = returned_syncs(&std::fs::read_to_string(&trace).unwrap());
    for (n, (sent, acked)) in acks.iter().enumerate() {
        let durable = synced.iter().any(|returned| returned > sent && returned < acked);
        assert!(durable, "report {n}: sent at {sent:.6}, acknowledged at {acked:.6}, and no sync returned between");
    }
    eprintln!("{REPORTS} acks, each after a sync that returned ({} syncs)", synced.len());
}

/// Moments at which a sync of the store returned successfully, in seconds since 1970.
///
/// `PID MOMENT fdatasync(…) = 0 <DURATION>`; a call that was interrupted by other output is `… resumed>) = 0
/// <DURATION>` with the moment at which it resumed, which is its return.
fn returned_syncs(trace: &str) -> Vec<f64> {
    let returned = |line: &str| {
        let (call, duration) = line.strip_suffix('>')?.rsplit_once(" <")?;
        if !call.contains("sync") || !call.ends_with("= 0") {
            return None;
        }
        let moment: f64 = call.split_whitespace().nth(1)?.parse().ok()?;
        Some(if call.contains("resumed>") { moment } else { moment + duration.parse::<f64>().ok()? })
    };
    trace.lines().filter_map(returned).collect()
}

#[expect(clippy::disallowed_methods, reason = "compared with the times of strace")]
fn unix_time() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}
