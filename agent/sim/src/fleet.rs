//! Many agents in one process: enrolled by one token of many uses, each with its own folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tenken_agent::clock;
use tenken_agent::halves::{self, ObservingEnd, Told, Wish};
use tenken_agent::identity::enrol::{Ask, EnrolError, Enrolled, Hints, enrol};
use tenken_agent::identity::{IdentityError, Store};
use tenken_agent::probe::Observation;
use tenken_agent::report::{Outcome, Reported};
use tenken_agent::spool::Limits;
use tenken_agent::transport::{self, Address};
use tenken_agent::uplink::{self, Uplink};
use tenken_proto::fact::GroupSchema;
use tenken_proto::token::Token;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::facts::{self, Plan};

/// Enrolments at one time.
const ENROLMENTS_MAX: usize = 32;

/// Why a fleet cannot run.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// An agent was not enrolled.
    #[error("agent {agent} was not enrolled")]
    Enrol {
        /// Which.
        agent: u64,
        /// Why.
        source: EnrolError,
    },
    /// An identity cannot be kept or used.
    #[error("the identity of agent {agent} cannot be used")]
    Identity {
        /// Which.
        agent: u64,
        /// Why.
        source: IdentityError,
    },
    /// An agent has no identity yet.
    #[error("agent {agent} is not enrolled (a person may have to approve it): enrol first")]
    NotEnrolled {
        /// Which.
        agent: u64,
    },
    /// A task failed.
    #[error("a simulated agent failed")]
    Task(#[from] tokio::task::JoinError),
}

/// A fleet on disk.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// Folder with one folder for each agent.
    pub dir: PathBuf,
    /// How many agents.
    pub agents: u64,
    /// What they observe.
    pub plan: Plan,
}

/// How a fleet runs.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Time between two looks of one agent; the first looks are spread over it.
    pub look_interval: Duration,
    /// Time between two signs of life.
    pub heartbeat_interval: Duration,
    /// Up to this long is waited after a lost connection.
    pub reconnect: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look_interval: Duration::from_secs(3_600),
            heartbeat_interval: Duration::from_secs(300),
            reconnect: Duration::from_secs(60),
        }
    }
}

/// What a running fleet has done.
#[derive(Debug, Default)]
pub struct Counters {
    /// Looks taken.
    pub looks: AtomicU64,
    /// Groups that had changed and were told to the uplinks.
    pub changed: AtomicU64,
    /// Reports that were not delivered at the end.
    pub undelivered: AtomicU64,
    /// Agents that the collector refused.
    pub refused: AtomicU64,
}

impl Fleet {
    /// Enrols the agents that have no identity yet; without `wait`, those that a person has to approve are left.
    /// Says how many have one.
    ///
    /// # Errors
    /// [`SimError`] of the first agent that fails.
    pub async fn enrol(&self, collector: &Address, token: &Token, wait: bool) -> Result<u64, SimError> {
        let permits = Arc::new(Semaphore::new(ENROLMENTS_MAX));
        let mut tasks = JoinSet::new();
        for agent in 0..self.agents {
            let ask = Ask {
                collector: collector.clone(),
                token: token.clone(),
                wait,
                hints: Hints { host_name: facts::host_name(agent), os: "simulated".to_owned(), ..Hints::default() },
            };
            let (dir, permits) = (self.folder(agent), Arc::clone(&permits));
            tasks.spawn(async move {
                // The semaphore is never closed; without a permit there is merely no bound.
                let _permit = permits.acquire_owned().await;
                enrol_one(agent, &dir, &ask).await
            });
        }
        let mut enrolled = 0;
        while let Some(done) = tasks.join_next().await {
            enrolled += u64::from(done??);
        }
        Ok(enrolled)
    }

    /// Runs all agents until `stop` turns true or its sender is gone.
    ///
    /// # Errors
    /// [`SimError`] when an agent has no identity that can be used.
    pub async fn run(
        &self,
        pace: &Pace,
        counters: &Arc<Counters>,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), SimError> {
        let schemas = Arc::new(tenken_proto::fact::schemas());
        let mut tasks = JoinSet::new();
        for agent in 0..self.agents {
            let (half, far_half) = halves::pair();
            let uplink = Uplink::new(settings(&self.folder(agent), pace), far_half, clock::now)
                .map_err(|source| SimError::Identity { agent, source })?
                .ok_or(SimError::NotEnrolled { agent })?;
            let share = u32::try_from(agent).unwrap_or(u32::MAX);
            let first = pace.look_interval / u32::try_from(self.agents).unwrap_or(u32::MAX).max(1) * share;
            let simulated = Simulated {
                number: agent,
                plan: self.plan.clone(),
                schemas: Arc::clone(&schemas),
                reported: Reported::default(),
                round: 0,
                half,
                counters: Arc::clone(counters),
            };
            let (interval, stop, counters) = (pace.look_interval, stop.clone(), Arc::clone(counters));
            tasks.spawn(async move {
                let uplink = tokio::spawn(uplink.run());
                simulated.run(first, interval, stop).await;
                match uplink.await {
                    Ok(Ok(left)) => drop(counters.undelivered.fetch_add(left as u64, Ordering::Relaxed)),
                    Ok(Err(error)) => {
                        counters.refused.fetch_add(1, Ordering::Relaxed);
                        tracing::warn!(agent, error = &error as &dyn std::error::Error, "Refused");
                    }
                    Err(error) => tracing::error!(agent, %error, "Uplink failed"),
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done?;
        }
        Ok(())
    }

    fn folder(&self, agent: u64) -> PathBuf {
        self.dir.join(format!("agent-{agent:05}"))
    }
}

async fn enrol_one(agent: u64, dir: &Path, ask: &Ask) -> Result<bool, SimError> {
    let identity = |source| SimError::Identity { agent, source };
    let store = Store::open(dir).map_err(identity)?;
    if store.current().map_err(identity)?.is_some() {
        return Ok(true);
    }
    let enrolled = enrol(&store, ask, &transport::Settings::default(), clock::now, |_| {})
        .await
        .map_err(|source| SimError::Enrol { agent, source })?;
    match enrolled {
        Enrolled::Issued(_) | Enrolled::Already(_) => Ok(true),
        Enrolled::Pending(_) => Ok(false),
    }
}

fn settings(dir: &Path, pace: &Pace) -> uplink::Settings {
    uplink::Settings {
        data_dir: dir.to_owned(),
        transport: transport::Settings::default(),
        heartbeat_interval: pace.heartbeat_interval,
        heartbeat_limits: (pace.heartbeat_interval, pace.heartbeat_interval),
        reconnect_first: pace.reconnect,
        reconnect_min: Duration::from_secs(1),
        reconnect_max: pace.reconnect.max(Duration::from_secs(60)),
        spool_after: Duration::from_secs(30),
        spool: Limits { bytes_max: 8 << 20, age_max: Duration::from_secs(86_400) },
        stop_grace: Duration::from_secs(5),
    }
}

/// One agent: invented looks, the real rest.
struct Simulated {
    number: u64,
    plan: Plan,
    schemas: Arc<Vec<GroupSchema>>,
    reported: Reported,
    round: u64,
    half: ObservingEnd,
    counters: Arc<Counters>,
}

impl Simulated {
    async fn run(mut self, first: Duration, interval: Duration, mut stop: watch::Receiver<bool>) {
        let mut next_look = Instant::now() + first;
        loop {
            let told = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep_until(next_look) => {
                    next_look += interval;
                    self.look()
                }
                wish = self.half.wish() => match wish {
                    Some(Wish::SendAll) => Told {
                        changed: self.reported.all(),
                        total: Some(self.reported.total()),
                        ..Told::default()
                    },
                    Some(Wish::Policy(_)) => continue,
                    None => return,
                },
            };
            if self.half.tell(told).await.is_err() {
                return;
            }
        }
    }

    fn look(&mut self) -> Told {
        let mut told = Told::default();
        for observation in facts::observe(&self.plan, self.number, self.round, clock::now()) {
            match self.take(observation) {
                Outcome::Changed(group) => told.changed.push(group),
                Outcome::Seen(name, at) => {
                    told.seen.insert(name, at);
                }
            }
        }
        self.round += 1;
        told.total = Some(self.reported.total());
        self.counters.looks.fetch_add(1, Ordering::Relaxed);
        self.counters.changed.fetch_add(told.changed.len() as u64, Ordering::Relaxed);
        told
    }

    fn take(&mut self, observation: Observation) -> Outcome {
        let schema = self.schemas.iter().find(|schema| schema.name == observation.name.as_str());
        self.reported.take(observation, schema)
    }
}
