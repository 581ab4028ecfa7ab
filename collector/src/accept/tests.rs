//! Real sockets, real handshakes: who gets in, who does not, and what is said about it.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData as _, SanType, SerialNumber,
};
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tempfile::TempDir;
use tenken_proto::Timestamp;
use tenken_proto::ident::{AgentId, TenantId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use super::*;
use crate::clock::Clock;
use crate::identity::Serial;
use crate::identity::ca::{AgentLeaf, Authority, TrustDomain};
use crate::identity::registry::RevokedCertificate;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const AGENT: AgentId = AgentId(uuid::Uuid::from_u128(7));

fn start() -> Timestamp {
    "2026-11-20T03:00:00Z".parse().unwrap()
}

fn domain() -> TrustDomain {
    "tenken.example".parse().unwrap()
}

/// A listener, its authority, and what came of each connection.
struct Place {
    dir: TempDir,
    authority: Authority,
    clock: Clock,
    tls: Arc<Tls>,
    address: SocketAddr,
    gate: Arc<Gate>,
    incoming: ReceiverStream<io::Result<Connection>>,
    refused: mpsc::Receiver<Refused>,
    stop: CancellationToken,
}

/// What became of a connection.
enum Outcome {
    In(Box<Connection>),
    Refused(Refused),
}

fn parts<'a>(
    authority: &Authority,
    clock: &Clock,
    server: &'a crate::identity::ca::ServerIdentity,
    revoked: &[(Serial, RevokedCertificate)],
    denied: Option<AgentId>,
) -> TlsParts<'a> {
    let now = clock.now();
    TlsParts {
        server,
        anchors: authority.client_anchors(now).map(|anchor| anchor.der.clone()).collect(),
        crls: authority.sign_crls(revoked, now).unwrap(),
        crls_until: now + DAY,
        domain: domain(),
        denied: Arc::new(move |agent| Some(agent) == denied),
        clock: clock.clone(),
    }
}

async fn place(listener: Listener, limits: Limits) -> Place {
    let dir = TempDir::new().unwrap();
    let clock = Clock::manual(start());
    let authority = Authority::init(dir.path(), &domain(), clock.now()).unwrap();
    let server = authority.server(&[], clock.now()).unwrap();
    let tls = Arc::new(Tls::new(listener, &parts(&authority, &clock, &server, &[], None)).unwrap());
    let (sender, refused) = mpsc::channel(64);
    let on_refused: OnRefused = Arc::new(move |refused| sender.try_send(refused).unwrap());
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let acceptor = Acceptor::bind(listener, any, Arc::clone(&tls), limits, on_refused).await.unwrap();
    let (address, gate) = (acceptor.local_addr().unwrap(), acceptor.gate());
    let stop = CancellationToken::new();
    let incoming = acceptor.incoming(stop.clone());
    Place { dir, authority, clock, tls, address, gate, incoming, refused, stop }
}

/// A certificate with its key, as a client shows it.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    serial: Serial,
}

impl Place {
    /// What the authority issues to an agent.
    fn agent(&self, serial: u8) -> Shown {
        let key = KeyPair::generate().unwrap();
        let serial = Serial::from_random([serial; 16]);
        let leaf = AgentLeaf { tenant: TenantId(1), agent: AGENT, serial, spki_der: &key.subject_public_key_info() };
        let certificate = self.authority.sign_agent(&leaf, self.clock.now()).unwrap();
        let mut chain = vec![CertificateDer::from(certificate.der.clone().unwrap())];
        chain.extend(self.authority.chain_of(&certificate.issuer));
        Shown { chain, key, serial }
    }

    fn file(&self, start: &str, end: &str) -> Vec<u8> {
        let mut files = std::fs::read_dir(self.dir.path().join("ca")).unwrap().map(|entry| entry.unwrap());
        let wanted = files.find(|file| {
            let name = file.file_name().into_string().unwrap();
            name.starts_with(start) && name.ends_with(end)
        });
        std::fs::read(wanted.unwrap().path()).unwrap()
    }

    /// What nobody issues: signed with the intermediate's key, changed as the case wants it.
    fn odd(&self, change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let pem = String::from_utf8(self.file("intermediate-", ".key")).unwrap();
        let ca = CertificateDer::from_pem_slice(&self.file("intermediate-", ".pem")).unwrap();
        let issuer = Issuer::from_ca_cert_der(&ca, KeyPair::from_pem(&pem).unwrap()).unwrap();
        let mut shown = odd(self.clock.now(), &issuer, change);
        shown.chain.push(ca);
        shown
    }

    fn replace(&self, revoked: &[(Serial, RevokedCertificate)], denied: Option<AgentId>) {
        let server = self.authority.server(&[], self.clock.now()).unwrap();
        self.tls.replace(&parts(&self.authority, &self.clock, &server, revoked, denied)).unwrap();
    }

    fn after(&self, time: SignedDuration) {
        self.clock.set(self.clock.now() + time);
    }

    fn client(&self, shown: Option<&Shown>) -> ClientConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.roots()[0].der.clone()).unwrap();
        let builder = ClientConfig::builder_with_details(provider, Arc::new(At(self.clock.now())))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match shown {
            None => builder.with_no_client_auth(),
            Some(shown) => {
                let key = PrivateKeyDer::try_from(shown.key.serialize_der()).unwrap();
                let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
                let resolver = Always(Arc::new(CertifiedKey::new(shown.chain.clone(), key)));
                builder.with_client_cert_resolver(Arc::new(resolver))
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }

    async fn outcome(&mut self) -> Outcome {
        tokio::time::timeout(Duration::from_secs(10), async {
            tokio::select! {
                connection = self.incoming.next() => Outcome::In(Box::new(connection.unwrap().unwrap())),
                refused = self.refused.recv() => Outcome::Refused(refused.unwrap()),
            }
        })
        .await
        .expect("an outcome within 10 s")
    }

    /// Knocks and says what became of it, and what the client was told.
    async fn knock(&mut self, config: ClientConfig) -> (Outcome, String) {
        let address = self.address;
        let client = tokio::spawn(async move {
            let tcp = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            let mut tls = match TlsConnector::from(Arc::new(config)).connect(name, tcp).await {
                Ok(tls) => tls,
                Err(error) => return error.to_string(),
            };
            // As an HTTP/2 client does: speaks first and reads later. The alert has to be there still.
            let _ = tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            let mut byte = [0];
            match tokio::time::timeout(Duration::from_millis(300), tls.read(&mut byte)).await {
                Ok(Ok(_)) => "closed".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "open".to_owned(),
            }
        });
        let outcome = self.outcome().await;
        (outcome, client.await.unwrap())
    }

    async fn expect_in(&mut self, shown: Option<&Shown>) -> Box<Connection> {
        match self.knock(self.client(shown)).await {
            (Outcome::In(connection), _) => connection,
            (Outcome::Refused(refused), told) => panic!("refused: {refused:?}; client: {told}"),
        }
    }

    async fn expect_refused(&mut self, shown: Option<&Shown>) -> (Refused, String) {
        match self.knock(self.client(shown)).await {
            (Outcome::Refused(refused), told) => (refused, told),
            (Outcome::In(connection), _) => panic!("let in: {:?}", tonic_peer(&connection)),
        }
    }
}

fn tonic_peer(connection: &Connection) -> Peer {
    tonic::transport::server::Connected::connect_info(connection)
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesClientCert for Always {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct At(Timestamp);

impl rustls::time_provider::TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.as_second().try_into().unwrap())))
    }
}

fn offset(at: Timestamp) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(at.as_second()).unwrap()
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// A proper agent's certificate, then changed.
fn odd(now: Timestamp, issuer: &Issuer<'_, KeyPair>, change: impl FnOnce(&mut CertificateParams)) -> Shown {
    let serial = Serial::from_random([9; 16]);
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&serial.0));
    params.not_before = offset(now - DAY);
    params.not_after = offset(now + DAY);
    params.subject_alt_names = vec![uri(&domain().agent_uri(TenantId(1), AGENT))];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&key, issuer).unwrap().der().clone();
    Shown { chain: vec![leaf], key, serial }
}

#[tokio::test]
async fn an_agent_gets_in_and_is_known_by_its_certificate() {
    let mut place = place(Listener::Report, Limits::default()).await;
    let shown = place.agent(1);
    let connection = place.expect_in(Some(&shown)).await;
    let identity = tonic_peer(&connection).identity.expect("an identity");
    assert_eq!((identity.tenant, identity.agent, identity.serial), (TenantId(1), AGENT, shown.serial));
    assert_eq!(identity.not_after, start() + DAY * 30);
    assert!(place.gate.is_connected(AGENT));
    drop(connection);
    assert_eq!(place.gate.connections(), 0);
}

#[tokio::test]
async fn a_certificate_like_ours_made_by_hand_gets_in_too() {
    let mut place = place(Listener::Report, Limits::default()).await;
    let shown = place.odd(|_| {});
    place.expect_in(Some(&shown)).await;
}

type Change = fn(&mut CertificateParams);

#[tokio::test]
async fn odd_certificates_are_refused_with_reason_serial_and_peer() {
    let mut place = place(Listener::Report, Limits::default()).await;
    let cases: [(&str, Change, Reason); 21] = [
        ("ended a second ago", |p| p.not_after = offset(start() - SignedDuration::from_secs(1)), Reason::Expired),
        ("ended a year ago", |p| p.not_after = offset(start() - DAY * 365), Reason::Expired),
        ("begins in a minute", |p| p.not_before = offset(start() + SignedDuration::from_mins(1)), Reason::NotYetValid),
        ("for servers", |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth], Reason::Purpose),
        ("for anything", |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any], Reason::Purpose),
        (
            "for clients and servers",
            |p| p.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth),
            Reason::Purpose,
        ),
        ("for clients and anything", |p| p.extended_key_usages.push(ExtendedKeyUsagePurpose::Any), Reason::Purpose),
        ("for nothing named", |p| p.extended_key_usages.clear(), Reason::Purpose),
        ("an authority", |p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained), Reason::Chain),
        ("no name", |p| p.subject_alt_names.clear(), Reason::Name),
        ("the name twice", |p| p.subject_alt_names.push(p.subject_alt_names[0].clone()), Reason::Name),
        (
            "a second agent",
            |p| p.subject_alt_names.push(uri(&domain().agent_uri(TenantId(1), AgentId(uuid::Uuid::nil())))),
            Reason::Name,
        ),
        (
            "a host name beside it",
            |p| p.subject_alt_names.push(SanType::DnsName("pc-1.example".try_into().unwrap())),
            Reason::Name,
        ),
        (
            "a host name only",
            |p| p.subject_alt_names = vec![SanType::DnsName("pc-1.example".try_into().unwrap())],
            Reason::Name,
        ),
        (
            "another trust domain",
            |p| {
                p.subject_alt_names =
                    vec![uri("spiffe://other.example/tenant/1/agent/00000000-0000-0000-0000-000000000007")]
            },
            Reason::Name,
        ),
        (
            "a longer trust domain",
            |p| {
                p.subject_alt_names =
                    vec![uri("spiffe://tenken.example.org/tenant/1/agent/00000000-0000-0000-0000-000000000007")]
            },
            Reason::Name,
        ),
        (
            "a path behind it",
            |p| {
                p.subject_alt_names =
                    vec![uri("spiffe://tenken.example/tenant/1/agent/00000000-0000-0000-0000-000000000007/x")]
            },
            Reason::Name,
        ),
        (
            "capitals",
            |p| {
                p.subject_alt_names =
                    vec![uri("spiffe://tenken.example/tenant/1/agent/0000000A-0000-0000-0000-000000000007")]
            },
            Reason::Name,
        ),
        (
            "a number with a plus",
            |p| {
                p.subject_alt_names =
                    vec![uri("spiffe://tenken.example/tenant/+1/agent/00000000-0000-0000-0000-000000000007")]
            },
            Reason::Name,
        ),
        ("a short serial number", |p| p.serial_number = Some(SerialNumber::from(7)), Reason::Encoding),
        (
            "an unknown critical extension",
            |p| {
                let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
                extension.set_criticality(true);
                p.custom_extensions.push(extension);
            },
            Reason::Encoding,
        ),
    ];
    for (name, change, reason) in cases {
        let shown = place.odd(change);
        let (refused, told) = place.expect_refused(Some(&shown)).await;
        assert_eq!(refused.reason, reason, "{name}: {refused:?}");
        assert!(refused.serial.is_some() && refused.peer.ip().is_loopback(), "{name}: {refused:?}");
        assert!(told.contains("alert"), "{name}: {told}");
    }
    // The last one keeps its seat until the other side has closed.
    for _ in 0..40 {
        if place.gate.connections() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(place.gate.connections(), 0);
}

#[tokio::test]
async fn strangers_are_refused() {
    let mut place = place(Listener::Report, Limits::default()).await;
    let (refused, told) = place.expect_refused(None).await;
    assert_eq!(refused.reason, Reason::NoCertificate, "{refused:?}");
    assert!(told.contains("CertificateRequired"), "{told}");

    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::default();
    let own = Issuer::new(params.clone(), KeyPair::generate().unwrap());
    let self_signed =
        Shown { chain: vec![params.self_signed(&key).unwrap().der().clone()], key, serial: Serial([0; 16]) };
    let foreign = TempDir::new().unwrap();
    let _foreign_ca = Authority::init(foreign.path(), &domain(), start()).unwrap();
    let mut other = place_like(&place, foreign);
    for (name, shown) in [
        ("self-signed", self_signed),
        ("own authority", odd(start(), &own, |_| {})),
        ("other collector", other.remove(0)),
    ] {
        let (refused, told) = place.expect_refused(Some(&shown)).await;
        assert_eq!(refused.reason, Reason::UnknownIssuer, "{name}: {refused:?}");
        assert!(told.contains("UnknownCA"), "{name}: {told}");
    }
}

/// A proper certificate of another collector with the same trust domain.
fn place_like(place: &Place, dir: TempDir) -> Vec<Shown> {
    let authority = Authority::open(dir.path()).unwrap();
    let key = KeyPair::generate().unwrap();
    let serial = Serial::from_random([3; 16]);
    let leaf = AgentLeaf { tenant: TenantId(1), agent: AGENT, serial, spki_der: &key.subject_public_key_info() };
    let certificate = authority.sign_agent(&leaf, place.clock.now()).unwrap();
    let mut chain = vec![CertificateDer::from(certificate.der.clone().unwrap())];
    chain.extend(authority.chain_of(&certificate.issuer));
    vec![Shown { chain, key, serial }]
}

#[tokio::test]
async fn a_stolen_certificate_without_its_key_is_refused() {
    let mut place = place(Listener::Report, Limits::default()).await;
    let mut shown = place.agent(1);
    shown.key = KeyPair::generate().unwrap();
    let (refused, told) = place.expect_refused(Some(&shown)).await;
    assert_eq!((refused.reason, refused.agent), (Reason::Signature, Some(AGENT)), "{refused:?}");
    assert!(told.contains("DecryptError"), "{told}");
}

#[tokio::test]
async fn oversized_certificates_and_chains_are_refused() {
    let mut place = place(Listener::Report, Limits::default()).await;
    let large = place.odd(|params| {
        let content = [vec![0x04, 0x82, 0x27, 0x10], vec![0; 10_000]].concat();
        params.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 2], content));
    });
    let mut long = place.agent(1);
    long.chain.extend(std::iter::repeat_n(long.chain[1].clone(), 100));
    for shown in [large, long] {
        let (refused, _) = place.expect_refused(Some(&shown)).await;
        assert_eq!(refused.reason, Reason::Encoding, "{refused:?}");
    }
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_on_both_listeners() {
    for listener in [Listener::Enrol, Listener::Report] {
        let mut place = place(listener, Limits::default()).await;
        let (shown, other) = (place.agent(1), place.agent(2));
        place.expect_in(Some(&shown)).await;
        let not_after = start() + DAY * 30;
        let issuer = place.authority.client_anchors(start()).next().unwrap().id.clone();
        let entry = RevokedCertificate { issuer, at: start(), not_after, revoked: true };
        place.replace(&[(shown.serial, entry)], None);
        let (refused, told) = place.expect_refused(Some(&shown)).await;
        assert_eq!((refused.reason, refused.agent), (Reason::Revoked, Some(AGENT)));
        assert_eq!(refused.serial, Some(shown.serial.to_string()));
        assert!(told.contains("CertificateRevoked"), "{told}");
        place.expect_in(Some(&other)).await;
        place.replace(&[], Some(AGENT));
        assert_eq!(place.expect_refused(Some(&other)).await.0.reason, Reason::Revoked, "its identity has ended");
    }
}

#[tokio::test]
async fn a_stale_revocation_list_lets_nobody_in_until_a_fresh_one_is_signed() {
    for listener in [Listener::Enrol, Listener::Report] {
        let mut place = place(listener, Limits::default()).await;
        let (shown, ended) = (place.agent(1), place.odd(|params| params.not_after = offset(start() - DAY)));
        place.after(DAY + SignedDuration::from_secs(60));
        assert_eq!(place.expect_refused(Some(&shown)).await.0.reason, Reason::StaleRevocationList);
        let reason = place.expect_refused(Some(&ended)).await.0.reason;
        assert!(matches!(reason, Reason::Expired | Reason::StaleRevocationList), "{reason}");
        place.replace(&[], None);
        place.expect_in(Some(&shown)).await;
    }
}

#[tokio::test]
async fn the_enrol_listener_lets_in_who_has_no_certificate_or_an_ended_one() {
    let mut place = place(Listener::Enrol, Limits::default()).await;
    assert_eq!(tonic_peer(&*place.expect_in(None).await).identity, None);
    let shown = place.agent(1);
    for days in [1, 29, 31, 209, 400] {
        place.clock.set(start() + DAY * days);
        place.replace(&[], None);
        let identity = tonic_peer(&*place.expect_in(Some(&shown)).await).identity;
        assert_eq!(identity.map(|identity| identity.agent), Some(AGENT), "after {days} days");
    }
    let future = place.odd(|params| params.not_before += time::Duration::days(2));
    assert_eq!(place.expect_refused(Some(&future)).await.0.reason, Reason::NotYetValid);
    let foreign = place.odd(|params| {
        params.not_before -= time::Duration::days(30);
        params.not_after -= time::Duration::days(20);
        params.subject_alt_names.clear();
    });
    assert_eq!(place.expect_refused(Some(&foreign)).await.0.reason, Reason::Name, "ended and not ours");
}

#[tokio::test]
async fn the_collector_renews_its_own_certificate_without_restart() {
    let mut place = place(Listener::Enrol, Limits::default()).await;
    let held = place.expect_in(None).await;
    place.after(DAY * 91);
    let (outcome, told) = place.knock(place.client(None)).await;
    assert!(matches!(outcome, Outcome::Refused(Refused { reason: Reason::ClientEnded, .. })), "{told}");
    assert!(told.contains("expired"), "the client sees the ended certificate: {told}");
    place.replace(&[], None);
    place.expect_in(None).await;
    assert!(!tonic_peer(&held).line.is_cut());
}

#[tokio::test]
async fn what_is_not_tls_1_3_with_http_2_is_refused() {
    let mut place = place(Listener::Enrol, Limits::default()).await;
    let mut config = place.client(None);
    config.alpn_protocols.clear();
    let (outcome, _) = place.knock(config).await;
    assert!(matches!(outcome, Outcome::Refused(Refused { reason: Reason::Protocol, .. })));
    let mut config = place.client(None);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let (outcome, told) = place.knock(config).await;
    assert!(matches!(outcome, Outcome::Refused(Refused { reason: Reason::Protocol, .. })), "{told}");
    let mut tcp = TcpStream::connect(place.address).await.unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(matches!(place.outcome().await, Outcome::Refused(Refused { reason: Reason::Protocol, .. })));
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    let mut place = place(Listener::Enrol, Limits::default()).await;
    // A ClientHello that offers TLS 1.2 alone: no supported_versions extension.
    let body = [vec![3, 3], vec![7; 32], vec![0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 0]].concat();
    let hello = [vec![1, 0, 0, u8::try_from(body.len()).unwrap()], body].concat();
    let record = [vec![0x16, 3, 1, 0, u8::try_from(hello.len()).unwrap()], hello].concat();
    let mut tcp = TcpStream::connect(place.address).await.unwrap();
    tcp.write_all(&record).await.unwrap();
    let Outcome::Refused(refused) = place.outcome().await else { panic!("let in") };
    assert_eq!(refused.reason, Reason::Protocol, "{refused:?}");
}

#[tokio::test]
async fn a_handshake_that_stalls_is_ended() {
    let limits = Limits { handshake: Duration::from_millis(100), ..Limits::default() };
    let mut place = place(Listener::Report, limits).await;
    let mut silent = TcpStream::connect(place.address).await.unwrap();
    let Outcome::Refused(refused) = place.outcome().await else { panic!("let in") };
    assert_eq!(refused.reason, Reason::Timeout);
    assert_eq!(place.gate.connections(), 0);
    let mut byte = [0];
    assert_eq!(silent.read(&mut byte).await.unwrap(), 0, "closed");
}

#[tokio::test]
async fn an_address_may_hold_so_many_connections_and_no_more() {
    let limits = Limits { per_address: 3, ..Limits::default() };
    let mut place = place(Listener::Enrol, limits).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(TcpStream::connect(place.address).await.unwrap());
    }
    let _fourth = TcpStream::connect(place.address).await.unwrap();
    let Outcome::Refused(refused) = place.outcome().await else { panic!("let in") };
    assert_eq!(refused.reason, Reason::AddressFull);
    drop(held);
    for _ in 0..3 {
        assert!(matches!(place.outcome().await, Outcome::Refused(_)), "the stalled ones have gone");
    }
    place.expect_in(None).await;
}

#[tokio::test]
async fn stalled_strangers_do_not_keep_an_agent_out() {
    let limits = Limits { per_address: 20, handshakes: 2, handshake: Duration::from_millis(200), ..Limits::default() };
    let mut place = place(Listener::Report, limits).await;
    let stalled = [(); 10].map(|()| TcpStream::connect(place.address));
    let mut held = Vec::new();
    for connecting in stalled {
        held.push(connecting.await.unwrap());
    }
    let shown = place.agent(1);
    let client = TlsConnector::from(Arc::new(place.client(Some(&shown))));
    let address = place.address;
    let connecting = tokio::spawn(async move {
        let tcp = TcpStream::connect(address).await.unwrap();
        client.connect(ServerName::try_from("localhost").unwrap(), tcp).await
    });
    let mut refused = 0;
    loop {
        match place.outcome().await {
            Outcome::In(_) => break,
            Outcome::Refused(Refused { reason: Reason::Timeout, .. }) => refused += 1,
            Outcome::Refused(other) => panic!("{other:?}"),
        }
    }
    assert!(refused <= 10);
    connecting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_that_makes_no_call_is_ended_and_one_that_is_cut_too() {
    let limits = Limits { first_call: Duration::from_millis(100), ..Limits::default() };
    let mut place = place(Listener::Report, limits).await;
    let shown = place.agent(1);
    let mut silent = place.expect_in(Some(&shown)).await;
    let mut byte = [0];
    // The client of the first connection has gone, so that end of file would be read at once otherwise.
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(silent.read(&mut byte).await.unwrap_err().kind(), ErrorKind::TimedOut);
    let refused = place.refused.recv().await.unwrap();
    assert_eq!((refused.reason, refused.agent), (Reason::NoCall, Some(AGENT)));
    assert_eq!(silent.read(&mut byte).await.unwrap_err().kind(), ErrorKind::ConnectionAborted, "told once");

    let mut used = place.expect_in(Some(&shown)).await;
    tonic_peer(&used).line.note_call();
    tokio::time::sleep(Duration::from_millis(150)).await;
    let read = used.read(&mut byte).await;
    assert!(!read.is_err_and(|error| error.kind() == ErrorKind::TimedOut), "one call is enough");
    assert_eq!(place.gate.cut(AGENT), 2);
    assert_eq!(used.read(&mut byte).await.unwrap_err().kind(), ErrorKind::ConnectionAborted);
}

#[tokio::test]
async fn at_a_stop_streams_are_told_and_who_does_not_close_is_cut() {
    let gate = Arc::new(Gate::new(Limits::default()));
    let _seat = gate.enter("192.0.2.1".parse().unwrap()).unwrap();
    let (stop, told) = (CancellationToken::new(), CancellationToken::new());
    stop.cancel();
    let began = tokio::time::Instant::now();
    until_closed(told.cancelled(), &gate, &stop, || told.cancel()).await;
    assert!(began.elapsed() < CLOSING_GRACE, "what ends when it is told is not waited for");

    let seat = gate.enter("192.0.2.1".parse().unwrap()).unwrap();
    let line = seat.line();
    let deaf = async {
        while !line.is_cut() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    until_closed(deaf, &gate, &stop, || {}).await;
    assert!((CLOSING_GRACE..CLOSING_GRACE * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_cut_connection_neither_writes_nor_waits_to_close() {
    let mut place = place(Listener::Report, Limits::default()).await;
    let shown = place.agent(1);
    let mut connection = place.expect_in(Some(&shown)).await;
    place.gate.cut_all();
    let aborted = |result: io::Result<()>| assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionAborted);
    aborted(connection.write_all(b"x").await);
    aborted(connection.write_vectored(&[io::IoSlice::new(b"x")]).await.map(drop));
    aborted(connection.flush().await);
    aborted(connection.shutdown().await);
}

#[tokio::test]
async fn strangers_on_the_enrol_listener_leave_room_for_a_renewal() {
    let limits = Limits { per_address: 4, ..Limits::default() };
    let mut place = place(Listener::Enrol, limits).await;
    let mut held = Vec::new();
    for _ in 0..limits.nameless_per_address() {
        held.push(place.expect_in(None).await);
    }
    let (outcome, _) = place.knock(place.client(None)).await;
    assert!(matches!(outcome, Outcome::Refused(Refused { reason: Reason::AddressFull, .. })));
    let shown = place.agent(1);
    place.expect_in(Some(&shown)).await;
}

#[tokio::test]
async fn a_connection_to_the_enrol_listener_ends_however_busy_it_is() {
    let limits = Limits { enrol_connection: Duration::from_millis(100), ..Limits::default() };
    let mut byte = [0];
    for (listener, ends) in [(Listener::Enrol, true), (Listener::Report, false)] {
        let mut place = place(listener, limits).await;
        let shown = place.agent(1);
        let mut connection = place.expect_in(Some(&shown)).await;
        tonic_peer(&connection).line.note_call();
        tokio::time::sleep(Duration::from_millis(150)).await;
        let ended = connection.read(&mut byte).await.is_err_and(|error| error.kind() == ErrorKind::TimedOut);
        assert_eq!((ended, tonic_peer(&connection).line.is_cut()), (ends, ends), "{listener}");
    }
}

/// The service of a call whose message never arrives whole.
#[derive(Clone)]
struct Waits;

impl tonic::server::NamedService for Waits {
    const NAME: &'static str = "x.Waits";
}

impl tower::Service<http::Request<tonic::body::Body>> for Waits {
    type Response = http::Response<tonic::body::Body>;
    type Error = std::convert::Infallible;
    type Future = std::future::Pending<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<tonic::body::Body>) -> Self::Future {
        std::future::pending()
    }
}

#[tokio::test]
async fn a_call_on_the_enrol_listener_ends_though_its_message_never_does() {
    let limits = Limits { enrol_call: Duration::from_millis(100), ..Limits::default() };
    let mut place = place(Listener::Enrol, limits).await;
    let client = TlsConnector::from(Arc::new(place.client(None)));
    let incoming = std::mem::replace(&mut place.incoming, ReceiverStream::new(mpsc::channel(1).1));
    let served = tokio::spawn(enrol_server(&limits).add_service(Waits).serve_with_incoming(incoming));
    let tcp = TcpStream::connect(place.address).await.unwrap();
    let mut tls = client.connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap();
    // Preface, SETTINGS, and HEADERS that are not the stream's end: POST http /x.Waits/Call.
    let path = b"/x.Waits/Call";
    let mut block = vec![0x83, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
    block.extend_from_slice(path);
    block.extend_from_slice(b"\x0f\x10\x10application/grpc");
    let headers = [vec![0, 0, u8::try_from(block.len()).unwrap(), 1, 4, 0, 0, 0, 1], block].concat();
    let opening = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(), headers].concat();
    tls.write_all(&opening).await.unwrap();
    let answered = async {
        let mut frame = [0; 9];
        loop {
            tls.read_exact(&mut frame).await.unwrap();
            let mut payload = vec![0; usize::from(frame[1]) * 256 + usize::from(frame[2])];
            tls.read_exact(&mut payload).await.unwrap();
            if frame[3] == 1 {
                return payload;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(10), answered).await.expect("an answer in time");
    assert!(!answer.is_empty());
    served.abort();
}
