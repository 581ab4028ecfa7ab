//! The engine over a real store in a temporary folder, with a clock that the test moves.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tenken_assess::Change;
use tenken_assess::fleet::{Picture, Transition};
use tenken_proto::convert::encode_body;
use tenken_proto::fact::GroupName;
use tenken_proto::ident::{AgentId, Digest, Epoch, HostId, Sequence};
use tenken_proto::observed::Observed;
use tenken_proto::report::{Dropped, GROUPS_MAX, Group, RefusalReason, Report};
use tenken_proto::value::{Record, Value};
use uuid::Uuid;

use super::*;
use crate::config::Config;
use crate::identity::{Hints, What};
use crate::journal;
use crate::store::redb::RedbStore;
use crate::store::space::SpaceWatch;
use crate::store::{Batch, Fence, Page, Space, Table, Write};

const START_MS: i64 = 1_790_000_000_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(START_MS + ms).unwrap()
}

/// A store whose commits can be made to fail, as a disk does.
#[derive(Debug)]
struct Faulty {
    inner: RedbStore,
    failing: Mutex<u32>,
}

#[async_trait]
impl Store for Faulty {
    async fn claim(&self, tenant: TenantId, partition: Partition) -> Result<Fence, StoreError> {
        self.inner.claim(tenant, partition).await
    }
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let fails = {
            let mut failing = self.failing.lock().unwrap();
            let fails = *failing > 0;
            *failing = failing.saturating_sub(1);
            fails
        };
        if fails {
            let source = std::io::Error::other("the disk does not answer");
            return Err(StoreError::Io { doing: "commit", source: Box::new(source) });
        }
        self.inner.commit(batch).await
    }
    async fn get(&self, tenant: TenantId, table: Table, key: Vec<u8>) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(tenant, table, key).await
    }
    async fn scan(&self, tenant: TenantId, table: Table, from: Vec<u8>, limit: usize) -> Result<Page, StoreError> {
        self.inner.scan(tenant, table, from, limit).await
    }
    fn space(&self) -> Space {
        self.inner.space()
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}

/// A collector's engine that can be stopped and started again.
pub(crate) struct Fixture {
    dir: tempfile::TempDir,
    clock: Clock,
    available: Arc<AtomicU64>,
    time: Time,
    store: Arc<Faulty>,
    pub(crate) engine: Engine,
    running: Option<Running>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        RedbStore::create(dir.path()).unwrap();
        Self::open(dir, Clock::manual(at(0))).await
    }

    async fn open(dir: tempfile::TempDir, clock: Clock) -> Self {
        let available = Arc::new(AtomicU64::new(u64::MAX));
        let space = SpaceWatch::given(Arc::clone(&available), 1 << 20);
        let inner = RedbStore::open(dir.path(), 1 << 20, space).unwrap();
        let store = Arc::new(Faulty { inner, failing: Mutex::new(0) });
        let time = Config::parse(std::path::Path::new("x"), "").unwrap().time;
        let setup = setup(store.clone(), clock.clone(), time.clone());
        let (engine, running) = Engine::start(setup).await.unwrap();
        Self { dir, clock, available, time, store, engine, running: Some(running) }
    }

    async fn restart(mut self) -> Self {
        self.running.take().unwrap().stop().await;
        self.store.close().await;
        Self::open(self.dir, self.clock).await
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub(crate) async fn stop(mut self) {
        self.running.take().unwrap().stop().await;
        self.store.close().await;
    }

    /// An approved agent with a host of its own.
    async fn agent(&self, n: u128) -> (AgentId, HostId) {
        let (agent, host) = (AgentId(Uuid::from_u128(n)), HostId(Uuid::from_u128(1_000 + n)));
        self.engine.record(Principal::Collector, enrolled(agent, host, self.clock.now())).await.unwrap();
        (agent, host)
    }

    async fn send(&self, agent: (AgentId, HostId), report: Report) -> Admitted {
        self.engine.admit(prepared(agent, report, self.clock.now())).await
    }

    fn total(&self, host: HostId) -> Option<Digest> {
        self.engine.read(|state| state.groups.get(&host).and_then(HostGroups::total))
    }

    fn seen(&self) -> Known {
        self.engine.read(Known::of)
    }

    async fn verify(&self) -> journal::Verified {
        journal::verify(&*self.store, TenantId::DEFAULT, Partition::WHOLE).await.unwrap()
    }

    async fn pass(&self, time: SignedDuration) {
        self.clock.set(self.clock.now() + time);
        self.engine.look().await;
    }
}

fn setup(store: Arc<dyn Store>, clock: Clock, time: Time) -> Setup {
    Setup { tenant: TenantId::DEFAULT, store, clock, packs: Arc::new(PackSet::built_in().unwrap()), time }
}

fn enrolled(agent: AgentId, host: HostId, now: Timestamp) -> Vec<Event> {
    let hints = Hints { host_name: format!("pc-{}", host.0.as_u128()), ..Hints::default() };
    let key = Digest::of(agent.0.as_bytes());
    let requested = What::Requested { agent, token: Digest([0; 32]), key, hints, proven: None };
    let approved = What::Approved { agent, host, by: "test".to_owned() };
    let event = |what| Event::Identity(identity::Event { at: now, peer: None, what });
    vec![event(requested), event(approved)]
}

fn group(name: &str, value: i64, observed_at: Timestamp) -> Group {
    let mut record = Record::default();
    record.push("value", Observed::seen(Value::Number(value)));
    Group { name: name.parse().unwrap(), schema_version: 1, body: encode_body(&record), observed_at }
}

fn report(epoch: u64, sequence: u64, groups: Vec<Group>) -> Report {
    Report { epoch: Epoch(epoch), sequence: Sequence(sequence), groups, dropped: None }
}

fn prepared((agent, host): (AgentId, HostId), report: Report, now: Timestamp) -> AdmitRequest {
    let live = report.epoch.0 < 100;
    let origin = Origin { agent, host, received_at: now, clock_offset_ms: 0, live };
    AdmitRequest::prepare(origin, report).unwrap()
}

/// Everything of the state that a replay must give back.
#[derive(Debug, PartialEq)]
struct Known {
    picture: Picture,
    registry: Registry,
    agents: BTreeMap<AgentId, AgentMarks>,
    groups: BTreeMap<HostId, HostGroups>,
    silent: Vec<HostId>,
    stale: Vec<(HostId, GroupName)>,
}

impl Known {
    fn of(state: &State) -> Self {
        Self {
            picture: state.fleet.picture(),
            registry: state.registry.clone(),
            agents: state.agents.clone(),
            groups: state.groups.clone(),
            silent: state.silent.iter().copied().collect(),
            stale: state.stale.iter().cloned().collect(),
        }
    }
}

const ACKED: Admitted = Admitted::Acked { duplicate: false };

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    assert_eq!(fixture.send(agent, report(7, 1, vec![group("patch", 1, at(0))])).await, ACKED);
    assert_eq!(fixture.send(agent, report(7, 2, vec![group("usb", 2, at(0))])).await, ACKED);
    let before = fixture.seen();
    let fixture = fixture.restart().await;
    assert_eq!(fixture.seen(), before);
    assert_eq!(fixture.engine.read(|state| state.agents[&agent.0].epoch(Epoch(7)).unwrap().high), Sequence(2));
    let expected = [group("patch", 1, at(0)), group("usb", 2, at(0))];
    let expected = tenken_proto::report::total_digest(expected.iter().map(|group| (&group.name, group.digest())));
    assert_eq!(fixture.total(agent.1), Some(expected));
    fixture.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_reads_the_stored_state_and_replays_only_what_came_after_it() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    for sequence in 1..=20 {
        let value = i64::try_from(sequence).unwrap();
        fixture.send(agent, report(7, sequence, vec![group("patch", value, at(0))])).await;
    }
    let fixture = fixture.restart().await;
    let before = fixture.seen();
    let setup = setup(fixture.store.clone(), fixture.clock.clone(), fixture.time.clone());
    let loaded = load::load(&setup).await.unwrap();
    assert_eq!(loaded.dirty.entries, 0, "a clean stop leaves nothing to replay");
    assert_eq!(Known::of(&loaded.state), before);
    fixture.send(agent, report(7, 21, vec![group("usb", 1, at(0))])).await;
    let loaded = load::load(&setup).await.unwrap();
    assert!((1..=2).contains(&loaded.dirty.entries), "one report and what it moved");
    assert_eq!(Known::of(&loaded.state), fixture.seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_acknowledged_and_not_counted_twice() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    let same = || report(7, 1, vec![group("patch", 1, at(0))]);
    assert_eq!(fixture.send(agent, same()).await, ACKED);
    let entries = fixture.verify().await.entries;
    assert!(matches!(fixture.send(agent, same()).await, Admitted::Acked { .. }));
    let fixture = fixture.restart().await;
    assert!(matches!(fixture.send(agent, same()).await, Admitted::Acked { .. }));
    assert_eq!(fixture.engine.read(|state| state.health.counters.repeats), 1);
    assert_eq!(fixture.verify().await.entries, entries, "a repeat makes no entry");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_with_other_content_is_a_fork() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    fixture.send(agent, report(7, 1, vec![group("patch", 1, at(0))])).await;
    let forked = fixture.send(agent, report(7, 1, vec![group("patch", 2, at(0))])).await;
    assert!(matches!(forked, Admitted::Refused { reason: RefusalReason::Forked, .. }), "{forked:?}");
    assert_eq!(fixture.engine.read(|state| state.health.counters.forks), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_counted_and_a_late_report_fills_it_without_undoing_a_later_one() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    fixture.send(agent, report(7, 1, vec![group("patch", 1, at(0))])).await;
    fixture.send(agent, report(7, 5, vec![group("patch", 5, at(0))])).await;
    let marks = || fixture.engine.read(|state| state.agents[&agent.0].clone());
    assert_eq!(marks().missing, 3);
    assert_eq!(marks().missing_since, Some(fixture.clock.now()));
    let held = fixture.total(agent.1);
    assert_eq!(fixture.send(agent, report(7, 3, vec![group("patch", 3, at(0))])).await, ACKED);
    assert_eq!(fixture.total(agent.1), held, "the later report stands");
    assert_eq!(marks().missing, 2);
    assert_eq!(marks().epoch(Epoch(7)).unwrap().missing, [(2, 2), (4, 4)]);
    assert_eq!(marks().epoch(Epoch(7)).unwrap().complete(), Sequence(1), "nothing below is awaited");
    assert!(matches!(fixture.send(agent, report(7, 3, vec![group("patch", 3, at(0))])).await, Admitted::Acked { .. }));
    assert_eq!(marks().missing, 2);
    for sequence in [2, 4] {
        fixture.send(agent, report(7, sequence, vec![group("usb", 1, at(0))])).await;
    }
    assert_eq!((marks().missing, marks().missing_since), (0, None), "nothing is missing any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_highest_numbers_are_counted_without_overflow() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    let dropped = Dropped { count: u64::MAX, first: Timestamp::MIN, last: Timestamp::MAX, reason: String::new() };
    for epoch in [0, 1, u64::MAX] {
        for sequence in [u64::MAX - 1, u64::MAX, 1, u64::MAX - 2] {
            let report = Report { dropped: Some(dropped.clone()), ..report(epoch, sequence, Vec::new()) };
            assert_eq!(fixture.send(agent, report).await, ACKED, "{epoch}/{sequence}");
        }
    }
    let (skipped, marks) = fixture.engine.read(|state| (state.health.counters.skipped, state.agents[&agent.0].clone()));
    assert_eq!((skipped, marks.missing, marks.dropped), (u64::MAX, u64::MAX - 2, u64::MAX));
    fixture.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_says_it_dropped_is_counted() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    let dropped = Dropped { count: 12, first: at(-5_000), last: at(-1_000), reason: "spool full".to_owned() };
    let told = Report { dropped: Some(dropped), ..report(7, 13, Vec::new()) };
    assert_eq!(fixture.send(agent, told).await, ACKED);
    let counted = || {
        fixture.engine.read(|state| {
            let marks = &state.agents[&agent.0];
            (marks.dropped, marks.dropped_first, marks.dropped_last)
        })
    };
    assert_eq!(counted(), (12, Some(at(-5_000)), Some(at(-1_000))));
    // An agent that does not know when says 1970.
    let unknown = Dropped { count: 3, first: Timestamp::UNIX_EPOCH, last: at(-500), reason: String::new() };
    let told = Report { dropped: Some(unknown), ..report(7, 14, Vec::new()) };
    assert_eq!(fixture.send(agent, told).await, ACKED);
    assert_eq!(counted(), (15, Some(at(-5_000)), Some(at(-500))));
    let before = fixture.seen();
    let fixture = fixture.restart().await;
    assert_eq!(fixture.seen(), before);
}

#[test]
fn marks_of_an_earlier_version_are_read() {
    let marks: AgentMarks = serde_json::from_str(r#"{"epochs":[],"missing":4,"dropped":2}"#).unwrap();
    assert_eq!((marks.missing, marks.missing_since, marks.dropped, marks.dropped_first), (4, None, 2, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spooled_report_of_an_earlier_run_does_not_undo_what_is_newer() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    fixture.send(agent, report(7, 1, vec![group("patch", 1, at(0))])).await;
    let held = fixture.total(agent.1);
    // Epochs from 100 on stand for a spool in these tests.
    fixture.send(agent, report(100, 9, vec![group("patch", 2, at(-60_000))])).await;
    assert_eq!(fixture.total(agent.1), held);
    fixture.send(agent, report(100, 10, vec![group("usb", 2, at(-60_000))])).await;
    assert_ne!(fixture.total(agent.1), held, "but what nobody else reported is taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_has_a_limit_of_groups_however_many_reports_name_them() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    let groups = |from: usize, to: usize| (from..to).map(|n| group(&format!("g{n}"), 1, at(0))).collect::<Vec<_>>();
    assert_eq!(fixture.send(agent, report(7, 1, groups(0, GROUPS_MAX - 1))).await, ACKED);
    assert_eq!(fixture.send(agent, report(7, 2, groups(GROUPS_MAX - 1, GROUPS_MAX))).await, ACKED);
    let entries = fixture.verify().await.entries;
    let refused = fixture.send(agent, report(7, 3, groups(GROUPS_MAX - 1, GROUPS_MAX + 1))).await;
    let Admitted::Refused { reason: RefusalReason::Malformed, detail } = refused else { panic!("{refused:?}") };
    assert_eq!(detail, "the host would have 33 groups, allowed 32");
    assert_eq!(fixture.verify().await.entries, entries, "nothing of it is kept");
    let counters = fixture.engine.read(|state| state.health.counters.clone());
    assert_eq!((counters.refused["malformed"], counters.reports, counters.skipped), (1, 2, 0));
    assert_eq!(fixture.send(agent, report(7, 4, groups(0, GROUPS_MAX))).await, ACKED, "what is held may change");
    assert_eq!(fixture.engine.read(|state| state.groups[&agent.1].held.len()), GROUPS_MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_counts_only_at_the_content_that_is_held() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    let held = group("usb", 1, at(0));
    fixture.send(agent, report(7, 1, vec![held.clone()])).await;
    let total = fixture.total(agent.1);
    fixture.clock.set(at(5_000));
    let beat_at = |ms: i64, name: &str, digest: Option<Digest>, total: Option<Digest>| {
        let look = Looked { group: name.parse().unwrap(), at: at(ms), digest };
        fixture.engine.beat(agent.1, 500, total, vec![look]);
        fixture.engine.read(|state| state.presence.of(agent.1).unwrap().clone())
    };
    let (own, other) = (Some(held.digest()), Some(Digest::of(b"refused")));
    for (ms, name, digest, total, counted) in [
        (4_000, "made_up", own, total, 0),
        (4_000, "usb", other, total, 0),
        (4_000, "usb", None, None, 0),
        (4_000, "usb", None, other, 0),
        (4_000, "usb", own, other, 4_500),
        (4_100, "usb", None, total, 4_600),
    ] {
        let seen = beat_at(ms, name, digest, total);
        assert_eq!((seen.last_seen, seen.clock_offset_ms), (at(5_000), 500));
        assert_eq!(seen.groups, BTreeMap::from([("usb".parse().unwrap(), at(counted))]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_of_an_identity_that_may_not_report() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    let what = What::OnHold { agent: agent.0, reason: "clone".to_owned() };
    let event = Event::Identity(identity::Event { at: at(0), peer: None, what });
    fixture.engine.record(Principal::Collector, vec![event]).await.unwrap();
    let refused = fixture.send(agent, report(7, 1, vec![group("patch", 1, at(0))])).await;
    assert!(matches!(refused, Admitted::Refused { reason: RefusalReason::OnHold, .. }), "{refused:?}");
    let stranger = (AgentId(Uuid::from_u128(99)), agent.1);
    let refused = fixture.send(stranger, report(7, 1, vec![group("patch", 1, at(0))])).await;
    assert!(matches!(refused, Admitted::Refused { reason: RefusalReason::OnHold, .. }), "{refused:?}");
    assert_eq!(fixture.total(agent.1), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_reports_but_not_revocation_and_heals_by_itself() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    fixture.available.store((1 << 20) - 1, Ordering::SeqCst);
    let sent = || report(7, 1, vec![group("patch", 1, at(0))]);
    let refused = fixture.send(agent, sent()).await;
    assert!(matches!(refused, Admitted::Refused { reason: RefusalReason::StoreFull, .. }), "{refused:?}");
    assert!(matches!(fixture.engine.read(|state| state.health.store.clone()), StoreHealth::Full { .. }));
    let what = What::Revoked { agent: agent.0, by: "a".to_owned(), reason: "b".to_owned() };
    let event = Event::Identity(identity::Event { at: at(0), peer: None, what });
    let other = fixture.engine.record(Principal::Collector, vec![event]).await;
    assert!(other.is_ok(), "the reserve is for this, on a small disk too: {other:?}");
    fixture.available.store(u64::MAX, Ordering::SeqCst);
    let agent = fixture.agent(2).await;
    assert_eq!(fixture.send(agent, sent()).await, ACKED);
    assert_eq!(fixture.engine.read(|state| state.health.store.clone()), StoreHealth::Good);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_commit_acknowledges_nothing_and_the_state_comes_back_from_the_store() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    fixture.send(agent, report(7, 1, vec![group("patch", 1, at(0))])).await;
    let before = fixture.seen();
    // What is kept by the clock is on the disk, so that nothing but what follows fails.
    fixture.engine.look().await;
    *fixture.store.failing.lock().unwrap() = 1;
    let refused = fixture.send(agent, report(7, 2, vec![group("patch", 2, at(0))])).await;
    assert!(matches!(refused, Admitted::Refused { reason: RefusalReason::Busy, .. }), "{refused:?}");
    let error = fixture.engine.read(|state| state.health.counters.commits_failed);
    assert_eq!(error, 1);
    let again = loop {
        match fixture.send(agent, report(7, 2, vec![group("patch", 2, at(0))])).await {
            Admitted::Refused { reason: RefusalReason::Busy, .. } => tokio::task::yield_now().await,
            other @ (Admitted::Refused { .. } | Admitted::Acked { .. }) => break other,
        }
    };
    assert_eq!(again, ACKED);
    assert_ne!(fixture.seen(), before);
    fixture.verify().await;
    let live = fixture.seen();
    assert_eq!(fixture.restart().await.seen(), live);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_a_report_as_busy_at_once() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    let (entered, inside) = oneshot::channel();
    let (release, released) = std::sync::mpsc::sync_channel::<()>(1);
    let engine = fixture.engine.clone();
    let decision = tokio::spawn(async move {
        let wait = move |_: &Registry, _| {
            let _ = entered.send(());
            let _ = released.recv();
            Ok((Vec::new(), ()))
        };
        engine.with_registry(wait).await
    });
    inside.await.unwrap();
    let offer = |n| {
        let report = report(7, n, vec![group("patch", 1, at(0))]);
        fixture.engine.offer(prepared(agent, report, at(0)))
    };
    let queued = u64::try_from(QUEUE_MAX).unwrap();
    let answers: Vec<_> = (1..=queued).map(offer).collect();
    let refused = offer(queued + 1).try_recv().expect("the answer is there at once");
    assert!(matches!(&refused, Admitted::Refused { reason: RefusalReason::Busy, .. }), "{refused:?}");
    release.send(()).unwrap();
    decision.await.unwrap().unwrap();
    for answer in answers {
        assert_eq!(answer.await.unwrap(), ACKED);
    }
    assert_eq!(fixture.engine.read(|state| state.health.counters.refused["busy"]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_on_the_registry_is_durable_or_was_not_made() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    let hold = move |registry: &Registry, now| {
        registry.decide_hold(agent.0, "seen twice", now).map(|decision| (decision.events, ()))
    };
    // What is kept by the clock is on the disk, so that nothing but what follows fails.
    fixture.engine.look().await;
    *fixture.store.failing.lock().unwrap() = 1;
    let failed = fixture.engine.with_registry(hold).await.unwrap_err();
    assert!(matches!(failed, RegistryError::Engine(EngineError::StoreFailed(_))), "{failed:?}");
    let standing = || fixture.engine.read(|state| state.registry.agent(agent.0).unwrap().standing.clone());
    while fixture.engine.with_registry(hold).await.is_err() {}
    assert_eq!(standing().word(), "on_hold");
    let unknown = AgentId(Uuid::from_u128(77));
    let refused = fixture.engine.with_registry(move |registry, now| {
        registry.decide_hold(unknown, "", now).map(|decision| (decision.events, ()))
    });
    assert_eq!(refused.await, Err(RegistryError::Refused(Refusal::AgentUnknown(unknown))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_falls_silent_after_its_limit_and_comes_back_with_its_first_word() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    fixture.send(agent, report(7, 1, vec![group("patch", 1, at(0))])).await;
    let silent = || fixture.engine.read(|state| state.silent.contains(&agent.1));
    fixture.pass(fixture.time.silent_after_pc - SignedDuration::from_secs(60)).await;
    assert!(!silent());
    fixture.pass(SignedDuration::from_secs(61)).await;
    assert!(silent(), "time alone makes it silent");
    let fixture = fixture.restart().await;
    assert!(fixture.engine.read(|state| state.silent.contains(&agent.1)), "silence is journalled");
    fixture.engine.seen(|presence, now| {
        let _ = presence.heard(agent.1, now);
    });
    fixture.pass(SignedDuration::from_secs(31)).await;
    assert!(!fixture.engine.read(|state| state.silent.contains(&agent.1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_falls_silent_although_the_collector_was_killed_before_its_presence_was_kept() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    fixture.send(agent, report(7, 1, vec![group("patch", 1, at(0))])).await;
    let fixture = fixture.restart().await;
    let key = agent.1.0.as_bytes().to_vec();
    let lost = Write { table: Table::Presence, key, value: None };
    let fence = fixture.store.claim(TenantId::DEFAULT, Partition::WHOLE).await.unwrap();
    let batch = Batch { tenant: TenantId::DEFAULT, fence, urgent: false, writes: vec![lost] };
    fixture.store.commit(batch).await.unwrap();
    let setup = setup(fixture.store.clone(), fixture.clock.clone(), fixture.time.clone());
    let loaded = load::load(&setup).await.unwrap();
    assert_eq!(loaded.state.presence.of(agent.1), Some(&Seen::at(at(0))));
    let late = at(0) + fixture.time.silent_after_pc + SignedDuration::from_secs(1);
    let (turned, _) = crate::recompute::transitions(&loaded.state, &fixture.time, late);
    assert_eq!(turned, [(agent.1, Transition::HostSilent)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_start_nobody_is_silent_before_everybody_could_connect() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    fixture.send(agent, report(7, 1, vec![group("patch", 1, at(0))])).await;
    fixture.clock.set(at(0) + fixture.time.silent_after_pc + SignedDuration::from_secs(1));
    let fixture = fixture.restart().await;
    fixture.engine.look().await;
    assert!(fixture.engine.read(|state| state.silent.is_empty()));
    fixture.pass(fixture.time.startup_grace + fixture.time.heartbeat_interval).await;
    assert!(!fixture.engine.read(|state| state.silent.is_empty()), "but a restart does not make a week start anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_a_connected_agent_does_not_look_at_grows_stale() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    fixture.send(agent, report(7, 1, vec![group("patch", 1, at(0)), group("usb", 1, at(0))])).await;
    fixture.engine.seen(|presence, now| presence.heard(agent.1, now).streams = 1);
    fixture.pass(fixture.time.group_stale_after).await;
    fixture.engine.seen(|presence, now| {
        presence.heard(agent.1, now).looked("usb".parse().unwrap(), now, now);
    });
    fixture.pass(SignedDuration::from_secs(31)).await;
    let stale = fixture.engine.read(|state| state.stale.iter().map(|(_, group)| group.to_string()).collect::<Vec<_>>());
    assert_eq!(stale, ["patch"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_may_go_back_but_engine_time_does_not() {
    let fixture = Fixture::new().await;
    let agent = fixture.agent(1).await;
    fixture.clock.set(at(-3_600_000));
    fixture.send(agent, report(7, 1, vec![group("patch", 1, at(0))])).await;
    let (entries, _) =
        journal::page(&*fixture.store, TenantId::DEFAULT, Partition::WHOLE, EntryNumber(1), 100).await.unwrap();
    assert!(entries.is_sorted_by_key(|entry| entry.at));
}

/// One step of a random history.
#[derive(Debug, Clone)]
enum Step {
    Enrol(u8),
    Report { agent: u8, epoch: u8, skip: u8, group: u8, value: i8, spooled: bool },
    Repeat(u8),
    Hold(u8),
    Revoke(u8),
    Declare(u8),
    Pass(u32),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..4_u8).prop_map(Step::Enrol),
        8 => (0..4_u8, 0..3_u8, 0..3_u8, 0..3_u8, any::<i8>(), any::<bool>()).prop_map(
            |(agent, epoch, skip, group, value, spooled)| Step::Report { agent, epoch, skip, group, value, spooled }
        ),
        2 => (0..4_u8).prop_map(Step::Repeat),
        1 => (0..4_u8).prop_map(Step::Hold),
        1 => (0..4_u8).prop_map(Step::Revoke),
        2 => (0..25_u8).prop_map(Step::Declare),
        3 => (1..1_000_000_u32).prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ]
}

#[derive(Default)]
struct History {
    next: BTreeMap<(u8, u64), u64>,
    last: BTreeMap<u8, Report>,
}

async fn play(mut fixture: Fixture, history: &mut History, step: &Step) -> Fixture {
    let ids = |n: u8| (AgentId(Uuid::from_u128(n.into())), HostId(Uuid::from_u128(1_000 + u128::from(n))));
    match step {
        Step::Enrol(n) => drop(fixture.agent((*n).into()).await),
        Step::Report { agent, epoch, skip, group: name, value, spooled } => {
            let epoch = u64::from(*epoch) + if *spooled { 100 } else { 0 };
            let next = history.next.entry((*agent, epoch)).or_insert(1);
            let sequence = *next + u64::from(*skip);
            *next = sequence + 1;
            let name = ["patch", "usb", "antivirus"][usize::from(*name)];
            let report = report(epoch, sequence, vec![group(name, (*value).into(), fixture.clock.now())]);
            history.last.insert(*agent, report.clone());
            fixture.send(ids(*agent), report).await;
        }
        Step::Repeat(agent) => {
            if let Some(report) = history.last.get(agent) {
                fixture.send(ids(*agent), report.clone()).await;
            }
        }
        Step::Hold(n) => drop(identity(&fixture, What::OnHold { agent: ids(*n).0, reason: "x".to_owned() }).await),
        Step::Revoke(n) => {
            let what = What::Revoked { agent: ids(*n).0, by: "a".to_owned(), reason: "b".to_owned() };
            drop(identity(&fixture, what).await);
        }
        Step::Declare(item) => {
            let change = Change::Expected {
                machines: (0..*item)
                    .map(|n| tenken_assess::fleet::Expected {
                        name: format!("pc-{}", 1_000 + u32::from(n)),
                        serial: None,
                        class: Default::default(),
                        site: None,
                    })
                    .collect(),
            };
            fixture.engine.record(Principal::Operator { uid: 0, by: None }, vec![Event::Change(change)]).await.unwrap();
        }
        Step::Pass(seconds) => fixture.pass(SignedDuration::from_secs((*seconds).into())).await,
        Step::Restart => {
            // Presence is looked at before, so that the start finds nothing new.
            fixture.pass(SignedDuration::from_secs(31)).await;
            let before = fixture.seen();
            fixture = fixture.restart().await;
            assert_eq!(fixture.seen(), before, "the state after a restart");
        }
    }
    fixture
}

async fn identity(fixture: &Fixture, what: What) -> Result<Recorded, EngineError> {
    let event = Event::Identity(identity::Event { at: fixture.clock.now(), peer: None, what });
    fixture.engine.record(Principal::Collector, vec![event]).await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn the_state_equals_a_replay_of_the_journal(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut fixture = Fixture::new().await;
            let mut history = History::default();
            for step in &steps {
                fixture = play(fixture, &mut history, step).await;
            }
            fixture.verify().await;
            fixture.pass(SignedDuration::from_secs(31)).await;
            let live = fixture.seen();
            let setup = setup(fixture.store.clone(), fixture.clock.clone(), fixture.time.clone());
            let replayed = load::replay(&setup).await.unwrap();
            assert_eq!(Known::of(&replayed.state), live, "a replay of the whole journal");
            assert_eq!(replayed.chain.last(), fixture.engine.read(|state| state.health.last_entry));
            assert_eq!(replayed.chain.link(), fixture.verify().await.head);
            fixture.running.take().unwrap().stop().await;
        });
    }
}
