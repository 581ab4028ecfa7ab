//! The commands `run` and `enrol`, and the loop of the observing half.
//!
//! One loop, one closed set of events: a look that is due or was woken, what it saw, a wish of the uplink half,
//! the wish to stop. Looks run one at a time on a thread of their own. A stop means: no new look, what waits is
//! delivered for a grace period, what is late is named. The uplink half is a task beside the loop and meets it
//! in [`crate::halves`] only.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tenken_proto::fact::{GroupName, GroupSchema};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::called::Called;
use crate::clock;
use crate::config::Config;
use crate::durable;
use crate::exit::{Exit, Failure};
use crate::halves::{self, ObservingEnd, Policy, Told, Wish};
use crate::identity::refused;
use crate::probe::{Consent, Observation, Probes};
use crate::report::{Outcome, Reported};
use crate::root::Root;
use crate::signals::Stop;
use crate::spool::Limits;
use crate::transport;
use crate::transport::chain::chain;
use crate::uplink::{self, Uplink, UplinkError};
use crate::watch::Watch;

mod enrol;

pub use enrol::enrol;

/// Scheduled looks come at the interval, moved by up to this share of it.
const SCHEDULE_JITTER: f64 = 0.1;
/// What policy may choose where the host's owner left the default; a configured interval stands.
const HEARTBEAT_LIMITS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3_600));
/// What policy may choose where the host's owner left the default; a configured interval stands.
const PROBE_LIMITS: (Duration, Duration) = (Duration::from_secs(600), Duration::from_secs(86_400));
/// After the grace period, what still runs is left behind after this long.
const LATE: Duration = Duration::from_secs(2);

/// Observes and reports until it is stopped.
///
/// # Errors
/// [`Failure`]: not enrolled, the data folder is in use or cannot be used, refused for good.
pub fn run(config: &Config, root: Root, called: &Called) -> Result<(), Failure> {
    let _lock = lock(&config.data_dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // One look at a time; name resolution is the other thing that blocks.
        .max_blocking_threads(4)
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "failed to start").because(error))?;
    let result = runtime.block_on(observe_and_report(config, root, called));
    runtime.shutdown_timeout(LATE);
    result
}

/// Two agents on one data folder would be taken for clones.
fn lock(data_dir: &Path) -> Result<File, Failure> {
    let path = data_dir.join("lock");
    let failed = || Failure::new(Exit::Failed, format!("failed to lock the data folder `{}`", data_dir.display()));
    let remedy = "run it as the user who owns that folder, or name another one with --data-dir";
    durable::folder(data_dir).map_err(|error| failed().because(error).remedy(remedy))?;
    let open = File::options().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(|error| failed().because(error).remedy(remedy))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(failed().remedy("another tenken-agent runs with it: stop that one"))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(failed().because(error)),
    }
}

async fn observe_and_report(config: &Config, root: Root, called: &Called) -> Result<(), Failure> {
    let mut stop =
        Stop::listen().map_err(|error| Failure::new(Exit::Failed, "failed to listen for signals").because(error))?;
    let (half, far_half) = halves::pair();
    let remedy = how_to_enrol(called);
    let uplink = Uplink::new(uplink_settings(config), far_half, clock::now)
        .map_err(|error| Failure::new(Exit::Refused, "the identity cannot be used").because(error).remedy(&remedy))?
        .ok_or_else(|| Failure::new(Exit::Refused, "this agent has no identity yet").remedy(&remedy))?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        agent = %uplink.identity().agent_id,
        collector = %uplink.identity().report,
        "Started"
    );
    let uplink = tokio::spawn(uplink.run());
    let root = Arc::new(root);
    let probes = Probes::new(root.clone());
    let (watch, woken) = Watch::new(root, probes.watched());
    let agent = Agent::new(config, probes, half, woken, uplink, called.clone());
    let result = agent.run(&mut stop).await;
    drop(watch);
    result
}

/// What helps an agent without a usable identity.
fn how_to_enrol(called: &Called) -> String {
    format!("get one with `{}`; on the collector, `tenken-collector token create` makes the token", called.enrol())
}

fn uplink_settings(config: &Config) -> uplink::Settings {
    uplink::Settings {
        data_dir: config.data_dir.clone(),
        transport: transport::Settings { proxy: config.proxy.clone(), ..transport::Settings::default() },
        heartbeat_interval: config.heartbeat_interval,
        heartbeat_limits: limits(config.heartbeat_interval, Config::default().heartbeat_interval, HEARTBEAT_LIMITS),
        reconnect_first: config.reconnect_first,
        reconnect_min: config.reconnect_min,
        reconnect_max: config.reconnect_max,
        spool_after: config.spool_after,
        spool: Limits { bytes_max: config.spool_bytes_max, age_max: config.spool_age_max },
        stop_grace: config.stop_grace,
    }
}

/// Between which intervals policy may choose.
fn limits(configured: Duration, default: Duration, limits: (Duration, Duration)) -> (Duration, Duration) {
    if configured == default { limits } else { (configured, configured) }
}

/// Everything that can happen here.
enum Event {
    Due,
    Woken(GroupName),
    Looked(Result<(Probes, Vec<Observation>), tokio::task::JoinError>),
    Wish(Option<Wish>),
    UplinkEnded(Result<Result<usize, UplinkError>, tokio::task::JoinError>),
    Stop(&'static str),
}

type Look = JoinHandle<(Probes, Vec<Observation>)>;

/// The observing half.
struct Agent {
    configured: Consent,
    probe_interval: Duration,
    stop_grace: Duration,
    /// None while a look runs.
    probes: Option<Probes>,
    schemas: Vec<GroupSchema>,
    groups: BTreeSet<GroupName>,
    looking: Option<Look>,
    /// Groups to look at next.
    asked: BTreeSet<GroupName>,
    reported: Reported,
    policy: Policy,
    next_look: Instant,
    half: ObservingEnd,
    woken: mpsc::Receiver<GroupName>,
    uplink: JoinHandle<Result<usize, UplinkError>>,
    /// For the hints at the end.
    called: Called,
}

impl Agent {
    fn new(
        config: &Config,
        probes: Probes,
        half: ObservingEnd,
        woken: mpsc::Receiver<GroupName>,
        uplink: JoinHandle<Result<usize, UplinkError>>,
        called: Called,
    ) -> Self {
        let groups: BTreeSet<GroupName> = probes.names().cloned().collect();
        Self {
            configured: Consent { withheld: config.withheld.clone(), personal: false },
            probe_interval: config.probe_interval,
            stop_grace: config.stop_grace,
            schemas: probes.schemas().cloned().collect(),
            probes: Some(probes),
            looking: None,
            // The first wish is the policy that was kept; the first look waits for it.
            asked: BTreeSet::new(),
            groups,
            reported: Reported::default(),
            policy: Policy::default(),
            next_look: Instant::now() + Duration::from_secs(1),
            half,
            woken,
            uplink,
            called,
        }
    }

    async fn run(mut self, stop: &mut Stop) -> Result<(), Failure> {
        loop {
            self.start_look();
            match self.next_event(stop).await {
                Event::Due => {
                    self.asked.extend(self.groups.iter().cloned());
                    self.plan_look();
                }
                Event::Woken(group) => {
                    tracing::debug!(%group, "Woken");
                    self.asked.insert(group);
                }
                Event::Looked(looked) => self.looked(looked).await?,
                Event::Wish(Some(wish)) => self.wished(wish).await,
                Event::Wish(None) => {
                    let ended = (&mut self.uplink).await;
                    return uplink_ended(ended, &self.called);
                }
                Event::UplinkEnded(ended) => return uplink_ended(ended, &self.called),
                Event::Stop(signal) => return self.stop(signal).await,
            }
        }
    }

    async fn next_event(&mut self, stop: &mut Stop) -> Event {
        tokio::select! {
            biased;
            signal = stop.asked() => Event::Stop(signal),
            ended = &mut self.uplink => Event::UplinkEnded(ended),
            wish = self.half.wish() => Event::Wish(wish),
            looked = finished(&mut self.looking) => Event::Looked(looked),
            Some(group) = self.woken.recv() => Event::Woken(group),
            () = sleep_until(self.next_look) => Event::Due,
        }
    }

    /// Starts a look at everything that was asked for, unless one is running.
    fn start_look(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        let Some(mut probes) = self.probes.take() else { return };
        let asked = std::mem::take(&mut self.asked);
        let consent = self.consent();
        self.looking = Some(tokio::task::spawn_blocking(move || {
            let seen = asked.iter().filter_map(|group| probes.observe(group, &consent)).collect();
            (probes, seen)
        }));
    }

    async fn looked(
        &mut self,
        looked: Result<(Probes, Vec<Observation>), tokio::task::JoinError>,
    ) -> Result<(), Failure> {
        self.looking = None;
        let (probes, observations) =
            looked.map_err(|error| Failure::new(Exit::Failed, "a look failed; this is a defect").because(error))?;
        self.probes = Some(probes);
        let mut told = Told::default();
        for observation in observations {
            let schema = self.schemas.iter().find(|schema| schema.name == observation.name.as_str());
            match self.reported.take(observation, schema) {
                Outcome::Changed(group) => told.changed.push(group),
                Outcome::Seen(group, at) => {
                    told.seen.insert(group, at);
                }
            }
        }
        if !told.changed.is_empty() {
            let groups: Vec<&str> = told.changed.iter().map(|group| group.name.as_str()).collect();
            tracing::info!(groups = groups.join(" "), "Changed");
        }
        self.tell(told).await;
        Ok(())
    }

    async fn wished(&mut self, wish: Wish) {
        match wish {
            Wish::SendAll => {
                let changed = self.reported.all();
                self.tell(Told { changed, ..Told::default() }).await;
            }
            Wish::Policy(policy) => {
                let before = self.consent();
                let first = self.reported.all().is_empty();
                self.policy = policy;
                let after = self.consent();
                if first || before.personal != after.personal || before.withheld != after.withheld {
                    self.asked.extend(self.groups.iter().cloned());
                }
                self.plan_look();
            }
        }
    }

    /// The uplink's end is seen by the loop; what is told to nobody is observed again.
    async fn tell(&self, mut told: Told) {
        told.total = Some(self.reported.total());
        if self.half.tell(told).await.is_err() {
            tracing::debug!("The uplink half has ended");
        }
    }

    /// The host's configuration, narrowed by policy.
    fn consent(&self) -> Consent {
        let withheld = self.configured.withheld.union(&self.policy.withheld).cloned().collect();
        Consent { withheld, personal: self.policy.notice_given.is_some() }
    }

    fn plan_look(&mut self) {
        let (shortest, longest) = limits(self.probe_interval, Config::default().probe_interval, PROBE_LIMITS);
        let wish = self.policy.probe_interval.map(|wish| wish.clamp(shortest, longest));
        let interval = wish.unwrap_or(self.probe_interval);
        let jitter = 1.0 + (rand::random::<f64>() * 2.0 - 1.0) * SCHEDULE_JITTER;
        self.next_look = Instant::now() + interval.mul_f64(jitter);
    }

    async fn stop(self, signal: &'static str) -> Result<(), Failure> {
        tracing::info!(signal, "Stopping");
        if self.looking.is_some() {
            tracing::info!("A look is running; what it sees is observed again at the next start");
        }
        // The uplink half ends when this half has ended, after delivering what waits.
        drop(self.half);
        drop(self.woken);
        match tokio::time::timeout(self.stop_grace + LATE, self.uplink).await {
            Ok(ended) => uplink_ended(ended, &self.called),
            Err(_) => {
                tracing::warn!(late = "uplink", "Did not end in time");
                Ok(())
            }
        }
    }
}

async fn finished(look: &mut Option<Look>) -> Result<(Probes, Vec<Observation>), tokio::task::JoinError> {
    match look {
        Some(look) => look.await,
        None => std::future::pending().await,
    }
}

fn uplink_ended(
    ended: Result<Result<usize, UplinkError>, tokio::task::JoinError>,
    called: &Called,
) -> Result<(), Failure> {
    match ended {
        Ok(Ok(0)) => {
            tracing::info!("Stopped");
            Ok(())
        }
        Ok(Ok(undelivered)) => {
            tracing::info!(undelivered, "Stopped; what was not delivered is kept for the next start");
            Ok(())
        }
        Ok(Err(error @ UplinkError::Refused { .. })) => {
            tracing::error!(error = %chain(&error), "Refused for good");
            Err(Failure::new(Exit::Refused, error.to_string()).remedy(refused::remedy(called)))
        }
        Ok(Err(error @ UplinkError::Identity(_))) => {
            Err(Failure::new(Exit::Failed, "the identity cannot be used").because(error).remedy(how_to_enrol(called)))
        }
        Err(error) => Err(Failure::new(Exit::Failed, "the uplink failed; this is a defect").because(error)),
    }
}
