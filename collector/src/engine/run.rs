//! The writer's loop: take, judge, commit, answer.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tenken_assess::Change;
use tenken_assess::fleet::{Moves, Transition};
use tenken_proto::ident::HostId;
use tenken_proto::report::RefusalReason;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::apply::AdmitRequest;
use super::checkpoint::{self, Dirty};
use super::marks::Sight;
use super::reply::{Waiting, answer, refuse};
use super::state::{State, StoreHealth};
use super::{
    Admitted, BATCH_BYTES_MAX, BATCH_REQUESTS_MAX, EngineError, Finish, Moved, Recorded, Request, Setup, Shared, load,
};
use crate::clock::whole_ms;
use crate::identity;
use crate::journal::{Chain, EntryNumber, Event, Kind, Principal, Sealed, Signed};
use crate::store::{Batch, Fence, StoreError, Write};

/// Requests judged under one lock; readers come in between.
const JUDGED_AT_ONCE_MAX: usize = 64;
/// The store is tried again at once after a failed commit, then after this time, doubled while it keeps failing: each
/// time the whole state is read.
const RECOVER_AFTER: Duration = Duration::from_millis(500);
const RECOVER_AFTER_MAX: Duration = Duration::from_secs(10);
/// How often it is looked how much room the disk has, when nobody asks for anything.
const SPACE_EVERY: Duration = Duration::from_secs(5);
/// How often it is kept when hosts were last heard of, and how many of them at once.
const PRESENCE_EVERY: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);
const PRESENCE_ROWS_MAX: usize = 4_096;
/// Shortest and longest time between two looks at presence.
const LOOK_MS: (i64, i64) = (100, 30_000);

/// What is judged and not yet on its way to the disk.
#[derive(Default)]
struct Pending {
    writes: Vec<Write>,
    bytes: usize,
    requests: usize,
    reports: usize,
    waiting: Vec<Waiting>,
    moves: Vec<Moves>,
    identity: Vec<Arc<identity::Event>>,
    /// Hosts whose presence is written, with when they were last heard of.
    presence: Vec<(HostId, Timestamp)>,
    last: EntryNumber,
    entries: u64,
}

/// A batch on its way to the disk.
struct Flight {
    commit: JoinHandle<Result<(), StoreError>>,
    pending: Pending,
}

pub(super) struct Writer {
    setup: Setup,
    fence: Fence,
    shared: Arc<Shared>,
    chain: Chain,
    pending: Pending,
    flight: Option<Flight>,
    /// Engine time: the clock, never backwards.
    now: Timestamp,
    next_look: Timestamp,
    next_presence: Timestamp,
    dirty: Dirty,
    /// The state ran ahead of a commit that failed.
    broken: bool,
    /// Failures since the last commit.
    failures: u32,
    /// When the store is tried again.
    recover_at: Instant,
}

impl Writer {
    pub(super) fn new(setup: Setup, fence: Fence, shared: Arc<Shared>, chain: Chain, dirty: Dirty) -> Self {
        let now = shared.read(|state| state.fleet.now()).max(setup.clock.now());
        Self {
            setup,
            fence,
            shared,
            chain,
            pending: Pending::default(),
            flight: None,
            now,
            next_look: now,
            next_presence: now,
            dirty,
            broken: false,
            failures: 0,
            recover_at: Instant::now(),
        }
    }

    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut taken = Vec::with_capacity(JUDGED_AT_ONCE_MAX);
        loop {
            if self.must_recover() {
                self.recover().await;
            }
            let room = !self.pending.is_full();
            let pause = self.pause();
            tokio::select! {
                biased;
                result = landed(&mut self.flight) => self.landed(result).await,
                count = requests.recv_many(&mut taken, JUDGED_AT_ONCE_MAX), if room => {
                    let stop = count == 0 || taken.iter().any(|request| matches!(request, Request::Stop));
                    self.judge(mem::take(&mut taken));
                    if stop {
                        self.end(requests).await;
                        return;
                    }
                }
                () = tokio::time::sleep(pause) => {
                    if !self.broken { self.look() }
                }
            }
            if requests.is_empty() || self.pending.is_full() {
                self.launch();
            }
        }
    }

    /// Commits what is there, refuses the rest, and ends.
    async fn end(mut self, mut requests: mpsc::Receiver<Request>) {
        requests.close();
        while let Ok(request) = requests.try_recv() {
            refuse(request, &EngineError::Stopping);
        }
        let shared = Arc::clone(&self.shared);
        shared.write(|state| self.pending.keep_presence(state, usize::MAX));
        for round in 0..2 {
            if round == 1 && !self.broken {
                // Everything judged is durable; the next start reads the state in place of the journal.
                self.checkpoint(true);
            }
            self.launch();
            if self.flight.is_some() {
                let result = landed(&mut self.flight).await;
                self.landed(result).await;
            }
        }
    }

    /// Time until the next deadline or the next look at presence.
    fn pause(&self) -> Duration {
        if self.broken && self.flight.is_none() {
            return self.recover_at.saturating_duration_since(Instant::now());
        }
        let deadline = self.shared.read(|state| state.fleet.next_deadline());
        let due = deadline.map_or(self.next_look, |deadline| deadline.min(self.next_look));
        let ms = due.as_millisecond().saturating_sub(self.setup.clock.now().as_millisecond());
        Duration::from_millis(u64::try_from(ms.clamp(1, LOOK_MS.1)).unwrap_or(1)).min(SPACE_EVERY)
    }

    /// The store failed and may be tried again. By the clock alone, so that requests do not put it off.
    fn must_recover(&self) -> bool {
        self.broken && self.flight.is_none() && self.recover_at <= Instant::now()
    }

    /// The next try after one more failure.
    fn recover_later(&mut self) {
        let doubled = RECOVER_AFTER.saturating_mul(1 << self.failures.saturating_sub(1).min(10));
        let wait = if self.failures == 0 { Duration::ZERO } else { doubled.min(RECOVER_AFTER_MAX) };
        self.failures = self.failures.saturating_add(1);
        self.recover_at = Instant::now() + wait;
    }

    /// Whether the disk has room, for a person to see.
    fn note_space(&self, state: &mut State) {
        let space = self.setup.store.space();
        state.health.store = match space.available {
            Some(available) if space.is_low() => StoreHealth::Full { available, low_water: space.low_water },
            Some(_) | None => StoreHealth::Good,
        };
    }

    fn judge(&mut self, requests: Vec<Request>) {
        self.now = self.now.max(whole_ms(self.setup.clock.now()));
        if self.broken {
            let error = self.failure();
            requests.into_iter().for_each(|request| refuse(request, &error));
            return;
        }
        let shared = Arc::clone(&self.shared);
        shared.write(|state| {
            self.note_space(state);
            let busy = self.shared.turned_away.swap(0, Ordering::Relaxed);
            if busy > 0 {
                state.health.counters.refuse(RefusalReason::Busy, busy);
            }
            for request in requests {
                self.pending.requests += 1;
                match request {
                    Request::Record { by, events, reply } => self.record(state, &by, events, reply),
                    Request::Decide { by, decide } => {
                        if let Some((events, finish)) = decide(Ok((&state.registry, self.now))) {
                            self.decided(state, &by, events, finish);
                        }
                    }
                    Request::Admit { report, reply } => {
                        let refusal = self.admit(state, *report);
                        match refusal {
                            None => self.pending.waiting.push(Waiting::Admitted(reply)),
                            Some(answer) => drop(reply.send(answer)),
                        }
                    }
                    Request::Look { reply } => {
                        self.look_at(state);
                        self.pending.waiting.push(Waiting::Looked(reply));
                    }
                    Request::Stop => {}
                }
            }
        });
    }

    /// None: taken, the answer follows the commit.
    fn admit(&mut self, state: &mut State, report: AdmitRequest) -> Option<Admitted> {
        let refused = |state: &mut State, reason: RefusalReason, detail: String| {
            state.health.counters.refuse(reason, 1);
            Some(Admitted::Refused { reason, detail })
        };
        if let StoreHealth::Full { .. } = state.health.store {
            return refused(state, RefusalReason::StoreFull, EngineError::StoreFull.to_string());
        }
        let (agent, host) = (report.facts.agent, report.facts.host);
        let standing = state.registry.agent(agent).ok_or(identity::Refusal::AgentUnknown(agent));
        match standing.and_then(|agent| agent.may_act().map(|()| agent.host)) {
            Ok(bound) if bound == Some(host) => {}
            Ok(_) => return refused(state, RefusalReason::Busy, "the agent was bound to another host".to_owned()),
            Err(refusal) => return refused(state, RefusalReason::OnHold, refusal.to_string()),
        }
        let (epoch, sequence) = (report.facts.epoch, report.facts.sequence);
        let sight = state.agents.get(&agent).map_or(Sight::New { skipped: sequence.0.saturating_sub(1) }, |marks| {
            marks.sight(epoch, sequence, report.content, report.facts.live)
        });
        if let (Sight::New { .. } | Sight::Late, Err(detail)) = (sight, state.has_room_for(&report.facts)) {
            return refused(state, RefusalReason::Malformed, detail);
        }
        match sight {
            Sight::New { skipped } => {
                let counter = &mut state.health.counters.skipped;
                *counter = counter.saturating_add(skipped);
            }
            Sight::Late => state.health.counters.late += 1,
            Sight::Repeat => {
                state.health.counters.repeats += 1;
                // What it repeats may still be on its way to the disk: the answer waits for that commit.
                if self.pending.waiting.is_empty() && self.flight.is_none() {
                    return Some(Admitted::Acked { duplicate: true });
                }
                return None;
            }
            Sight::Fork => {
                state.health.counters.forks += 1;
                return refused(
                    state,
                    RefusalReason::Forked,
                    format!("report {epoch}/{sequence} came before, and not like this"),
                );
            }
        }
        state.health.counters.reports += 1;
        self.pending.reports += 1;
        self.dirty.hosts.insert(host);
        self.dirty.agents.insert(agent);
        let number = self.append(report.sealed);
        let moves = state.apply_report(self.now, number, report.facts, report.content);
        self.pending.moves.extend(moves.filter(|moves| !moves.is_empty()));
        None
    }

    fn record(
        &mut self,
        state: &mut State,
        by: &Principal,
        events: Vec<Event>,
        reply: oneshot::Sender<Result<Recorded, EngineError>>,
    ) {
        match self.take(state, by, events) {
            Ok(number) => {
                let recorded = Recorded { number, at: self.now };
                self.pending.waiting.push(Waiting::Recorded(reply, recorded));
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    fn decided(&mut self, state: &mut State, by: &Principal, events: Vec<identity::Event>, finish: Finish) {
        match self.take(state, by, events.into_iter().map(Event::Identity).collect()) {
            Ok(_) => self.pending.waiting.push(Waiting::Decided(finish)),
            Err(error) => finish(Err(error)),
        }
    }

    /// Journals and applies events that a person or the collector itself caused: all or none.
    fn take(&mut self, state: &mut State, by: &Principal, events: Vec<Event>) -> Result<EntryNumber, EngineError> {
        let sealed = events.into_iter().map(|event| seal(by, event)).collect::<Result<Vec<_>, _>>()?;
        for (sealed, event) in sealed {
            self.append(sealed);
            let moves = state.apply_event(self.now, &event);
            self.dirty.note_event(state, &event);
            self.pending.moves.extend(moves.into_iter().filter(|moves| !moves.is_empty()));
            if let Event::Identity(event) = event {
                self.pending.identity.push(Arc::new(event));
            }
        }
        Ok(self.chain.last())
    }

    fn append(&mut self, sealed: Sealed) -> EntryNumber {
        let (number, write) = self.chain.append(self.now, sealed);
        self.pending.bytes += write.value.as_ref().map_or(0, Vec::len);
        self.pending.writes.push(write);
        self.pending.last = number;
        self.pending.entries += 1;
        self.dirty.entries += 1;
        number
    }

    /// Deadlines and presence, by the clock.
    fn look(&mut self) {
        self.now = self.now.max(whole_ms(self.setup.clock.now()));
        let shared = Arc::clone(&self.shared);
        shared.write(|state| {
            self.note_space(state);
            self.look_at(state);
        });
    }

    fn look_at(&mut self, state: &mut State) {
        if state.fleet.next_deadline().is_some_and(|deadline| deadline <= self.now) {
            let moves = state.fleet.advance(self.now);
            if !moves.is_empty() {
                self.pending.moves.push(moves);
            }
        }
        if self.next_presence <= self.now {
            self.next_presence = self.now.checked_add(PRESENCE_EVERY).unwrap_or(self.now);
            self.pending.keep_presence(state, PRESENCE_ROWS_MAX);
        }
        if self.next_look > self.now {
            return;
        }
        let (transitions, pause_ms) = crate::recompute::transitions(state, &self.setup.time, self.now);
        let pause = jiff::SignedDuration::from_millis(pause_ms.clamp(LOOK_MS.0, LOOK_MS.1));
        self.next_look = self.now.checked_add(pause).unwrap_or(self.now);
        let events = transitions
            .into_iter()
            .map(|(host, transition): (_, Transition)| Event::Transition(Change::Transition { host, transition }));
        if let Err(error) = self.take(state, &Principal::Collector, events.collect()) {
            tracing::error!(%error, "Transitions could not be kept");
        }
    }

    /// Sends what is pending to the disk, unless a batch is on its way already.
    fn launch(&mut self) {
        if self.flight.is_some() || self.broken {
            return;
        }
        if self.pending.writes.is_empty() && self.pending.moves.is_empty() {
            self.answer_without_commit();
            return;
        }
        if !self.pending.moves.is_empty() {
            match seal(&Principal::Collector, Event::Moved(self.pending.moves.clone())) {
                Ok((sealed, _)) => drop(self.append(sealed)),
                Err(error) => tracing::error!(%error, "What turned could not be written down"),
            }
        }
        for moves in &self.pending.moves {
            self.dirty.note_moves(moves);
        }
        self.checkpoint(false);
        let mut pending = mem::take(&mut self.pending);
        let batch = Batch {
            tenant: self.setup.tenant,
            fence: self.fence,
            urgent: pending.reports == 0,
            writes: mem::take(&mut pending.writes),
        };
        let store = Arc::clone(&self.setup.store);
        let commit = tokio::spawn(async move { store.commit(batch).await });
        self.flight = Some(Flight { commit, pending });
    }

    /// Adds the stored state to the pending batch when it is due, or when there is something to keep at the end.
    fn checkpoint(&mut self, last: bool) {
        let shared = Arc::clone(&self.shared);
        let rows = shared.read(|state| {
            let due = self.dirty.is_due(state) || (last && self.dirty.entries > 0);
            due.then(|| checkpoint::rows(&self.setup, state, self.chain.last(), &self.dirty))
        });
        match rows {
            None => {}
            Some(Ok(rows)) => {
                self.pending.writes.extend(rows);
                self.dirty = Dirty::default();
            }
            Some(Err(error)) => tracing::error!(%error, "The state could not be written down; the journal has it"),
        }
    }

    /// Repeats of what is durable, decisions that changed nothing.
    fn answer_without_commit(&mut self) {
        let pending = mem::take(&mut self.pending);
        answer(pending.waiting, &Ok(()), true);
    }

    async fn landed(&mut self, result: Result<(), StoreError>) {
        let Some(flight) = self.flight.take() else { return };
        match result {
            Ok(()) => self.durable(flight.pending),
            Err(error) => self.failed(flight.pending, &error),
        }
        if self.must_recover() {
            self.recover().await;
        }
    }

    fn durable(&mut self, pending: Pending) {
        self.failures = 0;
        self.shared.write(|state| {
            state.health.last_entry = state.health.last_entry.max(pending.last);
            state.health.counters.commits += 1;
            state.health.counters.entries += pending.entries;
            state.presence.note_kept(&pending.presence);
        });
        answer(pending.waiting, &Ok(()), false);
        for event in pending.identity {
            let _ = self.shared.identity.send(event);
        }
        if !pending.moves.is_empty() {
            let moved = Moved { number: pending.last, moves: pending.moves };
            let _ = self.shared.moved.send(Arc::new(moved));
        }
    }

    /// Nothing of the failed batch, nor of what was judged on top of it, is acknowledged.
    fn failed(&mut self, pending: Pending, error: &StoreError) {
        tracing::error!(error = error as &dyn std::error::Error, "A commit failed; nothing of it is acknowledged");
        let told = if error.is_full() { EngineError::StoreFull } else { EngineError::StoreFailed(error.to_string()) };
        self.broken = true;
        self.recover_later();
        let on_top = mem::take(&mut self.pending);
        self.shared.write(|state| {
            state.health.counters.commits_failed += 1;
            state.health.store = match error {
                StoreError::Full { available, low_water } => {
                    StoreHealth::Full { available: *available, low_water: *low_water }
                }
                StoreError::Corrupt { .. }
                | StoreError::Io { .. }
                | StoreError::Fenced { .. }
                | StoreError::TooNew { .. }
                | StoreError::InUse { .. }
                | StoreError::Missing { .. }
                | StoreError::Exists { .. }
                | StoreError::Closed => StoreHealth::Failed { since: self.now, error: error.to_string() },
            };
        });
        answer(pending.waiting, &Err(told.clone()), false);
        answer(on_top.waiting, &Err(told), false);
    }

    /// Builds the state again from what is durable.
    async fn recover(&mut self) {
        match load::load(&self.setup).await {
            Ok(loaded) => {
                self.chain = loaded.chain;
                self.dirty = loaded.dirty;
                self.broken = false;
                self.shared.write(|state| {
                    let mut rebuilt = loaded.state;
                    mem::swap(&mut rebuilt.presence, &mut state.presence);
                    mem::swap(&mut rebuilt.health, &mut state.health);
                    *state = rebuilt;
                    self.note_space(state);
                });
                tracing::warn!("The state was rebuilt from the store");
            }
            Err(error) => {
                self.recover_later();
                let wait = self.recover_at.saturating_duration_since(Instant::now());
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    ?wait,
                    "The store is not readable; trying again"
                );
            }
        }
    }

    fn failure(&self) -> EngineError {
        self.shared.read(|state| match &state.health.store {
            StoreHealth::Full { .. } => EngineError::StoreFull,
            StoreHealth::Failed { error, .. } => EngineError::StoreFailed(error.clone()),
            StoreHealth::Good => EngineError::StoreFailed("recovering".to_owned()),
        })
    }
}

impl Pending {
    fn keep_presence(&mut self, state: &mut State, rows_max: usize) {
        let rows = state.presence.rows_to_keep(rows_max);
        self.writes.extend(rows.writes);
        self.presence.extend(rows.kept);
    }

    fn is_full(&self) -> bool {
        self.requests >= BATCH_REQUESTS_MAX || self.bytes >= BATCH_BYTES_MAX
    }
}

fn seal(by: &Principal, event: Event) -> Result<(Sealed, Event), EngineError> {
    let signed = Signed { by: by.clone(), event };
    let kind = signed.kind();
    if kind == Kind::Report {
        return Err(EngineError::Event("reports are admitted, not recorded".to_owned()));
    }
    let payload = signed.encode().map_err(|error| EngineError::Event(error.to_string()))?;
    let sealed = Sealed::new(kind, payload).map_err(|error| EngineError::Event(error.to_string()))?;
    Ok((sealed, signed.event))
}

/// Waits for the batch on its way; for ever when there is none.
async fn landed(flight: &mut Option<Flight>) -> Result<(), StoreError> {
    match flight {
        Some(flight) => match (&mut flight.commit).await {
            Ok(result) => result,
            Err(error) => Err(StoreError::Io { doing: "wait for a commit", source: Box::new(error) }),
        },
        None => std::future::pending().await,
    }
}
