//! The engine: the one writer. Everything that changes state passes here, is journalled, and then counts.
//!
//! One thread takes requests from a bounded queue, judges them against the state in memory and gathers their rows
//! in a batch; while one batch is on its way to the disk the next is judged. Who asked hears only after the commit.
//!
//! Invariants:
//! - Nothing is answered with success before its entry is durable.
//! - Engine time never goes backwards.
//! - The state equals a replay of the journal; [`Presence`] and [`Health`] lie outside of it.
//! - When a commit fails nothing of it is acknowledged, and the state is built again from the store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use jiff::Timestamp;
use tenken_assess::PackSet;
use tenken_assess::fleet::Moves;
use tenken_proto::ident::{Digest, HostId, TenantId};
use tenken_proto::report::RefusalReason;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Time;
use crate::identity::{self, Refusal, Registry};
use crate::journal::{EntryNumber, Event, JournalError, Principal};
use crate::store::{Partition, Store, StoreError};

mod apply;
mod checkpoint;
mod load;
mod marks;
mod presence;
mod reply;
mod run;
mod state;
#[cfg(test)]
pub(crate) mod tests;

pub use marks::{AgentMarks, CONTENTS_MAX, EpochMark, Lost, Sight};
pub use presence::{Looked, Presence, Seen};
pub use state::{Counters, Health, HeldGroup, HostGroups, State, StoreHealth};

/// Requests that wait for the engine. Full: a report of a stream is refused as busy, everything else waits.
pub const QUEUE_MAX: usize = 4_096;
/// Most requests of one commit.
pub const BATCH_REQUESTS_MAX: usize = 4_096;
/// Most bytes of one commit, about.
pub const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What turned, kept for listeners that are slow; one that is slower misses some and is told how many.
pub const MOVED_WAITING_MAX: usize = 256;
/// Identity events kept for the guards of live streams.
pub const IDENTITY_WAITING_MAX: usize = 4_096;

/// What turned in one commit; durable when it is published.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// The last entry of the commit.
    pub number: EntryNumber,
    /// What turned, in order.
    pub moves: Vec<Moves>,
}

/// A report that was checked and digested, ready to be admitted.
pub use apply::{AdmitRequest, Origin, PrepareError};

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// Durable; or it was already.
    Acked {
        /// It was kept before.
        duplicate: bool,
    },
    /// Not kept.
    Refused {
        /// Why.
        reason: RefusalReason,
        /// For a person.
        detail: String,
    },
}

/// Entries that are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// The last of them.
    pub number: EntryNumber,
    /// Their engine time.
    pub at: Timestamp,
}

/// Why the engine did not do it. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The collector is stopping.
    #[error("the collector is stopping")]
    Stopping,
    /// The disk is full or nearly so.
    #[error("the collector's disk is nearly full; free space on it, nothing else is needed")]
    StoreFull,
    /// The store failed; the engine tries to recover by itself.
    #[error("the collector's store failed: {0}")]
    StoreFailed(String),
    /// The event cannot be written down.
    #[error("the event cannot be kept: {0}")]
    Event(String),
}

/// Why an identity did not change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The registry refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The engine could not keep it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store failed.
    #[error("failed to read the stored state")]
    Store(#[from] StoreError),
    /// The journal is broken.
    #[error("failed to rebuild the state from the journal")]
    Journal(#[from] JournalError),
    /// An entry does not say what it promises.
    #[error("journal entry {number} cannot be read: {problem}")]
    Entry {
        /// Which entry.
        number: EntryNumber,
        /// What is wrong with it.
        problem: String,
    },
    /// What is stored beside the journal cannot be read.
    #[error("the stored {what} cannot be read: {problem}")]
    Stored {
        /// What of it.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// No thread could be started.
    #[error("failed to start the engine's thread")]
    Thread(#[source] std::io::Error),
}

/// What the engine needs.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Whose data.
    pub tenant: TenantId,
    /// Where it is kept.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Clock,
    /// Packs that judge until others are journalled.
    pub packs: Arc<PackSet>,
    /// When silence and staleness begin.
    pub time: Time,
}

/// Decides on the registry and the time, or hears why the engine decides nothing now.
type Decide =
    Box<dyn FnOnce(Result<(&Registry, Timestamp), EngineError>) -> Option<(Vec<identity::Event>, Finish)> + Send>;
type Finish = Box<dyn FnOnce(Result<(), EngineError>) + Send>;

/// A request to the engine.
enum Request {
    Record { by: Principal, events: Vec<Event>, reply: oneshot::Sender<Result<Recorded, EngineError>> },
    Decide { by: Principal, decide: Decide },
    Admit { report: Box<AdmitRequest>, reply: oneshot::Sender<Admitted> },
    Look { reply: oneshot::Sender<()> },
    Stop,
}

struct Shared {
    state: RwLock<State>,
    moved: broadcast::Sender<Arc<Moved>>,
    identity: broadcast::Sender<Arc<identity::Event>>,
    clock: Clock,
    /// Reports that found the queue full, to be counted by the writer: who is turned away waits for no lock.
    turned_away: AtomicU64,
}

impl Shared {
    fn read<T>(&self, f: impl FnOnce(&State) -> T) -> T {
        f(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A handle to the engine; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// The engine's thread; it ends when [`Running::stop`] is called or every handle is gone. Who runs it watches
/// [`Running::ended`]: nothing is taken without the engine.
#[derive(Debug)]
pub struct Running {
    requests: mpsc::Sender<Request>,
    thread: JoinHandle<()>,
    ended: CancellationToken,
}

impl Running {
    /// Commits what waits, and ends.
    pub async fn stop(self) {
        let _ = self.requests.send(Request::Stop).await;
        match tokio::task::spawn_blocking(move || self.thread.join()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => tracing::error!("The engine had panicked; what was not acknowledged is lost"),
        }
    }

    /// Waits until the engine has ended, by a panic too.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

impl Engine {
    /// Builds the state from the store and starts the engine. Must be called within a runtime with threads.
    ///
    /// # Errors
    /// The store or the journal in it cannot be read.
    pub async fn start(setup: Setup) -> Result<(Self, Running), StartError> {
        let fence = setup.store.claim(setup.tenant, Partition::WHOLE).await?;
        let loaded = load::load(&setup).await?;
        let (moved, _) = broadcast::channel(MOVED_WAITING_MAX);
        let (identity, _) = broadcast::channel(IDENTITY_WAITING_MAX);
        let shared = Arc::new(Shared {
            state: RwLock::new(loaded.state),
            moved,
            identity,
            clock: setup.clock.clone(),
            turned_away: AtomicU64::new(0),
        });
        let (requests, waiting) = mpsc::channel(QUEUE_MAX);
        let writer = run::Writer::new(setup, fence, Arc::clone(&shared), loaded.chain, loaded.dirty);
        let runtime = tokio::runtime::Handle::current();
        let ended = CancellationToken::new();
        let end = ended.clone().drop_guard();
        let thread = std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || {
                // Dropped when the thread ends, also by a panic.
                let _end = end;
                runtime.block_on(writer.run(waiting));
            })
            .map_err(StartError::Thread)?;
        let running = Running { requests: requests.clone(), thread, ended };
        Ok((Self { shared, requests }, running))
    }

    /// Looks at the state. Short and without waiting inside: the writer waits meanwhile.
    pub fn read<T>(&self, f: impl FnOnce(&State) -> T) -> T {
        self.shared.read(f)
    }

    /// The engine's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Journals and applies events, all or none. Durable when it returns.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn record(&self, principal: Principal, events: Vec<Event>) -> Result<Recorded, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Record { by: principal, events, reply }).await?;
        answer.await.map_err(|_| EngineError::Stopping)?
    }

    /// Decides on the registry as it stands and makes the decision durable; nothing comes between.
    ///
    /// # Errors
    /// The registry refused, or the decision could not be kept. Nothing was changed.
    pub async fn with_registry<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Registry, Timestamp) -> Result<(Vec<identity::Event>, T), Refusal> + Send + 'static,
    ) -> Result<T, RegistryError> {
        self.with_registry_as(Principal::Collector, f).await
    }

    /// The same on somebody's behalf.
    ///
    /// # Errors
    /// The registry refused, or the decision could not be kept. Nothing was changed.
    pub async fn with_registry_as<T: Send + 'static>(
        &self,
        principal: Principal,
        f: impl FnOnce(&Registry, Timestamp) -> Result<(Vec<identity::Event>, T), Refusal> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let (reply, answer) = oneshot::channel();
        let decide: Decide = Box::new(move |standing| {
            let decided = match standing {
                Ok((registry, now)) => f(registry, now).map_err(RegistryError::Refused),
                Err(error) => Err(RegistryError::Engine(error)),
            };
            match decided {
                Ok((events, value)) => {
                    let finish: Finish = Box::new(move |result| {
                        let _ = reply.send(result.map(|()| value).map_err(RegistryError::Engine));
                    });
                    Some((events, finish))
                }
                Err(error) => {
                    let _ = reply.send(Err(error));
                    None
                }
            }
        });
        self.send(Request::Decide { by: principal, decide }).await?;
        answer.await.map_err(|_| EngineError::Stopping)?
    }

    /// Admits a report. Acknowledged means durable.
    pub async fn admit(&self, report: AdmitRequest) -> Admitted {
        let answer = self.enqueue(report).await;
        answer.await.unwrap_or_else(|_| stopping())
    }

    /// Queues a report of a stream and returns at once; the answer comes after its commit, or at once when
    /// [`QUEUE_MAX`] requests wait.
    #[must_use]
    pub fn offer(&self, report: AdmitRequest) -> oneshot::Receiver<Admitted> {
        let (reply, answer) = oneshot::channel();
        let (request, refusal) = match self.requests.try_send(Request::Admit { report: Box::new(report), reply }) {
            Ok(()) => return answer,
            Err(TrySendError::Full(request)) => {
                self.shared.turned_away.fetch_add(1, Ordering::Relaxed);
                (request, full())
            }
            Err(TrySendError::Closed(request)) => (request, stopping()),
        };
        if let Request::Admit { reply, .. } = request {
            let _ = reply.send(refusal);
        }
        answer
    }

    /// Queues a report and returns when there is room; the answer comes after its commit.
    pub async fn enqueue(&self, report: AdmitRequest) -> oneshot::Receiver<Admitted> {
        let (reply, answer) = oneshot::channel();
        if let Err(mpsc::error::SendError(Request::Admit { reply, .. })) =
            self.requests.send(Request::Admit { report: Box::new(report), reply }).await
        {
            let _ = reply.send(stopping());
        }
        answer
    }

    /// Notes that a host was heard of. Not journalled by itself; what follows from it is.
    pub fn seen(&self, note: impl FnOnce(&mut Presence, Timestamp)) {
        let now = self.shared.clock.now();
        self.shared.write(|state| note(&mut state.presence, now));
    }

    /// Notes a heartbeat: when its host was heard of, and when which of its groups were looked at. A look counts only
    /// at the content that is held: by its digest, or without one where the total is that of everything held.
    pub fn beat(&self, host: HostId, clock_offset_ms: i64, total: Option<Digest>, looked: Vec<Looked>) {
        let now = self.shared.clock.now();
        self.shared.write(|state| state.beat(host, clock_offset_ms, total, looked, now));
    }

    /// Counts what was refused before it came to the engine.
    pub fn count_refused(&self, reason: RefusalReason) {
        self.shared.write(|state| state.health.counters.refuse(reason, 1));
    }

    /// Has the engine look at deadlines and presence now and waits until that is done.
    pub async fn look(&self) {
        let (reply, done) = oneshot::channel();
        if self.send(Request::Look { reply }).await.is_ok() {
            let _ = done.await;
        }
    }

    /// What turns from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Moved>> {
        self.shared.moved.subscribe()
    }

    /// Identity events from now on, each after it became durable.
    #[must_use]
    pub fn identity_events(&self) -> broadcast::Receiver<Arc<identity::Event>> {
        self.shared.identity.subscribe()
    }

    async fn send(&self, request: Request) -> Result<(), EngineError> {
        self.requests.send(request).await.map_err(|_| EngineError::Stopping)
    }
}

fn full() -> Admitted {
    let detail = format!("{QUEUE_MAX} requests wait for the engine");
    Admitted::Refused { reason: RefusalReason::Busy, detail }
}

fn stopping() -> Admitted {
    Admitted::Refused { reason: RefusalReason::Busy, detail: "the collector is stopping".to_owned() }
}
