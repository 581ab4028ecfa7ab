//! The load generator: plain gRPC clients with certificates of their own, as many reports in flight as allowed.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tenken_proto::convert::encode_group;
use tenken_proto::fact::host::{Host, OsFamily};
use tenken_proto::fact::patch::{Patch, Update};
use tenken_proto::fact::usb::{DriverState, StorageEnforcement, Usb};
use tenken_proto::ident::{Epoch, Sequence};
use tenken_proto::observed::{Observed, Reason};
use tenken_proto::report::{Group, MESSAGE_BYTES_MAX, Report, WIRE_VERSION};
use tenken_proto::wire;
use tenken_proto::wire::enrolment_client::EnrolmentClient;
use tenken_proto::wire::reporting_client::ReportingClient;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

/// Reports in flight on one connection.
pub(crate) const WINDOW: usize = 16;

/// What a client shows.
pub(crate) struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

pub(crate) fn client(roots: &Arc<RootCertStore>, identity: Option<&Identity>) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots.clone());
    let mut config = match identity {
        Some(identity) => builder.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key()).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

pub(crate) async fn connect(address: SocketAddr, config: Arc<ClientConfig>) -> Channel {
    let connector = tower::service_fn(move |_: http::Uri| {
        let config = config.clone();
        async move {
            let tcp = TcpStream::connect(address).await?;
            tcp.set_nodelay(true)?;
            let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(TokioIo::new(TlsConnector::from(config).connect(name, tcp).await?))
        }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connector).await.expect("connects")
}

/// Enrols one identity with a token for many uses that approves by itself.
pub(crate) async fn enrol(address: SocketAddr, roots: &Arc<RootCertStore>, token: &str, name: String) -> Identity {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let request = CertificateParams::new(Vec::<String>::new()).unwrap().serialize_request(&key).unwrap();
    let mut client = EnrolmentClient::new(connect(address, client(roots, None)).await);
    let request = wire::EnrolRequest {
        token: token.to_owned(),
        csr_der: request.der().to_vec().into(),
        host_name: name,
        serial_number: String::new(),
        os: "linux".to_owned(),
        agent_version: "bench".to_owned(),
    };
    let reply = client.enrol(request).await.expect("enrols").into_inner();
    let Some(wire::enrol_reply::Outcome::Issued(issued)) = reply.outcome else { panic!("not issued: {reply:?}") };
    Identity {
        chain: issued.certificate.into_iter().map(|der| CertificateDer::from(der.to_vec())).collect(),
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    }
}

/// One open report stream.
pub(crate) struct Stream {
    pub up: mpsc::Sender<wire::Up>,
    pub down: tonic::Streaming<wire::Down>,
    pub epoch: u64,
    pub sequence: u64,
}

impl Stream {
    #[expect(clippy::disallowed_methods, reason = "an agent's clock")]
    pub(crate) async fn open(channel: Channel) -> Self {
        let (up, sent) = mpsc::channel(WINDOW + 2);
        let epoch = rand::random();
        let hello = wire::Hello {
            wire_version: WIRE_VERSION,
            capability: Vec::new(),
            agent_version: "bench".to_owned(),
            os: "linux".to_owned(),
            epoch,
            clock_unix_ms: Timestamp::now().as_millisecond(),
        };
        up.send(wire::Up { message: Some(wire::up::Message::Hello(hello)) }).await.unwrap();
        let mut client = ReportingClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let mut down = client.report(ReceiverStream::new(sent)).await.expect("a stream").into_inner();
        let first = down.message().await.expect("a reply").expect("a reply");
        assert!(matches!(first.message, Some(wire::down::Message::HelloReply(_))), "{first:?}");
        Self { up, down, epoch, sequence: 0 }
    }

    pub(crate) async fn send(&mut self, groups: Vec<Group>) {
        self.sequence += 1;
        let report = Report { epoch: Epoch(self.epoch), sequence: Sequence(self.sequence), groups, dropped: None };
        let message = wire::Up { message: Some(wire::up::Message::Report(report.into())) };
        self.up.send(message).await.expect("the stream is open");
    }

    /// Waits for a message; gives the sequence up to which all is acked, if it is an ack.
    pub(crate) async fn acked(&mut self) -> Option<u64> {
        match self.down.message().await.expect("the stream is open").expect("the stream is open").message {
            Some(wire::down::Message::Ack(ack)) => Some(ack.sequence),
            Some(wire::down::Message::Refused(refused)) => panic!("refused: {refused:?}"),
            _ => None,
        }
    }
}

fn unsupported<T>() -> Observed<T> {
    Observed::unreadable(Reason::Unsupported, "", "")
}

pub(crate) fn host_group(name: &str, at: Timestamp) -> Group {
    let host = Host {
        host_name: Observed::known(name.to_owned(), "/etc/hostname"),
        os_family: Observed::seen(OsFamily::Linux),
        os_id: Observed::known("debian".to_owned(), "/etc/os-release"),
        os_version_id: Observed::known("12".to_owned(), "/etc/os-release"),
        os_name: Observed::known("Debian GNU/Linux 12 (bookworm)".to_owned(), "/etc/os-release"),
        kernel_release: Observed::known("6.1.0-28-amd64".to_owned(), "/proc"),
        architecture: Observed::seen("x86_64".to_owned()),
        booted_at: unsupported(),
        serial_number: unsupported(),
        hardware_vendor: unsupported(),
        hardware_model: unsupported(),
        cpu_model: unsupported(),
        cpu_count: Observed::seen(4),
        memory_bytes: Observed::seen(8 << 30),
        file_systems: unsupported(),
        packages_installed: Observed::seen(1_900),
    };
    encode_group(host, at)
}

/// Two groups of together at least 2 KiB; odd and even rounds differ in a verdict of each.
pub(crate) fn changed_groups(round: u64, at: Timestamp) -> Vec<Group> {
    let bad = round % 2 == 1;
    let update = |n: u64| Update {
        name: Observed::seen(format!("library-with-a-name-{n}")),
        architecture: Observed::seen("amd64".to_owned()),
        installed: Observed::seen(format!("5.2.{n}-2+b2")),
        candidate: Observed::seen(format!("5.2.{n}-2+deb12u{round}")),
        security: Observed::seen(bad),
    };
    let updates: Vec<Update> = (0..16).map(update).collect();
    let patch = Patch {
        pending_updates: Observed::known(16, "/var/lib/dpkg/status, /var/lib/apt/lists"),
        pending_security_updates: Observed::seen(if bad { 16 } else { 0 }),
        held_security_updates: Observed::seen(0),
        updates: Observed::known(updates, "/var/lib/dpkg/status, /var/lib/apt/lists"),
        held_updates: Observed::seen(Vec::new()),
        updates_omitted: Observed::seen(0),
        source_refreshed_at: Observed::seen(at),
        source_valid_until: Observed::absent(""),
        sources: Observed::seen(Vec::new()),
        reboot_required: Observed::seen(false),
        newest_installed_kernel: Observed::seen("6.1.0-28-amd64".to_owned()),
        last_upgrade_at: unsupported(),
        automatic_updates: unsupported(),
    };
    let usb = Usb {
        storage_enforcement: Observed::seen(if bad { StorageEnforcement::Free } else { StorageEnforcement::Blocked }),
        usb_storage_driver: Observed::seen(if bad { DriverState::Available } else { DriverState::Prevented }),
        uas_driver: Observed::seen(DriverState::Prevented),
        usbguard_running: Observed::seen(false),
        usbguard_implicit_policy: Observed::absent(""),
        attached_storage: Observed::Withheld,
    };
    let groups = vec![encode_group(patch, at), encode_group(usb, at)];
    debug_assert!(groups.iter().map(|group| group.body.len()).sum::<usize>() >= 2048);
    groups
}
