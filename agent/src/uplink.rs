//! The network half: sends what waits, forgets what was acknowledged, and keeps its certificate fresh.
//!
//! One loop, one closed set of events. Whatever breaks, it waits with jitter and tries again; only a refusal
//! for good ends it. The back-off forgets its failures when a report was acknowledged, not when a connection
//! was made. Of what the collector says only acks, refusals and the two wishes have an effect.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::ClientConfig;
use tenken_proto::fact::GroupName;
use tenken_proto::ident::{Digest, Epoch, Sequence};
use tenken_proto::wire::{self, down, up};
use tokio::time::{Instant, sleep_until};

use crate::halves::{Policy, Told, UplinkEnd, Wish};
use crate::identity::refused::Refused;
use crate::identity::renew::{self, RenewError};
use crate::identity::{Identity, IdentityError, Store};
use crate::spool::Limits;
use crate::transport::chain::chain;
use crate::transport::{self, tls};

pub mod backoff;
pub mod outbox;
mod policy;
pub mod session;
pub mod status;

use backoff::Backoff;
use outbox::Outbox;
use session::{Greeting, Session, SessionError};
use status::{Board, State, Status};

/// Heartbeats come at the interval, moved by up to this share of it.
const HEARTBEAT_JITTER: f64 = 0.2;
/// Longest time between two looks at the wall clock: a machine may have slept.
const LOOK_PAUSE: Duration = Duration::from_secs(600);
/// A difference between the clocks that is worth a warning.
const CLOCK_SKEW_S: i64 = 300;
/// Shortest and longest wait after a renewal that failed.
const RENEW_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3_600));

/// How the uplink behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where identity, spool, policy and status lie.
    pub data_dir: PathBuf,
    /// How to connect.
    pub transport: transport::Settings,
    /// Time between signs of life; policy may change it within the limits.
    pub heartbeat_interval: Duration,
    /// The host's limits for the policy's heartbeat interval.
    pub heartbeat_limits: (Duration, Duration),
    /// Up to this long is waited after a lost connection.
    pub reconnect_first: Duration,
    /// Doubled with each failure.
    pub reconnect_min: Duration,
    /// Longest wait between two tries.
    pub reconnect_max: Duration,
    /// A report that waits this long goes to disk.
    pub spool_after: Duration,
    /// Bounds of the spool.
    pub spool: Limits,
    /// How long an end may take to deliver what waits.
    pub stop_grace: Duration,
}

/// Why the uplink ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum UplinkError {
    /// The collector will not have this agent any more.
    #[error("refused by the collector ({reason}): {detail}")]
    Refused {
        /// Its code, such as `revoked`.
        reason: String,
        /// Its words.
        detail: String,
    },
    /// The identity cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

type Opening = Pin<Box<dyn Future<Output = Result<(Session, wire::HelloReply), SessionError>> + Send>>;
type Renewing = Pin<Box<dyn Future<Output = Result<Identity, RenewError>> + Send>>;

/// Everything that can happen here.
enum Event {
    Told(Option<Told>),
    Opened(Box<Result<(Session, wire::HelloReply), SessionError>>),
    Down(Result<down::Message, SessionError>),
    Renewed(Box<Result<Identity, RenewError>>),
    Due,
}

/// The running half.
pub struct Uplink {
    settings: Settings,
    clock: fn() -> Timestamp,
    half: UplinkEnd,
    store: Store,
    identity: Identity,
    /// The identity is a renewed one whose first use has not succeeded yet.
    is_next: bool,
    tls: Arc<ClientConfig>,
    renew_jitter: f64,
    epoch: Epoch,
    outbox: Outbox,
    total: Option<Digest>,
    looks: BTreeMap<GroupName, Look>,
    policy: Policy,
    backoff: Backoff,
    session: Option<Session>,
    opening: Option<Opening>,
    renewing: Option<Renewing>,
    due: Due,
    board: Board,
    last_ack: Option<Timestamp>,
    clock_ahead_s: Option<i64>,
    problem: Option<String>,
    is_ending: bool,
}

/// The latest look at a group.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Timestamp,
    /// Of the content that it found, whether or not the collector has taken that.
    digest: Digest,
}

/// When something has to be done without any other event.
#[derive(Debug, Clone, Copy)]
struct Due {
    connect: Option<Instant>,
    heartbeat: Instant,
    renew: Instant,
    resume: Option<Instant>,
    status: Option<Instant>,
    look: Instant,
    end: Option<Instant>,
}

impl std::fmt::Debug for Uplink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uplink")
            .field("agent", &self.identity.agent_id)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl Uplink {
    /// Takes up the identity that is on disk, and what an earlier run could not deliver. None: not enrolled.
    ///
    /// # Errors
    /// [`IdentityError`] when there is an identity that cannot be used.
    pub fn new(settings: Settings, half: UplinkEnd, clock: fn() -> Timestamp) -> Result<Option<Self>, IdentityError> {
        let store = Store::open(&settings.data_dir)?;
        let Some(current) = store.current()? else { return Ok(None) };
        // A renewed identity that does not load is renewed again.
        let next = store.next().ok().flatten();
        let is_next = next.is_some();
        let identity = next.unwrap_or(current);
        let tls = tls::trusting(&identity.roots, Some(identity.auth())).map_err(IdentityError::Tls)?;
        let now = Instant::now();
        let epoch = Epoch(rand::random());
        Ok(Some(Self {
            outbox: Outbox::new(&settings.data_dir, settings.spool, epoch, clock()),
            backoff: Backoff::new(settings.reconnect_first, settings.reconnect_min, settings.reconnect_max),
            board: Board::new(&settings.data_dir),
            policy: policy::load(&settings.data_dir),
            renew_jitter: rand::random(),
            due: Due {
                connect: Some(now),
                heartbeat: now,
                renew: now,
                resume: None,
                status: Some(now),
                look: now + LOOK_PAUSE,
                end: None,
            },
            settings,
            clock,
            half,
            store,
            identity,
            is_next,
            tls,
            epoch,
            total: None,
            looks: BTreeMap::new(),
            session: None,
            opening: None,
            renewing: None,
            last_ack: None,
            clock_ahead_s: None,
            problem: None,
            is_ending: false,
        }))
    }

    /// The identity in use.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The collector's settings as they were kept last.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Runs until the observing half has ended and what waits is delivered or the time for it is over. Says how
    /// many reports are left on disk.
    ///
    /// # Errors
    /// [`UplinkError`] when the collector refuses this agent for good.
    pub async fn run(mut self) -> Result<usize, UplinkError> {
        let _ = self.half.wish(&Wish::Policy(self.policy.clone()));
        let result = loop {
            let event = self.next_event().await;
            if let Err(error) = self.handle(event) {
                break Err(error);
            }
            if self.is_over() {
                break Ok(());
            }
            self.send_what_waits();
            self.show(false);
        };
        let state = if result.is_err() { State::Refused } else { State::Stopped };
        if let Err(error) = &result {
            self.problem = Some(error.to_string());
            self.note_refusal(error);
        }
        let status = self.status(state);
        self.board.show(status, Instant::now(), true);
        let left = self.outbox.close((self.clock)());
        result.map(|()| left)
    }

    /// Keeps a refusal for good where `check` finds it.
    fn note_refusal(&self, error: &UplinkError) {
        let UplinkError::Refused { reason, detail } = error else { return };
        let agent = Some(self.identity.agent_id);
        let refused = Refused { agent, reason: reason.clone(), detail: detail.clone(), at: (self.clock)() };
        if let Err(error) = self.store.note_refusal(&refused) {
            tracing::warn!(error = %chain(&error), "`check` will not know of the refusal");
        }
    }

    async fn next_event(&mut self) -> Event {
        let due = self.earliest_due();
        tokio::select! {
            told = self.half.told(), if !self.is_ending => Event::Told(told),
            message = next_message(&mut self.session) => Event::Down(message),
            opened = poll_optional(&mut self.opening) => Event::Opened(Box::new(opened)),
            renewed = poll_optional(&mut self.renewing) => Event::Renewed(Box::new(renewed)),
            () = sleep_until(due) => Event::Due,
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), UplinkError> {
        match event {
            Event::Told(Some(told)) => self.told(told),
            Event::Told(None) => {
                self.is_ending = true;
                self.due.end = Some(Instant::now() + self.settings.stop_grace);
            }
            Event::Opened(opened) => {
                self.opening = None;
                match *opened {
                    Ok((session, reply)) => self.opened(session, &reply)?,
                    Err(error) => self.lost(&error)?,
                }
            }
            Event::Down(Ok(message)) => self.down(message)?,
            Event::Down(Err(error)) => self.lost(&error)?,
            Event::Renewed(renewed) => {
                self.renewing = None;
                self.renewed(*renewed)?;
            }
            Event::Due => self.do_what_is_due(),
        }
        Ok(())
    }

    fn told(&mut self, told: Told) {
        for group in &told.changed {
            self.looks.insert(group.name.clone(), Look { at: group.observed_at, digest: group.digest() });
        }
        for (name, at) in told.seen {
            if let Some(look) = self.looks.get_mut(&name) {
                look.at = at;
            }
        }
        self.total = told.total.or(self.total);
        self.outbox.report(told.changed, (self.clock)(), Instant::now());
    }

    fn opened(&mut self, session: Session, reply: &wire::HelloReply) -> Result<(), UplinkError> {
        let now = (self.clock)();
        if self.is_next {
            self.store.promote()?;
            self.is_next = false;
            tracing::info!(until = %self.identity.not_after, "Renewed certificate is in use");
        }
        self.note_clock(now, reply.server_unix_ms);
        self.session = Some(session);
        self.problem = None;
        self.outbox.connected();
        if self.outbox.is_empty()
            && let Some(total) = self.total
            && reply.total_digest != total.0.as_slice()
        {
            let _ = self.half.wish(&Wish::SendAll);
        }
        self.plan_heartbeat();
        tracing::info!(collector = %self.identity.report, waiting = self.outbox.waiting(), "Connected");
        Ok(())
    }

    fn note_clock(&mut self, now: Timestamp, server_unix_ms: i64) {
        let ahead_s = now.as_millisecond().saturating_sub(server_unix_ms) / 1_000;
        if ahead_s.abs() > CLOCK_SKEW_S {
            tracing::warn!(ahead_s, "This machine's clock differs from the collector's");
        }
        self.clock_ahead_s = Some(ahead_s);
    }

    fn down(&mut self, message: down::Message) -> Result<(), UplinkError> {
        match message {
            down::Message::Ack(ack) => self.acked(&ack),
            down::Message::Refused(refused) if refused.sequence == 0 => {
                return self.lost(&session::refused_as_such(&refused));
            }
            down::Message::Refused(refused) => self.refused(&refused),
            down::Message::SendAll(wire::SendAll {}) => {
                tracing::info!("The collector asks for every group");
                let _ = self.half.wish(&Wish::SendAll);
            }
            down::Message::Policy(policy) => self.take_policy(&policy),
            down::Message::Ping(wire::Ping { nonce }) => {
                if let Some(session) = &self.session {
                    session.send(up::Message::Pong(wire::Pong { nonce }));
                }
            }
            down::Message::HelloReply(_) => return self.lost(&SessionError::Protocol("a second HelloReply")),
        }
        Ok(())
    }

    fn acked(&mut self, ack: &wire::Ack) {
        if self.outbox.acked(Epoch(ack.epoch), Sequence(ack.first)..=Sequence(ack.sequence)) {
            if self.last_ack.is_none() {
                self.store.forget_refusal();
            }
            self.last_ack = Some((self.clock)());
            self.backoff.reset();
        }
    }

    fn refused(&mut self, refused: &wire::Refused) {
        self.outbox.refused(refused, (self.clock)());
        if !refused.permanent {
            let pause = Duration::from_millis(refused.retry_after_ms.max(100).into()).min(self.settings.reconnect_max);
            tracing::info!(reason = refused.reason, ?pause, "Report refused for now");
            self.problem = Some(format!("a report was refused for now: {}", refused.reason));
            self.due.resume = Some(Instant::now() + pause);
        }
    }

    fn take_policy(&mut self, policy: &wire::Policy) {
        match Policy::from_wire(policy) {
            Ok(policy) if policy == self.policy => {}
            Ok(policy) => {
                tracing::info!(revision = %policy.revision, "Policy");
                policy::keep(&self.settings.data_dir, &policy);
                self.policy = policy;
                let _ = self.half.wish(&Wish::Policy(self.policy.clone()));
                self.plan_heartbeat();
            }
            Err(problem) => tracing::warn!(%problem, "Policy that cannot be read"),
        }
    }

    /// The stream has ended or did not open.
    fn lost(&mut self, error: &SessionError) -> Result<(), UplinkError> {
        self.session = None;
        let text = error.to_string();
        if let Some((reason, detail)) = error.refusal_for_good() {
            return Err(UplinkError::Refused { reason, detail });
        }
        if error.is_expired() {
            self.due.renew = Instant::now();
            self.start_renewal(true);
        }
        let mut wait = self.backoff.wait(rand::random());
        if let SessionError::Refused { wait: at_least, .. } = error {
            wait = wait.max((*at_least).min(self.settings.reconnect_max));
        }
        if self.problem.as_deref() != Some(&text) {
            tracing::warn!(error = %chain(error), ?wait, "Not connected");
        }
        self.problem = Some(text);
        self.due.connect = Some(Instant::now() + wait);
        self.due.resume = None;
        Ok(())
    }

    fn do_what_is_due(&mut self) {
        let instant = Instant::now();
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= instant);
        if is_due(self.due.connect) {
            self.due.connect = None;
            self.connect();
        }
        if self.due.heartbeat <= instant {
            self.heartbeat();
        }
        if self.due.renew <= instant {
            self.start_renewal(false);
        }
        if is_due(self.due.resume) {
            self.due.resume = None;
        }
        if is_due(self.spool_due()) {
            self.outbox.put_away((self.clock)());
        }
        if is_due(self.due.status) {
            self.due.status = None;
        }
        if self.due.look <= instant {
            self.due.look = instant + LOOK_PAUSE;
            self.outbox.keep_bounds((self.clock)());
        }
    }

    fn connect(&mut self) {
        if self.session.is_some() || self.opening.is_some() {
            return;
        }
        let now = (self.clock)();
        if self.identity.is_expired(now) {
            // Only Renew takes an expired certificate.
            self.start_renewal(true);
            self.due.connect = Some(Instant::now() + self.backoff.wait(rand::random()).max(RENEW_PAUSE.0));
            return;
        }
        let (address, tls) = (self.identity.report.clone(), Arc::clone(&self.tls));
        let (transport, greeting) = (self.settings.transport.clone(), Greeting { epoch: self.epoch, clock: now });
        self.opening = Some(Box::pin(async move { Session::open(&address, tls, &transport, greeting).await }));
    }

    fn send_what_waits(&mut self) {
        let Some(session) = &self.session else { return };
        if self.due.resume.is_some() {
            return;
        }
        let mut sent = false;
        while session.has_room()
            && let Some(report) = self.outbox.next_unsent(Instant::now())
        {
            sent |= session.send(up::Message::Report(report));
        }
        if sent {
            self.plan_heartbeat();
        }
    }

    fn heartbeat(&mut self) {
        self.plan_heartbeat();
        let Some(session) = &self.session else { return };
        // While something waits the collector cannot have the same picture; the digest is then left out.
        let total = self.total.filter(|_| self.outbox.is_empty());
        let looks = self.looks.iter();
        let beat = wire::Heartbeat {
            epoch: self.epoch.0,
            clock_unix_ms: (self.clock)().as_millisecond(),
            total_digest: total.map(|total| total.0.to_vec()).unwrap_or_default().into(),
            group_seen: looks
                .map(|(name, look)| wire::GroupSeen {
                    name: name.as_str().to_owned(),
                    observed_unix_ms: look.at.as_millisecond(),
                    digest: look.digest.0.to_vec().into(),
                })
                .collect(),
        };
        session.send(up::Message::Heartbeat(beat));
    }

    fn plan_heartbeat(&mut self) {
        let (shortest, longest) = self.settings.heartbeat_limits;
        let wish = self.policy.heartbeat_interval.map(|wish| wish.clamp(shortest, longest));
        let interval = wish.unwrap_or(self.settings.heartbeat_interval);
        let jitter = 1.0 + (rand::random::<f64>() * 2.0 - 1.0) * HEARTBEAT_JITTER;
        self.due.heartbeat = Instant::now() + interval.mul_f64(jitter);
    }

    /// Renews when it is time, or when the certificate is of no use any more.
    fn start_renewal(&mut self, must: bool) {
        let now = (self.clock)();
        let at = self.identity.renew_at(self.renew_jitter);
        if !must && now < at {
            let until = Duration::try_from(at.duration_since(now)).unwrap_or(LOOK_PAUSE);
            self.due.renew = Instant::now() + until.min(LOOK_PAUSE);
            return;
        }
        let left = Duration::try_from(self.identity.not_after.duration_since(now)).unwrap_or_default();
        let pause = (left / 10).clamp(RENEW_PAUSE.0, RENEW_PAUSE.1);
        self.due.renew = Instant::now() + pause.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        if self.renewing.is_some() {
            return;
        }
        let (store, identity, transport) = (self.store.clone(), self.identity.clone(), self.settings.transport.clone());
        self.renewing = Some(Box::pin(async move { renew::renew(&store, &identity, &transport, now).await }));
    }

    fn renewed(&mut self, renewed: Result<Identity, RenewError>) -> Result<(), UplinkError> {
        match renewed {
            Ok(identity) => {
                self.tls = tls::trusting(&identity.roots, Some(identity.auth())).map_err(IdentityError::Tls)?;
                self.identity = identity;
                self.is_next = true;
                self.renew_jitter = rand::random();
                self.session = None;
                self.opening = None;
                let now = Instant::now();
                self.due.connect = Some(now);
                self.due.renew = now;
                tracing::info!(until = %self.identity.not_after, "Certificate renewed");
            }
            Err(error) if error.needs_enrolment() && self.is_next => {
                // The old certificate may still serve.
                tracing::warn!(error = %chain(&error), "Renewed certificate is of no use");
                self.store.discard_next()?;
                if let Some(current) = self.store.current()? {
                    self.tls = tls::trusting(&current.roots, Some(current.auth())).map_err(IdentityError::Tls)?;
                    self.identity = current;
                }
                self.is_next = false;
            }
            Err(RenewError::Refused { reason, detail }) if self.identity.is_expired((self.clock)()) => {
                return Err(UplinkError::Refused {
                    reason,
                    detail: format!("the certificate is not renewed: {detail}"),
                });
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "Certificate not renewed");
                self.problem = Some(error.to_string());
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let Some(end) = self.due.end else { return false };
        let is_hopeless = self.session.is_none() && self.opening.is_none();
        self.outbox.is_empty() || is_hopeless || end <= Instant::now()
    }

    fn spool_due(&self) -> Option<Instant> {
        self.outbox.waiting_since().map(|since| since + self.settings.spool_after)
    }

    fn earliest_due(&self) -> Instant {
        let due = &self.due;
        // A disk that takes nothing is asked again at the next look.
        let spool = self.spool_due().filter(|_| self.outbox.spool_problem().is_none());
        let heartbeat = self.session.is_some().then_some(due.heartbeat);
        [due.connect, heartbeat, Some(due.renew), due.resume, due.status, due.end, spool]
            .into_iter()
            .flatten()
            .fold(due.look, Instant::min)
    }

    fn show(&mut self, at_once: bool) {
        let state = if self.session.is_some() { State::Connected } else { State::NotConnected };
        let status = self.status(state);
        self.due.status = self.board.show(status, Instant::now(), at_once);
    }

    fn status(&self, state: State) -> Status {
        let (letters, count) = self.outbox.dead_letters();
        Status {
            state,
            agent_id: self.identity.agent_id,
            collector: self.identity.report.to_string(),
            certificate_until: self.identity.not_after,
            last_ack_at: self.last_ack,
            clock_ahead_s: self.clock_ahead_s,
            waiting: self.outbox.waiting(),
            spool: self.outbox.spooled(),
            spool_problem: self.outbox.spool_problem().map(str::to_owned),
            lost: self.outbox.lost(),
            dead_letters: count,
            latest_dead_letters: letters.iter().cloned().collect(),
            policy_revision: self.policy.revision.0,
            last_problem: self.problem.clone(),
        }
    }
}

async fn next_message(session: &mut Option<Session>) -> Result<down::Message, SessionError> {
    match session {
        Some(session) => session.next().await,
        None => std::future::pending().await,
    }
}

async fn poll_optional<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
