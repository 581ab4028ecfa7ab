//! One authenticated connection to a collector: TCP or a tunnel through an HTTP proxy, TLS 1.3, HTTP/2.
//!
//! `identity` (enrol, renew) and `uplink` (report) call through here; nothing else opens a socket. Each step
//! has its time limit, the server is always verified, and windows and buffers are small because an idle
//! connection should cost next to nothing. A connection is used once: who wants another one connects again.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::{InvalidDnsNameError, ServerName};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};

mod alert;
pub mod chain;
pub mod tls;

pub use alert::{Alerts, tls_error};

/// Longest answer of a proxy to CONNECT.
const PROXY_ANSWER_BYTES_MAX: usize = 8 * 1024;
/// Requests that wait inside the client; there is one stream.
const CALLS_MAX: usize = 4;
/// Flow-control window of the connection and of its stream: what comes down is small.
const WINDOW_BYTES: u32 = 64 * 1024;
/// Largest header list that the collector may send.
const HEADER_BYTES_MAX: u32 = 8 * 1024;

/// HOST:PORT; the host is a DNS name or an address, an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    host: String,
    port: u16,
}

/// A text that is no HOST:PORT.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not HOST:PORT; write for example `collector.example:7431` or `[2001:db8::1]:7431`")]
pub struct NotAnAddress {
    text: String,
}

impl Address {
    /// The host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    fn server_name(&self) -> Result<ServerName<'static>, InvalidDnsNameError> {
        ServerName::try_from(self.host.clone())
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;
    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let wrong = || NotAnAddress { text: text.chars().take(80).collect() };
        let (host, port) = text.trim().rsplit_once(':').ok_or_else(wrong)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bracketed {
            Some(address) => address,
            None if host.contains(':') => return Err(wrong()),
            None => host,
        };
        let port: u16 = port.parse().map_err(|_| wrong())?;
        if port == 0 || ServerName::try_from(host).is_err() {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl TryFrom<String> for Address {
    type Error = NotAnAddress;
    fn try_from(text: String) -> Result<Self, NotAnAddress> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

/// How to connect.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Limit for TCP, the proxy and TLS, each.
    pub connect_timeout: Duration,
    /// An HTTP proxy that lets CONNECT through.
    pub proxy: Option<Address>,
    /// A silent connection is probed this often.
    pub keepalive_interval: Duration,
    /// A probe that stays unanswered this long ends the connection.
    pub keepalive_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            proxy: None,
            keepalive_interval: Duration::from_secs(60),
            keepalive_timeout: Duration::from_secs(20),
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The network.
    #[error("failed to reach {address}")]
    Tcp {
        /// Whom.
        address: Address,
        /// Why.
        source: io::Error,
    },
    /// The proxy.
    #[error("the proxy {proxy} gave no tunnel to {address}: {problem}")]
    Proxy {
        /// Through whom.
        proxy: Address,
        /// Whom.
        address: Address,
        /// What it said.
        problem: String,
    },
    /// The other side is not whom it has to be, or ended the handshake.
    #[error("no trusted connection to {address}: {meaning}")]
    Tls {
        /// Whom.
        address: Address,
        /// What that means, for a person.
        meaning: String,
        /// Why.
        source: io::Error,
    },
    /// What speaks there is no collector.
    #[error("{address} does not speak the protocol")]
    Http2 {
        /// Whom.
        address: Address,
        /// Why.
        source: tonic::transport::Error,
    },
    /// Nothing came within the time.
    #[error("{address} did not answer within {limit:?} ({step})")]
    Late {
        /// Whom.
        address: Address,
        /// What was waited for.
        step: &'static str,
        /// How long.
        limit: Duration,
    },
}

/// A connection, and what TLS said when it broke.
#[derive(Debug)]
pub struct Connection {
    /// For the generated clients.
    pub channel: Channel,
    /// With TLS 1.3 the server's refusal of a client certificate arrives after the handshake.
    pub alerts: Alerts,
}

/// Connects once.
///
/// # Errors
/// [`ConnectError`] with the step that failed.
pub async fn connect(
    address: &Address,
    tls: Arc<ClientConfig>,
    settings: &Settings,
) -> Result<Connection, ConnectError> {
    let limit = settings.connect_timeout;
    let late = |step| ConnectError::Late { address: address.clone(), step, limit };
    let tcp = timeout(limit, tcp(address, settings)).await.map_err(|_| late("TCP"))??;
    let name = address.server_name().map_err(|error| ConnectError::Tcp {
        address: address.clone(),
        source: io::Error::new(io::ErrorKind::InvalidInput, error),
    })?;
    let stream = timeout(limit, tokio_rustls::TlsConnector::from(tls).connect(name, tcp))
        .await
        .map_err(|_| late("TLS"))?
        .map_err(|source| ConnectError::Tls { address: address.clone(), meaning: alert::meaning(&source), source })?;
    let (stream, alerts) = Alerts::watch(stream);
    let channel = timeout(limit, http2(address, stream, settings))
        .await
        .map_err(|_| late("HTTP/2"))?
        .map_err(|source| ConnectError::Http2 { address: address.clone(), source })?;
    Ok(Connection { channel, alerts })
}

async fn tcp(address: &Address, settings: &Settings) -> Result<TcpStream, ConnectError> {
    let via = settings.proxy.as_ref().unwrap_or(address);
    let failed = |source| ConnectError::Tcp { address: via.clone(), source };
    let mut stream = TcpStream::connect((via.host(), via.port())).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    if let Some(proxy) = &settings.proxy {
        tunnel(&mut stream, address).await.map_err(|error| ConnectError::Proxy {
            proxy: proxy.clone(),
            address: address.clone(),
            problem: error.to_string(),
        })?;
    }
    Ok(stream)
}

/// HTTP CONNECT. Read byte by byte: what follows the empty line belongs to TLS.
async fn tunnel(stream: &mut TcpStream, address: &Address) -> io::Result<()> {
    let request = format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(256);
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= PROXY_ANSWER_BYTES_MAX {
            return Err(io::Error::other(format!("its answer is longer than {PROXY_ANSWER_BYTES_MAX} bytes")));
        }
        answer.push(stream.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&answer);
    let status = text.lines().next().unwrap_or_default();
    let mut words = status.split(' ');
    let http = words.next().is_some_and(|word| word.starts_with("HTTP/1."));
    match words.next() {
        Some(code) if http && code.len() == 3 && code.starts_with('2') => Ok(()),
        Some("407") => Err(io::Error::other("it asks for a password, which is not supported")),
        Some(_) | None => Err(io::Error::other(format!("`{}`", status.chars().take(80).collect::<String>()))),
    }
}

async fn http2<S>(address: &Address, stream: S, settings: &Settings) -> Result<Channel, tonic::transport::Error>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .buffer_size(CALLS_MAX)
        .initial_connection_window_size(WINDOW_BYTES)
        .initial_stream_window_size(WINDOW_BYTES)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_keep_alive_interval(settings.keepalive_interval)
        .keep_alive_timeout(settings.keepalive_timeout)
        .keep_alive_while_idle(true);
    let mut once = Some(TokioIo::new(stream));
    endpoint
        .connect_with_connector(tower::service_fn(move |_| {
            let stream = once.take().ok_or_else(|| io::Error::other("the connection has ended"));
            std::future::ready(stream)
        }))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_as_they_were() {
        for text in ["collector.example:7443", "192.0.2.7:1", "[2001:db8::1]:65535"] {
            assert_eq!(text.parse::<Address>().expect("an address").to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_an_example() {
        for text in ["", "collector", "collector:", "collector:0", "collector:70000", "2001:db8::1:7443", "a b:1", ":1"]
        {
            let error = text.parse::<Address>().expect_err(text).to_string();
            assert!(error.contains("collector.example:7431"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_proxy_opens_a_tunnel_and_its_refusal_is_said() {
        for (answer, outcome) in [
            ("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n", None),
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Some("password")),
            ("HTTP/1.1 403 Forbidden\r\n\r\n", Some("403 Forbidden")),
        ] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
            let proxy = listener.local_addr().expect("address");
            let serve = async {
                let (mut stream, _) = listener.accept().await.expect("accept");
                let mut asked = vec![0; 1024];
                let read = stream.read(&mut asked).await.expect("read");
                stream.write_all(answer.as_bytes()).await.expect("write");
                stream.write_all(b"x").await.expect("write");
                String::from_utf8_lossy(&asked[..read]).into_owned()
            };
            let address: Address = "collector.example:7443".parse().expect("address");
            let settings = Settings { proxy: Some(proxy.to_string().parse().expect("proxy")), ..Settings::default() };
            let (asked, got) = tokio::join!(serve, tcp(&address, &settings));
            assert!(asked.starts_with("CONNECT collector.example:7443 HTTP/1.1\r\n"), "{asked}");
            match (outcome, got) {
                (None, Ok(mut stream)) => assert_eq!(stream.read_u8().await.expect("tunnelled"), b'x'),
                (Some(text), Err(error)) => assert!(error.to_string().contains(text), "{error}"),
                (expected, got) => panic!("expected {expected:?}, got {got:?}"),
            }
        }
    }
}
