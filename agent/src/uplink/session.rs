//! One stream with the collector: Hello, its reply, then messages both ways.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::{AlertDescription, ClientConfig};
use tenken_proto::ident::Epoch;
use tenken_proto::report::{MESSAGE_BYTES_MAX, WIRE_VERSION};
use tenken_proto::wire::reporting_client::ReportingClient;
use tenken_proto::wire::{self, down, up};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use super::outbox::IN_FLIGHT_MAX;
use crate::identity::refused::code_of;
use crate::transport::{self, Address, Alerts, ConnectError};

/// Messages on their way up: the reports in flight, a sign of life and some answers.
const UP_MAX: usize = IN_FLIGHT_MAX + 8;
/// Longest wait for the reply to Hello.
const HELLO_TIME_MAX: Duration = Duration::from_secs(15);

/// An open stream.
#[derive(Debug)]
pub struct Session {
    up: mpsc::Sender<wire::Up>,
    down: Streaming<wire::Down>,
    alerts: Alerts,
}

/// Why a stream did not open or has ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The way there.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// TLS ended it after the handshake: with TLS 1.3 that is how a certificate is refused.
    #[error("the collector ended the connection: {meaning}")]
    Alert {
        /// What it said.
        alert: Option<AlertDescription>,
        /// What that means.
        meaning: String,
    },
    /// The collector ended the stream, or the network did.
    #[error("the stream ended: {}", .0.message())]
    Status(#[source] Box<Status>),
    /// What came is not the protocol.
    #[error("the collector does not follow the protocol: {0}")]
    Protocol(&'static str),
    /// It refused the agent as such.
    #[error("the collector refused: {reason}: {detail}")]
    Refused {
        /// Its code.
        reason: String,
        /// Its words.
        detail: String,
        /// How long to stay away at least.
        wait: Duration,
    },
}

impl SessionError {
    /// Code and words of a refusal for good: this agent will not be let in again. Both ways of saying so come after
    /// the handshake: from the collector.
    #[must_use]
    pub fn refusal_for_good(&self) -> Option<(String, String)> {
        match self {
            Self::Alert { alert: Some(AlertDescription::CertificateRevoked), meaning } => {
                Some(("revoked".to_owned(), meaning.clone()))
            }
            Self::Status(status) if status.code() == Code::PermissionDenied => {
                Some((code_of(status), tenken_proto::value::bounded_text(status.message().to_owned())))
            }
            Self::Alert { .. } | Self::Status(_) | Self::Connect(_) | Self::Protocol(_) | Self::Refused { .. } => None,
        }
    }

    /// The collector does not take the certificate at this time.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        match self {
            Self::Alert { alert, .. } => *alert == Some(AlertDescription::CertificateExpired),
            Self::Connect(_) | Self::Status(_) | Self::Protocol(_) | Self::Refused { .. } => false,
        }
    }

    fn of(status: Status, alerts: &Alerts) -> Self {
        match alerts.meaning() {
            Some(meaning) => Self::Alert { alert: alerts.received(), meaning },
            None => Self::Status(Box::new(status)),
        }
    }
}

/// What a stream begins with.
#[derive(Debug, Clone, Copy)]
pub struct Greeting {
    /// This run of the agent.
    pub epoch: Epoch,
    /// The agent's clock.
    pub clock: Timestamp,
}

impl Session {
    /// Connects and greets.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn open(
        address: &Address,
        tls: Arc<ClientConfig>,
        settings: &transport::Settings,
        greeting: Greeting,
    ) -> Result<(Self, wire::HelloReply), SessionError> {
        let transport::Connection { channel, alerts } = transport::connect(address, tls, settings).await?;
        let (up, waiting) = mpsc::channel(UP_MAX);
        let hello = up::Message::Hello(hello(greeting));
        up.try_send(wire::Up { message: Some(hello) }).map_err(|_| SessionError::Protocol("no room for Hello"))?;
        let mut client = ReportingClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let greeted = async {
            let down = client.report(ReceiverStream::new(waiting)).await;
            let down = down.map_err(|status| SessionError::of(status, &alerts))?.into_inner();
            let mut session = Self { up, down, alerts };
            let reply = session.reply().await?;
            Ok((session, reply))
        };
        tokio::time::timeout(HELLO_TIME_MAX, greeted).await.map_err(|_| {
            SessionError::Connect(ConnectError::Late { address: address.clone(), step: "Hello", limit: HELLO_TIME_MAX })
        })?
    }

    /// The next message; may be dropped and called again.
    ///
    /// # Errors
    /// [`SessionError`] when the stream has ended.
    pub async fn next(&mut self) -> Result<down::Message, SessionError> {
        match self.down.message().await {
            Ok(Some(down)) => down.message.ok_or(SessionError::Protocol("an empty message")),
            Ok(None) => Err(SessionError::of(Status::unavailable("the collector closed it"), &self.alerts)),
            Err(status) => Err(SessionError::of(status, &self.alerts)),
        }
    }

    /// Sends; false when there is no room now.
    pub fn send(&self, message: up::Message) -> bool {
        self.up.try_send(wire::Up { message: Some(message) }).is_ok()
    }

    /// There is room for a report beside a sign of life.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.up.capacity() > 1
    }

    async fn reply(&mut self) -> Result<wire::HelloReply, SessionError> {
        loop {
            match self.next().await? {
                down::Message::HelloReply(reply) if reply.wire_version == WIRE_VERSION => return Ok(reply),
                down::Message::HelloReply(_) => return Err(SessionError::Protocol("another version of the wire")),
                down::Message::Refused(refused) => return Err(refused_as_such(&refused)),
                down::Message::Ping(wire::Ping { nonce }) => {
                    self.send(up::Message::Pong(wire::Pong { nonce }));
                }
                down::Message::Ack(_) | down::Message::SendAll(_) | down::Message::Policy(_) => {
                    return Err(SessionError::Protocol("the first message is no HelloReply"));
                }
            }
        }
    }
}

/// The refusal of the agent, not of one report.
pub(super) fn refused_as_such(refused: &wire::Refused) -> SessionError {
    let bounded = tenken_proto::value::bounded_text;
    SessionError::Refused {
        reason: bounded(refused.reason.clone()),
        detail: bounded(refused.detail.clone()),
        wait: Duration::from_millis(refused.retry_after_ms.into()),
    }
}

fn hello(greeting: Greeting) -> wire::Hello {
    wire::Hello {
        wire_version: WIRE_VERSION,
        capability: Vec::new(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        os: std::env::consts::OS.to_owned(),
        epoch: greeting.epoch.0,
        clock_unix_ms: greeting.clock.as_millisecond(),
    }
}
