//! The desk with its engine, store, listeners and service: what an agent meets.

use std::net::SocketAddr;

use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tempfile::TempDir;
use tenken_assess::PackSet;
use tenken_proto::wire;
use tenken_proto::wire::enrolment_client::EnrolmentClient;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_stream::StreamExt as _;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Status};

use super::*;
use crate::accept::{self, Acceptor, Connection};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{Running, Setup};
use crate::identity::service::EnrolService;
use crate::store::Store;
use crate::store::redb::RedbStore;
use crate::store::space::SpaceWatch;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn start() -> Timestamp {
    "2026-11-20T03:00:00Z".parse().unwrap()
}

struct Place {
    dir: TempDir,
    clock: Clock,
    desk: Desk,
    engine: Running,
    store: Arc<dyn Store>,
    enrol: SocketAddr,
    report: SocketAddr,
    stop: CancellationToken,
    /// Connections of the report listener, held as a server would.
    held: Arc<tokio::sync::Mutex<Vec<Connection>>>,
}

async fn place_in(dir: TempDir, clock: Clock, burst: f64) -> Place {
    let space = SpaceWatch::of(dir.path().to_owned(), Some(0));
    let store: Arc<dyn Store> = Arc::new(RedbStore::open(dir.path(), 16 << 20, space).unwrap());
    let time = Config::parse(std::path::Path::new("collector.toml"), "").unwrap().time;
    let packs = Arc::new(PackSet::built_in().unwrap());
    let setup = Setup { tenant: TenantId::DEFAULT, store: Arc::clone(&store), clock: clock.clone(), packs, time };
    let (handle, engine) = Engine::start(setup).await.unwrap();
    let authority = Authority::open(dir.path()).unwrap();
    let limits = Limits { per_address: 2_000, ..Limits::default() };
    let grace = SignedDuration::from_hours(180 * 24);
    let settings = Settings { tenant: TenantId::DEFAULT, names: Vec::new(), grace, enrol_rate: (burst, 1.0), limits };
    let desk = Desk::new(handle, authority, settings).unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(desk.clone().run(stop.clone()));
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let bind = |listener| Acceptor::bind(listener, any, desk.tls(listener), limits, desk.on_refused());
    let (enrol, report) = (bind(Listener::Enrol).await.unwrap(), bind(Listener::Report).await.unwrap());
    desk.watch_gate(Listener::Enrol, enrol.gate());
    desk.watch_gate(Listener::Report, report.gate());
    let (enrol_address, report_address) = (enrol.local_addr().unwrap(), report.local_addr().unwrap());
    let service = EnrolService::new(desk.clone(), report_address);
    tokio::spawn(accept::server().add_service(service).serve_with_incoming(enrol.incoming(stop.clone())));
    let held = Arc::new(tokio::sync::Mutex::new(Vec::new()));
    let (kept, mut incoming) = (Arc::clone(&held), report.incoming(stop.clone()));
    tokio::spawn(async move {
        while let Some(Ok(connection)) = incoming.next().await {
            kept.lock().await.push(connection);
        }
    });
    Place { dir, clock, desk, engine, store, enrol: enrol_address, report: report_address, stop, held }
}

async fn place() -> Place {
    let dir = TempDir::new().unwrap();
    let clock = Clock::manual(start());
    Authority::init(dir.path(), &"tenken.example".parse().unwrap(), clock.now()).unwrap();
    RedbStore::create(dir.path()).unwrap();
    place_in(dir, clock, 1_000_000.0).await
}

#[derive(Debug)]
struct At(Timestamp);

impl rustls::time_provider::TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.as_second().try_into().unwrap())))
    }
}

/// An agent's key with its certificate.
struct Held {
    key: KeyPair,
    chain: Vec<CertificateDer<'static>>,
}

fn request(key: &KeyPair) -> Vec<u8> {
    CertificateParams::default().serialize_request(key).unwrap().der().to_vec()
}

impl Place {
    fn connector(&self, held: Option<&Held>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.desk.authority().roots()[0].der.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_details(provider, Arc::new(At(self.clock.now())))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match held {
            None => builder.with_no_client_auth(),
            Some(held) => {
                let key = PrivateKeyDer::try_from(held.key.serialize_der()).unwrap();
                builder.with_client_auth_cert(held.chain.clone(), key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsConnector::from(Arc::new(config))
    }

    async fn client(&self, held: Option<&Held>) -> EnrolmentClient<Channel> {
        let (connector, address) = (self.connector(held), self.enrol);
        let connect = tower::service_fn(move |_: Uri| {
            let connector = connector.clone();
            async move {
                let tcp = TcpStream::connect(address).await?;
                let name = ServerName::try_from("localhost").unwrap();
                Ok::<_, std::io::Error>(TokioIo::new(connector.connect(name, tcp).await?))
            }
        });
        let endpoint = Endpoint::from_static("https://localhost");
        EnrolmentClient::new(endpoint.connect_with_connector(connect).await.unwrap())
    }

    async fn token(&self, wanted: TokenParameters) -> String {
        self.desk.create_token(Principal::Collector, wanted).await.unwrap().text
    }

    async fn enrol(&self, token: &str, key: &KeyPair) -> Result<wire::EnrolReply, Status> {
        let wanted = wire::EnrolRequest {
            token: token.to_owned(),
            csr_der: request(key).into(),
            host_name: "PC-1".to_owned(),
            ..wire::EnrolRequest::default()
        };
        Ok(self.client(None).await.enrol(wanted).await?.into_inner())
    }

    async fn enrolled(&self) -> (AgentId, Held) {
        let (token, key) = (self.token(TokenParameters::default()).await, KeyPair::generate().unwrap());
        let issued = issued(self.enrol(&token, &key).await.unwrap());
        let agent = issued.agent_id.parse().unwrap();
        (agent, Held { key, chain: chain(&issued) })
    }

    async fn renew(&self, held: &Held, key: &KeyPair) -> Result<Held, Status> {
        let wanted = wire::RenewRequest { csr_der: request(key).into() };
        let reply = self.client(Some(held)).await.renew(wanted).await?.into_inner();
        let key = KeyPair::try_from(key.serialize_der()).unwrap();
        Ok(Held { key, chain: chain(&reply.issued.unwrap()) })
    }

    /// Connects to the report listener and asks the desk, as the report service does.
    async fn report(&self, held: &Held) -> Result<HostId, String> {
        use tokio::io::AsyncReadExt as _;
        let before = self.held.lock().await.len();
        let tcp = TcpStream::connect(self.report).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = self.connector(Some(held)).connect(name, tcp).await.map_err(|error| error.to_string())?;
        let mut byte = [0];
        let told = tokio::time::timeout(Duration::from_millis(300), tls.read(&mut byte)).await;
        if let Ok(Err(error)) = told {
            return Err(error.to_string());
        }
        let peer = {
            use tonic::transport::server::Connected as _;
            let held = self.held.lock().await;
            assert_eq!(held.len(), before + 1);
            held.last().unwrap().connect_info()
        };
        self.desk.admit(&peer).await.map_err(|error| error.to_string())
    }

    async fn journalled(&self, reason: &str) -> u64 {
        for _ in 0..50 {
            let count = self.desk.0.engine.read(|state| state.registry.refusals().get(reason).copied());
            if let Some(count) = count {
                return count;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        0
    }

    /// Everything ends and starts again on the same folder.
    async fn restarted(self) -> Place {
        self.stop.cancel();
        self.engine.stop().await;
        self.store.close().await;
        place_in(self.dir, self.clock, 1_000_000.0).await
    }
}

fn issued(reply: wire::EnrolReply) -> wire::Issued {
    match reply.outcome.unwrap() {
        wire::enrol_reply::Outcome::Issued(issued) => issued,
        wire::enrol_reply::Outcome::Pending(pending) => panic!("waits: {pending:?}"),
    }
}

fn chain(issued: &wire::Issued) -> Vec<CertificateDer<'static>> {
    issued.certificate.iter().map(|der| CertificateDer::from(der.to_vec())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_enrols_reports_and_renews() {
    let place = place().await;
    let (agent, held) = place.enrolled().await;
    let host = place.report(&held).await.unwrap();
    assert_eq!(place.desk.0.engine.read(|state| state.registry.agent(agent).unwrap().host), Some(host));
    let key = KeyPair::generate().unwrap();
    let renewed = place.renew(&held, &key).await.unwrap();
    assert_eq!(place.renew(&held, &key).await.unwrap().chain, renewed.chain, "a lost answer is given again");
    assert_eq!(place.report(&held).await, Ok(host), "the old one is good until the new one is used");
    assert_eq!(place.report(&renewed).await, Ok(host));
    let refused = place.report(&held).await.unwrap_err();
    assert!(refused.contains("replaced by a newer one"), "{refused}");
    assert_eq!(place.renew(&held, &KeyPair::generate().unwrap()).await.err().unwrap().code(), Code::PermissionDenied);
    let rows = place.desk.agents();
    assert_eq!((rows.len(), rows[0].connected), (1, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_at_once_with_a_token_for_one_give_one_identity() {
    let place = place().await;
    let token = place.token(TokenParameters::default()).await;
    let peer = {
        let address = SocketAddr::from(([192, 0, 2, 1], 1));
        Peer { address, local: address, connection: 1, identity: None, line: Arc::default() }
    };
    let tries = (0..1_000).map(|n: usize| {
        let (desk, token, peer) = (place.desk.clone(), token.clone(), peer.clone());
        tokio::spawn(async move {
            let spki_der = KeyPair::generate().unwrap().subject_public_key_info();
            let key = ProvenKey { hash: tenken_proto::ident::Digest::of(&spki_der), spki_der };
            let _ = n;
            desk.enrol(&peer, &token, key, Hints::default()).await
        })
    });
    let (mut got, mut refused) = (0, 0);
    for one in tries.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Ok(Enrolled::Issued { .. }) => got += 1,
            Err(RegistryError::Refused(Refusal::TokenUsedUp { uses: 1 })) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((got, refused), (1, 999));
    assert_eq!(place.desk.agents().len(), 1);
    for _ in 0..50 {
        if !place.desk.health().over_used_tokens.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no alarm about the over-used token");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_certificate_is_given_again_after_a_crash() {
    let place = place().await;
    let (token, key) = (place.token(TokenParameters::default()).await, KeyPair::generate().unwrap());
    let first = issued(place.enrol(&token, &key).await.unwrap());
    let place = place.restarted().await;
    let again = issued(place.enrol(&token, &key).await.unwrap());
    assert_eq!((again.certificate, again.agent_id), (first.certificate, first.agent_id));
    let other = place.enrol(&token, &KeyPair::generate().unwrap()).await.unwrap_err();
    assert_eq!(other.code(), Code::PermissionDenied);
    assert!(other.message().contains("spent"), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_agent_is_cut_and_never_gets_in_again() {
    use tokio::io::AsyncReadExt as _;
    let place = place().await;
    let (agent, held) = place.enrolled().await;
    let (_, other) = place.enrolled().await;
    place.report(&held).await.unwrap();
    let mut connection = place.held.lock().await.remove(0);
    connection.line().note_call();
    place.desk.revoke(Principal::Collector, &[agent], "山田".to_owned(), "stolen".to_owned()).await.unwrap().unwrap();
    let told = place.report(&held).await.unwrap_err();
    assert!(told.contains("CertificateRevoked"), "{told}");
    let mut byte = [0];
    let cut = tokio::time::timeout(Duration::from_secs(5), async {
        while !connection.line().is_cut() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        connection.read(&mut byte).await
    });
    assert!(cut.await.expect("cut within 5 s").is_err());
    assert!(place.report(&other).await.is_ok(), "nobody else is cut off");
    assert_eq!(place.journalled("tls_revoked").await, 1);
    let place = place.restarted().await;
    assert!(place.report(&held).await.unwrap_err().contains("CertificateRevoked"), "after a restart too");
    assert!(place.report(&other).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_may_renew_and_nothing_else() {
    let place = place().await;
    let (_, held) = place.enrolled().await;
    let host = place.report(&held).await.unwrap();
    place.clock.set(start() + DAY * 31);
    place.desk.refresh().unwrap();
    assert!(place.report(&held).await.unwrap_err().contains("CertificateExpired"));
    let renewed = place.renew(&held, &KeyPair::generate().unwrap()).await.unwrap();
    assert_eq!(place.report(&renewed).await, Ok(host));
    place.clock.set(start() + DAY * (31 + 30 + 181));
    place.desk.refresh().unwrap();
    let refused = place.renew(&renewed, &KeyPair::generate().unwrap()).await.err().unwrap();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("grace of 180 days"), "{refused}");
    assert_eq!(refused.metadata().get("tenken-reason").unwrap(), "grace_over");
    assert_eq!(place.journalled("grace_over").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_there_is_time_and_no_renewal() {
    let place = place().await;
    let mut client = place.client(None).await;
    let time = client.time(wire::TimeRequest {}).await.unwrap().into_inner();
    assert_eq!(time.unix_ms, start().as_millisecond());
    let wanted = wire::RenewRequest { csr_der: request(&KeyPair::generate().unwrap()).into() };
    assert_eq!(client.renew(wanted).await.unwrap_err().code(), Code::Unauthenticated);
    let long = wire::RenewRequest { csr_der: vec![0; 1 << 20].into() };
    assert_eq!(client.renew(long).await.unwrap_err().code(), Code::OutOfRange);
    let bad = wire::EnrolRequest {
        token: "tenken1-x".to_owned(),
        csr_der: request(&KeyPair::generate().unwrap()).into(),
        ..Default::default()
    };
    assert_eq!(client.enrol(bad).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_somebody_elses_name_gets_its_own_identity() {
    let place = place().await;
    let (victim, _) = place.enrolled().await;
    let (token, key) = (place.token(TokenParameters::default()).await, KeyPair::generate().unwrap());
    let mut params = CertificateParams::new(vec!["collector.example".to_owned()]).unwrap();
    let domain = place.desk.authority().trust_domain().clone();
    let stolen = domain.agent_uri(TenantId::DEFAULT, victim);
    params.subject_alt_names.push(rcgen::SanType::URI(stolen.try_into().unwrap()));
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let csr_der = params.serialize_request(&key).unwrap().der().to_vec().into();
    let wanted = wire::EnrolRequest { token, csr_der, ..wire::EnrolRequest::default() };
    let issued = issued(place.client(None).await.enrol(wanted).await.unwrap().into_inner());
    let leaf = CertificateDer::from(issued.certificate[0].to_vec());
    let identity = crate::ingest::peer::PeerIdentity::from_certificate(&leaf, &domain).unwrap();
    assert_ne!(identity.agent, victim);
    assert_eq!(identity.agent.to_string(), issued.agent_id);
    assert_eq!(issued.report_address, format!("127.0.0.1:{}", place.report.port()));
    assert_eq!(issued.trust_root.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_ask_so_often_and_no_more() {
    let dir = TempDir::new().unwrap();
    let clock = Clock::manual(start());
    Authority::init(dir.path(), &"tenken.example".parse().unwrap(), clock.now()).unwrap();
    RedbStore::create(dir.path()).unwrap();
    let place = place_in(dir, clock, 3.0).await;
    let mut client = place.client(None).await;
    for _ in 0..3 {
        client.time(wire::TimeRequest {}).await.unwrap();
    }
    let refused = client.time(wire::TimeRequest {}).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::ResourceExhausted, "too many requests: try again in 1 s"));
    place.clock.set(start() + SignedDuration::from_secs(1));
    client.time(wire::TimeRequest {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_agents_are_revoked_together_or_not_at_all() {
    let place = place().await;
    let ((one, _), (other, _)) = (place.enrolled().await, place.enrolled().await);
    let nobody = AgentId(Uuid::nil());
    let revoke = |agents: Vec<AgentId>| {
        let desk = place.desk.clone();
        async move { desk.revoke(Principal::Collector, &agents, "山田".to_owned(), "stolen".to_owned()).await.unwrap() }
    };
    let ended = |agent| {
        let state = |state: &crate::engine::State| state.registry.agent(agent).unwrap().standing.clone();
        matches!(place.desk.0.engine.read(state), Standing::Revoked { .. })
    };
    assert_eq!(revoke(vec![one, nobody, other]).await, Err(vec![Refusal::AgentUnknown(nobody)]));
    assert!(!ended(one) && !ended(other), "nothing was changed");
    assert_eq!(revoke(vec![one, other, one]).await, Ok(()));
    assert!(ended(one) && ended(other));
    let approve = place.desk.approve(Principal::Collector, &[nobody, one], None, "山田".to_owned()).await.unwrap();
    assert_eq!(approve.unwrap_err().len(), 2, "every refusal is told");
}
