//! Enrolment: from a token to a certificate.
//!
//! The key is on disk before the request leaves, and the collector gives the same certificate again for the
//! same key: a crash or a lost answer at any point is repaired by asking again, also with another token. A machine
//! that has a certificate of this collector shows it, which proves that it is the host that it was.

use std::time::Duration;

use jiff::Timestamp;
use tenken_proto::ident::AgentId;
use tenken_proto::token::Token;
use tenken_proto::wire::enrolment_client::EnrolmentClient;
use tenken_proto::wire::{EnrolRequest, enrol_reply};
use tonic::{Code, Status};

use super::refused::{self, Refused};
use super::{Identity, IdentityError, Place, Store};
use crate::transport::chain::chain;
use crate::transport::{self, Address, ConnectError, tls};

/// Largest answer of the enrol listener.
pub(super) const REPLY_BYTES_MAX: usize = 64 * 1024;
/// Longest wait for one answer.
pub(super) const REPLY_TIME_MAX: Duration = Duration::from_secs(30);
/// Shortest and longest pause between two questions while a person decides.
const PENDING_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// Pause after a failure on the way, while waiting.
const RETRY_PAUSE: Duration = Duration::from_secs(5);
/// Codes of refusals that concern the key and not the token: a new key helps.
const KEY_REFUSALS: [&str; 4] = ["revoked", "retired", "key_in_use", "request_refused"];

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The collector's enrol listener.
    pub collector: Address,
    /// The right to enrol, and the pin.
    pub token: Token,
    /// Wait while a person decides.
    pub wait: bool,
    /// Hints for that person.
    pub hints: Hints,
}

/// What the approval list shows beside the agent's id. Never an identity.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// Host name.
    pub host_name: String,
    /// The maker's serial number.
    pub serial_number: String,
    /// The system, for a person.
    pub os: String,
}

/// How it ended.
#[derive(Debug, Clone)]
pub enum Enrolled {
    /// With a certificate, which is on disk.
    Issued(Box<Identity>),
    /// By this token before: nothing was asked.
    Already(Box<Identity>),
    /// A person has to approve, and waiting was not wanted.
    Pending(AgentId),
}

/// What happens while it takes its time.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A person has to approve this agent.
    Waiting(AgentId),
    /// The way to the collector failed; it is tried again.
    Retrying(&'a EnrolError),
    /// The certificate that this machine had is not accepted as a proof, for this reason: it becomes a new host.
    Unproven(&'a str),
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The way there.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The collector said no.
    #[error("the collector refused ({reason}): {detail}")]
    Refused {
        /// Its code.
        reason: String,
        /// Its words.
        detail: String,
    },
    /// It does not take the older certificate that was shown as a proof.
    #[error("the collector does not accept the certificate that this machine had: {0}")]
    Unproven(String),
    /// The collector could not.
    #[error("the collector could not answer now: {0}")]
    Later(String),
    /// Our side.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl EnrolError {
    /// Asking again with the same token can never succeed.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Identity(_) => true,
            Self::Later(_) | Self::Unproven(_) => false,
            Self::Connect(error) => match error {
                // A handshake that was cut off may be a collector under load; a wrong certificate stays wrong.
                ConnectError::Tls { source, .. } => {
                    matches!(transport::tls_error(source), Some(rustls::Error::InvalidCertificate(_)))
                }
                ConnectError::Tcp { .. }
                | ConnectError::Proxy { .. }
                | ConnectError::Http2 { .. }
                | ConnectError::Late { .. } => false,
            },
        }
    }
}

/// Enrols, or says that it is done already. A machine without an identity keeps a refusal for `check`.
///
/// # Errors
/// [`EnrolError`]; while waiting for a person only a permanent one.
pub async fn enrol(
    store: &Store,
    ask: &Ask,
    settings: &transport::Settings,
    clock: impl Fn() -> Timestamp,
    progress: impl FnMut(Progress<'_>),
) -> Result<Enrolled, EnrolError> {
    let current = store.current().ok().flatten();
    let is_new = current.is_none();
    let result = match current {
        Some(identity) if identity.token == Some(ask.token.secret_hash()) => {
            return Ok(Enrolled::Already(Box::new(identity)));
        }
        current => enrol_anew(store, ask, current, settings, &clock, progress).await,
    };
    if let Err(EnrolError::Refused { reason, detail }) = &result
        && is_new
    {
        let refused = Refused { agent: None, reason: reason.clone(), detail: detail.clone(), at: clock() };
        store.note_refusal(&refused)?;
    }
    result
}

async fn enrol_anew(
    store: &Store,
    ask: &Ask,
    current: Option<Identity>,
    settings: &transport::Settings,
    clock: &impl Fn() -> Timestamp,
    mut progress: impl FnMut(Progress<'_>),
) -> Result<Enrolled, EnrolError> {
    let (token, root_pin) = (ask.token.secret_hash(), ask.token.root_pin);
    let mut proof = current.filter(|identity| identity.is_of(root_pin) && !identity.is_expired(clock()));
    let mut key = store.enrolling_key(token, root_pin)?;
    let mut csr_der = key.request()?;
    let mut waiting = false;
    loop {
        let pause = match ask_once(ask, csr_der.clone(), proof.as_ref(), settings).await {
            Ok(enrol_reply::Outcome::Issued(issued)) => {
                let place = Place { enrol: ask.collector.clone(), token: Some(token), roots: Vec::new(), now: clock() };
                return Ok(Enrolled::Issued(Box::new(store.keep_enrolled(&key, issued, &place)?)));
            }
            Ok(enrol_reply::Outcome::Pending(pending)) => {
                let agent = pending
                    .agent_id
                    .parse()
                    .map_err(|_| IdentityError::Issued("the agent id is no UUID".to_owned()))?;
                store.forget_refusal();
                if !ask.wait {
                    return Ok(Enrolled::Pending(agent));
                }
                if !waiting {
                    progress(Progress::Waiting(agent));
                    waiting = true;
                }
                let (shortest, longest) = PENDING_PAUSE;
                Duration::from_secs(pending.retry_after_s.into()).clamp(shortest, longest)
            }
            Err(EnrolError::Unproven(meaning)) => {
                progress(Progress::Unproven(&meaning));
                proof = None;
                continue;
            }
            Err(EnrolError::Refused { reason, .. }) if key.is_resumed && KEY_REFUSALS.contains(&reason.as_str()) => {
                // The entry of the earlier token has ended; the new token stands for a new one.
                key = store.new_enrolling_key(token, root_pin)?;
                csr_der = key.request()?;
                continue;
            }
            Err(error) if waiting && !error.is_permanent() => {
                progress(Progress::Retrying(&error));
                RETRY_PAUSE
            }
            Err(error) => return Err(error),
        };
        tokio::time::sleep(pause).await;
    }
}

async fn ask_once(
    ask: &Ask,
    csr_der: Vec<u8>,
    proof: Option<&Identity>,
    settings: &transport::Settings,
) -> Result<enrol_reply::Outcome, EnrolError> {
    let tls = tls::pinned(ask.token.root_pin, proof.map(Identity::auth)).map_err(IdentityError::Tls)?;
    let connection = transport::connect(&ask.collector, tls, settings).await.map_err(|error| {
        // An alert can be so quick that HTTP/2 does not begin.
        let is_cut = proof.is_some() && matches!(error, ConnectError::Http2 { .. });
        if is_cut { EnrolError::Unproven(chain(&error)) } else { error.into() }
    })?;
    let mut client = EnrolmentClient::new(connection.channel).max_decoding_message_size(REPLY_BYTES_MAX);
    let request = EnrolRequest {
        token: ask.token.to_string(),
        csr_der: csr_der.into(),
        host_name: ask.hints.host_name.clone(),
        serial_number: ask.hints.serial_number.clone(),
        os: ask.hints.os.clone(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let reply = tokio::time::timeout(REPLY_TIME_MAX, client.enrol(request))
        .await
        .map_err(|_| EnrolError::Later(format!("no answer within {REPLY_TIME_MAX:?}")))?
        .map_err(|status| match connection.alerts.meaning() {
            // Whom TLS turns away gets no status of the service.
            Some(meaning) if proof.is_some() && connection.alerts.received().is_some() => EnrolError::Unproven(meaning),
            Some(_) | None => refused_or_later(&status),
        })?;
    reply.into_inner().outcome.ok_or_else(|| EnrolError::Later("its answer was empty".to_owned()))
}

fn refused_or_later(status: &Status) -> EnrolError {
    let detail = status.message().to_owned();
    if is_refusal(status.code()) {
        EnrolError::Refused { reason: refused::code_of(status), detail }
    } else {
        EnrolError::Later(detail)
    }
}

/// Codes by which the enrol listener says no for good.
pub(super) fn is_refusal(code: Code) -> bool {
    match code {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => true,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => false,
    }
}
