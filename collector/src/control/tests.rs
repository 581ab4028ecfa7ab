//! The socket with a real engine behind it: who may call, what is answered, what is refused and how.

use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;

use jiff::tz::TimeZone;
use tempfile::TempDir;
use tenken_assess::PackSet;
use tenken_proto::ident::TenantId;

use super::client::{Client, ClientError};
use super::*;
use crate::accept::Limits;
use crate::api::v1::{self, ErrorCode};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{self, Engine, Running};
use crate::identity::ca::{Authority, TrustDomain};
use crate::identity::desk::{self, Desk};
use crate::store::redb::RedbStore;
use crate::store::space::SpaceWatch;

const NOW: &str = "2026-11-21T03:00:00Z";

struct Collector {
    dir: TempDir,
    data: PathBuf,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<()>,
    running: Running,
}

impl Collector {
    async fn start() -> Self {
        Self::start_in("data").await
    }

    async fn start_in(folder: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let data = dir.path().join(folder);
        std::fs::create_dir_all(&data).unwrap();
        let clock = Clock::manual(NOW.parse().unwrap());
        RedbStore::create(&data).unwrap();
        let store = RedbStore::open(&data, 8 * 1024 * 1024, SpaceWatch::of(data.clone(), Some(0))).unwrap();
        let config = Config::parse(Path::new("collector.toml"), "").unwrap();
        let setup = engine::Setup {
            tenant: TenantId::DEFAULT,
            store: Arc::new(store),
            clock: clock.clone(),
            packs: Arc::new(PackSet::built_in().unwrap()),
            time: config.time.clone(),
        };
        let (engine, running) = Engine::start(setup).await.unwrap();
        let domain: TrustDomain = "tenken".parse().unwrap();
        let authority = Authority::init(&data, &domain, clock.now()).unwrap();
        let settings = desk::Settings {
            tenant: TenantId::DEFAULT,
            names: vec!["localhost".to_owned()],
            grace: config.ca.renewal_grace,
            enrol_rate: (1.0, 1.0),
            limits: Limits::default(),
        };
        let desk = Desk::new(engine.clone(), authority, settings).unwrap();
        let api = Api::new(engine, desk, TimeZone::get("Asia/Tokyo").unwrap(), "localhost:7431".to_owned());
        let stop = CancellationToken::new();
        let served = tokio::spawn(Control::bind(&data).unwrap().serve(api, stop.clone()));
        Self { dir, data, stop, served, running }
    }

    fn client(&self) -> Client {
        Client::new(&self.data, "ja")
    }

    async fn stop(self) -> PathBuf {
        self.stop.cancel();
        self.served.await.unwrap();
        self.running.stop().await;
        drop(self.dir);
        self.data
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> v1::ErrorBody {
    match answer {
        Err(ClientError::Refused(body)) => *body,
        other => panic!("a refusal, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_read_over_an_owner_only_socket() {
    let collector = Collector::start().await;
    let mode = std::fs::metadata(collector.data.join(SOCKET)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let client = collector.client();
    let overview: v1::Overview = client.get("/api/v1/overview", &[]).await.unwrap();
    assert_eq!(overview.as_of.to_string(), NOW);
    let _: v1::Health = client.get("/api/v1/health", &[]).await.unwrap();
    let _: v1::Hosts = client.get("/api/v1/hosts", &[]).await.unwrap();
    let _: v1::Agents = client.get("/api/v1/agents", &[]).await.unwrap();
    let _: v1::Ledger = client.get("/api/v1/ledger", &[]).await.unwrap();
    let _: v1::Risks = client.get("/api/v1/risk", &[]).await.unwrap();
    let _: v1::Packs = client.get("/api/v1/packs", &[]).await.unwrap();
    let lists: Vec<v1::Checklist> = client.get("/api/v1/checklists", &[]).await.unwrap();
    for list in &lists {
        let answers: v1::Answers = client.get("/api/v1/answers", &[("checklist", &list.id)]).await.unwrap();
        assert_eq!(answers.items.len(), list.items.len());
    }
    let data = collector.stop().await;
    assert!(!data.join(SOCKET).exists(), "the socket goes with the collector");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_name_what_is_wrong_in_the_callers_language() {
    let collector = Collector::start().await;
    let client = collector.client();
    let nowhere = refused(client.get::<v1::Hosts>("/api/v1/nowhere", &[]).await);
    assert_eq!((nowhere.code, nowhere.message.contains("/api/v1/nowhere")), (ErrorCode::NotFound, true));
    assert!(nowhere.message.contains("ありません"), "{}", nowhere.message);
    let host = refused(client.get::<v1::Host>("/api/v1/hosts/nope", &[]).await);
    assert_eq!((host.code, host.message.contains("nope")), (ErrorCode::NotFound, true));
    let list = refused(client.get::<v1::Answers>("/api/v1/answers", &[("checklist", "nope")]).await);
    assert_eq!(list.code, ErrorCode::NotFound);
    let body = refused(client.post::<v1::Declared>("/api/v1/declarations", &serde_json::json!({"item": 5})).await);
    assert_eq!(body.code, ErrorCode::BadRequest);
    let said = |by: &str, evidence: &str| serde_json::json!({"checklist": "ipa-self-3", "item": "5", "answer": "partly", "by": by, "evidence": evidence});
    for (body, named) in [
        (said("a\u{1b}[31m", "x"), "by"),
        (said("Sato", "two\nlines"), "evidence"),
        (said("  ", "x"), "by"),
        (said("Sato", &"あ".repeat(501)), "evidence"),
    ] {
        let refusal = refused(client.post::<v1::Declared>("/api/v1/declarations", &body).await);
        assert_eq!((refusal.code, refusal.message.contains(named)), (ErrorCode::BadInput, true), "{}", refusal.message);
    }
    let subject = refused(client.get::<v1::Explanation>("/api/v1/explain", &[]).await);
    assert_eq!(subject.code, ErrorCode::BadRequest);
    let english = refused(Client::new(&collector.data, "en").get::<v1::Host>("/api/v1/hosts/nope", &[]).await);
    assert!(english.message.contains("there is no host"), "{}", english.message);
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_taken_whole_or_not_at_all() {
    let collector = Collector::start().await;
    let client = collector.client();
    let sample = include_bytes!("../../../deploy/sample-ledger.csv").to_vec();
    let imported: v1::Imported = client.file("/api/v1/ledger", "見本 & co", sample.clone()).await.unwrap();
    assert_eq!((imported.name.as_str(), imported.rows), ("見本 & co", 8));
    let before: v1::Ledger = client.get("/api/v1/ledger", &[]).await.unwrap();
    assert_eq!(before.imported_by.as_deref(), Some(format!("uid:{}", rustix::process::geteuid().as_raw()).as_str()));
    let broken = String::from_utf8(sample).unwrap().replacen(",2,1,0,2,", ",2,1,9,2,", 1);
    let refused = refused(client.file::<v1::Imported>("/api/v1/ledger", "broken", broken.into_bytes()).await);
    assert_eq!(refused.code, ErrorCode::BadInput);
    assert_eq!(refused.mistakes.first().map(|it| (it.line, it.column.as_str())), Some((Some(4), "可用性")));
    let after: v1::Ledger = client.get("/api/v1/ledger", &[]).await.unwrap();
    assert_eq!(after, before, "nothing half-written");
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expected_machines_are_counted() {
    let collector = Collector::start().await;
    let client = collector.client();
    let list = "機器名,種別\npc01,pc\nsv01,server\n".as_bytes().to_vec();
    let imported: v1::Imported = client.file("/api/v1/expected", "list", list).await.unwrap();
    assert_eq!(imported.rows, 2);
    let collected: v1::Overview = client.get("/api/v1/overview", &[]).await.unwrap();
    assert_eq!((collected.coverage.observed, collected.coverage.expected), (0, Some(2)));
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_made_and_their_limits_said() {
    let collector = Collector::start().await;
    let client = collector.client();
    let mut wanted = v1::CreateToken {
        uses: 20,
        ttl_s: 3600,
        networks: vec!["192.0.2.0/24".to_owned()],
        site: Some("本社".to_owned()),
        auto_approve: None,
    };
    let token: v1::Token = client.post("/api/v1/tokens", &wanted).await.unwrap();
    assert!(token.token.starts_with("tenken1-") && !token.auto_approve, "{token:?}");
    assert_eq!(token.expires_at.to_string(), "2026-11-21T04:00:00Z");
    assert_eq!(token.collector, "localhost:7431");
    wanted.uses = 0;
    assert_eq!(refused(client.post::<v1::Token>("/api/v1/tokens", &wanted).await).code, ErrorCode::BadInput);
    wanted.uses = 1;
    wanted.networks = vec!["everywhere".to_owned()];
    assert_eq!(refused(client.post::<v1::Token>("/api/v1/tokens", &wanted).await).code, ErrorCode::BadRequest);
    let agents = v1::Revoke { agents: vec![tenken_proto::ident::AgentId(uuid::Uuid::nil())], reason: None };
    let unknown = refused(client.post::<v1::AgentsChanged>("/api/v1/agents/revoke", &agents).await);
    assert_eq!(unknown.code, ErrorCode::NotFound, "as an unknown host");
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_large_is_refused() {
    let collector = Collector::start().await;
    let file = vec![b'a'; BODY_BYTES_MAX + 1];
    let answer = collector.client().file::<v1::Imported>("/api/v1/ledger", "large", file).await;
    assert_eq!(refused(answer).code, ErrorCode::TooLarge);
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deep_data_folder_is_no_hindrance() {
    let collector = Collector::start_in(&format!("{}/{}", "d".repeat(90), "e".repeat(90))).await;
    let hosts: v1::Hosts = collector.client().get("/api/v1/hosts", &[]).await.unwrap();
    assert!(hosts.hosts.is_empty());
    collector.stop().await;
}

#[tokio::test]
async fn nobody_there_is_told_from_no_permission() {
    let dir = TempDir::new().unwrap();
    let absent = Client::new(&dir.path().join("none"), "en").get::<v1::Hosts>("/api/v1/hosts", &[]).await;
    assert!(matches!(absent, Err(ClientError::NotRunning { .. })), "{absent:?}");
    let left_over = StdListener::bind(dir.path().join(SOCKET)).unwrap();
    drop(left_over);
    let stale = Client::new(dir.path(), "en").get::<v1::Hosts>("/api/v1/hosts", &[]).await;
    assert!(matches!(stale, Err(ClientError::NotRunning { .. })), "{stale:?}");
}

#[tokio::test]
async fn a_socket_left_over_is_replaced_and_a_file_is_not() {
    let dir = TempDir::new().unwrap();
    drop(StdListener::bind(dir.path().join(SOCKET)).unwrap());
    assert!(Control::bind(dir.path()).is_ok());
    let other = TempDir::new().unwrap();
    std::fs::write(other.path().join(SOCKET), "precious").unwrap();
    assert!(matches!(Control::bind(other.path()), Err(ControlError::InTheWay { .. })));
    assert_eq!(std::fs::read_to_string(other.path().join(SOCKET)).unwrap(), "precious");
}

#[tokio::test]
async fn only_the_owner_and_root_are_served() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let _client = UnixStream::connect(&path).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let own = rustix::process::geteuid().as_raw();
    assert_eq!(caller(&stream, own), Some(Caller { uid: own }));
    // Root may always; any other account only where it is the collector's own.
    assert_eq!(caller(&stream, own + 1).is_some(), own == 0);
}

#[test]
fn the_readme_lists_every_route_and_every_code() {
    let readme = include_str!("../../README.md");
    let routes = regex::Regex::new(r#"\.route\(\s*"([^"]+)""#).unwrap();
    let found: Vec<&str> =
        routes.captures_iter(include_str!("routes.rs")).map(|it| it.get(1).unwrap().as_str()).collect();
    assert!(found.len() >= 17, "{found:?}");
    for path in &found {
        assert!(readme.contains(&format!("`{path}`")), "collector/README.md lacks {path}");
    }
    let told = regex::Regex::new(r"`(/api/v1/[^`]+)`").unwrap();
    for path in told.captures_iter(readme) {
        assert!(found.contains(&&path[1]), "collector/README.md names {} and there is no such route", &path[1]);
    }
    for (code, word, exit) in [
        (ErrorCode::BadRequest, "bad_request", 2),
        (ErrorCode::NotFound, "not_found", 5),
        (ErrorCode::Refused, "refused", 4),
        (ErrorCode::BadInput, "bad_input", 5),
        (ErrorCode::TooLarge, "too_large", 5),
        (ErrorCode::Unavailable, "unavailable", 1),
        (ErrorCode::Internal, "internal", 1),
    ] {
        let status = routes::status(code).as_u16();
        assert_eq!(serde_json::to_value(code).unwrap(), word);
        assert_eq!(crate::cli::exit_of(code).code(), exit);
        assert!(readme.contains(&format!("| `{word}` | {status} | {exit} |")), "collector/README.md: {word}");
    }
}

#[test]
fn the_readme_at_the_top_has_the_exit_codes() {
    let readme = include_str!("../../../README.md");
    let table = readme.split("## Exit codes").nth(1).unwrap().split("##").next().unwrap();
    let codes: Vec<&str> = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()).collect();
    let ours: Vec<String> = crate::exit::Exit::ALL.iter().map(|exit| exit.code().to_string()).collect();
    assert_eq!(codes.into_iter().filter(|it| it.parse::<u8>().is_ok()).collect::<Vec<_>>(), ours);
}
