//! Enrolment: from a token to a certificate.
//!
//! The key is on disk before the request leaves, and the collector gives the same certificate again for the
//! same token and key: a crash or a lost answer at any point is repaired by asking again.

use std::time::Duration;

use jiff::Timestamp;
use tenken_proto::ident::AgentId;
use tenken_proto::token::Token;
use tenken_proto::wire::enrolment_client::EnrolmentClient;
use tenken_proto::wire::{EnrolRequest, enrol_reply};
use tonic::{Code, Status};

use super::{Identity, IdentityError, Place, Store};
use crate::transport::{self, Address, ConnectError, tls};

/// Largest answer of the enrol listener.
pub(super) const REPLY_BYTES_MAX: usize = 64 * 1024;
/// Longest wait for one answer.
pub(super) const REPLY_TIME_MAX: Duration = Duration::from_secs(30);
/// Shortest and longest pause between two questions while a person decides.
const PENDING_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// Pause after a failure on the way, while waiting.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

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
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The way there.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The collector said no.
    #[error("the collector refused: {0}")]
    Refused(String),
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
            Self::Refused(_) | Self::Identity(_) => true,
            Self::Later(_) => false,
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

/// Enrols, or says that it is done already.
///
/// # Errors
/// [`EnrolError`]; while waiting for a person only a permanent one.
pub async fn enrol(
    store: &Store,
    ask: &Ask,
    settings: &transport::Settings,
    clock: impl Fn() -> Timestamp,
    mut progress: impl FnMut(Progress<'_>),
) -> Result<Enrolled, EnrolError> {
    let token = ask.token.secret_hash();
    if let Some(identity) = store.current().ok().flatten()
        && identity.token == Some(token)
    {
        return Ok(Enrolled::Already(Box::new(identity)));
    }
    let key = store.enrolling_key(token, &ask.collector)?;
    let csr_der = key.request()?;
    let mut waiting = false;
    loop {
        let pause = match ask_once(ask, csr_der.clone(), settings).await {
            Ok(enrol_reply::Outcome::Issued(issued)) => {
                let place = Place { enrol: ask.collector.clone(), token: Some(token), roots: Vec::new(), now: clock() };
                return Ok(Enrolled::Issued(Box::new(store.keep_enrolled(&key, issued, &place)?)));
            }
            Ok(enrol_reply::Outcome::Pending(pending)) => {
                let agent = pending
                    .agent_id
                    .parse()
                    .map_err(|_| IdentityError::Issued("the agent id is no UUID".to_owned()))?;
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
    settings: &transport::Settings,
) -> Result<enrol_reply::Outcome, EnrolError> {
    let tls = tls::pinned(ask.token.root_pin).map_err(IdentityError::Tls)?;
    let connection = transport::connect(&ask.collector, tls, settings).await?;
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
        .map_err(|status| refused_or_later(&status))?;
    reply.into_inner().outcome.ok_or_else(|| EnrolError::Later("its answer was empty".to_owned()))
}

fn refused_or_later(status: &Status) -> EnrolError {
    let text = status.message().to_owned();
    if is_refusal(status.code()) { EnrolError::Refused(text) } else { EnrolError::Later(text) }
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
