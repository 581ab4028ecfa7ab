//! The way in: TCP, TLS and the limits before any handler runs.
//!
//! ```text
//! accept ─► seat (total, per address) ─► handshake (TLS 1.3, timeout, verifier) ─► seat of the identity ─► tonic
//! ```
//!
//! Two listeners: *enrol* (a client certificate is optional, an expired one is let in for Renew alone) and *report*
//! (mandatory). Every refusal has a [`Reason`], is counted and told to the audit. Certificates, roots and revocation
//! lists are exchanged under running listeners ([`Tls::replace`]). A connection that makes no call within the first
//! seconds is closed, and one whose identity ends is cut ([`Gate::cut`]). On the enrol listener each call and each
//! connection has an end ([`Limits::enrol_call`], [`Limits::enrol_connection`]), and who shows no certificate leaves
//! seats of its address to those who do. No session is resumed, so every connection is checked against the newest
//! lists.

mod connection;
mod gate;
#[cfg(test)]
mod tests;
mod tls;
mod verify;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io};

use tenken_proto::ident::AgentId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::ingest::peer::Peer;
use crate::seldom::Seldom;

pub use connection::{Connection, Line, NoteCalls, NoteCallsLayer};
pub use gate::{Gate, Seat, counted_as};
pub use tls::{Tls, TlsError, TlsParts};
pub use verify::{Denied, Reason};

/// A refused connection is read so long, while it keeps its seat, so that its alert arrives.
const LINGER_MAX: Duration = Duration::from_secs(1);
/// Most bytes that are read from a refused connection.
const LINGER_BYTES_MAX: u64 = 64 * 1024;
/// Handshaken connections waiting for the server to take them. Full means: handshakes wait, then TCP does.
const CONNECTIONS_WAITING_MAX: usize = 64;
/// Streams of one connection: an agent needs one.
pub const STREAMS_MAX: u32 = 8;
/// Streams that the peer may force us to reset (RUSTSEC-2024-0003) before the connection is closed.
pub const LOCAL_RESETS_MAX: usize = 64;
/// Streams that the peer may open and reset at once (rapid reset) before the connection is closed.
pub const PENDING_RESETS_MAX: usize = 20;
/// Bytes of headers of one call.
pub const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// Bytes that one stream may send ahead of its reader: a quarter of the largest message, 1.3 MB/s at 50 ms.
pub const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// Bytes that all streams of a connection together may send ahead: bounds what a hostile agent can park with us.
pub const CONNECTION_WINDOW_BYTES: u32 = 128 * 1024;
/// Largest HTTP/2 frame; also what one read buffer grows to.
pub const FRAME_BYTES_MAX: u32 = 16 * 1024;
/// A silent connection is asked this often whether it lives, and closed if it does not say so in time.
pub const PING_EVERY: Duration = Duration::from_secs(120);
/// Time to answer such a question.
pub const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Who is still connected so long after a stop is cut.
pub const CLOSING_GRACE: Duration = Duration::from_secs(3);
/// Pause after a failed accept; doubled up to a second while it keeps failing.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Who is told of each refusal.
pub type OnRefused = Arc<dyn Fn(Refused) + Send + Sync>;

/// Which of the two listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// Enrol, Renew, Time.
    Enrol,
    /// The report stream.
    Report,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enrol => "enrol",
            Self::Report => "report",
        })
    }
}

/// The limits of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time.
    pub connections: usize,
    /// Connections of one address that did not prove an identity; IPv6 counts by /64.
    pub per_address: usize,
    /// Connections of one identity; one more cuts the oldest.
    pub per_identity: usize,
    /// Handshakes at one time.
    pub handshakes: usize,
    /// Time for a handshake.
    pub handshake: Duration,
    /// Time until the first call.
    pub first_call: Duration,
    /// Time for one call on the enrol listener, from its headers to its answer: an honest one takes some seconds,
    /// on a slow line.
    pub enrol_call: Duration,
    /// Life of a connection to the enrol listener: it is there for one or two calls.
    pub enrol_connection: Duration,
}

/// One of so many seats of an address is kept for connections that show a certificate.
const SEATS_KEPT_ONE_OF: usize = 4;

impl Limits {
    /// Connections of one address that passed the handshake without a certificate: a household of hostile guests
    /// does not keep its agents from renewing.
    #[must_use]
    pub fn nameless_per_address(&self) -> usize {
        self.per_address - self.per_address / SEATS_KEPT_ONE_OF
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 110_000,
            per_address: 20,
            per_identity: 2,
            handshakes: 512,
            handshake: Duration::from_secs(8),
            first_call: Duration::from_secs(10),
            enrol_call: Duration::from_secs(60),
            enrol_connection: Duration::from_secs(5 * 60),
        }
    }
}

/// A connection that was turned away.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Where it knocked.
    pub listener: Listener,
    /// Why it was turned away.
    pub reason: Reason,
    /// What exactly.
    pub detail: String,
    /// Where it came from.
    pub peer: SocketAddr,
    /// The agent that its certificate names, verified or not.
    pub agent: Option<AgentId>,
    /// Serial number of the certificate that it showed.
    pub serial: Option<String>,
}

/// One listener.
pub struct Acceptor {
    socket: TcpListener,
    shared: Arc<Shared>,
}

struct Shared {
    listener: Listener,
    tls: Arc<Tls>,
    gate: Arc<Gate>,
    limits: Limits,
    on_refused: OnRefused,
}

impl Acceptor {
    /// Opens the socket. Nothing is accepted before [`Acceptor::incoming`].
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn bind(
        listener: Listener,
        address: SocketAddr,
        tls: Arc<Tls>,
        limits: Limits,
        on_refused: OnRefused,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let gate = Arc::new(Gate::new(limits));
        Ok(Self { socket, shared: Arc::new(Shared { listener, tls, gate, limits, on_refused }) })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// The system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Who is in, and how to cut them.
    #[must_use]
    pub fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.shared.gate)
    }

    /// Accepts until `stop`; what comes out has passed the handshake.
    #[must_use]
    pub fn incoming(self, stop: CancellationToken) -> ReceiverStream<io::Result<Connection>> {
        let (sender, receiver) = mpsc::channel(CONNECTIONS_WAITING_MAX);
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.accept_all(sender) => {}
            }
        });
        ReceiverStream::new(receiver)
    }

    async fn accept_all(self, sender: mpsc::Sender<io::Result<Connection>>) {
        let handshakes = Arc::new(Semaphore::new(self.shared.limits.handshakes));
        let (mut pause, mut seldom) = (ACCEPT_PAUSE, Seldom::default());
        loop {
            let (tcp, address) = match self.socket.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    if !is_of_one_connection(&error) {
                        if let Some(before) = seldom.say(Instant::now()) {
                            tracing::warn!(listener = %self.shared.listener, %error, before, "Cannot accept connections; trying again");
                        }
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
                    }
                    continue;
                }
            };
            pause = ACCEPT_PAUSE;
            let seat = match self.shared.gate.enter(address.ip()) {
                Ok(seat) => seat,
                Err(reason) => {
                    self.shared.refuse(reason, String::new(), address, &verify::Seen::default());
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await else { return };
            let (shared, sender) = (Arc::clone(&self.shared), sender.clone());
            tokio::spawn(async move { shared.handshake(tcp, address, seat, permit, sender).await });
        }
    }
}

impl Shared {
    async fn handshake(
        self: Arc<Self>,
        tcp: TcpStream,
        address: SocketAddr,
        seat: Seat,
        permit: OwnedSemaphorePermit,
        sender: mpsc::Sender<io::Result<Connection>>,
    ) {
        let seen = Arc::new(Mutex::new(verify::Seen::default()));
        let connected = self.connect(tcp, address, seat, &seen).await;
        drop(permit);
        match connected {
            Ok(connection) => drop(sender.send(Ok(connection)).await),
            Err((reason, detail)) => {
                let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
                self.refuse(seen.reason.unwrap_or(reason), detail, address, &seen);
            }
        }
    }

    async fn connect(
        self: &Arc<Self>,
        tcp: TcpStream,
        address: SocketAddr,
        mut seat: Seat,
        seen: &Arc<Mutex<verify::Seen>>,
    ) -> Result<Connection, (Reason, String)> {
        let told = |error: io::Error| (Reason::Io, error.to_string());
        tcp.set_nodelay(true).map_err(told)?;
        let accept = TlsAcceptor::from(self.tls.current()).accept(tcp).into_fallible();
        let within = tokio::time::timeout(self.limits.handshake, verify::SEEN.scope(Arc::clone(seen), accept));
        let tls = match within.await {
            Ok(Ok(tls)) => tls,
            Ok(Err((error, tcp))) => {
                tokio::spawn(linger(tcp, seat));
                return Err(verify::reason_of(&error));
            }
            Err(_) => return Err((Reason::Timeout, format!("no handshake within {:?}", self.limits.handshake))),
        };
        if tls.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err((Reason::Protocol, "the client does not speak HTTP/2".to_owned()));
        }
        let identity = seen.lock().unwrap_or_else(PoisonError::into_inner).identity.clone();
        if self.listener == Listener::Report && identity.is_none() {
            return Err((Reason::NoCertificate, String::new()));
        }
        match &identity {
            Some(identity) => seat.identified(identity.agent, identity.not_after),
            None => seat.nameless().map_err(|reason| (reason, String::new()))?,
        }
        let local = tls.get_ref().0.local_addr().map_err(told)?;
        let peer = Peer { address, local, connection: seat.connection(), identity, line: seat.line() };
        Ok(Connection::new(tls, peer, seat, Arc::clone(self)))
    }

    /// A connection that passed the handshake and made no call in time.
    fn refuse_idle(&self, peer: &Peer) {
        let identity = peer.identity.as_ref();
        let seen = verify::Seen {
            agent: identity.map(|identity| identity.agent),
            serial: identity.map(|identity| identity.serial.to_string()),
            ..verify::Seen::default()
        };
        self.refuse(Reason::NoCall, format!("no call within {:?}", self.limits.first_call), peer.address, &seen);
    }

    fn refuse(&self, reason: Reason, detail: String, peer: SocketAddr, seen: &verify::Seen) {
        let detail = crate::identity::clean(&detail);
        let refused =
            Refused { listener: self.listener, reason, detail, peer, agent: seen.agent, serial: seen.serial.clone() };
        (self.on_refused)(refused);
    }
}

/// Lets the alert arrive: closing a socket with unread bytes resets it, and the other side would never read why.
async fn linger(mut tcp: TcpStream, seat: Seat) {
    let read = async {
        tcp.shutdown().await?;
        tokio::io::copy(&mut tcp.take(LINGER_BYTES_MAX), &mut tokio::io::sink()).await
    };
    // However it ends, the connection is over.
    drop(tokio::time::timeout(LINGER_MAX, read).await);
    drop(seat);
}

/// Errors of accept(2) that concern the one connection and not the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// Awaits the end of what serves a listener. At `stop` the streams are told, by `tell`; the server says goodbye and
/// waits for each peer to answer and to close. Whoever does not (asleep, stuck, hostile) is cut after
/// [`CLOSING_GRACE`].
///
/// The server's own shutdown signal is no place for `tell`: the server does not wait for that signal when it sees
/// first that no more connections come in, and then waits for streams that nobody told.
pub async fn until_closed<F: Future>(
    served: F,
    gate: &Gate,
    stop: &CancellationToken,
    tell: impl FnOnce(),
) -> F::Output {
    let mut served = pin!(served);
    tokio::select! {
        ended = &mut served => return ended,
        () = stop.cancelled() => tell(),
    }
    if let Ok(ended) = tokio::time::timeout(CLOSING_GRACE, &mut served).await {
        return ended;
    }
    let connections = gate.cut_all();
    tracing::info!(connections, "Connections that did not close in time are cut");
    served.await
}

/// A gRPC server with limits in place of tonic's defaults, of which several mean *none*.
#[must_use]
pub fn server() -> tonic::transport::Server<tower::layer::util::Stack<NoteCallsLayer, tower::layer::util::Identity>> {
    tonic::transport::Server::builder()
        .max_concurrent_streams(STREAMS_MAX)
        .http2_max_local_error_reset_streams(Some(LOCAL_RESETS_MAX))
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_adaptive_window(Some(false))
        .max_frame_size(FRAME_BYTES_MAX)
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PING_TIMEOUT))
        .layer(NoteCallsLayer)
}

/// [`server`] for the enrol listener, where no call is a stream: each has an end.
#[must_use]
pub fn enrol_server(
    limits: &Limits,
) -> tonic::transport::Server<tower::layer::util::Stack<NoteCallsLayer, tower::layer::util::Identity>> {
    server().timeout(limits.enrol_call)
}
