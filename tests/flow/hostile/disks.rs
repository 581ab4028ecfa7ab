//! Disks that are full for real: a tmpfs under the data folder of one program.
//!
//! The oracle is the one of `tests/durability`: an ack is an obligation. What was acknowledged is in the journal
//! after a restart, once and as it was sent. Nobody restarts anything when room is made.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::client::Stream;
use harness::{Collector, Root, collector, eventually, free_port, process, told, within};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tenken_proto::convert::encode_group;
use tenken_proto::fact::antivirus::{Antivirus, Product};
use tenken_proto::ident::{Digest, Epoch, Sequence};
use tenken_proto::observed::Observed;
use tenken_proto::report::Group;
use tenken_proto::value::TEXT_BYTES_MAX;
use tenken_proto::wire::down::Message;

use super::{enrolled, open, part, refused, runtime};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// Products in one large report, each with a name of [`TEXT_BYTES_MAX`].
const LARGE_PRODUCTS: usize = 120;
/// How long a full collector is looked at, and how much processor time and how many lines it may take in it.
const LOOK: Duration = Duration::from_secs(4);
const CPU_MAX: Duration = Duration::from_secs(1);
const LINES_MAX: usize = 10;

/// Sends numbered reports one after another and keeps account.
struct Oracle {
    stream: Stream,
    issued: BTreeMap<Sequence, Digest>,
    acked: Sequence,
}

impl Oracle {
    fn new(stream: Stream) -> Self {
        Self { stream, issued: BTreeMap::new(), acked: Sequence(0) }
    }

    /// Sends a report under the next number, or again the one that was refused; says whether it was acknowledged.
    async fn report(&mut self, group: Group) -> Result<(), String> {
        let sequence = self.acked.next();
        self.issued.insert(sequence, group.digest());
        self.stream.send_as(sequence, vec![group]).await.map_err(|error| error.to_string())?;
        loop {
            let next = tokio::time::timeout(harness::PATIENCE, self.stream.next());
            match next.await.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string())? {
                Message::Ack(ack) if ack.sequence >= sequence.0 => {
                    self.acked = sequence;
                    return Ok(());
                }
                Message::Refused(refused) => return Err(format!("{}: {}", refused.reason, refused.detail)),
                Message::Ack(_)
                | Message::HelloReply(_)
                | Message::SendAll(_)
                | Message::Policy(_)
                | Message::Ping(_) => {}
            }
        }
    }

    /// Every obligation is kept once and as it was sent, and what was refused at the end is not kept.
    fn settle(self, collector: &Collector) {
        let kept = harness::journal::reports(&collector.data_dir());
        for (sequence, digest) in &self.issued {
            let found = kept.get(&(self.stream.epoch, *sequence)).map_or(&[][..], Vec::as_slice);
            let expected = if *sequence <= self.acked { std::slice::from_ref(digest) } else { &[] };
            assert_eq!(found, expected, "{sequence}, acknowledged up to {}", self.acked);
        }
        eprintln!("{} acknowledged, each kept once", self.acked);
    }
}

/// Some 130 KiB, different for each number.
fn large(number: u64) -> Group {
    let product = |n: usize| Product {
        name: Observed::seen(format!("{number}/{n}/").repeat(TEXT_BYTES_MAX).chars().take(TEXT_BYTES_MAX).collect()),
        engine_version: Observed::absent(""),
        running: Observed::seen(true),
        realtime: Observed::seen(true),
        definitions_version: Observed::absent(""),
        definitions_published_at: Observed::absent(""),
        definitions_updated_at: Observed::absent(""),
        definition_updates: Observed::absent(""),
        licence_expires_at: Observed::absent(""),
    };
    let antivirus = Antivirus { products: Observed::seen((0..LARGE_PRODUCTS).map(product).collect()) };
    encode_group(antivirus, Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_750_000_000))
}

/// The identity with that name.
fn agent_of(collector: &Collector, name: &str) -> String {
    let agents = collector.json(&["agents", "list"]);
    let list = agents["agents"].as_array().cloned().unwrap_or_default();
    let found = list.iter().find(|agent| agent["name"] == name);
    assert!(found.is_some(), "no {name} in {agents}");
    found.and_then(|agent| agent["id"].as_str()).unwrap().to_owned()
}

fn store_is(collector: &Collector, state: &str) -> Value {
    eventually(&format!("the store is {state}"), || match part(collector, "store") {
        part if part["state"] == state => Ok(part),
        part => Err(part.to_string()),
    })
}

#[test]
fn a_collector_whose_disk_is_nearly_full_keeps_its_reserve_for_revocations() {
    let mut collector =
        collector().set("store", "low_water", "32MiB").set("limits", "reports_burst", 1_000).disk(64 * MIB).start();
    let runtime = runtime();
    let identity = enrolled(&runtime, &collector, "pc-001");
    let lost_laptop = enrolled(&runtime, &collector, "pc-002");
    let mut oracle = Oracle::new(runtime.block_on(open(&collector, &identity, Epoch(1))).unwrap());
    runtime.block_on(oracle.report(super::group(1))).unwrap();

    collector.disk().leave(24 * MIB);
    // Nobody reports anything in between: a person sees it nevertheless.
    let shown = store_is(&collector, "failed");
    assert!(shown["detail"].to_string().contains("free space"), "{shown}");
    let overview = collector.json(&["overview"]);
    assert!(overview["health"].to_string().contains("kept back"), "{overview}");
    let answer = runtime.block_on(oracle.report(super::group(2)));
    assert!(answer.as_ref().is_err_and(|it| it.contains("store_full")), "{answer:?}");
    assert!(refused(&collector, "store_full") >= 1);

    let revoked = collector.cli(&["agents", "revoke", &agent_of(&collector, "pc-002")]);
    assert!(revoked.status.success(), "the reserve is for this: {}", told(&revoked));
    let declared = collector.cli(&["declare", "5", "--answer", "partly", "--by", "Sato"]);
    assert!(declared.status.success(), "and for people's decisions: {}", told(&declared));
    assert!(runtime.block_on(open(&collector, &lost_laptop, Epoch(1))).is_err(), "it is cut off at once");

    // A restart within the reserve: it serves, and knows what was decided.
    collector.stop();
    let checked = collector.cli(&["check"]);
    assert!(checked.status.success() && told(&checked).contains("kept back"), "{}", told(&checked));
    collector.serve();
    store_is(&collector, "failed");
    assert!(runtime.block_on(open(&collector, &lost_laptop, Epoch(1))).is_err(), "it stays cut off");

    collector.disk().make_room();
    store_is(&collector, "ok");
    oracle.stream = runtime.block_on(open(&collector, &identity, Epoch(1))).unwrap();
    assert_eq!(oracle.stream.hello.high_water, oracle.acked.0);
    runtime.block_on(oracle.report(super::group(2))).unwrap();
    collector.stop();
    oracle.settle(&collector);
    collector.serve();
    let agents = collector.json(&["agents", "list"]).to_string();
    assert!(agents.contains("revoked"), "{agents}");
}

#[test]
fn what_a_full_collector_could_not_take_is_not_shown_as_fresh() {
    let collector = collector()
        .set("store", "low_water", "32MiB")
        .set("limits", "heartbeat_interval", "1s")
        .set("limits", "group_stale_after", "4s")
        .set("limits", "startup_grace", "1s")
        .disk(64 * MIB)
        .start();
    let root = Root::debian_12("pc-001", now());
    let _agent = collector.agent().root(root.path()).set("probe_interval", "1s").set("heartbeat_interval", "1s").run();
    let freshness = |group: &str| {
        let id = collector.json(&["hosts"])["hosts"][0]["id"].as_str().unwrap_or_default().to_owned();
        if id.is_empty() {
            String::new()
        } else {
            collector.json(&["host", &id])["groups"][group]["freshness"].to_string()
        }
    };
    let is = |group: &str, expected: &str| {
        eventually(&format!("{group} is {expected}"), || match freshness(group) {
            seen if seen.contains(expected) => Ok(()),
            seen => Err(seen),
        });
    };
    is("usb", "fresh");
    collector.disk().leave(24 * MIB);
    store_is(&collector, "failed");
    root.free_usb_storage();
    is("usb", "stale");
    assert!(refused(&collector, "store_full") >= 1);
    assert!(freshness("patch").contains("fresh"), "what did not change is as it was reported");
}

#[test]
fn a_collector_whose_disk_is_really_full_acknowledges_nothing_and_comes_back_by_itself() {
    // No space is kept back in time: commits run into the end of the disk.
    let mut collector = collector()
        .set("store", "low_water", "1KiB")
        .set("limits", "reports_burst", 1_000)
        .set("limits", "heartbeat_interval", "1s")
        .set("limits", "silent_after_pc", "2s")
        .set("limits", "startup_grace", "1s")
        .disk(48 * MIB)
        .start();
    let runtime = runtime();
    let identity = enrolled(&runtime, &collector, "pc-001");
    let mut oracle = Oracle::new(runtime.block_on(open(&collector, &identity, Epoch(1))).unwrap());
    for n in 1..=3 {
        runtime.block_on(oracle.report(large(n))).unwrap();
    }
    // It never reports and falls silent while the disk is full: an entry of the collector's own, again and again.
    enrolled(&runtime, &collector, "pc-002");
    let answer = (4..).find_map(|n| {
        collector.disk().leave(64 * KIB);
        runtime.block_on(oracle.report(large(n))).err()
    });
    eprintln!("full after {} reports: {answer:?}", oracle.acked);
    let log = collector.log();
    assert!(log.contains("No space left on device"), "the kernel said it: {log}");
    collector.disk().fill();
    let shown = store_is(&collector, "failed");
    let (before, lines) = (process::cpu(collector.pid()), collector.log().lines().count());
    std::thread::sleep(LOOK);
    let spent = process::cpu(collector.pid()) - before;
    let lines = collector.log().lines().count() - lines;
    eprintln!("full: {shown}; {spent:?} of processor time and {lines} lines in {LOOK:?}");
    assert!(spent <= CPU_MAX, "it spins: {spent:?}");
    assert!(lines <= LINES_MAX, "{lines} lines: {}", collector.log());
    let declared = collector.cli(&["declare", "5", "--answer", "partly", "--by", "Sato"]);
    assert!(!declared.status.success() && told(&declared).contains("free space"), "{}", told(&declared));
    let revoked = collector.cli(&["agents", "revoke", &agent_of(&collector, "pc-002")]);
    assert!(!revoked.status.success() && told(&revoked).contains("free space"), "{}", told(&revoked));

    collector.disk().make_room();
    store_is(&collector, "ok");
    runtime.block_on(oracle.report(large(0))).unwrap();
    let declared = collector.cli(&["declare", "5", "--answer", "partly", "--by", "Sato"]);
    assert!(declared.status.success(), "{}", told(&declared));
    collector.stop();
    oracle.settle(&collector);
    // Nothing at all is left: it says so and ends, and starts when there is room.
    collector.disk().fill();
    let full = collector.cli(&["serve"]);
    assert!(!full.status.success() && told(&full).contains("No space left"), "{}", told(&full));
    collector.disk().make_room();
    collector.serve();
    let item = collector.item("ipa-self-3", "5");
    assert_eq!((&item["answer"], &item["basis"]), (&"partly".into(), &"declared".into()), "{item}");
}

#[expect(clippy::disallowed_methods, reason = "prepared facts are dated from the real clock that the programs read")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn status(agent: &harness::Agent) -> Value {
    let text = std::fs::read(agent.data_dir().join("status.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Packages with an update: some 20 KiB of facts.
const PACKAGES: usize = 200;

/// The archive offers this version of each package, and the one before is installed.
fn offer(root: &Root, version: usize) {
    let names: Vec<String> = (0..PACKAGES).map(|n| format!("a-package-with-a-long-name-{n}")).collect();
    let candidate = format!("9.{version}-1");
    let packages: Vec<_> = names.iter().map(|name| (name.as_str(), "8.0-1", candidate.as_str())).collect();
    root.packages(now(), &packages);
}

/// More than wait in memory before something is given up.
const CHANGES: usize = 70;

#[test]
fn an_agent_whose_disk_is_full_goes_on_and_tells_what_it_dropped() {
    let mut collector = collector().set("listen", "report", free_port()).start();
    let root = Root::debian_12("pc-001", now());
    let mut agent = collector
        .agent()
        .root(root.path())
        .set("reconnect_min", "50ms")
        .set("reconnect_max", "200ms")
        .set("spool_after", "500ms")
        .disk(8 * MIB)
        .run();
    eventually("the host is observed", || match collector.item("tenken-base", "usb") {
        item if item["hosts_observed"] == 1 => Ok(()),
        item => Err(item.to_string()),
    });
    collector.stop();
    offer(&root, 0);
    eventually("a report is put aside", || match status(&agent) {
        status if status["spool"][0].as_u64() >= Some(1) => Ok(()),
        status => Err(status.to_string()),
    });
    agent.disk().fill();
    let before = process::memory(agent.pid()).rss;
    for version in 1..=CHANGES {
        offer(&root, version);
        within(Duration::from_secs(5), "the change is seen", || {
            let count = agent.log().lines().filter(|line| line.contains("Changed") && line.contains("patch")).count();
            if count > version { Ok(()) } else { Err(count.to_string()) }
        });
    }
    let log = eventually("it says that its disk takes nothing, and what it dropped", || match agent.log() {
        log if log.contains("Spool failed") && log.contains("Reports lost before delivery") => Ok(log),
        log => Err(log),
    });
    assert!(log.matches("Spool failed").count() <= 5, "{log}");
    let growth = process::memory(agent.pid()).rss.saturating_sub(before);
    eprintln!("{growth} KiB more than {before} KiB");
    assert!(growth <= 16 * KIB, "{growth} KiB more");

    let checked = agent.cli(&["check"]);
    assert!(told(&checked).contains("is full, 0 bytes are left"), "{}", told(&checked));

    agent.disk().make_room();
    let seen = eventually("the disk takes it now, and the status says what was dropped", || match status(&agent) {
        status if status["spool_problem"].is_null() && status["lost"].as_u64() > Some(0) => Ok(status),
        status => Err(status.to_string()),
    });
    let checked = agent.cli(&["check"]);
    let text = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(text.contains(&format!("{} reports were dropped", seen["lost"])), "{}", told(&checked));

    // A stop and a start on a full disk: what was put aside stays, what was not is said to be lost.
    agent.disk().fill();
    offer(&root, CHANGES + 1);
    eventually("it waits in memory", || match agent.log() {
        log if log.matches("Spool failed").count() == 2 => Ok(()),
        log => Err(log),
    });
    let before = agent.log().matches("Reports lost before delivery").count();
    agent.stop();
    let log = agent.log();
    assert!(log.matches("Reports lost before delivery").count() > before, "{log}");
    agent.run();
    agent.disk().make_room();
    collector.serve();
    let latest = format!("9.{}-1", CHANGES + 1);
    eventually("what is true now arrives", || {
        let id = collector.json(&["hosts"])["hosts"][0]["id"].as_str().unwrap_or_default().to_owned();
        let facts = collector.json(&["host", &id])["facts"]["patch"].to_string();
        if facts.contains(&latest) { Ok(()) } else { Err(facts) }
    });
    agent.stop();
}

#[test]
fn a_machine_that_enrols_onto_a_full_disk_leaves_its_token_good() {
    let collector = collector().start();
    let agent = collector.agent().disk(4 * MIB).enrol();
    let (enrol, token) = (collector.addresses().enrol.to_string(), collector.token(&[]));
    std::fs::remove_dir_all(agent.data_dir().join("identity")).unwrap();
    agent.disk().fill();
    let args = ["enrol", "--collector", &enrol, "--token", &token];
    let full = agent.cli(&args);
    assert!(!full.status.success() && told(&full).contains("No space left"), "{}", told(&full));
    assert_eq!(collector.json(&["agents", "list"])["agents"].as_array().unwrap().len(), 1);
    agent.disk().make_room();
    let again = agent.cli(&args);
    assert!(again.status.success(), "{}", told(&again));
}
