//! Changed reports per second: at least 2 KiB, two groups and a moved verdict each, journalled durably, judged
//! and acked, with a store that already holds 10,000 hosts; beside a bare mutual-TLS echo in the same run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::client::{Identity, Stream, connect, enrol, roots, tls};
use harness::collector;
use jiff::Timestamp;
use rustls::RootCertStore;
use tenken_proto::ident::{Epoch, Sequence};

use crate::load::{WINDOW, changed_groups, host_group};
use harness::process::cpu;

/// Connections that send at the same time.
const CONNECTIONS: usize = 64;
/// How long each side is loaded.
const LOADED: Duration = Duration::from_secs(10);

/// HOSTS to preload; 10,000 unless told.
pub(crate) fn run(args: &[&str]) {
    let hosts: usize = args.first().and_then(|it| it.parse().ok()).unwrap_or(10_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let echo = crate::echo::Echo::start();
    let echo_load = runtime.block_on(load(
        echo.address,
        &echo.roots,
        std::slice::from_ref(&echo.identity),
        echo.child.id(),
        LOADED,
    ));
    drop(echo);
    let collector = scene(hosts);
    let roots = roots(&collector.data_dir());
    let identities = runtime.block_on(preload(&collector, &roots, hosts));
    let load = runtime.block_on(load(collector.addresses().report, &roots, &identities, collector.pid(), LOADED));
    println!("bare mutual-TLS echo:  {echo_load}");
    println!("tenken-collector:      {load}   ({hosts} hosts in the store)");
    println!("ratio collector / echo: {:.3} of its reports a second", load.per_second / echo_load.per_second);
}

pub(crate) fn scene(hosts: usize) -> harness::Collector {
    let many = i64::try_from(hosts + 1_000).unwrap();
    collector()
        .set("limits", "reports_per_second", 1_000_000)
        .set("limits", "reports_burst", 1_000_000)
        .set("limits", "connections", many * 2)
        .set("limits", "connections_per_address", many * 2)
        .set("limits", "enrolments_per_second", 1_000_000)
        .set("limits", "enrolments_burst", 1_000_000)
        .start()
}

/// Enrols the hosts and lets each report once.
#[expect(clippy::disallowed_methods, reason = "an agent's clock")]
pub(crate) async fn preload(collector: &harness::Collector, roots: &Arc<RootCertStore>, hosts: usize) -> Vec<Identity> {
    let began = Instant::now();
    let token = collector.token(&["--uses", &hosts.to_string(), "--auto-approve"]);
    let (enrol_at, report_at) = (collector.addresses().enrol, collector.addresses().report);
    let mut identities = Vec::with_capacity(hosts);
    for first in (0..hosts).step_by(32) {
        let some = (first..hosts.min(first + 32)).map(|n| {
            let (roots, token) = (roots.clone(), token.clone());
            tokio::spawn(async move {
                let name = format!("pc-{n:05}");
                let identity = enrol(enrol_at, &roots, &token, &name).await.expect("enrols");
                let mut stream = open(report_at, &roots, &identity).await;
                let at = Timestamp::now();
                let mut groups = vec![host_group(&name, at)];
                groups.extend(changed_groups(0, at));
                stream.send(groups).await.expect("sends");
                while stream.acked().await.expect("acks") < Sequence(1) {}
                identity
            })
        });
        for enrolled in some.collect::<Vec<_>>() {
            identities.push(enrolled.await.expect("enrols and reports"));
        }
    }
    println!("preloaded {hosts} hosts in {:.0?}", began.elapsed());
    identities
}

/// A stream of a new run of an agent.
pub(crate) async fn open(address: SocketAddr, roots: &Arc<RootCertStore>, identity: &Identity) -> Stream {
    let channel = connect(address, tls(roots, Some(identity))).await.expect("connects");
    Stream::open(channel, Epoch(rand::random())).await.expect("opens a stream")
}

pub(crate) struct Load {
    pub per_second: f64,
    server_cpu: f64,
    own_cpu: f64,
    p50: Duration,
    p99: Duration,
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.0} reports/s; server {:.0} µs CPU a report, load generator {:.0} µs; ack p50 {:.1?}, p99 {:.1?}",
            self.per_second, self.server_cpu, self.own_cpu, self.p50, self.p99
        )
    }
}

pub(crate) async fn load(
    address: SocketAddr,
    roots: &Arc<RootCertStore>,
    identities: &[Identity],
    server: u32,
    how_long: Duration,
) -> Load {
    let mut streams = Vec::new();
    for n in 0..CONNECTIONS {
        let identity = &identities[n % identities.len()];
        streams.push(open(address, roots, identity).await);
    }
    let (server_before, own_before, began) = (cpu(server), cpu(std::process::id()), Instant::now());
    let tasks: Vec<_> = streams.into_iter().map(|stream| tokio::spawn(pump(stream, began, how_long))).collect();
    let (mut count, mut waits) = (0, Vec::new());
    for task in tasks {
        let (acked, some) = task.await.expect("pumps");
        count += acked;
        waits.extend(some);
    }
    let seconds = began.elapsed().as_secs_f64();
    waits.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "a count of reports")]
    let reports = count as f64;
    Load {
        per_second: reports / seconds,
        server_cpu: (cpu(server) - server_before).as_secs_f64() * 1e6 / reports,
        own_cpu: (cpu(std::process::id()) - own_before).as_secs_f64() * 1e6 / reports,
        p50: harness::process::quantile(&waits, 0.5),
        p99: harness::process::quantile(&waits, 0.99),
    }
}

/// Sends changed reports with a full window until the time is over; gives the acked ones and their waits.
#[expect(clippy::disallowed_methods, reason = "an agent's clock")]
async fn pump(mut stream: Stream, began: Instant, how_long: Duration) -> (u64, Vec<Duration>) {
    let at = Timestamp::now();
    let rounds = [changed_groups(1, at), changed_groups(2, at)];
    let window = u64::try_from(WINDOW).expect("a small number");
    let (mut acked, mut waits) = (0, Vec::new());
    let mut sent_at = std::collections::VecDeque::new();
    loop {
        while stream.sequence.0 - acked < window && began.elapsed() < how_long {
            let round = usize::from(stream.sequence.0 % 2 == 1);
            stream.send(rounds[round].clone()).await.expect("sends");
            sent_at.push_back(Instant::now());
        }
        if stream.sequence.0 == acked {
            return (acked, waits);
        }
        let up_to = stream.acked().await.expect("acks").0;
        while acked < up_to {
            acked += 1;
            waits.extend(sent_at.pop_front().map(|sent| sent.elapsed()));
        }
    }
}
