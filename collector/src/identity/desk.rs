//! Where identities are asked for: joins the registry (through the engine), the authority and the listeners.
//!
//! Every change is decided by the registry, made durable by the engine, and only then told to anyone. Its background
//! task keeps the collector's certificate and the revocation lists fresh, cuts connections of identities that ended,
//! and journals refusals.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use tenken_proto::Timestamp;
use tenken_proto::ident::{AgentId, HostId, TenantId};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::audit::{Audit, Note};
use super::ca::{AgentLeaf, Authority, CRL_EVERY, CRL_LIFE, CaError};
use super::csr::ProvenKey;
use super::enroll::{Enrolled, Enrolment, Fresh, Issue};
use super::renew::{Renewal, Renewed};
use super::revoke::Approval;
use super::token::TokenParameters;
use super::{Certificate, Event, Hints, Refusal, Registry, Serial, Standing, Token, What};
use crate::accept::{Gate, Limits, Listener, OnRefused, Reason, Tls, TlsError, TlsParts};
use crate::engine::{Engine, RegistryError};
use crate::ingest::peer::Peer;
use crate::journal::{self, Principal};

/// How often refusals are journalled.
const JOURNAL_EVERY: Duration = Duration::from_secs(1);
/// How often connections whose certificate has ended are looked for.
const CUT_ENDED_EVERY: Duration = Duration::from_secs(5);
/// A stream whose identity ended is told so; its connection is cut this much later.
const CUT_AFTER: Duration = Duration::from_secs(1);
/// Shortest pause between two renewals of certificate and lists.
const REFRESH_PAUSE_MIN: Duration = Duration::from_secs(1);

/// What can be set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose agents these are.
    pub tenant: TenantId,
    /// Names and addresses in the collector's certificate.
    pub names: Vec<String>,
    /// How long an ended certificate can be renewed.
    pub grace: SignedDuration,
    /// Calls that one address may make on the enrol listener: at once, and per second.
    pub enrol_rate: (f64, f64),
    /// Limits of connections, for each listener.
    pub limits: Limits,
}

/// Why the desk cannot work.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The authority.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The TLS settings.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A token just made. Its text is shown once and kept nowhere.
#[derive(Debug)]
pub struct CreatedToken {
    /// What the person passes on.
    pub text: String,
    /// What is kept.
    pub token: Token,
}

/// One line of the list of agents.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentRow {
    /// The agent, as registered.
    pub agent: super::Agent,
    /// Short form of its token.
    pub token: String,
    /// A known host with the same name or serial number: is it this one?
    pub suggestion: Option<HostId>,
    /// Whether it is connected to the report listener.
    pub connected: bool,
}

/// What the health page says about identities.
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityHealth {
    /// When the collector's own certificate ends.
    pub server_not_after: Timestamp,
    /// When the revocation lists end.
    pub crls_until: Timestamp,
    /// Machines that wait for approval.
    pub waiting: usize,
    /// Identities on hold.
    pub on_hold: usize,
    /// Tokens that somebody tried to use too often lately.
    pub over_used_tokens: Vec<String>,
    /// Refusals by reason since the start.
    pub refusals: Vec<(&'static str, u64)>,
    /// Connections on the enrol and on the report listener.
    pub connections: (usize, usize),
}

/// The desk; cheap to clone.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    engine: Engine,
    authority: Authority,
    settings: Settings,
    enrol: Arc<Tls>,
    report: Arc<Tls>,
    gates: Mutex<Vec<(Listener, Arc<Gate>)>>,
    audit: Audit,
    fresh: Mutex<Freshness>,
}

#[derive(Debug, Clone, Copy)]
struct Freshness {
    server_not_after: Timestamp,
    server_renew_at: Timestamp,
    crls_until: Timestamp,
}

impl Desk {
    /// Joins the parts; signs fresh revocation lists, and a new certificate for the collector if that is due.
    ///
    /// # Errors
    /// The authority cannot sign, or its certificates do not fit together.
    pub fn new(engine: Engine, authority: Authority, settings: Settings) -> Result<Self, DeskError> {
        let made = Made::by(&engine, &authority, &settings)?;
        let parts = made.parts(&engine, &authority);
        let (enrol, report) = (Tls::new(Listener::Enrol, &parts)?, Tls::new(Listener::Report, &parts)?);
        let fresh = Mutex::new(made.freshness());
        drop(parts);
        Ok(Self(Arc::new(Inner {
            engine,
            authority,
            settings,
            enrol: Arc::new(enrol),
            report: Arc::new(report),
            gates: Mutex::default(),
            audit: Audit::default(),
            fresh,
        })))
    }

    /// The TLS settings of a listener.
    #[must_use]
    pub fn tls(&self, listener: Listener) -> Arc<Tls> {
        match listener {
            Listener::Enrol => Arc::clone(&self.0.enrol),
            Listener::Report => Arc::clone(&self.0.report),
        }
    }

    /// What can be set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The authority.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.0.authority
    }

    /// Tells the desk who is connected, so that it can cut them.
    pub fn watch_gate(&self, listener: Listener, gate: Arc<Gate>) {
        self.0.gates.lock().unwrap_or_else(PoisonError::into_inner).push((listener, gate));
    }

    /// For the acceptors: every refusal goes into the audit.
    #[must_use]
    pub fn on_refused(&self) -> OnRefused {
        let desk = self.clone();
        Arc::new(move |refused| {
            let detail = if refused.detail.is_empty() {
                refused.listener.to_string()
            } else {
                format!("{}: {}", refused.listener, refused.detail)
            };
            let named = refused.serial.is_some() && refused.reason != Reason::UnknownIssuer;
            let (agent, serial) = (refused.agent, refused.serial);
            let peer = Some(refused.peer.ip());
            desk.note(Note { reason: refused.reason.code(), detail, peer, agent, serial, named });
        })
    }

    /// Counts and journals a refusal.
    pub fn note(&self, note: Note) {
        self.0.audit.note(note, self.now());
    }

    /// Counts and journals that a call or a stream of this peer was refused.
    pub fn note_refusal(&self, peer: &Peer, refusal: &Refusal) {
        let identity = peer.identity.as_ref();
        self.note(Note {
            reason: refusal.code(),
            detail: refusal.to_string(),
            peer: Some(peer.address.ip()),
            agent: identity.map(|identity| identity.agent),
            serial: identity.map(|identity| identity.serial.to_string()),
            named: true,
        });
    }

    /// Makes a token. The only place where its text exists is the reply.
    ///
    /// # Errors
    /// A parameter out of its limits, or the token could not be kept.
    pub async fn create_token(
        &self,
        principal: Principal,
        wanted: TokenParameters,
    ) -> Result<CreatedToken, RegistryError> {
        let root_pin = self.0.authority.pin().map_err(authority)?;
        let text = tenken_proto::token::Token { secret: random()?, root_pin };
        let hash = text.secret_hash();
        let decide = move |registry: &Registry, now| reply(registry.decide_token(hash, &wanted, now));
        let token = self.0.engine.with_registry_as(principal, decide).await?;
        Ok(CreatedToken { text: text.to_string(), token })
    }

    /// Withdraws a token, named by its short form.
    ///
    /// # Errors
    /// There is no such token.
    pub async fn withdraw_token(&self, principal: Principal, id: String, by: String) -> Result<(), RegistryError> {
        let decide = move |registry: &Registry, now| reply(registry.decide_withdraw_token(&id, &by, now));
        self.0.engine.with_registry_as(principal, decide).await
    }

    /// Approves waiting agents, releases held ones, or binds one to a known host: all of them, or none. The inner
    /// error says who was refused; see [`Registry::decide_approve`].
    ///
    /// # Errors
    /// The engine could not keep it.
    pub async fn approve(
        &self,
        principal: Principal,
        agents: &[AgentId],
        host: Option<HostId>,
        by: String,
    ) -> Result<Result<(), Vec<Refusal>>, RegistryError> {
        let approval = |agent| Approval { agent, host, fresh_host: HostId(Uuid::now_v7()), by: by.clone() };
        let approvals: Vec<Approval> = each_once(agents).into_iter().map(approval).collect();
        let decide = move |registry: &Registry, now| {
            all_or_none(approvals.iter().map(|it| registry.decide_approve(it, now).map(|decided| decided.events)))
        };
        self.0.engine.with_registry_as(principal, decide).await
    }

    /// Cuts identities off for ever: all of them, or none. The inner error says who was refused; see
    /// [`Registry::decide_revoke`].
    ///
    /// # Errors
    /// The engine could not keep it.
    pub async fn revoke(
        &self,
        principal: Principal,
        agents: &[AgentId],
        by: String,
        reason: String,
    ) -> Result<Result<(), Vec<Refusal>>, RegistryError> {
        let agents = each_once(agents);
        let decide = move |registry: &Registry, now| {
            all_or_none(agents.iter().map(|it| {
                let decided = registry.decide_revoke(*it, &by, &reason, now);
                decided.map(|decided| decided.events)
            }))
        };
        self.0.engine.with_registry_as(principal, decide).await
    }

    /// Ends the identities of a host that a person retires.
    ///
    /// # Errors
    /// The engine could not keep it.
    pub async fn retire_host(
        &self,
        principal: Principal,
        host: HostId,
        by: String,
        reason: String,
    ) -> Result<(), RegistryError> {
        let decide = move |registry: &Registry, now| reply(Ok(registry.decide_retire_host(host, &by, &reason, now)));
        self.0.engine.with_registry_as(principal, decide).await
    }

    /// Puts a suspected clone on hold.
    ///
    /// # Errors
    /// The identity is not known or has ended.
    pub async fn hold(&self, agent: AgentId, reason: String) -> Result<(), RegistryError> {
        let decide = move |registry: &Registry, now| reply(registry.decide_hold(agent, &reason, now));
        self.0.engine.with_registry(decide).await
    }

    /// Whether a peer of the report listener may report, and for which host. Its certificate counts as used from
    /// then on: durable when this returns.
    ///
    /// # Errors
    /// The standing of the identity, which is noted in the audit.
    pub async fn admit(&self, peer: &Peer) -> Result<HostId, RegistryError> {
        let result = self.admit_unnoted(peer).await;
        if let Err(RegistryError::Refused(refusal)) = &result {
            self.note_refusal(peer, refusal);
        }
        result
    }

    async fn admit_unnoted(&self, peer: &Peer) -> Result<HostId, RegistryError> {
        let identity = peer.identity.clone().ok_or(Refusal::NoCertificate)?;
        let now = self.now();
        let (host, used) = self.0.engine.read(|state| {
            let host = state.registry.admits(&identity, now)?;
            Ok::<_, Refusal>((host, state.registry.is_used(&identity)))
        })?;
        if !used {
            let address = Some(peer.address.ip());
            let decide = move |registry: &Registry, now| reply(registry.decide_first_use(&identity, address, now));
            self.0.engine.with_registry(decide).await?;
        }
        Ok(host)
    }

    /// Enrols a machine, or tells it to wait.
    ///
    /// # Errors
    /// The token, the network or the key does not allow it.
    pub async fn enrol(
        &self,
        peer: &Peer,
        token: &str,
        key: ProvenKey,
        hints: Hints,
    ) -> Result<Enrolled, RegistryError> {
        let token: tenken_proto::token::Token = token
            .parse()
            .map_err(|error: tenken_proto::token::TokenError| Refusal::TokenUnreadable(error.to_string()))?;
        let request = Enrolment {
            token: token.secret_hash(),
            key: key.hash,
            hints,
            peer: peer.address.ip(),
            proof: peer.identity.clone(),
            fresh: Fresh { agent: AgentId(Uuid::new_v4()), host: HostId(Uuid::now_v7()) },
        };
        let signing = self.signing(key)?;
        let (asked, by) = (request.clone(), signing);
        let decide = move |registry: &Registry, now| reply(registry.decide_enrol(&asked, &by, now));
        let result = self.0.engine.with_registry(decide).await;
        if let Err(RegistryError::Refused(Refusal::TokenUsedUp { .. })) = &result {
            let what = What::TokenOverUsed { token: request.token, key: request.key };
            self.0.audit.keep(Event { at: self.now(), peer: Some(request.peer), what });
        }
        result
    }

    /// Renews the certificate that the peer has shown.
    ///
    /// # Errors
    /// See [`Registry::decide_renew`].
    pub async fn renew(&self, peer: &Peer, key: ProvenKey) -> Result<Renewed, RegistryError> {
        let identity = peer.identity.clone().ok_or(Refusal::NoCertificate)?;
        let grace = self.0.settings.grace;
        let request = Renewal { identity, key: key.hash, peer: peer.address.ip(), grace };
        let signing = self.signing(key)?;
        let decide = move |registry: &Registry, now| reply(registry.decide_renew(&request, &signing, now));
        self.0.engine.with_registry(decide).await
    }

    fn signing(&self, key: ProvenKey) -> Result<Signing, Refusal> {
        Ok(Signing { desk: self.clone(), key, serial: Serial::from_random(random()?) })
    }

    /// Every agent, with what a person needs to decide.
    #[must_use]
    pub fn agents(&self) -> Vec<AgentRow> {
        let gates = self.gates();
        let connected = |agent| gates.iter().any(|(l, gate)| *l == Listener::Report && gate.is_connected(agent));
        self.0.engine.read(|state| {
            let suggestions = state.registry.suggestions();
            let rows = state.registry.agents().map(|agent| AgentRow {
                agent: agent.clone(),
                token: agent.token.to_string().chars().take(12).collect(),
                suggestion: suggestions.get(&agent.id).copied(),
                connected: connected(agent.id),
            });
            rows.collect()
        })
    }

    /// What the health page says about identities.
    #[must_use]
    pub fn health(&self) -> IdentityHealth {
        let now = self.now();
        let fresh = *self.0.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        let gates = self.gates();
        let count = |of| gates.iter().filter(|(listener, _)| *listener == of).map(|(_, gate)| gate.connections()).sum();
        self.0.engine.read(|state| {
            let on_hold = state.registry.agents().filter(|agent| matches!(agent.standing, Standing::OnHold { .. }));
            IdentityHealth {
                server_not_after: fresh.server_not_after,
                crls_until: fresh.crls_until,
                waiting: state.registry.waiting(),
                on_hold: on_hold.count(),
                over_used_tokens: state.registry.over_used(now).map(Token::id).collect(),
                refusals: self.0.audit.counts().into_iter().collect(),
                connections: (count(Listener::Enrol), count(Listener::Report)),
            }
        })
    }

    /// Signs fresh revocation lists, renews the collector's certificate if due, and puts both to use.
    ///
    /// # Errors
    /// What is in use stays in use.
    pub fn refresh(&self) -> Result<(), DeskError> {
        let inner = &self.0;
        let made = Made::by(&inner.engine, &inner.authority, &inner.settings)?;
        let parts = made.parts(&inner.engine, &inner.authority);
        inner.enrol.replace(&parts)?;
        inner.report.replace(&parts)?;
        *inner.fresh.lock().unwrap_or_else(PoisonError::into_inner) = made.freshness();
        Ok(())
    }

    /// The background work; ends with `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut events = self.0.engine.identity_events();
        let mut journal = tokio::time::interval(JOURNAL_EVERY);
        let mut ended = tokio::time::interval(CUT_ENDED_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = journal.tick() => self.journal_refusals().await,
                _ = ended.tick() => self.cut_ended(),
                () = tokio::time::sleep(self.until_refresh()) => self.refresh_or_log(),
                event = events.recv() => match event {
                    Ok(event) => self.on_event(&event),
                    Err(RecvError::Lagged(_)) => self.cut_all_ended(),
                    Err(RecvError::Closed) => break,
                },
            }
        }
        self.journal_refusals().await;
    }

    fn until_refresh(&self) -> Duration {
        let fresh = *self.0.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        let crl_signed = fresh.crls_until.checked_sub(CRL_LIFE).unwrap_or(fresh.crls_until);
        let crl_due = crl_signed.checked_add(CRL_EVERY).unwrap_or(crl_signed);
        let due = crl_due.min(fresh.server_renew_at).duration_since(self.now());
        Duration::try_from(due).unwrap_or_default().max(REFRESH_PAUSE_MIN)
    }

    fn refresh_or_log(&self) {
        if let Err(error) = self.refresh() {
            let error = anyhow::Error::from(error);
            tracing::error!(error = format!("{error:#}"), "Cannot renew certificate or revocation lists; trying again");
        }
    }

    fn on_event(&self, event: &Event) {
        match &event.what {
            What::Revoked { agent, .. } | What::Retired { agent, .. } => {
                self.refresh_or_log();
                self.cut_soon(*agent);
            }
            What::OnHold { agent, .. } => self.cut_soon(*agent),
            What::TokenCreated { .. }
            | What::TokenRevoked { .. }
            | What::TokenOverUsed { .. }
            | What::Requested { .. }
            | What::AskedAgain { .. }
            | What::Approved { .. }
            | What::Issued { .. }
            | What::Activated { .. }
            | What::Bound { .. }
            | What::Released { .. }
            | What::Refused { .. }
            | What::RefusalsDropped { .. } => {}
        }
    }

    fn cut_soon(&self, agent: AgentId) {
        let gates = self.gates();
        tokio::spawn(async move {
            tokio::time::sleep(CUT_AFTER).await;
            let cut: usize = gates.iter().map(|(_, gate)| gate.cut(agent)).sum();
            tracing::info!(%agent, connections = cut, "Identity ended or held; connections cut");
        });
    }

    /// Agents renew and connect anew long before; who does not is cut.
    fn cut_ended(&self) {
        for (_, gate) in self.gates().iter().filter(|(listener, _)| *listener == Listener::Report) {
            let connections = gate.cut_ended(self.now());
            if connections > 0 {
                tracing::warn!(connections, "Certificates ended on open connections; cut");
            }
        }
    }

    /// Events were missed: every connected identity is looked at.
    fn cut_all_ended(&self) {
        self.refresh_or_log();
        for (_, gate) in self.gates() {
            for agent in gate.agents() {
                let may = self.0.engine.read(|state| state.registry.agent(agent).map(|agent| agent.may_act().is_ok()));
                if may == Some(false) {
                    gate.cut(agent);
                }
            }
        }
    }

    async fn journal_refusals(&self) {
        let events = self.0.audit.take(self.now());
        if events.is_empty() {
            return;
        }
        let count = events.len();
        let entries = events.iter().cloned().map(journal::Event::Identity).collect();
        if let Err(error) = self.0.engine.record(Principal::Collector, entries).await {
            tracing::error!(%error, count, "Refusals could not be journalled; trying again");
            self.0.audit.put_back(events);
        }
    }

    fn gates(&self) -> Vec<(Listener, Arc<Gate>)> {
        self.0.gates.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The engine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.engine.clock().now()
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

/// What the listeners' settings are made of, freshly made.
struct Made {
    server: super::ca::ServerIdentity,
    crls: Vec<rustls_pki_types::CertificateRevocationListDer<'static>>,
    crls_until: Timestamp,
    now: Timestamp,
}

impl Made {
    fn by(engine: &Engine, authority: &Authority, settings: &Settings) -> Result<Self, DeskError> {
        let now = engine.clock().now();
        let revoked = engine.read(|state| {
            let revoked = state.registry.revoked(now, settings.grace);
            revoked.map(|(serial, entry)| (serial, entry.clone())).collect::<Vec<_>>()
        });
        let server = authority.server(&settings.names, now)?;
        let crls = authority.sign_crls(&revoked, now)?;
        let crls_until = now.checked_add(CRL_LIFE).map_err(|_| CaError::Time(now))?;
        Ok(Self { server, crls, crls_until, now })
    }

    fn parts(&self, engine: &Engine, authority: &Authority) -> TlsParts<'_> {
        let asked = engine.clone();
        TlsParts {
            server: &self.server,
            anchors: authority.client_anchors(self.now).map(|anchor| anchor.der.clone()).collect(),
            crls: self.crls.clone(),
            crls_until: self.crls_until,
            domain: authority.trust_domain().clone(),
            denied: Arc::new(move |agent| {
                asked.read(|state| state.registry.agent(agent).is_some_and(|agent| !agent.has_not_ended()))
            }),
            clock: engine.clock().clone(),
        }
    }

    fn freshness(&self) -> Freshness {
        Freshness {
            server_not_after: self.server.not_after,
            server_renew_at: self.server.renew_at,
            crls_until: self.crls_until,
        }
    }
}

/// Signs for the key of one request.
struct Signing {
    desk: Desk,
    key: ProvenKey,
    serial: Serial,
}

impl Issue for Signing {
    fn issue(&self, agent: AgentId, now: Timestamp) -> Result<Certificate, Refusal> {
        let tenant = self.desk.0.settings.tenant;
        let leaf = AgentLeaf { tenant, agent, serial: self.serial, spki_der: &self.key.spki_der };
        self.desk.0.authority.sign_agent(&leaf, now).map_err(authority)
    }
}

fn authority(error: CaError) -> Refusal {
    Refusal::Authority(format!("{:#}", anyhow::Error::from(error)))
}

fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Refusal::Authority(error.to_string()))?;
    Ok(bytes)
}

fn reply<T>(decision: Result<super::Decision<T>, Refusal>) -> Result<(Vec<Event>, T), Refusal> {
    decision.map(|decision| (decision.events, decision.reply))
}

/// The same identities, none of them twice.
fn each_once(agents: &[AgentId]) -> BTreeSet<AgentId> {
    agents.iter().copied().collect()
}

/// The events of all decisions, or no event and every refusal.
#[expect(clippy::type_complexity, reason = "what the engine takes: events, and the reply to who asked")]
fn all_or_none(
    decisions: impl Iterator<Item = Result<Vec<Event>, Refusal>>,
) -> Result<(Vec<Event>, Result<(), Vec<Refusal>>), Refusal> {
    let (mut events, mut refused) = (Vec::new(), Vec::new());
    for decision in decisions {
        match decision {
            Ok(decided) => events.extend(decided),
            Err(refusal) => refused.push(refusal),
        }
    }
    if refused.is_empty() { Ok((events, Ok(()))) } else { Ok((Vec::new(), Err(refused))) }
}
