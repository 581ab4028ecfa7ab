//! A plain gRPC client with a certificate of its own: what benches load with and oracles keep account with.
//!
//! It shares no code with the agent, so an error on that side cannot hide behind itself.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tenken_proto::ident::{Epoch, Sequence};
use tenken_proto::report::{Group, MESSAGE_BYTES_MAX, Report, WIRE_VERSION};
use tenken_proto::wire;
use tenken_proto::wire::enrolment_client::EnrolmentClient;
use tenken_proto::wire::reporting_client::ReportingClient;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

/// Messages that may wait on their way up.
const UP_QUEUE_MAX: usize = 32;

/// What a client shows.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

/// The root certificates in a collector's data folder.
pub fn roots(data_dir: &Path) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for entry in std::fs::read_dir(data_dir.join("ca")).expect("the folder of the CA").flatten() {
        if entry.file_name().to_string_lossy().contains("root") {
            for certificate in CertificateDer::pem_file_iter(entry.path()).into_iter().flatten().flatten() {
                let _ = roots.add(certificate);
            }
        }
    }
    assert!(!roots.is_empty(), "the collector's root certificate lies in its data folder");
    Arc::new(roots)
}

/// TLS of a client with or without a certificate.
pub fn tls(roots: &Arc<RootCertStore>, identity: Option<&Identity>) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(roots.clone());
    let mut config = match identity {
        Some(identity) => {
            builder.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key()).expect("a key that fits")
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

pub async fn connect(address: SocketAddr, config: Arc<ClientConfig>) -> anyhow::Result<Channel> {
    connect_as(Endpoint::from_static("http://localhost"), address, config).await
}

/// As [`connect`], with HTTP/2 settings of its own.
pub async fn connect_as(endpoint: Endpoint, address: SocketAddr, config: Arc<ClientConfig>) -> anyhow::Result<Channel> {
    let connector = tower::service_fn(move |_: http::Uri| {
        let config = config.clone();
        async move {
            let tcp = TcpStream::connect(address).await?;
            tcp.set_nodelay(true)?;
            let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(TokioIo::new(TlsConnector::from(config).connect(name, tcp).await?))
        }
    });
    endpoint.connect_with_connector(connector).await.context("failed to connect")
}

/// Enrols one identity with a token that approves by itself.
pub async fn enrol(
    address: SocketAddr,
    roots: &Arc<RootCertStore>,
    token: &str,
    name: &str,
) -> anyhow::Result<Identity> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let request = CertificateParams::new(Vec::<String>::new())?.serialize_request(&key)?;
    let mut client = EnrolmentClient::new(connect(address, tls(roots, None)).await?);
    let request = wire::EnrolRequest {
        token: token.to_owned(),
        csr_der: request.der().to_vec().into(),
        host_name: name.to_owned(),
        serial_number: String::new(),
        os: "linux".to_owned(),
        agent_version: "test".to_owned(),
    };
    let reply = client.enrol(request).await.context("failed to enrol")?.into_inner();
    let Some(wire::enrol_reply::Outcome::Issued(issued)) = reply.outcome else {
        anyhow::bail!("not issued: {reply:?}")
    };
    let chain = issued.certificate.into_iter().map(|der| CertificateDer::from(der.to_vec())).collect();
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    Ok(Identity { chain, key })
}

/// One open report stream.
pub struct Stream {
    pub up: mpsc::Sender<wire::Up>,
    pub down: tonic::Streaming<wire::Down>,
    pub epoch: Epoch,
    pub sequence: Sequence,
    pub hello: wire::HelloReply,
}

impl Stream {
    /// Says hello for a run of an agent and waits for the reply.
    #[expect(clippy::disallowed_methods, reason = "an agent's clock")]
    pub async fn open(channel: Channel, epoch: Epoch) -> anyhow::Result<Self> {
        let (up, sent) = mpsc::channel(UP_QUEUE_MAX);
        let hello = wire::Hello {
            wire_version: WIRE_VERSION,
            capability: Vec::new(),
            agent_version: "test".to_owned(),
            os: "linux".to_owned(),
            epoch: epoch.0,
            clock_unix_ms: Timestamp::now().as_millisecond(),
        };
        up.send(wire::Up { message: Some(wire::up::Message::Hello(hello)) }).await?;
        let mut client = ReportingClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let mut down = client.report(ReceiverStream::new(sent)).await?.into_inner();
        let first = down.message().await?.context("the stream ended")?;
        let Some(wire::down::Message::HelloReply(hello)) = first.message else { anyhow::bail!("no reply: {first:?}") };
        Ok(Self { up, down, epoch, sequence: Sequence(0), hello })
    }

    /// Sends the groups under the next number.
    pub async fn send(&mut self, groups: Vec<Group>) -> anyhow::Result<()> {
        self.sequence = self.sequence.next();
        self.send_as(self.sequence, groups).await
    }

    /// Sends the groups under that number.
    pub async fn send_as(&mut self, sequence: Sequence, groups: Vec<Group>) -> anyhow::Result<()> {
        let report = Report { epoch: self.epoch, sequence, groups, dropped: None };
        let message = wire::Up { message: Some(wire::up::Message::Report(report.into())) };
        self.up.send(message).await.context("the stream is closed")
    }

    /// The next message from above.
    pub async fn next(&mut self) -> anyhow::Result<wire::down::Message> {
        loop {
            let down = self.down.message().await?.context("the stream ended")?;
            match down.message {
                Some(wire::down::Message::Ping(ping)) => {
                    let pong = wire::Pong { nonce: ping.nonce };
                    self.up.send(wire::Up { message: Some(wire::up::Message::Pong(pong)) }).await?;
                }
                Some(message) => return Ok(message),
                None => anyhow::bail!("an empty message"),
            }
        }
    }

    /// Waits for an ack: everything up to that number is durable.
    pub async fn acked(&mut self) -> anyhow::Result<Sequence> {
        loop {
            match self.next().await? {
                wire::down::Message::Ack(ack) => return Ok(Sequence(ack.sequence)),
                wire::down::Message::Refused(refused) => anyhow::bail!("refused: {refused:?}"),
                wire::down::Message::HelloReply(_)
                | wire::down::Message::SendAll(_)
                | wire::down::Message::Policy(_)
                | wire::down::Message::Ping(_) => {}
            }
        }
    }
}
