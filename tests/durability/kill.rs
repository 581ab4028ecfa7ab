//! `kill -9` of collector and agents at random moments under load, judged by an obligation oracle.
//!
//! Several plain clients send numbered reports without pause; each ack makes everything up to its number an
//! obligation. Real agents report for prepared roots whose facts keep changing and are killed too. 100 cycles
//! in the gate tier, 2,000 in soak; the seed is printed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::client::{Identity, Stream, connect, enrol, roots, tls};
use harness::{Agent, Root, collector, eventually, free_port};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rustls::RootCertStore;
use tenken_proto::convert::encode_group;
use tenken_proto::fact::usb::{DriverState, StorageEnforcement, Usb};
use tenken_proto::ident::{Digest, Epoch, Sequence};
use tenken_proto::observed::Observed;
use tenken_proto::report::Group;

/// Clients that keep account.
const CLIENTS: usize = 6;
/// Real agents that are killed too.
const AGENTS: usize = 2;
/// Reports of one client that may be unacknowledged.
const WINDOW: u64 = 8;

/// What one client sent and what it was promised.
#[derive(Default)]
struct Account {
    /// Digest of each report's body, by number.
    issued: BTreeMap<Sequence, Digest>,
    acked: Sequence,
}

struct Shared {
    address: Mutex<SocketAddr>,
    stop: Mutex<bool>,
    roots: Arc<RootCertStore>,
}

#[test]
fn nothing_acknowledged_is_lost_or_counted_twice() {
    let cycles = if std::env::var("TENKEN_TIER").as_deref() == Ok("soak") { 2_000 } else { 100 };
    let seed: u64 = std::env::var("TENKEN_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or_else(rand::random);
    eprintln!("TENKEN_SEED={seed}, {cycles} cycles");
    let mut random = StdRng::seed_from_u64(seed);

    let mut collector = collector()
        .set("limits", "reports_per_second", 1_000_000)
        .set("limits", "reports_burst", 1_000_000)
        .set("listen", "enrol", free_port())
        .set("listen", "report", free_port())
        .start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let shared = Arc::new(Shared {
        address: Mutex::new(collector.addresses().report),
        stop: Mutex::new(false),
        roots: roots(&collector.data_dir()),
    });
    let token = collector.token(&["--uses", &CLIENTS.to_string(), "--auto-approve"]);
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        let name = format!("oracle-{n}");
        let identity = runtime.block_on(enrol(collector.addresses().enrol, &shared.roots, &token, &name)).unwrap();
        let (epoch, account) = (Epoch(random.random()), Arc::new(Mutex::new(Account::default())));
        runtime.spawn(client(shared.clone(), identity, epoch, account.clone()));
        clients.push((epoch, account));
    }
    let now = || Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_900_000_000);
    let prepared: Vec<Root> = (0..AGENTS).map(|n| Root::debian_12(&format!("real-{n}"), now())).collect();
    let mut agents: Vec<Agent> = prepared
        .iter()
        .map(|root| {
            collector.agent().set("reconnect_min", "50ms").set("reconnect_max", "200ms").root(root.path()).run()
        })
        .collect();

    let mut version = 30_000;
    for cycle in 0..cycles {
        std::thread::sleep(Duration::from_millis(random.random_range(5..150)));
        let which = cycle % AGENTS;
        version += 1;
        prepared[which].clamav_definitions("daily.cvd", version, now());
        if random.random_bool(0.3) {
            agents[which].kill_9();
            agents[which].run();
        }
        std::thread::sleep(Duration::from_millis(random.random_range(0..100)));
        collector.kill_9();
        collector.serve();
        *shared.address.lock().unwrap() = collector.addresses().report;
    }
    // Whoever is left comes back, and what is true now is what is kept.
    for (n, root) in prepared.iter().enumerate() {
        version += 1;
        root.clamav_definitions("daily.cvd", version, now());
        eventually("the collector holds what the agent sees", || {
            let hosts = collector.json(&["hosts"]);
            let name = format!("real-{n}");
            let list = hosts["hosts"].as_array().cloned().unwrap_or_default();
            let host = list.iter().find(|host| host["name"] == name.as_str()).ok_or_else(|| hosts.to_string())?;
            let id = host["id"].as_str().or(host["host"].as_str()).ok_or("no id")?;
            let facts = collector.json(&["host", id])["facts"]["antivirus"].to_string();
            if facts.contains(&version.to_string()) { Ok(()) } else { Err(facts) }
        });
    }
    *shared.stop.lock().unwrap() = true;
    runtime.shutdown_timeout(Duration::from_secs(5));
    for agent in &mut agents {
        agent.stop();
    }
    collector.stop();
    settle_accounts(&collector, &clients);
}

/// Every obligation is in the journal, once, as it was sent; and the journal's chain holds.
fn settle_accounts(collector: &harness::Collector, clients: &[(Epoch, Arc<Mutex<Account>>)]) {
    let kept = harness::journal::reports(&collector.data_dir());
    let mut acked_total = 0;
    for (epoch, account) in clients {
        let account = account.lock().unwrap();
        acked_total += account.acked.0;
        for (sequence, digest) in &account.issued {
            let found = kept.get(&(*epoch, *sequence)).map_or(&[][..], Vec::as_slice);
            assert!(found.len() <= 1, "{epoch}/{sequence} is kept {} times", found.len());
            assert!(found.iter().all(|it| it == digest), "{epoch}/{sequence} is kept with other content");
            assert!(*sequence > account.acked || found.len() == 1, "{epoch}/{sequence} was acknowledged and is lost");
        }
    }
    for ((epoch, sequence), found) in &kept {
        assert_eq!(found.len(), 1, "{epoch}/{sequence} is kept {} times", found.len());
    }
    assert!(acked_total > 100, "the load was real: {acked_total} acknowledged");
    eprintln!("{acked_total} acknowledged, {} kept", kept.len());
}

/// Sends without pause, over as many connections as it takes.
async fn client(shared: Arc<Shared>, identity: Identity, epoch: Epoch, account: Arc<Mutex<Account>>) {
    while !*shared.stop.lock().unwrap() {
        let address = *shared.address.lock().unwrap();
        // A broken connection is what this test is about: the next round says what was not acknowledged again.
        let _ = session(&shared, address, &identity, epoch, &account).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn session(
    shared: &Shared,
    address: SocketAddr,
    identity: &Identity,
    epoch: Epoch,
    account: &Mutex<Account>,
) -> anyhow::Result<()> {
    let channel = connect(address, tls(&shared.roots, Some(identity))).await?;
    let mut stream = Stream::open(channel, epoch).await?;
    let high_water = Sequence(stream.hello.high_water);
    let unacked: Vec<Sequence> = {
        let mut account = account.lock().unwrap();
        assert!(high_water >= account.acked, "{epoch}: {} was acknowledged, {high_water} is kept", account.acked);
        account.acked = high_water;
        account.issued.keys().copied().filter(|it| *it > high_water).collect()
    };
    for sequence in unacked {
        stream.send_as(sequence, vec![group(epoch, sequence)]).await?;
    }
    loop {
        let next = {
            let account = account.lock().unwrap();
            let last = account.issued.keys().next_back().copied().unwrap_or_default();
            (last.0 - account.acked.0 < WINDOW && !*shared.stop.lock().unwrap()).then(|| last.next())
        };
        if let Some(sequence) = next {
            let group = group(epoch, sequence);
            account.lock().unwrap().issued.insert(sequence, group.digest());
            stream.send_as(sequence, vec![group]).await?;
            continue;
        }
        let acked = tokio::time::timeout(Duration::from_secs(10), stream.acked()).await??;
        let mut account = account.lock().unwrap();
        account.acked = account.acked.max(acked);
    }
}

/// The one report of that number: always the same bytes.
fn group(epoch: Epoch, sequence: Sequence) -> Group {
    let usb = Usb {
        storage_enforcement: Observed::known(
            if sequence.0.is_multiple_of(2) { StorageEnforcement::Blocked } else { StorageEnforcement::Free },
            format!("report {epoch}/{sequence}"),
        ),
        usb_storage_driver: Observed::seen(DriverState::Available),
        uas_driver: Observed::seen(DriverState::Available),
        usbguard_running: Observed::seen(false),
        usbguard_implicit_policy: Observed::absent(""),
        attached_storage: Observed::Withheld,
    };
    encode_group(usb, Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_900_000_000))
}
