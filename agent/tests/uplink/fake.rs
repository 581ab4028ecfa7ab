//! A collector that does what a test says: real TLS, real streams, scripted answers.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer, PrivatePkcs8KeyDer};
use tenken_agent::halves::{self, ObservingEnd};
use tenken_agent::identity::Store;
use tenken_agent::identity::enrol::{Ask, Enrolled, Hints, enrol};
use tenken_agent::spool::Limits;
use tenken_agent::transport;
use tenken_agent::uplink::{Settings, Uplink, UplinkError};
use tenken_proto::ident::Digest;
use tenken_proto::token::Token;
use tenken_proto::wire::enrolment_server::{Enrolment, EnrolmentServer};
use tenken_proto::wire::reporting_server::{Reporting, ReportingServer};
use tenken_proto::wire::{self, down, up};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status, Streaming};

/// Secrets of good tokens.
pub const SECRET: [u8; 16] = [5; 16];
pub const OTHER_SECRET: [u8; 16] = [4; 16];
pub const AGENT: &str = "00000000-0000-4000-8000-000000000001";

#[expect(clippy::disallowed_methods, reason = "certificates are valid by the real clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A root that issues everything directly.
pub struct Ca {
    pub root: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test root");
        let root = params.self_signed(&key).unwrap().der().clone();
        Self { root, issuer: Issuer::new(params, key) }
    }

    pub fn pin(&self) -> Digest {
        transport::tls::spki_digest(&self.root).unwrap()
    }

    fn server(&self) -> (Vec<CertificateDer<'static>>, PrivatePkcs8KeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::IpAddress("127.0.0.1".parse().unwrap()));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        (vec![leaf.der().clone(), self.root.clone()], PrivatePkcs8KeyDer::from(key.serialize_der()))
    }

    fn client(&self, csr: &[u8], life: Duration) -> CertificateDer<'static> {
        let csr = CertificateSigningRequestDer::from(csr);
        let mut params = rcgen::CertificateSigningRequestParams::from_der(&csr).unwrap();
        let at = |at: Timestamp| {
            let seconds = at.as_second();
            let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
            let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
            let (year, month, day) = (i32::from(date.year()), date.month() as u8, date.day() as u8);
            rcgen::date_time_ymd(year, month, day) + Duration::from_secs(rest as u64)
        };
        params.params = CertificateParams::default();
        params.params.not_before = at(now() - Duration::from_secs(600));
        params.params.not_after = at(now() + life);
        params.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.signed_by(&self.issuer).unwrap().der().clone()
    }
}

/// What a test says and sees.
pub struct Script {
    pub reports: Vec<wire::Report>,
    pub heartbeats: Vec<wire::Heartbeat>,
    pub hellos: Vec<wire::Hello>,
    pub renewals: usize,
    pub issued: Vec<Vec<u8>>,
    /// The certificates that came with the enrolments.
    pub shown: Vec<Option<Vec<u8>>>,
    /// Answers to the next reports; without one, an ack.
    pub answers: VecDeque<Answer>,
    /// Said after HelloReply.
    pub greeting: Vec<down::Message>,
    pub hello_answer: Option<Status>,
    pub pending: usize,
    pub life: Duration,
    pub total_digest: Vec<u8>,
    pub high_water: u64,
}

pub enum Answer {
    Nothing,
    Refuse { permanent: bool },
}

pub struct Fake {
    pub ca: Arc<Ca>,
    pub enrol: SocketAddr,
    pub script: Arc<Mutex<Script>>,
    kick: broadcast::Sender<()>,
    report: SocketAddr,
    servers: Vec<tokio::task::JoinHandle<()>>,
}

#[derive(Clone)]
struct Service {
    ca: Arc<Ca>,
    report: SocketAddr,
    script: Arc<Mutex<Script>>,
    kick: broadcast::Sender<()>,
}

impl Fake {
    pub async fn start() -> Self {
        let script = Script {
            reports: Vec::new(),
            heartbeats: Vec::new(),
            hellos: Vec::new(),
            renewals: 0,
            issued: Vec::new(),
            shown: Vec::new(),
            answers: VecDeque::new(),
            greeting: Vec::new(),
            hello_answer: None,
            pending: 0,
            life: Duration::from_secs(86_400),
            total_digest: Vec::new(),
            high_water: 0,
        };
        let (kick, _) = broadcast::channel(4);
        let (enrol, report) = (free().await, free().await);
        let mut fake = Self {
            ca: Arc::new(Ca::new()),
            enrol,
            script: Arc::new(Mutex::new(script)),
            kick,
            report,
            servers: Vec::new(),
        };
        fake.up().await;
        fake
    }

    /// Listens again where it listened.
    pub async fn up(&mut self) {
        let service = Service {
            ca: Arc::clone(&self.ca),
            report: self.report,
            script: Arc::clone(&self.script),
            kick: self.kick.clone(),
        };
        let enrol = listen(self.enrol, tls(&self.ca, false)).await;
        let report = listen(self.report, tls(&self.ca, true)).await;
        let enrolment = tonic::transport::Server::builder()
            .add_service(EnrolmentServer::new(service.clone()))
            .serve_with_incoming(enrol);
        let reporting =
            tonic::transport::Server::builder().add_service(ReportingServer::new(service)).serve_with_incoming(report);
        self.servers = vec![
            tokio::spawn(async move { drop(enrolment.await) }),
            tokio::spawn(async move { drop(reporting.await) }),
        ];
    }

    /// No listener and no stream any more.
    pub fn down(&mut self) {
        let _ = self.kick.send(());
        for server in self.servers.drain(..) {
            server.abort();
        }
    }

    /// Ends all streams; the listeners stay.
    pub fn kick(&self) {
        let _ = self.kick.send(());
    }

    pub fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub fn ask(&self) -> Ask {
        Ask {
            collector: self.enrol.to_string().parse().unwrap(),
            token: Token { secret: SECRET, root_pin: self.ca.pin() },
            wait: true,
            hints: Hints::default(),
        }
    }

    pub async fn enrolled(&self, data_dir: &Path) {
        let store = Store::open(data_dir).unwrap();
        let enrolled = enrol(&store, &self.ask(), &transport::Settings::default(), now, |_| {}).await.unwrap();
        assert!(matches!(enrolled, Enrolled::Issued(_)));
    }

    /// An uplink with its other end.
    pub fn uplink(&self, data_dir: &Path) -> (ObservingEnd, tokio::task::JoinHandle<Result<usize, UplinkError>>) {
        let (half, far) = halves::pair();
        let uplink = Uplink::new(settings(data_dir), far, now).unwrap().expect("enrolled");
        (half, tokio::spawn(uplink.run()))
    }
}

pub fn settings(data_dir: &Path) -> Settings {
    Settings {
        data_dir: data_dir.to_owned(),
        transport: transport::Settings { connect_timeout: Duration::from_secs(5), ..transport::Settings::default() },
        heartbeat_interval: Duration::from_millis(200),
        heartbeat_limits: (Duration::from_millis(200), Duration::from_millis(200)),
        reconnect_first: Duration::from_millis(50),
        reconnect_min: Duration::from_millis(20),
        reconnect_max: Duration::from_millis(200),
        spool_after: Duration::from_millis(300),
        spool: Limits { bytes_max: 16 << 20, age_max: Duration::from_secs(3_600) },
        stop_grace: Duration::from_secs(3),
    }
}

/// Waits until the test sees what it wants.
pub async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(seen) = look() {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not seen within 10 s: {what}");
}

async fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn tls(ca: &Ca, mutual: bool) -> TlsAcceptor {
    let (chain, key) = ca.server();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(ca.root.clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = if mutual { verifier } else { verifier.allow_unauthenticated() };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, key.into())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

type Incoming = ReceiverStream<std::io::Result<Accepted>>;

/// An accepted connection, in the form that tonic wants.
struct Accepted(tokio_rustls::server::TlsStream<tokio::net::TcpStream>);

/// The certificate that the other side showed.
#[derive(Clone)]
struct Shown(Option<Vec<u8>>);

impl Connected for Accepted {
    type ConnectInfo = Shown;
    fn connect_info(&self) -> Shown {
        let chain = self.0.get_ref().1.peer_certificates();
        Shown(chain.and_then(|chain| chain.first()).map(|leaf| leaf.to_vec()))
    }
}

impl AsyncRead for Accepted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

async fn listen(address: SocketAddr, acceptor: TlsAcceptor) -> Incoming {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(64).unwrap();
    let (accepted, incoming) = mpsc::channel(64);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = accepted.closed() => return,
                stream = listener.accept() => {
                    let (Ok((stream, _)), acceptor, accepted) = (stream, acceptor.clone(), accepted.clone()) else { continue };
                    tokio::spawn(async move {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            let _ = accepted.send(Ok(Accepted(stream))).await;
                        }
                    });
                }
            }
        }
    });
    ReceiverStream::new(incoming)
}

#[tonic::async_trait]
impl Enrolment for Service {
    async fn enrol(&self, request: Request<wire::EnrolRequest>) -> Result<Response<wire::EnrolReply>, Status> {
        let shown = request.extensions().get::<Shown>().and_then(|shown| shown.0.clone());
        let request = request.into_inner();
        let token: Token = request.token.parse().map_err(|_| Status::invalid_argument("no token"))?;
        if ![SECRET, OTHER_SECRET].contains(&token.secret) {
            let mut status = Status::permission_denied("the token is not known here");
            status.metadata_mut().insert(tenken_proto::report::REASON_METADATA, "token_unknown".parse().unwrap());
            return Err(status);
        }
        let mut script = self.script.lock().unwrap();
        script.shown.push(shown);
        script.issued.push(request.csr_der.to_vec());
        let outcome = if script.pending > 0 {
            script.pending -= 1;
            wire::enrol_reply::Outcome::Pending(wire::Pending { agent_id: AGENT.to_owned(), retry_after_s: 0 })
        } else {
            wire::enrol_reply::Outcome::Issued(self.issued(&request.csr_der, script.life))
        };
        Ok(Response::new(wire::EnrolReply { outcome: Some(outcome), server_unix_ms: now().as_millisecond() }))
    }

    async fn renew(&self, request: Request<wire::RenewRequest>) -> Result<Response<wire::RenewReply>, Status> {
        let mut script = self.script.lock().unwrap();
        script.renewals += 1;
        let issued = self.issued(&request.into_inner().csr_der, script.life);
        Ok(Response::new(wire::RenewReply { issued: Some(issued), server_unix_ms: now().as_millisecond() }))
    }

    async fn time(&self, _: Request<wire::TimeRequest>) -> Result<Response<wire::TimeReply>, Status> {
        Ok(Response::new(wire::TimeReply { unix_ms: now().as_millisecond() }))
    }
}

impl Service {
    fn issued(&self, csr: &[u8], life: Duration) -> wire::Issued {
        wire::Issued {
            certificate: vec![self.ca.client(csr, life).to_vec().into()],
            agent_id: AGENT.to_owned(),
            report_address: self.report.to_string(),
            trust_root: vec![self.ca.root.to_vec().into()],
        }
    }

    fn answer(&self, report: &wire::Report) -> Option<down::Message> {
        let mut script = self.script.lock().unwrap();
        script.reports.push(report.clone());
        match script.answers.pop_front() {
            None => Some(down::Message::Ack(wire::Ack {
                epoch: report.epoch,
                first: report.sequence,
                sequence: report.sequence,
            })),
            Some(Answer::Nothing) => None,
            Some(Answer::Refuse { permanent }) => Some(down::Message::Refused(wire::Refused {
                epoch: report.epoch,
                sequence: report.sequence,
                reason: if permanent { "malformed" } else { "busy" }.to_owned(),
                detail: "as the test says".to_owned(),
                permanent,
                retry_after_ms: 100,
            })),
        }
    }

    async fn serve(self, mut incoming: Streaming<wire::Up>, out: mpsc::Sender<Result<wire::Down, Status>>) {
        let mut kicked = self.kick.subscribe();
        loop {
            let message = tokio::select! {
                message = incoming.message() => message,
                _ = kicked.recv() => return,
            };
            let Ok(Some(wire::Up { message: Some(message) })) = message else { return };
            let mut answers = Vec::new();
            match message {
                up::Message::Hello(hello) => {
                    let mut script = self.script.lock().unwrap();
                    script.hellos.push(hello);
                    answers.push(down::Message::HelloReply(wire::HelloReply {
                        wire_version: 1,
                        high_water: script.high_water,
                        server_unix_ms: now().as_millisecond(),
                        policy_revision: 0,
                        total_digest: script.total_digest.clone().into(),
                    }));
                    answers.extend(script.greeting.clone());
                }
                up::Message::Report(report) => answers.extend(self.answer(&report)),
                up::Message::Heartbeat(heartbeat) => self.script.lock().unwrap().heartbeats.push(heartbeat),
                up::Message::Pong(_) => {}
            }
            for message in answers {
                if out.send(Ok(wire::Down { message: Some(message) })).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tonic::async_trait]
impl Reporting for Service {
    type ReportStream = ReceiverStream<Result<wire::Down, Status>>;

    async fn report(&self, request: Request<Streaming<wire::Up>>) -> Result<Response<Self::ReportStream>, Status> {
        if let Some(status) = self.script.lock().unwrap().hello_answer.clone() {
            return Err(status);
        }
        let (out, down) = mpsc::channel(16);
        tokio::spawn(self.clone().serve(request.into_inner(), out));
        Ok(Response::new(ReceiverStream::new(down)))
    }
}
