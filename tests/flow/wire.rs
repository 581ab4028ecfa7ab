//! What a hostile or broken client sends over the report listener, and what becomes of it.

use harness::client::{Identity, Stream, connect, enrol, roots, tls};
use harness::{Collector, collector, eventually};
use jiff::{SignedDuration, Timestamp};
use tenken_proto::convert::encode_group;
use tenken_proto::fact::usb::{DriverState, StorageEnforcement, Usb};
use tenken_proto::ident::{Epoch, Sequence};
use tenken_proto::observed::Observed;
use tenken_proto::report::{Dropped, GROUPS_MAX, Group, MESSAGE_BYTES_MAX, Report};
use tenken_proto::wire;
use tokio::runtime::Runtime;

/// Between two signs of life: fewer than are taken for a flood.
const BEAT_PAUSE: std::time::Duration = std::time::Duration::from_millis(500);

struct Client {
    runtime: Runtime,
    collector: Collector,
    identity: Identity,
}

impl Client {
    fn new() -> Self {
        Self::of(collector().start())
    }

    fn of(collector: Collector) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let roots = roots(&collector.data_dir());
        let token = collector.token(&["--auto-approve"]);
        let identity = runtime.block_on(enrol(collector.addresses().enrol, &roots, &token, "pc-001")).unwrap();
        Self { runtime, collector, identity }
    }

    fn open(&self, epoch: u64) -> anyhow::Result<Stream> {
        self.runtime.block_on(async {
            let tls = tls(&roots(&self.collector.data_dir()), Some(&self.identity));
            Stream::open(connect(self.collector.addresses().report, tls).await?, Epoch(epoch)).await
        })
    }

    fn send(&self, stream: &mut Stream, sequence: u64, group: Group) {
        self.runtime.block_on(stream.send_as(Sequence(sequence), vec![group])).unwrap();
    }

    fn acked(&self, stream: &mut Stream) -> anyhow::Result<Sequence> {
        self.runtime.block_on(async { tokio::time::timeout(harness::PATIENCE, stream.acked()).await? })
    }

    /// A sign of life that says of `usb` that this content was looked at now.
    fn beat(&self, stream: &Stream, total_digest: &[u8], digest: &[u8]) {
        let seen = wire::GroupSeen {
            name: "usb".to_owned(),
            observed_unix_ms: now().as_millisecond(),
            digest: digest.to_vec().into(),
        };
        let heartbeat = wire::Heartbeat {
            epoch: stream.epoch.0,
            clock_unix_ms: now().as_millisecond(),
            total_digest: total_digest.to_vec().into(),
            group_seen: vec![seen],
        };
        let message = wire::Up { message: Some(wire::up::Message::Heartbeat(heartbeat)) };
        self.runtime.block_on(stream.up.send(message)).unwrap();
    }

    /// How fresh the collector says that `usb` is.
    fn freshness(&self) -> String {
        let id = self.collector.json(&["hosts"])["hosts"][0]["id"].as_str().unwrap_or_default().to_owned();
        self.collector.json(&["host", &id])["groups"]["usb"]["freshness"].as_str().unwrap_or_default().to_owned()
    }

    /// The list of agents, once it says that one is on hold.
    fn eventually_on_hold(&self) -> serde_json::Value {
        eventually("the identity is on hold", || {
            let agents = self.collector.json(&["agents", "list"]);
            if agents.to_string().contains("hold") { Ok(agents) } else { Err(agents.to_string()) }
        })
    }

    /// How many reports the journal holds, once the collector is stopped.
    fn kept(mut self) -> usize {
        self.collector.stop();
        harness::journal::reports(&self.collector.data_dir()).values().map(Vec::len).sum()
    }
}

#[expect(clippy::disallowed_methods, reason = "an agent's clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn usb(enforcement: StorageEnforcement) -> Group {
    let usb = Usb {
        storage_enforcement: Observed::known(enforcement, "/proc/modules"),
        usb_storage_driver: Observed::seen(DriverState::Available),
        uas_driver: Observed::seen(DriverState::Available),
        usbguard_running: Observed::seen(false),
        usbguard_implicit_policy: Observed::absent(""),
        attached_storage: Observed::Withheld,
    };
    encode_group(usb, Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_750_000_000))
}

#[test]
fn a_replayed_report_is_acknowledged_and_counted_once() {
    let client = Client::new();
    let mut stream = client.open(1).unwrap();
    for sequence in [1, 2, 1, 2, 2] {
        client.send(&mut stream, sequence, usb(StorageEnforcement::Blocked));
        assert!(client.acked(&mut stream).unwrap() >= Sequence(sequence));
    }
    drop(stream);
    assert_eq!(client.kept(), 2);
}

#[test]
fn what_an_agent_dropped_and_what_is_missing_are_shown() {
    let client = Client::new();
    let mut stream = client.open(1).unwrap();
    client.send(&mut stream, 1, usb(StorageEnforcement::Blocked));
    client.acked(&mut stream).unwrap();
    let shown = |command: &[&str]| harness::told(&client.collector.cli(command));
    assert!(!shown(&["host", "pc-001"]).contains("Lost reports"), "nothing was lost yet");

    let at = |day: &str| format!("{day}T03:00:00Z").parse::<Timestamp>().unwrap();
    let dropped = Dropped { count: 12, first: at("2025-06-01"), last: at("2025-06-03"), reason: "no room".to_owned() };
    let group = vec![usb(StorageEnforcement::Free)];
    let report = Report { epoch: Epoch(1), sequence: Sequence(14), groups: group, dropped: Some(dropped) };
    let message = wire::Up { message: Some(wire::up::Message::Report(report.into())) };
    client.runtime.block_on(stream.up.send(message)).unwrap();
    assert_eq!(client.acked(&mut stream).unwrap(), Sequence(14));

    for lost in [
        &client.collector.json(&["host", "pc-001"])["lost_reports"],
        &client.collector.json(&["health"])["lost_reports"],
        &client.collector.json(&["overview"])["health"]["lost_reports"],
    ] {
        assert_eq!((&lost["dropped"], &lost["missing"]), (&12.into(), &12.into()), "{lost}");
        let first = lost["dropped_first"].as_str().unwrap_or_default();
        assert!(first.starts_with("2025-06-01") && lost["missing_since"].is_string(), "{lost}");
    }
    for command in [["host", "pc-001"].as_slice(), &["health"], &["overview"]] {
        let text = shown(command);
        assert!(text.contains("Lost reports") && text.contains("12 dropped before delivery"), "{text}");
        assert!(text.contains("12 missing"), "{text}");
    }
}

#[test]
fn after_a_reconnect_the_high_water_mark_is_known() {
    let client = Client::new();
    let mut stream = client.open(1).unwrap();
    client.send(&mut stream, 1, usb(StorageEnforcement::Free));
    client.acked(&mut stream).unwrap();
    drop(stream);
    let again = client.open(1).unwrap();
    assert_eq!(again.hello.high_water, 1);
    drop(again);
    let another = client.open(2);
    assert!(another.is_ok_and(|it| it.hello.high_water == 0), "another run starts at zero");
}

#[test]
fn what_is_missing_below_is_not_covered_by_the_high_water_mark() {
    let client = Client::new();
    let mut stream = client.open(1).unwrap();
    for sequence in [1, 3] {
        client.send(&mut stream, sequence, usb(StorageEnforcement::Free));
        while client.acked(&mut stream).unwrap() < Sequence(sequence) {}
    }
    drop(stream);
    assert_eq!(client.open(1).unwrap().hello.high_water, 1);
}

#[test]
fn a_look_at_what_the_collector_does_not_hold_makes_nothing_fresh() {
    let limits = [("group_stale_after", "3s"), ("heartbeat_interval", "1s"), ("startup_grace", "1s")];
    let set = |builder: harness::CollectorBuilder, (key, value)| builder.set("limits", key, value);
    let client = Client::of(limits.into_iter().fold(collector(), set).start());
    let mut stream = client.open(1).unwrap();
    let taken = Group { observed_at: now(), ..usb(StorageEnforcement::Blocked) };
    client.send(&mut stream, 1, taken.clone());
    client.acked(&mut stream).unwrap();
    // Said of content that was never taken, and of none at all by an agent that names no digests.
    let (other, none) = (usb(StorageEnforcement::Free).digest().0, [0; 0]);
    let total = tenken_proto::report::total_digest([(&taken.name, taken.digest())]).0;
    for (wrong, right) in
        [((&none[..], &other[..]), (&none[..], &taken.digest().0[..])), ((&none, &none), (&total, &none))]
    {
        for (said, freshness) in [(wrong, "stale"), (right, "fresh")] {
            eventually(&format!("it is {freshness}"), || {
                client.beat(&stream, said.0, said.1);
                std::thread::sleep(BEAT_PAUSE);
                match client.freshness() {
                    seen if seen == freshness => Ok(()),
                    seen => Err(seen),
                }
            });
        }
    }
}

#[test]
fn a_forked_sequence_puts_the_identity_on_hold_and_a_person_sees_it() {
    let client = Client::new();
    let mut stream = client.open(1).unwrap();
    client.send(&mut stream, 1, usb(StorageEnforcement::Blocked));
    client.acked(&mut stream).unwrap();
    client.send(&mut stream, 1, usb(StorageEnforcement::Free));
    let answered = client.acked(&mut stream).unwrap_err().to_string();
    assert!(answered.contains("forked") || answered.contains("hold"), "{answered}");
    let agents = client.eventually_on_hold();
    let id = agents["agents"][0]["agent"].as_str().or(agents["agents"][0]["id"].as_str()).unwrap().to_owned();
    let released = client.collector.cli(&["agents", "approve", &id]);
    assert!(released.status.success(), "{}", harness::told(&released));
    let mut again = eventually("it may report again", || client.open(3).map_err(|error| format!("{error:#}")));
    client.send(&mut again, 1, usb(StorageEnforcement::Blocked));
    client.acked(&mut again).unwrap();
}

#[test]
fn a_run_that_sends_what_was_acknowledged_long_ago_is_a_copy_of_the_machine() {
    let client = Client::new();
    let mut stream = client.open(1).unwrap();
    for sequence in 1..=70 {
        client.send(&mut stream, sequence, usb(StorageEnforcement::Blocked));
    }
    while client.acked(&mut stream).unwrap() < Sequence(70) {}
    drop(stream);
    // A snapshot of the machine taken at report 4 goes on from there.
    let mut copy = client.open(1).unwrap();
    client.send(&mut copy, 5, usb(StorageEnforcement::Free));
    let answered = client.acked(&mut copy).unwrap_err().to_string();
    assert!(answered.contains("forked") || answered.contains("hold"), "{answered}");
    client.eventually_on_hold();
}

#[test]
fn two_machines_of_one_run_are_put_on_hold() {
    let client = Client::new();
    let mut one = client.open(1).unwrap();
    client.send(&mut one, 1, usb(StorageEnforcement::Blocked));
    client.acked(&mut one).unwrap();
    // It is read, so it answers pings.
    client.runtime.spawn(async move { while one.next().await.is_ok() {} });
    let other = client.open(1).unwrap();
    client.eventually_on_hold();
    drop(other);
}

#[test]
fn who_reconnects_with_its_run_on_a_dead_line_is_no_second_machine() {
    let client = Client::new();
    let mut dead = client.open(1).unwrap();
    for sequence in 1..=5 {
        let mut stream = client.open(1).unwrap();
        client.send(&mut stream, sequence, usb(StorageEnforcement::Blocked));
        assert_eq!(client.acked(&mut stream).unwrap(), Sequence(sequence));
    }
    let status = client.runtime.block_on(async {
        // Nobody answers the ping that comes here.
        loop {
            match tokio::time::timeout(harness::PATIENCE, dead.down.message()).await.expect("it is ended") {
                Ok(Some(_)) => {}
                Ok(None) => panic!("no reason is told"),
                Err(status) => return status,
            }
        }
    });
    assert!(status.message().contains("newer stream"), "{status}");
    let agents = client.collector.json(&["agents", "list"]).to_string();
    assert!(!agents.contains("hold"), "{agents}");
    assert!(client.open(1).is_ok());
}

#[test]
fn a_reordered_sequence_loses_nothing() {
    let client = Client::new();
    let mut stream = client.open(1).unwrap();
    for sequence in [1, 3, 2, 4] {
        client.send(&mut stream, sequence, usb(StorageEnforcement::Blocked));
    }
    while client.acked(&mut stream).unwrap() < Sequence(4) {}
    drop(stream);
    let kept = client.kept();
    assert!(kept >= 3, "{kept} kept");
}

#[test]
fn a_message_over_the_limit_ends_its_stream_and_nothing_else() {
    let client = Client::new();
    let mut stream = client.open(1).unwrap();
    let mut group = usb(StorageEnforcement::Blocked);
    group.body = vec![0; MESSAGE_BYTES_MAX + 1];
    client.send(&mut stream, 1, group);
    assert!(client.acked(&mut stream).is_err());
    let mut again = client.open(1).unwrap();
    client.send(&mut again, 1, usb(StorageEnforcement::Blocked));
    assert_eq!(client.acked(&mut again).unwrap(), Sequence(1));
    drop((stream, again));
    assert_eq!(client.kept(), 1, "nothing half-written");
}

#[test]
fn a_malformed_body_is_refused_for_good_and_the_next_report_passes() {
    let client = Client::new();
    let mut stream = client.open(1).unwrap();
    let mut group = usb(StorageEnforcement::Blocked);
    group.body = b"\xff\xff\xff not a record".to_vec();
    client.send(&mut stream, 1, group);
    let refused = client.acked(&mut stream).unwrap_err().to_string();
    assert!(refused.contains("malformed") && refused.contains("permanent: true"), "{refused}");
    client.send(&mut stream, 2, usb(StorageEnforcement::Blocked));
    assert_eq!(client.acked(&mut stream).unwrap(), Sequence(2));
}

#[test]
fn a_host_takes_no_more_groups_than_the_limit() {
    let client = Client::new();
    let mut stream = client.open(1).unwrap();
    let named = |n: usize| Group { name: format!("made_up_{n}").parse().unwrap(), ..usb(StorageEnforcement::Free) };
    let groups: Vec<Group> = (0..GROUPS_MAX).map(named).collect();
    client.runtime.block_on(stream.send_as(Sequence(1), groups)).unwrap();
    assert_eq!(client.acked(&mut stream).unwrap(), Sequence(1));
    client.send(&mut stream, 2, named(GROUPS_MAX));
    let refused = client.acked(&mut stream).unwrap_err().to_string();
    assert!(refused.contains("malformed") && refused.contains("allowed 32"), "{refused}");
    client.send(&mut stream, 3, named(0));
    assert_eq!(client.acked(&mut stream).unwrap(), Sequence(3), "the stream goes on");
    drop(stream);
    assert_eq!(client.kept(), 2);
}

#[test]
fn a_flood_of_heartbeats_ends_its_stream_with_the_reason_and_only_that() {
    let client = Client::new();
    let mut stream = client.open(1).unwrap();
    let beat = wire::Heartbeat { epoch: 1, clock_unix_ms: 0, total_digest: Vec::new().into(), group_seen: Vec::new() };
    let beat = wire::Up { message: Some(wire::up::Message::Heartbeat(beat)) };
    let up = stream.up.clone();
    client.runtime.spawn(async move { while up.send(beat.clone()).await.is_ok() {} });
    let ended = client.acked(&mut stream).unwrap_err().to_string();
    assert!(ended.contains("rate_limited") && ended.contains("more than 10 heartbeats"), "{ended}");
    assert!(client.acked(&mut stream).unwrap_err().to_string().contains("ended"), "and the stream is over");
    let mut again = client.open(1).unwrap();
    client.send(&mut again, 1, usb(StorageEnforcement::Blocked));
    assert_eq!(client.acked(&mut again).unwrap(), Sequence(1));
}

#[test]
fn who_shows_no_certificate_reaches_nothing_and_is_logged() {
    let client = Client::new();
    let opened = client.runtime.block_on(async {
        let tls = tls(&roots(&client.collector.data_dir()), None);
        Stream::open(connect(client.collector.addresses().report, tls).await?, Epoch(1)).await
    });
    assert!(opened.is_err());
    eventually("the refusal is in the log", || {
        let log = client.collector.log();
        if log.contains("certificate") { Ok(()) } else { Err(log) }
    });
}

#[test]
fn a_certificate_of_another_collector_is_refused() {
    let (client, other) = (Client::new(), Client::new());
    let opened = client.runtime.block_on(async {
        let tls = tls(&roots(&client.collector.data_dir()), Some(&other.identity));
        Stream::open(connect(client.collector.addresses().report, tls).await?, Epoch(1)).await
    });
    assert!(opened.is_err());
}

#[test]
fn a_skewed_clock_is_accepted_and_shown() {
    let client = Client::new();
    let mut stream = client.open(1).unwrap();
    let clock = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000_000);
    let heartbeat = wire::Heartbeat {
        epoch: 1,
        clock_unix_ms: clock.as_millisecond(),
        total_digest: Vec::new().into(),
        group_seen: Vec::new(),
    };
    client.send(&mut stream, 1, usb(StorageEnforcement::Blocked));
    client.acked(&mut stream).unwrap();
    let message = wire::Up { message: Some(wire::up::Message::Heartbeat(heartbeat)) };
    client.runtime.block_on(stream.up.send(message)).unwrap();
    eventually("the skew is a finding that a person sees", || {
        let overview = client.collector.json(&["hosts"]);
        let id = overview["hosts"][0]["id"]
            .as_str()
            .or(overview["hosts"][0]["host"].as_str())
            .unwrap_or_default()
            .to_owned();
        let shown = client.collector.json(&["host", &id]).to_string();
        if shown.contains("skew") || shown.contains("clock_offset") { Ok(()) } else { Err(shown) }
    });
}
