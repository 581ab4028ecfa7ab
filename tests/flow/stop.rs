//! The end of a collector: who is connected is told, and nobody holds it up.

use std::time::{Duration, Instant};

use harness::client::{Identity, connect_as, enrol, roots, tls};
use harness::{Agent, Collector, Root, collector, eventually};
use jiff::Timestamp;
use tenken_proto::report::WIRE_VERSION;
use tenken_proto::wire::reporting_client::ReportingClient;
use tenken_proto::wire::{self, up};
use tokio::runtime::Runtime;
use tokio_stream::StreamExt as _;
use tonic::transport::{Channel, Endpoint};

/// A stage that is not done by then is left behind.
const STAGE_TIME_MAX: Duration = Duration::from_secs(5);
/// Stops of well-behaved agents.
const ROUNDS: usize = 5;
/// Stops right after the start.
const AT_ONCE: usize = 12;
/// More messages than fit into every queue between a stream and a peer that reads nothing.
const MORE_THAN_FITS: u64 = 64;

#[expect(clippy::disallowed_methods, reason = "prepared facts are dated from the real clock that the programs read")]
fn root(name: &str) -> Root {
    Root::debian_12(name, Timestamp::now())
}

/// Agents on roots of their own, once the collector shows them as connected.
fn connected(collector: &Collector, count: usize) -> Vec<(Agent, Root)> {
    let agents = (0..count).map(|n| {
        let root = root(&format!("pc-{n:03}"));
        (collector.agent().root(root.path()).run(), root)
    });
    let agents: Vec<_> = agents.collect();
    eventually("the agents are connected", || {
        let listed = collector.json(&["agents", "list"]);
        let rows = listed["agents"].as_array().cloned().unwrap_or_default();
        let connected = rows.iter().filter(|row| row["connected"] == true).count();
        if connected == count { Ok(()) } else { Err(listed.to_string()) }
    });
    agents
}

fn said_goodbye(agent: &Agent) {
    eventually("the agent was told", || {
        let log = agent.log();
        if log.contains("the collector is stopping") { Ok(()) } else { Err(log) }
    });
}

/// Stops the collector; how long that took.
fn stop(collector: &mut Collector) -> Duration {
    let began = Instant::now();
    collector.stop();
    let log = collector.log();
    assert!(!log.contains("left behind"), "{log}");
    began.elapsed()
}

#[test]
fn well_behaved_agents_are_told_and_nobody_is_cut() {
    // A stop has races; each of these is one throw.
    for _ in 0..ROUNDS {
        let mut collector = collector().start();
        let agents = connected(&collector, 2);
        let took = stop(&mut collector);
        assert!(took < Duration::from_secs(3), "{took:?}");
        let log = collector.log();
        assert!(!log.contains("are cut"), "{log}");
        agents.iter().for_each(|(agent, _)| said_goodbye(agent));
    }
}

#[test]
fn a_stop_at_the_moment_of_the_start_is_in_good_order() {
    // `start` returns as soon as the addresses are there.
    for _ in 0..AT_ONCE {
        let mut collector = collector().start();
        stop(&mut collector);
    }
}

/// Connects as an agent that never takes more than a byte.
async fn channel(collector: &Collector, identity: &Identity) -> Channel {
    let endpoint = Endpoint::from_static("http://localhost").initial_stream_window_size(1);
    let tls = tls(&roots(&collector.data_dir()), Some(identity));
    connect_as(endpoint, collector.addresses().report, tls).await.unwrap()
}

#[expect(clippy::disallowed_methods, reason = "an agent's clock")]
fn hello() -> up::Message {
    up::Message::Hello(wire::Hello {
        wire_version: WIRE_VERSION,
        capability: Vec::new(),
        agent_version: "test".to_owned(),
        os: "linux".to_owned(),
        epoch: 1,
        clock_unix_ms: Timestamp::now().as_millisecond(),
    })
}

/// Says hello, makes the collector answer more than fits, and reads nothing.
fn talk_without_reading() -> impl tokio_stream::Stream<Item = wire::Up> {
    let report = |sequence| up::Message::Report(wire::Report { epoch: 1, sequence, group: Vec::new(), dropped: None });
    let messages = std::iter::once(hello()).chain((1..=MORE_THAN_FITS).map(report));
    tokio_stream::iter(messages.map(|message| wire::Up { message: Some(message) })).chain(tokio_stream::pending())
}

#[test]
fn peers_that_do_not_answer_are_cut_and_hold_up_nothing() {
    let mut collector = collector().start();
    let agents = connected(&collector, 2);
    let runtime = Runtime::new().unwrap();
    let identities: Vec<Identity> = (0..2)
        .map(|n| {
            let token = collector.token(&["--auto-approve"]);
            let (address, roots) = (collector.addresses().enrol, roots(&collector.data_dir()));
            runtime.block_on(enrol(address, &roots, &token, &format!("peer-{n}"))).unwrap()
        })
        .collect();
    let (silent, deaf) = runtime.block_on(async {
        let silent = channel(&collector, &identities[0]).await;
        let silent = ReportingClient::new(silent).report(tokio_stream::pending()).await.unwrap();
        let deaf = channel(&collector, &identities[1]).await;
        let deaf = ReportingClient::new(deaf).report(talk_without_reading()).await.unwrap();
        (silent, deaf)
    });
    let (frozen, lively) = (&agents[0].0, &agents[1].0);
    frozen.signal("STOP");
    let took = stop(&mut collector);
    assert!(took < STAGE_TIME_MAX, "{took:?}");
    said_goodbye(lively);
    let log = collector.log();
    assert!(log.contains("are cut"), "the frozen one: {log}");
    drop((silent, deaf));
}
